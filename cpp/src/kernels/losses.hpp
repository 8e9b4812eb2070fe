// The table of losses. A row states value and derivative by one output, by the literal formula, on packets.
// Floor: kernels. Where loss and output belong together, kernels/head.hpp computes both from Z.
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

struct BinaryCrossEntropy {
  static constexpr LossInfo info{"binary_cross_entropy", "-(y log(a) + (1 - y) log(1 - a))", "-(y/a) + (1 - y)/(1 - a)",
                                 "sigmoid", true};
  template <class P>
  static P value(const P& a, const P& y) {
    const P one = all<P>(1);
    return padd(cross_entropy_term(a, y), cross_entropy_term(psub(one, a), psub(one, y)));
  }
  template <class P>
  static P gradient(const P& a, const P& y) {
    const P one = all<P>(1);
    return psub(cross_entropy_slope(psub(one, a), psub(one, y)), cross_entropy_slope(a, y));
  }
};

struct CategoricalCrossEntropy {
  static constexpr LossInfo info{"categorical_cross_entropy", "-y log(a)", "-y/a", "softmax", true};
  template <class P>
  static P value(const P& a, const P& y) {
    return cross_entropy_term(a, y);
  }
  template <class P>
  static P gradient(const P& a, const P& y) {
    return pnegate(cross_entropy_slope(a, y));
  }
};

struct HalfSquaredError {
  static constexpr LossInfo info{"half_squared_error", "(a - y)^2 / 2", "a - y", "linear", false};
  template <class P>
  static P value(const P& a, const P& y) {
    const P d = psub(a, y);
    return pmul(all<P>(0.5), pmul(d, d));
  }
  template <class P>
  static P gradient(const P& a, const P& y) {
    return psub(a, y);
  }
};

struct SquaredError {
  static constexpr LossInfo info{"squared_error", "(a - y)^2", "2 (a - y)", "", false};
  template <class P>
  static P value(const P& a, const P& y) {
    const P d = psub(a, y);
    return pmul(d, d);
  }
  template <class P>
  static P gradient(const P& a, const P& y) {
    return pmul(all<P>(2), psub(a, y));
  }
};

struct AbsoluteError {  // the derivative at a = y is 0
  static constexpr LossInfo info{"absolute_error", "|a - y|", "sign(a - y)", "", false};
  template <class P>
  static P value(const P& a, const P& y) {
    return pabs(psub(a, y));
  }
  template <class P>
  static P gradient(const P& a, const P& y) {
    const P up = select(pcmp_lt(y, a), all<P>(1), all<P>(0));
    return select(pcmp_lt(a, y), all<P>(-1), up);
  }
};

using Losses =
    Table<LossInfo, BinaryCrossEntropy, CategoricalCrossEntropy, HalfSquaredError, SquaredError, AbsoluteError>;

}  // namespace deepcore::kernels
