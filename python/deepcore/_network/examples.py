"""Examples are checked here: X, y and weights become arrays that a network takes, or raise a clear error.

Examples are rows here. ``functional.shapes`` checks the arrays of the functions whose examples are columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepcore import _checks, _core
from deepcore.catalog import Row
from deepcore.typing import Array, ClassWeight

__all__ = [
    "Examples",
    "Rows",
    "check_sum",
    "class_weights",
    "features",
    "in_parts",
    "is_mapped",
    "is_sparse",
    "row_or_rows",
    "sample_weights",
    "slices",
    "targets",
    "validation_parts",
    "weights",
]

# Bytes of features that are converted at a time: enough steps to be worth a native call, and little compared
# with any data set that does not fit into memory.
SLAB_BYTES = 1 << 25


@dataclass(frozen=True)
class Examples:
    """Checked examples: X (m, n_x), y, and one weight per example or None."""

    X: Any
    y: Array
    weight: Array | None

    def take(self, rows: Array | slice) -> Examples:
        """Take some of the examples, in the order of ``rows``."""
        return Examples(self.X[rows], self.y[rows], None if self.weight is None else self.weight[rows])

    def part(self, rows: Array) -> Examples:
        """Take some of the examples; memory-mapped features stay in their file."""
        if not is_mapped(self.X):
            return self.take(rows)
        return Examples(Rows(self.X, rows), self.y[rows], None if self.weight is None else self.weight[rows])

    def copy(self) -> Examples:
        """Copy the examples, so that nobody else can change them."""
        return Examples(self.X.copy(), self.y.copy(), None if self.weight is None else self.weight.copy())

    def kept(self) -> Examples:
        """Copy what must stay as it was checked: labels, weights and the structure of sparse features."""
        X = self.X.copy() if is_sparse(self.X) else self.X
        return Examples(X, self.y.copy(), None if self.weight is None else self.weight.copy())

    def total_weight(self) -> float:
        """Add up the weights; without weights, return the number of examples."""
        return float(len(self.y) if self.weight is None else self.weight.sum(dtype=np.float64))

    def converted(self, dtype: np.dtype[Any]) -> Examples:
        """Convert X to ``dtype``, in memory."""
        if not isinstance(self.X, (np.ndarray, Rows)):  # sparse rows, which are converted when checked
            return self
        return Examples(np.ascontiguousarray(self.X[:], dtype=dtype), self.y, self.weight)


class Rows:
    """Some rows of a mapped array; they are copied when they are read, and not before."""

    def __init__(self, array: Array, rows: Array) -> None:
        self.array, self._rows = array, rows
        self.dtype, self.shape = array.dtype, (len(rows), array.shape[1])

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: Array | slice) -> Array:
        return self.array[self._rows[at]]


def is_mapped(array: object) -> bool:
    """Return whether an array is, or is a view of, a memory-mapped file."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


def in_parts(X: Any, dtype: np.dtype[Any]) -> bool:
    """Return whether checked features must be converted in parts, because they are memory-mapped."""
    return isinstance(X, Rows) or X.dtype != dtype


