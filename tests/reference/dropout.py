"""Masks of dropout, word by word."""

from __future__ import annotations

import numpy as np

from .rng import stream, words


def mask(seed, step, layer, units, m, rate):
    """(units, m): 0 with probability ``rate``, else 1 / (1 - rate)."""
    number, counters = stream("dropout", step * 2**20 + layer), -(-units // 4)
    drawn = [
        [words(seed, number, place * counters + u // 4)[u % 4] for place in range(m)] for u in range(units)
    ]
    return np.where(np.array(drawn) < int(rate * 2**32), 0.0, 1 / (1 - rate))
