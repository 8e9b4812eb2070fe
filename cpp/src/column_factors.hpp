// ColumnFactors: factors that stand outside of W, one per column (input): 1/sqrt(n_in), which is fixed, times scale[l].
// Level: state. The product of such a layer reads W times its factors.
#pragma once

#include <deepcore/buffer.hpp>

#include "packed.hpp"

#include <vector>

namespace deepcore {

template <class T>
class ColumnFactors {
 public:
  ColumnFactors(const Spec& spec, const PackedLayout<T>& layout);

  bool any(int l) const { return layers_[static_cast<std::size_t>(l)].any; }
  bool trained(int l) const { return layers_[static_cast<std::size_t>(l)].trained(); }
  // A piece of W -> the same columns of the matrix that the product reads. parameters: packed.
  void multiply(const Piece& piece, const T* parameters, T* product) const;
  // The sums that belong to that matrix -> those of W, in place. The gradient of a trained factor is the sum over its column
  // of W times the former; what the piece adds to it is kept for finish().
  void backward(const Piece& piece, const T* parameters, T* sums);
  // Adds up the gradients of all trained factors when every piece is done. rest_sums: sums of the layout's rest.
  void finish(const std::vector<Piece>& pieces, T* rest_sums) const;

 private:
  struct Layer {
    bool any = false;
    T fixed = 1;
    Index n_in = 0, offset = -1;  // offset: of scale[l] in the rest; -1: there is none
    bool trained() const { return offset >= 0; }
  };
  void factors(const Piece& piece, const T* parameters, T* to) const;  // i1 - i0 of them

  Index rest_offset_;          // of the layout
  std::vector<Layer> layers_;  // 0..L
  Buffer<double> dots_;        // of each piece, kDepth values: its part of the sums of trained factors
};

}  // namespace deepcore
