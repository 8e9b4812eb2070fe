// Plain arrays: aligned arrays of one floating-point type, as users pass them most. Anything else makes no error here: the
// checks in Python convert it, or say what is wrong with it.
// Level: bindings.
#pragma once

#include "arrays.hpp"
#include "gil.hpp"

#include <optional>
#include <string_view>

namespace deepcore::bindings {

template <class T>
bool plain(const py::handle& given) {
  if (Py_TYPE(given.ptr()) != py::detail::npy_api::get().PyArray_Type_) return false;
  const auto array = py::reinterpret_borrow<py::array>(given);
  return is<T>(array) && whole_elements<T>(array);
}

// f(a zero of their type, arrays...) if all arguments are plain arrays of one type; else None.
template <class F, class... Given>
py::object with_plain(F f, const Given&... given) {
  if ((plain<float>(given) && ...)) return f(float{}, py::reinterpret_borrow<py::array>(given)...);
  if ((plain<double>(given) && ...)) return f(double{}, py::reinterpret_borrow<py::array>(given)...);
  return py::none();
}

inline bool has_shape(const py::array& a, Index rows, Index cols) {
  return a.ndim() == 2 && a.shape(0) == rows && a.shape(1) == cols;
}

// A plain array with two axes.
template <class T>
View<const T> view_of(const py::array& a) {
  return {static_cast<const T*>(a.data()), a.shape(0), a.shape(1), stride<T>(a, 0), stride<T>(a, 1)};
}

template <class T>
View<T> target(py::array& a) {
  return {static_cast<T*>(a.mutable_data()), a.shape(0), a.shape(1), stride<T>(a, 0), stride<T>(a, 1)};
}

inline bool gapless_by_rows(const py::array& a) { return (a.flags() & py::array::c_style) != 0; }
inline bool gapless_by_columns(const py::array& a) { return (a.flags() & py::array::f_style) != 0; }

// The number of the row of a table whose name is `given`, if there is one.
template <class Rows>
std::optional<int> row_named(const Rows& rows, const py::handle& given) {
  if (PyUnicode_CheckExact(given.ptr()) == 0) return std::nullopt;
  Py_ssize_t length = 0;
  const char* letters = PyUnicode_AsUTF8AndSize(given.ptr(), &length);
  if (letters == nullptr) {
    PyErr_Clear();
    return std::nullopt;
  }
  const std::string_view name(letters, static_cast<std::size_t>(length));
  for (std::size_t k = 0; k < rows.size(); ++k) {
    if (name == rows[k].name) return static_cast<int>(k);
  }
  return std::nullopt;
}

// Python's lock is given away for work that takes longer than doing so: from about 10 us on.
template <class F>
void unlocked_if_long(double cycles, const F& work) {
  if (cycles < 3e4) return work();
  const Released released;
  work();
}

}  // namespace deepcore::bindings
