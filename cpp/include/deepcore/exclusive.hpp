// Exclusive: one writer at a time. A second one is refused instead of racing with the first.
// Public header, standard library only.
#pragma once

#include <atomic>

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
  std::atomic<int> holder_{0};  // 0: free; otherwise a number of the process whose thread holds it, see exclusive.cpp
};

class Exclusive {
 public:
  Exclusive(Busy& busy, const char* refusal);  // throws std::runtime_error if a thread of this process holds it
  Exclusive(const Exclusive&) = delete;
  Exclusive& operator=(const Exclusive&) = delete;
  ~Exclusive() { busy_.holder_ = 0; }

 private:
  Busy& busy_;
};

}  // namespace deepcore
