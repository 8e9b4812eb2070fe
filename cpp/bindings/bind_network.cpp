// Networks: predict, evaluate, gradient, trace, train. Rows are examples.
// Floor: bindings.
#include "bind_network.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/plan.hpp>
#include <deepcore/predictor.hpp>
#include <deepcore/train.hpp>

#include "arrays.hpp"
#include "bind.hpp"
#include "gil.hpp"

#include "platform.hpp"

#include <pybind11/stl.h>

#include <memory>
#include <mutex>
#include <optional>

namespace deepcore::bindings {

namespace {

struct Listener final : Monitor {  // called without the GIL, by the thread that called train
  py::object on_epoch, on_poll;
  Listener(py::object epoch, py::object poll) : on_epoch(std::move(epoch)), on_poll(std::move(poll)) {}
  bool wants_epochs() const override { return !on_epoch.is_none(); }
  bool epoch(Index number, double loss) override {
    const Acquired lock;
    return py::cast<bool>(py::bool_(on_epoch(number, loss)));
  }
  void poll() override {
    const Acquired lock;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (!on_poll.is_none()) on_poll();  // what it raises ends the run
  }
};

// A batch at the door, and the arrays that keep its memory alive.
template <class T>
struct Batch {
  std::vector<py::array> X;
  py::array y, weights;
  Examples<T> examples;

