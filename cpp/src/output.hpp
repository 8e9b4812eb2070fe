// Output: from Z[L] and the targets to A[L], the losses and dZ[L], for columns without gaps.
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

// Z (n[L], m) -> A in place; dZ (n[L], m), weighted, unless it is null; losses (m), not weighted.
template <class T>
void output(const Spec& spec, const Examples<T>& examples, const Selection& which, double smoothing, T* Z, T* dZ,
            double* losses, OutputWorkspace<T>& workspace);

// The network's own label smoothing in a step.
inline double smoothing_of(const Spec& spec, const TrainingStep* training) {
  return spec.smoothing() * (training == nullptr ? 1 : training->smoothing);
}

}  // namespace deepcore
