"""The kind of a column: number, category, boolean, date or ignore, with the reason for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from deepcore import _checks
from deepcore.data.text import (
    BOOLEANS,
    NumberFormat,
    has_unit,
    is_code,
    is_number,
    is_other_number,
    read_numbers,
)
from deepcore.tabular.cells import Cells
from deepcore.tabular.dates import recognise
from deepcore.typing import Array

__all__ = ["EPS", "KINDS", "Finding", "Question", "infer", "is_id_name"]

KINDS = ("number", "category", "boolean", "date", "ignore")

# Text columns whose values are all different tell nothing about further rows. Below this number of rows
# that may be chance.
_FEWEST_IDS = 10
# Text is ignored if at least this share of its cells hold a value of their own.
_MOSTLY_DIFFERENT = 0.5
#: Rounding error of float64.
EPS = float(np.finfo(np.float64).eps)
# Sums of shares and unit conversions there and back differ by a few rounding errors.
_ROUNDING_ERRORS = 16
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?(?:(?![A-Z0-9_])\w)+|[0-9]+")
_ID_WORDS = frozenset(
    ("id", "ids", "index", "idx", "uuid", "guid", "rownames", "rowname", "rownum", "unnamed")
)


@dataclass(frozen=True)
class Finding:
    """What a column is, and why; ``form`` is the format of dates."""

    kind: str
    reason: str
    form: str | None = None


@dataclass
class Question(Exception):
    """A column whose kind the data do not tell: what was found, and how to answer."""

    found: str
    answer: str
    row: int | None = None


def is_id_name(name: str) -> bool:
    """Return whether the name of a column says that it numbers the rows."""
    words = [word.lower() for word in _WORDS.findall(name)]
    return not words or words[0] in _ID_WORDS or words[-1] in _ID_WORDS


def infer(name: str, cells: Cells, form: NumberFormat, eps: float = EPS) -> Finding:
    """Decide the kind of a column by its values that are not missing.

    Args:
        name: Name of the column.
        cells: Its cells.
        form: How numbers are written.
        eps: Rounding error of the numbers, relative to their size.

    Raises:
        Question: If the values do not tell.
    """
    values = cells.values
    if len(values) == 0:
        return Finding("ignore", "no values")
    if values.dtype.kind in "if":
        return _of_numbers(name, np.unique(values), len(values), eps)
    if values.dtype.kind in "bM":
        if values.min() == values.max():
            return Finding("ignore", "constant")
        return Finding("boolean", "booleans") if values.dtype.kind == "b" else Finding("date", "dates")
    if any(isinstance(value, bool) for value in values):
        return Finding("boolean", "booleans")
    return _of_text(name, cells, form)


def _of_numbers(name: str, different: Array, count: int, eps: float = EPS) -> Finding:
    if len(different) == 1:
        return Finding("ignore", "constant")
    if different.dtype.kind == "i" and max(abs(int(different[0])), abs(int(different[-1]))) > 2**53:
        return _of_words(len(different), count, "whole numbers beyond 2^53")
    whole = different.dtype.kind == "i" or bool((different == np.floor(different)).all())
    low, high = float(different[0]), float(different[-1])
    size = max(abs(low), abs(high))
    if not whole and size < np.inf and high / 2 - low / 2 <= _ROUNDING_ERRORS * eps * size:
        return Finding("ignore", "constant but for rounding")
    if is_id_name(name) and whole and len(different) == count:
        return Finding("ignore", "an id: whole numbers, all different, and the name says so")
    return Finding("number", "numbers")


def _of_text(name: str, cells: Cells, form: NumberFormat) -> Finding:
    different, total = cells.values.tolist(), len(cells.inverse)
    if len(different) == 1:
        return Finding("ignore", "constant")
    numeric = np.array([is_number(cell, form) for cell in different])
    codes = any(is_code(cell) for cell, number in zip(different, numeric, strict=True) if number)
    if numeric.all():
        if codes:
            return _of_words(len(different), total, "codes of digits")
        return _of_numbers(name, np.unique(read_numbers(different, form)[0]), total)
    if not codes and all(map(is_other_number, np.array(different, dtype=object)[~numeric])):
        shown = different[int(np.argmin(numeric))]
        raise Question(
            f"holds numbers in another format, such as {shown!r}",
            f"decimal= or thousands= to read_table, numbers, or kinds={{{name!r}: 'category'}}",
            cells.row(int(np.argmin(numeric))),
        )
    count = int(cells.counts[numeric].sum())
    if 2 * count > total and not codes:
        others = np.flatnonzero(~numeric).tolist()
        shown = _checks.first_names([different[i] for i in others], _checks.shown)
        raise Question(
            f"holds {count} numbers and {total - count} other cells ({shown})",
            "missing=[...] for marks of missing values, decimal= and thousands= for the format of numbers, "
            f"or kinds={{{name!r}: 'category'}}",
            cells.row(others[0]),
        )
    if all(map(has_unit, different)):
        raise Question(
            f"holds amounts with a percent or currency sign, such as {different[0]!r}",
            f"numbers without the sign, or kinds={{{name!r}: 'category'}} or 'ignore'",
            cells.row(0),
        )
    lower = {cell.lower() for cell in different}
    if any(lower <= set(pair) for pair in BOOLEANS) and len(lower) == 2:
        return Finding("boolean", f"the words {' and '.join(sorted(lower))}")
    forms = recognise(different)
    if len(forms) == 1:
        return Finding("date", "dates", forms[0])
    if forms:
        choices = " or ".join(f"kinds={{{name!r}: 'date {form}'}}" for form in forms)
        raise Question(f"holds dates such as {different[0]!r}, whose day and month may be either", choices)
    return _of_words(len(different), total, "text")


def _of_words(different: int, total: int, what: str) -> Finding:
    if different == total >= _FEWEST_IDS:
        return Finding("ignore", f"an id: {what}, all different")
    if total >= _FEWEST_IDS and different > _MOSTLY_DIFFERENT * total:
        return Finding("ignore", f"{what}, mostly different")
    return Finding("category", what)
