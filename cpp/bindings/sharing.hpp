// Sharing: lets Python threads read and write the values of a network, copy them and mark themselves as the one that trains.
// Level: bindings.
#pragma once

#include <deepcore/network.hpp>

#include "arrays.hpp"
#include "gil.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace deepcore::bindings {

// Returns null if the calling thread may read the network itself, and otherwise a copy that does not change any more.
template <class T>
std::shared_ptr<Network<T>> seen(const Network<T>& self) {
  const Released released;
  const Reader<T> network(self);
  return std::const_pointer_cast<Network<T>>(network.copy());
}

// An array by which Python may read and write values of a network at any time, as long as the array exists.
template <class T>
py::array_t<T> shown(const std::shared_ptr<Network<T>>& network, Buffer<T>& values, Index size) {
  struct Writer {
    explicit Writer(std::shared_ptr<Network<T>> of) : network(std::move(of)) { network->kept.add_writer(); }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer() { network->kept.remove_writer(); }
    std::shared_ptr<Network<T>> network;
  };
  auto writer = std::make_unique<Writer>(network);
  const py::capsule owner(writer.get(), [](void* held) { delete static_cast<Writer*>(held); });
  [[maybe_unused]] const Writer* const owned = writer.release();
  return py::array_t<T>(size, values.data(), owner);
}

// Copies the parameters, the running statistics and the number of epochs, all of the same moment.
template <class T>
py::tuple numbers(const Network<T>& self) {
  py::array_t<T> parameters(self.tensors.size());
  py::array_t<T> running(self.tensors.running_size());
  T *const p = parameters.mutable_data(), *const r = running.mutable_data();
  Index epochs = 0;
  {
    const Released released;
    const Reader<T> network(self);
    std::copy_n(network->parameters.data(), network->tensors.size(), p);
    std::copy_n(network->running.data(), network->tensors.running_size(), r);
    epochs = network->epochs;
  }
  return py::make_tuple(parameters, running, epochs);
}

template <class T>
void restore(Network<T>& self, const py::array& parameters, const py::array& running) {
  const T* p = flat<T>("restore", "parameters", parameters, self.tensors.size(), false);
  const T* r = flat<T>("restore", "running", running, self.tensors.running_size(), false);
  const Released released;
  self.sharing.write([&] {
    std::copy_n(p, self.tensors.size(), self.parameters.data());
    std::copy_n(r, self.tensors.running_size(), self.running.data());
  });
}

// `with network.trainer():` marks the calling thread as the one that trains the network, until the end of the block, or
// until the object is deleted.
template <class T>
struct PythonTrainer {
  Network<T>& network;
  std::unique_ptr<Trainer<T>> trainer = nullptr;
  void enter() { trainer = std::make_unique<Trainer<T>>(network); }
  void exit(const py::args& /*exception*/) { trainer.reset(); }
};

template <class T>
void bind_sharing(py::module_& m, py::class_<Network<T>, std::shared_ptr<Network<T>>>& network,
                  const char* trainer_name) {
  using Net = Network<T>;
  using Held = std::shared_ptr<Net>;
  network
      .def_property_readonly("parameters",
                             [](const Held& self) { return shown(self, self->parameters, self->tensors.size()); })
      .def_property_readonly("running",
                             [](const Held& self) { return shown(self, self->running, self->tensors.running_size()); })
      .def_property(
          "epochs", [](const Net& self) -> Index { return self.epochs; },
          [](Net& self, Index epochs) { self.epochs = epochs; })
      .def("seen", &seen<T>)
      .def("numbers", &numbers<T>)
      .def("restore", &restore<T>, py::arg("parameters"), py::arg("running"))
      .def(
          "trainer", [](Net& self) { return PythonTrainer<T>{self}; }, py::keep_alive<0, 1>())
      .def("share",
           [](Net& self) {
             const Released released;
             self.sharing.share();
           })
      .def_property_readonly("changes", [](const Net& self) { return self.sharing.changes(); })
      .def("abandon", [](Net& self) { self.sharing.abandon(); });
  py::class_<PythonTrainer<T>>(m, trainer_name, py::module_local(), py::is_final())
      .def("__enter__", &PythonTrainer<T>::enter)
      .def("__exit__", &PythonTrainer<T>::exit);
}

}  // namespace deepcore::bindings
