"""The initial weights of the course: NumPy's legacy generator, and the scales of its trained networks.

"The course" is Andrew Ng's "Neural Networks and Deep Learning".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from deepcore.typing import Array

__all__ = ["LARGEST_SEED", "course_weights", "legacy_normals"]

#: The legacy generator takes seeds of 32 bits.
LARGEST_SEED = 2**32 - 1


def legacy_normals(sizes: Sequence[int], seed: int) -> Iterator[Array]:
    """Yield ``np.random.randn(n[l], n[l-1])`` for l = 1..L after ``np.random.seed(seed)``.

    NumPy's global generator is left alone.

    Args:
        sizes: n[0] = n_x, n[1], ..., n[L].
        seed: From 0 to ``LARGEST_SEED``.
    """
    random = np.random.RandomState(seed)
    for n_prev, n in pairwise(sizes):
        yield random.randn(n, n_prev)


def course_weights(sizes: Sequence[int], seed: int) -> Iterator[Array]:
    """Yield the W[l] with which the course starts to train a network of these sizes, for l = 1..L.

    Logistic regression (L = 1) starts at zero, a network with one hidden layer (L = 2) with ``randn * 0.01``,
    and a deeper network with ``randn / sqrt(n[l-1])``.

    Args:
        sizes: n[0] = n_x, n[1], ..., n[L].
        seed: From 0 to ``LARGEST_SEED``. The course uses 3 for the flower and 1 for the cats.
    """
    layers = len(sizes) - 1
    if layers == 1:
        yield np.zeros((sizes[1], sizes[0]))
        return
    for W in legacy_normals(sizes, seed):
        # A division, as in the course: multiplying by 1 / sqrt(n_prev) differs in the last bit.
        yield W * 0.01 if layers == 2 else W / np.sqrt(W.shape[1])
