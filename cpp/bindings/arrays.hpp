// Arrays: NumPy arrays as Views, with every check of dtype, shape and strides.
// Level: bindings.
#pragma once

#include <deepcore/error.hpp>
#include <deepcore/network.hpp>

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace deepcore::bindings {

namespace py = pybind11;

inline std::string shape_text(const py::array& a) {
  std::string out = "(";
  for (py::ssize_t i = 0; i < a.ndim(); ++i) out += (i == 0 ? "" : ", ") + std::to_string(a.shape(i));
  return out + (a.ndim() == 1 ? ",)" : ")");
}

inline std::string type_name(const py::object& value) { return py::str(py::type::of(value).attr("__name__")); }

// Converts an int of Python or an integer of NumPy. Raises TypeError for anything else.
inline Index whole_number(const char* who, const char* name, const py::object& value) {
  if (PyIndex_Check(value.ptr()) == 0)
    throw py::type_error(text(who, ": ", name, " must be a whole number, got ", type_name(value)));
  const Py_ssize_t number = PyNumber_AsSsize_t(value.ptr(), PyExc_OverflowError);
  if (number == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  return number;
}

template <class T>
const char* dtype_name() {
  return std::is_same_v<T, float> ? "float32" : std::is_same_v<T, double> ? "float64" : "int64";
}

template <class T>
bool is(const py::array& a) {
  // NumPy's own question takes 50 ns; most arrays have the very object that describes T.
  return py::detail::array_proxy(a.ptr())->descr == py::dtype::of<T>().ptr() || py::isinstance<py::array_t<T>>(a);
}

template <class T>
bool whole_elements(const py::array& a) {  // aligned, with strides that count elements
  bool whole = reinterpret_cast<std::uintptr_t>(a.data()) % alignof(T) == 0;
  for (py::ssize_t i = 0; i < a.ndim(); ++i) whole = whole && a.strides(i) % py::ssize_t{sizeof(T)} == 0;
  return whole;
}

// An array that a View can describe: of dtype T, aligned, strides in whole elements. Anything else in T is copied once.
template <class T>
py::array usable(const char* who, const char* name, const py::array& a) {
  if (!is<T>(a)) {
    throw py::type_error(text(who, ": ", name, " must be ", dtype_name<T>(), ", got ", std::string(py::str(a.dtype())),
                              "; convert it with ", name, ".astype('", dtype_name<T>(), "')"));
  }
  return whole_elements<T>(a) ? a : py::array(py::array_t<T, py::array::c_style>::ensure(a).attr("copy")());
}

template <class T>
Index stride(const py::array& a, py::ssize_t axis) {
  return a.strides(axis) / py::ssize_t{sizeof(T)};
}

// A matrix in the course's orientation: rows are units, columns are examples.
template <class T>
View<const T> matrix(const char* who, const char* name, py::array& a) {
  if (a.ndim() != 2) {
    throw py::value_error(text(who, ": ", name, " must have 2 axes, got shape ", shape_text(a),
                               a.ndim() == 1 ? text("; use ", name, ".reshape(-1, 1) for one column") : ""));
  }
  a = usable<T>(who, name, a);
  return {static_cast<const T*>(a.data()), a.shape(0), a.shape(1), stride<T>(a, 0), stride<T>(a, 1)};
}

inline void shape_rule(bool ok, const char* who, const char* name, Index rows, Index cols, const py::array& got,
                       const std::string& why) {
  if (ok) return;
  const bool turned = got.ndim() == 2 && got.shape(0) == cols && got.shape(1) == rows && rows != cols;
  throw py::value_error(text(who, ": ", name, " must have shape (", rows, ", ", cols, ") ", why, ", got ",
                             shape_text(got), turned ? "; is it transposed?" : ""));
}

template <class T>
View<const T> matrix(const char* who, const char* name, py::array& a, Index rows, Index cols, const std::string& why) {
  const View<const T> v = matrix<T>(who, name, a);
  shape_rule(v.rows == rows && v.cols == cols, who, name, rows, cols, a, why);
  return v;
}

// Examples as other libraries write them, one per row: the same bytes, seen as (units, examples).
template <class T>
View<const T> examples(const char* who, const char* name, py::array& a, Index units, const char* what) {
  if (a.ndim() != 2 || a.shape(1) != units) {
    throw py::value_error(text(who, ": ", name, " must have shape (m, ", units, ") for the network's ", units, " ",
                               what, ", got ", shape_text(a),
                               a.ndim() == 2 && a.shape(0) == units ? "; is it transposed?" : ""));
  }
  a = usable<T>(who, name, a);
  return {static_cast<const T*>(a.data()), a.shape(1), a.shape(0), stride<T>(a, 1), stride<T>(a, 0)};
}

// Column numbers of sparse rows as the core takes them. They are checked before they are narrowed, and copied: nobody can
// change them while a call reads them.
inline py::array column_numbers(const char* who, const py::object& of, Index units) {
  const py::array given = py::array::ensure(of);
  if (!given || given.ndim() != 1 || (given.dtype().kind() != 'i' && given.dtype().kind() != 'u'))
    throw py::type_error(text(who, ": X.indices must be an array of integers with 1 axis"));
  const auto wide = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>::ensure(given);
  py::array_t<std::int32_t> narrow(wide.size());
  for (py::ssize_t k = 0; k < wide.size(); ++k) {
    const std::int64_t column = wide.data()[k];
    if (column < 0 || column >= units)
      throw py::value_error(text(who, ": X must have columns from 0 to ", units - 1, ", got ", column));
    narrow.mutable_data()[k] = static_cast<std::int32_t>(column);
  }
  return std::move(narrow);
}

// The same, dense or as compressed rows: anything with data, indices and indptr, as scipy.sparse has them. `keep` holds
// the arrays alive.
template <class T>
Inputs<T> inputs(const char* who, const py::object& X, Index units, std::vector<py::array>& keep) {
  if (!py::hasattr(X, "indptr")) {
    if (!py::isinstance<py::array>(X))
      throw py::type_error(
          text(who, ": X must be an array or compressed sparse rows, got ", std::string(py::str(py::type::of(X)))));
    keep.push_back(X.cast<py::array>());
    return examples<T>(who, "X", keep.back(), units, "inputs");
  }
  if (!is<T>(X.attr("data"))) {
    throw py::type_error(
        text(who, ": X must hold ", dtype_name<T>(), ", got ", std::string(py::str(X.attr("data").attr("dtype")))));
  }
  const py::array values = py::array_t<T, py::array::c_style>::ensure(X.attr("data"));
  const py::array columns = column_numbers(who, X.attr("indices"), units);
  const py::array starts =
      py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>::ensure(X.attr("indptr"));
  if (!starts || values.ndim() != 1 || starts.ndim() != 1)
    throw py::type_error(text(who, ": X.data and X.indptr must be arrays with 1 axis"));
  const py::array own = starts.attr("copy")();
  const Index m = own.size() - 1;
  const auto* at = static_cast<const std::int64_t*>(own.data());
  if (m < 0 || values.size() != columns.size() || at[m] > values.size() || at[m] < 0)
    throw py::value_error(text(who, ": X must be valid compressed sparse rows: indptr from 0, rising, within data"));
  keep.insert(keep.end(), {values, columns, own});
  return {units, m, static_cast<const T*>(values.data()), static_cast<const std::int32_t*>(columns.data()), at};
}

// The bytes between an array's lowest and highest element.
struct Span {
  const char *low, *high;
  explicit Span(const py::array& a) : low(static_cast<const char*>(a.data())), high(low + a.itemsize()) {
    for (py::ssize_t i = 0; i < a.ndim(); ++i) {
      const py::ssize_t reach = (a.shape(i) - 1) * a.strides(i);
      (reach < 0 ? low : high) += reach;
    }
    if (a.size() == 0) high = low;
  }
  bool overlaps(const Span& other) const { return low < other.high && other.low < high; }
};

// Does each element have memory of its own?
inline bool distinct_elements(const py::array& a) {
  if ((a.flags() & py::array::c_style) != 0) return true;
  std::vector<std::pair<py::ssize_t, py::ssize_t>> axes;  // stride, length
  for (py::ssize_t i = 0; i < a.ndim(); ++i) {
    if (a.shape(i) > 1) axes.emplace_back(std::abs(a.strides(i)), a.shape(i));
  }
  std::sort(axes.begin(), axes.end());
  py::ssize_t reach = a.itemsize();
  for (const auto& [stride, length] : axes) {
    if (stride < reach) return false;
    reach = stride * length;
  }
  return true;
}

template <class T>
View<T> writable(const char* who, const char* name, py::array& a) {
  if (!is<T>(a) || a.ndim() != 2 || !a.writeable() || !whole_elements<T>(a)) {
    throw py::value_error(
        text(who, ": ", name, " must be a writable, aligned ", dtype_name<T>(), " array with 2 axes"));
  }
  if (!distinct_elements(a))
    throw py::value_error(
        text(who, ": ", name, " must have memory of its own for each element; got overlapping strides"));
  return {static_cast<T*>(a.mutable_data()), a.shape(0), a.shape(1), stride<T>(a, 0), stride<T>(a, 1)};
}

// A new array, in the order of its rows or of its columns. Its values are not set.
template <class T>
py::array new_array(int axes, const py::ssize_t* shape, bool by_columns = false) {
  const auto& numpy = py::detail::npy_api::get();
  constexpr int kByColumns = 2;  // NPY_ARRAY_F_CONTIGUOUS
  PyObject* const made = numpy.PyArray_NewFromDescr_(numpy.PyArray_Type_, py::dtype::of<T>().release().ptr(), axes,
                                                     shape, nullptr, nullptr, by_columns ? kByColumns : 0, nullptr);
  if (made == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::array>(made);
}

template <class T>
py::array new_matrix(Index rows, Index cols) {
  const py::ssize_t shape[] = {rows, cols};
  return new_array<T>(2, shape);
}

// A flat contiguous array of n values, written in place if `write`.
template <class T>
T* flat(const char* who, const char* name, const py::array& a, Index n, bool write) {
  const bool fits = is<T>(a) && a.ndim() == 1 && a.shape(0) == n && (n < 2 || a.strides(0) == py::ssize_t{sizeof(T)}) &&
                    reinterpret_cast<std::uintptr_t>(a.data()) % alignof(T) == 0 && (!write || a.writeable());
  if (!fits) {
    throw py::value_error(text(who, ": ", name, " must be a contiguous", write ? ", writable " : " ", dtype_name<T>(),
                               " array of shape (", n, ",), got ", std::string(py::str(a.dtype())), " ",
                               shape_text(a)));
  }
  return static_cast<T*>(const_cast<void*>(a.data()));
}

template <class T>
struct Result {  // a new C-ordered array and the View that fills it
  py::array array;
  View<T> view;
  Result(Index rows, Index cols)
      : array(new_matrix<T>(rows, cols)), view{static_cast<T*>(array.mutable_data()), rows, cols, cols, 1} {}
};

// Calls f with a zero of the array's dtype, float32 or float64; all other dtypes are refused.
template <class F>
auto by_dtype(const char* who, const char* name, const py::array& a, F f) {
  if (is<float>(a)) return f(float{});
  if (is<double>(a)) return f(double{});
  throw py::type_error(text(who, ": ", name, " must be float32 or float64, got ", std::string(py::str(a.dtype()))));
}

}  // namespace deepcore::bindings
