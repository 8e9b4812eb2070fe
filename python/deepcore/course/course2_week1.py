"""Course 2, week 1: initial weights, L2, dropout and gradient checking, by the names of the course.

The networks have three layers (relu, relu, sigmoid). Their cache is the course's tuple (Z1, A1, W1, b1, Z2,
...); with dropout (Z1, D1, A1, W1, b1, ...). Every function also takes a cache as a dictionary by name.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from deepcore import data
from deepcore import functional as F
from deepcore.course._arguments import Array, Arrays, also_named, as_columns, float_arrays, floats
from deepcore.course._pictures import plot_decision_boundary
from deepcore.course._training import cross_entropy, descend, draw, updated
from deepcore.doctor.gradient_check import gradient_check as central_differences

__all__ = [
    "backward_propagation",
    "backward_propagation_n",
    "backward_propagation_with_dropout",
    "backward_propagation_with_regularization",
    "backward_with_dropout",
    "backward_with_l2",
    "compute_cost",
    "compute_cost_with_regularization",
    "compute_loss",
    "cost_with_l2",
    "dictionary_to_vector",
    "forward_propagation",
    "forward_propagation_n",
    "forward_propagation_with_dropout",
    "forward_with_dropout",
    "gradient_check",
    "gradient_check_1d",
    "gradient_check_n",
    "gradient_check_n_detects_error",
    "gradients_to_vector",
    "initialize_parameters_he",
    "initialize_parameters_random",
    "initialize_parameters_zeros",
    "load_dataset",
    "model",
    "plot_decision_boundary",
    "predict",
    "predict_dec",
    "relu",
    "sigmoid",
    "update_parameters",
    "vector_to_dictionary",
]

PARAMETERS = ("W1", "b1", "W2", "b2", "W3", "b3")


# What a network with three layers keeps; with dropout also the masks D1 and D2.
Cache = namedtuple("Cache", "Z1 A1 W1 b1 Z2 A2 W2 b2 Z3 A3 W3 b3")
DropoutCache = namedtuple("DropoutCache", "Z1 D1 A1 W1 b1 Z2 D2 A2 W2 b2 Z3 A3 W3 b3")


class Forward(NamedTuple):
    """The outputs A3 (1, m) and the cache."""

    A3: Array
    cache: Cache | DropoutCache


class CostForward(NamedTuple):
    """The cost and the cache, as ``forward_propagation_n`` returns them."""

    cost: float
    cache: Cache


@also_named(z="x")
def sigmoid(x: Any) -> Any:
    """Compute ``1 / (1 + exp(-x))``."""
    return F.activation(floats(x), "sigmoid")


@also_named(z="x")
def relu(x: Any) -> Any:
    """Compute ``max(0, x)``."""
    return F.activation(floats(x), "relu")


@also_named(layer_dims="layers_dims")
def initialize_parameters_zeros(layers_dims: Sequence[int], seed: int | None = None) -> Arrays:
    """Return zeros for every W and b. The units of a layer then stay equal for ever."""
    return draw(layers_dims, seed or 0, "zeros")


@also_named(layer_dims="layers_dims")
def initialize_parameters_random(layers_dims: Sequence[int], seed: int = 3) -> Arrays:
    """Draw every W[l] as ``randn * 10``, which is too large; the biases are zero."""
    return draw(layers_dims, seed, "large")


@also_named(layer_dims="layers_dims")
def initialize_parameters_he(layers_dims: Sequence[int], seed: int = 3) -> Arrays:
    """Draw every W[l] as ``randn * sqrt(2 / n[l-1])``; the biases are zero."""
    return draw(layers_dims, seed, "he")


@also_named(AL="A3", a3="A3")
def compute_cost(A3: Any, Y: Any) -> float:
    """Compute the mean cross-entropy."""
    return cross_entropy(A3, Y)


compute_loss = compute_cost


@also_named(AL="A3")
def compute_cost_with_regularization(A3: Any, Y: Any, parameters: Mapping[str, Any], lambd: float) -> float:
    """Compute the cross-entropy plus ``lambd / (2 m)`` times the sum of all squared weights."""
    given = float_arrays(parameters)
    cost = F.compute_cost(floats(A3), floats(Y), loss="binary_cross_entropy", l2=lambd, parameters=given)
    return float(cost)


cost_with_l2 = compute_cost_with_regularization


def forward_propagation(X: Any, parameters: Any) -> Any:
    """Compute the outputs of the network; for the one-dimensional exercise ``J = theta x``.

    Args:
        X: Examples, (n_x, m); or the number x.
        parameters: ``{"W1", ..., "b3"}``; or the number theta.

    Returns:
        ``(A3, cache)``; or J.
    """
    if not isinstance(parameters, Mapping):
        return X * parameters
    return _forward(X, parameters, keep_prob=1.0, mask_seed=1)


@also_named(parameters=PARAMETERS)
def forward_propagation_with_dropout(
    X: Any, parameters: Mapping[str, Any], keep_prob: float = 0.5, mask_seed: int = 1
) -> Forward:
    """Compute the outputs with inverted dropout on both hidden layers.

    Args:
        X: Examples, (n_x, m).
        parameters: ``{"W1", "b1", "W2", "b2", "W3", "b3"}``.
        keep_prob: Probability that a unit is kept.
        mask_seed: The exercise seeds the masks with 1 in every call.

    Returns:
        A3: (1, m).
        cache: ``(Z1, D1, A1, W1, b1, Z2, D2, A2, W2, b2, Z3, A3, W3, b3)``.
    """
    return _forward(X, parameters, keep_prob, mask_seed, dropout=True)


forward_with_dropout = forward_propagation_with_dropout


def _forward(
    X: Any, parameters: Mapping[str, Any], keep_prob: float, mask_seed: int, dropout: bool = False
) -> Forward:
    random = np.random.RandomState(mask_seed)
    values = float_arrays(parameters)
    A = floats(X)
    for layer in (1, 2, 3):
        Z, _ = F.linear_forward(A, values[f"W{layer}"], values[f"b{layer}"])
        A = F.activation(Z, "sigmoid" if layer == 3 else "relu")
        if dropout and layer < 3:
            values[f"D{layer}"] = random.rand(*A.shape) < keep_prob
            A = A * values[f"D{layer}"] / keep_prob
        values |= {f"Z{layer}": Z, f"A{layer}": A}
    if dropout:
        return Forward(A, DropoutCache(*(values[name] for name in DropoutCache._fields)))
    return Forward(A, Cache(*(values[name] for name in Cache._fields)))


def _named(cache: Any) -> Arrays:
    if isinstance(cache, Mapping):
        return float_arrays(cache)
    names = DropoutCache._fields if len(cache) == len(DropoutCache._fields) else Cache._fields
    return float_arrays(dict(zip(names, cache, strict=True)))


def _backward(X: Any, Y: Any, cache: Any, lambd: float = 0.0, keep_prob: float = 1.0) -> Arrays:
    values = _named(cache) | {"A0": floats(X)}
    dZ = values["A3"] - floats(Y)
    grads: Arrays = {}
    for layer in (3, 2, 1):
        linear_cache = (values[f"A{layer - 1}"], values[f"W{layer}"], values[f"b{layer}"])
        dA, dW, db = F.linear_backward(dZ, linear_cache, l2=lambd)
        grads |= {f"dZ{layer}": dZ, f"dW{layer}": dW, f"db{layer}": db}
        if layer > 1:
            if f"D{layer - 1}" in values:
                dA = dA * values[f"D{layer - 1}"] / keep_prob
            # The course reads the slope of relu from A, which is positive exactly where Z is.
            dZ = F.activation_backward(dA, values[f"A{layer - 1}"], "relu")
            grads[f"dA{layer - 1}"] = dA
    return grads


def backward_propagation(X: Any, Y: Any, cache: Any = None) -> Any:
    """Compute all gradients of the network; for the one-dimensional exercise ``dtheta = x``.

    Args:
        X: Examples, (n_x, m); or the number x.
        Y: Labels, (1, m); or the number theta.
        cache: Of ``forward_propagation``; None in the one-dimensional exercise.

    Returns:
        ``{"dZ3", "dW3", "db3", "dA2", ..., "db1"}``; or dtheta.
    """
    return X if cache is None else _backward(X, Y, cache)


def backward_propagation_with_regularization(X: Any, Y: Any, cache: Any, lambd: float) -> Arrays:
    """Compute all gradients of the cost with the L2 term: dW gains ``lambd / m * W``.

    Args:
        X: Examples, (n_x, m).
        Y: Labels, (1, m).
        cache: Of ``forward_propagation``.
        lambd: The factor of the L2 term.

    Returns:
        ``{"dZ3", "dW3", "db3", "dA2", "dZ2", "dW2", "db2", "dA1", "dZ1", "dW1", "db1"}``.
    """
    return _backward(X, Y, cache, lambd=lambd)


backward_with_l2 = backward_propagation_with_regularization


def backward_propagation_with_dropout(X: Any, Y: Any, cache: Any, keep_prob: float) -> Arrays:
    """Compute all gradients with the masks of the forward pass: ``dA := dA * D / keep_prob``.

    The arguments and the result are those of ``backward_propagation_with_regularization``.
    """
    return _backward(X, Y, cache, keep_prob=keep_prob)


backward_with_dropout = backward_propagation_with_dropout


def update_parameters(
    parameters: Mapping[str, Any], grads: Mapping[str, Any], learning_rate: float
) -> Arrays:
    """Return new parameters: every W and b minus ``learning_rate`` times its gradient."""
    return updated(parameters, grads, learning_rate)


def predict(X: Any, y: Any, parameters: Mapping[str, Any]) -> Array:
    """Return 1 where the output is above 0.5 and 0 elsewhere, (1, m); print the accuracy."""
    p = (_forward(X, parameters, 1.0, 1).A3 > 0.5).astype(np.int64)
    if y is not None:
        print(f"Accuracy: {np.mean(p == floats(y))}")
    return p


def predict_dec(parameters: Mapping[str, Any], X: Any) -> Array:
    """Return True where the output is above 0.5, (1, m), as ``plot_decision_boundary`` needs it."""
    return _forward(X, parameters, 1.0, 1).A3 > 0.5


def load_dataset() -> tuple[Array, Array, Array, Array]:
    """Return the circles of "Initialization": X (2, 300), Y (1, 300), and 100 further examples to test."""
    train, test = data.circles(300, noise=0.05, seed=1), data.circles(100, noise=0.05, seed=2)
    return *as_columns(*train), *as_columns(*test)


def gradient_check(x: float, theta: float, epsilon: float = 1e-7, print_msg: bool = False) -> float:
    """Check the gradient of ``J = theta x``.

    Returns:
        The relative difference ``|g - g~| / (|g| + |g~|)``, g~ by central differences.
    """
    check = central_differences(
        lambda t: x * float(t), theta, backward_propagation(x, theta), epsilon=epsilon
    )
    return _judged(check.difference, print_msg)


def gradient_check_1d(x: float, theta: float, epsilon: float = 1e-7, J: str = "theta*x") -> float:
    """Check the gradient of ``J = theta x``, as ``gradient_check``."""
    if J.replace(" ", "") != "theta*x":
        raise ValueError(f"gradient_check_1d: J must be 'theta*x', the course's function, got {J!r}")
    return gradient_check(x, theta, epsilon)


def forward_propagation_n(X: Any, Y: Any, parameters: Mapping[str, Any]) -> CostForward:
    """Compute the cost of the network and its cache."""
    A3, cache = _forward(X, parameters, 1.0, 1)
    return CostForward(cross_entropy(A3, Y), Cache(*cache))


def backward_propagation_n(X: Any, Y: Any, cache: Any) -> Arrays:
    """Compute all gradients, without the two mistakes that the exercise plants."""
    return _backward(X, Y, cache)


def gradient_check_n(
    parameters: Mapping[str, Any],
    gradients: Mapping[str, Any] | None = None,
    X: Any = None,
    Y: Any = None,
    epsilon: float = 1e-7,
    print_msg: bool = False,
) -> float:
    """Compare the gradients of the network with central differences.

    Args:
        parameters: ``{"W1", "b1", "W2", "b2", "W3", "b3"}``.
        gradients: Of ``backward_propagation_n``; None: they are computed.
        X: Examples, (n_x, m).
        Y: Labels, (1, m).
        epsilon: Half the width of the central difference.
        print_msg: Whether to print a verdict.

    Returns:
        The relative difference over all elements.
    """
    given = float_arrays(parameters)
    if gradients is None:
        gradients = _backward(X, Y, _forward(X, given, 1.0, 1).cache)
    check = central_differences(
        lambda trial: forward_propagation_n(X, Y, trial).cost, given, gradients, epsilon=epsilon
    )
    return _judged(check.difference, print_msg)


def gradient_check_n_detects_error(
    X: Any, Y: Any, parameters: Mapping[str, Any], epsilon: float = 1e-7, planted: str = ""
) -> float:
    """Run ``gradient_check_n`` on the gradients that the exercise plants: dW2 doubled and db1 times 4."""
    gradients = _backward(X, Y, _forward(X, parameters, 1.0, 1).cache)
    wrong = gradients | {"dW2": 2 * gradients["dW2"], "db1": 4 * gradients["db1"]}
    return gradient_check_n(parameters, wrong, X, Y, epsilon)


def _judged(difference: float, print_msg: bool) -> float:
    if print_msg:
        verdict = "There is a mistake in the gradient" if difference > 2e-7 else "The gradient is right"
        print(f"{verdict}: difference = {difference}")
    return difference


def dictionary_to_vector(parameters: Mapping[str, Any]) -> tuple[Array, list[str]]:
    """Return all parameters as one column, and the name of the array that each element comes from."""
    values = [floats(parameters[name]).reshape(-1, 1) for name in PARAMETERS]
    keys = [name for name, value in zip(PARAMETERS, values, strict=True) for _ in range(value.size)]
    return np.concatenate(values), keys


def gradients_to_vector(gradients: Mapping[str, Any]) -> Array:
    """Return all gradients as one column, in the order of ``dictionary_to_vector``."""
    return np.concatenate([floats(gradients[f"d{name}"]).reshape(-1, 1) for name in PARAMETERS])


def vector_to_dictionary(theta: Any) -> Arrays:
    """Return a column of 47 numbers as the parameters of the exercise's network 4-5-3-1."""
    shapes = {"W1": (5, 4), "b1": (5, 1), "W2": (3, 5), "b2": (3, 1), "W3": (1, 3), "b3": (1, 1)}
    flat, start, parameters = floats(theta).reshape(-1), 0, {}
    for name, (rows, columns) in shapes.items():
        parameters[name] = flat[start : start + rows * columns].reshape(rows, columns)
        start += rows * columns
    return parameters


