"""The kind of a column: number, category, boolean, date or ignore, with the reason for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deepcore import _checks
from deepcore.data.text import BOOLEANS, NumberFormat, is_code, is_number, read_numbers
from deepcore.tabular.dates import recognise
from deepcore.typing import Array

__all__ = ["KINDS", "Finding", "Question", "infer", "is_id_name"]

KINDS = ("number", "category", "boolean", "date", "ignore")

# Text columns whose values are all different tell nothing about further rows. Below this number of rows
# that may be chance.
_FEWEST_IDS = 10
# Text is ignored if at least this share of its cells hold a value of their own.
_MOSTLY_DIFFERENT = 0.5
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
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
    rows: Sequence[int] = field(default_factory=tuple)


def is_id_name(name: str) -> bool:
    """Return whether the name of a column says that it numbers the rows."""
    words = [word.lower() for word in _WORDS.findall(name)]
    return not words or words[0] in _ID_WORDS or words[-1] in _ID_WORDS


def infer(name: str, values: Array, form: NumberFormat, rows: Array) -> Finding:
    """Decide the kind of a column by its values that are not missing.

    Args:
        name: Name of the column.
        values: The values, without missing ones; text is clean.
        form: How numbers are written.
        rows: The row of each value, for questions.

    Raises:
        Question: If the values do not tell.
    """
    if len(values) == 0:
        return Finding("ignore", "no values")
    if values.dtype.kind in "if":
        return _of_numbers(name, values)
    if values.dtype.kind == "b":
        return (
            Finding("ignore", "constant") if values.min() == values.max() else Finding("boolean", "booleans")
        )
    if values.dtype.kind == "M":
        return Finding("ignore", "constant") if values.min() == values.max() else Finding("date", "dates")
    cells = values.tolist()
    if any(isinstance(cell, bool) for cell in cells):
        return Finding("boolean", "booleans")
    return _of_text(name, cells, form, rows)


def _of_numbers(name: str, values: Array) -> Finding:
    different = len(np.unique(values))
    if different == 1:
        return Finding("ignore", "constant")
    whole = values.dtype.kind == "i" or bool((values == np.floor(values)).all())
    if is_id_name(name) and whole and different == len(values):
        return Finding("ignore", "an id: whole numbers, all different, and the name says so")
    return Finding("number", "numbers")


def _of_text(name: str, cells: list[Any], form: NumberFormat, rows: Array) -> Finding:
    different = list(dict.fromkeys(cells))
    if len(different) == 1:
        return Finding("ignore", "constant")
    numeric = [cell for cell in different if is_number(cell, form)]
    if len(numeric) == len(different):
        if any(map(is_code, different)):
            return _of_words(cells, different, "codes of digits")
        return _of_numbers(name, read_numbers(cells, form)[0])
    known = set(numeric)
    count = sum(cell in known for cell in cells)
    if 2 * count > len(cells) and not any(map(is_code, numeric)):
        others = [i for i, cell in enumerate(cells) if cell not in known]
        shown = _checks.first_names(list(dict.fromkeys(cells[i] for i in others)), _checks.shown)
        raise Question(
            f"holds {count} numbers and {len(others)} other cells ({shown})",
            "missing=[...] for marks of missing values, decimal= and thousands= for the format of numbers, "
            f"or kinds={{{name!r}: 'category'}}",
            [int(rows[i]) for i in others[:1]],
        )
    lower = {cell.lower() for cell in different}
    if any(lower <= set(pair) for pair in BOOLEANS) and len(lower) == 2:
        return Finding("boolean", f"the words {' and '.join(sorted(lower))}")
    forms = recognise(different)
    if len(forms) == 1:
        return Finding("date", "dates", forms[0])
    if forms:
        choices = " or ".join(f"kinds={{{name!r}: 'date {form}'}}" for form in forms)
        raise Question(f"holds dates such as {cells[0]!r}, whose day and month may be either", choices, ())
    return _of_words(cells, different, "text")


def _of_words(cells: list[Any], different: list[Any], what: str) -> Finding:
    if len(different) == len(cells) and len(cells) >= _FEWEST_IDS:
        return Finding("ignore", f"an id: {what}, all different")
    if len(cells) >= _FEWEST_IDS and len(different) > _MOSTLY_DIFFERENT * len(cells):
        return Finding("ignore", f"{what}, mostly different")
    return Finding("category", what)
