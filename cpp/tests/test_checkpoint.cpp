// Checkpoints: a training that is saved and loaded at any batch ends with the bits of one that is not.
// Level: tests. Python's tests go on with the same files in both languages.
#include "check.hpp"
#include "numbers.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/checkpoint.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace deepcore {
namespace {

constexpr Index kExamples = 50, kInputs = 4, kEpochs = 3, kBatch = 16;

using check::TemporaryFile;

Rule nadam() {
  Rule rule{optimizer_id("nadam")};
  for (std::size_t k = 0; k < rule.hyper.size(); ++k) rule.hyper[k] = optimizers()[at(rule.row)].hyper[k].value;
  return rule;
}

Schedule falling() { return {schedule_id("exponential"), {0.01, 0.9}}; }

// A training from its start: batch norm and dropout have a state of their own.
template <class T>
Checkpoint<T> start() {
  LayerSpec hidden{6, activation_id("tanh"), 0};
  hidden.norm = Norm::batch;
  hidden.dropout = 0.25;
  Model<T> model{
      Network<T>(Spec(kInputs, {hidden, {3, activation_id("softmax"), 0}}, loss_id("categorical_cross_entropy"))), 7};
  const auto values = numbers<T>(model.network.tensors.size(), 2);
  std::copy(values.begin(), values.end(), model.network.parameters.data());
  return {std::move(model), nadam(), falling(), kExamples, kEpochs, kBatch};
}

template <class T>
struct Data {
  Data() : X(numbers<T>(kInputs * kExamples, 1)) {
    for (Index j = 0; j < kExamples; ++j) labels.push_back(j * j % 3);
  }
  Examples<T> examples() const { return {{X.data(), kInputs, kExamples, 1, kInputs}, {}, labels.data(), nullptr}; }
  std::vector<T> X;
  std::vector<std::int64_t> labels;
};

template <class T>
std::vector<T> values(const Buffer<T>& buffer) {
  return {buffer.data(), buffer.data() + buffer.size()};
}

template <class T>
std::vector<T> slot(const Optimizer<T>& optimizer, std::size_t k) {
  std::vector<T> numbers(at(optimizer.parameter_count()));
  optimizer.read_slot(k, numbers.data());
  return numbers;
}

template <class T>
void check_same(const Checkpoint<T>& a, const Checkpoint<T>& b, Index k) {
  CHECK(values(a.model.network.parameters) == values(b.model.network.parameters), k);
  CHECK(values(a.model.network.running) == values(b.model.network.running), k);
  for (std::size_t i = 0; i < a.optimizer.slot_count(); ++i) CHECK(slot(a.optimizer, i) == slot(b.optimizer, i), k);
  CHECK(a.optimizer.steps == b.optimizer.steps && a.losses == b.losses, k);
  CHECK(Index{a.model.network.epochs} == Index{b.model.network.epochs}, k);
}

// Stops before the k-th batch.
struct Breaker : Monitor {
  explicit Breaker(Index k) : left(k) {}
  bool wants_pause() const override { return true; }
  void pause() override {
    if (left-- == 0) throw std::runtime_error("broken off");
  }
  Index left;
};

// Saves the training whenever it can.
template <class T>
struct Saver : Monitor {
  Saver(const Checkpoint<T>& c, const std::string& p) : checkpoint(c), path(p) {}
  bool wants_epochs() const override { return true; }
  bool epoch(Index /*number*/, double /*loss*/) override {
    save_checkpoint(path, checkpoint);
    return ++saved == 2;
  }
  bool wants_pause() const override { return true; }
  void pause() override { save_checkpoint(path, checkpoint); }
  const Checkpoint<T>& checkpoint;
  const std::string& path;
  int saved = 0;
};

TEST_BOTH(a_training_that_is_saved_and_loaded_at_any_batch_ends_with_the_bits_of_one_that_is_not) {
  const TemporaryFile file;
  const Data<T> data;
  Monitor monitor;
  Checkpoint<T> whole = start<T>();
  resume(whole, data.examples(), monitor);
  CHECK(whole.finished() && whole.losses.size() == kEpochs && whole.optimizer.steps == kEpochs * 4);
  for (Index k = 0; k < kEpochs * 4 - kEpochs; ++k) {  // a run does not pause where an epoch ends
    Checkpoint<T> part = start<T>();
    Breaker breaker(k);
    REFUSES(resume(part, data.examples(), breaker), "broken off");
    save_checkpoint(file.path, part);
    Checkpoint<T> rest = load_checkpoint<T>(file.path, nadam(), falling());
    CHECK(!rest.finished() && rest.place.visited == part.place.visited, k);
    check_same(part, rest, k);
    resume(rest, data.examples(), monitor);
    check_same(whole, rest, k);
    save_checkpoint(file.path, rest);
    Checkpoint<T> ended = load_checkpoint<T>(file.path, nadam(), falling());
    CHECK(ended.finished());
    resume(ended, data.examples(), monitor);  // has nothing to do
    check_same(whole, ended, k);
  }
}

TEST_BOTH(a_monitor_saves_between_batches_and_epochs) {
  const TemporaryFile file;
  const Data<T> data;
  Checkpoint<T> training = start<T>(), whole = start<T>();
  Saver<T> saver(training, file.path);
  resume(training, data.examples(), saver);
  Checkpoint<T> rest = load_checkpoint<T>(file.path, nadam(), falling());
  check_same(training, rest, 0);
  CHECK(rest.losses.size() == 2);
  Monitor monitor;
  resume(rest, data.examples(), monitor);
  resume(whole, data.examples(), monitor);
  check_same(whole, rest, 0);
}

TEST(a_training_that_diverges_is_finished) {
  const TemporaryFile file;
  const Data<float> data;
  const Rule rule{optimizer_id("sgd")};
  Model<float> model{Network<float>(Spec(kInputs, {{1, activation_id("linear"), 0}}, loss_id("half_squared_error"))),
                     7};
  Checkpoint<float> training(std::move(model), rule, Schedule::table({3e38}), kExamples, kEpochs, kBatch);
  Monitor monitor;
  const View<const float> X{data.X.data(), kInputs, kExamples, 1, kInputs}, Y{data.X.data(), 1, kExamples, 1, 1};
  resume(training, {X, Y, nullptr, nullptr}, monitor);
  CHECK(training.diverged_at > 0 && training.losses.empty());
  save_checkpoint(file.path, training);
  const auto loaded = load_checkpoint<float>(file.path, rule, Schedule::table({3e38}));
  CHECK(loaded.finished() && loaded.diverged_at == training.diverged_at);
  CHECK(loaded.diverged_layer == training.diverged_layer);
}

TEST(a_checkpoint_is_a_model_file_too) {
  const TemporaryFile file;
  const Checkpoint<float> training = start<float>();
  save_checkpoint(file.path, training);
  CHECK(values(load_model<float>(file.path).network.parameters) == values(training.model.network.parameters));
}

TEST(what_is_no_checkpoint_of_this_training_is_refused) {
  const TemporaryFile file;
  const Checkpoint<float> training = start<float>();
  save_model(file.path, training.model);
  REFUSES(load_checkpoint<float>(file.path, nadam(), falling()), "it must be a checkpoint");
  save_checkpoint(file.path, training);
  REFUSES(load_checkpoint<double>(file.path, nadam(), falling()), "its dtype must be float64, got float32");
  REFUSES(load_checkpoint<float>(file.path, Rule{optimizer_id("sgd")}, falling()),
          "is it the optimizer of the training");
  Checkpoint<float> loaded = load_checkpoint<float>(file.path, nadam(), falling());
  loaded.examples = kExamples - 1;
  const Data<float> data;
  Monitor monitor;
  REFUSES(resume(loaded, data.examples(), monitor), "the training has 49 examples, got 50");
  REFUSES(Checkpoint<float>(start<float>().model, nadam(), falling(), 0, 1, 1), "must have examples");
}

TEST(a_checkpoint_that_is_changed_or_cut_off_is_refused) {
  const TemporaryFile file;
  save_checkpoint(file.path, start<float>());
  std::ifstream in(file.path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  for (std::size_t k = 0; k < bytes.size(); k += 11) {
    std::string damaged = bytes;
    damaged[k] = static_cast<char>(damaged[k] ^ 0x10);
    std::ofstream(file.path, std::ios::binary) << damaged;
    REFUSES(load_checkpoint<float>(file.path, nadam(), falling()), file.path);
    std::ofstream(file.path, std::ios::binary) << bytes.substr(0, k);
    REFUSES(load_checkpoint<float>(file.path, nadam(), falling()), file.path);
  }
}

}  // namespace
}  // namespace deepcore
