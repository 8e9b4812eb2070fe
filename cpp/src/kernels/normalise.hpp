// Normalisation: batch norm of rows (units) over examples, layer norm of columns (examples) over units, and back.
// Level: kernels. Without Eigen; the definitions are in kernels/normalise.cpp. Matrices are panels of `width` rows, columns
// ld apart; gamma is 0 in rows that pad.
#pragma once

#include "kernels/lanes.hpp"

#include <cmath>

namespace deepcore::kernels {

inline constexpr double kNormEpsilon = 1e-5, kNormMomentum = 0.1;  // torch's

template <class T>
T inverse_deviation(T variance) {
  return T(1) / std::sqrt(variance + static_cast<T>(kNormEpsilon));
}

// Weighted mean and variance of each row; scale: 1 over the sum of the weights w (m).
template <class T>
void batch_statistics(Index width, Index m, const T* Z, Index ld, const T* w, double scale, T* mean, T* variance);

// xhat = (z - mean) inverse, z = gamma xhat + beta; by row. xhat may be null.
template <class T>
void normalise_rows(Index width, Index m, T* Z, Index ld, const T* mean, const T* inverse, const T* gamma,
                    const T* beta, T* xhat);

// d: dL/dN -> dL/dZ. w: weights of the examples and scale of batch statistics, which depend on Z; null: given ones.
template <class T>
void normalise_rows_back(Index width, Index m, T* d, Index ld, const T* xhat, const T* inverse, const T* gamma,
                         const T* w, double scale);

// C (one panel) (+)= the sums over m columns of d * x, in the order of row_sums: the gradient of gamma.
template <class T>
void row_dots(Index width, Index m, const T* d, const T* x, Index ld, bool add, T* C);

// Mean and 1 / deviation of one column of n units.
template <class T>
void layer_statistics(Index n, const T* z, T* mean, T* inverse);

// Rows of one column: xhat = (z - mean) inverse, z = gamma xhat + beta. xhat may be null.
template <class T>
void normalise_column(Index width, T* z, T mean, T inverse, const T* gamma, const T* beta, T* xhat);

// One column of n units: d: dL/dxhat -> dL/dZ.
template <class T>
void normalise_column_back(Index n, T* d, const T* xhat, T inverse);

}  // namespace deepcore::kernels
