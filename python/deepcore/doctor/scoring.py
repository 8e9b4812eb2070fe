"""What a training run has to predict, found in its targets, and how well outputs do it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepcore._network.spec import Spec
from deepcore.typing import Array

__all__ = ["Task"]

#: Numbers that take at most so many values, each of them often, are taken as class labels.
_MOST_CLASSES = 20
_ROWS_PER_CLASS = 5


@dataclass(frozen=True)
class Task:
    """What has to be predicted.

    Attributes:
        kind: ``"classes"``, ``"bits"`` (several yes or no answers per example) or ``"numbers"``.
        values: For classes in one column, the labels that occur, sorted; else None.
    """

    kind: str
    values: Array | None = None

    @classmethod
    def of(cls, spec: Spec, y: Array) -> Task:
        """Find the task of checked targets: labels (m,) for softmax, else an array (m, n_L)."""
        if spec.output == "softmax":
            return cls("classes")
        if y.shape[1] > 1:
            binary = bool(np.isin(y, (0, 1)).all())
            if binary and bool((y.sum(axis=1) == 1).all()):
                return cls("classes")
            return cls("bits") if binary else cls("numbers")
        values, counts = np.unique(y, return_counts=True)
        if spec.output == "sigmoid" and bool(np.isin(values, (0, 1)).all()):
            return cls("classes", np.array([0.0, 1.0]))
        if len(values) == 2 or _are_labels(values, counts):
            return cls("classes", values)
        return cls("numbers")

    @property
    def measure(self) -> str:
        """Name of the score."""
        return "r2" if self.kind == "numbers" else "accuracy"

    @property
    def margin(self) -> float:
        """The smallest difference of two scores that means something."""
        return 0.08 if self.kind == "numbers" else 0.04

    def truth(self, y: Array) -> Array:
        """Return the class of each example as a number from 0; for other tasks ``y`` as (m, n_L)."""
        if self.kind != "classes":
            return y
        if self.values is not None:
            return self._nearest(y)
        return y.argmax(axis=1) if y.ndim == 2 else y

    def answers(self, outputs: Array) -> Array:
        """Turn outputs (m, n_L) into classes or bits; numbers stay what they are."""
        if self.kind == "numbers":
            return outputs
        if self.kind == "bits":
            return (outputs > 0.5).astype(outputs.dtype)
        return self._nearest(outputs) if self.values is not None else outputs.argmax(axis=1)

    def score(self, outputs: Array, y: Array) -> float:
        """Compute the accuracy, or R2 cut off at -1; outputs that are not finite get the worst score."""
        if not np.isfinite(outputs).all():
            return -1.0 if self.kind == "numbers" else 0.0
        return self.score_of_answers(self.answers(outputs), self.truth(y))

    def score_of_answers(self, answers: Array, truth: Array) -> float:
        """Score answers of ``answers`` against ``truth``."""
        if self.kind != "numbers":
            return float((answers == truth).mean())
        truth = truth.astype(np.float64)
        spread = ((truth - truth.mean(axis=0)) ** 2).sum()
        error = ((answers - truth) ** 2).sum()
        return max(-1.0, float(1 - error / spread)) if spread > 0 else float(error == 0)

    def _nearest(self, column: Array) -> Array:
        assert self.values is not None
        return np.asarray(np.abs(column.reshape(-1, 1) - self.values[None, :]).argmin(axis=1))


def _are_labels(values: Array, counts: Array) -> bool:
    """Whether numbers look like class labels: few equally spaced values, each of which occurs often."""
    if not 2 < len(values) <= _MOST_CLASSES or counts.sum() < _ROWS_PER_CLASS * len(values):
        return False
    gaps = np.diff(values)
    return bool(np.ptp(gaps) <= 1e-3 * gaps.mean()) and int(counts.min()) > 1


def balanced(task: Task, answers: Array, truth: Array) -> float:
    """Compute the mean over the classes of the share of their examples that is predicted."""
    return float(np.mean([(answers[truth == c] == c).mean() for c in np.unique(truth)]))
