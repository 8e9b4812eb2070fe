// Parametric activations: A = Z + (g(Z) - Z) alpha, with an alpha per unit, and the way back.
// Level: kernels. Without Eigen; the definitions are in kernels/parametric.cpp, for float and double.
#pragma once

#include <deepcore/view.hpp>

namespace deepcore::kernels {

// a: Z -> A, in place: m columns of n values, `ld` apart; alpha (n). z, values: copies of Z and g(Z) for the way back,
// if not null.
template <class T>
void parametric(int activation, double parameter, Index n, Index m, Index ld, const T* alpha, T* a, T* z, T* values);

// d: dL/dA -> dL/dZ = d (1 + (g'(Z) - 1) alpha), in place; values: g(Z) -> d (g(Z) - Z), the products whose sums are the
// gradient of alpha. All columns are `ld` apart.
template <class T>
void parametric_back(int activation, double parameter, Index n, Index m, Index ld, const T* alpha, const T* z, T* d,
                     T* values);

}  // namespace deepcore::kernels
