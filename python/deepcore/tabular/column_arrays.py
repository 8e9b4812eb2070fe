"""One column as a ``Frame`` holds it: an array of few dtypes, or text with each different cell once."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterable
from typing import Any

import numpy as np

from deepcore import _checks
from deepcore.data.text_column import TextColumn
from deepcore.typing import Array

__all__ = ["category_word", "column_array", "holds_durations", "if_exact", "is_missing", "of_cells"]

# Whole numbers up to here are exact in float64.
_EXACT = 2**53
# Units whose numbers may be too large in microseconds.
_COARSE = ("Y", "M", "W", "D", "h", "m", "s", "ms")
_ALWAYS_MISSING = ("NoneType", "NAType", "NaTType")


def column_array(name: str, values: Any) -> Array | TextColumn:
    """Return one column in one of the dtypes of a Frame.

    Args:
        name: Name of the column, for messages.
        values: An array, or a sequence of cells.

    Raises:
        TypeError: If the cells are something else than numbers, text, booleans, dates and durations.
        ValueError: If the values are not 1-D.
    """
    if isinstance(values, np.ma.MaskedArray) and np.any(values.mask):
        values = np.ma.filled(values.astype(object), None)
    if isinstance(values, (list, tuple)):
        return of_cells(name, list(values))
    array = values if isinstance(values, np.ndarray) else np.asarray(values)
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
        return array.astype(np.int64) if fits else _objects(str(value) for value in array.tolist())
    if kind == "f":
        return array.astype(np.float64, copy=False)
    if kind == "M":
        return _microseconds(name, array)
    if kind == "m":
        return _days(name, array)
    if kind == "U":
        return array.astype(object)
    if kind == "S":
        return _objects(_decoded(name, value) for value in array.tolist())
    if kind == "O":
        return of_cells(name, array.tolist())
    raise TypeError(
        f"Frame: column {_checks.shown(name)} must hold numbers, text, booleans or dates, got {array.dtype}"
    )


def category_word(value: object) -> str:
    """Return a category as text; a whole number is written without a decimal point."""
    if isinstance(value, (float, np.floating)) and value.is_integer():
        return str(int(value))
    return str(value)


def is_missing(value: object) -> bool:
    """Return whether a cell is None, NaN, NA or NaT."""
    if value is None or type(value).__name__ in _ALWAYS_MISSING:
        return True
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(value))
    if isinstance(value, decimal.Decimal):
        return value.is_nan()
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def of_cells(name: str, cells: list[Any]) -> Array | TextColumn:
    """Return a column of Python objects, by the types of those that are not missing.

    Args:
        name: Name of the column, for messages.
        cells: The cells.

    Raises:
        TypeError: If they are something else than numbers, text, booleans, dates and durations.
    """
    types = set(map(type, cells))
    column: Array | TextColumn | None = _of_text(cells, types)
    if column is None:
        column = _of_numbers(cells, types)
    if column is not None:
        return column
    gone = _missing(cells, types)
    present = [value for value, missing in zip(cells, gone.tolist(), strict=True) if not missing]
    types = set(map(type, present))
    if all(issubclass(t, str) for t in types):
        return _objects(None if missing else value for value, missing in zip(cells, gone, strict=True))
    if all(issubclass(t, (bool, np.bool_)) for t in types):
        if not gone.any():
            return np.array(cells, dtype=bool)
        return _objects(None if missing else bool(value) for value, missing in zip(cells, gone, strict=True))
    durations = [t for t in types if issubclass(t, (dt.timedelta, np.timedelta64))]
    if durations and len(durations) < len(types):  # NumPy counts timedelta64 among the integers
        raise _strange(name, durations[0])
    if durations:
        spans = np.full(len(cells), np.timedelta64("NaT"), dtype="timedelta64[us]")
        spans[~gone] = [np.timedelta64(value).astype("timedelta64[us]") for value in present]
        return _days(name, spans)
    if all(issubclass(t, (int, np.integer, decimal.Decimal)) for t in types) and all(
        value == int(value) for value in present
    ):
        largest = max(abs(int(value)) for value in present)
        whole = decimal.Decimal not in types
        if whole and largest < 2**63 and not gone.any():
            return np.array([int(value) for value in present], dtype=np.int64)
        if largest > _EXACT:
            return _objects(None if m else str(int(v)) for v, m in zip(cells, gone, strict=True))
    if all(issubclass(t, (int, float, np.number, decimal.Decimal)) for t in types):
        numbers = np.full(len(cells), np.nan)
        numbers[~gone] = [float(value) for value in present]
        return numbers
    if all(issubclass(t, (dt.date, np.datetime64)) for t in types):
        dates = np.full(len(cells), np.datetime64("NaT"), dtype="datetime64[us]")
        dates[~gone] = [np.datetime64(_without_zone(value)).astype("datetime64[us]") for value in present]
        return dates
    if all(issubclass(t, (str, bool, int, float, np.generic)) for t in types):
        return _objects(None if m else category_word(v) for v, m in zip(cells, gone, strict=True))
    raise _strange(name, next(t for t in types if not issubclass(t, (str, bool, int, float, np.generic))))


def _of_text(cells: list[Any], types: set[type]) -> TextColumn | None:
    """The cells as a column of text, if all of them are text or missing."""
    if str not in types or not all(t is str or t is float or t.__name__ in _ALWAYS_MISSING for t in types):
        return None
    column = TextColumn.of(cells)
    values = [None if is_missing(value) else value for value in column.values]
    if any(isinstance(value, float) for value in values):
        return None
    return TextColumn(values, column.codes)


def _of_numbers(cells: list[Any], types: set[type]) -> Array | None:
    """The cells as float64, if they are floats, or exact whole numbers some of which are missing."""
    if not types <= {int, float, type(None)} or types == {int}:
        return None
    try:
        numbers = np.array(cells, dtype=np.float64)
    except OverflowError:
        return None
    return if_exact(numbers)


def if_exact(numbers: Array) -> Array | None:
    """Return whole numbers in float64, NaN being missing; None if some may be rounded or all are missing."""
    largest = np.fmax.reduce(np.abs(numbers), initial=-1.0)
    return numbers if 0 <= largest < _EXACT else None


def _missing(cells: list[Any], types: set[type]) -> Array:
    """Whether each cell is missing."""
    may_be = (float, np.floating, decimal.Decimal, np.datetime64, np.timedelta64)
    if not any(issubclass(t, may_be) or t.__name__ in _ALWAYS_MISSING for t in types):
        return np.zeros(len(cells), bool)
    return np.fromiter(map(is_missing, cells), bool, len(cells))


def _objects(values: Iterable[str | bool | None]) -> Array:
    cells = list(values)
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return array


def holds_durations(values: Any) -> bool:
    """Return whether the values of a column are durations."""
    dtype = getattr(values, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind != "O":
        return dtype.kind == "m"
    first = next((value for value in values if not is_missing(value)), None)
    return isinstance(first, (dt.timedelta, np.timedelta64))


def _microseconds(name: str, array: Array) -> Array:
    """Dates or durations in microseconds; NumPy would wrap those that are too large around."""
    converted = array.astype(f"{array.dtype.kind}8[us]", copy=False)
    if np.datetime_data(array.dtype)[0] in _COARSE:
        changed = ~np.isnat(array) & (converted.astype(array.dtype) != array)
        if changed.any():
            raise ValueError(
                f"Frame: column {_checks.shown(name)} must hold dates or durations of less than 290,000 "
                f"years, got {array[changed][0]}"
            )
    return converted


def _decoded(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"Frame: column {_checks.shown(name)} must hold text in UTF-8, got the bytes "
            f"{_checks.shown(value)}; decode them first"
        ) from error


def _days(name: str, array: Array) -> Array:
    """Durations as days; NaT becomes NaN."""
    days = _microseconds(name, array).astype(np.float64) / 86_400e6
    days[np.isnat(array)] = np.nan
    return np.asarray(days)


def _strange(name: str, kind: type) -> TypeError:
    return TypeError(
        f"Frame: column {_checks.shown(name)} must hold numbers, text, booleans or dates, got "
        f"{kind.__name__} objects; convert or drop it"
    )


def _without_zone(value: Any) -> Any:
    """A time in UTC without its zone, which datetime64 does not hold."""
    zone = getattr(value, "tzinfo", None)
    return value.astimezone(dt.timezone.utc).replace(tzinfo=None) if zone is not None else value
