"""The cells of one column: which are missing, and the words that categories are compared by."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from deepcore.data.text import BOOLEANS, clean
from deepcore.data.text_column import TextColumn
from deepcore.tabular.column_arrays import category_word
from deepcore.typing import Array

__all__ = [
    "Cells", "boolean_word", "boolean_words", "category_words", "clean_text", "present",
]  # fmt: skip

_TRUTH = {word: truth for pair in BOOLEANS for word, truth in zip(pair, ("false", "true"), strict=True)}
_TRUTH |= {"0": "false", "1": "true"}


class Cells(NamedTuple):
    """The cells of a column.

    Attributes:
        values: The different values of a column of text or objects, text being clean; or all values of a
            column of numbers, booleans or dates. Missing ones are left out.
        inverse: Position in ``values`` of each cell that is not missing.
        missing: Whether each cell is missing.
    """

    values: Array
    inverse: Array
    missing: Array

    @property
    def counts(self) -> Array:
        """How often each of the values occurs."""
        return np.bincount(self.inverse, minlength=len(self.values))

    @property
    def present(self) -> Array:
        """The values of all cells that are not missing."""
        return np.asarray(self.values[self.inverse])

    def row(self, position: int) -> int:
        """Return the first row that holds ``values[position]``."""
        return int(np.flatnonzero(~self.missing)[np.argmax(self.inverse == position)])


def present(column: Array | TextColumn, marks: frozenset[str]) -> Cells:
    """Find the cells that are not missing.

    Args:
        column: A column of a Frame.
        marks: Marks of missing values, as ``missing_marks`` returns them.
    """
    if isinstance(column, TextColumn):
        return _of_text(column, marks)
    kind = column.dtype.kind
    if kind == "O":
        return _of_text(TextColumn.of(column.tolist()), marks)
    missing = (
        np.isnan(column) if kind == "f" else np.isnat(column) if kind == "M" else np.zeros(len(column), bool)
    )
    values = column[~missing] if missing.any() else column
    return Cells(values, np.arange(len(values)), missing)


def _of_text(column: TextColumn, marks: frozenset[str]) -> Cells:
    used = np.bincount(column.codes, minlength=len(column.values)) > 0
    place: dict[object, int] = {}
    target = np.full(len(column.values), -1, dtype=np.int64)
    for code in np.flatnonzero(used).tolist():
        cell = _cell(column.values[code], marks)
        if cell is not None:
            target[code] = place.setdefault(cell, len(place))
    inverse = target[column.codes]
    missing = inverse < 0
    values = np.empty(len(place), dtype=object)
    values[:] = list(place)
    return Cells(values, inverse[~missing], missing)


def _cell(value: object, marks: frozenset[str]) -> object:
    return clean_text(value, marks) if isinstance(value, str) else value


def clean_text(cell: str, marks: frozenset[str]) -> str | None:
    """Return the text of a cell as it is compared; None if it is a mark of missing values."""
    text = clean(cell)
    return None if text.casefold() in marks else text


def category_words(values: Array) -> list[str]:
    """Return categories as text, as ``category_word`` does."""
    return [category_word(value) for value in values.tolist()]


def boolean_word(word: str) -> str | None:
    """Return ``"false"`` or ``"true"`` for a word such as no, y, on or 1; None if it is neither."""
    return _TRUTH.get(word.lower())


def boolean_words(values: Array) -> list[str | None]:
    """Return ``"false"`` or ``"true"`` for each value, None where it is neither."""
    return [boolean_word(word) for word in category_words(values)]
