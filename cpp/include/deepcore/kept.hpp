// KeptWeights: packed weights that predictions leave in a network for the next ones, while nothing can change its parameters.
// Public header, standard library only.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace deepcore {

template <class T>
struct Network;
template <class T>
class Forward;

// Anyone may write the parameters of a network at any time, so by default nothing is kept. An owner who knows of all who
// may do so calls guard(), and from then on counts them with lend() and give_back(). Trainings, Sharing::write() and steps
// are known without that. A copy of a network keeps nothing.
template <class T>
class KeptWeights {
 public:
  KeptWeights();
  KeptWeights(const KeptWeights&) : KeptWeights() {}
  KeptWeights& operator=(const KeptWeights&) { return *this; }  // NOLINT(bugprone-unhandled-self-assignment)
  ~KeptWeights();

  void guard() noexcept { guarded_ = true; }
  void lend() noexcept { ++lent_, ++ever_lent_; }
  void give_back() noexcept { --lent_; }
  void drop() noexcept;  // frees the weights, unless a prediction uses them

 private:
  template <class U>
  friend class PackedWeights;
  struct Moment {  // equal at two moments: the parameters are the same
    std::uint64_t changes = 0, lent = 0;
    bool operator==(const Moment& other) const { return changes == other.changes && lent == other.lent; }
  };
  bool moment(const Network<T>& network, Moment& now) const;  // false: they may change at any time

  std::atomic<bool> guarded_{false}, busy_{false};
  std::atomic<std::int64_t> lent_{0};
  std::atomic<std::uint64_t> ever_lent_{0};
  Moment last_, packed_;     // of the last prediction, and of the weights
  std::uint64_t calls_ = 0;  // predictions with the parameters of last_
  std::unique_ptr<Forward<T>> weights_;
};

}  // namespace deepcore
