"""Turn raw features and labels into the numbers that a network is trained on, and back.

Everything that is fitted here can be stored in a model file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from deepcore import _checks
from deepcore.typing import Array

__all__ = ["Label", "LabelMap", "Standardizer", "one_hot", "short"]

Label = int | float | str

# Number of rows that are converted at a time, so that a large table needs no second float64 copy.
_BLOCK = 4096

# A standard deviation of at most so many rounding errors of the mean counts as no spread. Sums of shares and
# unit conversions there and back differ by a few rounding errors; real measurements vary by far more.
_ROUNDING_ERRORS = 32


class Standardizer:
    """Compute ``(x - mean) / scale`` for each column.

    A constant column carries no information: its scale is 0, and it becomes 0 for every example, in later
    data too. A column counts as constant if it varies only by rounding errors.

    Args:
        mean: Means of the columns, shape (n,), or (1,) if one value serves all columns. None: ``fit``
            computes them.
        scale: Scales of the columns, same shape; 0 marks a constant column. Given exactly if ``mean`` is.

    Attributes:
        mean: float64, shape (n,) or (1,); None before ``fit``.
        scale: float64, same shape; None before ``fit``.

    Raises:
        ValueError: If mean and scale differ in shape, or hold a number that is not allowed.

    Example:
        >>> standardizer = Standardizer().fit([[1.0, 5.0], [3.0, 5.0]])
        >>> standardizer
        Standardizer(mean=[2.0, 5.0], scale=[1.0, 0.0])
        >>> standardizer.transform([[2.0, 5.0], [4.0, 7.0]])
        array([[0., 0.],
               [2., 0.]])
    """

    mean: Any
    scale: Any

    def __init__(
        self, mean: Sequence[float] | Array | None = None, scale: Sequence[float] | Array | None = None
    ) -> None:
        if (mean is None) != (scale is None):
            raise ValueError("Standardizer: mean and scale must be given together, or neither of them")
        self.mean = self.scale = None
        if mean is not None and scale is not None:
            self._set(mean, scale)

    def _set(self, mean: Any, scale: Any) -> None:
        mean = np.atleast_1d(np.asarray(mean, dtype=np.float64))
        scale = np.atleast_1d(np.asarray(scale, dtype=np.float64))
        if mean.ndim != 1 or mean.shape != scale.shape or mean.size == 0:
            raise ValueError(
                "Standardizer: mean and scale must be 1-D and of the same length, got shapes "
                f"{mean.shape} and {scale.shape}"
            )
        if not (np.isfinite(mean).all() and np.isfinite(scale).all() and (scale >= 0).all()):
            raise ValueError("Standardizer: mean must be finite; scale must be finite and not negative")
        self.mean, self.scale = mean, scale

    def fit(self, X: Any) -> Standardizer:
        """Compute the mean and the standard deviation (divided by m) of each column.

        Args:
            X: Numbers, shape (m, n); finite.

        Returns:
            The object itself.

        Raises:
            TypeError: If X does not hold numbers.
            ValueError: If X is not 2-D, is empty, holds NaN or infinity, or a column spans more than float64
                can hold.
        """
        who = "Standardizer.fit"
        X = _checks.numbers(who, "X", X)
        if X.ndim != 2 or X.size == 0:
            raise ValueError(f"{who}: X must have shape (m, n) with at least one value, got shape {X.shape}")
        eps = max(np.finfo(kind).eps for kind in (np.float64, X.dtype if X.dtype.kind == "f" else np.float64))
        X = _checks.converted(who, "X", X, np.dtype(np.float64))
        with np.errstate(over="ignore"):
            span = X.max(axis=0) - X.min(axis=0)
        if not np.isfinite(span).all():
            column = int(np.flatnonzero(~np.isfinite(span))[0])
            raise ValueError(
                f"{who}: column {column} spans more than float64 can hold, from {X[:, column].min():g} to "
                f"{X[:, column].max():g}; rescale it first"
            )
        # Relative to the largest value: squares of huge or tiny numbers neither overflow nor vanish, and a
        # constant column is +-1 throughout, so that its deviation is exactly 0.
        largest = np.abs(X).max(axis=0)
        unit = np.where(largest > 0, largest, 1.0)
        X = X / unit
        mean, scale = X.mean(axis=0), X.std(axis=0)
        scale[scale <= _ROUNDING_ERRORS * eps * np.abs(mean)] = 0.0
        scale *= unit
        # Below the smallest normal number 1 / scale could overflow.
        self._set(mean * unit, np.where(scale < np.finfo(np.float64).tiny, 0.0, scale))
        return self

    @property
    def constant(self) -> NDArray[np.int64]:
        """Indices of the constant columns."""
        self._require_fit("constant")
        return np.flatnonzero(self.scale == 0).astype(np.int64)

    def transform(self, X: Any, dtype: DTypeLike = np.float64) -> Array:
        """Compute ``(x - mean) / scale`` in float64, and return it as a new array.

        Args:
            X: Numbers, shape (m, n); finite.
            dtype: dtype of the result.

        Raises:
            TypeError: If X does not hold numbers.
            ValueError: If X has another shape, or X or the result is not finite.
        """
        X = self._check("transform", X)
        out = np.zeros(X.shape, dtype=dtype)
        for start in range(0, len(X), _BLOCK):
            rows = slice(start, start + _BLOCK)
            _checks.finite("Standardizer.transform", "X", X[rows], start, len(X))
            with np.errstate(over="ignore"):  # an overflow is reported below
                centred = X[rows] - self.mean
                np.divide(centred, self.scale, out=out[rows], where=self.scale > 0, casting="unsafe")
            _checks.finite("Standardizer.transform", "the result", out[rows], start, len(X))
        return out

    def fit_transform(self, X: Any, dtype: DTypeLike = np.float64) -> Array:
        """Return the same as ``fit(X).transform(X, dtype)``."""
        return self.fit(X).transform(X, dtype)

    def inverse_transform(self, X: Any) -> NDArray[np.float64]:
        """Compute ``x * scale + mean``; a constant column gets its constant back.

        Args:
            X: Numbers, shape (m, n).

        Raises:
            TypeError: If X does not hold numbers.
            ValueError: If X has another shape.
        """
        X = self._check("inverse_transform", X)
        with np.errstate(over="ignore"):
            return np.asarray(X * self.scale + self.mean, dtype=np.float64)

    def to_dict(self) -> dict[str, list[float]]:
        """Return plain lists for JSON; ``from_dict`` gives the same bits back."""
        self._require_fit("to_dict")
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_dict(cls, values: Any) -> Standardizer:
        """Reverse ``to_dict``.

        Raises:
            ValueError: If ``values`` is not what ``to_dict`` returns.
        """
        if not isinstance(values, dict) or set(values) != {"mean", "scale"}:
            raise ValueError(
                f"Standardizer.from_dict: values must have the keys 'mean' and 'scale', got {short(values)}"
            )
        return cls(values["mean"], values["scale"])

    def __repr__(self) -> str:
        if self.mean is None:
            return "Standardizer()"
        mean, scale = (_checks.first_names(values.tolist()) for values in (self.mean, self.scale))
        return f"Standardizer(mean=[{mean}], scale=[{scale}])"

    def _require_fit(self, who: str) -> None:
        if self.mean is None:
            raise ValueError(f"Standardizer.{who}: mean and scale are not known yet; call fit first")

    def _check(self, who: str, values: Any) -> Array:
        self._require_fit(who)
        X = _checks.numbers(f"Standardizer.{who}", "X", values)
        if X.ndim != 2 or self.mean.size not in (1, X.shape[1]):
            columns = "n" if self.mean.size == 1 else self.mean.size
            raise ValueError(f"Standardizer.{who}: X must have shape (m, {columns}), got {X.shape}")
        return X


class LabelMap:
    """Map class labels, which are numbers or text, to the codes 0, 1, ..., k - 1, and back.

    Args:
        classes: The k labels in the order of their codes; None: ``fit`` finds them.

    Attributes:
        classes: List of the k labels; ``classes[i]`` has the code i. Empty before ``fit``.

    Raises:
        ValueError: If two classes are equal, or some are numbers and others text.

    Example:
        >>> labels = LabelMap().fit(["dog", "cat", "dog"])
        >>> labels
        LabelMap(['cat', 'dog'])
        >>> labels.transform(["dog", "cat"])
        array([1, 0])
        >>> labels.inverse_transform([1, 1, 0])
        ['dog', 'dog', 'cat']
    """

    classes: list[Any]

    def __init__(self, classes: Sequence[Label] | None = None) -> None:
        self.classes = []
        if classes is not None:
            self._set(list(classes))

    def _set(self, classes: list[Any]) -> None:
        kinds = {isinstance(c, str) for c in classes}
        if not classes or len(set(classes)) != len(classes) or len(kinds) != 1:
            raise ValueError(
                f"LabelMap: classes must all be different, and all numbers or all text, got {short(classes)}"
            )
        self.classes = classes
        self._codes = {label: i for i, label in enumerate(classes)}

    def fit(self, y: Any) -> LabelMap:
        """Find the different labels of y, and put them in order.

        Args:
            y: Labels, shape (m,). Integers of every dtype keep their value; 1, 1.0 and True are one label.

        Returns:
            The object itself.

        Raises:
            TypeError: If y holds neither numbers nor text.
            ValueError: If y is not 1-D, is empty, or holds NaN or infinity.
        """
        self._set(np.unique(_canonical("LabelMap.fit", y)).tolist())
        return self

    def __len__(self) -> int:
        return len(self.classes)

    def transform(self, y: Any) -> NDArray[np.int64]:
        """Return the codes of the labels.

        Args:
            y: Labels, shape (m,).

        Returns:
            int64, shape (m,).

        Raises:
            TypeError: If y holds neither numbers nor text.
            ValueError: If a label was not there in ``fit``; the message names it.
        """
        self._require_fit("transform")
        values, inverse = np.unique(_canonical("LabelMap.transform", y), return_inverse=True)
        found = values.tolist()
        if isinstance(self.classes[0], str):
            # A column of text labels may by chance hold only those that look like numbers.
            found = [str(value) for value in found]
        unknown = [value for value in found if value not in self._codes]
        if unknown:
            known = _checks.first_names(self.classes, short)
            raise ValueError(
                f"LabelMap.transform: label {short(unknown[0])} is unknown; the classes are {known}"
            )
        codes = np.array([self._codes[value] for value in found], dtype=np.int64)
        return codes[inverse.reshape(-1)]

    def fit_transform(self, y: Any) -> NDArray[np.int64]:
        """Return the same as ``fit(y).transform(y)``."""
        return self.fit(y).transform(y)

    def inverse_transform(self, codes: Any) -> list[Label]:
        """Return the labels that the codes stand for.

        Args:
            codes: Whole numbers from 0 to k - 1, shape (m,), such as ``Model.predict_labels`` returns.

        Raises:
            ValueError: If a code is not one of 0, ..., k - 1.
        """
        self._require_fit("inverse_transform")
        # NumPy turns [0, True] into integers, and so hides that True is not a code.
        in_list = codes if isinstance(codes, (list, tuple)) else ()
        hidden = any(isinstance(code, (bool, np.bool_)) for code in in_list)
        array = np.asarray(codes).reshape(-1)
        if (
            array.dtype.kind not in "iuf"
            or hidden
            or not ((array >= 0) & (array < len(self)) & (array == np.floor(array))).all()
        ):
            raise ValueError(
                f"LabelMap.inverse_transform: codes must be whole numbers from 0 to {len(self) - 1}, got "
                f"{short(array.tolist())}"
            )
        return [self.classes[i] for i in array.astype(np.intp).tolist()]

    def encode(self, y: Any) -> NDArray[np.int64]:
        """Do the same as ``transform``."""
        return self.transform(y)

    def decode(self, codes: Any) -> list[Label]:
        """Do the same as ``inverse_transform``."""
        return self.inverse_transform(codes)

    def __repr__(self) -> str:
        return f"LabelMap([{_checks.first_names(self.classes, short)}])" if self.classes else "LabelMap()"

    def _require_fit(self, who: str) -> None:
        if not self.classes:
            raise ValueError(f"LabelMap.{who}: the classes are not known yet; call fit first")


def one_hot(y: Any, classes: int | None = None, dtype: DTypeLike = np.float64) -> Array:
    """Return one unit vector per row: row i has its 1 in column ``y[i]``; (m,) -> (m, classes).

    This is the layout of ``Model``, one example per row. ``deepcore.functional.one_hot`` returns the
    transpose, (classes, m), one example per column.

    Args:
        y: Whole numbers from 0, shape (m,).
        classes: Number of columns; None: ``max(y) + 1``.
        dtype: dtype of the result.

    Raises:
        TypeError: If y does not hold integers.
        ValueError: If y is not 1-D, is empty, or holds a number outside 0, ..., classes - 1.
    """
    y = _checks.numbers("one_hot", "y", y)
    if y.ndim != 1 or y.size == 0:
        raise ValueError(f"one_hot: y must have shape (m,) with at least one label, got shape {y.shape}")
    if y.dtype.kind not in "bui":
        raise TypeError(f"one_hot: y must hold integers, got {y.dtype}; use y.astype(int) if they are whole")
    low, high = int(y.min()), int(y.max())
    k = high + 1 if classes is None else _checks.count("one_hot", "classes", classes)
    if low < 0 or high >= k:
        raise ValueError(f"one_hot: y must be in 0 ... {k - 1}, got {low} ... {high}")
    out = np.zeros((y.size, k), dtype=dtype)
    out[np.arange(y.size), y.astype(np.intp)] = 1
    return out


def short(value: object) -> str:
    """Return the repr of a value; a long one is cut."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _canonical(who: str, labels: Any) -> Array:
    """Labels as integers where all of them are whole numbers, else as float64 or text."""
    _checks.unmasked(who, "y", labels)
    y: Array = np.asarray(labels)
    if y.ndim != 1 or y.size == 0:
        raise ValueError(f"{who}: y must have shape (m,) with at least one label, got shape {y.shape}")
    if y.dtype.kind == "f" and not hasattr(labels, "dtype"):
        # NumPy turns a list of Python integers into floats if no integer dtype holds them all.
        exact = np.asarray(labels, dtype=object)
        y = exact if all(isinstance(label, (int, np.integer)) for label in exact) else y
    if y.dtype.kind in "ui":
        return y
    if y.dtype.kind == "b":
        return y.astype(np.int64)
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            raise ValueError(f"{who}: labels must be finite; remove or fill the rows without a label")
        whole = y.astype(np.int64) if np.abs(y).max() < 2**53 else None
        return whole if whole is not None and (whole == y).all() else y.astype(np.float64)
    if y.dtype.kind in "US":
        return y.astype(np.str_)
    if y.dtype.kind == "O" and all(isinstance(label, str) for label in y):
        return y.astype(np.str_)
    if y.dtype.kind == "O" and all(isinstance(label, (int, np.integer)) for label in y):
        return np.array([int(label) for label in y], dtype=object)
    raise TypeError(f"{who}: labels must be numbers or text, got {y.dtype}")
