// Ranks: how several processes cut batches, and that their sums have the bits of one process.
// Level: tests.
#include "check.hpp"
#include "numbers.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/train.hpp>

#include <algorithm>
#include <vector>

namespace deepcore {
namespace {

template <class T>
struct Task {
  explicit Task(Index m) : count(m), X(numbers<T>(7 * m, 1)), Y(numbers<T>(2 * m, 2)) {
    LayerSpec hidden{24, activation_id("tanh"), 0};
    hidden.dropout = 0.25;
    spec = Spec(7, {hidden, {2, activation_id("linear"), 0}}, loss_id("squared_error"));
  }
  Network<T> network() const {
    Network<T> fresh(spec);
    const auto values = numbers<T>(fresh.tensors.size(), 3);
    std::copy(values.begin(), values.end(), fresh.parameters.data());
    return fresh;
  }
  Examples<T> examples() const { return {{X.data(), 7, count, 1, 7}, {Y.data(), 2, count, 1, 2}}; }
  Index count;
  std::vector<T> X, Y;
  Spec spec{1, {{1, activation_id("linear"), 0}}, loss_id("squared_error")};
};

template <class T>
Optimizer<T> sgd(const Network<T>& network) {
  return {Rule{optimizer_id("sgd")}, Schedule(schedule_id("constant"), {0.01}), network};
}

// Adds parts up as a group of one rank does; `parts` is how many it has seen.
template <class T>
struct Adding : Monitor {
  bool wants_sums() const override { return true; }
  void sums(Sums<T>& sums) override {
    CHECK(sums.counts == std::vector<Index>{sums.count});
    for (Index part = 0; part < sums.count; ++part, sums.first = false) {
      for (Index i = 0; i < sums.size; ++i) {
        const T value = sums.parts[part * sums.size + i];
        sums.total[i] = sums.first ? value : sums.total[i] + value;
      }
    }
    parts += sums.count;
    if (sums.totals.digest != 0) ++digests;
  }
  using Monitor::sums;
  Index parts = 0, digests = 0;
};

template <class T>
void compare(Index m, Index batch) {
  const Task<T> task(m);
  Network<T> alone = task.network(), shared = task.network();
  Optimizer<T> one = sgd(alone), two = sgd(shared);
  TrainOptions options;
  options.batch_size = batch;
  options.epochs = 2;
  Monitor nobody;
  const auto losses = train(alone, task.examples(), one, options, nobody).losses;
  options.ranks = Ranks{Ranks::Cut::chains};
  Adding<T> monitor;
  CHECK(losses == train(shared, task.examples(), two, options, monitor).losses, m, " examples");
  CHECK(std::equal(alone.parameters.data(), alone.parameters.data() + alone.tensors.size(), shared.parameters.data()));
  CHECK(monitor.parts >= 2 * m / 192);
  CHECK(monitor.digests == (2 * ((m + batch - 1) / batch) + kDigestSteps - 1) / kDigestSteps);
}

TEST(sums_of_parts_in_order_have_the_bits_of_the_whole_batch) {
  compare<float>(900, 700);
  compare<float>(50, 7);
  compare<double>(10000, 10000);
}

TEST(ranks_that_cannot_be_are_refused) {
  const Task<double> task(10);
  Network<double> network = task.network();
  Optimizer<double> optimizer = sgd(network);
  TrainOptions options;
  Adding<double> monitor;
  options.ranks = Ranks{Ranks::Cut::even, 2, 2};
  REFUSES(train(network, task.examples(), optimizer, options, monitor), "fit: rank must be from 0 to 1, got 2");
  options.ranks = Ranks{Ranks::Cut::own, 0, 2, 1};
  options.batch_size = 4;
  REFUSES(train(network, task.examples(), optimizer, options, monitor), "fit: steps=1 are too few for 10 examples");
}

}  // namespace
}  // namespace deepcore
