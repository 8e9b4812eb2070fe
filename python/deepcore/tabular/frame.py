"""``Frame``: named columns as NumPy arrays, made from files, data frames, mappings or arrays."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from deepcore import _checks
from deepcore.data.text import NumberFormat, clean
from deepcore.data.text_column import TextColumn
from deepcore.tabular import data_frames
from deepcore.tabular.column_arrays import column_array, holds_durations
from deepcore.typing import Array

__all__ = ["Frame"]


class Frame:
    """Columns of equal length: an ordered mapping from names to 1-D arrays.

    Every column is float64, int64, bool, datetime64 (NaT is missing), or object. An object column holds
    text, None for missing values, and True and False if booleans are missing. Whole numbers that int64
    cannot hold become text. Names are compared in Unicode's composed form, without blanks around them.

    Args:
        columns: The columns by name.
        source: Where they come from, for messages.
        lines: Line of each row in its file, for messages; None if there is no file.
        number_format: How numbers are written in text columns.
        kinds: Kinds of columns that their type tells, such as ``"category"``.
        index: Names of the rows, which are no feature; None if they have none.
        checked: The columns are those of another Frame, which need no second check.

    Raises:
        TypeError: If a column holds something else than numbers, text, booleans, dates and durations.
        ValueError: If two names are equal, or columns differ in length.

    Example:
        >>> frame = Frame({"size": [1.5, 2.0], "town": ["Bonn", None]})
        >>> frame.names, len(frame), frame["town"].tolist()
        (['size', 'town'], 2, ['Bonn', None])
    """

    def __init__(
        self,
        columns: Mapping[str, Any],
        *,
        source: str = "the table",
        lines: Sequence[int] | Array | None = None,
        number_format: NumberFormat | None = None,
        kinds: Mapping[str, str] | None = None,
        index: Sequence[Any] | Array | None = None,
        checked: bool = False,
    ) -> None:
        self.source = source
        self.lines = lines
        self.index = index
        self.number_format = NumberFormat() if number_format is None else number_format
        self.kinds = {clean(str(name)): kind for name, kind in (kinds or {}).items()}
        #: Rounding errors of columns that came in float32 or float16, relative to their size.
        self.rounding: dict[str, float] = {}
        #: Names of columns that came as durations; they hold numbers of days.
        self.durations: set[str] = set()
        self._columns: dict[str, Array | TextColumn] = {}
        for name, values in columns.items():
            key = clean(str(name))
            if key in self._columns:
                raise ValueError(f"Frame: {source} has two columns named {_checks.shown(key)}; rename one")
            ready = checked or isinstance(values, TextColumn)
            self._columns[key] = values if ready else column_array(key, values)
            if not ready and holds_durations(values):
                self.durations.add(key)
            dtype = getattr(values, "dtype", None)
            if isinstance(dtype, np.dtype) and dtype.kind == "f" and dtype.itemsize < 8:
                self.rounding[key] = float(np.finfo(dtype).eps)
        lengths = {name: len(values) for name, values in self._columns.items()}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{_checks.shown(name)}: {length}" for name, length in lengths.items())
            raise ValueError(f"Frame: columns must be of equal length, got {_checks.cut(shown, 200)}")
        self._length = next(iter(lengths.values()), 0)
        #: All columns of the source, for messages, also those that were not needed and not read.
        self.listed = list(self._columns)

    @classmethod
    def of(cls, data: Any, who: str = "Frame.of", *, needed: Collection[str] | None = None) -> Frame:
        """Return a Frame with the columns of ``data``.

        Args:
            data: A Frame, a mapping from names to arrays, a structured array, a 2-D array (its columns are
                named x1, x2, ...), or a data frame of pandas, polars, PyArrow or another library that
                narwhals knows.
            who: Name of the caller, the head of messages.
            needed: Names of the columns of a mapping or a data frame that are read. The others may hold
                anything. None: all.

        Raises:
            ImportError: If a data frame is given and narwhals is missing.
            TypeError: If ``data`` is none of these.
            ValueError: If it is an array with another number of axes.
        """
        _checks.in_memory(who, "the table", data)
        if isinstance(data, Frame):
            return data
        if isinstance(data, (list, tuple, np.ndarray)):
            array = data if isinstance(data, np.ndarray) else np.asarray(data)
            if array.dtype.names is not None and array.ndim == 1:
                return cls({name: array[name] for name in array.dtype.names})
            if array.ndim != 2:
                raise ValueError(f"{who}: a table must have shape (m, n), got shape {array.shape}")
            return cls({f"x{j + 1}": array[:, j] for j in range(array.shape[1])})
        source = data_frames.opened(data, who)
        columns: dict[str, Any] = {}
        kinds: dict[str, str] = {}
        keys = _distinct(source.names)
        for number, name in enumerate(keys):
            if needed is None or name in needed:
                columns[name], kind = source.read(number)
                if kind is not None:
                    kinds[name] = kind
        frame = cls(columns, kinds=kinds)
        frame.listed = keys
        return frame

    @property
    def names(self) -> list[str]:
        """Names of the columns, in order."""
        return list(self._columns)

    def __len__(self) -> int:
        return self._length

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and clean(name) in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __getitem__(self, name: str) -> Array:
        column = self.column(name)
        return column.array() if isinstance(column, TextColumn) else column

    def column(self, name: str) -> Array | TextColumn:
        """Return a column as it is stored: text of files stores every different cell once."""
        try:
            return self._columns[clean(name)]
        except KeyError:
            raise ValueError(
                f"Frame: {self.source} has no column {_checks.shown(name)}; its columns are "
                f"{_checks.first_names(self.listed)}"
            ) from None

    def take(self, rows: Any) -> Frame:
        """Return some of the rows, in the order of ``rows``: row numbers, a slice or a boolean mask."""
        lines = None if self.lines is None else np.asarray(self.lines)[rows]
        index = None if self.index is None else np.asarray(self.index, dtype=object)[rows]
        columns = {
            name: values.take(rows) if isinstance(values, TextColumn) else values[rows]
            for name, values in self._columns.items()
        }
        return self._like(columns, lines, index)

    def select(self, names: Iterable[str]) -> Frame:
        """Return some of the columns, in the order of ``names``."""
        return self._like({clean(name): self.column(name) for name in names}, self.lines, self.index)

    def drop(self, names: Iterable[str]) -> Frame:
        """Return all columns but these."""
        left_out = {clean(name) for name in names}
        for name in left_out - set(self._columns):
            self.column(name)  # raises
        return self.select(name for name in self._columns if name not in left_out)

    def place(self, row: int) -> str:
        """Return how messages name a row: its line in the file, or its number from 0."""
        return f"row {row}" if self.lines is None else f"line {self.lines[row]}"

    def __repr__(self) -> str:
        return f"Frame({len(self)} rows: {_checks.first_names(self.names)})"

    def _like(self, columns: Mapping[str, Array | TextColumn], lines: Any, index: Any) -> Frame:
        """A frame of columns of this one."""
        frame = Frame(
            columns,
            source=self.source,
            lines=lines,
            number_format=self.number_format,
            index=index,
            checked=True,
        )
        frame.rounding = {name: eps for name, eps in self.rounding.items() if name in columns}
        frame.durations = self.durations & set(columns)
        frame.kinds = {name: kind for name, kind in self.kinds.items() if name in columns}
        return frame


def _distinct(names: Iterable[Any]) -> list[str]:
    """The names in the form in which they are compared."""
    keys: dict[str, None] = {}
    for name in names:
        key = clean(str(name))
        if key in keys:
            raise ValueError(f"Frame: the table has two columns named {_checks.shown(key)}; rename one")
        keys[key] = None
    return list(keys)
