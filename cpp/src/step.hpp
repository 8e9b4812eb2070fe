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
  Sum cost() const;                 // the sum of the weighted losses, penalty included
  double weight() const { return weight_; }  // the sum of the weights
  // Then one of the two: a step of the optimizer, or the gradient in the public layout.
  void update(Optimizer<T>& optimizer);
  void gradient(T* flat);

  State<T>& state() { return state_; }
  Pass<T>& pass() { return *pass_; }

 private:
  const Network<T>& network_;
  const Examples<T>& examples_;
  const Plan plan_;
  State<T> state_;
  Update<T> update_;
  std::unique_ptr<Pass<T>> pass_;
  std::vector<double> losses_;  // of a slab
  Sum loss_;
  double weight_ = 0;
  bool exchanged_ = false;  // the sums are complete, and not to be formed again
};

// The sum of losses and of the penalty as it is reported: scikit-learn's squared error is a mean over the outputs, and its
// penalty counts once per batch.
template <class T>
Sum reported(const Network<T>& network, Sum losses, double penalty, double weight);

}  // namespace deepcore
