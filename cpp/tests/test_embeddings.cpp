// Embeddings: descriptions that are refused, values by hand, and codes that must never become addresses.
// Level: tests.
#include "check.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/predictor.hpp>
#include <deepcore/train.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace deepcore {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Embeddings categories(std::vector<Index> sizes, Index units) {
  Embeddings front;
  front.sizes = std::move(sizes);
  front.category_units = units;
  return front;
}

Embeddings periodic(Index columns, Index units, Index frequencies, bool passes) {
  Embeddings front;
  front.columns = columns;
  front.units = units;
  front.frequencies = frequencies;
  front.passes = passes;
  return front;
}

Spec make(Index inputs, Embeddings front) {
  return {inputs, {{1, activation_id("linear"), 0}}, loss_id("half_squared_error"), 0, std::move(front)};
}

// A network whose one layer shows the inputs of the first layer, one after the other.
template <class T>
T shown(Network<T>& network, const std::vector<T>& x, Index row) {
  T* W = network.parameters.data() + network.tensors.at(1, Role::W).offset;
  std::fill_n(W, network.spec.units(0), T(0));
  W[row] = T(1);
  T out = 0;
  predict<T>(network, View<const T>{x.data(), static_cast<Index>(x.size()), 1, 1, static_cast<Index>(x.size())},
             {&out, 1, 1, 1, 1}, 1);
  return out;
}

TEST(a_spec_counts_the_inputs_that_embeddings_make) {
  CHECK(make(5, periodic(2, 3, 16, true)).units(0) == 2 * 3 + 5);
  CHECK(make(5, periodic(2, 3, 16, false)).units(0) == 2 * 3 + 3);
  CHECK(make(5, categories({4, 9}, 8)).units(0) == 3 + 2 * 8);
  CHECK(make(5, categories({4, 9}, 8)).columns() == 5);
}

TEST(the_last_layer_has_the_units_of_all_members) {
  Embeddings front;
  front.members = 3;
  const Spec spec(2, {{5, activation_id("tanh"), 0}, {4, activation_id("softmax"), 0}},
                  loss_id("categorical_cross_entropy"), 0, front);
  CHECK(spec.units(0) == 2 && spec.units(1) == 5 && spec.units(2) == 12 && spec.outputs() == 4);
  const Tensors tensors(spec);
  CHECK(tensors.at(0, Role::factor).rows == 2 && tensors.at(0, Role::factor).cols == 3);
  CHECK(tensors.at(2, Role::W).rows == 12);
}

TEST_BOTH(a_prediction_is_the_mean_of_the_members) {
  Embeddings front;
  front.members = 2;
  Network<T> network(make(1, front));
  const T factors[] = {T(2), T(-3)}, W[] = {T(5), T(7)}, b[] = {T(1), T(3)};
  std::copy_n(factors, 2, network.parameters.data() + network.tensors.at(0, Role::factor).offset);
  std::copy_n(W, 2, network.parameters.data() + network.tensors.at(1, Role::W).offset);
  std::copy_n(b, 2, network.parameters.data() + network.tensors.at(1, Role::b).offset);
  const T x = T(10);
  T out = 0;
  predict<T>(network, View<const T>{&x, 1, 1, 1, 1}, {&out, 1, 1, 1, 1}, 1);
  CHECK(out == T((5 * 20 + 1 + 7 * -30 + 3) / 2.0));
}

TEST(a_spec_refuses_embeddings_that_do_not_fit) {
  Embeddings none;
  none.members = 0;
  REFUSES(make(1, none), "members must be from 1 to 4096, got 0");
  REFUSES(make(1, categories({4, 9}, 8)), "embeddings need at least 2 inputs, got 1");
  REFUSES(make(1, categories({0}, 8)), "the size of a category must be from 1");
  REFUSES(make(1, categories({kMostCodes + 1}, 8)), "the size of a category must be from 1");
  REFUSES(make(1, categories({4}, 0)), "an embedding of categories must have units");
  REFUSES(make(1, periodic(1, 0, 4, true)), "must have 1 to 64 units, got 0");
  REFUSES(make(1, periodic(1, 65, 4, true)), "must have 1 to 64 units, got 65");
  REFUSES(make(1, periodic(1, 3, 0, true)), "embeddings must have the edges of 1 columns, got those of 0");
  Embeddings front = periodic(1, 3, 0, false);
  front.edges = {{0.0}};
  REFUSES(make(1, front), "a column must have at least 2 edges");
  front.edges = {{0.0, 0.0}};
  REFUSES(make(1, front), "the edges of a column must be finite and rise");
  front.edges = {{0.0, kNaN}};
  REFUSES(make(1, front), "the edges of a column must be finite and rise");
  front = categories({4}, 8);
  front.categories.rate = -1;
  REFUSES(make(1, front), "factors of rate and decay of embeddings");
}

