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

// x = n log(2) + r with |r| <= log(2) / 2: n, and expm1(r) as its Taylor polynomial, whose error is below 1e-8. For floats
// between -100 and 100.
template <class P>
EIGEN_ALWAYS_INLINE P expm1_of_rest(const P& x, P& n) {
  n = ei::print(pmul(x, all<P>(1.44269504088896341)));
  const P r = pmadd(n, all<P>(2.12194440e-4), pmadd(n, all<P>(-0.693359375), x));  // log(2) in two parts
  P p = pmadd(r, all<P>(1.0 / 5040), all<P>(1.0 / 720));
  for (const double coefficient : {1.0 / 120, 1.0 / 24, 1.0 / 6, 1.0 / 2}) p = pmadd(p, r, all<P>(coefficient));
  return pmadd(pmul(r, r), p, r);
}

// 2^(n - 1), and 0 for n < -125: for the largest floats 2^n itself is too large.
template <class P>
EIGEN_ALWAYS_INLINE P half_power_of_two(const P& n) {
  return ei::pldexp_fast_impl<P>::run(all<P>(1), psub(n, all<P>(1)));
}

// float: 2^n (1 + expm1(r)), in half of the instructions of Eigen's function, which spends many on 2^n.
template <class P>
EIGEN_ALWAYS_INLINE P exponential_of_float(const P& x) {
  P n;
  const P p = expm1_of_rest(ei::pmin(pmax(x, all<P>(-89)), all<P>(89)), n), half = half_power_of_two(n);
  return keep_nan(x, pmul(all<P>(2), pmadd(p, half, half)));
}

// 0 where e^x is subnormal or nearly so: such numbers are slow and say nothing. double: Eigen's general form, not pexp: that
// of AVX-512 is less exact.
template <class P>
EIGEN_ALWAYS_INLINE P exponential(const P& x) {
  if constexpr (std::is_same_v<Scalar<P>, float>) return exponential_of_float(x);
  return keep_nan(x, ei::pandnot(ei::pexp_double(x), pcmp_lt(x, all<P>(-708.39))));
}

template <class P>
EIGEN_ALWAYS_INLINE P logarithm(const P& x) {
  return ei::plog(x);
}

template <class P>
EIGEN_ALWAYS_INLINE P log1p(const P& x) {
  return ei::generic_plog1p(x);
}

// float: 2^n expm1(r) + (2^n - 1), which does not cancel. Where e^x - 1 rounds to -1, x is raised; from 2^128 on the value is
// infinite.
template <class P>
EIGEN_ALWAYS_INLINE P expm1_of_float(const P& x) {
  P n;
  const P p = expm1_of_rest(ei::pmin(pmax(x, all<P>(-18)), all<P>(89)), n), half = half_power_of_two(n);
  return keep_nan(x, pmul(all<P>(2), pmadd(p, half, psub(half, all<P>(0.5)))));
}

// double: Kahan's formula: with u = e^x as it was rounded, (u - 1) x / log(u).
template <class P>
EIGEN_ALWAYS_INLINE P expm1(const P& x) {
  if constexpr (std::is_same_v<Scalar<P>, float>) return expm1_of_float(x);
  const P u = ei::pexp_double(x), less = psub(u, all<P>(1)), log_u = logarithm(u);
  const P value = select(pcmp_eq(log_u, u), u, pmul(less, pdiv(x, log_u)));  // both infinite
  return keep_nan(x, select(pcmp_eq(less, all<P>(0)), x, select(pcmp_eq(less, all<P>(-1)), less, value)));
}

// log(1 + x) for 0 <= x <= 1. float: 2 artanh(s) with s = x / (2 + x) <= 1/3 as its Taylor series, whose rest is below
// 2e-9 of the value.
template <class P>
EIGEN_ALWAYS_INLINE P log1p_of_fraction(const P& x) {
  if constexpr (std::is_same_v<Scalar<P>, float>) {
    const P s = pdiv(x, padd(all<P>(2), x)), t = pmul(s, s), twice = padd(s, s);
    P p = pmadd(t, all<P>(1.0 / 15), all<P>(1.0 / 13));
    for (const double coefficient : {1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3})
      p = pmadd(p, t, all<P>(coefficient));
    return pmadd(pmul(twice, t), p, twice);
  } else {
    return log1p(x);
  }
}

// What sigmoid and softplus have in common, the e of the next functions; it cannot overflow.
template <class P>
EIGEN_ALWAYS_INLINE P exp_minus_abs(const P& x) {
  return exponential(pnegate(pabs(x)));
}

// 1 / (1 + exp(-x)), which is exp(x) / (1 + exp(x))
template <class P>
EIGEN_ALWAYS_INLINE P sigmoid(const P& x, const P& e) {
  return pdiv(select(pcmp_lt(x, all<P>(0)), e, all<P>(1)), padd(all<P>(1), e));
}
template <class P>
EIGEN_ALWAYS_INLINE P sigmoid(const P& x) {
  return sigmoid(x, exp_minus_abs(x));
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

// log(1 + exp(x)) = max(x, 0) + log(1 + e)
template <class P>
EIGEN_ALWAYS_INLINE P softplus(const P& x, const P& e) {
  return padd(pmax(x, all<P>(0)), log1p_of_fraction(e));
}
template <class P>
EIGEN_ALWAYS_INLINE P softplus(const P& x) {
  return softplus(x, exp_minus_abs(x));
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
