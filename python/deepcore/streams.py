"""Examples that are not all in memory in the model's dtype: memory-mapped arrays, and batches from iterators.

They are trained on in slabs, each of some whole batches, converted and checked just before their steps.
Nothing depends on where a slab ends: a slab's batches give the bits that they give in any other call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from deepcore.typing import Array

if TYPE_CHECKING:
    from deepcore.model import Model
    from deepcore.optimizers import OptimizerState

__all__ = [
    "Examples",
    "Slab",
    "evaluate",
    "first_bad_layer",
    "in_parts",
    "is_mapped",
    "of_batches",
    "of_rows",
    "reiterable",
    "slices",
    "train",
]

# Features that are held converted at a time: enough steps to be worth a native call, little beside any data
# set that does not fit into memory.
SLAB_BYTES = 1 << 25


@dataclass(frozen=True)
class Examples:
    """Checked examples: X (m, n_x), y, and one weight an example or None."""

    X: Any
    y: Array
    weight: Array | None

    def take(self, rows: Array | slice) -> Examples:
        """Some of the examples, in the order of ``rows``."""
        return Examples(self.X[rows], self.y[rows], None if self.weight is None else self.weight[rows])

    def part(self, rows: Array) -> Examples:
        """Some of the examples; features that are mapped stay where they are."""
        if not is_mapped(self.X):
            return self.take(rows)
        return Examples(_Rows(self.X, rows), self.y[rows], None if self.weight is None else self.weight[rows])

    def copy(self) -> Examples:
        """Examples that nobody else holds."""
        return Examples(self.X.copy(), self.y.copy(), None if self.weight is None else self.weight.copy())

    def converted(self, dtype: np.dtype[Any]) -> Examples:
        """The same with X in ``dtype``, in memory."""
        if not isinstance(self.X, (np.ndarray, _Rows)):  # sparse rows, which are converted when checked
            return self
        return Examples(np.ascontiguousarray(self.X[:], dtype=dtype), self.y, self.weight)


class _Rows:
    """Some rows of a mapped array: what of an array is read here, and nothing is copied before it is."""

    def __init__(self, array: Array, rows: Array) -> None:
        self._array, self._rows = array, rows
        self.dtype, self.shape = array.dtype, (len(rows), array.shape[1])

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: Array | slice) -> Array:
        return self._array[self._rows[at]]


class Slab(NamedTuple):
    """Some whole batches, one after the other, in the model's dtype; only the last may be shorter."""

    data: Examples
    batch: int


