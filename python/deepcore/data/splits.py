"""Random splits into a training part and a test part, which are the same on every machine."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepcore import _core
from deepcore.typing import Array

__all__ = ["split_indices", "train_test_split"]

# An epoch number that no training reaches: the split and the shuffles of one seed are independent.
_SPLIT_EPOCH = 2**31 - 1


def split_indices(
    m: int, test_size: float = 0.2, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers of a random training part and a random test part; the same on every machine.

    Args:
        m: Number of examples.
        test_size: Fraction of the examples in the test part, in [0, 1); rounded to a whole number of them.
        seed: Seed of deepcore's own permutation.

    Returns:
        (train, test): int64 row numbers, together 0 ... m - 1. With ``test_size=0`` test is empty.

    Raises:
        ValueError: if test_size is out of range, or one of the parts would be empty.
    """
    if not 0 <= test_size < 1:
        msg = f"split_indices: test_size must be a fraction in [0, 1), got {test_size}"
        raise ValueError(msg)
    count = round(m * test_size)
    if m < 1 or count == m or (test_size > 0 and count == 0):
        msg = f"split_indices: {m} examples are too few for test_size={test_size}"
        raise ValueError(msg)
    order = _core.permutation(seed, _SPLIT_EPOCH, m)
    return order[count:], order[:count]


def train_test_split(
    X: Any, y: Any, test_size: float = 0.2, seed: int = 0
) -> tuple[Array, Array, Array, Array]:
    """Shuffle and split: ``X_train, X_test, y_train, y_test`` (scikit-learn's order).

    Args:
        X: Examples along the first axis.
        y: As many labels.
        test_size: Fraction of the examples in the test part.
        seed: Seed of deepcore's own permutation.

    Raises:
        ValueError: if X and y differ in length, or ``split_indices`` refuses.
    """
    X, y = np.asarray(X), np.asarray(y)
    if X.ndim == 0 or y.ndim == 0 or len(X) != len(y):
        msg = f"train_test_split: y must have as many rows as X, got shapes {X.shape} and {y.shape}"
        raise ValueError(msg)
    train, test = split_indices(len(X), test_size, seed)
    return X[train], X[test], y[train], y[test]
