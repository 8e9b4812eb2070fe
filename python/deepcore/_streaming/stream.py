"""``stream``: examples that are read from files while a model trains on them."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np

from deepcore import _checks
from deepcore._defaults import BATCH_SIZE, SHUFFLE
from deepcore._keywords import checked
from deepcore._network.examples import Examples
from deepcore._streaming.buffers import Check, Filled, Filler, Layout
from deepcore._streaming.checks import for_any_model
from deepcore._streaming.chunks import Block, InOrder, Parts
from deepcore._streaming.read_ahead import ReadAhead, Stopping
from deepcore.typing import Array, DTypeLike

__all__ = ["Stream", "stream"]

#: Blocks that a buffer mixes at least: with eight, rows that are sorted by their label train like rows that
#: are shuffled as a whole.
MIXED = 8
# Bytes per row besides X and y: the order here and in the compiled module, and copies of y and the weight.
_OTHER_BYTES = 32


class Stream:
    """Examples that ``fit`` and ``fit_batches`` read while they train; ``dc.stream`` makes it.

    Attributes:
        batch_size: Examples per step.
        shuffle: ``"blocks"`` or False.
        seed: Of the orders of the rows.
        buffer_bytes: Memory for the rows that are read ahead.
        columns: Number of features; None if only the chunks tell.
        rows: Number of examples; None if it is not known before an epoch has ended.
        steps: Number of steps per epoch; None likewise.
    """

    def __init__(
        self, source: Parts | InOrder, batch_size: int, shuffle: bool, seed: int, buffer_bytes: int
    ) -> None:
        self._source = source
        self.batch_size, self.seed, self.buffer_bytes = batch_size, seed, buffer_bytes
        self.shuffle: Literal["blocks", False] = "blocks" if shuffle else False
        self.columns = source.columns if isinstance(source, Parts) else None
        self.rows = source.rows if isinstance(source, Parts) else None
        self.steps = None if self.rows is None else -(-self.rows // batch_size)

    def refuse_arguments(
        self,
        who: str,
        batch_size: object,
        shuffle: object,
        validation_split: object,
        y: object,
        sample_weight: object,
    ) -> None:
        """Refuse arguments of ``fit`` that the stream has itself."""
        flag = isinstance(shuffle, (bool, np.bool_)) and bool(shuffle) == bool(self.shuffle)
        size = isinstance(batch_size, (int, np.integer)) and int(batch_size) == self.batch_size
        same_order = flag or (isinstance(shuffle, str) and shuffle == self.shuffle)
        for name, given, own, allowed in (
            ("batch_size", batch_size, self.batch_size, batch_size is BATCH_SIZE or size),
            ("shuffle", shuffle, self.shuffle, shuffle is SHUFFLE or same_order),
        ):
            if not allowed:
                raise ValueError(
                    f"{who}: {name} belongs to the stream, which has {name}={own!r}, got "
                    f"{_checks.shown(given)}; leave it out, and give it to dc.stream"
                )
        if isinstance(validation_split, np.ndarray) or validation_split:
            raise ValueError(
                f"{who}: validation_split must be left out with a stream, whose rows cannot be drawn by "
                "themselves; give validation_data="
            )
        self.refuse_arrays(who, y, sample_weight)

    def refuse_arrays(self, who: str, y: object, sample_weight: object) -> None:
        """Refuse targets and weights, which the stream has itself."""
        if y is not None:
            hint = "; give the optimizer by name, optimizer=..." if who == "fit" else ""
            raise ValueError(f"{who}: y must be left out with a stream, which has the targets{hint}")
        if sample_weight is not None:
            raise ValueError(
                f"{who}: sample_weight must be left out with a stream; give the weights to dc.stream, as the "
                "third array"
            )

    def __array__(self, *arguments: object, **options: object) -> Array:
        """Refuse to become an array: a stream is given to calls that read it part by part."""
        raise TypeError(
            "a stream can only be given to fit, fit_batches, evaluate and validation_data=; for other calls, "
            "use its batches()"
        )

    def layout(self, who: str, columns: int, dtype: np.dtype[Any], in_order: bool = False) -> Layout:
        """Divide the rows into buffers, for a model of ``columns`` inputs in ``dtype``.

        With ``in_order``, the rows are visited as they lie, whatever the stream does when it trains.

        Raises:
            ValueError: if the stream has another number of columns, or two batches need more memory than
                ``buffer_bytes``.
        """
        source, shuffle = self._source, bool(self.shuffle) and not in_order
        if self.columns is not None and self.columns != columns:
            raise ValueError(
                f"{who}: the stream must have {columns} columns, because the model has that many inputs, got "
                f"{self.columns}"
            )
        targets = source.parts[0].targets if isinstance(source, Parts) else 1
        row_bytes = columns * dtype.itemsize + 8 * targets + _OTHER_BYTES
        batch = self.batch_size if self.rows is None else min(self.batch_size, self.rows)
        most = self.buffer_bytes // 2 // row_bytes // batch * batch
        if most == 0:
            raise ValueError(
                f"{who}: buffer_bytes of the stream must hold two batches of {batch * row_bytes} bytes, got "
                f"{self.buffer_bytes}"
            )
        if isinstance(source, InOrder):
            return Layout(source, batch, most, self.seed, shuffle)
        blocks = source.blocks(max(1, most // MIXED))
        largest = max(block.stop - block.first for block in blocks)
        buffers = -(-source.rows // most)
        even = -(-source.rows // buffers)  # so that the last buffer is not much smaller than the others
        rows = even if buffers == 1 else max(even, MIXED * largest)
        rows = min(-(-rows // batch) * batch, most)
        if shuffle and MIXED * largest > rows and buffers > 1:
            warnings.warn(
                f"{who}: the stream has blocks of up to {largest} rows that can only be read as a whole, so "
                f"that a buffer mixes {max(1, most // largest)} of them and not {MIXED}; give buffer_bytes="
                f"{2 * MIXED * largest * row_bytes}, or write smaller blocks",
                UserWarning,
                stacklevel=5,
            )
        return Layout(source, batch, rows, self.seed, shuffle, blocks)

    @checked("batches")
    def batches(
        self, epoch: int = 0, *, dtype: DTypeLike = "float32"
    ) -> Iterator[tuple[Array, Array] | tuple[Array, Array, Array]]:
        """Yield the batches of an epoch for a loop of your own: (X, y) or (X, y, sample_weight).

        They are those of the ``epoch``-th epoch of a model of this dtype. The targets are as in the source.

        Args:
            epoch: Number of the epoch, by which the order is drawn.
            dtype: Of X.
        """
        number = _checks.count("batches", "epoch", epoch, low=0)
        kind = _checks.dtype("batches", dtype)
        columns = self._columns_of_chunks() if self.columns is None else self.columns
        layout = self.layout("batches", columns, kind)
        check = for_any_model(columns, kind)
        with self.reading(layout, columns, kind, check, [number]) as reader:
            while (filled := reader.take(_nothing)) is not None:
                data, order = filled
                for at in range(0, len(data.y), self.batch_size):
                    stop = at + self.batch_size
                    part = data.take(slice(at, stop) if order is None else order[at:stop]).copy()
                    yield (part.X, part.y) if part.weight is None else (part.X, part.y, part.weight)
                reader.done()

    def _columns_of_chunks(self) -> int:
        assert isinstance(self._source, InOrder)
        for chunk in self._source.start():
            return int(_checks.numbers("batches", "X", chunk.X).shape[-1])
        return 1  # nothing will be read

    def reading(
        self,
        layout: Layout,
        columns: int,
        dtype: np.dtype[Any],
        check: Check,
        epochs: Iterable[int],
        skipped: int = 0,
    ) -> ReadAhead:
        """Start to fill the buffers of some epochs without the first ones; see ``Filler``."""

        def make(stopping: Stopping) -> Iterator[Filled | None]:
            return Filler(layout, columns, dtype, check, stopping).epochs(epochs, skipped)

        return ReadAhead(make)

    def examples(
        self, layout: Layout, columns: int, dtype: np.dtype[Any], check: Check
    ) -> Iterator[Examples]:
        """Yield all rows once, some of them at a time, whose memory is used again after the next ones."""
        with self.reading(layout, columns, dtype, check, [0]) as reader:
            while (filled := reader.take(_nothing)) is not None:
                yield filled.data
                reader.done()

    def described(self, layout: Layout) -> dict[str, Any]:
        """Describe what must be the same in a run that goes on."""
        found: dict[str, Any] = {
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "seed": self.seed,
            "rows": self.rows,
            "rows per buffer": layout.rows,
        }
        if isinstance(self._source, Parts):
            found |= {"blocks": len(layout.blocks), "content": _digest(layout.blocks)}
        return found

    def __repr__(self) -> str:
        rows = "" if self.rows is None else f"{self.rows} rows, "
        return f"Stream({rows}batch_size={self.batch_size}, shuffle={self.shuffle!r}, seed={self.seed})"


@checked("stream")
def stream(
    source: object,
    batch_size: int,
    *,
    label: str | Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    sample_weight: str | None = None,
    shuffle: Literal["blocks", False] = "blocks",
    seed: int = 0,
    buffer_bytes: int = 1 << 28,
    separator: str = ",",
) -> Stream:
    """Make a stream of examples, to train on more of them than memory holds: ``model.fit(dc.stream(...))``.

    A thread fills a buffer with rows while the model trains on the one before. With shuffling, a buffer has
    rows from at least eight places, drawn anew in every epoch by ``seed``, and visits them in a random order.
    A step is made of ``batch_size`` rows, wherever they come from.

    Args:
        source: Where the examples come from:

            - a tuple ``(X, y)`` or ``(X, y, sample_weight)`` of NPY files, memory maps or arrays;
            - an NPZ file with X, y and perhaps sample_weight that is not compressed;
            - a Parquet or CSV file with a header, or a folder of them, with ``label``; of Parquet files in
              folders such as ``year=2024/month=1``, year and month are columns too;
            - a frame of polars or pandas, an Arrow table or data set, a Dask frame, with ``label``; or a
              tuple of Dask arrays;
            - a list of these, whose rows follow each other;
            - a LazyFrame of polars, with ``label``, or a function that returns an iterator of chunks: ``(X,
              y)``, ``(X, y, sample_weight)`` or tables, of any number of rows. The function is called once
              per epoch. The rows are mixed within a buffer only.
        batch_size: Number of examples per step. The last batch of an epoch may be smaller.
        label: Name of the column of y in tables; a list of names for several targets per row.
        features: Names of the columns of X; None: all others. They must hold numbers or booleans.
        sample_weight: Name of the column of the weights; None: no weights.
        shuffle: ``"blocks"``: blocks of neighbouring rows are drawn in a random order, and the rows of a
            buffer are shuffled; False: in the order of the source.
        seed: Of the orders, which depend on it and on the number of epochs that the model has trained.
        buffer_bytes: Memory for rows that are read ahead. The orders depend on it.
        separator: Between the cells of CSV files; a tab in files that end in ``.tsv``.

    Returns:
        What ``fit`` takes as X, and ``fit_batches`` as batches. It has ``batches(epoch)`` for own loops.

    Raises:
        OSError: if a file cannot be read.
        TypeError: if the source is something else, or holds no numbers.
        ValueError: if numbers of rows or columns differ, or rows of a file cannot be read by themselves. A
            row that breaks a rule of ``fit`` is refused when it is read, with the name of its file: the
            model keeps the steps made before.

    Example:
        >>> import os, tempfile, numpy as np, deepcore as dc
        >>> X = np.random.default_rng(0).normal(size=(1000, 2))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "train.npz")
        ...     np.savez(path, X=X, y=X[:, 0] > X[:, 1])
        ...     history = dc.mlp([2, 8, 1], seed=1).fit(dc.stream(path, 32), epochs=3)
        >>> history["loss"][-1] < history["loss"][0]
        True
    """
    from deepcore._streaming.sources import Finder  # loads the readers of all kinds of sources

    batch = _checks.count("stream", "batch_size", batch_size)
    if not (shuffle is False or shuffle == "blocks"):
        raise ValueError(f"stream: shuffle must be 'blocks' or False, got {_checks.shown(shuffle)}")
    seed = _checks.count("stream", "seed", seed, low=0, high=2**64 - 1)
    size = _checks.count("stream", "buffer_bytes", buffer_bytes, high=2**63 - 1)
    if not isinstance(separator, str) or len(separator) != 1 or not separator.isascii():
        raise ValueError(f"stream: separator must be one character, got {_checks.shown(separator)}")
    finder = Finder(label, features, sample_weight, separator)
    return Stream(finder.source(source), batch, bool(shuffle), seed, size)


# The content of so many blocks, at equal distances, tells whether a source is the one that it was.
_READ_FOR_DIGEST = 8


def _digest(blocks: Sequence[Block]) -> str:
    state = hashlib.blake2b(digest_size=16)
    count = min(_READ_FOR_DIGEST, len(blocks))
    for number in np.linspace(0, len(blocks) - 1, count).astype(int).tolist():
        part, first, stop = blocks[number]
        for values in part.read(first, stop):
            if values is not None:
                array = np.ascontiguousarray(values)
                state.update(f"{array.dtype} {array.shape}".encode())
                state.update(array.reshape(-1).view(np.uint8).data)
    return state.hexdigest()


def _nothing() -> None:
    """Wait for the next rows, whatever happens."""
