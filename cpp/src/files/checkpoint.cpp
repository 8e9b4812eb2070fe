// Checkpoints: a training as the description and the arrays of a file, and its loop.
// Level: files.
#include <deepcore/checkpoint.hpp>
#include <deepcore/error.hpp>
#include <deepcore/version.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

#include "files/model_arrays.hpp"

namespace deepcore {

namespace {

using files::Entry;
using files::Json;
using files::kBits;
using files::quoted;

constexpr std::uint64_t kMost = std::uint64_t{1} << 53U;  // of what a training counts
constexpr const char* kLosses = "run/history.numbers.loss";
constexpr const char* kSlots = "run/optimizer.slots.";

Index count_of(const Json& value) { return static_cast<Index>(value.whole(kMost)); }

std::string array_named(const std::string& name) { return R"({"$array":)" + quoted(name) + R"(,"$bool":false})"; }

std::string list_of(const std::vector<double>& numbers) {
  std::string out;
  for (const double number : numbers) out += (out.empty() ? "[" : ",") + files::shown(number);
  return out + "]";
}

// The numbers of an array with one size.
template <class T>
std::vector<T> numbers_of(const files::Contents& contents, const Json& reference) {
  reference.check_keys({"$array", "$bool"});
  const std::string& name = reference.at("$array").text();
  const auto found = std::find_if(contents.entries.begin(), contents.entries.end(),
                                  [&](const Entry& entry) { return entry.name == name; });
  require(found != contents.entries.end(), "it must have the array ", name);
  require(found->axes == 1 && found->bits == kBits<T>, name, " must be float", kBits<T>, " with one size");
  std::vector<T> numbers(static_cast<std::size_t>(found->rows));
  std::memcpy(numbers.data(), contents.data.data() + found->offset, numbers.size() * sizeof(T));
  return numbers;
}

template <class T>
void add_numbers(files::Arrays& arrays, const std::string& name, std::vector<T> numbers) {
  Entry entry{name, kBits<T>, static_cast<Index>(numbers.size()), 1};
  entry.axes = 1;
  arrays.entries.push_back(entry);
  arrays.writers.emplace_back(
      [kept = std::move(numbers)](char* to) { std::memcpy(to, kept.data(), kept.size() * sizeof(T)); });
}

// Refuses trainings with what only Python knows: metrics, callbacks, schedules of dropout, batches from a generator.
void check_settings(const Json& settings) {
  settings.check_keys({"method", "network", "CPU variant", "version of deepcore", "X", "batch_size", "shuffle"},
                      {"y", "weights", "validation data", "optimizer", "metrics", "callbacks with a state"});
  const auto same = [&](const char* key, const std::string& wanted) {
    const std::string& found = settings.at(key).text();
    require(found == wanted, "its ", key, " must be ", wanted, ", got ", quoted(found));
  };
  same("method", "fit");
  same("CPU variant", build_info().variant);
  same("version of deepcore", build_info().version);
  const Json *validation = settings.find("validation data"), *metrics = settings.find("metrics");
  require((validation == nullptr || validation->is_null()) && (metrics == nullptr || metrics->list().empty()),
          "only Python can continue a training with validation data or metrics");
}

// Compares what the file has as numbers with the optimizer of the caller.
void check_rule(const Json* given, const Rule& rule, const Schedule& rate, Index first_step) {
  if (given == nullptr) return;
  const auto same = [&](const char* name, double value) {
    const Json* found = given->find(name);
    if (found == nullptr || (found->kind() != Json::Kind::number && found->kind() != Json::Kind::boolean)) return;
    const double was = found->kind() == Json::Kind::number ? found->number() : static_cast<double>(found->boolean());
    require(was == value, name, " is ", files::shown(was), " in the file, got ", files::shown(value));
  };
  const OptimizerInfo& info = optimizers()[static_cast<std::size_t>(rule.row)];
  for (std::size_t k = 0; k < kMaxHyper && info.hyper[k].name != nullptr; ++k) same(info.hyper[k].name, rule.hyper[k]);
  same("weight_decay", rule.weight_decay);
  same("learning_rate", rate(first_step));
}

template <class T>
void set_slots(const files::Contents& contents, const Json& given, Optimizer<T>& optimizer) {
  const OptimizerInfo& info = optimizers()[static_cast<std::size_t>(optimizer.rule.row)];
  require(given.object().size() == optimizer.slot_count(), info.name, " has ", optimizer.slot_count(), " arrays, got ",
          given.object().size(), "; is it the optimizer of the training?");
  for (std::size_t k = 0; k < optimizer.slot_count(); ++k) {
    const auto numbers = numbers_of<T>(contents, given.at(info.slots[k]));
    require(static_cast<Index>(numbers.size()) == optimizer.parameter_count(), info.slots[k], " must have ",
            optimizer.parameter_count(), " numbers, got ", numbers.size());
    optimizer.set_slot(k, numbers.data());
  }
}

Place place_of(const Json& given) {
  const auto& numbers = given.list();
  require(numbers.size() == 5, "place must have 5 numbers, got ", numbers.size());
  Place place;
  place.visited = count_of(numbers[0]);
  place.loss = {numbers[1].number(), numbers[2].number()};
  place.weight = {numbers[3].number(), numbers[4].number()};
  return place;
}

template <class T>
Checkpoint<T> checkpoint_of(const files::Contents& contents, const Rule& rule, const Schedule& rate) {
  require(contents.description.at("kind").text() == "checkpoint", "it must be a checkpoint");
  const Json& run = contents.description.at("run");
  run.check_keys({"epochs", "start", "first", "steps", "settings", "finished", "stopped", "parts", "callbacks"});
  const Json &settings = run.at("settings"), &parts = run.at("parts");
  check_settings(settings);
  parts.check_keys({"position", "optimizer", "history"});
  const Json &position = parts.at("position"), &state = parts.at("optimizer"), &history = parts.at("history");
  for (const Entry& entry : contents.entries)
    require(entry.name.rfind("last/", 0) != 0, "a callback has changed the network at the end of the training");
  require(run.at("callbacks").list().empty(), "only Python can continue a training with callbacks that have a state");
  const auto& shape = settings.at("X").at("shape").list();
  require(!shape.empty(), "shape must have the number of examples");
  Checkpoint<T> out(files::model_of<T>(contents), rule, rate, count_of(shape[0]), count_of(run.at("epochs")),
                    count_of(settings.at("batch_size")), settings.at("shuffle").boolean());
  out.first_epoch = count_of(position.at("first_epoch"));
  out.first_step = count_of(position.at("first_step"));
  out.place = place_of(position.at("place"));
  require(position.at("slab").whole(kMost) == 0, "only Python can continue a training on parts of a file");
  const Json* found = settings.find("optimizer");
  check_rule(found, rule, rate, out.first_step);
  require(state.at("rate").is_null() && state.at("rate_scale").number() == 1,
          "only Python can continue a training whose rate was changed");
  set_slots(contents, state.at("slots"), out.optimizer);
  out.optimizer.steps = count_of(state.at("steps"));
  if (const Json* losses = history.at("numbers").find("loss")) out.losses = numbers_of<double>(contents, *losses);
  require(static_cast<Index>(out.losses.size()) == count_of(position.at("epoch")), "it must have a loss per epoch");
  const auto& diverged = history.at("diverged").list();
  require(diverged.size() == 2, "diverged must be a step and a layer");
  if (!diverged[0].is_null()) {
    out.diverged_at = count_of(diverged[0]);
    out.diverged_layer = diverged[1].is_null() ? 0 : static_cast<int>(diverged[1].whole(1'000'000));
  }
  require(!run.at("stopped").boolean() || out.diverged_at >= 0, "a callback has ended the training");
  out.start = files::text_of(run.at("start"));
  out.settings = files::text_of(settings);
  return out;
}

// What C++ knows of a training that began here.
template <class T>
std::string settings_of(const Checkpoint<T>& checkpoint) {
  const Spec& spec = checkpoint.model.network.spec;
  return R"({"method":"fit","network":)" + files::described_network(checkpoint.model) + R"(,"CPU variant":)" +
         quoted(build_info().variant) + R"(,"version of deepcore":)" + quoted(build_info().version) +
         R"(,"X":{"shape":[)" + std::to_string(checkpoint.examples) + "," + std::to_string(spec.columns()) +
         R"(]},"batch_size":)" + std::to_string(checkpoint.batch_size) + R"(,"shuffle":)" +
         (checkpoint.shuffle ? "true" : "false") + "}";
}

template <class T>
std::string described_run(const Checkpoint<T>& checkpoint) {
  const auto number = [](Index value) { return std::to_string(value); };
  const Index steps = checkpoint.epochs * checkpoint.steps_per_epoch();
  const Place& place = checkpoint.place;
  const bool diverged = checkpoint.diverged_at >= 0;
  const Optimizer<T>& optimizer = checkpoint.optimizer;
  std::string slots;
  for (std::size_t k = 0; k < optimizer.slot_count(); ++k) {
    const char* name = optimizers()[static_cast<std::size_t>(optimizer.rule.row)].slots[k];
    slots += (slots.empty() ? "" : ",") + quoted(name) + ":" + array_named(kSlots + std::string(name));
  }
  return R"({"epochs":)" + number(checkpoint.epochs) + R"(,"start":)" +
         (checkpoint.start.empty() ? "null" : checkpoint.start) + R"(,"first":[)" + number(checkpoint.first_epoch) +
         "," + number(checkpoint.first_step) + R"(],"steps":)" + number(checkpoint.first_step + steps) +
         R"(,"settings":)" + (checkpoint.settings.empty() ? settings_of(checkpoint) : checkpoint.settings) +
         R"(,"finished":)" + (checkpoint.finished() ? "true" : "false") + R"(,"stopped":)" +
         (diverged ? "true" : "false") + R"(,"parts":{"position":{"first_epoch":)" + number(checkpoint.first_epoch) +
         R"(,"first_step":)" + number(checkpoint.first_step) + R"(,"epoch":)" +
         std::to_string(checkpoint.losses.size()) + R"(,"slab":0,"loss":0.0,"weight":0.0,"place":[)" +
         number(place.visited) + "," +
         list_of({place.loss[0], place.loss[1], place.weight[0], place.weight[1]}).substr(1) +
         R"(},"optimizer":{"steps":)" + number(optimizer.steps) + R"(,"slots":{)" + slots +
         R"(},"rate_scale":1.0,"rate":null,"span":[)" + number(checkpoint.first_step) + "," + number(steps) +
         R"(]},"history":{"numbers":{)" + (checkpoint.losses.empty() ? "" : R"("loss":)" + array_named(kLosses)) +
         R"(},"diverged":[)" + (diverged ? number(checkpoint.diverged_at) : "null") + "," +
         (diverged && checkpoint.diverged_layer > 0 ? std::to_string(checkpoint.diverged_layer) : "null") +
         R"(]}},"callbacks":[]})";
}

// Keeps the checkpoint up to date, and asks the monitor of the caller.
template <class T>
struct Recorder : Monitor {
  Recorder(Checkpoint<T>& c, Monitor& m) : checkpoint(c), inner(m) {}
  bool wants_epochs() const override { return true; }
  bool epoch(Index number, double loss) override {
    checkpoint.losses.push_back(loss);
    return inner.wants_epochs() && !inner.skips_epoch(number, loss) && inner.epoch(number, loss);
  }
  void poll() override { inner.poll(); }
  bool wants_pause() const override { return inner.wants_pause(); }
  void pause() override { inner.pause(); }

