"""Course 1, week 4: a network of any depth (relu, then sigmoid), by the names of the course.

The cache of a layer is ``((A_prev, W, b), Z)``. ``dA{l}`` is the gradient with respect to ``A{l}``; the
edition of 2017 stored it one number higher. All results are float64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from deepcore import functional as F
from deepcore.course._arguments import Array, Arrays, also_named, float_arrays, floats
from deepcore.course._pictures import print_mislabeled_images
from deepcore.course._training import cross_entropy, descend, draw, updated
from deepcore.course.week2 import load_dataset
from deepcore.course.week3 import TrainedModel

__all__ = [
    "L_layer_model",
    "L_model_backward",
    "L_model_forward",
    "L_model_forward_backward",
    "compute_cost",
    "initialize_parameters",
    "initialize_parameters_deep",
    "initialize_parameters_deep_sqrt",
    "linear_activation_backward",
    "linear_activation_forward",
    "linear_backward",
    "linear_forward",
    "load_data",
    "predict",
    "print_mislabeled_images",
    "relu",
    "relu_backward",
    "sigmoid",
    "sigmoid_backward",
    "two_layer_model",
    "update_parameters",
]

load_data = load_dataset


class LinearCache(NamedTuple):
    """What ``linear_forward`` keeps: its inputs."""

    A: Array
    W: Array
    b: Array


class LayerCache(NamedTuple):
    """What a layer keeps: the cache of its linear part, and Z."""

    linear_cache: LinearCache
    Z: Array


class LinearForward(NamedTuple):
    """Z (n, m) and the cache (A, W, b)."""

    Z: Array
    cache: LinearCache


class LayerForward(NamedTuple):
    """A (n, m) and the cache ((A_prev, W, b), Z)."""

    A: Array
    cache: LayerCache


class Activation(NamedTuple):
    """A (n, m) and its cache, which is Z."""

    A: Array
    cache: Array


class ModelForward(NamedTuple):
    """AL (1, m) and the list of the layers' caches."""

    AL: Array
    caches: list[LayerCache]


class LayerGradients(NamedTuple):
    """Gradients of a layer."""

    dA_prev: Array
    dW: Array
    db: Array


@also_named(z="Z")
def sigmoid(Z: Any) -> Activation:
    """Compute ``1 / (1 + exp(-Z))``; the cache is Z."""
    return Activation(F.activation(floats(Z), "sigmoid"), Z)


@also_named(z="Z")
def relu(Z: Any) -> Activation:
    """Compute ``max(0, Z)``; the cache is Z."""
    return Activation(F.activation(floats(Z), "relu"), Z)


@also_named(Z="cache")
def sigmoid_backward(dA: Any, cache: Any) -> Array:
    """Compute ``dZ = dA * s (1 - s)`` with ``s = sigmoid(Z)``; the cache is Z."""
    return F.activation_backward(floats(dA), floats(cache), "sigmoid")


@also_named(Z="cache")
def relu_backward(dA: Any, cache: Any) -> Array:
    """Compute ``dZ = dA`` where Z > 0 and 0 elsewhere; the cache is Z."""
    return F.activation_backward(floats(dA), floats(cache), "relu")


def initialize_parameters(n_x: int, n_h: int, n_y: int, seed: int = 1) -> Arrays:
    """Draw W1 (n_h, n_x) and W2 (n_y, n_h) as ``randn * 0.01``; the biases are zero."""
    return draw([n_x, n_h, n_y], seed, "small")


@also_named(layers_dims="layer_dims")
def initialize_parameters_deep(layer_dims: Sequence[int], seed: int = 3) -> Arrays:
    """Draw every W[l] as ``randn * 0.01`` (the step-by-step notebook); the biases are zero."""
    return draw(layer_dims, seed, "small")


@also_named(layers_dims="layer_dims")
def initialize_parameters_deep_sqrt(layer_dims: Sequence[int], seed: int = 1) -> Arrays:
    """Draw every W[l] as ``randn / sqrt(n[l-1])`` (the application notebook); the biases are zero."""
    return draw(layer_dims, seed, "inverse_sqrt")


