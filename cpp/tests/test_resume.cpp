// Resume: a run that was interrupted between two batches ends with the same bits as one that was not.
// Level: tests.
#include "check.hpp"
#include "numbers.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/train.hpp>

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace deepcore {
namespace {

// Examples of three classes with weights (every seventh is zero), and networks that all start from the same parameters.
template <class T>
struct Course {
  Course(Index inputs, Index units, Index m) : spec(describe(inputs, units)), X(numbers<T>(inputs * m, 1)), count(m) {
    for (Index j = 0; j < m; ++j) {
      labels.push_back((j * j + 3) % 3);
      weights.push_back(static_cast<T>(j % 7) / 4);
    }
  }
  static Spec describe(Index inputs, Index units) {
    LayerSpec hidden{units, activation_id("tanh"), 0};
    hidden.norm = Norm::batch;
    hidden.dropout = 0.25;
    return {inputs, {hidden, {3, activation_id("softmax"), 0}}, loss_id("categorical_cross_entropy")};
  }
  Network<T> network() const {
    Network<T> fresh(spec);
    const auto values = numbers<T>(fresh.tensors.size(), 2);
    std::copy(values.begin(), values.end(), fresh.parameters.data());
    return fresh;
  }
  Examples<T> examples() const {
    return {{X.data(), spec.units(0), count, 1, spec.units(0)}, {}, labels.data(), weights.data()};
  }
  Spec spec;
  std::vector<T> X, weights;
  std::vector<std::int64_t> labels;
  Index count;
};

template <class T>
Optimizer<T> nadam(const Network<T>& network) {
  Rule rule{optimizer_id("nadam")};
  for (std::size_t k = 0; k < rule.hyper.size(); ++k) rule.hyper[k] = optimizers()[at(rule.row)].hyper[k].value;
  return {rule, Schedule(schedule_id("exponential"), {0.01, 0.9}), network};
}

template <class T>
std::vector<T> values(const Buffer<T>& buffer) {
  return {buffer.data(), buffer.data() + buffer.size()};
}

// A network with its optimizer.
template <class T>
struct Pair {
  explicit Pair(const Course<T>& course) : network(course.network()), optimizer(nadam(network)) {}
  std::vector<double> train_on(const Course<T>& course, const TrainOptions& options, Monitor& monitor) {
    return train(network, course.examples(), optimizer, options, monitor).losses;
  }
  Network<T> network;
  Optimizer<T> optimizer;
};

template <class T>
void check_same(const Pair<T>& a, const Pair<T>& b, Index k) {
  CHECK(values(a.network.parameters) == values(b.network.parameters), k);
  CHECK(values(a.network.running) == values(b.network.running), k);
  for (std::size_t i = 0; i < a.optimizer.slots.size(); ++i)
    CHECK(values(a.optimizer.slots[i]) == values(b.optimizer.slots[i]), k);
  CHECK(a.optimizer.steps == b.optimizer.steps, k);
}

// Stops a run in its k-th pause, or by an exception of its k-th poll.
struct Breaker : Monitor {
  explicit Breaker(Index k, bool p) : left(k), by_pause(p) {}
  bool wants_pause() const override { return by_pause; }
  void pause() override { down(); }
  void poll() override {
    if (!by_pause) down();
  }
  void down() {
    if (left-- == 0) throw std::runtime_error("broken off");
  }
  Index left;
  bool by_pause;
};

TEST_BOTH(a_run_that_is_broken_off_within_an_epoch_goes_on_with_the_bits_and_the_losses_of_one_that_is_not) {
  const Course<T> course(6, 9, 100);
  TrainOptions whole;
  whole.batch_size = 16;
  whole.epochs = 3;
  whole.seed = 5;
  Monitor monitor;
  Pair<T> one(course);
  const auto losses = one.train_on(course, whole, monitor);
  for (Index k = 0; k < 20; ++k) {  // the 21st batch is the last
    Pair<T> two(course);
    Place place;
    TrainOptions options = whole;
    options.place = &place;
    Breaker breaker(k, true);
    REFUSES(two.train_on(course, options, breaker), "broken off");
    CHECK(two.optimizer.steps == k + 1 && place.visited == (k + 1) % 7 * 16, k, " ", place.visited);
    options.first_epoch = (k + 1) / 7;
    options.epochs = whole.epochs - options.first_epoch;
    const auto rest = two.train_on(course, options, monitor);
    CHECK(std::equal(rest.begin(), rest.end(), losses.begin() + options.first_epoch, losses.end()), k);
    CHECK(place.visited == 0 && place.loss[0] == 0 && place.weight[0] == 0);
    check_same(one, two, k);
  }
}

TEST_BOTH(an_exception_within_a_batch_leaves_the_place_before_it) {
  const Course<T> course(60, 100, 9500);
  Pair<T> pair(course);
  TrainOptions options;
  Place place;
  options.place = &place;
  Breaker breaker(0, false);
  REFUSES(pair.train_on(course, options, breaker), "broken off");
  CHECK(place.visited == 0 && pair.optimizer.steps == 0);
  CHECK(values(pair.network.parameters) == values(course.network().parameters));
}

TEST(a_place_that_is_not_before_a_batch_is_refused) {
  const Course<float> course(6, 9, 100);
  Pair<float> pair(course);
  Monitor monitor;
  TrainOptions options;
  options.batch_size = 16;
  for (const Index visited : {-16, 8, 100, 112}) {
    Place place{visited};
    options.place = &place;
    REFUSES(pair.train_on(course, options, monitor), "place must lie before a batch");
  }
  Place place{96};  // before the last batch, which has 4 examples
  options.place = &place;
  options.drop_last = true;
  REFUSES(pair.train_on(course, options, monitor), "place must lie before a batch");
}

}  // namespace
}  // namespace deepcore
