// Stage: which stages a layer has.
// Level: stages.
#include "stages/stage.hpp"

#include "stages/activation.hpp"
#include "stages/dropout.hpp"
#include "stages/norm.hpp"

namespace deepcore {

template <class T>
Stages<T> make_stages(const Network<T>& network, int l, const kernels::Columns<T>& shape, Workspace workspace) {
  Stages<T> stages;
  const Spec& spec = network.spec;
  if (l > 0 && spec.layer(l).norm == Norm::batch) {
    stages.push_back(std::make_unique<BatchNorm<T>>(network, l, shape, workspace));
  } else if (l > 0 && spec.layer(l).norm == Norm::layer) {
    stages.push_back(std::make_unique<LayerNorm<T>>(network, l, shape, workspace));
  }
  if (l > 0) stages.push_back(std::make_unique<Activation<T>>(network, l, shape, workspace));
  if (spec.dropout(l) > 0 && workspace.size > 0)
    stages.push_back(std::make_unique<Dropout<T>>(network, l, shape, workspace));
  for (const auto& stage : stages) stage->load(network);
  return stages;
}

int kept_matrices(const Spec& spec, int l) {
  if (l == 0) return 0;
  const Norm norm = spec.layer(l).norm;
  const int of_norm = norm == Norm::none ? 0 : norm == Norm::batch ? 1 : 2;
  return of_norm + Activation<float>::kept(spec, l);
}

template Stages<float> make_stages(const Network<float>&, int, const kernels::Columns<float>&, Workspace);
template Stages<double> make_stages(const Network<double>&, int, const kernels::Columns<double>&, Workspace);

}  // namespace deepcore
