"""Columns of the estimators' tables: which are numbers and which are categories, and their codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from deepcore._realmlp.categories import codes_of, known_values
from deepcore._realmlp.ensemble import Table
from deepcore.tabular import Columns, Frame
from deepcore.typing import Array

__all__ = ["TableColumns"]


class TableColumns:
    """What ``fit`` learned of the columns of an array of numbers or of a frame.

    Args:
        categorical: Columns that are categories, by number or name, or None.
    """

    def __init__(self, categorical: Any) -> None:
        self._given = [] if categorical is None else categorical
        self._columns: Columns | None = None  # of a frame
        self._categories: list[int] = []
        self._known: list[Array] = []

    def fit(self, estimator: Any, parts: Sequence[Any]) -> list[Table]:
        """Learn from the first table; return it, and others that have the same columns."""
        first, others = parts[0], parts[1:]
        if is_frame(first):
            validate_data(estimator, first, skip_check_array=True)
            self._columns = self._learn(Frame.of(first, "fit"))
        else:
            X = validate_data(estimator, first, dtype=np.float64)
            self._columns = None
            self._categories = self._chosen(X.shape[1])
            none = np.zeros(len(X), bool)
            self._known = [known_values(X[:, j], none) for j in self._categories]
        return [self.transform(estimator, part) for part in (first, *others)]

    def transform(self, estimator: Any, X: Any) -> Table:
        """The table of an array or a frame with the same columns."""
        if self._columns is None:
            return self._table(validate_data(estimator, X, dtype=np.float64, reset=False))
        if not is_frame(X):
            raise TypeError(
                f"{type(estimator).__name__} was trained on a frame and needs one, got {type(X).__name__}"
            )
        validate_data(estimator, X, skip_check_array=True, reset=False)
        numbers, codes, _ = self._columns.apply(Frame.of(X, "predict"), "predict")
        return Table(numbers, codes, tuple(self._columns.sizes))

    def _learn(self, frame: Frame) -> Columns:
        """Numbers stay numbers whatever they look like; text decides on itself."""
        kinds = {
            name: "number"
            for name in frame.names
            if name not in frame.kinds and frame[name].dtype.kind in "if"
        }
        for column in self._given:
            name = frame.names[column] if isinstance(column, (int, np.integer)) else column
            kinds[name] = "category"
        return Columns.fit(frame, kinds=kinds)

    def _chosen(self, columns: int) -> list[int]:
        """Numbers of the columns of an array that are categories."""
        chosen = np.asarray(self._given)
        if chosen.dtype == bool and chosen.shape == (columns,):
            return [int(j) for j in np.flatnonzero(chosen)]
        whole = chosen.ndim == 1 and (chosen.dtype.kind in "iu" or chosen.size == 0)
        if not whole or any(not -columns <= j < columns for j in chosen):
            raise ValueError(
                f"categorical_features must be numbers of columns from 0 to {columns - 1}, got {self._given}"
            )
        return sorted({int(j) % columns for j in chosen})

    def _table(self, X: Array) -> Table:
        numbers = np.setdiff1d(np.arange(X.shape[1]), self._categories)
        none = np.zeros(len(X), bool)
        codes = [
            codes_of(X[:, j], none, known) for j, known in zip(self._categories, self._known, strict=True)
        ]
        stacked = np.stack(codes, axis=1) if codes else np.zeros((len(X), 0), np.int64)
        return Table(X[:, numbers], stacked, tuple(len(known) + 1 for known in self._known))


def is_frame(X: Any) -> bool:
    """Whether X has named columns: a data frame, a mapping, or the package's own Frame."""
    if hasattr(X, "tocsr"):  # some sparse matrices are mappings
        return False
    if isinstance(X, (Mapping, Frame)):
        return True
    return hasattr(X, "columns") and not isinstance(X, np.ndarray)
