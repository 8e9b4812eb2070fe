"""Which examples train, choose the best epoch, and test; and how a later file recognises them by content."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from deepcore.data import split_indices
from deepcore.typing import Array

__all__ = ["PARTS", "Memory", "Split", "folds", "part_option", "row_digests", "split"]

#: The parts of a data set that ``--part`` takes.
PARTS = ("train", "validation", "test")

part_option = click.option(
    "--part",
    type=click.Choice(["all", *PARTS]),
    help="Which examples to use.  [default: the test part if DATA has one of its own, else all]",
)

Rows = NDArray[np.int64]
Digests = NDArray[np.uint64]

# With fewer examples than this, no validation part is taken from the training part.
_LEAST_TO_VALIDATE = 50

# Number of rows that are converted at a time, so that images of bytes need no float64 copy.
_BLOCK = 4096


@dataclass(frozen=True)
class Split:
    """Row numbers of the parts; ``validation`` and ``test`` may be empty."""

    train: Rows
    validation: Rows
    test: Rows

    def counts(self, noun: str) -> str:
        """Return the sizes of the parts in words; ``noun`` is what the examples are called."""
        words = [f"{len(self.train)} {noun} to train"]
        words += [
            f"{len(rows)} to {verb}"
            for rows, verb in ((self.validation, "validate"), (self.test, "test"))
            if len(rows)
        ]
        return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def split(m: int, classes: Array | None, test_size: float, validation_size: float | None, seed: int) -> Split:
    """Draw the test part, and then the validation part from what is left.

    Args:
        m: Number of examples.
        classes: The class of every example: each class then has about the same share in all parts.
            None: the examples are drawn without looking at labels.
        test_size: Fraction of the examples in the test part; 0: none.
        validation_size: Fraction of the others in the validation part; 0: none. None: 0.2, or 0 if there are
            fewer than 50 others.
        seed: Seed of the draws.
    """
    rest, test = _draw(np.arange(m), classes, test_size, seed)
    if validation_size is None:
        validation_size = 0.2 if len(rest) >= _LEAST_TO_VALIDATE else 0.0
    train, validation = _draw(rest, classes, validation_size, seed)
    return Split(train, validation, test)


def _draw(rows: Rows, classes: Array | None, size: float, seed: int) -> tuple[Rows, Rows]:
    """Split row numbers in two; classes keep their shares if there are enough examples of them."""
    if classes is not None and size > 0:
        numbers, counts = np.unique(classes[rows], return_counts=True)
        single = np.isin(classes[rows], numbers[counts < 2])  # one example cannot be in both parts: it trains
        several = np.flatnonzero(~single)
        try:
            first, second = split_indices(len(several), size, seed, stratify=classes[rows][several])
        except ValueError:  # more classes than places: no shares to keep
            pass
        else:
            return np.concatenate([rows[several[first]], rows[single]]), rows[several[second]]
    first, second = split_indices(len(rows), size, seed)
    return rows[first], rows[second]


def folds(rows: Rows, classes: Array | None, count: int) -> list[tuple[Rows, Rows]]:
    """Divide rows, which are in random order, into folds: (rows to train, rows of the fold) of each.

    The classes keep their shares: their examples are dealt out to the folds in turn.
    """
    if not 2 <= count <= len(rows):
        raise ValueError(f"--cv must be from 2 to the number of examples, {len(rows)}, got {count}")
    order = np.arange(len(rows)) if classes is None else np.argsort(classes[rows], kind="stable")
    place = np.empty(len(rows), np.int64)
    place[order] = np.arange(len(rows)) % count
    return [(rows[place != fold], rows[place == fold]) for fold in range(count)]


def row_digests(columns: list[Array]) -> Digests:
    """Return one number per example that depends on its values only, and not on their place or dtype.

    Args:
        columns: Arrays with one row per example: numbers (1-D or 2-D), or text (1-D).
    """
    arrays = [np.asarray(column) for column in columns]
    digests = np.empty(len(arrays[0]), np.uint64)
    for start in range(0, len(digests), _BLOCK):
        encoded = [_cells(array[start : start + _BLOCK]) for array in arrays]
        for row in range(len(encoded[0])):
            digest = hashlib.blake2b(digest_size=8)
            for cells in encoded:
                digest.update(cells[row].tobytes())
            digests[start + row] = int.from_bytes(digest.digest(), "little")
    return digests


def _cells(column: Array) -> Array:
    """Numbers as float64, so that 1 and 1.0 are equal; of text, a digest per cell."""
    if column.dtype.kind in "buif":
        return np.ascontiguousarray(column, dtype=np.float64) + 0.0  # -0.0 becomes 0.0
    if column.dtype.kind in "mM":
        return column.astype("M8[us]" if column.dtype.kind == "M" else "m8[us]").astype(np.int64)
    texts, place = np.unique([str(value) for value in column], return_inverse=True)
    known = [hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts]
    return np.frombuffer(b"".join(known), dtype="<u8")[place]


@dataclass(frozen=True)
class Memory:
    """What a model file remembers of the parts: digests of held-out examples, and a check of the others.

    Attributes:
        held_out: The sorted digests of the examples in the validation and in the test part.
        train_examples: Number of examples in the training part.
        train_sum: Sum of their digests, modulo 2^64.
    """

    held_out: dict[str, Digests]
    train_examples: int
    train_sum: int

    @classmethod
    def of(cls, digests: Digests, parts: Split) -> Memory:
        """Remember the parts of the examples that have these digests."""
        held_out = {"validation": np.sort(digests[parts.validation]), "test": np.sort(digests[parts.test])}
        return cls(held_out, len(parts.train), _sum(digests[parts.train]))

    def rows(self, digests: Digests, part: str, name: str) -> Rows:
        """Find the examples of a part, in the order of the file.

        Args:
            digests: Of the examples in a file, which may have another order than the file of the training.
            part: One of ``PARTS``.
            name: Name of the file, for messages.

        Raises:
            ValueError: If examples of the part are missing from the file.
        """
        found = {key: _matches(digests, wanted) for key, wanted in self.held_out.items()}
        if part == "train":
            rest = np.ones(len(digests), bool)
            for rows in found.values():
                rest[rows] = False
            rows = np.flatnonzero(rest)
            if len(rows) != self.train_examples or _sum(digests[rows]) != self.train_sum:
                raise ValueError(
                    f"--part train: {name} does not hold exactly the {self.train_examples} examples that the "
                    "model was trained on, besides those that were held out; use the file of the training"
                )
            return rows
        wanted = len(self.held_out[part])
        if not wanted:
            raise ValueError(f"--part {part}: the model was trained without a {part} part")
        if len(found[part]) < wanted:
            raise ValueError(
                f"--part {part}: {name} holds {len(found[part])} of the {wanted} examples in the {part} part "
                "(they are recognised by their values); use the file of the training"
            )
        return found[part]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON data for the model file."""
        held_out = {
            part: base64.b64encode(digests.astype("<u8").tobytes()).decode()
            for part, digests in self.held_out.items()
        }
        return {**held_out, "train_examples": self.train_examples, "train_sum": str(self.train_sum)}

    @classmethod
    def from_dict(cls, values: Any) -> Memory:
        """Reverse ``to_dict``; raise ValueError, KeyError or TypeError if values is something else."""
        held_out = {
            part: np.frombuffer(base64.b64decode(values[part], validate=True), "<u8").astype(np.uint64)
            for part in ("validation", "test")
        }
        return cls(held_out, int(values["train_examples"]), int(values["train_sum"]))


def _sum(digests: Digests) -> int:
    return int(digests.sum(dtype=np.uint64))


def _matches(digests: Digests, wanted: Digests) -> Rows:
    """Rows whose digest is wanted, in their order; of equal examples only as many as are wanted."""
    values, counts = np.unique(wanted, return_counts=True)
    left = dict(zip(values.tolist(), counts.tolist(), strict=True))
    rows = []
    for row in np.flatnonzero(np.isin(digests, values)).tolist():
        digest = int(digests[row])
        if left[digest]:
            left[digest] -= 1
            rows.append(row)
    return np.array(rows, np.int64)
