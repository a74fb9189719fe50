// Upsample with zeros, pad, filter, keep every n-th sample; reference.py is the definition.
// No zero is ever multiplied: an output takes the samples that it meets, and the taps that meet them. A filter that is
// the product of a row and a column is applied as such, each row being filtered once and kept for all that need it.
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

constexpr int64_t GRAIN = 32768;      // outputs that make a thread worth its start
constexpr int64_t SHORT = 24;         // samples of a row that are too few to go through vectors alone
constexpr int64_t SIDE_BY_SIDE = 16;  // channels that then do so together

int64_t common_divisor(int64_t a, int64_t b) { return b ? common_divisor(b, a % b) : a; }

int64_t floor_of(int64_t a, int64_t b) { return a / b - (a % b < 0); }

template <class A> A* buffer_of(int64_t count) { return static_cast<A*>(malloc(sizeof(A) * size_t(larger(count, 1)))); }

// One direction: outputs that are `phases` apart meet samples that are `step` apart, by the same taps.
struct Axis {
  int64_t up, down, pad, phases, step;

  Axis(int64_t up_, int64_t down_, int64_t pad_) : up(up_), down(down_), pad(pad_) {
    const int64_t divisor = common_divisor(up, down);
    phases = up / divisor;
    step = down / divisor;
  }
  bool meets(int64_t output, int64_t tap) const { return up == 1 || (output * down + tap - pad) % up == 0; }
  int64_t sample(int64_t output, int64_t tap) const {
    const int64_t place = output * down + tap - pad;
    return up == 1 ? place : floor_of(place, up);
  }
};

// out[i] (+)= sum of weights[k] * in[k][i * step]
template <int TAPS, bool ADD, class A>
inline void weigh(int64_t count, int64_t step, const A* const* in, const A* weights, A* __restrict out) {
  const A *a = in[0], *b = in[TAPS > 1 ? 1 : 0], *c = in[TAPS > 2 ? 2 : 0], *d = in[TAPS > 3 ? 3 : 0];
  const A u = weights[0], v = weights[TAPS > 1 ? 1 : 0], w = weights[TAPS > 2 ? 2 : 0], z = weights[TAPS > 3 ? 3 : 0];
  for (int64_t i = 0; i < count; ++i) {
    const int64_t j = i * step;
    A sum = u * a[j];
    if (TAPS > 1) sum += v * b[j];
    if (TAPS > 2) sum += w * c[j];
    if (TAPS > 3) sum += z * d[j];
    out[i] = ADD ? out[i] + sum : sum;
  }
}

// Any number of taps, four at a time; none make zeros. STEP is a number that the compiler knows, or 0 for any.
template <int STEP, class A>
__attribute__((noinline)) void weigh(
    int64_t taps, int64_t count, int64_t any_step, const A* const* in, const A* weights, A* out) {
  const int64_t step = STEP ? STEP : any_step;
  int64_t done = STEP ? smaller(taps, 4) : 0;
  switch (done) {
    case 1: weigh<1, false>(count, step, in, weights, out); break;
    case 2: weigh<2, false>(count, step, in, weights, out); break;
    case 3: weigh<3, false>(count, step, in, weights, out); break;
    case 4: weigh<4, false>(count, step, in, weights, out); break;
    default: for (int64_t i = 0; i < count; ++i) out[i] = A(0);
  }
  for (; STEP && done + 4 <= taps; done += 4) weigh<4, true>(count, step, in + done, weights + done, out);
  for (; done < taps; ++done) weigh<1, true>(count, step, in + done, weights + done, out);
}

template <class A>
void weigh(int64_t taps, int64_t count, int64_t step, const A* const* in, const A* weights, A* out) {
  if (step == 1) weigh<1>(taps, count, step, in, weights, out);
  else if (step == 2) weigh<2>(taps, count, step, in, weights, out);
  else weigh<0>(taps, count, step, in, weights, out);
}

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
  ~Room() { free(memory); }
};

