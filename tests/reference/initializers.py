"""Initialisers: the variance of one weight of W (n_out, n_in), and the law it is drawn from.

A uniform law on (-r, r) has variance r^2 / 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Initializer:
    variance: Callable[[int, int], float]  # (n_out, n_in) -> variance, at gain 1
    law: str  # "constant", "normal" or "uniform"


INITIALIZERS = {
    "zeros": Initializer(lambda n_out, n_in: 0.0, "constant"),
    "normal": Initializer(lambda n_out, n_in: 0.01**2, "normal"),  # the course's randn * 0.01
    "xavier": Initializer(lambda n_out, n_in: 2.0 / (n_in + n_out), "normal"),  # Glorot & Bengio (2010)
    "xavier_uniform": Initializer(lambda n_out, n_in: 2.0 / (n_in + n_out), "uniform"),
    "he": Initializer(lambda n_out, n_in: 2.0 / n_in, "normal"),  # He et al. (2015)
    "he_uniform": Initializer(lambda n_out, n_in: 2.0 / n_in, "uniform"),
    "lecun": Initializer(lambda n_out, n_in: 1.0 / n_in, "normal"),  # LeCun et al. (1998)
    "inverse_sqrt": Initializer(lambda n_out, n_in: 1.0 / n_in, "normal"),  # the course: randn / sqrt(n_prev)
}
