// train_many: trains several networks in one call. Each thread trains whole networks, one after the other.
// Public header, standard library only.
#pragma once

#include <deepcore/train.hpp>

#include <optional>
#include <vector>

namespace deepcore {

// Ends the training of a network when the loss or a validation score has not improved for `patience` epochs.
struct EarlyStop {
  enum class Number { loss, validation_loss, validation_accuracy };
  Number number = Number::validation_loss;
  bool upwards = false;  // larger values are better
  Index patience = 10;   // number of epochs without an improvement after which the training ends
  double min_delta = 0;  // an improvement is larger than this
  bool restore = true;   // at the end, put back the parameters of the best epoch; also after a stop or an exception
};

// The arguments for one network. Several networks may use the same arrays of examples.
template <class T>
struct Training {
  Network<T>* network = nullptr;
  Optimizer<T>* optimizer = nullptr;
  Examples<T> examples;
  TrainOptions options;                           // `options.threads` has no effect
  Examples<T> validation;                         // empty: there is no validation
  const std::int64_t* validation_rows = nullptr;  // the examples of `validation` to use; null: all
  Index validation_count = 0;
  std::optional<EarlyStop> early_stop;
};

struct TrainingResult {
  TrainResult training;
  std::vector<double> validation_losses, validation_accuracies;  // one per finished epoch; empty without validation
};

// The callbacks of train_many. `which` is the index of a network in `trainings`. The thread that called train_many
// calls poll(); the thread that trains a network calls the other functions, for several networks at the same time. An
// exception ends the whole call, and every network keeps the steps made so far.
struct ManyMonitor {
  virtual ~ManyMonitor() = default;
  // Is called about every 50 ms with the number of networks that are done and the number of finished epochs of all.
  virtual void poll(Index /*networks*/, Index /*epochs*/) {}
  virtual bool wants_progress() const { return false; }  // true: count the epochs for poll()
  // Is called about every 50 ms if wants_polls() is true. Returns true to end the training of this network.
  virtual bool stops(Index /*which*/) { return false; }
  virtual bool wants_polls(Index /*which*/) const { return false; }
  // Is called between two batches of a network if wants_pause() is true at that moment, like Monitor::pause(). Returns
  // true to end the training of this network.
  virtual bool wants_pause(Index /*which*/) const { return false; }
  virtual bool pause(Index /*which*/) { return false; }
  // Is called after every epoch of a network, like Monitor::epoch, if wants_epochs() is true. `validation` is null if
  // the network has no validation examples. Returns true to end the training of this network.
  virtual bool epoch(Index /*which*/, Index /*number*/, double /*loss*/, const Scores* /*validation*/) { return false; }
  virtual bool wants_epochs(Index /*which*/) const { return false; }
};

// Trains every network as train() does, with the same bits. threads: number of threads of the call, 0 for the default;
// if there are more threads than networks, several threads train one network. Throws what train() throws; the message
// names the index of the network.
template <class T>
std::vector<TrainingResult> train_many(const std::vector<Training<T>>& trainings, int threads, ManyMonitor& monitor);

}  // namespace deepcore
