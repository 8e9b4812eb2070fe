// Activation: A = g(Z), or with a trainable alpha per unit A = Z + (g(Z) - Z) alpha.
// Level: stages.
#pragma once

#include "stages/stage.hpp"

namespace deepcore {

template <class T>
class Activation final : public Stage<T> {
 public:
  Activation(const Network<T>& network, int l, const kernels::Columns<T>& shape, Workspace workspace);
  Needs needs() const override;
  void load(const Network<T>& network) override;
  void load(const State<T>& state) override;
  void forward(const Slab<T>&, const Part& part, kernels::Columns<T> A) override;
  void backward(const Slab<T>&, const Part& part, kernels::Columns<T> A, kernels::Columns<T> d) override;
  Index columns() const override { return parametric() ? 1 : 0; }
  void gradient(const Piece& piece, Index m, bool add, T* out) const override;

  // How many matrices it keeps: Z if the derivative reads it or dropout overwrites A; with alpha, Z and g(Z).
  static int kept(const Spec& spec, int l);

 private:
  bool parametric() const { return layer_.parametric; }
  kernels::Columns<T> matrix(Buffer<T>& of, const Part& part) const {
    return kernels::Columns<T>{of.data(), shape_.ld, shape_.strip}.starting(part.j0);
  }

  int l_;
  Index units_;
  LayerSpec layer_;
  bool reads_input_;
  kernels::Columns<T> shape_;
  Buffer<T> kept_;      // Z, or A before dropout; empty if A[l] itself is what the derivative reads
  Buffer<T> products_;  // g(Z), and after the way back d (g(Z) - Z), whose sums are the gradient of alpha
  Buffer<T> alpha_;     // padded with zeros
};

}  // namespace deepcore
