"""Activations: value, derivative at z, kinks, and how far a rounded implementation may be off.

The bounds are in units of eps of the precision under test, around the float64 value of this file:
``|got - value| <= (relative * |value| + absolute * size(z)) * eps``, with ``size(z) = max(1, |z|)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SELU_ALPHA = 1.6732632423543772  # Klambauer et al. (2017): the fixed point with mean 0 and variance 1
SELU_SCALE = 1.0507009873554805


def sigmoid(z):
    """1 / (1 + exp(-z)), from exp(-|z|), which cannot overflow."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


def softplus(z):
    """log(1 + exp(z)) without overflow."""
    return np.maximum(z, 0.0) + np.log1p(np.exp(-np.abs(z)))


def softmax(z):
    """exp(z) / sum exp(z), column by column; the largest logit is taken off first, which changes nothing."""
    e = np.exp(z - z.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


def normal_cdf(z):
    """Phi(z), exact in the lower tail too, where (1 + erf) / 2 would cancel."""
    return 0.5 * np.vectorize(math.erfc, otypes=[float])(-z / math.sqrt(2.0))


def normal_pdf(z):
    return np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)


@dataclass(frozen=True)
class Activation:
    value: Callable  # (z, parameter) -> a
    derivative: Callable | None  # (z, parameter) -> da/dz; None for softmax, whose derivative is a matrix
    reason: str  # of the bounds
    relative: float = 0.0
    absolute: float = 0.0
    kinks: tuple[float, ...] = ()  # where the derivative (or, for central differences, its slope) jumps
    parameter: float | None = None  # default
    probability: bool = False  # outputs lie in (0, 1)
    positive: bool = False  # outputs are above 0


ACTIVATIONS = {
    "linear": Activation(lambda z, p: z, lambda z, p: np.ones_like(z), reason="a copy"),
    "sigmoid": Activation(
        lambda z, p: sigmoid(z),
        lambda z, p: sigmoid(z) * sigmoid(-z),
        "exp, sum, quotient: a few eps each; the slope a (1 - a) inherits the rounding of 1 - a: absolute",
        relative=3,
        absolute=1,
        probability=True,
        positive=True,
    ),
    "tanh": Activation(
        lambda z, p: np.tanh(z),
        lambda z, p: 1.0 / np.cosh(np.clip(z, -350, 350)) ** 2,
        "a rational approximation, a few eps; the slope 1 - a^2 inherits the rounding of a near 1: absolute",
        relative=4,
        absolute=4,
    ),
    "relu": Activation(
        lambda z, p: np.maximum(z, 0.0),
        lambda z, p: np.where(z > 0, 1.0, 0.0),  # 0 at 0, as in the course's code
        reason="no rounding: a maximum",
        kinks=(0.0,),
    ),
    "leaky_relu": Activation(
        lambda z, slope: np.where(z > 0, z, slope * z),
        lambda z, slope: np.where(z > 0, 1.0, slope),  # the slope at 0
        "one product, and the slope itself is rounded to the precision",
        relative=2,
        kinks=(0.0,),
        parameter=0.01,
    ),
    "elu": Activation(
        lambda z, alpha: np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0.0))),
        lambda z, alpha: np.where(z > 0, 1.0, alpha * np.exp(np.minimum(z, 0.0))),
        "exp(z) - 1 may cancel near 0: absolute",
        relative=2,
        absolute=2,
        kinks=(0.0,),
        parameter=1.0,
    ),
    "selu": Activation(
        lambda z, p: SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0.0))),
        lambda z, p: SELU_SCALE * np.where(z > 0, 1.0, SELU_ALPHA * np.exp(np.minimum(z, 0.0))),
        "elu times a constant: one more rounding, and alpha * scale = 1.76 stretches the cancellation",
        relative=3,
        absolute=3,
        kinks=(0.0,),
    ),
    "gelu": Activation(
        lambda z, p: z * normal_cdf(z),
        lambda z, p: normal_cdf(z) + z * normal_pdf(z),
        "1 + erf cancels in the lower tail to a few eps of 1, and z multiplies that: absolute, with |z|",
        relative=3,
        absolute=1,
    ),
    "silu": Activation(
        lambda z, p: z * sigmoid(z),
        lambda z, p: sigmoid(z) * (1.0 + z * sigmoid(-z)),
        "z times a sigmoid; the slope holds z a (1 - a), where 1 - a rounds to eps: absolute, with |z|",
        relative=3,
        absolute=2,
    ),
    "softplus": Activation(
        lambda z, p: softplus(z),
        lambda z, p: sigmoid(z),
        "exp, log1p and a sum, a few eps each; log(1 + e) instead of log1p(e) would lose eps of 1",
        relative=3,
        absolute=1,
        positive=True,
    ),
    "exp": Activation(
        lambda z, p: np.exp(np.minimum(z, 700)),  # beyond, float64 has no e^z
        lambda z, p: np.exp(np.minimum(z, 700)),
        "one function, a few eps",
        relative=4,
        positive=True,
    ),
    "hard_sigmoid": Activation(
        lambda z, p: np.clip(z + 3, 0, 6) / 6,
        lambda z, p: np.where(np.abs(z) < 3, 1 / 6, 0.0),
        "a sum and a quotient",
        relative=2,
        absolute=1,
        kinks=(-3.0, 3.0),
    ),
    "hard_tanh": Activation(
        lambda z, p: np.clip(z, -1, 1),
        lambda z, p: np.where(np.abs(z) < 1, 1.0, 0.0),
        "no rounding: comparisons",
        kinks=(-1.0, 1.0),
    ),
    "relu6": Activation(
        lambda z, p: np.clip(z, 0, 6),
        lambda z, p: np.where((z > 0) & (z < 6), 1.0, 0.0),
        "no rounding: comparisons",
        kinks=(0.0, 6.0),
    ),
    "mish": Activation(
        lambda z, p: z * np.tanh(softplus(z)),
        lambda z, p: np.tanh(softplus(z)) + z * sigmoid(z) / np.cosh(np.minimum(softplus(z), 350)) ** 2,
        "log1p, tanh, a product; the slope holds z (1 - t^2), where 1 - t^2 rounds: absolute, with |z|",
        relative=8,
        absolute=4,
    ),
    "softsign": Activation(
        lambda z, p: z / (1 + np.abs(z)),
        lambda z, p: 1 / (1 + np.abs(z)) ** 2,
        "a sum and a quotient; the slope (1 - |a|)^2 inherits the rounding of a near 1: absolute",
        relative=2,
        absolute=2,
    ),
    "softmax": Activation(
        lambda z, p: softmax(z),
        None,
        "exp of a difference that was rounded: its absolute error eps |z| becomes relative; a sum of n terms",
        relative=8,
        absolute=1,
        probability=True,
        positive=True,
    ),
}


def forward(Z, name, parameter=None):
    """A = g(Z)."""
    row = ACTIVATIONS[name]
    return row.value(Z, row.parameter if parameter is None else parameter)


def backward(dA, Z, name, parameter=None):
    """dZ = dA * g'(Z); for softmax the product with the Jacobian diag(a) - a a' of each column."""
    row = ACTIVATIONS[name]
    if row.derivative is None:
        A = softmax(Z)
        return A * (dA - np.sum(dA * A, axis=0, keepdims=True))
    return dA * row.derivative(Z, row.parameter if parameter is None else parameter)