@also_named(A_prev="A")
def linear_forward(A: Any, W: Any, b: Any) -> LinearForward:
    """Compute ``Z = W A + b``.

    Args:
        A: Activations of the previous layer, (n_prev, m).
        W: Weights, (n, n_prev).
        b: Biases, (n, 1).

    Returns:
        Z: (n, m).
        cache: ``(A, W, b)``.
    """
    Z, _ = F.linear_forward(floats(A), floats(W), floats(b))
    return LinearForward(Z, LinearCache(A, W, b))


def linear_activation_forward(A_prev: Any, W: Any, b: Any, activation: str) -> LayerForward:
    """Compute one layer: ``A = g(W A_prev + b)``.

    Args:
        A_prev: Activations of the previous layer, (n_prev, m).
        W: Weights, (n, n_prev).
        b: Biases, (n, 1).
        activation: ``"relu"`` or ``"sigmoid"``, or another name of ``deepcore.catalog.activations``.

    Returns:
        A: (n, m).
        cache: ``((A_prev, W, b), Z)``.
    """
    Z, linear_cache = linear_forward(A_prev, W, b)
    return LayerForward(F.activation(Z, activation), LayerCache(linear_cache, Z))


def L_model_forward(X: Any, parameters: Mapping[str, Any]) -> ModelForward:
    """Compute the outputs of all layers: relu in the hidden layers, sigmoid in the last one.

    Args:
        X: Examples, (n_x, m).
        parameters: ``{"W1", "b1", ..., "WL", "bL"}``.

    Returns:
        AL: (n_L, m).
        caches: L caches ``((A_prev, W, b), Z)``.
    """
    A, caches = X, []
    L = len(parameters) // 2
    for layer in range(1, L + 1):
        name = "sigmoid" if layer == L else "relu"
        A, cache = linear_activation_forward(A, parameters[f"W{layer}"], parameters[f"b{layer}"], name)
        caches.append(cache)
    return ModelForward(A, caches)


@also_named(A2="AL")
def compute_cost(AL: Any, Y: Any) -> float:
    """Compute the mean cross-entropy, without clipping."""
    return cross_entropy(AL, Y)


@also_named(cache=("A_prev", "W", "b"))
def linear_backward(dZ: Any, cache: Any) -> LayerGradients:
    """Compute ``dW = dZ A_prev' / m``, ``db = row sums of dZ / m`` and ``dA_prev = W' dZ``.

    Args:
        dZ: (n, m).
        cache: ``(A_prev, W, b)`` of ``linear_forward``.

    Returns:
        dA_prev: (n_prev, m).
        dW: (n, n_prev).
        db: (n, 1).
    """
    A_prev, W, b = cache
    return LayerGradients(*F.linear_backward(floats(dZ), (floats(A_prev), floats(W), floats(b))))


@also_named(cache=(("A_prev", "W", "b"), "Z"))
def linear_activation_backward(dA: Any, cache: Any, activation: str) -> LayerGradients:
    """Compute the gradients of a layer from the gradient of its output.

    Args:
        dA: (n, m).
        cache: ``((A_prev, W, b), Z)`` of ``linear_activation_forward``.
        activation: The same name as in the forward pass.

    Returns:
        dA_prev: (n_prev, m).
        dW: (n, n_prev).
        db: (n, 1).
    """
    linear_cache, Z = cache
    return linear_backward(F.activation_backward(floats(dA), floats(Z), activation), linear_cache)


