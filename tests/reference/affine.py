"""The affine part of a layer with factors outside of W: Z = W (scale * A_prev) / sqrt(n_in) + b."""

from __future__ import annotations

import numpy as np


def factor(W, ntk):
    """1 / sqrt(n_in), or 1."""
    return 1 / np.sqrt(W.shape[1]) if ntk else 1.0


def forward(A_prev, W, b, scale=1.0, ntk=False):
    """Z; scale is a column with a factor per input, or 1."""
    return factor(W, ntk) * (W @ (scale * A_prev)) + b


def backward(dZ, A_prev, W, scale=1.0, ntk=False):
    """dW, db, dscale and dA_prev by the chain rule."""
    scaled = scale * A_prev
    dW, db = factor(W, ntk) * (dZ @ scaled.T), dZ.sum(axis=1, keepdims=True)
    dscaled = factor(W, ntk) * (W.T @ dZ)
    return dW, db, (dscaled * A_prev).sum(axis=1, keepdims=True), scale * dscaled
