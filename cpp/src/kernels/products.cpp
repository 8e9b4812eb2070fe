// The products of kernels/panels.hpp, built from tiles, and the transposition of panels.
// Level: kernels.
#include "kernels/panels.hpp"
#include "kernels/peak.hpp"
#include "kernels/tile.hpp"

namespace deepcore::kernels {

namespace {

template <class T>
void one_column(Index depth, const T* a, Index panel_step, Index column_step, const T* b, Index sb, const T* c0, T* c) {
  using V = Packet<T>;
  V sum[kGroup<T>][3];
#pragma GCC unroll 4
  for (int g = 0; g < kGroup<T>; ++g) {
#pragma GCC unroll 3
    for (int p = 0; p < 3; ++p) sum[g][p] = ei::pzero(V());
  }
  for (Index k = 0; k < depth; ++k, a += column_step) {
    const V x = ei::pset1<V>(b[k * sb]);
#pragma GCC unroll 4
    for (int g = 0; g < kGroup<T>; ++g) {
#pragma GCC unroll 3
      for (int p = 0; p < 3; ++p) sum[g][p] = pmadd(load<V>(a + g * panel_step + p * kLanes<T>), x, sum[g][p]);
    }
  }
#pragma GCC unroll 4
  for (int g = 0; g < kGroup<T>; ++g) {
#pragma GCC unroll 3
    for (int p = 0; p < 3; ++p) {
      const Index at = (3 * g + p) * kLanes<T>;
      store<V>(c + at, c0 == nullptr ? sum[g][p] : padd(load<V>(c0 + at), sum[g][p]));
    }
  }
}

// multiply for one column: it reads all of A once, in the order in which A lies.
template <bool kAlongK, class T>
void multiply_column(Panels<T> panels, Index p0, Index p1, Index K, const Left<T>& A, const T* B, Index sb,
                     Index run_step, Columns<T> C) {
  constexpr Index G = kGroup<T>, kWidth = Panels<T>::kWidth;
  for (Index p = p0; p < p1;) {
    const bool group = p % G == 0 && p + G <= p1 && panels.width(p + G - 1) == kWidth;
    const Index start = panels.start(p), width = panels.width(p), step = A.step(width);
    T biases[G * kWidth];  // those of packed panels are not contiguous
    T* c = C.from(start);
    const T* c0 = A.bias_of(start, K, width);
    if (group && c0 != nullptr) {
      for (Index g = 0; g < G; ++g) {
        std::copy_n(A.bias_of(panels.start(p + g), K, kWidth), kWidth, biases + g * kWidth);
      }
      c0 = biases;
    }
    for (Index k = 0; k < K || k == 0; k += kDepth, c0 = c) {
      const Index run = std::min(kDepth, K - k);
      const T *a = A.panel(start) + k * step, *b = B + k / kDepth * run_step;
      if (group) {
        one_column(run, a, kWidth * A.row_step, step, b, kAlongK ? 1 : sb, c0, c);
      } else {
        panel<kAlongK>(width, 1, run, a, step, b, sb, c0, 0, c, C.ld);
      }
    }
    p += group ? G : 1;
  }
}

// Packed panels are prefetched where they come from the third cache and enough columns share the cost. A prefetch that finds
// its line in the second cache costs 2% with 64 columns and 9% with 16; one that does not gains 4 to 12%.
constexpr Index kFarBytes = 128 << 10, kPrefetchColumns = 32;

// What multiply reads of packed A after panel p of the run at k; at its end, what the call for the next panels reads.
template <class T>
const T* next_panel(Panels<T> panels, Index p0, Index p1, Index K, const Left<T>& A, Index k, Index p) {
  const bool last = p + 1 == p1, ends = last && k + kDepth >= K;
  const Index next = !last || ends ? p + 1 : p0;
  if (A.column_step != 0 || next == panels.count()) return nullptr;
  return A.panel(panels.start(next)) + (ends ? 0 : last ? k + kDepth : k) * panels.width(next);
}

// A whole run of outer, from a copy of A without gaps, unless few columns of B read it: the cache lines of A
// with gaps and those of B are more than the first cache holds. With AVX-512 a run is half as deep, and they fit.
constexpr bool kGathers = kDepth > 96;
template <bool kAlongK, class T>
void outer_gathered(Index width, const T* A, Index sa, const T* B, Index sb, Index m, const T* c0, T* C) {
  using V = SizedPacket<T, true>;
  T gathered[kDepth * Panels<T>::kWidth];
  for (Index k = 0; k < kDepth; ++k) {
    for (Index i = 0; i < width; i += kSmallLanes<T>) store<V>(gathered + k * width + i, load<V>(A + k * sa + i));
  }
  panel<kAlongK>(width, m, kDepth, gathered, width, B, sb, c0, width, C, width);
}

}  // namespace

template <bool kAlongK, class T>
void multiply(Panels<T> panels, Index p0, Index p1, Index K, const Left<T>& A, const T* B, Index sb, Index run_step,
              Index m, Columns<T> C) {
  if (m == 1) return multiply_column<kAlongK>(panels, p0, p1, K, A, B, sb, run_step, C);
  const bool prefetches = m >= kPrefetchColumns && panels.padded() * K * static_cast<Index>(sizeof(T)) > kFarBytes;
  for (Index k = 0; k < K || k == 0; k += kDepth) {
    const Index run = std::min(kDepth, K - k);
    const T* b = B + k / kDepth * run_step;
    for (Index p = p0; p < p1; ++p) {
      const Index start = panels.start(p), width = panels.width(p), step = A.step(width);
      T* c = C.from(start);
      const T* c0 = k > 0 ? c : A.bias_of(start, K, width);
      Ahead<T> ahead;
      if (kAlongK && p == 0) ahead.columns = b + run_step;
      if (kAlongK && prefetches) ahead.panel = next_panel(panels, p0, p1, K, A, k, p);
      panel<kAlongK>(width, m, run, A.panel(start) + k * step, step, b, sb, c0, k > 0 ? C.ld : 0, c, C.ld, ahead);
    }
  }
}

template <bool kAlongK, class T>
void outer(Index width, Index K, const T* A, Index sa, const T* B, Index sb, Index m, bool add, T* C) {
  for (Index k = 0; k < K || k == 0; k += kDepth) {
    const Index run = std::min(kDepth, K - k);
    const T *a = A + k * sa, *b = B + k * (kAlongK ? 1 : sb), *c0 = add || k > 0 ? C : nullptr;
    if (kGathers && run == kDepth && m > Panels<T>::kWidth && sa > width) {
      outer_gathered<kAlongK>(width, a, sa, b, sb, m, c0, C);
    } else {
      panel<kAlongK>(width, m, run, a, sa, b, sb, c0, width, C, width);
    }
  }
}

template <class T>
void outer_turned(Index width, Index valid, Index K, const T* A, Index sa, const T* B, Index sb, Index m, T* C) {
  constexpr Index kWidth = Panels<T>::kWidth;
  T sums[kWidth * kWidth];
  for (Index j = 0; j < m; j += kWidth) {
    const Index columns = std::min(kWidth, m - j), lanes = panel_width<T>(columns);
    for (Index k = 0; k < K; k += kDepth) {
      panel<false>(lanes, valid, std::min(kDepth, K - k), B + k * sb + j, sb, A + k * sa, sa, k > 0 ? sums : nullptr,
                   lanes, sums, lanes);
    }
    std::fill(sums + valid * lanes, sums + width * lanes, T(0));
    turn(sums, lanes, width, columns, C + j * width, width);
  }
}

template <class T>
void row_sums(Index width, Index K, const T* A, Index sa, bool add, T* C) {
  using P = SizedPacket<T, true>;
  for (Index i0 = 0; i0 < width; i0 += kSmallLanes<T>, A += kSmallLanes<T>, C += kSmallLanes<T>) {
    P total = add ? load<P>(C) : ei::pzero(P());
    for (Index k = 0; k < K; k += kDepth) {
      P sum = ei::pzero(P());
      for (Index i = k; i < std::min(K, k + kDepth); ++i) sum = padd(sum, load<P>(A + i * sa));
      total = padd(total, sum);
    }
    store<P>(C, total);
  }
}

template <class T>
void transpose_panel(const T* packed, Index width, Index o0, Index valid, Index i0, Index i1, Panels<T> in, Index n_out,
                     T* transposed) {
  constexpr Index S = kSmallLanes<T>;
  for (Index i = i0; i < i1; i += S) {  // i0 is a multiple of the lanes: no square straddles two panels of W'
    const Index p = i / Panels<T>::kWidth, step = in.width(p);
    turn(packed + (i - i0) * width, width, std::min(S, i1 - i), valid,
         transposed + in.start(p) * n_out + o0 * step + (i - in.start(p)), step);
  }
}

#define DEEPCORE_TEXT_(x) #x
#define DEEPCORE_TEXT(x) DEEPCORE_TEXT_(x)
const char* eigen_version() {
  return DEEPCORE_TEXT(EIGEN_WORLD_VERSION) "." DEEPCORE_TEXT(EIGEN_MAJOR_VERSION) "." DEEPCORE_TEXT(
      EIGEN_MINOR_VERSION);
}

float multiply_add_chains(const volatile float& start, Index rounds) {
  constexpr int kChains = kPeakChains;
  const float seed = start;
  using P = Packet<float>;
  P sum[kChains];
  for (int i = 0; i < kChains; ++i) sum[i] = all<P>(seed + static_cast<float>(i));
  const P a = all<P>(0.999999), b = all<P>(1e-7);
  for (Index k = 0; k < rounds; ++k) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sum[i] = pmadd(sum[i], a, b);
  }
  for (int i = 1; i < kChains; ++i) sum[0] = padd(sum[0], sum[i]);
  return ei::pfirst(sum[0]);
}

#define DEEPCORE_INSTANTIATE_ALONG(kAlongK, T)                                                                   \
  template void multiply<kAlongK>(Panels<T>, Index, Index, Index, const Left<T>&, const T*, Index, Index, Index, \
                                  Columns<T>);                                                                   \
  template void outer<kAlongK>(Index, Index, const T*, Index, const T*, Index, Index, bool, T*);
#define DEEPCORE_INSTANTIATE(T)                                                                 \
  DEEPCORE_INSTANTIATE_ALONG(true, T)                                                           \
  DEEPCORE_INSTANTIATE_ALONG(false, T)                                                          \
  template void outer_turned(Index, Index, Index, const T*, Index, const T*, Index, Index, T*); \
  template void row_sums(Index, Index, const T*, Index, bool, T*);                              \
  template void transpose_panel(const T*, Index, Index, Index, Index, Index, Panels<T>, Index, T*);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE
#undef DEEPCORE_INSTANTIATE_ALONG

}  // namespace deepcore::kernels
