// Spec, Schedule, Layout, Buffer and leading(): what they refuse and what they promise.
// Level: tests.
#include "check.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/optimizer.hpp>
#include <deepcore/version.hpp>

#include "sizes.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace deepcore {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Spec make(Index inputs, const std::vector<Index>& units, const std::string& output = "linear",
          const std::string& loss = "half_squared_error", double parameter = 0.01) {
  std::vector<LayerSpec> layers;
  for (const Index n : units) layers.push_back({n, activation_id("leaky_relu"), parameter});
  if (!layers.empty()) layers.back().activation = activation_id(output);
  return {inputs, layers, loss_id(loss)};
}

TEST(a_spec_says_what_it_was_given) {
  const Spec spec = make(5, {4, 3}, "softmax", "categorical_cross_entropy");
  CHECK(spec.depth() == 2);
  CHECK(spec.units(0) == 5 && spec.units(1) == 4 && spec.units(2) == 3 && spec.outputs() == 3);
  CHECK(spec.layer(1).activation == activation_id("leaky_relu") && spec.layer(1).parameter == 0.01);
  CHECK(spec.loss() == loss_id("categorical_cross_entropy"));
}

TEST(a_spec_refuses_sizes_below_one) {
  REFUSES(make(0, {1}), "inputs must be at least 1, got 0");
  REFUSES(make(-3, {1}), "inputs must be at least 1, got -3");
  REFUSES(make(2, {}), "layers must hold at least one layer");
  REFUSES(make(2, {3, 0, 1}), "layer 2 must have at least 1 unit, got 0");
  REFUSES(make(2, {3, 1, -7}), "layer 3 must have at least 1 unit, got -7");
}

TEST(a_spec_refuses_rows_that_do_not_exist) {
  const auto with = [](int activation, int loss) { return Spec(2, {{3, activation, 0}}, loss); };
  const int rows = static_cast<int>(activations().size()), linear_row = activation_id("linear");
  REFUSES(with(-1, 2), "layer 1 has no known activation");
  REFUSES(with(rows, 2), "layer 1 has no known activation");
  REFUSES(with(linear_row, -1), "loss is not known");
  REFUSES(with(linear_row, static_cast<int>(losses().size())), "loss is not known");
}

TEST(a_spec_refuses_a_parameter_that_is_negative_or_not_finite) {
  for (const double parameter : {-0.1, kInfinity, -kInfinity, kNaN, 1e39}) {
    REFUSES(make(2, {3, 1}, "linear", "squared_error", parameter), "parameter of layer 1 must be a finite number");
  }
}

TEST(a_cross_entropy_refuses_outputs_that_are_no_probabilities) {
  for (const ActivationInfo& output : activations()) {
    for (const LossInfo& loss : losses()) {
      if ((!loss.needs_probability || output.probability) && (!loss.needs_positive || output.positive)) {
        make(2, {3}, output.name, loss.name);  // throws where it must not
      } else {
        REFUSES(make(2, {3}, output.name, loss.name), std::string("use '") + loss.output + "' there");
      }
    }
  }
}

TEST(loss_and_output_that_belong_together_are_computed_stably) {
  CHECK(make(2, {1}, "sigmoid", "binary_cross_entropy").stable_output());
  CHECK(make(2, {3}, "softmax", "categorical_cross_entropy").stable_output());
  CHECK(make(2, {1}, "linear", "half_squared_error").stable_output());
  CHECK(!make(2, {1}, "linear", "squared_error").stable_output());
  CHECK(!make(2, {1}, "sigmoid", "half_squared_error").stable_output());
  CHECK(!make(2, {3}, "softmax", "binary_cross_entropy").stable_output());
}

TEST(labels_are_for_softmax) {
  CHECK(make(2, {3}, "softmax", "half_squared_error").takes_labels());
  CHECK(!make(2, {3}, "sigmoid", "binary_cross_entropy").takes_labels());
}

