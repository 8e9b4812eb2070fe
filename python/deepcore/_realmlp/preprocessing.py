"""From numbers and category codes to the columns of a network's X: one-hot, robust scale, smooth clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepcore.typing import Array

__all__ = ["Preprocessing", "one_hot"]


def one_hot(codes: Array, known: int) -> Array:
    """Columns of one category, (m, columns), from its codes; code 0 means missing or never seen.

    Three known values or more have a column each. Two have one column, which is 1 for the first, -1 for the
    second and 0 for code 0. One has a column of 1, or of -1 for code 0.
    """
    if known == 0:
        return np.zeros((len(codes), 0))
    if known == 1:
        return np.where(codes == 1, 1.0, -1.0)[:, np.newaxis]
    if known == 2:
        return np.select([codes == 1, codes == 2], [1.0, -1.0], 0.0)[:, np.newaxis]
    return (codes[:, np.newaxis] == np.arange(1, known + 1)).astype(np.float64)


@dataclass(frozen=True)
class Preprocessing:
    """What was learned from the training rows.

    Attributes:
        known: Number of known values of each category; its codes are 0 to that number.
        embedded: Whether the category stays a column of codes, or else becomes one-hot columns.
        median: Of each column of numbers and each one-hot column.
        factor: What they are multiplied with after the median is taken off; 0 makes a constant column 0.
        mean: Of each column of numbers; it stands for those that are missing.
    """

    known: tuple[int, ...]
    embedded: tuple[bool, ...]
    median: Array
    factor: Array
    mean: Array

    @classmethod
    def fit(
        cls, numbers: Array, codes: Array, known: Sequence[int], most_one_hot: int | None
    ) -> Preprocessing:
        """Learn from training rows.

        Args:
            numbers: (m, f), finite or NaN, which means missing.
            codes: (m, c) whole numbers; 0 means missing or never seen.
            known: Number of known values of each category.
            most_one_hot: Categories with more known values stay codes; None: none does.
        """
        embedded = tuple(most_one_hot is not None and count > most_one_hot for count in known)
        there = ~np.isnan(numbers)
        total = np.where(there, numbers, 0.0).sum(axis=0, dtype=np.float64)
        mean = total / np.maximum(there.sum(axis=0), 1)
        first = cls(tuple(known), embedded, np.zeros(0), np.zeros(0), mean)
        columns = first.unscaled(numbers, codes)
        if columns.shape[1] == 0:
            return first
        median = np.median(columns, axis=0)
        centred = columns - median
        low, high = np.quantile(centred, [0.25, 0.75], axis=0)
        spread = high - low
        spread = np.where(spread == 0, (centred.max(axis=0) - centred.min(axis=0)) / 2, spread)
        factor = np.where(spread == 0, 0.0, 1 / (spread + 1e-30))
        return cls(tuple(known), embedded, median, factor, mean)

    def unscaled(self, numbers: Array, codes: Array) -> Array:
        """Columns of numbers, their missing values filled, then one-hot columns."""
        parts = [np.where(np.isnan(numbers), self.mean, numbers)]
        for k, (count, embedded) in enumerate(zip(self.known, self.embedded, strict=True)):
            if not embedded:
                parts.append(one_hot(codes[:, k], count))
        return np.concatenate(parts, axis=1)

    def scaled(self, numbers: Array, codes: Array) -> Array:
        """Columns of numbers, then one-hot columns, all within (-3, 3), in float64."""
        z = (self.unscaled(numbers, codes) - self.median) * self.factor
        clipped: Array = z / np.sqrt(1 + (z / 3) ** 2)
        return clipped

    def __call__(self, numbers: Array, codes: Array, dtype: Any) -> Array:
        """X of the network: columns of numbers, one-hot columns, codes of the embedded categories."""
        kept = codes[:, np.array(self.embedded, bool)] if self.embedded else np.zeros((len(numbers), 0))
        return np.concatenate([self.scaled(numbers, codes), kept], axis=1).astype(dtype)

    def columns(self, numbers: int) -> tuple[int, int, list[int]]:
        """How many columns X has of numbers and of one-hot kind, and the numbers of codes of the others."""
        sizes = [count + 1 for count, kept in zip(self.known, self.embedded, strict=True) if kept]
        return numbers, len(self.median) - numbers, sizes
