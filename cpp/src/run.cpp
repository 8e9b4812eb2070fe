// Run: batches and epochs. train: a run from its first batch to its last.
// Level: runs.
#include "run.hpp"

#include <deepcore/error.hpp>
#include <deepcore/rng.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace deepcore {

namespace {

template <class T>
Index count_of(const Examples<T>& examples, const TrainOptions& options) {
  return options.rows == nullptr ? examples.count() : options.row_count;
}

Index batch_of(const TrainOptions& options, Index m) {
  return options.batch_size == 0 ? m : std::min(options.batch_size, m);
}

// With examples of its own, a rank makes as many steps as the others: it may run out of examples before the last of them.
Index epoch_size_of(const TrainOptions& options, Index m) {
  const Index batch = batch_of(options, m);
  if (options.ranks && options.ranks->cut == Ranks::Cut::own) return options.ranks->steps * batch;
  return options.drop_last ? m / batch * batch : m;
}

void check_row(const char* who, const char* name, std::int64_t row, Index m, Index at) {
  require(row >= 0 && row < m, who, ": ", name, " must hold rows from 0 to ", m - 1, ", got ", row, " at ", at);
}

template <class T>
Plan plan_of(const Network<T>& network, Index batch, const Optimizer<T>& optimizer, const TrainOptions& options,
             const Monitor& monitor) {
  if (options.ranks && options.ranks->cut == Ranks::Cut::even)
    batch = (batch + options.ranks->count - 1) / options.ranks->count;
  if (options.ranks && options.ranks->cut == Ranks::Cut::chains) batch = std::min(batch, kernels::kDepth);
  Plan plan = make_plan<T>(network.spec, batch, &optimizer.rule, options.threads);
  plan.keeps_gradients = plan.keeps_gradients || monitor.wants_sums();
  return plan;
}

}  // namespace

template <class T>
void check_rows(const char* who, const char* name, const Examples<T>& examples, const std::int64_t* rows, Index count) {
  require(count > 0, who, ": ", name, " must name at least one example");
  double weight = 0;
  for (Index i = 0; i < count; ++i) {
    check_row(who, name, rows[i], examples.count(), i);
    weight += static_cast<double>(weight_of(examples, rows[i]));
  }
  require(weight > 0, who, ": sample_weight must have a positive sum over ", name, ", got ", weight);
}

template <class T>
void check_run(const char* who, const Network<T>& network, const Examples<T>& examples, const Optimizer<T>& optimizer,
               const TrainOptions& options) {
  validate(who, network.spec, examples);
  require(optimizer.fits(network), who, ": this optimizer was made for a network of another size");
  require(options.epochs >= 0 && options.batch_size >= 0, who, ": epochs and batch_size must not be negative");
  require(options.order == nullptr || options.order_epochs == 1 || options.order_epochs == options.epochs, who,
          ": order must be that of every epoch or of all ", options.epochs, " epochs, got ", options.order_epochs);
  if (options.rows != nullptr) check_rows(who, "rows", examples, options.rows, options.row_count);
  if (options.ranks) {
    const Ranks& ranks = *options.ranks;
    require(ranks.count >= 1 && ranks.rank >= 0 && ranks.rank < ranks.count, who, ": rank must be from 0 to ",
            ranks.count - 1, ", got ", ranks.rank);
    require(!network.spec.has_batch_norm(), who,
            ": batch norm needs all examples of a batch, and cannot be trained by several ranks");
    const Index m = count_of(examples, options);
    require(ranks.cut != Ranks::Cut::own || ranks.steps * batch_of(options, m) >= m, who, ": steps=", ranks.steps,
            " are too few for ", m, " examples");
  }
  if (options.place == nullptr) return;
  const Index m = count_of(examples, options), visited = options.place->visited;
  require(visited >= 0 && visited < epoch_size_of(options, m) && visited % batch_of(options, m) == 0, who,
          ": place must lie before a batch of the ", m, " examples, got ", visited);
}

