// Activations over columns (examples) that lie one after another, n values each, `stride` apart.
// Floor: kernels.
#pragma once

#include "kernels/activations.hpp"

#include <cmath>
#include <limits>

namespace deepcore::kernels {

// m columns of n values, `from` apart, to columns `to` apart. Few values a column: no call for each.
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

// One column of logits z (n) -> a (n) = softmax(z); returns log sum exp(z). a may be z.
template <class T>
T softmax(Index n, const T* z, T* a) {
  using P = Packet<T>;
  constexpr Index S = kLanes<T>;
  constexpr T kNone = -std::numeric_limits<T>::infinity();
  if (n <= S) {  // the same, in one packet
    const P logits = load_some(z, n, kNone);
    const T top = ei::predux_max(logits);
    const P e = exponential(psub(logits, all<P>(top)));
    const T sum = ei::predux(e);
    store_some(a, n, pmul(e, all<P>(T(1) / sum)));
    return top + std::log(sum);
  }
  const Index whole = n / S * S, rest = n - whole;
  P most = all<P>(kNone);
  for (Index i = 0; i < whole; i += S) most = pmax(most, load<P>(z + i));
  if (rest > 0) most = pmax(most, load_some(z + whole, rest, kNone));
  const T top = ei::predux_max(most);
  const P shift = all<P>(top);  // the largest exponent becomes 0: nothing overflows, something stays 1
  P total = all<P>(0);
  for (Index i = 0; i < whole; i += S) {
    const P e = exponential(psub(load<P>(z + i), shift));
    total = padd(total, e);
    store<P>(a + i, e);
  }
  if (rest > 0) {
    const P e = exponential(psub(load_some(z + whole, rest, kNone), shift));
    total = padd(total, e);
    store_some(a + whole, rest, e);
  }
  const T sum = ei::predux(total);
  const T scale = T(1) / sum;
  for (Index i = 0; i < n; ++i) a[i] *= scale;
  return top + std::log(sum);
}

// Calls f(start, count) for the runs of contiguous values in `columns` columns: one run when there are no gaps.
template <class F>
void runs(Index n, Index columns, Index stride, F f) {
  if (stride == n) {
    f(Index{0}, n * columns);
  } else {
    for (Index j = 0; j < columns; ++j) f(j * stride, n);
  }
}

// Z -> A = g(Z), in place allowed. n: units, without padding where the row is softmax.
template <class T>
void activate(int activation, double parameter, Index n, Index columns, Index stride, const T* Z, T* A) {
  using P = Packet<T>;
  Activations::visit(activation, [&](auto row) {
    using Row = decltype(row);
    if constexpr (std::is_same_v<Row, Softmax>) {
      for (Index j = 0; j < columns; ++j) softmax(n, Z + j * stride, A + j * stride);
    } else if constexpr (!std::is_same_v<Row, Linear>) {
      const P s = all<P>(parameter);
      runs(n, columns, stride,
           [&](Index at, Index count) { map(count, A + at, [&](const P& z) { return Row::value(z, s); }, Z + at); });
    } else if (Z != A) {
      runs(n, columns, stride, [&](Index at, Index count) { std::copy_n(Z + at, count, A + at); });
    }
  });
}

// dA -> dZ = dA * g'(Z), in place. x is A or Z, as the row's `reads` says.
template <class T>
void pull_back(int activation, double parameter, Index n, Index columns, Index stride, const T* x, T* d) {
  using P = Packet<T>;
  Activations::visit(activation, [&](auto row) {
    using Row = decltype(row);
    if constexpr (std::is_same_v<Row, Softmax>) {  // J' d = a * (d - sum(a d))
      for (Index j = 0; j < columns; ++j) {
        const T* a = x + j * stride;
        T* dz = d + j * stride;
        T dot = 0;
        for (Index i = 0; i < n; ++i) dot += a[i] * dz[i];
        for (Index i = 0; i < n; ++i) dz[i] = a[i] * (dz[i] - dot);
      }
    } else if constexpr (!std::is_same_v<Row, Linear>) {
      const P s = all<P>(parameter);
      runs(n, columns, stride, [&](Index at, Index count) {
        map(count, d + at, [&](const P& v, const P& g) { return pmul(g, Row::slope(v, s)); }, x + at, d + at);
      });
    }
  });
}

}  // namespace deepcore::kernels
