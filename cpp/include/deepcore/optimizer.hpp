// Optimizer: which rule, with which constants (configuration), and its slots and step count (state).
// Public header, standard library only.
#pragma once

#include <deepcore/catalog.hpp>
#include <deepcore/counter.hpp>
#include <deepcore/network.hpp>
#include <deepcore/schedule.hpp>

#include <array>
#include <memory>
#include <optional>
#include <vector>

namespace deepcore {

struct Rule {
  int row;                                // of optimizers()
  std::array<double, kMaxHyper> hyper{};  // in the order of the row's table entry
  double weight_decay = 0;
  double clip_value = 0;  // gradients are cut to [-clip_value, clip_value]; 0: no limit
  double clip_norm = 0;   // then scaled down to this norm over all parameters; 0: no limit
  bool clips() const { return clip_value > 0 || clip_norm > 0; }
};

// What a step is computed from besides its number, kept because forming it anew costs more with every step.
struct StepProgress {
  Index t = 0;                  // after this step, counted from 1
  double momentum_product = 1;  // of the momentum factors of steps 1 to t, multiplied in this order
};

template <class T>
class PackedLayout;
template <class T>
struct StepWorkspace;

template <class T>
class Optimizer {
 public:
  Optimizer(Rule r, Schedule rate, const Network<T>& network);  // slots start at zero
  Optimizer(Optimizer&&) noexcept;
  ~Optimizer();

  Rule rule;
  Schedule learning_rate;
  std::optional<Schedule> decay;  // a factor on the rule's weight decay by step; none: 1
  Counter steps;                  // taken so far
  StepProgress progress;          // a cache: after a jump of `steps` it is formed anew
  Busy busy;                      // held while a run or a step changes the slots

  // Slots lie in the layout of a run, so that no step has to move them. Read and set in the layout of Tensors.
  std::size_t slot_count() const { return slots.size(); }
  Index parameter_count() const { return tensors_.size(); }
  void read_slot(std::size_t k, T* to) const;
  void set_slot(std::size_t k, const T* from);
  bool fits(const Network<T>& network) const;  // made for a network of the same tensors
  std::vector<Buffer<T>> slots;

  double weight_decay() const { return rule.weight_decay * (decay ? (*decay)(steps) : 1); }  // of the next step
  StepWorkspace<T>& workspace(Network<T>& network);  // what step() works in, kept for the next call

 private:
  Tensors tensors_;
  std::unique_ptr<const PackedLayout<T>> layout_;
  std::unique_ptr<StepWorkspace<T>> workspace_;
};

// The number of slots that a rule reads and writes.
int slots_in_use(const Rule& rule);

// One update of n flat parameters with gradient g; t counts from 1. slots: as many arrays as the rule reads.
template <class T>
void update(const Rule& rule, double learning_rate, Index t, T* parameters, const T* gradient, T* const* slots,
            Index n);

// One step with a finished gradient (tensors.size() values): clipping, the update, the layers' max_norm.
template <class T>
void step(Optimizer<T>& optimizer, Network<T>& network, const T* gradient);

}  // namespace deepcore
