// Checks of whole arrays for the argument checks of Python, in one pass without allocation; and sync_folder.
// Level: bindings.
#include "arrays.hpp"
#include "bind.hpp"
#include "gil.hpp"

#include <deepcore/finite.hpp>

#include "platform.hpp"

#include <cstddef>
#include <string>

namespace deepcore::bindings {

void bind_checks(py::module_& m) {
  m.def(
      "first_nonfinite_row",
      [](const py::array& a) {
        if (a.ndim() != 1 && a.ndim() != 2) throw py::value_error("first_nonfinite_row: a must have 1 or 2 axes");
        return by_dtype("first_nonfinite_row", "a", a, [&](auto zero) {
          using T = decltype(zero);
          const auto* data = static_cast<const std::byte*>(a.data());
          const Index rows = a.shape(0), columns = a.ndim() == 2 ? a.shape(1) : 1;
          const Index row = a.strides(0), column = a.ndim() == 2 ? a.strides(1) : Index{sizeof(T)};
          if (rows * columns < 4096) return first_nonfinite_row<T>(data, rows, row, columns, column);
          const Released released;
          return first_nonfinite_row<T>(data, rows, row, columns, column);
        });
      },
      py::arg("a"));
  m.def(
      "sync_folder",
      [](const std::string& path) {
        const Released released;
        return platform::sync_folder(path.c_str());
      },
      py::arg("path"));
}

}  // namespace deepcore::bindings
