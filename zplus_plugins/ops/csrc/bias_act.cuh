// y = clamp(gain * act(x + b)) and its derivatives, element by element; reference.py is the definition.
#pragma once
#include "numeric.cuh"

// Laid out as cuda.py packs it.
struct BiasAct {
  const void* x;     // input; for a derivative the incoming gradient
  const void* b;     // may be null, as the next three
  const void* xref;  // for a derivative: input of the forward call,
  const void* yref;  // or its result, whose sign tells the slope
  const void* dy;    // second derivative: gradient by y
  void* out;
  long long count;   // elements
  long long step;    // elements between two channels in memory
  double alpha, gain, clamp;
  int channels, act;
  int aligned;       // whether all pointers are multiples of 16 bytes
  int unused;
};
static_assert(sizeof(BiasAct) == 104, "cuda.py packs 104 bytes");

enum Act { LINEAR = 1, RELU, LRELU, TANH, SIGMOID, ELU, SELU, SOFTPLUS, SWISH };

constexpr double SELU_ALPHA = 1.6732632423543772;
constexpr double SELU_SCALE = 1.0507009873554805;

template <class N, class A = typename N::Wide> __device__ A sigmoid(A u) { return A(1) / (A(1) + N::exp(-u)); }

// The activations that are more than a comparison: out of line, or each would be compiled once for every element that
// a thread holds. Comparisons are written so that NaN stays NaN.
template <class N, class A = typename N::Wide> __noinline__ __device__ A curved_value(int act, A u) {
  switch (act) {
    case TANH: return N::tanh(u);
    case SIGMOID: return sigmoid<N>(u);
    case ELU: return u > A(0) ? u : N::expm1(u);
    case SELU: return A(SELU_SCALE) * (u > A(0) ? u : A(SELU_ALPHA) * N::expm1(u));
    case SOFTPLUS: return u > A(20) ? u : N::log1p(N::exp(u));
    default: return u * sigmoid<N>(u);
  }
}

template <class N, class A = typename N::Wide> __noinline__ __device__ A curved_first(int act, A u) {
  switch (act) {
    case TANH: { const A v = N::tanh(u); return A(1) - v * v; }
    case SIGMOID: { const A s = sigmoid<N>(u); return s * (A(1) - s); }
    case ELU: return u > A(0) ? A(1) : N::exp(u);
    case SELU: return u > A(0) ? A(SELU_SCALE) : A(SELU_SCALE * SELU_ALPHA) * N::exp(u);
    case SOFTPLUS: return u > A(20) ? A(1) : sigmoid<N>(u);
    default: { const A s = sigmoid<N>(u); return s + u * s * (A(1) - s); }
  }
}

template <class N, class A = typename N::Wide> __noinline__ __device__ A curved_second(int act, A u) {
  switch (act) {
    case TANH: { const A v = N::tanh(u); return A(-2) * v * (A(1) - v * v); }
    case SIGMOID: { const A s = sigmoid<N>(u); return s * (A(1) - s) * (A(1) - A(2) * s); }
    case ELU: return u >= A(0) ? A(0) : N::exp(u);
    case SELU: return u >= A(0) ? A(0) : A(SELU_SCALE * SELU_ALPHA) * N::exp(u);
    case SOFTPLUS: { const A s = sigmoid<N>(u); return u >= A(20) ? A(0) : s * (A(1) - s); }
    default: { const A s = sigmoid<N>(u); return s * (A(1) - s) * (A(2) + u * (A(1) - A(2) * s)); }
  }
}

template <class N, class A = typename N::Wide> __device__ A value(int act, A u, A alpha) {
  switch (act) {
    case LINEAR: return u;
    case RELU: return u < A(0) ? A(0) : u;
    case LRELU: return u > A(0) ? u : u * alpha;
    default: return curved_value<typename N::Math>(act, u);
  }
}

template <class N, class A = typename N::Wide> __device__ A first_derivative(int act, A u, A alpha) {
  switch (act) {
    case LINEAR: return A(1);
    case RELU: return u <= A(0) ? A(0) : A(1);
    case LRELU: return u > A(0) ? A(1) : alpha;
    default: return curved_first<typename N::Math>(act, u);
  }
}

template <class N, class A = typename N::Wide> __device__ A second_derivative(int act, A u) {
  return act <= LRELU ? A(0) : curved_second<typename N::Math>(act, u);
}

struct alignas(16) Sixteen { unsigned int words[4]; };

