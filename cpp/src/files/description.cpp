// The description of a network: the keys that docs/format.md lists.
// Level: files.
#include "files/description.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/error.hpp>

#include <optional>
#include <stdexcept>

namespace deepcore::files {

namespace {

constexpr std::uint64_t kMost = (std::uint64_t{1} << 31U) - 1;  // of a size, as in Python

Index size_of(const Json& value) { return static_cast<Index>(value.whole(kMost)); }

double number_or(const Json& value, double otherwise) { return value.is_null() ? otherwise : value.number(); }

Norm norm_of(const Json& value) {
  if (value.is_null()) return Norm::none;
  require(value.text() == "batch" || value.text() == "layer", "norm must be null, batch or layer, got ", value.text());
  return value.text() == "batch" ? Norm::batch : Norm::layer;
}

bool ntk_of(const std::string& name) {
  require(name == "standard" || name == "ntk", "parametrization must be standard or ntk, got ", name);
  return name == "ntk";
}

void set_factors(LayerSpec& layer, const Json& values, double Factors::*which) {
  if (values.is_null()) return;
  for (const auto& [name, value] : values.object()) {
    const std::optional<Role> role = trained_role(name);
    if (!role) throw std::invalid_argument(text("no array of a layer is called ", quoted(name)));
    layer.of(*role).*which = value.number();
  }
}

LayerSpec layer_of(const Json& given) {
  given.check_keys({"units", "activation", "init", "parameter", "l1", "l2", "max_norm", "dropout", "norm", "parametric",
                    "scaled_inputs", "parametrization", "rate", "decay"});
  const int row = activation_id(given.at("activation").text());
  const double parameter = activations()[static_cast<std::size_t>(row)].parameter;
  LayerSpec layer{size_of(given.at("units")), row, number_or(given.at("parameter"), parameter)};
  layer.l1 = given.at("l1").number();
  layer.l2 = given.at("l2").number();
  layer.dropout = given.at("dropout").number();
  layer.norm = norm_of(given.at("norm"));
  layer.max_norm = number_or(given.at("max_norm"), 0);
  layer.parametric = given.at("parametric").boolean();
  layer.scaled_inputs = given.at("scaled_inputs").boolean();
  layer.ntk = ntk_of(given.at("parametrization").text());
  set_factors(layer, given.at("rate"), &Factors::rate);
  set_factors(layer, given.at("decay"), &Factors::decay);
  return layer;
}

void add_embedding(Embeddings& all, const Json& given) {
  const std::string& kind = given.at("kind").text();
  const Factors factors{given.at("rate").number(), given.at("decay").number()};
  if (kind == "categories") {
    given.check_keys({"kind", "units", "rate", "decay", "sizes"});
    all.category_units = size_of(given.at("units"));
    all.categories = factors;
    for (const Json& size : given.at("sizes").list()) all.sizes.push_back(size_of(size));
    return;
  }
  all.units = size_of(given.at("units"));
  all.numbers = factors;
  if (kind == "periodic") {
    given.check_keys({"kind", "units", "rate", "decay", "columns", "frequencies", "sigma", "passes"});
    all.columns = size_of(given.at("columns"));
    all.frequencies = size_of(given.at("frequencies"));
    all.passes = given.at("passes").boolean();
    return;
  }
  require(kind == "piecewise_linear", "kind must be periodic, piecewise_linear or categories, got ", quoted(kind));
  given.check_keys({"kind", "units", "rate", "decay", "edges"});
  for (const Json& column : given.at("edges").list()) {
    all.edges.emplace_back();
    for (const Json& edge : column.list()) all.edges.back().push_back(edge.number());
  }
  all.columns = static_cast<Index>(all.edges.size());
}

const char* boolean(bool value) { return value ? "true" : "false"; }

std::string factors_of(const LayerSpec& layer, double Factors::*which) {
  std::string out;
  for (std::size_t role = 0; role < kTrainedRoles; ++role) {
    if (layer.factors[role].*which != 1)
      out += (out.empty() ? "" : ",") + quoted(kRoles[role].name) + ":" + shown(layer.factors[role].*which);
  }
  return out.empty() ? "null" : "{" + out + "}";
}

std::string described_layer(const LayerSpec& layer) {
  const ActivationInfo& activation = activations()[static_cast<std::size_t>(layer.activation)];
  const char* norm = layer.norm == Norm::none ? "null" : layer.norm == Norm::batch ? R"("batch")" : R"("layer")";
  return R"({"units":)" + std::to_string(layer.units) + R"(,"activation":)" + quoted(activation.name) +
         R"(,"init":"auto","parameter":)" + (activation.has_parameter ? shown(layer.parameter) : "null") + R"(,"l1":)" +
         shown(layer.l1) + R"(,"l2":)" + shown(layer.l2) + R"(,"max_norm":)" +
         (layer.max_norm > 0 ? shown(layer.max_norm) : "null") + R"(,"dropout":)" + shown(layer.dropout) +
         R"(,"norm":)" + norm + R"(,"parametric":)" + boolean(layer.parametric) + R"(,"scaled_inputs":)" +
         boolean(layer.scaled_inputs) + R"(,"parametrization":)" + (layer.ntk ? R"("ntk")" : R"("standard")") +
         R"(,"rate":)" + factors_of(layer, &Factors::rate) + R"(,"decay":)" + factors_of(layer, &Factors::decay) + "}";
}

}  // namespace

Spec spec_of(const Json& network) {
  network.check_keys(
      {"inputs", "layers", "loss", "loss_parameter", "label_smoothing", "input_dropout", "dtype", "seed"},
      {"embeddings", "members"});
  std::vector<LayerSpec> layers;
  for (const Json& layer : network.at("layers").list()) layers.push_back(layer_of(layer));
  LossSpec loss(loss_id(network.at("loss").text()));
  loss.parameter = number_or(network.at("loss_parameter"), loss.parameter);
  loss.smoothing = network.at("label_smoothing").number();
  Embeddings embeddings;
  if (const Json* given = network.find("embeddings")) {
    for (const Json& one : given->list()) add_embedding(embeddings, one);
  }
  if (const Json* given = network.find("members")) embeddings.members = size_of(*given);
  return {size_of(network.at("inputs")), std::move(layers), loss, network.at("input_dropout").number(),
          std::move(embeddings)};
}

std::string described(const Spec& spec, int bits, std::uint64_t seed) {
  require(seed <= kMostSeed, "seed must be at most ", kMostSeed, ", got ", seed);
  require(!spec.embeddings().any(),
          "a network with embeddings or members must come from a file, whose description it keeps, got one that was "
          "made here");
  std::string layers;
  for (int l = 1; l <= spec.depth(); ++l) layers += (l > 1 ? "," : "") + described_layer(spec.layer(l));
  const LossInfo& loss = losses()[static_cast<std::size_t>(spec.loss())];
  return R"({"inputs":)" + std::to_string(spec.columns()) + R"(,"layers":[)" + layers + R"(],"loss":)" +
         quoted(loss.name) + R"(,"loss_parameter":)" + (loss.has_parameter ? shown(spec.loss_parameter()) : "null") +
         R"(,"label_smoothing":)" + shown(spec.smoothing()) + R"(,"input_dropout":)" + shown(spec.dropout(0)) +
         R"(,"dtype":"float)" + std::to_string(bits) + R"(","seed":)" + std::to_string(seed) + "}";
}

}  // namespace deepcore::files
