// Parametric activations: the definitions of kernels/parametric.hpp.
// Level: kernels.
#include "kernels/parametric.hpp"

#include "kernels/activations.hpp"

namespace deepcore::kernels {

namespace {

// work(i, load, store) for every packet of n values that begins at i; of the last one, only the values that there are.
template <class P, class F>
EIGEN_ALWAYS_INLINE void in_packets(Index n, F work) {
  using T = Scalar<P>;
  Index i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>)
    work(i, [](const T* from) { return load<P>(from); }, [](T* to, const P& x) { store<P>(to, x); });
  if (i == n) return;
  const Index rest = n - i;
  work(
      i, [rest](const T* from) { return load_some(from, rest, T(0)); },
      [rest](T* to, const P& x) { store_some(to, rest, x); });
}

}  // namespace

template <class T>
void parametric(int activation, double parameter, Index n, Index m, Index ld, const T* alpha, T* a, T* z, T* values) {
  using P = Packet<T>;
  const P s = all<P>(parameter);
  const auto mixed = [](const P& x, const P& value, const P& share) { return pmadd(psub(value, x), share, x); };
  Activations::visit(activation, [&](auto row) {
    using Row = decltype(row);
    if constexpr (!Row::info.columnwise) {
      for (Index j = 0; j < m; ++j, a += ld) {
        if (z == nullptr) {
          map(
              n, a, [&](const P& x, const P& share) { return mixed(x, Row::value(x, s), share); },
              static_cast<const T*>(a), alpha);
          continue;
        }
        in_packets<P>(n, [&](Index i, auto load, auto store) {
          const P x = load(a + i), value = Row::value(x, s);
          store(z + i, x);
          store(values + i, value);
          store(a + i, mixed(x, value, load(alpha + i)));
        });
        z += ld;
        values += ld;
      }
    }
  });
}

template <class T>
void parametric_back(int activation, double parameter, Index n, Index m, Index ld, const T* alpha, const T* z, T* d,
                     T* values) {
  using P = Packet<T>;
  const P s = all<P>(parameter), one = all<P>(1);
  Activations::visit(activation, [&](auto row) {
    using Row = decltype(row);
    if constexpr (!Row::info.columnwise) {
      for (Index j = 0; j < m; ++j, z += ld, d += ld, values += ld) {
        in_packets<P>(n, [&](Index i, auto load, auto store) {
          const P x = load(z + i), value = load(values + i), g = load(d + i);
          const P slope = Row::slope(Row::info.reads == Reads::input ? x : value, s);
          store(values + i, pmul(g, psub(value, x)));
          store(d + i, pmul(g, pmadd(psub(slope, one), load(alpha + i), one)));
        });
      }
    }
  });
}

#define DEEPCORE_INSTANTIATE(T)                                                     \
  template void parametric(int, double, Index, Index, Index, const T*, T*, T*, T*); \
  template void parametric_back(int, double, Index, Index, Index, const T*, const T*, T*, T*);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace deepcore::kernels
