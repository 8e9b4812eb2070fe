// train: the loop of forward, loss, backward, step over mini-batches and epochs.
// Public header, standard library only.
#pragma once

#include <deepcore/network.hpp>
#include <deepcore/optimizer.hpp>

#include <array>
#include <optional>
#include <vector>

namespace deepcore {

// Where a run stands within an epoch: between two batches.
struct Place {
  Index visited = 0;                               // examples of this epoch that had their step
  std::array<double, 2> loss{0, 0}, weight{0, 0};  // the sums over them, each with its rounding errors
};

// Who listens to a run. All calls come from the calling thread; an exception ends the run with a usable network.
struct Monitor {
  virtual ~Monitor() = default;
  virtual bool wants_epochs() const { return false; }
  // After an epoch. The network holds the parameters of that moment; what is written into them takes effect in the next
  // step. true: stop.
  virtual bool epoch(Index /*number*/, double /*loss*/) { return false; }
  virtual void poll() {}  // at most every 50 ms, between steps or slabs: the place to look for an interrupt
  // Between two batches, if it is wanted then: the network holds the parameters of that moment, and the place of the
  // options says where the run stands. What is written into the network has no effect.
  virtual bool wants_pause() const { return false; }
  virtual void pause() {}
  // Between the two phases of each step, if it is wanted: the sums over the batch's examples that the gradient is made of,
  // in the layout of a run, and the sums of their weighted losses and of their weights. What is written there is what the
  // step goes on with, so that several processes can add up their parts.
  virtual bool wants_sums() const { return false; }
  virtual void sums(float* /*values*/, Index /*count*/, double& /*loss*/, double& /*weight*/) {}
  virtual void sums(double* /*values*/, Index /*count*/, double& /*loss*/, double& /*weight*/) {}
};

struct TrainOptions {
  Index batch_size = 0;  // 0: all examples at once
  Index epochs = 1;
  bool shuffle = true;
  std::uint64_t seed = 0;
  Index first_epoch = 0;  // numbers the shuffles, so that a run can be continued
  int threads = 0;        // 0: the default
  // Instead of the shuffle: the examples in the order of their visit, for every epoch (order_epochs = 1) or one epoch
  // after the other (order_epochs = epochs). Null: the shuffle. It is read, checked and copied when an epoch begins.
  const std::int64_t* order = nullptr;
  Index order_epochs = 1;
  // Factors by step on the network's rates of dropout and of label smoothing. None: 1.
  std::optional<Schedule> dropout, smoothing;
  // If there is one, the first epoch starts there, and it is kept up to date. A run that starts where another one was
  // broken off ends with the bits and the losses of one that was not.
  Place* place = nullptr;
};

struct TrainResult {
  std::vector<double> losses;       // one per finished epoch: the mean over its examples, each before its update
  Index first_nonfinite_step = -1;  // where a loss became infinite or NaN and the run ended; -1: nowhere
};

// Throws std::invalid_argument unless examples, optimizer and options fit the network, and std::runtime_error if the
// network or the optimizer is at work elsewhere.
template <class T>
TrainResult train(Network<T>& network, const Examples<T>& examples, Optimizer<T>& optimizer,
                  const TrainOptions& options, Monitor& monitor);

}  // namespace deepcore
