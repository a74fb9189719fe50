// y = clamp(gain * act(x + b)) and its derivatives, element by element; reference.py is the definition.
// Chunks that stay in the cache pass through short loops, each of which the compiler vectorises.
#include <math.h>

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

// exp(x) - 1. In float without a branch: x = n ln 2 + r, Taylor's polynomial for r, and 2^n made of its bits.
inline float exp_less_one(float x) {
  constexpr float LOW = -87.0f, HIGH = 88.0f, ROUND = 12582912.0f, LN2_HIGH = 0.693359375f, LN2_LOW = -2.12194440e-4f;
  x = x < LOW ? LOW : x;
  x = x > HIGH ? HIGH : x;
  const float rounded = x * 1.4426950408889634f + ROUND, n = rounded - ROUND;
  const float r = (x - n * LN2_HIGH) - n * LN2_LOW;
  float sum = 1.0f / 7 + r * (1.0f / 56);
  sum = (1.0f + r * sum) * (1.0f / 6);
  sum = (1.0f + r * sum) * (1.0f / 5);
  sum = (1.0f + r * sum) * (1.0f / 4);
  sum = (1.0f + r * sum) * (1.0f / 3);
  sum = (1.0f + r * sum) * (1.0f / 2);
  const float power = r + r * r * sum;
  const int32_t exponent = bits_of<int32_t>(rounded) - bits_of<int32_t>(ROUND) + 127;
  const float scale = bits_of<float>(int32_t(exponent << 23));
  return scale * power + (scale - 1.0f);
}
inline double exp_less_one(double x) { return expm1(x > 700.0 ? 700.0 : x); }  // so that it stays finite

// log(1 + t) for t from 0 to 1. In float the series of the inverse hyperbolic tangent.
inline float log_one_more(float t) {
  const float s = t / (2.0f + t), square = s * s;
  float sum = 1.0f / 15 + square * (1.0f / 17);
  sum = 1.0f / 13 + square * sum;
  sum = 1.0f / 11 + square * sum;
  sum = 1.0f / 9 + square * sum;
  sum = 1.0f / 7 + square * sum;
  sum = 1.0f / 5 + square * sum;
  sum = 1.0f / 3 + square * sum;
  return 2.0f * s * (1.0f + square * sum);
}
inline double log_one_more(double t) { return log1p(t); }

constexpr double SELU_ALPHA = 1.6732632423543772, SELU_SCALE = 1.0507009873554805;

// What is left to do of an activation, or its derivative, once its exponential is known; so that NaN stays NaN.
template <int ACT, class A> inline A smooth(int64_t order, A u, A e) {
  A value = A(0), first = A(0), second = A(0);
  if (ACT == TANH) {
    value = e / (e + A(2));
    first = A(1) - value * value;
    second = A(-2) * value * first;
  } else if (ACT == ELU || ACT == SELU) {
    const A above = ACT == SELU ? A(SELU_SCALE) : A(1), below = ACT == SELU ? A(SELU_SCALE * SELU_ALPHA) : A(1);
    value = u > A(0) ? above * u : below * e;
    first = u > A(0) ? above : below * (e + A(1));
    second = u >= A(0) ? A(0) : first;
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
      value = u > A(20) ? u : (u < A(0) ? A(0) : u) + log_one_more(e + A(1));
      first = u > A(20) ? A(1) : sigmoid;
      second = u >= A(20) ? A(0) : bell;
    }
  }
  return order == 0 ? value : order == 1 ? first : second;
}

template <int ACT, class A> void finish(int64_t order, int64_t count, const A* u, const A* e, A* __restrict out) {
  for (int64_t i = 0; i < count; ++i) out[i] = smooth<ACT>(order, u[i], e[i]);
}

