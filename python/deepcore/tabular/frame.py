"""``Frame``: named columns as NumPy arrays, made from files, data frames, mappings or arrays."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from deepcore import _checks
from deepcore.data.text import NumberFormat, clean
from deepcore.data.text_column import TextColumn
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
        self._columns: dict[str, Array | TextColumn] = {}
        for name, values in columns.items():
            key = clean(str(name))
            if key in self._columns:
                raise ValueError(f"Frame: {source} has two columns named {_checks.shown(key)}; rename one")
            self._columns[key] = values if checked or isinstance(values, TextColumn) else _column(key, values)
            dtype = getattr(values, "dtype", None)
            if isinstance(dtype, np.dtype) and dtype.kind == "f" and dtype.itemsize < 8:
                self.rounding[key] = float(np.finfo(dtype).eps)
        lengths = {name: len(values) for name, values in self._columns.items()}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{_checks.shown(name)}: {length}" for name, length in lengths.items())
            raise ValueError(f"Frame: columns must be of equal length, got {_checks.cut(shown, 200)}")
        self._length = next(iter(lengths.values()), 0)

    @classmethod
    def of(cls, data: Any, who: str = "Frame.of") -> Frame:
        """Return a Frame with the columns of ``data``.

        Args:
            data: A Frame, a mapping from names to arrays, a structured array, a 2-D array (its columns are
                named x1, x2, ...), or a data frame of pandas, polars, PyArrow or another library that
                narwhals knows.
            who: Name of the caller, the head of messages.

        Raises:
            ImportError: If a data frame is given and narwhals is missing.
            TypeError: If ``data`` is none of these.
            ValueError: If it is an array with another number of axes.
        """
        _checks.in_memory(who, "the table", data)
        if isinstance(data, Frame):
            return data
        if isinstance(data, Mapping):
            return cls(data)
        if isinstance(data, (list, tuple, np.ndarray)):
            array = data if isinstance(data, np.ndarray) else np.asarray(data)
            if array.dtype.names is not None and array.ndim == 1:
                return cls({name: array[name] for name in array.dtype.names})
            if array.ndim != 2:
                raise ValueError(f"{who}: a table must have shape (m, n), got shape {array.shape}")
            return cls({f"x{j + 1}": array[:, j] for j in range(array.shape[1])})
        return _of_library(data, who)

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
                f"{_checks.first_names(self.names)}"
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
        frame.kinds = {name: kind for name, kind in self.kinds.items() if name in columns}
        return frame


def _column(name: str, values: Any) -> Array:
    """One column in one of the dtypes of a Frame."""
    if isinstance(values, np.ma.MaskedArray) and np.any(values.mask):
        values = np.ma.filled(values.astype(object), None)
    array = values if isinstance(values, np.ndarray) else _array(values)
    if array.ndim != 1:
        raise ValueError(
            f"Frame: column {_checks.shown(name)} must be 1-D, got shape {array.shape}; give each "
            "column a name"
        )
    kind = array.dtype.kind
    if kind == "b":
        return array
    if kind == "i":
        return array.astype(np.int64, copy=False)
    if kind == "u":
        fits = array.size == 0 or int(array.max()) < 2**63
        return array.astype(np.int64) if fits else _texts(str(value) for value in array.tolist())
    if kind == "f":
        return array.astype(np.float64, copy=False)
    if kind == "M":
        return array.astype("datetime64[us]", copy=False)
    if kind == "m":
        return _days(array)
    if kind == "U":
        return array.astype(object)
    if kind == "S":
        return _texts(value.decode("utf-8", "replace") for value in array.tolist())
    if kind == "O":
        return _objects(name, array)
    raise TypeError(
        f"Frame: column {_checks.shown(name)} must hold numbers, text, booleans or dates, got {array.dtype}"
    )


def _array(values: Any) -> Array:
    """A list as an array whose elements are not turned into text or floats on the way."""
    if isinstance(values, (list, tuple)):
        array = np.empty(len(values), dtype=object)
        array[:] = values
        return array
    return np.asarray(values)


def _texts(values: Iterable[str | None]) -> Array:
    cells = list(values)
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return array


def _days(array: Array) -> Array:
    """Durations as days; NaT becomes NaN."""
    days = array.astype("timedelta64[us]").astype(np.float64) / 86_400e6
    days[np.isnat(array)] = np.nan
    return np.asarray(days)


def _is_missing(value: object) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(value))
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def _objects(name: str, array: Array) -> Array:
    """A column of Python objects, by the types of those that are not missing."""
    if set(map(type, array.tolist())) <= {str, type(None)}:
        return array
    gone = np.fromiter((_is_missing(value) for value in array), bool, len(array))
    present = [value for value, missing in zip(array.tolist(), gone.tolist(), strict=True) if not missing]
    types = set(map(type, present))
    if all(issubclass(t, str) for t in types):
        cells = array.copy()
        cells[gone] = None
        return cells
    if all(issubclass(t, (bool, np.bool_)) for t in types):
        if not gone.any():
            return array.astype(bool)
        return _texts(None if missing else bool(value) for value, missing in zip(array, gone, strict=True))  # type: ignore[misc]
    durations = [t for t in types if issubclass(t, (dt.timedelta, np.timedelta64))]
    if durations and len(durations) < len(types):  # NumPy counts timedelta64 among the integers
        raise _strange(name, durations[0])
    if durations:
        spans = np.full(len(array), np.timedelta64("NaT"), dtype="timedelta64[us]")
        spans[~gone] = [np.timedelta64(value).astype("timedelta64[us]") for value in present]
        return _days(spans)
    if all(issubclass(t, (int, np.integer)) for t in types):
        largest = max(abs(int(value)) for value in present)
        if largest < 2**63 and not gone.any():
            return np.array([int(value) for value in present], dtype=np.int64)
        if largest > 2**53:
            return _texts(None if m else str(int(v)) for v, m in zip(array, gone, strict=True))
    if all(issubclass(t, (int, float, np.number, decimal.Decimal)) for t in types):
        numbers = np.full(len(array), np.nan)
        numbers[~gone] = [float(value) for value in present]
        return numbers
    if all(issubclass(t, (dt.date, np.datetime64)) for t in types):
        dates = np.full(len(array), np.datetime64("NaT"), dtype="datetime64[us]")
        dates[~gone] = [np.datetime64(_without_zone(value)).astype("datetime64[us]") for value in present]
        return dates
    if all(issubclass(t, (str, bool, int, float, np.generic)) for t in types):
        return _texts(None if m else str(v) for v, m in zip(array.tolist(), gone, strict=True))
    raise _strange(name, next(t for t in types if not issubclass(t, (str, bool, int, float, np.generic))))


def _strange(name: str, kind: type) -> TypeError:
    return TypeError(
        f"Frame: column {_checks.shown(name)} must hold numbers, text, booleans or dates, got "
        f"{kind.__name__} objects; convert or drop it"
    )


def _without_zone(value: Any) -> Any:
    """A time in UTC without its zone, which datetime64 does not hold."""
    zone = getattr(value, "tzinfo", None)
    return value.astimezone(dt.timezone.utc).replace(tzinfo=None) if zone is not None else value


def _of_library(data: Any, who: str) -> Frame:
    """A data frame of another library, through narwhals."""
    try:
        import narwhals as nw
        from narwhals.exceptions import DuplicateError
    except ImportError as error:
        raise ImportError(
            f'{who}: data frames need narwhals; pip install "deepcore-nn[tabular]", or pass a dict of arrays'
        ) from error
    try:
        frame = nw.from_native(data, eager_only=True)
    except DuplicateError as error:
        raise ValueError(f"{who}: two columns of the table have the same name; rename one") from error
    except TypeError as error:
        raise TypeError(
            f"{who}: a table must be a data frame, a dict of arrays, or an array (m, n), got "
            f"{type(data).__name__}"
        ) from error
    columns: dict[str, Any] = {}
    kinds: dict[str, str] = {}
    for series in frame.iter_columns():
        key = clean(str(series.name))
        if key in columns:
            raise ValueError(f"Frame: the table has two columns named {_checks.shown(key)}; rename one")
        dtype = series.dtype
        if dtype in (nw.Categorical, nw.Enum):
            kinds[key] = "category"
            cells = TextColumn.of(series.to_list())
            values = [None if _is_missing(value) else str(value) for value in cells.values]
            columns[key] = TextColumn(values, cells.codes)
        elif dtype.is_integer() or dtype == nw.Boolean:
            array = series.to_numpy()  # of another dtype if values are missing
            columns[key] = array if array.dtype.kind in "iub" else series.to_list()
        elif dtype.is_float():
            array = series.to_numpy()  # missing values are NaN, or NA in an array of objects
            if array.dtype.kind != "f":
                array = np.array([np.nan if _is_missing(value) else value for value in array])
            columns[key] = array.astype(np.float32 if dtype == nw.Float32 else np.float64)
        elif isinstance(dtype, nw.Datetime) and dtype.time_zone is not None:
            columns[key] = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy()
        elif dtype in (nw.Datetime, nw.Date, nw.Duration):
            columns[key] = series.to_numpy()
        else:
            columns[key] = series.to_list()
    return Frame(columns, kinds=kinds)
