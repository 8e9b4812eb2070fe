// Plan: the choices, each with its reason.
// Level: passes.
#include <deepcore/catalog.hpp>
#include <deepcore/plan.hpp>

#include "kernels/narrow.hpp"
#include "kernels/update.hpp"
#include "packed.hpp"
#include "sizes.hpp"
#include "stages/stage.hpp"

#include <algorithm>
#include <cmath>

namespace deepcore {

namespace {

// A slab is a multiple of kDepth, so that the sums over slabs are those of one piece. kSlabRuns bounds the memory of a large
// batch, kSlabFlops the time between two looks for an interrupt: some 0.4 s of one core.
constexpr Index kSlabRuns = 4608 / kernels::kDepth;
constexpr double kSlabFlops = 4e10;
// Examples that share one pass over the weights of a layer: enough to hide it, few enough to stay in the second cache;
// with few units more of them, to pay less often for the calls. (X counts where several panels of W[1] read it.)
constexpr Index kBlock = 64, kLargeBlock = 256, kFewValues = 64;
// Weights beyond this do not stay in a core's second cache: threads share a product instead of each reading all of them.
constexpr double kSharedBytes = 512e3;
constexpr Index kSharedPanels = 8;  // fewer panels of units do not divide evenly
// Without threads=, a thread must have this many times the work that team_size() asks for. A step of 5 Mflop (30-64-32-1,
// 256 examples) on one core of an idle machine takes 1.3 times as long as on two, but half of the processor time. On a
// machine that other programs use as well, it does not take longer.
constexpr double kDefaultShare = 4;

const ActivationInfo& activation(const Spec& spec, int l) {
  return activations()[static_cast<std::size_t>(spec.layer(l).activation)];
}

template <class T>
Way way(const Spec& spec, const PackedLayout<T>& packed, const Rule* rule, int threads) {
  Index widest = 0;
  bool narrow = rule != nullptr && threads == 1 && spec.plain() && !rule->clips();
  for (int l = 1; l <= spec.depth(); ++l) {
    widest = std::max(widest, spec.units(l));
    narrow = narrow && kernels::narrow(spec.units(l - 1), spec.units(l)) && packed.layer(l).rows.count() == 1;
    narrow = narrow && (l == spec.depth() || !activation(spec, l).columnwise);
  }
  if (narrow) return Way::lanes;
  const bool can_share = widest >= kSharedPanels * kernels::Panels<T>::kWidth;
  const bool large = static_cast<double>(packed.size()) * sizeof(T) > kSharedBytes;
  return (can_share && large) || spec.has_batch_norm() ? Way::layers : Way::blocks;  // its statistics need all examples
}

// Numbers of one example that a block carries through the layers.
template <class T>
Index values_of_one(const Spec& spec) {
  Index values = spec.units(1) > kernels::Panels<T>::kWidth ? spec.units(0) : 0;
  for (int l = 1; l <= spec.depth(); ++l) values += spec.units(l);
  return values;
}

// Strips of units, except for the output and for stages that form sums over the units: they want whole columns.
template <class T>
LayerPlan layer_plan(const Spec& spec, int l, Index slab) {
  using kernels::kDepth;
  const Index n = spec.units(l);
  const bool hidden = l > 0 && l < spec.depth();
  const bool sums = hidden && (activation(spec, l).columnwise || spec.layer(l).norm == Norm::layer);
  const bool whole = n <= kDepth || l == spec.depth() || sums;
  const Index stride = leading<T>(whole ? n : kDepth), strips = whole ? 1 : (n + kDepth - 1) / kDepth;
  const Index size = strips * stride * slab + kernels::Panels<T>::kWidth;  // a last panel may pass the end
  return {stride, whole ? kDepth : stride * slab, size};
}

}  // namespace

template <class T>
Plan make_plan(const Spec& spec, Index batch, const Rule* rule, int requested, bool whole) {
  using kernels::kDepth;
  Plan plan{};
  plan.batch = batch;
  const Index members = spec.members(), columns = batch * members;
  const double runs = std::floor(kSlabFlops * static_cast<double>(members) / step_flops(spec, kDepth));
  const Index slab = kDepth * static_cast<Index>(std::clamp(runs, 1.0, static_cast<double>(kSlabRuns)));
  plan.slab =
      whole || spec.has_batch_norm() ? columns : std::min(columns, std::max(slab / members, Index{1}) * members);
  plan.flops = step_flops(spec, batch);
  plan.threads = team_size(requested, step_flops(spec, plan.slab / members) / (requested > 0 ? 1 : kDefaultShare));
  const Tensors tensors(spec);
  const PackedLayout<T> packed(spec, tensors);
  plan.items = static_cast<Index>(packed.pieces().size());
  plan.keeps_gradients = rule == nullptr || rule->clips() || columns > plan.slab;
  plan.way = way<T>(spec, packed, rule, plan.threads);
  plan.block = even_block(plan.slab, values_of_one<T>(spec) <= kFewValues ? kLargeBlock : kBlock, plan.threads);
  Index values = 0, transposed = 0;
  std::size_t masks = 0;  // a byte each
  for (int l = 0; l <= spec.depth(); ++l) {
    const LayerPlan layer = layer_plan<T>(spec, l, plan.slab);
    plan.layers.push_back(layer);
    values += layer.size * ((l > 0 ? 2 : 1) + (l < spec.depth() ? kept_matrices(spec, l) : 0));
    if (spec.dropout(l) > 0) masks += static_cast<std::size_t>(layer.size);
    if (l > 1 && plan.way != Way::lanes) transposed += kernels::Panels<T>{spec.units(l - 1)}.padded() * spec.units(l);
  }
  const Embeddings& front = spec.embeddings();
  if (front.any()) {
    const Index examples = plan.slab / members;
    values += plan.layers[0].size + leading<T>(examples) * (spec.columns() + spec.units(0));
    if (members > 1) values += leading<T>(spec.units(0)) * examples;
    transposed += kernels::Panels<T>{spec.units(0)}.padded() * spec.units(1);
  }
  const auto bytes = [](Index count) { return static_cast<std::size_t>(count) * sizeof(T); };
  const int slots = rule == nullptr ? 0 : kernels::slots_in_use(rule->row, rule->hyper.data());
  plan.parameter_bytes = bytes(tensors.size());
  plan.optimizer_bytes = bytes(packed.size()) * static_cast<std::size_t>(slots);
  plan.packed_bytes =
      bytes(packed.size() * (1 + (plan.keeps_gradients ? 1 : 0) + (spec.reparametrised() ? 1 : 0)) + transposed);
  plan.workspace_bytes = bytes(values) + masks;
  return plan;
}

template Plan make_plan<float>(const Spec&, Index, const Rule*, int, bool);
template Plan make_plan<double>(const Spec&, Index, const Rule*, int, bool);

}  // namespace deepcore
