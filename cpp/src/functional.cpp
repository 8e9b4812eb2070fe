// The formulas of forward and backward propagation, a function each, on matrices of any strides.
// Level: calls. What lies contiguously, by rows or by columns, is read where it lies.
#include <deepcore/functional.hpp>

#include "kernels/head.hpp"
#include "kernels/narrow.hpp"
#include "kernels/strided.hpp"
#include "sizes.hpp"

#include <algorithm>
#include <array>
#include <tuple>

namespace deepcore {

namespace {

constexpr Index kPiece =
    1024;  // values of one pass of an element-wise function: three such arrays stay in the first cache

template <class T>
View<T> turned(View<T> A) {
  return {A.data, A.cols, A.rows, A.col_stride, A.row_stride};
}

// `count` values of row i from column j on: where they lie, or copied to `room`.
template <class T>
const T* values_of(View<const T> A, Index i, Index j, Index count, T* room) {
  if (A.col_stride == 1) return &A(i, j);
  for (Index k = 0; k < count; ++k) room[k] = A(i, j + k);
  return room;
}

// f(count, to, in...) for pieces of rows, `to` being those of the result.
template <class T, class F, class... In>
void by_rows(F f, View<T> out, In... in) {
  T result[kPiece];
  std::array<std::array<T, kPiece>, sizeof...(In)> rooms;
  for (Index i = 0; i < out.rows; ++i) {
    for (Index j = 0; j < out.cols; j += kPiece) {
      const Index count = std::min(kPiece, out.cols - j);
      T* const to = out.col_stride == 1 ? &out(i, j) : result;
      auto* room = rooms.data();
      const std::array<const T*, sizeof...(In)> values{values_of<T>(in, i, j, count, (room++)->data())...};
      std::apply([&](auto... of) { f(count, to, of...); }, values);
      for (Index k = 0; to == result && k < count; ++k) out(i, j + k) = result[k];
    }
  }
}

// The same for matrices of one shape, element by element in the order in which they lie.
template <class T, class F, class... In>
void element_wise(F f, View<T> out, In... in) {
  const Index rows = out.rows, cols = out.cols;
  const auto all = [&](auto property) { return property(out) && (property(in) && ...); };
  if (all([&](const auto& A) { return A.col_stride == 1 && (A.row_stride == cols || rows == 1); })) {
    by_rows(f, View<T>{out.data, 1, rows * cols, rows * cols, 1},
            View<const T>{in.data, 1, rows * cols, rows * cols, 1}...);
  } else if (all([&](const auto& A) { return A.row_stride == 1 && (A.col_stride == rows || cols == 1); })) {
    element_wise(f, turned(out), turned(in)...);
  } else if (all([](const auto& A) { return A.row_stride == 1; })) {
    by_rows(f, turned(out), turned(in)...);
  } else {
    by_rows(f, out, in...);
  }
}

// f(count, columns..., stride) for some columns of each matrix at a time, whose values lie together there, `stride` from
// column to column; those of the first are then written to `out`.
template <class T, class F, class... In>
void column_wise(F f, View<T> out, In... in) {
  constexpr Index kColumns = static_cast<Index>(kAlignment / sizeof(T));  // a line of the cache
  const Index n = out.rows, m = out.cols, ld = leading<T>(n);
  std::array<Buffer<T>, sizeof...(In)> rooms{((void)in, Buffer<T>(ld * std::min(m, kColumns)))...};
  for (Index j = 0; j < m; j += kColumns) {
    const Index count = std::min(kColumns, m - j);
    const auto gather = [&](View<const T> A, Buffer<T>& room) {
      if (A.col_stride == 1) {
        kernels::transpose(&A(0, j), A.row_stride, n, count, room.data(), ld);
      } else {
        for (Index c = 0; c < count; ++c) {
          for (Index i = 0; i < n; ++i) room.data()[c * ld + i] = A(i, j + c);
        }
      }
      return room.data();
    };
    auto* room = rooms.data();
    const std::array<T*, sizeof...(In)> columns{gather(in, *room++)...};
    f(count, columns, ld);
    if (out.col_stride == 1) {
      kernels::transpose<T>(columns[0], ld, count, n, &out(0, j), out.row_stride);
    } else {
      for (Index c = 0; c < count; ++c) {
        for (Index i = 0; i < n; ++i) out(i, j + c) = columns[0][c * ld + i];
      }
    }
  }
}

// The sums of a narrow layer's gradient over m examples; see kernels/narrow.hpp. Whole runs are read where they lie.
template <class T>
void narrow_sums(View<const T> A, View<const T> dZ, T* C) {
  const Index n = dZ.rows, m = A.cols, n_in = A.rows;
  const bool in_place = A.col_stride == 1 && dZ.col_stride == 1 && (A.row_stride == dZ.row_stride || n_in + n == 2);
  const Index whole = !in_place                                       ? 0
                      : m % kernels::kDepth % kernels::kLanes<T> == 0 ? m
                                                                      : m / kernels::kDepth * kernels::kDepth;
  if (whole > 0) kernels::narrow_sums(n_in, n, whole, A.data, dZ.data, A.row_stride, false, C, n);
  if (whole == m) return;
  const View<const T> a{&A(0, whole), n_in, m - whole, A.row_stride, A.col_stride};
  const View<const T> d{&dZ(0, whole), n, m - whole, dZ.row_stride, dZ.col_stride};
  kernels::narrow_sums_of<T>(n_in, n, m - whole, a, d, whole > 0, C, n);
}

bool over_columns(int activation) { return activations()[static_cast<std::size_t>(activation)].columnwise; }
bool reads_output(int activation) { return activations()[static_cast<std::size_t>(activation)].reads == Reads::output; }

}  // namespace

template <class T>
void linear_forward(View<const T> A_prev, View<const T> W, View<const T> b, View<T> Z) {
  kernels::product(W, A_prev, b, T(1), Z);
}

template <class T>
void linear_backward(View<const T> dZ, View<const T> A_prev, View<const T> W, View<T> dA_prev, View<T> dW, View<T> db) {
  const Index n = dZ.rows, n_prev = A_prev.rows;
  const T scale = static_cast<T>(1.0 / static_cast<double>(dZ.cols));
  if (!dA_prev.empty()) kernels::product<T>(turned(W), dZ, {}, T(1), dA_prev);
  if (!kernels::narrow(n_prev, n)) {
    kernels::product<T>(dZ, turned(A_prev), {}, scale, dW);
    kernels::row_sums(dZ, scale, db);
    return;
  }
  T C[kernels::kNarrow * (kernels::kNarrow + 1)]{};
  narrow_sums(A_prev, dZ, C);
  const T* sums = C;
  for (Index k = 0; k < n_prev; ++k, sums += n) {
    for (Index i = 0; i < n; ++i) dW(i, k) = scale * sums[i];
  }
  for (Index i = 0; i < n; ++i) db(i, 0) = scale * sums[i];
}

template <class T>
void activation_forward(View<const T> Z, int activation, double parameter, View<T> A) {
  if (over_columns(activation)) {
    column_wise<T>(
        [&](Index count, const auto& columns, Index stride) {
          kernels::activate<T>(activation, parameter, Z.rows, count, stride, columns[0], columns[0]);
        },
        A, Z);
  } else {
    element_wise(
        [&](Index count, T* a, const T* z) { kernels::activate<T>(activation, parameter, count, 1, count, z, a); }, A,
        Z);
  }
}

template <class T>
void activation_backward(View<const T> dA, View<const T> Z, int activation, double parameter, View<T> dZ) {
  if (over_columns(activation)) {
    column_wise<T>(
        [&](Index count, const auto& columns, Index stride) {
          kernels::activate<T>(activation, parameter, Z.rows, count, stride, columns[1], columns[1]);
          kernels::pull_back<T>(activation, parameter, Z.rows, count, stride, columns[1], columns[0]);
        },
        dZ, dA, Z);
    return;
  }
  const bool from_output = reads_output(activation);
  element_wise(
      [&](Index count, T* d, const T* a, const T* z) {
        T output[kPiece];
        if (from_output) kernels::activate<T>(activation, parameter, count, 1, count, z, output);
        std::copy_n(a, count, d);
        kernels::pull_back<T>(activation, parameter, count, 1, count, from_output ? output : z, d);
      },
      dZ, dA, Z);
}

template <class T>
void activation_slope(View<const T> Z, int activation, double parameter, View<T> slope) {
  const bool from_output = reads_output(activation);
  element_wise(
      [&](Index count, T* d, const T* z) {
        T output[kPiece];
        if (from_output) kernels::activate<T>(activation, parameter, count, 1, count, z, output);
        std::fill_n(d, count, T(1));
        kernels::pull_back<T>(activation, parameter, count, 1, count, from_output ? output : z, d);
      },
      slope, Z);
}

template <class T>
void loss_values(View<const T> A, View<const T> Y, int loss, double parameter, T* values) {
  T terms[kPiece], a[kPiece], y[kPiece];
  double sums[kPiece];
  for (Index j = 0; j < A.cols; j += kPiece) {
    const Index count = std::min(kPiece, A.cols - j);
    std::fill_n(sums, count, 0.0);
    for (Index i = 0; i < A.rows; ++i) {
      kernels::loss_value<T>(loss, parameter, count, values_of(A, i, j, count, a), values_of(Y, i, j, count, y), terms);
      for (Index k = 0; k < count; ++k) sums[k] += static_cast<double>(terms[k]);
    }
    for (Index k = 0; k < count; ++k) values[j + k] = static_cast<T>(sums[k]);
  }
}

template <class T>
void loss_gradient(View<const T> A, View<const T> Y, int loss, double parameter, View<T> dA) {
  element_wise(
      [&](Index count, T* d, const T* a, const T* y) { kernels::loss_gradient<T>(loss, parameter, count, a, y, d); },
      dA, A, Y);
}

template <class T>
void dropout(Index n, const T* x, const unsigned char* mask, T keep, T* y) {
  for (Index i = 0; i < n; ++i) y[i] = x[i] * static_cast<T>(mask[i] != 0) / keep;
}

template <class T>
double sum_of_squares(Index n, const T* x) {
  constexpr Index kChains = 16;  // sums side by side, which the compiler keeps in vectors
  double total = 0;
  for (Index first = 0; first < n; first += kPiece) {  // and few terms in each: rounding errors stay small
    const Index end = std::min(n, first + kPiece);
    std::array<double, kChains> sums{};
    Index i = first;
    for (; i + kChains <= end; i += kChains) {
      for (Index k = 0; k < kChains; ++k) {
        const auto value = static_cast<double>(x[i + k]);
        sums[static_cast<std::size_t>(k)] += value * value;
      }
    }
    for (; i < end; ++i) sums[0] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    for (const double sum : sums) total += sum;
  }
  return total;
}

#define DEEPCORE_INSTANTIATE(T)                                                                          \
  template void linear_forward(View<const T>, View<const T>, View<const T>, View<T>);                    \
  template void linear_backward(View<const T>, View<const T>, View<const T>, View<T>, View<T>, View<T>); \
  template void activation_forward(View<const T>, int, double, View<T>);                                 \
  template void activation_backward(View<const T>, View<const T>, int, double, View<T>);                 \
  template void activation_slope(View<const T>, int, double, View<T>);                                   \
  template void loss_values(View<const T>, View<const T>, int, double, T*);                              \
  template void loss_gradient(View<const T>, View<const T>, int, double, View<T>);                       \
  template void dropout(Index, const T*, const unsigned char*, T, T*);                                   \
  template double sum_of_squares(Index, const T*);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace deepcore
