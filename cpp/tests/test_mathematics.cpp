// The transcendental functions on packets against long double.
// Level: tests.
#include "check.hpp"

#include "kernels/mathematics.hpp"

#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

namespace deepcore::kernels {
namespace {

template <class T>
using Limits = std::numeric_limits<T>;

// Every sign and exponent with many fractions (a walk over the bit patterns: subnormal, infinite and NaN ones too),
// a dense linear range where the functions bend, and the special values.
template <class T>
const std::vector<T>& arguments() {
  static const std::vector<T> all = [] {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    const Bits patterns = 150001 / check::stride(25);
    std::vector<T> x{T(0),
                     -T(0),
                     Limits<T>::infinity(),
                     -Limits<T>::infinity(),
                     Limits<T>::quiet_NaN(),
                     Limits<T>::max(),
                     Limits<T>::lowest(),
                     Limits<T>::min(),
                     Limits<T>::denorm_min()};
    for (Bits k = 0; k < patterns; ++k) {
      const Bits bits = k * (Limits<Bits>::max() / patterns);
      x.emplace_back();
      std::memcpy(&x.back(), &bits, sizeof(T));
    }
    for (int k = -60000; k <= 60000; k += static_cast<int>(check::stride(25))) {
      x.push_back(static_cast<T>(k * 0.000333));     // [-20, 20]
      x.push_back(static_cast<T>(k * 0.0000201));    // [-1.2, 1.2]
      x.push_back(static_cast<T>(k * 0.0125));       // [-750, 750]: over and under the range of exp
      x.push_back(static_cast<T>(1 + k * 0.00001));  // [0.4, 1.6]: where log is small
    }
    return x;
  }();
  return all;
}

// |f(x) - exact(x)| <= bound(x) units in the last place, for the arguments that take(x). Where the exact value is below
// twice the smallest normal number only the absolute error counts: exponential() is 0 from there on. NaN must stay NaN,
// an overflow must be infinite.
template <class T, class F, class Exact, class Take, class Bound>
void within(F f, Exact exact, Take take, Bound bound) {
  std::vector<T> x;
  for (const T v : arguments<T>()) {
    if (v != v || take(v)) x.push_back(v);
  }
  const auto n = static_cast<Index>(x.size());
  std::vector<T> y(x.size());
  map(n, y.data(), f, static_cast<const T*>(x.data()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i])) {
      CHECK(std::isnan(y[i]), "at NaN: ", y[i]);
      continue;
    }
    const long double value = exact(static_cast<long double>(x[i]));
    const auto rounded = static_cast<T>(value);
    if (std::isinf(rounded)) {
      CHECK(y[i] == rounded, "at ", x[i], ": ", y[i], ", expected ", rounded);
      continue;
    }
    const T size = std::abs(rounded);
    const long double unit = size < 2 * Limits<T>::min() ? 0 : size - std::nextafter(size, T(0));
    const long double allowed = unit == 0 ? 2 * static_cast<long double>(Limits<T>::min()) : bound(value, x[i]) * unit;
    CHECK_NEAR(y[i], value, allowed, "at ", x[i], ": ", std::abs(y[i] - value) / unit, " units");
  }
}

const auto anywhere = [](auto) { return true; };
const auto at_most = [](long double units) { return [units](auto...) { return units; }; };

// The bounds: the largest error measured on x86-64-v2 and v3 (in parentheses, float and double), rounded up.

TEST_BOTH(exponential_is_within_2_units) {  // (1.0, 1.7)
  within<T>([](const auto& x) { return exponential(x); }, [](long double x) { return std::exp(x); }, anywhere,
            at_most(2));
}

TEST_BOTH(exponential_gives_no_subnormal_number) {
  for (const T x : arguments<T>()) {
    T y = 0;
    map(1, &y, [](const auto& p) { return exponential(p); }, &x);
    CHECK(y == 0 || y >= Limits<T>::min() || std::isnan(x), "at ", x, ": ", y);
    CHECK(y > 0 || std::isnan(x) || std::exp(static_cast<long double>(x)) < 2 * Limits<T>::min(), "at ", x, ": ", y);
  }
}

