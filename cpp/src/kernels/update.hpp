// Updater: one step of an optimizer, built once per step and then applied to any number of pieces of the parameters.
// Level: kernels. Without Eigen; kernels/optimizers.hpp holds the formulas, kernels/update.cpp compiles them.
#pragma once

#include <deepcore/optimizer.hpp>

#include <array>
#include <cstddef>

namespace deepcore::kernels {

// The state of a piece: array k belongs to slot k of the optimizer's row.
template <class T>
struct Slots {
  std::array<T*, kMaxSlots> of{};
  int count = 0;

  void add(T* slot) { of[static_cast<std::size_t>(count++)] = slot; }
};

// What a step is built from besides the constants of its row. The caller may scale rate and decay per tensor.
struct StepSize {
  double rate;                       // learning rate
  double decay;                      // weight decay
  Index t;                           // the step, counted from 1
  StepProgress* progress = nullptr;  // of the optimizer; null: what it would hold is computed from t alone
};

// The number of slots that this row with these constants reads and writes.
int slots_in_use(int row, const double* hyper);

template <class T>
class Updater {
 public:
  Updater(int row, const double* hyper, const StepSize& size);

  // n parameters, their raw gradient and slots, which do not overlap. The gradient is scale * raw_gradient, so that a
  // sum over examples becomes a mean on the way. The bits of an element do not depend on where it stands.
  void operator()(Index n, T* parameters, const T* raw_gradient, T scale, const Slots<T>& slots) const {
    apply_(step_, n, parameters, raw_gradient, scale, slots);
  }

 private:
  static constexpr std::size_t kBytes = 16 * 64;  // sixteen packets of the widest CPU level
  void (*apply_)(const void* step, Index n, T* p, const T* raw, T scale, const Slots<T>& slots) = nullptr;
  alignas(64) unsigned char step_[kBytes];
};

extern template class Updater<float>;
extern template class Updater<double>;

}  // namespace deepcore::kernels
