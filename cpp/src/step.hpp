// Step: one step of training: the pass over the examples of a batch, then the update of the parameters.
// Level: steps.
#pragma once

#include <deepcore/train.hpp>

#include "batch.hpp"
#include "update.hpp"

namespace deepcore {

template <class T>
class Step {
 public:
  Step(const Network<T>& network, const Examples<T>& examples, const Plan& plan, Team& team);

  void load();                              // parameters of the network, which others may have changed
  void publish(Network<T>& network) const;  // parameters and statistics
  // Forward, loss and backward of a batch. poll: called after every slab; what it throws leaves the parameters as they were.
  void run(const Selection& batch, const TrainingStep* training, const Poll& poll);
  void exchange(Monitor& monitor);  // shows the sums of the batch to the monitor, and takes what it makes of them
  // Instead of these two, for the parts that a rank has of a batch; each has plan.batch examples, the last one the rest.
  // keep_parts: before the run, with the number of columns of the largest batch.
  void keep_parts(Index columns, const Ranks& ranks);
  void run_parts(const Selection& batch, const TrainingStep* training, const Poll& poll, const Ranks& ranks,
                 Monitor& monitor);
  Sum cost() const;                          // the sum of the weighted losses, penalty included
  double weight() const { return weight_; }  // the sum of the weights
  Index count() const { return count_; }     // the number of examples, of all ranks
  void digest_next() { digests_ = true; }    // the next exchange tells the digest of the parameters
  // Then one of the two: a step of the optimizer, or the gradient in the public layout.
  void update(Optimizer<T>& optimizer);
  void gradient(T* flat, Reduction reduction);

  State<T>& state() { return state_; }
  Pass<T>& pass() { return *pass_; }

 private:
  BatchSums pass_over(const Selection& batch, const TrainingStep* training, const Poll& poll, Index place, T* sums);
  Totals totals(const BatchSums& sums, Index count);
  void take(const Totals& totals);

  const Network<T>& network_;
  const Examples<T>& examples_;
  const Plan plan_;
  Team& team_;
  State<T> state_;
  Update<T> update_;
  std::unique_ptr<Pass<T>> pass_;
  std::vector<double> losses_;  // of a slab
  Buffer<T> parts_;             // sums of the parts of this rank, one after the other
  Sum loss_, weight_sum_;
  double weight_ = 0;
  Index count_ = 0;
  bool digests_ = false;
  bool exchanged_ = false;  // the sums are complete, and not to be formed again
};

// The sum of losses and of the penalty as it is reported: scikit-learn's squared error is a mean over the outputs, and its
// penalty counts once per batch.
template <class T>
Sum reported(const Network<T>& network, Sum losses, double penalty, double weight);

}  // namespace deepcore