def L_model_backward(AL: Any, Y: Any, caches: Sequence[Any]) -> Arrays:
    """Compute all gradients, starting from ``dAL = -(Y/AL - (1-Y)/(1-AL))``.

    Args:
        AL: Outputs, (n_L, m). They are taken as they are, without clipping.
        Y: Labels, (n_L, m) or any shape with as many elements.
        caches: Of ``L_model_forward``. A cache can also be a dictionary ``{"A", "W", "b", "Z"}``.

    Returns:
        ``{"dA0", ..., "dA{L-1}", "dW1", ..., "dWL", "db1", ..., "dbL"}``.
    """
    AL = floats(AL)
    dA = F.loss_backward(AL, floats(Y).reshape(AL.shape), "binary_cross_entropy")
    grads: Arrays = {}
    L = len(caches)
    for layer in range(L, 0, -1):
        cache = caches[layer - 1]
        if isinstance(cache, Mapping):
            cache = ((cache["A"], cache["W"], cache["b"]), cache["Z"])
        dA, dW, db = linear_activation_backward(dA, cache, "sigmoid" if layer == L else "relu")
        grads |= {f"dA{layer - 1}": dA, f"dW{layer}": dW, f"db{layer}": db}
    return grads


def L_model_forward_backward(X: Any, Y: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Run the forward and the backward pass; return all gradients, ``"AL"`` and ``"cost"``."""
    AL, caches = L_model_forward(X, parameters)
    return L_model_backward(AL, Y, caches) | {"AL": AL, "cost": compute_cost(AL, Y)}


def update_parameters(
    parameters: Mapping[str, Any], grads: Mapping[str, Any], learning_rate: float = 0.0075
) -> Arrays:
    """Return new parameters: every W and b minus ``learning_rate`` times its gradient."""
    return updated(parameters, grads, learning_rate)


def _train(
    start: Arrays, X: Any, Y: Any, learning_rate: float, num_iterations: int, print_cost: bool
) -> TrainedModel:
    X, Y = floats(X), floats(Y)

    def step(parameters: Arrays) -> tuple[Array, Arrays]:
        AL, caches = L_model_forward(X, parameters)
        return AL, L_model_backward(AL, Y, caches)

    trained = descend(
        start,
        step,
        Y,
        learning_rate=learning_rate,
        num_iterations=num_iterations,
        costs_every=100,
        print_cost=print_cost,
    )
    return TrainedModel(*trained)


def two_layer_model(
    X: Any,
    Y: Any,
    layers_dims: Sequence[int],
    learning_rate: float = 0.0075,
    num_iterations: int = 3000,
    print_cost: bool = False,
    seed: int = 1,
) -> TrainedModel:
    """Train a network with one hidden layer, from weights ``randn * 0.01``.

    Args:
        X: Examples, (n_x, m).
        Y: Labels, (1, m).
        layers_dims: (n_x, n_h, n_y).
        learning_rate: Step size.
        num_iterations: Number of steps.
        print_cost: Whether to print the cost every 100 iterations.
        seed: Of the initial weights.

    Returns:
        parameters: ``{"W1", "b1", "W2", "b2"}``.
        costs: At the iterations 0, 100, 200, ...
    """
    return _train(draw(layers_dims, seed, "small"), X, Y, learning_rate, num_iterations, print_cost)


def L_layer_model(
    X: Any,
    Y: Any,
    layers_dims: Sequence[int],
    learning_rate: float = 0.0075,
    num_iterations: int = 3000,
    print_cost: bool = False,
    seed: int = 1,
) -> TrainedModel:
    """Train a network of any depth, from weights ``randn / sqrt(n_prev)``.

    The arguments and the result are those of ``two_layer_model``.
    """
    return _train(draw(layers_dims, seed, "inverse_sqrt"), X, Y, learning_rate, num_iterations, print_cost)


@also_named(Y="y")
def predict(X: Any, y: Any = None, parameters: Any = None) -> Array:
    """Return 1.0 where the output is above 0.5, strictly, and 0.0 elsewhere; print the accuracy.

    Args:
        X: Examples, (n_x, m).
        y: Labels, (1, m); None: print nothing.
        parameters: ``{"W1", "b1", ...}``, or the pair (parameters, costs) that the models return.

    Returns:
        (1, m), float64.
    """
    if isinstance(parameters, tuple):
        parameters = parameters[0]
    p = (L_model_forward(X, float_arrays(parameters)).AL > 0.5).astype(np.float64)
    if y is not None:
        print(f"Accuracy: {np.mean(p == floats(y))}")
    return p