// What resamples planes one after another. A plane is an image's channel, and a sample one number; or it is an image
// with all its channels side by side (channels last), or with some of them, which are brought side by side where rows
// are too short for vectors; a sample is `inner` numbers then.
template <class A> struct Worker {
  const Resampling& p;
  const Filter<A>& filter;
  const Axis across, down;
  const bool packed;             // whether channels are brought side by side, and apart again
  const int64_t inner, outputs;  // numbers of a row of the result: outputs
  const int64_t planes;          // of an image
  int64_t left, padded;          // samples before a row's first; samples of a row with its zeros
  int64_t kept, length;          // rows that one output row can need; numbers of such a row
  Room room;
  A *rows, *line, *phase, *wide, *weights, *column_weights;
  const A **taken, **column_taken;
  int64_t *held, *counts, *offsets, *taps;

  Worker(const Resampling& p_, const Filter<A>& filter_)
      : p(p_), filter(filter_), across(p_.upx, p_.downx, p_.padx), down(p_.upy, p_.downy, p_.pady),
        packed(!p_.channels_last && smaller(p_.width, p_.out_width) <= SHORT),
        inner(p_.channels_last ? p_.channels : packed ? smaller(p_.channels, SIDE_BY_SIDE) : 1),
        outputs(p_.out_width * inner), planes(planes_of(p_)) {
    left = larger(0, -across.sample(0, 0));
    padded = left + larger(p.width, across.sample(p.out_width - 1, filter.width - 1) + 1);
    kept = filter.height / p.upy + 2;
    length = filter.product ? outputs : padded * inner;
    place();
    room.memory = static_cast<char*>(aligned_alloc(64, size_t(room.used)));
    room.used = 0;
    if (!room.memory) return;
    place();
    for (int64_t first = 0; first < across.phases; ++first) {
      counts[first] = 0;
      for (int64_t k = 0; k < filter.width; ++k) {
        if (!across.meets(first, k)) continue;
        const int64_t entry = first * filter.width + counts[first]++;
        taps[entry] = k;
        offsets[entry] = (left + across.sample(first, k)) * inner;
      }
    }
  }

  void place() {
    room.part(rows, kept * length);
    room.part(line, larger(padded * inner, outputs));
    room.part(phase, outputs);
    room.part(wide, outputs);
    room.part(weights, filter.width);
    room.part(taken, filter.width);
    room.part(column_weights, filter.height);
    room.part(column_taken, filter.height);
    room.part(held, kept);
    room.part(counts, across.phases);
    room.part(offsets, across.phases * filter.width);
    room.part(taps, across.phases * filter.width);
  }

  // A row of x with zeros around it.
  template <class T> void read_row(const T* from, A* __restrict to) const {
    for (int64_t i = 0; i < left * inner; ++i) to[i] = A(0);
    to += left * inner;
    if (packed) {
      for (int64_t c = 0; c < inner; ++c, from += p.stride_c)
        for (int64_t i = 0; i < p.width; ++i) to[i * inner + c] = Number<T>::read(from[i * p.stride_w]);
    } else if (p.stride_w == inner) {
      for (int64_t i = 0; i < p.width * inner; ++i) to[i] = Number<T>::read(from[i]);
    } else {
      for (int64_t i = 0; i < p.width; ++i)
        for (int64_t c = 0; c < inner; ++c) to[i * inner + c] = Number<T>::read(from[i * p.stride_w + c]);
    }
    for (int64_t i = p.width * inner; i < (padded - left) * inner; ++i) to[i] = A(0);
  }

  // A row of the result, its channels apart again.
  template <class T> void write_row(T* to) const {
    if (!packed) {
      for (int64_t i = 0; i < outputs; ++i) to[i] = Number<T>::write(wide[i]);
      return;
    }
    for (int64_t c = 0; c < inner; ++c, to += p.out_height * p.out_width)
      for (int64_t i = 0; i < p.out_width; ++i) to[i] = Number<T>::write(wide[i * inner + c]);
  }

  // Calls action with a pointer to element `index` of some numbers, of their type.
  template <class Action> void typed(void* numbers, int64_t index, const Action& action) const {
    if constexpr (sizeof(A) == sizeof(float)) {
      if (p.dtype == FLOAT16) return action(static_cast<Half*>(numbers) + index);
      if (p.dtype == BFLOAT16) return action(static_cast<BFloat*>(numbers) + index);
    }
    action(static_cast<A*>(numbers) + index);
  }

  void filter_row(const A* samples, const A* row, A* out) const {
    for (int64_t first = 0; first < across.phases; ++first) {
      const int64_t met = counts[first], count = (p.out_width - first + across.phases - 1) / across.phases;
      for (int64_t k = 0; k < met; ++k) {
        taken[k] = samples + offsets[first * filter.width + k];
        weights[k] = row[taps[first * filter.width + k]];
      }
      A* to = across.phases == 1 ? out : phase;
      if (across.step == 1) {
        weigh(met, count * inner, 1, taken, weights, to);
      } else if (inner == 1) {
        weigh(met, count, across.step, taken, weights, to);
      } else {
        for (int64_t m = 0; m < count; ++m) {
          weigh(met, inner, 1, taken, weights, to + m * inner);
          for (int64_t k = 0; k < met; ++k) taken[k] += across.step * inner;
        }
      }
      if (across.phases > 1) spread(to, count, out + first * inner);
    }
  }

  void spread(const A* __restrict from, int64_t count, A* __restrict out) const {
    const int64_t stride = across.phases * inner;
    if (stride == 2) {
      for (int64_t m = 0; m < count; ++m) out[m * 2] = from[m];
    } else {
      for (int64_t m = 0; m < count; ++m)
        for (int64_t c = 0; c < inner; ++c) out[m * stride + c] = from[m * inner + c];
    }
  }

  static int64_t planes_of(const Resampling& p) {
    if (p.channels_last) return 1;
    const bool packed = smaller(p.width, p.out_width) <= SHORT;
    return packed ? (p.channels + SIDE_BY_SIDE - 1) / SIDE_BY_SIDE : p.channels;
  }

  // Rows begin to end of one plane's result.
  void resample(int64_t plane, int64_t begin, int64_t end) const {
    // The last packed plane overlaps the one before where channels are left over.
    const int64_t image = plane / planes, channel = smaller(plane % planes * inner, p.channels - inner);
    const int64_t from = image * p.stride_n + channel * p.stride_c;
    const int64_t to = (image * p.channels + channel) * p.out_height * p.out_width;
    const bool direct = p.dtype <= FLOAT64 && !packed;
    for (int64_t i = 0; i < kept; ++i) held[i] = -1;
    for (int64_t y = begin; y < end; ++y) {
      A* out = direct ? static_cast<A*>(p.y) + to + y * outputs : wide;
      if (!filter.product) for (int64_t i = 0; i < outputs; ++i) out[i] = A(0);
      int64_t met = 0;
      for (int64_t k = 0; k < filter.height; ++k) {
        const int64_t sample = down.sample(y, k);
        if (!down.meets(y, k) || sample < 0 || sample >= p.height) continue;
        const A* row = kept_row(from, sample);
        if (filter.product) {
          column_taken[met] = row;
          column_weights[met++] = filter.column[k];
        } else {
          filter_row(row, filter.weights + k * filter.width, line);
          for (int64_t i = 0; i < outputs; ++i) out[i] += line[i];
        }
      }
      if (filter.product) weigh(met, outputs, 1, column_taken, column_weights, out);
      if (direct) continue;
      const int64_t row = to + y * (packed ? p.out_width : outputs);
      typed(p.y, row, [&](auto* place) { write_row(place); });
    }
  }

  // A row of x as the filter's column wants it: filtered along the row, or only padded where the filter is no product.
  const A* kept_row(int64_t from, int64_t sample) const {
    const int64_t slot = sample % kept;
    A* row = rows + slot * length;
    if (held[slot] == sample) return row;
    held[slot] = sample;
    A* to = filter.product ? line : row;
    typed(p.x, from + sample * p.stride_h, [&](const auto* samples) { read_row(samples, to); });
    if (filter.product) filter_row(line, filter.row, row);
    return row;
  }
};

