// Panels: a matrix stored for the micro-kernel, three packets of rows at a time, and the products that read it.
// Floor: kernels.
#pragma once

#include "kernels/tile.hpp"

#include <algorithm>

namespace deepcore::kernels {

// n rows cut into panels of three packets; the last holds the rest, rounded up by panel_width and filled with zeros.
// Panel p of a matrix with `columns` columns starts at start(p) * columns; its column k at + k * width(p).
template <class T>
struct Panels {
  static constexpr Index kWidth = 3 * kLanes<T>;
  Index rows = 0;

  Index count() const { return (rows + kWidth - 1) / kWidth; }
  Index padded() const { return rows / kWidth * kWidth + panel_width<T>(rows % kWidth); }
  Index start(Index p) const { return p * kWidth; }
  Index width(Index p) const { return std::min(kWidth, padded() - start(p)); }
  Index valid(Index p) const { return std::min(kWidth, rows - start(p)); }
};

// Rows first_row.. of `source` (a panel's worth, valid of them) -> columns [k0, k1) of the packed panel.
template <class T>
void pack(View<const T> source, Index first_row, Index valid, Index width, Index k0, Index k1, T* packed) {
  for (Index k = k0; k < k1; ++k) {
    T* to = packed + (k - k0) * width;
    const T* from = source.data + first_row * source.row_stride + k * source.col_stride;
    if (source.row_stride == 1) {
      std::copy_n(from, valid, to);
    } else {
      for (Index i = 0; i < valid; ++i) to[i] = from[i * source.row_stride];
    }
    std::fill(to + valid, to + width, T(0));
  }
}

// A whole matrix (rows, columns) into panels whose columns count `depth` (the matrix's own, plus room the caller wants).
template <class T>
void pack(View<const T> source, Index depth, T* packed) {
  const Panels<T> panels{source.rows};
  for (Index p = 0; p < panels.count(); ++p) {
    pack(source, panels.start(p), panels.valid(p), panels.width(p), 0, source.cols, packed + panels.start(p) * depth);
  }
}

template <class T>
void unpack(const T* packed, Index depth, T scale, View<T> target) {
  const Panels<T> panels{target.rows};
  for (Index p = 0; p < panels.count(); ++p) {
    const T* from = packed + panels.start(p) * depth;
    for (Index k = 0; k < target.cols; ++k, from += panels.width(p)) {
      for (Index i = 0; i < panels.valid(p); ++i) target(panels.start(p) + i, k) = scale * from[i];
    }
  }
}

// Where the left side of a product lies: in packed panels, or column by column as a Block holds it.
template <class T>
struct Left {
  const T* a;
  Index row_step;     // from one row of panels to the next: the depth of packed panels, 1 in a Block
  Index column_step;  // 0: a packed panel's own width
  bool has_bias;
  const T* bias;  // null: the column behind the last of each packed panel

  const T* panel(Index start) const { return a + start * row_step; }
  Index step(Index width) const { return column_step == 0 ? width : column_step; }
  const T* bias_of(Index start, Index K, Index width) const {
    return !has_bias ? nullptr : bias != nullptr ? bias + start : panel(start) + K * width;
  }
};

// Full panels that one column goes through at once, within one strip: up to 12 sums in registers, as in a tile.
template <class T>
inline constexpr int kGroup = static_cast<int>(std::min<Index>(4, kDepth / Panels<T>::kWidth));

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

// Columns (units of one example) of a matrix, cut into strips of kDepth units: unit i of column j lies at
// data[(i / kDepth) * strip + j * ld + i % kDepth]. With strip = kDepth the columns are whole. The strips of a batch keep
// what a run of a product reads within few pages, however wide the layer.
template <class T>
struct Columns {
  T* data;
  Index ld;
  Index strip;

