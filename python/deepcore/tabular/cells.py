"""The cells of one column: which are missing, and the words that categories are compared by."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from deepcore.data.text import BOOLEANS, clean
from deepcore.typing import Array

__all__ = ["Cells", "boolean_words", "category_words", "present"]

_TRUTH = {word: truth for pair in BOOLEANS for word, truth in zip(pair, ("false", "true"), strict=True)}
_TRUTH |= {"0": "false", "1": "true"}


class Cells(NamedTuple):
    """The cells of a column.

    Attributes:
        values: Those that are not missing; text is clean.
        missing: Whether each cell is missing.
        rows: The row of each value.
    """

    values: Array
    missing: Array
    rows: Array


def present(column: Array, marks: frozenset[str]) -> Cells:
    """Find the cells that are not missing.

    Args:
        column: A column of a Frame.
        marks: Marks of missing values, as ``missing_marks`` returns them.
    """
    kind = column.dtype.kind
    if kind == "f":
        missing = np.isnan(column)
    elif kind == "M":
        missing = np.isnat(column)
    elif kind == "O":
        known = {value: _cell(value, marks) for value in dict.fromkeys(column.tolist())}
        cells = [known[value] for value in column.tolist()]
        missing = np.fromiter((cell is None for cell in cells), bool, len(cells))
        column = np.empty(len(cells), dtype=object)
        column[:] = cells
    else:
        missing = np.zeros(len(column), bool)
    return Cells(column[~missing], missing, np.flatnonzero(~missing))


def _cell(value: object, marks: frozenset[str]) -> object:
    if not isinstance(value, str):
        return value
    text = clean(value)
    return None if text.casefold() in marks else text


def category_words(values: Array) -> list[str]:
    """Return categories as text; a whole number is written without a decimal point."""
    if values.dtype.kind == "f":
        return [str(int(v)) if v.is_integer() else repr(v) for v in values.tolist()]
    return [str(value) for value in values.tolist()]


def boolean_words(values: Array) -> list[str | None]:
    """Return ``"false"`` or ``"true"`` for each value, None where it is neither."""
    return [_TRUTH.get(word.lower()) for word in category_words(values)]
