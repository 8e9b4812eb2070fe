// Predictors: snapshots of a network for predictions in a loop.
// Level: bindings.
#include <deepcore/predictor.hpp>

#include "arrays.hpp"
#include "bind.hpp"
#include "filled.hpp"
#include "gil.hpp"
#include "held.hpp"

#include "platform.hpp"

#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace deepcore::bindings {

namespace {

Weights weights_named(const std::string& name) {
  return name == "bfloat16" ? Weights::bfloat16 : name == "int8" ? Weights::int8 : Weights::own;
}

// A Predictor and the lock that lets one call at a time use its workspace.
template <class T>
struct BoundPredictor {
  BoundPredictor(const Network<T>& network, Weights weights)
      : predictor(*Reader<T>(network), weights), inputs(predictor.inputs()), outputs(predictor.outputs()),
        work(static_cast<double>(network.tensors.size())), sizes(std::to_string(inputs)) {
    for (int l = 1; l <= network.spec.depth(); ++l) sizes += "-" + std::to_string(network.spec.units(l));
  }
  Predictor<T> predictor;
  Index inputs, outputs;
  double work;        // multiply-adds of one example
  std::string sizes;  // 784-128-10
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

  py::array call(const py::object& given, const py::object& given_out, const py::object& given_threads) {
    const int threads = threads_of(given_threads);
    auto x = array_of("x", given);
    std::optional<py::array> out;
    if (!given_out.is_none()) out = array_of("out", given_out);
    if (x.ndim() == 1) return one(std::move(x), out, threads);
    const auto X = examples<T>("Predictor", "x", x, inputs, "inputs");
    return filled<T>("Predictor", X.cols, outputs, out, {x}, [&](View<T> A) { run(X, A, threads); });
  }

  static int threads_of(const py::object& given) {
    const Index threads = whole_number("Predictor", "threads", given);
    if (threads < 0) throw py::value_error(text("Predictor: threads must be at least 0, got ", threads));
    return static_cast<int>(std::min<Index>(threads, std::numeric_limits<int>::max()));
  }

  static py::array array_of(const char* name, const py::object& given) {
    if (!py::isinstance<py::array>(given)) {
      throw py::type_error(
          text("Predictor: ", name, " must be a NumPy array of ", dtype_name<T>(), ", got ", type_name(given)));
    }
    return given.cast<py::array>();
  }

  py::array one(py::array x, const std::optional<py::array>& out, int threads) {
    if (x.shape(0) != inputs)
      throw py::value_error(text("Predictor: x must have ", inputs, " values, got ", shape_text(x)));
    x = usable<T>("Predictor", "x", x);
    py::array result = out ? *out : new_array<T>(1, &outputs);
    const bool fits = is<T>(result) && result.ndim() == 1 && result.shape(0) == outputs && result.writeable() &&
                      whole_elements<T>(result) && distinct_elements(result);
    if (!fits) {
      throw py::value_error(
          text("Predictor: out must be a writable ", dtype_name<T>(), " array of shape (", outputs, ",)"));
    }
    const View<const T> X{static_cast<const T*>(x.data()), inputs, 1, stride<T>(x, 0), inputs};
    const View<T> A{static_cast<T*>(result.mutable_data()), outputs, 1, stride<T>(result, 0), outputs};
    run(X, A, threads);  // one block: all of x is read before the first output is written
    return result;
  }
};

template <class T>
void bind_snapshots(py::module_& m, const char* name) {
  using Net = Network<T>;
  py::class_<BoundPredictor<T>> predictor(m, name, py::module_local(), py::is_final(), owned_by_pointer());
  predictor.doc() =
      "A snapshot of a model with a workspace of its own, for predictions in a loop: ``predictor(x)``.\n\n"
      "x is a NumPy array of the model's dtype, one example (n_x,) or rows (m, n_x); out= takes the result. Later "
      "changes "
      "of the model are not seen. Values are not checked: NaN in gives NaN out. One call at a time works; others wait.";
  predictor
      .def(py::init([](const Net& network, const std::string& weights) {
             const Weights rounded = weights_named(weights);
             const Released released;
             return std::make_unique<BoundPredictor<T>>(network, rounded);
           }),
           py::arg("network"), py::arg("weights") = "own")
      .def("__repr__",
           [](const BoundPredictor<T>& self) { return text("Predictor(", self.sizes, ", ", dtype_name<T>(), ")"); })
      .def_readonly("inputs", &BoundPredictor<T>::inputs)
      .def_readonly("outputs", &BoundPredictor<T>::outputs)
      .def("__call__", &BoundPredictor<T>::call, py::arg("x"), py::arg("out") = py::none(),
           py::arg("threads") = py::int_(0));
}

}  // namespace

void bind_predictor(py::module_& m) {
  bind_snapshots<float>(m, "PredictorF32");
  bind_snapshots<double>(m, "PredictorF64");
}

}  // namespace deepcore::bindings
