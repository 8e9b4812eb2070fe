"""Optimizers: torch.optim's formulas, one function a row; ``state`` starts as an empty dict, t at 1."""

from __future__ import annotations

import numpy as np

DEFAULTS = {
    "sgd": {
        "momentum": 0.0,
        "dampening": 0.0,
        "nesterov": 0.0,
        "rate_in_velocity": 0.0,
        "weight_decay": 0.0,
    },
    "rmsprop": {"alpha": 0.99, "eps": 1e-8, "momentum": 0.0, "weight_decay": 0.0},
    "adagrad": {"eps": 1e-10, "weight_decay": 0.0},
    "adam": {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "epsilon_hat": 0.0, "weight_decay": 0.0},
    "adamw": {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01},
    "nadam": {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "momentum_decay": 0.004, "weight_decay": 0.0},
    "amsgrad": {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0},
    "lion": {"beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0},
}


def sgd(p, g, state, t, lr, momentum, dampening, nesterov, weight_decay, rate_in_velocity):
    """Polyak (1964); Nesterov (1983) in Sutskever's form. The first step is not dampened."""
    g = g + weight_decay * p
    if rate_in_velocity:
        g, lr = lr * g, 1.0
    if momentum:
        state["v"] = g if t == 1 else momentum * state["v"] + (1 - dampening) * g
        g = g + momentum * state["v"] if nesterov else state["v"]
    return p - lr * g


def rmsprop(p, g, state, t, lr, alpha, eps, momentum, weight_decay):
    """Tieleman & Hinton (2012); eps is added after the root."""
    g = g + weight_decay * p
    state["s"] = alpha * state.get("s", 0.0) + (1 - alpha) * g * g
    direction = g / (np.sqrt(state["s"]) + eps)
    if momentum:
        direction = state["v"] = momentum * state.get("v", 0.0) + direction
    return p - lr * direction


def adagrad(p, g, state, t, lr, eps, weight_decay):
    """Duchi, Hazan & Singer (2011)."""
    g = g + weight_decay * p
    state["s"] = state.get("s", 0.0) + g * g
    return p - lr * g / (np.sqrt(state["s"]) + eps)


def moments(g, state, beta1, beta2):
    """Running means of the gradient and of its square."""
    state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
    state["v"] = beta2 * state.get("v", 0.0) + (1 - beta2) * g * g
    return state["m"], state["v"]


def adam(p, g, state, t, lr, beta1, beta2, eps, weight_decay, epsilon_hat=0.0):
    """Kingma & Ba (2015), with bias correction; eps is added after the corrected root, or to the root."""
    m, v = moments(g + weight_decay * p, state, beta1, beta2)
    if epsilon_hat:
        return p - lr * np.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (np.sqrt(v) + eps)
    return p - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)


def adamw(p, g, state, t, lr, beta1, beta2, eps, weight_decay):
    """Loshchilov & Hutter (2019): the decay acts on the parameters, beside the gradient."""
    return adam(p * (1 - lr * weight_decay), g, state, t, lr, beta1, beta2, eps, 0.0)


def nadam(p, g, state, t, lr, beta1, beta2, eps, momentum_decay, weight_decay):
    """Dozat (2016), with the momentum schedule mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2)."""
    mu = beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))
    mu_next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentum_decay))
    state["mu_product"] = state.get("mu_product", 1.0) * mu
    g = g + weight_decay * p
    m, v = moments(g, state, beta1, beta2)
    root = np.sqrt(v / (1 - beta2**t)) + eps
    p = p - lr * (1 - mu) / (1 - state["mu_product"]) * g / root
    return p - lr * mu_next / (1 - state["mu_product"] * mu_next) * m / root


def amsgrad(p, g, state, t, lr, beta1, beta2, eps, weight_decay):
    """Reddi et al. (2018) as torch has it: Adam with the largest v, whose bias is corrected afterwards."""
    m, v = moments(g + weight_decay * p, state, beta1, beta2)
    state["v_max"] = np.maximum(state.get("v_max", 0.0), v)
    return p - lr * (m / (1 - beta1**t)) / (np.sqrt(state["v_max"] / (1 - beta2**t)) + eps)


def lion(p, g, state, t, lr, beta1, beta2, weight_decay):
    """Chen et al. (2023), algorithm 2: p moves by lr against the sign of a blend of m and g."""
    m = state.get("m", 0.0)
    state["m"] = beta2 * m + (1 - beta2) * g
    return p - lr * (np.sign(beta1 * m + (1 - beta1) * g) + weight_decay * p)


RULES = {f.__name__: f for f in (sgd, rmsprop, adagrad, adam, adamw, nadam, amsgrad, lion)}


def step(name, p, g, state, t, learning_rate, hyper=None):
    """The parameters after step t of the rule ``name``; ``hyper`` overrides its defaults."""
    return RULES[name](p, g, state, t, learning_rate, **{**DEFAULTS[name], **(hyper or {})})
