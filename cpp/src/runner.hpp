// Runner: what train() needs of a road through a step: run a batch, then update.
// Floor: model. Two roads: Engine, for any network, and Narrow, for those whose layers are all narrow.
#pragma once

#include <deepcore/catalog.hpp>
#include <deepcore/network.hpp>
#include <deepcore/optimizer.hpp>

#include <functional>

namespace deepcore {

template <class T>
class Runner {
 public:
  Runner() = default;
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  virtual ~Runner() = default;

  // Forward, loss and backward of a batch: examples first.. or those that order names. Returns the sum of the weighted
  // losses; weight() is then the sum of the weights. poll: called after every slab, on the calling thread; what it
  // throws leaves the parameters as they were.
  virtual double run(const std::int64_t* order, Index first, Index m, const std::function<void()>& poll) = 0;
  virtual void update(const Optimizer<T>& optimizer, double rate, Index t) = 0;  // the step t = 1, 2, ...
  virtual void set_training(const TrainingStep*) {}  // of the next runs; null: as the network predicts
  double weight() const { return weight_; }

  // Where parameters and slots lie during the run is the road's affair: begin takes them from network and optimizer,
  // show brings the parameters back for somebody who looks, end brings back both.
  virtual void begin(Optimizer<T>&) {}
  virtual void show(Network<T>&) {}
  virtual void end(Network<T>&, Optimizer<T>&) {}

 protected:
  double weight_ = 0;
};

// Sums over the examples of a batch: of the weighted losses (one of weight 0 is not there) and of the weights. Eight
// partial sums, so that a machine need not wait for each addition.
struct BatchSums {
  double loss = 0, weight = 0;
};
template <class T>
BatchSums batch_sums(const Examples<T>& examples, const std::int64_t* order, Index first, Index m,
                     const double* losses) {
  constexpr Index kLanes = 8;
  double loss[kLanes] = {}, weight[kLanes] = {};
  for (Index j = 0; j < m; j += kLanes) {
    const Index n = m - j < kLanes ? m - j : kLanes;
    if (examples.weights == nullptr && n == kLanes) {
      for (Index k = 0; k < kLanes; ++k) loss[k] += losses[j + k];
      continue;
    }
    for (Index k = 0; k < n; ++k) {
      const Index at = order == nullptr ? first + j + k : order[first + j + k];
      const double w = examples.weights == nullptr ? 1.0 : static_cast<double>(examples.weights[at]);
      if (w != 0) loss[k] += w * losses[j + k];
      weight[k] += w;
    }
  }
  BatchSums total;
  for (Index k = 0; k < kLanes; ++k) {
    total.loss += loss[k];
    total.weight += weight[k];
  }
  if (examples.weights == nullptr) total.weight = static_cast<double>(m);
  return total;
}

// The sum of losses as it is reported: scikit-learn's squared error is a mean over outputs.
template <class T>
double data_cost(const Network<T>& network, double loss) {
  const Spec& spec = network.spec;
  const bool mean = network.scikit_learn_sums && losses()[static_cast<std::size_t>(spec.loss())].mean_over_outputs;
  return mean ? loss / static_cast<double>(spec.outputs()) : loss;
}

}  // namespace deepcore
