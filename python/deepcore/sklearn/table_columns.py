"""Columns of the estimators' tables: which are numbers and which are categories, and their codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from deepcore import _checks
from deepcore._realmlp.categories import codes_of, known_values
from deepcore._realmlp.ensemble import Table
from deepcore.tabular import Columns, Frame
from deepcore.tabular.data_frames import column_names
from deepcore.typing import Array

__all__ = ["TableColumns"]


class TableColumns:
    """Turn the columns of an array of numbers or of a frame into a ``Table``, as ``fit`` learned them.

    Args:
        categorical: Columns that are categories: numbers, names, or one boolean per column; None: no column.
    """

    def __init__(self, categorical: Any) -> None:
        self._given = [] if categorical is None else categorical
        self._columns: Columns | None = None  # of a frame
        self._width = 0  # number of columns of an array
        self._categories: list[int] = []
        self._known: list[Array] = []

    def fit(self, estimator: Any, parts: Sequence[Any]) -> list[Table]:
        """Learn the columns of the first table; return it, and others that have the same columns."""
        first = parts[0]
        names = _frame_names(first)
        if names is not None:
            self._check_names(estimator, first, names, "fit", reset=True)
            frame = Frame.of(first, "fit")
            self._columns = self._learn(frame)
            learned = self._applied(self._columns, frame, "fit")
        else:
            X = self._numbers(estimator, first, "fit", reset=True)
            self._columns, self._width = None, X.shape[1]
            self._categories = self._chosen(X.shape[1])
            none = np.zeros(len(X), bool)
            self._known = [known_values(X[:, j], none) for j in self._categories]
            learned = self._table(X)
        return [learned, *(self.transform(estimator, part, "fit") for part in parts[1:])]

    def transform(self, estimator: Any, X: Any, who: str = "predict") -> Table:
        """Return the table of an array or a frame with the same columns."""
        if self._columns is None:
            return self._table(self._numbers(estimator, X, who, reset=False))
        names = _frame_names(X)
        if names is None:
            raise TypeError(
                f"{type(estimator).__name__} was trained on a frame and needs one, got {type(X).__name__}"
            )
        self._check_names(estimator, X, names, who, reset=False)
        return self._applied(self._columns, X, who)

    @property
    def frame_columns(self) -> Columns | None:
        """The columns of a frame; None: the table is an array."""
        return self._columns

    @property
    def known(self) -> dict[int, Array]:
        """The known numbers of the columns of an array that are categories, by the number of the column."""
        return dict(zip(self._categories, self._known, strict=True))

    @property
    def width(self) -> int:
        """Number of columns of the array or the frame."""
        return self._width if self._columns is None else len(self._columns.columns)

    @property
    def numbers(self) -> int:
        """Number of columns of the numbers in a ``Table``."""
        if self._columns is None:
            return self._width - len(self._categories)
        return len(self._columns.number_names)

    @property
    def sizes(self) -> list[int]:
        """Number of codes of each column of codes in a ``Table``."""
        return [len(known) + 1 for known in self._known] if self._columns is None else self._columns.sizes

    def to_dict(self) -> dict[str, Any]:
        """Return JSON data for a file; ``restored`` takes it."""
        if self._columns is not None:
            return {"frame": self._columns.to_dict()}
        known = [column.tolist() for column in self._known]
        return {"width": self._width, "categories": self._categories, "known": known}

    def restored(self, values: dict[str, Any]) -> TableColumns:
        """Take over what ``to_dict`` of other columns returned.

        Raises:
            ValueError: if ``values`` is something else.
        """
        if set(values) == {"frame"}:
            self._columns = Columns.from_dict(values["frame"])
            return self
        if set(values) != {"width", "categories", "known"}:
            raise ValueError("the columns must have the key frame, or the keys width, categories and known")
        self._width = _checks.count("columns", "width", values["width"])
        self._categories = [_checks.count("columns", "categories", j, 0) for j in values["categories"]]
        self._known = [np.array(known, np.float64) for known in values["known"]]
        if (
            self._categories != sorted(set(self._categories))
            or max(self._categories, default=-1) >= self._width
        ):
            raise ValueError(f"categories must be rising numbers of columns below {self._width}")
        if len(self._known) != len(self._categories) or not all(map(_is_rising, self._known)):
            raise ValueError("known must hold rising finite numbers for each category column")
        return self

    @staticmethod
    def _numbers(estimator: Any, X: Any, who: str, *, reset: bool) -> Array:
        """Check an array of numbers, and return it as float64."""
        if not reset and _is_plain(estimator, X):
            return X  # type: ignore[no-any-return]
        _checks.no_dates(who, "X", X)
        if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
            raise ValueError(
                f"{who}: X must have no masked values, which scikit-learn reads as numbers; fill them, or "
                "pass a data frame with missing values"
            )
        try:
            return np.asarray(validate_data(estimator, X, dtype=np.float64, reset=reset))
        except ValueError as error:
            names = column_names(X)
            if names is None or "could not convert" not in str(error):
                raise
            other = next((name for name in names if not isinstance(name, str)), None)
            raise ValueError(
                f"{who}: a frame with text must have text as names of its columns, got {other!r}; rename "
                "them: X.columns = X.columns.astype(str)"
            ) from error

    @staticmethod
    def _check_names(estimator: Any, X: Any, names: list[str], who: str, *, reset: bool) -> None:
        """Let scikit-learn compare the names of columns; it does not know mappings, which have no order."""
        if len(set(names)) < len(names):
            raise ValueError(f"{who}: two columns of the table have the same name; rename one")
        if not isinstance(X, (Mapping, Frame)):
            if reset or names != _names_of(estimator):
                validate_data(estimator, X, skip_check_array=True, reset=reset)
        elif reset:
            estimator.feature_names_in_ = np.array(names, dtype=object)
            estimator.n_features_in_ = len(names)

    @staticmethod
    def _applied(columns: Columns, data: Any, who: str) -> Table:
        numbers, codes, _ = columns.apply(data, who)
        return Table(numbers, codes, tuple(columns.sizes))

    def _learn(self, frame: Frame) -> Columns:
        """Learn a frame: columns of numbers stay numbers, and the kind of text is inferred."""
        kinds = {
            name: "number"
            for name in frame.names
            if name not in frame.kinds and getattr(frame.column(name), "dtype", np.dtype(object)).kind in "if"
        }
        chosen = self._chosen(len(frame.names), frame.names)
        return Columns.fit(frame, kinds=kinds | {frame.names[j]: "category" for j in chosen})

    def _chosen(self, columns: int, names: Sequence[str] = ()) -> list[int]:
        """Return the positions of the columns that ``categorical_features`` names."""
        given = list(self._given)
        if len(given) == columns and all(isinstance(one, (bool, np.bool_)) for one in given):
            return [j for j, one in enumerate(given) if one]
        places = {name: j for j, name in enumerate(names)}
        chosen: list[Any] = [places.get(one, one) if isinstance(one, str) else one for one in given]
        whole = all(isinstance(j, (int, np.integer)) and not isinstance(j, bool) for j in chosen)
        if not whole or any(not -columns <= j < columns for j in chosen):
            raise ValueError(
                f"categorical_features must be numbers of columns from 0 to {columns - 1}"
                f"{', names of columns' if names else ''} or one boolean per column, got {self._given}"
            )
        return sorted({int(j) % columns for j in chosen})

    def _table(self, X: Array) -> Table:
        if not self._categories:
            return Table(X, np.zeros((len(X), 0), np.int64))
        numbers = np.setdiff1d(np.arange(X.shape[1]), self._categories)
        none = np.zeros(len(X), bool)
        codes = [
            codes_of(X[:, j], none, known) for j, known in zip(self._categories, self._known, strict=True)
        ]
        stacked = np.stack(codes, axis=1) if codes else np.zeros((len(X), 0), np.int64)
        return Table(X[:, numbers], stacked, tuple(self.sizes))


def _is_rising(values: Array) -> bool:
    return values.ndim == 1 and bool(np.isfinite(values).all() and (np.diff(values) > 0).all())


def _frame_names(X: Any) -> list[str] | None:
    """The names of the columns of a data frame, a mapping or a Frame; None for anything else."""
    if isinstance(X, Mapping):
        return None if hasattr(X, "tocsr") else list(X)  # some sparse matrices are mappings
    names = X.names if isinstance(X, Frame) else column_names(X)
    return names if names is not None and all(isinstance(name, str) for name in names) else None


def _names_of(estimator: Any) -> list[str] | None:
    """The names of the columns that an estimator was trained on, if it knows them."""
    names = getattr(estimator, "feature_names_in_", None)
    return None if names is None else names.tolist()


def _is_plain(estimator: Any, X: Any) -> bool:
    """Whether X is an array that passes scikit-learn's checks, which take longer than a prediction."""
    return (
        type(X) is np.ndarray
        and X.dtype == np.float64
        and X.ndim == 2
        and len(X) > 0
        and X.shape[1] == estimator.n_features_in_
        and _names_of(estimator) is None
        and bool(np.isfinite(X).all())
    )
