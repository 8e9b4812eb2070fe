"""Gradient checks compare backpropagation with central differences, per parameter and over all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deepcore import _checks
from deepcore._network.network import HasNetwork, Network
from deepcore.exceptions import UnknownNameError
from deepcore.typing import Array

__all__ = ["GradientCheck", "check_gradients", "gradient_check"]


@dataclass(frozen=True)
class GradientCheck:
    """The result of a gradient check.

    Attributes:
        difference: ``|g - g~| / (|g| + |g~|)`` over all elements; 0 if both gradients are zero.
        by_parameter: The same for each parameter alone.
        numeric: The central differences, shaped like the parameters.
    """

    difference: float
    by_parameter: Mapping[str, float]
    numeric: Mapping[str, Array]

    def __float__(self) -> float:
        return self.difference

    def __repr__(self) -> str:
        rows = "".join(f"\n  {name:<6} {value:.3e}" for name, value in self.by_parameter.items())
        return f"GradientCheck: relative difference {self.difference:.3e}{rows}"


def _relative(g: Array, numeric: Array) -> float:
    scale = float(np.linalg.norm(g) + np.linalg.norm(numeric))
    return float(np.linalg.norm(g - numeric)) / scale if scale > 0 else 0.0


def gradient_check(
    cost: Callable[[Any], float], parameters: Any, grads: Any, *, epsilon: float = 1e-7
) -> GradientCheck:
    """Compute ``|g - g~| / (|g| + |g~|)``, ``g~_i = (J(w_i + epsilon) - J(w_i - epsilon)) / (2 epsilon)``.

    Below 1e-7 the gradient is right; above 1e-3 it is wrong; between, look at the parameters one by one (a
    kink of relu within epsilon, or float32, gives such numbers). It costs two evaluations of the cost
    per element.

    Args:
        cost: J, a function of parameters in the form they are given in.
        parameters: ``{"W1": ..., "b1": ...}``, or one array or number. Not changed.
        grads: The gradient to check: ``{"dW1": ..., "db1": ...}`` (other keys are not read), or one array or
            number.
        epsilon: Half the width of the central difference.

    Returns:
        A ``GradientCheck``.

    Raises:
        KeyError: if a gradient is missing.
        ValueError: if a gradient has another shape than its parameter, or ``epsilon`` is not positive.

    Example:
        >>> gradient_check(lambda theta: 2.0 * theta, 4.0, 2.0).difference < 1e-7
        True

    Source: central differences; the quotient is the course's (improving deep neural networks, week 1).
    """
    if not (_checks.is_number(epsilon) and epsilon > 0):
        raise ValueError(f"gradient_check: epsilon must be positive, got {_checks.shown(epsilon)}")
    single = not isinstance(parameters, Mapping)
    values = {"theta": parameters} if single else dict(parameters)
    given = {"dtheta": grads} if single else grads
    work = {name: np.array(value, dtype=np.float64) for name, value in values.items()}
    analytic: dict[str, Array] = {}
    for name, array in work.items():
        if f"d{name}" not in given:
            raise UnknownNameError(
                f"gradient_check: grads must have d{name}, got {_checks.first_names(list(given))}"
            )
        analytic[name] = np.asarray(given[f"d{name}"], dtype=np.float64)
        if analytic[name].shape != array.shape:
            raise ValueError(
                f"gradient_check: d{name} must have shape {array.shape} like {name}, "
                f"got {analytic[name].shape}"
            )

    def evaluate() -> float:
        if not single:
            return float(cost(work))
        theta = work["theta"]
        return float(cost(float(theta) if theta.ndim == 0 else theta))

    numeric = {name: _differences(evaluate, array, epsilon, _TWO_POINTS) for name, array in work.items()}
    return _report(analytic, numeric)


# Steps in units of epsilon, and weights: errors of order epsilon^2 (the course's) and epsilon^4.
_TWO_POINTS = ((1, 1 / 2), (-1, -1 / 2))
_FOUR_POINTS = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
_Stencil = tuple[tuple[int, float], ...]


def _differences(evaluate: Callable[[], float], array: Array, epsilon: float, stencil: _Stencil) -> Array:
    result = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        kept, slope = array[index], 0.0
        for steps, weight in stencil:
            array[index] = kept + steps * epsilon
            slope += weight * evaluate()
        array[index], result[index] = kept, slope / epsilon
    return result


def _report(analytic: dict[str, Array], numeric: dict[str, Array]) -> GradientCheck:
    by_parameter = {name: _relative(analytic[name], numeric[name]) for name in numeric}
    g = np.concatenate([analytic[name].ravel() for name in numeric])
    return GradientCheck(
        _relative(g, np.concatenate([n.ravel() for n in numeric.values()])), by_parameter, numeric
    )


def check_gradients(model: HasNetwork, X: object, y: object, *, epsilon: float = 1e-4) -> GradientCheck:
    """Compare ``Model.gradients`` with central differences of ``Model.evaluate``, in float64.

    A float32 model is checked through a float64 copy: differences of float32 losses say nothing.

    Args:
        model: Not changed.
        X: (m, n_x); a few examples are enough, because the check costs four passes per parameter.
        y: As for ``Model.fit``.
        epsilon: Step of the four-point central difference; 1e-4 balances its error, epsilon^4, against
            rounding.

    Returns:
        A ``GradientCheck``; ``difference`` below 1e-7 is right, away from kinks.

    Example:
        >>> import numpy as np, deepcore as dc
        >>> model = dc.mlp([2, 3, 1], activation="tanh", seed=1)
        >>> check_gradients(model, np.eye(2), [0, 1]).difference < 1e-7
        True
    """
    _checks.number("check_gradients", "epsilon", epsilon, positive=True)
    network = model.network
    twin = Network(replace(network.spec, dtype=np.dtype(np.float64)), network.snapshot())
    data = twin.check("check_gradients", X, y, None)
    grads = twin.views(np.zeros_like(twin.flat), "d")
    twin.gradient(data, grads.flat, 0)
    numeric = {
        name: _differences(lambda: twin.evaluate(data, 0)[0], view, epsilon, _FOUR_POINTS)
        for name, view in twin.parameters.items()
    }
    return _report({name: grads[f"d{name}"] for name in numeric}, numeric)
