// Panels: a matrix stored for the micro-kernel, three packets of rows at a time, and the products that read it.
// Floor: kernels.
#pragma once

#include "kernels/tile.hpp"

#include <algorithm>

namespace deepcore::kernels {

// n rows cut into panels of three packets; the last holds the rest, rounded up to packets and filled with zeros.
// Panel p of a matrix with `columns` columns starts at start(p) * columns; its column k at + k * width(p).
template <class T>
struct Panels {
  static constexpr index kWidth = 3 * kLanes<T>;
  index rows = 0;

  index count() const { return (rows + kWidth - 1) / kWidth; }
  index padded() const { return round_up<T>(rows); }
  index start(index p) const { return p * kWidth; }
  index width(index p) const { return std::min(kWidth, padded() - start(p)); }
  index valid(index p) const { return std::min(kWidth, rows - start(p)); }
  int packets(index p) const { return static_cast<int>(width(p) / kLanes<T>); }
};

// Rows first_row.. of `source` (a panel's worth, valid of them) -> columns [k0, k1) of the packed panel.
template <class T>
void pack(View<const T> source, index first_row, index valid, index width, index k0, index k1, T* packed) {
  for (index k = k0; k < k1; ++k) {
    T* to = packed + (k - k0) * width;
    const T* from = source.data + first_row * source.row_stride + k * source.col_stride;
    if (source.row_stride == 1) {
      std::copy_n(from, valid, to);
    } else {
      for (index i = 0; i < valid; ++i) to[i] = from[i * source.row_stride];
    }
    std::fill(to + valid, to + width, T(0));
  }
}

// A whole matrix (rows, columns) into panels whose columns count `depth` (the matrix's own, plus room the caller wants).
template <class T>
void pack(View<const T> source, index depth, T* packed) {
  const Panels<T> panels{source.rows};
  for (index p = 0; p < panels.count(); ++p) {
    pack(source, panels.start(p), panels.valid(p), panels.width(p), 0, source.cols, packed + panels.start(p) * depth);
  }
}

template <class T>
void unpack(const T* packed, index depth, T scale, View<T> target) {
  const Panels<T> panels{target.rows};
  for (index p = 0; p < panels.count(); ++p) {
    const T* from = packed + panels.start(p) * depth;
    for (index k = 0; k < target.cols; ++k, from += panels.width(p)) {
      for (index i = 0; i < panels.valid(p); ++i) target(panels.start(p) + i, k) = scale * from[i];
    }
  }
}

// C (n, m) = bias + A B. A: packed panels of n rows, `depth` columns apart, K of them used. B (K, m) as tile() reads it.
// C: columns ldc apart with room for padded rows. bias: padded rows with the panels' own stride, or null.
template <bool kAlongK, class T>
void multiply(Panels<T> panels, index K, index depth, const T* A, const T* B, index sb, index m, bool bias, T* C,
              index ldc) {
  for (index k = 0; k < K || k == 0; k += kDepth) {
    const index run = std::min(kDepth, K - k);
    for (index p = 0; p < panels.count(); ++p) {
      const T* a = A + panels.start(p) * depth;
      const index width = panels.width(p);
      T* c = C + panels.start(p);
      const T* c0 = k > 0 ? c : bias ? a + K * width : nullptr;
      panel<kAlongK>(panels.packets(p), m, run, a + k * width, width, B + k * (kAlongK ? 1 : sb), sb, c0,
                     k > 0 ? ldc : 0, c, ldc);
    }
  }
}

// C (one panel, m) (+)= A B over K terms, A unpacked: its rows contiguous, columns sa apart. The gradient's product:
// A = dZ, B = A_prev with examples as the depth. C: columns `width` apart.
template <bool kAlongK, class T>
void outer(int packets, index K, const T* A, index sa, const T* B, index sb, index m, bool add, T* C) {
  const index width = packets * kLanes<T>;
  for (index k = 0; k < K || k == 0; k += kDepth) {
    const T* c0 = add || k > 0 ? C : nullptr;
    panel<kAlongK>(packets, m, std::min(kDepth, K - k), A + k * sa, sa, B + k * (kAlongK ? 1 : sb), sb, c0, width, C,
                   width);
  }
}

// C (one panel) (+)= the sums of A's rows over K columns, in the order of the products.
template <class T>
void row_sums(int packets, index K, const T* A, index sa, bool add, T* C) {
  using P = Packet<T>;
  for (int p = 0; p < packets; ++p, A += kLanes<T>, C += kLanes<T>) {
    P total = add ? load<P>(C) : ei::pzero(P());
    for (index k = 0; k < K; k += kDepth) {
      P sum = ei::pzero(P());
      for (index i = k; i < std::min(K, k + kDepth); ++i) sum = padd(sum, load<P>(A + i * sa));
      total = padd(total, sum);
    }
    store<P>(C, total);
  }
}

// Columns [i0, i1) of a packed panel of W (valid rows from o0) -> the same elements in the panels of W' (n_in rows).
template <class T>
void transpose_panel(const T* packed, index width, index o0, index valid, index i0, index i1, Panels<T> in, index n_out,
                     T* transposed) {
  constexpr index S = kLanes<T>;
  const auto element = [&](index i, index o) -> T& {
    const index p = i / Panels<T>::kWidth;
    return transposed[in.start(p) * n_out + (o0 + o) * in.width(p) + (i - in.start(p))];
  };
  index i = i0;
  for (; i + S <= i1; i += S) {  // i0 is a multiple of the lanes: a packet never straddles two panels
    index o = 0;
    for (; o + S <= valid; o += S) {
      transpose_square(packed + (i - i0) * width + o, width, [&](index k) { return &element(i, o + k); });
    }
    for (; o < valid; ++o) {
      for (index k = i; k < i + S; ++k) element(k, o) = packed[(k - i0) * width + o];
    }
  }
  for (; i < i1; ++i) {
    for (index o = 0; o < valid; ++o) element(i, o) = packed[(i - i0) * width + o];
  }
}

}  // namespace deepcore::kernels
