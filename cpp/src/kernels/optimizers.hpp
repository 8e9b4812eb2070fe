// The table of optimizers: what one step does to a packet of parameters, with the formulas and defaults of torch.optim.
// Level: kernels.
#pragma once

#include <deepcore/catalog.hpp>

#include "kernels/mathematics.hpp"
#include "kernels/table.hpp"
#include "kernels/update.hpp"

#include <cmath>
#include <limits>
#include <string_view>

namespace deepcore::kernels {

// A row names its constants (info.hyper) and chooses the Step that they ask for. A Step is built once per step of the
// optimizer from the constants and the StepSize; step(p, g, slots) then updates one packet, where kSlots slots are read and
// written. Its contract with padding: p = g = slots = 0 stays 0.

// Where a row keeps the constant of that name; a name that the row does not have is not compiled.
constexpr std::size_t constant(const OptimizerInfo& info, std::string_view name) {
  std::size_t k = 0;
  while (info.hyper[k].name != name) ++k;
  return k;
}

template <class P>
EIGEN_ALWAYS_INLINE P decayed(const P& g, const P& weight_decay, const P& p) {  // L2 as torch couples it
  return pmadd(weight_decay, p, g);
}

// 0 in place of subnormal numbers. A state that decays would otherwise stop at a few of them for ever, since rounding to
// nearest gives them back, and arithmetic on them is several times slower.
template <class P>
EIGEN_ALWAYS_INLINE P flushed(const P& x) {
  return ei::pandnot(x, pcmp_lt(pabs(x), all<P>(std::numeric_limits<Scalar<P>>::min())));
}

template <class P>
EIGEN_ALWAYS_INLINE P average(const P& old, const P& beta, const P& fresh, const P& one_minus_beta) {
  return flushed(pmadd(beta, old, pmul(one_minus_beta, fresh)));
}

// 1 - beta^t: what the average of t values lacks when it starts from 0.
inline double filled(double beta, Index t) { return 1 - std::pow(beta, static_cast<double>(t)); }

// Running averages of the gradient and of its square, as Adam and its kin keep them in slots 0 and 1.
template <class T>
struct Moments {
  using P = Packet<T>;
  P beta1, rest1, beta2, rest2;
  Moments(double b1, double b2) : beta1(all<P>(b1)), rest1(all<P>(1 - b1)), beta2(all<P>(b2)), rest2(all<P>(1 - b2)) {}
  EIGEN_ALWAYS_INLINE void operator()(const P& g, P* s) const {
    s[0] = average(s[0], beta1, g, rest1);
    s[1] = average(s[1], beta2, pmul(g, g), rest2);
  }
};

struct Sgd {
  static constexpr OptimizerInfo info{"sgd",
                                      "v = momentum v + (1 - dampening) g; p -= rate v (nesterov: g + momentum v)",
                                      {"v"},
                                      {{"momentum", 0}, {"dampening", 0}, {"nesterov", 0}, {"rate_in_velocity", 0}}};
  static constexpr std::size_t kMomentum = constant(info, "momentum"), kDampening = constant(info, "dampening"),
                               kNesterov = constant(info, "nesterov"),
                               kRateInVelocity = constant(info, "rate_in_velocity");

  // Plain gradient descent: no slot is read or written.
  template <class T>
  struct Descent {
    static constexpr int kSlots = 0;
    using P = Packet<T>;
    P lr, decay;
    explicit Descent(const StepSize& size) : lr(all<P>(-size.rate)), decay(all<P>(size.decay)) {}
    EIGEN_ALWAYS_INLINE void operator()(P& p, P g, P*) const { p = pmadd(lr, decayed(g, decay, p), p); }
  };

