// The products of kernels/strided.hpp, built from tiles. The columns of the result lie along the lanes.
// Level: kernels.
#include "kernels/strided.hpp"

#include "kernels/panels.hpp"
#include "kernels/tile.hpp"

#include <deepcore/buffer.hpp>

#include <cmath>
#include <cstring>
#include <utility>

namespace deepcore::kernels {

namespace {

// Rows of the result that go through a group of panels together: three tiles. Their factor is 9 KB per run: with a panel
// of 18 KB it stays in a first cache of 32 KB.
constexpr Index kRows = 12;
constexpr Index kPanels = 12;         // of a group: one run of them is 221 KB, and stays in a second cache of 512 KB
constexpr Index kStep = kDepth + 16;  // from row to row of a packed block: no two rows share all their cache sets
constexpr Index kRowsAhead = 4;  // rows often lie in pages of their own, before which the hardware does not prefetch
constexpr Index kMostGathered = Index{1} << 20;  // sums that are kept apart from the result at most
constexpr Index kManyPanels = 4;                 // read the left factor so often that it is packed, too
constexpr Index kDirectRows = 8;                 // with at most so many rows,
constexpr Index kDirectElements = 4096;  // and a right factor of at most so many elements, packing would not pay

template <class T>
View<T> turned(View<T> A) {
  return {A.data, A.cols, A.rows, A.col_stride, A.row_stride};
}

template <class T>
View<const T> part(View<const T> A, Index i, Index rows, Index j, Index cols) {
  return {A.data + i * A.row_stride + j * A.col_stride, rows, cols, A.row_stride, A.col_stride};
}

// B (depth, m) -> packed panels, the last one filled with zeros.
template <class T>
void pack_columns(View<const T> B, T* packed) {
  const Panels<T> panels{B.cols};
  const Index depth = B.rows, full = panels.rows / Panels<T>::kWidth;
  if (B.col_stride == 1) {  // row by row, in the order in which memory is read fastest
    for (Index k = 0; k < depth; ++k) {
      const T* from = B.data + k * B.row_stride;
      if (k + kRowsAhead < depth) prefetch(from + kRowsAhead * B.row_stride, panels.rows);
      T* to = packed + k * Panels<T>::kWidth;
      for (Index p = 0; p < full; ++p, from += Panels<T>::kWidth, to += Panels<T>::kWidth * depth) {
#pragma GCC unroll 3
        for (Index l = 0; l < Panels<T>::kWidth; l += kLanes<T>) store<Packet<T>>(to + l, load<Packet<T>>(from + l));
      }
    }
  }
  for (Index p = B.col_stride == 1 ? full : 0; p < panels.count(); ++p) {
    const Index width = panels.width(p), valid = panels.valid(p);
    const View<const T> columns = part(B, 0, depth, panels.start(p), valid);
    T* const to = packed + panels.start(p) * depth;
    if (valid < width) std::fill_n(to, depth * width, T(0));
    if (B.row_stride == 1 && B.col_stride != 1) {
      turn(columns.data, B.col_stride, valid, depth, to, width);
    } else {
      for (Index k = 0; k < depth; ++k) {
        for (Index l = 0; l < valid; ++l) to[k * width + l] = columns(k, l);
      }
    }
  }
}

// The left factor of a block of rows: element (i, k) at data[i * step + k] if along_k, else at data[k * step + i].
template <class T>
struct Block {
  const T* data;
  Index step;
  bool along_k;
};

template <class T>
Block<T> block_of(View<const T> A, bool pack, T* room) {
  if (!pack && A.col_stride == 1) return {A.data, A.row_stride, true};
  if (!pack && A.row_stride == 1) return {A.data, A.col_stride, false};
  if (A.row_stride == 1) {
    for (Index k = 0; k < A.cols; ++k) {
      const T* const from = A.data + k * A.col_stride;
      if (A.rows == kRows) {  // of a constant size: without a call
        std::memcpy(room + k * kRows, from, sizeof(T) * kRows);
      } else {
        std::copy_n(from, A.rows, room + k * kRows);
      }
    }
    return {room, kRows, false};
  }
  for (Index i = 0; i < A.rows; ++i) {
    if (A.col_stride == 1) {
      std::copy_n(A.data + i * A.row_stride, A.cols, room + i * kStep);
    } else {
      for (Index k = 0; k < A.cols; ++k) room[i * kStep + k] = A(i, k);
    }
  }
  return {room, kStep, true};
}

// What the sums of a product start from: nothing, or a value for each row or each column of the result.
template <class T>
struct Bias {
  View<const T> values;
  bool of_columns = false;

