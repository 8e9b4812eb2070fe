// make_spec: the description of a network from Python's values.
// Level: bindings.
#pragma once

#include <deepcore/spec.hpp>

#include <pybind11/pybind11.h>

#include <optional>
#include <string>
#include <vector>

namespace deepcore::bindings {

namespace py = pybind11;

// A layer is (units, activation, parameter), and a dict with whatever else is not at its default. embeddings: a dict with
// the options of deepcore::Embeddings.
Spec make_spec(Index inputs, const std::vector<py::tuple>& layers, const std::string& loss,
               const std::optional<double>& loss_parameter, double label_smoothing, double input_dropout,
               const py::dict& embeddings);

}  // namespace deepcore::bindings
