// The search for infinities and NaN, in one pass that allocates nothing.
// Level: description.
#include <deepcore/finite.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace deepcore {

namespace {

// Exponents of all ones are infinities and NaN; on integers, so that the loop is one of vectors.
template <class T>
bool finite(const std::byte* at, Index n, Index step) noexcept {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits kExponent = sizeof(T) == 4 ? Bits{0x7f800000U} : static_cast<Bits>(0x7ff0000000000000U);
  const auto test = [&](Index stride) {
    Bits bad = 0;
    for (Index i = 0; i < n; ++i) {
      Bits bits;
      std::memcpy(&bits, at + i * stride, sizeof bits);
      bad |= static_cast<Bits>((bits & kExponent) == kExponent);
    }
    return bad == 0;
  };
  return step == Index{sizeof(T)} ? test(sizeof(T)) : test(step);
}

template <class T>
Index search(const std::byte* data, Index rows, Index row_step, Index columns, Index step) noexcept {
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

// Narrow rows in order are one run, and columns in order are read as they lie; only if something is wrong is its row of
// interest.
template <class T>
Index first_nonfinite_row(const std::byte* data, Index rows, Index row_step, Index columns,
                          Index column_step) noexcept {
  const bool one_run = row_step == columns * column_step && column_step == Index{sizeof(T)};
  if (one_run && search<T>(data, 1, 0, rows * columns, column_step) < 0) return -1;
  if (row_step == Index{sizeof(T)} && search<T>(data, columns, column_step, rows, row_step) < 0) return -1;
  return search<T>(data, rows, row_step, columns, column_step);
}

template Index first_nonfinite_row<float>(const std::byte*, Index, Index, Index, Index) noexcept;
template Index first_nonfinite_row<double>(const std::byte*, Index, Index, Index, Index) noexcept;

}  // namespace deepcore
