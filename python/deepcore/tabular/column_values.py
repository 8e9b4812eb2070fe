"""Later tables: the cells of a column become numbers, features of dates, or codes of known categories."""

from __future__ import annotations

import math
import warnings

import numpy as np
from numpy.typing import NDArray

from deepcore import _checks
from deepcore.data.text import is_number, read_numbers
from deepcore.data.text_column import TextColumn
from deepcore.tabular.cells import Cells, boolean_word, clean_text, present
from deepcore.tabular.column import DAYS, Column
from deepcore.tabular.column_arrays import category_word
from deepcore.tabular.dates import ISO, date_features, parse_dates
from deepcore.tabular.frame import Frame
from deepcore.typing import Array

__all__ = ["CannotRead", "fill_codes", "fill_features", "read"]

# What stands in place of the code of a value.
_MISSING, _UNKNOWN = -1, 0
# So many cells are not all unknown by chance.
_MANY = 10


class CannotRead(Exception):
    """A column whose cells are not of its kind."""


def read(column: Column, cells: Cells, frame: Frame) -> Array:
    """Return the values of cells as float64 or datetime64.

    Args:
        column: What was learned of the column: a number or a date.
        cells: Its cells.
        frame: The table, for messages and for how numbers are written.

    Raises:
        CannotRead: If a value is not of the kind of the column.
    """
    values = cells.values
    found: Array
    if column.kind == "date":
        if values.dtype.kind == "M":
            return values
        if values.dtype != object and values.size:
            raise CannotRead(f"must hold dates, got {values.dtype} numbers")
        found, good = parse_dates(values.tolist(), column.form or ISO)
        what = "a date" if column.form in (None, ISO) else f"a date in the format {column.form}"
    else:
        if values.dtype.kind == "M" and values.size:
            raise CannotRead("must hold numbers, got dates")
        if values.dtype != object:
            found = values.astype(np.float64)
            good = np.isfinite(found)
        else:
            texts = [cell if isinstance(cell, str) else str(int(cell)) for cell in values]
            found, good = read_numbers(texts, frame.number_format)
        what = "a number"
    if not good.all():
        first = int(np.argmin(good))
        raise CannotRead(
            f"must be {what}, got {_checks.shown(values[first])} in {frame.place(cells.row(first))} "
            f"({int(cells.counts[~good].sum())} such cells)"
        )
    return found


def fill_features(out: Array, column: Column, frame: Frame, marks: frozenset[str]) -> NDArray[np.bool_]:
    """Write the features of a number or date column; missing values are filled.

    Args:
        out: Where they are written to, float64 (m, k).
        column: What was learned of the column.
        frame: The table.
        marks: Marks of missing values, as ``missing_marks`` returns them.

    Returns:
        Whether each value is missing.

    Raises:
        CannotRead: If a value is not of the kind of the column.
    """
    values = frame.column(column.name)
    if column.name in frame.durations and column.form != DAYS:
        raise CannotRead("must hold numbers like the training rows, got durations; divide them by a unit")
    if isinstance(values, np.ndarray) and column.kind == "number" and values.dtype.kind in "fi":
        out[:, 0] = values
        missing = np.isnan(out[:, 0])
        out[missing, 0] = column.fill
        if np.isfinite(out).all():
            return missing
    elif isinstance(values, np.ndarray) and column.kind == "date" and values.dtype.kind == "M":
        missing = np.isnat(values)
        out[:] = date_features(values)
        out[missing] = column.fill
        return missing
    cells = present(values, marks)
    found = read(column, cells, frame)
    features = date_features(found) if column.kind == "date" else found[:, None]
    out[~cells.missing] = features[cells.inverse]
    out[cells.missing] = column.fill
    return cells.missing


def fill_codes(
    out: Array, column: Column, frame: Frame, marks: frozenset[str], notes: list[str]
) -> NDArray[np.bool_] | None:
    """Write the codes of a category or boolean column; 0 is a missing value or an unknown category.

    Args:
        out: Where they are written to, int64 (m,).
        column: What was learned of the column.
        frame: The table.
        marks: Marks of missing values, as ``missing_marks`` returns them.
        notes: A sentence on unknown categories is appended.

    Returns:
        Whether each value is missing; None: none is.

    Raises:
        CannotRead: If the values are numbers or dates, and no category is a number.
    """
    values = frame.column(column.name)
    cells = _distinct(values)
    found = np.array([_code(value, column, marks) for value in cells.values], dtype=np.int64)
    codes = found[cells.codes]
    if found.size == 0 or found.min() > 0:
        out[:] = codes
        return None
    np.maximum(codes, 0, out=out)
    if (codes == _UNKNOWN).any():
        typed = values.dtype.name if isinstance(values, np.ndarray) and values.dtype != object else ""
        _tell_unknown(column, cells, found, typed, notes)
    return np.asarray(codes == _MISSING)


def _distinct(values: Array | TextColumn) -> TextColumn:
    """A column with every different cell once."""
    if isinstance(values, TextColumn):
        return values
    if values.dtype.kind == "b":
        return TextColumn([False, True], values.astype(np.int32))
    if values.dtype == object:
        return TextColumn.of(values.tolist())
    different, codes = np.unique(values, return_inverse=True)
    return TextColumn(different.tolist(), codes.astype(np.int32))


def _code(value: object, column: Column, marks: frozenset[str]) -> int:
    """The code of a category, or what stands in its place."""
    known = column.codes.get(value) if isinstance(value, str) and column.kind == "category" else None
    if known is not None:
        return known
    word = _word(value, column, marks)
    if word is None:
        return _MISSING
    code = column.codes.get(word, _UNKNOWN)
    if code == _UNKNOWN and type(value) in (int, float) and column.kind == "category":
        return column.codes.get(f"{word}.0", _UNKNOWN)  # a number that was text when the column was learned
    return code


def _word(value: object, column: Column, marks: frozenset[str]) -> str | None:
    """The form in which categories are compared; None is a missing value."""
    if isinstance(value, str):
        text = clean_text(value, marks)
        if text is None:
            return None
    elif value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    else:
        text = category_word(value)
    return text if column.kind != "boolean" else boolean_word(text) or text


def _tell_unknown(column: Column, cells: TextColumn, found: Array, typed: str, notes: list[str]) -> None:
    """Add a note on unknown categories; raise an error if typed values cannot be categories of the column."""
    used, first = np.unique(cells.codes, return_index=True)
    unknown = [code for code in used[np.argsort(first)].tolist() if found[code] == _UNKNOWN]
    words = dict.fromkeys(_word(cells.values[code], column, frozenset()) for code in unknown)
    count = int((found == _UNKNOWN)[cells.codes].sum())
    shown = _checks.first_names([word for word in words if word is not None], _checks.shown)
    all_unknown = count == int((found != _MISSING)[cells.codes].sum())
    if typed and all_unknown and not any(map(is_number, column.values)):
        raise CannotRead(
            f"must hold text like {_checks.first_names(column.values, _checks.shown)}, got "
            f"{typed} values such as {shown}"
        )
    if all_unknown and count >= _MANY:
        warnings.warn(
            f"none of the {count} cells of column {column.name!r} is a category that the training rows had, "
            f"which are {_checks.first_names(column.values, _checks.shown)}; got {shown}",
            stacklevel=2,
        )
    notes.append(f"{column.name!r} has {count} cells with unknown categories: {shown}")
