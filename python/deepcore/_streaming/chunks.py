"""What a source of examples consists of: chunks of rows, and the parts that chunks are read from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from deepcore.typing import Array

__all__ = ["Block", "Chunk", "InOrder", "Part", "Parts"]


class Chunk(NamedTuple):
    """Some rows as a source gives them, which are not checked yet."""

    X: Any
    y: Any
    weight: Any = None


class Part(Protocol):
    """A file, or a pair of arrays, of which any rows can be read.

    Attributes:
        name: The head of messages about its rows.
        rows: Number of rows.
        columns: Number of features.
        targets: Number of targets per row.
        weighted: Whether its examples have weights.
        fixed: Numbers of rows of the pieces, one after the other; None: all rows are alike.
        divisible: Whether rows of a piece can be read by themselves, at some cost.
        block_rows: Number of rows that are worth a read of their own.
    """

    name: str
    rows: int
    columns: int
    targets: int
    weighted: bool
    fixed: Sequence[int] | None
    divisible: bool
    block_rows: int

    def read(self, first: int, stop: int, out: Array | None = None) -> Chunk:
        """Read rows; X may be ``out`` itself, if it has their shape and dtype."""
        ...

    def ahead(self, first: int, stop: int) -> None:
        """Prepare to read these rows soon."""
        ...


class Block(NamedTuple):
    """Neighbouring rows of a part, which are read together."""

    part: Part
    first: int
    stop: int


@dataclass(frozen=True)
class Parts:
    """A source whose rows can be read in any order."""

    parts: Sequence[Part]

    def __post_init__(self) -> None:
        first = self.parts[0]
        for part in self.parts[1:]:
            if part.columns != first.columns:
                raise ValueError(
                    f"stream: all parts must have the same number of columns, got {first.columns} in "
                    f"{first.name} and {part.columns} in {part.name}"
                )
            if part.weighted != first.weighted:
                raise ValueError(
                    f"stream: either all parts must have weights or none, but {first.name} and {part.name} "
                    "differ"
                )

    @property
    def columns(self) -> int:
        return self.parts[0].columns

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)

    def blocks(self, most: int) -> list[Block]:
        """Divide the rows into blocks of at most ``most`` rows, unless a piece can only be read as a whole.

        Where small blocks cost nothing, they have half as many, because more of them are mixed then.
        """
        found = []
        for part in self.parts:
            at, limit = 0, min(part.block_rows, most // 2 if part.fixed is None else most)
            for piece in [part.rows] if part.fixed is None else part.fixed:
                size = max(1, limit if part.divisible else piece)
                stop = at + piece
                found += [Block(part, first, min(first + size, stop)) for first in range(at, stop, size)]
                at = stop
        return found


@dataclass(frozen=True)
class InOrder:
    """A source that can be read from its start only; ``start()`` begins another pass over its chunks."""

    name: str
    start: Callable[[], Iterable[Chunk]]
