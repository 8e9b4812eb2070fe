// The highest CPU level of the x86-64 psABI that runs here. The module `_cpu` and the build (DEEPCORE_VARIANTS=native) ask.
// Level: bindings, standard library and compiler headers only.
#pragma once

#if defined(__x86_64__) || defined(_M_X64)
#define DEEPCORE_X86_64 1
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

#include <initializer_list>

namespace deepcore::bindings {

#if defined(DEEPCORE_X86_64)
struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

inline Registers cpuid(unsigned leaf) {  // zeros if the CPU lacks this leaf
  Registers r;
#if defined(_MSC_VER)
  int words[4] = {};
  __cpuid(words, static_cast<int>(leaf & 0x80000000U));
  if (static_cast<unsigned>(words[0]) < leaf) return r;
  __cpuidex(words, static_cast<int>(leaf), 0);
  r = {static_cast<unsigned>(words[0]), static_cast<unsigned>(words[1]), static_cast<unsigned>(words[2]),
       static_cast<unsigned>(words[3])};
#else
  __get_cpuid_count(leaf, 0, &r.eax, &r.ebx, &r.ecx, &r.edx);
#endif
  return r;
}

inline bool has(unsigned word, std::initializer_list<unsigned> bits) {
  unsigned mask = 0;
  for (unsigned bit : bits) mask |= 1U << bit;
  return (word & mask) == mask;
}

// Which registers the operating system saves. It may be asked only where CPUID reports OSXSAVE.
inline unsigned saved_registers() {
#if defined(_MSC_VER)
  return static_cast<unsigned>(_xgetbv(0));
#else
  unsigned low = 0;
  unsigned high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0U));
  return low;
#endif
}

// 1 to 4, by the table of the psABI.
inline int cpu_level() {
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
#else
inline int cpu_level() { return 0; }  // levels are an idea of x86-64
#endif

}  // namespace deepcore::bindings