  // Polyak 1964; Nesterov 1983 in the form of Sutskever et al. 2013, whose velocity holds rate * g (rate_in_velocity) or,
  // as torch's, g.
  template <class T>
  struct Momentum {
    static constexpr int kSlots = 1;
    using P = Packet<T>;
    P lr, inside, momentum, undamped, decay, ahead;
    bool nesterov;
    Momentum(const double* h, const StepSize& size)
        : lr(all<P>(h[kRateInVelocity] != 0 ? -1 : -size.rate)),
          inside(all<P>(h[kRateInVelocity] != 0 ? size.rate : 1)), momentum(all<P>(size.t > 1 ? h[kMomentum] : 0)),
          undamped(all<P>(size.t > 1 ? 1 - h[kDampening] : 1)), decay(all<P>(size.decay)), ahead(all<P>(h[kMomentum])),
          nesterov(h[kNesterov] != 0) {}
    EIGEN_ALWAYS_INLINE void operator()(P& p, P g, P* v) const {
      g = pmul(inside, decayed(g, decay, p));
      v[0] = flushed(pmadd(momentum, v[0], pmul(undamped, g)));  // the first step starts with v = g
      p = pmadd(lr, nesterov ? pmadd(ahead, v[0], g) : v[0], p);
    }
  };

  template <class T, class F>
  static void choose(const double* h, const StepSize& size, F f) {
    h[kMomentum] == 0 ? f(Descent<T>(size)) : f(Momentum<T>(h, size));
  }
};

// Tieleman & Hinton 2012, with momentum, if any, on the scaled gradient.
struct RmsProp {
  static constexpr OptimizerInfo info{
      "rmsprop",
      "s = alpha s + (1 - alpha) g^2; v = momentum v + g / (sqrt(s) + eps); p -= rate v",
      {"s", "v"},
      {{"alpha", 0.99}, {"eps", 1e-8}, {"momentum", 0}}};
  static constexpr std::size_t kAlpha = constant(info, "alpha"), kEps = constant(info, "eps"),
                               kMomentum = constant(info, "momentum");

  template <class T, bool HasMomentum>
  struct Step {
    static constexpr int kSlots = HasMomentum ? 2 : 1;
    using P = Packet<T>;
    P lr, alpha, beta, eps, momentum, decay;
    Step(const double* h, const StepSize& size)
        : lr(all<P>(-size.rate)), alpha(all<P>(h[kAlpha])), beta(all<P>(1 - h[kAlpha])), eps(all<P>(h[kEps])),
          momentum(all<P>(h[kMomentum])), decay(all<P>(size.decay)) {}
    EIGEN_ALWAYS_INLINE void operator()(P& p, P g, P* s) const {
      g = decayed(g, decay, p);
      s[0] = average(s[0], alpha, pmul(g, g), beta);
      P direction = pdiv(g, padd(psqrt(s[0]), eps));
      if constexpr (HasMomentum) direction = s[1] = flushed(pmadd(momentum, s[1], direction));
      p = pmadd(lr, direction, p);
    }
  };

  template <class T, class F>
  static void choose(const double* h, const StepSize& size, F f) {
    h[kMomentum] == 0 ? f(Step<T, false>(h, size)) : f(Step<T, true>(h, size));
  }
};

// Duchi, Hazan & Singer 2011.
struct Adagrad {
  static constexpr OptimizerInfo info{"adagrad", "s += g^2; p -= rate g / (sqrt(s) + eps)", {"s"}, {{"eps", 1e-10}}};
  static constexpr std::size_t kEps = constant(info, "eps");

  template <class T>
  struct Step {
    static constexpr int kSlots = 1;
    using P = Packet<T>;
    P lr, eps, decay;
    Step(const double* h, const StepSize& size)
        : lr(all<P>(-size.rate)), eps(all<P>(h[kEps])), decay(all<P>(size.decay)) {}
    EIGEN_ALWAYS_INLINE void operator()(P& p, P g, P* s) const {
      g = decayed(g, decay, p);
      s[0] = pmadd(g, g, s[0]);
      p = pmadd(lr, pdiv(g, padd(psqrt(s[0]), eps)), p);
    }
  };

