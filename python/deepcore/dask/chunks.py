"""The chunks of Dask collections: which rows belong together, and which rank gets which chunks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from dask import delayed

__all__ = [
    "Chunk",
    "check_saved",
    "delayed_chunks",
    "divided",
    "joined",
    "moved",
    "places_of",
    "rows_of",
]


class Chunk(NamedTuple):
    """Some rows as they lie on one worker: X, y, and the weights or None."""

    X: Any
    y: Any
    weight: Any


def delayed_chunks(who: str, X: Any, y: Any, weight: Any = None) -> list[Any]:
    """Return one task per chunk of X, which makes a ``Chunk`` of the rows that belong together.

    Raises:
        TypeError: if a collection is none of Dask.
        ValueError: if the collections are not cut into rows at the same places, and cannot be.
    """
    _check_axes(who, "X", X, (2,))
    _check_axes(who, "y", y, (1, 2))
    parts = [blocks_of(who, "X", X)]
    for name, value in (("y", y), ("sample_weight", weight)):
        if value is None:
            parts.append([None] * len(parts[0]))
            continue
        blocks = blocks_of(who, name, _cut_like(X, value))
        if len(blocks) != len(parts[0]):
            raise ValueError(
                f"{who}: {name} must be cut into chunks of rows as X is, which has {len(parts[0])}, got "
                f"{len(blocks)}; use repartition or rechunk"
            )
        parts.append(blocks)
    make = delayed(chunk_of, traverse=False)
    return [make(who, *rows) for rows in zip(*parts, strict=True)]


def blocks_of(who: str, name: str, value: Any) -> list[Any]:
    """Return the chunks of an array or a frame of Dask, each with all columns of its rows."""
    if not hasattr(value, "to_delayed") or not hasattr(value, "__dask_graph__"):
        raise TypeError(
            f"{who}: {name} must be an array or a frame of Dask, got {type(value).__name__}; "
            "for data in memory use fit of the model"
        )
    if getattr(value, "ndim", 1) == 2 and hasattr(value, "numblocks") and value.numblocks[1] > 1:
        value = value.rechunk({1: -1})
    return list(np.ravel(value.to_delayed()))


def _check_axes(who: str, name: str, value: Any, allowed: tuple[int, ...]) -> None:
    axes = getattr(value, "ndim", None)
    if axes is not None and axes not in allowed:
        raise ValueError(
            f"{who}: {name} must have {' or '.join(map(str, allowed))} axes, got {axes}; use reshape"
        )


def _cut_like(X: Any, value: Any) -> Any:
    """Cut an array at the rows where X is cut, if the lengths of the chunks are known."""
    if not all(hasattr(each, "numblocks") for each in (X, value)) or X.chunks[0] == value.chunks[0]:
        return value
    known = not any(math.isnan(rows) for rows in (*X.chunks[0], *value.chunks[0]))
    return value.rechunk({0: X.chunks[0]}) if known and len(X) == len(value) else value


# These functions run on workers.


def chunk_of(who: str, X: Any, y: Any, weight: Any) -> Chunk:
    """Make arrays of the rows of one chunk."""
    chunk = Chunk(_array(X), _array(y), None if weight is None else _array(weight))
    for name, array in (("y", chunk.y), ("sample_weight", chunk.weight)):
        if array is not None and array.shape[0] != chunk.X.shape[0]:
            raise ValueError(
                f"{who}: {name} must have the rows of X, got a chunk of {array.shape[0]} rows for one of "
                f"{chunk.X.shape[0]}"
            )
    return chunk


def _array(value: Any) -> Any:
    if hasattr(value, "tocsr"):
        return value.tocsr()
    return value.to_numpy() if hasattr(value, "to_numpy") else np.asarray(value)


def rows_of(chunk: Chunk) -> int:
    """Return the number of rows of a chunk."""
    return int(chunk.X.shape[0])


def joined(chunks: Sequence[Chunk]) -> Chunk:
    """Join chunks, in their order; one chunk is not copied."""
    full = [chunk for chunk in chunks if rows_of(chunk)] or list(chunks[:1])
    if len(full) == 1:
        return full[0]
    y, weight = ([getattr(chunk, name) for chunk in full] for name in ("y", "weight"))
    return Chunk(
        _stacked([chunk.X for chunk in full]),
        np.concatenate(y),
        None if weight[0] is None else np.concatenate(weight),
    )


def _stacked(arrays: Sequence[Any]) -> Any:
    if not hasattr(arrays[0], "tocsr"):
        return np.concatenate(arrays)
    import scipy.sparse

    return scipy.sparse.vstack(arrays, format="csr")


# Which rank gets which chunks.


def divided(places: Sequence[str], rows: Sequence[int]) -> dict[str, list[int]]:
    """Return the numbers of the chunks of each worker, for the workers that hold rows.

    Args:
        places: The worker of each chunk.
        rows: Number of rows of each chunk.

    Returns:
        Workers in the order of their first chunks, so that the ranks do not depend on names.
    """
    layout: dict[str, list[int]] = {}
    for number, (place, count) in enumerate(zip(places, rows, strict=True)):
        if count:
            layout.setdefault(place, []).append(number)
    return layout


def moved(
    saved: Sequence[Sequence[int]], places: Sequence[str], workers: Sequence[str]
) -> dict[str, list[int]]:
    """Give the chunks of each rank of an earlier training to the worker that holds most of them.

    Args:
        saved: The numbers of the chunks of each rank.
        places: The worker of each chunk now.
        workers: All workers; there are at least as many as ranks.
    """
    free, layout = list(workers), {}
    for chunks in saved:
        held = [places[number] for number in chunks]
        best = max(free, key=held.count)
        free.remove(best)
        layout[best] = list(chunks)
    return layout


def check_saved(
    who: str, path: str, saved: Sequence[Sequence[int]], rows: Sequence[int], workers: int
) -> None:
    """Refuse to go on from a checkpoint with other chunks, or with too few workers."""
    used = sorted(number for chunks in saved for number in chunks)
    now = [number for number, count in enumerate(rows) if count]
    if used != now:
        raise ValueError(
            f"{who}: {path} is the checkpoint of a training on {len(used)} chunks of rows, got "
            f"{len(now)}; pass the same collections, or remove the file to start afresh"
        )
    if workers < len(saved):
        raise ValueError(
            f"{who}: {path} is the checkpoint of a training on {len(saved)} workers, and there are "
            f"{workers}; add workers, or remove the file to start afresh"
        )


def places_of(who_has: Mapping[Any, Sequence[str]], keys: Sequence[Any]) -> list[str]:
    """Return one worker that holds each key; the same one for the same answer."""
    return [min(who_has[key]) for key in keys]