TEST(tensors_put_weights_and_biases_one_behind_the_other_column_by_column) {
  const Tensors tensors(make(5, {4, 3}));
  CHECK(tensors.all().size() == 4);
  CHECK(tensors.size() == 5 * 4 + 4 + 4 * 3 + 3);
  CHECK(tensors.at(1, Role::W).offset == 0 && tensors.at(1, Role::b).offset == 20);
  CHECK(tensors.at(2, Role::W).offset == 24 && tensors.at(2, Role::b).offset == 36);
  CHECK(tensors.find(1, Role::gamma) == nullptr && tensors.find(3, Role::W) == nullptr);
  std::vector<float> values(39);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const auto W = view(tensors.at(2, Role::W), values.data()), b = view(tensors.at(2, Role::b), values.data());
  CHECK(W.rows == 3 && W.cols == 4 && b.rows == 3 && b.cols == 1);
  CHECK(W(0, 0) == 24 && W(1, 0) == 25 && W(0, 1) == 27 && W(2, 3) == 35);
  CHECK(b(0, 0) == 36 && b(2, 0) == 38);
}

TEST(options_of_a_layer_add_tensors_behind_its_bias) {
  LayerSpec hidden{4, activation_id("tanh"), 0}, last{3, activation_id("linear"), 0};
  hidden.parametric = hidden.scaled_inputs = last.scaled_inputs = true;
  hidden.norm = Norm::layer;
  const Tensors tensors(Spec(5, {hidden, last}, loss_id("half_squared_error")));
  std::vector<Role> roles;
  for (const Tensor& tensor : tensors.all()) roles.push_back(tensor.role);
  const std::vector<Role> expected{Role::W,     Role::b, Role::gamma, Role::beta, Role::alpha,
                                   Role::scale, Role::W, Role::b,     Role::scale};
  CHECK(roles == expected);
  CHECK(tensors.at(1, Role::alpha).rows == 4 && tensors.at(1, Role::scale).rows == 5);
  CHECK(tensors.at(2, Role::scale).rows == 4 && tensors.size() == 20 + 4 * 4 + 5 + 12 + 3 + 4);
}

TEST(a_parametric_layer_is_hidden_and_works_unit_by_unit) {
  LayerSpec hidden{4, activation_id("tanh"), 0}, softmax{4, activation_id("softmax"), 0};
  hidden.parametric = softmax.parametric = true;
  const LayerSpec last{3, activation_id("linear"), 0};
  const int loss = loss_id("half_squared_error");
  CHECK(Spec(5, {hidden, last}, loss).depth() == 2);
  REFUSES(Spec(5, {softmax, last}, loss), "layer 1 cannot be parametric: softmax");
  REFUSES(Spec(5, {hidden}, loss), "the activation of the last layer cannot be parametric");
}

TEST(sizes_that_overflow_are_refused_as_memory_that_is_not_there) {
  const Index huge = Index{1} << 32U, half = Index{1} << 31U, top = std::numeric_limits<Index>::max();
  REFUSES(Tensors(make(huge, {huge})), "bad_alloc");              // one product
  REFUSES(Tensors(make(half, {half, half, half})), "bad_alloc");  // the sum of the products
  REFUSES(Tensors(make(1, {top})), "bad_alloc");                  // the biases
  REFUSES(Network<float>(make(half, {half})), "bad_alloc");       // fits an index, not its bytes
  REFUSES(Network<double>(make(Index{1} << 28U, {huge})), "bad_alloc");
}

TEST(a_buffer_refuses_a_negative_or_impossible_size) {
  REFUSES(Buffer<float>(-1), "bad_alloc");
  REFUSES(Buffer<double>(std::numeric_limits<Index>::max()), "bad_alloc");
  REFUSES(Buffer<float>(std::numeric_limits<Index>::max() / 4), "bad_alloc");
}

TEST_BOTH(a_buffer_is_aligned_and_zero) {
  for (const Index n : {0, 1, 15, 16, 17, 1000}) {
    const Buffer<T> buffer(n);
    CHECK(buffer.size() == n && (buffer.data() == nullptr) == (n == 0));  // an empty buffer allocates nothing
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % kAlignment == 0);
    for (Index i = 0; i < n; ++i) CHECK(buffer.data()[i] == 0);
  }
}

