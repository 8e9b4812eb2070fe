// make_spec: the description of a network from Python's values.
// Level: bindings.
#include "make_spec.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/error.hpp>

#include <pybind11/stl.h>

#include <algorithm>
#include <string>
#include <utility>

namespace deepcore::bindings {

namespace {

Norm norm_of(const std::string& name) {
  if (name == "batch") return Norm::batch;
  if (name == "layer") return Norm::layer;
  if (name == "none") return Norm::none;
  throw py::value_error(text("Network: norm must be 'batch', 'layer' or 'none', got '", name, "'"));
}

// {"W": 1, "b": 0.1}: factors by the name of the array.
void set_factors(LayerSpec& layer, const py::dict& values, double Factors::*which) {
  for (const auto& [key, value] : values) {
    const auto name = key.cast<std::string>();
    const auto* role = std::find(kRoleNames.begin(), kRoleNames.begin() + kTrainedRoles, name);
    if (role == kRoleNames.begin() + kTrainedRoles)
      throw py::value_error(text("Network: no array is called '", name, "'"));
    layer.factors[static_cast<std::size_t>(role - kRoleNames.begin())].*which = value.cast<double>();
  }
}

void set_option(LayerSpec& layer, const std::string& name, const py::handle& value) {
  if (name == "l1") {
    layer.l1 = value.cast<double>();
  } else if (name == "l2") {
    layer.l2 = value.cast<double>();
  } else if (name == "max_norm") {
    layer.max_norm = value.cast<double>();
  } else if (name == "norm") {
    layer.norm = norm_of(value.cast<std::string>());
  } else if (name == "dropout") {
    layer.dropout = value.cast<double>();
  } else if (name == "parametric") {
    layer.parametric = value.cast<bool>();
  } else if (name == "scaled_inputs") {
    layer.scaled_inputs = value.cast<bool>();
  } else if (name == "ntk") {
    layer.ntk = value.cast<bool>();
  } else if (name == "rate") {
    set_factors(layer, value.cast<py::dict>(), &Factors::rate);
  } else if (name == "decay") {
    set_factors(layer, value.cast<py::dict>(), &Factors::decay);
  } else {
    throw py::value_error(text("Network: unknown option '", name, "' of a layer"));
  }
}

void set_option(Embeddings& front, const std::string& name, const py::handle& value) {
  const auto factors = [&] {
    const auto [rate, decay] = value.cast<std::pair<double, double>>();
    return Factors{rate, decay};
  };
  if (name == "columns") {
    front.columns = value.cast<Index>();
  } else if (name == "units") {
    front.units = value.cast<Index>();
  } else if (name == "frequencies") {
    front.frequencies = value.cast<Index>();
  } else if (name == "passes") {
    front.passes = value.cast<bool>();
  } else if (name == "edges") {
    front.edges = value.cast<std::vector<std::vector<double>>>();
  } else if (name == "sizes") {
    front.sizes = value.cast<std::vector<Index>>();
  } else if (name == "category_units") {
    front.category_units = value.cast<Index>();
  } else if (name == "numbers") {
    front.numbers = factors();
  } else if (name == "categories") {
    front.categories = factors();
  } else {
    throw py::value_error(text("Network: unknown option '", name, "' of embeddings"));
  }
}

}  // namespace

Spec make_spec(Index inputs, const std::vector<py::tuple>& layers, const std::string& loss,
               const std::optional<double>& loss_parameter, double label_smoothing, double input_dropout,
               const py::dict& embeddings) {
  std::vector<LayerSpec> out;
  for (const py::tuple& layer : layers) {
    if (layer.size() != 3 && layer.size() != 4) {
      throw py::value_error(text("Network: a layer must be (units, activation, parameter[, options]), got ",
                                 std::string(py::str(layer))));
    }
    LayerSpec next{layer[0].cast<Index>(), activation_id(layer[1].cast<std::string>()), layer[2].cast<double>()};
    const py::dict options = layer.size() == 4 ? layer[3].cast<py::dict>() : py::dict();
    for (const auto& [key, value] : options) set_option(next, key.cast<std::string>(), value);
    out.push_back(next);
  }
  LossSpec cost(loss_id(loss));
  cost.smoothing = label_smoothing;
  if (loss_parameter) cost.parameter = *loss_parameter;
  Embeddings front;
  for (const auto& [key, value] : embeddings) set_option(front, key.cast<std::string>(), value);
  return {inputs, std::move(out), cost, input_dropout, std::move(front)};
}

}  // namespace deepcore::bindings
