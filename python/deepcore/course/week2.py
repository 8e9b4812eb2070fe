"""Course 1, week 2: NumPy basics and logistic regression, by the names of the course's notebooks.

X is (n, m) with one example per column, Y is (1, m), w is (n, 1) and b is a number. All results are float64.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from deepcore import data
from deepcore import functional as F
from deepcore.course._arguments import Array, also_named, floats
from deepcore.course._training import cross_entropy, report, report_accuracy

__all__ = [
    "L1",
    "L2",
    "basic_sigmoid",
    "dot",
    "elementwise",
    "flatten_images",
    "image2vector",
    "initialize_with_zeros",
    "load_dataset",
    "model",
    "normalizeRows",
    "normalize_rows",
    "optimize",
    "outer",
    "predict",
    "propagate",
    "sigmoid",
    "sigmoid_derivative",
    "softmax",
    "softmax_rows",
    "sum_keepdims",
]


class LogisticParameters(NamedTuple):
    """Weights and bias of logistic regression."""

    w: Array
    b: float


class Propagation(NamedTuple):
    """Gradients ``{"dw", "db"}`` and the cost at the given parameters."""

    grads: dict[str, Any]
    cost: float


class Optimization(NamedTuple):
    """Parameters ``{"w", "b"}``, the gradients before the last update, and the costs."""

    params: dict[str, Any]
    grads: dict[str, Any]
    costs: list[float]


class Images(NamedTuple):
    """The cat images and labels, as ``load_dataset`` of the course returns them."""

    train_set_x_orig: Array
    train_set_y: Array
    test_set_x_orig: Array
    test_set_y: Array
    classes: Array


@also_named(x="z")
def sigmoid(z: Any) -> Any:
    """Compute ``1 / (1 + exp(-z))`` for a number or an array of any shape."""
    return F.activation(floats(z), "sigmoid")


@also_named(z="x")
def basic_sigmoid(x: Any) -> Any:
    """Compute the sigmoid of a number."""
    return sigmoid(x)


@also_named(z="x")
def sigmoid_derivative(x: Any) -> Any:
    """Compute ``s (1 - s)`` with ``s = sigmoid(x)``, for any shape."""
    return F.activation_derivative(floats(x), "sigmoid")


def image2vector(image: Any) -> Array:
    """Reshape one image (h, w, c) to a column (h w c, 1), row by row with interleaved channels."""
    return np.asarray(image).reshape(-1, 1)


def flatten_images(images: Any) -> Array:
    """Reshape images (m, h, w, c) to (h w c, m): column i is image i."""
    return data.images_to_columns(np.asarray(images))


def normalize_rows(x: Any) -> Array:
    """Divide every row of a matrix by its Euclidean length."""
    x = floats(x)
    return x / np.sqrt(np.square(x).sum(axis=1, keepdims=True))  # type: ignore[no-any-return]


normalizeRows = normalize_rows


def softmax(x: Any) -> Array:
    """Compute the softmax of every row of a matrix."""
    return F.softmax(floats(x).T).T


softmax_rows = softmax


def L1(yhat: Any, y: Any) -> float:
    """Compute the sum of absolute differences."""
    return _total(yhat, y, "absolute_error")


def L2(yhat: Any, y: Any) -> float:
    """Compute the sum of squared differences, without a factor 1/2."""
    return _total(yhat, y, "squared_error")


def _total(yhat: Any, y: Any, loss: str) -> float:
    outputs, labels = floats(yhat).reshape(1, -1), floats(y).reshape(1, -1)
    return float(F.compute_cost(outputs, labels, loss=loss, reduction="sum"))


def dot(a: Any, b: Any) -> Any:
    """Compute the dot product of two vectors."""
    return np.dot(floats(a), floats(b))


def outer(a: Any, b: Any) -> Array:
    """Compute the outer product of two vectors."""
    return np.outer(floats(a), floats(b))


def elementwise(a: Any, b: Any) -> Any:
    """Multiply two arrays element by element."""
    return floats(a) * floats(b)


def sum_keepdims(A: Any) -> dict[str, Array]:
    """Sum a matrix along each axis, with and without ``keepdims=True``."""
    A = floats(A)
    sums = {f"axis{axis}": A.sum(axis=axis) for axis in (0, 1)}
    return sums | {f"axis{axis}_keep": A.sum(axis=axis, keepdims=True) for axis in (0, 1)}


def initialize_with_zeros(dim: int) -> LogisticParameters:
    """Return ``w = zeros (dim, 1)`` and ``b = 0.0``."""
    return LogisticParameters(np.zeros((dim, 1)), 0.0)


def _outputs(w: Any, b: Any, X: Any) -> Array:
    Z, _ = F.linear_forward(floats(X), floats(w).reshape(1, -1), floats(b).reshape(1, 1))
    return F.activation(Z, "sigmoid")


def propagate(w: Any, b: Any, X: Any, Y: Any) -> Propagation:
    """Compute the cost of logistic regression and its gradients.

    Args:
        w: Weights, (n, 1).
        b: Bias, a number.
        X: Examples, (n, m).
        Y: Labels, (1, m).

    Returns:
        grads: ``{"dw": (n, 1), "db": number}``.
        cost: The mean cross-entropy.
    """
    X, Y, w = floats(X), floats(Y), floats(w)
    A = _outputs(w, b, X)
    _, dW, db = F.linear_backward(A - Y, (X, w.reshape(1, -1), floats(b).reshape(1, 1)))
    return Propagation({"dw": dW.T, "db": db[0, 0]}, cross_entropy(A, Y))


def optimize(
    w: Any,
    b: Any,
    X: Any,
    Y: Any,
    num_iterations: int = 100,
    learning_rate: float = 0.009,
    print_cost: bool = False,
    costs_every: int = 100,
) -> Optimization:
    """Run gradient descent on ``w`` and ``b``.

    Args:
        w: Initial weights, (n, 1); not changed.
        b: Initial bias.
        X: Examples, (n, m).
        Y: Labels, (1, m).
        num_iterations: Number of steps.
        learning_rate: Step size.
        print_cost: Whether to print the recorded costs.
        costs_every: The cost is recorded at iterations 0, costs_every, ...; the course uses 100.

    Returns:
        params: ``{"w", "b"}`` after the last step.
        grads: ``{"dw", "db"}`` before the last step.
        costs: The recorded costs.
    """
    w, b, X, Y = floats(w), float(b), floats(X), floats(Y)
    grads: dict[str, Any] = {}
    costs = []
    for i in range(num_iterations):
        grads, cost = propagate(w, b, X, Y)
        if i % costs_every == 0:
            costs.append(cost)
            report(print_cost, i, cost)
        w = w - learning_rate * grads["dw"]
        b = b - learning_rate * grads["db"]
    return Optimization({"w": w, "b": b}, grads, costs)


def predict(w: Any, b: Any, X: Any) -> Array:
    """Return 1.0 where the output is above 0.5, strictly, and 0.0 elsewhere; (1, m)."""
    return (_outputs(w, b, X) > 0.5).astype(np.float64)


def model(
    X_train: Any,
    Y_train: Any,
    X_test: Any,
    Y_test: Any = None,
    num_iterations: int = 2000,
    learning_rate: float = 0.5,
    print_cost: bool = False,
) -> dict[str, Any]:
    """Train logistic regression from zeros and predict both sets.

    Returns:
        ``{"costs", "Y_prediction_test", "Y_prediction_train", "w", "b", "learning_rate",
        "num_iterations"}``.
    """
    w, b = initialize_with_zeros(len(X_train))
    params, _, costs = optimize(w, b, X_train, Y_train, num_iterations, learning_rate, print_cost)
    predictions = {name: predict(**params, X=X) for name, X in (("test", X_test), ("train", X_train))}
    if print_cost:
        report_accuracy("train", predictions["train"], Y_train)
        if Y_test is not None:
            report_accuracy("test", predictions["test"], Y_test)
    return {
        "costs": costs,
        "Y_prediction_test": predictions["test"],
        "Y_prediction_train": predictions["train"],
        **params,
        "learning_rate": learning_rate,
        "num_iterations": num_iterations,
    }


def load_dataset(folder: str = "datasets") -> Images:
    """Read the cat images: (209, 64, 64, 3) and (50, 64, 64, 3), labels (1, 209) and (1, 50), class names.

    Args:
        folder: The folder with ``train_catvnoncat.h5`` and ``test_catvnoncat.h5``.
    """
    X, y, T, t = data.load_cats(folder)
    images = [np.asarray(rows).reshape(-1, 64, 64, 3) for rows in (X, T)]
    classes = np.array([b"non-cat", b"cat"])
    return Images(images[0], y.reshape(1, -1), images[1], t.reshape(1, -1), classes)
