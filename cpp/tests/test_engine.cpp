// gradient and trace, and the costs they belong to: against plain loops, central differences, each other.
// Level: tests. test_predict.cpp holds predict and evaluate, test_train.cpp train.
#include "check.hpp"
#include "numbers.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/functional.hpp>
#include <deepcore/network.hpp>

#include "kernels/head.hpp"
#include "kernels/softmax.hpp"
#include "kernels/tile.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace deepcore {
namespace {

Spec make(const std::vector<Index>& sizes, const std::string& hidden, const std::string& output,
          const std::string& loss) {
  std::vector<LayerSpec> layers;
  for (std::size_t l = 1; l < sizes.size(); ++l) layers.push_back({sizes[l], activation_id(hidden), 0.3});
  layers.back().activation = activation_id(output);
  return {sizes[0], layers, loss_id(loss)};
}

// A network with random parameters and random examples that suit it.
template <class T>
struct Problem {
  Problem(const Spec& spec, Index examples, std::uint64_t seed)
      : network(spec), m(examples), X(numbers<T>(spec.units(0) * m, seed)), weights(at(m), T(1)) {
    for (int l = 1; l <= spec.depth(); ++l) {
      const Tensor& W = network.tensors.at(l, Role::W);
      const auto draws = numbers<T>((W.cols + 1) * W.rows, seed + at(l), 1 / std::sqrt(static_cast<double>(W.cols)));
      std::copy(draws.begin(), draws.end(), network.parameters.data() + W.offset);  // and the biases behind them
    }
    const std::string loss = losses()[at(spec.loss())].name;
    for (const T y : numbers<T>(spec.outputs() * m, seed + 50))
      Y.push_back(loss == "binary_cross_entropy" ? T(y > 0) : loss == "poisson" ? std::abs(y) : y);
    for (Index j = 0; loss == "categorical_cross_entropy" && j < m; ++j) {  // a distribution
      T* y = Y.data() + j * spec.outputs();
      kernels::softmax(spec.outputs(), y, y);
    }
    for (Index j = 0; j < m; ++j) labels.push_back((j * 7 + 3) % spec.outputs());
  }
  Examples<T> examples(Index first = 0, Index count = -1) const {
    const Index n = network.spec.units(0), outputs = network.spec.outputs();
    count = count < 0 ? m - first : count;
    Examples<T> e{{X.data() + first * n, n, count, 1, n}, {}, nullptr, weights.data() + first};
    if (network.spec.takes_labels() && !one_hot) {
      e.labels = labels.data() + first;
    } else {
      e.Y = {Y.data() + first * outputs, outputs, count, 1, outputs};
    }
    return e;
  }
  std::vector<T> predicted(int threads = 1) const {
    std::vector<T> A(at(network.spec.outputs() * m));
    predict<T>(network, examples().X, {A.data(), network.spec.outputs(), m, 1, network.spec.outputs()}, threads);
    return A;
  }
  std::vector<T> slope(int threads = 1) const {
    std::vector<T> g(at(network.tensors.size()));
    gradient(network, examples(), g.data(), threads);
    return g;
  }
  double cost() const {
    std::vector<T> g(at(network.tensors.size()));
    return gradient(network, examples(), g.data(), 1);
  }

