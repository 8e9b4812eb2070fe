"""``TextColumn``: a column of text that stores every different cell once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepcore.typing import Array

__all__ = ["TextColumn", "TextColumnBuilder"]


class TextColumn:
    """Cells as positions in a list of values.

    Attributes:
        values: The different cells: text, or any other hashable objects.
        codes: Position of each cell in ``values``, int32.
    """

    def __init__(self, values: list[Any], codes: NDArray[np.int32]) -> None:
        self.values, self.codes = values, codes

    @classmethod
    def of(cls, cells: Iterable[Any]) -> TextColumn:
        """Store some cells."""
        builder = TextColumnBuilder()
        builder.add(list(cells))
        return builder.column()

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> Any:
        return self.values[self.codes[row]]

    def take(self, rows: Any) -> TextColumn:
        """Return some of the cells, in the order of ``rows``."""
        return TextColumn(self.values, self.codes[rows])

    def array(self) -> Array:
        """Return the cells as an array of objects."""
        known = np.empty(len(self.values), dtype=object)
        known[:] = self.values
        return np.asarray(known[self.codes])

    def first(self, count: int) -> list[Any]:
        """Return the first cells, ``count`` at most."""
        return [self.values[code] for code in self.codes[:count]]


class TextColumnBuilder:
    """Collects the cells of a column part by part."""

    def __init__(self) -> None:
        self._index: defaultdict[Any, int] = defaultdict()
        self._index.default_factory = self._index.__len__
        self._parts: list[NDArray[np.int32]] = []

    def add(self, cells: Sequence[Any]) -> None:
        """Append cells."""
        self._parts.append(np.fromiter(map(self._index.__getitem__, cells), np.int32, len(cells)))

    def column(self, strip: bool = False) -> TextColumn:
        """Return all cells so far, without blanks around them if ``strip``."""
        values = list(map(str.strip, self._index)) if strip else list(self._index)
        return TextColumn(values, np.concatenate(self._parts) if self._parts else np.empty(0, np.int32))
