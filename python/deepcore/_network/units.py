"""Units that have stopped learning: which are dead and which are saturated, read from their activations."""

from __future__ import annotations

import numpy as np

from deepcore._network.spec import Spec
from deepcore.typing import Array

__all__ = ["RECTIFIERS", "dead_units", "of_members", "saturated_units"]

# Activations whose output and slope are 0 for every z < 0.
RECTIFIERS = frozenset({"relu", "relu6"})
# Largest slope of each bounded activation, and its slope as a function of the output.
_SLOPES = {
    "sigmoid": lambda A: 4 * A * (1 - A),
    "tanh": lambda A: 1 - A * A,
    "softsign": lambda A: (1 - np.abs(A)) ** 2,
    "hard_sigmoid": lambda A: (A > 0) & (A < 1),
    "hard_tanh": lambda A: (A > -1) & (A < 1),
}
# A slope below this share of the largest one counts as none, for a unit on more than half of the examples.
SATURATED_SLOPE, SATURATED_SHARE = 0.01, 0.5


def of_members(spec: Spec, layer: int, A: Array) -> Array:
    """Return what the members compute in a layer: each column of the last one has one member's outputs.

    A trace has rows for the outputs of all members, and zeros where a column belongs to another member.
    """
    if spec.members == 1 or layer < len(spec.layers):
        return A
    columns = np.arange(A.shape[1])
    return A.reshape(spec.members, spec.outputs, -1)[columns % spec.members, :, columns].T


def dead_units(spec: Spec, layer: int, A: Array, mask: Array | None = None) -> Array:
    """Return the numbers of the units, from 0, whose output and slope are 0 for every example.

    Args:
        spec: Describes the network.
        layer: Number of the layer, from 1.
        A: Its activations, (n, m).
        mask: What dropout multiplied A by; a dropped unit says nothing. None: no dropout.

    Returns:
        An increasing array of integers; empty for activations that cannot die.
    """
    description = spec.layers[layer - 1]
    if description.activation not in RECTIFIERS or description.parametric:
        return np.zeros(0, np.int64)
    A = of_members(spec, layer, A)
    kept = _kept(A, mask)
    return np.flatnonzero(kept.any(axis=1) & ~((A != 0) & kept).any(axis=1))


def saturated_units(spec: Spec, layer: int, A: Array, mask: Array | None = None) -> Array:
    """Return the numbers of the units, from 0, whose slope is below 1% of its maximum on most examples.

    Args:
        spec: Describes the network.
        layer: Number of the layer, from 1.
        A: Its activations before dropout, (n, m); those that are dropped may have any value.
        mask: What dropout multiplied A by; a dropped unit says nothing. None: no dropout.

    Returns:
        An increasing array of integers; empty for activations that have no upper and lower bound.
    """
    description = spec.layers[layer - 1]
    if description.activation not in _SLOPES or description.parametric:
        return np.zeros(0, np.int64)
    A = of_members(spec, layer, A)
    kept = _kept(A, mask)
    flat = kept & (_SLOPES[description.activation](A) < SATURATED_SLOPE)
    return np.flatnonzero(flat.sum(axis=1) > SATURATED_SHARE * kept.sum(axis=1))


def _kept(A: Array, mask: Array | None) -> Array:
    return np.ones(A.shape, bool) if mask is None else mask > 0
