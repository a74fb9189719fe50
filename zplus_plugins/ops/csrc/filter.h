// What upsampling, filtering and downsampling is told, its filter, and its room to work in.
#pragma once
#include "numbers.h"

namespace {

struct Resampling {  // as cpu.py packs it
  void* x;
  const float* f;
  void* y;
  int64_t batch, channels, height, width;
  int64_t stride_n, stride_c, stride_h, stride_w;  // of x, in elements
  int64_t out_height, out_width;
  int64_t filter_height, filter_width;
  int64_t upx, upy, downx, downy, padx, pady;  // the paddings before the first sample
  int64_t flip, channels_last, dtype, threads;
  double gain;
};

template <class A> A* buffer_of(int64_t count) { return static_cast<A*>(malloc(sizeof(A) * size_t(larger(count, 1)))); }

template <class A> struct Filter {
  int64_t height, width;
  A* weights;  // in the order of correlation, gain included; height * width of them
  A *column, *row;
  bool product = false;  // whether weights[i][j] == column[i] * row[j]

  explicit Filter(const Resampling& p) : height(p.filter_height), width(p.filter_width) {
    const int64_t count = height * width;
    weights = buffer_of<A>(count + height + width);
    if (!weights) return;
    column = weights + count;
    row = column + height;
    int64_t top = 0;  // the largest
    for (int64_t i = 0; i < count; ++i) {
      weights[i] = A(p.f[p.flip ? i : count - 1 - i] * float(p.gain));
      if (weights[i] * weights[i] > weights[top] * weights[top]) top = i;
    }
    const int64_t pivot_y = top / width, pivot_x = top % width;
    const double pivot = weights[top];
    product = true;
    for (int64_t i = 0; i < count; ++i) {  // exact in double, as these are float's numbers
      const double left = double(weights[i]) * pivot;
      const double right = double(weights[i / width * width + pivot_x]) * double(weights[pivot_y * width + i % width]);
      product = product && left == right;
    }
    const bool flat = height == 1;
    for (int64_t i = 0; i < height; ++i) column[i] = flat ? A(1) : weights[i * width + pivot_x];
    for (int64_t j = 0; j < width; ++j) {
      const A weight = weights[pivot_y * width + j];
      row[j] = flat || pivot == 0 ? weight : A(double(weight) / pivot);
    }
  }
  ~Filter() { free(weights); }
};

// Room for parts of different types in one piece of memory.
struct Room {
  char* memory = nullptr;
  int64_t used = 0;

  template <class N> void part(N*& place, int64_t count) {
    if (memory) place = reinterpret_cast<N*>(memory + used);
    used += (count * int64_t(sizeof(N)) + 63) / 64 * 64;
  }
  // Call it once all parts are counted, and place them again; false where there is no memory.
  bool get() {
    memory = static_cast<char*>(aligned_alloc(64, size_t(used)));
    used = 0;
    return memory;
  }
  ~Room() { free(memory); }
};

}  // namespace
