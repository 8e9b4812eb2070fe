// Predictor: a snapshot of a network bound to its own workspace, for predictions in a loop: no allocation once it is warm.
// Public header, standard library only.
#pragma once

#include <deepcore/network.hpp>

#include <memory>

namespace deepcore {

template <class T>
class Predictor {
 public:
  explicit Predictor(const Network<T>& network);  // later changes of the network's parameters are not seen
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