  Network<T> network;
  Index m;
  std::vector<T> X, Y, weights;
  std::vector<std::int64_t> labels;
  bool one_hot = false;  // targets as a matrix, even for softmax
};

// The forward pass and the literal cost by plain loops; the rows themselves are held by test_activations.cpp.
struct Plain {
  std::vector<double> A;
  double cost = 0;
};

Plain plain(const Problem<double>& p) {
  const Spec& spec = p.network.spec;
  Plain result;
  double weight = 0;
  for (Index j = 0; j < p.m; ++j) {
    std::vector<double> a(p.X.begin() + j * spec.units(0), p.X.begin() + (j + 1) * spec.units(0));
    for (int l = 1; l <= spec.depth(); ++l) {
      const auto W = view(p.network.tensors.at(l, Role::W), p.network.parameters.data());
      const auto b = view(p.network.tensors.at(l, Role::b), p.network.parameters.data());
      std::vector<double> z(at(W.rows));
      for (Index i = 0; i < W.rows; ++i) {
        z[at(i)] = b(i, 0);
        for (Index k = 0; k < W.cols; ++k) z[at(i)] += W(i, k) * a[at(k)];
      }
      a.resize(z.size());
      kernels::activate(spec.layer(l).activation, spec.layer(l).parameter, W.rows, 1, W.rows, z.data(), a.data());
    }
    std::vector<double> y(p.Y.begin() + j * spec.outputs(), p.Y.begin() + (j + 1) * spec.outputs()), loss(y.size());
    for (Index i = 0; spec.takes_labels() && !p.one_hot && i < spec.outputs(); ++i) y[at(i)] = p.labels[at(j)] == i;
    kernels::loss_value(spec.loss(), spec.loss_parameter(), spec.outputs(), a.data(), y.data(), loss.data());
    for (const double part : loss) result.cost += p.weights[at(j)] * part;
    weight += p.weights[at(j)];
    result.A.insert(result.A.end(), a.begin(), a.end());
  }
  result.cost /= weight;
  return result;
}

std::vector<Problem<double>> all_kinds() {
  std::vector<Spec> specs;
  for (const ActivationInfo& hidden : activations()) {
    specs.push_back(make({5, 7, 6, 3}, hidden.name, "softmax", "categorical_cross_entropy"));
  }
  for (const ActivationInfo& output : activations()) {
    for (const LossInfo& loss : losses()) {
      if ((output.probability || !loss.needs_probability) && (output.positive || !loss.needs_positive))
        specs.push_back(make({4, 9, 3}, "tanh", output.name, loss.name));
    }
  }
  for (const std::vector<Index>& sizes :
       std::vector<std::vector<Index>>{{3, 2}, {6, 5, 1}, {1, 1, 1}, {2, 5, 17, 4, 2}}) {
    specs.push_back(make(sizes, "silu", "sigmoid", "binary_cross_entropy"));
  }
  for (const char* hidden : {"tanh", "silu", "softmax"}) {  // wider than a strip
    specs.push_back(make({195, 211, 390, 3}, hidden, "softmax", "categorical_cross_entropy"));
  }
  specs.push_back(make({4, 200}, "linear", "sigmoid", "binary_cross_entropy"));
  std::vector<Problem<double>> all;
  for (const Spec& spec : specs) {
    all.emplace_back(spec, 9, 100 + all.size());
    all.back().one_hot = all.size() % 2 == 0;
    for (Index j = 0; all.size() % 3 == 0 && j < 9; ++j) all.back().weights[at(j)] = 0.25 * static_cast<double>(j);
  }
  return all;
}

std::string name(const Problem<double>& p) {
  const Spec& spec = p.network.spec;
  const auto of = [&](int l) { return activations()[at(spec.layer(l).activation)].name; };
  return text(spec.depth(), " layers, ", of(1), " ... ", of(spec.depth()), ", ", losses()[at(spec.loss())].name);
}

constexpr double kEps = std::numeric_limits<double>::epsilon();

TEST(predictions_and_costs_agree_with_plain_loops) {
  for (const auto& p : all_kinds()) {
    const Plain expected = plain(p);
    const auto A = p.predicted();
    // sums of up to 17 terms through up to 4 layers, each with a few roundings and slopes of about 1
    for (std::size_t i = 0; i < A.size(); ++i) CHECK_NEAR(A[i], expected.A[i], 200 * kEps, name(p));
    const double bound = 500 * kEps * std::max(1.0, expected.cost);
    CHECK_NEAR(evaluate(p.network, p.examples(), 1).loss, expected.cost, bound, name(p));
    CHECK_NEAR(p.cost(), expected.cost, bound, name(p));
  }
}

TEST(gradients_are_the_central_differences_of_the_cost) {
  constexpr double h = 1e-5;
  for (auto& p : all_kinds()) {
    const auto g = p.slope();
    const Index size = p.network.tensors.size(), every = size > 2000 ? 1501 : check::stride(5);
    for (Index i = size - 1; i >= 0; i -= every) {
      double& w = p.network.parameters.data()[i];
      const double before = w;
      w = before + h;
      const double above = plain(p).cost;
      w = before - h;
      const double below = plain(p).cost;
      w = before;
      // rounding of costs up to 30, and of log(1 - a) for an a near 1: 60 * 4 eps / h = 6e-9; third derivatives of up to
      // 100 times h^2 / 6 = 2e-9
      const double bound = 8e-9 * std::max(1.0, std::abs(g[at(i)]));  // exp below softmax has steep slopes
      CHECK_NEAR(g[at(i)], (above - below) / (2 * h), bound, "parameter ", i, ": ", name(p));
    }
  }
}

TEST(float_gradients_are_double_gradients_rounded) {
  for (const char* hidden : {"relu", "gelu", "tanh"}) {
    const Spec spec = make({20, 33, 17, 5}, hidden, "softmax", "categorical_cross_entropy");
    const Problem<float> narrow(spec, 300, 1);
    Problem<double> wide(spec, 300, 1);
    wide.X.assign(narrow.X.begin(), narrow.X.end());
    for (Index i = 0; i < narrow.network.tensors.size(); ++i) {
      wide.network.parameters.data()[i] = narrow.network.parameters.data()[i];
    }
    const auto g = narrow.slope();
    const auto exact = wide.slope();
    // means of terms of about 1, each with some tens of roundings of 6e-8
    for (std::size_t i = 0; i < g.size(); ++i) CHECK_NEAR(g[i], exact[i], 2e-6, hidden);
  }
}

TEST(a_batch_larger_than_a_slab_has_the_mean_of_the_gradients_of_its_parts) {
  Problem<double> p(make({6, 11, 3}, "gelu", "softmax", "categorical_cross_entropy"), 9001, 2);
  for (Index j = 0; j < p.m; ++j) p.weights[at(j)] = static_cast<double>(1 + j % 5);
  const auto whole = p.slope();
  std::vector<double> sum(whole.size()), part(whole.size());
  double weight = 0, cost = 0;
  for (Index first = 0; first < p.m; first += 1000) {
    const Examples<double> examples = p.examples(first, std::min(Index{1000}, p.m - first));
    double w = 0;
    for (Index j = 0; j < examples.count(); ++j) w += examples.weights[j];
    cost += w * gradient(p.network, examples, part.data(), 1);
    weight += w;
    for (std::size_t i = 0; i < part.size(); ++i) sum[i] += w * part[i];
  }
  // means of 9001 terms of about 1: each sum is off by less than 9001 eps, usually by sqrt(9001) eps
  for (std::size_t i = 0; i < whole.size(); ++i) CHECK_NEAR(whole[i], sum[i] / weight, 2000 * kEps);
  CHECK_NEAR(p.cost(), cost / weight, 2000 * kEps);
}

template <class T>
T multiply_add(T a, T b, T sum) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  return std::fma(a, b, sum);
#else
  return a * b + sum;
#endif
}

