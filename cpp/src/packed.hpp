// Packed: the parameters of a network as the kernels want them, a cache of the Block that Python sees.
// Floor: layer.
#pragma once

#include <deepcore/network.hpp>

#include "kernels/columns.hpp"
#include "kernels/panels.hpp"
#include "team.hpp"

#include <algorithm>
#include <vector>

namespace deepcore {

// How far apart columns of n values lie: whole packets; from 256 B on an odd number of cache lines, because columns an
// even number of lines apart would share few sets of the cache.
template <class T>
Index leading(Index n) {
  constexpr Index kLine = static_cast<Index>(kAlignment / sizeof(T));
  const Index ld = kernels::round_up<T>(n);
  if (ld < 4 * kLine) return ld;
  return ((ld + kLine - 1) / kLine | 1) * kLine;
}

// Floating-point operations of m examples: forward; and of a step (two for dA, two for dW, none for dA[0]).
double forward_flops(const Spec& spec, Index m);
double step_flops(const Spec& spec, Index m);

// Examples of a block, at most `most`, so that each thread gets as many blocks, all of about the same size: of 200
// examples for two threads 52 in a block, not 64, 64, 64, 8.
Index even_block(Index m, Index most, int threads);

// f(first, count, thread) for m examples in parts of at most `block`, cut between tiles as evenly as that goes.
template <class F>
void in_parts(Team& team, Index m, Index block, F f) {
  constexpr Index kTile = kernels::kColumns<3>;
  const Index parts = (m + block - 1) / block, tiles = (m + kTile - 1) / kTile;
  const auto start = [&](Index part) { return std::min(m, part * tiles / parts * kTile); };
  team.for_each(parts, [&](Index i, int thread) { f(start(i), start(i + 1) - start(i), thread); });
}

// Layer l: panels of W[l] with n_in columns, then b[l] as one column more, and where there is a norm gamma[l], beta[l].
template <class T>
struct PackedLayer {
  Index n_in, n_out;
  kernels::Panels<T> rows;
  Index offset;  // of the layer in the packed block
  Index tail;    // columns behind W
  Index depth() const { return n_in + tail; }
  Index size() const { return rows.padded() * depth(); }
  kernels::Left<T> left(const T* packed) const { return {packed + offset, depth(), 0, true, nullptr}; }
};

template <class T>
struct PackedLayout {
  explicit PackedLayout(const Spec& spec);
  std::vector<PackedLayer<T>> layers;  // [l - 1]
  Index size = 0;
  const PackedLayer<T>& layer(int l) const { return layers[static_cast<std::size_t>(l) - 1]; }

  void pack(const Layout& layout, const T* block, T* packed) const;
  void unpack(const Layout& layout, const T* packed, T scale, T* block) const;
};

// Which rows of a column an activation works on: all, padding included (faster), unless it sums over its units.
template <class T>
Index active_rows(const LayerSpec& layer, Index n) {
  return activations()[static_cast<std::size_t>(layer.activation)].columnwise ? n : kernels::round_up<T>(n);
}

// Z[l] = W[l] A[l-1] + b[l] for m columns.
template <class T>
void linear(Index n_in, Index n_out, const kernels::Left<T>& W, kernels::Columns<const T> A_prev, Index m,
            kernels::Columns<T> Z) {
  const kernels::Panels<T> rows{n_out};
  kernels::multiply<true>(rows, 0, rows.count(), n_in, W, A_prev.data, A_prev.ld, A_prev.strip, m, Z);
}

// f(i, value) for the values of example j of a sparse X.
template <class T, class F>
void for_each_value(const Inputs<T>& X, Index j, F f) {
  for (std::int64_t k = X.starts[j]; k < X.starts[j + 1]; ++k) f(static_cast<Index>(X.units[k]), X.values[k]);
}

// Columns [first, first + m) of X, or those that order names.
template <class T>
void gather(const Inputs<T>& X, const std::int64_t* order, Index first, Index m, kernels::Columns<T> to);
template <class T>
void gather(const Inputs<T>& X, const std::int64_t* order, Index first, Index m, T* to, Index ld) {
  gather(X, order, first, m, kernels::Columns<T>{to, ld, kernels::kDepth});
}

// The targets of the same examples, as columns without gaps; labels become one-hot; smoothed if the loss says so.
template <class T>
void gather_targets(const Examples<T>& examples, const Spec& spec, const std::int64_t* order, Index first, Index m,
                    T* Y);

}  // namespace deepcore
