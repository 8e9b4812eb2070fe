"""``Weights`` and ``Numbers``: large arrays that exporters read piece by piece, without a copy in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from deepcore.typing import Array

__all__ = ["Numbers", "Weights"]

_PIECE = 1 << 17  # numbers of a piece; one megabyte in float64


@dataclass(frozen=True)
class Numbers:
    """An array whose numbers come in pieces, in C order.

    Attributes:
        shape: Its shape.
        pieces: Returns the pieces, from the first to the last; it may be called several times.
    """

    shape: tuple[int, ...]
    pieces: Callable[[], Iterator[Array]]

    @classmethod
    def of(cls, values: Array) -> Numbers:
        """Take the pieces from an array, which is not copied as a whole."""
        rows = max(1, _PIECE // max(1, values[:1].size)) if values.ndim else 1

        def pieces() -> Iterator[Array]:
            whole = values.reshape(1) if values.ndim == 0 else values
            for first in range(0, len(whole), rows):
                yield whole[first : first + rows].reshape(-1)

        return cls(values.shape, pieces)


@dataclass(frozen=True)
class Weights:
    """A matrix W (n_out, n_in) in float64: ``stored[i, j] * rows[i] * columns[j]``.

    Attributes:
        stored: The matrix without the factors, of any dtype; often a view of the parameters of a network.
        rows: A factor for each row, (n_out,); None: 1.
        columns: A factor for each column, (n_in,); None: 1.
        unit: Round to whole multiples of one number for each row, (n_out,); None: do not round.
    """

    stored: Array
    rows: Array | None = None
    columns: Array | None = None
    unit: Array | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(n_out, n_in)."""
        return self.stored.shape[0], self.stored.shape[1]

    @property
    def transposed(self) -> Weights:
        """The transposed matrix."""
        return Weights(self.stored.T, self.columns, self.rows)

    @property
    def numbers(self) -> Numbers:
        """The matrix in pieces."""
        return Numbers(self.shape, lambda: (part.array().reshape(-1) for _, _, part in self.parts()))

    def int8_unit(self) -> Array:
        """Return for each row the number of which int8 weights are whole multiples, from -127 to 127."""
        largest = self.largest()
        return np.where(largest == 0, 1.0, largest) / 127

    def rounded(self) -> Weights:
        """Return the matrix that int8 weights make of this one."""
        return replace(self, unit=self.int8_unit())

    def times(self, *, rows: Any = None, columns: Any = None) -> Weights:
        """Multiply each row and each column by a factor of its own, or all by one number."""
        return Weights(
            self.stored, _product(self.rows, rows, 0, self), _product(self.columns, columns, 1, self)
        )

    def part(self, rows: slice, columns: slice = slice(None)) -> Weights:
        """Return some neighbouring rows and columns."""
        return Weights(
            self.stored[rows, columns],
            None if self.rows is None else self.rows[rows],
            None if self.columns is None else self.columns[columns],
            None if self.unit is None else self.unit[rows],
        )

    def split(self, count: int) -> list[Weights]:
        """Return that many parts of the same number of rows."""
        size = len(self.stored) // count
        return [self.part(slice(i * size, (i + 1) * size)) for i in range(count)]

    def parts(self) -> Iterator[tuple[slice, slice, Weights]]:
        """Yield small parts with their places, in C order."""
        n_out, n_in = self.shape
        width = min(n_in, _PIECE)
        height = max(1, _PIECE // max(1, width)) if width == n_in else 1
        for i, j in product(range(0, n_out, height), range(0, n_in, max(1, width))):
            rows, columns = slice(i, min(i + height, n_out)), slice(j, min(j + width, n_in))
            yield rows, columns, self.part(rows, columns)

    def array(self) -> Array:
        """Return the matrix as a new array."""
        if self.unit is not None:  # like the whole numbers that are written
            whole = replace(self, unit=None).times(rows=1 / self.unit)
            return np.rint(whole.array()) * self.unit[:, np.newaxis]
        W = np.array(self.stored, np.float64)
        if self.rows is not None:
            W *= self.rows[:, np.newaxis]
        if self.columns is not None:
            W *= self.columns
        return W

    def outputs(self, X: Array) -> Array:
        """Return ``X W.T`` for rows X (m, n_in)."""
        Z = np.zeros((len(X), self.shape[0]))
        for rows, columns, part in self.parts():
            # not with BLAS, whose threads wait for each other longer than these small products take
            Z[:, rows] += np.einsum("mj,ij->mi", X[:, columns], part.array())
        return Z

    def largest(self) -> Array:
        """Return the largest absolute value of each row, (n_out,)."""
        found = np.zeros(self.shape[0])
        for rows, _, part in self.parts():
            found[rows] = np.maximum(found[rows], np.abs(part.array()).max(axis=1, initial=0))
        return found


def _product(old: Array | None, factor: Any, axis: int, W: Weights) -> Array | None:
    if factor is None:
        return old
    full = np.broadcast_to(np.asarray(factor, np.float64), W.shape[axis])
    return full if old is None else old * full