TEST_BOTH(a_number_is_embedded_by_cosines_and_passes) {
  Network<T> network(make(2, periodic(1, 1, 1, true)));
  const auto at = [&](Role role) { return network.parameters.data() + network.tensors.at(0, role).offset; };
  *at(Role::frequency) = T(0.25);
  *at(Role::phase) = T(0.5);
  *at(Role::weight) = T(2);
  *at(Role::offset) = T(-1);
  for (const double x : {-3.0, 0.0, 0.7}) {
    const std::vector<T> row{static_cast<T>(x), T(5)};
    const double expected = 2 * std::cos(2 * 3.14159265358979323846 * x * 0.25 + 0.5) - 1;
    CHECK_NEAR(shown(network, row, 0), expected, 1e-6, x);
    CHECK(shown(network, row, 1) == static_cast<T>(x) && shown(network, row, 2) == T(5));
  }
}

TEST_BOTH(a_number_is_embedded_by_lines_between_its_edges) {
  Embeddings front = periodic(1, 1, 0, false);
  front.edges = {{0, 1, 3}};
  Network<T> network(make(1, front));
  T* weight = network.parameters.data() + network.tensors.at(0, Role::weight).offset;
  weight[0] = T(0);
  weight[1] = T(10);
  weight[2] = T(100);
  const double expected[][2] = {{-1, -10}, {0, 0}, {0.5, 5}, {1, 10}, {2, 60}, {3, 110}, {5, 210}};
  for (const auto& [x, y] : expected) CHECK_NEAR(shown(network, {static_cast<T>(x)}, 0), y, 1e-4, x);
}

TEST_BOTH(a_predictor_reads_the_first_row_for_values_that_are_no_codes) {
  Network<T> network(make(1, categories({3}, 1)));
  for (Index k = 0; k < 3; ++k) network.parameters.data()[k] = static_cast<T>(k + 1);
  network.parameters.data()[network.tensors.at(1, Role::W).offset] = T(1);
  Predictor<T> predictor(network);
  const T large = std::numeric_limits<T>::max(), infinite = std::numeric_limits<T>::infinity();
  const std::vector<T> codes{0, 1, 2, 3, -1, large, -large, infinite, -infinite, static_cast<T>(kNaN)};
  const auto m = static_cast<Index>(codes.size());
  std::vector<T> out(codes.size());
  predictor({codes.data(), 1, m, 1, 1}, {out.data(), 1, m, 1, 1}, 1);
  for (std::size_t j = 0; j < codes.size(); ++j) CHECK(out[j] == (j < 3 ? static_cast<T>(j + 1) : T(1)), j);
}

TEST_BOTH(values_that_are_no_codes_are_refused) {
  const Network<T> network(make(1, categories({3}, 1)));
  for (const double code : {-1.0, 3.0, 0.5, kNaN}) {
    const auto x = static_cast<T>(code);
    T out = 0;
    REFUSES(predict<T>(network, View<const T>{&x, 1, 1, 1, 1}, {&out, 1, 1, 1, 1}, 1), "X must hold codes from 0 to 2");
  }
}

TEST_BOTH(sparse_rows_are_refused) {
  const Network<T> network(make(1, categories({3}, 1)));
  const std::int64_t starts[] = {0, 0};
  T out = 0;
  REFUSES(predict<T>(network, Inputs<T>(1, 1, &out, nullptr, starts), {&out, 1, 1, 1, 1}, 1), "X must be dense");
}

}  // namespace
}  // namespace deepcore
