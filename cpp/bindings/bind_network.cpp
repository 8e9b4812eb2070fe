// Networks: predict, evaluate, gradient, trace, train. Rows are examples.
// Level: bindings.
#include <deepcore/catalog.hpp>
#include <deepcore/finite.hpp>
#include <deepcore/plan.hpp>
#include <deepcore/threads.hpp>
#include <deepcore/train.hpp>

#include "arrays.hpp"
#include "bind.hpp"
#include "describe.hpp"
#include "examples.hpp"
#include "filled.hpp"
#include "gil.hpp"
#include "held.hpp"
#include "listener.hpp"
#include "sharing.hpp"

#include "c_api.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

namespace deepcore::bindings {

namespace {

// Looks for Ctrl-C, at most every 50 ms, in calls that listen to nothing else. Calls of some milliseconds do not look:
// reading the clock would take a part of the shortest ones.
template <class T>
Poll interrupts(const Network<T>& network, Index examples) {
  using Clock = std::chrono::steady_clock;
  const auto columns = static_cast<double>(examples * network.spec.members());
  if (columns * static_cast<double>(network.tensors.size()) < 1e6) return {};
  return [next = Clock::now() + std::chrono::milliseconds(50)]() mutable {
    if (Clock::now() < next) return;
    next = Clock::now() + std::chrono::milliseconds(50);
    const Acquired lock;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  };
}

// The explicit order of a run: rows, of every epoch or of all of them one after the other. It is not copied: a callback may
// write the order of the next epoch into it.
py::array visiting_order(const py::array& order, Index m, Index epochs) {
  const py::array out = py::array_t<std::int64_t, py::array::c_style>(usable<std::int64_t>("fit", "order", order));
  if (out.ndim() != 1 || (out.size() != m && out.size() != epochs * m)) {
    throw py::value_error(text("fit: order must have shape (", m, ",) for every epoch, or (", epochs * m,
                               ",) for all of them, got ", shape_text(out)));
  }
  return out;
}

template <class T>
py::array predict_rows(const Network<T>& self, const py::object& X, const std::optional<py::array>& out, int threads) {
  std::vector<py::array> keep;
  const auto x = inputs<T>("predict", X, self.spec.columns(), keep);
  std::vector<py::array> read = keep;
  if (out) read.push_back(py::array_t<T>(self.parameters.size(), self.parameters.data(), py::none()));
  return filled<T>("predict", x.cols, self.spec.outputs(), out, read, [&](View<T> A) {
    const Released released;
    const Reader<T> network(self);
    predict(*network, x, A, threads, interrupts(self, x.cols));
  });
}

// The number of threads of a call that asks for it: 1 to kMaxThreads, or 0 for None. Nothing if `given` is neither.
std::optional<int> threads_or_nothing(const py::object& given) {
  if (given.is_none()) return 0;
  if (PyLong_CheckExact(given.ptr()) == 0) return std::nullopt;
  int overflow = 0;
  const long threads = PyLong_AsLongAndOverflow(given.ptr(), &overflow);
  if (overflow != 0 || threads < 1 || threads > kMaxThreads) return std::nullopt;
  return static_cast<int>(threads);
}

// Whether the elements of an array lie one after the other in the order of its rows, as T.
template <class T>
bool gapless(const py::array& a) {
  return is<T>(a) && (a.flags() & py::array::c_style) != 0 && whole_elements<T>(a);
}

// The outputs for the arrays that users pass most: finite floats without gaps, (m, inputs), or (inputs,) for one example.
// None for anything else: then the checks in Python convert it or say what is wrong with it.
template <class T>
py::object predict_as_given(const Network<T>& self, const py::object& given, const py::object& given_threads) {
  using Other = std::conditional_t<std::is_same_v<T, float>, double, float>;
  if (Py_TYPE(given.ptr()) != py::detail::npy_api::get().PyArray_Type_) return py::none();
  const auto array = py::reinterpret_borrow<py::array>(given);
  const std::optional<int> threads = threads_or_nothing(given_threads);
  const Index units = self.spec.columns(), outputs = self.spec.outputs(), axes = array.ndim();
  const bool own = gapless<T>(array), converts = !own && gapless<Other>(array);
  const bool fits = (own || converts) && (axes == 1 || axes == 2) && array.shape(axes - 1) == units;
  if (!fits || !threads) return py::none();
  const Index m = axes == 1 ? 1 : array.shape(0);
  py::array result = axes == 1 ? new_array<T>(1, &outputs) : new_matrix<T>(m, outputs);
  const View<T> A{static_cast<T*>(result.mutable_data()), outputs, m, 1, outputs};
  const bool finite = [&] {
    const Released released;
    std::vector<T> converted;
    if (converts) {
      const auto* values = static_cast<const Other*>(array.data());
      converted.assign(values, values + m * units);
    }
    const View<const T> X{converts ? converted.data() : static_cast<const T*>(array.data()), units, m, 1, units};
    if (first_nonfinite_row<T>(reinterpret_cast<const std::byte*>(X.data), m, units * Index{sizeof(T)}, units,
                               sizeof(T)) >= 0)
      return false;
    const Reader<T> network(self);
    predict(*network, X, A, *threads, interrupts(self, m));
    return true;
  }();
  return finite ? py::object(std::move(result)) : py::none();
}

// The values of an intermediate as an array, which takes over their memory.
template <class T>
py::array_t<T> as_array(Intermediate<T>& one) {
  auto values = std::make_unique<Buffer<T>>(std::move(one.values));
  const py::capsule owner(values.get(), [](void* held) { delete static_cast<Buffer<T>*>(held); });
  const T* const data = values.release()->data();
  return py::array_t<T>({one.rows, one.cols}, {Index{sizeof(T)}, one.rows * Index{sizeof(T)}}, data, owner);
}

template <class T>
py::dict trace_rows(const Network<T>& self, const py::object& X, py::array y, const std::optional<py::array>& w,
                    const Training& training, const std::vector<std::string>& kinds) {
  const Batch<T> batch("trace", self.spec, X, std::move(y), w);
  py::dict out;
  const std::optional<TrainingStep> step = training_step(training);
  auto intermediates = [&] {
    const Released released;
    const Reader<T> network(self);
    return trace(*network, batch.examples, pointer(step), kinds);
  }();
  for (auto& one : intermediates) out[text(one.kind, one.layer).c_str()] = as_array(one);
  return out;
}

// (name, layer, rows, columns, offset) of each array in `parameters` or `running`; each is stored column by column.
py::list tensor_list(const std::vector<Tensor>& tensors) {
  py::list out;
  for (const Tensor& t : tensors) out.append(py::make_tuple(role_info(t.role).name, t.layer, t.rows, t.cols, t.offset));
  return out;
}

template <class T>
py::dict plan_rows(const Network<T>& self, Index batch, const Optimizer<T>* optimizer, int threads) {
  if (batch < 1) throw py::value_error(text("plan: batch_size must be at least 1, got ", batch));
  const Plan plan = make_plan<T>(self.spec, batch, optimizer == nullptr ? nullptr : &optimizer->rule, threads);
  py::dict out;
  out["batch"] = plan.batch;
  const Index members = self.spec.members();  // a slab and a block are counted in columns
  out["slab"] = plan.slab / members;
  out["block"] = (plan.block + members - 1) / members;
  out["narrow"] = plan.way == Way::lanes;
  out["by_layer"] = plan.way == Way::layers;
  out["threads"] = plan.threads;
  out["items"] = plan.items;
  out["flops"] = plan.flops;
  out["parameter_bytes"] = plan.parameter_bytes;
  out["optimizer_bytes"] = plan.optimizer_bytes;
  out["packed_bytes"] = plan.packed_bytes;
  out["workspace_bytes"] = plan.workspace_bytes;
  return out;
}

// A capsule with a handle for the C interface, which is freed with the capsule.
template <class T>
py::capsule network_handle(const std::shared_ptr<Network<T>>& self) {
  return {c_handle(self), DEEPCORE_NETWORK_CAPSULE, [](void* handle) {
            deepcore_get_api(DEEPCORE_ABI_VERSION)->network_free(static_cast<deepcore_network*>(handle));
          }};
}

Ranks::Cut cut_of(const std::string& name) {
  if (name == "even") return Ranks::Cut::even;
  if (name == "chains") return Ranks::Cut::chains;
  if (name == "own") return Ranks::Cut::own;
  throw py::value_error(text("Ranks: cut must be even, chains or own, got ", name));
}

template <class T>
void bind(py::module_& m, const char* name, const char* trainer_name) {
  using Net = Network<T>;
  using Maybe = std::optional<py::array>;
  py::class_<Net, std::shared_ptr<Net>> bound(m, name, py::module_local(), py::is_final(), owned_by_pointer());
  bind_sharing(m, bound, trainer_name);
  bound
      .def(py::init([](Index inputs, const std::vector<py::tuple>& layers, const std::string& loss,
                       const std::optional<double>& loss_parameter, double label_smoothing, double input_dropout,
                       const py::dict& embeddings) {
             auto made = std::make_shared<Net>(
                 make_spec(inputs, layers, loss, loss_parameter, label_smoothing, input_dropout, embeddings));
             made->kept.enable();  // shown() counts the arrays by which Python may write its parameters
             return made;
           }),
           py::arg("inputs"), py::arg("layers"), py::arg("loss"), py::arg("loss_parameter") = py::none(),
           py::arg("label_smoothing") = 0.0, py::arg("input_dropout") = 0.0, py::arg("embeddings") = py::dict())
      .def_property_readonly("tensors", [](const Net& self) { return tensor_list(self.tensors.all()); })
      .def_property_readonly("running_tensors", [](const Net& self) { return tensor_list(self.tensors.running()); })
      .def_readwrite("scikit_learn_sums", &Net::scikit_learn_sums)
      .def("handle", &network_handle<T>)
      .def("predict", &predict_rows<T>, py::arg("X"), py::arg("out") = py::none(), py::arg("threads") = 0)
      .def("predict_as_given", &predict_as_given<T>, py::arg("X"), py::arg("threads"))
      .def(
          "evaluate",
          [](const Net& self, const py::object& X, py::array y, const Maybe& w, int threads) {
            const Batch<T> batch("evaluate", self.spec, X, std::move(y), w);
            const Released released;
            const Reader<T> network(self);
            const Scores scores = evaluate(*network, batch.examples, threads, interrupts(self, batch.examples.count()));
            return std::pair{scores.loss, scores.accuracy};
          },
          py::arg("X"), py::arg("y"), py::arg("sample_weight") = py::none(), py::arg("threads") = 0)
      .def(
          "gradient",
          [](const Net& self, const py::object& X, py::array y, const py::array& out, const Maybe& w, int threads,
             const Training& training, const py::dict& given, bool sums) {
            const Batch<T> batch("gradient", self.spec, X, std::move(y), w);
            T* g = flat<T>("gradient", "gradient", out, self.tensors.size(), true);
            std::optional<TrainingStep> step = training_step(training);
            const Masks masks(self.spec, batch.examples.count() * self.spec.members(), given);
            masks.apply(step);
            const Released released;
            const Reader<T> network(self);
            return gradient(*network, batch.examples, g, threads, pointer(step),
                            interrupts(self, batch.examples.count()), sums ? Reduction::sum : Reduction::mean);
          },
          py::arg("X"), py::arg("y"), py::arg("gradient"), py::arg("sample_weight") = py::none(),
          py::arg("threads") = 0, py::arg("training") = py::none(), py::arg("masks") = py::dict(),
          py::arg("sums") = false)
      .def(
          "nonfinite_layer",
          [](const Net& self, const py::object& X) {
            std::vector<py::array> keep;
            const auto x = inputs<T>("nonfinite_layer", X, self.spec.columns(), keep);
            const Released released;
            const Reader<T> network(self);
            return nonfinite_layer(*network, x);
          },
          py::arg("X"))
      .def("plan", &plan_rows<T>, py::arg("batch"), py::arg("optimizer") = py::none(), py::arg("threads") = 0)
      .def("trace", &trace_rows<T>, py::arg("X"), py::arg("y"), py::arg("sample_weight") = py::none(),
           py::arg("training") = py::none(), py::arg("kinds") = std::vector<std::string>())
      .def(
          "train",
          [](Net& self, const py::object& X, py::array y, Optimizer<T>& optimizer, Index batch_size, Index epochs,
             bool shuffle, std::uint64_t seed, Index first_epoch, const Maybe& w, py::object on_epoch, int threads,
             const Maybe& order, py::object on_poll, const std::optional<Schedule>& dropout,
             const std::optional<Schedule>& smoothing, Place* place, py::object on_pause,
             const std::optional<Ranks>& ranks, py::object on_sums, Skipped* skipped) {
            const Batch<T> batch("fit", self.spec, X, std::move(y), w);
            TrainOptions options;
            options.batch_size = batch_size;
            options.epochs = epochs;
            options.shuffle = shuffle;
            options.seed = seed;
            options.first_epoch = first_epoch;
            options.threads = threads;
            options.dropout = dropout;
            options.smoothing = smoothing;
            options.place = place;
            options.ranks = ranks;
            py::array visit;
            if (order) {
              const Index count = batch.examples.count();
              visit = visiting_order(*order, count, epochs);
              options.order = static_cast<const std::int64_t*>(visit.data());
              options.order_epochs = visit.size() == count ? 1 : epochs;
            }
            Listener listener(std::move(on_epoch), std::move(on_poll), std::move(on_pause), std::move(on_sums),
                              skipped);
            const TrainResult result = [&] {
              const Released released;
              return train(self, batch.examples, optimizer, options, listener);
            }();
            // Skipped has them: to make objects of them once more would take 1 to 2% of a very short epoch.
            return std::pair{skipped == nullptr ? result.losses : std::vector<double>(), result.first_nonfinite_step};
          },
          py::arg("X"), py::arg("y"), py::arg("optimizer"), py::arg("batch_size"), py::arg("epochs"),
          py::arg("shuffle") = true, py::arg("seed") = 0, py::arg("first_epoch") = 0,
          py::arg("sample_weight") = py::none(), py::arg("on_epoch") = py::none(), py::arg("threads") = 0,
          py::arg("order") = py::none(), py::arg("on_poll") = py::none(), py::arg("dropout") = py::none(),
          py::arg("smoothing") = py::none(), py::arg("place") = py::none(), py::arg("on_pause") = py::none(),
          py::arg("ranks") = py::none(), py::arg("on_sums") = py::none(), py::arg("skipped") = py::none());
}

}  // namespace

void bind_network(py::module_& m) {
  py::class_<Place>(m, "Place", py::module_local(), py::is_final(), owned_by_pointer())
      .def(py::init([] { return std::make_unique<Place>(); }))
      .def_readwrite("visited", &Place::visited)
      .def_readwrite("loss", &Place::loss)
      .def_readwrite("weight", &Place::weight);
  py::class_<Skipped>(m, "Skipped", py::module_local(), py::is_final(), owned_by_pointer())
      .def(py::init([] { return std::make_unique<Skipped>(); }))
      .def_readwrite("left", &Skipped::left)
      .def("take", &Skipped::take);
  py::class_<Ranks>(m, "Ranks", py::module_local(), py::is_final(), owned_by_pointer())
      .def(py::init([](const std::string& cut, Index rank, Index count, Index steps, Index first) {
             return std::make_unique<Ranks>(Ranks{cut_of(cut), rank, count, steps, first});
           }),
           py::arg("cut"), py::arg("rank"), py::arg("count"), py::arg("steps") = 0, py::arg("first") = 0);
  bind<float>(m, "NetworkF32", "TrainerF32");
  bind<double>(m, "NetworkF64", "TrainerF64");
}

}  // namespace deepcore::bindings
