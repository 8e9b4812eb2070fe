"""Batch and layer normalisation of Z (n, m): values, and derivatives by the chain rule written out."""

from __future__ import annotations

import numpy as np

EPSILON, MOMENTUM = 1e-5, 0.1


def statistics(Z, norm, weights=None):
    """Mean and biased variance: of each unit over the (weighted) examples, or of each example over units."""
    if norm == "layer":
        return Z.mean(axis=0, keepdims=True), Z.var(axis=0, keepdims=True)
    share = np.full(Z.shape[1], 1 / Z.shape[1]) if weights is None else weights / weights.sum()
    mean = (share * Z).sum(axis=1, keepdims=True)
    return mean, (share * (Z - mean) ** 2).sum(axis=1, keepdims=True)


def forward(Z, mean, variance, gamma, beta):
    """N = gamma Zhat + beta, and Zhat."""
    hat = (Z - mean) / np.sqrt(variance + EPSILON)
    return gamma * hat + beta, hat


def backward(dN, hat, variance, gamma, norm, weights=None):
    """dZ, dgamma, dbeta, where the statistics depend on Z."""
    d = gamma * dN
    if norm == "layer":
        inner = d - d.mean(axis=0) - hat * (d * hat).mean(axis=0)
    else:
        m = dN.shape[1]
        share = np.full(m, 1 / m) if weights is None else weights / weights.sum()
        inner = d - share * (d.sum(axis=1, keepdims=True) + hat * (d * hat).sum(axis=1, keepdims=True))
    dZ = inner / np.sqrt(variance + EPSILON)
    return dZ, (dN * hat).sum(axis=1, keepdims=True), dN.sum(axis=1, keepdims=True)


def moved(running, mean, variance, weights):
    """Running mean and variance after a batch of those weights (m,)."""
    whole, lost = weights.sum(), min(1.0, (weights**2).sum() / weights.sum())
    unbiased = variance * whole / (whole - lost) if whole > lost else variance
    return tuple(
        (1 - MOMENTUM) * old + MOMENTUM * new for old, new in zip(running, (mean, unbiased), strict=True)
    )
