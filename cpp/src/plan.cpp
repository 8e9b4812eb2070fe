// Plan: the choices, each with its reason.
// Floor: model.
#include <deepcore/catalog.hpp>
#include <deepcore/plan.hpp>

#include "kernels/narrow.hpp"
#include "kernels/optimizers.hpp"
#include "packed.hpp"
#include "team.hpp"

#include <algorithm>
#include <cmath>

namespace deepcore {

namespace {

// A slab is a multiple of kDepth, so that the sums over slabs are those of one piece. kSlabRuns bounds the memory of a large
// batch, kSlabFlops the time between two looks for an interrupt: some 0.1 s of one core.
constexpr Index kSlabRuns = 4608 / kernels::kDepth;
constexpr double kSlabFlops = 1e10;
// Examples that share one pass over the weights of a layer: enough to hide it, few enough to stay in the second cache;
// with few units more of them, to pay less often for the calls. (X counts where several panels of W[1] read it.)
constexpr Index kBlock = 64, kLargeBlock = 256, kFewValues = 64;
// Weights beyond this do not stay in a core's second cache: threads share a product instead of each reading all of them.
constexpr double kSharedBytes = 512e3;
constexpr Index kSharedPanels = 8;  // fewer panels of units do not divide evenly

}  // namespace

template <class T>
Plan make_plan(const Spec& spec, Index batch, const Rule* rule, int requested, bool whole) {
  Plan plan{};
  plan.batch = batch;
  const double runs = std::floor(kSlabFlops / step_flops(spec, kernels::kDepth));
  const Index slab = kernels::kDepth * static_cast<Index>(std::clamp(runs, 1.0, static_cast<double>(kSlabRuns)));
  plan.slab = whole || spec.has_batch_norm() ? batch : std::min(batch, slab);
  plan.flops = step_flops(spec, batch);
  plan.threads = team_size(requested, step_flops(spec, plan.slab));
  const PackedLayout<T> packed(spec);
  plan.packed = packed.size;
  plan.narrow = rule != nullptr && plan.threads == 1 && spec.plain() && !rule->clips();
  Index widest = 0, values_of_one = 0;
  for (int l = 0; l <= spec.depth(); ++l) {
    widest = std::max(widest, l > 0 ? spec.units(l) : 0);
    if (l > 0 || spec.units(1) > kernels::Panels<T>::kWidth) values_of_one += spec.units(l);
  }
  const bool can_share = widest >= kSharedPanels * kernels::Panels<T>::kWidth;
  plan.by_layer = can_share && static_cast<double>(packed.size) * sizeof(T) > kSharedBytes;
  plan.by_layer = plan.by_layer || spec.has_batch_norm();  // its statistics need all examples of a layer
  plan.block = even_block(plan.slab, values_of_one <= kFewValues ? kLargeBlock : kBlock, plan.threads);
  const int L = spec.depth();
  Index values = 0;
  for (int l = 0; l <= L; ++l) {
    const Index n = spec.units(l);
    const bool hidden = l > 0 && l < L;
    plan.narrow = plan.narrow && (l == 0 || kernels::narrow(spec.units(l - 1), n));
    const Norm norm = hidden ? spec.layer(l).norm : Norm::none;
    const ActivationInfo* g = hidden ? &activations()[static_cast<std::size_t>(spec.layer(l).activation)] : nullptr;
    plan.narrow = plan.narrow && !(hidden && g->columnwise);
    // Strips, but for the output and for activations that sum over their units: they want whole columns.
    const bool whole_columns = n <= kernels::kDepth || l == L || (hidden && (g->columnwise || norm == Norm::layer));
    LayerPlan layer{};
    layer.stride = leading<T>(whole_columns ? n : kernels::kDepth);
    layer.strip = whole_columns ? kernels::kDepth : layer.stride * plan.slab;
    const Index strips = whole_columns ? 1 : (n + kernels::kDepth - 1) / kernels::kDepth;
    layer.size = strips * layer.stride * plan.slab + kernels::Panels<T>::kWidth;  // a last panel may pass the end
    layer.masked = spec.dropout(l) > 0;
    layer.keeps_z = hidden && (g->reads == Reads::input || layer.masked);
    layer.transposed = l > 1 ? kernels::Panels<T>{spec.units(l - 1)}.padded() * n : 0;
    values += layer.size *
              ((l > 0 ? 2 : 1) + (layer.keeps_z ? 1 : 0) + (layer.masked ? 1 : 0) + (norm != Norm::none ? 2 : 0));
    plan.layers.push_back(layer);
    if (l > 0) {
      const PackedLayer<T>& p = packed.layer(l);
      plan.items += p.rows.count() * ((p.n_in + kernels::kDepth - 1) / kernels::kDepth);
      plan.packed_bytes += static_cast<std::size_t>(layer.transposed) * sizeof(T);
    }
  }
  const auto block = [](Index count) { return static_cast<std::size_t>(count) * sizeof(T); };
  const Index size = Layout(spec).size();
  const int slots = rule == nullptr ? 0 : kernels::slots_in_use(rule->row, rule->hyper.data());
  plan.keeps_gradients = rule == nullptr || rule->clips() || batch > plan.slab;
  plan.parameter_bytes = block(size);
  plan.optimizer_bytes = block(size) * static_cast<std::size_t>(slots);
  plan.packed_bytes += block(packed.size) * static_cast<std::size_t>(1 + (plan.keeps_gradients ? 1 : 0));
  plan.workspace_bytes = block(values);
  if (plan.narrow) plan.packed_bytes = block(size);  // the gradient alone: it works in the network's own Block
  return plan;
}

template Plan make_plan<float>(const Spec&, Index, const Rule*, int, bool);
template Plan make_plan<double>(const Spec&, Index, const Rule*, int, bool);

}  // namespace deepcore
