// The transcendental functions that the rows share, on packets.
// Level: kernels. Errors are held against long double in cpp/tests/test_mathematics.cpp.
#pragma once

#include "kernels/packet.hpp"

#include <cmath>

namespace deepcore::kernels {

// NaN stays NaN: Eigen's clamped functions may turn it into a number, which would hide a diverged run.
template <class P>
EIGEN_ALWAYS_INLINE P keep_nan(const P& x, const P& value) {
  return select(pcmp_eq(x, x), value, x);
}

// Eigen's general form, not pexp: that of AVX-512 is less exact, and infinite from 88.38 on.
template <class P>
EIGEN_ALWAYS_INLINE P any_exponential(const P& x) {
  if constexpr (std::is_same_v<Scalar<P>, float>) {
    return ei::pexp_float(x);
  } else {
    return ei::pexp_double(x);
  }
}

// 0 where e^x would be subnormal: Eigen clamps there, and subnormal numbers are slow and say nothing.
template <class P>
EIGEN_ALWAYS_INLINE P exponential(const P& x) {
  const P least = all<P>(std::is_same_v<Scalar<P>, float> ? -87.33 : -708.39);
  return keep_nan(x, ei::pandnot(any_exponential(x), pcmp_lt(x, least)));
}

template <class P>
EIGEN_ALWAYS_INLINE P logarithm(const P& x) {
  return ei::plog(x);
}

template <class P>
EIGEN_ALWAYS_INLINE P log1p(const P& x) {
  return ei::generic_plog1p(x);
}

// float: with x = n log(2) + r and |r| <= log(2) / 2, 2^n expm1(r) + (2^n - 1), which does not cancel. expm1(r) is its Taylor
// polynomial, whose error is below 2e-8. Where e^x - 1 rounds to -1, x is raised; from 2^128 on the value is infinite.
template <class P>
EIGEN_ALWAYS_INLINE P expm1_of_float(const P& x) {
  const P held = ei::pmin(pmax(x, all<P>(-18)), all<P>(89));
  const P n = ei::print(pmul(held, all<P>(1.44269504088896341)));
  const P r = pmadd(n, all<P>(2.12194440e-4), pmadd(n, all<P>(-0.693359375), held));  // log(2) in two parts
  P p = pmadd(r, all<P>(1.0 / 5040), all<P>(1.0 / 720));
  for (const double coefficient : {1.0 / 120, 1.0 / 24, 1.0 / 6, 1.0 / 2}) p = pmadd(p, r, all<P>(coefficient));
  p = pmadd(pmul(r, r), p, r);
  const P half = ei::pldexp_fast_impl<P>::run(all<P>(1), psub(n, all<P>(1)));  // 2^n itself may be too large
  return keep_nan(x, pmul(all<P>(2), pmadd(p, half, psub(half, all<P>(0.5)))));
}

// double: Kahan's formula: with u = e^x as it was rounded, (u - 1) x / log(u).
template <class P>
EIGEN_ALWAYS_INLINE P expm1(const P& x) {
  if constexpr (std::is_same_v<Scalar<P>, float>) return expm1_of_float(x);
  const P u = any_exponential(x), less = psub(u, all<P>(1)), log_u = logarithm(u);
  const P value = select(pcmp_eq(log_u, u), u, pmul(less, pdiv(x, log_u)));  // both infinite
  return keep_nan(x, select(pcmp_eq(less, all<P>(0)), x, select(pcmp_eq(less, all<P>(-1)), less, value)));
}

// 1 / (1 + e^-x)
template <class P>
EIGEN_ALWAYS_INLINE P sigmoid(const P& x) {
  return pdiv(all<P>(1), padd(all<P>(1), exponential(pnegate(x))));
}

// float: Eigen's rational function. double has none: tanh|x| = -t / (2 + t) with t = e^(-2|x|) - 1.
template <class P>
EIGEN_ALWAYS_INLINE P hyperbolic_tangent(const P& x) {
  if constexpr (std::is_same_v<Scalar<P>, float>) {
    return keep_nan(x, ei::ptanh(x));
  } else {
    const P t = expm1(pmul(all<P>(-2), pabs(x)));
    const P y = pdiv(pnegate(t), padd(all<P>(2), t));
    return select(pcmp_lt(x, all<P>(0)), pnegate(y), y);
  }
}

// log(1 + e^x) without overflow
template <class P>
EIGEN_ALWAYS_INLINE P softplus(const P& x) {
  return padd(pmax(x, all<P>(0)), log1p(exponential(pnegate(pabs(x)))));
}

// The normal distribution function. Lane by lane through the C library: its erfc is exact to the last digit or two.
template <class P>
EIGEN_ALWAYS_INLINE P normal_cdf(const P& x) {
  Scalar<P> lanes[ei::unpacket_traits<P>::size];
  store<P>(lanes, x);
  for (auto& z : lanes) z = Scalar<P>(0.5) * std::erfc(z * Scalar<P>(-0.70710678118654752440));
  return load<P>(lanes);
}

// The normal density
template <class P>
EIGEN_ALWAYS_INLINE P normal_pdf(const P& x) {
  return pmul(all<P>(0.39894228040143267794), exponential(pmul(all<P>(-0.5), pmul(x, x))));
}

}  // namespace deepcore::kernels
