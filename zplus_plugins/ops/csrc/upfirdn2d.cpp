// Upsample with zeros, pad, filter, keep every n-th sample; reference.py is the definition.
// No zero is ever multiplied: an output takes the samples that it meets, and the taps that meet them. A filter that is
// the product of a row and a column is applied as such, each row being filtered once and kept for all that need it.
#include "blur.h"
#include "filter.h"
#include "weigh.h"

namespace {

constexpr int64_t GRAIN = 32768;  // outputs that make a thread worth its start

int64_t common_divisor(int64_t a, int64_t b) { return b ? common_divisor(b, a % b) : a; }

int64_t floor_of(int64_t a, int64_t b) { return a / b - (a % b < 0); }

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

// What resamples planes one after another. A plane is an image's channel, and a sample one number; or it is an image
// with all its channels side by side (channels last), and a sample is `inner` numbers.
template <class A> struct Worker {
  const Resampling& p;
  const Filter<A>& filter;
  const Axis across, down;
  const int64_t inner, outputs;  // numbers of a row of the result: outputs
  int64_t left, padded;          // samples before a row's first; samples of a row with its zeros
  int64_t kept, length;          // rows that one output row can need; numbers of such a row
  Room room;
  A *rows, *line, *dense, *wide, *weights, *column_weights;
  const A **taken, **column_taken;
  int64_t *held, *counts, *offsets, *taps;

  Worker(const Resampling& p_, const Filter<A>& filter_)
      : p(p_), filter(filter_), across(p_.upx, p_.downx, p_.padx), down(p_.upy, p_.downy, p_.pady),
        inner(p_.channels_last ? p_.channels : 1), outputs(p_.out_width * inner) {
    left = larger(0, -across.sample(0, 0));
    padded = left + larger(p.width, across.sample(p.out_width - 1, filter.width - 1) + 1);
    kept = filter.height / p.upy + 2;
    length = in_whole_vectors<A>(filter.product ? outputs : padded * inner);
    place();
    if (!room.get()) return;
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
    const int64_t widest = larger(padded * inner, outputs) + 2 * SHORTEST;  // vectors reach over the end
    room.part(rows, kept * length + 2 * SHORTEST);
    room.part(line, widest);
    room.part(dense, widest);
    room.part(wide, widest);
    room.part(weights, filter.width);
    room.part(taken, filter.width);
    room.part(column_weights, filter.height);
    room.part(column_taken, filter.height);
    room.part(held, kept);
    room.part(counts, across.phases);
    room.part(offsets, across.phases * filter.width);
    room.part(taps, across.phases * filter.width);
  }

  int64_t planes() const { return p.batch * p.channels / inner; }

  // Rows begin to end of one plane's result.
  void resample(int64_t plane, int64_t begin, int64_t end) const {
    const int64_t channels = p.channels / inner;
    const int64_t from = plane / channels * p.stride_n + plane % channels * p.stride_c;
    int64_t to = (plane * p.out_height + begin) * outputs;
    const bool direct = p.dtype <= FLOAT64 && outputs >= SHORTEST / int64_t(sizeof(A));
    for (int64_t i = 0; i < kept; ++i) held[i] = -1;
    for (int64_t y = begin; y < end; ++y, to += outputs) {
      A* out = direct ? static_cast<A*>(p.y) + to : wide;
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
      if (filter.product) weigh_row(direct ? outputs : in_whole_vectors<A>(outputs), met, column_weights, column_taken, out);
      if (!direct) write_numbers(p.dtype, wide, outputs, p.y, to);
    }
  }

  static void weigh_row(int64_t count, int64_t met, const A* weights, const A* const* in, A* out) {
    weigh(1, count, met, weights, in, 0, out, 0);
  }

  // A row of x as the filter's column wants it: filtered along the row, or only padded where the filter is no product.
  const A* kept_row(int64_t from, int64_t sample) const {
    const int64_t slot = sample % kept;
    A* row = rows + slot * length;
    if (held[slot] == sample) return row;
    held[slot] = sample;
    A* to = filter.product ? line : row;
    read_row(from + sample * p.stride_h, to);
    if (filter.product) filter_row(line, filter.row, row);
    return row;
  }

  // A row of x with zeros around it.
  void read_row(int64_t first, A* to) const {
    for (int64_t i = 0; i < left * inner; ++i) to[i] = A(0);
    to += left * inner;
    if (inner == 1) {
      read_numbers(p.dtype, p.x, first, p.stride_w, p.width, to);
    } else if (p.stride_w == inner) {
      read_numbers(p.dtype, p.x, first, 1, p.width * inner, to);
    } else {
      for (int64_t i = 0; i < p.width; ++i) read_numbers(p.dtype, p.x, first + i * p.stride_w, 1, inner, to + i * inner);
    }
    for (int64_t i = p.width * inner; i < (padded - left) * inner; ++i) to[i] = A(0);
  }

  void filter_row(const A* samples, const A* row, A* out) const {
    for (int64_t first = 0; first < across.phases; ++first) {
      const int64_t met = counts[first], count = (p.out_width - first + across.phases - 1) / across.phases;
      for (int64_t k = 0; k < met; ++k) {
        taken[k] = samples + offsets[first * filter.width + k];
        weights[k] = row[taps[first * filter.width + k]];
      }
      if (across.step == 1 && across.phases == 1) {
        weigh_row(in_whole_vectors<A>(count * inner), met, weights, taken, out);
      } else if (across.step == 1 || inner == 1) {
        // All sums, those between the wanted ones too.
        weigh_row(in_whole_vectors<A>(((count - 1) * across.step + 1) * inner), met, weights, taken, dense);
        spread(dense, count, out + first * inner);
      } else {
        for (int64_t m = 0; m < count; ++m) {
          weigh_row(in_whole_vectors<A>(inner), met, weights, taken, dense);
          for (int64_t c = 0; c < inner; ++c) out[(m * across.phases + first) * inner + c] = dense[c];
          for (int64_t k = 0; k < met; ++k) taken[k] += across.step * inner;
        }
      }
    }
  }

  void spread(const A* __restrict from, int64_t count, A* __restrict out) const {
    const int64_t phases = across.phases, step = across.step;
    if (inner == 1 && phases == 2 && step == 1) {
      for (int64_t m = 0; m < count; ++m) out[m * 2] = from[m];
    } else if (inner == 1 && phases == 1 && step == 2) {
      for (int64_t m = 0; m < count; ++m) out[m] = from[m * 2];
    } else {
      for (int64_t m = 0; m < count; ++m)
        for (int64_t c = 0; c < inner; ++c) out[m * phases * inner + c] = from[m * step * inner + c];
    }
  }
};

// Planes are dealt out to threads, in bands of rows where there are fewer planes than threads.
template <class Worker, class A> int run(const Resampling& p, const Filter<A>& filter) {
  const int64_t total = p.batch * p.channels * p.out_height * p.out_width;
  const int64_t workers = larger(1, smaller(p.threads, total / GRAIN));
  large_pages(p.y, total * size_of(p.dtype));
  int failed = 0;
  in_parallel(workers, workers, [&](int64_t number) {
    const Worker worker(p, filter);
    if (!worker.room.memory) {
      __atomic_store_n(&failed, 1, __ATOMIC_RELAXED);
      return;
    }
    const int64_t planes = worker.planes(), bands = smaller(p.out_height, (workers + planes - 1) / planes);
    const int64_t jobs = planes * bands, end = jobs * (number + 1) / workers;
    for (int64_t job = jobs * number / workers; job < end; ++job) {
      if (bands == 1) {  // divisions take longer than small planes
        worker.resample(job, 0, p.out_height);
        continue;
      }
      const int64_t band = job % bands;
      worker.resample(job / bands, p.out_height * band / bands, p.out_height * (band + 1) / bands);
    }
  });
  return failed ? 2 : 0;
}

template <class A> int run(const Resampling& p) {
  const Filter<A> filter(p);
  if (!filter.weights) return 2;
  return Blur<A>::takes(p, filter) ? run<Blur<A>>(p, filter) : run<Worker<A>>(p, filter);
}

}  // namespace

// 0, or 1 for a type that is not known, or 2 where there is no memory.
EXPORTED zplus_upfirdn2d(const Resampling* p) {
  if (p->dtype < FLOAT32 || p->dtype > BFLOAT16) return 1;
  return p->dtype == FLOAT64 ? run<double>(*p) : run<float>(*p);
}
