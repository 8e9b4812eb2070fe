// The C interface: the table, networks and predictors. What the functions promise stands in deepcore_api.h.
// Level: calls.
#include "c_boundary.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/version.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace deepcore {

namespace {

thread_local char message[512];

const char* last_error() noexcept { return message; }

// Networks.

Spec spec_of(const deepcore_description& given) {
  const char* who = "network_create";
  require(given.dtype == DEEPCORE_FLOAT32 || given.dtype == DEEPCORE_FLOAT64, who, ": dtype must be ",
          int{DEEPCORE_FLOAT32}, " or ", int{DEEPCORE_FLOAT64}, ", got ", given.dtype);
  present(who, "layers", given.layers);
  present(who, "loss", given.loss);
  require(given.seed <= std::uint64_t{INT64_MAX}, who, ": seed must be at most ", INT64_MAX, ", got ", given.seed);
  require(given.layer_count >= 1, who, ": layer_count must be at least 1, got ", given.layer_count);
  std::vector<LayerSpec> layers;
  for (std::int64_t l = 0; l < given.layer_count; ++l) {
    const deepcore_layer& layer = given.layers[l];
    present(who, "activation", layer.activation);
    present(who, "initializer", layer.initializer);
    const int row = activation_id(layer.activation);
    const ActivationInfo& activation = activations()[static_cast<std::size_t>(row)];
    require(!activation.columnwise || l + 1 == given.layer_count, who, ": ", activation.name,
            " must be in the last layer, got it in a hidden one");
    layers.push_back({static_cast<Index>(layer.units), row, activation.parameter, layer.l1, layer.l2, layer.dropout});
  }
  return {static_cast<Index>(given.inputs), std::move(layers), loss_id(given.loss)};
}

// The network lives as long as the model.
template <class T>
deepcore_network* handle_of(std::shared_ptr<Model<T>> model) {
  Network<T>* network = &model->network;
  return new deepcore_network{std::shared_ptr<Network<T>>(model, network), std::move(model)};
}

template <class T>
deepcore_network* made(const deepcore_description& given) {
  auto model = std::make_shared<Model<T>>(Model<T>{Network<T>(spec_of(given)), given.seed});
  Network<T>* network = &model->network;
  for (int l = 1; l <= network->spec.depth(); ++l) {
    const Tensor& W = network->tensors.at(l, Role::W);
    const double gain = activations()[static_cast<std::size_t>(network->spec.layer(l).activation)].gain;
    std::vector<double> drawn(static_cast<std::size_t>(W.rows * W.cols));
    initialize(initializer_id(given.layers[l - 1].initializer), gain, given.seed, l, W.rows, W.cols, drawn.data());
    T* to = network->parameters.data() + W.offset;
    // Drawn as NumPy would store it, row by row; the network stores columns.
    for (Index i = 0; i < W.rows; ++i) {
      for (Index j = 0; j < W.cols; ++j)
        to[j * W.rows + i] = static_cast<T>(drawn[static_cast<std::size_t>(i * W.cols + j)]);
    }
  }
  return handle_of(std::move(model));
}

int network_create(const deepcore_description* description, deepcore_network** network) noexcept {
  return guarded([&] {
    present("network_create", "description", description);
    present("network_create", "network", network);
    *network = description->dtype == DEEPCORE_FLOAT64 ? made<double>(*description) : made<float>(*description);
  });
}

int network_load(const char* path, deepcore_network** network) noexcept {
  return guarded([&] {
    present("network_load", "path", path);
    present("network_load", "network", network);
    auto loaded = load_any_model(path);
    std::visit(
        [&](auto& model) {
          *network = handle_of(std::make_shared<std::remove_reference_t<decltype(model)>>(std::move(model)));
        },
        loaded);
  });
}

int network_save(const deepcore_network* network, const char* path) noexcept {
  return guarded([&] {
    present("network_save", "network", network);
    present("network_save", "path", path);
    std::visit(
        [&](const auto& model) {
          require(model != nullptr, "network_save: a network of Python must be saved there, with Model.save");
          save_model(path, *model);
        },
        network->model);
  });
}

int network_share(const deepcore_network* network, deepcore_network** another) noexcept {
  return guarded([&] {
    present("network_share", "network", network);
    present("network_share", "another", another);
    *another = std::make_unique<deepcore_network>(*network).release();
  });
}

void network_free(deepcore_network* network) noexcept { delete network; }

int network_info(const deepcore_network* network, deepcore_info* info) noexcept {
  return guarded([&] {
    present("network_info", "info", info);
    with("network_info", network, [&](auto& one) {
      using T = Number<decltype(one)>;
      const Reader<T> now(one);
      const std::uint64_t seed =
          std::visit([](const auto& model) { return model == nullptr ? 0 : model->seed; }, network->model);
      *info = {kDtype<T>, one.spec.columns(), one.spec.outputs(), one.tensors.size(), now->epochs, seed};
    });
  });
}

int network_read(const deepcore_network* network, std::int32_t dtype, void* parameters, std::int64_t count) noexcept {
  return guarded([&] {
    present("network_read", "parameters", parameters);
    with("network_read", network, [&](auto& one) {
      using T = Number<decltype(one)>;
      check_dtype<T>("network_read", dtype);
      check_count("network_read", one, count);
      const Reader<T> now(one);
      std::copy_n(now->parameters.data(), count, static_cast<T*>(parameters));
    });
  });
}

int network_write(deepcore_network* network, std::int32_t dtype, const void* parameters, std::int64_t count) noexcept {
  return guarded([&] {
    present("network_write", "parameters", parameters);
    with("network_write", network, [&](auto& one) {
      using T = Number<decltype(one)>;
      check_dtype<T>("network_write", dtype);
      check_count("network_write", one, count);
      const Exclusive writing(one.busy, kNetworkBusy);
      one.sharing.write([&] { std::copy_n(static_cast<const T*>(parameters), count, one.parameters.data()); });
    });
  });
}

// Predictors.

int predictor_create(const deepcore_network* network, deepcore_predictor** predictor) noexcept {
  return guarded([&] {
    present("predictor_create", "predictor", predictor);
    with("predictor_create", network, [&](auto& one) {
      using T = Number<decltype(one)>;
      *predictor = std::make_unique<deepcore_predictor>(Predictor<T>(*Reader<T>(one))).release();
    });
  });
}

void predictor_free(deepcore_predictor* predictor) noexcept { delete predictor; }

template <class T>
int predict_rows(deepcore_predictor* handle, std::int64_t rows, View<const T> X, View<T> A) noexcept {
  if (handle == nullptr) return failed(DEEPCORE_INVALID_ARGUMENT, "predict: predictor must be a pointer, got NULL");
  auto* predictor = std::get_if<Predictor<T>>(&handle->predictor);
  if (predictor == nullptr)
    return failed(DEEPCORE_INVALID_ARGUMENT, "predict: the predictor must have the dtype of the function's name");
  if (rows < 1 || X.data == nullptr || A.data == nullptr) {
    if (rows == 0) return DEEPCORE_OK;
    return failed(DEEPCORE_INVALID_ARGUMENT, "predict: rows must be at least 0, and X and A must be pointers");
  }
  if (handle->busy.exchange(true, std::memory_order_acquire))
    return failed(DEEPCORE_BUSY, "predict: another thread uses this predictor; make one for each thread");
  X.rows = predictor->inputs();
  A.rows = predictor->outputs();
  X.cols = A.cols = static_cast<Index>(rows);
  const int code = guarded([&] { (*predictor)(X, A, 1); });
  handle->busy.store(false, std::memory_order_release);
  return code;
}

int predict_f32(deepcore_predictor* predictor, std::int64_t rows, const float* X, std::int64_t X_row_stride,
                std::int64_t X_column_stride, float* A, std::int64_t A_row_stride,
                std::int64_t A_column_stride) noexcept {
  return predict_rows<float>(predictor, rows, {X, 0, 0, X_column_stride, X_row_stride},
                             {A, 0, 0, A_column_stride, A_row_stride});
}

int predict_f64(deepcore_predictor* predictor, std::int64_t rows, const double* X, std::int64_t X_row_stride,
                std::int64_t X_column_stride, double* A, std::int64_t A_row_stride,
                std::int64_t A_column_stride) noexcept {
  return predict_rows<double>(predictor, rows, {X, 0, 0, X_column_stride, X_row_stride},
                              {A, 0, 0, A_column_stride, A_row_stride});
}

}  // namespace

