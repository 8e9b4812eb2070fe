// The boundary of the C interface: handles, checks of pointers and counts, and exceptions as codes.
// Level: calls.
#pragma once

#include "c_api.hpp"

#include <deepcore/error.hpp>
#include <deepcore/model_file.hpp>
#include <deepcore/predictor.hpp>

#include <atomic>
#include <exception>
#include <new>
#include <stdexcept>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

template <template <class> class Object>
using EitherShared = std::variant<std::shared_ptr<Object<float>>, std::shared_ptr<Object<double>>>;

struct deepcore_network {
  EitherShared<deepcore::Network> network;
  EitherShared<deepcore::Model> model;  // that has the network; null for a network of Python
};

struct deepcore_optimizer {
  EitherShared<deepcore::Optimizer> optimizer;
};

struct deepcore_predictor {
  template <class T>
  explicit deepcore_predictor(deepcore::Predictor<T> made) : predictor(std::move(made)) {}
  std::variant<deepcore::Predictor<float>, deepcore::Predictor<double>> predictor;
  std::atomic<bool> busy{false};
};

namespace deepcore {

// Keeps the message for last_error(), and returns the code.
int failed(int code, const char* what) noexcept;

// Runs f, which returns a code or nothing; no exception leaves.
template <class F>
int guarded(F f) noexcept {
  try {
    if constexpr (std::is_void_v<decltype(f())>) {
      f();
      return DEEPCORE_OK;
    } else {
      return f();
    }
  } catch (const std::bad_alloc&) {
    return failed(DEEPCORE_OUT_OF_MEMORY, "deepcore: not enough memory");
  } catch (const std::invalid_argument& error) {
    return failed(DEEPCORE_INVALID_ARGUMENT, error.what());
  } catch (const std::system_error& error) {  // of files
    return failed(DEEPCORE_NO_FILE, error.what());
  } catch (const std::runtime_error& error) {  // of Exclusive
    return failed(DEEPCORE_BUSY, error.what());
  } catch (const std::exception& error) {
    return failed(DEEPCORE_FAILED, error.what());
  } catch (...) {
    return failed(DEEPCORE_FAILED, "deepcore: unknown exception");
  }
}

template <class P>
void present(const char* who, const char* name, const P* pointer) {
  require(pointer != nullptr, who, ": ", name, " must be a pointer, got NULL");
}

template <class T>
inline constexpr int kDtype = sizeof(T) == sizeof(float) ? DEEPCORE_FLOAT32 : DEEPCORE_FLOAT64;

template <class T>
void check_dtype(const char* who, int dtype) {
  require(dtype == kDtype<T>, who, ": dtype must be ", kDtype<T>, " like the network's, got ", dtype);
}

template <class T>
void check_count(const char* who, const Network<T>& network, std::int64_t count) {
  require(count == network.tensors.size(), who, ": count must be ", network.tensors.size(),
          ", the number of the network's parameters, got ", count);
}

inline int threads_of(const char* who, std::int32_t threads) {
  require(threads >= 0, who, ": threads must be at least 0, got ", threads);
  return threads;
}

// float or double, of a Network.
template <class N>
using Number = std::remove_const_t<std::remove_pointer_t<decltype(std::declval<N&>().parameters.data())>>;

// f(network) with its type.
template <class H, class F>
void with(const char* who, H* handle, F f) {
  present(who, "network", handle);
  std::visit([&](const auto& network) { f(*network); }, handle->network);
}

// In c_training.cpp.
int gradient_rows(const deepcore_network* network, const deepcore_examples* examples, const deepcore_step* step,
                  std::int32_t threads, double* cost, void* out, std::int64_t count) noexcept;
int optimizer_create(const deepcore_network* network, const char* rule, double learning_rate,
                     const deepcore_constant* constants, std::int64_t constant_count,
                     deepcore_optimizer** optimizer) noexcept;
int optimizer_share(const deepcore_optimizer* optimizer, deepcore_optimizer** another) noexcept;
void optimizer_free(deepcore_optimizer* optimizer) noexcept;
int optimizer_info(const deepcore_optimizer* optimizer, std::int64_t* steps, std::int64_t* slots) noexcept;
int optimizer_set_steps(deepcore_optimizer* optimizer, std::int64_t steps) noexcept;
int optimizer_read(const deepcore_optimizer* optimizer, std::int64_t slot, std::int32_t dtype, void* values,
                   std::int64_t count) noexcept;
int optimizer_write(deepcore_optimizer* optimizer, std::int64_t slot, std::int32_t dtype, const void* values,
                    std::int64_t count) noexcept;
int optimizer_step(deepcore_optimizer* optimizer, deepcore_network* network, const void* gradient,
                   std::int64_t count) noexcept;
int train_rows(deepcore_network* network, deepcore_optimizer* optimizer, const deepcore_examples* examples,
               const deepcore_training* training, double* losses, std::int64_t* epochs_done) noexcept;

}  // namespace deepcore
