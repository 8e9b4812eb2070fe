// Factors that stand outside of W, one per column (input): applying them, and their gradients.
// Level: kernels.
#pragma once

#include <deepcore/view.hpp>

namespace deepcore::kernels {

// to (rows, count) = from times a factor per column; columns are `rows` apart, to may be from.
template <class T>
void scale_columns(Index rows, Index count, const T* factors, const T* from, T* to) {
  for (Index k = 0; k < count; ++k, from += rows, to += rows) {
    const T factor = factors[k];
    for (Index i = 0; i < rows; ++i) to[i] = factor * from[i];
  }
}

// sums[k] = the sum over i of W(i, k) G(i, k), both (rows, count) with columns `ld` apart; in double, row after row.
template <class T>
void column_dots(Index rows, Index count, Index ld, const T* W, const T* G, double* sums) {
  for (Index k = 0; k < count; ++k, W += ld, G += ld) {
    double sum = 0;
    for (Index i = 0; i < rows; ++i) sum += static_cast<double>(W[i]) * static_cast<double>(G[i]);
    sums[k] = sum;
  }
}

}  // namespace deepcore::kernels
