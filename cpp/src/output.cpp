// Output: the loss of each example and where the way back starts.
// Level: passes.
#include "output.hpp"

#include <deepcore/catalog.hpp>

#include "batch.hpp"
#include "kernels/columns.hpp"
#include "kernels/head.hpp"

#include <algorithm>

namespace deepcore {

namespace {

// The loss of the caller and its derivative, example by example; then dZ from dA.
template <class T>
void custom_head(const Spec& spec, const CustomLoss<T>& loss, const Selection& which, T* Z, T* dZ, double* losses,
                 T* scratch) {
  const LayerSpec& layer = spec.layer(spec.depth());
  const Index n = spec.outputs(), m = which.count;
  const bool reads_input = activations()[static_cast<std::size_t>(layer.activation)].reads == Reads::input;
  if (reads_input) std::copy_n(Z, n * m, scratch);
  kernels::activate(layer.activation, layer.parameter, n, m, n, static_cast<const T*>(Z), Z);
  for (Index j = 0; j < m; ++j) losses[j] = loss.value(loss.context, which[j], Z + j * n, dZ + j * n);
  kernels::pull_back(layer.activation, layer.parameter, n, m, n, static_cast<const T*>(reads_input ? scratch : Z), dZ);
}

}  // namespace

template <class T>
void output(const Spec& spec, const Examples<T>& examples, const Selection& which, double smoothing, T* Z, T* dZ,
            double* losses, OutputWorkspace<T>& workspace) {
  const Index n = spec.outputs();
  if (examples.loss.value != nullptr) {
    custom_head(spec, examples.loss, which, Z, dZ, losses, workspace.scratch.data());
  } else {
    const T* Y = gather_targets(examples, spec, which, smoothing, workspace.targets.data());
    kernels::head(spec, which.count, Z, Y, dZ, losses, workspace.scratch.data());
  }
  if (dZ == nullptr || examples.weights == nullptr) return;
  for (Index j = 0; j < which.count; ++j, dZ += n) {
    const T w = weight_of(examples, which[j]);
    for (Index i = 0; i < n; ++i) dZ[i] = w == T(0) ? T(0) : w * dZ[i];  // an example of weight 0 may hold NaN
  }
}

template <class T>
void own_units(const Spec& spec, const Selection& which, const T* Z, Index ld, T* own) {
  const Index n = spec.outputs(), m = which.count;
  if (which.members == 1) return kernels::copy_columns(n, m, Z, ld, own, n);
  for (Index j = 0; j < m; ++j, Z += ld, own += n) {
    const T* from = Z + which.member(j) * n;
    for (Index i = 0; i < n; ++i) own[i] = from[i];
  }
}

template <class T>
void all_units(const Spec& spec, const Selection& which, const T* own, T* Z, Index ld) {
  const Index n = spec.outputs(), m = which.count;
  if (which.members == 1) return kernels::copy_columns(n, m, own, n, Z, ld);
  for (Index j = 0; j < m; ++j, Z += ld, own += n) {
    std::fill_n(Z, n * which.members, T(0));
    std::copy_n(own, n, Z + which.member(j) * n);
  }
}

template void own_units(const Spec&, const Selection&, const float*, Index, float*);
template void own_units(const Spec&, const Selection&, const double*, Index, double*);
template void all_units(const Spec&, const Selection&, const float*, float*, Index);
template void all_units(const Spec&, const Selection&, const double*, double*, Index);
template void output(const Spec&, const Examples<float>&, const Selection&, double, float*, float*, double*,
                     OutputWorkspace<float>&);
template void output(const Spec&, const Examples<double>&, const Selection&, double, double*, double*, double*,
                     OutputWorkspace<double>&);

}  // namespace deepcore
