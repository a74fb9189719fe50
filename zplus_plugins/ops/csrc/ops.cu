// The kernels by name. cuda.py chooses among them, and launches them.
#include "bias_act.cuh"
#include "upfirdn2d.cuh"

#define BIAS_ACT(T, dtype, grad) \
  extern "C" __global__ void __launch_bounds__(256) bias_act_##dtype##_##grad(const BiasAct p) { bias_act<T, grad>(p); }

#define STRIP(T, dtype, name, upx, upy, downx, downy, fw, fh) \
  extern "C" __global__ void __launch_bounds__(128) upfirdn2d_##dtype##_##name(const Upfirdn2d p) { \
    upfirdn2d_strip<T, upx, upy, downx, downy, fw, fh>(p); \
  }

#define EVERY(T, dtype) \
  BIAS_ACT(T, dtype, 0) \
  BIAS_ACT(T, dtype, 1) \
  BIAS_ACT(T, dtype, 2) \
  extern "C" __global__ void __launch_bounds__(128) upfirdn2d_##dtype##_general(const Upfirdn2d p) { \
    upfirdn2d_general<T>(p); \
  }

// By up, down and the filter's size, each as x and y.
#define FAST(T, dtype) \
  STRIP(T, dtype, 11_11_44, 1, 1, 1, 1, 4, 4) \
  STRIP(T, dtype, 22_11_44, 2, 2, 1, 1, 4, 4) \
  STRIP(T, dtype, 11_22_44, 1, 1, 2, 2, 4, 4) \
  STRIP(T, dtype, 11_11_c1, 1, 1, 1, 1, 12, 1) \
  STRIP(T, dtype, 21_11_c1, 2, 1, 1, 1, 12, 1) \
  STRIP(T, dtype, 11_21_c1, 1, 1, 2, 1, 12, 1) \
  STRIP(T, dtype, 11_11_1c, 1, 1, 1, 1, 1, 12) \
  STRIP(T, dtype, 12_11_1c, 1, 2, 1, 1, 1, 12) \
  STRIP(T, dtype, 11_12_1c, 1, 1, 1, 2, 1, 12)

EVERY(float, float32)
EVERY(double, float64)
EVERY(Half, float16)
EVERY(BFloat16, bfloat16)
FAST(float, float32)
FAST(Half, float16)
FAST(BFloat16, bfloat16)
