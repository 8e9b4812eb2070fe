// Listener: calls the Python callbacks of a run.
// Level: bindings.
#pragma once

#include <deepcore/train.hpp>

#include "arrays.hpp"
#include "gil.hpp"

#include <utility>

namespace deepcore::bindings {

struct Listener final : Monitor {  // the thread that called train calls it without the GIL
  py::object on_epoch, on_poll, on_pause;
  bool wanted = false;  // on_poll returned True: it asks for a pause
  Listener(py::object epoch, py::object poll, py::object pause)
      : on_epoch(std::move(epoch)), on_poll(std::move(poll)), on_pause(std::move(pause)) {}
  bool wants_epochs() const override { return !on_epoch.is_none(); }
  bool epoch(Index number, double loss) override {
    const Acquired lock;
    return is_true(call(on_epoch, py::make_tuple(number, loss)));
  }
  void poll() override {
    const Acquired lock;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (on_poll.is_none()) return;
    wanted = is_true(call(on_poll, py::tuple())) && !on_pause.is_none();  // an exception ends the run
  }
  bool wants_pause() const override { return wanted; }
  void pause() override {
    wanted = false;
    const Acquired lock;
    call(on_pause, py::tuple());
  }
};

}  // namespace deepcore::bindings
