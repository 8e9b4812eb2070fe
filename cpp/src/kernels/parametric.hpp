// Parametric activations: A = Z + (g(Z) - Z) alpha, with an alpha per unit, and the way back.
// Level: kernels. Without Eigen; the definitions are in kernels/parametric.cpp, for float and double.
#pragma once

#include <deepcore/view.hpp>

namespace deepcore::kernels {

// Z -> A, in place: m columns of n values, `ld` apart; alpha (n).
template <class T>
void parametric(int activation, double parameter, Index n, Index m, Index ld, const T* alpha, T* z);

// d: dL/dA -> dL/dZ = d (1 + (g'(Z) - 1) alpha), in place; products: d (g(Z) - Z). Columns of z, d and products are `ld`
// apart.
template <class T>
void parametric_back(int activation, double parameter, Index n, Index m, Index ld, const T* alpha, const T* z, T* d,
                     T* products);

}  // namespace deepcore::kernels
