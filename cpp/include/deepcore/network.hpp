// Network: a Spec and its parameters, with the verbs that need no optimizer: initialise, predict, evaluate, gradient.
// Floor: include/deepcore (standard library only).
#pragma once

#include <deepcore/block.hpp>
#include <deepcore/spec.hpp>

#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace deepcore {

// Zeros behind a network's Block: kernels read whole vectors, up to 24 floats past a column's end.
inline constexpr Index kSlack = 48;

template <class T>
struct Network {
  explicit Network(Spec s)
      : spec(std::move(s)), layout(spec), parameters(layout.size() + kSlack), running(layout.running()) {
    for (int l = 1; l <= spec.depth(); ++l) {  // mean 0, variance 1
      const Slice& at = layout.layer(l);
      if (at.running >= 0) std::fill_n(running.data() + at.running + at.n_out, at.n_out, T(1));
    }
  }
  Spec spec;
  Layout layout;
  Buffer<T> parameters;  // a Block of layout.size() values
  Buffer<T> running;     // statistics of batch norm, which training moves and predictions use
  // scikit-learn's sums: a batch's penalty is divided by the sum of its weights, like its losses, so it counts less in a
  // large batch; train reports the mean over batches by their number of examples, and half_squared_error as a mean over
  // outputs.
  bool scikit_learn_sums = false;
};

// X (n[0], m): a View, or compressed rows of examples as scipy.sparse has them, of which as many as a step needs are
// written out at a time.
template <class T>
struct Inputs : View<const T> {
  Inputs() = default;
  Inputs(View<const T> dense) : View<const T>(dense) {}  // NOLINT(google-explicit-constructor)
  Inputs(Index rows, Index cols, const T* values, const std::int32_t* units, const std::int64_t* starts)
      : View<const T>{nullptr, rows, cols, 1, 0}, values(values), units(units), starts(starts) {}
  const T* values = nullptr;
  const std::int32_t* units = nullptr;   // of each value
  const std::int64_t* starts = nullptr;  // example j has the values [starts[j], starts[j + 1]); null: dense
  bool sparse() const { return starts != nullptr; }
};

// A batch of examples: X (n[0], m) and either labels (m) or Y (n[L], m); weights (m) or null.
template <class T>
struct Examples {
  Inputs<T> X;
  View<const T> Y;                       // empty when labels are given
  const std::int64_t* labels = nullptr;  // class of each example, for a softmax output
  const T* weights = nullptr;            // null: all one
  Index count() const { return X.cols; }
};

struct Scores {
  double loss;      // weighted mean over examples
  double accuracy;  // weighted fraction that is right; NaN where the output is neither softmax nor sigmoid
};

// W (n_out, n_in), column by column, in double; the draw depends on (row, gain, seed, layer) only.
void initialize(int row, double gain, std::uint64_t seed, Index layer, Index n_out, Index n_in, double* W);

// X (n[0], m) -> A (n[L], m)
template <class T>
void predict(const Network<T>& network, const std::common_type_t<Inputs<T>>& X, View<T> A, int threads);

// The first layer with a Z or A that is not finite for an example of X; 0: none.
template <class T>
int nonfinite_layer(const Network<T>& network, const std::common_type_t<Inputs<T>>& X);

template <class T>
Scores evaluate(const Network<T>& network, const Examples<T>& examples, int threads);

// A step of training: it decides what dropout leaves of its batch, and batch norm uses the batch's own statistics.
struct TrainingStep {
  std::uint64_t seed;
  Index number;
};

// gradient: a Block, d(cost)/d(parameters); returns the cost. training: null: as the network predicts.
template <class T>
double gradient(const Network<T>& network, const Examples<T>& examples, T* gradient, int threads,
                const TrainingStep* training = nullptr);

// One intermediate of a step: kind "A", "Z", "dA", "dZ", "dW", "db", "mask", "dgamma", "dbeta", "mean" or "variance" of
// layer l, columns contiguous.
template <class T>
struct Intermediate {
  const char* kind;
  int layer;
  Index rows, cols;
  Buffer<T> values;
};

template <class T>
std::vector<Intermediate<T>> trace(const Network<T>& network, const Examples<T>& examples,
                                   const TrainingStep* training = nullptr);

}  // namespace deepcore