template <class T>
Run<T>::Run(Network<T>& network, const Examples<T>& examples, Optimizer<T>& optimizer, const TrainOptions& options,
            Monitor& monitor)
    : network_(network), examples_(examples), optimizer_(optimizer), options_(options), monitor_(monitor),
      m_(count_of(examples, options)), batch_(batch_of(options, m_)), epoch_size_(epoch_size_of(options, m_)),
      // The order within one batch means nothing, but where it is given the sums follow it.
      shuffled_(options.order == nullptr && options.shuffle && batch_ < m_),
      plan_(plan_of(network, batch_, optimizer, options, monitor)), team_(plan_.threads),
      // A rank that tries would let the others wait.
      pace_(team_, plan_.flops, !options.ranks), step_(network, examples, plan_, team_),
      order_(shuffled_ || options.order != nullptr || options.rows != nullptr ? static_cast<std::size_t>(m_) : 0) {
  // Not for all epochs: a run of 10^9 is meant to be ended by its monitor.
  result_.losses.reserve(static_cast<std::size_t>(std::min(options.epochs, Index{1} << 16)));
  if (const Place* start = options.place; start != nullptr) {
    first_ = start->visited;
    loss_ = {start->loss[0], start->loss[1]};
    weight_ = {start->weight[0], start->weight[1]};
  }
  if (options.ranks && options.ranks->cut == Ranks::Cut::chains)
    step_.keep_parts(batch_ * network.spec.members(), *options.ranks);
  step_.load();
}

template <class T>
bool Run<T>::advance(const Poll& poll) {
  if (epoch_ == options_.epochs) return false;
  if (!begun_) begin_epoch();
  const Index count = std::min(batch_, epoch_size_ - first_);
  bool finite = true;
  pace_.step(count == batch_, [&] { finite = make_step(count, poll); });
  if (!finite) return false;
  first_ += count;
  if (first_ == epoch_size_) return end_epoch();
  keep_place();
  return true;
}

template <class T>
bool Run<T>::make_step(Index count, const Poll& poll) {
  const Index number = optimizer_.steps;
  const TrainingStep training{options_.seed, number, options_.dropout ? (*options_.dropout)(number) : 1,
                              options_.smoothing ? (*options_.smoothing)(number) : 1};
  const Selection batch{order_.empty() ? nullptr : order_.data(), first_, count};
  sum_up(batch.for_members(network_.spec.members()), training, poll);
  const Sum sum = step_.cost();
  if (!std::isfinite(sum.value())) {  // the parameters stay those before the step that would have lost them
    result_.first_nonfinite_step = number;
    return false;
  }
  const double weight = step_.weight();
  if (network_.scikit_learn_sums && weight > 0) {  // the mean over batches by their number of examples
    loss_.add(sum.value() / weight * static_cast<double>(step_.count()));
    weight_.add(static_cast<double>(step_.count()));
  } else {
    loss_.add(sum);
    weight_.add(weight);
  }
  if (weight > 0) step_.update(optimizer_);
  published_ = false;
  optimizer_.steps = number + 1;
  return true;
}

template <class T>
void Run<T>::sum_up(const Selection& batch, const TrainingStep& training, const Poll& poll) {
  if (optimizer_.steps % kDigestSteps == 0) step_.digest_next();
  if (options_.ranks && poll) poll();  // a rank may have no examples of any batch
  if (!options_.ranks) {
    step_.run(batch, &training, poll);
  } else if (const Ranks& ranks = *options_.ranks; ranks.cut == Ranks::Cut::chains) {
    return step_.run_parts(batch, &training, poll, ranks, monitor_);
  } else {
    const Index members = batch.members, count = batch.examples().count;
    TrainingStep own = training;
    own.first = ranks.first;
    Index from = 0, to = std::clamp(m_ - batch.examples().first, Index{0}, count);
    if (ranks.cut == Ranks::Cut::even) {
      own.first = from = ranks.rank * count / ranks.count;
      to = (ranks.rank + 1) * count / ranks.count;
    }
    step_.run(batch.part(from * members, (to - from) * members), &own, poll);
  }
  if (monitor_.wants_sums()) step_.exchange(monitor_);
}