  bool of_rows() const { return !values.empty() && !of_columns; }
  Bias turned() const { return {values, !values.empty() && !of_columns}; }
};

// C = scale (bias + A B), C with contiguous rows, whose columns lie along the lanes: for each group of columns and each run
// of terms, all rows, a block at a time.
template <class T>
class RowProduct {
 public:
  // padded: the rows of C have room for padded panels.
  RowProduct(View<const T> A, View<const T> B, const Bias<T>& bias, T scale, View<T> C, bool padded)
      : A_(A), B_(B), bias_(bias), scale_(scale), C_(C), padded_(padded),
        direct_(B.col_stride == 1 && A.rows <= kDirectRows && B.rows * B.cols <= kDirectElements),
        packed_(Buffer<T>::uninitialized(Panels<T>{direct_ ? kWidth : std::min(B.cols, kGroup)}.padded() *
                                         std::min(B.rows, kDepth))),
        of_columns_(bias.of_columns ? Panels<T>{B.cols}.padded() : 0), apart_(gap(std::min(B.cols, kGroup))),
        gathered_(Buffer<T>::uninitialized(
            padded || B.rows <= kDepth || A.rows * apart_ > kMostGathered ? 0 : A.rows * apart_)) {
    for (Index j = 0; bias.of_columns && j < B.cols; ++j) of_columns_.data()[j] = bias.values(j, 0);
  }

  void operator()() {
    for (Index j = 0; j < C_.cols; j += kGroup) {
      columns_ = {j, Panels<T>{std::min(kGroup, C_.cols - j)}};
      for (Index k = 0; k < A_.cols || k == 0; k += kDepth) {
        run_ = {k, std::min(kDepth, A_.cols - k)};
        const Index m = columns_.panels.rows, in_place = direct_ ? m / kWidth * kWidth : 0;
        pack_columns(part(B_, k, run_.depth, j + in_place, m - in_place), packed_.data());
        for (Index i = 0; i < C_.rows; i += kRows) rows(i, std::min(kRows, C_.rows - i));
      }
    }
  }

 private:
  static constexpr Index kWidth = Panels<T>::kWidth, kGroup = kPanels * kWidth;

  // From row to row of the sums of a group of columns: not a multiple of 512 bytes, which would share few cache sets.
  static Index gap(Index columns) {
    const Index padded = Panels<T>{columns}.padded();
    return padded * Index{sizeof(T)} % 512 == 0 ? padded + 16 : padded;
  }

  void rows(Index i, Index count) {
    const Panels<T>& panels = columns_.panels;
    const bool finished = run_.k + run_.depth >= A_.cols;
    for (Index r = i + count; A_.col_stride == 1 && r < std::min(C_.rows, i + 2 * kRows); ++r)
      prefetch(&A_(r, run_.k), run_.depth);  // the next block comes from a slower cache
    const Block<T> left = block_of(part(A_, i, count, run_.k, run_.depth), panels.count() >= kManyPanels, room_);
    for (Index r = 0; run_.k == 0 && bias_.of_rows() && r < count; ++r)
      std::fill_n(biases_ + r * kWidth, kWidth, bias_.values(i + r, 0));
    for (Index p = 0; p < panels.count(); ++p) {
      if (!gathered_.empty()) {
        sums(left, count, p, {gathered_.data() + i * apart_ + panels.start(p), apart_});
      } else if (padded_ || panels.valid(p) == panels.width(p)) {
        sums(left, count, p, {&C_(i, columns_.first + panels.start(p)), C_.row_stride});
      } else {
        last_columns(left, i, count, p);
      }
    }
    if (!finished || (scale_ == T(1) && gathered_.empty())) return;
    for (Index r = i; r < i + count; ++r) {
      T* const c = &C_(r, columns_.first);
      const T* const from = gathered_.empty() ? c : gathered_.data() + r * apart_;
      for (Index l = 0; l < panels.rows; ++l) c[l] = scale_ * from[l];
    }
  }

  // A padded panel of which C has only a part goes through a panel of its own.
  void last_columns(const Block<T>& left, Index i, Index count, Index p) {
    const Index first = columns_.first + columns_.panels.start(p), valid = columns_.panels.valid(p);
    for (Index r = 0; run_.k > 0 && r < count; ++r) std::copy_n(&C_(i + r, first), valid, rest_ + r * kWidth);
    sums(left, count, p, {rest_, kWidth});
    for (Index r = 0; r < count; ++r) std::copy_n(rest_ + r * kWidth, valid, &C_(i + r, first));
  }

  struct Target {
    T* data;
    Index step;
  };

