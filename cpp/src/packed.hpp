// Packed: the parameters of a network as the kernels want them, a cache of the Block that Python sees.
// Floor: layer.
#pragma once

#include <deepcore/network.hpp>

#include "kernels/columns.hpp"
#include "kernels/panels.hpp"

#include <vector>

namespace deepcore {

// How far apart columns of n values lie: whole packets; from 1 KB on an odd number of cache lines, because columns a
// multiple of 4 KB apart would all fall into the same few lines of the cache.
template <class T>
index leading(index n) {
  constexpr index kLine = static_cast<index>(kAlignment / sizeof(T));
  const index ld = kernels::round_up<T>(n);
  if (ld < 16 * kLine) return ld;
  return ((ld + kLine - 1) / kLine | 1) * kLine;
}

// Floating-point operations of m examples: forward; and of a step (two for dA, two for dW, none for dA[0]).
double forward_flops(const Spec& spec, index m);
double step_flops(const Spec& spec, index m);

// Layer l: panels of W[l] with n_in columns, then b[l] as one column more.
template <class T>
struct PackedLayer {
  index n_in, n_out;
  kernels::Panels<T> rows;
  index offset;  // of the layer in the packed block
  index depth() const { return n_in + 1; }
  index size() const { return rows.padded() * depth(); }
  kernels::Left<T> left(const T* packed) const { return {packed + offset, depth(), 0, true, nullptr}; }
};

template <class T>
struct PackedLayout {
  explicit PackedLayout(const Spec& spec);
  std::vector<PackedLayer<T>> layers;  // [l - 1]
  index size = 0;
  const PackedLayer<T>& layer(int l) const { return layers[static_cast<std::size_t>(l) - 1]; }

  void pack(const Layout& layout, const T* block, T* packed) const;
  void unpack(const Layout& layout, const T* packed, T scale, T* block) const;
};

// Which rows of a column an activation works on: all, padding included (faster), unless it sums over its units.
template <class T>
index active_rows(const LayerSpec& layer, index n) {
  return activations()[static_cast<std::size_t>(layer.activation)].columnwise ? n : kernels::round_up<T>(n);
}

// A[l] = g(W[l] A[l-1] + b[l]) for m columns, of which Z, if not null, keeps W[l] A[l-1] + b[l] (same stride as A).
template <class T>
void dense(const LayerSpec& spec, index n_in, index n_out, const kernels::Left<T>& W, const T* A_prev, index ld_prev,
           index m, T* A, index ld, T* Z) {
  kernels::multiply<true>(kernels::Panels<T>{n_out}, n_in, W, A_prev, ld_prev, m, A, ld);
  if (Z != nullptr) std::copy_n(A, m * ld, Z);
  kernels::activate(spec.activation, spec.parameter, active_rows<T>(spec, n_out), m, ld, A, A);
}

// Columns [first, first + m) of X, or those that order names, side by side with stride ld.
template <class T>
void gather(View<const T> X, const std::int64_t* order, index first, index m, T* to, index ld);

// The targets of the same examples, as columns without gaps; labels become one-hot.
template <class T>
void gather_targets(const Examples<T>& examples, index outputs, const std::int64_t* order, index first, index m, T* Y);

}  // namespace deepcore
