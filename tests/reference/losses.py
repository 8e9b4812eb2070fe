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
    terms: Callable  # (a, y) -> what each output adds to the loss of its example
    derivative: Callable  # (a, y) -> d loss / da
    output: str | None  # the activation with which dZ = A - Y
    needs_probability: bool
    kink_at_y: bool = False  # the derivative jumps where a = y


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
        kink_at_y=True,
    ),
}


def values(A, Y, name):
    """The loss of each example, shape (m,)."""
    return LOSSES[name].terms(A, Y).sum(axis=0)


def gradient(A, Y, name):
    """dA, shape (n, m); not divided by m."""
    return LOSSES[name].derivative(A, Y)
