// The formulas of forward and backward propagation, a function each, on matrices of any strides: rows are units, columns
// are examples.
// Public header, standard library only. The same kernels as train: the same bits.
#pragma once

#include <deepcore/view.hpp>

namespace deepcore {

// A_prev (n_prev, m), W (n, n_prev), b (n, 1) -> Z (n, m) = W A_prev + b
template <class T>
void linear_forward(View<const T> A_prev, View<const T> W, View<const T> b, View<T> Z);

// dZ (n, m), A_prev (n_prev, m), W (n, n_prev) -> dA_prev (n_prev, m) = W' dZ unless it is empty, dW = dZ A_prev' / m,
// db = row means of dZ
template <class T>
void linear_backward(View<const T> dZ, View<const T> A_prev, View<const T> W, View<T> dA_prev, View<T> dW, View<T> db);

// Z -> A = g(Z); all (n, m)
template <class T>
void activation_forward(View<const T> Z, int activation, double parameter, View<T> A);

// dA, Z -> dZ = dA * g'(Z); softmax: the product with its Jacobian, column by column
template <class T>
void activation_backward(View<const T> dA, View<const T> Z, int activation, double parameter, View<T> dZ);

// Z -> g'(Z), element by element: not for softmax
template <class T>
void activation_slope(View<const T> Z, int activation, double parameter, View<T> slope);

// A, Y (n, m) -> the loss of each example (m), by the literal formula
template <class T>
void loss_values(View<const T> A, View<const T> Y, int loss, double parameter, T* values);

// A, Y (n, m) -> dA (n, m), by the literal formula; not divided by m
template <class T>
void loss_gradient(View<const T> A, View<const T> Y, int loss, double parameter, View<T> dA);

// y = x where mask is not 0, else 0; divided by keep. n values each
template <class T>
void dropout(Index n, const T* x, const unsigned char* mask, T keep, T* y);

// The sum of the squares of n values
template <class T>
double sum_of_squares(Index n, const T* x);

}  // namespace deepcore
