// The module `_cpu`: which variants were built, and which CPU levels of the x86-64 psABI run here.
// Level: bindings. It is compiled with baseline flags, because it must load on every CPU. It uses the C API of Python, which
// compiles in a tenth of the time of pybind11.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "cpu_level.hpp"

namespace {

// The words of a text as a tuple of str, or null with an exception set.
PyObject* words(const char* text) {
  PyObject* const whole = PyUnicode_FromString(text);
  PyObject* const list = whole == nullptr ? nullptr : PyUnicode_Split(whole, nullptr, -1);
  PyObject* const tuple = list == nullptr ? nullptr : PyList_AsTuple(list);
  Py_XDECREF(list);
  Py_XDECREF(whole);
  return tuple;
}

PyObject* runnable(PyObject* /*module*/, PyObject* /*none*/) {
  const char* const by_level[] = {"base", "base", "base v2", "base v2 v3", "base v2 v3 v4"};
  return words(by_level[deepcore::bindings::cpu_level()]);
}

int fill(PyObject* module) {
  PyObject* const built = words(DEEPCORE_BUILT);
  const int failed = built == nullptr ? -1 : PyObject_SetAttrString(module, "BUILT", built);
  Py_XDECREF(built);
  return failed;
}

PyMethodDef functions[] = {
    {"runnable", &runnable, METH_NOARGS,
     "runnable()\n--\n\nNames of the variants that this CPU and operating system can run."},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef_Slot slots[] = {
    {Py_mod_exec, reinterpret_cast<void*>(&fill)},
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, nullptr},
};

PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    "_cpu",
    "Which variants of the native module were built, and which run on this CPU.",
    0,
    functions,
    slots,
    nullptr,
    nullptr,
    nullptr,
};

}  // namespace

// NOLINTNEXTLINE(bugprone-reserved-identifier): the name that Python asks for
PyMODINIT_FUNC PyInit__cpu() { return PyModuleDef_Init(&definition); }
