// View: someone else's matrix, seen through a pointer and two strides. Owns nothing.
// Public header, standard library only.
#pragma once

#include <cstddef>

namespace deepcore {

using Index = std::ptrdiff_t;

// Element (i, j) lies at data[i * row_stride + j * col_stride]; strides count elements and may be negative.
// In the core, rows are units and columns are examples.
template <class T>
struct View {
  T* data = nullptr;
  Index rows = 0;
  Index cols = 0;
  Index row_stride = 1;
  Index col_stride = 0;

  T& operator()(Index i, Index j) const { return data[i * row_stride + j * col_stride]; }
  bool empty() const { return data == nullptr; }  // an empty view means "not wanted"
};

}  // namespace deepcore
