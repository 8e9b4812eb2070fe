"""Parts of tables whose columns have names: frames in memory, Arrow data sets, and what they share."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from deepcore import _checks, _core
from deepcore._streaming.chunks import Chunk
from deepcore.typing import Array

__all__ = [
    "Columns",
    "FramePart",
    "PiecesPart",
    "TablePart",
    "chosen",
    "frame_names",
    "is_frame",
    "polars",
    "refuse_text",
    "refuse_text_columns",
]

# Rows that are copied at a time: columns become rows while they are in the cache.
_ROWS = 1024


def polars(what: str) -> Any:
    """Import polars, which reads ``what``."""
    try:
        import polars as pl
    except ImportError as error:
        raise ImportError(f'stream: {what} need polars; pip install "deepcore-nn[tabular]"') from error
    return pl


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are what.

    Attributes:
        features: Names of the columns of X, in their order.
        label: Names of the columns of y.
        single: Whether y has one number per row, and not a row of them.
        weight: Name of the column of the weights, or None.
    """

    features: tuple[str, ...]
    label: tuple[str, ...]
    single: bool
    weight: str | None

    @property
    def all(self) -> list[str]:
        """Return the names of all columns that are read."""
        return [*self.features, *self.label, *([] if self.weight is None else [self.weight])]

    def chunk(self, name: str, frame: Any, first: int, out: Array | None = None) -> Chunk:
        """Return rows of a frame, the first of which has the number ``first`` in ``name``."""
        arrays = {column: _numbers(name, column, frame[column]) for column in self.all}
        rows = len(frame)
        if out is None or out.shape != (rows, len(self.features)):
            kinds = {arrays[column].dtype for column in self.features}
            kind = np.float32 if kinds <= {np.dtype(np.float32), np.dtype(np.bool_)} else np.float64
            out = np.empty((rows, len(self.features)), kind)
        with np.errstate(over="ignore"):  # what overflows is refused below
            for at in range(0, rows, _ROWS):
                some = slice(at, at + _ROWS)
                for number, column in enumerate(self.features):
                    out[some, number] = arrays[column][some]
        self._check_finite(name, out, first)
        labels = [arrays[column] for column in self.label]
        weight = None if self.weight is None else arrays[self.weight]
        return Chunk(out, labels[0] if self.single else np.stack(labels, axis=1), weight)

    def _check_finite(self, name: str, X: Array, first: int) -> None:
        if _core.first_nonfinite_row(X) < 0:
            return
        row, number = np.argwhere(~np.isfinite(X))[0]
        raise ValueError(
            f"stream: {name}: column {_checks.shown(self.features[number])} must be finite in {X.dtype}, got "
            f"{X[row, number]} in row {first + row}; fill or remove such rows"
        )


def _numbers(name: str, column: str, values: Any) -> Array:
    """Return a column as an array of numbers; missing values are NaN."""
    array: Array = np.asarray(values)
    if array.dtype.kind == "O":  # booleans with missing values, or decimals
        kinds = {type(value) for value in array.tolist()}
        if not any(issubclass(kind, (str, bytes, list, dict)) for kind in kinds):
            try:
                return array.astype(np.float64)
            except (TypeError, ValueError):
                pass
    if array.dtype.kind not in "biuf":
        refuse_text(name, column, getattr(values, "dtype", getattr(values, "type", array.dtype)))
    return array


def refuse_text_columns(name: str, columns: Columns, schema: Any) -> None:
    """Refuse columns that are not numbers or booleans in a schema of polars."""
    for column in columns.all:
        if not (schema[column].is_numeric() or str(schema[column]) == "Boolean"):
            refuse_text(name, column, schema[column])


def refuse_text(name: str, column: str, dtype: object) -> None:
    """Raise the error for a column that holds no numbers."""
    raise TypeError(
        f"stream: {name}: column {_checks.shown(column)} must hold numbers or booleans, got {dtype}; encode "
        "it as numbers first, for example with deepcore.tabular, or choose other columns with features="
    )


