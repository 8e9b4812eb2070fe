// Output: from Z[L] and the targets to A[L], the losses and dZ[L], for columns without gaps. A column of a member has only
// the units of that member here, and those of all members in Z[L], A[L] and dZ[L].
// Level: passes.
#pragma once

#include <deepcore/buffer.hpp>

#include "stages/stage.hpp"

namespace deepcore {

// What one thread needs for up to `examples` examples.
template <class T>
struct OutputWorkspace {
  OutputWorkspace(const Spec& spec, Index examples)
      : Z(spec.outputs() * examples), dZ(spec.outputs() * examples), targets(spec.outputs() * examples),
        scratch(spec.outputs() * examples) {}
  Buffer<T> Z, dZ, targets, scratch;
};

// Z (outputs, m) -> A in place; dZ (outputs, m), weighted, unless it is null; losses (m), not weighted.
template <class T>
void output(const Spec& spec, const Examples<T>& examples, const Selection& which, double smoothing, T* Z, T* dZ,
            double* losses, OutputWorkspace<T>& workspace);

// Copies the units of its own member from each of m columns of Z[L], ld apart, to `own`, which may be the same memory.
template <class T>
void own_units(const Spec& spec, const Selection& which, const T* Z, Index ld, T* own);
// The reverse; the units of the other members become 0.
template <class T>
void all_units(const Spec& spec, const Selection& which, const T* own, T* Z, Index ld);

// The mean of the members' outputs, n values for each of m examples, in place.
template <class T>
void average_members(Index n, Index members, Index m, T* A) {
  for (Index j = 0; j < m; ++j) {
    for (Index i = 0; i < n; ++i) {
      T sum = T(0);
      for (Index k = 0; k < members; ++k) sum += A[(j * members + k) * n + i];
      A[j * n + i] = sum / static_cast<T>(members);
    }
  }
}

// The network's own label smoothing in a step.
inline double smoothing_of(const Spec& spec, const TrainingStep* training) {
  return spec.smoothing() * (training == nullptr ? 1 : training->smoothing);
}

}  // namespace deepcore
