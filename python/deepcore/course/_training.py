"""Initial weights and the training loop that the weeks share. Examples are columns, arrays are float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from deepcore import functional as F
from deepcore._course_weights import legacy_normals
from deepcore.course._arguments import Array, Arrays, float_arrays, floats

# Standard deviation of the weights of a layer that reads n_prev values.
SCALES: dict[str, Callable[[int], float]] = {
    "zeros": lambda n_prev: 0.0,
    "small": lambda n_prev: 0.01,
    "large": lambda n_prev: 10.0,
    "inverse_sqrt": lambda n_prev: 1.0 / float(np.sqrt(n_prev)),
    "he": lambda n_prev: float(np.sqrt(2.0 / n_prev)),
}


def draw(layer_dims: Sequence[int], seed: int, scheme: str) -> Arrays:
    """Draw the course's initial parameters: NumPy's legacy ``randn`` times a scale, layer by layer; b = 0.

    The numbers are those of ``np.random.seed(seed)`` followed by ``np.random.randn`` for W1, W2, ...
    NumPy's global generator is left alone.

    Args:
        layer_dims: n[0] = n_x, n[1], ..., n[L].
        seed: The seed that the exercise prints.
        scheme: A name of ``SCALES``.

    Returns:
        ``{"W1": (n1, n_x), "b1": (n1, 1), ..., "WL": ..., "bL": ...}``.
    """
    parameters = {}
    for layer, W in enumerate(legacy_normals(layer_dims, seed), start=1):
        # The course divides by sqrt(n_prev); multiplying by 1 / sqrt(n_prev) differs in the last bit.
        n, n_prev = W.shape
        scaled = W / np.sqrt(n_prev) if scheme == "inverse_sqrt" else W * SCALES[scheme](n_prev)
        parameters[f"W{layer}"] = scaled
        parameters[f"b{layer}"] = np.zeros((n, 1))
    return parameters


def cross_entropy(AL: Any, Y: Any) -> float:
    """Compute the mean cross-entropy of the outputs AL (1, m) for the labels Y (1, m)."""
    return float(F.compute_cost(floats(AL), floats(Y), loss="binary_cross_entropy"))


def updated(parameters: Mapping[str, Any], grads: Mapping[str, Any], learning_rate: float) -> Arrays:
    """Return new parameters after one step of gradient descent."""
    return F.update_parameters(float_arrays(parameters), float_arrays(grads), learning_rate=learning_rate)


def descend(
    parameters: Arrays,
    step: Callable[[Arrays], tuple[Array, Arrays]],
    Y: Any,
    *,
    learning_rate: float,
    num_iterations: int,
    costs_every: int,
    print_cost: bool,
) -> tuple[Arrays, list[float]]:
    """Run full-batch gradient descent.

    Args:
        parameters: Initial parameters.
        step: Returns the outputs AL and the gradients at given parameters.
        Y: Labels, (1, m).
        learning_rate: Step size.
        num_iterations: Number of steps.
        costs_every: The cost is recorded at the iterations 0, costs_every, 2 costs_every, ...
        print_cost: Whether to print the recorded costs.

    Returns:
        The parameters after the last step, and the recorded costs.
    """
    costs = []
    for i in range(num_iterations):
        AL, grads = step(parameters)
        if i % costs_every == 0:
            costs.append(cross_entropy(AL, Y))
            report(print_cost, i, costs[-1])
        parameters = updated(parameters, grads, learning_rate)
    return parameters, costs


def report(print_cost: bool, iteration: int, cost: float) -> None:
    """Print the cost of an iteration if the exercise asked for it."""
    if print_cost:
        print(f"Cost after iteration {iteration}: {cost:f}")


def report_accuracy(part: str, predictions: Array, Y: Any) -> None:
    """Print the percentage of right labels."""
    wrong = np.abs(floats(predictions) - floats(Y)).mean()
    print(f"{part} accuracy: {100 - 100 * wrong} %")
