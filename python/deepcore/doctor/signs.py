"""Numbers that show how a run fares: the scale of its data, and what happens inside the network."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deepcore._network.examples import Examples
from deepcore._network.network import Network
from deepcore._network.units import dead_units
from deepcore.history import History
from deepcore.typing import Array

__all__ = ["Inside", "Scale", "copies_of", "exploded", "related", "repeated", "spread_out", "standardizer"]

_EXAMPLES = 512  # that are traced
_SATURATED = {"tanh": (-0.99, 0.99), "softsign": (-0.99, 0.99), "hard_tanh": (-0.99, 0.99)} | {
    "sigmoid": (0.01, 0.99),
    "hard_sigmoid": (0.01, 0.99),
}


@dataclass(frozen=True)
class Scale:
    """Location and spread of the columns of an array.

    Attributes:
        size: Largest root mean square of a column.
        spread: Largest standard deviation.
        offset: Largest distance of a column's mean from 0, in its standard deviations.
        smallest: Smallest standard deviation.
    """

    size: float
    spread: float
    offset: float
    smallest: float

    @classmethod
    def of(cls, array: Array) -> Scale:
        """Measure the columns that vary."""
        columns = np.asarray(array, np.float64).reshape(len(array), -1)
        mean, spread = columns.mean(axis=0), columns.std(axis=0)
        varies = spread > 1e-12 * np.maximum(1.0, np.abs(mean))
        if not varies.any():
            return cls(float(np.abs(mean).max()), 0.0, 0.0, 0.0)
        mean, spread = mean[varies], spread[varies]
        size = np.hypot(mean, spread)
        return cls(
            float(size.max()), float(spread.max()), float((np.abs(mean) / spread).max()), float(spread.min())
        )


@dataclass(frozen=True)
class Inside:
    """What a pass over some examples shows in each layer; lists have one number per hidden layer.

    Attributes:
        dead: Share of the units that are 0 for every example; 0 for activations that do not die.
        saturated: Share of the values at the limits of the activation.
        gradients: Root mean square of dW of every layer, the last one too.
        equal: Whether all units of the layer have equal weights.
    """

    dead: list[float]
    saturated: list[float]
    gradients: list[float]
    equal: list[bool]

    @classmethod
    def of(cls, network: Network, data: Examples) -> Inside:
        """Trace up to 512 examples, at equal distances."""
        layers = network.spec.layers
        with np.errstate(all="ignore"):
            trace = network.trace(spread_out(data, _EXAMPLES), kinds=("A", "dW"))
            gradients = [
                float(np.sqrt(np.mean(np.square(trace[f"dW{i}"], dtype=np.float64))))
                for i in range(1, len(layers) + 1)
            ]
        dead, saturated, equal = [], [], []
        for i, layer in enumerate(layers[:-1], start=1):
            A, W = trace[f"A{i}"], network.parameters[f"W{i}"]
            dead.append(len(dead_units(network.spec, i, A)) / layer.units)
            name = "" if layer.parametric else layer.activation
            low, high = _SATURATED.get(name, (-math.inf, math.inf))
            saturated.append(float((np.less(A, low) | np.greater(A, high)).mean()))
            equal.append(len(W) > 1 and bool(np.abs(W - W[:1]).max() <= 1e-6 * max(1e-12, np.abs(W).max())))
        return cls(dead, saturated, gradients, equal)

    @property
    def largest_gradient(self) -> float:
        """The largest root mean square of the gradients; inf if one is not finite."""
        return max(g if math.isfinite(g) else math.inf for g in self.gradients)

    @property
    def vanishing(self) -> bool:
        """Whether the first layer's gradient is at most 1/100 of the last one's, or both are nothing."""
        first, last = self.gradients[0], self.gradients[-1]
        return len(self.gradients) >= 4 and (first <= last / 100 or max(first, last) < 1e-7)


def exploded(history: History, start: Inside) -> str | None:
    """Say by which number a run exploded: its loss, or a gradient; None if it did not."""
    if history.diverged_at_step is not None:
        return f"the loss was no longer finite at step {history.diverged_at_step}"
    loss = history["loss"]
    if loss and not loss[-1] < 10 * loss[0]:
        return f"the loss rose from {loss[0]:.3g} to {loss[-1]:.3g}"
    if not start.largest_gradient <= 1000:
        size = f"{start.largest_gradient:.3g}"
        return f"the root mean square of a layer's gradient was {size} before the first step"
    return None


def spread_out(data: Examples, most: int) -> Examples:
    """Take at most so many examples at equal distances, because the first ones of sorted data are alike."""
    m = len(data.y)
    return data if m <= most else data.take(np.linspace(0, m - 1, most).astype(np.int64))


def standardizer(like: Array) -> Callable[[Array], Array]:
    """Return a function that scales columns by the mean and standard deviation of those of ``like``."""
    mean = like.mean(axis=0, dtype=np.float64)
    spread = like.std(axis=0, dtype=np.float64)
    spread[spread <= 1e-12 * np.maximum(1.0, np.abs(mean))] = 1.0
    return lambda X: np.asarray((X - mean) / spread)


def copies_of(data: Examples, watched: Examples) -> Array:
    """Find which watched examples occur among the training examples, features and target alike."""
    training = set(_keys(data))
    return np.array([key in training for key in _keys(watched)])


def repeated(data: Examples) -> float:
    """Compute the share of the examples that occur more than once."""
    keys = _keys(data)
    counts = Counter(keys)
    return sum(counts[key] > 1 for key in keys) / len(keys)


def _keys(data: Examples) -> list[tuple[bytes, bytes]]:
    X, y = np.ascontiguousarray(data.X) + 0.0, np.ascontiguousarray(data.y) + 0  # -0 becomes 0
    return list(zip(_rows(X), _rows(y), strict=True))


def _rows(array: Array) -> list[bytes]:
    """The bytes of each row; slices of all bytes are several times as fast as ``tobytes`` of each row."""
    everything, size = array.tobytes(), array.strides[0]
    return [everything[first : first + size] for first in range(0, len(everything), size)]


def related(X: Array, truth: Array, classes: bool) -> float:
    """Measure how sure it is that targets depend on their rows, in standard deviations.

    Two predictors are tried on rows that they have not seen: the five nearest rows, and a linear model.

    Args:
        X: Features, (m, n_x).
        truth: Classes (m,) as numbers from 0, or targets (m, n).
        classes: Whether they are classes.
    """
    X = standardizer(X)(X)  # in float64
    targets = np.eye(int(truth.max()) + 1)[truth] if classes else truth.astype(np.float64)
    guesses = [_nearest(X, targets), _linear(X, targets)]
    return max(_correlation(guess, targets) for guess in guesses)


def _nearest(X: Array, targets: Array) -> Array:
    square = (X**2).sum(axis=1)
    distance = square[:, None] + square[None, :] - 2 * X @ X.T
    distance[distance <= 1e-9 * (1 + square[:, None])] = np.inf  # the row itself, and copies of it
    near = np.argpartition(distance, min(5, len(X) - 1), axis=1)[:, :5]
    return np.asarray(targets[near].mean(axis=1))


def _linear(X: Array, targets: Array, folds: int = 4) -> Array:
    guess = np.empty_like(targets)
    fold = np.arange(len(X)) % folds
    for part in range(folds):
        seen = fold != part
        A, center = X[seen], targets[seen].mean(axis=0)
        penalty = 0.1 * len(A)
        if A.shape[1] <= len(A):
            w = np.linalg.solve(A.T @ A + penalty * np.eye(A.shape[1]), A.T @ (targets[seen] - center))
        else:
            w = A.T @ np.linalg.solve(A @ A.T + penalty * np.eye(len(A)), targets[seen] - center)
        guess[~seen] = X[~seen] @ w + center
    return guess


def _correlation(guess: Array, targets: Array) -> float:
    with np.errstate(all="ignore"):
        found = [np.corrcoef(g, t)[0, 1] for g, t in zip(guess.T, targets.T, strict=True)]
    return float(np.nanmax([*found, 0.0])) * math.sqrt(len(targets))
