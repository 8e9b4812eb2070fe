// Narrow: the step of a network whose layers are all narrow, on one thread, in the network's own Block.
// Floor: model. Same arithmetic as Engine, element by element; only where the numbers lie differs.
#pragma once

#include <deepcore/plan.hpp>

#include "runner.hpp"

namespace deepcore {

template <class T>
class Narrow final : public Runner<T> {
 public:
  Narrow(Network<T>& network, const Examples<T>& examples, const Plan& plan);
  double run(const std::int64_t* order, Index first, Index m, const std::function<void()>& poll) override;
  void update(const Optimizer<T>& optimizer, double rate, Index t) override;

 private:
  static std::size_t at(int l) { return static_cast<std::size_t>(l); }
  void gather_inputs(const std::int64_t* order, Index first, Index m);
  void head(const std::int64_t* order, Index first, Index m);
  void sums(Index m, bool add);

  Network<T>& network_;
  const Examples<T>& examples_;
  Index slab_, ld_;
  std::vector<Buffer<T>> a_, dz_, z_;  // by layer, 0..L: unit j of example e at [j * ld_ + e]
  Buffer<T> Z_, Y_, dZ_, scratch_;     // of the head: columns without gaps
  Buffer<T> gradients_;                // a Block
  std::vector<double> losses_;
  Index m_ = 0;               // examples of the last slab
  bool resident_ = false;     // A[0] holds the whole, unshuffled batch already
  bool accumulated_ = false;  // gradients_ holds the sums of earlier slabs
};

}  // namespace deepcore
