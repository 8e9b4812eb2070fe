// The table of activations. A row states its name, formula, derivative, what the derivative reads, and both on packets.
// Level: kernels.
#pragma once

#include <deepcore/catalog.hpp>

#include "kernels/mathematics.hpp"
#include "kernels/table.hpp"

namespace deepcore::kernels {

inline constexpr double kRootOfTwo = 1.4142135623730951;  // the gain where about half of the signal passes

// value(z, parameter) -> a;  slope(x, parameter) -> g'(z), where x is a or z as the row's `reads` says.
struct Linear {
  static constexpr ActivationInfo info{"linear", "z", "1"};
  template <class P>
  static P value(const P& z, const P&) {
    return z;
  }
  template <class P>
  static P slope(const P&, const P&) {
    return all<P>(1);
  }
};

struct Sigmoid {
  static constexpr auto info = ActivationInfo{"sigmoid", "1 / (1 + exp(-z))", "a (1 - a)"}.giving_probability();
  template <class P>
  static P value(const P& z, const P&) {
    return sigmoid(z);
  }
  template <class P>
  static P slope(const P& a, const P&) {
    return pmul(a, psub(all<P>(1), a));
  }
};

struct Tanh {
  static constexpr ActivationInfo info{"tanh", "tanh(z)", "1 - a^2"};
  template <class P>
  static P value(const P& z, const P&) {
    return hyperbolic_tangent(z);
  }
  template <class P>
  static P slope(const P& a, const P&) {
    return psub(all<P>(1), pmul(a, a));
  }
};

struct Relu {  // the derivative at 0 is 0, as in the code of the course
  static constexpr auto info = ActivationInfo{"relu", "max(0, z)", "1 if z > 0 else 0"}.with_gain(kRootOfTwo);
  template <class P>
  static P value(const P& z, const P&) {
    return pmax(z, all<P>(0));
  }
  template <class P>
  static P slope(const P& a, const P&) {
    return select(pcmp_lt(all<P>(0), a), all<P>(1), all<P>(0));
  }
};

struct LeakyRelu {  // the derivative at 0 is the slope of the negative side
  static constexpr auto info = ActivationInfo{"leaky_relu", "z if z > 0 else s z", "1 if z > 0 else s"}
                                   .with_gain(kRootOfTwo)
                                   .with_parameter(0.01);
  template <class P>
  static P value(const P& z, const P& s) {
    return select(pcmp_lt(all<P>(0), z), z, pmul(s, z));
  }
  template <class P>
  static P slope(const P& a, const P& s) {
    return select(pcmp_lt(all<P>(0), a), all<P>(1), s);
  }
};

struct Elu {
  static constexpr auto info =
      ActivationInfo{"elu", "z if z > 0 else s (exp(z) - 1)", "1 if z > 0 else a + s"}.with_parameter(1);
  template <class P>
  static P value(const P& z, const P& s) {
    return select(pcmp_lt(all<P>(0), z), z, pmul(s, expm1(z)));
  }
  template <class P>
  static P slope(const P& a, const P& s) {
    return select(pcmp_lt(all<P>(0), a), all<P>(1), padd(a, s));
  }
};

struct Selu {  // Klambauer et al. 2017: lambda and alpha keep mean 0 and variance 1
  static constexpr double kLambda = 1.0507009873554804934, kAlpha = 1.6732632423543772848;
  static constexpr ActivationInfo info{"selu", "1.0507 (z if z > 0 else 1.6733 (exp(z) - 1))",
                                       "1.0507 if z > 0 else a + 1.7581"};
  template <class P>
  static P value(const P& z, const P&) {
    return select(pcmp_lt(all<P>(0), z), pmul(all<P>(kLambda), z), pmul(all<P>(kLambda * kAlpha), expm1(z)));
  }
  template <class P>
  static P slope(const P& a, const P&) {
    return select(pcmp_lt(all<P>(0), a), all<P>(kLambda), padd(a, all<P>(kLambda * kAlpha)));
  }
};

struct Gelu {  // the exact form, with the normal distribution function
  static constexpr auto info =
      ActivationInfo{"gelu", "z Phi(z)", "Phi(z) + z phi(z)"}.reading_input().with_gain(kRootOfTwo);
  template <class P>
  static P value(const P& z, const P&) {
    return pmul(z, normal_cdf(z));
  }
  template <class P>
  static P slope(const P& z, const P&) {
    return padd(normal_cdf(z), pmul(z, normal_pdf(z)));
  }
};

struct Silu {
  static constexpr auto info =
      ActivationInfo{"silu", "z / (1 + exp(-z))", "s (1 + z (1 - s)), s = sigmoid(z)"}.reading_input().with_gain(
          kRootOfTwo);
  template <class P>
  static P value(const P& z, const P&) {
    return pmul(z, sigmoid(z));
  }
  template <class P>
  static P slope(const P& z, const P&) {
    const P s = sigmoid(z);
    return pmul(s, padd(all<P>(1), pmul(z, psub(all<P>(1), s))));
  }
};

struct Softplus {
  static constexpr auto info =
      ActivationInfo{"softplus", "log(1 + exp(z))", "1 - exp(-a)"}.with_gain(kRootOfTwo).giving_positive();
  template <class P>
  static P value(const P& z, const P&) {
    return softplus(z);
  }
  template <class P>
  static P slope(const P& a, const P&) {
    return pnegate(expm1(pnegate(a)));
  }
};

struct Exponential {  // output of a rate: Poisson regression
  static constexpr auto info = ActivationInfo{"exp", "exp(z)", "a"}.giving_positive();
  template <class P>
  static P value(const P& z, const P&) {
    return exponential(z);
  }
  template <class P>
  static P slope(const P& a, const P&) {
    return a;
  }
};

template <class P>
EIGEN_ALWAYS_INLINE P within(const P& z, double low, double high) {  // comparisons leave NaN as it is
  const P l = all<P>(low), h = all<P>(high);
  return select(pcmp_lt(z, l), l, select(pcmp_lt(h, z), h, z));
}

template <class P>
EIGEN_ALWAYS_INLINE P slope_within(const P& a, double low, double high, double slope) {  // 0 at the corners
  const P inside = select(pcmp_lt(a, all<P>(high)), all<P>(slope), all<P>(0));
  return select(pcmp_lt(all<P>(low), a), inside, all<P>(0));
}

struct HardSigmoid {
  static constexpr ActivationInfo info{"hard_sigmoid", "min(max(z + 3, 0), 6) / 6", "1/6 if 0 < a < 1 else 0"};
  template <class P>
  static P value(const P& z, const P&) {
    return pdiv(within(padd(z, all<P>(3)), 0, 6), all<P>(6));
  }
  template <class P>
  static P slope(const P& a, const P&) {
    return slope_within(a, 0, 1, 1.0 / 6);
  }
};

struct HardTanh {
  static constexpr ActivationInfo info{"hard_tanh", "min(max(z, -1), 1)", "1 if -1 < a < 1 else 0"};
  template <class P>
  static P value(const P& z, const P&) {
    return within(z, -1, 1);
  }
  template <class P>
  static P slope(const P& a, const P&) {
    return slope_within(a, -1, 1, 1);
  }
};

struct Relu6 {
  static constexpr auto info =
      ActivationInfo{"relu6", "min(max(z, 0), 6)", "1 if 0 < a < 6 else 0"}.with_gain(kRootOfTwo);
  template <class P>
  static P value(const P& z, const P&) {
    return within(z, 0, 6);
  }
  template <class P>
  static P slope(const P& a, const P&) {
    return slope_within(a, 0, 6, 1);
  }
};

struct Mish {  // Misra 2019. With e = exp(z), n = e (e + 2): tanh(log(1 + e)) = n / (n + 2), which does not cancel
  static constexpr auto info =
      ActivationInfo{"mish", "z tanh(log(1 + exp(z)))", "t + z s (1 - t^2), s = sigmoid(z)"}.reading_input().with_gain(
          kRootOfTwo);
  template <class P>
  static P value(const P& z, const P&) {
    const P e = power(z), n = pmul(e, padd(e, all<P>(2)));
    return pmul(z, pdiv(n, padd(n, all<P>(2))));
  }
  template <class P>
  static P slope(const P& z, const P&) {  // z s (1 - t^2) = 4 z e (1 + e) / (n + 2)^2
    const P e = power(z), n = pmul(e, padd(e, all<P>(2))), d = padd(n, all<P>(2));
    const P rest = pmul(pdiv(pmul(all<P>(4), e), d), pdiv(padd(all<P>(1), e), d));
    return pmadd(z, rest, pdiv(n, d));
  }

 private:
  template <class P>
  static P power(const P& z) {  // beyond 40 the quotients are 1 and 0, and n^2 stays a number
    const P high = all<P>(40);
    return exponential(select(pcmp_lt(high, z), high, z));
  }
};

struct Softsign {
  static constexpr ActivationInfo info{"softsign", "z / (1 + |z|)", "(1 - |a|)^2"};
  template <class P>
  static P value(const P& z, const P&) {
    return pdiv(z, padd(all<P>(1), pabs(z)));
  }
  template <class P>
  static P slope(const P& a, const P&) {
    const P rest = psub(all<P>(1), pabs(a));
    return pmul(rest, rest);
  }
};

// Not element by element: kernels/elements.cpp does the work where it meets this row.
struct Softmax {
  static constexpr auto info =
      ActivationInfo{"softmax", "exp(z) / sum of exp(z) over the units", "a (e - a), e the unit itself"}
          .giving_probability()
          .over_columns();
};

using Activations = Table<ActivationInfo, Linear, Sigmoid, Tanh, Relu, LeakyRelu, Elu, Selu, Gelu, Silu, Softplus,
                          Exponential, HardSigmoid, HardTanh, Relu6, Mish, Softsign, Softmax>;

}  // namespace deepcore::kernels
