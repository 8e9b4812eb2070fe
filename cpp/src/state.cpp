// State: loading, publishing, and what follows from parameters that changed.
// Level: state.
#include "state.hpp"

#include "kernels/penalties.hpp"

#include <algorithm>

namespace deepcore {

template <class T>
State<T>::State(const Network<T>& network, bool transposed)
    : spec_(network.spec), layout_(network.spec, network.tensors), factors_(spec_, layout_),
      parameters_(layout_.size()) {
  for (int l = 0; l <= spec_.depth(); ++l) {
    transposed_.emplace_back(transposed && l > (spec_.embeddings().any() ? 0 : 1)
                                 ? kernels::Panels<T>{spec_.units(l - 1)}.padded() * spec_.units(l)
                                 : 0);
  }
  if (spec_.reparametrised()) effective_ = Buffer<T>(layout_.size());
}

template <class T>
void State<T>::load(const T* parameters, Team& team) {
  layout_.pack_rest(parameters, parameters_.data());
  for_each_piece(team, [&](const Piece& piece) {
    layout_.pack(piece, parameters, parameters_.data());
    derive(piece);
  });
}

template <class T>
void State<T>::publish(T* parameters, Team& team) const {
  layout_.unpack_rest(parameters_.data(), T(1), parameters);
  for_each_piece(team, [&](const Piece& piece) { layout_.unpack(piece, parameters_.data(), T(1), parameters); });
}

template <class T>
void State<T>::derive(const Piece& piece) {
  const T* columns = parameters_.data() + piece.offset;
  if (factors_.any(piece.l)) {
    T* effective = effective_.data() + piece.offset;
    factors_.multiply(piece, parameters_.data(), effective);
    std::copy_n(columns + piece.weights(), piece.values() - piece.weights(), effective + piece.weights());
    columns = effective;
  }
  if (transposed_[at(piece.l)].empty()) return;
  const PackedLayer<T>& layer = layout_.layer(piece.l);
  kernels::transpose_panel(columns, piece.width, piece.start, piece.valid, piece.i0, piece.i1,
                           kernels::Panels<T>{layer.n_in}, layer.n_out, transposed_[at(piece.l)].data());
}

template <class T>
double State<T>::penalty(const Piece& piece) const {
  const LayerSpec& layer = spec_.layer(piece.l);
  if (layer.l1 == 0 && layer.l2 == 0) return 0;
  return kernels::penalty(piece.valid, piece.i1 - piece.i0, piece.width, parameters() + piece.offset, layer.l1,
                          layer.l2);
}

template class State<float>;
template class State<double>;

}  // namespace deepcore
