// Packed: where each number lies, and the way between the public layout and this one.
// Level: state.
#include "packed.hpp"

#include <algorithm>

namespace deepcore {

namespace {

template <class T>
void scaled(T scale, const T* from, Index n, T* to) {
  for (Index i = 0; i < n; ++i) to[i] = scale * from[i];
}

}  // namespace

template <class T>
PackedLayout<T>::PackedLayout(const Spec& spec, const Tensors& tensors) : tensors_(tensors) {
  const auto grow = [this](Index size) {  // what comes next starts on a cache line
    constexpr Index kLine = kernels::kLine<T>;
    size_ = (size_ + size + kLine - 1) / kLine * kLine;
  };
  for (int l = 1; l <= spec.depth(); ++l) {
    const Index n_in = spec.units(l - 1), n_out = spec.units(l);
    PackedLayer<T> layer{n_in, n_out, kernels::Panels<T>{n_out}, size_, {}};
    for (const Tensor& tensor : tensors_.all()) {
      const bool per_unit = tensor.role != Role::W && !role_info(tensor.role).per_input;
      if (tensor.layer == l && per_unit) layer.tail.push_back(tensor);
    }
    const auto tail = static_cast<Index>(layer.tail.size());
    for (Index p = 0; p < layer.rows.count(); ++p) {
      const Index start = layer.rows.start(p), width = layer.rows.width(p);
      for (Index i0 = 0; i0 < n_in; i0 += kernels::kDepth) {
        const Index i1 = std::min(i0 + kernels::kDepth, n_in);
        const Index offset = layer.offset + start * layer.depth() + i0 * width;
        const bool last = i1 == n_in;
        pieces_.push_back({l, p, i0, i1, last, pieces_.size(), offset, start, width, layer.rows.valid(p),
                           i1 - i0 + (last ? tail : 0)});
      }
    }
    grow(layer.rows.padded() * layer.depth());
    layers_.push_back(std::move(layer));
  }
  rest_offset_ = size_;
  for (const Tensor& tensor : tensors_.all()) {
    if (!role_info(tensor.role).per_input) continue;
    input_tensors_.push_back({tensor, size_});
    grow(tensor.rows);
  }
  embedding_offset_ = size_;
  grow(tensors_.embedding_size());
}

template <class T>
void PackedLayout<T>::pack(const T* flat, T* packed) const {
  pack_rest(flat, packed);
  for (const Piece& piece : pieces_) pack(piece, flat, packed);
}

template <class T>
void PackedLayout<T>::unpack(const T* packed, T scale, T* flat) const {
  unpack_rest(packed, scale, flat);
  for (const Piece& piece : pieces_) unpack(piece, packed, scale, flat);
}

template <class T>
void PackedLayout<T>::pack(const Piece& piece, const T* flat, T* packed) const {
  T* column = packed + piece.offset;
  kernels::pack(view(tensors_.at(piece.l, Role::W), flat), piece.start, piece.valid, piece.width, piece.i0, piece.i1,
                column);
  if (!piece.last) return;
  column += piece.weights();
  for (const Tensor& tensor : layer(piece.l).tail) {
    kernels::pack(view(tensor, flat), piece.start, piece.valid, piece.width, 0, 1, column);
    column += piece.width;
  }
}

template <class T>
void PackedLayout<T>::unpack(const Piece& piece, const T* packed, T scale, T* flat) const {
  const View<T> W = view(tensors_.at(piece.l, Role::W), flat);
  const T* column = packed + piece.offset;
  for (Index i = piece.i0; i < piece.i1; ++i, column += piece.width)
    scaled(scale, column, piece.valid, &W(piece.start, i));
  if (!piece.last) return;
  for (const Tensor& tensor : layer(piece.l).tail) {
    scaled(scale, column, piece.valid, flat + tensor.offset + piece.start);
    column += piece.width;
  }
}

template <class T>
void PackedLayout<T>::pack_rest(const T* flat, T* packed) const {
  std::copy_n(flat, tensors_.embedding_size(), packed + embedding_offset_);
  for (const auto& [tensor, offset] : input_tensors_) std::copy_n(flat + tensor.offset, tensor.rows, packed + offset);
}

template <class T>
void PackedLayout<T>::unpack_rest(const T* packed, T scale, T* flat) const {
  scaled(scale, packed + embedding_offset_, tensors_.embedding_size(), flat);
  for (const auto& [tensor, offset] : input_tensors_) scaled(scale, packed + offset, tensor.rows, flat + tensor.offset);
}

template <class T>
Index PackedLayout<T>::tail_column(int l, Role role) const {
  const std::vector<Tensor>& tail = layer(l).tail;
  const auto found = std::find_if(tail.begin(), tail.end(), [&](const Tensor& t) { return t.role == role; });
  return layer(l).n_in + (found - tail.begin());
}

template <class T>
void PackedLayout<T>::read_tail(int l, Role role, const T* packed, T* to) const {
  const PackedLayer<T>& from = layer(l);
  const Index column = tail_column(l, role);
  for (Index p = 0; p < from.rows.count(); ++p) {
    const Index start = from.rows.start(p);
    std::copy_n(packed + from.offset + start * from.depth() + column * from.rows.width(p), from.rows.valid(p),
                to + start);
  }
}

template class PackedLayout<float>;
template class PackedLayout<double>;

}  // namespace deepcore
