// Resume: a run that is broken off between two batches goes on with the bits of one that is not.
// Level: tests.
#include "check.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/rng.hpp>
#include <deepcore/train.hpp>

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace deepcore {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// Examples of three classes with weights (every seventh is zero), and networks that start all from the same parameters.
template <class T>
struct Course {
  Course(Index inputs, Index units, Index m) : spec(describe(inputs, units)), X(draw(inputs * m, 1)), count(m) {
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
  static std::vector<T> draw(Index n, std::uint64_t seed) {
    std::vector<double> draws(at(n));
    normal(seed, stream(Stream::user, 0), draws.data(), n);
    return {draws.begin(), draws.end()};
  }
  Network<T> network() const {
    Network<T> fresh(spec);
    const auto values = draw(fresh.tensors.size(), 2);
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

template <class T>
void check_same(const Network<T>& a, const Optimizer<T>& oa, const Network<T>& b, const Optimizer<T>& ob, Index k) {
  CHECK(values(a.parameters) == values(b.parameters), k);
  CHECK(values(a.running) == values(b.running), k);
  for (std::size_t i = 0; i < oa.slots.size(); ++i) CHECK(values(oa.slots[i]) == values(ob.slots[i]), k);
  CHECK(oa.steps == ob.steps, k);
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
  TrainOptions options;
  options.batch_size = 16;
  options.epochs = 3;
  options.seed = 5;
  auto one = course.network();
  auto first = nadam(one);
  Monitor monitor;
  const auto losses = train(one, course.examples(), first, options, monitor).losses;
  for (Index k = 0; k < 20; ++k) {  // the 21st batch is the last
    auto two = course.network();
    auto second = nadam(two);
    Place place;
    options.place = &place;
    options.epochs = 3;
    options.first_epoch = 0;
    Breaker breaker(k, true);
    REFUSES(train(two, course.examples(), second, options, breaker), "broken off");
    CHECK(second.steps == k + 1 && place.visited == (k + 1) % 7 * 16, k, " ", place.visited);
    options.first_epoch = (k + 1) / 7;
    options.epochs = 3 - options.first_epoch;
    const auto rest = train(two, course.examples(), second, options, monitor).losses;
    CHECK(std::equal(rest.begin(), rest.end(), losses.begin() + options.first_epoch, losses.end()), k);
    CHECK(place.visited == 0 && place.loss[0] == 0 && place.weight[0] == 0);
    check_same(one, first, two, second, k);
  }
}

TEST_BOTH(an_exception_within_a_batch_leaves_the_place_before_it) {
  const Course<T> course(60, 100, 9500);
  auto network = course.network();
  auto optimizer = nadam(network);
  TrainOptions options;
  Place place;
  options.place = &place;
  Breaker breaker(0, false);
  REFUSES(train(network, course.examples(), optimizer, options, breaker), "broken off");
  CHECK(place.visited == 0 && optimizer.steps == 0);
  CHECK(values(network.parameters) == values(course.network().parameters));
}

TEST(a_place_that_is_not_before_a_batch_is_refused) {
  const Course<float> course(6, 9, 100);
  auto network = course.network();
  auto optimizer = nadam(network);
  Monitor monitor;
  TrainOptions options;
  options.batch_size = 16;
  for (const Index visited : {-16, 8, 100, 112}) {
    Place place{visited};
    options.place = &place;
    REFUSES(train(network, course.examples(), optimizer, options, monitor), "place must lie before a batch");
  }
}

}  // namespace
}  // namespace deepcore
