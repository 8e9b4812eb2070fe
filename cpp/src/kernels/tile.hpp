// The micro-kernel: one tile of a product, held in registers, by the rule of sums in kernels/lanes.hpp.
// Level: kernels.
#pragma once

#include "kernels/packet.hpp"

#include <algorithm>

namespace deepcore::kernels {

// A: P packets of rows at a[k * sa]. B: N columns, element (k, j) at b[j * sb + k] if kAlongK else b[k * sb + j].
// C (P packets, N), columns ldc apart, = C0 + A B over `depth` terms; C0 at c0[j * ld0], none if c0 is null.
template <bool kSmall, int P, int N, bool kAlongK, class T>
EIGEN_ALWAYS_INLINE void tile(Index depth, const T* a, Index sa, const T* b, Index sb, const T* c0, Index ld0, T* c,
                              Index ldc) {
  using V = SizedPacket<T, kSmall>;
  constexpr Index S = kSmall ? kSmallLanes<T> : kLanes<T>;
  V sum[N][P];
#pragma GCC unroll 12
  for (int j = 0; j < N; ++j) {
#pragma GCC unroll 3
    for (int p = 0; p < P; ++p) sum[j][p] = ei::pzero(V());
  }
#pragma GCC unroll 4  // 1 to 3% faster than one term per branch
  for (Index k = 0; k < depth; ++k, a += sa) {
    V rows[P];
#pragma GCC unroll 3
    for (int p = 0; p < P; ++p) rows[p] = load<V>(a + p * S);
#pragma GCC unroll 12
    for (int j = 0; j < N; ++j) {
      const V x = ei::pset1<V>(kAlongK ? b[j * sb + k] : b[k * sb + j]);
#pragma GCC unroll 3
      for (int p = 0; p < P; ++p) sum[j][p] = pmadd(rows[p], x, sum[j][p]);
    }
  }
#pragma GCC unroll 12
  for (int j = 0; j < N; ++j) {
#pragma GCC unroll 3
    for (int p = 0; p < P; ++p) {
      store<V>(c + j * ldc + p * S, c0 == nullptr ? sum[j][p] : padd(load<V>(c0 + j * ld0 + p * S), sum[j][p]));
    }
  }
}

template <bool kSmall, int P, int N, bool kAlongK, class T>
void last_columns(Index left, Index depth, const T* a, Index sa, const T* b, Index sb, const T* c0, Index ld0, T* c,
                  Index ldc) {
  if constexpr (N > 0) {
    if (left == N) {
      tile<kSmall, P, N, kAlongK>(depth, a, sa, b, sb, c0, ld0, c, ldc);
    } else {
      last_columns<kSmall, P, N - 1, kAlongK>(left, depth, a, sa, b, sb, c0, ld0, c, ldc);
    }
  }
}

// What is read after a panel's product along k; its tiles prefetch it. `panel` is the packed panel after A; `columns` those
// after B's last, and each tile prefetches those of the next tile. Null columns: an earlier panel has read B already.
template <class T>
struct Ahead {
  const T* panel = nullptr;
  const T* columns = nullptr;
};

// One panel of P packets of rows times m columns.
template <bool kSmall, int P, bool kAlongK, class T>
void panel(Index m, Index depth, const T* a, Index sa, const T* b, Index sb, const T* c0, Index ld0, T* c, Index ldc,
           Ahead<T> ahead) {
  constexpr int N = kColumns<P>;
  const Index next = kAlongK ? sb : 1, tiles = m / N;
  Index j = 0;
  for (; j + N <= m; j += N) {
    if (kAlongK && ahead.panel != nullptr) {  // each tile prefetches its share
      const Index lines = (depth * sa + kLine<T> - 1) / kLine<T>, tile = j / N;
      for (Index i = tile * lines / tiles; i < (tile + 1) * lines / tiles; ++i)
        prefetch_second(ahead.panel + i * kLine<T>);
    }
    if (kAlongK && ahead.columns != nullptr) {
      const T* columns = j + N < m ? b + (j + N) * sb : ahead.columns;
      for (int i = 0; i < N; ++i) prefetch(columns + i * sb, depth);
    }
    tile<kSmall, P, N, kAlongK>(depth, a, sa, b + j * next, sb, c0 == nullptr ? c0 : c0 + j * ld0, ld0, c + j * ldc,
                                ldc);
  }
  last_columns<kSmall, P, N - 1, kAlongK>(m - j, depth, a, sa, b + j * next, sb, c0 == nullptr ? c0 : c0 + j * ld0, ld0,
                                          c + j * ldc, ldc);
}

template <int n>
using Count = std::integral_constant<int, n>;

// f(small, packets) for a panel of `width` rows: whether its packets are small, and how many there are.
template <class T, class F>
EIGEN_ALWAYS_INLINE void with_packets(Index width, F f) {
  if constexpr (kSmallLanes<T> != kLanes<T>) {  // elsewhere every width is one of whole packets
    const std::true_type small;
    if (width % kLanes<T> != 0) return width == kSmallLanes<T> ? f(small, Count<1>{}) : f(small, Count<3>{});
  }
  const std::false_type whole;
  if (width == kLanes<T>) return f(whole, Count<1>{});
  width == 2 * kLanes<T> ? f(whole, Count<2>{}) : f(whole, Count<3>{});
}

template <bool kAlongK, class T>
void panel(Index width, Index m, Index depth, const T* a, Index sa, const T* b, Index sb, const T* c0, Index ld0, T* c,
           Index ldc, Ahead<T> ahead = {}) {
  with_packets<T>(width, [&](auto small, auto packets) {
    panel<small(), packets(), kAlongK>(m, depth, a, sa, b, sb, c0, ld0, c, ldc, ahead);
  });
}

}  // namespace deepcore::kernels
