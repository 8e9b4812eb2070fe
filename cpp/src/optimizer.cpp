// Optimizer: its slots, and the step with a finished gradient for loops of one's own.
// Level: steps.
#include <deepcore/error.hpp>
#include <deepcore/optimizer.hpp>

#include "kernels/update.hpp"
#include "update.hpp"

#include <algorithm>

namespace deepcore {

// The parameters and the gradient in the layout of the slots.
template <class T>
struct StepWorkspace {
  explicit StepWorkspace(const Network<T>& n) : network(&n), state(n, false), team(1), update(n, state, team, true) {}
  const Network<T>* network;
  State<T> state;
  Team team;
  Update<T> update;
};

template <class T>
Optimizer<T>::Optimizer(Rule r, Schedule rate, const Network<T>& network)
    : rule(r), learning_rate(std::move(rate)), tensors_(network.tensors),
      layout_(std::make_unique<PackedLayout<T>>(network.spec, network.tensors)) {
  for (int k = 0; k < kernels::slots_in_use(rule.row, rule.hyper.data()); ++k) slots.emplace_back(layout_->size());
}
template <class T>
Optimizer<T>::Optimizer(Optimizer&&) noexcept = default;
template <class T>
Optimizer<T>::~Optimizer() = default;

template <class T>
void Optimizer<T>::read_slot(std::size_t k, T* to) const {
  layout_->unpack(slots[k].data(), T(1), to);
}

template <class T>
void Optimizer<T>::set_slot(std::size_t k, const T* from) {
  layout_->pack(from, slots[k].data());
}

template <class T>
bool Optimizer<T>::fits(const Network<T>& network) const {
  const auto same = [](const Tensor& a, const Tensor& b) {
    return a.layer == b.layer && a.role == b.role && a.rows == b.rows && a.cols == b.cols;
  };
  const std::vector<Tensor>&mine = tensors_.all(), &its = network.tensors.all();
  return std::equal(mine.begin(), mine.end(), its.begin(), its.end(), same);
}

template <class T>
StepWorkspace<T>& Optimizer<T>::workspace(Network<T>& network) {
  if (workspace_ == nullptr || workspace_->network != &network)
    workspace_ = std::make_unique<StepWorkspace<T>>(network);
  return *workspace_;
}

int slots_in_use(const Rule& rule) { return kernels::slots_in_use(rule.row, rule.hyper.data()); }

template <class T>
void update(const Rule& rule, double learning_rate, Index t, T* parameters, const T* gradient, T* const* slots,
            Index n) {
  kernels::Slots<T> used;
  for (int k = 0; k < slots_in_use(rule); ++k) used.add(slots[k]);
  const kernels::Updater<T> apply(rule.row, rule.hyper.data(), {learning_rate, rule.weight_decay, t});
  apply(n, parameters, gradient, T(1), used);
}

template <class T>
void step(Optimizer<T>& optimizer, Network<T>& network, const T* gradient) {
  require(optimizer.fits(network), "step: this optimizer was made for a network of another size");
  const Exclusive writing(network.busy, kNetworkBusy), stepping(optimizer.busy, kOptimizerBusy);
  StepWorkspace<T>& workspace = optimizer.workspace(network);
  workspace.state.load(network.parameters.data(), workspace.team);
  workspace.update.set_gradient(gradient);
  workspace.update.apply(optimizer, nullptr, 1);
  optimizer.steps = optimizer.steps + 1;
  network.sharing.write([&] { workspace.state.publish(network.parameters.data(), workspace.team); });
}

template class Optimizer<float>;
template class Optimizer<double>;
template void update(const Rule&, double, Index, float*, const float*, float* const*, Index);
template void update(const Rule&, double, Index, double*, const double*, double* const*, Index);
template void step(Optimizer<float>&, Network<float>&, const float*);
template void step(Optimizer<double>&, Network<double>&, const double*);

}  // namespace deepcore
