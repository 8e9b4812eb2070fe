"""Compute products of matrices, sums of squares and norms without BLAS.

The threads of NumPy's BLAS stay awake for a tenth of a second after a call, and take that time from a
training on several threads. What runs between two epochs must therefore not use ``@``, ``np.dot`` or
``np.linalg``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from deepcore import _core
from deepcore.typing import Array

__all__ = ["norm", "product", "sum_of_squares"]


def product(A: Array, B: Array) -> Array:
    """Return ``A @ B``; both are matrices of the same dtype, float32 or float64."""
    return _core.linear_forward(B, A, np.zeros((len(A), 1), A.dtype))


def sum_of_squares(values: ArrayLike) -> float:
    """Return the sum of the squares in float64."""
    plain = _core.sum_of_squares_as_given(values)
    return float(np.square(np.asarray(values, np.float64)).sum()) if plain is None else plain


def norm(values: Array) -> float:
    """Return the Frobenius norm in float64."""
    return math.sqrt(sum_of_squares(values))
