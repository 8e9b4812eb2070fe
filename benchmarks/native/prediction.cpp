// Prediction of 1, 64 and 1024 rows by a Predictor: what a call costs without Python.
#include "counters.hpp"
#include "workloads.hpp"

#include <deepcore/predictor.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace bench {
namespace {

// Outputs of one example, by plain loops in double.
template <class T>
std::vector<double> reference(const deepcore::Network<T>& network, const T* x) {
  std::vector<double> a(x, x + network.spec.units(0));
  for (int l = 1; l <= network.spec.depth(); ++l) {
    const auto W = deepcore::view(network.tensors.at(l, deepcore::Role::W), network.parameters.data());
    std::vector<double> z(at(W.rows));  // biases are zero
    for (Index k = 0; k < W.cols; ++k) {
      for (Index i = 0; i < W.rows; ++i) z[at(i)] += static_cast<double>(W(i, k)) * a[at(k)];
    }
    if (l < network.spec.depth()) {
      for (double& v : z) v = std::max(v, 0.0);
    } else if (z.size() == 1) {
      z[0] = 1 / (1 + std::exp(-z[0]));
    } else {
      double sum = 0;
      for (double& v : z) sum += v = std::exp(v);
      for (double& v : z) v /= sum;
    }
    a = z;
  }
  return a;
}

void prediction(benchmark::State& state, const std::vector<Index>& sizes) {
  const Index m = state.range(0);
  const int threads = static_cast<int>(state.range(1));
  const auto network = make_network<float>(sizes, "relu");
  const Data<float> data(sizes[0], sizes.back(), m);
  const Index n = sizes.back();
  std::vector<float> outputs(at(n * m));
  const deepcore::View<float> A{outputs.data(), n, m, 1, n};
  deepcore::Predictor<float> predict(network);
  predict(data.view(), A, threads);
  const auto right = reference(network, data.X.data() + (m - 1) * sizes[0]);
  for (Index i = 0; i < n; ++i) {
    if (!(std::abs(static_cast<double>(A(i, m - 1)) - right[at(i)]) <= 1e-4)) {  // a probability in float32
      return state.SkipWithError("the outputs are wrong");
    }
  }
  const double flops = 2 * weight_count(sizes) * static_cast<double>(m);
  measure<float>(state, flops, threads, [&] { predict(data.view(), A, threads); });
}

const bool registered = [] {
  for (const std::vector<Index>& sizes :
       std::vector<std::vector<Index>>{{30, 64, 32, 1}, {784, 128, 10}, {784, 512, 256, 10}}) {
    std::string name = "prediction";
    for (const Index n : sizes) name += (name.back() == 'n' ? "/" : "-") + std::to_string(n);
    benchmark::RegisterBenchmark(name.c_str(), [sizes](benchmark::State& state) { prediction(state, sizes); })
        ->ArgNames({"rows", "threads"})
        ->ArgsProduct({{1, 64, 1024}, {1, 2}})
        ->UseRealTime();
  }
  return true;
}();

}  // namespace
}  // namespace bench
