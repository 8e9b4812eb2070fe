// Lanes: how many values the vectors of this CPU level hold, and the sizes that follow. kernels/packet.hpp checks them.
// Level: kernels. Without Eigen, as all headers of this folder but packet, mathematics, tile and those of the tables.
#pragma once

#include <deepcore/view.hpp>

#include <algorithm>

namespace deepcore::kernels {

// Bytes of a vector; 0: this CPU level has none.
#if defined(__AVX512F__)
inline constexpr Index kVectorBytes = 64;
#elif defined(__AVX__)
inline constexpr Index kVectorBytes = 32;
#elif defined(__SSE2__) || defined(_M_X64) || defined(__ARM_NEON) || defined(__ALTIVEC__)
inline constexpr Index kVectorBytes = 16;
#else
inline constexpr Index kVectorBytes = 0;
#endif

// 32-bit ARM has vectors of float only.
#if defined(__ARM_NEON) && !defined(__aarch64__)
template <class T>
inline constexpr bool kHasVectors = sizeof(T) == 4;
#else
template <class T>
inline constexpr bool kHasVectors = kVectorBytes > 0;
#endif

template <class T>
inline constexpr Index kLanes = kHasVectors<T> ? kVectorBytes / static_cast<Index>(sizeof(T)) : 1;

// Lanes of small packets: half of AVX-512's vectors, which few rows fill better; elsewhere the vector itself.
template <class T>
inline constexpr Index kSmallLanes = kVectorBytes == 64 ? kLanes<T> / 2 : kLanes<T>;

template <class T>
constexpr Index round_up(Index n) {  // to whole packets
  return (n + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

// The rule of every product in deepcore: C = C0 + S1 + S2 + ..., where Sk = sum over the k-th run of kDepth terms,
// each one chain of multiply-adds that starts from zero, in order. An element's bits therefore depend on its own
// row, column and depth only: not on the shape of the blocks, the batch around it or the number of threads.
// A panel of three packets, that deep, is 18 KB: with B it stays in a 32 KB cache.
inline constexpr Index kDepth = kLanes<float> > 8 ? 96 : 192;

// Columns of a tile of P packets of rows: 12 sums in registers (8 where only one packet of rows is left), 3 more for A,
// 1 for B: the 16 of AVX2.
template <int P>
inline constexpr int kColumns = P == 3   ? 4
                                : P == 2 ? 6
                                         : 8;

const char* eigen_version();  // of the vectors behind this; defined in kernels/products.cpp

// The rows that a panel of n rows takes: whole packets, or up to three small ones.
template <class T>
constexpr Index panel_width(Index n) {
  const Index small = (n + kSmallLanes<T> - 1) / kSmallLanes<T> * kSmallLanes<T>;
  return small <= 3 * kSmallLanes<T> ? small : round_up<T>(n);
}

template <class T>
inline constexpr Index kLine = static_cast<Index>(64 / sizeof(T));  // values of a cache line

// Asks for n values before they are needed.
template <class T>
inline void prefetch(const T* x, Index n) {
#if defined(__GNUC__)
  for (Index i = 0; i < n; i += kLine<T>) __builtin_prefetch(x + i);
#endif
}

// Asks for the cache line of x in the second cache: the first one is full of what is read now.
template <class T>
inline void prefetch_second(const T* x) {
#if defined(__GNUC__)
  __builtin_prefetch(x, 0, 2);
#endif
}

}  // namespace deepcore::kernels
