// The functions of deepcore.functional.
// Level: bindings.
#include <deepcore/catalog.hpp>
#include <deepcore/functional.hpp>

#include "arrays.hpp"
#include "bind.hpp"
#include "gil.hpp"

#include <pybind11/stl.h>

#include <cmath>
#include <optional>

namespace deepcore::bindings {

namespace {

int activation_rule(const char* who, const std::string& name, double parameter) {
  const int row = activation_id(name);
  if (!(parameter >= 0 && std::isfinite(parameter))) {
    throw py::value_error(
        text(who, ": parameter of ", name, " must be a finite number of at least 0, got ", parameter));
  }
  return row;
}

py::object linear_forward_door(py::array A_prev, py::array W, py::array b) {
  constexpr const char* who = "linear_forward";
  return by_dtype(who, "A_prev", A_prev, [&](auto zero) -> py::object {
    using T = decltype(zero);
    const auto a = matrix<T>(who, "A_prev", A_prev);
    const auto w = matrix<T>(who, "W", W);
    shape_rule(w.cols == a.rows, who, "W", w.rows, a.rows, W,
               text("(one column for each of the ", a.rows, " rows of A_prev)"));
    const auto bias = matrix<T>(who, "b", b, w.rows, 1, text("(one row for each of the ", w.rows, " rows of W)"));
    Result<T> Z(w.rows, a.cols);
    {
      const Released released;
      linear_forward(a, w, bias, Z.view);
    }
    return Z.array;
  });
}

py::object linear_backward_door(py::array dZ, py::array A_prev, py::array W, bool input_gradient) {
  constexpr const char* who = "linear_backward";
  return by_dtype(who, "dZ", dZ, [&](auto zero) -> py::object {
    using T = decltype(zero);
    const auto d = matrix<T>(who, "dZ", dZ);
    if (d.cols == 0) throw py::value_error("linear_backward: dZ must have at least one column (example)");
    const auto w = matrix<T>(who, "W", W);
    shape_rule(w.rows == d.rows, who, "W", d.rows, w.cols, W,
               text("(one row for each of the ", d.rows, " rows of dZ)"));
    const auto a = matrix<T>(who, "A_prev", A_prev, w.cols, d.cols, "(columns of W, columns of dZ)");
    Result<T> dA_prev(input_gradient ? a.rows : 0, a.cols), dW(w.rows, w.cols), db(w.rows, 1);
    {
      const Released released;
      linear_backward(d, a, w, input_gradient ? dA_prev.view : View<T>{}, dW.view, db.view);
    }
    return py::make_tuple(input_gradient ? py::object(dA_prev.array) : py::none(), dW.array, db.array);
  });
}

py::object activation_forward_door(py::array Z, const std::string& name, double parameter) {
  constexpr const char* who = "activation_forward";
  const int row = activation_rule(who, name, parameter);
  return by_dtype(who, "Z", Z, [&](auto zero) -> py::object {
    using T = decltype(zero);
    const auto z = matrix<T>(who, "Z", Z);
    Result<T> A(z.rows, z.cols);
    {
      const Released released;
      activation_forward(z, row, parameter, A.view);
    }
    return A.array;
  });
}

py::object activation_backward_door(py::array dA, py::array Z, const std::string& name, double parameter) {
  constexpr const char* who = "activation_backward";
  const int row = activation_rule(who, name, parameter);
  return by_dtype(who, "dA", dA, [&](auto zero) -> py::object {
    using T = decltype(zero);
    const auto d = matrix<T>(who, "dA", dA);
    const auto z = matrix<T>(who, "Z", Z, d.rows, d.cols, "like dA");
    Result<T> dZ(z.rows, z.cols);
    {
      const Released released;
      activation_backward(d, z, row, parameter, dZ.view);
    }
    return dZ.array;
  });
}

double loss_parameter(int row, const std::optional<double>& given) {
  return given ? *given : losses()[static_cast<std::size_t>(row)].parameter;
}

py::object loss_values_door(py::array A, py::array Y, const std::string& name, const std::optional<double>& given) {
  constexpr const char* who = "loss_values";
  const int row = loss_id(name);
  const double parameter = loss_parameter(row, given);
  return by_dtype(who, "A", A, [&](auto zero) -> py::object {
    using T = decltype(zero);
    const auto a = matrix<T>(who, "A", A);
    const auto y = matrix<T>(who, "Y", Y, a.rows, a.cols, "like A");
    py::array_t<T> values(a.cols);
    T* out = values.mutable_data();
    {
      const Released released;
      loss_values(a, y, row, parameter, out);
    }
    return values;
  });
}

py::object loss_gradient_door(py::array A, py::array Y, const std::string& name, const std::optional<double>& given) {
  constexpr const char* who = "loss_gradient";
  const int row = loss_id(name);
  const double parameter = loss_parameter(row, given);
  return by_dtype(who, "A", A, [&](auto zero) -> py::object {
    using T = decltype(zero);
    const auto a = matrix<T>(who, "A", A);
    const auto y = matrix<T>(who, "Y", Y, a.rows, a.cols, "like A");
    Result<T> dA(a.rows, a.cols);
    {
      const Released released;
      loss_gradient(a, y, row, parameter, dA.view);
    }
    return dA.array;
  });
}

}  // namespace

void bind_functional(py::module_& m) {
  m.def("linear_forward", &linear_forward_door, py::arg("A_prev"), py::arg("W"), py::arg("b"));
  m.def("linear_backward", &linear_backward_door, py::arg("dZ"), py::arg("A_prev"), py::arg("W"),
        py::arg("input_gradient") = true);
  m.def("activation_forward", &activation_forward_door, py::arg("Z"), py::arg("name"), py::arg("parameter"));
  m.def("activation_backward", &activation_backward_door, py::arg("dA"), py::arg("Z"), py::arg("name"),
        py::arg("parameter"));
  m.def("loss_values", &loss_values_door, py::arg("A"), py::arg("Y"), py::arg("name"),
        py::arg("parameter") = py::none());
  m.def("loss_gradient", &loss_gradient_door, py::arg("A"), py::arg("Y"), py::arg("name"),
        py::arg("parameter") = py::none());
}

}  // namespace deepcore::bindings
