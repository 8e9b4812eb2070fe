"""Sources that other libraries make: Arrow data sets, polars queries, Dask arrays and frames."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from deepcore import _checks
from deepcore._streaming.chunks import Chunk, InOrder
from deepcore._streaming.tables import Columns, PiecesPart, polars, refuse_text, refuse_text_columns
from deepcore.typing import Array

__all__ = [
    "DaskArrays",
    "dask_frame",
    "dataset",
    "is_dask",
    "is_dataset",
    "is_query",
    "of_fragments",
    "query",
]

# Rows of a query that are asked for at a time.
_QUERY_ROWS = 1 << 16


def is_dataset(given: object) -> bool:
    """Return whether an object is a data set of ``pyarrow.dataset``."""
    return hasattr(given, "get_fragments") and hasattr(given, "schema")


def dataset(given: Any, columns: Columns) -> PiecesPart:
    """Make a part of an Arrow data set."""
    part = of_fragments("the data set", given.schema, list(given.get_fragments()), columns)
    if part.rows != given.count_rows():
        raise ValueError(
            "stream: an Arrow data set must not have a filter, because its rows could not be counted; write "
            "the filtered rows to Parquet, or give a function that returns chunks"
        )
    return part


def of_fragments(name: str, schema: Any, fragments: Sequence[Any], columns: Columns) -> PiecesPart:
    """Make a part of fragments of an Arrow data set: pieces are row groups of Parquet files, or whole files.

    Args:
        name: The head of messages.
        schema: That of the data set.
        fragments: The fragments.
        columns: What the columns are.
    """
    for column in columns.all:
        kind = schema.field(column).type
        if not any(word in str(kind) for word in ("int", "float", "double", "bool", "decimal")):
            refuse_text(name, column, kind)
    pieces: list[Any] = []
    sizes: list[int] = []
    for fragment in fragments:
        groups = getattr(fragment, "row_groups", None)
        pieces += [fragment] if groups is None else fragment.split_by_row_group()
        sizes += [fragment.count_rows()] if groups is None else [group.num_rows for group in groups]
    return PiecesPart(
        name, columns, sizes, lambda number: pieces[number].to_table(schema=schema, columns=columns.all)
    )


def is_query(given: object) -> bool:
    """Return whether an object is a LazyFrame of polars."""
    return hasattr(given, "collect_schema") and hasattr(given, "collect") and hasattr(given, "sink_parquet")


def query(given: Any, columns: Columns) -> InOrder:
    """Make a source of a LazyFrame, which polars computes anew in every epoch."""
    if not hasattr(given, "collect_batches"):
        raise ImportError(
            "stream: a LazyFrame needs polars 1.34 or newer, got "
            f"{polars('LazyFrames').__version__}; write it with sink_parquet, and give the file"
        )
    refuse_text_columns("the LazyFrame", columns, given.collect_schema())

    def chunks() -> Iterator[Chunk]:
        first = 0
        for frame in given.select(columns.all).collect_batches(chunk_size=_QUERY_ROWS, maintain_order=True):
            if len(frame):
                yield columns.chunk("the LazyFrame", frame, first)
            first += len(frame)

    return InOrder("the LazyFrame", chunks)


def is_dask(given: object) -> bool:
    """Return whether an object is an array or a frame of Dask."""
    return hasattr(given, "__dask_graph__") and (hasattr(given, "chunks") or hasattr(given, "partitions"))


class DaskArrays:
    """X, y and perhaps weights as Dask arrays; see ``Part``. Their pieces are the chunks of X."""

    divisible = False
    name = "the Dask arrays"

    def __init__(self, X: Any, y: Any, weight: Any = None) -> None:
        if X.ndim != 2:
            raise ValueError(
                f"stream: X must have shape (m, n_x), got {X.shape}; reshape it to one row per example"
            )
        sizes = X.chunks[0]
        if not all(float(size).is_integer() for size in sizes):
            raise ValueError("stream: X must have chunks of known sizes; call X.compute_chunk_sizes()")
        self._arrays = [X.rechunk({1: -1})]
        for name, array in (("y", y), ("sample_weight", weight)):
            if array is None:
                continue
            if array.shape[0] != X.shape[0]:
                raise ValueError(f"stream: {name} must have {X.shape[0]} rows like X, got {array.shape[0]}")
            rest = dict.fromkeys(range(1, array.ndim), -1)
            self._arrays.append(array.rechunk({0: sizes, **rest}) if is_dask(array) else array)
        for name, array in zip(("X", "y", "sample_weight"), self._arrays, strict=False):
            _checks.numbers("stream", name, np.empty(0, array.dtype))
        self.fixed: Sequence[int] | None = list(sizes)
        self._sizes, self._ends = list(sizes), list(accumulate(sizes))
        self.rows, self.columns, self.targets = sum(sizes), X.shape[1], int(np.prod(y.shape[1:]))
        self.weighted, self.block_rows = weight is not None, 1
        self._kept: tuple[int, Any] | None = None

    def ahead(self, first: int, stop: int) -> None:
        """Do nothing: Dask computes a chunk when it is read."""

    def read(self, first: int, stop: int, out: Array | None = None) -> Chunk:
        number = bisect_right(self._ends, first)
        start = self._ends[number] - self._sizes[number]
        kept, self._kept = self._kept, None
        if kept is None or kept[0] != number:
            of_rows = slice(start, self._ends[number])
            parts = [a.blocks[number] if is_dask(a) else a[of_rows] for a in self._arrays]
            kept = number, _computed(*parts)
        if stop < self._ends[number]:
            self._kept = kept
        return Chunk(*(array[first - start : stop - start] for array in kept[1]))


def dask_frame(given: Any, columns: Columns) -> PiecesPart:
    """Make a part of a Dask frame, whose partitions are counted first."""
    (counts,) = _computed(given.map_partitions(len, meta=(None, "int64")))
    chosen = given[columns.all]
    return PiecesPart(
        "the Dask frame",
        columns,
        [int(size) for size in counts],
        lambda number: _computed(chosen.partitions[number])[0],
    )


def _computed(*given: Any) -> list[Any]:
    from deepcore._cluster.computing import computed  # needs Dask, which is there if its collections are

    return computed("stream", *given)