  T* from(Index i) const { return data + i / kDepth * strip + i % kDepth; }
  Columns starting(Index j) const { return {data + j * ld, ld, strip}; }
  operator Columns<const T>() const { return {data, ld, strip}; }  // NOLINT(google-explicit-constructor)
};

// f(i, rows) for the runs of rows within [i0, i1) that lie together: all of them, or strip by strip.
template <class T, class F>
void together(Columns<T> columns, Index i0, Index i1, F f) {
  if (columns.strip == kDepth) return f(i0, i1 - i0);
  for (Index i = i0; i < i1;) {
    const Index end = std::min(i1, (i / kDepth + 1) * kDepth);
    f(i, end - i);
    i = end;
  }
}
static_assert(kDepth % Panels<float>::kWidth == 0 && kDepth % Panels<double>::kWidth == 0, "a panel lies in one strip");

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

// C (n, m) = bias + A B over K terms, for panels [p0, p1) of the rows. B: column j, term k at
// b[(k / kDepth) * run + j * sb + k % kDepth] if kAlongK, else [k * sb + j]. C has room for padded rows.
template <bool kAlongK, class T>
void multiply(Panels<T> panels, Index p0, Index p1, Index K, const Left<T>& A, const T* B, Index sb, Index run_step,
              Index m, Columns<T> C) {
  if (m == 1) return multiply_column<kAlongK>(panels, p0, p1, K, A, B, sb, run_step, C);
  for (Index k = 0; k < K || k == 0; k += kDepth) {
    const Index run = std::min(kDepth, K - k);
    const T *b = B + k / kDepth * run_step, *soon = kAlongK ? b + run_step : nullptr;
    for (Index p = p0; p < p1; ++p) {
      const Index start = panels.start(p), width = panels.width(p), step = A.step(width);
      T* c = C.from(start);
      const T* c0 = k > 0 ? c : A.bias_of(start, K, width);
      panel<kAlongK>(width, m, run, A.panel(start) + k * step, step, b, sb, c0, k > 0 ? C.ld : 0, c, C.ld,
                     p == p0 ? soon : nullptr);
    }
  }
}

// The same for all panels and whole columns, ldc apart.
template <bool kAlongK, class T>
void multiply(Panels<T> panels, Index K, const Left<T>& A, const T* B, Index sb, Index m, T* C, Index ldc) {
  multiply<kAlongK>(panels, 0, panels.count(), K, A, B, sb, kAlongK ? kDepth : kDepth * sb, m, {C, ldc, kDepth});
}

// C (one panel, m) (+)= A B over K terms, A unpacked: its rows contiguous, columns sa apart. The gradient's product:
// A = dZ, B = A_prev with examples as the depth. C: columns `width` apart.
template <bool kAlongK, class T>
void outer(Index width, Index K, const T* A, Index sa, const T* B, Index sb, Index m, bool add, T* C) {
  for (Index k = 0; k < K || k == 0; k += kDepth) {
    const T* c0 = add || k > 0 ? C : nullptr;
    panel<kAlongK>(width, m, std::min(kDepth, K - k), A + k * sa, sa, B + k * (kAlongK ? 1 : sb), sb, c0, width, C,
                   width);
  }
}

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

// outer<false> for a panel of few rows, m columns and no earlier sums: the columns take the lanes, which the rows would not
// fill, and their sums, turned, are the panel. The bits are the same. B is read a panel wide: beyond m columns it may hold
// anything.
template <class T>
void outer_turned(Index width, Index valid, Index K, const T* A, Index sa, const T* B, Index sb, Index m, T* C) {
  constexpr Index kWidth = Panels<T>::kWidth;
  T sums[kWidth * kWidth];
  for (Index j = 0; j < m; j += kWidth) {
    const Index columns = std::min(kWidth, m - j), lanes = panel_width<T>(columns);
    for (Index k = 0; k < K; k += kDepth) {
      panel<false>(lanes, valid, std::min(kDepth, K - k), B + k * sb + j, sb, A + k * sa, sa, k > 0 ? sums : nullptr,
                   lanes, sums, lanes, B + k * sb + j + kWidth);
    }
    std::fill(sums + valid * lanes, sums + width * lanes, T(0));
    turn(sums, lanes, width, columns, C + j * width, width);
  }
}

// C (one panel) (+)= the sums of A's rows over K columns, in the order of the products.
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

// Columns [i0, i1) of a packed panel of W (valid rows from o0) -> the same elements in the panels of W' (n_in rows).
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

}  // namespace deepcore::kernels
