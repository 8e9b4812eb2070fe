// Penalties on weights, and sums over parameters whose order does not depend on where they lie.
// Level: kernels. Without Eigen; add_penalty and clip are defined in kernels/elements.cpp.
#pragma once

#include "kernels/panels.hpp"

#include <array>
#include <cmath>

namespace deepcore::kernels {

// sums[i] = sum over the columns k, in order, of f(p[k * stride + i]), in double; rows <= Panels<T>::kWidth.
template <class T>
using RowSums = std::array<double, static_cast<std::size_t>(Panels<T>::kWidth)>;

template <class T, class F>
RowSums<T> sums_of_rows(Index rows, Index columns, Index stride, const T* p, F f) {
  RowSums<T> sums{};
  Index first = 0;
  const auto together = [&](auto count) {  // sums that stay in registers
    constexpr Index kCount = decltype(count)::value;
    for (; first + kCount <= rows; first += kCount) {
      double sum[kCount] = {};
      for (Index k = 0; k < columns; ++k) {
        const T* x = p + k * stride + first;
        for (Index i = 0; i < kCount; ++i) sum[i] += f(static_cast<double>(x[i]));
      }
      std::copy_n(sum, kCount, sums.begin() + first);
    }
  };
  together(std::integral_constant<Index, 12>{});  // 12 divides every whole panel but SSE2's of double
  together(std::integral_constant<Index, 4>{});
  together(std::integral_constant<Index, 1>{});
  return sums;
}

// All of them, row after row: rows of zeros, which pad a panel, change no bit where f(0) = 0.
template <class T, class F>
double sum_of(Index rows, Index columns, Index stride, const T* p, F f) {
  double total = 0;
  for (const double sum : sums_of_rows(rows, columns, stride, p, f)) total += sum;
  return total;
}

template <class T>
double sum_of_squares(Index rows, Index columns, Index stride, const T* p) {
  return sum_of(rows, columns, stride, p, [](double x) { return x * x; });
}

// l2 / 2 |W|^2 + l1 |W|_1
template <class T>
double penalty(Index rows, Index columns, Index stride, const T* p, double l1, double l2) {
  double value = l2 == 0 ? 0 : 0.5 * l2 * sum_of_squares(rows, columns, stride, p);
  if (l1 != 0) value += l1 * sum_of(rows, columns, stride, p, [](double x) { return std::abs(x); });
  return value;
}

// g += weight (l2 w + l1 sign(w)), n values; sign(0) = 0
template <class T>
void add_penalty(Index n, const T* w, double l1, double l2, double weight, T* g);

// Rows whose norm over the columns is above `most` are scaled to it.
template <class T>
void constrain(Index rows, Index columns, Index stride, double most, T* p) {
  const RowSums<T> squares = sums_of_rows(rows, columns, stride, p, [](double x) { return x * x; });
  for (Index i = 0; i < rows; ++i) {
    const double norm = std::sqrt(squares[static_cast<std::size_t>(i)]);
    if (!(norm > most)) continue;
    const T factor = static_cast<T>(most / norm);
    for (Index k = 0; k < columns; ++k) p[k * stride + i] *= factor;
  }
}

// g = scale g, then each element into [-most, most]; most = 0: no limit
template <class T>
void clip(Index n, double most, T scale, T* g);

}  // namespace deepcore::kernels
