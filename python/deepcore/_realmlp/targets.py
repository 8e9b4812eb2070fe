"""Targets of RealMLP: what the network is trained on, predictions made of its outputs, and their error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deepcore.typing import Array

__all__ = ["Classes", "Numbers"]


@dataclass(frozen=True)
class Classes:
    """Labels from 0 to ``count - 1``; the network has a softmax output for each."""

    count: int

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return self.count

    def encode(self, y: Array, dtype: Any) -> Array:
        """Return y as the network is trained on it."""
        return np.ascontiguousarray(y, np.int64)

    def decode(self, outputs: Array) -> Array:
        """Return probabilities, (m, count)."""
        return outputs.astype(np.float64)

    def scale(self) -> dict[str, Any]:
        """Return further arguments of ``TableMember``: none."""
        return {}

    def error(self, y: Array, predicted: Array, metric: str = "error", weight: Array | None = None) -> float:
        """Return the share of wrong labels or the mean cross-entropy; nan and inf count as probability 0."""
        finite = np.where(np.isfinite(predicted), predicted, -1.0)
        if metric == "cross_entropy":
            own = np.clip(finite[np.arange(len(y)), y], np.finfo(np.float32).tiny, 1)
            return float(np.average(-np.log(own), weights=weight))
        wrong = (finite.argmax(axis=1) != y) | (finite < 0).all(axis=1)
        return float(np.average(wrong, weights=weight))


@dataclass(frozen=True)
class Numbers:
    """Real targets, (m, k), which are scaled to mean 0 and variance 1 for training."""

    mean: Array
    deviation: Array
    low: Array | None
    high: Array | None

    @classmethod
    def fit(cls, y: Array, clamp: bool) -> Numbers:
        """Learn from the targets of the training rows; ``clamp`` keeps predictions within them."""
        y = y.astype(np.float64)
        low, high, exponent = y.min(axis=0), y.max(axis=0), _exponent(y, axis=0)
        small = np.ldexp(y, -exponent)
        mean, deviation = np.ldexp(small.mean(axis=0), exponent), np.ldexp(small.std(axis=0), exponent)
        same = low == high  # the mean of equal numbers may be rounded
        mean, deviation = np.where(same, low, mean), np.where(same, 0.0, deviation)
        return cls(mean, deviation, low if clamp else None, high if clamp else None)

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return len(self.mean)

    def encode(self, y: Array, dtype: Any) -> Array:
        """Return y as the network is trained on it."""
        deviation = np.where(self.deviation > 0, self.deviation, 1.0)
        return np.ascontiguousarray((y - self.mean) / deviation, dtype)

    def decode(self, outputs: Array) -> Array:
        """Return outputs on the scale of y."""
        y: Array = outputs.astype(np.float64) * self.deviation + self.mean
        return y if self.low is None else np.clip(y, self.low, self.high)

    def scale(self) -> dict[str, Any]:
        """Return the arguments with which a ``TableMember`` decodes in the same way."""
        return {"shift": self.mean, "scale": self.deviation, "low": self.low, "high": self.high}

    def error(self, y: Array, predicted: Array, metric: str = "error", weight: Array | None = None) -> float:
        """Return the root mean squared error over rows and targets; rows with nan or inf count as 0."""
        finite = np.where(np.isfinite(predicted).all(axis=1, keepdims=True), predicted, 0.0)
        exponent = _exponent(finite - y)
        squares = np.ldexp(finite - y, -exponent) ** 2
        return float(np.ldexp(np.sqrt(np.average(squares.mean(axis=1), weights=weight)), exponent))


def _exponent(values: Array, axis: int | None = None) -> Any:
    """Return the exponent e of the largest value; squares of values / 2**e neither overflow nor vanish."""
    return np.frexp(np.abs(values).max(axis=axis, initial=0.0))[1]
