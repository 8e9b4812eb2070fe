// Listener: calls the Python callbacks of a run.
// Level: bindings.
#pragma once

#include <deepcore/train.hpp>

#include "arrays.hpp"
#include "gil.hpp"

#include <pybind11/stl.h>

#include <tuple>
#include <utility>
#include <vector>

namespace deepcore::bindings {

// Epochs after which on_epoch is not called.
struct Skipped {
  Index left = 0;              // number of them until the next call
  std::vector<double> losses;  // of those that have ended
  std::vector<double> take() { return std::exchange(losses, {}); }
};

struct Listener final : Monitor {  // the thread that called train calls it without the GIL
  py::object on_epoch, on_poll, on_pause, on_sums;
  Skipped* skipped;               // null: on_epoch is called after every epoch
  bool wanted = false;            // on_poll returned True: it asks for a pause
  py::object error = py::none();  // of poll or pause, for the next on_sums
  Listener(py::object epoch, py::object poll, py::object pause, py::object sums, Skipped* skips)
      : on_epoch(std::move(epoch)), on_poll(std::move(poll)), on_pause(std::move(pause)), on_sums(std::move(sums)),
        skipped(skips) {}
  bool wants_epochs() const override { return !on_epoch.is_none(); }
  bool epoch(Index number, double loss) override {
    const Acquired lock;
    return is_true(call(on_epoch, py::make_tuple(number, loss)));
  }
  bool skips_epoch(Index /*number*/, double loss) override {
    if (skipped == nullptr || skipped->left <= 0) return false;
    skipped->losses.push_back(loss);
    --skipped->left;
    return true;
  }
  void poll() override {
    const Acquired lock;
    in_step([&] {
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      if (on_poll.is_none()) return;
      wanted = is_true(call(on_poll, py::tuple())) && !on_pause.is_none();  // an exception ends the run
    });
  }
  bool wants_pause() const override { return wanted; }
  void pause() override {
    wanted = false;
    const Acquired lock;
    in_step([&] { call(on_pause, py::tuple()); });
  }
  bool wants_sums() const override { return !on_sums.is_none(); }
  void sums(Sums<float>& sums) override { exchange(sums); }
  void sums(Sums<double>& sums) override { exchange(sums); }

 private:
  // The other ranks wait at the next sums: an exception before that is kept for on_sums, which tells them.
  template <class F>
  void in_step(F work) {
    try {
      work();
    } catch (py::error_already_set& raised) {
      if (on_sums.is_none()) throw;
      error = raised.value();
    }
  }

  // on_sums(parts, counts, total, first, totals, error) adds all parts to `total` and returns the totals of all ranks.
  template <class T>
  void exchange(Sums<T>& sums) {
    const Acquired lock;
    const py::array_t<T> parts({sums.count, sums.size}, {sums.size * Index{sizeof(T)}, Index{sizeof(T)}}, sums.parts,
                               py::none());
    const py::array_t<T> total(sums.size, sums.total, py::none());
    const Totals& t = sums.totals;
    const py::object answer =
        call(on_sums,
             py::make_tuple(parts, sums.counts, total, sums.first,
                            py::make_tuple(t.loss[0], t.loss[1], t.weight[0], t.weight[1], t.count, t.digest), error));
    const auto values = answer.cast<std::tuple<double, double, double, double, Index>>();
    sums.totals = {
        {std::get<0>(values), std::get<1>(values)}, {std::get<2>(values), std::get<3>(values)}, std::get<4>(values), 0};
  }
};

}  // namespace deepcore::bindings
