// The head of a network: from Z[L] and the targets to A[L], dZ[L] and the loss of each example.
// Level: kernels. Without Eigen; the definitions are in kernels/elements.cpp, for float and double.
#pragma once

#include <deepcore/spec.hpp>

#include "kernels/columns.hpp"

namespace deepcore::kernels {

// The literal loss and its derivative, n values each.
template <class T>
void loss_value(int loss, double parameter, Index n, const T* a, const T* y, T* value);
template <class T>
void loss_gradient(int loss, double parameter, Index n, const T* a, const T* y, T* d);

inline constexpr int kBinary = 0, kCategorical = 1;  // rows of Losses with a stable form; held to the table by a test

// One block of columns without gaps: Z (n, m) -> A in place, and if wanted dZ (n, m) and losses (m).
// Y (n, m) without gaps. scratch: n * m values.
// A loss is infinite only if its double is, or if dZ is so large that the sums of the backward pass might overflow.
template <class T>
void head(const Spec& spec, Index m, T* Z, const T* Y, T* dZ, double* losses, T* scratch);

}  // namespace deepcore::kernels
