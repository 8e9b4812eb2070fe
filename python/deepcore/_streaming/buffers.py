"""An epoch of a stream: which rows fill which buffer, and the buffers, filled and checked one by one.

The blocks of a source follow each other in an order that depends on the seed and the epoch. A buffer holds
the next rows in this order, as many as make whole batches. Within a buffer, the rows are visited in an order
that depends on the number of the buffer as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from deepcore import _core
from deepcore._network.examples import Examples, slices
from deepcore._streaming.chunks import Block, Chunk, InOrder, Parts
from deepcore._streaming.read_ahead import Stopping
from deepcore.typing import Array

__all__ = ["Check", "Filled", "Filler", "Layout"]

#: Checks rows: the head of messages, the rows, the number of the first one, and that of all rows or None.
Check = Callable[[str, Chunk, int, "int | None"], Examples]


# Number of blocks that the operating system is asked for before they are read.
_AHEAD = 4


class Filled(NamedTuple):
    """Rows of whole batches, and the order in which they are visited; None: as they lie."""

    data: Examples
    order: Array | None


@dataclass(frozen=True)
class Layout:
    """How the rows of a source are divided.

    Args:
        source: What the rows come from.
        batch: Rows per step.
        rows: Rows per buffer, whole batches.
        seed: Of the orders.
        shuffle: Whether the rows are visited in another order than they lie.
        blocks: Of a source whose rows can be read in any order; empty if it has none.
    """

    source: Parts | InOrder
    batch: int
    rows: int
    seed: int
    shuffle: bool
    blocks: Sequence[Block] = ()

    def order(self, epoch: int, buffer: int, rows: int) -> Array | None:
        """Draw the order of the rows of a buffer; of the blocks, if ``buffer`` is -1."""
        if not self.shuffle:
            return None
        text = f"{self.seed} {epoch} {buffer}".encode()
        own = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
        return _core.permutation(own, 0, rows)

    def pieces(self, epoch: int, skipped: int) -> Iterator[list[Block]]:
        """Yield what each buffer consists of, without the first buffers."""
        drawn = self.order(epoch, -1, len(self.blocks))
        order = range(len(self.blocks)) if drawn is None else drawn.tolist()
        sizes = np.array([block.stop - block.first for block in self.blocks], np.int64)
        ends = np.cumsum(sizes if drawn is None else sizes[drawn])
        for start in range(skipped * self.rows, int(ends[-1]), self.rows):
            found = []
            at, stop = start, min(start + self.rows, int(ends[-1]))
            number = int(np.searchsorted(ends, at, side="right"))
            while at < stop:
                block, end = self.blocks[order[number]], int(ends[number])
                last = min(end, stop)
                found.append(Block(block.part, block.stop - (end - at), block.stop - (end - last)))
                at, number = last, number + 1
            yield found


class _Buffer:
    """Memory for the rows of a buffer; y and the weights get theirs with the first rows."""

    def __init__(self, rows: int, columns: int, dtype: np.dtype[Any]) -> None:
        self.X = np.empty((rows, columns), dtype)
        self._others: dict[str, Array | None] = {}

    def put(self, data: Examples, at: int) -> None:
        """Copy checked rows, unless they are there already."""
        stop = at + len(data.y)
        if not np.may_share_memory(data.X, self.X):
            self.X[at:stop] = data.X
        given = {"y": data.y, "sample_weight": data.weight}
        if not self._others:
            rows = len(self.X)
            for name, array in given.items():
                self._others[name] = (
                    None if array is None else np.empty((rows, *array.shape[1:]), array.dtype)
                )
        for name, array in given.items():
            memory = self._others[name]
            if memory is None and array is None:
                continue
            if memory is None or array is None or memory.shape[1:] != array.shape[1:]:
                raise ValueError(
                    f"stream: {name} must be given for all rows or for none, with as many columns, but the "
                    "rows of the source differ"
                )
            if not np.can_cast(array.dtype, memory.dtype):
                memory = self._others[name] = memory.astype(np.result_type(memory, array))
            memory[at:stop] = array

    def filled(self, rows: int) -> Examples:
        """Return the first rows."""
        y, weight = (None if array is None else array[:rows] for array in self._others.values())
        assert y is not None
        return Examples(self.X[:rows], y, weight)


class Filler:
    """Fills the buffers of a stream.

    Two buffers are filled in turn: one that was yielded is filled again after the next one was yielded.

    Args:
        layout: How the source is divided.
        columns: Number of features.
        dtype: Of X.
        check: Checks the rows before they are copied.
        stopping: Tells whether nobody needs the buffers any more.
    """

    def __init__(
        self, layout: Layout, columns: int, dtype: np.dtype[Any], check: Check, stopping: Stopping
    ) -> None:
        self._layout, self._check, self._stopping = layout, check, stopping
        self._columns, self._dtype = columns, dtype
        self._buffers: list[_Buffer] = []

    def epochs(self, numbers: Iterable[int], skipped: int) -> Iterator[Filled | None]:
        """Yield the buffers of some epochs without the first ones of the first epoch; after each epoch, None.

        ``numbers`` are those of the epochs, by which the orders are drawn.
        """
        known = isinstance(self._layout.source, Parts)
        for epoch in numbers:
            for number, data in enumerate(
                self._of_parts(epoch, skipped) if known else self._of_chunks(skipped)
            ):
                yield Filled(data, self._layout.order(epoch, skipped + number, len(data.y)))
            skipped = 0
            yield None

    def _next_buffer(self) -> _Buffer:
        """Return the buffer that was not yielded last, and make it if there are not two yet."""
        if len(self._buffers) < 2:
            self._buffers.insert(0, _Buffer(self._layout.rows, self._columns, self._dtype))
        else:
            self._buffers.reverse()
        return self._buffers[0]

    def _of_parts(self, epoch: int, skipped: int) -> Iterator[Examples]:
        for pieces in self._layout.pieces(epoch, skipped):
            buffer, at = self._next_buffer(), 0
            for number, (part, first, stop) in enumerate(pieces):
                if self._stopping():
                    return
                for soon in pieces[number + _AHEAD : number + _AHEAD + 1] if number else pieces[: _AHEAD + 1]:
                    soon.part.ahead(soon.first, soon.stop)
                until = at + stop - first
                chunk = part.read(first, stop, buffer.X[at:until])
                buffer.put(self._check(part.name, chunk, first, part.rows), at)
                at = until
            yield buffer.filled(at)

    def _of_chunks(self, skipped: int) -> Iterator[Examples]:
        source, rows = self._layout.source, self._layout.rows
        assert isinstance(source, InOrder)
        left = skipped * rows  # to be passed over
        buffer, at = self._next_buffer(), 0
        for name, chunk, first in _sliced(source):
            data = self._check(name, chunk, first, None)
            start = min(left, len(data.y))
            left -= start
            while start < len(data.y):
                if self._stopping():
                    return
                count = min(rows - at, len(data.y) - start)
                buffer.put(data.take(slice(start, start + count)), at)
                start, at = start + count, at + count
                if at == rows:
                    yield buffer.filled(rows)
                    buffer, at = self._next_buffer(), 0
        if at:
            yield buffer.filled(at)


def _sliced(source: InOrder) -> Iterator[tuple[str, Chunk, int]]:
    """Yield the chunks of a source; of large ones, slices, so that their conversion takes little memory.

    Each has its name and the number of its first row within the chunk.
    """
    for number, chunk in enumerate(source.start()):
        name = f"{source.name}, chunk {number}"
        given = [array for array in chunk if array is not None]
        arrays = all(isinstance(array, np.ndarray) and array.ndim > 0 for array in given)
        if not arrays or len({len(array) for array in given}) > 1 or not len(chunk.X):
            yield name, chunk, 0
            continue
        for rows in slices(len(chunk.X), chunk.X[:1].nbytes):
            yield name, Chunk(*(None if array is None else array[rows] for array in chunk)), rows.start