def is_mapped(array: object) -> bool:
    """Whether an array is, or is a view of, a memory-mapped file."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


def first_bad_layer(model: Model, X: Any) -> int:
    """The first layer whose Z or A is not finite on checked examples; else the last, whose loss is not."""
    return int(model._network.nonfinite_layer(X)) or len(model.layers)


def in_parts(X: Any, dtype: np.dtype[Any]) -> bool:
    """Whether checked features have to be converted or gathered in parts, because they are mapped."""
    return isinstance(X, _Rows) or X.dtype != dtype


def slices(m: int, row_bytes: int, batch: int = 1) -> Iterator[slice]:
    """Rows 0 to m - 1 in runs of whole batches, each of about ``SLAB_BYTES``."""
    size = max(1, SLAB_BYTES // max(1, batch * row_bytes)) * batch
    for first in range(0, m, size):
        yield slice(first, min(first + size, m))


def of_rows(data: Examples, rows: Array | None, batch: int, dtype: np.dtype[Any]) -> Iterator[Slab]:
    """The examples in the order of ``rows``, or as they lie, in batches."""
    for run in slices(len(data.y), data.X.shape[1] * dtype.itemsize, batch):
        yield Slab(data.take(run if rows is None else rows[run]).converted(dtype), batch)


def of_batches(model: Model, batches: Iterable[object]) -> Iterator[Slab]:
    """Batches as a user's iterator gives them, checked one by one."""
    held: list[Examples] = []
    held_bytes = 0
    for number, batch in enumerate(batches):
        if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
            raise TypeError(
                f"fit_batches: batches must be (X, y) or (X, y, sample_weight), got {type(batch).__name__} "
                f"as batch {number}"
            )
        data = model._examples(f"fit_batches: batch {number}", *(*batch, None)[:3])
        alone = (
            not isinstance(data.X, np.ndarray) or data.X.nbytes >= SLAB_BYTES
        )  # sparse, or enough by itself
        if held and (alone or not _continues(held, data)):
            yield _joined(held)
            held, held_bytes = [], 0
        if alone:
            yield Slab(data, len(data.y))
            continue
        held.append(data.copy())  # many iterators fill the same array again for the next batch
        held_bytes += data.X.nbytes
        if held_bytes >= SLAB_BYTES:
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
    """A function that starts another pass over the batches.

    Raises:
        TypeError: if ``batches`` is no iterable and no function that returns one.
        ValueError: if it is an iterator, which has one pass only, and more are asked for.
    """
    if callable(batches) and not isinstance(batches, Iterable):
        return batches
    if not isinstance(batches, Iterable) or isinstance(batches, (np.ndarray, dict, str)):
        raise TypeError(
            "fit_batches: batches must be an iterable of (X, y), or a function that returns one, "
            f"got {type(batches).__name__}"
        )
    if isinstance(batches, Iterator) and epochs > 1:
        raise ValueError(
            f"fit_batches: batches must last for {epochs} epochs, got an iterator, which has one pass; "
            "pass a function that returns a new one"
        )
    return lambda: batches


def train(
    model: Model,
    state: OptimizerState,
    slabs: Callable[[int], Iterable[Slab]],
    epochs: int,
    on_epoch: Callable[[int, float], bool] | None,
    on_poll: Callable[[], None] | None,
    threads: int,
) -> tuple[list[float], int, int]:
    """The loop of the native ``train`` over slabs: losses, the step that was not finite or -1, its layer."""
    losses: list[float] = []
    for epoch in range(epochs):
        total = weight = 0.0
        for number, (data, batch) in enumerate(slabs(epoch)):
            if number == 0:  # also if Ctrl-C ends the epoch: its order is used up
                model.epochs_trained += 1
            steps = -(-len(data.y) // batch)
            state._prepare(steps)
            share = float(len(data.y) if data.weight is None else data.weight.sum(dtype=np.float64))
            if share == 0:  # as in the native loop, the steps count and nothing moves
                state._native.steps += steps
                continue
            (*loss,), bad = model._network.train(
                data.X, data.y, state._native, batch, 1, shuffle=False, seed=model.seed,
                sample_weight=data.weight, threads=threads, on_poll=on_poll,
            )  # fmt: skip
            if bad >= 0:
                return losses, int(bad), first_bad_layer(model, data.X)
            total += loss[0] * share
            weight += share
        if weight == 0:
            raise ValueError(
                f"fit_batches: batches must hold an example with weight, got none in epoch {epoch}"
            )
        losses.append(total / weight)
        if on_epoch is not None and on_epoch(epoch, losses[-1]):
            break
    return losses, -1, 0


def evaluate(model: Model, data: Examples, threads: int) -> tuple[float, float]:
    """Loss and accuracy of checked examples; in parts where the features are mapped in another dtype."""
    if not in_parts(data.X, model.dtype):
        return model._network.evaluate(data.X, data.y, data.weight, threads)  # type: ignore[no-any-return]
    total, weight = np.zeros(2), 0.0
    for rows in slices(len(data.X), data.X.shape[1] * model.dtype.itemsize):
        part = data.take(rows).converted(model.dtype)
        share = float(len(part.X) if part.weight is None else part.weight.sum(dtype=np.float64))
        if share > 0:
            total += share * np.array(model._network.evaluate(part.X, part.y, part.weight, threads))
            weight += share
    loss, accuracy = total / weight
    return loss, accuracy
