// View: someone else's matrix, seen through a pointer and two strides. Owns nothing.
// Floor: include/deepcore (standard library only).
#pragma once

#include <cstddef>

namespace deepcore {

using index = std::ptrdiff_t;

// Element (i, j) lies at data[i * row_stride + j * col_stride]; strides count elements and may be negative.
// In the core, rows are units and columns are examples.
template <class T>
struct View {
  T* data = nullptr;
  index rows = 0;
  index cols = 0;
  index row_stride = 1;
  index col_stride = 0;

  T& operator()(index i, index j) const { return data[i * row_stride + j * col_stride]; }
  bool empty() const { return data == nullptr; }  // an empty view means "not wanted"
};

}  // namespace deepcore
