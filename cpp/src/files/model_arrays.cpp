// Model arrays: the arrays of a network by name, and the keys of its description.
// Level: files.
#include "files/model_arrays.hpp"

#include <deepcore/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

#include "files/description.hpp"

namespace deepcore::files {

namespace {

static_assert(std::numeric_limits<float>::is_iec559 && std::numeric_limits<double>::is_iec559);

std::string name_of(const Tensor& tensor) { return role_info(tensor.role).name + std::to_string(tensor.layer); }

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

// Whether an array of a checkpoint belongs to the training, and not to its network.
bool is_of_run(const Entry& entry) { return entry.name.rfind("run/", 0) == 0 || entry.name.rfind("last/", 0) == 0; }

}  // namespace

void Arrays::write(const std::string& path, const std::string& description) const {
  std::size_t next = 0;
  write_container(path, description, entries, [&](const Entry&, char* to) { writers[next++](to); });
}

template <class T>
Arrays arrays_of(const Network<T>& network) {
  Arrays arrays;
  for_each_tensor(network, [&](const Tensor& tensor, const T* values) {
    check_values(tensor, values);
    arrays.entries.push_back({name_of(tensor), kBits<T>, tensor.rows, tensor.cols});
    arrays.writers.emplace_back([&tensor, values](char* to) { copy_to_file(tensor, values, to); });
  });
  return arrays;
}

template <class T>
std::string described_network(const Model<T>& model) {
  return model.description.empty() ? described(model.network.spec, kBits<T>, model.seed) : model.description;
}

template <class T>
std::string described_model(const Model<T>& model, const Network<T>& seen) {
  Json::parse(model.extras, "extras").object();
  return R"("network":)" + described_network(model) + R"(,"epochs_trained":)" + std::to_string(Index{seen.epochs}) +
         R"(,"extras":)" + model.extras;
}

const Json& network_of(const Contents& contents) {
  const std::string& kind = contents.description.at("kind").text();
  require(kind == "model" || kind == "checkpoint", "its kind must be model or checkpoint, got ", quoted(kind));
  std::vector<std::string_view> keys{"format", "kind", "version", "network", "epochs_trained", "extras"};
  if (kind == "checkpoint") keys.emplace_back("run");
  contents.description.check_keys(keys);
  return contents.description.at("network");
}

int bits_of(const Json& network) {
  const std::string& dtype = network.at("dtype").text();
  require(dtype == "float32" || dtype == "float64", "dtype must be float32 or float64, got ", quoted(dtype));
  return dtype == "float32" ? 32 : 64;
}

template <class T>
Model<T> model_of(const Contents& contents) {
  const Json& given = network_of(contents);
  require(bits_of(given) == kBits<T>, "its dtype must be float", kBits<T>, ", got float", bits_of(given));
  Spec spec = spec_of(given);
  // Before memory is taken: the file must have all numbers of the description. After the first check no size overflows.
  double numbers = 0;
  for (int l = 1; l <= spec.depth(); ++l)
    numbers += static_cast<double>(spec.units(l)) * static_cast<double>(spec.units(l - 1));
  require(numbers * sizeof(T) <= static_cast<double>(contents.data.size()),
          "the layers have more weights than the file has numbers");
  const Tensors tensors(spec);
  require(static_cast<std::size_t>(tensors.size()) <= contents.data.size() / sizeof(T),
          "the network has more parameters than the file has numbers");
  Model<T> model{Network<T>(std::move(spec)), given.at("seed").whole(kMostSeed)};
  const Json* run = contents.description.find("run");
  const auto own = std::count_if(contents.entries.begin(), contents.entries.end(),
                                 [&](const Entry& entry) { return run == nullptr || !is_of_run(entry); });
  std::ptrdiff_t used = 0;
  for_each_tensor(model.network, [&](const Tensor& tensor, T* values) {
    const std::string name = name_of(tensor);
    const Entry* found = nullptr;
    for (const Entry& entry : contents.entries) {
      if (entry.name == name) found = &entry;
    }
    require(found != nullptr, "it must have the array ", name);
    require(found->axes == 2 && found->rows == tensor.rows && found->cols == tensor.cols && found->bits == kBits<T>,
            name, " must be float", kBits<T>, " of shape (", tensor.rows, ", ", tensor.cols, "), got float",
            found->bits, " of shape (", found->rows, ", ", found->cols, ")");
    copy_from_file(tensor, contents.data.data() + found->offset, values);
    check_values(tensor, static_cast<const T*>(values));
    ++used;
  });
  require(used == own, "it must have ", used, " arrays of a network, got ", own);
  model.network.epochs = static_cast<Index>(contents.description.at("epochs_trained").whole(kMostEpochs));
  const Json& extras = contents.description.at("extras");
  extras.object();  // must be one
  model.extras = extras.source();
  model.description = given.source();
  return model;
}

#define DEEPCORE_INSTANTIATE(T)                                             \
  template Arrays arrays_of(const Network<T>&);                             \
  template std::string described_network(const Model<T>&);                  \
  template std::string described_model(const Model<T>&, const Network<T>&); \
  template Model<T> model_of(const Contents&);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace deepcore::files
