// Examples: converts X, y and weights of a call for the core, and keeps the arrays alive.
// Level: bindings.
#pragma once

#include "arrays.hpp"

#include <memory>
#include <optional>

namespace deepcore::bindings {

// The features of a call, and the arrays that keep their memory alive.
template <class T>
struct Features {
  Features(const char* who, const Spec& spec, const py::object& X)
      : inputs(bindings::inputs<T>(who, X, spec.columns(), keep)) {}
  std::vector<py::array> keep;
  Inputs<T> inputs;
};

// Checked examples. Labels and weights are copies, because labels are used as indices: another thread or a callback must not
// change them during the call.
template <class T>
struct Batch {
  std::shared_ptr<const Features<T>> X;
  py::array y, weights;
  Examples<T> examples;

  Batch(const char* who, const Spec& spec, const py::object& inputs, py::array y_, const std::optional<py::array>& w)
      : Batch(who, spec, std::make_shared<const Features<T>>(who, spec, inputs), std::move(y_), w) {}

  Batch(const char* who, const Spec& spec, std::shared_ptr<const Features<T>> features, py::array y_,
        const std::optional<py::array>& w)
      : X(std::move(features)), y(std::move(y_)) {
    examples.X = X->inputs;
    const Index m = examples.count();
    if (y.ndim() < 1 || y.shape(0) != m) {
      throw py::value_error(text(who, ": y must have ", m, " rows like X, got shape ", shape_text(y),
                                 y.ndim() == 2 && y.shape(1) == m ? "; is it transposed?" : ""));
    }
    if (spec.takes_labels() && y.ndim() == 1) {
      y = usable<std::int64_t>(who, "y", y).attr("copy")();
      examples.labels = static_cast<const std::int64_t*>(y.data());
    } else {
      examples.Y = bindings::examples<T>(who, "y", y, spec.outputs(), "outputs");
    }
    if (!w) return;
    weights = usable<T>(who, "sample_weight", *w).attr("copy")();
    if (weights.ndim() != 1 || weights.shape(0) != m) {
      throw py::value_error(
          text(who, ": sample_weight must have shape (", m, ",) like the rows of X, got ", shape_text(weights)));
    }
    examples.weights = static_cast<const T*>(weights.data());
  }
};

}  // namespace deepcore::bindings
