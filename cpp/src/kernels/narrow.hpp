// Narrow layers: few units on both sides. Examples lie along the lanes: unit j of example e at data[j * ld + e].
// Floor: kernels. With units along the lanes, as elsewhere, most lanes of a 2-4-1 network would be padding.
#pragma once

#include "kernels/activations.hpp"
#include "kernels/tile.hpp"

namespace deepcore::kernels {

inline constexpr Index kNarrow = 8;
inline bool narrow(Index n_in, Index n_out) { return n_in <= kNarrow && n_out <= kNarrow; }

// done(q, sum over k of w[k * sw] x[k * ld + ...]) for Q packets of examples: each element the chain of every product.
template <int Q, class T, class F>
EIGEN_ALWAYS_INLINE void narrow_product(Index K, const T* x, Index ld, const T* w, Index sw, F done) {
  using V = Packet<T>;
  V sum[Q];
#pragma GCC unroll 4
  for (int q = 0; q < Q; ++q) sum[q] = ei::pzero(V());
  for (Index k = 0; k < K; ++k, x += ld) {
    const V c = ei::pset1<V>(w[k * sw]);
#pragma GCC unroll 4
    for (int q = 0; q < Q; ++q) sum[q] = pmadd(load<V>(x + q * kLanes<T>), c, sum[q]);
  }
#pragma GCC unroll 4
  for (int q = 0; q < Q; ++q) done(q * kLanes<T>, sum[q]);
}

// f(std::integral_constant Q, first example) for m examples (whole packets), four packets at a time, then singly.
template <class T, class F>
EIGEN_ALWAYS_INLINE void narrow_groups(Index m, F f) {
  constexpr Index S = kLanes<T>;
  Index e = 0;
  for (; e + 4 * S <= m; e += 4 * S) f(std::integral_constant<int, 4>{}, e);
  for (; e < m; e += S) f(std::integral_constant<int, 1>{}, e);
}

// A_prev (n_in, m), W (n_out, n_in) with columns `step` apart, b -> Z (n_out, m), if wanted, and A = g(Z). m: whole packets.
template <class T>
void narrow_forward(int activation, double parameter, Index n_in, Index n_out, Index m, Index ld, const T* W,
                    Index step, const T* b, const T* A_prev, T* Z, T* A) {
  using V = Packet<T>;
  const V s = all<V>(parameter);
  Activations::visit(activation, [&](auto row) {
    using Row = decltype(row);
    if constexpr (!std::is_same_v<Row, Softmax>) {
      narrow_groups<T>(m, [&](auto q, Index e) {
        for (Index j = 0; j < n_out; ++j) {
          const V bias = ei::pset1<V>(b[j]);
          narrow_product<q()>(n_in, A_prev + e, ld, W + j, step, [&](Index at, const V& sum) {
            const V z = padd(bias, sum);
            if (Z != nullptr) store<V>(Z + j * ld + e + at, z);
            store<V>(A + j * ld + e + at, Row::value(z, s));
          });
        }
      });
    }
  });
}

// dZ (n_out, m) of the layer above, W' (n_in, n_out) with columns `step` apart -> d (n_in, m) = (W' dZ) * g'(x), x being Z
// or A as the row reads.
template <class T>
void narrow_backward(int activation, double parameter, Index n_in, Index n_out, Index m, Index ld, const T* W,
                     Index step, const T* dZ, const T* x, T* d) {
  using V = Packet<T>;
  const V s = all<V>(parameter);
  Activations::visit(activation, [&](auto row) {
    using Row = decltype(row);
    if constexpr (!std::is_same_v<Row, Softmax>) {
      narrow_groups<T>(m, [&](auto q, Index e) {
        for (Index i = 0; i < n_in; ++i) {
          narrow_product<q()>(n_out, dZ + e, ld, W + i, step, [&](Index at, const V& sum) {
            const Index to = i * ld + e + at;
            store<V>(d + to, pmul(sum, Row::slope(load<V>(x + to), s)));
          });
        }
      });
    }
  });
}

// One row of sums: c[i * ldc] (+)= sum over one run of m examples of d A[i], i < N; then of d. m: whole packets.
template <int N, class T>
void narrow_run(Index m, const T* A, Index ld, const T* d, bool add, T* c, Index ldc) {
  using V = Packet<T>;
  V sum[N + 1];
#pragma GCC unroll 9
  for (int i = 0; i <= N; ++i) sum[i] = ei::pzero(V());
  for (Index e = 0; e < m; e += kLanes<T>) {
    const V x = load<V>(d + e);
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) sum[i] = pmadd(load<V>(A + i * ld + e), x, sum[i]);
    sum[N] = padd(sum[N], x);
  }
#pragma GCC unroll 9
  for (int i = 0; i <= N; ++i) {
    const T total = ei::predux(sum[i]);
    c[i * ldc] = add ? c[i * ldc] + total : total;
  }
}

// The gradient's sums of a narrow layer: C (n_out, n_in + 1), columns ldc apart, (+)= sums over m examples of dZ A',
// then of dZ. The rule: C = C0 + S1 + S2 + ..., each S over kDepth examples, the sum of its lanes, each lane one chain
// of multiply-adds over every kLanes-th of them. dZ is zero, and A finite, from m up to a whole packet.
template <class T>
void narrow_sums(Index n_in, Index n_out, Index m, const T* A, const T* dZ, Index ld, bool add, T* C, Index ldc) {
  for (Index e = 0; e < m; e += kDepth) {
    const Index run = round_up<T>(std::min(kDepth, m - e));
    for (Index j = 0; j < n_out; ++j) {
      const auto sums = [&](auto n) { narrow_run<n()>(run, A + e, ld, dZ + j * ld + e, add || e > 0, C + j, ldc); };
      const auto pick = [&](auto self, auto n) -> void {
        if constexpr (n() > 0) {
          if (n_in == n()) return sums(n);
          self(self, std::integral_constant<int, n() - 1>{});
        }
      };
      pick(pick, std::integral_constant<int, static_cast<int>(kNarrow)>{});
    }
  }
}

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
