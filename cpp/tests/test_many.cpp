// train_many: each network has the bits of its own train(); rows, validation, early stopping, failures.
// Level: tests.
#include "check.hpp"
#include "numbers.hpp"

#include <deepcore/many.hpp>
#include <deepcore/rng.hpp>

#include <array>
#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

namespace deepcore {
namespace {

// k networks of different sizes that train on the same examples, with their optimizers.
template <class T>
struct Several {
  static constexpr Index m = 90, inputs = 5;
  explicit Several(Index k) : X(numbers<T>(inputs * m, 1, 1)) {
    for (Index j = 0; j < m; ++j) labels.push_back((j * j + 1) % 3);
    for (Index i = 0; i < k; ++i) {
      networks.emplace_back(describe(6 + 7 * i));
      const auto start = numbers<T>(networks.back().tensors.size(), at(i) + 2, 0.3);
      std::copy(start.begin(), start.end(), networks.back().parameters.data());
    }
    for (Network<T>& network : networks)
      optimizers.emplace_back(Rule{optimizer_id("adam"), {0.9, 0.999, 1e-8}}, Schedule(schedule_id("constant"), {0.01}),
                              network);
  }
  static Spec describe(Index units) {
    return {inputs,
            {{units, activation_id("tanh"), 0}, {3, activation_id("softmax"), 0}},
            loss_id("categorical_cross_entropy")};
  }
  Examples<T> examples() const { return {{X.data(), inputs, m, 1, inputs}, {}, labels.data(), nullptr}; }
  std::vector<Training<T>> trainings(const TrainOptions& options) {
    std::vector<Training<T>> out(networks.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i].network = &networks[i];
      out[i].optimizer = &optimizers[i];
      out[i].examples = examples();
      out[i].options = options;
      out[i].options.seed = i;
    }
    return out;
  }
  std::vector<T> X;
  std::vector<std::int64_t> labels;
  std::vector<Network<T>> networks;
  std::vector<Optimizer<T>> optimizers;
};

template <class T>
bool same(const Network<T>& a, const Network<T>& b) {
  return std::equal(a.parameters.data(), a.parameters.data() + a.tensors.size(), b.parameters.data());
}

TrainOptions short_run() {
  TrainOptions options;
  options.batch_size = 16;
  options.epochs = 4;
  return options;
}

}  // namespace

TEST_BOTH(each_network_has_the_bits_of_its_own_train_for_any_number_of_threads) {
  Several<T> alone(5);
  std::vector<std::vector<double>> losses;
  for (std::size_t i = 0; i < 5; ++i) {
    TrainOptions options = short_run();
    options.seed = i;
    options.threads = 1;
    Monitor monitor;
    losses.push_back(train(alone.networks[i], alone.examples(), alone.optimizers[i], options, monitor).losses);
  }
  for (const int threads : {1, 2, 3, 12}) {
    Several<T> together(5);
    ManyMonitor monitor;
    const auto results = train_many(together.trainings(short_run()), threads, monitor);
    for (std::size_t i = 0; i < 5; ++i) {
      CHECK(same(alone.networks[i], together.networks[i]), "network ", i, ", threads ", threads);
      CHECK(results[i].training.losses == losses[i], "network ", i, ", threads ", threads);
    }
  }
}

TEST_BOTH(rows_train_and_validate_like_a_copy_of_them) {
  Several<T> some(1), copies(1);
  std::vector<std::int64_t> rows, held;
  for (Index j = 0; j < Several<T>::m; ++j) (j % 3 == 0 ? held : rows).push_back(j);
  const auto copied = [&](const std::vector<std::int64_t>& from, std::vector<T>& X, std::vector<std::int64_t>& labels) {
    for (const std::int64_t row : from) {
      X.insert(X.end(), some.X.begin() + row * Several<T>::inputs, some.X.begin() + (row + 1) * Several<T>::inputs);
      labels.push_back(some.labels[at(row)]);
    }
    const Index inputs = Several<T>::inputs;
    return Examples<T>{{X.data(), inputs, static_cast<Index>(from.size()), 1, inputs}, {}, labels.data(), nullptr};
  };
  std::vector<T> X, X_held;
  std::vector<std::int64_t> labels, labels_held;
  auto given = copies.trainings(short_run());
  given[0].examples = copied(rows, X, labels);
  given[0].validation = copied(held, X_held, labels_held);
  auto chosen = some.trainings(short_run());
  chosen[0].options.rows = rows.data();
  chosen[0].options.row_count = static_cast<Index>(rows.size());
  chosen[0].validation = some.examples();
  chosen[0].validation_rows = held.data();
  chosen[0].validation_count = static_cast<Index>(held.size());
  ManyMonitor monitor;
  const auto a = train_many(given, 1, monitor), b = train_many(chosen, 2, monitor);
  CHECK(same(some.networks[0], copies.networks[0]));
  CHECK(a[0].training.losses == b[0].training.losses);
  CHECK(a[0].validation_losses == b[0].validation_losses);
  CHECK(a[0].validation_accuracies == b[0].validation_accuracies);
  CHECK(b[0].validation_losses.back() == evaluate(some.networks[0], given[0].validation, 1).loss);
}

