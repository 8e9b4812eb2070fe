// Descriptions: converts the arguments of Python into a Spec and a TrainingStep.
// Level: bindings.
#pragma once

#include <deepcore/catalog.hpp>
#include <deepcore/network.hpp>

#include "arrays.hpp"

#include <pybind11/stl.h>

#include <optional>

namespace deepcore::bindings {

inline Norm norm_of(const std::string& name) {
  if (name == "batch") return Norm::batch;
  if (name == "layer") return Norm::layer;
  if (name == "none") return Norm::none;
  throw py::value_error(text("Network: norm must be 'batch', 'layer' or 'none', got '", name, "'"));
}

// {"W": 1, "b": 0.1}: factors by the name of the array.
inline void set_factors(LayerSpec& layer, const py::dict& values, double Factors::*which) {
  for (const auto& [key, value] : values) {
    const auto name = key.cast<std::string>();
    const std::optional<Role> role = trained_role(name);
    if (!role) throw py::value_error(text("Network: no array is called '", name, "'"));
    layer.of(*role).*which = value.cast<double>();
  }
}

inline void set_option(LayerSpec& layer, const std::string& name, const py::handle& value) {
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

inline void set_option(Embeddings& front, const std::string& name, const py::handle& value) {
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
  } else if (name == "members") {
    front.members = value.cast<Index>();
  } else {
    throw py::value_error(text("Network: unknown option '", name, "' of embeddings"));
  }
}

// A layer: (units, activation, parameter), and a dict with whatever else is not at its default.
inline Spec make_spec(Index inputs, const std::vector<py::tuple>& layers, const std::string& loss,
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

// (seed, step), or with the factors on dropout and label smoothing (seed, step, dropout, smoothing), or with the place of
// the first example as well
using Training = std::optional<py::tuple>;
inline std::optional<TrainingStep> training_step(const Training& training) {
  if (!training) return std::nullopt;
  const py::tuple& t = *training;
  if (t.size() != 2 && t.size() != 4 && t.size() != 5)
    throw py::value_error("training must be (seed, step[, dropout, smoothing[, first]])");
  TrainingStep step{t[0].cast<std::uint64_t>(), t[1].cast<Index>()};
  if (t.size() > 2) {
    step.dropout = t[2].cast<double>();
    step.smoothing = t[3].cast<double>();
  }
  if (t.size() > 4) step.first = t[4].cast<Index>();
  return step;
}

// Copies {layer: dropout mask (m, units)} into the form of TrainingStep::masks.
class Masks {
 public:
  Masks(const Spec& spec, Index m, const py::dict& given) : rows_(static_cast<std::size_t>(spec.depth()) + 1, nullptr) {
    for (const auto& [key, value] : given) {
      const auto l = key.cast<int>();
      if (l < 0 || l >= spec.depth() || spec.dropout(l) == 0)
        throw py::value_error(text("gradients: masks must be of layers with dropout, got one of layer ", l));
      const auto array = py::array_t<std::uint8_t, py::array::c_style | py::array::forcecast>::ensure(value);
      if (!array || array.ndim() != 2 || array.shape(0) != m || array.shape(1) != spec.units(l))
        throw py::value_error(
            text("gradients: the mask of layer ", l, " must have shape (", m, ", ", spec.units(l), ")"));
      kept_.push_back(array.attr("copy")());
      rows_[static_cast<std::size_t>(l)] = static_cast<const std::uint8_t*>(kept_.back().data());
    }
  }
  void apply(std::optional<TrainingStep>& step) const {
    if (kept_.empty()) return;
    if (!step) throw py::value_error("gradients: step must be given with masks");
    if (step->first != 0) throw py::value_error("gradients: first must be 0 with masks");
    step->masks = rows_.data();
  }

 private:
  std::vector<py::array> kept_;
  std::vector<const std::uint8_t*> rows_;
};
inline const TrainingStep* pointer(const std::optional<TrainingStep>& step) { return step ? &*step : nullptr; }

}  // namespace deepcore::bindings
