// Normalisation: batch norm of rows (units) over examples, layer norm of columns (examples) over units, and back.
// Floor: kernels. Matrices are whole packets of rows, columns ld apart; gamma is 0 in rows that pad.
#pragma once

#include "kernels/panels.hpp"

#include <cmath>

namespace deepcore::kernels {

inline constexpr double kNormEpsilon = 1e-5, kNormMomentum = 0.1;  // torch's

// The sum of f(j) over m examples in the order of the products.
template <class T, class F>
EIGEN_ALWAYS_INLINE Packet<T> over_examples(Index m, F f) {
  Packet<T> total = all<Packet<T>>(0);
  for (Index k = 0; k < m; k += kDepth) {
    Packet<T> sum = all<Packet<T>>(0);
    for (Index j = k; j < std::min(m, k + kDepth); ++j) sum = padd(sum, f(j));
    total = padd(total, sum);
  }
  return total;
}

// The sum of f(packet of x...) over n units; what a last packet misses is `fill`, where f must give 0.
template <class T, class F, class... In>
T over_units(Index n, T fill, F f, const In*... x) {
  using P = Packet<T>;
  constexpr Index S = kLanes<T>;
  P sum = all<P>(0);
  Index i = 0;
  for (; i + S <= n; i += S) sum = padd(sum, f(load<P>(x + i)...));
  if (i < n) sum = padd(sum, f(load_some(x + i, n - i, fill)...));
  return ei::predux(sum);
}

// Weighted mean and variance of each row; scale: 1 over the sum of the weights w (m).
template <class T>
void batch_statistics(int packets, Index m, const T* Z, Index ld, const T* w, double scale, T* mean, T* variance) {
  using P = Packet<T>;
  const P s = all<P>(scale);
  for (int p = 0; p < packets; ++p, Z += kLanes<T>) {
    const P mu = pmul(s, over_examples<T>(m, [&](Index j) { return pmul(ei::pset1<P>(w[j]), load<P>(Z + j * ld)); }));
    const P var = pmul(s, over_examples<T>(m, [&](Index j) {
                         const P d = psub(load<P>(Z + j * ld), mu);
                         return pmul(ei::pset1<P>(w[j]), pmul(d, d));
                       }));
    store<P>(mean + p * kLanes<T>, mu);
    store<P>(variance + p * kLanes<T>, var);
  }
}

template <class T>
T inverse_deviation(T variance) {
  return T(1) / std::sqrt(variance + static_cast<T>(kNormEpsilon));
}

// xhat = (z - mean) inverse, z = gamma xhat + beta; by row. xhat may be null.
template <class T>
void normalise_rows(int packets, Index m, T* Z, Index ld, const T* mean, const T* inverse, const T* gamma,
                    const T* beta, T* xhat) {
  using P = Packet<T>;
  for (Index j = 0; j < m; ++j) {
    for (Index i = 0; i < packets * kLanes<T>; i += kLanes<T>) {
      const P x = pmul(psub(load<P>(Z + j * ld + i), load<P>(mean + i)), load<P>(inverse + i));
      if (xhat != nullptr) store<P>(xhat + j * ld + i, x);
      store<P>(Z + j * ld + i, pmadd(load<P>(gamma + i), x, load<P>(beta + i)));
    }
  }
}

// d: dL/dN -> dL/dZ. w: weights of the examples and scale of batch statistics, which depend on Z; null: given ones.
template <class T>
void normalise_rows_back(int packets, Index m, T* d, Index ld, const T* xhat, const T* inverse, const T* gamma,
                         const T* w, double scale) {
  using P = Packet<T>;
  const P s = all<P>(scale);
  for (Index i = 0; i < packets * kLanes<T>; i += kLanes<T>) {
    const P factor = pmul(load<P>(gamma + i), load<P>(inverse + i));
    const auto at = [&](const T* x, Index j) { return load<P>(x + j * ld + i); };
    P sum = all<P>(0), dot = all<P>(0);
    if (w != nullptr) {
      sum = pmul(s, over_examples<T>(m, [&](Index j) { return at(d, j); }));
      dot = pmul(s, over_examples<T>(m, [&](Index j) { return pmul(at(d, j), at(xhat, j)); }));
    }
    for (Index j = 0; j < m; ++j) {
      P x = at(d, j);
      if (w != nullptr) x = psub(x, pmul(ei::pset1<P>(w[j]), pmadd(at(xhat, j), dot, sum)));
      store<P>(d + j * ld + i, pmul(factor, x));
    }
  }
}

// C (one panel) (+)= the sums over m columns of d * x, in the order of row_sums: the gradient of gamma.
template <class T>
void row_dots(int packets, Index m, const T* d, const T* x, Index ld, bool add, T* C) {
  using P = Packet<T>;
  for (Index i = 0; i < packets * kLanes<T>; i += kLanes<T>) {
    const P sum = over_examples<T>(m, [&](Index j) { return pmul(load<P>(d + j * ld + i), load<P>(x + j * ld + i)); });
    store<P>(C + i, add ? padd(load<P>(C + i), sum) : sum);
  }
}

// Mean and 1 / deviation of one column of n units.
template <class T>
void layer_statistics(Index n, const T* z, T* mean, T* inverse) {
  using P = Packet<T>;
  const T mu = over_units(n, T(0), [](const P& x) { return x; }, z) / static_cast<T>(n);
  const P m = all<P>(mu);
  const auto square = [&](const P& x) {
    const P d = psub(x, m);
    return pmul(d, d);
  };
  *mean = mu;
  *inverse = inverse_deviation(over_units(n, mu, square, z) / static_cast<T>(n));
}

// Rows of one column: xhat = (z - mean) inverse, z = gamma xhat + beta. xhat may be null.
template <class T>
void normalise_column(int packets, T* z, T mean, T inverse, const T* gamma, const T* beta, T* xhat) {
  using P = Packet<T>;
  const P m = ei::pset1<P>(mean), s = ei::pset1<P>(inverse);
  for (Index i = 0; i < packets * kLanes<T>; i += kLanes<T>) {
    const P x = pmul(psub(load<P>(z + i), m), s);
    if (xhat != nullptr) store<P>(xhat + i, x);
    store<P>(z + i, pmadd(load<P>(gamma + i), x, load<P>(beta + i)));
  }
}

// One column of n units: d: dL/dxhat -> dL/dZ.
template <class T>
void normalise_column_back(Index n, T* d, const T* xhat, T inverse) {
  using P = Packet<T>;
  const T sum = over_units(n, T(0), [](const P& x) { return x; }, static_cast<const T*>(d));
  const T dot = over_units(n, T(0), [](const P& x, const P& y) { return pmul(x, y); }, static_cast<const T*>(d), xhat);
  const P s = all<P>(static_cast<double>(sum) / static_cast<double>(n)),
          t = all<P>(static_cast<double>(dot) / static_cast<double>(n)), v = ei::pset1<P>(inverse);
  map(
      n, d, [&](const P& x, const P& y) { return pmul(v, psub(psub(x, s), pmul(y, t))); }, static_cast<const T*>(d),
      xhat);
}

}  // namespace deepcore::kernels
