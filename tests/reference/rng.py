"""Counter-based randomness: Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011) and what is drawn from it."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

WORD = 0xFFFFFFFF
KINDS = {"initialisation": 0, "shuffle": 1, "dropout": 2, "user": 3}


def stream(kind, detail):
    """The number of a stream: ``detail`` is a layer, an epoch, or the user's own number."""
    return KINDS[kind] + 4 * detail


def philox(counter, key, rounds=10):
    """Four 32-bit words from four words of counter and two of key."""
    (c0, c1, c2, c3), (k0, k1) = counter, key
    for _ in range(rounds):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & WORD, (p0 >> 32) ^ c3 ^ k1, p0 & WORD
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    return c0, c1, c2, c3


def words(seed, number, i):
    """The four words at counter ``i`` of stream ``number``."""
    return philox((i & WORD, i >> 32, number & WORD, number >> 32), (seed & WORD, seed >> 32))


def uniform(seed, number, count):
    """In (0, 1): two words make 53 bits, in the middle of their cell."""
    out = []
    for i in range((count + 1) // 2):
        a, b, c, d = words(seed, number, i)
        out += [(((a << 32 | b) >> 11) + 0.5) * 2.0**-53, (((c << 32 | d) >> 11) + 0.5) * 2.0**-53]
    return np.array(out[:count])


def normal(seed, number, count):
    """The quantile of a uniform number."""
    return np.array([NormalDist().inv_cdf(p) for p in uniform(seed, number, count)])


def permutation(seed, epoch, m):
    """Fisher & Yates, from the end; one word a swap, multiplied by the number of choices and shifted."""
    order = list(range(m))
    for draw, i in enumerate(range(m - 1, 0, -1)):
        word = words(seed, stream("shuffle", epoch), draw // 4)[draw % 4]
        j = word * (i + 1) >> 32
        order[i], order[j] = order[j], order[i]
    return order
