// Strided: products and row sums of matrices of any strides, which are packed piece by piece as they are read.
// Level: kernels. Without Eigen; the definitions are in kernels/strided.cpp, for float and double.
#pragma once

#include <deepcore/view.hpp>

namespace deepcore::kernels {

// C (n, m) = scale (b + A B), by the rule of sums in kernels/lanes.hpp: the bits are those of the products of packed panels.
// A (n, K), B (K, m), b (n, 1) or empty; C with contiguous rows, apart from all others.
template <class T>
void product(View<const T> A, View<const T> B, View<const T> b, T scale, View<T> C);

// s (n, 1) = scale times the sums of the rows of D (n, m), in the order of the products.
template <class T>
void row_sums(View<const T> D, T scale, View<T> s);

// rows x columns: from[r * from_step + c] -> to[c * to_step + r]
template <class T>
void transpose(const T* from, Index from_step, Index rows, Index columns, T* to, Index to_step);

}  // namespace deepcore::kernels
