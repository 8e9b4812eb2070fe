"""The rows of a stream are checked as ``fit`` checks its arrays, and messages name the file and the row."""

from __future__ import annotations

from typing import Any

import numpy as np

from deepcore import _checks, catalog
from deepcore._network import examples
from deepcore._network.examples import Examples
from deepcore._network.spec import Spec
from deepcore._streaming.buffers import Check
from deepcore._streaming.chunks import Chunk
from deepcore.typing import Array, ClassWeight

__all__ = ["for_any_model", "for_model"]


def for_model(who: str, spec: Spec, class_weight: ClassWeight = None) -> Check:
    """Return the check of the rows that a model of this spec is trained on by the method ``who``.

    Args:
        who: Name of the method.
        spec: Of the model.
        class_weight: As ``fit`` takes it, but not ``"balanced"``; it multiplies the weights of the rows.
    """
    loss = catalog.losses[spec.loss]

    def check(name: str, chunk: Chunk, first: int, of: int | None) -> Examples:
        head = f"{who}: {name}"
        X = _dense(head, chunk.X, spec.inputs, spec.dtype, first, of)
        y = examples.targets(head, chunk.y, len(X), spec.outputs, spec.output, loss, spec.dtype, first)
        weight = _weight(head, chunk.weight, len(X), spec.dtype, first)
        if class_weight is not None:
            by_class = examples.class_weights(head, class_weight, y, spec.outputs)
            weight = _product(head, chunk.weight, by_class, spec.dtype)
        return Examples(X, y, weight)

    return check


def for_any_model(columns: int, dtype: np.dtype[Any]) -> Check:
    """Return a check of rows that says nothing of the targets but that they are numbers, one row for each."""

    def check(name: str, chunk: Chunk, first: int, of: int | None) -> Examples:
        head = f"stream: {name}"
        X = _dense(head, chunk.X, columns, dtype, first, of)
        y = _checks.numbers(head, "y", chunk.y)
        if y.ndim == 0 or len(y) != len(X):
            raise ValueError(f"{head}: y must have {len(X)} rows like X, got shape {y.shape}")
        return Examples(X, y, _weight(head, chunk.weight, len(X), dtype, first))

    return check


def _dense(head: str, X: object, columns: int, dtype: np.dtype[Any], first: int, of: int | None) -> Array:
    if examples.is_sparse(X):
        raise TypeError(f"{head}: X must be dense in a stream, got a sparse matrix; use X.toarray()")
    return examples.features(head, X, columns, dtype, first=first, of=of)


def _weight(head: str, given: object, rows: int, dtype: np.dtype[Any], first: int) -> Array | None:
    """Check the weights; unlike those of ``fit``, all weights of a chunk may be 0."""
    if given is None:
        return None
    array = _checks.numbers(head, "sample_weight", given)
    if array.shape != (rows,):
        raise ValueError(f"{head}: sample_weight must have shape ({rows},) like y, got {array.shape}")
    weight = _checks.converted(head, "sample_weight", array, dtype, first)
    if not (weight >= 0).all():
        row = int((weight < 0).argmax())
        raise ValueError(
            f"{head}: sample_weight must not be negative, got {weight[row]} in row {first + row}"
        )
    return np.where(weight < np.finfo(dtype).tiny, 0, weight).astype(dtype)


def _product(head: str, given: object, by_class: Array, dtype: np.dtype[Any]) -> Array:
    """Multiply checked weights and those of the classes, with the bits of ``fit``."""
    total = by_class if given is None else by_class * np.asarray(given, np.float64)
    most = float(np.finfo(dtype).max) * 1e-8
    if not (total <= most).all():
        raise ValueError(
            f"{head}: sample_weight times class_weight must be at most {most:.0e} in {dtype}, got "
            f"{total.max():g}; divide them by their mean"
        )
    return np.where(total < np.finfo(dtype).tiny, 0, total).astype(dtype)
