// The native module. It is compiled once and linked into the file of every CPU variant. Each file is imported by a name of
// its own, and therefore needs an init function of that name.
// Level: bindings.
#include <deepcore/threads.hpp>
#include <deepcore/version.hpp>

#include <deepcore_api.h>

#include <exception>
#include <new>
#include <string>
#include <utility>

#include "bind.hpp"

namespace py = pybind11;

namespace {

void bind(py::module_& m) {
  m.attr("variant") = deepcore::build_info().variant;
  m.attr("c_table") = py::capsule(deepcore_get_api(DEEPCORE_ABI_VERSION), DEEPCORE_API_CAPSULE);
  m.def("build_info", [] {
    const auto info = deepcore::build_info();
    py::dict d;
    d["version"] = info.version;
    d["variant"] = info.variant;
    d["eigen"] = info.eigen;
    d["compiler"] = info.compiler;
    d["threads"] = std::to_string(deepcore::num_threads());
    d["packet_bytes"] = std::to_string(info.packet_bytes);
    return d;
  });
  py::register_local_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(std::move(error));
    } catch (const std::bad_alloc&) {
      PyErr_SetString(PyExc_MemoryError, "deepcore: not enough memory; Model.plan tells what a step takes");
    }
  });
  deepcore::bindings::bind_catalog(m);
  deepcore::bindings::bind_checks(m);
  deepcore::bindings::bind_functional(m);
  deepcore::bindings::bind_as_given(m);
  deepcore::bindings::bind_optimizer(m);
  deepcore::bindings::bind_network(m);
  deepcore::bindings::bind_predictor(m);
  deepcore::bindings::bind_many(m);
}

}  // namespace

PYBIND11_MODULE(_core_base, m) { bind(m); }
PYBIND11_MODULE(_core_v2, m) { bind(m); }
PYBIND11_MODULE(_core_v3, m) { bind(m); }
PYBIND11_MODULE(_core_v4, m) { bind(m); }
