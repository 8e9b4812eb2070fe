// Predictor: a snapshot of a network bound to its own workspace, for predictions in a loop: no allocation once it is warm.
// Public header, standard library only.
#pragma once

#include <deepcore/network.hpp>

#include <cstdint>
#include <memory>

namespace deepcore {

// How a Predictor keeps the weights: as they are, or each rounded to 16 bits, or to 8 bits and a factor for each unit. Rounded
// ones need a network of floats; biases and all else stay floats, and so does the arithmetic.
enum class Weights : std::uint8_t { own, bfloat16, int8 };

template <class T>
class Predictor {
 public:
  // Later changes of the network's parameters are not seen.
  explicit Predictor(const Network<T>& network, Weights weights = Weights::own);
  Predictor(Predictor&&) noexcept;
  ~Predictor();

  // X (n[0], m) -> A (n[L], m). One call at a time. Threads share the examples; where calls of a few examples follow each
  // other at once, the units of large layers.
  void operator()(View<const T> X, View<T> A, int threads = 0);
  Index inputs() const;
  Index outputs() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace deepcore
