// The table of losses. A row states value and derivative by one output, by the literal formula, on packets.
// Level: kernels. Where loss and output belong together, kernels/elements.cpp computes both from Z.
#pragma once

#include <deepcore/catalog.hpp>

#include "kernels/mathematics.hpp"
#include "kernels/table.hpp"

namespace deepcore::kernels {

// -y log(a), and 0 where y = 0 even if a = 0
template <class P>
EIGEN_ALWAYS_INLINE P cross_entropy_term(const P& a, const P& y) {
  return select(pcmp_eq(y, all<P>(0)), all<P>(0), pnegate(pmul(y, logarithm(a))));
}

// y / a, and 0 where y = 0 even if a = 0
template <class P>
EIGEN_ALWAYS_INLINE P cross_entropy_slope(const P& a, const P& y) {
  return select(pcmp_eq(y, all<P>(0)), all<P>(0), pdiv(y, a));
}

// value(a, y, parameter), gradient(a, y, parameter)
struct BinaryCrossEntropy {
  static constexpr auto info =
      LossInfo{"binary_cross_entropy", "-(y log(a) + (1 - y) log(1 - a))", "-(y/a) + (1 - y)/(1 - a)"}
          .with_output("sigmoid")
          .of_probabilities();
  template <class P>
  static P value(const P& a, const P& y, const P&) {
    const P one = all<P>(1);
    return padd(cross_entropy_term(a, y), cross_entropy_term(psub(one, a), psub(one, y)));
  }
  template <class P>
  static P gradient(const P& a, const P& y, const P&) {
    const P one = all<P>(1);
    return psub(cross_entropy_slope(psub(one, a), psub(one, y)), cross_entropy_slope(a, y));
  }
};

struct CategoricalCrossEntropy {
  static constexpr auto info =
      LossInfo{"categorical_cross_entropy", "-y log(a)", "-y/a"}.with_output("softmax").of_probabilities();
  template <class P>
  static P value(const P& a, const P& y, const P&) {
    return cross_entropy_term(a, y);
  }
  template <class P>
  static P gradient(const P& a, const P& y, const P&) {
    return pnegate(cross_entropy_slope(a, y));
  }
};

struct HalfSquaredError {
  static constexpr auto info =
      LossInfo{"half_squared_error", "(a - y)^2 / 2", "a - y"}.with_output("linear").averaged_over_outputs();
  template <class P>
  static P value(const P& a, const P& y, const P&) {
    const P d = psub(a, y);
    return pmul(all<P>(0.5), pmul(d, d));
  }
  template <class P>
  static P gradient(const P& a, const P& y, const P&) {
    return psub(a, y);
  }
};

struct SquaredError {
  static constexpr LossInfo info{"squared_error", "(a - y)^2", "2 (a - y)"};
  template <class P>
  static P value(const P& a, const P& y, const P&) {
    const P d = psub(a, y);
    return pmul(d, d);
  }
  template <class P>
  static P gradient(const P& a, const P& y, const P&) {
    return pmul(all<P>(2), psub(a, y));
  }
};

struct AbsoluteError {  // the derivative at a = y is 0
  static constexpr LossInfo info{"absolute_error", "|a - y|", "sign(a - y)"};
  template <class P>
  static P value(const P& a, const P& y, const P&) {
    return pabs(psub(a, y));
  }
  template <class P>
  static P gradient(const P& a, const P& y, const P&) {
    const P up = select(pcmp_lt(y, a), all<P>(1), all<P>(0));
    return select(pcmp_lt(a, y), all<P>(-1), up);
  }
};

struct Huber {  // Huber 1964, as torch.nn.HuberLoss: a parabola up to s, then its tangent
  static constexpr auto info =
      LossInfo{"huber", "d^2 / 2 if |d| <= s else s (|d| - s / 2), d = a - y", "min(max(d, -s), s)"}.with_parameter(1);
  template <class P>
  static P value(const P& a, const P& y, const P& s) {
    const P d = pabs(psub(a, y)), half = all<P>(0.5);
    return select(pcmp_lt(s, d), pmul(s, psub(d, pmul(half, s))), pmul(half, pmul(d, d)));
  }
  template <class P>
  static P gradient(const P& a, const P& y, const P& s) {
    const P d = psub(a, y), down = pnegate(s);
    return select(pcmp_lt(s, d), s, select(pcmp_lt(d, down), down, d));
  }
};

struct Quantile {  // Koenker & Bassett 1978; s: the quantile. The derivative at a = y is 0
  static constexpr auto info =
      LossInfo{"quantile", "s (y - a) if y > a else (1 - s) (a - y)", "-s if y > a else 1 - s"}.with_parameter(0.5, 1);
  template <class P>
  static P value(const P& a, const P& y, const P& s) {
    const P d = psub(y, a);
    return pmul(d, select(pcmp_lt(all<P>(0), d), s, psub(s, all<P>(1))));
  }
  template <class P>
  static P gradient(const P& a, const P& y, const P& s) {
    const P over = select(pcmp_lt(y, a), psub(all<P>(1), s), all<P>(0));
    return select(pcmp_lt(a, y), pnegate(s), over);
  }
};

struct Poisson {  // half the deviance, 0 at a = y; as scikit-learn's
  static constexpr auto info = LossInfo{"poisson", "a - y + y log(y/a)", "1 - y/a"}.with_output("exp").of_positive();
  template <class P>
  static P value(const P& a, const P& y, const P&) {
    const P logs = select(pcmp_eq(y, all<P>(0)), all<P>(0), pmul(y, logarithm(pdiv(y, a))));
    return padd(psub(a, y), logs);
  }
  template <class P>
  static P gradient(const P& a, const P& y, const P&) {
    return psub(all<P>(1), cross_entropy_slope(a, y));
  }
};

using Losses = Table<LossInfo, BinaryCrossEntropy, CategoricalCrossEntropy, HalfSquaredError, SquaredError,
                     AbsoluteError, Huber, Quantile, Poisson>;

}  // namespace deepcore::kernels
