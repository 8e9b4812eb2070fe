// train: a loop of gradient() and step() bit for bit; threads, monitors, trouble with numbers.
// Level: tests.
#include "check.hpp"
#include "numbers.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/rng.hpp>
#include <deepcore/train.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace deepcore {
namespace {

// Examples with labels and weights (every seventh is zero), and networks that start all from the same parameters.
template <class T>
struct Course {
  Course(const std::vector<Index>& sizes, Index examples, const char* hidden = "tanh")
      : spec(describe(sizes, hidden)), m(examples), X(numbers<T>(sizes[0] * m, 1, 1)) {
    for (Index j = 0; j < m; ++j) {
      labels.push_back((j * j + 3) % spec.outputs());
      weights.push_back(static_cast<T>(j % 7) / 4);
    }
  }
  static Spec describe(const std::vector<Index>& sizes, const char* hidden) {
    std::vector<LayerSpec> layers;
    for (std::size_t l = 1; l < sizes.size(); ++l) layers.push_back({sizes[l], activation_id(hidden), 0.3});
    layers.back().activation = activation_id("softmax");
    return {sizes[0], layers, loss_id("categorical_cross_entropy")};
  }
  Network<T> network() const {
    Network<T> fresh(spec);
    const auto values = numbers<T>(fresh.tensors.size(), 2, 0.1);
    std::copy(values.begin(), values.end(), fresh.parameters.data());
    return fresh;
  }
  Examples<T> examples() const {
    return {{X.data(), spec.units(0), m, 1, spec.units(0)}, {}, labels.data(), weights.data()};
  }
  Spec spec;
  Index m;
  std::vector<T> X, weights;
  std::vector<std::int64_t> labels;
};

template <class T>
Optimizer<T> make(const std::string& name, const Network<T>& network, Schedule rates, bool everything = false) {
  Rule rule{optimizer_id(name)};
  for (std::size_t k = 0; k < rule.hyper.size(); ++k) {
    const Named& constant = optimizers()[at(rule.row)].hyper[k];
    rule.hyper[k] = everything && constant.name != nullptr && constant.value == 0 ? 0.25 : constant.value;
  }
  rule.weight_decay = everything ? 0.25 : optimizers()[at(rule.row)].weight_decay;
  return {rule, std::move(rates), network};
}
template <class T>
std::vector<T> values(const Buffer<T>& buffer) {
  return {buffer.data(), buffer.data() + buffer.size()};
}

template <class T>
void check_same(const Network<T>& a, const Optimizer<T>& oa, const Network<T>& b, const Optimizer<T>& ob,
                const std::string& when) {
  CHECK(values(a.parameters) == values(b.parameters), when);
  for (std::size_t k = 0; k < oa.slots.size(); ++k)
    CHECK(values(oa.slots[k]) == values(ob.slots[k]), "slot ", k, ", ", when);
  CHECK(oa.steps == ob.steps, when);
}

// The same run in the words of the public interface: gradient(), then step(), batch by batch, at most `steps` of them.
template <class T>
std::vector<double> by_hand(const Course<T>& course, Network<T>& network, Optimizer<T>& optimizer,
                            const TrainOptions& options, Index steps = std::numeric_limits<Index>::max()) {
  const Index n = course.spec.units(0), batch = options.batch_size == 0 ? course.m : options.batch_size;
  std::vector<T> g(at(network.tensors.size()));
  std::vector<double> losses;
  for (Index epoch = 0; epoch < options.epochs; ++epoch) {
    std::vector<std::int64_t> order(at(course.m));
    for (Index j = 0; j < course.m; ++j) order[at(j)] = j;
    if (options.shuffle && batch < course.m)
      permutation(options.seed, options.first_epoch + epoch, order.data(), course.m);
    double loss = 0, weight = 0;
    for (Index first = 0; first < course.m; first += batch) {
      if (steps-- == 0) return losses;
      std::vector<T> X, w;
      std::vector<std::int64_t> labels;
      double total = 0;
      for (Index j = first; j < std::min(first + batch, course.m); ++j) {
        const Index from = order[at(j)];
        X.insert(X.end(), course.X.begin() + from * n, course.X.begin() + (from + 1) * n);
        w.push_back(course.weights[at(from)]);
        labels.push_back(course.labels[at(from)]);
        total += static_cast<double>(w.back());
      }
      const Examples<T> part{{X.data(), n, static_cast<Index>(w.size()), 1, n}, {}, labels.data(), w.data()};
      loss += total * gradient(network, part, g.data(), 1);
      weight += total;
      step(optimizer, network, g.data());
    }
    losses.push_back(loss / weight);
  }
  return losses;
}

TEST_BOTH(train_is_a_loop_of_gradient_and_step_bit_for_bit) {
  const Course<T> course({13, 210, 31, 4}, 150);  // more columns than a chunk, several panels, odd sizes
  for (const OptimizerInfo& row : optimizers()) {
    for (const bool everything : {false, true}) {
      for (const bool shuffle : {false, true}) {
        TrainOptions options;
        options.batch_size = 32;  // the last batch has 22 examples
        options.epochs = 2;
        options.shuffle = shuffle;
        options.seed = 9;
        auto one = course.network(), two = course.network();
        const Schedule rates(schedule_id("inverse_time"), {0.01, 0.5, 3});
        auto first = make(row.name, one, rates, everything), second = make(row.name, two, rates, everything);
        Monitor monitor;
        const TrainResult result = train(one, course.examples(), first, options, monitor);
        const auto losses = by_hand(course, two, second, options);
        check_same(one, first, two, second, row.name);
        CHECK(values(one.parameters) != values(course.network().parameters), row.name);
        CHECK(result.first_nonfinite_step == -1 && result.losses.size() == 2);
        // the same losses, divided by a batch's weight and multiplied by it again: a rounding a batch
        for (std::size_t e = 0; e < 2; ++e) CHECK_NEAR(result.losses[e], losses[e], 1e-14 * losses[e], row.name);
      }
    }
  }
}

TEST_BOTH(train_with_layers_wider_than_a_strip_is_the_same_loop) {
  for (const char* hidden : {"tanh", "silu", "softmax"}) {
    const Course<T> course({201, 400, 193, 5}, 100, hidden);
    TrainOptions options;
    options.batch_size = 40;
    auto one = course.network(), two = course.network();
    auto first = make("adam", one, Schedule(0, {0.01})), second = make("adam", two, Schedule(0, {0.01}));
    Monitor monitor;
    train(one, course.examples(), first, options, monitor);
    by_hand(course, two, second, options);
    check_same(one, first, two, second, hidden);
  }
}

TEST_BOTH(train_in_batches_deeper_than_a_chain_of_sums_and_in_full_batches_over_slabs_is_the_same_loop) {
  for (const Index batch : {300, 0, 9001}) {
    const Course<T> course({6, 9, 3}, 9500, "gelu");
    TrainOptions options;
    options.batch_size = batch;
    options.epochs = 2;
    auto one = course.network(), two = course.network();
    auto first = make("adam", one, Schedule(0, {0.01})), second = make("adam", two, Schedule(0, {0.01}));
    Monitor monitor;
    train(one, course.examples(), first, options, monitor);
    by_hand(course, two, second, options);
    check_same(one, first, two, second, text("batch ", batch));
  }
}

TEST_BOTH(the_number_of_threads_changes_no_bit_of_a_run) {
  const auto check = [](const std::vector<Index>& sizes, const char* hidden, Index m, Index batch) {
    const Course<T> course(sizes, m, hidden);
    TrainOptions options;
    options.batch_size = batch;
    options.epochs = 2;
    options.threads = 1;
    auto one = course.network();
    auto first = make("adam", one, Schedule(0, {0.01}));
    Monitor monitor;
    const auto losses = train(one, course.examples(), first, options, monitor).losses;
    for (const int threads : check::numbers_of_threads()) {
      options.threads = threads;
      auto two = course.network();
      auto second = make("adam", two, Schedule(0, {0.01}));
      CHECK(train(two, course.examples(), second, options, monitor).losses == losses, threads, " threads");
      check_same(one, first, two, second, text(threads, " threads, ", hidden, ", batch ", batch));
    }
  };
  for (const char* hidden : {"relu", "silu", "softmax"}) {
    check({40, 230, 64, 10}, hidden, 500, 200);
    check({40, 230, 64, 10}, hidden, 500, 0);
    check({40, 30, 10}, hidden, 9500, 0);         // several slabs
    check({201, 400, 193, 10}, hidden, 150, 64);  // weights that threads share layer by layer
  }
}

TEST_BOTH(a_run_in_two_parts_is_the_run_in_one) {
  const Course<T> course({6, 9, 3}, 100);
  TrainOptions options;
  options.batch_size = 16;
  options.epochs = 4;
  auto one = course.network(), two = course.network();
  const Schedule rates(schedule_id("exponential"), {0.01, 0.9});
  auto first = make("nadam", one, rates), second = make("nadam", two, rates);
  Monitor monitor;
  const auto losses = train(one, course.examples(), first, options, monitor).losses;
  options.epochs = 3;
  auto again = train(two, course.examples(), second, options, monitor).losses;
  options.epochs = 1;
  options.first_epoch = 3;
  again.push_back(train(two, course.examples(), second, options, monitor).losses.at(0));
  CHECK(again == losses);
  check_same(one, first, two, second, "");
}

TEST_BOTH(an_example_of_infinite_input_ends_the_run_at_its_step_with_the_parameters_before_it) {
  Course<T> course({6, 9, 3}, 100);
  course.X[6 * 70] = std::numeric_limits<T>::quiet_NaN();  // in the third batch of 32
  course.weights[70] = 1;
  TrainOptions options;
  options.batch_size = 32;
  options.shuffle = false;
  auto one = course.network(), two = course.network();
  auto first = make("adam", one, Schedule(0, {0.01})), second = make("adam", two, Schedule(0, {0.01}));
  Monitor monitor;
  const TrainResult result = train(one, course.examples(), first, options, monitor);
  CHECK(result.first_nonfinite_step == 2);
  CHECK(result.losses.empty());
  by_hand(course, two, second, options, 2);
  check_same(one, first, two, second, "");
}

TEST_BOTH(a_run_that_diverges_ends_at_its_step_and_keeps_the_losses_of_finished_epochs) {
  const Course<T> course({6, 9, 3}, 100, "relu");
  std::vector<double> rates(20, 0.01);
  rates[5] = 0.9 * static_cast<double>(std::numeric_limits<T>::max());  // the step after it finds an infinite loss
  TrainOptions options;
  options.batch_size = 32;
  options.epochs = 5;
  auto one = course.network(), two = course.network();
  auto first = make("sgd", one, Schedule::table(rates)), second = make("sgd", two, Schedule::table(rates));
  Monitor monitor;
  const TrainResult result = train(one, course.examples(), first, options, monitor);
  CHECK(result.first_nonfinite_step == 6, result.first_nonfinite_step);
  CHECK(result.losses.size() == 1 && std::isfinite(result.losses[0]));
  by_hand(course, two, second, options, 6);
  check_same(one, first, two, second, "");
}

TEST_BOTH(a_batch_of_weight_zero_changes_no_parameter) {
  Course<T> course({6, 9, 3}, 64);
  for (std::size_t j = 32; j < 64; ++j) course.weights[j] = 0;
  TrainOptions options;
  options.batch_size = 32;
  options.shuffle = false;
  auto one = course.network(), two = course.network();
  auto first = make("adam", one, Schedule(0, {0.01})), second = make("adam", two, Schedule(0, {0.01}));
  Monitor monitor;
  const TrainResult result = train(one, course.examples(), first, options, monitor);
  CHECK(result.losses.size() == 1 && std::isfinite(result.losses[0]));
  by_hand(course, two, second, options, 1);
  CHECK(values(one.parameters) == values(two.parameters));
  CHECK(values(first.slots[0]) == values(second.slots[0]));
}

// Checks after every epoch that the parameters are those of a run of that length; then stops or throws where it is told.
template <class T>
struct Watcher : Monitor {
  Watcher(const Course<T>& c, const Network<T>& n, const TrainOptions& o) : course(c), network(n), options(o) {}
  bool wants_epochs() const override { return watches; }
  bool epoch(Index number, double loss) override {
    CHECK(number == options.first_epoch + static_cast<Index>(losses.size()), number);
    losses.push_back(loss);
    auto expected = course.network();
    auto optimizer = make("adam", expected, Schedule(0, {0.01}));
    options.epochs = static_cast<Index>(losses.size());
    by_hand(course, expected, optimizer, options);
    CHECK(values(network.parameters) == values(expected.parameters), "after epoch ", number);
    if (options.epochs == throws_at) throw std::runtime_error("enough");
    return options.epochs == stops_at;
  }
  void poll() override {
    if (++polls == interrupts_at) throw std::runtime_error("interrupt");
  }
  const Course<T>& course;
  const Network<T>& network;
  TrainOptions options;
  std::vector<double> losses;
  Index stops_at = -1, throws_at = -1, interrupts_at = -1, polls = 0;
  bool watches = true;
};

TrainOptions four_epochs() {
  TrainOptions options;
  options.batch_size = 16;
  options.epochs = 4;
  options.first_epoch = 10;
  return options;
}

TEST_BOTH(a_monitor_sees_every_epoch_with_its_loss_and_its_parameters) {
  const Course<T> course({6, 9, 3}, 100);
  auto network = course.network();
  auto optimizer = make("adam", network, Schedule(0, {0.01}));
  Watcher<T> watcher(course, network, four_epochs());
  const TrainResult result = train(network, course.examples(), optimizer, four_epochs(), watcher);
  CHECK(watcher.losses == result.losses);
  CHECK(result.losses.size() == 4);
  CHECK(watcher.polls >= 1);
}

TEST_BOTH(a_monitor_that_wants_no_epochs_is_not_called_for_them) {
  const Course<T> course({6, 9, 3}, 100);
  auto network = course.network();
  auto optimizer = make("adam", network, Schedule(0, {0.01}));
  Watcher<T> watcher(course, network, four_epochs());
  watcher.watches = false;
  CHECK(train(network, course.examples(), optimizer, four_epochs(), watcher).losses.size() == 4);
  CHECK(watcher.losses.empty());
}

// Skips the epochs whose number is odd.
template <class T>
struct Sparing : Monitor {
  explicit Sparing(Network<T>& n) : network(n) {}
  bool wants_epochs() const override { return true; }
  bool skips_epoch(Index number, double loss) override {
    losses.push_back(loss);
    return number % 2 == 1;
  }
  bool epoch(Index number, double /*loss*/) override {
    called.push_back(number);
    network.parameters.data()[0] += T(0.5);
    return false;
  }
  Network<T>& network;
  std::vector<double> losses;
  std::vector<Index> called;
};

TEST_BOTH(a_monitor_can_skip_epochs_and_writes_into_the_network_after_the_others) {
  const Course<T> course({6, 9, 3}, 100);
  auto one = course.network(), two = course.network();
  auto first = make("adam", one, Schedule(0, {0.01})), second = make("adam", two, Schedule(0, {0.01}));
  Sparing<T> sparing(one);
  const TrainResult result = train(one, course.examples(), first, four_epochs(), sparing);
  CHECK(sparing.losses == result.losses);
  CHECK((sparing.called == std::vector<Index>{10, 12}));
  TrainOptions options = four_epochs();
  options.epochs = 1;
  for (Index number = 10; number < 14; ++number) {
    options.first_epoch = number;
    Monitor monitor;
    train(two, course.examples(), second, options, monitor);
    if (number % 2 == 0) two.parameters.data()[0] += T(0.5);
  }
  check_same(one, first, two, second, "");
}

TEST_BOTH(a_monitor_stops_a_run_with_the_parameters_of_that_epoch) {
  const Course<T> course({6, 9, 3}, 100);
  auto one = course.network(), two = course.network();
  auto first = make("adam", one, Schedule(0, {0.01})), second = make("adam", two, Schedule(0, {0.01}));
  Watcher<T> watcher(course, one, four_epochs());
  watcher.stops_at = 2;
  CHECK(train(one, course.examples(), first, four_epochs(), watcher).losses.size() == 2);
  TrainOptions options = four_epochs();
  options.epochs = 2;
  by_hand(course, two, second, options);
  check_same(one, first, two, second, "");
}

TEST_BOTH(an_exception_after_an_epoch_leaves_the_parameters_of_that_epoch) {
  const Course<T> course({6, 9, 3}, 100);
  auto one = course.network(), two = course.network();
  auto first = make("adam", one, Schedule(0, {0.01})), second = make("adam", two, Schedule(0, {0.01}));
  Watcher<T> watcher(course, one, four_epochs());
  watcher.throws_at = 3;
  REFUSES(train(one, course.examples(), first, four_epochs(), watcher), "enough");
  TrainOptions options = four_epochs();
  options.epochs = 3;
  by_hand(course, two, second, options);
  check_same(one, first, two, second, "");
}

TEST_BOTH(an_interrupt_leaves_the_parameters_of_the_steps_that_were_taken) {
  const auto check = [](const Course<T>& course, Index batch, Index poll) {
    auto one = course.network(), two = course.network();
    auto first = make("adam", one, Schedule(0, {0.001})), second = make("adam", two, Schedule(0, {0.001}));
    TrainOptions options;
    options.batch_size = batch;
    options.epochs = 100000;  // far more than fit between two polls
    Watcher<T> watcher(course, one, options);
    watcher.watches = false;
    watcher.interrupts_at = poll;
    REFUSES(train(one, course.examples(), first, options, watcher), "interrupt");
    CHECK(first.steps >= poll - 1, first.steps);
    by_hand(course, two, second, options, first.steps);
    check_same(one, first, two, second, text("poll ", poll));
  };
  check({{60, 100, 5}, 100}, 16, 1);
  check({{60, 100, 5}, 100}, 16, 2);
  check({{60, 100, 5}, 9500}, 0, 1);  // within a batch of several slabs
}

TEST(impossible_options_are_refused) {
  Course<float> course({6, 9, 3}, 10);
  auto network = course.network();
  auto optimizer = make("sgd", network, Schedule(0, {0.01}));
  Monitor monitor;
  TrainOptions options;
  options.epochs = -1;
  REFUSES(train(network, course.examples(), optimizer, options, monitor), "must not be negative");
  options.epochs = 1;
  options.batch_size = -1;
  REFUSES(train(network, course.examples(), optimizer, options, monitor), "must not be negative");
  course.m = 0;
  options.batch_size = 0;
  REFUSES(train(network, course.examples(), optimizer, options, monitor), "X must have at least one example");
}

TEST_BOTH(no_epochs_change_nothing) {
  const Course<T> course({6, 9, 3}, 10);
  auto network = course.network();
  auto optimizer = make("sgd", network, Schedule(0, {0.01}));
  TrainOptions options;
  options.epochs = 0;
  Monitor monitor;
  CHECK(train(network, course.examples(), optimizer, options, monitor).losses.empty());
  CHECK(values(network.parameters) == values(course.network().parameters));
}

}  // namespace
}  // namespace deepcore
