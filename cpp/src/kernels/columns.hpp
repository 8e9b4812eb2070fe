// Columns: the units of one example after the other, where they lie, and what is computed of each of them.
// Level: kernels. Without Eigen; the definitions are in kernels/elements.cpp, for float and double.
#pragma once

#include <deepcore/catalog.hpp>

#include "kernels/lanes.hpp"

namespace deepcore::kernels {

inline constexpr int kLinear = 0;  // the row of the activations that changes nothing; held to the table by a test

// Columns (units of one example) of a matrix, cut into strips of kDepth units: unit i of column j lies at
// data[(i / kDepth) * strip + j * ld + i % kDepth]. With strip = kDepth the columns are whole. The strips of a batch keep
// what a run of a product reads within few pages, however wide the layer.
template <class T>
struct Columns {
  T* data;
  Index ld;
  Index strip;

  T* from(Index i) const { return data + i / kDepth * strip + i % kDepth; }
  Columns starting(Index j) const { return {data + j * ld, ld, strip}; }
  operator Columns<const T>() const { return {data, ld, strip}; }  // NOLINT(google-explicit-constructor)
};

// f(i, rows) for each range of rows within [i0, i1) that lies contiguously: all of them, or strip by strip.
template <class T, class F>
void together(Columns<T> columns, Index i0, Index i1, F f) {
  if (columns.strip == kDepth) return f(i0, i1 - i0);
  for (Index i = i0; i < i1;) {
    const Index end = std::min(i1, (i / kDepth + 1) * kDepth);
    f(i, end - i);
    i = end;
  }
}

// m columns of n values, `from` apart, to columns `to` apart. Few values per column: no call for each.
template <class T>
void copy_columns(Index n, Index m, const T* source, Index from, T* target, Index to) {
  if (n == 1) {
    for (Index j = 0; j < m; ++j) target[j * to] = source[j * from];
  } else {
    for (Index j = 0; j < m; ++j) {
      for (Index i = 0; i < n; ++i) target[j * to + i] = source[j * from + i];
    }
  }
}

// Z -> A = g(Z), m columns of n values, `stride` apart; in place allowed. n: units, without padding where the row is
// columnwise.
template <class T>
void activate(int activation, double parameter, Index n, Index m, Index stride, const T* Z, T* A);

// dA -> dZ = dA * g'(Z), in place. x is A or Z, as the row's `reads` says.
template <class T>
void pull_back(int activation, double parameter, Index n, Index m, Index stride, const T* x, T* d);

// x *= y, n values
template <class T>
void multiply_by(Index n, const T* y, T* x) {
  for (Index i = 0; i < n; ++i) x[i] *= y[i];
}

// The sum of n doubles with the rounding errors it has made (Knuth 1969, TwoSum).
struct CompensatedSum {
  double high, low;
};
CompensatedSum compensated_sum(Index n, const double* x);

}  // namespace deepcore::kernels
