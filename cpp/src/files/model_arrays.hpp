// Model arrays: the network of a model file or of a checkpoint, from its description and its arrays, and back.
// Level: files.
#pragma once

#include <deepcore/model_file.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "files/container.hpp"

namespace deepcore::files {

inline constexpr std::uint64_t kMostEpochs = std::uint64_t{1} << 53U;

template <class T>
constexpr int kBits = static_cast<int>(8 * sizeof(T));

// The result of f; an error gets the name of the file in front.
template <class F>
auto naming(const std::string& path, F f) {
  try {
    return f();
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(path + ": " + error.what());
  }
}

// Arrays that are to be written: writers[k] writes the bytes of entries[k].
struct Arrays {
  std::vector<Entry> entries;
  std::vector<std::function<void(char*)>> writers;
  void write(const std::string& path, const std::string& description) const;
};

// The arrays of the network, which must outlive the result. Throws std::invalid_argument if a number is not finite.
template <class T>
Arrays arrays_of(const Network<T>& network);
// The network of a description; and its keys network, epochs_trained and extras.
template <class T>
std::string described_network(const Model<T>& model);
template <class T>
std::string described_model(const Model<T>& model, const Network<T>& seen);

// The network of a description of the kind "model" or "checkpoint".
const Json& network_of(const Contents& contents);
// 32 or 64.
int bits_of(const Json& network);
// The network of a file, which must be of this type.
template <class T>
Model<T> model_of(const Contents& contents);

}  // namespace deepcore::files
