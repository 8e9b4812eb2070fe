"""The metrics that deepcore computes itself, from a confusion table or from residuals.

Values are those of scikit-learn with ``zero_division=0``; importing it would take longer than many trainings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from deepcore.typing import Array

__all__ = ["OF_LABELS", "OF_REALS", "confusion", "log_loss"]

Weight = Array | None


def _ratio(part: Array, whole: Array) -> Array:
    """Return ``part / whole``, and 0 where ``whole`` is 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole != 0)


def _total(values: Array, weight: Weight) -> Array:
    """Return the weighted sum over the examples, for each output, without BLAS (see ``_algebra``)."""
    values = values.astype(np.float64, copy=False)
    return np.asarray((values if weight is None else (values.T * weight).T).sum(axis=0))


def _counts(y: Array, labels: Array, weight: Weight, binary: bool) -> tuple[Array, Array, Array, Array]:
    """Return for each class the weight of the right, predicted and true examples, and whether y has it.

    Several labels per example, (m, k), are k classes of their own; of ``binary`` only class 1 counts.
    """
    if y.ndim == 2:
        classes, there = None, np.ones(y.shape[1], bool)
        predicted, true = labels == 1, y == 1
    else:
        classes = np.array([1]) if binary else np.union1d(y, labels)
        predicted, true = labels[:, None] == classes, y[:, None] == classes
        there = true.any(axis=0)
    right, predicted, true = (_total(each, weight) for each in (predicted & true, predicted, true))
    return right, predicted, true, there


def confusion(codes: Array, predicted: Array, classes: int) -> Array:
    """Count the examples of each true class (row) that were predicted as each class (column)."""
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (codes, predicted), 1)
    return table


def precision(y: Array, labels: Array, weight: Weight, binary: bool) -> float:
    """Of what was predicted as a class, the part that is of it; the mean over the classes."""
    right, predicted, _, _ = _counts(y, labels, weight, binary)
    return float(_ratio(right, predicted).mean())


def recall(y: Array, labels: Array, weight: Weight, binary: bool) -> float:
    """Of the examples of a class, the part that was predicted as it; the mean over the classes."""
    right, _, true, _ = _counts(y, labels, weight, binary)
    return float(_ratio(right, true).mean())


def f1(y: Array, labels: Array, weight: Weight, binary: bool) -> float:
    """Harmonic mean of precision and recall; the mean over the classes."""
    right, predicted, true, _ = _counts(y, labels, weight, binary)
    return float(_ratio(2 * right, predicted + true).mean())


def balanced_accuracy(y: Array, labels: Array, weight: Weight, binary: bool) -> float:
    """Mean over the classes that occur of the part of their examples that was predicted right."""
    right, _, true, there = _counts(y, labels, weight, binary=False)
    return float(_ratio(right, true)[there & (true > 0)].mean())


def log_loss(y: Array, probabilities: Array, weight: Weight) -> float:
    """Mean of ``-log(p)`` of the true class; p is at least the rounding error of its dtype.

    Args:
        y: Labels, (m,).
        probabilities: Of class 1, (m,), or of every class, (m, k).
        weight: (m,) or None.
    """
    eps = np.finfo(probabilities.dtype).eps
    p = np.clip(probabilities, eps, 1 - eps).astype(np.float64)
    of_true = p[np.arange(len(y)), y] if p.ndim == 2 else np.where(y == 1, p, 1 - p)
    return float(np.average(-np.log(of_true), weights=weight))


def _mean(values: Array, weight: Weight) -> Array:
    """Return the weighted mean over the examples, for each output."""
    return np.asarray(np.average(values, axis=0, weights=weight))


def mae(y: Array, outputs: Array, weight: Weight) -> float:
    """Mean absolute error; the mean over the outputs."""
    return float(_mean(np.abs(y - outputs), weight).mean())


def mse(y: Array, outputs: Array, weight: Weight) -> float:
    """Mean squared error; the mean over the outputs."""
    return float(_mean((y - outputs) ** 2, weight).mean())


def rmse(y: Array, outputs: Array, weight: Weight) -> float:
    """Root of the mean squared error of each output; the mean over the outputs."""
    return float(np.sqrt(_mean((y - outputs) ** 2, weight)).mean())


def r2(y: Array, outputs: Array, weight: Weight) -> float:
    """``1 - residual / total sum of squares``; the mean over the outputs. NaN for a single example.

    An output whose targets are all equal counts 1 if they are met exactly, else 0.
    """
    if len(y) < 2:
        return float("nan")
    residual, total = _total((y - outputs) ** 2, weight), _total((y - _mean(y, weight)) ** 2, weight)
    scores = np.where(total != 0, 1 - residual / np.where(total != 0, total, 1), residual == 0)
    return float(scores.mean())


#: Metrics of labels: ``metric(y, labels, weight, binary)``.
OF_LABELS: Mapping[str, Callable[[Array, Array, Weight, bool], float]] = {
    "balanced_accuracy": balanced_accuracy,
    "f1": f1,
    "precision": precision,
    "recall": recall,
}
#: Metrics of real targets: ``metric(y, outputs, weight)``, in float64.
OF_REALS: Mapping[str, Callable[[Array, Array, Weight], float]] = {
    "mae": mae,
    "mse": mse,
    "rmse": rmse,
    "r2": r2,
}
