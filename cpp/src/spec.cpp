// Spec: the rules that a description must keep.
// Level: description.
#include <deepcore/catalog.hpp>
#include <deepcore/error.hpp>
#include <deepcore/spec.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace deepcore {

std::optional<Role> trained_role(const std::string& name) {
  for (std::size_t role = 0; role < kTrainedRoles; ++role) {
    if (name == kRoles[role].name) return static_cast<Role>(role);
  }
  return std::nullopt;
}

LossSpec::LossSpec(int which) : row(which), parameter(0) {
  if (row >= 0 && row < static_cast<int>(losses().size()))
    parameter = losses()[static_cast<std::size_t>(row)].parameter;
}

double Spec::smooth_target() const {
  const std::string loss = losses()[static_cast<std::size_t>(loss_.row)].name;
  return loss == "categorical_cross_entropy" ? 1 / static_cast<double>(outputs()) : 0.5;
}

namespace {

bool fine(const Factors& factors) {
  constexpr double kMost = std::numeric_limits<float>::max();
  return factors.rate >= 0 && factors.rate <= kMost && factors.decay >= 0 && factors.decay <= kMost;
}

void check(const Embeddings& front, Index inputs) {
  require(front.columns >= 0 && front.frequencies >= 0, "Model: embeddings must not have negative sizes");
  require(front.items() <= inputs, "Model: embeddings need at least ", front.items(), " inputs, got ", inputs);
  require(front.columns == 0 || (front.units >= 1 && front.units <= kMostEmbeddingUnits),
          "Model: an embedding of numbers must have 1 to ", kMostEmbeddingUnits, " units, got ", front.units);
  const Index with_edges = front.frequencies > 0 ? 0 : front.columns;
  require(static_cast<Index>(front.edges.size()) == with_edges, "Model: embeddings must have the edges of ", with_edges,
          " columns, got those of ", front.edges.size());
  for (const std::vector<double>& edges : front.edges) {
    require(edges.size() >= 2, "Model: a column must have at least 2 edges, got ", edges.size());
    for (std::size_t k = 0; k < edges.size(); ++k) {
      require(std::abs(edges[k]) <= std::numeric_limits<float>::max() && (k == 0 || edges[k - 1] < edges[k]),
              "Model: the edges of a column must be finite and rise, got ", edges[k], " at ", k);
    }
  }
  for (const Index size : front.sizes)
    require(size >= 1 && size <= kMostCodes, "Model: the size of a category must be from 1 to ", kMostCodes, ", got ",
            size);
  require(front.sizes.empty() || front.category_units >= 1, "Model: an embedding of categories must have units, got ",
          front.category_units);
  require(front.members >= 1 && front.members <= kMostMembers, "Model: members must be from 1 to ", kMostMembers,
          ", got ", front.members);
  require(fine(front.numbers) && fine(front.categories),
          "Model: factors of rate and decay of embeddings must be finite numbers of at least 0");
}

}  // namespace

