// train: runs forward, loss, backward and step over mini-batches and epochs.
// Public header, standard library only.
#pragma once

#include <deepcore/network.hpp>
#include <deepcore/optimizer.hpp>

#include <array>
#include <optional>
#include <vector>

namespace deepcore {

// A position between two batches of an epoch, from which a run can continue.
struct Place {
  Index visited = 0;  // number of examples of this epoch whose step was made
  // Sums over these examples of weight times loss, and of the weights; each with the sum of its rounding errors.
  std::array<double, 2> loss{0, 0}, weight{0, 0};
};

// The callbacks of a run. The thread that called train() calls them. An exception ends the run, and the network keeps
// the steps made so far.
struct Monitor {
  virtual ~Monitor() = default;
  // Is called after every epoch if wants_epochs() is true. The network holds the current parameters, and the next step
  // starts from what is written into them. Returns true to stop.
  virtual bool wants_epochs() const { return false; }
  virtual bool epoch(Index /*number*/, double /*loss*/) { return false; }
  // Is called at most every 50 ms, between two steps or slabs. It can check for an interrupt.
  virtual void poll() {}
  // Is called between two batches if wants_pause() is true at that moment. The network holds the current parameters,
  // and TrainOptions::place the position of the run. What is written into the network has no effect on the run.
  virtual bool wants_pause() const { return false; }
  virtual void pause() {}
  // Is called between the two phases of each step if wants_sums() is true: with the sums over the examples of the batch
  // from which the gradient is computed, in the packed layout, and with the sums of weight times loss and of the
  // weights. The step continues with what is written there, so that several processes can add up their parts of a
  // batch.
  virtual bool wants_sums() const { return false; }
  virtual void sums(float* /*values*/, Index /*count*/, double& /*loss*/, double& /*weight*/) {}
  virtual void sums(double* /*values*/, Index /*count*/, double& /*loss*/, double& /*weight*/) {}
};

struct TrainOptions {
  Index batch_size = 0;  // 0: all examples at once
  Index epochs = 1;
  bool shuffle = true;
  bool drop_last = false;  // skip the last batch of an epoch if it is smaller than the others
  std::uint64_t seed = 0;
  Index first_epoch = 0;  // number of the first epoch; the shuffle of an epoch depends on the seed and its number
  int threads = 0;        // 0: the default
  // Indices of the examples to train on. Null: all examples. They are read at the start of every epoch and must not
  // change during the run.
  const std::int64_t* rows = nullptr;
  Index row_count = 0;
  // Indices of the examples in the order to visit them, instead of the shuffle: one order for all epochs (order_epochs
  // = 1) or one order per epoch, one after the other (order_epochs = epochs). An order has row_count indices if rows
  // are given, and otherwise one per example. Null: use the shuffle. It is checked and copied at the start of every
  // epoch, so that a monitor may write a new order between two epochs.
  const std::int64_t* order = nullptr;
  Index order_epochs = 1;
  // Schedules of factors by step: on the dropout rates of the network and on its label smoothing. None: 1.
  std::optional<Schedule> dropout, smoothing;
  // If not null: the first epoch starts at this position, and every step updates it. A run that starts where another
  // one was interrupted ends with the same bits and losses as a run without an interruption.
  Place* place = nullptr;
};

struct TrainResult {
  std::vector<double> losses;       // one per finished epoch: the mean loss of its examples, each before its step
  Index first_nonfinite_step = -1;  // the step whose loss was infinite or NaN, which ended the run; -1: none
};

// Throws std::invalid_argument unless examples, optimizer and options fit the network, and std::runtime_error if the
// network or the optimizer is already in use.
template <class T>
TrainResult train(Network<T>& network, const Examples<T>& examples, Optimizer<T>& optimizer,
                  const TrainOptions& options, Monitor& monitor);

}  // namespace deepcore
