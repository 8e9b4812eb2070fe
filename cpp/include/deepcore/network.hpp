// Network: a Spec and its parameters, with everything that needs no optimizer: predict, evaluate, gradient, trace.
// Public header, standard library only.
#pragma once

#include <deepcore/buffer.hpp>
#include <deepcore/counter.hpp>
#include <deepcore/exclusive.hpp>
#include <deepcore/kept.hpp>
#include <deepcore/sharing.hpp>
#include <deepcore/spec.hpp>
#include <deepcore/tensors.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

namespace deepcore {

// Zeros behind the parameters of a network: kernels read whole vectors, up to 24 floats past the end of a column.
inline constexpr Index kSlack = 48;

template <class T>
struct Network {
  explicit Network(Spec s);  // parameters 0; scales, factors, alphas and gammas 1; running means 0 and variances 1
  Spec spec;
  Tensors tensors;
  Buffer<T> parameters;  // tensors.size() values
  Buffer<T> running;     // statistics of batch norms, which training moves and predictions use
  // Reproduce the losses that scikit-learn reports: the penalty is divided by the sum of a batch's weights, the loss of an
  // epoch is weighted by batch sizes, and half_squared_error is a mean over the outputs.
  bool scikit_learn_sums = false;
  Counter epochs;              // number of epochs trained so far
  Busy busy;                   // held while parameters are written; a second writer is refused
  mutable Sharing<T> sharing;  // lets other threads read while one trains
  mutable KeptWeights<T> kept;
};

// X (n[0], m): a View, or compressed rows of examples as scipy.sparse has them. Where few values are there, products read
// these only; else sparse rows are written out, as many at a time as a step needs.
template <class T>
struct Inputs : View<const T> {
  Inputs() = default;
  Inputs(View<const T> dense) : View<const T>(dense) {}  // NOLINT(google-explicit-constructor)
  Inputs(const T* d, Index r, Index c, Index row_step, Index column_step)
      : View<const T>{d, r, c, row_step, column_step} {}
  Inputs(Index units_of_one, Index count, const T* v, const std::int32_t* u, const std::int64_t* s)
      : View<const T>{nullptr, units_of_one, count, 1, 0}, values(v), units(u), starts(s) {}
  const T* values = nullptr;
  const std::int32_t* units = nullptr;   // of each value
  const std::int64_t* starts = nullptr;  // example j has the values [starts[j], starts[j + 1]); null: dense
  bool sparse() const { return starts != nullptr; }
};

// A loss of the caller's, in the place of the network's own: of one example, from its outputs a (n[L]). It writes its
// derivative with respect to each of them to da (n[L]). Several threads call it at once. It must not throw.
template <class T>
struct CustomLoss {
  double (*value)(void* context, Index example, const T* a, T* da) = nullptr;
  void* context = nullptr;
};

// Examples: X (n[0], m) and one of labels (m), Y (n[L], m) and, for gradient and train, a custom loss; weights (m) or null.
template <class T>
struct Examples {
  Inputs<T> X;
  View<const T> Y;                       // empty unless targets are given
  const std::int64_t* labels = nullptr;  // class of each example, for a softmax output
  const T* weights = nullptr;            // null: all one
  CustomLoss<T> loss{};                  // value null: the loss of the network
  Index count() const { return X.cols; }
};

// Throws std::invalid_argument, with a message that starts with `who`, unless the examples fit the network: shapes, labels
// and columns of sparse rows within range, weights not negative and not all zero. All functions below call it.
template <class T>
void validate(const char* who, const Spec& spec, const std::common_type_t<Inputs<T>>& X);
template <class T>
void validate(const char* who, const Spec& spec, const Examples<T>& examples);

struct Scores {
  double loss;      // weighted mean over the examples
  double accuracy;  // weighted fraction that is right; NaN where the output is neither softmax nor sigmoid
};

// Called on the calling thread at least every few hundred milliseconds: the place to look for an interrupt. What it throws
// ends the call.
using Poll = std::function<void()>;

// W (n_out, n_in), row by row, in double; the draw depends on (row, gain, seed, layer) only.
void initialize(int row, double gain, std::uint64_t seed, Index layer, Index n_out, Index n_in, double* W);

// X (n[0], m) -> A (n[L], m). Where network.kept allows it, the second call without a change of the parameters keeps them
// packed for the next calls.
template <class T>
void predict(const Network<T>& network, const std::common_type_t<Inputs<T>>& X, View<T> A, int threads,
             const Poll& poll = {});

// The first layer with a Z or A that is not finite for an example of X; 0: none.
template <class T>
int nonfinite_layer(const Network<T>& network, const std::common_type_t<Inputs<T>>& X);

template <class T>
Scores evaluate(const Network<T>& network, const Examples<T>& examples, int threads, const Poll& poll = {});

// What a step of training adds to a forward pass: the seed and number of the step decide what dropout leaves, batch norm
// uses the statistics of the batch. The factors scale the network's own rates of dropout and label smoothing.
struct TrainingStep {
  std::uint64_t seed;
  Index number;
  double dropout = 1, smoothing = 1;
  // Dropout masks by layer 0..L: units(l) bytes per example of the batch, 0 for a unit that is dropped. Null: masks are
  // drawn.
  const std::uint8_t* const* masks = nullptr;
  Index first = 0;  // place of the first example, if these examples are a part of the batch: for dropout
};

// What becomes of the sums over the examples of a batch.
enum class Reduction {
  mean,  // they are divided by the sum of the weights
  sum    // they stay sums, which several processes can add up
};

// gradient: d(cost)/d(parameters), tensors.size() values; returns the cost. training: null: as the network predicts.
// reduction: of both.
template <class T>
double gradient(const Network<T>& network, const Examples<T>& examples, T* gradient, int threads,
                const TrainingStep* training = nullptr, const Poll& poll = {}, Reduction reduction = Reduction::mean);

// One intermediate of a step: kind "A", "Z", "dA", "dZ", "dW", "db", "mask", "dgamma", "mean" and so on of layer l, stored
// column by column.
template <class T>
struct Intermediate {
  const char* kind;
  int layer;
  Index rows, cols;
  Buffer<T> values;
};

// kinds: those to keep; none: all. The fewer, the cheaper.
template <class T>
std::vector<Intermediate<T>> trace(const Network<T>& network, const Examples<T>& examples,
                                   const TrainingStep* training = nullptr, const std::vector<std::string>& kinds = {});

}  // namespace deepcore
