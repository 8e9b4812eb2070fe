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

// What one of several processes (ranks) does in a run that they share: each makes the same steps, from sums over the
// examples of all.
struct Ranks {
  enum class Cut {
    even,    // a batch of the common order is cut into one part per rank, of about the same size
    chains,  // a batch is cut into parts as long as the chains of the products, and each rank has neighbouring parts. The
             // sums of each part are kept apart, so that they can be added in one order, whatever the number of ranks.
    own      // this rank has examples of its own, and makes batches of them
  };
  Cut cut = Cut::even;
  Index rank = 0, count = 1;
  Index steps = 0;  // own: number of batches per epoch; those after the last example of this rank are empty
  Index first = 0;  // own: place in the common batch of the first example of this rank's batch, for dropout
};

// Sums over examples; loss and weight each with the sum of its rounding errors.
struct Totals {
  std::array<double, 2> loss{0, 0}, weight{0, 0};  // of weight times loss, and of the weights
  Index count = 0;                                 // number of examples
  // A digest of the parameters, every kDigestSteps steps, by which ranks can see that they are equal; otherwise 0.
  std::uint64_t digest = 0;
};
inline constexpr Index kDigestSteps = 64;

// The sums over the examples of a batch from which the gradient is computed, each `size` values in the packed layout.
template <class T>
struct Sums {
  Index size;
  const T* parts;             // of this rank: one after the other
  std::vector<Index> counts;  // number of parts of each rank
  Index count;                // of this rank
  T* total;                   // the sum over the parts of earlier calls, to which those of all ranks are to be added
  bool first;                 // total holds nothing yet: these are the first parts of the batch
  Totals totals;              // of the examples of these parts; to be replaced by those of the parts of all ranks
};

// The callbacks of a run. The thread that called train() calls them. An exception ends the run, and the network keeps
// the steps made so far.
struct Monitor {
  virtual ~Monitor() = default;
  // Is called after every epoch if wants_epochs() is true. The network holds the current parameters, and the next step
  // starts from what is written into them. Returns true to stop.
  virtual bool wants_epochs() const { return false; }
  virtual bool epoch(Index /*number*/, double /*loss*/) { return false; }
  // Is asked after every epoch if wants_epochs() is true. Returns true to do without the call of epoch(), and without the
  // copies of the parameters that it takes.
  virtual bool skips_epoch(Index /*number*/, double /*loss*/) { return false; }
  // Is called at most every 50 ms, between two steps or slabs. It can check for an interrupt.
  virtual void poll() {}
  // Is called between two batches if wants_pause() is true at that moment. The network holds the current parameters,
  // and TrainOptions::place the position of the run. What is written into the network has no effect on the run.
  virtual bool wants_pause() const { return false; }
  virtual void pause() {}
  // Is called between the two phases of each step if wants_sums() is true, so that several processes can add up their
  // parts of a batch: once, and with Ranks::Cut::chains once for every group of parts that is kept at a time. The step
  // continues with `total` and `totals`. If there is one part, `parts` and `total` may be the same memory.
  virtual bool wants_sums() const { return false; }
  virtual void sums(Sums<float>&) {}
  virtual void sums(Sums<double>&) {}
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
  std::optional<Ranks> ranks;  // of a run of several processes; the monitor must want sums
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
