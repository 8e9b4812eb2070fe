// Parametric activations: the definitions of kernels/parametric.hpp.
// Level: kernels.
#include "kernels/parametric.hpp"

#include "kernels/activations.hpp"

namespace deepcore::kernels {

template <class T>
void parametric(int activation, double parameter, Index n, Index m, Index ld, const T* alpha, T* z) {
  using P = Packet<T>;
  const P s = all<P>(parameter);
  Activations::visit(activation, [&](auto row) {
    using Row = decltype(row);
    if constexpr (!Row::info.columnwise) {
      for (Index j = 0; j < m; ++j, z += ld) {
        map(
            n, z, [&](const P& x, const P& a) { return pmadd(psub(Row::value(x, s), x), a, x); },
            static_cast<const T*>(z), alpha);
      }
    }
  });
}

template <class T>
void parametric_back(int activation, double parameter, Index n, Index m, Index ld, const T* alpha, const T* z, T* d,
                     T* products) {
  using P = Packet<T>;
  const P s = all<P>(parameter), one = all<P>(1);
  Activations::visit(activation, [&](auto row) {
    using Row = decltype(row);
    if constexpr (!Row::info.columnwise) {
      const auto back = [&](const P& x, const P& a, P& g) {  // g -> dL/dZ; returns g (g(Z) - Z)
        const P value = Row::value(x, s), slope = Row::slope(Row::info.reads == Reads::input ? x : value, s);
        const P product = pmul(g, psub(value, x));
        g = pmul(g, pmadd(psub(slope, one), a, one));
        return product;
      };
      constexpr Index S = kLanes<T>;
      for (Index j = 0; j < m; ++j, z += ld, d += ld, products += ld) {
        Index i = 0;
        for (; i + S <= n; i += S) {
          P g = load<P>(d + i);
          store<P>(products + i, back(load<P>(z + i), load<P>(alpha + i), g));
          store<P>(d + i, g);
        }
        if (i == n) continue;
        P g = load_some(d + i, n - i, T(0));
        store_some(products + i, n - i, back(load_some(z + i, n - i, T(0)), load_some(alpha + i, n - i, T(0)), g));
        store_some(d + i, n - i, g);
      }
    }
  });
}

#define DEEPCORE_INSTANTIATE(T)                                             \
  template void parametric(int, double, Index, Index, Index, const T*, T*); \
  template void parametric_back(int, double, Index, Index, Index, const T*, const T*, T*, T*);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace deepcore::kernels