TEST_BOTH(columns_lie_whole_packets_apart_and_long_ones_an_odd_number_of_cache_lines) {
  constexpr auto kLine = static_cast<Index>(kAlignment / sizeof(T));
  for (Index n = 1; n < 5000; ++n) {
    const Index ld = leading<T>(n), bytes = n * static_cast<Index>(sizeof(T));
    CHECK(ld >= n && ld % kernels::kLanes<T> == 0, "n = ", n);
    CHECK(ld < n + 2 * kLine, "n = ", n);  // less than two lines of waste
    CHECK(bytes < 1024 || (ld % kLine == 0 && ld / kLine % 2 == 1), "n = ", n);
    CHECK(bytes > 128 || ld == kernels::round_up<T>(n), "n = ", n);
  }
}

TEST(a_schedule_refuses_wrong_counts_and_wrong_numbers) {
  const int constant = schedule_id("constant"), step = schedule_id("step"), cosine = schedule_id("cosine");
  REFUSES(Schedule(constant, {}), "schedule 'constant' takes 1 numbers, got 0");
  REFUSES(Schedule(constant, {1, 2}), "takes 1 numbers, got 2");
  for (const double rate : {-1.0, kInfinity, kNaN}) {
    REFUSES(Schedule(constant, {rate}), "learning_rate must be a finite number of at least 0");
  }
  REFUSES(Schedule(step, {1, -0.5, 10}), "factor must be a finite number of at least 0, got -0.5");
  REFUSES(Schedule(step, {1, 0.5, 0}), "every must be a finite number of at least 1, got 0");
  REFUSES(Schedule(cosine, {1, 0.5, 0}), "steps must be a finite number of at least 1, got 0.5");
  REFUSES(Schedule::table({}), "must hold at least one value");
  REFUSES(Schedule(static_cast<int>(schedules().size()), {1}), "");
}

TEST(a_schedule_follows_its_formula) {
  const auto at = [](const char* name, std::vector<double> numbers, Index step) {
    return Schedule(schedule_id(name), std::move(numbers))(step);
  };
  const double eps = 1e-15;  // a few roundings of numbers below 1
  for (const Index t : {0, 1, 9, 10, 11, 25, 100000}) {
    const auto x = static_cast<double>(t);
    CHECK(at("constant", {0.3}, t) == 0.3);
    CHECK_NEAR(at("step", {0.8, 0.5, 10}, t), 0.8 * std::pow(0.5, std::floor(x / 10)), eps);
    CHECK_NEAR(at("exponential", {0.8, 0.99}, t), 0.8 * std::pow(0.99, x), eps);
    CHECK_NEAR(at("inverse_time", {0.8, 2, 10}, t), 0.8 / (1 + 2 * std::floor(x / 10)), eps);
    CHECK_NEAR(at("cosine", {0.8, 20, 0.1}, t), 0.1 + 0.35 * (1 + std::cos(std::acos(-1.0) * std::min(x, 20.0) / 20)),
               eps);
  }
  CHECK_NEAR(at("cosine", {0.8, 20, 0.1}, 1000000), 0.1, eps);
  CHECK(at("flat_cosine", {0.8, 20}, 10) == 0.8 && at("flat_cosine", {0.8, 20}, 1000000) == 0);
  CHECK_NEAR(at("flat_cosine", {0.8, 20}, 15), 0.4, eps);
  for (const Index t : {0, 1, 3, 7, 15}) CHECK_NEAR(at("coslog4", {0.8, 15}, t), 0, eps);  // between the waves
  CHECK_NEAR(at("coslog4", {0.8, 45}, 10), 0.8 * (1 - std::cos(std::acos(-1.0) * 2 * std::log2(13.0 / 3))) / 2, eps);
}

TEST(a_table_of_learning_rates_ends_with_its_last_value) {
  const Schedule table = Schedule::table({0.3, 0.2, 0.1});
  CHECK(table(0) == 0.3 && table(1) == 0.2 && table(2) == 0.1 && table(3) == 0.1 && table(1000000) == 0.1);
}

TEST(the_library_says_how_it_was_built) {
  const BuildInfo info = build_info();
  for (const char* part : {info.version, info.variant, info.eigen, info.compiler}) CHECK(!std::string(part).empty());
  CHECK(info.packet_bytes == static_cast<int>(sizeof(float) * kernels::kLanes<float>));
}

}  // namespace
}  // namespace deepcore
