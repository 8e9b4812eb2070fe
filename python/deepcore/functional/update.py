"""One step of an optimizer on a dict of parameters. New dicts are returned, and the inputs do not change."""

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
    plain = _core.update_as_given(row, hyper, learning_rate, t, parameters, grads, list(slots))
    if plain is not None:
        return plain
    for what, given in (("parameters", parameters), ("grads", grads)):
        _checks.mapping(who, what, given)
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
        # The native update works in place, so it gets copies, and a slot of zeros if the caller keeps none.
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
    """Take a step of gradient descent: ``W := W - learning_rate dW``, ``b := b - learning_rate db``.

    Args:
        parameters: ``{"W1": ..., "b1": ..., ...}``.
        grads: ``{"dW1": ..., "db1": ..., ...}``; other keys are ignored.
        learning_rate: Step size, 0 or more.

    Returns:
        The new parameters.

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
    """Return zeros ``{"dW1": ..., "db1": ..., ...}`` in the shapes of the parameters."""
    arrays = matrices("initialize_velocity", parameters)
    return {
        f"d{name}": np.zeros(array.shape, array.dtype) for name, array in zip(parameters, arrays, strict=True)
    }


def initialize_adam(parameters: Mapping[str, ArrayLike]) -> tuple[Grads, Grads]:
    """Return zeros for both moving averages of Adam: v of the gradient, and s of its square."""
    return initialize_velocity(parameters), initialize_velocity(parameters)


def update_parameters_with_momentum(
    parameters: Mapping[str, ArrayLike],
    grads: Mapping[str, ArrayLike],
    v: Mapping[str, ArrayLike],
    beta: float,
    learning_rate: float,
) -> tuple[Parameters, Grads]:
    """Take a step with momentum: ``v := beta v + (1 - beta) g``, ``w := w - learning_rate v``.

    Args:
        parameters: ``{"W1": ..., "b1": ..., ...}``.
        grads: ``{"dW1": ..., "db1": ..., ...}``.
        v: Velocity, from ``initialize_velocity`` or the previous step.
        beta: Decay of the velocity, at least 0 and below 1.
        learning_rate: Step size, 0 or more.

    Returns:
        parameters: The new parameters.
        v: The new velocity.

    Raises:
        TypeError: If an array does not hold real numbers.
        ValueError: If something is missing, has another shape, or a number is not allowed.

    Source: Polyak (1964), as an exponential average.
    """
    who = "update_parameters_with_momentum"
    _checks.number(who, "beta", beta, below=1)
    # The first step of PyTorch's rule is not damped; from t = 2 on, its damped rule is the course's.
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
    eps: float = 1e-8,
) -> tuple[Parameters, Grads, Grads]:
    """Take a step of Adam: ``w := w - learning_rate v^ / (sqrt(s^) + eps)``.

    v^ and s^ are the moving averages, corrected for their start at zero. The course calls eps epsilon.

    Args:
        parameters: ``{"W1": ..., "b1": ..., ...}``.
        grads: ``{"dW1": ..., "db1": ..., ...}``.
        v: Moving average of the gradients.
        s: Moving average of their squares.
        t: Number of this step; the first one is 1.
        learning_rate: Step size, 0 or more.
        beta1: Decay of v.
        beta2: Decay of s.
        eps: Number that is added to the root, 0 or more, to prevent a division by zero.

    Returns:
        parameters: The new parameters.
        v: The new moving average, not corrected.
        s: The new moving average, not corrected.

    Raises:
        TypeError: If an array does not hold real numbers.
        ValueError: If something is missing, has another shape, or a number is not allowed.

    Source: Kingma & Ba (2015), algorithm 1.
    """
    who = "update_parameters_with_adam"
    t = _checks.count(who, "t", t)
    hyper = {
        "beta1": _checks.number(who, "beta1", beta1, below=1),
        "beta2": _checks.number(who, "beta2", beta2, below=1),
        "eps": _checks.number(who, "eps", eps),
    }
    new, (new_v, new_s) = _update(who, "adam", hyper, learning_rate, t, parameters, grads, [v, s])
    return new, new_v, new_s
