// The table of optimizers: what one step does to a packet of parameters, with the formulas and defaults of torch.optim.
// Floor: kernels.
#pragma once

#include <deepcore/catalog.hpp>

#include "kernels/packet.hpp"
#include "kernels/table.hpp"

#include <cmath>

namespace deepcore::kernels {

// A row is built once a step from its constants h, the learning rate and the step t = 1, 2, ...; then row(p, g, slots)
// updates one packet. Its contract with padding: p = g = slots = 0 stays 0.
template <class P>
EIGEN_ALWAYS_INLINE P decayed(const P& g, const P& weight_decay, const P& p) {  // L2 as torch couples it
  return pmadd(weight_decay, p, g);
}

template <class P>
EIGEN_ALWAYS_INLINE P average(const P& old, const P& beta, const P& fresh, const P& one_minus_beta) {
  return pmadd(beta, old, pmul(one_minus_beta, fresh));
}

// Plain gradient descent: no slot is read or written.
template <class T>
struct Descent {
  static constexpr int kSlots = 0;
  using P = Packet<T>;
  P lr, decay;
  Descent(const double* h, double rate, Index) : lr(all<P>(-rate)), decay(all<P>(h[3])) {}
  EIGEN_ALWAYS_INLINE void operator()(P& p, P g, P*) const { p = pmadd(lr, decayed(g, decay, p), p); }
};

// Polyak 1964; Nesterov 1983 in the form of Sutskever et al. 2013, whose velocity holds rate * g (h[4]) or, as torch's, g.
template <class T>
struct Momentum {
  static constexpr int kSlots = 1;
  using P = Packet<T>;
  P lr, inside, momentum, undamped, decay, ahead;
  bool nesterov;
  Momentum(const double* h, double rate, Index t)
      : lr(all<P>(h[4] != 0 ? -1 : -rate)), inside(all<P>(h[4] != 0 ? rate : 1)), momentum(all<P>(t > 1 ? h[0] : 0)),
        undamped(all<P>(t > 1 ? 1 - h[1] : 1)), decay(all<P>(h[3])), ahead(all<P>(h[0])), nesterov(h[2] != 0) {}
  EIGEN_ALWAYS_INLINE void operator()(P& p, P g, P* v) const {
    g = pmul(inside, decayed(g, decay, p));
    v[0] = pmadd(momentum, v[0], pmul(undamped, g));  // the first step starts with v = g
    p = pmadd(lr, nesterov ? pmadd(ahead, v[0], g) : v[0], p);
  }
};

// Tieleman & Hinton 2012, with momentum on the scaled gradient.
template <class T>
struct RmsProp {
  static constexpr int kSlots = 2;
  using P = Packet<T>;
  P lr, alpha, beta, eps, momentum, decay;
  RmsProp(const double* h, double rate, Index)
      : lr(all<P>(-rate)), alpha(all<P>(h[0])), beta(all<P>(1 - h[0])), eps(all<P>(h[1])), momentum(all<P>(h[2])),
        decay(all<P>(h[3])) {}
  EIGEN_ALWAYS_INLINE void operator()(P& p, P g, P* s) const {
    g = decayed(g, decay, p);
    s[0] = average(s[0], alpha, pmul(g, g), beta);
    s[1] = pmadd(momentum, s[1], pdiv(g, padd(psqrt(s[0]), eps)));
    p = pmadd(lr, s[1], p);
  }
};

// Duchi, Hazan & Singer 2011.
template <class T>
struct Adagrad {
  static constexpr int kSlots = 1;
  using P = Packet<T>;
  P lr, eps, decay;
  Adagrad(const double* h, double rate, Index) : lr(all<P>(-rate)), eps(all<P>(h[0])), decay(all<P>(h[1])) {}
  EIGEN_ALWAYS_INLINE void operator()(P& p, P g, P* s) const {
    g = decayed(g, decay, p);
    s[0] = pmadd(g, g, s[0]);
    p = pmadd(lr, pdiv(g, padd(psqrt(s[0]), eps)), p);
  }
};

// Kingma & Ba 2015, epsilon outside the corrected root or, h[4], the epsilon-hat that ends their section 2, outside the
// uncorrected one. Decoupled: the weight decay of Loshchilov & Hutter 2019.
template <class T, bool Decoupled>
struct AdamRule {
  static constexpr int kSlots = 2;
  using P = Packet<T>;
  P rate, beta1, rest1, beta2, rest2, correction, eps, decay, keep;
  AdamRule(const double* h, double lr, Index t)
      : rate(all<P>(-lr / (1 - std::pow(h[0], static_cast<double>(t))))), beta1(all<P>(h[0])), rest1(all<P>(1 - h[0])),
        beta2(all<P>(h[1])), rest2(all<P>(1 - h[1])),
        correction(all<P>(1 / std::sqrt(1 - std::pow(h[1], static_cast<double>(t))))),
        eps(all<P>(h[4] != 0 ? h[2] / std::sqrt(1 - std::pow(h[1], static_cast<double>(t))) : h[2])),
        decay(all<P>(h[3])), keep(all<P>(1 - lr * h[3])) {}
  EIGEN_ALWAYS_INLINE void operator()(P& p, P g, P* s) const {
    if constexpr (Decoupled) {
      p = pmul(p, keep);
    } else {
      g = decayed(g, decay, p);
    }
    s[0] = average(s[0], beta1, g, rest1);
    s[1] = average(s[1], beta2, pmul(g, g), rest2);
    p = pmadd(rate, pdiv(s[0], pmadd(psqrt(s[1]), correction, eps)), p);
  }
};

// Dozat 2016 with torch's momentum schedule mu_t = beta1 (1 - 0.96^(t d) / 2).
template <class T>
struct NAdam {
  static constexpr int kSlots = 2;
  using P = Packet<T>;
  P on_gradient, on_momentum, beta1, rest1, beta2, rest2, correction, eps, decay;
  NAdam(const double* h, double lr, Index t)
      : beta1(all<P>(h[0])), rest1(all<P>(1 - h[0])), beta2(all<P>(h[1])), rest2(all<P>(1 - h[1])),
        correction(all<P>(1 / std::sqrt(1 - std::pow(h[1], static_cast<double>(t))))), eps(all<P>(h[2])),
        decay(all<P>(h[4])) {
    const auto mu = [&](Index k) { return h[0] * (1 - 0.5 * std::pow(0.96, static_cast<double>(k) * h[3])); };
    double product = 1;  // of mu_1 ... mu_t; below 1e-300 it no longer counts
    for (Index k = 1; k <= t && product > 1e-300; ++k) product *= mu(k);
    on_gradient = all<P>(-lr * (1 - mu(t)) / (1 - product));
    on_momentum = all<P>(-lr * mu(t + 1) / (1 - product * mu(t + 1)));
  }
  EIGEN_ALWAYS_INLINE void operator()(P& p, P g, P* s) const {
    g = decayed(g, decay, p);
    s[0] = average(s[0], beta1, g, rest1);
    s[1] = average(s[1], beta2, pmul(g, g), rest2);
    const P denominator = pmadd(psqrt(s[1]), correction, eps);
    p = pmadd(on_momentum, pdiv(s[0], denominator), pmadd(on_gradient, pdiv(g, denominator), p));
  }
};

struct SgdRow {
  static constexpr OptimizerInfo info{
      "sgd",
      "v = momentum v + (1 - dampening) g; p -= rate v (nesterov: g + momentum v)",
      {"v"},
      {{"momentum", 0}, {"dampening", 0}, {"nesterov", 0}, {"weight_decay", 0}, {"rate_in_velocity", 0}}};
  template <class T>
  using Step = Momentum<T>;
};
struct RmsPropRow {
  static constexpr OptimizerInfo info{
      "rmsprop",
      "s = alpha s + (1 - alpha) g^2; v = momentum v + g / (sqrt(s) + eps); p -= rate v",
      {"s", "v"},
      {{"alpha", 0.99}, {"eps", 1e-8}, {"momentum", 0}, {"weight_decay", 0}}};
  template <class T>
  using Step = RmsProp<T>;
};
struct AdagradRow {
  static constexpr OptimizerInfo info{
      "adagrad", "s += g^2; p -= rate g / (sqrt(s) + eps)", {"s"}, {{"eps", 1e-10}, {"weight_decay", 0}}};
  template <class T>
  using Step = Adagrad<T>;
};
struct AdamRow {
  static constexpr OptimizerInfo info{
      "adam",
      "m = beta1 m + (1 - beta1) g; s = beta2 s + (1 - beta2) g^2; p -= rate (m / (1 - "
      "beta1^t)) / (sqrt(s / (1 - beta2^t)) + eps)",
      {"m", "s"},
      {{"beta1", 0.9}, {"beta2", 0.999}, {"eps", 1e-8}, {"weight_decay", 0}, {"epsilon_hat", 0}}};
  template <class T>
  using Step = AdamRule<T, false>;
};
struct AdamWRow {
  static constexpr OptimizerInfo info{"adamw",
                                      "p *= 1 - rate weight_decay; then adam",
                                      {"m", "s"},
                                      {{"beta1", 0.9}, {"beta2", 0.999}, {"eps", 1e-8}, {"weight_decay", 0.01}}};
  template <class T>
  using Step = AdamRule<T, true>;
};
struct NAdamRow {
  static constexpr OptimizerInfo info{
      "nadam",
      "adam with Nesterov momentum mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2)",
      {"m", "s"},
      {{"beta1", 0.9}, {"beta2", 0.999}, {"eps", 1e-8}, {"momentum_decay", 0.004}, {"weight_decay", 0}}};
  template <class T>
  using Step = NAdam<T>;
};

using Optimizers = Table<OptimizerInfo, SgdRow, RmsPropRow, AdagradRow, AdamRow, AdamWRow, NAdamRow>;

// f(step) with the row's Step, built once for a whole step of the optimizer.
template <class T, class F>
void with_step(int row, const double* hyper, double rate, Index t, F f) {
  Optimizers::visit(row, [&](auto which) {
    using Row = decltype(which);
    if (std::is_same_v<Row, SgdRow> && hyper[0] == 0) return f(Descent<T>(hyper, rate, t));
    f(typename Row::template Step<T>(hyper, rate, t));
  });
}

inline int slots_in_use(int row, const double* hyper) {
  int slots = 0;
  with_step<float>(row, hyper, 0, 1, [&](const auto& step) { slots = std::decay_t<decltype(step)>::kSlots; });
  return slots;
}

// n flat parameters; the gradient is scale * raw, so that a sum over examples becomes a mean on the way.
template <class Step, class T>
void update(const Step& step, Index n, T* p, const T* raw, T scale, T* const* slots) {
  using P = Packet<T>;
  constexpr Index S = kLanes<T>;
  constexpr int kSlots = Step::kSlots;
  const P factor = all<P>(scale);
  const auto packet = [&](T* at, const T* g, auto&& slot) {
    P s[2], x = load<P>(at);
    for (int k = 0; k < kSlots; ++k) s[k] = load<P>(slot(k));
    step(x, pmul(factor, load<P>(g)), s);
    for (int k = 0; k < kSlots; ++k) store<P>(slot(k), s[k]);
    store<P>(at, x);
  };
  Index i = 0;
  for (; i + S <= n; i += S) packet(p + i, raw + i, [&](int k) { return slots[k] + i; });
  if (i == n) return;
  T lanes[4][S] = {};  // the tail, through padded packets
  for (Index k = i; k < n; ++k) {
    lanes[0][k - i] = p[k];
    lanes[1][k - i] = raw[k];
    for (int s = 0; s < kSlots; ++s) lanes[2 + s][k - i] = slots[s][k];
  }
  packet(lanes[0], lanes[1], [&](int k) { return lanes[2 + k]; });
  for (Index k = i; k < n; ++k) {
    p[k] = lanes[0][k - i];
    for (int s = 0; s < kSlots; ++s) slots[s][k] = lanes[2 + s][k - i];
  }
}

template <class T>
void update(int row, const double* hyper, double rate, Index t, Index n, T* p, const T* raw, T scale, T* const* slots) {
  with_step<T>(row, hyper, rate, t, [&](const auto& step) { update(step, n, p, raw, scale, slots); });
}

}  // namespace deepcore::kernels
