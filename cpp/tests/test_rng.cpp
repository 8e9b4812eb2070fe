// Randomness: known answers, moments, and the independence of seeds, streams and counts.
// Level: tests.
#include "check.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/network.hpp>
#include <deepcore/rng.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace deepcore {
namespace {

using Words = std::array<std::uint32_t, 4>;

TEST(philox_gives_the_known_answers_of_Random123) {  // its file kat_vectors, philox 4x32 10
  CHECK(philox(0, 0, 0) == (Words{0x6627e8d5U, 0xe169c58dU, 0xbc57ac4cU, 0x9b00dbd8U}));
  CHECK(philox(~0ULL, ~0ULL, ~0ULL) == (Words{0x408f276dU, 0x41c83b0eU, 0xa20bc7c6U, 0x6d5451fdU}));
  // digits of pi: key a4093822 299f31d0, counter 243f6a88 85a308d3 13198a2e 03707344, words lowest first
  CHECK(philox(0x299f31d0a4093822ULL, 0x0370734413198a2eULL, 0x85a308d3243f6a88ULL) ==
        (Words{0xd16cfe09U, 0x94fdccebU, 0x5001e420U, 0x24126ea1U}));
}

std::vector<double> uniforms(std::uint64_t seed, std::uint64_t place, Index count) {
  std::vector<double> out(static_cast<std::size_t>(count));
  uniform(seed, place, out.data(), count);
  return out;
}

std::vector<double> normals(std::uint64_t seed, std::uint64_t place, Index count) {
  std::vector<double> out(static_cast<std::size_t>(count));
  normal(seed, place, out.data(), count);
  return out;
}

std::vector<std::int64_t> shuffled(std::uint64_t seed, Index epoch, Index m) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(m));
  permutation(seed, epoch, order.data(), m);
  return order;
}

double moment(const std::vector<double>& x, int power) {
  double sum = 0;
  for (const double v : x) sum += std::pow(v, power);
  return sum / static_cast<double>(x.size());
}

// All bounds on moments: five standard deviations of the estimate from n draws. The seeds are fixed.
constexpr Index kDraws = 200000;
const double kFive = 5 / std::sqrt(static_cast<double>(kDraws));

TEST(uniform_numbers_lie_inside_the_unit_interval_and_fill_it_evenly) {
  const auto x = uniforms(1, 0, kDraws);
  CHECK(std::all_of(x.begin(), x.end(), [](double v) { return v > 0 && v < 1; }));
  CHECK_NEAR(moment(x, 1), 0.5, kFive * std::sqrt(1.0 / 12));
  CHECK_NEAR(moment(x, 2), 1.0 / 3, kFive * std::sqrt(4.0 / 45));
  std::array<int, 64> bins{};
  for (const double v : x) ++bins[static_cast<std::size_t>(v * 64)];
  for (const int bin : bins) CHECK_NEAR(bin, kDraws / 64.0, 5 * std::sqrt(kDraws / 64.0));
}

TEST(normal_numbers_have_the_moments_of_the_normal_distribution) {
  const auto x = normals(2, 0, kDraws);
  CHECK_NEAR(moment(x, 1), 0, kFive);
  CHECK_NEAR(moment(x, 2), 1, kFive * std::sqrt(2.0));
  CHECK_NEAR(moment(x, 3), 0, kFive * std::sqrt(15.0));
  CHECK_NEAR(moment(x, 4), 3, kFive * std::sqrt(96.0));
}

TEST(normal_numbers_are_the_quantiles_of_the_uniform_ones) {
  const auto u = uniforms(3, 5, 20000), x = normals(3, 5, 20000);
  for (std::size_t i = 0; i < u.size(); ++i) {
    const long double tail = std::min<long double>(u[i], 1 - u[i]);
    const long double back = std::erfc(std::abs(static_cast<long double>(x[i])) * std::sqrt(0.5L)) / 2;
    CHECK((x[i] < 0) == (u[i] < 0.5));
    // a relative error of eps in x is one of x^2 eps in the tail; x has a few units (AS 241: about 1e-16), 1 - u half
    const long double bound = 2.2e-16L * (2 + 4 * static_cast<long double>(x[i]) * x[i]);
    CHECK_NEAR(back / tail, 1, bound, "at ", u[i]);
  }
}

TEST(consecutive_normal_numbers_are_uncorrelated) {
  const auto x = normals(4, 0, kDraws);
  for (const std::size_t lag : {1U, 2U, 3U, 4U}) {
    double sum = 0;
    for (std::size_t i = lag; i < x.size(); ++i) sum += x[i] * x[i - lag];
    CHECK_NEAR(sum / static_cast<double>(kDraws), 0, kFive, "lag ", lag);
  }
}

