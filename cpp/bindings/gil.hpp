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

// Calls f(*arguments) like PyObject_Call. If the interpreter ends while a daemon thread is in f, the thread sleeps here as
// well: between f and this frame there is no destructor that would use Python without the lock.
inline PyObject* call_or_sleep(PyObject* f, PyObject* arguments) {
#if defined(__GLIBCXX__)
  try {
    return PyObject_Call(f, arguments, nullptr);
  } catch (const abi::__forced_unwind&) {
    platform::sleep_forever();
  }
#else
  return PyObject_Call(f, arguments, nullptr);
#endif
}

inline pybind11::object call(const pybind11::object& f, const pybind11::tuple& arguments) {
  PyObject* const result = call_or_sleep(f.ptr(), arguments.ptr());
  if (result == nullptr) throw pybind11::error_already_set();
  return pybind11::reinterpret_steal<pybind11::object>(result);
}

inline bool is_true(const pybind11::object& value) {
  const int answer = PyObject_IsTrue(value.ptr());
  if (answer < 0) throw pybind11::error_already_set();
  return answer != 0;
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
