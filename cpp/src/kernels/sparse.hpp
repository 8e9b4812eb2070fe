// Products with a sparse matrix: each column is a sum of few columns of the other matrix, with the bits of the whole product.
// Level: kernels. Without Eigen; the definitions are in kernels/sparse.cpp, for float and double.
#pragma once

#include "kernels/panels.hpp"

#include <cstdint>

namespace deepcore::kernels {

// Lists of values and of their places: list j has the values [starts[j], starts[j + 1]), and its places rise.
template <class T>
struct SparseLists {
  const std::int64_t* starts;
  const std::int32_t* places;
  const T* values;
};

// multiply, for panels [p0, p1), with columns [first, first + m) of a sparse B: list j holds the values of column j.
template <class T>
void multiply_sparse(Panels<T> panels, Index p0, Index p1, Index K, const Left<T>& A, const SparseLists<T>& B,
                     Index first, Index m, Columns<T> C);

// outer, with rows [i0, i1) of a sparse B: list i holds the values of row i of all examples.
template <class T>
void outer_sparse(Index width, const T* A, Index sa, const SparseLists<T>& B, Index i0, Index i1, bool add, T* C);

}  // namespace deepcore::kernels
