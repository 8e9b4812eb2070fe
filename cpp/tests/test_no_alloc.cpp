// Nothing is allocated while training runs: every allocation of the process is counted.
// Level: tests.
#include "check.hpp"
#include "system_memory.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/predictor.hpp>
#include <deepcore/rng.hpp>
#include <deepcore/train.hpp>

#include <deepcore_api.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <new>
#include <vector>

namespace {
std::atomic<long> allocations{0};
}

#ifdef REPLACES_SYSTEM_MEMORY
bool mapping_fails() { return ++allocations, false; }
// The C library's own functions stay reachable under these names; operator new comes through malloc.
extern "C" {
void* __libc_malloc(std::size_t);                 // NOLINT
void* __libc_calloc(std::size_t, std::size_t);    // NOLINT
void* __libc_realloc(void*, std::size_t);         // NOLINT
void* __libc_memalign(std::size_t, std::size_t);  // NOLINT

void* malloc(std::size_t bytes) noexcept { return ++allocations, __libc_malloc(bytes); }
void* calloc(std::size_t n, std::size_t bytes) noexcept { return ++allocations, __libc_calloc(n, bytes); }
void* realloc(void* old, std::size_t bytes) noexcept { return ++allocations, __libc_realloc(old, bytes); }
void* aligned_alloc(std::size_t to, std::size_t bytes) noexcept { return ++allocations, __libc_memalign(to, bytes); }
int posix_memalign(void** out, std::size_t to, std::size_t bytes) noexcept {
  *out = aligned_alloc(to, bytes);
  return *out == nullptr ? ENOMEM : 0;
}
}
#else  // the sanitizers have their own malloc, other C libraries no second name: operator new alone is counted
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // it sees free(), but not that new is malloc()
#endif
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return ++allocations, std::malloc(bytes == 0 ? 1 : bytes);
}
void* operator new(std::size_t bytes) {
  if (void* memory = operator new(bytes, std::nothrow)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return operator new(bytes, std::nothrow); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace deepcore {
namespace {

// Runs f and returns how many allocations it made.
template <class F>
long counted(F f) {
  const long before = allocations;
  f();
  return allocations - before;
}

void* volatile escape;  // keeps the compiler from removing an allocation that nobody uses

TEST(the_counter_sees_every_kind_of_allocation) {
  CHECK(counted([] {}) == 0);
  CHECK(counted([] { delete static_cast<int*>(escape = new int(1)); }) == 1);
  CHECK(counted([] { delete[] static_cast<char*>(escape = new char[1000]); }) == 1);
  CHECK(counted([] {
          std::vector<double> v(10);
          escape = v.data();
        }) == 1);
#ifdef REPLACES_SYSTEM_MEMORY
  CHECK(counted([] { std::free(escape = std::malloc(10)); }) == 1);
  CHECK(counted([] { std::free(escape = std::calloc(10, 10)); }) == 1);
  CHECK(counted([] { std::free(escape = std::realloc(nullptr, 10)); }) == 1);
  CHECK(counted([] { std::free(escape = std::aligned_alloc(64, 128)); }) == 1);
  CHECK(counted([] {
          Buffer<float> buffer(1000);
          escape = buffer.data();
        }) == 1);
  CHECK(counted([] {
          Buffer<float> large(1 << 20);
          escape = large.data();
        }) == 1);
  void* memory = nullptr;
  CHECK(counted([&] { CHECK(posix_memalign(&memory, 64, 128) == 0); }) == 1);
  std::free(memory);
#endif
}

struct Snapshots : Monitor {
  bool wants_epochs() const override { return true; }
  bool epoch(Index number, double) override {
    after[static_cast<std::size_t>(number)] = allocations;
    return false;
  }
  void poll() override { ++polls; }
  std::array<long, 3> after{};
  int polls = 0;
};

template <class T>
void check_run(const std::vector<Index>& sizes, Index m, Index batch, const char* optimizer_name, int threads,
               const Embeddings& front = {}) {
  std::vector<LayerSpec> layers;
  for (std::size_t l = 1; l < sizes.size(); ++l) layers.push_back({sizes[l], activation_id("silu"), 0});
  layers.back().activation = activation_id("softmax");
  Network<T> network(Spec(sizes[0], layers, loss_id("categorical_cross_entropy"), 0, front));
  std::vector<double> draws(static_cast<std::size_t>(std::max(network.tensors.size(), m * sizes[0])));
  normal(1, stream(Stream::user, 0), draws.data(), static_cast<Index>(draws.size()));
  for (Index i = 0; i < network.tensors.size(); ++i) {
    network.parameters.data()[i] = static_cast<T>(0.02 * draws[static_cast<std::size_t>(i)]);
  }
  const std::vector<T> X(draws.begin(), draws.begin() + m * sizes[0]);
  std::vector<std::int64_t> labels;
  for (Index j = 0; j < m; ++j) labels.push_back(j % sizes.back());
  Rule rule{optimizer_id(optimizer_name)};
  for (std::size_t k = 0; k < rule.hyper.size(); ++k) {
    rule.hyper[k] = optimizers()[static_cast<std::size_t>(rule.row)].hyper[k].value;
  }
  Optimizer<T> optimizer(rule, Schedule(0, {0.001}), network);
  TrainOptions options;
  options.batch_size = batch;
  options.epochs = 3;
  options.threads = threads;
  Snapshots snapshots;
  const long before = allocations;
  const Examples<T> examples{{X.data(), sizes[0], m, 1, sizes[0]}, {}, labels.data(), nullptr};
  const TrainResult result = train(network, examples, optimizer, options, snapshots);
  CHECK(result.losses.size() == 3 && result.losses[2] < result.losses[0], optimizer_name);
  CHECK(snapshots.after[0] > before, "the workspace was not counted");
  CHECK(snapshots.after[1] == snapshots.after[0], snapshots.after[1] - snapshots.after[0], " with ", threads,
        " threads");
  CHECK(snapshots.after[2] == snapshots.after[0], snapshots.after[2] - snapshots.after[0], " with ", threads,
        " threads");
}

TEST_BOTH(a_wide_network_trains_without_allocating_after_the_first_epoch) {
  for (const int threads : {1, 2}) check_run<T>({1024, 1024, 10}, 256, 128, "adam", threads);
}

TEST_BOTH(a_small_network_trains_without_allocating_after_the_first_epoch) {
  for (const int threads : {1, 2}) {
    for (const OptimizerInfo& row : optimizers()) {
      check_run<T>({20, 30, 5}, 200, 32, row.name, threads);
      check_run<T>({20, 30, 5}, 200, 0, row.name, threads);
    }
  }
}

TEST_BOTH(a_batch_of_several_slabs_trains_without_allocating_after_the_first_epoch) {
  for (const int threads : {1, 2}) check_run<T>({20, 30, 5}, 9000, 0, "adam", threads);
}

TEST_BOTH(a_network_with_embeddings_trains_without_allocating_after_the_first_epoch) {
  Embeddings front;
  front.columns = 3;
  front.units = 3;
  front.frequencies = 4;
  front.passes = true;
  for (const int threads : {1, 2}) {
    check_run<T>({20, 30, 5}, 200, 32, "adamw", threads, front);
    check_run<T>({20, 30, 5}, 9000, 0, "adam", threads, front);
  }
}

TEST_BOTH(a_network_with_members_trains_without_allocating_after_the_first_epoch) {
  Embeddings front;
  front.members = 3;
  for (const int threads : {1, 2}) {
    check_run<T>({20, 30, 5}, 200, 32, "adamw", threads, front);
    check_run<T>({20, 30, 5}, 3000, 0, "adam", threads, front);
  }
}

TEST_BOTH(a_predictor_allocates_nothing_from_its_first_call_on) {
  const int silu = activation_id("silu"), softmax = activation_id("softmax");
  const Network<T> network(Spec(300, {{700, silu, 0}, {20, softmax, 0}}, loss_id("categorical_cross_entropy")));
  const std::vector<T> X(300 * 100, T(1));
  std::vector<T> A(20 * 100);
  std::vector<Weights> forms{Weights::own};
  if (std::is_same_v<T, float>) forms.insert(forms.end(), {Weights::bfloat16, Weights::int8});
  for (const Weights form : forms) {
    Predictor<T> predictor(network, form);
    for (const Index m : {1, 7, 100}) {
      CHECK(counted([&] { predictor({X.data(), 300, m, 1, 300}, {A.data(), 20, m, 1, 20}, 1); }) == 0, m, " examples");
      CHECK(counted([&] { predictor({X.data(), 300, m, 100, 1}, {A.data(), 20, m, 100, 1}, 1); }) == 0, m, " examples");
      CHECK(std::abs(A[0] - T(0.05)) < T(1e-6));
    }
  }
}

TEST_BOTH(predictions_with_kept_weights_allocate_less) {
  const int relu = activation_id("relu"), softmax = activation_id("softmax");
  Network<T> network(Spec(30, {{70, relu, 0}, {3, softmax, 0}}, loss_id("categorical_cross_entropy")));
  const std::vector<T> X(30 * 60, T(1));
  std::vector<T> A(3 * 60);
  const auto call = [&](Index m) { predict<T>(network, {X.data(), 30, m, 1, 30}, {A.data(), 3, m, 1, 3}, 1); };
  const auto later_call = [&](Index m, int calls) {
    for (int i = 0; i < calls; ++i) call(m);
    return counted([&] { call(m); });
  };
  const long without = later_call(60, 3);
  CHECK(without > 0);
  network.kept.enable();
  CHECK(later_call(60, 3) == 0);
  network.kept.add_writer();
  CHECK(later_call(60, 3) == without);
  network.kept.remove_writer();
  CHECK(later_call(1, 3) > 0, "one example pays later");
  CHECK(later_call(1, 100) == 0);
  network.sharing.write([] {});
  CHECK(counted([&] { call(60); }) == without);
}

TEST(a_prediction_by_the_c_interface_allocates_nothing_also_when_it_is_refused) {
  const deepcore_api* api = deepcore_get_api(DEEPCORE_ABI_VERSION);
  const deepcore_layer layers[] = {{64, "relu", "he", 0, 0, 0}, {3, "softmax", "xavier", 0, 0, 0}};
  const deepcore_description description{DEEPCORE_FLOAT32, 30, layers, 2, "categorical_cross_entropy", 1};
  deepcore_network* network = nullptr;
  deepcore_predictor* predictor = nullptr;
  CHECK(api->network_create(&description, &network) == DEEPCORE_OK, api->last_error());
  CHECK(api->predictor_create(network, &predictor) == DEEPCORE_OK);
  api->network_free(network);
  const std::vector<float> X(30 * 100, 1.0F);
  std::vector<float> A(3 * 100);
  int code = DEEPCORE_OK;
  for (const std::int64_t m : {1, 7, 100}) {
    CHECK(counted([&] { code = api->predict_f32(predictor, m, X.data(), 30, 1, A.data(), 3, 1); }) == 0);
    CHECK(code == DEEPCORE_OK);
  }
  CHECK(counted([&] { code = api->predict_f32(predictor, -1, X.data(), 30, 1, A.data(), 3, 1); }) == 0);
  CHECK(code == DEEPCORE_INVALID_ARGUMENT);
  api->predictor_free(predictor);
}

TEST(the_table_of_another_abi_version_is_not_given) { CHECK(deepcore_get_api(DEEPCORE_ABI_VERSION + 1) == nullptr); }

}  // namespace
}  // namespace deepcore
