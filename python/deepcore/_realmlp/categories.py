"""Codes of categories: sorted known values are 1, 2, ...; 0 means missing or never seen."""

from __future__ import annotations

import numpy as np

from deepcore.typing import Array

__all__ = ["codes_of", "known_values"]


def known_values(column: Array, missing: Array) -> Array:
    """Return the distinct values of a column, sorted, without the missing ones."""
    return np.unique(column[~missing])


def codes_of(column: Array, missing: Array, known: Array) -> Array:
    """Return the code of each value, (m,) int64."""
    if len(known) == 0:
        return np.zeros(len(column), np.int64)
    filled = np.where(missing, known[0], column)
    place = np.minimum(np.searchsorted(known, filled), len(known) - 1)
    return np.where(~missing & (known[place] == filled), place + 1, 0).astype(np.int64)
