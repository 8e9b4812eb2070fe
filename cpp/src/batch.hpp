// Batch: the examples of a step, gathered from where the caller keeps them, and sums over their losses.
// Level: batches.
#pragma once

#include <deepcore/network.hpp>

#include "kernels/columns.hpp"
#include "kernels/panels.hpp"
#include "selection.hpp"

namespace deepcore {

// X of the selected examples -> columns of `to`.
template <class T>
void gather_inputs(const Inputs<T>& X, const Selection& which, kernels::Columns<T> to);

// f(unit, value) for the values of one example of a sparse X.
template <class T, class F>
void for_each_value(const Inputs<T>& X, Index example, F f) {
  for (std::int64_t k = X.starts[example]; k < X.starts[example + 1]; ++k)
    f(static_cast<Index>(X.units[k]), X.values[k]);
}

// Targets of the selected examples, (n[L], m) without gaps: labels become one-hot, and all move by `smoothing` towards the
// uniform distribution. The result is `buffer`, or the caller's own memory where the targets already lie as wanted.
template <class T>
const T* gather_targets(const Examples<T>& examples, const Spec& spec, const Selection& which, double smoothing,
                        T* buffer);

template <class T>
T weight_of(const Examples<T>& examples, Index example) {
  return examples.weights == nullptr ? T(1) : examples.weights[example];
}

// A sum of doubles that does not depend on their order, but in one case of 10^15: it carries the rounding errors along
// (Knuth 1969, TwoSum). fit, which visits examples in any order and in batches, and evaluate report the same loss.
struct Sum {
  double high = 0, low = 0;
  void add(double x) {
    const double total = high + x, part = total - high;
    low += (high - (total - part)) + (x - part);
    high = total;
  }
  void add(const Sum& other) {
    add(other.high);
    low += other.low;
  }
  double value() const { return high + low; }
};

struct BatchSums {
  Sum loss, weight;  // of the weighted losses and of the weights; an example of weight 0 is not there
  void add(const BatchSums& other) {
    loss.add(other.loss);
    weight.add(other.weight);
  }
};

template <class T>
BatchSums batch_sums(const Examples<T>& examples, const Selection& which, const double* losses);

}  // namespace deepcore
