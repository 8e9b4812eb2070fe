// Python's lock, given away and taken back; also by a thread that the interpreter's end finds at work.
// Level: bindings.
#pragma once

#include <pybind11/pybind11.h>

#include "platform.hpp"

#include <optional>

#if defined(__GLIBCXX__)
#include <cxxabi.h>
#endif

namespace deepcore::bindings {

// A daemon thread that wants the lock while the interpreter ends has its stack unwound by CPython before 3.14: through
// destructors, which must not throw, and past arrays, which need the lock. It sleeps here instead until the process is
// gone, as CPython 3.14 lets it.
template <class F>
void take_lock(F take) {
#if defined(__GLIBCXX__)
  try {
    take();
  } catch (const abi::__forced_unwind&) {
    platform::sleep_forever();
  }
#else
  take();
#endif
}

class Released {  // while it lives, other Python threads run
 public:
  Released() : state_(PyEval_SaveThread()) {}
  Released(const Released&) = delete;
  Released& operator=(const Released&) = delete;
  ~Released() {
    take_lock([this] { PyEval_RestoreThread(state_); });
  }

 private:
  PyThreadState* state_;
};

class Acquired {  // while it lives, this thread may use Python
 public:
  Acquired() {
    take_lock([this] { lock_.emplace(); });
  }
  Acquired(const Acquired&) = delete;
  Acquired& operator=(const Acquired&) = delete;

 private:
  std::optional<pybind11::gil_scoped_acquire> lock_;
};

}  // namespace deepcore::bindings
