// y = clamp(gain * act(x + b)) and its derivatives, element by element; reference.py is the definition.
// Chunks that stay in the cache pass through short loops, each of which the compiler vectorises.
#include "numbers.h"

namespace {

constexpr int64_t CHUNK = 1024;

enum Act { LINEAR = 1, RELU, LRELU, TANH, SIGMOID, ELU, SELU, SOFTPLUS, SWISH };

struct BiasAct {  // as cpu.py packs it
  const void *x, *b, *xref, *yref, *dy;
  void* out;
  int64_t count;     // elements, in the order of memory
  int64_t step;      // elements between two channels in memory
  int64_t channels;  // of the bias
  int64_t dtype, act, grad, threads;
  double alpha, gain, clamp;
};

template <class A> struct Exp;

template <> struct Exp<float> {
  using Bits = int32_t;
  static constexpr int TERMS = 8, SHIFT = 23, BIAS = 127;
  static constexpr float LOW = -87.0f, HIGH = 88.0f, ROUND = 12582912.0f;
  static constexpr float LN2_HIGH = 0.693359375f, LN2_LOW = -2.12194440e-4f;
};

template <> struct Exp<double> {
  using Bits = int64_t;
  static constexpr int TERMS = 14, SHIFT = 52, BIAS = 1023;
  static constexpr double LOW = -708.0, HIGH = 708.0, ROUND = 6755399441055744.0;
  static constexpr double LN2_HIGH = 6.93147180369123816490e-01, LN2_LOW = 1.90821492927058770002e-10;
};

// exp(x) - 1 without a branch: x = n ln 2 + r, Taylor's polynomial for r, and 2^n made of its bits.
template <class A> inline A expm1(A x) {
  using E = Exp<A>;
  using Bits = typename E::Bits;
  x = x < E::LOW ? E::LOW : x;
  x = x > E::HIGH ? E::HIGH : x;
  const A rounded = x * A(1.4426950408889634) + E::ROUND;
  const A n = rounded - E::ROUND;
  const A r = (x - n * E::LN2_HIGH) - n * E::LN2_LOW;
  A sum = A(1) / A(E::TERMS);
#pragma GCC unroll 16
  for (int k = E::TERMS - 1; k >= 2; --k) sum = (A(1) + r * sum) * (A(1) / A(k));
  const A power = r + r * r * sum;
  const Bits exponent = bits_of<Bits>(rounded) - bits_of<Bits>(A(E::ROUND)) + E::BIAS;
  const A scale = bits_of<A>(Bits(exponent << E::SHIFT));
  return scale * power + (scale - A(1));
}

// log(1 + t) for t from 0 to 1: the series of the inverse hyperbolic tangent.
template <class A> inline A log1p(A t) {
  constexpr int TERMS = sizeof(A) == 4 ? 8 : 17;
  const A s = t / (A(2) + t), square = s * s;
  A sum = A(1) / A(2 * TERMS + 1);
#pragma GCC unroll 18
  for (int k = TERMS - 1; k >= 0; --k) sum = sum * square + A(1) / A(2 * k + 1);
  return A(2) * s * sum;
}

constexpr double SELU_ALPHA = 1.6732632423543772, SELU_SCALE = 1.0507009873554805;

// What is left to do of an activation once its exponential is known; all of it so that NaN stays NaN.
template <int ACT, int ORDER, class A> inline A smooth(A u, A e) {
  A value = A(0), first = A(0), second = A(0);
  if (ACT == TANH) {
    value = e / (e + A(2));
    first = A(1) - value * value;
    second = A(-2) * value * first;
  } else if (ACT == ELU || ACT == SELU) {
    const A above = ACT == SELU ? A(SELU_SCALE) : A(1), below = ACT == SELU ? A(SELU_SCALE * SELU_ALPHA) : A(1);
    value = u > A(0) ? above * u : below * e;
    second = u > A(0) ? A(0) : below * (e + A(1));
    first = u > A(0) ? above : second;
  } else {  // e is exp(-|u|) - 1
    const A sigmoid = (u < A(0) ? e + A(1) : A(1)) / (e + A(2)), bell = sigmoid * (A(1) - sigmoid);
    if (ACT == SIGMOID) {
      value = sigmoid;
      first = bell;
      second = bell * (A(1) - A(2) * sigmoid);
    } else if (ACT == SWISH) {
      value = u * sigmoid;
      first = sigmoid + u * bell;
      second = bell * (A(2) + u * (A(1) - A(2) * sigmoid));
    } else {  // the softplus, which is the identity above 20
      value = u > A(20) ? u : (u < A(0) ? A(0) : u) + log1p(e + A(1));
      first = u > A(20) ? A(1) : sigmoid;
      second = u > A(20) ? A(0) : bell;
    }
  }
  return ORDER == 0 ? value : ORDER == 1 ? first : second;
}

template <int ACT, int ORDER, class A> void finish(int64_t count, const A* u, const A* e, A* __restrict out) {
  for (int64_t i = 0; i < count; ++i) {
    const A v = u[i], w = e[i];
    out[i] = smooth<ACT, ORDER>(v, w);
  }
}

template <int ACT, class A> void finish(int64_t order, int64_t count, const A* u, const A* e, A* out) {
  if (order == 0) finish<ACT, 0>(count, u, e, out);
  else if (order == 1) finish<ACT, 1>(count, u, e, out);
  else finish<ACT, 2>(count, u, e, out);
}

// out: the activation's derivative of some order by u.
template <class A> void evaluate(int64_t act, int64_t order, A alpha, int64_t count, const A* u, A* __restrict out) {
  if (act <= LRELU) {
    const A below = act == LINEAR ? A(1) : act == RELU ? A(0) : alpha, least = act == RELU ? A(0) : -A(__builtin_inf());
    if (order == 0) {
      const A slope = act == RELU ? A(1) : below;
      for (int64_t i = 0; i < count; ++i) {
        const A v = u[i] < least ? least : u[i];
        out[i] = v > A(0) ? v : v * slope;
      }
    } else {
      const A high = order == 1 ? A(1) : A(0), low = order == 1 ? below : A(0);
      for (int64_t i = 0; i < count; ++i) {
        const A v = u[i];
        out[i] = v > A(0) ? high : low;
      }
    }
    return;
  }
  alignas(64) A e[CHUNK];
  const bool even = act == SIGMOID || act == SOFTPLUS || act == SWISH;
  const A above = even ? A(-1) : act == TANH ? A(2) : A(1), below = even ? A(1) : above;
  for (int64_t i = 0; i < count; ++i) {
    const A v = u[i];
    e[i] = expm1(v > A(0) ? v * above : v * below);
  }
  switch (act) {
    case TANH: return finish<TANH>(order, count, u, e, out);
    case SIGMOID: return finish<SIGMOID>(order, count, u, e, out);
    case ELU: return finish<ELU>(order, count, u, e, out);
    case SELU: return finish<SELU>(order, count, u, e, out);
    case SOFTPLUS: return finish<SOFTPLUS>(order, count, u, e, out);
    default: return finish<SWISH>(order, count, u, e, out);
  }
}

template <class A> struct Chunk {
  int64_t count;
  const A *u, *x, *dy;  // u: the activation's argument, or the result; x: what a derivative is multiplied by
  A* out;
};

template <class A> void run(const BiasAct& p, const Chunk<A>& chunk, A clamp) {
  const A *__restrict x = chunk.x, *__restrict dy = chunk.dy;
  A* __restrict out = chunk.out;
  const A gain = A(p.gain);
  evaluate(p.act, p.grad, A(p.alpha), chunk.count, chunk.u, out);
  if (p.grad == 0) {
    for (int64_t i = 0; i < chunk.count; ++i) {
      A y = gain * out[i];
      y = y > clamp ? clamp : y;
      out[i] = y < -clamp ? -clamp : y;
    }
    return;
  }
  for (int64_t i = 0; i < chunk.count; ++i) out[i] *= gain * x[i];
  if (dy) for (int64_t i = 0; i < chunk.count; ++i) out[i] *= dy[i];
  if (p.clamp < 0) return;
  alignas(64) A ys[CHUNK];
  const A* y = chunk.u;
  if (!p.yref) {
    evaluate(p.act, 0, A(p.alpha), chunk.count, chunk.u, ys);
    for (int64_t i = 0; i < chunk.count; ++i) ys[i] *= gain;
    y = ys;
  }
  for (int64_t i = 0; i < chunk.count; ++i) out[i] = (y[i] < A(0) ? -y[i] : y[i]) < clamp ? out[i] : A(0);
}

// The numbers from `first` on, wide; in place where they are wide already.
template <class T, class A = typename Number<T>::Wide>
const A* widened(const void* numbers, int64_t first, int64_t count, A* buffer) {
  const T* from = static_cast<const T*>(numbers) + first;
  if (sizeof(T) == sizeof(A)) return reinterpret_cast<const A*>(from);
  for (int64_t i = 0; i < count; ++i) buffer[i] = Number<T>::read(from[i]);
  return buffer;
}

// The same with the bias added: runs of one channel, or of channels that follow each other.
template <class T, class A = typename Number<T>::Wide>
const A* biased(const BiasAct& p, const void* numbers, int64_t first, int64_t count, A* buffer) {
  if (!p.b) return widened<T>(numbers, first, count, buffer);
  const T *from = static_cast<const T*>(numbers) + first, *biases = static_cast<const T*>(p.b);
  int64_t channel = first / p.step % p.channels, rest = p.step - first % p.step;
  for (int64_t done = 0; done < count;) {
    const T* __restrict source = from + done;
    A* __restrict to = buffer + done;
    if (p.step == 1) {
      const int64_t run = smaller(p.channels - channel, count - done);
      for (int64_t i = 0; i < run; ++i) to[i] = Number<T>::read(source[i]) + Number<T>::read(biases[channel + i]);
      channel = 0;
      done += run;
    } else {
      const int64_t run = smaller(rest, count - done);
      const A bias = Number<T>::read(biases[channel]);
      for (int64_t i = 0; i < run; ++i) to[i] = Number<T>::read(source[i]) + bias;
      channel = channel + 1 == p.channels ? 0 : channel + 1;
      rest = p.step;
      done += run;
    }
  }
  return buffer;
}

template <class T> void run(const BiasAct& p) {
  using A = typename Number<T>::Wide;
  const int64_t chunks = (p.count + CHUNK - 1) / CHUNK;
  A clamp = p.clamp < 0 ? A(__builtin_inf()) : A(p.clamp);
  if (p.grad && p.yref) clamp = Number<T>::read(Number<T>::write(clamp));  // as the result was stored
  in_parallel(chunks, p.threads, [&](int64_t number) {
    alignas(64) A us[CHUNK], xs[CHUNK], dys[CHUNK], outs[CHUNK];
    const int64_t first = number * CHUNK, count = smaller(CHUNK, p.count - first);
    T* out = static_cast<T*>(p.out) + first;
    Chunk<A> chunk = {count, nullptr, nullptr, nullptr, outs};
    if (sizeof(T) == sizeof(A)) chunk.out = reinterpret_cast<A*>(out);
    if (p.grad == 0) {
      chunk.u = biased<T>(p, p.x, first, count, us);
    } else {
      chunk.x = widened<T>(p.x, first, count, xs);
      if (p.xref) chunk.u = biased<T>(p, p.xref, first, count, us);
      else chunk.u = p.yref ? widened<T>(p.yref, first, count, us) : chunk.x;
      if (p.grad == 2 && p.dy) chunk.dy = widened<T>(p.dy, first, count, dys);
    }
    run(p, chunk, clamp);
    if (sizeof(T) == sizeof(A)) return;
    for (int64_t i = 0; i < count; ++i) out[i] = Number<T>::write(outs[i]);
  });
}

}  // namespace

EXPORTED zplus_bias_act(const BiasAct* p) {
  switch (p->dtype) {
    case FLOAT32: run<float>(*p); return 0;
    case FLOAT64: run<double>(*p); return 0;
    case FLOAT16: run<Half>(*p); return 0;
    case BFLOAT16: run<BFloat>(*p); return 0;
    default: return 1;
  }
}
