// Activation: forward, and back through its derivative.
// Level: stages.
#include "stages/activation.hpp"

#include <deepcore/catalog.hpp>

#include "kernels/columns.hpp"
#include "kernels/parametric.hpp"

#include <algorithm>

namespace deepcore {

namespace {

const ActivationInfo& row(const LayerSpec& layer) { return activations()[static_cast<std::size_t>(layer.activation)]; }

}  // namespace

template <class T>
int Activation<T>::kept(const Spec& spec, int l) {
  const LayerSpec& layer = spec.layer(l);
  if (layer.parametric) return 2;
  return row(layer).reads == Reads::input || layer.dropout > 0 ? 1 : 0;
}

template <class T>
Activation<T>::Activation(const Network<T>& network, int l, const kernels::Columns<T>& shape, Workspace workspace)
    : l_(l), units_(network.spec.units(l)), layer_(network.spec.layer(l)),
      reads_input_(row(layer_).reads == Reads::input), shape_(shape),
      kept_(kept(network.spec, l) > 0 ? workspace.size : 0), products_(parametric() ? workspace.size : 0),
      alpha_(parametric() ? kernels::round_up<T>(units_) : 0) {}

template <class T>
Needs Activation<T>::needs() const {
  return row(layer_).columnwise ? Needs::units : Needs::values;
}

template <class T>
void Activation<T>::load(const Network<T>& network) {
  if (!parametric()) return;
  std::copy_n(network.parameters.data() + network.tensors.at(l_, Role::alpha).offset, units_, alpha_.data());
}

template <class T>
void Activation<T>::load(const State<T>& state) {
  if (parametric()) state.read_tail(l_, Role::alpha, alpha_.data());
}

template <class T>
void Activation<T>::forward(const Slab<T>&, const Part& part, kernels::Columns<T> A) {
  kernels::together(A, part.i0, part.i1, [&](Index i, Index rows) {
    const auto keep = [&] {
      const kernels::Columns<T> to = matrix(kept_, part);
      for (Index j = 0; j < part.m; ++j) std::copy_n(A.from(i) + j * A.ld, rows, to.from(i) + j * to.ld);
    };
    if (parametric()) {
      const bool keeps = !kept_.empty();
      kernels::parametric(
          layer_.activation, layer_.parameter, rows, part.m, A.ld, static_cast<const T*>(alpha_.data()) + i, A.from(i),
          keeps ? matrix(kept_, part).from(i) : nullptr, keeps ? matrix(products_, part).from(i) : nullptr);
      return;
    }
    if (!kept_.empty() && reads_input_) keep();
    kernels::activate(layer_.activation, layer_.parameter, rows, part.m, A.ld, static_cast<const T*>(A.from(i)),
                      A.from(i));
    if (!kept_.empty() && !reads_input_) keep();  // before dropout changes it
  });
}

template <class T>
void Activation<T>::backward(const Slab<T>&, const Part& part, kernels::Columns<T> A, kernels::Columns<T> d) {
  const kernels::Columns<T> x = kept_.empty() ? A : matrix(kept_, part);
  kernels::together(d, part.i0, part.i1, [&](Index i, Index rows) {
    if (parametric()) {
      kernels::parametric_back(layer_.activation, layer_.parameter, rows, part.m, d.ld,
                               static_cast<const T*>(alpha_.data()) + i, static_cast<const T*>(x.from(i)), d.from(i),
                               matrix(products_, part).from(i));
    } else {
      kernels::pull_back(layer_.activation, layer_.parameter, rows, part.m, d.ld, static_cast<const T*>(x.from(i)),
                         d.from(i));
    }
  });
}

template <class T>
void Activation<T>::gradient(const Piece& piece, Index m, bool add, T* out) const {
  if (!parametric()) return;
  const kernels::Columns<const T> products{products_.data(), shape_.ld, shape_.strip};
  kernels::row_sums(piece.width, m, products.from(piece.start), shape_.ld, add, out);
}

template class Activation<float>;
template class Activation<double>;

}  // namespace deepcore
