// What the Python door asks of whole arrays, in one pass that allocates nothing.
// Floor: bindings.
#include "arrays.hpp"
#include "bind.hpp"
#include "gil.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace deepcore::bindings {

namespace {

// Exponents of all ones are infinities and NaN; on integers, so that the loop is one of vectors.
template <class T, class Bits>
bool finite(const std::byte* at, Index n, Index step, Bits exponent) {
  Bits bad = 0;
  for (Index i = 0; i < n; ++i) {
    Bits bits;
    std::memcpy(&bits, at + i * step, sizeof bits);
    bad |= static_cast<Bits>((bits & exponent) == exponent);
  }
  return bad == 0;
}

template <class T>
bool finite(const std::byte* at, Index n, Index step) {
  const auto test = [&](Index stride) {
    if constexpr (sizeof(T) == 4) return finite<T, std::uint32_t>(at, n, stride, 0x7f800000U);
    return finite<T, std::uint64_t>(at, n, stride, 0x7ff0000000000000U);
  };
  return step == Index{sizeof(T)} ? test(sizeof(T)) : test(step);
}

template <class T>
Index first_bad_row(const std::byte* data, Index rows, Index row_step, Index columns, Index step) {
  constexpr Index kRun = 1 << 16;  // elements between two looks, where a row is long
  for (Index row = 0; row < rows; ++row) {
    for (Index first = 0; first < columns; first += kRun) {
      const Index n = std::min(kRun, columns - first);
      if (!finite<T>(data + row * row_step + first * step, n, step)) return row;
    }
  }
  return -1;
}

}  // namespace

void bind_door(py::module_& m) {
  m.def(
      "first_nonfinite_row",
      [](const py::array& a) {
        if (a.ndim() != 1 && a.ndim() != 2) throw py::value_error("first_nonfinite_row: a must have 1 or 2 axes");
        return by_dtype("first_nonfinite_row", "a", a, [&](auto zero) {
          using T = decltype(zero);
          const auto* data = static_cast<const std::byte*>(a.data());
          const Index m = a.shape(0), n = a.ndim() == 2 ? a.shape(1) : 1;
          const Index row = a.strides(0), column = a.ndim() == 2 ? a.strides(1) : Index{sizeof(T)};
          if (m * n < 4096) return first_bad_row<T>(data, m, row, n, column);
          const Released released;
          // Narrow rows in order are one run, and columns in order are read as they lie; only if something is wrong is
          // its row of interest.
          const bool one_run = row == n * column && column == Index{sizeof(T)};
          if (one_run && first_bad_row<T>(data, 1, 0, m * n, column) < 0) return Index{-1};
          if (row == Index{sizeof(T)} && first_bad_row<T>(data, n, column, m, row) < 0) return Index{-1};
          return first_bad_row<T>(data, m, row, n, column);
        });
      },
      py::arg("a"));
}

}  // namespace deepcore::bindings