  Checkpoint<T>& checkpoint;
  Monitor& inner;
};

}  // namespace

template <class T>
Checkpoint<T>::Checkpoint(Model<T> m, Rule rule, Schedule learning_rate, Index examples_, Index epochs_,
                          Index batch_size_, bool shuffle_)
    : model(std::move(m)), optimizer(rule, std::move(learning_rate), model.network), examples(examples_),
      epochs(epochs_), batch_size(std::min(batch_size_, examples_)), shuffle(shuffle_),
      first_epoch(model.network.epochs), first_step(0) {
  require(examples > 0 && epochs > 0 && batch_size > 0, "a training must have examples, epochs and a batch size");
}

template <class T>
Checkpoint<T> load_checkpoint(const std::string& path, const Rule& rule, const Schedule& learning_rate) {
  const files::Contents contents = files::read_container(path);
  return files::naming(path, [&] { return checkpoint_of<T>(contents, rule, learning_rate); });
}

template <class T>
void save_checkpoint(const std::string& path, const Checkpoint<T>& checkpoint) {
  files::naming(path, [&] {
    const Reader<T> network(checkpoint.model.network);
    files::Arrays arrays = files::arrays_of(*network);
    const Optimizer<T>& optimizer = checkpoint.optimizer;
    for (std::size_t k = 0; k < optimizer.slot_count(); ++k) {
      std::vector<T> numbers(static_cast<std::size_t>(optimizer.parameter_count()));
      optimizer.read_slot(k, numbers.data());
      add_numbers(arrays, kSlots + std::string(optimizers()[static_cast<std::size_t>(optimizer.rule.row)].slots[k]),
                  std::move(numbers));
    }
    if (!checkpoint.losses.empty()) add_numbers(arrays, kLosses, checkpoint.losses);
    arrays.write(path, R"({"format":2,"version":)" + quoted(build_info().version) + R"(,"kind":"checkpoint",)" +
                           files::described_model(checkpoint.model, *network) + R"(,"run":)" +
                           described_run(checkpoint) + "}");
  });
}

template <class T>
void resume(Checkpoint<T>& checkpoint, const Examples<T>& examples, Monitor& monitor, int threads) {
  require(examples.count() == checkpoint.examples, "resume: the training has ", checkpoint.examples, " examples, got ",
          examples.count());
  if (checkpoint.finished()) return;
  const auto done = static_cast<Index>(checkpoint.losses.size());
  TrainOptions options;
  options.batch_size = checkpoint.batch_size;
  options.epochs = checkpoint.epochs - done;
  options.shuffle = checkpoint.shuffle;
  options.seed = checkpoint.model.seed;
  options.first_epoch = checkpoint.first_epoch + done;
  options.threads = threads;
  options.place = &checkpoint.place;
  Recorder<T> recorder(checkpoint, monitor);
  Network<T>& network = checkpoint.model.network;
  const TrainResult result = train(network, examples, checkpoint.optimizer, options, recorder);
  if (result.first_nonfinite_step < 0) return;
  checkpoint.diverged_at = result.first_nonfinite_step;
  checkpoint.diverged_layer = nonfinite_layer(network, examples.X);
}

#define DEEPCORE_INSTANTIATE(T)                                                             \
  template struct Checkpoint<T>;                                                            \
  template Checkpoint<T> load_checkpoint(const std::string&, const Rule&, const Schedule&); \
  template void save_checkpoint(const std::string&, const Checkpoint<T>&);                  \
  template void resume(Checkpoint<T>&, const Examples<T>&, Monitor&, int);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace deepcore
