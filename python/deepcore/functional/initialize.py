"""Initial parameters for a network of given layer sizes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from deepcore import _checks, _core, catalog
from deepcore._course_weights import LARGEST_SEED, course_weights
from deepcore.exceptions import SymmetryWarning
from deepcore.functional.shapes import layer_sizes
from deepcore.typing import Array, DTypeName, Parameters

__all__ = ["initialize_parameters"]


def initialize_parameters(
    layer_dims: Sequence[int],
    init: str = "he",
    seed: int = 0,
    dtype: DTypeName | str | type = "float64",
    scale: float = 1.0,
) -> Parameters:
    """Draw ``W[l]`` by a scheme, and set ``b[l] = 0``, for l = 1..L.

    The weights of a layer depend only on the seed, the layer and its shape, except for ``"course"``. A
    ``Model`` with the same init and seed starts with the same weights.

    Args:
        layer_dims: n[0] = n_x, n[1], ..., n[L].
        init: A name of ``catalog.initializers``: he (for relu), xavier, lecun, inverse_sqrt, normal (x 0.01),
            zeros, ... ``"course"`` draws the numbers of Andrew Ng's course "Neural Networks and Deep
            Learning": ``np.random.seed(seed)``, then ``np.random.randn`` for W1, W2, ..., times 0.01 with
            one hidden layer, and divided by sqrt(n[l-1]) with more; zeros without a hidden layer.
        seed: Seed of the draw, 0 or more; below 2^32 for ``"course"``.
        dtype: ``"float64"`` or ``"float32"``.
        scale: Factor of the weights. Large weights saturate sigmoid and tanh and make learning slow.

    Returns:
        ``{"W1": (n1, n_x), "b1": (n1, 1), ..., "WL": ..., "bL": ...}``.

    Raises:
        TypeError: If a size is not a whole number.
        ValueError: If a size, name or number is not allowed.

    Warns:
        SymmetryWarning: If hidden layers start at zero, since their units then stay equal. A single layer may
            start at zero.

    Example:
        >>> parameters = initialize_parameters([12288, 20, 7, 5, 1], init="he", seed=1)
        >>> parameters["W1"].shape, parameters["b1"].shape
        ((20, 12288), (20, 1))

    Source: He et al. (2015); Glorot & Bengio (2010) for xavier; LeCun et al. (1998) for lecun.
    """
    who = "initialize_parameters"
    sizes = layer_sizes(who, layer_dims)
    catalog.lookup(catalog.initializers, init, f"{who}: init")
    seed = _checks.count(who, "seed", seed, low=0, high=LARGEST_SEED if init == "course" else 2**63 - 1)
    kind = _checks.dtype(who, dtype)
    if not _checks.is_number(scale):
        raise ValueError(f"{who}: scale must be a finite number, got {scale!r}")
    if (init == "zeros" or scale == 0) and len(sizes) > 2:
        warnings.warn(
            f"{who}: hidden layers that start at zero have equal units, which stay equal; start at zero "
            "only with one layer (logistic regression)",
            SymmetryWarning,
            stacklevel=2,
        )
    weights = course_weights(sizes, seed) if init == "course" else _independent(sizes, init, seed)
    parameters: Parameters = {}
    for number, W in enumerate(weights, start=1):
        parameters[f"W{number}"] = (W if scale == 1 else W * scale).astype(kind, copy=False)
        parameters[f"b{number}"] = np.zeros((len(W), 1), kind)
    return parameters


def _independent(sizes: Sequence[int], init: str, seed: int) -> Iterator[Array]:
    for number, (n_prev, n) in enumerate(pairwise(sizes), start=1):
        yield _core.initialize(n, n_prev, init, 1.0, seed, number)