  Batch(const char* who, const Spec& spec, const py::object& inputs, py::array y_, const std::optional<py::array>& w)
      : y(std::move(y_)) {
    examples.X = bindings::inputs<T>(who, inputs, spec.units(0), X);
    const Index m = examples.count(), n = spec.outputs();
    if (y.ndim() < 1 || y.shape(0) != m) {
      throw py::value_error(text(who, ": y must have ", m, " rows like X, got shape ", shape_text(y),
                                 y.ndim() == 2 && y.shape(1) == m ? "; is it transposed?" : ""));
    }
    if (spec.takes_labels() && y.ndim() == 1) {
      y = py::array_t<std::int64_t, py::array::c_style>(usable<std::int64_t>(who, "y", y));
      examples.labels = static_cast<const std::int64_t*>(y.data());
      for (Index j = 0; j < m; ++j) {
        const std::int64_t label = examples.labels[j];
        if (label < 0 || label >= n) {
          throw py::value_error(text(who, ": y must hold labels from 0 to ", n - 1, ", got ", label, " in row ", j));
        }
      }
    } else {
      examples.Y = bindings::examples<T>(who, "y", y, n, "outputs");
    }
    if (!w) return;
    weights = py::array_t<T, py::array::c_style>(usable<T>(who, "sample_weight", *w));
    if (weights.ndim() != 1 || weights.shape(0) != m) {
      throw py::value_error(
          text(who, ": sample_weight must have shape (", m, ",) like the rows of X, got ", shape_text(weights)));
    }
    examples.weights = static_cast<const T*>(weights.data());
    double total = 0;
    for (Index j = 0; j < m; ++j) {
      if (!(examples.weights[j] >= T(0))) {
        throw py::value_error(
            text(who, ": sample_weight must not be negative or NaN, got ", examples.weights[j], " in row ", j));
      }
      total += static_cast<double>(examples.weights[j]);
    }
    if (m > 0 && !(total > 0))
      throw py::value_error(text(who, ": sample_weight must have a positive sum, got ", total));
  }
};

// A layer: (units, activation, parameter), and a dict with whatever else is not at its default.
Spec make_spec(Index inputs, const std::vector<py::tuple>& layers, const std::string& loss,
               const std::optional<double>& loss_parameter, double label_smoothing, double input_dropout) {
  std::vector<LayerSpec> out;
  for (const py::tuple& layer : layers) {
    if (layer.size() != 3 && layer.size() != 4) {
      throw py::value_error(text("Network: a layer must be (units, activation, parameter[, options]), got ",
                                 std::string(py::str(layer))));
    }
    out.push_back({layer[0].cast<Index>(), activation_id(layer[1].cast<std::string>()), layer[2].cast<double>()});
    const py::dict options = layer.size() == 4 ? layer[3].cast<py::dict>() : py::dict();
    for (const auto& [key, value] : options) {
      const auto name = key.cast<std::string>();
      LayerSpec& last = out.back();
      if (name == "l1") {
        last.l1 = value.cast<double>();
      } else if (name == "l2") {
        last.l2 = value.cast<double>();
      } else if (name == "max_norm") {
        last.max_norm = value.cast<double>();
      } else if (name == "norm") {
        const auto norm = value.cast<std::string>();
        last.norm = norm == "batch" ? Norm::batch : norm == "layer" ? Norm::layer : Norm::none;
      } else if (name == "dropout") {
        last.dropout = value.cast<double>();
      } else {
        throw py::value_error(text("Network: unknown option '", name, "' of layer ", out.size()));
      }
    }
  }
  LossSpec cost(loss_id(loss));
  cost.smoothing = label_smoothing;
  if (loss_parameter) cost.parameter = *loss_parameter;
  return {inputs, std::move(out), cost, input_dropout};
}

// The explicit order of a run: indices of examples, one epoch or all of them.
py::array order_door(const py::array& order, Index m, Index epochs) {
  const py::array out = py::array_t<std::int64_t, py::array::c_style>(usable<std::int64_t>("fit", "order", order));
  if (out.ndim() != 1 || (out.size() != m && out.size() != epochs * m)) {
    throw py::value_error(text("fit: order must have shape (", m, ",) for every epoch, or (", epochs * m,
                               ",) for all of them, got ", shape_text(out)));
  }
  const auto* at = static_cast<const std::int64_t*>(out.data());
  for (Index i = 0; i < out.size(); ++i) {
    if (at[i] < 0 || at[i] >= m)
      throw py::value_error(text("fit: order must hold rows from 0 to ", m - 1, ", got ", at[i], " at ", i));
  }
  return out;
}

using Training = std::optional<std::pair<std::uint64_t, Index>>;  // (seed, step)
TrainingStep training_step(const Training& training) {
  return training ? TrainingStep{training->first, training->second} : TrainingStep{};
}

template <class T>
py::object predict_door(const BoundNetwork<T>& self, const py::object& X, const std::optional<py::array>& out,
                        int threads) {
  const Spec& spec = self.network.spec;
  std::vector<py::array> keep;
  const auto x = inputs<T>("predict", X, spec.units(0), keep);
  py::array result = out ? *out : py::array(py::array_t<T>({x.cols, spec.outputs()}));
  const auto rows = writable<T>("predict", "out", result);
  shape_rule(rows.rows == x.cols && rows.cols == spec.outputs(), "predict", "out", x.cols, spec.outputs(), result,
             "(examples, outputs)");
  {
    const Released released;
    predict(self.network, x, {rows.data, rows.cols, rows.rows, rows.col_stride, rows.row_stride}, threads);
  }
  return result;
}

// A Predictor and the lock that lets one call at a time use its workspace.
template <class T>
struct BoundPredictor {
  explicit BoundPredictor(const BoundNetwork<T>& net)
      : predictor(net.network), inputs(predictor.inputs()), outputs(predictor.outputs()),
        work(static_cast<double>(net.network.layout.size())) {}
  Predictor<T> predictor;
  Index inputs, outputs;
  double work;  // multiply-adds of one example
  std::unique_ptr<std::mutex> mutex = std::make_unique<std::mutex>();
  std::int64_t owner = platform::process_id();

  void run(View<const T> X, View<T> A, int threads) {
    if (work * static_cast<double>(X.cols) < 1e5) {  // microseconds: giving the GIL away would cost as much
      const std::unique_lock<std::mutex> lock(*mutex, std::try_to_lock);
      if (lock.owns_lock()) return predictor(X, A, 1);
    }
    if (owner != platform::process_id()) {  // who held it when the process was forked is not here to give it back
      [[maybe_unused]] std::mutex* const lost = mutex.release();
      mutex = std::make_unique<std::mutex>();
      owner = platform::process_id();
    }
    const Released released;
    const std::lock_guard<std::mutex> lock(*mutex);
    predictor(X, A, threads);
  }

