// Softmax: of one column and of many, its derivative, and the loss that belongs to it.
// Level: kernels. Without Eigen; the definitions are in kernels/softmax.cpp, for float and double.
#pragma once

#include "kernels/lanes.hpp"

namespace deepcore::kernels {

// One column of logits z (n) -> a (n) = softmax(z); returns log sum exp(z). a may be z.
template <class T>
T softmax(Index n, const T* z, T* a);

// m columns, `stride` apart, with the bits of one. A may be Z.
template <class T>
void softmax(Index n, Index m, Index stride, const T* Z, T* A);

// d -> J' d = a * (d - sum(a d)), m columns of n values, `stride` apart, in place
template <class T>
void pull_back_softmax(Index n, Index m, Index stride, const T* a, T* d);

// m columns without gaps: Z -> A in place, and if wanted the cross-entropies log sum exp(z) - y z and dZ = (sum of y) A - Y.
template <class T>
void softmax_with_cross_entropy(Index n, Index m, T* Z, const T* Y, T* dZ, double* losses);

}  // namespace deepcore::kernels