TEST_BOTH(a_gradient_over_several_slabs_has_the_bits_of_the_rule_of_products) {
  constexpr Index n = 9;  // units: more than a narrow layer has, whose rule test_narrow.cpp holds
  Problem<T> p(make({3, n}, "linear", "linear", "half_squared_error"), 9001, 3);
  const auto g = p.slope();
  const T* w = p.network.parameters.data();  // W column by column, then b
  for (Index i = 0; i < n; ++i) {
    for (Index k = 0; k <= 3; ++k) {  // the last one: the bias
      T sum = 0;
      for (Index first = 0; first < p.m; first += kernels::kDepth) {
        T run = 0;
        for (Index j = first; j < std::min(p.m, first + kernels::kDepth); ++j) {
          const T* x = p.X.data() + 3 * j;
          const T z = w[3 * n + i] + multiply_add(w[2 * n + i], x[2], multiply_add(w[n + i], x[1], w[i] * x[0]));
          const T dz = z - p.Y[at(n * j + i)];
          run = k < 3 ? multiply_add(dz, x[k], run) : run + dz;
        }
        sum = first == 0 ? run : sum + run;
      }
      CHECK(g[at(n * k + i)] == sum * static_cast<T>(1.0 / 9001), "unit ", i, ", input ", k);
    }
  }
}

TEST_BOTH(an_example_of_weight_zero_is_not_there) {
  for (const char* hidden : {"relu", "silu"}) {
    Problem<T> p(make({7, 20, 4}, hidden, "softmax", "categorical_cross_entropy"), kernels::kDepth - 6, 4),
        fewer(p.network.spec, 0, 4);
    for (Index j = 0; j < p.m; ++j) {
      p.weights[at(j)] = static_cast<T>(j % 3);
      if (j % 3 == 0) continue;
      fewer.X.insert(fewer.X.end(), p.X.begin() + 7 * j, p.X.begin() + 7 * (j + 1));
      fewer.labels.push_back(p.labels[at(j)]);
      fewer.weights.push_back(p.weights[at(j)]);
      ++fewer.m;
    }
    CHECK(p.slope() == fewer.slope(), hidden);                     // fewer than kDepth examples: the same chain of sums
    CHECK_NEAR(p.cost(), fewer.cost(), 1e-14 * p.cost(), hidden);  // 100 additions of double, in another order
    const Scores all = evaluate(p.network, p.examples(), 1), rest = evaluate(fewer.network, fewer.examples(), 1);
    CHECK(all.loss == rest.loss && all.accuracy == rest.accuracy, hidden);
  }
}

TEST_BOTH(the_number_of_threads_changes_no_bit_of_a_gradient) {
  const auto check = [](const std::vector<Index>& sizes, const char* hidden, Index m) {
    const Problem<T> p(make(sizes, hidden, "softmax", "categorical_cross_entropy"), m, 5);
    const auto g = p.slope(1);
    for (const int threads : check::numbers_of_threads())
      CHECK(p.slope(threads) == g, threads, " threads, ", hidden, ", m = ", m);
  };
  for (const char* hidden : {"relu", "gelu", "softmax"}) {
    check({40, 230, 64, 10}, hidden, 130);
    check({40, 30, 10}, hidden, 9500);        // several slabs
    check({201, 400, 193, 10}, hidden, 150);  // weights that threads share layer by layer
  }
}

