// evaluate and gradient: the loss of a network, and its derivative by every parameter.
// Level: calls.
#include "evaluate.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/error.hpp>

#include "batch.hpp"
#include "forward.hpp"
#include "kernels/columns.hpp"
#include "output.hpp"
#include "step.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace deepcore {

namespace {

// Is the label of this example right? Outputs that are NaN have none.
template <class T>
bool right(const Spec& spec, const Examples<T>& examples, const T* a, Index example) {
  const Index n = spec.outputs();
  if (std::any_of(a, a + n, [](T output) { return std::isnan(output); })) return false;
  if (spec.takes_labels()) {
    const Index predicted = std::max_element(a, a + n) - a;
    if (examples.labels != nullptr) return predicted == examples.labels[example];
    Index truth = 0;
    for (Index i = 1; i < n; ++i) truth = examples.Y(i, example) > examples.Y(truth, example) ? i : truth;
    return predicted == truth;
  }
  for (Index i = 0; i < n; ++i) {
    if ((a[i] > T(0.5)) != (examples.Y(i, example) > T(0.5))) return false;
  }
  return true;
}

// Returns the features of the selected examples in adjacent columns: those of X itself, or copies in `buffer`.
template <class T>
Inputs<T> side_by_side(const Inputs<T>& X, const Selection& which, Buffer<T>& buffer) {
  if (which.in_order() && !X.sparse())
    return View<const T>{X.data + which.first * X.col_stride, X.rows, which.count, X.row_stride, X.col_stride};
  const Index ld = leading<T>(X.rows);
  gather_inputs(X, which, {buffer.data(), ld, kernels::kDepth});
  return View<const T>{buffer.data(), X.rows, which.count, 1, ld};
}

}  // namespace

template <class T>
Scores evaluate(const Network<T>& network, const Examples<T>& examples, const Selection& which, Team& team,
                const Poll& poll) {
  const Spec& spec = network.spec;
  const Index m = which.count, n = spec.outputs(), members = spec.members(), ld = leading<T>(spec.units(spec.depth()));
  const bool copies = !which.in_order() || examples.X.sparse();
  Forward<T> forward(network, team, m > kUnpacked || spec.has_penalties(), m);  // penalties are those of packed weights
  forward.reserve(team.size());
  std::vector<OutputWorkspace<T>> workspaces;
  std::vector<Buffer<T>> copied;
  for (int t = 0; t < team.size(); ++t) {
    workspaces.emplace_back(spec, forward_block(spec) * members);
    copied.emplace_back(copies ? leading<T>(spec.columns()) * forward_block(spec) + kernels::Panels<T>::kWidth : 0);
  }
  std::vector<double> losses(static_cast<std::size_t>(m * members));
  std::vector<char> hits(static_cast<std::size_t>(m));
  // Probabilities that do not depend on each other each have a side of 0.5; those of a softmax have a largest one.
  const bool labelled = activations()[static_cast<std::size_t>(spec.layer(spec.depth()).activation)].probability;
  in_forward_blocks(team, spec, m, poll, [&](Index first, Index count, int thread) {
    const Selection part = which.part(first, count), columns = part.for_members(members);
    const T* logits =
        forward.logits(side_by_side(examples.X, part, copied[static_cast<std::size_t>(thread)]), 0, count, thread);
    OutputWorkspace<T>& workspace = workspaces[static_cast<std::size_t>(thread)];
    T* Z = workspace.Z.data();
    own_units(spec, columns, logits, ld, Z);
    output<T>(spec, examples, columns, spec.smoothing(), Z, nullptr, losses.data() + first * members, workspace);
    if (members > 1) average_members(n, members, count, Z);
    for (Index j = 0; labelled && j < count; ++j)
      hits[static_cast<std::size_t>(first + j)] = right(spec, examples, Z + j * n, part[j]) ? 1 : 0;
  });
  const BatchSums sums = batch_sums(examples, which.for_members(members), losses.data());
  const double weight = sums.weight.value();
  double hit = 0;
  for (Index j = 0; j < m; ++j)
    hit += static_cast<double>(weight_of(examples, which[j])) * hits[static_cast<std::size_t>(j)];
  const double cost = reported(network, sums.loss, forward.penalty(), weight).value();
  return {cost / weight,
          labelled ? hit / weight * static_cast<double>(members) : std::numeric_limits<double>::quiet_NaN()};
}

template <class T>
Scores evaluate(const Network<T>& network, const Examples<T>& examples, int threads, const Poll& poll) {
  validate("evaluate", network.spec, examples);
  require(examples.loss.value == nullptr, "evaluate: the loss must be that of the network, got a custom loss");
  Team team(call_team(threads, forward_flops(network.spec, examples.count())));
  return evaluate(network, examples, {nullptr, 0, examples.count()}, team, poll);
}

template <class T>
double gradient(const Network<T>& network, const Examples<T>& examples, T* out, int threads,
                const TrainingStep* training, const Poll& poll, Reduction reduction) {
  validate("gradients", network.spec, examples);
  const Plan plan = make_plan<T>(network.spec, examples.count(), nullptr, threads);
  Team team(plan.threads);
  Step<T> step(network, examples, plan, team);
  step.load();
  step.run(Selection{nullptr, 0, examples.count()}.for_members(network.spec.members()), training, poll);
  step.gradient(out, reduction);
  return step.cost().value() / (reduction == Reduction::sum ? 1 : step.weight());
}

#define DEEPCORE_INSTANTIATE(T)                                                                          \
  template Scores evaluate(const Network<T>&, const Examples<T>&, const Selection&, Team&, const Poll&); \
  template Scores evaluate(const Network<T>&, const Examples<T>&, int, const Poll&);                     \
  template double gradient(const Network<T>&, const Examples<T>&, T*, int, const TrainingStep*, const Poll&, Reduction);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace deepcore
