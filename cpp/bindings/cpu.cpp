// The module `_cpu`: which variants were built, and which CPU levels of the x86-64 psABI run here.
// Level: bindings. It is compiled with baseline flags: it is loaded before anybody knows what this CPU can do.
#include "cpu_level.hpp"

#include <pybind11/pybind11.h>

#include <string>

namespace py = pybind11;

namespace {

py::tuple runnable() {
  py::list names;
  names.append("base");
  for (int level = 2; level <= deepcore::bindings::cpu_level(); ++level) names.append("v" + std::to_string(level));
  return py::tuple(names);
}

}  // namespace

PYBIND11_MODULE(_cpu, m, py::mod_gil_not_used()) {
  m.doc() = "Which variants of the native module were built, and which run on this CPU.";
  m.attr("BUILT") = py::tuple(py::str(DEEPCORE_BUILT).attr("split")());
  m.def("runnable", &runnable, "Names of the variants that this CPU and operating system can run.");
}
