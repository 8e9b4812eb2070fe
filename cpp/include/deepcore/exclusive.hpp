// Exclusive: one writer at a time. A second one is refused instead of racing with the first.
// Public header, standard library only.
#pragma once

#include <atomic>
#include <stdexcept>

namespace deepcore {

inline constexpr const char* kNetworkBusy =
    "this model is being trained by another thread; wait for it, or train a copy";
inline constexpr const char* kOptimizerBusy =
    "this optimizer is at work in another fit; wait for it, or bind a new one";

class Busy {  // a mark that moves and copies with its owner as "not busy"
 public:
  Busy() = default;
  Busy(const Busy&) {}
  Busy& operator=(const Busy&) { return *this; }
  ~Busy() = default;

 private:
  friend class Exclusive;
  std::atomic<bool> set_{false};
};

class Exclusive {
 public:
  Exclusive(Busy& busy, const char* refusal) : busy_(busy) {
    if (busy_.set_.exchange(true)) throw std::runtime_error(refusal);
  }
  Exclusive(const Exclusive&) = delete;
  Exclusive& operator=(const Exclusive&) = delete;
  ~Exclusive() { busy_.set_ = false; }

 private:
  Busy& busy_;
};

}  // namespace deepcore