Spec::Spec(Index inputs, std::vector<LayerSpec> layers, LossSpec loss, double input_dropout, Embeddings embeddings)
    : columns_(inputs), inputs_(embeddings.rows(inputs)), layers_(std::move(layers)),
      embeddings_(std::move(embeddings)), loss_(loss), input_dropout_(input_dropout), stable_output_(false),
      takes_labels_(false) {
  require(columns_ >= 1, "Model: inputs must be at least 1, got ", columns_);
  check(embeddings_, columns_);
  require(!layers_.empty(), "Model: layers must hold at least one layer with weights");
  const auto rows = static_cast<int>(activations().size());
  for (int l = 1; l <= depth(); ++l) {
    const LayerSpec& layer = this->layer(l);
    require(layer.units >= 1, "Model: layer ", l, " must have at least 1 unit, got ", layer.units);
    require(layer.activation >= 0 && layer.activation < rows, "Model: layer ", l, " has no known activation");
    require(layer.parameter >= 0 && layer.parameter <= std::numeric_limits<float>::max(), "Model: parameter of layer ",
            l, " must be a finite number of at least 0, got ", layer.parameter);
    const std::pair<const char*, double> limits[] = {{"l1", layer.l1}, {"l2", layer.l2}, {"max_norm", layer.max_norm}};
    for (const auto& [name, value] : limits) {
      require(value >= 0 && value <= std::numeric_limits<float>::max(), "Model: ", name, " of layer ", l,
              " must be a finite number of at least 0, got ", value);
    }
    const ActivationInfo& activation = activations()[static_cast<std::size_t>(layer.activation)];
    require(!layer.parametric || !activation.columnwise, "Model: layer ", l, " cannot be parametric: ", activation.name,
            " does not work unit by unit");
  }
  for (int l = 1; l <= depth(); ++l) {
    for (const Factors& factors : layer(l).factors) {
      require(fine(factors), "Model: factors of rate and decay of layer ", l,
              " must be finite numbers of at least 0, got ", factors.rate, " and ", factors.decay);
    }
  }
  for (int l = 0; l < depth(); ++l) {
    require(dropout(l) >= 0 && dropout(l) < 1, "Model: dropout of layer ", l, " must be at least 0 and below 1, got ",
            dropout(l));
  }
  require(dropout(depth()) == 0, "Model: dropout of the last layer must be 0, got ", dropout(depth()));
  require(layer(depth()).norm == Norm::none, "Model: the last layer must have no norm");
  require(!layer(depth()).parametric, "Model: the activation of the last layer cannot be parametric");
  require(loss_.row >= 0 && loss_.row < static_cast<int>(losses().size()), "Model: loss is not known");
  const ActivationInfo& output = activations()[static_cast<std::size_t>(this->layer(depth()).activation)];
  const LossInfo& info = losses()[static_cast<std::size_t>(loss_.row)];
  require(!info.needs_probability || output.probability, "Model: loss '", info.name,
          "' needs outputs in (0, 1), but the output activation is '", output.name, "'; use '", info.output,
          "' there, or loss='half_squared_error'");
  require(!info.needs_positive || output.positive, "Model: loss '", info.name,
          "' needs outputs above 0, but the output activation is '", output.name, "'; use '", info.output, "' there");
  const bool in_range = loss_.parameter > 0 && loss_.parameter <= std::numeric_limits<float>::max() &&
                        (info.parameter_below == 0 || loss_.parameter < info.parameter_below);
  require(!info.has_parameter || in_range, "Model: the parameter of loss '", info.name, "' must be above 0",
          info.parameter_below == 0 ? std::string() : text(" and below ", info.parameter_below), ", got ",
          loss_.parameter);
  require(loss_.smoothing >= 0 && loss_.smoothing < 1 && (loss_.smoothing == 0 || info.needs_probability),
          "Model: label smoothing must be at least 0 and below 1, and 0 where the loss is no cross-entropy, got ",
          loss_.smoothing);
  stable_output_ = std::string(info.output) == output.name;
  takes_labels_ = output.probability && output.columnwise;  // one distribution over the classes
}

bool Spec::has_penalties() const {
  return std::any_of(layers_.begin(), layers_.end(), [](const LayerSpec& l) { return l.l1 != 0 || l.l2 != 0; });
}

bool Spec::has_batch_norm() const {
  return std::any_of(layers_.begin(), layers_.end(), [](const LayerSpec& l) { return l.norm == Norm::batch; });
}

bool Spec::reparametrised() const {
  return std::any_of(layers_.begin(), layers_.end(), [](const LayerSpec& l) { return l.reparametrised(); });
}

bool Spec::plain() const {
  const bool more = std::any_of(layers_.begin(), layers_.end(), [](const LayerSpec& l) {
    return l.dropout != 0 || l.max_norm != 0 || l.norm != Norm::none || l.parametric;
  });
  return !more && !reparametrised() && !has_penalties() && !embeddings_.any() && input_dropout_ == 0 &&
         loss_.smoothing == 0;
}

}  // namespace deepcore
