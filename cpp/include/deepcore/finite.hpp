// The search for infinities and NaN in arrays that users pass.
// Public header, standard library only.
#pragma once

#include <deepcore/view.hpp>

#include <cstddef>

namespace deepcore {

// The number of the first row of a (rows, columns) array that holds an infinity or NaN; -1: there is none. The steps from
// row to row and from column to column are in bytes, as NumPy has them; elements need not be aligned.
template <class T>
Index first_nonfinite_row(const std::byte* data, Index rows, Index row_step, Index columns, Index column_step) noexcept;

}  // namespace deepcore
