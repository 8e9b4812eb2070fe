// ColumnFactors: from W to the matrix of the product, and back from its sums to those of W and of the factors.
// Level: state.
#include "column_factors.hpp"

#include "kernels/column_factors.hpp"

#include <algorithm>
#include <cmath>

namespace deepcore {

template <class T>
ColumnFactors<T>::ColumnFactors(const Spec& spec, const PackedLayout<T>& layout)
    : rest_offset_(layout.rest_offset()), layers_(static_cast<std::size_t>(spec.depth()) + 1) {
  for (int l = 1; l <= spec.depth(); ++l) {
    Layer& layer = layers_[static_cast<std::size_t>(l)];
    layer.any = spec.layer(l).reparametrised();
    layer.n_in = spec.units(l - 1);
    if (spec.layer(l).ntk) layer.fixed = static_cast<T>(1 / std::sqrt(static_cast<double>(layer.n_in)));
  }
  for (const auto& [tensor, offset] : layout.input_tensors()) {
    if (tensor.role == Role::scale) layers_[static_cast<std::size_t>(tensor.layer)].offset = offset - rest_offset_;
  }
  const bool trained = std::any_of(layers_.begin(), layers_.end(), [](const Layer& layer) { return layer.trained(); });
  if (trained) dots_ = Buffer<double>(static_cast<Index>(layout.pieces().size()) * kernels::kDepth);
}

template <class T>
void ColumnFactors<T>::factors(const Piece& piece, const T* parameters, T* to) const {
  const Layer& layer = layers_[static_cast<std::size_t>(piece.l)];
  const Index count = piece.i1 - piece.i0;
  std::fill_n(to, count, layer.fixed);
  if (layer.trained())
    kernels::scale_columns(Index{1}, count, to, parameters + rest_offset_ + layer.offset + piece.i0, to);
}

template <class T>
void ColumnFactors<T>::multiply(const Piece& piece, const T* parameters, T* product) const {
  T own[kernels::kDepth];
  factors(piece, parameters, own);
  kernels::scale_columns(piece.width, piece.i1 - piece.i0, own, parameters + piece.offset, product);
}

template <class T>
void ColumnFactors<T>::backward(const Piece& piece, const T* parameters, T* sums) {
  const Index count = piece.i1 - piece.i0;
  if (trained(piece.l)) {
    double* dots = dots_.data() + static_cast<Index>(piece.number) * kernels::kDepth;
    kernels::column_dots(piece.valid, count, piece.width, parameters + piece.offset, static_cast<const T*>(sums), dots);
  }
  T own[kernels::kDepth];
  factors(piece, parameters, own);
  kernels::scale_columns(piece.width, count, static_cast<const T*>(own), static_cast<const T*>(sums), sums);
}

template <class T>
void ColumnFactors<T>::finish(const std::vector<Piece>& pieces, T* rest_sums) const {
  for (const Layer& layer : layers_) {
    if (layer.trained()) std::fill_n(rest_sums + layer.offset, layer.n_in, T(0));
  }
  for (const Piece& piece : pieces) {  // in the order of their numbers, on every number of threads
    const Layer& layer = layers_[static_cast<std::size_t>(piece.l)];
    if (!layer.trained()) continue;
    const double* dots = dots_.data() + static_cast<Index>(piece.number) * kernels::kDepth;
    T* sums = rest_sums + layer.offset + piece.i0;
    for (Index k = 0; k < piece.i1 - piece.i0; ++k)
      sums[k] += static_cast<T>(static_cast<double>(layer.fixed) * dots[k]);
  }
}

template class ColumnFactors<float>;
template class ColumnFactors<double>;

}  // namespace deepcore
