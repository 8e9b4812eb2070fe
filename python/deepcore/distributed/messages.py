"""What ranks tell each other besides sums: a row of numbers per rank, exact in messages of float32 too."""

from __future__ import annotations

import numpy as np

from deepcore.typing import Array

__all__ = ["HEADER", "packed", "unpacked"]

#: Names of the numbers that travel with the sums of a rank.
HEADER = ("loss", "loss_error", "weight", "weight_error", "count", "digest_high", "digest_low", "failed")


def packed(numbers: Array, dtype: np.dtype[np.floating]) -> Array:
    """Return float64 numbers as four times as many small integers, which float32 and float64 hold exactly."""
    return np.ascontiguousarray(numbers, np.float64).reshape(-1).view(np.uint16).astype(dtype)


def unpacked(message: Array) -> Array:
    """Reverse ``packed``."""
    return np.ascontiguousarray(message).astype(np.uint16).view(np.float64)