TEST_BOTH(a_network_that_ends_in_a_pause_goes_on_from_its_place_with_the_same_bits) {
  struct Pausing final : ManyMonitor {
    Index paused = 0;
    bool wants_pause(Index which) const override { return which == 1; }
    bool pause(Index) override { return ++paused == 3; }
  } pausing;
  Several<T> whole(3), parts(3);
  std::array<Place, 3> places;
  const auto started = [&] {
    auto trainings = parts.trainings(short_run());
    for (std::size_t i = 0; i < 3; ++i) trainings[i].options.place = &places[i];
    return trainings;
  };
  ManyMonitor quiet;
  const auto expected = train_many(whole.trainings(short_run()), 2, quiet);
  train_many(started(), 2, pausing);
  CHECK(pausing.paused == 3 && parts.optimizers[1].steps == 3 && places[1].visited == 3 * 16);
  CHECK(same(parts.networks[0], whole.networks[0]) && same(parts.networks[2], whole.networks[2]));
  auto rest = started();
  rest[0].options.epochs = rest[2].options.epochs = 0;
  const auto results = train_many(rest, 2, quiet);
  CHECK(results[1].training.losses == expected[1].training.losses);
  for (std::size_t i = 0; i < 3; ++i) CHECK(same(parts.networks[i], whole.networks[i]), "network ", i);
}

TEST_BOTH(early_stopping_keeps_the_parameters_of_the_best_epoch) {
  Several<T> some(2);
  TrainOptions options = short_run();
  options.epochs = 500;
  auto trainings = some.trainings(options);
  for (Training<T>& training : trainings) {
    training.validation = some.examples();
    training.early_stop = EarlyStop{EarlyStop::Number::validation_accuracy, true, 5, 0, true};
  }
  ManyMonitor monitor;
  const auto results = train_many(trainings, 2, monitor);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& scores = results[i].validation_accuracies;
    const auto best = std::max_element(scores.begin(), scores.end());
    CHECK(scores.size() < 500 && scores.end() - best == 6, "network ", i);
    CHECK(evaluate(some.networks[i], some.examples(), 1).accuracy == *best, "network ", i);
  }
}

TEST_BOTH(a_last_batch_that_is_smaller_may_be_skipped) {
  constexpr Index m = Several<T>::m, batch = 16, whole = m / batch * batch;
  Several<T> skips(1), ordered(1);
  TrainOptions options = short_run();
  options.drop_last = true;
  ManyMonitor quiet;
  const auto found = train_many(skips.trainings(options), 1, quiet);
  std::vector<std::int64_t> orders, order(at(m));
  for (Index epoch = 0; epoch < options.epochs; ++epoch) {
    permutation(0, epoch, order.data(), m);
    orders.insert(orders.end(), order.begin(), order.begin() + whole);
  }
  options.drop_last = false;
  options.rows = order.data();
  options.row_count = whole;
  options.order = orders.data();
  options.order_epochs = options.epochs;
  const auto expected = train_many(ordered.trainings(options), 1, quiet);
  CHECK(same(skips.networks[0], ordered.networks[0]));
  CHECK(found[0].training.losses == expected[0].training.losses);
  CHECK(skips.optimizers[0].steps == options.epochs * (m / batch));
}

TEST(an_exception_of_the_monitor_ends_all_networks_and_comes_back) {
  struct Failing final : ManyMonitor {
    bool wants_epochs(Index which) const override { return which == 1; }
    bool epoch(Index /*which*/, Index number, double /*loss*/, const Scores* /*validation*/) override {
      if (number == 1) throw std::domain_error("enough");
      return false;
    }
  };
  for (const int threads : {1, 2}) {
    Several<float> some(3);
    const Several<float> before(3);
    TrainOptions options = short_run();
    options.epochs = threads == 1 ? 4 : 100000;
    Failing monitor;
    REFUSES(train_many(some.trainings(options), threads, monitor), "enough");
    CHECK(!same(some.networks[1], before.networks[1]), threads);
    ManyMonitor quiet;
    CHECK(train_many(some.trainings(short_run()), threads, quiet).size() == 3, threads);
  }
}

TEST(a_network_may_be_stopped_within_an_epoch) {
  struct Impatient final : ManyMonitor {
    bool wants_polls(Index which) const override { return which == 0; }
    bool stops(Index /*which*/) override { return true; }
  };
  Several<float> some(2);
  Impatient monitor;
  const auto results = train_many(some.trainings(short_run()), 2, monitor);
  CHECK(results[0].training.losses.empty());
  CHECK(results[1].training.losses.size() == 4);
}

TEST(trainings_that_do_not_fit_are_refused_with_the_number_of_the_network) {
  Several<float> some(2);
  ManyMonitor monitor;
  const std::vector<std::int64_t> rows{0, Several<float>::m};
  auto trainings = some.trainings(short_run());
  trainings[1].options.rows = rows.data();
  trainings[1].options.row_count = 2;
  REFUSES(train_many(trainings, 1, monitor), "network 1: rows must hold rows from 0 to 89, got 90 at 1");
  trainings[1].options.row_count = 0;
  REFUSES(train_many(trainings, 1, monitor), "network 1: rows must name at least one example");
  trainings = some.trainings(short_run());
  trainings[1].network = &some.networks[0];
  trainings[1].optimizer = &some.optimizers[0];
  REFUSES(train_many(trainings, 1, monitor), "network 1: ");
  trainings = some.trainings(short_run());
  trainings[0].early_stop.emplace();
  REFUSES(train_many(trainings, 1, monitor), "network 0: early stopping by a number of validation examples");
}

}  // namespace deepcore