TEST_BOTH(views_of_any_strides_give_the_same_bits) {
  const Problem<T> p(make({6, 9, 3}, "relu", "linear", "half_squared_error"), 130, 11);
  const auto A = p.predicted(), g = p.slope();
  const Index m = p.m;
  // the same X, Y and A as rows of units, and backwards with gaps
  for (const bool backwards : {false, true}) {
    const auto spread = [&](const auto* from, Index rows, std::vector<T>& to) {
      to.assign(at(rows * m * 2), T(-9));
      View<T> view{to.data(), rows, m, m, 1};
      if (backwards) view = {to.data() + 2 * rows * m - 1, rows, m, -2, -2 * rows};
      for (Index j = 0; from != nullptr && j < m; ++j) {
        for (Index i = 0; i < rows; ++i) view(i, j) = from[j * rows + i];
      }
      return view;
    };
    const auto reading = [](View<T> v) { return View<const T>{v.data, v.rows, v.cols, v.row_stride, v.col_stride}; };
    std::vector<T> x, y, a, slope(g.size());
    const View<const T> X = reading(spread(p.X.data(), 6, x)), Y = reading(spread(p.Y.data(), 3, y));
    const View<T> out = spread(static_cast<const T*>(nullptr), 3, a);
    predict(p.network, X, out, 1);
    for (Index j = 0; j < m; ++j) {
      for (Index i = 0; i < 3; ++i) CHECK(out(i, j) == A[at(3 * j + i)], "backwards: ", backwards);
    }
    CHECK(std::count(a.begin(), a.end(), T(-9)) == 3 * m, "predict wrote outside its view");
    gradient(p.network, {X, Y}, slope.data(), 1);
    CHECK(slope == g, "backwards: ", backwards);
  }
}

TEST_BOTH(a_trace_holds_the_bits_of_predictions_gradients_and_the_functions_of_the_notes) {
  for (const char* hidden : {"tanh", "gelu", "softmax"}) {
    for (const Index wide : {9, 400}) {
      const Problem<T> p(make({6, wide, 5, 3}, hidden, "softmax", "categorical_cross_entropy"), 70, 12);
      const Spec& spec = p.network.spec;
      const auto all = trace(p.network, p.examples());
      const auto g = p.slope();
      const auto find = [&](const std::string& kind, int l) {
        for (const auto& item : all) {
          if (item.kind == kind && item.layer == l)
            return std::vector<T>(item.values.data(), item.values.data() + item.values.size());
        }
        return std::vector<T>();
      };
      CHECK(find("A", 0) == p.X);
      CHECK(find("A", 3) == p.predicted());
      for (int l = 1; l <= 3; ++l) {
        const Index n_in = spec.units(l - 1), n_out = spec.units(l);
        const auto first = g.begin() + p.network.tensors.at(l, Role::W).offset, behind = first + n_in * n_out;
        CHECK(find("dW", l) == std::vector<T>(first, behind), "layer ", l);
        CHECK(find("db", l) == std::vector<T>(behind, behind + n_out), "layer ", l);
        const auto below = find("A", l - 1), Z = find("Z", l), A = find("A", l);
        std::vector<T> z(Z.size()), a(A.size());
        const auto W = view(p.network.tensors.at(l, Role::W), p.network.parameters.data());
        const auto b = view(p.network.tensors.at(l, Role::b), p.network.parameters.data());
        linear_forward<T>({below.data(), n_in, p.m, 1, n_in}, W, b, {z.data(), n_out, p.m, 1, n_out});
        activation_forward<T>({Z.data(), n_out, p.m, 1, n_out}, spec.layer(l).activation, spec.layer(l).parameter,
                              {a.data(), n_out, p.m, 1, n_out});
        CHECK(z == Z && a == A, "layer ", l, ", ", hidden);
      }
      const auto some = trace(p.network, p.examples(), nullptr, {"A", "dW"});
      CHECK(some.size() == 7, some.size());
      for (const auto& item : some) {
        const std::vector<T> values(item.values.data(), item.values.data() + item.values.size());
        CHECK(values == find(item.kind, item.layer), item.kind, item.layer);
      }
    }
  }
}

TEST(no_examples_are_refused) {
  const Problem<float> p(make({3, 2}, "linear", "linear", "squared_error"), 1, 14);
  std::vector<float> g(8);
  REFUSES(evaluate(p.network, p.examples(0, 0), 1), "evaluate: X must have at least one example");
  REFUSES(gradient(p.network, p.examples(0, 0), g.data(), 1), "gradients: X must have at least one example");
  REFUSES(trace(p.network, p.examples(0, 0)), "trace: X must have 1 to 4096 examples, got 0");
}

}  // namespace
}  // namespace deepcore
