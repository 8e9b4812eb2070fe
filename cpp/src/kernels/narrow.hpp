// Narrow layers: few units on both sides. Examples lie along the lanes: unit j of example e at data[j * ld + e].
// Level: kernels. Without Eigen; the definitions are in kernels/narrow.cpp. With units along the lanes, as elsewhere, most
// lanes of a 2-4-1 network would be padding.
#pragma once

#include "kernels/columns.hpp"

namespace deepcore::kernels {

inline constexpr Index kNarrow = 8;
inline bool narrow(Index n_in, Index n_out) { return n_in <= kNarrow && n_out <= kNarrow; }

// A_prev (n_in, m), W (n_out, n_in) with columns `step` apart, b -> Z (n_out, m), if wanted, and A = g(Z). m: whole packets.
template <class T>
void narrow_forward(int activation, double parameter, Index n_in, Index n_out, Index m, Index ld, const T* W,
                    Index step, const T* b, const T* A_prev, T* Z, T* A);

// dZ (n_out, m) of the layer above, W (n_out, n_in) with columns `step` apart -> d (n_in, m) = (W' dZ) * g'(x), x being Z or
// A as the row reads.
template <class T>
void narrow_backward(int activation, double parameter, Index n_in, Index n_out, Index m, Index ld, const T* W,
                     Index step, const T* dZ, const T* x, T* d);

// The gradient's sums of a narrow layer: C (n_out, n_in + 1), columns ldc apart, (+)= sums over m examples of dZ A',
// then of dZ. The rule: C = C0 + S1 + S2 + ..., each S over kDepth examples, the sum of its lanes, each lane one chain
// of multiply-adds over every kLanes-th of them. dZ is zero, and A finite, from m up to a whole packet.
template <class T>
void narrow_sums(Index n_in, Index n_out, Index m, const T* A, const T* dZ, Index ld, bool add, T* C, Index ldc);

// The same for matrices that lie otherwise: A(i, e), dZ(j, e).
template <class T, class FA, class FZ>
void narrow_sums_of(Index n_in, Index n_out, Index m, FA A, FZ dZ, bool add, T* C, Index ldc) {
  T a[kNarrow * kDepth], d[kNarrow * kDepth];
  for (Index e = 0; e < m; e += kDepth) {
    const Index run = std::min(kDepth, m - e), padded = round_up<T>(run);
    const auto turn = [&](Index n, const auto& from, T* to) {
      for (Index i = 0; i < n; ++i) {
        for (Index k = 0; k < run; ++k) to[i * kDepth + k] = from(i, e + k);
        std::fill(to + i * kDepth + run, to + i * kDepth + padded, T(0));
      }
    };
    turn(n_in, A, a);
    turn(n_out, dZ, d);
    narrow_sums(n_in, n_out, run, a, d, kDepth, add || e > 0, C, ldc);
  }
}

}  // namespace deepcore::kernels