  template <class T, class F>
  static void choose(const double* h, const StepSize& size, F f) {
    f(Step<T>(h, size));
  }
};

// The constants of Adam and of the rules that differ from it in one place.
struct AdamConstants {
  double beta1, beta2, eps;
  bool epsilon_hat = false;
};

enum class Decay { coupled, decoupled };  // L2, a part of the gradient; or the parameters shrink by themselves

// Kingma & Ba 2015, epsilon outside the corrected root or, epsilon_hat, as their section 2 ends, outside the uncorrected
// one. Decoupled decay: Loshchilov & Hutter 2019. Largest: AMSGrad, Reddi et al. 2018, whose root is that of the largest
// average so far, in slot 2; as torch's, which corrects the bias afterwards.
template <class T, Decay kDecay, bool kLargest>
struct AdamStep {
  static constexpr int kSlots = kLargest ? 3 : 2;
  using P = Packet<T>;
  Moments<T> moments;
  P rate, correction, eps, decay, keep;
  AdamStep(const AdamConstants& h, const StepSize& size)
      : moments(h.beta1, h.beta2), rate(all<P>(-size.rate / filled(h.beta1, size.t))),
        correction(all<P>(1 / std::sqrt(filled(h.beta2, size.t)))),
        eps(all<P>(h.epsilon_hat ? h.eps / std::sqrt(filled(h.beta2, size.t)) : h.eps)), decay(all<P>(size.decay)),
        keep(all<P>(1 - size.rate * size.decay)) {}
  EIGEN_ALWAYS_INLINE void operator()(P& p, P g, P* s) const {
    if constexpr (kDecay == Decay::decoupled) {
      p = pmul(p, keep);
    } else {
      g = decayed(g, decay, p);
    }
    moments(g, s);
    P square = s[1];
    if constexpr (kLargest) square = s[2] = select(pcmp_lt(square, s[2]), s[2], square);  // NaN stays NaN
    p = pmadd(rate, pdiv(s[0], pmadd(psqrt(square), correction, eps)), p);
  }
};

struct Adam {
  static constexpr OptimizerInfo info{"adam",
                                      "m = beta1 m + (1 - beta1) g; s = beta2 s + (1 - beta2) g^2; p -= rate (m / (1 - "
                                      "beta1^t)) / (sqrt(s / (1 - beta2^t)) + eps)",
                                      {"m", "s"},
                                      {{"beta1", 0.9}, {"beta2", 0.999}, {"eps", 1e-8}, {"epsilon_hat", 0}}};
  static constexpr std::size_t kBeta1 = constant(info, "beta1"), kBeta2 = constant(info, "beta2"),
                               kEps = constant(info, "eps"), kEpsilonHat = constant(info, "epsilon_hat");

  template <class T, class F>
  static void choose(const double* h, const StepSize& size, F f) {
    f(AdamStep<T, Decay::coupled, false>({h[kBeta1], h[kBeta2], h[kEps], h[kEpsilonHat] != 0}, size));
  }
};

struct AdamW {
  static constexpr OptimizerInfo info{"adamw",
                                      "p *= 1 - rate weight_decay; then adam",
                                      {"m", "s"},
                                      {{"beta1", 0.9}, {"beta2", 0.999}, {"eps", 1e-8}},
                                      0.01};
  static constexpr std::size_t kBeta1 = constant(info, "beta1"), kBeta2 = constant(info, "beta2"),
                               kEps = constant(info, "eps");

  template <class T, class F>
  static void choose(const double* h, const StepSize& size, F f) {
    f(AdamStep<T, Decay::decoupled, false>({h[kBeta1], h[kBeta2], h[kEps]}, size));
  }
};

// Dozat 2016 with torch's momentum schedule mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2).
struct NAdam {
  static constexpr OptimizerInfo info{"nadam",
                                      "adam with Nesterov momentum mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2)",
                                      {"m", "s"},
                                      {{"beta1", 0.9}, {"beta2", 0.999}, {"eps", 1e-8}, {"momentum_decay", 0.004}}};
  static constexpr std::size_t kBeta1 = constant(info, "beta1"), kBeta2 = constant(info, "beta2"),
                               kEps = constant(info, "eps"), kMomentumDecay = constant(info, "momentum_decay");

  static double mu(const double* h, Index t) {
    return h[kBeta1] * (1 - 0.5 * std::pow(0.96, static_cast<double>(t) * h[kMomentumDecay]));
  }

  // mu_1 mu_2 ... mu_t, multiplied in this order, up to where it no longer counts. One factor per step where the progress
  // is that of step t - 1; all of them after a jump.
  static double product(const double* h, const StepSize& size) {
    constexpr double kNothing = 1e-300;
    StepProgress alone;
    StepProgress& done = size.progress != nullptr ? *size.progress : alone;
    if (done.t > size.t || done.t + 1 < size.t) done = {};
    for (; done.t < size.t && done.momentum_product > kNothing; ++done.t) done.momentum_product *= mu(h, done.t + 1);
    done.t = size.t;
    return done.momentum_product;
  }

