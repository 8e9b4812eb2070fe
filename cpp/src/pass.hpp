// Pass: the first phase of a step: forward, loss and backward over the examples of a slab, while no parameter changes;
// then, piece by piece, the sums over the examples that the gradient consists of.
// Level: passes. Two ways: LayerPass for any network, LanePass where all layers have few units.
#pragma once

#include <deepcore/plan.hpp>

#include "stages/stage.hpp"
#include "team.hpp"

#include <memory>

namespace deepcore {

template <class T>
class Pass {
 public:
  Pass() = default;
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;
  virtual ~Pass() = default;

  virtual void load(const Network<T>&) {}     // before a run
  virtual void publish(Network<T>&) const {}  // what the pass changed besides the parameters: statistics of batch norms
  virtual void forget_inputs() {}             // X may have changed
  // The examples of the slab: forward, loss, backward. losses: one per example.
  virtual void run(const Slab<T>& slab, double* losses) = 0;
  // Sums over the slab's examples of dZ A_prev' for the piece's weights, then for the tail; add: to what is in `out`.
  virtual void gradient(const Piece& piece, bool add, T* out) const = 0;
  // The same for the arrays of one embedded column of X or of one member, at their offsets in `sums`.
  virtual void embedding_gradient(Index /*item*/, bool /*add*/, T* /*sums*/) const {}
  virtual void step(const State<T>&, double /*weight*/) {}  // the parameters were updated
};

template <class T>
std::unique_ptr<Pass<T>> make_pass(const Network<T>& network, const State<T>& state, const Examples<T>& examples,
                                   const Plan& plan, Team& team);

}  // namespace deepcore
