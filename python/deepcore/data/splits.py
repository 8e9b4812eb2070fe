"""Random splits into a training part and a test part; they are the same on every machine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepcore import _checks, _core
from deepcore.typing import Array

__all__ = ["split_indices", "train_test_split"]

# An epoch number that no training reaches: the split and the shuffles of one seed are independent.
_SPLIT_EPOCH = 2**31 - 1


def split_indices(
    m: int, test_size: float = 0.2, seed: int = 0, stratify: Any = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw the row numbers of a training part and of a test part; they are the same on every machine.

    Args:
        m: Number of examples.
        test_size: Fraction of the examples in the test part, in [0, 1). The number of examples is rounded.
        seed: Seed of deepcore's own permutation, 0 or more.
        stratify: Class labels, shape (m,). Every class then has about the same share in both parts, and at
            least one example in each. None: the classes are not looked at.

    Returns:
        (train, test): int64 row numbers, together 0 ... m - 1. With ``test_size=0`` test is empty.

    Raises:
        TypeError: If an argument is not a number.
        ValueError: If an argument is out of range, one of the parts would be empty, or a class has too few
            examples to be in both parts.

    Example:
        >>> train, test = split_indices(10, test_size=0.4, stratify=[0] * 5 + [1] * 5)
        >>> sorted((test >= 5).tolist())
        [False, False, True, True]
    """
    return _split("split_indices", m, test_size, seed, stratify)


def train_test_split(
    X: Any, y: Any, test_size: float = 0.2, seed: int = 0, *, stratify: Any = None
) -> tuple[Array, Array, Array, Array]:
    """Shuffle and split: return ``X_train, X_test, y_train, y_test``, in scikit-learn's order.

    The results are NumPy arrays, also if X and y are data frames. Use ``split_indices`` to keep a frame's
    type and column names: ``train, test = split_indices(len(X)); X.iloc[train]``.

    Args:
        X: Array with the examples along the first axis.
        y: Array with as many labels.
        test_size: Fraction of the examples in the test part, in [0, 1).
        seed: Seed of deepcore's own permutation, 0 or more.
        stratify: Class labels, shape (m,), often y itself. Every class then has about the same share in both
            parts, and at least one example in each. None: the classes are not looked at.

    Raises:
        ValueError: If X and y differ in length, or for the same reasons as ``split_indices``.

    Example:
        >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [0, 1, 0, 1]
        >>> X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, stratify=y)
        >>> sorted(y_test.tolist())
        [0, 1]
    """
    for name, value in (("X", X), ("y", y)):
        _checks.unmasked("train_test_split", name, value)
    X, y = np.asarray(X), np.asarray(y)
    if X.ndim == 0 or y.ndim == 0 or len(X) != len(y):
        raise ValueError(
            f"train_test_split: y must have as many rows as X, got shapes {X.shape} and {y.shape}"
        )
    train, test = _split("train_test_split", len(X), test_size, seed, stratify)
    return X[train], X[test], y[train], y[test]


def _split(who: str, m: int, test_size: float, seed: int, stratify: Any) -> tuple[Array, Array]:
    m = _checks.count(who, "m", m)
    test_size = _checks.number(who, "test_size", test_size, below=1)
    seed = _checks.count(who, "seed", seed, 0, 2**63 - 1)
    count = round(m * test_size)
    if count == m or (test_size > 0 and count == 0):
        raise ValueError(f"{who}: {m} examples are too few for test_size={test_size}")
    order = _core.permutation(seed, _SPLIT_EPOCH, m)
    if stratify is None:
        return order[count:], order[:count]
    classes = _classes(who, stratify, m)
    counts = _test_counts(who, np.bincount(classes), count)
    in_test = np.zeros(m, bool)
    for number, of_class in enumerate(counts):
        in_test[order[classes[order] == number][:of_class]] = True
    return order[~in_test[order]], order[in_test[order]]


def _classes(who: str, labels: Any, m: int) -> Array:
    """The labels as numbers 0, 1, ..., k - 1."""
    _checks.unmasked(who, "stratify", labels)
    labels = np.asarray(labels)
    if labels.shape != (m,):
        raise ValueError(f"{who}: stratify must hold one label per example, shape ({m},), got {labels.shape}")
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        raise ValueError(f"{who}: stratify must not hold NaN; remove or fill the rows without a label")
    return np.asarray(np.unique(labels, return_inverse=True)[1]).reshape(-1)


def _test_counts(who: str, sizes: Array, test: int) -> Array:
    """Number of test examples of each class: its share, rounded so that the sum is ``test``."""
    if test == 0:
        return np.zeros_like(sizes)
    if sizes.min() < 2 or not len(sizes) <= test <= sizes.sum() - len(sizes):
        raise ValueError(
            f"{who}: stratify needs an example of each of the {len(sizes)} classes in both parts, but the "
            f"smallest class has {sizes.min()} and the test part {test} of {sizes.sum()} examples"
        )
    share = sizes * (test / sizes.sum())
    counts: Array = np.clip(np.floor(share).astype(np.int64), 1, sizes - 1)
    while counts.sum() != test:
        step = 1 if counts.sum() < test else -1
        possible = (counts + step >= 1) & (counts + step < sizes)
        counts[np.argmax(np.where(possible, step * (share - counts), -np.inf))] += step
    return counts
