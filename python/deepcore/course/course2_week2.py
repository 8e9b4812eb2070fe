"""Course 2, week 2: mini-batches, momentum, Adam and learning-rate decay, by the names of the course."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from deepcore import data, schedules
from deepcore import functional as F
from deepcore.course._arguments import Array, Arrays, also_named, as_columns, float_arrays
from deepcore.course._training import draw, updated

__all__ = [
    "initialize_adam",
    "initialize_parameters",
    "initialize_velocity",
    "load_dataset",
    "random_mini_batches",
    "schedule_lr_decay",
    "update_lr",
    "update_parameters_with_adam",
    "update_parameters_with_gd",
    "update_parameters_with_momentum",
]


class Momentum(NamedTuple):
    """New parameters and velocity."""

    parameters: Arrays
    v: Arrays


class Adam(NamedTuple):
    """New parameters and moving averages, which are not corrected for their start."""

    parameters: Arrays
    v: Arrays
    s: Arrays


class Averages(NamedTuple):
    """Zeros for both moving averages of Adam."""

    v: Arrays
    s: Arrays


def load_dataset() -> tuple[Array, Array]:
    """Return the moons of "Optimization methods": X (2, 300) and Y (1, 300)."""
    return as_columns(*data.moons(300, noise=0.2, seed=3))


@also_named(layers_dims="layer_dims")
def initialize_parameters(layer_dims: Sequence[int], seed: int = 3) -> Arrays:
    """Draw every W[l] as ``randn * sqrt(2 / n[l-1])``; the biases are zero."""
    return draw(layer_dims, seed, "he")


def update_parameters_with_gd(
    parameters: Mapping[str, Any], grads: Mapping[str, Any], learning_rate: float
) -> Arrays:
    """Return new parameters: every W and b minus ``learning_rate`` times its gradient."""
    return updated(parameters, grads, learning_rate)


def random_mini_batches(
    X: Any, Y: Any, mini_batch_size: int = 64, seed: int = 0
) -> list[tuple[Array, Array]]:
    """Shuffle the columns of X and Y and cut them into mini-batches; the last one may be smaller.

    Args:
        X: Examples, (n_x, m).
        Y: Labels, (1, m).
        mini_batch_size: Columns per batch.
        seed: Of ``np.random.seed(seed)`` and ``np.random.permutation(m)``.

    Returns:
        ``[(X_1, Y_1), (X_2, Y_2), ...]``.
    """
    order = np.random.RandomState(seed).permutation(np.shape(X)[1])
    return F.mini_batches(X, Y, mini_batch_size, permutation=order)


def initialize_velocity(parameters: Mapping[str, Any]) -> Arrays:
    """Return zeros ``{"dW1", "db1", ...}`` in the shapes of the parameters."""
    return F.initialize_velocity(float_arrays(parameters))


def initialize_adam(parameters: Mapping[str, Any]) -> Averages:
    """Return zeros for both moving averages."""
    return Averages(*F.initialize_adam(float_arrays(parameters)))


def update_parameters_with_momentum(
    parameters: Mapping[str, Any],
    grads: Mapping[str, Any],
    v: Mapping[str, Any],
    beta: float = 0.9,
    learning_rate: float = 0.01,
) -> Momentum:
    """Compute ``v := beta v + (1 - beta) g`` and subtract ``learning_rate v`` from the parameters."""
    given = float_arrays(parameters), float_arrays(grads), float_arrays(v)
    return Momentum(*F.update_parameters_with_momentum(*given, beta, learning_rate))


def update_parameters_with_adam(
    parameters: Mapping[str, Any],
    grads: Mapping[str, Any],
    v: Mapping[str, Any],
    s: Mapping[str, Any],
    t: int,
    learning_rate: float = 0.01,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Adam:
    """Take one step of Adam; epsilon is added outside the root.

    Args:
        parameters: ``{"W1", "b1", ...}``.
        grads: ``{"dW1", "db1", ...}``.
        v: Moving average of the gradients.
        s: Moving average of their squares.
        t: Number of this step, from 1.
        learning_rate: Step size.
        beta1: Decay of v.
        beta2: Decay of s.
        epsilon: Keeps the division finite.

    Returns:
        parameters: New.
        v: New.
        s: New. Editions since 2020 return the two corrected averages as well.
    """
    given = float_arrays(parameters), float_arrays(grads), float_arrays(v), float_arrays(s)
    return Adam(*F.update_parameters_with_adam(*given, t, learning_rate, beta1, beta2, epsilon))


def update_lr(
    learning_rate0: float, epoch_num: int, decay_rate: float, time_interval: int | None = None
) -> float:
    """Compute ``learning_rate0 / (1 + decay_rate * epoch_num)``.

    With ``time_interval`` the rate is the one of ``schedule_lr_decay``.
    """
    return float(schedules.InverseTime(learning_rate0, decay=decay_rate, every=time_interval or 1)(epoch_num))


def schedule_lr_decay(
    learning_rate0: float, epoch_num: int, decay_rate: float, time_interval: int = 1000
) -> float:
    """Compute ``learning_rate0 / (1 + decay_rate * floor(epoch_num / time_interval))``."""
    return update_lr(learning_rate0, epoch_num, decay_rate, time_interval)
