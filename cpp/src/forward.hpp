// Forward: from X to Z[L] and no further back: what predict, evaluate and Predictor share.
// Floor: model.
#pragma once

#include <deepcore/network.hpp>

#include "packed.hpp"
#include "team.hpp"

namespace deepcore {

inline constexpr Index kForwardBlock = 64;  // examples carried through the layers together

template <class T>
class Forward {
 public:
  // pack: copy the weights into panels, which pays from a few examples on; otherwise they are read where they lie.
  // examples: of a call, at most. For one example, clearing rooms for many would take longer than its product.
  Forward(const Network<T>& network, bool pack, Index examples = kForwardBlock);
  void reserve(int threads);  // rooms for that many threads

  // Z[L] of up to kForwardBlock examples of X, columns leading(n[L]) apart, in the room of `thread`.
  // nonfinite, if given: becomes the first layer whose Z or A is not finite, if that is below what it holds.
  // team, if given, shares the units of each layer; the bits are the same.
  T* logits(const Inputs<T>& X, Index first, Index m, int thread, int* nonfinite = nullptr, Team* team = nullptr);

  const Spec& spec() const { return spec_; }
  std::size_t bytes() const { return static_cast<std::size_t>(packed_.size()) * sizeof(T); }

 private:
  struct NormOf {  // of a layer, by unit, padded to whole packets; mean and inverse of batch norm only
    Buffer<T> gamma, beta, mean, inverse;
  };
  void normalise(int l, Index m, T* Z, Index ld) const;

  Spec spec_;
  std::vector<NormOf> norms_;  // [l - 1]
  std::vector<kernels::Left<T>> weights_;
  Buffer<T> packed_;
  Index room_ = 0;
  std::vector<Buffer<T>> rooms_;  // two for each thread: the layers use them in turn
};

}  // namespace deepcore
