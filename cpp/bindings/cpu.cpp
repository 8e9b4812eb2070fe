// The module `_cpu`: which variants were built, and which CPU levels of the x86-64 psABI run here.
// Bindings floor, compiled with baseline flags: it is loaded before anybody knows what this CPU can do.
#include <pybind11/pybind11.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <initializer_list>

namespace py = pybind11;

namespace {

#if defined(__x86_64__)
struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(unsigned leaf) {
  Registers r;
  __get_cpuid_count(leaf, 0, &r.eax, &r.ebx, &r.ecx, &r.edx);  // leaves zeros if the CPU lacks this leaf
  return r;
}

bool has(unsigned word, std::initializer_list<unsigned> bits) {
  unsigned mask = 0;
  for (unsigned bit : bits) mask |= 1U << bit;
  return (word & mask) == mask;
}

// Which registers the operating system saves; to be asked only where CPUID reports OSXSAVE.
unsigned saved_registers() {
  unsigned low = 0;
  unsigned high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0U));
  return low;
}

// The highest level of the psABI table: 1 to 4.
int level() {
  const unsigned basic = cpuid(1).ecx;
  const unsigned more = cpuid(7).ebx;
  const unsigned extended = cpuid(0x80000001U).ecx;
  // SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT; LAHF
  if (!has(basic, {0, 9, 13, 19, 20, 23}) || !has(extended, {0})) return 1;
  // FMA, MOVBE, OSXSAVE, AVX, F16C; BMI1, AVX2, BMI2; LZCNT; xmm and ymm saved
  if (!has(basic, {12, 22, 27, 28, 29}) || !has(more, {3, 5, 8}) || !has(extended, {5})) return 2;
  if (!has(saved_registers(), {1, 2})) return 2;
  // AVX512 F, DQ, CD, BW, VL; mask registers and zmm saved
  if (!has(more, {16, 17, 28, 30, 31}) || !has(saved_registers(), {5, 6, 7})) return 3;
  return 4;
}
#endif

py::tuple runnable() {
#if defined(__x86_64__)
  const int highest = level();
  if (highest >= 4) return py::make_tuple("base", "v2", "v3", "v4");
  if (highest == 3) return py::make_tuple("base", "v2", "v3");
  if (highest == 2) return py::make_tuple("base", "v2");
#endif
  return py::make_tuple("base");
}

}  // namespace

PYBIND11_MODULE(_cpu, m, py::mod_gil_not_used()) {
  m.doc() = "Which variants of the native module were built, and which run on this CPU.";
  m.attr("BUILT") = py::tuple(py::str(DEEPCORE_BUILT).attr("split")());
  m.def("runnable", &runnable, "Names of the variants that this CPU and operating system can run.");
}
