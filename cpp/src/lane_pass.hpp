// LanePass: the pass through a network whose layers all have few units: examples along the lanes, on one thread.
// Level: passes. The same arithmetic as LayerPass, element by element; only where the numbers lie differs.
#pragma once

#include "output.hpp"
#include "pass.hpp"

#include <vector>

namespace deepcore {

template <class T>
class LanePass final : public Pass<T> {
 public:
  LanePass(const Network<T>& network, const State<T>& state, const Examples<T>& examples, const Plan& plan);
  void forget_inputs() override { resident_ = false; }
  void run(const Slab<T>& slab, double* losses) override;
  void gradient(const Piece& piece, bool add, T* out) const override;

 private:
  static std::size_t at(int l) { return static_cast<std::size_t>(l); }
  void gather(const Selection& which);
  void forward(int l, Index m);
  void backward(int l, Index m);
  void head(const Slab<T>& slab, double* losses);

  const Spec& spec_;
  const State<T>& state_;
  const Examples<T>& examples_;
  Index ld_;
  std::vector<Buffer<T>> a_, dz_, z_;  // by layer, 0..L: unit i of example e at [i * ld_ + e]; z_ where it is kept
  OutputWorkspace<T> workspace_;
  Index m_ = 0;            // examples of the slab
  bool resident_ = false;  // A[0] holds the whole batch in its own order already
};

}  // namespace deepcore
