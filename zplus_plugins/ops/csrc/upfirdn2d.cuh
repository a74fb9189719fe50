// Upsample with zeros, pad or crop, filter, keep every n-th sample; reference.py is the definition.
//
// Along each axis, output o covers the upsampled positions o * down - pad + k, k < taps, and only those that are
// multiples of `up` hold a sample. So its taps are k0, k0 + up, ... with k0 = -(o * down - pad) mod up.
#pragma once
#include "numeric.cuh"

// n / divisor for n < 2^31, by multiplication.
struct Divisor {
  unsigned int value, factor, shift;
  __device__ unsigned int quotient(unsigned int n) const { return (__umulhi(n, factor) + n) >> shift; }
};

// Laid out as cuda.py packs it. Strides count elements; those within an image fit 31 bits.
struct Upfirdn2d {
  const void* x;
  const float* f;    // (fh, fw), contiguous
  void* y;
  long long x_image, y_image;
  float gain;        // the filter's factor, applied to it in float32 for every dtype
  int x_channel, x_row, x_column, y_channel, y_row, y_column;
  int images, height, width, out_h, out_w, fh, fw;
  int upx, upy, downx, downy, padx0, pady0, flip;
  int channels_last, unused;
  unsigned int threads;   // for one image
  Divisor inner, middle;  // contiguous: columns, strips of rows; channels last: channels, columns
};
static_assert(sizeof(Upfirdn2d) == 160, "cuda.py packs 160 bytes");

// What a thread computes: consecutive outputs of one column, `strip` counting them in packets. Neighbouring
// threads are neighbours in memory.
struct Place {
  int channel, strip, column;
  __device__ Place(const Upfirdn2d& p, unsigned int thread) {
    const unsigned int rest = p.inner.quotient(thread), outer = p.middle.quotient(rest);
    const int first = thread - rest * p.inner.value, second = rest - outer * p.middle.value;
    channel = p.channels_last ? first : outer;
    column = p.channels_last ? second : first;
    strip = p.channels_last ? outer : second;
  }
};

__device__ inline int tap(int k, int taps, int flip) { return flip ? k : taps - 1 - k; }
__device__ inline bool within(int i, int size) { return static_cast<unsigned int>(i) < static_cast<unsigned int>(size); }

// Any factors and any filter; one output a thread.
template <class T> __device__ void upfirdn2d_general(const Upfirdn2d& p) {
  using N = Number<T>;
  using A = typename N::Wide;
  const unsigned int thread = blockIdx.x * blockDim.x + threadIdx.x;
  if (thread >= p.threads) return;
  const Place at(p, thread);
  const int px = at.column * p.downx - p.padx0, py = at.strip * p.downy - p.pady0;
  const int kx0 = px > 0 ? (p.upx - px % p.upx) % p.upx : -px % p.upx;
  const int ky0 = py > 0 ? (p.upy - py % p.upy) % p.upy : -py % p.upy;
  const int ix0 = (px + kx0) / p.upx, iy0 = (py + ky0) / p.upy;
  for (int image = blockIdx.y; image < p.images; image += gridDim.y) {
    const T* x = static_cast<const T*>(p.x) + image * p.x_image + at.channel * p.x_channel;
    A sum = A(0);
    for (int ky = ky0, iy = iy0; ky < p.fh; ky += p.upy, ++iy) {
      if (!within(iy, p.height)) continue;
      const float* row = p.f + tap(ky, p.fh, p.flip) * p.fw;
      for (int kx = kx0, ix = ix0; kx < p.fw; kx += p.upx, ++ix) {
        if (!within(ix, p.width)) continue;
        sum += A(row[tap(kx, p.fw, p.flip)] * p.gain) * N::read(x[iy * p.x_row + ix * p.x_column]);
      }
    }
    T* y = static_cast<T*>(p.y) + image * p.y_image + at.channel * p.y_channel;
    y[at.strip * p.y_row + at.column * p.y_column] = N::write(sum);
  }
}

constexpr int ROWS = 4;  // outputs in a packet

// Factors 1 or 2 and a filter of a known size that `up` divides: the taps lie in registers, and each sample is read
// once for all outputs of a packet.
template <class T, int UPX, int UPY, int DOWNX, int DOWNY, int FW, int FH>
__device__ void upfirdn2d_strip(const Upfirdn2d& p) {
  static_assert(FW % UPX == 0 && FH % UPY == 0 && ROWS % 2 == 0, "taps split evenly");
  using N = Number<T>;
  using A = typename N::Wide;
  constexpr int TX = FW / UPX, TY = FH / UPY;
  constexpr int READS = UPY == 1 ? (ROWS - 1) * DOWNY + TY : ROWS / 2 + TY;
  const unsigned int thread = blockIdx.x * blockDim.x + threadIdx.x;
  if (thread >= p.threads) return;
  const Place at(p, thread);

  const int px = at.column * DOWNX - p.padx0;
  const int kx0 = UPX == 1 ? 0 : px & 1;
  const int ix0 = (px + kx0) / UPX;
  // Packets begin where the position is even, so that which taps meet a row is known when this is compiled.
  const int oy0 = at.strip * ROWS - (UPY == 1 ? 0 : p.pady0 & 1);
  const int iy0 = (oy0 * DOWNY - p.pady0) / UPY;

  A taps[UPY][TY][TX];
#pragma unroll
  for (int phase = 0; phase < UPY; ++phase)
#pragma unroll
    for (int j = 0; j < TY; ++j)
#pragma unroll
      for (int i = 0; i < TX; ++i)
        taps[phase][j][i] = p.gain * p.f[tap(phase + UPY * j, FH, p.flip) * FW + tap(kx0 + UPX * i, FW, p.flip)];

  for (int image = blockIdx.y; image < p.images; image += gridDim.y) {
    const T* x = static_cast<const T*>(p.x) + image * p.x_image + at.channel * p.x_channel;
    A sums[ROWS] = {};
#pragma unroll
    for (int read = 0; read < READS; ++read) {
      const int iy = iy0 + read;
      A samples[TX];
#pragma unroll
      for (int i = 0; i < TX; ++i) {
        const bool there = within(iy, p.height) && within(ix0 + i, p.width);
        samples[i] = there ? N::read(x[iy * p.x_row + (ix0 + i) * p.x_column]) : A(0);
      }
#pragma unroll
      for (int row = 0; row < ROWS; ++row) {
        const int phase = UPY == 1 ? 0 : row & 1;
        const int j = read - (UPY == 1 ? row * DOWNY : (row + 1) / 2);
        if (j < 0 || j >= TY) continue;
#pragma unroll
        for (int i = 0; i < TX; ++i) sums[row] += taps[phase][j][i] * samples[i];
      }
    }
    T* y = static_cast<T*>(p.y) + image * p.y_image + at.channel * p.y_channel;
#pragma unroll
    for (int row = 0; row < ROWS; ++row)
      if (within(oy0 + row, p.out_h)) y[(oy0 + row) * p.y_row + at.column * p.y_column] = N::write(sums[row]);
  }
}
