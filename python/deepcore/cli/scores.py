"""Numbers that say how good predictions are: of classes, and of quantities in the units of the labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deepcore import _scores
from deepcore.typing import Array

__all__ = ["of_classes", "of_numbers", "per_class"]

_NOT_FINITE = "the predictions of the model are not finite; try a smaller --learning-rate"


def of_classes(codes: Array, probabilities: Array) -> dict[str, float]:
    """Return the number of examples, the mean cross-entropy and the accuracy.

    Args:
        codes: The true classes, (m,).
        probabilities: Of every class, (m, k).

    Raises:
        ValueError: If a probability is NaN.
    """
    if np.isnan(probabilities).any():
        raise ValueError(_NOT_FINITE)
    return {
        "examples": len(codes),
        "loss": _scores.log_loss(codes, probabilities, None),
        "accuracy": float((probabilities.argmax(axis=1) == codes).mean()),
    }


def of_numbers(y: Array, values: Array) -> dict[str, float]:
    """Return the number of examples, rmse and mae in the units of the labels, and r2; means over the labels.

    Args:
        y: The labels, (m,) or (m, k).
        values: The predictions, of the same shape.

    Raises:
        ValueError: If a prediction is not finite.
    """
    if not np.isfinite(values).all():
        raise ValueError(_NOT_FINITE)
    y = y.reshape(len(y), -1).astype(np.float64)
    values = values.reshape(len(y), -1).astype(np.float64)
    # Relative to the largest value, so that squares of huge labels do not overflow.
    unit = max(float(np.abs(y).max()), float(np.abs(values).max())) or 1.0
    y, values = y / unit, values / unit
    scores = {
        "examples": len(y),
        "rmse": _scores.rmse(y, values, None) * unit,
        "mae": _scores.mae(y, values, None) * unit,
    }
    # R^2 compares with predicting the mean; it has no value if a label does not vary.
    if np.ptp(y, axis=0).all():
        scores["r2"] = _scores.r2(y, values, None)
    return scores


def per_class(table: Array, classes: Sequence[object]) -> list[dict[str, Any]]:
    """Return precision, recall, f1 and support of each class, from the table that ``confusion`` counted."""
    right, true, predicted = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    return [
        {
            "class": name,
            "precision": _ratio(right[i], predicted[i]),
            "recall": _ratio(right[i], true[i]),
            "f1": _ratio(2 * right[i], predicted[i] + true[i]),
            "support": int(true[i]),
        }
        for i, name in enumerate(classes)
    ]


def _ratio(part: int, whole: int) -> float:
    return float(part / whole) if whole else 0.0
