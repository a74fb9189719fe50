// A filter that is the product of a column and a row, without resampling: the blur of StyleGAN's layers. Some rows at a
// time go through the column, and then through the row.
#pragma once
#include "filter.h"
#include "weigh.h"

namespace {

template <class A> struct Blur {
  static constexpr int64_t TOGETHER = 4096;  // numbers that leave room in the first cache

  const Resampling& p;
  const Filter<A>& filter;
  int64_t left, padded, block;  // zeros before a row, numbers of a row with its zeros, rows at a time
  bool wide;                    // whether numbers are computed as they lie in memory
  Room room;
  A *lines, *zeros, *samples, *results;
  const A **sources, **starts;

  // Rows that are shorter than a vector are for somebody else.
  static bool takes(const Resampling& p, const Filter<A>& filter) {
    const bool still = p.upx == 1 && p.upy == 1 && p.downx == 1 && p.downy == 1;
    const bool vectors = smaller(p.width, p.out_width) >= SHORTEST / int64_t(sizeof(A));
    return filter.product && still && vectors && !p.channels_last && p.stride_w == 1;
  }

  Blur(const Resampling& p_, const Filter<A>& filter_) : p(p_), filter(filter_), wide(p_.dtype <= FLOAT64) {
    left = in_whole_vectors<A>(larger(0, p.padx));
    padded = in_whole_vectors<A>(left + larger(p.width, p.out_width + filter.width - 1 - p.padx));
    block = larger(1, smaller(p.out_height, TOGETHER / padded));
    place();
    if (!room.get()) return;
    place();
    for (int64_t i = 0; i < block * padded; ++i) lines[i] = A(0);
    for (int64_t i = 0; i < p.width; ++i) zeros[i] = A(0);
    for (int64_t r = 0; r < block; ++r)
      for (int64_t k = 0; k < filter.width; ++k) starts[r * filter.width + k] = lines + r * padded + left - p.padx + k;
  }

  void place() {
    const int64_t rows = block + filter.height - 1;
    room.part(lines, block * padded);
    room.part(zeros, p.width);
    room.part(samples, wide ? 0 : rows * p.width);
    room.part(results, wide ? 0 : block * p.out_width);
    room.part(sources, rows);
    room.part(starts, block * filter.width);
  }

  int64_t planes() const { return p.batch * p.channels; }

  // Rows begin to end of one plane's result.
  void resample(int64_t plane, int64_t begin, int64_t end) const {
    const int64_t from = plane / p.channels * p.stride_n + plane % p.channels * p.stride_c;
    int64_t to = (plane * p.out_height + begin) * p.out_width;
    for (int64_t y = begin; y < end; y += block) {
      const int64_t rows = smaller(block, end - y), count = rows * p.out_width;
      for (int64_t k = 0; k < rows + filter.height - 1; ++k) {
        const int64_t sample = y - p.pady + k;
        const bool inside = sample >= 0 && sample < p.height;
        sources[k] = inside ? row_of(from + sample * p.stride_h, samples + k * p.width) : zeros;
      }
      A* out = wide ? static_cast<A*>(p.y) + to : results;
      weigh(rows, p.width, filter.height, filter.column, sources, 1, lines + left, padded);
      weigh(rows, p.out_width, filter.width, filter.row, starts, filter.width, out, p.out_width);
      if (!wide) write_numbers(p.dtype, results, count, p.y, to);
      to += count;
    }
  }

  const A* row_of(int64_t first, A* place) const {
    if (wide) return static_cast<const A*>(p.x) + first;
    read_numbers(p.dtype, p.x, first, 1, p.width, place);
    return place;
  }
};

}  // namespace
