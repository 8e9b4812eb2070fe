// The products of kernels/sparse.hpp.
// Level: kernels.
#include "kernels/sparse.hpp"

#include "kernels/tile.hpp"

namespace deepcore::kernels {

namespace {

// c (P packets) = c0, if `add`, + the columns of A at the places of a list, each times its value. Runs of kDepth places
// are summed by themselves, as in a tile; what is left out there adds zero. No sum of a tile is -0, so neither is c0.
// No processor can foresee where a run ends, so a mask instead of a branch adds the last run's sum and begins a new one.
template <bool kSmall, int P, class T>
EIGEN_ALWAYS_INLINE void combine(const T* a, Index sa, const SparseLists<T>& lists, Index list, bool add, const T* c0,
                                 T* c) {
  using V = SizedPacket<T, kSmall>;
  constexpr Index S = kSmall ? kSmallLanes<T> : kLanes<T>;
  const V masks[2] = {ei::pzero(V()), ei::ptrue(ei::pzero(V()))};
  V total[P], sum[P];
#pragma GCC unroll 3
  for (int p = 0; p < P; ++p) {
    total[p] = add ? padd(load<V>(c0 + p * S), ei::pzero(V())) : ei::pzero(V());
    sum[p] = ei::pzero(V());
  }
  std::uint32_t run = 0;
  for (std::int64_t k = lists.starts[list], end = lists.starts[list + 1]; k < end; ++k) {
    const auto place = static_cast<std::uint32_t>(lists.places[k]);
    const std::uint32_t its_run = place / static_cast<std::uint32_t>(kDepth);
    const T* column = a + static_cast<Index>(place) * sa;
    const V x = ei::pset1<V>(lists.values[k]), begins = masks[its_run != run ? 1 : 0];
    run = its_run;
#pragma GCC unroll 3
    for (int p = 0; p < P; ++p) {
      total[p] = padd(total[p], ei::pand(sum[p], begins));
      sum[p] = pmadd(load<V>(column + p * S), x, ei::pandnot(sum[p], begins));
    }
  }
#pragma GCC unroll 3
  for (int p = 0; p < P; ++p) store<V>(c + p * S, padd(total[p], sum[p]));
}

}  // namespace

template <class T>
void multiply_sparse(Panels<T> panels, Index p0, Index p1, Index K, const Left<T>& A, const SparseLists<T>& B,
                     Index first, Index m, Columns<T> C) {
  for (Index p = p0; p < p1; ++p) {
    const Index start = panels.start(p), width = panels.width(p), step = A.step(width);
    const T *a = A.panel(start), *bias = A.bias_of(start, K, width);
    T* c = C.from(start);
    with_packets<T>(width, [&](auto small, auto packets) {
      for (Index j = 0; j < m; ++j)
        combine<small(), packets()>(a, step, B, first + j, bias != nullptr, bias, c + j * C.ld);
    });
  }
}

template <class T>
void outer_sparse(Index width, const T* A, Index sa, const SparseLists<T>& B, Index i0, Index i1, bool add, T* C) {
  with_packets<T>(width, [&](auto small, auto packets) {
    for (Index i = i0; i < i1; ++i, C += width) combine<small(), packets()>(A, sa, B, i, add, C, C);
  });
}

#define DEEPCORE_INSTANTIATE(T)                                                                                      \
  template void multiply_sparse(Panels<T>, Index, Index, Index, const Left<T>&, const SparseLists<T>&, Index, Index, \
                                Columns<T>);                                                                         \
  template void outer_sparse(Index, const T*, Index, const SparseLists<T>&, Index, Index, bool, T*);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace deepcore::kernels
