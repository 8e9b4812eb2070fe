"""This rule turns a network's outputs into labels; everything that predicts labels calls it."""

from __future__ import annotations

import numpy as np

from deepcore.typing import Array

__all__ = ["labels"]


def labels(
    outputs: Array, activation: str, threshold: float = 0.5, axis: int = -1, who: str | None = None
) -> Array:
    """Find the label of each example: the largest softmax output, or 1 where a sigmoid exceeds ``threshold``.

    Args:
        outputs: Output activations; for softmax ``axis`` runs over the classes.
        activation: The output activation, ``"softmax"`` or ``"sigmoid"``.
        threshold: For sigmoid; an output that equals it is labelled 0.
        axis: The axis of the output units.
        who: Name of the calling function, which refuses outputs that are NaN; None: they get label -1, which
            no example has.

    Returns:
        int64; softmax without ``axis``, sigmoid of the shape of ``outputs``.

    Raises:
        ValueError: if ``who`` is given and an output is NaN.
    """
    unknown = np.isnan(outputs)
    all_known = not np.count_nonzero(unknown)
    if who is not None and not all_known:
        raise ValueError(
            f"{who}: outputs must be numbers to become labels, got nan; are the parameters finite, or the "
            "features too large?"
        )
    if all_known:
        return (
            outputs.argmax(axis=axis) if activation == "softmax" else (threshold < outputs).astype(np.int64)
        )
    if activation == "softmax":
        return np.where(unknown.any(axis=axis), -1, outputs.argmax(axis=axis))
    return np.where(unknown, -1, threshold < outputs)
