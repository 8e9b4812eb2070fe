// The workloads of deepcore.bench in C++ (a test ties the two tables), and networks made of them.
#pragma once

#include <deepcore/catalog.hpp>
#include <deepcore/network.hpp>
#include <deepcore/optimizer.hpp>
#include <deepcore/rng.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace bench {

using deepcore::Index;

struct Workload {
  const char* name;
  Index examples;
  std::vector<Index> sizes;
  Index batch;  // 0: all examples at once
  const char* optimizer;
  double learning_rate;
  const char* activation = "relu";
};

inline const std::vector<Workload>& workloads() {
  static const std::vector<Workload> table{
      {"flower", 400, {2, 4, 1}, 0, "sgd", 1.2, "tanh"},
      {"cat", 209, {12288, 20, 7, 5, 1}, 0, "sgd", 0.0075},
      {"digits", 1797, {64, 100, 10}, 32, "adam", 1e-3},
      {"tabular", 50000, {30, 64, 32, 1}, 256, "adam", 1e-3},
      {"mnist-s", 20000, {784, 128, 10}, 128, "adam", 1e-3},
      {"mnist-m", 20000, {784, 512, 256, 10}, 128, "adam", 1e-3},
      {"wide", 2048, {1024, 2048, 2048, 10}, 256, "adam", 1e-3},
      {"deep", 1024, {1500, 1500, 1500, 20}, 512, "adam", 1e-3},
      {"skinny", 500, {5000, 30, 1}, 0, "sgd", 0.01},
      {"sgd", 8192, {768, 512, 256}, 128, "sgd", 0.01},
  };
  return table;
}

inline std::size_t at(Index i) { return static_cast<std::size_t>(i); }

inline double weight_count(const std::vector<Index>& sizes) {
  double sum = 0;
  for (std::size_t l = 1; l < sizes.size(); ++l) sum += static_cast<double>(sizes[l - 1] * sizes[l]);
  return sum;
}

// Of one example: 2 a weight for each of Z, dW and dA; nobody needs dA of the inputs.
inline double training_flops(const std::vector<Index>& sizes) {
  return 6 * weight_count(sizes) - 2 * static_cast<double>(sizes[0] * sizes[1]);
}

template <class T>
std::vector<T> normal(Index count, std::uint64_t seed) {
  std::vector<double> draws(at(count));
  deepcore::normal(seed, deepcore::stream(deepcore::Stream::user, 0), draws.data(), count);
  return {draws.begin(), draws.end()};
}

template <class T>
deepcore::Network<T> make_network(const std::vector<Index>& sizes, const char* activation) {
  std::vector<deepcore::LayerSpec> layers;
  for (std::size_t l = 1; l < sizes.size(); ++l) {
    const bool last = l + 1 == sizes.size();
    const char* name = !last ? activation : sizes[l] == 1 ? "sigmoid" : "softmax";
    layers.push_back({sizes[l], deepcore::activation_id(name), 0});
  }
  const char* loss = sizes.back() == 1 ? "binary_cross_entropy" : "categorical_cross_entropy";
  deepcore::Network<T> network(deepcore::Spec(sizes[0], std::move(layers), deepcore::loss_id(loss)));
  const int he = deepcore::initializer_id("he");
  for (int l = 1; l <= network.spec.depth(); ++l) {
    const deepcore::Tensor& tensor = network.tensors.at(l, deepcore::Role::W);
    std::vector<double> W(at(tensor.rows * tensor.cols));
    deepcore::initialize(he, 1, 1, l, tensor.rows, tensor.cols, W.data());
    for (std::size_t i = 0; i < W.size(); ++i) network.parameters.data()[at(tensor.offset) + i] = static_cast<T>(W[i]);
  }
  return network;
}

// Examples as columns, one after the other; the class of each is the largest of its first features.
template <class T>
struct Data {
  Data(Index n_x, Index outputs, Index m) : X(normal<T>(n_x * m, 2)), labels(at(m)), Y(at(m)), inputs(n_x), count(m) {
    const Index classes = outputs == 1 ? 2 : outputs;
    for (Index j = 0; j < m; ++j) {
      for (Index c = 1; c < std::min(classes, n_x); ++c) {
        if (x(c, j) > x(labels[at(j)], j)) labels[at(j)] = c;
      }
      Y[at(j)] = static_cast<T>(labels[at(j)]);
    }
  }
  T x(Index i, Index j) const { return X[at(j * inputs + i)]; }
  deepcore::View<const T> view() const { return {X.data(), inputs, count, 1, inputs}; }
  deepcore::Examples<T> examples(bool with_labels) const {
    if (with_labels) return {view(), {}, labels.data(), nullptr};
    return {view(), {Y.data(), 1, count, 1, 1}, nullptr, nullptr};
  }

  std::vector<T> X;
  std::vector<std::int64_t> labels;
  std::vector<T> Y;
  Index inputs, count;
};

}  // namespace bench
