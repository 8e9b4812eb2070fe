// Optimizer: which rule, with which constants (configuration), and its slots and step count (state).
// Floor: include/deepcore (standard library only).
#pragma once

#include <deepcore/catalog.hpp>
#include <deepcore/network.hpp>
#include <deepcore/schedule.hpp>

#include <array>
#include <functional>
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
struct Optimizer {
  Optimizer(Rule r, Schedule s, Index n);  // slots start at zero
  Rule rule;
  Schedule learning_rate;
  Index parameters;                                   // of the network it was made for
  std::vector<Buffer<T>> slots;                       // Blocks: as many as this rule with these constants reads
  Index steps = 0;                                    // taken so far
  mutable StepProgress progress;                      // a cache: after a jump of `steps` it is formed anew
  std::function<void(std::size_t k, T* block)> lent;  // while a run holds the slots: copies one; otherwise empty
};

// One update of n flat parameters with gradient g; t counts from 1. slots: as many arrays as the rule reads.
template <class T>
void update(const Rule& rule, double learning_rate, Index t, T* parameters, const T* gradient, T* const* slots,
            Index n);

// One step with a finished gradient (a Block): clipping, the update, the layers' max_norm.
template <class T>
void step(Optimizer<T>& optimizer, Network<T>& network, const T* gradient);

}  // namespace deepcore
