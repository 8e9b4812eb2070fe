"""The loop of the notes with deepcore's functions: forward, cost, backward, update. Examples are columns."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from deepcore import functional as F

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


def floats(arrays):
    """Integers and booleans of a vector as float64: a number, an array, or a dict of them."""
    if isinstance(arrays, dict):
        return {name: floats(value) for name, value in arrays.items()}
    return np.asarray(arrays, np.float64)


def train(parameters, X, Y, *, activation, learning_rate, num_iterations, costs_every=100):
    """Full-batch gradient descent on a sigmoid output with cross-entropy.

    Returns:
        parameters, the last iteration's gradients (taken before its update), costs at 0, costs_every, ...
    """
    X, Y, parameters = floats(X), floats(Y), floats(parameters)
    costs, grads = [], {}
    for i in range(num_iterations):
        AL, caches = F.model_forward(X, parameters, activation=activation, output="sigmoid")
        if i % costs_every == 0:
            costs.append(F.compute_cost(AL, Y, loss="binary_cross_entropy"))
        grads = F.model_backward(AL, Y, caches, activation=activation, output="sigmoid")
        parameters = F.update_parameters(parameters, grads, learning_rate=learning_rate)
    return parameters, grads, costs
