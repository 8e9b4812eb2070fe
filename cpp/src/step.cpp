// Step: slabs of a batch, and the step of a loop of one's own.
// Level: steps.
#include "step.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/error.hpp>

#include <algorithm>

namespace deepcore {

namespace {

// Rates times the factors of a step must still be rates.
void check_factors(const Spec& spec, const TrainingStep& step) {
  const auto fine = [](double rate, double factor) { return factor >= 0 && rate * factor < 1; };
  for (int l = 0; l < spec.depth(); ++l) {
    require(fine(spec.dropout(l), step.dropout), "the factor on dropout must be at least 0 and keep the rate ",
            spec.dropout(l), " of layer ", l, " below 1, got ", step.dropout, " at step ", step.number);
  }
  require(fine(spec.smoothing(), step.smoothing), "the factor on label smoothing must be at least 0 and keep ",
          spec.smoothing(), " below 1, got ", step.smoothing, " at step ", step.number);
}

}  // namespace

template <class T>
Step<T>::Step(const Network<T>& network, const Examples<T>& examples, const Plan& plan, Team& team)
    : network_(network), examples_(examples), plan_(plan), state_(network, plan.way != Way::lanes),
      update_(network, state_, team, plan.keeps_gradients), pass_(make_pass(network, state_, examples, plan, team)),
      losses_(static_cast<std::size_t>(plan.slab)) {}

template <class T>
void Step<T>::load() {
  state_.load(network_.parameters.data());
  pass_->load(network_);
  pass_->forget_inputs();
  update_.loaded();
}

template <class T>
void Step<T>::publish(Network<T>& network) const {
  state_.publish(network.parameters.data());
  pass_->publish(network);
}

template <class T>
void Step<T>::run(const Selection& batch, const TrainingStep* training, const Poll& poll) {
  if (training != nullptr && (training->dropout != 1 || training->smoothing != 1))
    check_factors(network_.spec, *training);
  BatchSums total;
  update_.restart();
  for (Index done = 0; done < batch.count; done += plan_.slab) {
    const Selection slab = batch.part(done, std::min(plan_.slab, batch.count - done));
    pass_->run({&examples_, slab, done, training}, losses_.data());
    total.add(batch_sums(examples_, slab, losses_.data()));
    if (poll) poll();
    if (done + slab.count < batch.count) update_.add_up(*pass_);  // the last slab is left to update() or gradient()
  }
  loss_ = total.loss;
  weight_ = total.weight.value();
  exchanged_ = false;
}

template <class T>
void Step<T>::exchange(Monitor& monitor) {
  update_.add_up(*pass_);
  double loss = loss_.value();
  monitor.sums(update_.sums(), state_.layout().size(), loss, weight_);
  loss_ = {loss, 0};
  exchanged_ = true;
}

template <class T>
Sum Step<T>::cost() const {
  return reported(network_, loss_, update_.penalty(), weight_);
}

template <class T>
void Step<T>::update(Optimizer<T>& optimizer) {
  if (exchanged_) update_.form(nullptr, weight_);
  update_.apply(optimizer, exchanged_ ? nullptr : pass_.get(), weight_);
  pass_->step(state_, weight_);
}

template <class T>
void Step<T>::gradient(T* flat) {
  update_.form(pass_.get(), weight_);
  state_.layout().unpack(update_.sums(), static_cast<T>(1 / weight_), flat);
}

template <class T>
Sum reported(const Network<T>& network, Sum losses, double penalty, double weight) {
  const LossInfo& loss = deepcore::losses()[static_cast<std::size_t>(network.spec.loss())];
  if (network.scikit_learn_sums && loss.mean_over_outputs)
    losses = {losses.value() / static_cast<double>(network.spec.outputs()), 0};
  losses.add(penalty * (network.scikit_learn_sums ? 1 : weight));
  return losses;
}

template class Step<float>;
template class Step<double>;
template Sum reported(const Network<float>&, Sum, double, double);
template Sum reported(const Network<double>&, Sum, double, double);

}  // namespace deepcore
