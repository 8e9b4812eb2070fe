// train_many: converts one dict per network into a Training, and calls the core.
// Level: bindings.
#include <deepcore/many.hpp>

#include "arrays.hpp"
#include "bind.hpp"
#include "examples.hpp"
#include "gil.hpp"

#include <pybind11/stl.h>

#include <map>
#include <memory>
#include <string>
#include <tuple>

namespace deepcore::bindings {

namespace {

// Calls the callbacks of Python. The threads that train call it without the GIL.
struct ManyListener final : ManyMonitor {
  std::vector<py::object> on_epoch, on_stop, on_due, on_pause;  // of each network; None: no callback
  std::vector<char> due;  // of each network: on_due returned True; only the thread that trains it reads and writes it
  py::object on_poll;
  bool progress = false;

  bool wants_progress() const override { return progress; }
  void poll(Index networks, Index epochs) override {
    const Acquired lock;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (!on_poll.is_none()) call(on_poll, py::make_tuple(networks, epochs));
  }
  bool wants_polls(Index which) const override { return !at(on_stop, which).is_none() || !at(on_due, which).is_none(); }
  bool stops(Index which) override {
    const Acquired lock;
    if (asks(at(on_stop, which))) return true;
    due[static_cast<std::size_t>(which)] = asks(at(on_due, which));
    return false;
  }
  bool wants_pause(Index which) const override { return due[static_cast<std::size_t>(which)]; }
  bool pause(Index which) override {
    due[static_cast<std::size_t>(which)] = false;
    const Acquired lock;
    return asks(at(on_pause, which));
  }
  bool wants_epochs(Index which) const override { return !at(on_epoch, which).is_none(); }
  bool epoch(Index which, Index number, double loss, const Scores* validation) override {
    const Acquired lock;
    const py::object scores =
        validation == nullptr ? py::object(py::none()) : py::make_tuple(validation->loss, validation->accuracy);
    return is_true(call(at(on_epoch, which), py::make_tuple(number, loss, scores)));
  }

 private:
  static bool asks(const py::object& callback) { return !callback.is_none() && is_true(call(callback, py::tuple())); }
  static const py::object& at(const std::vector<py::object>& all, Index i) { return all[static_cast<std::size_t>(i)]; }
};

EarlyStop early_stop(const py::dict& given) {
  const auto name = given["number"].cast<std::string>();
  EarlyStop rule;
  if (name == "loss") {
    rule.number = EarlyStop::Number::loss;
  } else if (name == "val_loss") {
    rule.number = EarlyStop::Number::validation_loss;
  } else if (name == "val_accuracy") {
    rule.number = EarlyStop::Number::validation_accuracy;
  } else {
    throw py::value_error(text("train_many: number must be loss, val_loss or val_accuracy, got ", name));
  }
  rule.upwards = given["upwards"].cast<bool>();
  rule.patience = given["patience"].cast<Index>();
  rule.min_delta = given["min_delta"].cast<double>();
  rule.restore = given["restore"].cast<bool>();
  return rule;
}

// The trainings of a call. Networks that were given the same Python objects share one Batch.
template <class T>
class Trainings {
 public:
  explicit Trainings(const std::vector<py::dict>& given) {
    for (const py::dict& one : given) add(one);
  }
  std::vector<Training<T>> all;

 private:
  void add(const py::dict& given) {
    Training<T> training;
    training.network = given["network"].cast<Network<T>*>();
    training.optimizer = given["optimizer"].cast<Optimizer<T>*>();
    const Spec& spec = training.network->spec;
    training.examples = batch(spec, given["X"], given["y"], given["weight"]).examples;
    TrainOptions& options = training.options;
    options.batch_size = given["batch"].cast<Index>();
    options.epochs = given["epochs"].cast<Index>();
    options.shuffle = given["shuffle"].cast<bool>();
    options.drop_last = given["drop_last"].cast<bool>();
    options.seed = given["seed"].cast<std::uint64_t>();
    options.first_epoch = given["first_epoch"].cast<Index>();
    options.dropout = given["dropout"].cast<std::optional<Schedule>>();
    options.smoothing = given["smoothing"].cast<std::optional<Schedule>>();
    options.place = given["place"].cast<Place*>();
    std::tie(options.rows, options.row_count) = rows(given["rows"]);
    if (!given["validation"].is_none()) {
      const auto parts = given["validation"].cast<py::tuple>();
      training.validation = batch(spec, parts[0], parts[1], parts[2]).examples;
      std::tie(training.validation_rows, training.validation_count) = rows(parts[3]);
    }
    if (!given["early_stop"].is_none()) training.early_stop = early_stop(given["early_stop"].cast<py::dict>());
    all.push_back(std::move(training));
  }

  const Batch<T>& batch(const Spec& spec, const py::object& X, const py::object& y, const py::object& w) {
    auto& shared = features_[X.ptr()];
    if (!shared) shared = std::make_shared<const Features<T>>("fit_many", spec, X);
    std::unique_ptr<Batch<T>>& made = batches_[{X.ptr(), y.ptr(), w.ptr()}];
    if (!made)
      made =
          std::make_unique<Batch<T>>("fit_many", spec, shared, y.cast<py::array>(), w.cast<std::optional<py::array>>());
    return *made;
  }

  // Copies row indices, as Batch copies labels, so that nobody changes them during the call.
  std::pair<const std::int64_t*, Index> rows(const py::object& given) {
    if (given.is_none()) return {nullptr, 0};
    const auto array = given.cast<py::array>();
    if (array.ndim() != 1) throw py::value_error(text("fit_many: rows must have 1 axis, got ", shape_text(array)));
    rows_.push_back(
        py::array_t<std::int64_t, py::array::c_style>(usable<std::int64_t>("fit_many", "rows", array)).attr("copy")());
    return {static_cast<const std::int64_t*>(rows_.back().data()), rows_.back().size()};
  }

  std::map<PyObject*, std::shared_ptr<const Features<T>>> features_;
  std::map<std::tuple<PyObject*, PyObject*, PyObject*>, std::unique_ptr<Batch<T>>> batches_;
  std::vector<py::array> rows_;
};

template <class T>
py::list train(const std::vector<py::dict>& given, int threads, ManyListener& listener) {
  const Trainings<T> trainings(given);
  std::vector<TrainingResult> results;
  {
    const Released released;
    results = train_many(trainings.all, threads, listener);
  }
  py::list out;
  for (const TrainingResult& one : results) {
    out.append(py::make_tuple(one.training.losses, one.training.first_nonfinite_step, one.validation_losses,
                              one.validation_accuracies));
  }
  return out;
}

}  // namespace

void bind_many(py::module_& m) {
  m.def(
      "train_many",
      [](const std::vector<py::dict>& trainings, int threads, py::object on_poll, bool progress) {
        ManyListener listener;
        listener.on_poll = std::move(on_poll);
        listener.progress = progress;
        for (const py::dict& one : trainings) {
          listener.on_epoch.push_back(one["on_epoch"]);
          listener.on_stop.push_back(one["on_stop"]);
          listener.on_due.push_back(one["on_due"]);
          listener.on_pause.push_back(one["on_pause"]);
        }
        listener.due.resize(trainings.size());
        const bool single = !trainings.empty() && py::isinstance<Network<float>>(trainings[0]["network"]);
        return single ? train<float>(trainings, threads, listener) : train<double>(trainings, threads, listener);
      },
      py::arg("trainings"), py::arg("threads") = 0, py::arg("on_poll") = py::none(), py::arg("progress") = false);
}

}  // namespace deepcore::bindings
