// Packets: the vectors of this CPU, through Eigen. The only file that includes Eigen.
// Level: kernels. Eigen's packet functions are internal names: its version is pinned, and cpp/tests hold these to their values.
#pragma once

#include "kernels/lanes.hpp"

#include <Eigen/Core>

#include <cstring>
#include <type_traits>

#if EIGEN_FAST_MATH
#error "deepcore needs EIGEN_FAST_MATH=0: with 1, square roots are approximate and differ between processors"
#endif

namespace deepcore::kernels {

namespace ei = Eigen::internal;

template <class T>
using Packet = typename ei::packet_traits<T>::type;
template <class P>
using Scalar = typename ei::unpacket_traits<P>::type;

// Small packets: half of AVX-512's vectors, which few rows fill better; elsewhere the vector itself.
template <class T, bool kHalf>
struct PacketOf {
  using type = Packet<T>;
};
template <class T>
struct PacketOf<T, true> {
  using type = typename ei::packet_traits<T>::half;
};
template <class T, bool kSmall>
using SizedPacket = typename PacketOf<T, kSmall && kLanes<T> * sizeof(T) == 64>::type;

template <class T>
inline constexpr bool kAsEigen = kLanes<T> == ei::unpacket_traits<Packet<T>>::size &&
                                 kSmallLanes<T> == ei::unpacket_traits<SizedPacket<T, true>>::size;
static_assert(kAsEigen<float> && kAsEigen<double>, "kernels/lanes.hpp must give the sizes of Eigen's packets");

template <class P>
EIGEN_ALWAYS_INLINE P load(const Scalar<P>* x) {
  return ei::ploadu<P>(x);
}
template <class P>
EIGEN_ALWAYS_INLINE void store(Scalar<P>* x, const P& p) {
  ei::pstoreu(x, p);
}
template <class P>
EIGEN_ALWAYS_INLINE P all(double x) {
  return ei::pset1<P>(static_cast<Scalar<P>>(x));
}
template <class P>
EIGEN_ALWAYS_INLINE P select(const P& mask, const P& yes, const P& no) {
  return ei::pselect(mask, yes, no);
}

using ei::pabs;
using ei::padd;
using ei::pcmp_eq;
using ei::pcmp_lt;
using ei::pdiv;
using ei::pmadd;
using ei::pmax;
using ei::pmul;
using ei::pnegate;
using ei::psqrt;
using ei::psub;

// n <= kLanes values in the fewest pieces: 10 as 8 and 2.
template <class T>
EIGEN_ALWAYS_INLINE void copy_some(const T* from, Index n, T* to) {
  if (n == kLanes<T>) {
    std::memcpy(to, from, sizeof(T) * kLanes<T>);
    return;
  }
  Index k = 0;
#pragma GCC unroll 4
  for (Index piece = kLanes<T> / 2; piece > 0; piece /= 2) {
    if ((n & piece) == 0) continue;
    std::memcpy(to + k, from + k, static_cast<std::size_t>(piece) * sizeof(T));
    k += piece;
  }
}

// The first n <= kLanes values, the rest filled; and the way back.
template <class T>
EIGEN_ALWAYS_INLINE Packet<T> load_some(const T* x, Index n, T fill) {
  T lanes[kLanes<T>];
  store<Packet<T>>(lanes, ei::pset1<Packet<T>>(fill));
  copy_some(x, n, lanes);
  return load<Packet<T>>(lanes);
}
template <class T>
EIGEN_ALWAYS_INLINE void store_some(T* x, Index n, const Packet<T>& p) {
  T lanes[kLanes<T>];
  store<Packet<T>>(lanes, p);
  copy_some(lanes, n, x);
}

// f(packet of x...) -> packet of out, over n elements. The tail passes through a padded packet, so that
// an element's value never depends on where in the array it stands.
template <class T, class F, class... In>
EIGEN_ALWAYS_INLINE void map(Index n, T* out, F f, const In*... in) {
  using P = Packet<T>;
  constexpr Index S = kLanes<T>;
  Index i = 0;
  for (; i + S <= n; i += S) store<P>(out + i, f(load<P>(in + i)...));
  if (i < n) store_some(out + i, n - i, f(load_some(in + i, n - i, T(0))...));
}

// A square of rows `stride` apart, one packet each, turned: row k of the result goes to to(k).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored \
    "-Wignored-attributes"  // a packet as template argument loses its alignment: harmless here
#endif
template <class P, class To>
EIGEN_ALWAYS_INLINE void transpose_square(const Scalar<P>* from, Index stride, To to) {
  constexpr int S = ei::unpacket_traits<P>::size;
  ei::PacketBlock<P, S> block;
  for (Index k = 0; k < S; ++k) block.packet[k] = load<P>(from + k * stride);
  ei::ptranspose(block);
  for (Index k = 0; k < S; ++k) store<P>(to(k), block.packet[k]);
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

// Turns rows x columns: from[r * from_step + c] -> to[c * to_step + r]; in squares of packets, the rest one by one.
template <class T>
void turn(const T* from, Index from_step, Index rows, Index columns, T* to, Index to_step) {
  constexpr Index S = kSmallLanes<T>;
  for (Index r = 0; r < rows; r += S, from += S * from_step, to += S) {
    Index c = 0;
    for (; r + S <= rows && c + S <= columns; c += S) {
      transpose_square<SizedPacket<T, true>>(from + c, from_step, [&](Index k) { return to + (c + k) * to_step; });
    }
    for (; c < columns; ++c) {
      for (Index k = 0; k < std::min(S, rows - r); ++k) to[c * to_step + k] = from[k * from_step + c];
    }
  }
}

}  // namespace deepcore::kernels
