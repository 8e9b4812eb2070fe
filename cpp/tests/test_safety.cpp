// Safety: what the core refuses, what a second writer meets, and what is left when memory runs out.
// Level: tests.
#include "check.hpp"
#include "numbers.hpp"
#include "system_memory.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/predictor.hpp>
#include <deepcore/train.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <new>
#include <optional>
#include <vector>

namespace {
// How many allocations succeed before all others fail; negative: all succeed.
long allocations_left = -1;
bool fails() {
  if (allocations_left == 0) return true;
  if (allocations_left > 0) --allocations_left;
  return false;
}
}  // namespace

#ifdef REPLACES_SYSTEM_MEMORY
bool mapping_fails() { return fails(); }
extern "C" {
void* __libc_calloc(std::size_t, std::size_t);  // NOLINT
void* calloc(std::size_t n, std::size_t bytes) noexcept { return fails() ? nullptr : __libc_calloc(n, bytes); }
}
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // it sees free(), but not that new is malloc()
#endif
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {  // std::stable_sort calls it
  return fails() ? nullptr : std::malloc(bytes > 0 ? bytes : 1);
}
void* operator new(std::size_t bytes) {
  if (void* const memory = operator new(bytes, std::nothrow)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace deepcore {
namespace {

// A classification of 40 examples, and networks with everything that a layer may have.
struct Problem {
  static Spec describe() {
    LayerSpec first{9, activation_id("tanh"), 0}, second{6, activation_id("silu"), 0};
    first.norm = Norm::batch;
    first.parametric = first.scaled_inputs = true;
    first.l2 = 0.01;
    second.norm = Norm::layer;
    second.ntk = true;
    second.max_norm = 1;
    return {5, {first, second, {3, activation_id("softmax"), 0}}, loss_id("categorical_cross_entropy")};
  }
  explicit Problem(const Spec& spec = describe()) : network(spec), X(numbers<double>(5 * m, 1)) {
    const auto values = numbers<double>(network.tensors.size(), 2);
    for (const Tensor& tensor : network.tensors.all()) {
      for (Index i = 0; tensor.role == Role::W && i < tensor.rows * tensor.cols; ++i)
        network.parameters.data()[tensor.offset + i] = 0.3 * values[at(tensor.offset + i)];
    }
    for (Index j = 0; j < m; ++j) labels.push_back(j % 3);
  }
  Examples<double> examples() const { return {{X.data(), 5, m, 1, 5}, {}, labels.data(), nullptr}; }
  Optimizer<double> adam() const {
    Rule rule{optimizer_id("adam")};
    for (std::size_t k = 0; k < rule.hyper.size(); ++k) rule.hyper[k] = optimizers()[at(rule.row)].hyper[k].value;
    return {rule, Schedule(0, {0.01}), network};
  }
  std::vector<double> values() const {
    return {network.parameters.data(), network.parameters.data() + network.tensors.size()};
  }
  static constexpr Index m = 40;
  Network<double> network;
  std::vector<double> X;
  std::vector<std::int64_t> labels;
};

TrainOptions two_epochs() {
  TrainOptions options;
  options.batch_size = 8;
  options.epochs = 2;
  options.threads = 1;
  return options;
}

TEST(labels_outside_of_the_outputs_are_refused_by_every_function) {
  for (const std::int64_t label : {std::int64_t{-1}, std::int64_t{3}, std::numeric_limits<std::int64_t>::max()}) {
    Problem p;
    p.labels[7] = label;
    auto optimizer = p.adam();
    Monitor nobody;
    std::vector<double> g(at(p.network.tensors.size()));
    const std::string rule = "y must hold labels from 0 to 2";
    REFUSES(train(p.network, p.examples(), optimizer, two_epochs(), nobody), rule);
    REFUSES(evaluate(p.network, p.examples(), 1), rule);
    REFUSES(gradient(p.network, p.examples(), g.data(), 1), rule);
    REFUSES(trace(p.network, p.examples()), rule);
  }
}

TEST(shapes_weights_and_sparse_structure_are_checked) {
  Problem p;
  std::vector<double> A(at(3 * Problem::m));
  Examples<double> examples = p.examples();
  examples.X.rows = 4;
  REFUSES(evaluate(p.network, examples, 1), "X must have shape (m, 5)");
  REFUSES(predict<double>(p.network, examples.X, {A.data(), 3, Problem::m, 1, 3}, 1), "X must have shape (m, 5)");
  REFUSES(predict<double>(p.network, p.examples().X, {A.data(), 2, Problem::m, 1, 3}, 1), "out must have shape");
  examples = p.examples();
  examples.labels = nullptr;
  REFUSES(evaluate(p.network, examples, 1), "y must have shape (40, 3)");
  std::vector<double> weights(at(Problem::m), 0.0);
  examples = p.examples();
  examples.weights = weights.data();
  REFUSES(evaluate(p.network, examples, 1), "sample_weight must have a positive sum");
  weights[3] = -1;
  REFUSES(evaluate(p.network, examples, 1), "sample_weight must not be negative");
  const double values[] = {1, 2};
  const std::int32_t columns[] = {1, 5};
  const std::int64_t starts[] = {0, 1, 2}, falling[] = {0, 2, 1};
  REFUSES(nonfinite_layer<double>(p.network, {5, 2, values, columns, starts}), "columns from 0 to 4, got 5");
  REFUSES(nonfinite_layer<double>(p.network, {5, 2, values, columns, falling}), "valid compressed sparse rows");
}

TEST(an_order_that_leaves_the_rows_is_refused_before_it_is_used) {
  Problem p;
  auto optimizer = p.adam();
  Monitor nobody;
  std::vector<std::int64_t> order(at(Problem::m), 0);
  order[39] = Problem::m;
  TrainOptions options = two_epochs();
  options.order = order.data();
  const auto before = p.values();
  REFUSES(train(p.network, p.examples(), optimizer, options, nobody),
          "order must hold rows from 0 to 39, got 40 at 39");
  CHECK(p.values() == before);
}

// Calls back into the core while a run is on.
struct Meddler : Monitor {
  std::function<void()> meddle;
  bool wants_epochs() const override { return true; }
  bool epoch(Index, double) override {
    meddle();
    return false;
  }
};

TEST(a_second_writer_of_a_network_or_an_optimizer_is_refused) {
  Problem p, other;
  auto optimizer = p.adam(), spare = p.adam();
  Meddler meddler;
  int calls = 0;
  meddler.meddle = [&] {
    Monitor nobody;
    std::vector<double> g(at(p.network.tensors.size()));
    REFUSES(train(p.network, p.examples(), spare, two_epochs(), nobody), "being trained by another thread");
    REFUSES(step(spare, p.network, g.data()), "being trained by another thread");
    REFUSES(train(other.network, p.examples(), optimizer, two_epochs(), nobody), "at work in another fit");
    REFUSES(step(optimizer, other.network, g.data()), "at work in another fit");
    ++calls;
  };
  train(p.network, p.examples(), optimizer, two_epochs(), meddler);
  CHECK(calls == 2);
  Monitor nobody;
  train(other.network, p.examples(), optimizer, two_epochs(), nobody);  // and is free again afterwards
}

// For each shape: what a monitor writes after the first epoch is what the second one starts from.
TEST(what_a_monitor_writes_into_parameters_takes_effect_in_the_next_step) {
  const int tanh = activation_id("tanh"), sigmoid = activation_id("softmax"),
            loss = loss_id("categorical_cross_entropy");
  const std::vector<Spec> shapes{
      Problem::describe(), {5, {{4, tanh, 0}, {3, sigmoid, 0}}, loss}, {5, {{230, tanh, 0}, {3, sigmoid, 0}}, loss}};
  for (const Spec& spec : shapes) {
    Problem p(spec), fresh(spec);
    auto one = p.adam(), two = fresh.adam();
    Meddler meddler;
    Index epochs = 0;
    meddler.meddle = [&] {
      if (++epochs == 1) std::fill_n(p.network.parameters.data(), p.network.tensors.size(), 0.25);
    };
    train(p.network, p.examples(), one, two_epochs(), meddler);
    Monitor nobody;
    TrainOptions options = two_epochs();
    options.epochs = 1;
    train(fresh.network, fresh.examples(), two, options, nobody);
    std::fill_n(fresh.network.parameters.data(), fresh.network.tensors.size(), 0.25);
    options.first_epoch = 1;
    train(fresh.network, fresh.examples(), two, options, nobody);
    CHECK(p.values() == fresh.values(), spec.units(1), " units");
  }
}

// Doubles the sums and the weights, as two processes with the same examples would.
struct Doubling : Monitor {
  bool wants_sums() const override { return true; }
  void sums(Sums<double>& sums) override {
    for (Index i = 0; i < sums.size; ++i) sums.total[i] = 2 * sums.parts[i];
    for (std::size_t k = 0; k < 2; ++k) {
      sums.totals.loss[k] *= 2;
      sums.totals.weight[k] *= 2;
    }
    ++steps;
  }
  int steps = 0;
};

TEST(a_monitor_between_the_phases_changes_no_bit_when_sums_and_weights_double) {
  for (const double clip_norm : {0.0, 0.05}) {
    Problem p, expected;
    auto one = p.adam(), two = expected.adam();
    one.rule.clip_norm = two.rule.clip_norm = clip_norm;
    Doubling doubling;
    Monitor nobody;
    const auto losses = train(p.network, p.examples(), one, two_epochs(), doubling).losses;
    CHECK(losses == train(expected.network, expected.examples(), two, two_epochs(), nobody).losses);
    CHECK(p.values() == expected.values());
    CHECK(doubling.steps == 10);
  }
}

TEST(evaluate_and_train_report_the_same_loss_whatever_the_order_of_the_examples) {
  for (Index count = 3; count <= 40; ++count) {
    Problem p(
        {5, {{7, activation_id("tanh"), 0}, {3, activation_id("softmax"), 0}}, loss_id("categorical_cross_entropy")});
    Rule rule{optimizer_id("sgd")};
    Optimizer<double> nothing(rule, Schedule(0, {0.0}), p.network);
    Examples<double> examples = p.examples();
    examples.X.cols = count;
    TrainOptions options = two_epochs();
    options.epochs = 1;
    Monitor nobody;
    const double reported = train(p.network, examples, nothing, options, nobody).losses.at(0);
    CHECK(reported == evaluate(p.network, examples, 1).loss, count, " examples");
  }
}

// Lets the first, the second, ... allocation of `work` fail, and all after it, until work is done. Returns how many points
// there were.
long fail_everywhere(const std::function<void()>& prepare, const std::function<void()>& work,
                     const std::function<void(bool)>& check) {
  for (long point = 0;; ++point) {
    prepare();
    bool failed = false;
    allocations_left = point;
    try {
      work();
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    allocations_left = -1;
    check(failed);
    if (!failed) return point;
  }
}

TEST(when_memory_runs_out_a_training_leaves_a_network_and_an_optimizer_that_can_go_on) {
  Problem expected;
  auto reference = expected.adam();
  Monitor nobody;
  train(expected.network, expected.examples(), reference, two_epochs(), nobody);
  std::optional<Problem> p;
  std::optional<Optimizer<double>> optimizer;
  const long points = fail_everywhere(
      [&] {
        p.emplace();
        optimizer.emplace(p->adam());
      },
      [&] { train(p->network, p->examples(), *optimizer, two_epochs(), nobody); },
      [&](bool failed) {
        if (failed) {  // all allocations come before the first step
          CHECK(optimizer->steps == 0);
          train(p->network, p->examples(), *optimizer, two_epochs(), nobody);
        }
        CHECK(p->values() == expected.values());
        std::vector<double> m(at(p->network.tensors.size())), same(m.size());
        optimizer->read_slot(0, m.data());
        reference.read_slot(0, same.data());
        CHECK(m == same);
      });
  CHECK(points > 5, points);
}

TEST(a_buffer_is_zero_also_where_another_one_has_written) {
  for (const Index count : {Index{1} << 18, Index{1} << 19, 5 * (Index{1} << 17), Index{1} << 24, Index{3} << 18}) {
    for (int time = 0; time < 3; ++time) {
      Buffer<double> one(count), other(count);
      const auto zero = [](double x) { return x == 0; };
      CHECK(std::all_of(one.data(), one.data() + count, zero), count);
      CHECK(std::all_of(other.data(), other.data() + count, zero), count);
      std::fill_n(one.data(), count, std::numeric_limits<double>::quiet_NaN());
      std::fill_n(other.data(), count, 1);
    }
  }
}

#ifdef REPLACES_SYSTEM_MEMORY  // elsewhere nothing that a buffer calls can be made to fail
TEST(when_memory_runs_out_a_large_buffer_ends_with_bad_alloc) {
  const auto large = [] {
    const Buffer<double> buffer(Index{1} << 24);  // more than is kept of earlier buffers
    CHECK(buffer.data()[0] == 0 && buffer.data()[buffer.size() - 1] == 0);
  };
  CHECK(fail_everywhere([] {}, large, [](bool) {}) > 0);
}
#endif

TEST(when_memory_runs_out_other_calls_end_with_bad_alloc_and_change_nothing) {
  Problem p;
  auto optimizer = p.adam();
  const auto before = p.values();
  std::vector<double> A(at(3 * Problem::m)), g(at(p.network.tensors.size()), 0.5);
  const std::vector<std::function<void()>> calls{
      [&] { predict<double>(p.network, p.examples().X, {A.data(), 3, Problem::m, 1, 3}, 1); },
      [&] { evaluate(p.network, p.examples(), 1); },
      [&] { gradient(p.network, p.examples(), g.data(), 1); },
      [&] { trace(p.network, p.examples()); },
      [&] { Predictor<double>{p.network}; },
      [&] { p.adam(); }};
  for (const auto& call : calls) {
    fail_everywhere([] {}, call, [&](bool) { CHECK(p.values() == before); });
  }
  fail_everywhere([] {}, [&] { step(optimizer, p.network, g.data()); },
                  [&](bool failed) { CHECK(!failed || (p.values() == before && optimizer.steps == 0)); });
}

}  // namespace
}  // namespace deepcore
