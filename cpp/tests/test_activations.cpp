// Activations and losses: every row against its formula in long double and against differences; softmax; tails.
// Level: tests.
#include "check.hpp"

#include "kernels/head.hpp"
#include "kernels/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace deepcore::kernels {
namespace {

using Real = long double;

Real cdf(Real z) { return std::erfc(-z * std::sqrt(0.5L)) / 2; }
Real pdf(Real z) { return 0.398942280401432677939946L * std::exp(-z * z / 2); }
Real logistic(Real z) { return 1 / (1 + std::exp(-z)); }

struct Twin {  // the formulas once more, written for reading
  const char* name;
  Real (*value)(Real z, Real s);
  Real (*slope)(Real z, Real s);
};

constexpr Real kLambda = 1.0507009873554804934L, kAlpha = 1.6732632423543772848L;

const Twin kTwins[] = {
    {"linear", [](Real z, Real) { return z; }, [](Real, Real) { return Real(1); }},
    {"sigmoid", [](Real z, Real) { return logistic(z); }, [](Real z, Real) { return logistic(z) * logistic(-z); }},
    {"tanh", [](Real z, Real) { return std::tanh(z); }, [](Real z, Real) { return 1 / (std::cosh(z) * std::cosh(z)); }},
    {"relu", [](Real z, Real) { return std::max(z, Real(0)); }, [](Real z, Real) { return Real(z > 0 ? 1 : 0); }},
    {"leaky_relu", [](Real z, Real s) { return z > 0 ? z : s * z; }, [](Real z, Real s) { return z > 0 ? 1 : s; }},
    {"elu", [](Real z, Real s) { return z > 0 ? z : s * std::expm1(z); },
     [](Real z, Real s) { return z > 0 ? 1 : s * std::exp(z); }},
    {"selu", [](Real z, Real) { return kLambda * (z > 0 ? z : kAlpha * std::expm1(z)); },
     [](Real z, Real) { return kLambda * (z > 0 ? 1 : kAlpha * std::exp(z)); }},
    {"gelu", [](Real z, Real) { return z * cdf(z); }, [](Real z, Real) { return cdf(z) + z * pdf(z); }},
    {"silu", [](Real z, Real) { return z * logistic(z); },
     [](Real z, Real) { return logistic(z) * (1 + z * logistic(-z)); }},
    {"softplus", [](Real z, Real) { return std::log1p(std::exp(z)); }, [](Real z, Real) { return logistic(z); }},
    {"exp", [](Real z, Real) { return std::exp(z); }, [](Real z, Real) { return std::exp(z); }},
    {"hard_sigmoid", [](Real z, Real) { return std::min(std::max(z + 3, Real(0)), Real(6)) / 6; },
     [](Real z, Real) { return Real(std::abs(z) < 3) / 6; }},
    {"hard_tanh", [](Real z, Real) { return std::min(std::max(z, Real(-1)), Real(1)); },
     [](Real z, Real) { return Real(std::abs(z) < 1); }},
    {"relu6", [](Real z, Real) { return std::min(std::max(z, Real(0)), Real(6)); },
     [](Real z, Real) { return Real(z > 0 && z < 6); }},
    {"mish", [](Real z, Real) { return z * std::tanh(std::log1p(std::exp(z))); },
     [](Real z, Real) {
       const Real t = std::tanh(std::log1p(std::exp(z)));
       return t + z * logistic(z) * (1 - t * t);
     }},
    {"softsign", [](Real z, Real) { return z / (1 + std::abs(z)); },
     [](Real z, Real) { return 1 / ((1 + std::abs(z)) * (1 + std::abs(z))); }},
};

template <class T>
std::vector<T> range() {  // [-8, 8], never closer to 0 than the differences' h
  std::vector<T> z;
  for (int k = -400; k < 400; ++k) z.push_back(static_cast<T>((k + 0.37) / 50));
  return z;
}

template <class T>
std::vector<T> values(int row, double parameter, const std::vector<T>& z) {
  std::vector<T> a(z.size());
  const auto n = static_cast<Index>(z.size());
  activate(row, parameter, n, 1, n, z.data(), a.data());
  return a;
}

template <class T>
std::vector<T> slopes(int row, double parameter, const std::vector<T>& z) {
  const bool reads_input = activations()[static_cast<std::size_t>(row)].reads == Reads::input;
  const auto x = reads_input ? z : values(row, parameter, z);
  std::vector<T> d(z.size(), T(1));
  const auto n = static_cast<Index>(z.size());
  pull_back(row, parameter, n, 1, n, x.data(), d.data());
  return d;
}

template <class T>
constexpr Real kEps = std::numeric_limits<T>::epsilon();

TEST(every_activation_but_softmax_has_a_twin_here) {
  CHECK(std::size(kTwins) + 1 == activations().size());
  for (const Twin& twin : kTwins) activation_id(twin.name);  // throws where there is no such row
}

TEST_BOTH(values_follow_their_formula) {
  for (const Twin& twin : kTwins) {
    for (const double s : {0.01, 1.0, 0.3}) {
      const auto z = range<T>(), a = values(activation_id(twin.name), s, z);
      for (std::size_t i = 0; i < z.size(); ++i) {
        const Real exact = twin.value(z[i], static_cast<T>(s));
        // 16 units for a few functions of at most 8 (test_mathematics); z^2 more for a tail that falls like exp(-z^2/2)
        const Real bound = (16 + 2 * z[i] * z[i]) * kEps<T> * std::abs(exact);
        CHECK_NEAR(a[i], exact, bound, twin.name, " of ", z[i]);
      }
    }
  }
}

TEST_BOTH(slopes_follow_their_formula) {
  for (const Twin& twin : kTwins) {
    for (const double s : {0.01, 1.0, 0.3}) {
      const auto z = range<T>(), d = slopes(activation_id(twin.name), s, z);
      for (std::size_t i = 0; i < z.size(); ++i) {
        // absolute, since 1 - a^2 and its like cancel; slopes are of the size of 1, but for exp
        const Real exact = twin.slope(z[i], static_cast<T>(s));
        CHECK_NEAR(d[i], exact, 16 * kEps<T> * std::max(Real(1), exact), twin.name, " at ", z[i]);
      }
    }
  }
}

TEST(slopes_are_the_central_differences_of_values) {
  constexpr double h = 1e-5;
  for (const Twin& twin : kTwins) {
    const int row = activation_id(twin.name);
    const auto z = range<double>(), d = slopes(row, 0.3, z);
    auto up = z, down = z;
    for (auto& x : up) x += h;
    for (auto& x : down) x -= h;
    const auto above = values(row, 0.3, up), below = values(row, 0.3, down);
    for (std::size_t i = 0; i < z.size(); ++i) {
      // third derivative times h^2 / 6 = 2e-11, and rounding of values up to 8: 16 eps 8 / 2h = 1.4e-9
      CHECK_NEAR(d[i], (above[i] - below[i]) / (2 * h), 2e-9 * std::max(1.0, d[i]), twin.name, " at ", z[i]);
    }
  }
}

TEST_BOTH(slopes_at_zero_are_those_of_the_left_side) {
  for (const T zero : {T(0), -T(0)}) {
    const auto at_zero = [&](const char* name) { return slopes(activation_id(name), 0.25, std::vector<T>{zero})[0]; };
    CHECK(at_zero("relu") == 0);
    CHECK(at_zero("leaky_relu") == T(0.25));
    CHECK(at_zero("elu") == T(0.25));
    CHECK_NEAR(at_zero("selu"), kLambda * kAlpha, 2 * kEps<T>);  // a rounded product of rounded constants
  }
}

TEST_BOTH(activations_pass_NaN_on) {
  for (int row = 0; row < static_cast<int>(activations().size()); ++row) {
    const std::vector<T> z{T(1), std::numeric_limits<T>::quiet_NaN(), T(-1)};
    CHECK(std::isnan(values(row, 0.3, z)[1]), activations()[static_cast<std::size_t>(row)].name);
  }
}

TEST_BOTH(columns_with_gaps_give_the_same_bits_and_leave_the_gaps_alone) {
  constexpr Index n = 2 * kLanes<T> + 3, m = 3, stride = n + 5;
  for (int row = 0; row < static_cast<int>(activations().size()); ++row) {
    const auto z = range<T>();
    std::vector<T> a(static_cast<std::size_t>(stride * m), T(7));
    activate(row, 0.3, n, m, stride, z.data(), a.data());
    for (Index j = 0; j < m; ++j) {
      const auto from = z.begin() + j * stride;
      const auto alone = values(row, 0.3, std::vector<T>(from, from + n));
      CHECK(std::equal(alone.begin(), alone.end(), a.begin() + j * stride),
            activations()[static_cast<std::size_t>(row)].name);
      const auto gap = a.begin() + j * stride + n;
      CHECK(std::all_of(gap, gap + 5, [](T x) { return x == T(7); }));
    }
  }
}

TEST_BOTH(the_tail_of_map_has_the_bits_of_whole_packets) {
  const auto z = range<T>();
  for (const Twin& twin : kTwins) {
    const int row = activation_id(twin.name);
    const auto a = values(row, 0.3, z), d = slopes(row, 0.3, z);
    for (Index n = 1; n <= 2 * kLanes<T> + 1; ++n) {  // the last element of n: in a tail unless n fills packets
      for (Index first = 0; first < 100; first += 9) {
        const std::vector<T> part(z.begin() + first, z.begin() + first + n);
        const auto last = static_cast<std::size_t>(first + n - 1);
        CHECK(values(row, 0.3, part).back() == a[last], twin.name, " of ", z[last], " as the last of ", n);
        CHECK(slopes(row, 0.3, part).back() == d[last], twin.name, " of ", z[last], " as the last of ", n);
      }
    }
  }
}

template <class T>
std::vector<T> logits(Index n) {  // multiples of 1/64: adding 1024 is exact
  std::vector<T> z;
  for (Index i = 0; i < n; ++i) z.push_back(static_cast<T>(static_cast<double>((i * 37) % 101 - 50) / 64.0 * 8));
  return z;
}

TEST_BOTH(softmax_columns_sum_to_one_and_follow_their_formula) {
  for (Index n = 1; n <= 70; ++n) {
    const auto z = logits<T>(n);
    std::vector<T> a(z.size());
    const Real log_sum = softmax(n, z.data(), a.data());
    Real sum = 0, total = 0;
    for (const T x : z) sum += std::exp(Real(x));
    for (std::size_t i = 0; i < z.size(); ++i) {
      const Real exact = std::exp(Real(z[i])) / sum;
      // the sum of n positive terms loses at most n roundings; a few more for exp, the quotient and the product
      CHECK_NEAR(a[i], exact, (static_cast<Real>(n) + 8) * kEps<T> * exact, "n = ", n);
      total += a[i];
    }
    CHECK_NEAR(total, 1, (static_cast<Real>(n) + 8) * kEps<T>, "n = ", n);
    CHECK_NEAR(log_sum, std::log(sum), (static_cast<Real>(n) + 16) * kEps<T> * 2, "n = ", n);
  }
}

TEST_BOTH(softmax_does_not_change_when_a_number_is_added_to_all_logits) {
  for (const T shift : {T(1024), T(-1024)}) {
    const auto z = logits<T>(23);
    auto moved = z;
    for (auto& x : moved) x += shift;
    CHECK(values(activation_id("softmax"), 0, moved) == values(activation_id("softmax"), 0, z));
  }
}

TEST_BOTH(a_wide_softmax_loses_no_digits) {
  const Index n = 900001;
  std::vector<T> z(static_cast<std::size_t>(n)), d(z.size());
  for (std::size_t i = 0; i < z.size(); ++i) {
    z[i] = static_cast<T>(std::sin(static_cast<double>(i)));
    d[i] = static_cast<T>(1 + 0.5 * std::cos(static_cast<double>(i)));
  }
  std::vector<T> a(z.size());
  const Real log_sum = softmax(n, z.data(), a.data());
  Real sum = 0, total = 0, dot = 0;
  for (const T x : z) sum += std::exp(Real(x));
  for (const T x : a) total += x;
  for (std::size_t i = 0; i < a.size(); ++i) dot += Real(a[i]) * d[i];
  const Real bound = (sizeof(T) == 4 ? 4 : 64) * kEps<T>;  // 9400 pieces or fewer are summed in double
  CHECK_NEAR(total, 1, bound);
  CHECK_NEAR(log_sum, std::log(sum), bound * log_sum);
  auto pulled = d;
  pull_back(activation_id("softmax"), 0, n, 1, n, a.data(), pulled.data());
  for (std::size_t i = 0; i < a.size(); i += 997) {
    const Real exact = a[i] * (d[i] - dot);
    CHECK_NEAR(pulled[i], exact, 16 * bound * a[i], "unit ", i);
  }
}

// Logits of m columns, some of them huge, infinite or without a number
template <class T>
std::vector<T> columns_of_logits(Index n, Index m) {
  const T infinite = std::numeric_limits<T>::infinity();
  const T extremes[] = {infinite, -infinite, std::numeric_limits<T>::max(), std::numeric_limits<T>::quiet_NaN(),
                        T(-200)};
  std::vector<T> z;
  for (Index i = 0; i < n * m; ++i) z.push_back(static_cast<T>(5 * std::sin(static_cast<double>(i) * 1.7)));
  for (std::size_t i = 11; i < z.size(); i += 37) z[i] = extremes[i % 5];
  return z;
}

template <class T>
bool same(T x, T y) {
  return x == y ? std::signbit(x) == std::signbit(y) : x != x && y != y;
}

TEST_BOTH(softmax_of_many_columns_has_the_bits_of_one) {
  for (Index n = 1; n <= 40; ++n) {
    for (const Index m : {1, 2, 7, 8, 16, 33}) {
      const Index stride = n + (m % 3);
      const auto z = columns_of_logits<T>(stride, m);
      std::vector<T> many = z, one(static_cast<std::size_t>(n));
      softmax(n, m, stride, z.data(), many.data());
      for (Index j = 0; j < m; ++j) {
        softmax(n, z.data() + j * stride, one.data());
        for (std::size_t i = 0; i < one.size(); ++i) {
          CHECK(same(many[static_cast<std::size_t>(j * stride) + i], one[i]), "n = ", n, ", column ", j, " of ", m);
        }
      }
    }
  }
}

TEST_BOTH(cross_entropies_of_many_columns_have_the_bits_of_one) {
  for (Index n = 1; n <= 40; ++n) {
    const Index m = 19, count = n * m;
    const auto z = columns_of_logits<T>(n, m);
    std::vector<T> y(z.size()), a = z, d(z.size());
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<T>(i % 7 == 0 ? 0.75 : i % 5 == 0 ? 0.125 : 0);
    std::vector<double> losses(static_cast<std::size_t>(m));
    softmax_with_cross_entropy(n, m, a.data(), y.data(), d.data(), losses.data());
    auto unasked = z;
    softmax_with_cross_entropy<T>(n, m, unasked.data(), y.data(), nullptr, nullptr);
    for (Index at = 0; at < count; at += n) {
      std::vector<T> own(z.begin() + at, z.begin() + at + n), own_d(own.size());
      double loss = 0;
      softmax_with_cross_entropy(n, 1, own.data(), y.data() + at, own_d.data(), &loss);
      CHECK(same(losses[static_cast<std::size_t>(at / n)], loss), "n = ", n, ", column ", at / n);
      for (Index i = 0; i < n; ++i) {
        const auto of_all = static_cast<std::size_t>(at + i), of_own = static_cast<std::size_t>(i);
        CHECK(same(a[of_all], own[of_own]) && same(unasked[of_all], own[of_own]) && same(d[of_all], own_d[of_own]),
              "n = ", n, ", column ", at / n, ", value ", i);
      }
    }
  }
}

TEST_BOTH(softmax_survives_huge_logits) {
  const T huge = std::numeric_limits<T>::max() / 4;
  const auto a = values(activation_id("softmax"), 0, std::vector<T>{huge, -huge, 0, huge});
  CHECK(a[0] == T(0.5));
  CHECK(a[3] == T(0.5));
  CHECK(a[1] >= 0 && a[1] < std::numeric_limits<T>::min(), a[1]);  // exp ends in a subnormal number
  CHECK(a[2] >= 0 && a[2] < std::numeric_limits<T>::min(), a[2]);
  T z[] = {huge, -huge}, copy[2];
  CHECK(softmax(2, z, copy) == huge);
}

TEST_BOTH(softmax_pulls_back_by_its_Jacobian) {
  for (Index n = 1; n <= 40; ++n) {
    const auto a = values(activation_id("softmax"), 0, logits<T>(n));
    std::vector<T> d;
    for (Index i = 0; i < n; ++i) d.push_back(static_cast<T>(std::sin(static_cast<double>(i) + 1)));
    auto pulled = d;
    pull_back(activation_id("softmax"), 0, n, 1, n, a.data(), pulled.data());
    for (std::size_t i = 0; i < a.size(); ++i) {
      Real exact = 0;
      for (std::size_t k = 0; k < a.size(); ++k) exact += d[k] * a[k] * (Real(i == k ? 1 : 0) - a[i]);
      CHECK_NEAR(pulled[i], exact, (static_cast<Real>(n) + 4) * kEps<T>, "n = ", n);  // n roundings of sums below 1
    }
  }
}

struct LossTwin {
  const char* name;
  Real (*value)(Real a, Real y);
  Real (*gradient)(Real a, Real y);
};

Real times_log(Real y, Real a) { return y == 0 ? 0 : y * std::log(a); }

const LossTwin kLosses[] = {
    {"binary_cross_entropy", [](Real a, Real y) { return -times_log(y, a) - times_log(1 - y, 1 - a); },
     [](Real a, Real y) { return -y / a + (1 - y) / (1 - a); }},
    {"categorical_cross_entropy", [](Real a, Real y) { return -times_log(y, a); },
     [](Real a, Real y) { return -y / a; }},
    {"half_squared_error", [](Real a, Real y) { return (a - y) * (a - y) / 2; }, [](Real a, Real y) { return a - y; }},
    {"squared_error", [](Real a, Real y) { return (a - y) * (a - y); }, [](Real a, Real y) { return 2 * (a - y); }},
    {"absolute_error", [](Real a, Real y) { return std::abs(a - y); },
     [](Real a, Real y) { return Real((a > y) - (a < y)); }},
    // with the parameter 1/4
    {"huber",
     [](Real a, Real y) { return std::abs(a - y) <= 0.25L ? (a - y) * (a - y) / 2 : (std::abs(a - y) - 0.125L) / 4; },
     [](Real a, Real y) { return std::min(std::max(a - y, -0.25L), 0.25L); }},
    {"quantile", [](Real a, Real y) { return y > a ? (y - a) / 4 : (a - y) * 3 / 4; },
     [](Real a, Real y) { return a == y  ? 0
                                 : y > a ? -0.25L
                                         : 0.75L; }},
    {"poisson", [](Real a, Real y) { return a - y + (y == 0 ? 0 : y * std::log(y / a)); },
     [](Real a, Real y) { return 1 - y / a; }},
};

TEST_BOTH(losses_follow_their_formula) {
  CHECK(std::size(kLosses) == losses().size());
  for (const LossTwin& twin : kLosses) {
    for (int k = 1; k < 64; ++k) {
      for (const T y : {T(0), T(1), T(0.25), T(0.703125)}) {
        const T a = static_cast<T>(k) / 64;  // 1 - a is exact
        T value = 0, gradient = 0;
        loss_value(loss_id(twin.name), 0.25, 1, &a, &y, &value);
        loss_gradient(loss_id(twin.name), 0.25, 1, &a, &y, &gradient);
        const Real size = 8 + 4 * std::abs(twin.gradient(a, y));  // of the terms before they cancel
        CHECK_NEAR(value, twin.value(a, y), size * kEps<T>, twin.name, " of ", a, ", ", y);
        CHECK_NEAR(gradient, twin.gradient(a, y), (size + 256) * kEps<T>, twin.name, " of ", a, ", ", y);
      }
    }
  }
}

TEST_BOTH(a_certain_prediction_costs_nothing_when_right_and_infinitely_much_when_wrong) {
  for (const char* name : {"binary_cross_entropy", "categorical_cross_entropy"}) {
    const T a[] = {1, 0, 1, 0}, y[] = {1, 0, 0, 1};
    T value[4] = {};
    loss_value(loss_id(name), 0, 4, a, y, value);
    CHECK(value[0] == 0 && value[1] == 0, name);
    CHECK(value[3] == std::numeric_limits<T>::infinity(), name);
    const bool looks_at_zeros = std::string(name) == "binary_cross_entropy";
    CHECK(value[2] == (looks_at_zeros ? std::numeric_limits<T>::infinity() : T(0)), name);
  }
}

// The head of a network with one output and this loss: the loss of one example, and its dZ.
template <class T>
double loss_of(const char* loss, T a, T y, T* dZ) {
  const Spec spec(1, {{1, activation_id("linear"), 0}}, loss_id(loss));
  T scratch = 0;
  double value = -1;
  head(spec, 1, &a, &y, dZ, &value, &scratch);
  return value;
}

TEST_BOTH(a_squared_error_that_fits_a_double_is_finite) {
  for (const auto& [loss, factor] : {std::pair<const char*, double>{"half_squared_error", 0.5}, {"squared_error", 1}}) {
    const T y = static_cast<T>(1e20), d = T(3) - y;
    const double exact = factor * static_cast<double>(d) * static_cast<double>(d);
    T dZ = 0;
    CHECK_NEAR(loss_of(loss, T(3), y, static_cast<T*>(nullptr)), exact, 1e-6 * exact, loss);
    CHECK_NEAR(loss_of(loss, T(3), y, &dZ), exact, 1e-6 * exact, loss);
    CHECK(dZ == static_cast<T>(2 * factor) * d, loss);
  }
}

TEST_BOTH(a_loss_that_is_no_number_or_infinite_stays_so) {
  const T infinite = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  for (const char* loss : {"half_squared_error", "squared_error", "absolute_error", "huber"}) {
    T dZ = 0;
    CHECK(std::isinf(loss_of(loss, infinite, T(1), &dZ)), loss);
    CHECK(std::isnan(loss_of(loss, nan, T(1), static_cast<T*>(nullptr))), loss);
    CHECK(!std::isfinite(loss_of(loss, nan, T(1), &dZ)), loss);
  }
}

// train() leaves the parameters as they were before a step whose loss is not finite.
TEST(a_training_loss_is_infinite_where_the_sums_of_the_backward_pass_may_overflow) {
  float dZ = 0;
  CHECK(std::isinf(loss_of("half_squared_error", 1e30F, 0.0F, &dZ)));
  CHECK(std::isfinite(loss_of("half_squared_error", 1e30F, 0.0F, static_cast<float*>(nullptr))));
}

}  // namespace
}  // namespace deepcore::kernels
