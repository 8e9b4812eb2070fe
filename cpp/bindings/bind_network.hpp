// A network and its busy mark, shared by the binding files that hold one.
// Floor: bindings.
#pragma once

#include <deepcore/network.hpp>

#include <pybind11/pybind11.h>

#include <atomic>

namespace deepcore::bindings {

template <class T>
struct BoundNetwork {
  explicit BoundNetwork(Spec spec) : network(std::move(spec)) {}
  Network<T> network;
  std::atomic<bool> busy{false};
};

// Held while a network is being written; a second writer is refused instead of racing.
class Writing {
 public:
  explicit Writing(std::atomic<bool>& busy) : busy_(busy) {
    if (busy_.exchange(true))
      throw std::runtime_error("this model is being trained by another thread; wait for it, or train a copy");
  }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
  ~Writing() { busy_ = false; }

 private:
  std::atomic<bool>& busy_;
};

}  // namespace deepcore::bindings
