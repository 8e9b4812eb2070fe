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
      for (Index j = 0; j < m; ++j, z += ld, d += ld, products += ld) {
        map(
            n, products, [&](const P& x, const P& g) { return pmul(g, psub(Row::value(x, s), x)); }, z,
            static_cast<const T*>(d));
        map(
            n, d,
            [&](const P& x, const P& a, const P& g) {
              const P slope = Row::slope(Row::info.reads == Reads::input ? x : Row::value(x, s), s);
              return pmul(g, pmadd(psub(slope, one), a, one));
            },
            z, alpha, static_cast<const T*>(d));
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
