// Run: a training run that advances batch by batch: epochs, the order of the examples, schedules, divergence.
// Level: runs. train() is its loop on the calling thread.
#pragma once

#include <deepcore/train.hpp>

#include "pace.hpp"
#include "step.hpp"

#include <chrono>
#include <vector>

namespace deepcore {

// Is due at most once every 50 ms, and at once the first time: how often a run calls Monitor::poll().
class PollTimer {
 public:
  bool due() {
    const auto now = Clock::now();
    if (now < next_) return false;
    next_ = now + std::chrono::milliseconds(50);
    return true;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point next_ = Clock::now();
};

// Throws std::invalid_argument unless a run with these arguments can start. train() and train_many() call it.
template <class T>
void check_run(const char* who, const Network<T>& network, const Examples<T>& examples, const Optimizer<T>& optimizer,
               const TrainOptions& options);
// Throws std::invalid_argument unless the rows are indices of examples and the sum of their weights is positive.
template <class T>
void check_rows(const char* who, const char* name, const Examples<T>& examples, const std::int64_t* rows, Index count);

template <class T>
class Run {
 public:
  Run(Network<T>& network, const Examples<T>& examples, Optimizer<T>& optimizer, const TrainOptions& options,
      Monitor& monitor);
  // Makes one step; after the last batch of an epoch it also ends the epoch. Returns false if the run is over.
  bool advance(const Poll& poll);
  void publish() noexcept;  // writes the current parameters and statistics into the network
  void finish() noexcept;   // publishes at the end of the run, or where an exception has ended it
  void pause();             // publishes and calls Monitor::pause() between two batches
  TrainResult take_result() { return std::move(result_); }

 private:
  void begin_epoch();
  bool make_step(Index count, const Poll& poll);                                        // false: a number is not finite
  void sum_up(const Selection& batch, const TrainingStep& training, const Poll& poll);  // the first phase of a step
  bool end_epoch();
  void keep_place() noexcept;

  Network<T>& network_;
  const Examples<T>& examples_;
  Optimizer<T>& optimizer_;
  const TrainOptions options_;
  Monitor& monitor_;
  const Index m_, batch_, epoch_size_;  // number of examples: of the run, of a step, of an epoch
  const bool shuffled_;
  const Plan plan_;
  Team team_;
  Pace<> pace_;
  Step<T> step_;
  std::vector<std::int64_t> order_;  // of this epoch; empty: that of the examples
  Index epoch_ = 0, first_ = 0;      // where the run stands
  Sum loss_, weight_;                // of this epoch so far
  bool begun_ = false;               // this epoch has its order
  bool published_ = false;           // the network holds the parameters of this moment
  TrainResult result_;
};

}  // namespace deepcore
