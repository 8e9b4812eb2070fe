"""Metrics: numbers for people, with no gradient."""

from __future__ import annotations

import math

import numpy as np


def accuracy(A, Y, output):
    """Fraction of examples (columns) whose prediction is right.

    softmax: the largest output is the class, Y is one-hot. sigmoid: every output agrees with Y
    on being over 1/2. Others: nan.
    """
    if output == "softmax":
        return float(np.mean(A.argmax(axis=0) == Y.argmax(axis=0)))
    if output == "sigmoid":
        return float(np.mean(np.all((A > 0.5) == (Y > 0.5), axis=0)))
    return math.nan


METRICS = {"accuracy": accuracy}