  // One run of terms for the rows of a block and the columns of a panel.
  void sums(const Block<T>& left, Index count, Index p, const Target& c) {
    const Panels<T>& panels = columns_.panels;
    const Index first = columns_.first + panels.start(p), width = panels.width(p), depth = run_.depth;
    const bool in_place = direct_ && panels.valid(p) == kWidth;
    const T* a = in_place ? &B_(run_.k, first) : packed_.data() + (direct_ ? 0 : panels.start(p) * depth);
    const Index sa = in_place ? B_.row_stride : width;
    const auto [c0, ld0] = start(c, first);
    if (left.along_k) {
      panel<true>(width, count, depth, a, sa, left.data, left.step, c0, ld0, c.data, c.step);
    } else {
      panel<false>(width, count, depth, a, sa, left.data, left.step, c0, ld0, c.data, c.step);
    }
  }

  // What the sums of a run start from: the earlier runs, or the bias.
  std::pair<const T*, Index> start(const Target& c, Index first) const {
    if (run_.k > 0) return {c.data, c.step};
    if (bias_.of_rows()) return {biases_, kWidth};
    return {bias_.of_columns ? of_columns_.data() + first : nullptr, 0};
  }

  const View<const T> A_, B_;
  const Bias<T> bias_;
  const T scale_;
  const View<T> C_;
  const bool padded_;
  const bool direct_;  // whole panels of B are read where they lie
  Buffer<T> packed_;   // the others: one run of a group
  Buffer<T> of_columns_;
  const Index apart_;
  Buffer<T>
      gathered_;  // the sums of a group, if there are several runs: the rows of C may share few sets of the caches
  struct {
    Index first;
    Panels<T> panels;
  } columns_{};
  struct {
    Index k, depth;
  } run_{};
  T room_[kRows * kStep], rest_[kRows * kWidth], biases_[kRows * kWidth];
};

// The same with the rows of the result along the lanes: its transpose is made in pieces, and turned.
template <class T>
void product_along_columns(View<const T> A, View<const T> B, const Bias<T>& bias, T scale, View<T> C) {
  const Index n = C.rows, m = C.cols, ld = Panels<T>{n}.padded();
  const Index piece = std::min(m, std::max(2 * kRows, Index{65536} / ld / kRows * kRows));
  Buffer<T> sums = Buffer<T>::uninitialized(ld * piece);
  for (Index j = 0; j < m; j += piece) {
    const Index columns = std::min(piece, m - j);
    const Bias<T> own = bias.of_columns ? Bias<T>{part(bias.values, j, columns, 0, 1), true} : bias;
    const View<T> turned_sums{sums.data(), columns, n, ld, 1};
    RowProduct<T>(turned(part(B, 0, B.rows, j, columns)), turned(A), own.turned(), scale, turned_sums, true)();
    turn(sums.data(), ld, columns, n, &C(0, j), C.row_stride);
  }
}

// The sums of a run for one row of the result, x B: rows of B, which lie contiguously, are added to all sums one after
// another, a few at a time. The last packet of columns may overlap the one before it; both then compute the same sums.
template <class T>
void sums_of_one_row(const T* x, View<const T> B, T* s) {
  using V = Packet<T>;
  constexpr Index kTerms = 8;
  std::fill_n(s, round_up<T>(B.cols), T(0));
  const auto add = [&](auto terms, Index k) {
    V factors[terms()];
    for (int i = 0; i < terms(); ++i) factors[i] = all<V>(x[k + i]);
    for (Index at = 0; at < B.cols; at += kLanes<T>) {
      const T* const b = &B(k, std::min(at, B.cols - kLanes<T>));
      V sum = load<V>(s + at);
      for (int i = 0; i < terms(); ++i) sum = pmadd(load<V>(b + i * B.row_stride), factors[i], sum);
      store<V>(s + at, sum);
    }
  };
  Index k = 0;
  for (; k + kTerms <= B.rows; k += kTerms) add(Count<kTerms>{}, k);
  for (; k < B.rows; ++k) add(Count<1>{}, k);
  const Index whole = B.cols / kLanes<T> * kLanes<T>;  // the last columns stand at the end of their packet
  std::copy_n(s + round_up<T>(B.cols) - (B.cols - whole), B.cols - whole, s + whole);
}

// C (1, m) = scale (bias + A B) for at least a packet of columns, B being read where it lies.
template <class T>
void product_of_one_row(View<const T> A, View<const T> B, const Bias<T>& bias, T scale, T* c) {
  constexpr Index kSums = 16384 / sizeof(T);  // of a run: they stay in the first cache
  T run[kSums], total[kSums], x[kDepth];
  for (Index j = 0; j < B.cols; j += kSums) {
    const Index first = std::min(j, B.cols - kLanes<T>), count = std::min(kSums, B.cols - first);
    for (Index i = 0; !bias.values.empty() && i < count; ++i) {
      total[i] = bias.values(bias.of_columns ? first + i : 0, 0);
    }
    for (Index k = 0; k < A.cols || k == 0; k += kDepth) {
      const Index depth = std::min(kDepth, A.cols - k);
      for (Index i = 0; i < depth; ++i) x[i] = A(0, k + i);
      sums_of_one_row(x, part(B, k, depth, first, count), run);
      const bool starts = k == 0 && bias.values.empty();
      for (Index i = 0; i < count; ++i) total[i] = starts ? run[i] : total[i] + run[i];
    }
    for (Index i = 0; i < count; ++i) c[first + i] = scale * total[i];
  }
}

// About how many cycles a product takes whose result has the columns of B along the lanes. Turning 64 elements takes about
// 20 cycles; the left factor is packed once for every group of columns.
template <class T>
double cycles(View<const T> A, View<const T> B) {
  const Index padded = (A.rows + 3) / 4 * 4;
  const auto rows = static_cast<double>(padded), columns = static_cast<double>(B.cols);
  const double sums = rows * static_cast<double>(Panels<T>{B.cols}.padded()) / (2.0 * kLanes<T>);
  const double right = (B.col_stride == 1 ? 0.15 : 0.35) * columns;
  const double groups = std::ceil(columns / static_cast<double>(kPanels * Panels<T>::kWidth));
  const double left = (A.col_stride == 1 ? 0.15 : A.row_stride == 1 ? 0.5 : 1) * rows * groups;
  return static_cast<double>(A.cols) * (sums + right + left);
}

template <class T>
void product_by_rows(View<const T> A, View<const T> B, const Bias<T>& bias, T scale, View<T> C) {
  if (C.cols == 1 && C.rows > 1 && C.row_stride == 1)  // a single column is a single row of the transpose
    return product_by_rows(turned(B), turned(A), bias.turned(), scale, turned(C));
  if (C.rows == 1 && B.col_stride == 1 && B.cols >= kLanes<T>) return product_of_one_row(A, B, bias, scale, C.data);
  const double across = 0.4 * static_cast<double>(C.rows) * static_cast<double>(C.cols);
  const double along_rows = cycles(A, B), along_columns = cycles(turned(B), turned(A)) + across;
  if (along_rows <= along_columns) return RowProduct<T>(A, B, bias, scale, C, false)();
  product_along_columns(A, B, bias, scale, C);
}

}  // namespace

template <class T>
void product(View<const T> A, View<const T> B, View<const T> b, T scale, View<T> C) {
  if (C.rows == 0 || C.cols == 0) return;
  const Bias<T> bias{b};
  if (C.col_stride == 1) return product_by_rows(A, B, bias, scale, C);
  if (C.row_stride == 1) return product_by_rows(turned(B), turned(A), bias.turned(), scale, turned(C));
  Buffer<T> sums = Buffer<T>::uninitialized(C.rows * C.cols);
  product_by_rows<T>(A, B, bias, scale, {sums.data(), C.rows, C.cols, C.cols, 1});
  for (Index i = 0; i < C.rows; ++i) {
    for (Index j = 0; j < C.cols; ++j) C(i, j) = sums.data()[i * C.cols + j];
  }
}

template <class T>
void row_sums(View<const T> D, T scale, View<T> s) {
  constexpr Index kWidth = Panels<T>::kWidth;
  const Panels<T> panels{D.rows};
  T run[kDepth * kWidth], sums[kWidth];
  for (Index p = 0; p < panels.count(); ++p) {
    for (Index k = 0; k < D.cols || k == 0; k += kDepth) {
      const Index depth = std::min(kDepth, D.cols - k);
      pack_columns(turned(part(D, panels.start(p), panels.valid(p), k, depth)), run);
      row_sums(panels.width(p), depth, run, panels.width(p), k > 0, sums);
    }
    for (Index i = 0; i < panels.valid(p); ++i) s(panels.start(p) + i, 0) = scale * sums[i];
  }
}

template <class T>
void transpose(const T* from, Index from_step, Index rows, Index columns, T* to, Index to_step) {
  turn(from, from_step, rows, columns, to, to_step);
}

#define DEEPCORE_INSTANTIATE(T)                                                   \
  template void transpose(const T*, Index, Index, Index, T*, Index);              \
  template void product(View<const T>, View<const T>, View<const T>, T, View<T>); \
  template void row_sums(View<const T>, T, View<T>);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace deepcore::kernels
