// train: epochs of mini-batches, each a run and an update of the Engine.
// Floor: train.
#include <deepcore/error.hpp>
#include <deepcore/rng.hpp>
#include <deepcore/train.hpp>

#include "engine.hpp"
#include "narrow.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

namespace deepcore {

template <class T>
TrainResult train(Network<T>& network, const Examples<T>& examples, Optimizer<T>& optimizer,
                  const TrainOptions& options, Monitor& monitor) {
  using Clock = std::chrono::steady_clock;
  const Index m = examples.count();
  require(m >= 1, "fit: X must have at least one example");
  require(options.epochs >= 0 && options.batch_size >= 0, "fit: epochs and batch_size must not be negative");
  const bool full = options.batch_size == 0 || options.batch_size >= m;
  const Index batch = full ? m : options.batch_size;
  // The order within one batch means nothing, but where it is given the sums follow it.
  const bool shuffled = options.order == nullptr && options.shuffle && !full;
  const Plan plan = make_plan<T>(network.spec, batch, &optimizer.rule, options.threads);
  Team team(plan.threads);
  std::unique_ptr<Runner<T>> road;
  if (plan.narrow) {
    road = std::make_unique<Narrow<T>>(network, examples, plan);
  } else {
    road = std::make_unique<Engine<T>>(network, examples, plan, team);
  }
  std::vector<std::int64_t> order(shuffled ? static_cast<std::size_t>(m) : 0);
  TrainResult result;
  // Not for all epochs: a run of 10^9 is meant to be ended by its monitor.
  result.losses.reserve(static_cast<std::size_t>(std::min(options.epochs, Index{1} << 16)));
  road->begin(optimizer);
  auto next_poll = Clock::now();
  const std::function<void()> poll = [&] {
    const auto now = Clock::now();
    if (now < next_poll) return;
    next_poll = now + std::chrono::milliseconds(50);
    monitor.poll();
  };
  try {
    for (Index epoch = 0; epoch < options.epochs; ++epoch) {
      if (shuffled) permutation(options.seed, options.first_epoch + epoch, order.data(), m);
      const std::int64_t* visit = shuffled ? order.data() : options.order;
      if (options.order != nullptr && options.order_epochs > 1) visit += epoch * m;
      double loss = 0, weight = 0;
      for (Index first = 0; first < m; first += batch) {
        const TrainingStep step{options.seed, optimizer.steps};
        road->set_training(&step);
        const double sum = road->run(visit, first, std::min(batch, m - first), poll);
        if (!std::isfinite(sum)) {
          result.first_nonfinite_step = optimizer.steps;
          road->end(network, optimizer);  // with the parameters before the step that would have lost them
          return result;
        }
        if (network.scikit_learn_sums && road->weight() > 0) {
          const auto count = static_cast<double>(std::min(batch, m - first));
          loss += sum / road->weight() * count;
          weight += count;
        } else {
          loss += sum;
          weight += road->weight();
        }
        const double rate = optimizer.learning_rate(optimizer.steps);
        if (road->weight() > 0) road->update(optimizer, rate, optimizer.steps + 1);
        ++optimizer.steps;
      }
      result.losses.push_back(loss / weight);
      if (!monitor.wants_epochs()) continue;
      road->show(network);
      if (monitor.epoch(options.first_epoch + epoch, result.losses.back())) break;
    }
  } catch (...) {  // an interrupt: what was learned so far stays
    road->end(network, optimizer);
    throw;
  }
  road->end(network, optimizer);
  return result;
}

template TrainResult train(Network<float>&, const Examples<float>&, Optimizer<float>&, const TrainOptions&, Monitor&);
template TrainResult train(Network<double>&, const Examples<double>&, Optimizer<double>&, const TrainOptions&,
                           Monitor&);

}  // namespace deepcore
