// The four number types and the types in which they are computed, and work in threads.
#pragma once
#include <stdint.h>
#include <stdlib.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#define EXPORTED extern "C" __attribute__((visibility("default"))) int

namespace {

struct Half { uint16_t bits; };
struct BFloat { uint16_t bits; };

enum DType { FLOAT32, FLOAT64, FLOAT16, BFLOAT16 };

inline int64_t size_of(int64_t dtype) { return dtype == FLOAT64 ? 8 : dtype == FLOAT32 ? 4 : 2; }

template <class To, class From> inline To bits_of(From from) {
  static_assert(sizeof(To) == sizeof(From), "sizes differ");
  To to;
  __builtin_memcpy(&to, &from, sizeof to);
  return to;
}

template <class T> struct Number {  // float and double are computed as they are
  using Wide = T;
  static inline T read(T value) { return value; }
  static inline T write(T value) { return value; }
};

template <> struct Number<BFloat> {
  using Wide = float;
  static inline float read(BFloat value) { return bits_of<float>(uint32_t(value.bits) << 16); }
  static inline BFloat write(float value) {
    const uint32_t bits = bits_of<uint32_t>(value);
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
    return {uint16_t(nan ? 0x7fc0u : rounded)};
  }
};

template <> struct Number<Half> {
  using Wide = float;
  static inline float read(Half value) {
    const uint32_t size = value.bits & 0x7fffu;
    // Exponent and mantissa in float's places. A subnormal number gets an exponent, less what that is worth: none of
    // float's own subnormals comes up, which the processor may take for zero (torch.set_flush_denormal, -ffast-math).
    const uint32_t placed = size << 13, special = placed | 0x7f800000u;
    const uint32_t small = bits_of<uint32_t>(bits_of<float>(placed + 0x38800000u) - 0x1p-14f);
    const uint32_t finite = size < 0x400u ? small : placed + 0x38000000u;
    return bits_of<float>((size >= 0x7c00u ? special : finite) | (uint32_t(value.bits & 0x8000u) << 16));
  }
  static inline Half write(float value) {
    const uint32_t bits = bits_of<uint32_t>(value), size = bits & 0x7fffffffu;
    const uint32_t normal = (size - 0x38000000u + 0xfffu + ((size >> 13) & 1u)) >> 13;
    // Below 2^-14 an addition rounds to multiples of 2^-24.
    const uint32_t small = bits_of<uint32_t>(bits_of<float>(size) + 0.5f) - 0x3f000000u;
    uint32_t result = size < 0x38800000u ? small : normal;
    result = size >= 0x477ff000u ? 0x7c00u : result;
    result = size > 0x7f800000u ? 0x7e00u : result;
    return {uint16_t(result | ((bits >> 16) & 0x8000u))};
  }
};

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

// Calls action with a number of the type that this is, among those that are computed in A.
template <class A, class Action> inline void typed(int64_t dtype, const Action& action) {
  if constexpr (sizeof(A) == sizeof(float)) {
    if (dtype == FLOAT16) return action(Half());
    if (dtype == BFLOAT16) return action(BFloat());
  }
  action(A());
}

// to[i] = from[first + i * step], computed with from here on.
template <class A>
void read_numbers(int64_t dtype, const void* from, int64_t first, int64_t step, int64_t count, A* __restrict to) {
  typed<A>(dtype, [=](auto type) {
    using T = decltype(type);
    const T* numbers = static_cast<const T*>(from) + first;
    if (step == 1) for (int64_t i = 0; i < count; ++i) to[i] = Number<T>::read(numbers[i]);
    else for (int64_t i = 0; i < count; ++i) to[i] = Number<T>::read(numbers[i * step]);
  });
}

// to[first + i] = from[i], rounded.
template <class A> void write_numbers(int64_t dtype, const A* __restrict from, int64_t count, void* to, int64_t first) {
  typed<A>(dtype, [=](auto type) {
    using T = decltype(type);
    T* __restrict numbers = static_cast<T*>(to) + first;
    for (int64_t i = 0; i < count; ++i) numbers[i] = Number<T>::write(from[i]);
  });
}

// Asks for large pages under memory that is to be written: a new tensor's first touch of each small one costs more than
// the operation itself. A kernel that has none, or keeps them for others, goes on as before.
inline void large_pages(void* memory, int64_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr uintptr_t PAGE = 2 << 20;
  const uintptr_t first = (uintptr_t(memory) + PAGE - 1) / PAGE * PAGE, last = (uintptr_t(memory) + uintptr_t(bytes)) / PAGE * PAGE;
  if (bytes >= int64_t(2 * PAGE)) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#endif
}

// Calls body(0) ... body(count - 1), which must not depend on each other, in so many threads at most.
template <class Body> inline void in_parallel(int64_t count, int64_t threads, const Body& body) {
  if (threads <= 1 || count <= 1) {
    for (int64_t item = 0; item < count; ++item) body(item);
    return;
  }
#pragma omp parallel for num_threads(int(threads)) schedule(static)
  for (int64_t item = 0; item < count; ++item) body(item);
}

}  // namespace
