// What each binding file adds to the module.
// Floor: bindings.
#pragma once

#include <pybind11/pybind11.h>

namespace deepcore::bindings {

void bind_catalog(pybind11::module_& m);
void bind_door(pybind11::module_& m);
void bind_functional(pybind11::module_& m);
void bind_optimizer(pybind11::module_& m);
void bind_network(pybind11::module_& m);

}  // namespace deepcore::bindings
