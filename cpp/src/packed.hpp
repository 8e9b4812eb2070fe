// Packed: the one layout in which a run keeps parameters, gradients and optimizer slots: panels, as the kernels want them.
// Level: state. The public layout, which Python sees, is that of Tensors.
#pragma once

#include <deepcore/tensors.hpp>

#include "kernels/panels.hpp"

#include <vector>

namespace deepcore {

// Layer l: panels of W[l] with n_in columns; behind them, as further columns of the same panels, the tensors with a value
// per unit: b[l], then gamma[l], beta[l], alpha[l] where there are any. After all layers comes the rest, which belongs to
// no panel: the tensors with a value per input, and the arrays of the embeddings, as in the public layout.
template <class T>
struct PackedLayer {
  Index n_in, n_out;
  kernels::Panels<T> rows;
  Index offset;              // of the layer in a packed buffer
  std::vector<Tensor> tail;  // what stands behind W, in order
  Index depth() const { return n_in + static_cast<Index>(tail.size()); }
  kernels::Left<T> left(const T* packed) const { return {packed + offset, depth(), 0, true, nullptr}; }
};

// Columns [i0, i1) of one panel of W[l]; the last piece of a panel has the tail as well. Pieces are what threads share when
// they form the gradient and update, and sums over parameters are formed piece after piece, in the order of `number`.
struct Piece {
  int l;
  Index panel, i0, i1;
  bool last;  // the tail belongs to it
  std::size_t number;
  Index offset, start, width, valid;  // in a packed buffer; first row, rows with padding, rows
  Index columns;                      // those of the tail included
  Index weights() const { return (i1 - i0) * width; }
  Index values() const { return columns * width; }
};

// A tensor with a value per input, and where it lies in a packed buffer.
struct InputTensor {
  Tensor tensor;
  Index offset;
};

template <class T>
class PackedLayout {
 public:
  PackedLayout(const Spec& spec, const Tensors& tensors);
  const PackedLayer<T>& layer(int l) const { return layers_[static_cast<std::size_t>(l) - 1]; }
  int depth() const { return static_cast<int>(layers_.size()); }
  Index size() const { return size_; }
  const std::vector<Piece>& pieces() const { return pieces_; }
  const std::vector<InputTensor>& input_tensors() const { return input_tensors_; }
  Index rest_offset() const { return rest_offset_; }
  Index rest_size() const { return size_ - rest_offset_; }
  Index embedding_offset() const { return embedding_offset_; }

  void pack(const T* flat, T* packed) const;
  void unpack(const T* packed, T scale, T* flat) const;
  // The same in parts, which threads may share: one piece, and the rest.
  void pack(const Piece& piece, const T* flat, T* packed) const;
  void unpack(const Piece& piece, const T* packed, T scale, T* flat) const;
  void pack_rest(const T* flat, T* packed) const;
  void unpack_rest(const T* packed, T scale, T* flat) const;
  // One column of the tail, n_out values, and where it stands.
  Index tail_column(int l, Role role) const;
  void read_tail(int l, Role role, const T* packed, T* to) const;

 private:
  std::vector<PackedLayer<T>> layers_;  // [l - 1]
  std::vector<Piece> pieces_;
  std::vector<InputTensor> input_tensors_;
  Index size_ = 0, rest_offset_ = 0, embedding_offset_ = 0;
  Tensors tensors_;
};

}  // namespace deepcore