int failed(int code, const char* what) noexcept {
  std::strncpy(message, what, sizeof message - 1);
  return code;
}

deepcore_network* c_handle(std::shared_ptr<Network<float>> network) {
  return new deepcore_network{std::move(network), {}};
}
deepcore_network* c_handle(std::shared_ptr<Network<double>> network) {
  return new deepcore_network{std::move(network), {}};
}
deepcore_optimizer* c_handle(std::shared_ptr<Optimizer<float>> optimizer) {
  return new deepcore_optimizer{std::move(optimizer)};
}
deepcore_optimizer* c_handle(std::shared_ptr<Optimizer<double>> optimizer) {
  return new deepcore_optimizer{std::move(optimizer)};
}

}  // namespace deepcore

const deepcore_api* deepcore_get_api(std::uint32_t abi_version) {
  using namespace deepcore;  // NOLINT(google-build-using-namespace)
  static const deepcore_api api{DEEPCORE_ABI_VERSION, sizeof(deepcore_api), build_info().version,
                                build_info().variant, last_error,           network_create,
                                network_load,         network_save,         network_share,
                                network_free,         network_info,         network_read,
                                network_write,        predictor_create,     predictor_free,
                                predict_f32,          predict_f64,          gradient_rows,
                                optimizer_create,     optimizer_share,      optimizer_free,
                                optimizer_info,       optimizer_set_steps,  optimizer_read,
                                optimizer_write,      optimizer_step,       train_rows};
  return abi_version == DEEPCORE_ABI_VERSION ? &api : nullptr;
}
