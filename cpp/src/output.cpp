// Output: the loss of each example and where the way back starts.
// Level: passes.
#include "output.hpp"

#include "batch.hpp"
#include "kernels/head.hpp"

namespace deepcore {

template <class T>
void output(const Spec& spec, const Examples<T>& examples, const Selection& which, double smoothing, T* Z, T* dZ,
            double* losses, OutputWorkspace<T>& workspace) {
  const Index n = spec.outputs();
  const T* Y = gather_targets(examples, spec, which, smoothing, workspace.targets.data());
  kernels::head(spec, which.count, Z, Y, dZ, losses, workspace.scratch.data());
  if (dZ == nullptr || examples.weights == nullptr) return;
  for (Index j = 0; j < which.count; ++j, dZ += n) {
    const T w = weight_of(examples, which[j]);
    for (Index i = 0; i < n; ++i) dZ[i] = w == T(0) ? T(0) : w * dZ[i];  // an example of weight 0 may hold NaN
  }
}

template void output(const Spec&, const Examples<float>&, const Selection&, double, float*, float*, double*,
                     OutputWorkspace<float>&);
template void output(const Spec&, const Examples<double>&, const Selection&, double, double*, double*, double*,
                     OutputWorkspace<double>&);

}  // namespace deepcore
