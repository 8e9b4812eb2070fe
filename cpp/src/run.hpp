// Run: a training run that advances batch by batch: epochs, the order of the examples, schedules, divergence.
// Level: runs. train() is its loop on the calling thread.
#pragma once

#include <deepcore/train.hpp>

#include "step.hpp"

#include <vector>

namespace deepcore {

template <class T>
class Run {
 public:
  Run(Network<T>& network, const Examples<T>& examples, Optimizer<T>& optimizer, const TrainOptions& options,
      Monitor& monitor);
  // One batch, and what follows after the last one of an epoch. false: the run is over.
  bool advance(const Poll& poll);
  void publish() noexcept;  // parameters and statistics as they are now, into the network
  void pause();             // shows the network to the monitor between two batches
  TrainResult take_result() { return std::move(result_); }

 private:
  void begin_epoch();
  bool end_epoch();
  void keep_place() noexcept;

  Network<T>& network_;
  const Examples<T>& examples_;
  Optimizer<T>& optimizer_;
  const TrainOptions options_;
  Monitor& monitor_;
  const Index m_, batch_;
  const bool shuffled_;
  const Plan plan_;
  Team team_;
  Step<T> step_;
  std::vector<std::int64_t> order_;  // of this epoch; empty: that of the rows
  Index epoch_ = 0, first_ = 0;      // where the run stands
  Sum loss_, weight_;                // of this epoch so far
  bool begun_ = false;               // this epoch has its order
  bool published_ = false;           // the network holds the parameters of this moment
  TrainResult result_;
};

}  // namespace deepcore
