// Dropout: A times a mask that depends on the step, the example's place in the batch and the unit, not on who computes it.
// Level: stages.
#pragma once

#include "stages/stage.hpp"

#include <cstdint>

namespace deepcore {

template <class T>
class Dropout final : public Stage<T> {
 public:
  Dropout(const Network<T>& network, int l, const kernels::Columns<T>& shape, Workspace workspace)
      : l_(l), units_(network.spec.units(l)), rate_(network.spec.dropout(l)), shape_(shape), kept_(workspace.size) {}
  void forward(const Slab<T>& slab, const Part& part, kernels::Columns<T> A) override;
  void backward(const Slab<T>& slab, const Part& part, kernels::Columns<T> A, kernels::Columns<T> d) override;
  kernels::Columns<std::uint8_t> kept() { return {kept_.data(), shape_.ld, shape_.strip}; }  // 1 or 0

 private:
  int l_;
  Index units_;
  double rate_;
  kernels::Columns<T> shape_;
  Buffer<std::uint8_t> kept_;
};

}  // namespace deepcore
