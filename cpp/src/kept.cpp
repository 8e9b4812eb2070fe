// KeptWeights: when packing the weights of a network pays, and how long they stay those of the network.
// Level: calls.
#include <deepcore/network.hpp>

#include "forward.hpp"

namespace deepcore {

namespace {

// From which call with the same parameters on they are packed. They save 5 to 40% of a call of several examples. Of a call of
// one example they save up to 17%, and packing takes as long as 20 to 30 such calls.
constexpr std::uint64_t kCalls = 2, kCallsOfOne = 100;

}  // namespace

template <class T>
KeptWeights<T>::KeptWeights() = default;
template <class T>
KeptWeights<T>::~KeptWeights() = default;

template <class T>
auto KeptWeights<T>::moment(const Network<T>& network) const -> std::optional<Moment> {
  const std::uint64_t writers = all_writers_;
  if (!enabled_ || writers_ != 0) return std::nullopt;
  const std::optional<std::uint64_t> changes = network.sharing.changes_unless_training();
  if (!changes) return std::nullopt;
  return Moment{*changes, writers};
}

template <class T>
void KeptWeights<T>::drop() noexcept {
  if (used_.exchange(true)) return;
  weights_.reset();
  used_ = false;
}

template <class T>
KeptWeights<T>::Use::Use(const Network<T>& network, Index examples) : kept_(network.kept) {
  const std::optional<Moment> now = kept_.moment(network);
  if (!now || kept_.used_.exchange(true)) return;
  used_ = true;
  kept_.calls_ = kept_.last_ == now ? kept_.calls_ + 1 : 1;
  kept_.last_ = now;
  if (kept_.weights_ != nullptr && kept_.packed_ == now) return;
  kept_.weights_.reset();
  if (examples <= kUnpacked && kept_.calls_ < (examples == 1 ? kCallsOfOne : kCalls)) return;
  try {
    Team alone(1);
    kept_.weights_ = std::make_unique<Forward<T>>(network, alone, true);
    kept_.packed_ = now;
  } catch (...) {  // no memory: then without them
    kept_.weights_.reset();
  }
}

template <class T>
KeptWeights<T>::Use::~Use() {
  if (used_) kept_.used_ = false;
}

template class KeptWeights<float>;
template class KeptWeights<double>;

}  // namespace deepcore
