"""Course 1, week 3: a network with one hidden layer (tanh, then sigmoid), by the names of the course.

X is (n_x, m) with one example per column, Y is (n_y, m). All results are float64.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from deepcore import data
from deepcore import functional as F
from deepcore.course._arguments import Array, Arrays, also_named, as_columns, float_arrays, floats
from deepcore.course._pictures import plot_decision_boundary
from deepcore.course._training import cross_entropy, descend, draw, updated

__all__ = [
    "backward_propagation",
    "compute_cost",
    "forward_propagation",
    "initialize_parameters",
    "layer_sizes",
    "load_extra_datasets",
    "load_planar_dataset",
    "nn_model",
    "plot_decision_boundary",
    "predict",
    "sigmoid",
    "update_parameters",
]


class LayerSizes(NamedTuple):
    """Units of the input, hidden and output layer."""

    n_x: int
    n_h: int
    n_y: int


class ForwardPropagation(NamedTuple):
    """The outputs A2 and the cache ``{"Z1", "A1", "Z2", "A2"}``."""

    A2: Array
    cache: Arrays


class TrainedModel(NamedTuple):
    """Parameters after training and the costs on the way."""

    parameters: Arrays
    costs: list[float]


@also_named(x="z")
def sigmoid(z: Any) -> Any:
    """Compute ``1 / (1 + exp(-z))`` for a number or an array of any shape."""
    return F.activation(floats(z), "sigmoid")


def layer_sizes(
    X: Any = None, Y: Any = None, *, X_shape: tuple[int, ...] = (), Y_shape: tuple[int, ...] = ()
) -> LayerSizes:
    """Return ``(n_x, 4, n_y)``: the rows of X, the course's hidden size, the rows of Y.

    ``X_shape`` and ``Y_shape`` can be passed in place of the arrays.
    """
    return LayerSizes((X_shape or np.shape(X))[0], 4, (Y_shape or np.shape(Y))[0])


def initialize_parameters(n_x: int, n_h: int, n_y: int, seed: int = 2) -> Arrays:
    """Draw W1 (n_h, n_x) and W2 (n_y, n_h) as ``randn * 0.01``; the biases are zero.

    Args:
        n_x: Number of inputs.
        n_h: Number of hidden units.
        n_y: Number of outputs.
        seed: The course uses 2 here, and 3 in ``nn_model``.
    """
    return draw([n_x, n_h, n_y], seed, "small")


def forward_propagation(X: Any, parameters: Mapping[str, Any]) -> ForwardPropagation:
    """Compute the outputs: ``A1 = tanh(W1 X + b1)``, ``A2 = sigmoid(W2 A1 + b2)``.

    Args:
        X: Examples, (n_x, m).
        parameters: ``{"W1", "b1", "W2", "b2"}``.

    Returns:
        A2: (n_y, m).
        cache: ``{"Z1", "A1", "Z2", "A2"}``.
    """
    given = float_arrays(parameters)
    Z1, _ = F.linear_forward(floats(X), given["W1"], given["b1"])
    A1 = F.activation(Z1, "tanh")
    Z2, _ = F.linear_forward(A1, given["W2"], given["b2"])
    A2 = F.activation(Z2, "sigmoid")
    return ForwardPropagation(A2, {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2})


@also_named(AL="A2")
def compute_cost(A2: Any, Y: Any, parameters: Any = None) -> float:
    """Compute the mean cross-entropy; ``parameters`` is not used (old editions pass it)."""
    return cross_entropy(A2, Y)


def backward_propagation(parameters: Mapping[str, Any], cache: Mapping[str, Any], X: Any, Y: Any) -> Arrays:
    """Compute the gradients from A1 and A2 of the cache.

    ``dZ2 = A2 - Y`` and ``dZ1 = W2' dZ2 * (1 - A1^2)``; dW and db are means over the examples.

    Args:
        parameters: ``{"W1", "b1", "W2", "b2"}``.
        cache: ``{"Z1", "A1", "Z2", "A2"}`` of ``forward_propagation``.
        X: Examples, (n_x, m).
        Y: Labels, (n_y, m).

    Returns:
        ``{"dW1", "db1", "dW2", "db2"}``, in the shapes of the parameters.
    """
    given = float_arrays(parameters)
    A1, A2 = floats(cache["A1"]), floats(cache["A2"])
    dA1, dW2, db2 = F.linear_backward(A2 - floats(Y), (A1, given["W2"], given["b2"]))
    _, dW1, db1 = F.linear_backward(dA1 * (1 - np.square(A1)), (floats(X), given["W1"], given["b1"]))
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


def update_parameters(
    parameters: Mapping[str, Any], grads: Mapping[str, Any], learning_rate: float = 1.2
) -> Arrays:
    """Return new parameters: every W and b minus ``learning_rate`` times its gradient."""
    return updated(parameters, grads, learning_rate)


@also_named(init_seed="seed")
def nn_model(
    X: Any,
    Y: Any,
    n_h: int = 4,
    num_iterations: int = 10000,
    print_cost: bool = False,
    *,
    learning_rate: float = 1.2,
    seed: int = 3,
    costs_every: int | None = None,
) -> Arrays | TrainedModel:
    """Train a network with one hidden layer by full-batch gradient descent.

    Args:
        X: Examples, (n_x, m).
        Y: Labels, (n_y, m).
        n_h: Number of hidden units.
        num_iterations: Number of steps.
        print_cost: Whether to print the cost every 1000 iterations.
        learning_rate: Step size.
        seed: Of the initial weights. Editions before 2022 end up with 2.
        costs_every: If given, the costs at iterations 0, costs_every, ... are returned too.

    Returns:
        ``{"W1", "b1", "W2", "b2"}``; with ``costs_every`` the pair (parameters, costs).
    """
    X, Y = floats(X), floats(Y)

    def step(parameters: Arrays) -> tuple[Array, Arrays]:
        A2, cache = forward_propagation(X, parameters)
        return A2, backward_propagation(parameters, cache, X, Y)

    parameters, costs = descend(
        initialize_parameters(len(X), n_h, len(Y), seed),
        step,
        Y,
        learning_rate=learning_rate,
        num_iterations=num_iterations,
        costs_every=costs_every or 1000,
        print_cost=print_cost,
    )
    return TrainedModel(parameters, costs) if costs_every else parameters


def predict(parameters: Mapping[str, Any], X: Any) -> Array:
    """Return True where the output is above 0.5, strictly; (n_y, m)."""
    return forward_propagation(X, parameters).A2 > 0.5


def load_planar_dataset(seed: int = 1) -> tuple[Array, Array]:
    """Return the flower of week 3: X (2, 400) and Y (1, 400)."""
    return as_columns(*data.flower(400, seed=seed))


def load_extra_datasets() -> tuple[tuple[Array, Array], ...]:
    """Return the five sets that the end of week 3 tries: circles, moons, blobs, rings and no structure.

    The course draws them without a seed, so its own points differ from run to run; these do not.

    Returns:
        Five pairs of points (200, 2) and their classes (200,). The last pair has points in place of classes.
    """
    random, m = np.random.RandomState(1), 200
    centres = random.uniform(-10.0, 10.0, (6, 2))
    blob = np.arange(m) % len(centres)
    cloud = np.sqrt(0.5) * random.randn(m, 2)
    distance = np.square(cloud).sum(axis=1)
    return (
        data.circles(m, noise=0.3, factor=0.5),
        data.moons(m, noise=0.2),
        (centres[blob] + random.randn(m, 2), blob),
        (cloud, (distance > np.median(distance)).astype(np.int64)),
        (random.rand(m, 2), random.rand(m, 2)),
    )
