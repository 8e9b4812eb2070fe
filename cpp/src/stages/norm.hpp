// Norm: Z -> gamma xhat + beta, xhat being Z minus its mean over its deviation: batch norm over the examples of a batch,
// layer norm over the units of an example.
// Level: stages.
#pragma once

#include "stages/stage.hpp"

namespace deepcore {

template <class T>
class LayerNorm : public Stage<T> {
 public:
  LayerNorm(const Network<T>& network, int l, const kernels::Columns<T>& shape, Workspace workspace);
  Needs needs() const override { return Needs::units; }
  void load(const Network<T>& network) override;
  void load(const State<T>& state) override;
  void forward(const Slab<T>&, const Part& part, kernels::Columns<T> A) override;
  void backward(const Slab<T>&, const Part& part, kernels::Columns<T> A, kernels::Columns<T> d) override;
  Index columns() const override { return 2; }
  void gradient(const Piece& piece, Index m, bool add, T* out) const override;

 protected:
  bool goes_back() const { return !xhat_.empty(); }
  kernels::Columns<T> kept(const Buffer<T>& matrix) const {
    return {const_cast<T*>(matrix.data()), shape_.ld, shape_.strip};
  }
  T* xhat(const Part& part, Index i) { return !goes_back() ? nullptr : kept(xhat_).starting(part.j0).from(i); }

  int l_;
  Index units_;
  kernels::Columns<T> shape_;  // of the kept matrices
  Buffer<T> gamma_, beta_;     // padded
  Buffer<T> xhat_;             // kept for the way back; empty if there is none

 private:
  void keep(const Part& part, kernels::Columns<T> d);

  Buffer<T> d_;        // dL/d(outputs), of which gamma's and beta's gradients are sums
  Buffer<T> inverse_;  // 1 / deviation of each example
};

template <class T>
class BatchNorm final : public LayerNorm<T> {
 public:
  BatchNorm(const Network<T>& network, int l, const kernels::Columns<T>& shape, Workspace workspace);
  Needs needs() const override { return this->goes_back() ? Needs::examples : Needs::values; }
  void load(const Network<T>& network) override;
  void load(const State<T>& state) override { LayerNorm<T>::load(state); }
  void publish(Network<T>& network) const override;
  void begin(const Slab<T>& slab) override;
  void step(double weight) override;
  void forward(const Slab<T>& slab, const Part& part, kernels::Columns<T> A) override;
  void backward(const Slab<T>& slab, const Part& part, kernels::Columns<T> A, kernels::Columns<T> d) override;
  void gradient(const Piece& piece, Index m, bool add, T* out) const override;
  const T* mean() const { return mean_.data(); }
  const T* variance() const { return variance_.data(); }

 private:
  Buffer<T> mean_, variance_, inverse_;        // that the units are normalised with, padded
  Buffer<T> running_mean_, running_variance_;  // what predictions will use
  Buffer<T> weights_;                          // of the batch's examples
  Buffer<T> gamma_sums_, beta_sums_;           // their gradients: a part of the way back has all examples of its units
  double scale_ = 1, squares_ = 0;             // 1 over their sum; the sum of their squares
  bool weighted_ = false;
};

}  // namespace deepcore
