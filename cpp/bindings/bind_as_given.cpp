// The functions of deepcore.functional for plain arrays of the right shapes: one call, without copies. They return None
// for anything else: then the checks in Python convert the arguments, or say what is wrong with them.
// Level: bindings.
#include <deepcore/catalog.hpp>
#include <deepcore/functional.hpp>

#include "bind.hpp"
#include "plain.hpp"

#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace deepcore::bindings {

namespace {

// About how many cycles an element takes: enough to decide who may give Python's lock away.
constexpr double kPerElement = 4, kPerProduct = 0.1;

struct Activation {
  int row;
  double parameter;
  bool over_columns;
};

std::optional<Activation> activation_of(const py::handle& name, const py::handle& parameter) {
  const std::optional<int> row = row_named(activations(), name);
  if (!row) return std::nullopt;
  const ActivationInfo& info = activations()[static_cast<std::size_t>(*row)];
  if (parameter.is_none()) return Activation{*row, info.parameter, info.columnwise};
  if (PyFloat_CheckExact(parameter.ptr()) == 0) return std::nullopt;
  const double value = PyFloat_AS_DOUBLE(parameter.ptr());
  if (!(value >= 0 && std::isfinite(value))) return std::nullopt;
  return Activation{*row, value, info.columnwise};
}

// A new array of the shape of `like`, in the order of its elements.
template <class T>
py::array made_like(const py::array& like) {
  return new_array<T>(static_cast<int>(like.ndim()), like.shape(), gapless_by_columns(like) && !gapless_by_rows(like));
}

// All elements as one row, in the order in which they lie; the array has no gaps.
template <class T>
View<const T> in_one_row(const py::array& a) {
  return {static_cast<const T*>(a.data()), 1, a.size(), a.size(), 1};
}

// f(activation, Z, g) with Z and a result of its shape: matrices for softmax, else rows of all elements.
template <class F>
py::object each_element(const py::object& given, const Activation& g, F f) {
  return with_plain(
      [&](auto zero, const py::array& Z) -> py::object {
        using T = decltype(zero);
        const bool fits =
            g.over_columns ? Z.ndim() == 2 : Z.ndim() > 0 && (gapless_by_rows(Z) || gapless_by_columns(Z));
        if (!fits) return py::none();
        py::array A = made_like<T>(Z);
        const View<const T> z = g.over_columns ? view_of<T>(Z) : in_one_row<T>(Z);
        const View<T> a =
            g.over_columns ? target<T>(A) : View<T>{static_cast<T*>(A.mutable_data()), 1, A.size(), A.size(), 1};
        unlocked_if_long(kPerElement * static_cast<double>(Z.size()), [&] { f(z, a); });
        return std::move(A);
      },
      given);
}

py::object activation(const py::object& Z, const py::object& name, const py::object& parameter) {
  const auto g = activation_of(name, parameter);
  if (!g) return py::none();
  return each_element(Z, *g, [&](const auto& z, const auto& a) { activation_forward(z, g->row, g->parameter, a); });
}

py::object slope(const py::object& Z, const py::object& name, const py::object& parameter) {
  const auto g = activation_of(name, parameter);
  if (!g || g->over_columns) return py::none();
  return each_element(Z, *g, [&](const auto& z, const auto& a) { activation_slope(z, g->row, g->parameter, a); });
}

py::object backward(const py::object& dA, const py::object& Z, const py::object& name, const py::object& parameter) {
  const auto g = activation_of(name, parameter);
  if (!g) return py::none();
  return with_plain(
      [&](auto zero, const py::array& d, const py::array& z) -> py::object {
        using T = decltype(zero);
        if (z.ndim() != 2 || !has_shape(d, z.shape(0), z.shape(1))) return py::none();
        py::array dZ = made_like<T>(z);
        const View<T> to = target<T>(dZ);
        unlocked_if_long(kPerElement * static_cast<double>(z.size()),
                         [&] { activation_backward(view_of<T>(d), view_of<T>(z), g->row, g->parameter, to); });
        return std::move(dZ);
      },
      dA, Z);
}

py::object forward(const py::object& A_prev, const py::object& W, const py::object& b) {
  return with_plain(
      [&](auto zero, const py::array& a, const py::array& w, const py::array& bias) -> py::object {
        using T = decltype(zero);
        if (a.ndim() != 2 || w.ndim() != 2 || w.shape(1) != a.shape(0) || !has_shape(bias, w.shape(0), 1))
          return py::none();
        py::array Z = new_matrix<T>(w.shape(0), a.shape(1));
        const View<T> to = target<T>(Z);
        unlocked_if_long(kPerProduct * static_cast<double>(w.size()) * static_cast<double>(a.shape(1)),
                         [&] { linear_forward(view_of<T>(a), view_of<T>(w), view_of<T>(bias), to); });
        return std::move(Z);
      },
      A_prev, W, b);
}

py::object linear_gradients(const py::object& dZ, const py::object& A_prev, const py::object& W, const py::object& b,
                            bool input_gradient) {
  return with_plain(
      [&](auto zero, const py::array& d, const py::array& a, const py::array& w, const py::array& bias) -> py::object {
        using T = decltype(zero);
        if (a.ndim() != 2 || w.ndim() != 2 || bias.ndim() != 2 || a.shape(1) == 0 || w.shape(1) != a.shape(0) ||
            !has_shape(d, w.shape(0), a.shape(1)))
          return py::none();
        py::array dW = new_matrix<T>(w.shape(0), w.shape(1)), db = new_matrix<T>(w.shape(0), 1), dA_prev;
        if (input_gradient) dA_prev = new_matrix<T>(a.shape(0), a.shape(1));
        const View<T> to = input_gradient ? target<T>(dA_prev) : View<T>{}, to_W = target<T>(dW), to_b = target<T>(db);
        unlocked_if_long(2 * kPerProduct * static_cast<double>(w.size()) * static_cast<double>(a.shape(1)),
                         [&] { linear_backward(view_of<T>(d), view_of<T>(a), view_of<T>(w), to, to_W, to_b); });
        return py::make_tuple(input_gradient ? py::object(dA_prev) : py::none(), dW, db);
      },
      dZ, A_prev, W, b);
}

// Targets that are whole numbers or bools, in the type of the outputs.
py::object targets(const py::object& AL, const py::object& Y) {
  if (!py::isinstance<py::array>(Y)) return Y;
  const char kind = py::reinterpret_borrow<py::array>(Y).dtype().kind();
  if (kind != 'i' && kind != 'u' && kind != 'b') return Y;
  constexpr int kAny = py::array::forcecast;
  if (plain<float>(AL)) return py::array_t<float, kAny>(Y);
  if (plain<double>(AL)) return py::array_t<double, kAny>(Y);
  return Y;
}

double parameter_of_loss(int row) { return losses()[static_cast<std::size_t>(row)].parameter; }

py::object loss(const py::object& AL, const py::object& Y, const py::object& name) {
  const std::optional<int> row = row_named(losses(), name);
  if (!row) return py::none();
  return with_plain(
      [&](auto zero, const py::array& a, const py::array& y) -> py::object {
        using T = decltype(zero);
        if (a.ndim() != 2 || a.shape(1) == 0 || !has_shape(y, a.shape(0), a.shape(1))) return py::none();
        py::array values = new_matrix<T>(1, a.shape(1));
        T* const to = static_cast<T*>(values.mutable_data());
        unlocked_if_long(kPerElement * static_cast<double>(a.size()),
                         [&] { loss_values(view_of<T>(a), view_of<T>(y), *row, parameter_of_loss(*row), to); });
        return std::move(values);
      },
      AL, targets(AL, Y));
}

py::object loss_slope(const py::object& AL, const py::object& Y, const py::object& name) {
  const std::optional<int> row = row_named(losses(), name);
  if (!row) return py::none();
  return with_plain(
      [&](auto zero, const py::array& a, const py::array& y) -> py::object {
        using T = decltype(zero);
        if (a.ndim() != 2 || a.shape(1) == 0 || !has_shape(y, a.shape(0), a.shape(1))) return py::none();
        py::array dA = made_like<T>(a);
        const View<T> to = target<T>(dA);
        unlocked_if_long(kPerElement * static_cast<double>(a.size()),
                         [&] { loss_gradient(view_of<T>(a), view_of<T>(y), *row, parameter_of_loss(*row), to); });
        return std::move(dA);
      },
      AL, targets(AL, Y));
}

py::object masked(const py::object& given, double keep, const py::object& given_mask) {
  if (!plain<bool>(given_mask) || !(keep > 0 && keep <= 1)) return py::none();
  const auto mask = py::reinterpret_borrow<py::array>(given_mask);
  return with_plain(
      [&](auto zero, const py::array& A) -> py::object {
        using T = decltype(zero);
        const bool same_order =
            (gapless_by_rows(A) && gapless_by_rows(mask)) || (gapless_by_columns(A) && gapless_by_columns(mask));
        if (A.ndim() != 2 || !same_order || !has_shape(mask, A.shape(0), A.shape(1))) return py::none();
        py::array kept = made_like<T>(A);
        T* const to = static_cast<T*>(kept.mutable_data());
        unlocked_if_long(static_cast<double>(A.size()), [&] {
          dropout<T>(A.size(), static_cast<const T*>(A.data()), static_cast<const unsigned char*>(mask.data()),
                     static_cast<T>(keep), to);
        });
        return std::move(kept);
      },
      given);
}

py::object squares(const py::object& W) {
  return with_plain(
      [](auto zero, const py::array& w) -> py::object {
        using T = decltype(zero);
        if (!gapless_by_rows(w) && !gapless_by_columns(w)) return py::none();
        double sum = 0;
        unlocked_if_long(static_cast<double>(w.size()),
                         [&] { sum = sum_of_squares(w.size(), static_cast<const T*>(w.data())); });
        return py::float_(sum);
      },
      W);
}

py::object units(const py::object& given, Index classes) {
  if (!plain<std::int64_t>(given)) return py::none();
  const auto labels = py::reinterpret_borrow<py::array>(given);
  if ((labels.ndim() != 1 && !(labels.ndim() == 2 && labels.shape(0) == 1)) || !gapless_by_rows(labels))
    return py::none();
  const Index m = labels.size();
  const auto* const label = static_cast<const std::int64_t*>(labels.data());
  for (Index j = 0; j < m; ++j) {
    if (label[j] < 0 || label[j] >= classes) return py::none();
  }
  Result<double> Y(classes, m);
  std::fill_n(Y.view.data, classes * m, 0.0);
  for (Index j = 0; j < m; ++j) {
    if (const std::int64_t row = label[j]; row >= 0 && row < classes) Y.view(row, j) = 1;  // another thread may write
  }
  return std::move(Y.array);
}

}  // namespace

void bind_as_given(py::module_& m) {
  m.def("activation_as_given", &activation, py::arg("Z"), py::arg("name"), py::arg("parameter"));
  m.def("activation_slope_as_given", &slope, py::arg("Z"), py::arg("name"), py::arg("parameter"));
  m.def("activation_backward_as_given", &backward, py::arg("dA"), py::arg("Z"), py::arg("name"), py::arg("parameter"));
  m.def("linear_forward_as_given", &forward, py::arg("A_prev"), py::arg("W"), py::arg("b"));
  m.def("linear_backward_as_given", &linear_gradients, py::arg("dZ"), py::arg("A_prev"), py::arg("W"), py::arg("b"),
        py::arg("input_gradient"));
  m.def("loss_values_as_given", &loss, py::arg("A"), py::arg("Y"), py::arg("name"));
  m.def("loss_gradient_as_given", &loss_slope, py::arg("A"), py::arg("Y"), py::arg("name"));
  m.def("dropout_as_given", &masked, py::arg("A"), py::arg("keep_prob"), py::arg("mask"));
  m.def("sum_of_squares_as_given", &squares, py::arg("W"));
  m.def("one_hot_as_given", &units, py::arg("labels"), py::arg("classes"));
}

}  // namespace deepcore::bindings
