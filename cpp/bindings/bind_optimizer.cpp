// Schedules, optimizers and the update of flat parameters.
// Level: bindings.
#include <deepcore/catalog.hpp>
#include <deepcore/optimizer.hpp>

#include "arrays.hpp"
#include "bind.hpp"
#include "gil.hpp"
#include "held.hpp"
#include "plain.hpp"

#include "c_api.hpp"

#include <pybind11/stl.h>

#include <cmath>
#include <memory>
#include <optional>

namespace deepcore::bindings {

namespace {

Rule rule(const std::string& name, const py::dict& hyper) {
  Rule out{optimizer_id(name)};
  const OptimizerInfo& info = optimizers()[static_cast<std::size_t>(out.row)];
  std::size_t used = 0;
  if (hyper.empty()) {
    for (std::size_t k = 0; k < out.hyper.size() && info.hyper[k].name != nullptr; ++k)
      out.hyper[k] = info.hyper[k].value;
    out.weight_decay = info.weight_decay;
    return out;
  }
  const std::pair<const char*, double*> clips[] = {{"clip_value", &out.clip_value}, {"clip_norm", &out.clip_norm}};
  for (const auto& [key, value] : clips) {
    if (!hyper.contains(key)) continue;
    *value = hyper[key].cast<double>();
    if (!std::isfinite(*value) || *value <= 0)
      throw py::value_error(text(name, ": ", key, " must be a finite number above 0, got ", *value));
    ++used;
  }
  for (std::size_t k = 0; k < out.hyper.size() && info.hyper[k].name != nullptr; ++k) {
    const char* key = info.hyper[k].name;
    out.hyper[k] = hyper.contains(key) ? hyper[key].cast<double>() : info.hyper[k].value;
    used += hyper.contains(key) ? 1U : 0U;
    if (!std::isfinite(out.hyper[k]) || out.hyper[k] < 0) {
      throw py::value_error(text(name, ": ", key, " must be a finite number of at least 0, got ", out.hyper[k]));
    }
  }
  out.weight_decay = info.weight_decay;
  if (hyper.contains("weight_decay")) {
    out.weight_decay = hyper["weight_decay"].cast<double>();
    ++used;
    if (!std::isfinite(out.weight_decay) || out.weight_decay < 0)
      throw py::value_error(text(name, ": weight_decay must be a finite number of at least 0, got ", out.weight_decay));
  }
  if (used != hyper.size()) {
    throw py::value_error(text(name, ": unknown constant in ", std::string(py::str(hyper)),
                               "; see deepcore.catalog.optimizers['", name, "']"));
  }
  return out;
}

template <class T>
py::dict slots(const Optimizer<T>& self, Index parameters) {
  const OptimizerInfo& info = optimizers()[static_cast<std::size_t>(self.rule.row)];
  py::dict out;
  for (std::size_t k = 0; k < self.slot_count(); ++k) {
    py::array_t<T> copy(parameters);
    self.read_slot(k, copy.mutable_data());
    out[info.slots[k]] = copy;
  }
  return out;
}

template <class T>
void set_slots(Optimizer<T>& self, const py::dict& values, Index parameters) {
  const Exclusive writing(self.busy, "slots: a run holds them now; set them before or after it");
  const OptimizerInfo& info = optimizers()[static_cast<std::size_t>(self.rule.row)];
  std::vector<const T*> from;
  for (std::size_t k = 0; k < self.slot_count(); ++k) {
    const char* name = info.slots[k];
    if (!values.contains(name)) throw py::value_error(text("slots: ", name, " must be there"));
    from.push_back(flat<T>("slots", name, py::array(values[name]), parameters, false));
  }
  if (values.size() != from.size())
    throw py::value_error(text("slots: must be ", from.size(), " arrays, got ", values.size()));
  for (std::size_t k = 0; k < from.size(); ++k) self.set_slot(k, from[k]);
}

// A capsule with a handle for the C interface, which is freed with the capsule.
template <class T>
py::capsule optimizer_handle(const std::shared_ptr<Optimizer<T>>& self) {
  return {c_handle(self), DEEPCORE_OPTIMIZER_CAPSULE, [](void* handle) {
            deepcore_get_api(DEEPCORE_ABI_VERSION)->optimizer_free(static_cast<deepcore_optimizer*>(handle));
          }};
}

template <class T>
void bind(py::module_& m, const char* class_name) {
  using Net = Network<T>;
  using Opt = Optimizer<T>;
  py::class_<Opt, std::shared_ptr<Opt>>(m, class_name, py::module_local(), py::is_final(), owned_by_pointer())
      .def(py::init([](const Net& network, const std::string& name, const py::dict& hyper, const Schedule& schedule,
                       const std::optional<Schedule>& decay) {
             auto made = std::make_shared<Opt>(rule(name, hyper), schedule, network);
             made->decay = decay;
             return made;
           }),
           py::arg("network"), py::arg("name"), py::arg("hyper"), py::arg("schedule"), py::arg("decay") = py::none())
      .def_property(
          "steps", [](const Opt& self) -> Index { return self.steps; },
          [](Opt& self, Index steps) {
            if (steps < 0) throw py::value_error(text("steps must be at least 0, got ", steps));
            self.steps = steps;
          })
      .def_readwrite("learning_rate", &Opt::learning_rate)
      .def_readwrite("decay", &Opt::decay)
      .def("handle", &optimizer_handle<T>)
      .def_property(
          "slots", [](const Opt& self) { return slots(self, self.parameter_count()); },
          [](Opt& self, const py::dict& values) { set_slots(self, values, self.parameter_count()); })
      .def(
          "step",
          [](Opt& self, Net& network, const py::array& gradient) {
            const T* g = flat<T>("step", "gradient", gradient, network.tensors.size(), false);
            const Released released;
            step(self, network, g);
          },
          py::arg("network"), py::arg("gradient"));
}

// The step of one parameter: new arrays for it and its slots. Nothing unless all are plain, of one shape and one order.
template <class T>
std::vector<py::object> stepped(const Rule& which, double rate, Index t, const std::vector<py::object>& given) {
  std::vector<py::array> arrays;
  bool by_rows = true, by_columns = true;
  for (const py::object& one : given) {
    if (!plain<T>(one)) return {};
    arrays.push_back(py::reinterpret_borrow<py::array>(one));
    const py::array& a = arrays.back();
    by_rows = by_rows && gapless_by_rows(a);
    by_columns = by_columns && gapless_by_columns(a);
    if (a.ndim() != 2 || !has_shape(a, arrays[0].shape(0), arrays[0].shape(1))) return {};
  }
  if (!by_rows && !by_columns) return {};
  const Index n = arrays[0].size();
  const auto* const gradient = static_cast<const T*>(arrays[1].data());
  std::vector<const T*> from;  // the parameter and its slots
  std::vector<T*> to;
  std::vector<py::object> made;
  for (std::size_t k = 0; k < arrays.size(); ++k) {
    if (k == 1) continue;
    py::array copy = new_array<T>(2, arrays[0].shape(), !by_rows);
    from.push_back(static_cast<const T*>(arrays[k].data()));
    to.push_back(static_cast<T*>(copy.mutable_data()));
    made.push_back(std::move(copy));
  }
  constexpr Index kPiece = 4096;  // the update works in place: piece by piece, what is copied is still in the cache
  unlocked_if_long(static_cast<double>(n) * static_cast<double>(to.size()), [&] {
    for (Index i = 0; i < n; i += kPiece) {
      const Index count = std::min(kPiece, n - i);
      std::array<T*, kMaxSlots> slots{};
      for (std::size_t k = 0; k < to.size(); ++k) {
        std::copy_n(from[k] + i, count, to[k] + i);
        if (k > 0) slots[k - 1] = to[k] + i;
      }
      update(which, rate, t, to[0] + i, gradient + i, slots.data(), count);
    }
  });
  return made;
}

// A step of every parameter: the new parameters and the new slots, by name; None if anything is not plain.
py::object update_as_given(const std::string& name, const py::dict& hyper, double learning_rate, Index t,
                           const py::object& parameters, const py::object& grads, const py::list& slots) {
  const Rule which = rule(name, hyper);
  bool dicts = PyDict_CheckExact(parameters.ptr()) != 0 && PyDict_CheckExact(grads.ptr()) != 0;
  for (const py::handle& slot : slots) dicts = dicts && PyDict_CheckExact(slot.ptr()) != 0;
  dicts = dicts && slots.size() >= static_cast<std::size_t>(slots_in_use(which));
  if (!dicts || t < 1 || !std::isfinite(learning_rate)) return py::none();
  const py::str prefix("d");
  py::dict new_parameters;
  py::list new_slots;
  for (std::size_t k = 0; k < slots.size(); ++k) new_slots.append(py::dict());
  const auto items =
      py::reinterpret_steal<py::list>(PyDict_Items(parameters.ptr()));  // other threads may change the dict
  for (const py::handle& item : items) {
    const py::handle key = PyTuple_GET_ITEM(item.ptr(), 0), value = PyTuple_GET_ITEM(item.ptr(), 1);
    if (PyUnicode_CheckExact(key.ptr()) == 0) return py::none();
    const auto d = py::reinterpret_steal<py::object>(PyUnicode_Concat(prefix.ptr(), key.ptr()));
    if (!d) throw py::error_already_set();
    std::vector<py::object> arrays{py::reinterpret_borrow<py::object>(value)};
    const auto add = [&](const py::handle& dict) {
      PyObject* const found = PyDict_GetItemWithError(dict.ptr(), d.ptr());
      if (found != nullptr) arrays.push_back(py::reinterpret_borrow<py::object>(found));
      return found != nullptr;
    };
    bool complete = add(grads);
    for (const py::handle& slot : slots) complete = complete && add(slot);
    if (PyErr_Occurred() != nullptr) throw py::error_already_set();
    if (!complete) return py::none();
    std::vector<py::object> made = stepped<float>(which, learning_rate, t, arrays);
    if (made.empty()) made = stepped<double>(which, learning_rate, t, arrays);
    if (made.empty()) return py::none();
    new_parameters[key] = made[0];
    for (std::size_t k = 1; k < made.size(); ++k) py::reinterpret_borrow<py::dict>(new_slots[k - 1])[d] = made[k];
  }
  return py::make_tuple(new_parameters, new_slots);
}

}  // namespace

void bind_optimizer(py::module_& m) {
  py::class_<Schedule>(m, "Schedule", py::module_local(), py::is_final(), owned_by_pointer())
      .def(py::init([](const std::string& name, std::vector<double> parameters) {
             return std::make_unique<Schedule>(schedule_id(name), std::move(parameters));
           }),
           py::arg("name"), py::arg("parameters"))
      .def_static("table", &Schedule::table, py::arg("values"))
      .def_static("warmup", &Schedule::warmup, py::arg("after"), py::arg("steps"), py::arg("start"))
      .def("scaled", &Schedule::scaled, py::arg("factor"))
      .def(
          "__call__",
          [](const Schedule& self, const py::object& given) {
            const Index step = whole_number("schedule", "step", given);
            if (step < 0) throw py::value_error(text("schedule: step must be at least 0, got ", step));
            return self(step);
          },
          py::arg("step"));
  bind<float>(m, "OptimizerF32");
  bind<double>(m, "OptimizerF64");
  m.def(
      "update",
      [](const std::string& name, const py::dict& hyper, double learning_rate, Index t, const py::array& parameter,
         const py::array& gradient, const std::vector<py::array>& slots) {
        const Rule which = rule(name, hyper);
        if (which.clips()) throw py::value_error("update: gradients are clipped by step, over all parameters");
        if (t < 1) throw py::value_error(text("update: t must be at least 1, got ", t));
        if (!std::isfinite(learning_rate))
          throw py::value_error(text("update: learning_rate must be finite, got ", learning_rate));
        by_dtype("update", "parameter", parameter, [&](auto zero) {
          using T = decltype(zero);
          const Index n = parameter.size();
          T* p = flat<T>("update", "parameter", parameter, n, true);
          const T* g = flat<T>("update", "gradient", gradient, n, false);
          std::size_t wanted = 0;
          for (const char* slot : optimizers()[static_cast<std::size_t>(which.row)].slots)
            wanted += slot != nullptr ? 1U : 0U;
          if (slots.size() != wanted) {
            throw py::value_error(text("update: ", name, " takes ", wanted, " slots, got ", slots.size()));
          }
          std::array<T*, kMaxSlots> s{};
          for (std::size_t k = 0; k < wanted; ++k) s[k] = flat<T>("update", "slots", slots[k], n, true);
          update(which, learning_rate, t, p, g, s.data(), n);
        });
      },
      py::arg("name"), py::arg("hyper"), py::arg("learning_rate"), py::arg("t"), py::arg("parameter"),
      py::arg("gradient"), py::arg("slots"));
  m.def("update_as_given", &update_as_given, py::arg("name"), py::arg("hyper"), py::arg("learning_rate"), py::arg("t"),
        py::arg("parameters"), py::arg("grads"), py::arg("slots"));
}

}  // namespace deepcore::bindings
