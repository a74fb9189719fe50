// Number types of tensors, and the types in which they are computed. No header is needed: nvcc without a whole
// toolkit and NVRTC have none.
#pragma once

struct Half { unsigned short bits; };
struct BFloat16 { unsigned short bits; };

template <class T> struct Number;

struct InFloat {
  using Wide = float;
  using Math = InFloat;
  static __device__ float exp(float v) { return expf(v); }
  static __device__ float expm1(float v) { return expm1f(v); }
  static __device__ float log1p(float v) { return log1pf(v); }
  static __device__ float tanh(float v) { return tanhf(v); }
};

template <> struct Number<float> : InFloat {
  static __device__ float read(float v) { return v; }
  static __device__ float write(float v) { return v; }
};

template <> struct Number<double> {
  using Wide = double;
  using Math = Number<double>;
  static __device__ double read(double v) { return v; }
  static __device__ double write(double v) { return v; }
  static __device__ double exp(double v) { return ::exp(v); }
  static __device__ double expm1(double v) { return ::expm1(v); }
  static __device__ double log1p(double v) { return ::log1p(v); }
  static __device__ double tanh(double v) { return ::tanh(v); }
};

template <> struct Number<Half> : InFloat {
  static __device__ float read(Half v) {
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(v.bits));
    return wide;
  }
  static __device__ Half write(float v) {
    Half narrow;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(narrow.bits) : "f"(v));
    return narrow;
  }
};

template <> struct Number<BFloat16> : InFloat {
  static __device__ float read(BFloat16 v) { return __uint_as_float(static_cast<unsigned int>(v.bits) << 16); }
  static __device__ BFloat16 write(float v) {
    BFloat16 narrow;
#if __CUDA_ARCH__ >= 800
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(narrow.bits) : "f"(v));
#else
    const unsigned int bits = __float_as_uint(v);
    const unsigned int to_even = 0x7fffu + ((bits >> 16) & 1u);
    narrow.bits = v == v ? static_cast<unsigned short>((bits + to_even) >> 16) : 0x7fffu;
#endif
    return narrow;
  }
};
