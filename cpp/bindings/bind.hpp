// What each binding file adds to the module.
// Level: bindings.
#pragma once

#include <pybind11/pybind11.h>

namespace deepcore::bindings {

void bind_as_given(pybind11::module_& m);
void bind_catalog(pybind11::module_& m);
void bind_checks(pybind11::module_& m);
void bind_functional(pybind11::module_& m);
void bind_optimizer(pybind11::module_& m);
void bind_network(pybind11::module_& m);
void bind_predictor(pybind11::module_& m);
void bind_many(pybind11::module_& m);

}  // namespace deepcore::bindings
