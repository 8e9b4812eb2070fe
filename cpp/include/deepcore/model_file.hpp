// Model files: reads and writes the files of Model.save and deepcore.load, which docs/format.md describes.
// Public header, standard library only.
#pragma once

#include <deepcore/network.hpp>

#include <cstdint>
#include <string>
#include <variant>

namespace deepcore {

// What a file of the kind "model" holds. `network.epochs` is the number of epochs trained.
template <class T>
struct Model {
  Network<T> network;
  std::uint64_t seed = 0;     // of the shuffles and the dropout masks: TrainOptions::seed; below 2^63
  std::string extras = "{}";  // data of the user: a JSON object
  // The description of the network as the file has it, with what a Spec does not have, such as the initialisers. Empty, for
  // a network that was made here: it is written from the Spec.
  std::string description = {};
};

// Number of bits of the numbers of a model file: 32, for load_model<float>, or 64, for load_model<double>.
int model_bits(const std::string& path);

// Throws std::system_error if the file cannot be read or written, and std::invalid_argument, in one sentence that names the
// file, if it is not a model of this type, if it is damaged, or if the model has numbers that are not finite.
template <class T>
Model<T> load_model(const std::string& path);
// The same for either type. Reads the file once.
std::variant<Model<float>, Model<double>> load_any_model(const std::string& path);

// The file has all of the model or, if something goes wrong, what it had before.
template <class T>
void save_model(const std::string& path, const Model<T>& model);

}  // namespace deepcore
