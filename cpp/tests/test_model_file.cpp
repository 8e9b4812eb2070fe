// Model files: what is saved is loaded; wrong files are refused. Python's tests compare the bytes with Python's.
// Level: tests.
#include "check.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/model_file.hpp>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>

namespace deepcore {
namespace {

using check::TemporaryFile;

template <class T>
Model<T> small_model() {
  LayerSpec hidden{3, activation_id("leaky_relu"), 0.2};
  hidden.norm = Norm::batch;
  hidden.dropout = 0.1;
  Model<T> model{Network<T>(Spec(2, {hidden, {1, activation_id("linear"), 0}}, loss_id("huber"))), 5};
  for (Index i = 0; i < model.network.tensors.size(); ++i) model.network.parameters.data()[i] = T(0.1) * T(i);
  model.network.epochs = 4;
  model.extras = R"({"name":"caf\u00e9 \"x\"","list":[1,2.5e-3,null,true]})";
  return model;
}

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

TEST_BOTH(what_is_saved_is_loaded_and_saved_again_with_the_same_bytes) {
  const TemporaryFile file;
  const Model<T> model = small_model<T>();
  save_model(file.path, model);
  CHECK(model_bits(file.path) == static_cast<int>(8 * sizeof(T)));
  const Model<T> back = load_model<T>(file.path);
  CHECK(back.seed == 5 && back.network.epochs == 4 && back.extras == model.extras);
  const LayerSpec& layer = back.network.spec.layer(1);
  CHECK(layer.parameter == 0.2 && layer.norm == Norm::batch && layer.dropout == 0.1);
  for (Index i = 0; i < model.network.tensors.size(); ++i)
    CHECK(back.network.parameters.data()[i] == model.network.parameters.data()[i]);
  const std::string before = read(file.path);
  save_model(file.path, back);
  CHECK(read(file.path) == before);
}

TEST(every_changed_byte_and_every_missing_end_is_refused) {
  const TemporaryFile file;
  save_model(file.path, small_model<float>());
  const std::string bytes = read(file.path);
  for (std::size_t k = 0; k < bytes.size(); ++k) {
    std::string damaged = bytes;
    damaged[k] = static_cast<char>(damaged[k] ^ 0x10);
    write(file.path, damaged);
    REFUSES(load_model<float>(file.path), file.path);
    write(file.path, bytes.substr(0, k));
    REFUSES(load_model<float>(file.path), file.path);
  }
}

TEST(the_number_type_must_be_that_of_the_file) {
  const TemporaryFile file;
  save_model(file.path, small_model<float>());
  REFUSES(load_model<double>(file.path), "must be float64, got float32");
}

TEST(numbers_that_no_training_gives_are_not_saved_and_the_old_file_stays) {
  const TemporaryFile file;
  Model<float> model = small_model<float>();
  save_model(file.path, model);
  model.network.parameters.data()[0] = std::numeric_limits<float>::quiet_NaN();
  REFUSES(save_model(file.path, model), "must be finite");
  model = small_model<float>();
  model.extras = "{\"a\":1,\"a\":2}";
  REFUSES(save_model(file.path, model), "a key occurs twice");
  CHECK(load_model<float>(file.path).seed == 5);
}

}  // namespace
}  // namespace deepcore
