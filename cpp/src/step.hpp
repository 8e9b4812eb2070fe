// Step: one step of training: the pass over the examples of a batch, then the update of the parameters.
// Level: steps.
#pragma once

#include "batch.hpp"
#include "update.hpp"

namespace deepcore {

template <class T>
class Step {
 public:
  Step(const Network<T>& network, const Examples<T>& examples, const Plan& plan, Team& team);

  void load();                              // parameters of the network, which others may have changed
  void publish(Network<T>& network) const;  // parameters and statistics
  // Forward, loss and backward of a batch. Returns the sum of the weighted losses, penalty included; weight() is then the
  // sum of the weights. poll: called after every slab; what it throws leaves the parameters as they were.
  Sum run(const Selection& batch, const TrainingStep* training, const Poll& poll);
  double weight() const { return weight_; }
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
  double weight_ = 0;
};

// The sum of losses and of the penalty as it is reported: scikit-learn's squared error is a mean over the outputs, and its
// penalty counts once per batch.
template <class T>
Sum reported(const Network<T>& network, Sum losses, double penalty, double weight);

}  // namespace deepcore
