"""The initial weights of the tables, written down independently of ``deepcore.course``."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

# randn times this, for a layer that reads n_prev values: the schemes of the course.
SCALES = {
    "unit": lambda n_prev: 1.0,
    "small": lambda n_prev: 0.01,
    "large": lambda n_prev: 10.0,
    "inverse_sqrt": lambda n_prev: 1 / np.sqrt(n_prev),
    "he": lambda n_prev: np.sqrt(2.0 / n_prev),
    "zeros": lambda n_prev: 0.0,
}


def draw(layer_dims, seed, scheme):
    """Initial weights of a recipe: NumPy's legacy ``randn`` times a scale, layer by layer; biases zero."""
    random = np.random.RandomState(seed)
    parameters = {}
    for layer, (n_prev, n) in enumerate(pairwise(layer_dims), start=1):
        parameters[f"W{layer}"] = random.randn(n, n_prev) * SCALES[scheme](n_prev)
        parameters[f"b{layer}"] = np.zeros((n, 1))
    return parameters