// Planes are dealt out to threads, in bands of rows where there are fewer planes than threads.
template <class A> int run(const Resampling& p) {
  const Filter<A> filter(p);
  if (!filter.weights) return 2;
  const int64_t planes = p.batch * Worker<A>::planes_of(p);
  const int64_t total = p.batch * p.channels * p.out_height * p.out_width;
  const int64_t workers = larger(1, smaller(p.threads, total / GRAIN));
  const int64_t bands = smaller(p.out_height, (workers + planes - 1) / planes), jobs = planes * bands;
  int failed = 0;
  in_parallel(workers, workers, [&](int64_t number) {
    const Worker<A> worker(p, filter);
    if (!worker.room.memory) {
      __atomic_store_n(&failed, 1, __ATOMIC_RELAXED);
      return;
    }
    for (int64_t job = jobs * number / workers; job < jobs * (number + 1) / workers; ++job) {
      const int64_t band = job % bands;
      worker.resample(job / bands, p.out_height * band / bands, p.out_height * (band + 1) / bands);
    }
  });
  return failed ? 2 : 0;
}

}  // namespace

// 0, or 1 for a type that is not known, or 2 where there is no memory.
EXPORTED zplus_upfirdn2d(const Resampling* p) {
  if (p->dtype < FLOAT32 || p->dtype > BFLOAT16) return 1;
  return p->dtype == FLOAT64 ? run<double>(*p) : run<float>(*p);
}
