// Run: batches and epochs. train: a run from its first batch to its last.
// Level: runs.
#include "run.hpp"

#include <deepcore/error.hpp>
#include <deepcore/rng.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace deepcore {

namespace {

Index batch_of(const TrainOptions& options, Index m) {
  return options.batch_size == 0 ? m : std::min(options.batch_size, m);
}

void check_options(const TrainOptions& options, Index m) {
  require(options.epochs >= 0 && options.batch_size >= 0, "fit: epochs and batch_size must not be negative");
  require(options.order == nullptr || options.order_epochs == 1 || options.order_epochs == options.epochs,
          "fit: order must be that of every epoch or of all ", options.epochs, " epochs, got ", options.order_epochs);
  if (options.place == nullptr) return;
  const Index visited = options.place->visited;
  require(visited >= 0 && visited < m && visited % batch_of(options, m) == 0,
          "fit: place must lie before a batch of the ", m, " examples, got ", visited);
}

template <class T>
Plan plan_of(const Network<T>& network, Index batch, const Optimizer<T>& optimizer, const TrainOptions& options,
             const Monitor& monitor) {
  Plan plan = make_plan<T>(network.spec, batch, &optimizer.rule, options.threads);
  plan.keeps_gradients = plan.keeps_gradients || monitor.wants_sums();
  return plan;
}

}  // namespace

template <class T>
Run<T>::Run(Network<T>& network, const Examples<T>& examples, Optimizer<T>& optimizer, const TrainOptions& options,
            Monitor& monitor)
    : network_(network), examples_(examples), optimizer_(optimizer), options_(options), monitor_(monitor),
      m_(examples.count()), batch_(batch_of(options, m_)),
      // The order within one batch means nothing, but where it is given the sums follow it.
      shuffled_(options.order == nullptr && options.shuffle && batch_ < m_),
      plan_(plan_of(network, batch_, optimizer, options, monitor)), team_(plan_.threads),
      step_(network, examples, plan_, team_),
      order_(shuffled_ || options.order != nullptr ? static_cast<std::size_t>(m_) : 0) {
  // Not for all epochs: a run of 10^9 is meant to be ended by its monitor.
  result_.losses.reserve(static_cast<std::size_t>(std::min(options.epochs, Index{1} << 16)));
  if (const Place* start = options.place; start != nullptr) {
    first_ = start->visited;
    loss_ = {start->loss[0], start->loss[1]};
    weight_ = {start->weight[0], start->weight[1]};
  }
  step_.load();
}

template <class T>
bool Run<T>::advance(const Poll& poll) {
  if (epoch_ == options_.epochs) return false;
  if (!begun_) begin_epoch();
  const Index count = std::min(batch_, m_ - first_), number = optimizer_.steps;
  const TrainingStep training{options_.seed, number, options_.dropout ? (*options_.dropout)(number) : 1,
                              options_.smoothing ? (*options_.smoothing)(number) : 1};
  step_.run({order_.empty() ? nullptr : order_.data(), first_, count}, &training, poll);
  if (monitor_.wants_sums()) step_.exchange(monitor_);
  const Sum sum = step_.cost();
  if (!std::isfinite(sum.value())) {  // the parameters stay those before the step that would have lost them
    result_.first_nonfinite_step = number;
    return false;
  }
  const double weight = step_.weight();
  if (network_.scikit_learn_sums && weight > 0) {  // the mean over batches by their number of examples
    loss_.add(sum.value() / weight * static_cast<double>(count));
    weight_.add(static_cast<double>(count));
  } else {
    loss_.add(sum);
    weight_.add(weight);
  }
  if (weight > 0) step_.update(optimizer_);
  published_ = false;
  ++optimizer_.steps;
  first_ += count;
  if (first_ == m_) return end_epoch();
  keep_place();
  return true;
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
  if (shuffled_) permutation(options_.seed, options_.first_epoch + epoch_, order_.data(), m_);
  if (options_.order == nullptr) return;
  const std::int64_t* given = options_.order + (options_.order_epochs > 1 ? epoch_ * m_ : 0);
  std::copy_n(given, m_, order_.data());  // checked as it is now: a monitor may write a new order between epochs
  for (Index i = 0; i < m_; ++i) {
    const std::int64_t row = order_[static_cast<std::size_t>(i)];
    require(row >= 0 && row < m_, "fit: order must hold rows from 0 to ", m_ - 1, ", got ", row, " at ", i);
  }
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
  if (monitor_.wants_epochs()) {
    publish();
    network_.sharing.share();
    const bool stop = monitor_.epoch(number, result_.losses.back());
    if (stop || last) return false;
    step_.load();  // the monitor may have written into parameters, or into X
  } else if (!last && network_.sharing.epoch_is_due()) {
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
    network_.epochs =
        options_.first_epoch + epoch_ + (first_ > 0 ? 1 : 0);  // the order of an unfinished one is used up
  });
  published_ = true;
}

template <class T>
TrainResult train(Network<T>& network, const Examples<T>& examples, Optimizer<T>& optimizer,
                  const TrainOptions& options, Monitor& monitor) {
  using Clock = std::chrono::steady_clock;
  validate("fit", network.spec, examples);
  require(optimizer.fits(network), "fit: this optimizer was made for a network of another size");
  check_options(options, examples.count());
  const Exclusive writing(network.busy, kNetworkBusy), stepping(optimizer.busy, kOptimizerBusy);
  const Trainer<T> trainer(network);
  Run<T> run(network, examples, optimizer, options, monitor);
  auto next = Clock::now();
  const Poll poll = [&] {
    const auto now = Clock::now();
    if (now < next) return;
    next = now + std::chrono::milliseconds(50);
    monitor.poll();
  };
  try {
    while (run.advance(poll)) {
      if (monitor.wants_pause()) run.pause();
    }
  } catch (...) {  // an interrupt: what was learned so far stays
    run.publish();
    throw;
  }
  run.publish();
  return run.take_result();
}

template class Run<float>;
template class Run<double>;
template TrainResult train(Network<float>&, const Examples<float>&, Optimizer<float>&, const TrainOptions&, Monitor&);
template TrainResult train(Network<double>&, const Examples<double>&, Optimizer<double>&, const TrainOptions&,
                           Monitor&);

}  // namespace deepcore
