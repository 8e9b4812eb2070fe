// KeptWeights: packed weights that predictions leave in a network for the next ones, while nothing can change its parameters.
// Public header, standard library only.
#pragma once

#include <deepcore/view.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

namespace deepcore {

template <class T>
struct Network;
template <class T>
class Forward;

// Any code may write the parameters of a network at any time, so by default nothing is kept. A caller that counts all code
// that may do so calls enable(), and from then on add_writer() and remove_writer(). Trainings, steps and Sharing::write()
// are no such code: their changes are known. A copy of a network keeps nothing.
template <class T>
class KeptWeights {
 public:
  KeptWeights();
  KeptWeights(const KeptWeights&) : KeptWeights() {}
  KeptWeights& operator=(const KeptWeights&) { return *this; }  // NOLINT(bugprone-unhandled-self-assignment)
  ~KeptWeights();

  void enable() noexcept { enabled_ = true; }
  void add_writer() noexcept { ++writers_, ++all_writers_; }
  void remove_writer() noexcept { --writers_; }
  void drop() noexcept;  // frees the weights, unless a prediction uses them

  // The weights for one prediction of some examples. None, if they may not be kept, if another thread uses them, or if
  // packing would take longer than it saves.
  class Use {
   public:
    Use(const Network<T>& network, Index examples);
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use();
    Forward<T>* get() const { return used_ ? kept_.weights_.get() : nullptr; }

   private:
    KeptWeights& kept_;
    bool used_ = false;
  };

 private:
  struct Moment {  // equal at two moments: the parameters are the same
    std::uint64_t changes, writers;
    bool operator==(const Moment& other) const { return changes == other.changes && writers == other.writers; }
  };
  std::optional<Moment> moment(const Network<T>& network) const;  // nothing: they may change at any time

  std::atomic<bool> enabled_{false}, used_{false};
  std::atomic<std::int64_t> writers_{0};
  std::atomic<std::uint64_t> all_writers_{0};  // since enable()
  std::optional<Moment> last_, packed_;        // of the last prediction, and of the weights
  std::uint64_t calls_ = 0;                    // predictions with the parameters of last_
  std::unique_ptr<Forward<T>> weights_;
};

}  // namespace deepcore