template <class T>
void Run<T>::keep_place() noexcept {
  if (options_.place != nullptr) *options_.place = {first_, {loss_.high, loss_.low}, {weight_.high, weight_.low}};
}

template <class T>
void Run<T>::pause() {
  publish();
  monitor_.pause();
}

template <class T>
void Run<T>::begin_epoch() {
  begun_ = true;
  if (options_.order != nullptr) {
    const std::int64_t* given = options_.order + (options_.order_epochs > 1 ? epoch_ * m_ : 0);
    std::copy_n(given, m_, order_.data());  // checked as it is now: a monitor may write a new order between epochs
    for (Index i = 0; i < m_; ++i) check_row("fit", "order", order_[static_cast<std::size_t>(i)], examples_.count(), i);
    return;
  }
  if (shuffled_) permutation(options_.seed, options_.first_epoch + epoch_, order_.data(), m_);
  if (options_.rows == nullptr) return;
  if (!shuffled_) std::iota(order_.begin(), order_.end(), std::int64_t{0});
  for (std::int64_t& row : order_) row = options_.rows[row];
}

template <class T>
bool Run<T>::end_epoch() {
  result_.losses.push_back(loss_.value() / weight_.value());
  first_ = 0;
  loss_ = weight_ = {};
  begun_ = false;
  keep_place();
  const Index number = options_.first_epoch + epoch_;
  ++epoch_;
  const bool last = epoch_ == options_.epochs;
  const bool wanted = monitor_.wants_epochs();
  if (wanted && !monitor_.skips_epoch(number, result_.losses.back())) {
    publish();
    network_.sharing.share();
    const bool stop = monitor_.epoch(number, result_.losses.back());
    if (stop || last) return false;
    step_.load();  // the monitor may have written into parameters, or into X
  } else if (!last && network_.sharing.epoch_is_due(wanted)) {
    publish();
  }
  return !last;
}

// Where the monitor was the last to see the network, what it wrote there stays.
template <class T>
void Run<T>::publish() noexcept {
  if (published_) return;
  network_.sharing.write([this] {
    step_.publish(network_);
    const Index unfinished = first_ > 0 ? 1 : 0;  // counts as well: its shuffle must not be used again
    network_.epochs = options_.first_epoch + epoch_ + unfinished;
  });
  published_ = true;
}

template <class T>
void Run<T>::finish() noexcept {
  publish();
  network_.sharing.share_again();
}

template <class T>
TrainResult train(Network<T>& network, const Examples<T>& examples, Optimizer<T>& optimizer,
                  const TrainOptions& options, Monitor& monitor) {
  check_run("fit", network, examples, optimizer, options);
  const Exclusive writing(network.busy, kNetworkBusy), stepping(optimizer.busy, kOptimizerBusy);
  const Trainer<T> trainer(network);
  Run<T> run(network, examples, optimizer, options, monitor);
  PollTimer timer;
  const Poll poll = [&] {
    if (timer.due()) monitor.poll();
  };
  try {
    while (run.advance(poll)) {
      if (monitor.wants_pause()) run.pause();
    }
  } catch (...) {  // such as an interrupt: the network keeps the steps made so far
    run.finish();
    throw;
  }
  run.finish();
  return run.take_result();
}

#define DEEPCORE_INSTANTIATE(T)                                                                       \
  template void check_rows(const char*, const char*, const Examples<T>&, const std::int64_t*, Index); \
  template void check_run(const char*, const Network<T>&, const Examples<T>&, const Optimizer<T>&, const TrainOptions&);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE
template class Run<float>;
template class Run<double>;
template TrainResult train(Network<float>&, const Examples<float>&, Optimizer<float>&, const TrainOptions&, Monitor&);
template TrainResult train(Network<double>&, const Examples<double>&, Optimizer<double>&, const TrainOptions&,
                           Monitor&);

}  // namespace deepcore
