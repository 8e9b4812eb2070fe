// Penalties, clipping and max_norm over whole networks. Sums are formed piece by piece in one order, whether parameters lie
// in a Block or packed: the same bits on every road.
// Floor: layer.
#pragma once

#include "kernels/penalties.hpp"
#include "packed.hpp"

#include <cmath>

namespace deepcore {

// f(l, p, i0, i1): columns [i0, i1) of panel p of layer l; i1 = n_in: what lies behind W belongs to the piece as well.
template <class T, class F>
void for_each_piece(const Spec& spec, F f) {
  for (int l = 1; l <= spec.depth(); ++l) {
    const Index n_in = spec.units(l - 1), panels = kernels::Panels<T>{spec.units(l)}.count();
    for (Index p = 0; p < panels; ++p) {
      for (Index i = 0; i < n_in; i += kernels::kDepth) f(l, p, i, std::min(i + kernels::kDepth, n_in));
    }
  }
}

// The sum of f(l, rows, columns, stride, p) over the pieces of a Block. tail: with the columns behind W.
template <class T, class F>
double sum_of_pieces(const Network<T>& network, const T* block, bool tail, F f) {
  double total = 0;
  for_each_piece<T>(network.spec, [&](int l, Index p, Index i0, Index i1) {
    const Slice& s = network.layout.layer(l);
    const kernels::Panels<T> rows{s.n_out};
    const Index columns = i1 - i0 + (tail && i1 == s.n_in ? s.tail : 0);
    total += f(l, rows.valid(p), columns, s.n_out, block + s.W + i0 * s.n_out + rows.start(p));
  });
  return total;
}

template <class T>
double penalty(const Network<T>& network) {
  if (!network.spec.has_penalties()) return 0;
  return sum_of_pieces(network, static_cast<const T*>(network.parameters.data()), false,
                       [&](int l, Index rows, Index columns, Index stride, const T* p) {
                         const LayerSpec& layer = network.spec.layer(l);
                         return kernels::penalty(rows, columns, stride, p, layer.l1, layer.l2);
                       });
}

// By how much a gradient with that sum of squares shrinks: torch's rule.
inline double clip_factor(double squares, double clip_norm) {
  return clip_norm == 0 ? 1 : std::min(1.0, clip_norm / (std::sqrt(squares) + 1e-6));
}

}  // namespace deepcore
