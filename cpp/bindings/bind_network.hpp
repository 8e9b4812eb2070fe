// A network and its busy mark, shared by the binding files that hold one.
// Floor: bindings.
#pragma once

#include <deepcore/network.hpp>
#include <deepcore/optimizer.hpp>

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

template <class T>
void usable_for(const Optimizer<T>& optimizer, const BoundNetwork<T>& net, const char* who) {
  if (optimizer.parameters != net.network.layout.size()) {
    throw pybind11::value_error(std::string(who) + ": this optimizer was made for a network of another size");
  }
  if (optimizer.lent) throw std::runtime_error(std::string(who) + ": this optimizer is at work in another fit");
}

}  // namespace deepcore::bindings