TEST_BOTH(logarithm_is_within_2_units) {  // (1.1, 1.5)
  within<T>([](const auto& x) { return logarithm(x); }, [](long double x) { return std::log(x); },
            [](T x) { return x == 0 || x >= Limits<T>::min(); }, at_most(2));
}

TEST_BOTH(logarithm_of_a_negative_number_is_NaN) {
  for (const T x : {T(-1), T(-1e-30), -Limits<T>::infinity(), Limits<T>::lowest(), -Limits<T>::denorm_min()}) {
    T y = 0;
    map(1, &y, [](const auto& p) { return logarithm(p); }, &x);
    CHECK(std::isnan(y), "at ", x, ": ", y);
  }
}

// Eigen takes a subnormal argument for the smallest normal number. That loses at most log(2^23) = 16 (double: 36), and
// keeps the two facts that a loss needs: it is finite, and no smaller than that of any normal probability.
TEST_BOTH(logarithm_of_a_subnormal_number_is_that_of_the_smallest_normal_one) {
  const T x[] = {Limits<T>::denorm_min(), Limits<T>::min() / 2, Limits<T>::min()};
  T y[3];
  map(3, y, [](const auto& p) { return logarithm(p); }, x);
  CHECK(y[0] == y[2]);
  CHECK(y[1] == y[2]);
}

TEST_BOTH(log1p_is_within_3_units) {  // (2.4, 2.5)
  within<T>([](const auto& x) { return kernels::log1p(x); }, [](long double x) { return std::log1p(x); },
            [](T x) { return x >= T(-1); }, at_most(3));
}

TEST_BOTH(log1p_of_fraction_is_within_3_units) {  // (1.8, 2.2)
  within<T>([](const auto& x) { return log1p_of_fraction(x); }, [](long double x) { return std::log1p(x); },
            [](T x) { return x >= T(0) && x <= T(1); }, at_most(3));
}

TEST_BOTH(expm1_is_within_4_units) {  // (0.9, 3.3)
  within<T>([](const auto& x) { return kernels::expm1(x); }, [](long double x) { return std::expm1(x); }, anywhere,
            at_most(4));
}

TEST_BOTH(sigmoid_is_within_3_units) {  // (2.3, 2.5)
  within<T>([](const auto& x) { return sigmoid(x); }, [](long double x) { return 1 / (1 + std::exp(-x)); }, anywhere,
            at_most(3));
}

TEST_BOTH(hyperbolic_tangent_is_within_8_units) {  // (5.4, 6.4)
  within<T>([](const auto& x) { return hyperbolic_tangent(x); }, [](long double x) { return std::tanh(x); }, anywhere,
            at_most(8));
}

TEST_BOTH(softplus_is_within_3_units) {  // (2.5, 2.9)
  within<T>([](const auto& x) { return softplus(x); },
            [](long double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }, anywhere,
            at_most(3));
}

// Left of 0 the argument's own rounding counts x^2-fold, since the value falls like exp(-x^2 / 2): half a unit from the
// product with sqrt(1/2), half from the constant, and a relative error of one is up to two units.
TEST_BOTH(normal_distribution_function_is_within_2_units_and_what_rounding_its_argument_costs) {
  within<T>([](const auto& x) { return normal_cdf(x); },
            [](long double x) { return std::erfc(-x * std::sqrt(0.5L)) / 2; }, anywhere,
            [](long double, T x) { return 2 + (x < 0 ? 2 * static_cast<long double>(x) * x : 0); });
}

// x^2 is rounded by half a unit, an error of x^2 / 4 units in the exponent: relative to the value up to x^2 / 2 of its own.
TEST_BOTH(normal_density_is_within_4_units_and_what_rounding_its_exponent_costs) {
  within<T>([](const auto& x) { return normal_pdf(x); },
            [](long double x) { return 0.398942280401432677939946L * std::exp(-x * x / 2); }, anywhere,
            [](long double, T x) { return 4 + static_cast<long double>(x) * x / 2; });
}

