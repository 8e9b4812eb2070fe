// Updater: the formulas of kernels/optimizers.hpp applied to arrays.
// Level: kernels.
#include "kernels/update.hpp"

#include "kernels/optimizers.hpp"

#include <new>
#include <type_traits>

namespace deepcore {

const std::vector<OptimizerInfo>& optimizers() {
  static const auto rows = kernels::Optimizers::infos();
  return rows;
}

namespace kernels {

namespace {

// step and slots are copies: stores of packets may change anything in memory, so what is read through a pointer would be
// read again for every packet.
template <class Step, class T>
void update(const Step step, Index n, T* p, const T* raw, T scale, const std::array<T*, kMaxSlots> slots) {
  using P = Packet<T>;
  constexpr Index S = kLanes<T>;
  constexpr std::size_t kSlots = Step::kSlots;
  const P factor = all<P>(static_cast<double>(scale));
  const auto packet = [&](T* at, const T* g, auto&& slot) {
    P s[kMaxSlots], x = load<P>(at);
    for (std::size_t k = 0; k < kSlots; ++k) s[k] = load<P>(slot(k));
    step(x, pmul(factor, load<P>(g)), s);
    for (std::size_t k = 0; k < kSlots; ++k) store<P>(slot(k), s[k]);
    store<P>(at, x);
  };
  Index i = 0;
  for (; i + S <= n; i += S) packet(p + i, raw + i, [&](std::size_t k) { return slots[k] + i; });
  if (i == n) return;
  T lanes[2 + kMaxSlots][S] = {};  // the tail, through padded packets
  for (Index k = i; k < n; ++k) {
    lanes[0][k - i] = p[k];
    lanes[1][k - i] = raw[k];
    for (std::size_t s = 0; s < kSlots; ++s) lanes[2 + s][k - i] = slots[s][k];
  }
  packet(lanes[0], lanes[1], [&](std::size_t k) { return lanes[2 + k]; });
  for (Index k = i; k < n; ++k) {
    p[k] = lanes[0][k - i];
    for (std::size_t s = 0; s < kSlots; ++s) slots[s][k] = lanes[2 + s][k - i];
  }
}

// f(step) with the Step that the row chooses for these constants.
template <class T, class F>
void with_step(int row, const double* hyper, const StepSize& size, F f) {
  Optimizers::visit(row, [&](auto which) { decltype(which)::template choose<T>(hyper, size, f); });
}

}  // namespace

int slots_in_use(int row, const double* hyper) {
  int slots = 0;
  with_step<float>(row, hyper, {0, 0, 1}, [&](const auto& step) { slots = std::decay_t<decltype(step)>::kSlots; });
  return slots;
}

template <class T>
Updater<T>::Updater(int row, const double* hyper, const StepSize& size) {
  with_step<T>(row, hyper, size, [&](const auto& step) {
    using Step = std::decay_t<decltype(step)>;
    static_assert(sizeof(Step) <= kBytes && alignof(Step) <= 64 && std::is_trivially_copyable_v<Step>);
    static_assert(Step::kSlots <= kMaxSlots);
    new (step_) Step(step);
    apply_ = [](const void* built, Index n, T* p, const T* raw, T scale, const Slots<T>& slots) {
      update(*static_cast<const Step*>(built), n, p, raw, scale, slots.of);
    };
  });
}

template class Updater<float>;
template class Updater<double>;

}  // namespace kernels
}  // namespace deepcore
