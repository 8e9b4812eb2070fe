"""The first parameters of RealMLP: random numbers, or made from the training rows layer by layer."""

from __future__ import annotations

import numpy as np

from deepcore import _core, catalog
from deepcore._algebra import product
from deepcore._network.network import Network
from deepcore.layers import CategoryEmbedding, PeriodicEmbedding
from deepcore.typing import Array

__all__ = ["first_inputs", "start_from_rows", "start_normal"]

_MOST_BYTES = 1e9  # for the values of one layer; of larger tables a random part of the rows is used
_ROWS_OF_A_BIAS = 5


def start_normal(network: Network, rng: np.random.Generator) -> None:
    """Draw W and b of hidden layers from N(0, 1); the last layer starts at 0."""
    depth = len(network.spec.layers)
    for number in range(1, depth + 1):
        for name in (f"W{number}", f"b{number}"):
            view = network.parameters[name]
            view[...] = 0 if number == depth else rng.standard_normal(view.shape)


def start_from_rows(network: Network, X: Array, rng: np.random.Generator) -> None:
    """Initialise every layer so that its units are scaled and shifted for the training rows.

    W is drawn from N(0, 1), and the weights of each unit are divided by the standard deviation of the
    unit's values Z over the rows, so that it becomes 1. The bias of a unit is minus a random convex
    combination of the unit's values in 5 random rows. A unit that is constant over the rows keeps its
    weights.

    Args:
        network: A network whose embeddings are initialised.
        X: Columns of the training rows, (m, inputs).
        rng: Generator of the random numbers.
    """
    widest = max(network.spec.width, *network.spec.units)
    most = max(int(_MOST_BYTES / (8 * widest)), _ROWS_OF_A_BIAS)
    if len(X) > most:
        X = X[rng.choice(len(X), most, replace=False)]
    A = first_inputs(network, X).astype(np.float64)
    parameters, depth = network.parameters, len(network.spec.layers)
    if "factor0" in parameters:  # each row stands for one of the members
        factors = parameters["factor0"].astype(np.float64).T
        A = A * factors[np.arange(len(A)) % len(factors)]
    if "scale1" in parameters:
        A = A * parameters["scale1"].astype(np.float64).T
    for number, layer in enumerate(network.spec.layers, start=1):
        W = rng.standard_normal(parameters[f"W{number}"].shape)
        Z = product(A, W.T) / np.sqrt(W.shape[1])
        deviation = Z.std(axis=0)
        deviation[deviation == 0] = 1.0
        W /= deviation[:, np.newaxis]
        Z /= deviation
        rows = rng.integers(len(Z), size=(_ROWS_OF_A_BIAS, len(W)))
        share = rng.exponential(size=rows.shape)
        b = -(Z[rows, np.arange(len(W))] * share).sum(axis=0) / share.sum(axis=0)
        parameters[f"W{number}"] = W
        parameters[f"b{number}"] = b[:, np.newaxis]
        if number < depth:
            activation = catalog.native_parameter(layer.activation, layer.parameter)
            A = _core.activation_forward(np.ascontiguousarray(Z + b), layer.activation, activation)


def first_inputs(network: Network, X: Array) -> Array:
    """Compute A[0], (m, width), the inputs of the first dense layer; a twin of the compiled embeddings."""
    parameters, parts, columns = network.parameters, [], X.shape[1]
    first = 0
    for embedding in network.spec.embeddings:
        if isinstance(embedding, PeriodicEmbedding):
            first = 0 if embedding.passes else embedding.columns
            size = embedding.frequencies
            for j in range(embedding.columns):
                angles = 2 * np.pi * X[:, [j]] * parameters["frequency0"][:, j] + parameters["phase0"][:, j]
                weight = parameters["weight0"][:, j * size : (j + 1) * size]
                waves = np.cos(angles)
                parts.append(product(waves, weight.T.astype(waves.dtype)) + parameters["offset0"][:, j])
    categories = [one for one in network.spec.embeddings if isinstance(one, CategoryEmbedding)]
    columns -= sum(one.columns for one in categories)
    parts.append(X[:, first:columns])
    for category in categories:
        starts = np.cumsum([0, *category.sizes])
        for k in range(category.columns):
            codes = X[:, columns + k].astype(np.int64) + starts[k]
            parts.append(parameters["table0"][:, codes].T)
    return np.concatenate(parts, axis=1)
