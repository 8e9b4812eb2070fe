"""Losses by their literal formulas: no clipping, 0 * log(0) is 0, log(0) is -inf, never NaN.

The loss of an example is the sum over its outputs (rows); the cost is the mean over examples (columns).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


def y_log(y, a):
    """y log(a), with 0 log(0) = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(y == 0, 0.0, y * np.log(a))


def quotient(y, a):
    """y / a, with 0 / 0 = 0: the slope of 0 log(a)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(y == 0, 0.0, y / a)


@dataclass(frozen=True)
class Loss:
    terms: Callable  # (a, y[, s]) -> what each output adds to the loss of its example
    derivative: Callable  # (a, y[, s]) -> d loss / da
    output: str | None  # the activation with which dZ = A - Y
    needs_probability: bool
    kinks: tuple[float, ...] = ()  # values of a - y at which the derivative (or its slope) jumps
    needs_positive: bool = False  # outputs above 0, targets of at least 0
    parameter: float | None = None  # default of s


LOSSES = {
    "binary_cross_entropy": Loss(
        lambda a, y: -(y_log(y, a) + y_log(1 - y, 1 - a)),
        lambda a, y: -quotient(y, a) + quotient(1 - y, 1 - a),
        "sigmoid",
        True,
    ),
    "categorical_cross_entropy": Loss(
        lambda a, y: -y_log(y, a),
        lambda a, y: -quotient(y, a),
        "softmax",
        True,
    ),
    "half_squared_error": Loss(
        lambda a, y: 0.5 * (a - y) ** 2,
        lambda a, y: a - y,
        "linear",
        False,
    ),
    "squared_error": Loss(
        lambda a, y: (a - y) ** 2,
        lambda a, y: 2.0 * (a - y),
        None,
        False,
    ),
    "absolute_error": Loss(
        lambda a, y: np.abs(a - y),
        lambda a, y: np.sign(a - y),
        None,
        False,
        kinks=(0.0,),
    ),
    "huber": Loss(
        lambda a, y, s=1.0: np.where(np.abs(a - y) <= s, 0.5 * (a - y) ** 2, s * (np.abs(a - y) - s / 2)),
        lambda a, y, s=1.0: np.clip(a - y, -s, s),
        None,
        False,
        kinks=(-1.0, 1.0),
        parameter=1.0,
    ),
    "quantile": Loss(
        lambda a, y, s=0.5: np.where(y > a, s * (y - a), (1 - s) * (a - y)),
        lambda a, y, s=0.5: np.where(y > a, -s, np.where(y < a, 1 - s, 0.0)),
        None,
        False,
        kinks=(0.0,),
        parameter=0.5,
    ),
    "poisson": Loss(
        lambda a, y: a - y + y_log(y, y / a),
        lambda a, y: 1 - quotient(y, a),
        "exp",
        False,
        needs_positive=True,
    ),
}


def values(A, Y, name, *parameter):
    """The loss of each example, shape (m,)."""
    return LOSSES[name].terms(A, Y, *parameter).sum(axis=0)


def gradient(A, Y, name, *parameter):
    """dA, shape (n, m); not divided by m."""
    return LOSSES[name].derivative(A, Y, *parameter)


def smoothed(Y, smoothing, output):
    """Targets of a cross-entropy (k, m) moved towards 1 / k of k classes, or 1/2 of yes and no."""
    return (1 - smoothing) * Y + smoothing * (1 / len(Y) if output == "softmax" else 0.5)
