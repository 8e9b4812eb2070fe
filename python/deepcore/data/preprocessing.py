"""From raw features and labels to what a network is trained on, and back; all of it fits in a model file."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from deepcore import _checks
from deepcore.typing import Array

Label = int | float | str

# Rows that are converted at a time, so that a large table needs no second float64 copy.
_BLOCK = 4096


class Standardizer:
    """``x -> (x - mean) / scale`` for each column.

    A constant column carries no information: its scale is 0, and it becomes 0 for every example, in later
    data too.

    Attributes:
        mean: float64, shape (n,), or (1,) when one value serves all columns.
        scale: the same shape; 0 marks a constant column.

    Example:
        >>> standardizer = Standardizer.fit([[1.0, 5.0], [3.0, 5.0]])
        >>> standardizer.transform([[2.0, 5.0], [4.0, 7.0]])
        array([[0., 0.],
               [2., 0.]])
    """

    def __init__(self, mean: Sequence[float] | Array, scale: Sequence[float] | Array) -> None:
        self.mean = np.atleast_1d(np.asarray(mean, dtype=np.float64))
        self.scale = np.atleast_1d(np.asarray(scale, dtype=np.float64))
        if self.mean.ndim != 1 or self.mean.shape != self.scale.shape or self.mean.size == 0:
            shapes = f"{self.mean.shape} and {self.scale.shape}"
            msg = f"Standardizer: mean and scale must be 1-D and alike, got {shapes}"
            raise ValueError(msg)
        if not (np.isfinite(self.mean).all() and np.isfinite(self.scale).all() and (self.scale >= 0).all()):
            msg = "Standardizer: mean must be finite, scale finite and not negative"
            raise ValueError(msg)

    @classmethod
    def fit(cls, X: Any) -> "Standardizer":
        """Mean and standard deviation (divided by m) of each column of X, shape (m, n).

        Raises:
            ValueError: if X is not 2-D, is empty, or holds NaN or infinity.
        """
        X = np.asarray(X)
        if X.ndim != 2 or X.size == 0:
            msg = f"Standardizer.fit: X must be (m, n) with at least one value, got shape {X.shape}"
            raise ValueError(msg)
        if X.dtype.kind not in "buif":
            msg = f"Standardizer.fit: X must be numbers, got {X.dtype}"
            raise TypeError(msg)
        X = X.astype(np.float64)
        if not np.isfinite(X).all():
            row, column = (int(i) for i in np.argwhere(~np.isfinite(X))[0])
            msg = f"Standardizer.fit: X must be finite, got X[{row}, {column}] = {X[row, column]}"
            raise ValueError(msg)
        # Relative to the largest value: squares of huge or tiny numbers neither overflow nor vanish, and a
        # constant column is +-1 throughout, so that its deviation is exactly 0.
        largest = np.abs(X).max(axis=0)
        unit = np.where(largest > 0, largest, 1.0)
        X /= unit
        scale = X.std(axis=0) * unit
        # Below the smallest normal number 1 / scale could overflow.
        return cls(X.mean(axis=0) * unit, np.where(scale < np.finfo(np.float64).tiny, 0.0, scale))

    @property
    def constant(self) -> NDArray[np.int64]:
        """Indices of the constant columns."""
        return np.flatnonzero(self.scale == 0).astype(np.int64)

    def transform(self, X: Any, dtype: DTypeLike = np.float64) -> Array:
        """Standardise X, shape (m, n), into a new array of ``dtype``; computed in float64."""
        X = self._check("transform", X)
        out = np.zeros(X.shape, dtype=dtype)
        for start in range(0, len(X), _BLOCK):
            rows = slice(start, start + _BLOCK)
            centred = X[rows] - self.mean
            np.divide(centred, self.scale, out=out[rows], where=self.scale > 0, casting="unsafe")
        return out

    def inverse_transform(self, X: Any) -> NDArray[np.float64]:
        """``x * scale + mean``; a constant column gets its constant back."""
        X = self._check("inverse_transform", X)
        return np.asarray(X * self.scale + self.mean, dtype=np.float64)

    def to_dict(self) -> dict[str, list[float]]:
        """Plain lists for JSON; ``from_dict`` gives the same bits back."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_dict(cls, values: Any) -> "Standardizer":
        """The reverse of ``to_dict``.

        Raises:
            ValueError: if values is not what ``to_dict`` returns.
        """
        if not isinstance(values, dict) or set(values) != {"mean", "scale"}:
            msg = f"Standardizer.from_dict: needs 'mean' and 'scale', got {values!r:.80}"
            raise ValueError(msg)
        return cls(values["mean"], values["scale"])

    def _check(self, who: str, values: Any) -> Array:
        X: Array = np.asarray(values)
        if X.ndim != 2 or self.mean.size not in (1, X.shape[1]):
            columns = "n" if self.mean.size == 1 else self.mean.size
            msg = f"Standardizer.{who}: X must have shape (m, {columns}), got {X.shape}"
            raise ValueError(msg)
        return X


