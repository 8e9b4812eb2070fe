// One step of training by workload, on one thread and on two: a call of train over a few batches, shared out.
#include "counters.hpp"
#include "workloads.hpp"

#include <deepcore/train.hpp>

#include <algorithm>
#include <string>

namespace bench {
namespace {

constexpr Index kBatches = 8;  // an epoch here: several batches, so that gathering them is measured too

deepcore::Rule rule(const char* name) {
  deepcore::Rule made{deepcore::optimizer_id(name)};
  const auto& info = deepcore::optimizers()[at(made.row)];
  for (std::size_t i = 0; i < made.hyper.size(); ++i) made.hyper[i] = info.hyper[i].value;
  made.weight_decay = info.weight_decay;
  return made;
}

template <class T>
void training(benchmark::State& state, const Workload& workload) {
  const int threads = static_cast<int>(state.range(0));
  const Index batch = workload.batch == 0 ? workload.examples : workload.batch;
  const Index m = workload.batch == 0 ? batch : batch * kBatches;
  auto network = make_network<T>(workload.sizes, workload.activation);
  const Data<T> data(workload.sizes[0], workload.sizes.back(), m);
  const auto examples = data.examples(workload.sizes.back() > 1);
  const double flops = training_flops(workload.sizes) * static_cast<double>(m);
  deepcore::Optimizer<T> optimizer(rule(workload.optimizer), deepcore::Schedule(0, {workload.learning_rate}), network);
  deepcore::TrainOptions options;
  options.batch_size = workload.batch;
  options.threads = threads;
  // What a call costs once (packing, threads) is shared by epochs that take some ten milliseconds together.
  options.epochs = std::clamp<Index>(static_cast<Index>(1e9 / flops), 1, 1000);
  deepcore::Monitor nobody;
  const auto first = deepcore::train(network, examples, optimizer, options, nobody).losses;
  const auto then = deepcore::train(network, examples, optimizer, options, nobody);
  if (!(then.losses.back() < first.front()) || then.first_nonfinite_step >= 0) {
    return state.SkipWithError("the loss does not fall");
  }
  const double seconds = measure<T>(state, flops * static_cast<double>(options.epochs), threads,
                                    [&] { deepcore::train(network, examples, optimizer, options, nobody); });
  state.counters["us_per_step"] = 1e6 * seconds / static_cast<double>(options.epochs * (m / batch));
}

template <class T>
void add(const char* type, const Workload& workload) {
  const std::string name = std::string("training/") + type + "/" + workload.name;
  benchmark::RegisterBenchmark(name.c_str(), [&workload](benchmark::State& state) { training<T>(state, workload); })
      ->ArgName("threads")
      ->Arg(1)
      ->Arg(2)
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

const bool registered = [] {
  for (const Workload& workload : workloads()) add<float>("float", workload);
  for (const Workload& workload : workloads()) {
    if (std::string(workload.name) == "mnist-m") add<double>("double", workload);
  }
  return true;
}();

}  // namespace
}  // namespace bench
