// Goes on with a training that Python's deepcore.Checkpoint saved, and saves it again: resume FILE STEPS
// STEPS: how many steps to make before it is saved. If there is no FILE, the training begins here.
#include <deepcore/deepcore.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <optional>
#include <vector>

namespace {

constexpr deepcore::Index kExamples = 300, kInputs = 5, kClasses = 4, kEpochs = 6, kBatch = 32;

// Fractions of whole numbers: the same bits in any language.
float value(deepcore::Index k) { return static_cast<float>((k * 7919) % 1009) / 1009.0F - 0.5F; }

deepcore::Rule adam() {
  deepcore::Rule rule{deepcore::optimizer_id("adam")};
  const auto& constants = deepcore::optimizers()[static_cast<std::size_t>(rule.row)].hyper;
  for (std::size_t k = 0; k < rule.hyper.size(); ++k) rule.hyper[k] = constants[k].value;
  return rule;
}

// A training like Python's: deepcore.mlp([5, 12, 4], dropout=0.2, seed=11).fit(X, y, Adam(0.01), epochs=6, batch_size=32)
deepcore::Checkpoint<float> begin() {
  deepcore::LayerSpec hidden{12, deepcore::activation_id("relu"), 0};
  hidden.dropout = 0.2;
  const deepcore::LayerSpec output{kClasses, deepcore::activation_id("softmax"), 0};
  deepcore::Model<float> model{
      deepcore::Network<float>({kInputs, {hidden, output}, deepcore::loss_id("categorical_cross_entropy")}), 11};
  for (int layer = 1; layer <= 2; ++layer) {
    const deepcore::Tensor& W = model.network.tensors.at(layer, deepcore::Role::W);
    const int activation = model.network.spec.layer(layer).activation;
    const double gain = deepcore::activations()[static_cast<std::size_t>(activation)].gain;
    std::vector<double> drawn(static_cast<std::size_t>(W.rows * W.cols));
    deepcore::initialize(deepcore::initializer_id(layer == 1 ? "he" : "xavier"), gain, model.seed, layer, W.rows,
                         W.cols, drawn.data());
    for (deepcore::Index k = 0; k < W.rows * W.cols; ++k)  // drawn row by row, kept column by column
      model.network.parameters.data()[W.offset + k % W.cols * W.rows + k / W.cols] =
          static_cast<float>(drawn[static_cast<std::size_t>(k)]);
  }
  return {std::move(model), adam(), deepcore::Schedule::table({0.01}), kExamples, kEpochs, kBatch};
}

struct StopAfter : deepcore::Monitor {
  explicit StopAfter(long steps) : left(steps) {}
  bool wants_pause() const override { return true; }  // between two batches
  void pause() override {
    if (--left == 0) throw Enough();
  }
  struct Enough {};
  long left;
};

int run(const char* path, long steps) {
  std::optional<deepcore::Checkpoint<float>> training;
  if (std::ifstream(path).good())
    training.emplace(deepcore::load_checkpoint<float>(path, adam(), deepcore::Schedule::table({0.01})));
  else
    training.emplace(begin());
  std::vector<float> X;
  std::vector<std::int64_t> labels;
  for (deepcore::Index k = 0; k < kExamples * kInputs; ++k) X.push_back(value(k));
  for (deepcore::Index j = 0; j < kExamples; ++j) labels.push_back(j % kClasses);
  const deepcore::Examples<float> examples{{X.data(), kInputs, kExamples, 1, kInputs}, {}, labels.data(), nullptr, {}};

  StopAfter monitor(steps);
  try {
    deepcore::resume(*training, examples, monitor);
  } catch (const StopAfter::Enough&) {
    std::printf("stopped in epoch %zu\n", training->losses.size() + 1);
  }
  for (const double loss : training->losses) std::printf("loss %.6f\n", loss);
  deepcore::save_checkpoint(path, *training);
  return EXIT_SUCCESS;
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) {
    std::fprintf(stderr, "usage: resume FILE STEPS\n");
    return EXIT_FAILURE;
  }
  try {
    return run(words[1], std::strtol(words[2], nullptr, 10));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return EXIT_FAILURE;
  }
}
