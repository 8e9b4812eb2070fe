// train_many: several networks in one call. A thread trains whole networks, one after the other.
// Public header, standard library only.
#pragma once

#include <deepcore/train.hpp>

#include <optional>
#include <vector>

namespace deepcore {

// Ends the training of a network when a number of its epochs has not become better for a while.
struct EarlyStop {
  enum class Number { loss, validation_loss, validation_accuracy };
  Number number = Number::validation_loss;
  bool upwards = false;  // larger values are better
  Index patience = 10;   // epochs without a better value to wait for
  double min_delta = 0;  // smaller changes are no improvement
  bool restore = true;   // the network keeps the parameters of the best epoch, however its run ends
};

// One network of the call. The examples of several networks may be the same memory.
template <class T>
struct Training {
  Network<T>* network = nullptr;
  Optimizer<T>* optimizer = nullptr;
  Examples<T> examples;
  TrainOptions options;                           // its `threads` are not read
  Examples<T> validation;                         // without examples: none
  const std::int64_t* validation_rows = nullptr;  // of `validation`; null: all
  Index validation_count = 0;
  std::optional<EarlyStop> early_stop;
};

struct TrainingResult {
  TrainResult training;
  std::vector<double> validation_losses, validation_accuracies;  // one per finished epoch, where there is validation
};

// Who listens to a call. `which` is the number of a network. poll() is called by the calling thread, the others by the
// thread that trains the network, so that calls for different networks may come at the same time. An exception ends the
// call, with networks that are usable.
struct ManyMonitor {
  virtual ~ManyMonitor() = default;
  // Every 50 ms: how many networks are done, and if anybody wants to know, how many epochs.
  virtual void poll(Index /*networks*/, Index /*epochs*/) {}
  virtual bool wants_progress() const { return false; }
  virtual bool wants_polls(Index /*which*/) const { return false; }
  virtual bool stops(Index /*which*/) { return false; }  // every 50 ms or so. true: end the run of this network
  virtual bool wants_epochs(Index /*which*/) const { return false; }
  // After an epoch, as Monitor::epoch. validation: null if there is none. true: end the run of this network.
  virtual bool epoch(Index /*which*/, Index /*number*/, double /*loss*/, const Scores* /*validation*/) { return false; }
};

// Trains every network as train() does with one thread, with the same bits. threads: 0 for the default; if there are more
// of them than networks, a network gets several. Throws what train() throws; messages name the network.
template <class T>
std::vector<TrainingResult> train_many(const std::vector<Training<T>>& trainings, int threads, ManyMonitor& monitor);

}  // namespace deepcore
