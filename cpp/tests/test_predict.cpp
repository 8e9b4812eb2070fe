// predict, evaluate and Predictor: against each other, bit for bit.
// Level: tests. That they compute the right thing is held by test_engine.cpp.
#include "check.hpp"
#include "numbers.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/predictor.hpp>

#include <algorithm>
#include <cmath>
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

template <class T>
struct Problem {
  Problem(const Spec& spec, Index examples)
      : network(spec), m(examples), X(numbers<T>(spec.units(0) * m, 1)), Y(numbers<T>(spec.outputs() * m, 2)),
        weights(at(m), T(1)) {
    const auto values = numbers<T>(network.tensors.size(), 3, 0.2);
    std::copy(values.begin(), values.end(), network.parameters.data());
    for (T& y : Y) y = T(y > 0);
    for (Index j = 0; j < m; ++j) labels.push_back((j * 7 + 3) % spec.outputs());
  }
  Examples<T> examples(Index first = 0, Index count = -1) const {
    const Index n = network.spec.units(0), outputs = network.spec.outputs();
    count = count < 0 ? m - first : count;
    Examples<T> e{{X.data() + first * n, n, count, 1, n}, {}, nullptr, weights.data() + first};
    if (network.spec.takes_labels()) {
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

  Network<T> network;
  Index m;
  std::vector<T> X, Y, weights;
  std::vector<std::int64_t> labels;
};

TEST_BOTH(the_number_of_threads_changes_no_bit_of_predictions_and_scores) {
  const auto check = [](const std::vector<Index>& sizes, const char* hidden, Index m) {
    const Problem<T> p(make(sizes, hidden, "softmax", "categorical_cross_entropy"), m);
    const auto A = p.predicted(1);
    const Scores scores = evaluate(p.network, p.examples(), 1);
    for (const int threads : check::numbers_of_threads()) {
      CHECK(p.predicted(threads) == A, threads, " threads, ", hidden, ", m = ", m);
      const Scores again = evaluate(p.network, p.examples(), threads);
      CHECK(again.loss == scores.loss && again.accuracy == scores.accuracy, threads, " threads, ", hidden);
    }
  };
  for (const char* hidden : {"relu", "gelu", "softmax"}) {
    check({40, 230, 64, 10}, hidden, 3000);
    check({400, 800, 600, 10}, hidden, 70);
  }
}

TEST_BOTH(predictions_in_blocks_are_those_of_one_example_at_a_time_bit_for_bit) {
  for (const std::vector<Index>& sizes : std::vector<std::vector<Index>>{{19, 70, 13}, {250, 410, 200}}) {
    for (const char* output : {"softmax", "sigmoid", "linear", "gelu"}) {
      const Problem<T> p(make(sizes, "tanh", output, "half_squared_error"), 150);
      const auto A = p.predicted();
      const Index n = sizes.back();
      for (const Index few : {1, 2, 7, 8, 9, 20}) {
        for (Index j = 0; j + few <= p.m; j += 21) {
          std::vector<T> a(at(n * few));
          predict<T>(p.network, p.examples(j, few).X, {a.data(), n, few, 1, n}, 1);
          CHECK(std::equal(a.begin(), a.end(), A.begin() + n * j), output, ", examples ", j, " + ", few);
        }
      }
    }
  }
}

TEST_BOTH(scores_are_the_mean_of_those_of_one_example_at_a_time_bit_for_bit) {
  Problem<T> p(make({19, 70, 13}, "relu", "softmax", "categorical_cross_entropy"), 200);
  for (Index j = 0; j < p.m; ++j)
    p.weights[at(j)] = static_cast<T>(j % 4);  // whole numbers: w * loss / w is exact enough
  long double loss = 0;                        // evaluate carries its rounding errors along
  double hits = 0, weight = 0;
  for (Index j = 0; j < p.m; ++j) {
    if (j % 4 == 0) continue;
    p.weights[at(j)] = 1;
    const Scores one = evaluate(p.network, p.examples(j, 1), 1);
    p.weights[at(j)] = static_cast<T>(j % 4);
    loss += static_cast<long double>(j % 4) * static_cast<long double>(one.loss);
    hits += static_cast<double>(j % 4) * one.accuracy;
    weight += static_cast<double>(j % 4);
  }
  const Scores scores = evaluate(p.network, p.examples(), 1);
  CHECK(scores.loss == static_cast<double>(loss) / weight);
  CHECK(scores.accuracy == hits / weight);
}

TEST_BOTH(accuracy_counts_the_largest_output_or_every_output_on_its_side_of_one_half) {
  const Problem<T> classes(make({5, 6, 4}, "tanh", "softmax", "categorical_cross_entropy"), 150);
  const auto A = classes.predicted();
  Index hits = 0;
  for (Index j = 0; j < 150; ++j)
    hits += std::max_element(A.begin() + 4 * j, A.begin() + 4 * j + 4) - A.begin() == 4 * j + classes.labels[at(j)];
  CHECK(evaluate(classes.network, classes.examples(), 1).accuracy == static_cast<double>(hits) / 150);
  CHECK(hits > 0 && hits < 150);

  const Problem<T> sides(make({5, 6, 2}, "tanh", "sigmoid", "binary_cross_entropy"), 150);
  const auto B = sides.predicted();
  hits = 0;
  for (Index j = 0; j < 150; ++j)
    hits += (B[at(2 * j)] > T(0.5)) == (sides.Y[at(2 * j)] > T(0.5)) &&
            (B[at(2 * j + 1)] > T(0.5)) == (sides.Y[at(2 * j + 1)] > T(0.5));
  CHECK(evaluate(sides.network, sides.examples(), 1).accuracy == static_cast<double>(hits) / 150);
  CHECK(hits > 0 && hits < 150);

  const Problem<T> reals(make({5, 6, 2}, "tanh", "linear", "squared_error"), 150);
  CHECK(std::isnan(evaluate(reals.network, reals.examples(), 1).accuracy));
}

TEST_BOTH(a_predictor_is_a_snapshot_with_the_bits_of_predict) {
  for (const Index m : {1, 5, 150}) {
    Problem<T> p(make({40, 96, 64, 10}, "relu", "softmax", "categorical_cross_entropy"), m);
    const auto A = p.predicted();
    Predictor<T> predictor(p.network);
    CHECK(predictor.inputs() == 40 && predictor.outputs() == 10);
    std::fill_n(p.network.parameters.data(), p.network.tensors.size(), T(0));
    for (const int threads : {1, 3}) {
      std::vector<T> again(A.size());
      predictor(p.examples().X, {again.data(), 10, m, 1, 10}, threads);
      CHECK(again == A, m, " examples, ", threads, " threads");
    }
  }
}

TEST_BOTH(weights_that_are_kept_packed_change_no_bit_and_follow_every_known_change) {
  const Spec spec = make({40, 70, 30, 3}, "tanh", "softmax", "categorical_cross_entropy");
  Problem<T> p(spec, 20);
  const auto doubled = [&] {
    for (Index i = 0; i < p.network.tensors.size(); ++i) p.network.parameters.data()[i] *= 2;
  };
  const auto agree = [&] {
    Problem<T> copy(spec, 20);  // which keeps nothing
    std::copy_n(p.network.parameters.data(), p.network.tensors.size(), copy.network.parameters.data());
    const auto A = copy.predicted();
    for (int call = 0; call < 4; ++call) CHECK(p.predicted() == A, "call ", call);
  };
  agree();
  doubled();  // before enable(), any code may do this
  agree();
  p.network.kept.enable();
  agree();
  p.network.sharing.write(doubled);
  agree();
  p.network.kept.add_writer();
  doubled();
  agree();
  doubled();
  p.network.kept.remove_writer();
  agree();
  p.network.kept.add_writer();
  doubled();
  p.network.kept.remove_writer();
  agree();
  const Trainer<T> trainer(p.network);
  agree();
}

TEST_BOTH(threads_that_share_the_units_of_wide_layers_change_no_bit) {  // a few examples in a loop, 2.5 MB of weights
  const auto check = [](const Spec& spec, Index m) {
    const Problem<T> p(spec, m);
    const auto A = p.predicted();
    Predictor<T> predictor(p.network);
    for (int call = 0; call < 40; ++call) {
      std::vector<T> again(A.size());
      predictor(p.examples().X, {again.data(), 10, m, 1, 10}, call % 4 + 1);
      CHECK(again == A, m, " examples, call ", call);
    }
  };
  for (const Index m : {1, 3, 8}) {
    check(make({600, 700, 310, 10}, "relu", "softmax", "categorical_cross_entropy"), m);
    check(make({600, 700, 310, 10}, "softmax", "softmax", "categorical_cross_entropy"), m);
  }
}

}  // namespace
}  // namespace deepcore
