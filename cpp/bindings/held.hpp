// Objects that Python holds: what happens where memory ends while one is handed over.
// Level: bindings.
#pragma once

#include <pybind11/pybind11.h>

namespace deepcore::bindings {

namespace py = pybind11;

// For every class that Python can construct; its constructors return pointers that own the object. What they return by value
// pybind11 enters in the table of all objects where it catches no exception, and a failed allocation would end the process.
// Pointers it enters within its handlers, but between storing the address of the object and storing the owner: if that
// fails, the owner deletes the object, and pybind11 would do so once more. An address that did not come into the table is
// therefore forgotten first.
inline py::custom_type_setup owned_by_pointer() {
  return py::custom_type_setup([](PyHeapTypeObject* type) {
    type->ht_type.tp_dealloc = [](PyObject* self) {
      for (py::detail::value_and_holder& held :
           py::detail::values_and_holders(reinterpret_cast<py::detail::instance*>(self))) {
        if (!held.instance_registered()) held.value_ptr() = nullptr;
      }
      py::detail::pybind11_object_dealloc(self);
    };
  });
}

}  // namespace deepcore::bindings
