// Narrow layers: the definitions of kernels/narrow.hpp.
// Level: kernels.
#include "kernels/narrow.hpp"

#include "kernels/activations.hpp"

namespace deepcore::kernels {

namespace {

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

// f(row) for the activations that most small networks use. They are computed while the sums are in registers: a pass of
// their own costs a network of 2-4-1 units with tanh 5% of its step. The others would only make the library larger.
template <class F>
bool with_fused(int activation, F f) {
  bool found = false;
  Activations::visit(activation, [&](auto row) {
    using Row = decltype(row);
    if constexpr (std::is_same_v<Row, Sigmoid> || std::is_same_v<Row, Tanh> || std::is_same_v<Row, Relu>) {
      f(row);
      found = true;
    }
  });
  return found;
}

}  // namespace

template <class T>
void narrow_forward(int activation, double parameter, Index n_in, Index n_out, Index m, Index ld, const T* W,
                    Index step, const T* b, const T* A_prev, T* Z, T* A) {
  using V = Packet<T>;
  // done(sum, where it belongs)
  const auto products = [&](auto done) {
    narrow_groups<T>(m, [&](auto q, Index e) {
      for (Index j = 0; j < n_out; ++j) {
        const V bias = ei::pset1<V>(b[j]);
        narrow_product<q()>(n_in, A_prev + e, ld, W + j, step,
                            [&](Index at, const V& sum) { done(padd(bias, sum), j * ld + e + at); });
      }
    });
  };
  T* to = Z != nullptr ? Z : A;
  const bool fused = Z == nullptr && with_fused(activation, [&](auto row) {
                       const V s = all<V>(parameter);
                       products([&](const V& z, Index at) { store<V>(A + at, decltype(row)::value(z, s)); });
                     });
  if (fused) return;
  products([&](const V& z, Index at) { store<V>(to + at, z); });
  activate(activation, parameter, m, n_out, ld, static_cast<const T*>(to), A);
}

template <class T>
void narrow_backward(int activation, double parameter, Index n_in, Index n_out, Index m, Index ld, const T* W,
                     Index step, const T* dZ, const T* x, T* d) {
  using V = Packet<T>;
  const auto products = [&](auto done) {
    narrow_groups<T>(m, [&](auto q, Index e) {
      for (Index i = 0; i < n_in; ++i) {
        narrow_product<q()>(n_out, dZ + e, ld, W + i * step, 1,
                            [&](Index at, const V& sum) { done(sum, i * ld + e + at); });
      }
    });
  };
  const bool fused = with_fused(activation, [&](auto row) {
    const V s = all<V>(parameter);
    products([&](const V& sum, Index at) { store<V>(d + at, pmul(sum, decltype(row)::slope(load<V>(x + at), s))); });
  });
  if (fused) return;
  products([&](const V& sum, Index at) { store<V>(d + at, sum); });
  pull_back(activation, parameter, m, n_in, ld, x, d);
}

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

#define DEEPCORE_INSTANTIATE(T)                                                                                       \
  template void narrow_forward(int, double, Index, Index, Index, Index, const T*, Index, const T*, const T*, T*, T*); \
  template void narrow_backward(int, double, Index, Index, Index, Index, const T*, Index, const T*, const T*, T*);    \
  template void narrow_sums(Index, Index, Index, const T*, const T*, Index, bool, T*, Index);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace deepcore::kernels
