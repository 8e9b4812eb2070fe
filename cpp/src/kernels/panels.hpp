// Panels: a matrix stored for the micro-kernel, three packets of rows at a time, and the products that read it.
// Level: kernels. Without Eigen; the definitions of the products are in kernels/products.cpp, for float and double.
#pragma once

#include "kernels/columns.hpp"

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

static_assert(kDepth % Panels<float>::kWidth == 0 && kDepth % Panels<double>::kWidth == 0, "a panel lies in one strip");

// C (n, m) = bias + A B over K terms, for panels [p0, p1) of the rows. B: column j, term k at
// b[(k / kDepth) * run_step + j * sb + k % kDepth] if kAlongK, else [k * sb + j]. C has room for padded rows.
template <bool kAlongK, class T>
void multiply(Panels<T> panels, Index p0, Index p1, Index K, const Left<T>& A, const T* B, Index sb, Index run_step,
              Index m, Columns<T> C);

// The same for all panels and whole columns, ldc apart.
template <bool kAlongK, class T>
void multiply(Panels<T> panels, Index K, const Left<T>& A, const T* B, Index sb, Index m, T* C, Index ldc) {
  multiply<kAlongK>(panels, 0, panels.count(), K, A, B, sb, kAlongK ? kDepth : kDepth * sb, m, {C, ldc, kDepth});
}

// C (one panel, m) (+)= A B over K terms, A unpacked: its rows contiguous, columns sa apart. The gradient's product:
// A = dZ, B = A_prev with examples as the depth. C: columns `width` apart.
template <bool kAlongK, class T>
void outer(Index width, Index K, const T* A, Index sa, const T* B, Index sb, Index m, bool add, T* C);

// outer<false> for a panel of few rows, m columns and no earlier sums: the columns take the lanes, which the rows would not
// fill, and their sums, transposed, are the panel. The bits are the same. B is read a panel wide: beyond m columns it may
// hold anything.
template <class T>
void outer_turned(Index width, Index valid, Index K, const T* A, Index sa, const T* B, Index sb, Index m, T* C);

// C (one panel) (+)= the sums of A's rows over K columns, in the order of the products.
template <class T>
void row_sums(Index width, Index K, const T* A, Index sa, bool add, T* C);

// Columns [i0, i1) of a packed panel of W (valid rows from o0) -> the same elements in the panels of W' (n_in rows). i0 is
// a multiple of the lanes.
template <class T>
void transpose_panel(const T* packed, Index width, Index o0, Index valid, Index i0, Index i1, Panels<T> in, Index n_out,
                     T* transposed);

}  // namespace deepcore::kernels
