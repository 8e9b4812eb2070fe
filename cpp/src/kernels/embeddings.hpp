// Embeddings: maps one column of numbers or codes to its units, and computes the gradients of its arrays.
// Level: kernels. Without Eigen; the definitions are in kernels/embeddings.cpp, for float and double.
#pragma once

#include "kernels/columns.hpp"

namespace deepcore::kernels {

// The arrays of one column. weight (units, basis), column by column; offset (units). Periodic: frequency and phase
// (basis). Piecewise linear: edges (basis), and frequency is null.
template <class T>
struct EmbeddedColumn {
  Index basis, units;
  const T *frequency, *phase, *edges, *weight, *offset;
};
template <class T>
struct EmbeddedSums {
  T *frequency, *phase, *weight, *offset;
};

// table (units, codes), column by column; codes x (m) -> rows [row, row + units) of `to`: column x[j] of the table.
template <class T>
void look_up(const T* table, Index units, Index m, const T* x, Index row, Columns<T> to);

// Sums over m examples of the gradient of the table; d: dL/d(units), row k at d + k ld. add: to the values in `sums`.
template <class T>
void look_up_back(Index units, Index codes, Index m, const T* x, const T* d, Index ld, bool add, T* sums);

// x (m) -> rows [row, row + units) of `to`. The bits of an example do not depend on its position.
template <class T>
void embed(const EmbeddedColumn<T>& column, Index m, const T* x, Index row, Columns<T> to);

// Sums over m examples of the gradients of the column's arrays; d: dL/d(units), row k at d + k ld. x and the rows of d
// are padded with zeros to whole packets. add: to the values in `sums`.
template <class T>
void embed_back(const EmbeddedColumn<T>& column, Index m, const T* x, const T* d, Index ld, bool add,
                const EmbeddedSums<T>& sums);

}  // namespace deepcore::kernels