def model(
    X: Any,
    Y: Any,
    learning_rate: float = 0.01,
    num_iterations: int = 15000,
    print_cost: bool = True,
    initialization: str = "he",
    lambd: float = 0.0,
    keep_prob: float = 1.0,
) -> Arrays:
    """Train a network with three layers: n_x-10-5-1, or n_x-20-3-1 if ``initialization`` is "inverse_sqrt".

    Args:
        X: Examples, (n_x, m).
        Y: Labels, (1, m).
        learning_rate: Step size.
        num_iterations: Number of steps.
        print_cost: Whether to print the cost every 1000 iterations.
        initialization: ``"zeros"``, ``"random"``, ``"he"`` or ``"inverse_sqrt"`` (for regularisation).
        lambd: The factor of the L2 term.
        keep_prob: Probability that a hidden unit is kept; the masks are the same in every step.

    Returns:
        ``{"W1", "b1", "W2", "b2", "W3", "b3"}``.
    """
    schemes = {"zeros": "zeros", "random": "large", "he": "he", "inverse_sqrt": "inverse_sqrt"}
    if initialization not in schemes:
        raise ValueError(f"model: initialization must be one of {', '.join(schemes)}, got {initialization!r}")
    hidden = [20, 3] if initialization == "inverse_sqrt" else [10, 5]

    def step(parameters: Arrays) -> tuple[Array, Arrays]:
        A3, cache = _forward(X, parameters, keep_prob, 1, dropout=keep_prob < 1)
        return A3, _backward(X, Y, cache, lambd, keep_prob)

    start = draw([len(X), *hidden, 1], 3, schemes[initialization])
    return descend(
        start,
        step,
        Y,
        learning_rate=learning_rate,
        num_iterations=num_iterations,
        costs_every=1000,
        print_cost=print_cost,
    )[0]