  py::array call(py::array x, const std::optional<py::array>& out, int threads) {
    if (x.ndim() == 1) {  // one example
      if (x.shape(0) != inputs) {
        throw py::value_error(text("Predictor: x must have ", inputs, " values, got ", shape_text(x)));
      }
      x = usable<T>("Predictor", "x", x);
      py::array result = out ? *out : py::array(py::array_t<T>(outputs));
      if (!is<T>(result) || result.ndim() != 1 || result.shape(0) != outputs || !result.writeable() ||
          !whole_elements<T>(result)) {
        throw py::value_error(
            text("Predictor: out must be a writable ", dtype_name<T>(), " array of shape (", outputs, ",)"));
      }
      run({static_cast<const T*>(x.data()), inputs, 1, stride<T>(x, 0), inputs},
          {static_cast<T*>(result.mutable_data()), outputs, 1, stride<T>(result, 0), outputs}, threads);
      return result;
    }
    const auto X = examples<T>("Predictor", "x", x, inputs, "inputs");
    py::array result = out ? *out : py::array(py::array_t<T>({X.cols, outputs}));
    const auto rows = writable<T>("Predictor", "out", result);
    shape_rule(rows.rows == X.cols && rows.cols == outputs, "Predictor", "out", X.cols, outputs, result,
               "(examples, outputs)");
    run(X, {rows.data, rows.cols, rows.rows, rows.col_stride, rows.row_stride}, threads);
    return result;
  }
};

template <class T>
py::dict trace_door(const BoundNetwork<T>& self, const py::object& X, py::array y, const std::optional<py::array>& w,
                    const Training& training) {
  const Batch<T> batch("trace", self.network.spec, X, std::move(y), w);
  py::dict out;
  const TrainingStep step = training_step(training);
  for (const auto& one : trace(self.network, batch.examples, training ? &step : nullptr)) {
    Result<T> array(one.rows, one.cols);
    for (Index j = 0; j < one.cols; ++j) {
      for (Index i = 0; i < one.rows; ++i) array.view(i, j) = one.values.data()[j * one.rows + i];
    }
    out[text(one.kind, one.layer).c_str()] = array.array;
  }
  return out;
}

template <class T>
py::dict plan_door(const BoundNetwork<T>& self, Index batch, const Optimizer<T>* optimizer, int threads) {
  if (batch < 1) throw py::value_error(text("plan: batch_size must be at least 1, got ", batch));
  const Plan plan = make_plan<T>(self.network.spec, batch, optimizer == nullptr ? nullptr : &optimizer->rule, threads);
  py::dict out;
  out["batch"] = plan.batch;
  out["slab"] = plan.slab;
  out["block"] = plan.block;
  out["narrow"] = plan.narrow;
  out["by_layer"] = plan.by_layer;
  out["threads"] = plan.threads;
  out["items"] = plan.items;
  out["flops"] = plan.flops;
  out["parameter_bytes"] = plan.parameter_bytes;
  out["optimizer_bytes"] = plan.optimizer_bytes;
  out["packed_bytes"] = plan.packed_bytes;
  out["workspace_bytes"] = plan.workspace_bytes;
  return out;
}

template <class T>
void bind(py::module_& m, const char* name, const char* predictor_name) {
  using Net = BoundNetwork<T>;
  using Maybe = std::optional<py::array>;
  py::class_<Net>(m, name, py::module_local(), py::is_final())
      .def(py::init([](Index inputs, const std::vector<py::tuple>& layers, const std::string& loss,
                       const std::optional<double>& loss_parameter, double label_smoothing, double input_dropout) {
             return std::make_unique<Net>(
                 make_spec(inputs, layers, loss, loss_parameter, label_smoothing, input_dropout));
           }),
           py::arg("inputs"), py::arg("layers"), py::arg("loss"), py::arg("loss_parameter") = py::none(),
           py::arg("label_smoothing") = 0.0, py::arg("input_dropout") = 0.0)
      .def_property_readonly("parameters",
                             [](py::object self) {
                               const auto& network = self.cast<Net&>().network;
                               return py::array_t<T>(network.layout.size(), network.parameters.data(), self);
                             })
      .def_property_readonly("running",
                             [](py::object self) {
                               const auto& network = self.cast<Net&>().network;
                               return py::array_t<T>(network.running.size(), network.running.data(), self);
                             })
      .def_property_readonly("layout",
                             [](const Net& self) {
                               std::vector<std::tuple<Index, Index, Index, Index>> out;
                               for (int l = 1; l <= self.network.layout.depth(); ++l) {
                                 const Slice& s = self.network.layout.layer(l);
                                 out.emplace_back(s.W, s.b, s.n_out, s.n_in);
                               }
                               return out;
                             })
      .def_property(
          "scikit_learn_sums", [](const Net& self) { return self.network.scikit_learn_sums; },
          [](Net& self, bool value) { self.network.scikit_learn_sums = value; })
      .def("predict", &predict_door<T>, py::arg("X"), py::arg("out") = py::none(), py::arg("threads") = 0)
      .def(
          "evaluate",
          [](const Net& self, const py::object& X, py::array y, const Maybe& w, int threads) {
            const Batch<T> batch("evaluate", self.network.spec, X, std::move(y), w);
            const Released released;
            const Scores scores = evaluate(self.network, batch.examples, threads);
            return std::pair{scores.loss, scores.accuracy};
          },
          py::arg("X"), py::arg("y"), py::arg("sample_weight") = py::none(), py::arg("threads") = 0)
      .def(
          "gradient",
          [](const Net& self, const py::object& X, py::array y, const py::array& out, const Maybe& w, int threads,
             const Training& training) {
            const Batch<T> batch("gradient", self.network.spec, X, std::move(y), w);
            T* g = flat<T>("gradient", "gradient", out, self.network.layout.size(), true);
            const Released released;
            const TrainingStep step = training_step(training);
            return gradient(self.network, batch.examples, g, threads, training ? &step : nullptr);
          },
          py::arg("X"), py::arg("y"), py::arg("gradient"), py::arg("sample_weight") = py::none(),
          py::arg("threads") = 0, py::arg("training") = py::none())
      .def(
          "nonfinite_layer",
          [](const Net& self, const py::object& X) {
            std::vector<py::array> keep;
            const auto x = inputs<T>("nonfinite_layer", X, self.network.spec.units(0), keep);
            const Released released;
            return nonfinite_layer(self.network, x);
          },
          py::arg("X"))
      .def("plan", &plan_door<T>, py::arg("batch"), py::arg("optimizer") = py::none(), py::arg("threads") = 0)
      .def("trace", &trace_door<T>, py::arg("X"), py::arg("y"), py::arg("sample_weight") = py::none(),
           py::arg("training") = py::none())
      .def(
          "train",
          [](Net& self, const py::object& X, py::array y, Optimizer<T>& optimizer, Index batch_size, Index epochs,
             bool shuffle, std::uint64_t seed, Index first_epoch, const Maybe& w, py::object on_epoch, int threads,
             const Maybe& order, py::object on_poll) {
            const Batch<T> batch("fit", self.network.spec, X, std::move(y), w);
            usable_for(optimizer, self, "fit");
            TrainOptions options{batch_size, epochs, shuffle, seed, first_epoch, threads};
            py::array visit;
            if (order) {
              const Index count = batch.examples.count();
              visit = order_door(*order, count, epochs);
              options.order = static_cast<const std::int64_t*>(visit.data());
              options.order_epochs = visit.size() == count ? 1 : epochs;
            }
            Listener listener(std::move(on_epoch), std::move(on_poll));
            const Writing writing(self.busy);
            TrainResult result;
            {
              const Released released;
              result = train(self.network, batch.examples, optimizer, options, listener);
            }
            return std::pair{result.losses, result.first_nonfinite_step};
          },
          py::arg("X"), py::arg("y"), py::arg("optimizer"), py::arg("batch_size"), py::arg("epochs"),
          py::arg("shuffle") = true, py::arg("seed") = 0, py::arg("first_epoch") = 0,
          py::arg("sample_weight") = py::none(), py::arg("on_epoch") = py::none(), py::arg("threads") = 0,
          py::arg("order") = py::none(), py::arg("on_poll") = py::none());
  py::class_<BoundPredictor<T>>(m, predictor_name, py::module_local(), py::is_final())
      .def(py::init<const Net&>(), py::arg("network"))
      .def_readonly("inputs", &BoundPredictor<T>::inputs)
      .def_readonly("outputs", &BoundPredictor<T>::outputs)
      .def("__call__", &BoundPredictor<T>::call, py::arg("x"), py::arg("out") = py::none(), py::arg("threads") = 0);
}

}  // namespace

void bind_network(py::module_& m) {
  bind<float>(m, "NetworkF32", "PredictorF32");
  bind<double>(m, "NetworkF64", "PredictorF64");
}

}  // namespace deepcore::bindings
