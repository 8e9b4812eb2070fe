// The micro-kernel: one tile of a product, held in registers, by the rule of sums in kernels/lanes.hpp.
// Level: kernels.
#pragma once

#include "kernels/packet.hpp"

#include <algorithm>

namespace deepcore::kernels {

// How far ahead of its columns a tile along the examples asks for B: the next cache line of each example. Its steps
// from example to example are too long for the machine to foresee.
template <class T>
inline constexpr Index kAhead = static_cast<Index>(64 / sizeof(T));

// A: P packets of rows at a[k * sa]. B: N columns, element (k, j) at b[j * sb + k] if kAlongK else b[k * sb + j].
// C (P packets, N), columns ldc apart, = C0 + A B over `depth` terms; C0 at c0[j * ld0], none if c0 is null.
// Unless kAlongK, term k prefetches beside + k * beside_step.
template <bool kSmall, int P, int N, bool kAlongK, class T>
EIGEN_ALWAYS_INLINE void tile(Index depth, const T* a, Index sa, const T* b, Index sb, const T* c0, Index ld0, T* c,
                              Index ldc, const T* beside, Index beside_step) {
  using V = SizedPacket<T, kSmall>;
  constexpr Index S = kSmall ? kSmallLanes<T> : kLanes<T>;
  V sum[N][P];
#pragma GCC unroll 12
  for (int j = 0; j < N; ++j) {
#pragma GCC unroll 3
    for (int p = 0; p < P; ++p) sum[j][p] = ei::pzero(V());
  }
  for (Index k = 0; k < depth; ++k, a += sa) {
    if constexpr (!kAlongK) ei::prefetch(beside + k * beside_step);
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
                  Index ldc, const T* beside, Index beside_step) {
  if constexpr (N > 0) {
    if (left == N) {
      tile<kSmall, P, N, kAlongK>(depth, a, sa, b, sb, c0, ld0, c, ldc, beside, beside_step);
    } else {
      last_columns<kSmall, P, N - 1, kAlongK>(left, depth, a, sa, b, sb, c0, ld0, c, ldc, beside, beside_step);
    }
  }
}

// What is read after a panel's product; its tiles prefetch it.
// kAlongK: `panel` is the packed panel after A; `columns` those after B's last, and each tile prefetches those of the next
// tile. Null columns: an earlier panel has read B already.
// Else: `panel` is the one after A, in rows sa apart. Null: the tiles prefetch the columns of B beyond their own.
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
  const auto beside = [&](Index j) {
    return ahead.panel == nullptr ? b + j + kAhead<T> : ahead.panel + j / N * kAhead<T>;
  };
  const Index beside_step = ahead.panel == nullptr ? sb : sa;
  Index j = 0;
  for (; j + N <= m; j += N) {
    if (kAlongK && ahead.panel != nullptr) {  // each tile prefetches its share
      const Index lines = (depth * sa + kAhead<T> - 1) / kAhead<T>, tile = j / N;
      for (Index i = tile * lines / tiles; i < (tile + 1) * lines / tiles; ++i)
        prefetch_second(ahead.panel + i * kAhead<T>);
    }
    if (kAlongK && ahead.columns != nullptr) {
      const T* columns = j + N < m ? b + (j + N) * sb : ahead.columns;
      for (int i = 0; i < N; ++i) {
        for (Index k = 0; k < depth; k += kAhead<T>) ei::prefetch(columns + i * sb + k);
      }
    }
    tile<kSmall, P, N, kAlongK>(depth, a, sa, b + j * next, sb, c0 == nullptr ? c0 : c0 + j * ld0, ld0, c + j * ldc,
                                ldc, beside(j), beside_step);
  }
  last_columns<kSmall, P, N - 1, kAlongK>(m - j, depth, a, sa, b + j * next, sb, c0 == nullptr ? c0 : c0 + j * ld0, ld0,
                                          c + j * ldc, ldc, beside(j), beside_step);
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