  template <class T>
  struct Step {
    static constexpr int kSlots = 2;
    using P = Packet<T>;
    Moments<T> moments;
    P on_gradient, on_momentum, correction, eps, decay;
    Step(const double* h, const StepSize& size)
        : moments(h[kBeta1], h[kBeta2]), correction(all<P>(1 / std::sqrt(filled(h[kBeta2], size.t)))),
          eps(all<P>(h[kEps])), decay(all<P>(size.decay)) {
      const double now = mu(h, size.t), next = mu(h, size.t + 1), so_far = product(h, size);
      on_gradient = all<P>(-size.rate * (1 - now) / (1 - so_far));
      on_momentum = all<P>(-size.rate * next / (1 - so_far * next));
    }
    EIGEN_ALWAYS_INLINE void operator()(P& p, P g, P* s) const {
      g = decayed(g, decay, p);
      moments(g, s);
      const P denominator = pmadd(psqrt(s[1]), correction, eps);
      p = pmadd(on_momentum, pdiv(s[0], denominator), pmadd(on_gradient, pdiv(g, denominator), p));
    }
  };

  template <class T, class F>
  static void choose(const double* h, const StepSize& size, F f) {
    f(Step<T>(h, size));
  }
};

// Reddi, Kale & Kumar 2018, as torch.optim.Adam with amsgrad=True.
struct AmsGrad {
  static constexpr OptimizerInfo info{
      "amsgrad",
      "adam with the largest s so far: s_max = max(s_max, s); p -= rate (m / (1 - beta1^t)) / "
      "(sqrt(s_max / (1 - beta2^t)) + eps)",
      {"m", "s", "s_max"},
      {{"beta1", 0.9}, {"beta2", 0.999}, {"eps", 1e-8}}};
  static constexpr std::size_t kBeta1 = constant(info, "beta1"), kBeta2 = constant(info, "beta2"),
                               kEps = constant(info, "eps");

  template <class T, class F>
  static void choose(const double* h, const StepSize& size, F f) {
    f(AdamStep<T, Decay::coupled, true>({h[kBeta1], h[kBeta2], h[kEps]}, size));
  }
};

// Chen et al. 2023, algorithm 2: every parameter moves by the learning rate, whatever the size of its gradient.
struct Lion {
  static constexpr OptimizerInfo info{
      "lion",
      "p *= 1 - rate weight_decay; p -= rate sign(beta1 m + (1 - beta1) g); m = beta2 m + (1 - beta2) g",
      {"m"},
      {{"beta1", 0.9}, {"beta2", 0.99}}};
  static constexpr std::size_t kBeta1 = constant(info, "beta1"), kBeta2 = constant(info, "beta2");

  template <class T>
  struct Step {
    static constexpr int kSlots = 1;
    using P = Packet<T>;
    P up, down, beta1, rest1, beta2, rest2, keep;
    Step(const double* h, const StepSize& size)
        : up(all<P>(size.rate)), down(all<P>(-size.rate)), beta1(all<P>(h[kBeta1])), rest1(all<P>(1 - h[kBeta1])),
          beta2(all<P>(h[kBeta2])), rest2(all<P>(1 - h[kBeta2])), keep(all<P>(1 - size.rate * size.decay)) {}
    EIGEN_ALWAYS_INLINE void operator()(P& p, P g, P* m) const {
      const P direction = pmadd(beta1, m[0], pmul(rest1, g)), zero = all<P>(0);
      // sign(0) = 0: what pads stays zero, and so does a unit without a gradient. NaN stays NaN.
      const P step = select(pcmp_lt(zero, direction), down, select(pcmp_lt(direction, zero), up, direction));
      p = pmadd(p, keep, step);
      m[0] = average(m[0], beta2, g, rest2);
    }
  };

  template <class T, class F>
  static void choose(const double* h, const StepSize& size, F f) {
    f(Step<T>(h, size));
  }
};

using Optimizers = Table<OptimizerInfo, Sgd, RmsProp, Adagrad, Adam, AdamW, NAdam, AmsGrad, Lion>;

}  // namespace deepcore::kernels