template <class T> union Vector {
  static constexpr int LENGTH = 16 / sizeof(T);
  Sixteen whole;
  T at[LENGTH];
  __device__ Vector() {}
};

template <class T>
__device__ void read(const void* from, long long first, int length, bool whole, typename Number<T>::Wide* to) {
  const T* source = static_cast<const T*>(from) + first;
  Vector<T> vector;
  if (whole) {
    vector.whole = *reinterpret_cast<const Sixteen*>(source);
  } else {
#pragma unroll
    for (int i = 0; i < Vector<T>::LENGTH; ++i) if (i < length) vector.at[i] = source[i];
  }
#pragma unroll
  for (int i = 0; i < Vector<T>::LENGTH; ++i) if (i < length) to[i] = Number<T>::read(vector.at[i]);
}

// The biases of consecutive elements: channels follow each other every `step` elements, and start again.
template <class T>
__device__ void read_biases(const BiasAct& p, long long first, int length, typename Number<T>::Wide* to) {
  long long quotient;
  long long rest;
  if (first <= 0xffffffffll && p.step <= 0xffffffffll) {  // narrow divisions are several times faster
    quotient = static_cast<unsigned int>(first) / static_cast<unsigned int>(p.step);
    rest = first - quotient * p.step;
  } else {
    quotient = first / p.step;
    rest = first - quotient * p.step;
  }
  int channel = quotient <= 0xffffffffll ? static_cast<unsigned int>(quotient) % static_cast<unsigned int>(p.channels)
                                         : static_cast<int>(quotient % p.channels);
  const T* biases = static_cast<const T*>(p.b);
  typename Number<T>::Wide bias = Number<T>::read(biases[channel]);
#pragma unroll
  for (int i = 0; i < Vector<T>::LENGTH; ++i) {
    if (i >= length) break;
    to[i] = bias;
    if (++rest == p.step && i + 1 < length) {
      rest = 0;
      channel = channel + 1 == p.channels ? 0 : channel + 1;
      bias = Number<T>::read(biases[channel]);
    }
  }
}

template <class T, int GRAD> __device__ void bias_act(const BiasAct& p) {
  using N = Number<T>;
  using A = typename N::Wide;
  constexpr int LENGTH = Vector<T>::LENGTH;
  const long long first = (static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x) * LENGTH;
  if (first >= p.count) return;
  const int length = p.count - first < LENGTH ? static_cast<int>(p.count - first) : LENGTH;
  const bool whole = p.aligned && length == LENGTH;
  const A alpha = A(p.alpha), gain = A(p.gain), clamp = A(p.clamp);
  const bool has_ref = GRAD > 0 && (p.xref || p.yref);
  // What was stored of a result at its bound is the bound, rounded.
  const A bound = GRAD > 0 && !p.xref ? N::read(N::write(clamp)) : clamp;

  A x[LENGTH] = {}, bias[LENGTH] = {}, ref[LENGTH] = {}, dy[LENGTH] = {};
  read<T>(p.x, first, length, whole, x);
  if (p.b && (GRAD == 0 || p.xref)) read_biases<T>(p, first, length, bias);
  if (has_ref) read<T>(p.xref ? p.xref : p.yref, first, length, whole, ref);
  if (GRAD == 2 && p.dy) read<T>(p.dy, first, length, whole, dy);

  Vector<T> result;
#pragma unroll
  for (int i = 0; i < LENGTH; ++i) {
    A out;
    if (GRAD == 0) {
      out = value<N>(p.act, x[i] + bias[i], alpha) * gain;
      if (clamp >= A(0)) out = out < -bound ? -bound : (out > bound ? bound : out);
    } else {
      const A u = has_ref ? ref[i] + bias[i] : x[i];
      out = x[i] * gain * (GRAD == 1 ? first_derivative<N>(p.act, u, alpha) : second_derivative<N>(p.act, u));
      if (GRAD == 2 && p.dy) out *= dy[i];
      if (clamp >= A(0)) {
        const A y = p.xref ? value<N>(p.act, u, alpha) * gain : u;
        out = (y < A(0) ? -y : y) < bound ? out : A(0);
      }
    }
    result.at[i] = N::write(out);
  }
  T* out = static_cast<T*>(p.out) + first;
  if (whole) {
    *reinterpret_cast<Sixteen*>(out) = result.whole;
  } else {
#pragma unroll
    for (int i = 0; i < LENGTH; ++i) if (i < length) out[i] = result.at[i];
  }
}
