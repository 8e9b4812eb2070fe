// filled: the result of a call, in the array that the caller gave or in a new one.
// Level: bindings.
#pragma once

#include "arrays.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace deepcore::bindings {

// f(rows) fills `out`, or a new array of m rows; by way of a new array where `out` shares memory with what f reads.
template <class T, class F>
py::array filled(const char* who, Index m, Index n, const std::optional<py::array>& out,
                 const std::vector<py::array>& read, F f) {
  const auto as_columns = [](View<T> v) { return View<T>{v.data, v.cols, v.rows, v.col_stride, v.row_stride}; };
  if (out) {
    py::array result = *out;
    const View<T> rows = writable<T>(who, "out", result);
    shape_rule(rows.rows == m && rows.cols == n, who, "out", m, n, result, "(examples, outputs)");
    const Span to(result);
    if (std::none_of(read.begin(), read.end(), [&](const py::array& a) { return to.overlaps(Span(a)); })) {
      f(as_columns(rows));
      return result;
    }
    const Result<T> apart(m, n);
    f(as_columns(apart.view));
    for (Index j = 0; j < m; ++j) {
      for (Index i = 0; i < n; ++i) rows(j, i) = apart.view(j, i);
    }
    return result;
  }
  Result<T> result(m, n);
  f(as_columns(result.view));
  return std::move(result.array);
}

}  // namespace deepcore::bindings