// C's sqrt and / are correctly rounded. On packets the bits must be the same: those of the processor's approximate
// instructions differ between vendors.
template <class T>
bool same_bits(T a, T b) {
  return (a == b && std::signbit(a) == std::signbit(b)) || (std::isnan(a) && std::isnan(b));
}

template <class T>
void square_roots(const std::vector<T>& x) {
  std::vector<T> y(x.size());
  map(static_cast<Index>(x.size()), y.data(), [](const auto& p) { return psqrt(p); }, x.data());
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(same_bits(y[i], std::sqrt(x[i])), "at ", x[i], ": ", y[i]);
}

TEST(square_roots_of_all_float_fractions_are_correctly_rounded) {  // [1, 4): every fraction of both kinds of exponent
  for (std::uint32_t first = 0; first < 1U << 24; first += check::stride(32) << 16) {
    std::vector<float> x(1U << 16);
    for (std::uint32_t k = 0; k < x.size(); ++k) {
      const std::uint32_t bits = 0x3F800000U + first + k;
      std::memcpy(&x[k], &bits, sizeof bits);
    }
    square_roots(x);
  }
}

TEST_BOTH(square_roots_are_correctly_rounded_from_subnormal_numbers_to_infinity) {
  std::vector<T> x{T(0),
                   -T(0),
                   Limits<T>::infinity(),
                   Limits<T>::max(),
                   Limits<T>::min(),
                   Limits<T>::denorm_min(),
                   3 * Limits<T>::denorm_min(),
                   Limits<T>::min() / 2,
                   T(-1),
                   Limits<T>::quiet_NaN()};
  x.insert(x.end(), arguments<T>().begin(), arguments<T>().end());
  square_roots(x);
}

TEST_BOTH(quotients_are_correctly_rounded) {
  const std::vector<T>& x = arguments<T>();
  for (const std::size_t step : {1U, 7919U, 65537U}) {
    std::vector<T> d(x.size()), q(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) d[i] = x[(i * step + step) % x.size()];
    map(
        static_cast<Index>(x.size()), q.data(), [](const auto& a, const auto& b) { return pdiv(a, b); }, x.data(),
        static_cast<const T*>(d.data()));
    for (std::size_t i = 0; i < x.size(); ++i)
      CHECK(same_bits(q[i], x[i] / d[i]), x[i], " / ", d[i], ": ", q[i], ", not ", x[i] / d[i]);
  }
}

TEST_BOTH(values_at_zero_are_exact) {
  const T zero = 0;
  T y = -1;
  const auto at_zero = [&](auto f) { return map(1, &y, f, &zero), y; };
  CHECK(at_zero([](const auto& x) { return exponential(x); }) == 1);
  CHECK(at_zero([](const auto& x) { return kernels::log1p(x); }) == 0);
  CHECK(at_zero([](const auto& x) { return kernels::expm1(x); }) == 0);
  CHECK(at_zero([](const auto& x) { return sigmoid(x); }) == T(0.5));
  CHECK(at_zero([](const auto& x) { return hyperbolic_tangent(x); }) == 0);
  CHECK(at_zero([](const auto& x) { return normal_cdf(x); }) == T(0.5));
}

TEST_BOTH(sigmoid_and_tanh_never_leave_their_range) {
  for (const T x : arguments<T>()) {
    if (std::isnan(x)) continue;
    T s = -1, t = -2;
    map(1, &s, [](const auto& p) { return sigmoid(p); }, &x);
    map(1, &t, [](const auto& p) { return hyperbolic_tangent(p); }, &x);
    CHECK(s >= 0 && s <= 1, "at ", x, ": ", s);
    CHECK(t >= -1 && t <= 1, "at ", x, ": ", t);
  }
}

}  // namespace
}  // namespace deepcore::kernels