class LabelMap:
    """Class labels, whole numbers or text, as 0, 1, ..., k - 1 and back.

    Attributes:
        classes: The k labels; ``classes[i]`` is what i stands for.

    Example:
        >>> labels = LabelMap.fit(["dog", "cat", "dog"])
        >>> labels.classes
        ['cat', 'dog']
        >>> labels.encode(["dog", "cat"])
        array([1, 0])
    """

    def __init__(self, classes: Sequence[Label]) -> None:
        self.classes = list(classes)
        kinds = {str if isinstance(c, str) else int for c in self.classes}
        if not self.classes or len(set(self.classes)) != len(self.classes) or len(kinds) != 1:
            msg = f"LabelMap: classes must differ, all numbers or all text, got {self.classes!r:.80}"
            raise ValueError(msg)
        self._index = {label: i for i, label in enumerate(self.classes)}

    @classmethod
    def fit(cls, y: Any) -> "LabelMap":
        """The different labels of y, shape (m,), in order."""
        return cls(np.unique(_canonical("LabelMap.fit", y)).tolist())

    def __len__(self) -> int:
        return len(self.classes)

    def encode(self, y: Any) -> NDArray[np.int64]:
        """Class numbers of y, shape (m,).

        Raises:
            ValueError: if a label was not there when the map was made; the message names it.
        """
        values, inverse = np.unique(_canonical("LabelMap.encode", y), return_inverse=True)
        found = values.tolist()
        if isinstance(self.classes[0], str):
            # A column of text labels may by chance hold only those that look like numbers.
            found = [str(value) for value in found]
        unknown = [value for value in found if value not in self._index]
        if unknown:
            known = _checks.first_names(self.classes, repr)
            msg = f"LabelMap.encode: label {unknown[0]!r} is unknown; the classes are {known}"
            raise ValueError(msg)
        index = np.array([self._index[value] for value in found], dtype=np.int64)
        return index[inverse.reshape(-1)]

    def decode(self, indices: Any) -> list[Label]:
        """Labels of class numbers, shape (m,)."""
        return [self.classes[int(i)] for i in np.asarray(indices).reshape(-1)]


def one_hot(y: Any, classes: int | None = None, dtype: DTypeLike = np.float64) -> Array:
    """Row i is the y[i]-th unit vector: (m,) -> (m, classes). The notes' Y, one example per column, is its
    transpose.

    Args:
        y: Whole numbers from 0, shape (m,).
        classes: Number of columns; None takes ``max(y) + 1``.
        dtype: Of the result.

    Raises:
        ValueError: if y is not 1-D, is empty, or holds a number outside 0 ... classes - 1.
        TypeError: if y does not hold integers.
    """
    y = np.asarray(y)
    if y.ndim != 1 or y.size == 0:
        msg = f"one_hot: y must be (m,) with at least one label, got shape {y.shape}"
        raise ValueError(msg)
    if y.dtype.kind not in "bui":
        msg = f"one_hot: y must be integers, got {y.dtype}"
        raise TypeError(msg)
    y = y.astype(np.int64)
    k = int(y.max()) + 1 if classes is None else classes
    if y.min() < 0 or y.max() >= k:
        msg = f"one_hot: y must be in 0 ... {k - 1}, got {int(y.min())} ... {int(y.max())}"
        raise ValueError(msg)
    out = np.zeros((y.size, k), dtype=dtype)
    out[np.arange(y.size), y] = 1
    return out


def _canonical(who: str, labels: Any) -> Array:
    """Labels as int64 where they are whole numbers, else float64 or text: 1, 1.0 and True are one label."""
    y: Array = np.asarray(labels)
    if y.ndim != 1 or y.size == 0:
        msg = f"{who}: y must be (m,) with at least one label, got shape {y.shape}"
        raise ValueError(msg)
    if y.dtype.kind in "bui":
        return y.astype(np.int64)
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            msg = f"{who}: labels must be finite"
            raise ValueError(msg)
        whole = y.astype(np.int64) if np.abs(y).max() < 2**53 else None
        return whole if whole is not None and (whole == y).all() else y.astype(np.float64)
    if y.dtype.kind in "US":
        return y.astype(np.str_)
    if y.dtype.kind == "O" and all(isinstance(value, str) for value in y):
        return y.astype(np.str_)
    msg = f"{who}: labels must be numbers or text, got {y.dtype}"
    raise TypeError(msg)
