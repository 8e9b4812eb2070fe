"""One step of an optimizer on a dict of parameters; returns new dicts, inputs stay untouched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from deepcore import _checks, _core, catalog
from deepcore.functional.shapes import matrices, require_shape
from deepcore.typing import Grads, Parameters

__all__ = [
    "initialize_adam",
    "initialize_velocity",
    "update_parameters",
    "update_parameters_with_adam",
    "update_parameters_with_momentum",
]


def _update(
    who: str,
    row: str,
    hyper: dict[str, float],
    learning_rate: float,
    t: int,
    parameters: Mapping[str, ArrayLike],
    grads: Mapping[str, ArrayLike],
    slots: Sequence[Mapping[str, ArrayLike]],
) -> tuple[Parameters, list[Grads]]:
    _checks.number(who, "learning_rate", learning_rate)
    complete = {name: float(value) for name, value in {**catalog.optimizers[row]["hyper"], **hyper}.items()}
    new_parameters: Parameters = {}
    new_slots: list[Grads] = [{} for _ in slots]
    for name, value in parameters.items():
        d = f"d{name}"
        for what, given in (("grads", grads), *((f"slot {i + 1}", slot) for i, slot in enumerate(slots))):
            if d not in given:
                raise ValueError(f"{who}: {what} must have {d}, got {', '.join(given) or 'nothing'}")
        arrays = {name: value, d: grads[d], **{f"slot {i + 1} of {d}": s[d] for i, s in enumerate(slots)}}
        checked = matrices(who, arrays)
        for label, array in zip(arrays, checked, strict=True):
            require_shape(who, label, array, checked[0].shape, f"the shape of {name}")
        shape = checked[0].shape
        # the native update works in place: on copies, and on a slot of zeros where the caller keeps none
        flat = [np.array(array, order="C").reshape(-1) for array in checked]
        own = flat[2:] or [np.zeros_like(flat[0]) for _ in catalog.optimizers[row]["slots"]]
        _core.update(row, complete, learning_rate, t, flat[0], flat[1], own)
        new_parameters[name] = flat[0].reshape(shape)
        for slot, array in zip(new_slots, own, strict=False):
            slot[d] = array.reshape(shape)
    return new_parameters, new_slots


def update_parameters(
    parameters: Mapping[str, ArrayLike], grads: Mapping[str, ArrayLike], learning_rate: float
) -> Parameters:
    """Gradient descent: ``W := W - learning_rate dW``, ``b := b - learning_rate db``.

    Args:
        parameters: ``{"W1": ..., "b1": ..., ...}``.
        grads: ``{"dW1": ..., "db1": ..., ...}``; other keys are not read.
        learning_rate: 0 or more.

    Returns:
        New parameters.

    Raises:
        TypeError: If an array does not hold real numbers.
        ValueError: If a gradient is missing or has another shape, or the learning rate is not allowed.

    Example:
        >>> grads = {"dW1": [[2.0]], "db1": [[1.0]]}
        >>> update_parameters({"W1": [[1.0]], "b1": [[0.0]]}, grads, learning_rate=0.5)
        {'W1': array([[0.]]), 'b1': array([[-0.5]])}
    """
    return _update("update_parameters", "sgd", {}, learning_rate, 1, parameters, grads, [])[0]


def initialize_velocity(parameters: Mapping[str, ArrayLike]) -> Grads:
    """Zeros ``{"dW1": ..., "db1": ..., ...}`` in the shapes of the parameters."""
    names = list(parameters)
    arrays = matrices("initialize_velocity", {name: parameters[name] for name in names})
    return {f"d{name}": np.zeros(array.shape, array.dtype) for name, array in zip(names, arrays, strict=True)}


def initialize_adam(parameters: Mapping[str, ArrayLike]) -> tuple[Grads, Grads]:
    """Zeros for both moving averages of Adam, v of the gradient and s of its square."""
    return initialize_velocity(parameters), initialize_velocity(parameters)


def update_parameters_with_momentum(
    parameters: Mapping[str, ArrayLike],
    grads: Mapping[str, ArrayLike],
    v: Mapping[str, ArrayLike],
    beta: float,
    learning_rate: float,
) -> tuple[Parameters, Grads]:
    """Momentum as the course has it: ``v := beta v + (1 - beta) g``, ``w := w - learning_rate v``.

    Args:
        parameters: ``{"W1": ..., "b1": ..., ...}``.
        grads: ``{"dW1": ..., "db1": ..., ...}``.
        v: Velocity, from ``initialize_velocity`` or the last step.
        beta: From 0 to below 1.
        learning_rate: 0 or more.

    Returns:
        parameters: New.
        v: New.

    Raises:
        TypeError: If an array does not hold real numbers.
        ValueError: If something is missing, has another shape, or a number is not allowed.

    Source: Polyak (1964), as an exponential average.
    """
    who = "update_parameters_with_momentum"
    if not 0 <= beta < 1:
        raise ValueError(f"{who}: beta must be at least 0 and below 1, got {beta}")
    # torch's first step is undamped; from t = 2 on its damped rule is the course's
    hyper = {"momentum": beta, "dampening": beta}
    new, (new_v,) = _update(who, "sgd", hyper, learning_rate, 2, parameters, grads, [v])
    return new, new_v


def update_parameters_with_adam(
    parameters: Mapping[str, ArrayLike],
    grads: Mapping[str, ArrayLike],
    v: Mapping[str, ArrayLike],
    s: Mapping[str, ArrayLike],
    t: int,
    learning_rate: float = 0.01,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> tuple[Parameters, Grads, Grads]:
    """Adam: ``w := w - learning_rate v^ / (sqrt(s^) + epsilon)``, averages corrected for their start.

    Args:
        parameters: ``{"W1": ..., "b1": ..., ...}``.
        grads: ``{"dW1": ..., "db1": ..., ...}``.
        v: Moving average of the gradients.
        s: Moving average of their squares.
        t: Number of this step, from 1.
        learning_rate: 0 or more.
        beta1: Decay of v.
        beta2: Decay of s.
        epsilon: Outside the root.

    Returns:
        parameters: New.
        v: New, not corrected.
        s: New, not corrected.

    Raises:
        TypeError: If an array does not hold real numbers.
        ValueError: If something is missing, has another shape, or a number is not allowed.

    Source: Kingma & Ba (2015), algorithm 1.
    """
    who = "update_parameters_with_adam"
    t = _checks.count(who, "t", t)
    if not (0 <= beta1 < 1 and 0 <= beta2 < 1):
        raise ValueError(f"{who}: beta1 and beta2 must be at least 0 and below 1, got {beta1} and {beta2}")
    hyper = {"beta1": beta1, "beta2": beta2, "eps": epsilon}
    new, (new_v, new_s) = _update(who, "adam", hyper, learning_rate, t, parameters, grads, [v, s])
    return new, new_v, new_s
