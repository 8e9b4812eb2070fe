// Loads a model that Python has saved, trains it further, and saves it for Python: continue_training FROM TO EPOCHS
// The examples are a function of their number, so that Python can make the same ones.
#include <deepcore/deepcore.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

namespace {

constexpr deepcore::Index kExamples = 300;

// Fractions of whole numbers: the same bits in any language.
float value(deepcore::Index k) { return static_cast<float>((k * 7919) % 1009) / 1009.0F - 0.5F; }

int run(const char* from, const char* to, long epochs) {
  deepcore::Model<float> model = deepcore::load_model<float>(from);
  const deepcore::Index inputs = model.network.spec.columns(), outputs = model.network.spec.outputs();
  std::vector<float> X;
  std::vector<std::int64_t> labels;
  for (deepcore::Index k = 0; k < kExamples * inputs; ++k) X.push_back(value(k));
  for (deepcore::Index j = 0; j < kExamples; ++j) labels.push_back(j % outputs);

  // Rows are examples: the view has units as rows, whose step is 1, and examples as columns.
  const deepcore::Examples<float> examples{{X.data(), inputs, kExamples, 1, inputs}, {}, labels.data(), nullptr, {}};
  deepcore::Optimizer<float> sgd({deepcore::optimizer_id("sgd")}, deepcore::Schedule::table({0.1}), model.network);
  deepcore::TrainOptions options;
  options.epochs = epochs;
  options.batch_size = 32;
  options.seed = model.seed;
  options.first_epoch = model.network.epochs;
  deepcore::Monitor monitor;
  const deepcore::TrainResult result = deepcore::train(model.network, examples, sgd, options, monitor);
  for (const double loss : result.losses) std::printf("loss %.6f\n", loss);
  deepcore::save_model(to, model);
  return EXIT_SUCCESS;
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) {
    std::fprintf(stderr, "usage: continue_training FROM TO EPOCHS\n");
    return EXIT_FAILURE;
  }
  try {
    return run(words[1], words[2], std::strtol(words[3], nullptr, 10));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return EXIT_FAILURE;
  }
}
