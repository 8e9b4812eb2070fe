// Counter: a number that one thread changes and others may read at any time.
// Public header, standard library only.
#pragma once

#include <deepcore/view.hpp>

#include <atomic>

namespace deepcore {

class Counter {
 public:
  Counter(Index value = 0) : value_(value) {}  // NOLINT(google-explicit-constructor): it is used like an Index
  Counter(const Counter& other) : value_(Index{other}) {}
  Counter& operator=(const Counter& other) { return *this = Index{other}; }
  Counter& operator=(Index value) {
    value_.store(value, std::memory_order_relaxed);
    return *this;
  }
  ~Counter() = default;
  operator Index() const { return value_.load(std::memory_order_relaxed); }  // NOLINT(google-explicit-constructor)

 private:
  std::atomic<Index> value_;
};

}  // namespace deepcore
