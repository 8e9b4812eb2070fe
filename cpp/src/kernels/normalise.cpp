// Normalisation: the definitions of kernels/normalise.hpp.
// Level: kernels.
#include "kernels/normalise.hpp"

#include "kernels/packet.hpp"

namespace deepcore::kernels {

namespace {

// The sum of f(j) over m examples in the order of the products.
template <class T, class F>
EIGEN_ALWAYS_INLINE SizedPacket<T, true> over_examples(Index m, F f) {
  using P = SizedPacket<T, true>;
  P total = all<P>(0);
  for (Index k = 0; k < m; k += kDepth) {
    P sum = all<P>(0);
    for (Index j = k; j < std::min(m, k + kDepth); ++j) sum = padd(sum, f(j));
    total = padd(total, sum);
  }
  return total;
}

// The sum of f(packet of x...) over n units; what a last packet misses is `fill`, where f must give 0. Pieces of kDepth
// are summed in double: one chain of float additions would lose digits where the layer is wide.
template <class T, class F, class... In>
T over_units(Index n, T fill, F f, const In*... x) {
  using P = Packet<T>;
  constexpr Index S = kLanes<T>;
  double total = 0;
  for (Index k = 0; k < n; k += kDepth) {
    const Index end = std::min(n, k + kDepth);
    P sum = all<P>(0);
    Index i = k;
    for (; i + S <= end; i += S) sum = padd(sum, f(load<P>(x + i)...));
    if (i < end) sum = padd(sum, f(load_some(x + i, end - i, fill)...));
    total += static_cast<double>(ei::predux(sum));
  }
  return static_cast<T>(total);
}

}  // namespace

template <class T>
void batch_statistics(Index width, Index m, const T* Z, Index ld, const T* w, double scale, T* mean, T* variance) {
  using P = SizedPacket<T, true>;
  const P s = all<P>(scale);
  for (Index i = 0; i < width; i += kSmallLanes<T>, Z += kSmallLanes<T>) {
    const P mu = pmul(s, over_examples<T>(m, [&](Index j) { return pmul(ei::pset1<P>(w[j]), load<P>(Z + j * ld)); }));
    const P var = pmul(s, over_examples<T>(m, [&](Index j) {
                         const P d = psub(load<P>(Z + j * ld), mu);
                         return pmul(ei::pset1<P>(w[j]), pmul(d, d));
                       }));
    store<P>(mean + i, mu);
    store<P>(variance + i, var);
  }
}

template <class T>
void normalise_rows(Index width, Index m, T* Z, Index ld, const T* mean, const T* inverse, const T* gamma,
                    const T* beta, T* xhat) {
  using P = SizedPacket<T, true>;
  for (Index j = 0; j < m; ++j) {
    for (Index i = 0; i < width; i += kSmallLanes<T>) {
      const P x = pmul(psub(load<P>(Z + j * ld + i), load<P>(mean + i)), load<P>(inverse + i));
      if (xhat != nullptr) store<P>(xhat + j * ld + i, x);
      store<P>(Z + j * ld + i, pmadd(load<P>(gamma + i), x, load<P>(beta + i)));
    }
  }
}

template <class T>
void normalise_rows_back(Index width, Index m, T* d, Index ld, const T* xhat, const T* inverse, const T* gamma,
                         const T* w, double scale) {
  using P = SizedPacket<T, true>;
  const P s = all<P>(scale);
  for (Index i = 0; i < width; i += kSmallLanes<T>) {
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

template <class T>
void row_dots(Index width, Index m, const T* d, const T* x, Index ld, bool add, T* C) {
  using P = SizedPacket<T, true>;
  for (Index i = 0; i < width; i += kSmallLanes<T>) {
    const P sum = over_examples<T>(m, [&](Index j) { return pmul(load<P>(d + j * ld + i), load<P>(x + j * ld + i)); });
    store<P>(C + i, add ? padd(load<P>(C + i), sum) : sum);
  }
}

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

template <class T>
void normalise_column(Index width, T* z, T mean, T inverse, const T* gamma, const T* beta, T* xhat) {
  using P = SizedPacket<T, true>;
  const P m = ei::pset1<P>(mean), s = ei::pset1<P>(inverse);
  for (Index i = 0; i < width; i += kSmallLanes<T>) {
    const P x = pmul(psub(load<P>(z + i), m), s);
    if (xhat != nullptr) store<P>(xhat + i, x);
    store<P>(z + i, pmadd(load<P>(gamma + i), x, load<P>(beta + i)));
  }
}

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

#define DEEPCORE_INSTANTIATE(T)                                                                               \
  template void batch_statistics(Index, Index, const T*, Index, const T*, double, T*, T*);                    \
  template void normalise_rows(Index, Index, T*, Index, const T*, const T*, const T*, const T*, T*);          \
  template void normalise_rows_back(Index, Index, T*, Index, const T*, const T*, const T*, const T*, double); \
  template void row_dots(Index, Index, const T*, const T*, Index, bool, T*);                                  \
  template void layer_statistics(Index, const T*, T*, T*);                                                    \
  template void normalise_column(Index, T*, T, T, const T*, const T*, T*);                                    \
  template void normalise_column_back(Index, T*, const T*, T);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace deepcore::kernels
