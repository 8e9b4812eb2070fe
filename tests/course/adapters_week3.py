"""Week 3: one hidden layer, tanh, then sigmoid."""

from __future__ import annotations

import numpy as np

import deepcore as dc
from course.loop import draw, floats, train
from deepcore import functional as F

NET = {"activation": "tanh", "output": "sigmoid"}


def layer_sizes(X_shape=None, Y_shape=None, X=None, Y=None, hidden=4):
    n_x = (X_shape or np.shape(X))[0]
    n_y = (Y_shape or np.shape(Y))[0]
    model = dc.mlp([n_x, hidden, n_y], activation="tanh", output="sigmoid")
    return [model.inputs, *(layer.units for layer in model.layers)]


def initialize_parameters(n_x, n_h, n_y, seed=2):
    return initialized([n_x, n_h, n_y], seed, "normal")


def initialized(layer_dims, seed, init, scale=1.0):
    """deepcore's parameters with its normal numbers exchanged for the course's; shapes, b and scales stay.

    deepcore draws the same numbers for every ``init``: divided by another scheme's W, its W leaves the scale.
    """
    ours = F.initialize_parameters(layer_dims, init=init, seed=seed, scale=scale)
    other, factor = ("inverse_sqrt", np.sqrt) if init == "normal" else ("normal", lambda n_prev: 100.0)
    numbers = F.initialize_parameters(layer_dims, init=other, seed=seed)
    randn = draw(layer_dims, seed, "unit")
    for layer, n_prev in enumerate(layer_dims[:-1], start=1):
        W = f"W{layer}"
        ours[W] = ours[W] / (numbers[W] * factor(n_prev)) * randn[W]
    return ours


def forward_propagation(X, parameters):
    A2, caches = F.model_forward(floats(X), floats(parameters), **NET)
    return named_cache(A2, caches)


def named_cache(AL, caches):
    """``{"Z1", "A1", ..., "ZL", "AL"}``: A[l] is what layer l + 1 keeps as its input."""
    A = [linear[0] for linear, _ in caches[1:]] + [AL]
    Z = {f"Z{layer}": Z for layer, (_, Z) in enumerate(caches, start=1)}
    return Z | {f"A{layer}": value for layer, value in enumerate(A, start=1)}


def compute_cost(A2=None, Y=None, parameters=None, AL=None):
    return F.compute_cost(floats(A2 if AL is None else AL), floats(Y), loss="binary_cross_entropy")


def backward_propagation(parameters, cache, X, Y):
    parameters, cache = floats(parameters), floats(cache)
    depth = len(parameters) // 2
    A = [floats(X), *(cache[f"A{layer}"] for layer in range(1, depth + 1))]
    caches = [
        ((A[layer - 1], parameters[f"W{layer}"], parameters[f"b{layer}"]), cache[f"Z{layer}"])
        for layer in range(1, depth + 1)
    ]
    return F.model_backward(A[-1], floats(Y), caches, **NET)


def update_parameters(parameters, grads, learning_rate=1.2):
    return F.update_parameters(floats(parameters), floats(grads), learning_rate=learning_rate)


def nn_model(X, Y, n_h=4, num_iterations=10000, learning_rate=1.2, init_seed=2, costs_every=1000, **_):
    start = draw([len(X), n_h, len(Y)], init_seed, "small")
    parameters, _, costs = train(
        start, X, Y, activation="tanh", learning_rate=learning_rate,
        num_iterations=num_iterations, costs_every=costs_every,
    )  # fmt: skip
    return parameters | {"costs": costs}


def predict(parameters, X):
    return F.predict_labels(floats(X), floats(parameters), **NET)


ADAPTERS = {
    "layer_sizes": layer_sizes,
    "initialize_parameters": initialize_parameters,
    "forward_propagation": forward_propagation,
    "compute_cost": compute_cost,
    "backward_propagation": backward_propagation,
    "update_parameters": update_parameters,
    "nn_model": nn_model,
    "predict": predict,
}
