// Optimizer: which rule, with which constants (configuration), and its slots and step count (state).
// Floor: include/deepcore (standard library only).
#pragma once

#include <deepcore/network.hpp>
#include <deepcore/schedule.hpp>

#include <array>
#include <vector>

namespace deepcore {

struct Rule {
  int row;                        // of optimizers()
  std::array<double, 5> hyper{};  // in the order of the row's table entry
  double clip_value = 0;          // gradients are cut to [-clip_value, clip_value]; 0: no limit
  double clip_norm = 0;           // then scaled down to this norm over all parameters; 0: no limit
  bool clips() const { return clip_value > 0 || clip_norm > 0; }
};

template <class T>
struct Optimizer {
  Optimizer(Rule r, Schedule s, Index parameters);  // slots start at zero
  Rule rule;
  Schedule learning_rate;
  std::vector<Buffer<T>> slots;  // Blocks
  Index steps = 0;               // taken so far
};

// One update of n flat parameters with gradient g; t counts from 1. slots: as many arrays as the row has.
template <class T>
void update(const Rule& rule, double learning_rate, Index t, T* parameters, const T* gradient, T* const* slots,
            Index n);

// One step with a finished gradient (a Block): clipping, the update, the layers' max_norm.
template <class T>
void step(Optimizer<T>& optimizer, Network<T>& network, const T* gradient);

}  // namespace deepcore