TEST(fewer_numbers_are_a_prefix_of_more) {
  const auto u = uniforms(5, 1, 100), x = normals(5, 1, 100);
  for (Index n = 0; n <= 100; ++n) {
    CHECK(std::equal(u.begin(), u.begin() + n, uniforms(5, 1, n).begin()), n);
    CHECK(std::equal(x.begin(), x.begin() + n, normals(5, 1, n).begin()), n);
  }
}

TEST(seeds_kinds_and_details_have_streams_that_share_nothing) {
  std::set<double> seen;
  std::size_t draws = 0;
  for (const std::uint64_t seed : {0ULL, 1ULL, 2ULL, 1ULL << 32U, 1ULL << 63U}) {
    for (const Stream kind : {Stream::initialisation, Stream::shuffle, Stream::dropout, Stream::user}) {
      for (const Index detail : {Index{0}, Index{1}, Index{2}, Index{1000000}, Index{1} << 40U}) {
        for (const double v : uniforms(seed, stream(kind, detail), 10)) {
          seen.insert(v);
          ++draws;
        }
      }
    }
  }
  CHECK(seen.size() == draws);  // of 2^53 numbers: two equal ones by chance once in 10^10
}

TEST(a_permutation_holds_every_example_once) {
  for (const Index m : {0, 1, 2, 3, 4, 5, 63, 64, 65, 1797}) {
    auto order = shuffled(6, 0, m);
    std::sort(order.begin(), order.end());
    for (std::size_t i = 0; i < order.size(); ++i) CHECK(order[i] == static_cast<std::int64_t>(i), "m = ", m);
  }
}

TEST(every_order_of_four_examples_is_equally_likely) {
  std::map<std::vector<std::int64_t>, int> counts;
  for (Index epoch = 0; epoch < 24000; ++epoch) ++counts[shuffled(7, epoch, 4)];
  CHECK(counts.size() == 24);
  for (const auto& [order, count] : counts) CHECK_NEAR(count, 1000, 5 * std::sqrt(1000.0));
}

TEST(epochs_and_seeds_shuffle_differently_and_repeatably) {
  CHECK(shuffled(8, 0, 100) == shuffled(8, 0, 100));
  CHECK(shuffled(8, 0, 100) != shuffled(8, 1, 100));
  CHECK(shuffled(8, 0, 100) != shuffled(9, 0, 100));
}

std::vector<double> drawn(const std::string& name, double gain, std::uint64_t seed, Index layer, Index n_out,
                          Index n_in) {
  std::vector<double> W(static_cast<std::size_t>(n_out * n_in));
  initialize(initializer_id(name), gain, seed, layer, n_out, n_in, W.data());
  return W;
}

TEST(initialisers_have_mean_zero_and_the_variance_of_their_formula) {
  constexpr Index n_out = 300, n_in = 500;
  const std::vector<std::pair<std::string, double>> variances{
      {"zeros", 0},      {"normal", 1e-4},     {"xavier", 4 * 2.0 / 800}, {"xavier_uniform", 4 * 2.0 / 800},
      {"he", 2.0 / 500}, {"lecun", 1.0 / 500}, {"he_uniform", 2.0 / 500}, {"inverse_sqrt", 1.0 / 500}};
  CHECK(variances.size() == initializers().size());
  for (const auto& [name, variance] : variances) {
    const auto W = drawn(name, 2, 10, 1, n_out, n_in);
    const double five = 5 / std::sqrt(static_cast<double>(n_out * n_in));
    CHECK_NEAR(moment(W, 1), 0, five * std::sqrt(variance), name);
    CHECK_NEAR(moment(W, 2), variance, five * std::sqrt(2.0) * variance, name);
    const bool flat = name.find("uniform") != std::string::npos;
    const double widest = *std::max_element(W.begin(), W.end());
    CHECK((widest <= std::sqrt(3 * variance)) == (flat || name == "zeros"), name);  // a uniform variable ends there
  }
}

TEST(a_draw_depends_on_seed_and_layer) {
  const auto W = drawn("he", 1, 11, 1, 4, 5);
  CHECK(W == drawn("he", 1, 11, 1, 4, 5));
  CHECK(W != drawn("he", 1, 12, 1, 4, 5));
  CHECK(W != drawn("he", 1, 11, 2, 4, 5));
}

}  // namespace
}  // namespace deepcore