// The activations that are two straight lines, with gain and clamp.
template <class A> struct Lines {
  A least, below, slope, gain, clamp;  // below and slope: factor and derivative of a negative argument
  A lost;                              // derivative at NaN, as torch has it

  Lines(const BiasAct& p, A clamp_) : gain(A(p.gain)), clamp(clamp_) {
    slope = p.act == LINEAR ? A(1) : p.act == RELU ? A(0) : A(p.alpha);
    least = p.act == RELU ? A(0) : -A(__builtin_inf());
    below = p.act == RELU ? A(1) : slope;
    lost = p.act == RELU ? A(1) : slope;
  }
  A derivative(A u) const { return u > A(0) ? A(1) : u <= A(0) ? slope : lost; }
  void values(int64_t count, const A* x, A bias, A* __restrict out) const {
    const Lines l = *this;
    for (int64_t i = 0; i < count; ++i) {
      A u = x[i] + bias;
      u = u < l.least ? l.least : u;
      A y = l.gain * (u > A(0) ? u : u * l.below);
      y = y > l.clamp ? l.clamp : y;
      out[i] = y < -l.clamp ? -l.clamp : y;
    }
  }
  template <bool CLAMPED> void derivatives(int64_t count, const A* y, const A* dy, A* __restrict out) const {
    const Lines l = *this;
    for (int64_t i = 0; i < count; ++i) {
      const A dx = l.derivative(y[i]) * (l.gain * dy[i]);
      out[i] = !CLAMPED || (y[i] < A(0) ? -y[i] : y[i]) < l.clamp ? dx : A(0);
    }
  }
};

// out: the activation's derivative of some order by u; of the straight ones by Lines.
template <class A> void evaluate(const BiasAct& p, int64_t order, int64_t count, const A* u, A* __restrict out) {
  if (p.act <= LRELU) {
    const Lines<A> lines(p, A(0));
    for (int64_t i = 0; i < count; ++i) out[i] = order == 1 ? lines.derivative(u[i]) : A(0);
    return;
  }
  alignas(64) A e[CHUNK];
  const bool even = p.act == SIGMOID || p.act == SOFTPLUS || p.act == SWISH;
  const A above = even ? A(-1) : p.act == TANH ? A(2) : A(1), below = even ? A(1) : above;
  for (int64_t i = 0; i < count; ++i) e[i] = exp_less_one(u[i] * (u[i] > A(0) ? above : below));
  switch (p.act) {
    case TANH: return finish<TANH>(order, count, u, e, out);
    case SIGMOID: return finish<SIGMOID>(order, count, u, e, out);
    case ELU: return finish<ELU>(order, count, u, e, out);
    case SELU: return finish<SELU>(order, count, u, e, out);
    case SOFTPLUS: return finish<SOFTPLUS>(order, count, u, e, out);
    default: return finish<SWISH>(order, count, u, e, out);
  }
}

// The numbers from `first` on, wide; in place where they are wide already.
template <class A> const A* widened(const BiasAct& p, const void* numbers, int64_t first, int64_t count, A* buffer) {
  if (p.dtype <= FLOAT64) return static_cast<const A*>(numbers) + first;
  read_numbers(p.dtype, numbers, first, 1, count, buffer);
  return buffer;
}

// Calls action(begin, count, channel) for runs of numbers from `first` on that have one bias; or, where channels lie
// side by side, for runs that begin with this channel's and go on with the next one's.
template <class Action> void by_channel(const BiasAct& p, int64_t first, int64_t count, const Action& action) {
  int64_t channel = first / p.step % p.channels, rest = p.step - first % p.step;
  for (int64_t done = 0, run; done < count; done += run) {
    run = smaller(p.step == 1 ? p.channels - channel : rest, count - done);
    action(done, run, channel);
    channel = p.step == 1 || channel + 1 == p.channels ? 0 : channel + 1;
    rest = p.step;
  }
}

// The same numbers with the bias added.
template <class A> const A* biased(const BiasAct& p, const A* b, int64_t first, int64_t count, const A* from, A* to) {
  if (!b) return from;
  by_channel(p, first, count, [&](int64_t begin, int64_t run, int64_t channel) {
    const A *x = from + begin, *biases = b + channel;
    A* __restrict out = to + begin;
    if (p.step == 1) for (int64_t i = 0; i < run; ++i) out[i] = x[i] + biases[i];
    else for (int64_t i = 0; i < run; ++i) out[i] = x[i] + *biases;
  });
  return to;
}

