"""A gradient check of functions that a learner wrote, with the names and arguments of the course."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from deepcore import _checks
from deepcore.doctor.gradient_check import gradient_check
from deepcore.doctor.gradient_report import GradientCheck
from deepcore.exceptions import UnknownNameError

__all__ = ["check_functions"]

_FORMS = (
    ("propagate",),
    ("forward_propagation", "compute_cost", "backward_propagation"),
    ("L_model_forward", "compute_cost", "L_model_backward"),
)


def check_functions(
    functions: Mapping[str, Callable[..., Any]], X: Any, Y: Any, parameters: Mapping[str, Any]
) -> GradientCheck:
    """Check your own forward, cost and backward functions against each other.

    Args:
        functions: Your functions by the names of the course, with its arguments. Week 2: ``propagate(w, b, X,
            Y)``; week 3: ``forward_propagation(X, parameters)``, ``compute_cost(A2, Y)``,
            ``backward_propagation(parameters, cache, X, Y)``; week 4: ``L_model_forward(X, parameters)``,
            ``compute_cost(AL, Y)``, ``L_model_backward(AL, Y, caches)``. ``globals()`` will do.
        X: Examples, (n_x, m), one per column; a few are enough.
        Y: Labels, (1, m).
        parameters: ``{"W1": ..., "b1": ...}``, or ``{"w": ..., "b": ...}`` for week 2. Not changed.

    Returns:
        A ``GradientCheck``; ``first_wrong_layer`` and ``causes`` say where to look.

    Raises:
        UnknownNameError: if a function is missing.
        ValueError: as ``gradient_check`` does.

    Example:
        >>> import numpy as np
        >>> from deepcore.course import week2
        >>> X, Y = np.array([[1.0, 2.0, -1.0]]), np.array([[1, 0, 1]])
        >>> start = {"w": np.array([[0.5]]), "b": 0.1}
        >>> check_functions({"propagate": week2.propagate}, X, Y, start).ok
        True
    """
    form = next((names for names in _FORMS if all(name in functions for name in names)), None)
    if form is None:
        there = _checks.first_names([name for name in functions if any(name in names for names in _FORMS)])
        forms = ", or ".join(" and ".join(names) for names in _FORMS)
        raise UnknownNameError(f"check_functions: functions must have {forms}, got {there or 'none of them'}")
    cost, grads = _of_week_2(functions, X, Y) if len(form) == 1 else _of_layers(functions, form, X, Y)
    return gradient_check(cost, parameters, grads, examples=int(np.shape(Y)[-1]))


def _of_week_2(functions: Mapping[str, Any], X: Any, Y: Any) -> tuple[Any, Any]:
    def propagate(values: Mapping[str, Any]) -> tuple[Any, Any]:
        b = values["b"]
        found = functions["propagate"](values["w"], float(b) if np.ndim(b) == 0 else b, X, Y)
        return (found[0], found[1]) if isinstance(found[0], Mapping) else (found[1], found[0])

    return (lambda values: float(np.squeeze(propagate(values)[1]))), (lambda values: propagate(values)[0])


def _of_layers(functions: Mapping[str, Any], form: tuple[str, ...], X: Any, Y: Any) -> tuple[Any, Any]:
    forward, compute_cost, backward = (functions[name] for name in form)

    def cost(values: Mapping[str, Any]) -> float:
        return float(np.squeeze(compute_cost(forward(X, values)[0], Y)))

    def grads(values: Mapping[str, Any]) -> Any:
        AL, cache = forward(X, values)
        return backward(AL, Y, cache) if form[0] == "L_model_forward" else backward(values, cache, X, Y)

    return cost, grads
