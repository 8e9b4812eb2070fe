// Sharing: what other threads read of a network while one trains it or makes steps of its own.
// Level: tests. The preset tsan runs it with checks of data races.
#include "check.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/train.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <set>
#include <thread>
#include <vector>

namespace deepcore {
namespace {

using Numbers = std::vector<float>;

constexpr Index kInputs = 5, kExamples = 24, kEpochs = 40;

// Examples of three classes, and networks that start all from the same parameters.
struct Problem {
  Problem() : spec(describe()) {
    for (Index i = 0; i < kInputs * kExamples; ++i) X.push_back(static_cast<float>(i * i % 17) / 8 - 1);
    for (Index j = 0; j < kExamples; ++j) labels.push_back((j * j + 3) % 3);
  }
  static Spec describe() {
    LayerSpec hidden{40, activation_id("tanh"), 0};
    hidden.norm = Norm::batch;
    return {kInputs, {hidden, {3, activation_id("softmax"), 0}}, loss_id("categorical_cross_entropy")};
  }
  Network<float> network() const {
    Network<float> fresh(spec);
    for (Index i = 0; i < fresh.tensors.size(); ++i)
      fresh.parameters.data()[i] += static_cast<float>(i % 13) / 50 - 0.1F;
    return fresh;
  }
  Examples<float> examples() const { return {{X.data(), kInputs, kExamples, 1, kInputs}, {}, labels.data(), nullptr}; }
  Spec spec;
  Numbers X;
  std::vector<std::int64_t> labels;
};

Optimizer<float> sgd(const Network<float>& network) {
  return {Rule{optimizer_id("sgd")}, Schedule(schedule_id("constant"), {0.1}), network};
}

Numbers numbers(const Network<float>& network) {
  Numbers out(network.parameters.data(), network.parameters.data() + network.tensors.size());
  out.insert(out.end(), network.running.data(), network.running.data() + network.tensors.running_size());
  return out;
}

Numbers read(const Network<float>& network) {
  const Reader<float> reader(network);
  return numbers(*reader);
}

// Notes the numbers after every epoch, and writes nonsense into them for as long as it is called.
struct Notes : Monitor {
  explicit Notes(Network<float>& n) : network(n) {}
  bool wants_epochs() const override { return true; }
  bool epoch(Index /*number*/, double /*loss*/) override {
    const Numbers now = numbers(network);
    seen.insert(now);
    std::fill_n(network.parameters.data(), network.tensors.size(), 1e9F);
    std::copy_n(now.begin(), network.tensors.size(), network.parameters.data());
    return false;
  }
  Network<float>& network;
  std::set<Numbers> seen;
};

TrainOptions options() {
  TrainOptions out;
  out.batch_size = 8;
  out.epochs = kEpochs;
  out.threads = 1;
  return out;
}

// The numbers after every epoch of a training, those at its start included.
std::set<Numbers> epochs_of(const Problem& problem) {
  Network<float> network = problem.network();
  Optimizer<float> optimizer = sgd(network);
  Notes notes(network);
  notes.seen.insert(numbers(network));
  train(network, problem.examples(), optimizer, options(), notes);
  return notes.seen;
}

// Reads in another thread while `work` is at work, and returns all that was read.
template <class F>
std::set<Numbers> read_during(const Network<float>& network, F work) {
  std::atomic<bool> done{false};
  std::set<Numbers> seen;
  std::thread reader([&] {
    do seen.insert(read(network));
    while (!done);
  });
  work();
  done = true;
  reader.join();
  return seen;
}

TEST(another_thread_reads_whole_epochs_of_a_run_without_a_monitor) {
  const Problem problem;
  const std::set<Numbers> known = epochs_of(problem);
  Network<float> network = problem.network();
  Optimizer<float> optimizer = sgd(network);
  Monitor nobody;
  const auto seen = read_during(network, [&] { train(network, problem.examples(), optimizer, options(), nobody); });
  CHECK(std::includes(known.begin(), known.end(), seen.begin(), seen.end()));
  CHECK(known.count(numbers(network)) == 1);
}

TEST(another_thread_does_not_read_what_a_monitor_writes) {
  const Problem problem;
  const std::set<Numbers> known = epochs_of(problem);
  Network<float> network = problem.network();
  Optimizer<float> optimizer = sgd(network);
  Notes notes(network);
  const auto seen = read_during(network, [&] { train(network, problem.examples(), optimizer, options(), notes); });
  CHECK(std::includes(known.begin(), known.end(), seen.begin(), seen.end()));
}

// Is called after every third epoch only.
struct FewNotes final : Notes {
  using Notes::Notes;
  bool skips_epoch(Index number, double /*loss*/) override { return number % 3 != 0; }
};

TEST(another_thread_reads_whole_epochs_of_a_run_whose_monitor_skips_some) {
  const Problem problem;
  const std::set<Numbers> known = epochs_of(problem);
  Network<float> network = problem.network();
  Optimizer<float> optimizer = sgd(network);
  FewNotes notes(network);
  const auto seen = read_during(network, [&] { train(network, problem.examples(), optimizer, options(), notes); });
  CHECK(std::includes(known.begin(), known.end(), seen.begin(), seen.end()));
  CHECK(known.count(numbers(network)) == 1);
}

TEST(another_thread_reads_what_is_between_two_steps) {
  const Problem problem;
  Network<float> network = problem.network();
  Optimizer<float> optimizer = sgd(network);
  const Numbers gradient(static_cast<std::size_t>(network.tensors.size()), 0.01F);
  std::set<Numbers> known{numbers(network)};
  const auto seen = read_during(network, [&] {
    for (int k = 0; k < 200; ++k) {
      step(optimizer, network, gradient.data());
      known.insert(numbers(network));
    }
  });
  CHECK(std::includes(known.begin(), known.end(), seen.begin(), seen.end()));
}

// Whether another thread reads a copy and not the network itself.
bool copied_elsewhere(const Network<float>& network) {
  bool copied = false;
  std::thread([&] { copied = Reader<float>(network).copy() != nullptr; }).join();
  return copied;
}

TEST(the_thread_that_trains_reads_the_network_itself) {
  Network<float> network = Problem().network();
  {
    const Trainer<float> trainer(network);
    network.sharing.share();
    const Reader<float> here(network);
    CHECK(here.copy() == nullptr);
    CHECK(copied_elsewhere(network));
  }
  CHECK(!copied_elsewhere(network));
}

TEST(a_training_that_was_abandoned_hides_nothing) {
  Network<float> network = Problem().network();
  Trainer<float> lost(network);
  network.sharing.share();
  network.sharing.abandon();
  CHECK(!copied_elsewhere(network));
  const Trainer<float> next(network);
  network.sharing.share();
  lost.end();  // it has ended long ago, and must not end the next one
  CHECK(copied_elsewhere(network));
}

TEST(a_writer_waits_for_readers_and_their_numbers_stay) {
  Network<float> network = Problem().network();
  std::atomic<bool> written{false};
  std::thread writer;
  {
    const Reader<float> reader(network);
    const Numbers before = numbers(*reader);
    writer = std::thread([&] {
      network.sharing.write([&] { network.parameters.data()[0] = 7; });
      written = true;
    });
    for (int k = 0; k < 1000; ++k) CHECK(numbers(*reader) == before);
    CHECK(!written);
  }
  writer.join();
  CHECK(network.parameters.data()[0] == 7);
}

TEST(a_writer_waits_for_readers_of_its_network_although_it_reads_another_one) {
  Network<float> network = Problem().network();
  const Network<float> other = Problem().network();
  std::atomic<bool> reads_elsewhere{false}, written{false};
  std::thread writer;
  {
    const Reader<float> reader(network);
    const Numbers before = numbers(*reader);
    writer = std::thread([&] {
      const Reader<float> elsewhere(other);
      reads_elsewhere = true;
      network.sharing.write([&] { network.parameters.data()[0] = 7; });
      written = true;
    });
    while (!reads_elsewhere) std::this_thread::yield();
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);  // enough for a wrong write
    while (std::chrono::steady_clock::now() < end) CHECK(numbers(*reader) == before);
    CHECK(!written);
  }
  writer.join();
  CHECK(network.parameters.data()[0] == 7);
}

TEST(a_writer_does_not_wait_for_the_readers_of_its_own_thread) {
  Network<float> network = Problem().network();
  const Network<float> other = Problem().network();
  const Reader<float> outer(network);
  {
    const Reader<float> between(other);
    const Reader<float> inner(network);
    network.sharing.write([&] { network.parameters.data()[0] = 7; });
  }
  network.sharing.write([&] { network.parameters.data()[0] += 1; });
  CHECK(network.parameters.data()[0] == 8);
}

}  // namespace
}  // namespace deepcore
