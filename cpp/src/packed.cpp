// Packed: where each number lies, and the way between the public layout and this one.
// Level: state.
#include "packed.hpp"

#include <deepcore/buffer.hpp>

#include <algorithm>

namespace deepcore {

template <class T>
PackedLayout<T>::PackedLayout(const Spec& spec, const Tensors& tensors) : tensors_(tensors) {
  constexpr Index kLine = static_cast<Index>(kAlignment / sizeof(T));  // every layer starts on a cache line
  for (int l = 1; l <= spec.depth(); ++l) {
    const Index n_in = spec.units(l - 1), n_out = spec.units(l);
    PackedLayer<T> layer{n_in, n_out, kernels::Panels<T>{n_out}, size_, {}, {}};
    for (const Tensor& tensor : tensors_.all()) {
      if (tensor.layer != l || tensor.role == Role::W) continue;
      if (tensor.role == Role::scale) {
        layer.scale = tensor;
      } else {
        layer.tail.push_back(tensor);
      }
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
    const Index scale = layer.scale ? kernels::round_up<T>(n_in) : 0;
    size_ = (layer.scale_offset() + scale + kLine - 1) / kLine * kLine;
    layers_.push_back(std::move(layer));
  }
  embedding_offset_ = size_;
  size_ += (embedding_size() + kLine - 1) / kLine * kLine;
}

template <class T>
void PackedLayout<T>::pack(const T* flat, T* packed) const {
  std::copy_n(flat, embedding_size(), packed + embedding_offset_);
  for (int l = 1; l <= depth(); ++l) {
    const PackedLayer<T>& to = layer(l);
    const View<const T> W = view(tensors_.at(l, Role::W), flat);
    for (Index p = 0; p < to.rows.count(); ++p) {
      const Index start = to.rows.start(p), valid = to.rows.valid(p), width = to.rows.width(p);
      T* column = packed + to.offset + start * to.depth();
      kernels::pack(W, start, valid, width, 0, to.n_in, column);
      column += to.n_in * width;
      for (const Tensor& tensor : to.tail) {
        kernels::pack(view(tensor, flat), start, valid, width, 0, 1, column);
        column += width;
      }
    }
    if (to.scale) std::copy_n(flat + to.scale->offset, to.n_in, packed + to.scale_offset());
  }
}

template <class T>
void PackedLayout<T>::unpack(const T* packed, T scale, T* flat) const {
  const auto copy = [&](const T* from, Index n, T* to) {
    for (Index i = 0; i < n; ++i) to[i] = scale * from[i];
  };
  copy(packed + embedding_offset_, embedding_size(), flat);
  for (int l = 1; l <= depth(); ++l) {
    const PackedLayer<T>& from = layer(l);
    const View<T> W = view(tensors_.at(l, Role::W), flat);
    for (Index p = 0; p < from.rows.count(); ++p) {
      const Index start = from.rows.start(p), valid = from.rows.valid(p), width = from.rows.width(p);
      const T* column = packed + from.offset + start * from.depth();
      for (Index k = 0; k < from.n_in; ++k, column += width) copy(column, valid, &W(start, k));
      for (const Tensor& tensor : from.tail) {
        copy(column, valid, flat + tensor.offset + start);
        column += width;
      }
    }
    if (from.scale) copy(packed + from.scale_offset(), from.n_in, flat + from.scale->offset);
  }
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
