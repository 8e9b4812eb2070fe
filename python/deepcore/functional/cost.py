"""Losses and the cost, by the formulas of the course exactly as they are written. Columns are examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from deepcore import _checks, _core, catalog
from deepcore._algebra import sum_of_squares
from deepcore.functional.shapes import depth, matrices, require_shape
from deepcore.typing import Array

__all__ = ["compute_cost", "log_likelihood", "loss_backward", "weight_penalty"]


def _outputs_and_targets(who: str, AL: ArrayLike, Y: ArrayLike, loss: str) -> tuple[Array, Array]:
    catalog.lookup(catalog.losses, loss, f"{who}: loss")
    AL, Y = matrices(who, {"AL": AL, "Y": Y})
    require_shape(who, "Y", Y, AL.shape, "the shape of AL")
    if AL.shape[1] == 0:
        raise ValueError(f"{who}: AL must have at least one column, got shape {AL.shape}")
    return AL, Y


def compute_cost(
    AL: ArrayLike,
    Y: ArrayLike,
    loss: str = "binary_cross_entropy",
    reduction: Literal["mean", "sum", "none"] = "mean",
    l2: float = 0.0,
    parameters: Mapping[str, ArrayLike] | None = None,
) -> Any:
    """Compute the cost ``J = (1/m) sum over examples of the loss + l2 / (2m) sum of W^2``.

    The loss of an example is summed over its outputs. Nothing is clipped: an output of 0 or 1 costs inf if it
    is wrong, and 0 if it is right (0 log 0 = 0). The cost of outputs that the loss allows is never NaN.

    Args:
        AL: Outputs, (n_L, m).
        Y: Targets, (n_L, m); one-hot columns for softmax.
        loss: A name of ``catalog.losses``.
        reduction: ``"mean"`` over the examples, their ``"sum"``, or ``"none"``: the loss of each example.
        l2: The factor lambda of the weight penalty, 0 or more. It needs ``parameters`` and
            ``reduction="mean"``.
        parameters: ``{"W1": ..., "b1": ...}``; biases have no penalty.

    Returns:
        A float, or (1, m) for ``"none"``.

    Raises:
        TypeError: If an array does not hold real numbers.
        ValueError: If shapes disagree, a name is unknown, or ``l2`` is given without what it needs.

    Example:
        >>> round(compute_cost([[0.8, 0.9, 0.4]], [[1, 1, 0]]), 10)
        0.2797765636
    """
    who = "compute_cost"
    losses = _core.loss_values_as_given(AL, Y, loss)
    if losses is None:
        AL, Y = _outputs_and_targets(who, AL, Y, loss)
        losses = np.asarray(_core.loss_values(AL, Y, loss)).reshape(1, AL.shape[1])
    m = losses.shape[1]
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{who}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    if l2 != 0 and (parameters is None or reduction != "mean"):
        raise ValueError(
            f"{who}: l2 needs parameters and reduction='mean', got l2={l2}, reduction={reduction!r}"
        )
    if reduction == "none":
        return losses
    total = float(losses.sum(dtype=np.float64))
    if reduction == "sum":
        return total
    penalty = 0.0 if parameters is None else weight_penalty(parameters, l2, m)
    return total / m + penalty


def weight_penalty(parameters: Mapping[str, ArrayLike], l2: float, m: int) -> float:
    """Compute ``l2 / (2m) sum of W^2`` over all layers. Its gradient is ``(l2 / m) W``.

    Args:
        parameters: ``{"W1": ..., "b1": ...}``.
        l2: The factor lambda, 0 or more.
        m: Number of examples, at least 1.

    Raises:
        ValueError: If ``l2`` is negative, ``m`` is below 1, or a parameter is missing.
    """
    _checks.number("weight_penalty", "l2", l2)
    m = _checks.count("weight_penalty", "m", m)
    L = depth("weight_penalty", parameters)
    return l2 / (2 * m) * sum(sum_of_squares(parameters[f"W{number}"]) for number in range(1, L + 1))


def log_likelihood(AL: ArrayLike, Y: ArrayLike) -> float:
    """Compute ``log p(Y | X) = sum over examples of log(a^y (1 - a)^(1 - y)) = -m J``.

    Args:
        AL: Outputs of a sigmoid, (n_L, m).
        Y: Targets 0 or 1, (n_L, m).

    Example:
        >>> import numpy as np
        >>> bool(np.isclose(np.exp(log_likelihood([[0.8]], [[1]])), 0.8))
        True
    """
    return -float(compute_cost(AL, Y, "binary_cross_entropy", "sum"))


def loss_backward(AL: ArrayLike, Y: ArrayLike, loss: str = "binary_cross_entropy") -> Array:
    """Compute ``dA[L]``, the derivatives of each example's loss with respect to its outputs.

    For the binary cross-entropy this is ``-(y/a) + (1-y)/(1-a)``. As in the course, it is not divided by m:
    the mean is taken in dW and db.

    Args:
        AL: Outputs, (n_L, m).
        Y: Targets, (n_L, m).
        loss: A name of ``catalog.losses``.

    Returns:
        dAL, (n_L, m).

    Raises:
        TypeError: If an array does not hold real numbers.
        ValueError: If shapes disagree or the name is unknown.

    Example:
        >>> loss_backward([[0.5, 0.5]], [[1, 0]])
        array([[-2.,  2.]])
    """
    plain = _core.loss_gradient_as_given(AL, Y, loss)
    if plain is not None:
        return plain
    AL, Y = _outputs_and_targets("loss_backward", AL, Y, loss)
    return _core.loss_gradient(AL, Y, loss)
