"""Mini-batches, one-hot targets and inverted dropout. Columns are examples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from deepcore import _checks, _core
from deepcore.functional.shapes import matrices, require_shape
from deepcore.typing import Array

__all__ = ["dropout_backward", "dropout_forward", "mini_batches", "one_hot"]


def mini_batches(
    X: ArrayLike,
    Y: ArrayLike,
    batch_size: int = 64,
    permutation: ArrayLike | None = None,
    seed: int = 0,
    epoch: int = 0,
) -> list[tuple[Array, Array]]:
    """Put the columns of X and Y in one order, and cut them into batches; the last one may be smaller.

    Args:
        X: Inputs, (n_x, m).
        Y: Targets, (n_y, m).
        batch_size: Number of columns per batch, at least 1.
        permutation: Order of the columns, (m,); None: the order that ``Model.fit`` uses for ``seed`` and
            ``epoch``.
        seed: Seed of the order, 0 or more.
        epoch: Number of the epoch; the first one is 0.

    Returns:
        ``[(X_1, Y_1), (X_2, Y_2), ...]``.

    Raises:
        ValueError: If X and Y differ in their number of columns, ``permutation`` is not one of 0..m-1, or a
            number is out of range.

    Example:
        >>> batches = mini_batches([[0, 1, 2]], [[0, 1, 0]], batch_size=2, permutation=[2, 1, 0])
        >>> [X.tolist() for X, Y in batches]
        [[[2, 1]], [[0]]]
    """
    who = "mini_batches"
    batch_size = _checks.count(who, "batch_size", batch_size)
    X, Y = _checks.numbers(who, "X", X), _checks.numbers(who, "Y", Y)
    for name, array in (("X", X), ("Y", Y)):
        if array.ndim != 2:
            raise ValueError(
                f"{who}: {name} must be a matrix with 2 dimensions, got {array.shape}; use reshape(1, -1)"
            )
    m = X.shape[1]
    if Y.shape[1] != m:
        raise ValueError(f"{who}: Y must have {m} columns like X, got shape {Y.shape}")
    if permutation is None:
        order = _core.permutation(
            _checks.count(who, "seed", seed, 0, 2**63 - 1), _checks.count(who, "epoch", epoch, 0), m
        )
    else:
        order = _checks.numbers(who, "permutation", permutation)
        if (
            order.shape != (m,)
            or order.dtype.kind not in "iu"
            or not np.array_equal(np.sort(order), np.arange(m))
        ):
            raise ValueError(
                f"{who}: permutation must hold each of 0..{m - 1} exactly once, got shape {order.shape}"
            )
    return [
        (X[:, order[i : i + batch_size]], Y[:, order[i : i + batch_size]]) for i in range(0, m, batch_size)
    ]


def one_hot(labels: ArrayLike, classes: int) -> Array:
    """Return one unit vector per column: column i has its 1 in row ``labels[i]``; (m,) -> (classes, m).

    This is the layout of the course, one example per column. ``deepcore.data.one_hot`` returns the transpose,
    (m, classes), one example per row.

    Args:
        labels: Integers from 0 to classes - 1, (m,) or (1, m).
        classes: Number of rows, at least 1.

    Returns:
        float64, (classes, m).

    Raises:
        TypeError: If the labels are not integers.
        ValueError: If a label is out of range or the shape is another.

    Example:
        >>> one_hot([0, 2], 3)
        array([[1., 0.],
               [0., 0.],
               [0., 1.]])
    """
    classes = _checks.count("one_hot", "classes", classes)
    plain = _core.one_hot_as_given(labels, classes)
    if plain is not None:
        return plain
    array = _checks.numbers("one_hot", "labels", labels)
    if array.dtype.kind not in "iub":
        raise TypeError(f"one_hot: labels must be integers, got dtype {array.dtype}")
    if array.ndim == 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 1:
        raise ValueError(f"one_hot: labels must have shape (m,) or (1, m), got {array.shape}")
    if len(array) and not (array.min() >= 0 and array.max() < classes):
        raise ValueError(
            f"one_hot: labels must be from 0 to {classes - 1}, got {array.min()} to {array.max()}"
        )
    Y = np.zeros((classes, len(array)))
    Y[array.astype(np.intp), np.arange(len(array))] = 1
    return Y


def _masked(who: str, name: str, values: ArrayLike, keep_prob: float, mask: ArrayLike) -> Array:
    keep_prob = _checks.number(who, "keep_prob", keep_prob)
    if not 0 < keep_prob <= 1:
        raise ValueError(f"{who}: keep_prob must be above 0 and at most 1, got {keep_prob}")
    plain = _core.dropout_as_given(values, keep_prob, mask)
    if plain is not None:
        return plain
    (array,) = matrices(who, {name: values})
    kept = _checks.numbers(who, "mask", mask)
    require_shape(who, "mask", kept, array.shape, f"the shape of {name}")
    if not ((kept == 0) | (kept == 1)).all():
        raise ValueError(f"{who}: mask must hold only 0 and 1; use rng.random(A.shape) < keep_prob")
    result: Array = array * kept.astype(array.dtype) / array.dtype.type(keep_prob)
    return result


def dropout_forward(A: ArrayLike, keep_prob: float, mask: ArrayLike) -> Array:
    """Apply inverted dropout: ``A * mask / keep_prob``, whose expectation is A.

    Args:
        A: Activations, (n, m).
        keep_prob: Probability that a unit is kept, above 0 and at most 1.
        mask: Zeros and ones, (n, m), such as ``numpy.random.default_rng(0).random(A.shape) < keep_prob``.

    Returns:
        (n, m).

    Raises:
        ValueError: If shapes differ, the mask holds other numbers, or ``keep_prob`` is not allowed.

    Example:
        >>> dropout_forward([[1.0, 2.0]], 0.5, [[1, 0]])
        array([[2., 0.]])

    Source: Srivastava et al. (2014), inverted variant.
    """
    return _masked("dropout_forward", "A", A, keep_prob, mask)


def dropout_backward(dA: ArrayLike, keep_prob: float, mask: ArrayLike) -> Array:
    """Compute ``dA * mask / keep_prob``: a gradient passes through the units that were kept.

    Args:
        dA: Gradient with respect to the activations after dropout, (n, m).
        keep_prob: The same as in the forward pass.
        mask: The same as in the forward pass.

    Returns:
        The gradient with respect to the activations before dropout, (n, m).

    Raises:
        ValueError: For the same reasons as ``dropout_forward``.
    """
    return _masked("dropout_backward", "dA", dA, keep_prob, mask)