template <class A> struct Worker {
  const BiasAct& p;
  const A* b;  // wide
  A clamp;

  // So many results from `first` on.
  void work(int64_t first, int64_t count) const {
    alignas(64) A xs[CHUNK], refs[CHUNK], us[CHUNK], ys[CHUNK], dys[CHUNK], outs[CHUNK];
    A* out = p.dtype <= FLOAT64 ? static_cast<A*>(p.out) + first : outs;
    const A* x = widened(p, p.x, first, count, xs);
    const Lines<A> lines(p, clamp);
    if (p.grad == 0 && p.act <= LRELU) {
      if (b && p.step > 1) {
        by_channel(p, first, count, [&](int64_t begin, int64_t run, int64_t channel) {
          lines.values(run, x + begin, b[channel], out + begin);
        });
      } else {
        lines.values(count, biased(p, b, first, count, x, us), -A(0), out);  // which changes no number
      }
    } else if (p.grad == 0) {
      evaluate(p, 0, count, biased(p, b, first, count, x, us), out);
      limit(count, out);
    } else if (p.grad == 1 && p.act <= LRELU && !p.xref) {
      const A* y = p.yref ? widened(p, p.yref, first, count, ys) : x;
      if (p.clamp < 0) lines.template derivatives<false>(count, y, x, out);
      else lines.template derivatives<true>(count, y, x, out);
    } else {
      const A* ref = p.xref ? widened(p, p.xref, first, count, refs) : x;
      const A* u = biased(p, b, first, count, ref, us);
      evaluate(p, p.grad, count, u, out);
      for (int64_t i = 0; i < count; ++i) out[i] *= A(p.gain) * x[i];
      if (p.dy) {
        const A* dy = widened(p, p.dy, first, count, dys);
        for (int64_t i = 0; i < count; ++i) out[i] *= dy[i];
      }
      if (p.clamp >= 0) keep_below(lines, count, u, ys, out);
    }
    if (p.dtype > FLOAT64) write_numbers(p.dtype, outs, count, p.out, first);
  }

  void limit(int64_t count, A* out) const {
    for (int64_t i = 0; i < count; ++i) {
      A y = A(p.gain) * out[i];
      y = y > clamp ? clamp : y;
      out[i] = y < -clamp ? -clamp : y;
    }
  }

  // Zero where the result, computed in ys, has reached the clamp.
  void keep_below(const Lines<A>& lines, int64_t count, const A* u, A* ys, A* out) const {
    if (p.act <= LRELU) {
      lines.values(count, u, -A(0), ys);
    } else {
      evaluate(p, 0, count, u, ys);
      limit(count, ys);
    }
    for (int64_t i = 0; i < count; ++i) out[i] = (ys[i] < A(0) ? -ys[i] : ys[i]) < clamp ? out[i] : A(0);
  }
};

template <class A> int run(const BiasAct& p) {
  A clamp = p.clamp < 0 ? A(__builtin_inf()) : A(p.clamp);
  if (p.grad && p.yref) {  // as the result was stored
    A stored = clamp;
    typed<A>(p.dtype, [&](auto type) {
      using Stored = Number<decltype(type)>;
      stored = Stored::read(Stored::write(clamp));
    });
    clamp = stored;
  }
  A* biases = nullptr;  // wide
  if (p.b) {
    biases = static_cast<A*>(malloc(sizeof(A) * size_t(p.channels)));
    if (!biases) return 2;
    read_numbers(p.dtype, p.b, 0, 1, p.channels, biases);
  }
  const Worker<A> worker = {p, biases, clamp};
  large_pages(p.out, p.count * size_of(p.dtype));
  in_parallel((p.count + CHUNK - 1) / CHUNK, p.threads, [&](int64_t number) {
    const int64_t first = number * CHUNK;
    worker.work(first, smaller(CHUNK, p.count - first));
  });
  free(biases);
  return 0;
}

}  // namespace

// 0, or 1 for a type that is not known, or 2 where there is no memory.
EXPORTED zplus_bias_act(const BiasAct* p) {
  if (p->dtype < FLOAT32 || p->dtype > BFLOAT16) return 1;
  return p->dtype == FLOAT64 ? run<double>(*p) : run<float>(*p);
}
