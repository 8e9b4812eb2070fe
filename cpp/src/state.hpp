// State: the parameters of a network as kernels read them, and what is derived from them: W times the factors that stand
// outside of it, and W' for the backward pass.
// Level: state.
#pragma once

#include <deepcore/network.hpp>

#include "column_factors.hpp"
#include "packed.hpp"
#include "team.hpp"

#include <vector>

namespace deepcore {

template <class T>
class State {
 public:
  // transposed: with W[l]' for l >= 2, which a backward pass reads, and for l = 1 if embeddings need dA[0].
  State(const Network<T>& network, bool transposed);

  void load(const T* parameters, Team& team);     // from the public layout
  void publish(T* parameters, Team& team) const;  // to the public layout
  const PackedLayout<T>& layout() const { return layout_; }
  T* parameters() { return parameters_.data(); }
  const T* embeddings() const { return parameters_.data() + layout_.embedding_offset(); }
  const T* parameters() const { return parameters_.data(); }

  // W[l] and b[l] as the forward product reads them, and W[l]' as the backward product reads it.
  kernels::Left<T> left(int l) const { return layout_.layer(l).left(read_from(l)); }
  kernels::Left<T> transposed(int l) const {
    return {transposed_[at(l)].data(), layout_.layer(l).n_out, 0, false, nullptr};
  }

  void derive(const Piece& piece);           // after its parameters changed
  double penalty(const Piece& piece) const;  // l1 |W|_1 + l2 / 2 |W|^2 of its weights
  void read_tail(int l, Role role, T* to) const { layout_.read_tail(l, role, parameters(), to); }

  ColumnFactors<T>& factors() { return factors_; }

 private:
  static std::size_t at(int l) { return static_cast<std::size_t>(l); }
  template <class F>
  void for_each_piece(Team& team, F f) const {
    const std::vector<Piece>& pieces = layout_.pieces();
    team.for_each(static_cast<Index>(pieces.size()), [&](Index i, int) { f(pieces[static_cast<std::size_t>(i)]); });
  }
  const T* read_from(int l) const { return factors_.any(l) ? effective_.data() : parameters_.data(); }

  Spec spec_;
  PackedLayout<T> layout_;
  ColumnFactors<T> factors_;
  Buffer<T> parameters_;
  Buffer<T> effective_;                // W times its factors; empty where no layer has them
  std::vector<Buffer<T>> transposed_;  // by layer, 0..L
};

}  // namespace deepcore