def slices(m: int, row_bytes: int, batch: int = 1) -> Iterator[slice]:
    """Divide rows 0 to m - 1 into slices of whole batches, each of about ``SLAB_BYTES``."""
    size = max(1, SLAB_BYTES // max(1, batch * row_bytes)) * batch
    for first in range(0, m, size):
        yield slice(first, min(first + size, m))


def is_sparse(X: object) -> bool:
    """Return whether X is a matrix of scipy.sparse, without importing it."""
    return hasattr(X, "tocsr") and hasattr(X, "nnz")


def _sparse_features(who: str, X: Any, n_x: int, dtype: np.dtype[Any]) -> Array:
    if X.ndim != 2 or X.shape[1] != n_x:
        hint = "; is it transposed?" if X.ndim == 2 and X.shape[0] == n_x else ""
        raise ValueError(f"{who}: X must have {n_x} columns, got shape {X.shape}{hint}")
    rows: Any = X.tocsr()  # no array, but for its shape and dtype the rest does not care
    values = _checks.numbers(who, "X", rows.data)
    if values.dtype != dtype:
        with np.errstate(over="ignore"):
            rows = rows.astype(dtype)
    data = np.ascontiguousarray(rows.data, dtype=dtype)
    if (bad := _core.first_nonfinite_row(data)) >= 0:
        row = int(np.searchsorted(rows.indptr, bad, side="right")) - 1
        raise ValueError(
            f"{who}: X must be finite in {dtype}, got {data[bad]} in row {row}, column {rows.indices[bad]}; "
            "remove or fill such rows"
        )
    return rows  # type: ignore[no-any-return]


def features(
    who: str,
    X: object,
    n_x: int,
    dtype: np.dtype[Any],
    mapped: bool = False,
    first: int = 0,
    of: int | None = None,
) -> Array:
    """Check X and return it as an (m, n_x) array of ``dtype``; a scipy.sparse matrix as compressed rows.

    Args:
        who: Name of the calling method, the head of messages.
        X: What the user passed.
        n_x: Number of inputs.
        dtype: The model's dtype.
        mapped: Leave a memory-mapped array in its own dtype, where it lies: the caller converts it in parts.
        first: Number of the first row, for messages, if X is a part of more rows.
        of: Number of all rows then.

    Raises:
        TypeError: if X does not hold real numbers.
        ValueError: if the shape is wrong or an element is not finite.
    """
    if is_sparse(X):
        return _sparse_features(who, X, n_x, dtype)
    return _dense_features(who, _checks.numbers(who, "X", X), n_x, dtype, mapped, first, of)


def validation_parts(who: str, data: object) -> tuple[object, object, object] | None:
    """Divide ``validation_data`` into X, y and weights, which are not checked yet; None stays None.

    Raises:
        TypeError: if it is not (X, y) or (X, y, sample_weight).
    """
    if data is None:
        return None
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise TypeError(f"{who}: validation_data must be (X, y) or (X, y, sample_weight)")
    X, y, weight = (*data, None)[:3]
    return X, y, weight


def row_or_rows(who: str, X: object, n_x: int, dtype: np.dtype[Any]) -> tuple[Array, bool]:
    """``features`` of rows or of one example (n_x,), and whether it was one."""
    if is_sparse(X):
        return _sparse_features(who, X, n_x, dtype), False
    array = _checks.numbers(who, "X", X)
    one = array.ndim == 1 and array.size == n_x  # the other vectors are refused as they are
    return _dense_features(who, array[np.newaxis] if one else array, n_x, dtype, mapped=True), one


def _one_dimensional(size: int, n_x: int) -> str:
    """What to do with a vector of ``size`` numbers in place of (m, n_x)."""
    if n_x == 1:
        return "use X.reshape(-1, 1) for one feature"
    if size == n_x:
        return "use X.reshape(1, -1) for one example"
    return f"an example has {n_x} numbers; use X.reshape(-1, {n_x}) if it holds several, one after the other"


def _dense_features(
    who: str,
    array: Array,
    n_x: int,
    dtype: np.dtype[Any],
    mapped: bool,
    first: int = 0,
    of: int | None = None,
) -> Array:
    if array.ndim != 2:
        hint = _one_dimensional(array.size, n_x) if array.ndim == 1 else "use X.reshape(len(X), -1)"
        raise ValueError(f"{who}: X must have shape (m, {n_x}), got {array.shape}; {hint}")
    if array.shape[1] != n_x:
        hint = "; is it transposed? use X.T" if array.shape[0] == n_x else "; the model has that many inputs"
        raise ValueError(f"{who}: X must have {n_x} columns, got shape {array.shape}{hint}")
    if array.dtype == dtype or not (mapped and is_mapped(array)):
        return _checks.converted(who, "X", array, dtype, first, of)
    if array.dtype.kind == "f":
        for rows in slices(len(array), n_x * dtype.itemsize):
            with np.errstate(over="ignore"):
                _checks.finite(who, "X", array[rows].astype(dtype), rows.start, len(array))
    return array


def targets(
    who: str,
    y: object,
    m: int,
    n_out: int,
    output: str,
    loss: Row,
    dtype: np.dtype[Any],
    first: int = 0,
) -> Array:
    """Check y and return labels (m,) int64 for softmax, else an array (m, n_out) of ``dtype``.

    Args:
        who: Name of the calling method, the head of messages.
        y: What the user passed.
        m: Number of rows of X.
        n_out: Number of output units.
        output: Activation of the last layer.
        loss: Row of ``catalog.losses``, which says where targets must lie.
        dtype: The model's dtype.
        first: Number of the first row, for messages, if y is a part of more rows.

    Raises:
        TypeError: if y does not hold real numbers.
        ValueError: if the shape or a value breaks the rule for this output.
    """
    array = _checks.numbers(who, "y", y)
    if array.ndim == 0 or len(array) != m:
        rows = "no rows" if array.ndim == 0 else f"{len(array)}"
        raise ValueError(f"{who}: y must have {m} rows like X, got {rows}{_transposed(array, m)}")
    if output == "softmax":
        return _labels(who, array, n_out, first)
    if array.ndim == 1 and n_out == 1:
        array = array.reshape(m, 1)
    if array.shape != (m, n_out):
        shapes = f"({m},) or ({m}, 1)" if n_out == 1 else f"({m}, {n_out})"
        raise ValueError(
            f"{who}: y must have shape {shapes} for {n_out} output unit(s), got {array.shape}"
            f"{_transposed(array, m)}"
        )
    converted = _checks.converted(who, "y", array, dtype, first)
    if loss["needs_positive"] and m and not converted.min() >= 0:
        row = int((converted < 0).any(axis=1).argmax())
        raise ValueError(
            f"{who}: y must not be negative for the loss {loss['name']}, got "
            f"{_checks.shown(converted[row].tolist())} in row {first + row}"
        )
    if loss["needs_probability"] and m and not (converted.min() >= 0 and converted.max() <= 1):
        row = int(((converted < 0) | (converted > 1)).any(axis=1).argmax())
        raise ValueError(
            f"{who}: y must be 0 or 1 for a {output} output, got {_checks.shown(array[row].tolist())} in "
            f"row {first + row}; for real targets use a linear output, for more classes a softmax output"
        )
    return converted


def _transposed(array: Array, m: int) -> str:
    return "; is it transposed?" if m in array.shape[1:] or array.ndim == 2 else ""


def _labels(who: str, array: Array, n_out: int, first: int) -> Array:
    if array.ndim != 1:
        hint = "use y.argmax(axis=1)" if array.ndim == 2 and array.shape[1] == n_out else "use y.ravel()"
        raise ValueError(
            f"{who}: y must be labels of shape ({len(array)},) for softmax, got {array.shape}; {hint}"
        )
    if array.dtype.kind == "f":
        _checks.finite(who, "y", array, first)
        fractional = array != np.floor(array)
        if fractional.any():
            row = int(fractional.argmax())
            raise ValueError(
                f"{who}: y must hold whole-number labels for softmax, got {array[row]} in row {first + row}"
            )
    if len(array) and not (array.min() >= 0 and array.max() < n_out):
        row = int(((array < 0) | (array >= n_out)).argmax())
        raise ValueError(
            f"{who}: y must hold labels from 0 to {n_out - 1} for {n_out} softmax units, "
            f"got {array[row]} in row {first + row}; use np.unique(y, return_inverse=True)[1]"
        )
    return np.ascontiguousarray(array, dtype=np.int64)


def sample_weights(who: str, sample_weight: object, m: int) -> Array | None:
    """Check the weights of m examples, and return them in float64; None stays None.

    Raises:
        TypeError: if they are no real numbers.
        ValueError: if the shape is wrong, or one is negative or not finite.
    """
    if sample_weight is None:
        return None
    array = _checks.numbers(who, "sample_weight", sample_weight)
    if array.shape != (m,):
        raise ValueError(f"{who}: sample_weight must have shape ({m},) like y, got {array.shape}")
    found = _checks.converted(who, "sample_weight", array, np.dtype(np.float64))
    if not (found >= 0).all():
        row = int((found < 0).argmax())
        raise ValueError(f"{who}: sample_weight must not be negative, got {found[row]} in row {row}")
    return found


def weights(
    who: str,
    sample_weight: Array | None,
    class_weight: ClassWeight,
    y: Array,
    n_out: int,
    dtype: np.dtype[Any],
) -> Array | None:
    """Compute one weight per example, (m,): ``sample_weight`` times the weight of the example's class.

    Args:
        who: Name of the calling method.
        sample_weight: (m,), as ``sample_weights`` returns them, not all zero; None: 1. Below the smallest
            normal number of ``dtype`` they count as 0.
        class_weight: ``{label: weight}``, classes that are not named weigh 1; ``"balanced"``: m / (k count)
            for each of the k classes present; None: 1. For several logistic outputs the product over them,
            of ``"balanced"`` or of a list of mappings (as scikit-learn's ``compute_sample_weight`` does).
        y: Checked targets, labels (m,) or 0/1 (m, n_out).
        n_out: Number of output units.
        dtype: The model's dtype.

    Raises:
        TypeError: if ``class_weight`` is something else.
        ValueError: if a value breaks these rules, or the targets are not classes.
    """
    total = sample_weight
    if class_weight is not None:
        by_class = class_weights(who, class_weight, y, n_out)
        with np.errstate(over="ignore"):  # what overflows is reported below
            total = by_class if total is None else total * by_class
    if total is None:
        return None
    total = np.where(total < np.finfo(dtype).tiny, 0, total)
    if not total.any():
        raise ValueError(
            f"{who}: sample_weight and class_weight must leave an example with weight, got all zero"
        )
    check_sum(who, total, dtype)
    return np.ascontiguousarray(total, dtype=dtype)


def check_sum(who: str, weights: Array, dtype: np.dtype[Any]) -> None:
    """Refuse weights whose sum, or 1 over it, leaves a number of the dtype no room for what it multiplies."""
    most = float(np.finfo(dtype).max) * 1e-8
    with np.errstate(over="ignore"):
        whole = float(weights.sum(dtype=np.float64))
    if not whole <= most:
        raise ValueError(
            f"{who}: sample_weight and class_weight must have a sum of at most {most:.0e} in {dtype}, got "
            f"{whole:g}; divide them by their mean"
        )


def class_weights(who: str, class_weight: Any, y: Array, n_out: int) -> Array:
    """Compute the weight of each example by its class, (m,) in float64; see ``weights``."""
    if y.ndim == 2 and not ((y == 0) | (y == 1)).all():
        raise ValueError(
            f"{who}: class_weight needs class labels, got real targets; use sample_weight instead"
        )
    if n_out > 1 and y.ndim == 2:
        balanced = isinstance(class_weight, str)
        each = [class_weight] * n_out if balanced else class_weight
        named = isinstance(each, Sequence) and all(isinstance(one, Mapping) for one in each)
        if not (balanced or named) or len(each) != n_out:
            raise ValueError(
                f"{who}: class_weight must be 'balanced' or a list of {n_out} mappings, one for each label "
                f"of an example, got {_checks.shown(class_weight)}"
            )
        columns = [class_weights(who, one, y[:, [k]], 1) for k, one in enumerate(each)]
        product: Array = np.prod(columns, axis=0)
        return product
    labels = y.reshape(-1)
    classes, index, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if isinstance(class_weight, Mapping):
        per_class = _named_weights(who, class_weight, classes, max(n_out, 2))  # one logistic output has two
    elif isinstance(class_weight, str) and class_weight == "balanced":
        per_class = len(labels) / (len(classes) * counts)
    else:
        error = ValueError if isinstance(class_weight, str) else TypeError
        raise error(f"{who}: class_weight must be a mapping or 'balanced', got {_checks.shown(class_weight)}")
    return np.asarray(per_class[index], np.float64)


def _named_weights(who: str, class_weight: Mapping[int, float], classes: Array, known: int) -> Array:
    """The weight of each of ``classes``, which are some of 0 .. known - 1."""
    unknown = [label for label in class_weight if label not in range(known)]
    if unknown:
        raise ValueError(
            f"{who}: class_weight must name labels from 0 to {known - 1}, got {_checks.shown(unknown[0])}"
        )
    chosen = [class_weight.get(int(label), 1.0) for label in classes]
    per_class = _checks.numbers(who, "class_weight", chosen).astype(np.float64)
    if not (np.isfinite(per_class).all() and (per_class >= 0).all()):
        raise ValueError(f"{who}: class_weight must be finite and not negative, got {dict(class_weight)}")
    return per_class
