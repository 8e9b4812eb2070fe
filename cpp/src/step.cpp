// Step: slabs of a batch, and the step of a loop of one's own.
// Level: steps.
#include "step.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/error.hpp>

#include <algorithm>
#include <cstring>

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

// How many parts a rank keeps at a time: the fewer, the more often the ranks wait for each other. It depends on the network
// alone, so that all ranks cut alike.
template <class T>
Index most_parts(Index size) {
  constexpr Index kBytes = Index{1} << 28, kMost = 32;
  return std::clamp(kBytes / (size * static_cast<Index>(sizeof(T))), Index{1}, kMost);
}

// Never 0, which means that there is none.
template <class T>
std::uint64_t digest(Index count, const T* values) {
  std::uint64_t state = 0x9e3779b97f4a7c15;
  for (Index i = 0; i < count; ++i) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, values + i, sizeof(T));
    state =
        (state ^ bits) * 0xff51afd7ed558ccd;  // odd: one to one, so that one changed value always changes the digest
    state ^= state >> 32;
  }
  return state | 1;
}

}  // namespace

template <class T>
Step<T>::Step(const Network<T>& network, const Examples<T>& examples, const Plan& plan, Team& team)
    : network_(network), examples_(examples), plan_(plan), team_(team), state_(network, plan.way != Way::lanes),
      update_(network, state_, team, plan.keeps_gradients), pass_(make_pass(network, state_, examples, plan, team)),
      losses_(static_cast<std::size_t>(plan.slab)) {}

template <class T>
void Step<T>::load() {
  state_.load(network_.parameters.data(), team_);
  pass_->load(network_);
  pass_->forget_inputs();
  update_.loaded();
}

template <class T>
void Step<T>::publish(Network<T>& network) const {
  state_.publish(network.parameters.data(), team_);
  pass_->publish(network);
}

// The sums of all slabs but the last, which is left to the caller, are added up in `sums`.
template <class T>
BatchSums Step<T>::pass_over(const Selection& batch, const TrainingStep* training, const Poll& poll, Index place,
                             T* sums) {
  if (training != nullptr && (training->dropout != 1 || training->smoothing != 1))
    check_factors(network_.spec, *training);
  BatchSums total;
  update_.restart();
  for (Index done = 0; done < batch.count; done += plan_.slab) {
    const Selection slab = batch.part(done, std::min(plan_.slab, batch.count - done));
    pass_->run({&examples_, slab, place + done, training}, losses_.data());
    total.add(batch_sums(examples_, slab, losses_.data()));
    if (poll) poll();
    if (done + slab.count < batch.count) update_.add_up(*pass_, sums);
  }
  return total;
}

template <class T>
void Step<T>::run(const Selection& batch, const TrainingStep* training, const Poll& poll) {
  const Index place = training == nullptr ? 0 : training->first * batch.members;
  const BatchSums total = pass_over(batch, training, poll, place, update_.sums());
  loss_ = total.loss;
  weight_sum_ = total.weight;
  weight_ = total.weight.value();
  count_ = batch.examples().count;
  exchanged_ = false;
}

template <class T>
void Step<T>::exchange(Monitor& monitor) {
  const Index size = state_.layout().size();
  if (count_ > 0) {
    update_.add_up(*pass_, update_.sums());
  } else {
    std::fill_n(update_.sums(), size, T(0));
  }
  Sums<T> sums{size, update_.sums(), {}, 1, update_.sums(), true, totals({loss_, weight_sum_}, count_)};
  monitor.sums(sums);
  take(sums.totals);
}

template <class T>
void Step<T>::keep_parts(Index columns, const Ranks& ranks) {
  const Index size = state_.layout().size(), length = plan_.batch * network_.spec.members() * ranks.count;
  parts_ = Buffer<T>(size * std::min((columns + length - 1) / length, most_parts<T>(size)));
}

// The parts go through the monitor some at a time, in their order, so that memory does not grow with the batch.
template <class T>
void Step<T>::run_parts(const Selection& batch, const TrainingStep* training, const Poll& poll, const Ranks& ranks,
                        Monitor& monitor) {
  const Index size = state_.layout().size(), length = plan_.batch * network_.spec.members();
  const Index parts = (batch.count + length - 1) / length, most = most_parts<T>(size) * ranks.count;
  const Index rounds = (parts + most - 1) / most;
  Sum loss, weight;
  Index all = 0;
  for (Index round = 0; round < rounds; ++round) {
    const Index begin = round * parts / rounds, count = (round + 1) * parts / rounds - begin;
    const auto first_of = [&](Index rank) { return begin + rank * count / ranks.count; };
    BatchSums own;
    Index examples = 0;
    for (Index part = first_of(ranks.rank); part < first_of(ranks.rank + 1); ++part) {
      const Index from = part * length;
      const Selection which = batch.part(from, std::min(length, batch.count - from));
      T* sums = parts_.data() + (part - first_of(ranks.rank)) * size;
      own.add(pass_over(which, training, poll, from, sums));
      update_.add_up(*pass_, sums);
      examples += which.examples().count;
    }
    Sums<T> sums{size,       parts_.data(),        {}, first_of(ranks.rank + 1) - first_of(ranks.rank), update_.sums(),
                 round == 0, totals(own, examples)};
    for (Index rank = 0; rank < ranks.count; ++rank) sums.counts.push_back(first_of(rank + 1) - first_of(rank));
    monitor.sums(sums);
    loss.add(Sum{sums.totals.loss[0], sums.totals.loss[1]});
    weight.add(Sum{sums.totals.weight[0], sums.totals.weight[1]});
    all += sums.totals.count;
  }
  take({{loss.high, loss.low}, {weight.high, weight.low}, all, 0});
}

template <class T>
Totals Step<T>::totals(const BatchSums& sums, Index count) {
  Totals totals{{sums.loss.high, sums.loss.low}, {sums.weight.high, sums.weight.low}, count, 0};
  if (digests_) totals.digest = digest(state_.layout().size(), static_cast<const T*>(state_.parameters()));
  digests_ = false;
  return totals;
}

template <class T>
void Step<T>::take(const Totals& totals) {
  loss_ = {totals.loss[0], totals.loss[1]};
  weight_ = totals.weight[0] + totals.weight[1];
  count_ = totals.count;
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
void Step<T>::gradient(T* flat, Reduction reduction) {
  update_.form(pass_.get(), weight_);
  state_.layout().unpack(update_.sums(), static_cast<T>(reduction == Reduction::sum ? 1 : 1 / weight_), flat);
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
