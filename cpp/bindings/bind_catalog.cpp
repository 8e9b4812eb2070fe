// The tables, and randomness.
// Level: bindings.
#include <deepcore/catalog.hpp>
#include <deepcore/network.hpp>
#include <deepcore/peak.hpp>
#include <deepcore/rng.hpp>
#include <deepcore/threads.hpp>

#include "arrays.hpp"
#include "bind.hpp"
#include "gil.hpp"

#include <cmath>

namespace deepcore::bindings {

namespace {

template <class Info, class Fill>
py::list rows(const std::vector<Info>& infos, Fill fill) {
  py::list out;
  for (const Info& info : infos) {
    py::dict row;
    row["name"] = info.name;
    row["formula"] = info.formula;
    fill(info, row);
    out.append(row);
  }
  return out;
}

Index count_rule(const char* who, const char* name, Index count) {
  if (count < 0) throw py::value_error(text(who, ": ", name, " must be at least 0, got ", count));
  return count;
}

}  // namespace

void bind_catalog(py::module_& m) {
  m.def("activations", [] {
    return rows(activations(), [](const ActivationInfo& info, py::dict& row) {
      row["derivative"] = info.derivative;
      row["reads"] = info.reads == Reads::output ? "output" : "input";
      row["gain"] = info.gain;
      row["parameter"] = info.has_parameter ? py::object(py::float_(info.parameter)) : py::object(py::none());
      row["probability"] = info.probability;
      row["positive"] = info.positive;
    });
  });
  m.def("losses", [] {
    return rows(losses(), [](const LossInfo& info, py::dict& row) {
      row["derivative"] = info.derivative;
      row["output"] = *info.output != '\0' ? py::object(py::str(info.output)) : py::object(py::none());
      row["needs_probability"] = info.needs_probability;
      row["needs_positive"] = info.needs_positive;
      row["parameter"] = info.has_parameter ? py::object(py::float_(info.parameter)) : py::object(py::none());
    });
  });
  m.def("initializers", [] { return rows(initializers(), [](const InitializerInfo&, py::dict&) {}); });
  m.def("optimizers", [] {
    return rows(optimizers(), [](const OptimizerInfo& info, py::dict& row) {
      py::list slots;
      py::dict hyper;
      for (const char* slot : info.slots) {
        if (slot != nullptr) slots.append(slot);
      }
      for (const Named& h : info.hyper) {
        if (h.name != nullptr) hyper[h.name] = h.value;
      }
      hyper["weight_decay"] = info.weight_decay;
      row["slots"] = slots;
      row["hyper"] = hyper;
    });
  });
  m.def("schedules", [] {
    return rows(schedules(), [](const ScheduleInfo& info, py::dict& row) {
      py::list parameters;
      for (const char* name : info.parameters) {
        if (name != nullptr) parameters.append(name);
      }
      row["parameters"] = parameters;
    });
  });
  m.def("metrics", [] { return rows(metrics(), [](const MetricInfo&, py::dict&) {}); });

  m.def(
      "peak_gflops",
      [](int threads, double seconds) {
        if (threads < 1 || !(seconds >= 0 && seconds <= 3600)) {
          throw py::value_error("peak_gflops: threads must be at least 1 and seconds from 0 to 3600");
        }
        const Released released;
        return peak_gflops(threads, seconds);
      },
      py::arg("threads"), py::arg("seconds"));
  m.def("num_threads", &num_threads);
  m.def(
      "set_num_threads",
      [](int threads) {
        if (threads < 0) throw py::value_error(text("set_num_threads: threads must be at least 0, got ", threads));
        set_num_threads(threads);
      },
      py::arg("threads"));
  m.def(
      "initialize",
      [](Index n_out, Index n_in, const std::string& name, double gain, std::uint64_t seed, Index layer) {
        const int row = initializer_id(name);
        py::array_t<double> W({count_rule("initialize", "n_out", n_out), count_rule("initialize", "n_in", n_in)});
        initialize(row, gain, seed, layer, n_out, n_in, W.mutable_data());
        return W;
      },
      py::arg("n_out"), py::arg("n_in"), py::arg("name"), py::arg("gain"), py::arg("seed"), py::arg("layer"));
  m.def(
      "normal",
      [](std::uint64_t seed, Index which, Index count) {
        py::array_t<double> out(count_rule("normal", "count", count));
        normal(seed, stream(Stream::user, which), out.mutable_data(), count);
        return out;
      },
      py::arg("seed"), py::arg("stream"), py::arg("count"));
  m.def(
      "uniform",
      [](std::uint64_t seed, Index which, Index count) {
        py::array_t<double> out(count_rule("uniform", "count", count));
        uniform(seed, stream(Stream::user, which), out.mutable_data(), count);
        return out;
      },
      py::arg("seed"), py::arg("stream"), py::arg("count"));
  m.def(
      "permutation",
      [](std::uint64_t seed, Index epoch, Index count) {
        py::array_t<std::int64_t> order(count_rule("permutation", "m", count));
        permutation(seed, epoch, order.mutable_data(), count);
        return order;
      },
      py::arg("seed"), py::arg("epoch"), py::arg("m"));
}

}  // namespace deepcore::bindings
