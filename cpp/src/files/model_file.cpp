// Model files: the arrays of a network by name, and the keys of its description.
// Level: files.
#include <deepcore/error.hpp>
#include <deepcore/model_file.hpp>
#include <deepcore/version.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <utility>

#include "files/container.hpp"
#include "files/description.hpp"

namespace deepcore {

namespace {

static_assert(std::numeric_limits<float>::is_iec559 && std::numeric_limits<double>::is_iec559);
constexpr std::uint64_t kMostEpochs = std::uint64_t{1} << 53U;

template <class T>
constexpr int kBits = static_cast<int>(8 * sizeof(T));

// The error of f with the name of the file in front.
template <class F>
auto naming(const std::string& path, F f) {
  try {
    return f();
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(path + ": " + error.what());
  }
}

const files::Json& network_of(const files::Contents& contents) {
  const std::string& kind = contents.description.at("kind").text();
  require(kind == "model", "its kind must be model, got ", files::quoted(kind));
  contents.description.check_keys({"format", "kind", "version", "network", "epochs_trained", "extras"});
  return contents.description.at("network");
}

int bits_of(const files::Json& network) {
  const std::string& dtype = network.at("dtype").text();
  require(dtype == "float32" || dtype == "float64", "dtype must be float32 or float64, got ", files::quoted(dtype));
  return dtype == "float32" ? 32 : 64;
}

std::string name_of(const Tensor& tensor) {
  return kRoleNames[static_cast<std::size_t>(tensor.role)] + std::to_string(tensor.layer);
}

template <class T>
void check_values(const Tensor& tensor, const T* values) {
  const T *first = values + tensor.offset, *last = first + tensor.rows * tensor.cols;
  require(std::all_of(first, last, [](T value) { return std::isfinite(value); }), name_of(tensor),
          " must be finite, got nan or inf");
  require(tensor.role != Role::running_variance || std::all_of(first, last, [](T value) { return value >= T(0); }),
          name_of(tensor), " must not be negative");
}

// Files have the rows of an array one after the other, little-endian; a network has its columns.
template <class T>
void copy_to_file(const Tensor& tensor, const T* values, char* to) {
  for (Index i = 0; i < tensor.rows; ++i) {
    for (Index j = 0; j < tensor.cols; ++j, to += sizeof(T))
      std::memcpy(to, values + tensor.offset + j * tensor.rows + i, sizeof(T));
  }
}

template <class T>
void copy_from_file(const Tensor& tensor, const char* from, T* values) {
  for (Index i = 0; i < tensor.rows; ++i) {
    for (Index j = 0; j < tensor.cols; ++j, from += sizeof(T))
      std::memcpy(values + tensor.offset + j * tensor.rows + i, from, sizeof(T));
  }
}

// f(tensor, values) for the parameters and the running statistics.
template <class N, class F>
void for_each_tensor(N& network, F f) {
  for (const Tensor& tensor : network.tensors.all()) f(tensor, network.parameters.data());
  for (const Tensor& tensor : network.tensors.running()) f(tensor, network.running.data());
}

template <class T>
Model<T> model_of(const files::Contents& contents) {
  const files::Json& given = network_of(contents);
  require(bits_of(given) == kBits<T>, "its dtype must be float", kBits<T>, ", got float", bits_of(given));
  Spec spec = files::spec_of(given);
  // Before memory is taken: the file must have all numbers of the description. After the first check no size overflows.
  double numbers = 0;
  for (int l = 1; l <= spec.depth(); ++l)
    numbers += static_cast<double>(spec.units(l)) * static_cast<double>(spec.units(l - 1));
  require(numbers * sizeof(T) <= static_cast<double>(contents.data.size()),
          "the layers have more weights than the file has numbers");
  const Tensors tensors(spec);
  require(static_cast<std::size_t>(tensors.size()) <= contents.data.size() / sizeof(T),
          "the network has more parameters than the file has numbers");
  Model<T> model{Network<T>(std::move(spec)), given.at("seed").whole(files::kMostSeed)};
  std::size_t used = 0;
  for_each_tensor(model.network, [&](const Tensor& tensor, T* values) {
    const std::string name = name_of(tensor);
    const files::Entry* found = nullptr;
    for (const files::Entry& entry : contents.entries) {
      if (entry.name == name) found = &entry;
    }
    require(found != nullptr, "it must have the array ", name);
    require(found->rows == tensor.rows && found->cols == tensor.cols && found->bits == kBits<T>, name, " must be float",
            kBits<T>, " of shape (", tensor.rows, ", ", tensor.cols, "), got float", found->bits, " of shape (",
            found->rows, ", ", found->cols, ")");
    copy_from_file(tensor, contents.data.data() + found->offset, values);
    check_values(tensor, static_cast<const T*>(values));
    ++used;
  });
  require(used == contents.entries.size(), "it must have ", used, " arrays, got ", contents.entries.size());
  model.network.epochs = static_cast<Index>(contents.description.at("epochs_trained").whole(kMostEpochs));
  const files::Json& extras = contents.description.at("extras");
  extras.object();  // must be one
  model.extras = extras.source();
  model.description = given.source();
  return model;
}

}  // namespace

int model_bits(const std::string& path) {
  const files::Contents contents = files::read_container(path);
  return naming(path, [&] { return bits_of(network_of(contents)); });
}

template <class T>
Model<T> load_model(const std::string& path) {
  const files::Contents contents = files::read_container(path);
  return naming(path, [&] { return model_of<T>(contents); });
}

std::variant<Model<float>, Model<double>> load_any_model(const std::string& path) {
  const files::Contents contents = files::read_container(path);
  return naming(path, [&]() -> std::variant<Model<float>, Model<double>> {
    if (bits_of(network_of(contents)) == 64) return model_of<double>(contents);
    return model_of<float>(contents);
  });
}

template <class T>
void save_model(const std::string& path, const Model<T>& model) {
  naming(path, [&] {
    const Reader<T> network(model.network);
    std::vector<files::Entry> entries;
    std::vector<std::pair<const Tensor*, const T*>> sources;
    for_each_tensor(*network, [&](const Tensor& tensor, const T* values) {
      check_values(tensor, values);
      entries.push_back({name_of(tensor), kBits<T>, tensor.rows, tensor.cols});
      sources.emplace_back(&tensor, values);
    });
    files::Json::parse(model.extras, "extras").object();
    const std::string described =
        model.description.empty() ? files::described(network->spec, kBits<T>, model.seed) : model.description;
    const std::string description = R"({"format":2,"version":)" + files::quoted(build_info().version) +
                                    R"(,"kind":"model","network":)" + described + R"(,"epochs_trained":)" +
                                    std::to_string(Index{network->epochs}) + R"(,"extras":)" + model.extras + "}";
    std::size_t next = 0;
    files::write_container(path, description, std::move(entries), [&](const files::Entry&, char* to) {
      copy_to_file(*sources[next].first, sources[next].second, to);
      ++next;
    });
  });
}

template Model<float> load_model(const std::string&);
template Model<double> load_model(const std::string&);
template void save_model(const std::string&, const Model<float>&);
template void save_model(const std::string&, const Model<double>&);

}  // namespace deepcore
