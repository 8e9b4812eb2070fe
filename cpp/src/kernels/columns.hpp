// Activations over columns (examples) that lie one after another, n values each, `stride` apart.
// Floor: kernels.
#pragma once

#include "kernels/activations.hpp"

#include <cmath>
#include <limits>

namespace deepcore::kernels {

// One column of logits z (n) -> a (n) = softmax(z); returns log sum exp(z). a may be z.
template <class T>
T softmax(index n, const T* z, T* a) {
  T top = -std::numeric_limits<T>::infinity();
  for (index i = 0; i < n; ++i) top = z[i] > top || z[i] != z[i] ? z[i] : top;
  const auto shift = all<Packet<T>>(top);  // the largest exponent becomes 0: nothing overflows, something stays 1
  map(n, a, [&](const Packet<T>& x) { return exponential(psub(x, shift)); }, z);
  T sum = 0;
  for (index i = 0; i < n; ++i) sum += a[i];
  const auto scale = all<Packet<T>>(T(1) / sum);
  map(n, a, [&](const Packet<T>& x) { return pmul(x, scale); }, a);
  return top + std::log(sum);
}

// Calls f(start, count) for the runs of contiguous values in `columns` columns: one run when there are no gaps.
template <class F>
void runs(index n, index columns, index stride, F f) {
  if (stride == n) {
    f(index{0}, n * columns);
  } else {
    for (index j = 0; j < columns; ++j) f(j * stride, n);
  }
}

// Z -> A = g(Z), in place allowed. n: units, without padding where the row is softmax.
template <class T>
void activate(int activation, double parameter, index n, index columns, index stride, const T* Z, T* A) {
  using P = Packet<T>;
  Activations::visit(activation, [&](auto row) {
    using Row = decltype(row);
    if constexpr (std::is_same_v<Row, Softmax>) {
      for (index j = 0; j < columns; ++j) softmax(n, Z + j * stride, A + j * stride);
    } else if constexpr (!std::is_same_v<Row, Linear>) {
      const P s = all<P>(parameter);
      runs(n, columns, stride,
           [&](index at, index count) { map(count, A + at, [&](const P& z) { return Row::value(z, s); }, Z + at); });
    } else if (Z != A) {
      runs(n, columns, stride, [&](index at, index count) { std::copy_n(Z + at, count, A + at); });
    }
  });
}

// dA -> dZ = dA * g'(Z), in place. x is A or Z, as the row's `reads` says.
template <class T>
void pull_back(int activation, double parameter, index n, index columns, index stride, const T* x, T* d) {
  using P = Packet<T>;
  Activations::visit(activation, [&](auto row) {
    using Row = decltype(row);
    if constexpr (std::is_same_v<Row, Softmax>) {  // J' d = a * (d - sum(a d))
      for (index j = 0; j < columns; ++j) {
        const T* a = x + j * stride;
        T* dz = d + j * stride;
        T dot = 0;
        for (index i = 0; i < n; ++i) dot += a[i] * dz[i];
        for (index i = 0; i < n; ++i) dz[i] = a[i] * (dz[i] - dot);
      }
    } else if constexpr (!std::is_same_v<Row, Linear>) {
      const P s = all<P>(parameter);
      runs(n, columns, stride, [&](index at, index count) {
        map(count, d + at, [&](const P& v, const P& g) { return pmul(g, Row::slope(v, s)); }, x + at, d + at);
      });
    }
  });
}

}  // namespace deepcore::kernels