def chosen(
    name: str,
    names: Sequence[str],
    label: object,
    features: object,
    sample_weight: object,
) -> Columns:
    """Find the columns of a table; features are all others, unless they are given.

    Raises:
        TypeError: if an argument is no name of a column.
        ValueError: if there is no such column, or one would be two things.
    """
    single = isinstance(label, str)
    if label is None:
        raise ValueError(
            f"stream: label must be the name of the column of y in {name}; there is "
            f"{_checks.first_names(list(names))}"
        )
    labels = _listed("label", [label] if single else label)
    weight = None if sample_weight is None else _listed("sample_weight", [sample_weight])[0]
    used = {*labels, weight}
    found = [n for n in names if n not in used] if features is None else _listed("features", features)
    columns = Columns(tuple(found), tuple(labels), single, weight)
    for column in columns.all:
        if column not in names:
            raise ValueError(
                f"stream: {name} has no column {_checks.shown(column)}; there is "
                f"{_checks.first_names(list(names))}"
            )
    if len(set(columns.all)) < len(columns.all):
        raise ValueError("stream: features, label and sample_weight must name different columns")
    if not found or not labels:
        raise ValueError(f"stream: {name} must have at least one column of features and one of labels")
    return columns


def _listed(argument: str, given: object) -> list[str]:
    if isinstance(given, str) or not isinstance(given, (list, tuple)):
        raise TypeError(f"stream: {argument} must be a list of names of columns, got {_checks.shown(given)}")
    for one in given:
        if not isinstance(one, str):
            raise TypeError(f"stream: {argument} must be the name of a column, got {_checks.shown(one)}")
    return list(given)


def is_frame(given: object) -> bool:
    """Return whether an object is a table in memory: a frame of polars or pandas, or an Arrow table."""
    if isinstance(given, (tuple, list)) or hasattr(given, "__dask_graph__"):
        return False
    return hasattr(given, "columns") and (hasattr(given, "iloc") or hasattr(given, "slice"))


def frame_names(frame: Any) -> list[str]:
    """Return the names of the columns of a frame."""
    return list(getattr(frame, "column_names", None) or frame.columns)


def _rows(frame: Any, first: int, stop: int) -> Any:
    """Return some rows of a frame of pandas, polars or Arrow."""
    return frame.iloc[first:stop] if hasattr(frame, "iloc") else frame.slice(first, stop - first)


class TablePart:
    """What all parts of tables have; see ``Part``."""

    fixed: Sequence[int] | None = None
    divisible = True

    def __init__(self, name: str, columns: Columns, rows: int, block_rows: int) -> None:
        self.name, self.names, self.rows, self.block_rows = name, columns, rows, block_rows
        self.columns, self.targets = len(columns.features), len(columns.label)
        self.weighted = columns.weight is not None

    def ahead(self, first: int, stop: int) -> None:
        """Do nothing."""


class FramePart(TablePart):
    """A frame in memory."""

    def __init__(self, name: str, frame: Any, columns: Columns) -> None:
        super().__init__(name, columns, len(frame), 1 + (1 << 18) // len(columns.all))
        self._frame = frame
        columns.chunk(name, _rows(frame, 0, 0), 0)  # refuses columns that are not numbers

    def read(self, first: int, stop: int, out: Array | None = None) -> Chunk:
        return self.names.chunk(self.name, _rows(self._frame, first, stop), first, out)


class PiecesPart(TablePart):
    """A table of pieces that can only be read as a whole; ``load(number)`` returns one as a frame.

    The rest of a piece of which only a part was asked for is kept until it is asked for.
    """

    divisible = False

    def __init__(self, name: str, columns: Columns, sizes: Sequence[int], load: Callable[[int], Any]) -> None:
        super().__init__(name, columns, sum(sizes), 1)
        self.fixed = self._sizes = list(sizes)
        self._ends, self._load = list(accumulate(sizes)), load
        self._kept: tuple[int, Any] | None = None

    def read(self, first: int, stop: int, out: Array | None = None) -> Chunk:
        number = bisect_right(self._ends, first)
        kept, self._kept = self._kept, None
        frame = kept[1] if kept is not None and kept[0] == number else self._load(number)
        if len(frame) != self._sizes[number]:
            raise ValueError(
                f"stream: {self.name} must have {self._sizes[number]} rows in piece {number}, as when the "
                f"stream was made, got {len(frame)}"
            )
        if stop < self._ends[number]:
            self._kept = number, frame
        start = self._ends[number] - self._sizes[number]
        return self.names.chunk(self.name, _rows(frame, first - start, stop - start), first, out)
