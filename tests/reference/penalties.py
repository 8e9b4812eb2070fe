"""Penalties on weights, limits of their norms, and clipped gradients, as formulas on whole matrices."""

from __future__ import annotations

import numpy as np


def value(parameters, rates):
    """Sum over layers of l2 / 2 |W|^2 + l1 |W|_1; rates: [(l1, l2), ...]."""
    return sum(
        l2 / 2 * (W**2).sum() + l1 * np.abs(W).sum()
        for (W, _), (l1, l2) in zip(parameters, rates, strict=True)
    )


def gradients(parameters, rates):
    """What the penalty adds to each dW."""
    return [l2 * W + l1 * np.sign(W) for (W, _), (l1, l2) in zip(parameters, rates, strict=True)]


def constrained(W, most):
    """W with the rows (the weights into one unit) whose norm is above ``most`` scaled to it."""
    norms = np.linalg.norm(W, axis=1, keepdims=True)
    return W * np.where(norms > most, most / norms, 1.0)


def clipped(gradient, clip_value=None, clip_norm=None):
    """All gradients as one vector, elements cut first, then scaled down to the norm."""
    g = gradient if clip_value is None else np.clip(gradient, -clip_value, clip_value)
    return g if clip_norm is None else g * min(1.0, clip_norm / (np.linalg.norm(g) + 1e-6))
