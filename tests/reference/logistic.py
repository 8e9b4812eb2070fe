"""Logistic regression with the two explicit loops of the notes: over examples i and over features j."""

from __future__ import annotations

import math


def cost_and_gradient(w, b, X, Y):
    """J, dw and db of the cross-entropy cost, summed one number at a time.

    Args:
        w: Weights, n_x numbers.
        b: Bias, a number.
        X: Examples as columns, X[j][i] is feature j of example i; n_x rows of m numbers.
        Y: m labels, 0 or 1.

    Returns:
        J, a number; dw, a list of n_x numbers; db, a number.
    """
    n_x, m = len(X), len(Y)
    J, dw, db = 0.0, [0.0] * n_x, 0.0
    for i in range(m):
        z = b
        for j in range(n_x):
            z += w[j] * X[j][i]
        a = 1.0 / (1.0 + math.exp(-z))
        J += -(Y[i] * math.log(a) + (1 - Y[i]) * math.log(1.0 - a))
        dz = a - Y[i]
        for j in range(n_x):
            dw[j] += X[j][i] * dz
        db += dz
    return J / m, [d / m for d in dw], db / m


def update(w, b, dw, db, learning_rate):
    """One step of gradient descent."""
    return [w[j] - learning_rate * dw[j] for j in range(len(w))], b - learning_rate * db
