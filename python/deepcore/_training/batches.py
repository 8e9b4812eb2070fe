"""Batches come from rows in memory, from rows of a memory-mapped array, or from an iterator.

Examples that are not in memory in the network's dtype are trained on in slabs, each of some whole batches,
converted and checked just before their steps. Nothing depends on where a slab ends: a batch gives the same
bits in whatever slab it lies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from deepcore import _checks
from deepcore._network import examples
from deepcore._network.examples import Examples
from deepcore._network.network import Network
from deepcore.typing import Array

__all__ = ["Slab", "of_batches", "of_rows", "reiterable"]


class Slab(NamedTuple):
    """Some whole batches, one after the other, in the network's dtype; only the last may be shorter.

    ``order`` is the order in which the rows are visited; None: as they lie.
    """

    data: Examples
    batch: int
    order: Array | None = None


def of_rows(
    data: Examples, rows: Array | None, batch: int, dtype: np.dtype[Any], skipped: int = 0
) -> Iterator[Slab]:
    """Yield the examples in batches, in the order of ``rows`` or as they lie, without the first slabs."""
    slabs = examples.slices(len(data.y), data.X.shape[1] * dtype.itemsize, batch)
    for run in islice(slabs, skipped, None):
        yield Slab(data.take(run if rows is None else rows[run]).converted(dtype), batch)


def of_batches(network: Network, batches: Iterable[object]) -> Iterator[Slab]:
    """Yield the batches of a user's iterator, checked one by one."""
    held: list[Examples] = []
    held_bytes = 0
    for number, batch in enumerate(batches):
        if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
            raise TypeError(
                f"fit_batches: batches must be (X, y) or (X, y, sample_weight), got {type(batch).__name__} "
                f"as batch {number}"
            )
        data = network.check(f"fit_batches: batch {number}", *(*batch, None)[:3])
        # sparse, or enough by itself
        alone = not isinstance(data.X, np.ndarray) or data.X.nbytes >= examples.SLAB_BYTES
        if held and (alone or not _continues(held, data)):
            yield _joined(held)
            held, held_bytes = [], 0
        if alone:
            yield Slab(data, len(data.y))
            continue
        held.append(data.copy())  # many iterators fill the same array again for the next batch
        held_bytes += data.X.nbytes
        if held_bytes >= examples.SLAB_BYTES:
            yield _joined(held)
            held, held_bytes = [], 0
    if held:
        yield _joined(held)


def _continues(held: Sequence[Examples], data: Examples) -> bool:
    size = len(held[0].X)
    alike = (held[0].weight is None) == (data.weight is None)
    return alike and len(held[-1].X) == size and len(data.X) <= size


def _joined(held: Sequence[Examples]) -> Slab:
    if len(held) == 1:
        return Slab(held[0], len(held[0].X))
    weights = [data.weight for data in held if data.weight is not None]
    X, y = (np.concatenate([getattr(data, name) for data in held]) for name in ("X", "y"))
    return Slab(Examples(X, y, np.concatenate(weights) if weights else None), len(held[0].X))


def reiterable(batches: object, epochs: int) -> Callable[[], Iterable[object]]:
    """Return a function that starts another pass over the batches.

    Raises:
        TypeError: if ``batches`` is neither an iterable nor a function that returns one.
        ValueError: if it is an iterator, which can be read only once, and there are several epochs.
    """
    _checks.in_memory("fit_batches", "batches", batches)
    if callable(batches) and not isinstance(batches, Iterable):
        return lambda: _iterable(batches())
    if not isinstance(batches, Iterable) or isinstance(batches, (np.ndarray, dict, str)):
        raise TypeError(
            "fit_batches: batches must be an iterable of (X, y), or a function that returns one, "
            f"got {type(batches).__name__}"
        )
    if isinstance(batches, Iterator) and epochs > 1:
        raise ValueError(
            f"fit_batches: an iterator can be read only once, but epochs={epochs}; pass a function that "
            "returns a new iterator"
        )
    return lambda: batches


def _iterable(made: object) -> Iterable[object]:
    """Return what a function of the user made, if batches can be read from it."""
    if not isinstance(made, Iterable):
        raise TypeError(
            "fit_batches: batches must be a function that returns an iterable of (X, y), but it returned "
            f"{_checks.shown(made)}"
        )
    return made
