"""The text of cells: which cells are missing, and which are numbers, booleans or whole numbers.

Only ASCII digits count as digits, and only the characters of ordinary numbers are read: ``1_000``,
``nan`` and ``infinity`` are text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BOOLEANS",
    "MISSING",
    "NumberFormat",
    "clean",
    "has_unit",
    "is_code",
    "is_inexact",
    "is_infinite",
    "is_number",
    "is_other_number",
    "missing_marks",
    "read_numbers",
    "whole_number",
]

#: Cells that count as missing, in any case of letters.
MISSING = ("", "NA", "N/A", "#N/A", "NaN", "NULL", "None", "?", "-")

#: Words for no and yes, in lower case.
BOOLEANS = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"), ("off", "on"))

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_CODE = re.compile(r"[+-]?0[0-9]+")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)")
_UNIT = r"(%|[$\u20ac\u00a3\u00a5\u20b9]|EUR|USD|GBP|CHF)?"
_AMOUNT = re.compile(rf"[+-]? ?{_UNIT} ?[+-]?[0-9][0-9.,' ]*{_UNIT}")
_PLAIN = frozenset("0123456789.+-eE")
# Longer whole numbers are text; Python refuses to convert those of more than 4300 digits.
_MOST_DIGITS = 300
_MINUS = "\u2212"
# Whole numbers up to here are exact in float64.
_EXACT = 2**53


class NumberFormat(NamedTuple):
    """How numbers are written: the decimal mark, and the mark between groups of three digits or ""."""

    decimal: str = "."
    thousands: str = ""


_STANDARD = NumberFormat()
_OTHERS = (NumberFormat(",", "."), NumberFormat(".", ","), NumberFormat(",", " "), NumberFormat(".", " "))


def has_unit(cell: str) -> bool:
    """Return whether the cell is a number with a percent or currency sign."""
    found = _AMOUNT.fullmatch(cell)
    return found is not None and bool(found[1] or found[2])


def is_inexact(cell: str) -> bool:
    """Return whether the cell is a whole number that float64 cannot hold."""
    if len(cell) <= 15 or _WHOLE.fullmatch(cell) is None:
        return False
    return len(cell) > _MOST_DIGITS or int(float(cell)) != int(cell)


def clean(text: str) -> str:
    """Return the text in Unicode's composed form (NFC), without blanks around it or invisible characters."""
    if text.isascii():
        return text.strip()
    for mark in "\u200b\u2060\ufeff":
        text = text.replace(mark, "")
    for space in "\u00a0\u202f\u2007":
        text = text.replace(space, " ")
    return unicodedata.normalize("NFC", text).strip()


def missing_marks(marks: Iterable[str]) -> frozenset[str]:
    """Return the marks in the form in which cells are compared with them."""
    marks = (marks,) if isinstance(marks, str) else marks
    return frozenset(clean(mark).casefold() for mark in marks)


def _plain(cell: str, form: NumberFormat) -> str:
    """The cell as Python writes numbers; "" if its marks stand in wrong places."""
    cell = cell.replace(_MINUS, "-")
    if form.thousands:
        whole, mark, rest = cell.partition(form.decimal)
        groups = whole.lstrip("+-").split(form.thousands)
        if len(groups) > 1 and not (
            1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
        ):
            return ""
        cell = whole.replace(form.thousands, "") + mark + rest
    if form.decimal != ".":
        if "." in cell:
            return ""
        cell = cell.replace(form.decimal, ".")
    return cell


def is_number(cell: str, form: NumberFormat = _STANDARD) -> bool:
    """Return whether the cell is a finite number in this format."""
    plain = cell if form == _STANDARD and cell.isascii() else _plain(cell, form)
    return _NUMBER.fullmatch(plain) is not None and abs(float(plain)) < float("inf")


def is_infinite(cell: str, form: NumberFormat = _STANDARD) -> bool:
    """Return whether the cell means a number that is not finite: nan, infinity, or too large for float64."""
    plain = cell if form == _STANDARD and cell.isascii() else _plain(cell, form)
    named = plain.lstrip("+-").lower() in ("nan", "inf", "infinity")
    return named or (_NUMBER.fullmatch(plain) is not None and not is_number(cell, form))


def is_other_number(cell: str) -> bool:
    """Return whether the cell is a number with a decimal comma, or with marks between groups of digits."""
    return any(is_number(cell, form) for form in _OTHERS)


def read_numbers(
    cells: Sequence[str], form: NumberFormat = _STANDARD
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Read cells as numbers.

    Args:
        cells: Texts without blanks around them.
        form: How numbers are written.

    Returns:
        values: float64, NaN where a cell is not a finite number.
        read: Whether each cell is one.
    """
    if form == _STANDARD and _PLAIN.issuperset("".join(cells)):
        try:
            values = np.array(cells, dtype=np.float64)
        except ValueError:
            pass
        else:
            if np.isfinite(values).all():
                return values, np.ones(len(values), bool)
    known = {
        cell: float(_plain(cell, form)) if is_number(cell, form) else np.nan for cell in dict.fromkeys(cells)
    }
    values = np.array([known[cell] for cell in cells], dtype=np.float64)
    return values, np.isfinite(values)


def is_code(cell: str) -> bool:
    """Return whether a cell of digits is a code and not a number.

    A code has a leading zero, as ``007`` has, or is a whole number that float64 cannot hold.
    """
    if _CODE.fullmatch(cell):
        return True
    return len(cell) > 15 and _WHOLE.fullmatch(cell) is not None and abs(int(cell[:400])) > _EXACT


def whole_number(cell: str) -> bool:
    """Return whether the cell is a whole number in its shortest form: the number turns back into the cell."""
    return cell != "-0" and len(cell) <= _MOST_DIGITS and _WHOLE.fullmatch(cell) is not None
