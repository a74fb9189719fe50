// Weighted sums of rows of numbers, in vectors of a known width.
#pragma once
#include "numbers.h"

namespace {

constexpr int64_t SHORTEST = 16;  // bytes of the smallest vector

// So many numbers, or a few more, which make whole vectors.
template <class A> int64_t in_whole_vectors(int64_t count) {
  constexpr int64_t lanes = SHORTEST / int64_t(sizeof(A));
  return (count + lanes - 1) / lanes * lanes;
}

template <int BYTES, class A>
__attribute__((noinline)) void weigh_by(
    int64_t rows, int64_t count, int64_t taps, const A* weights, const A* const* in, int64_t next, A* out, int64_t pitch) {
  typedef A Vector __attribute__((vector_size(BYTES), aligned(alignof(A)), may_alias));
  constexpr int64_t LANES = BYTES / int64_t(sizeof(A));
  const auto load = [](const A* from) { return *reinterpret_cast<const Vector*>(from); };
  const auto in_vectors = [count](const auto& action) {  // the last overlaps the one before
    for (int64_t i = 0; i < count - LANES; i += LANES) action(i);
    action(count - LANES);
  };
  if (taps == 4) {
    const Vector u = weights[0] + Vector(), v = weights[1] + Vector(), w = weights[2] + Vector(), z = weights[3] + Vector();
    for (int64_t r = 0; r < rows; ++r, in += next, out += pitch) {
      const A *a = in[0], *b = in[1], *c = in[2], *d = in[3];
      in_vectors([=](int64_t i) {
        *reinterpret_cast<Vector*>(out + i) = u * load(a + i) + v * load(b + i) + (w * load(c + i) + z * load(d + i));
      });
    }
    return;
  }
  for (int64_t r = 0; r < rows; ++r, in += next, out += pitch) {
    in_vectors([=](int64_t i) {
      Vector sum = {};
      for (int64_t k = 0; k < taps; ++k) sum += weights[k] * load(in[k] + i);
      *reinterpret_cast<Vector*>(out + i) = sum;
    });
  }
}

// out[r * pitch + i] = sum of weights[k] * in[r * next + k][i]: of so many rows, numbers (a vector at least) and taps.
template <class A>
void weigh(
    int64_t rows, int64_t count, int64_t taps, const A* weights, const A* const* in, int64_t next, A* out, int64_t pitch) {
  const bool wide = count >= 2 * SHORTEST / int64_t(sizeof(A));
  (wide ? weigh_by<2 * SHORTEST, A> : weigh_by<SHORTEST, A>)(rows, count, taps, weights, in, next, out, pitch);
}

}  // namespace
