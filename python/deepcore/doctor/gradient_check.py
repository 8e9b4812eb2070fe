"""Gradient checks compare backpropagation with differences of the cost, element by element."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from deepcore import _checks
from deepcore._network.network import HasNetwork, Network, network_of
from deepcore.doctor.differences import Cost, Judge, two_point
from deepcore.doctor.gradient_report import Element, GradientCheck, cause, relative
from deepcore.exceptions import UnknownNameError
from deepcore.typing import Array

__all__ = ["GradientCheck", "check_gradients", "gradient_check"]

Arrays: TypeAlias = dict[str, Array]

# How many of the worst elements a check names.
_WORST = 10
# Elements on a kink are judged at parameters that are moved by about this share.
_MOVED = 0.01


def gradient_check(
    cost: Callable[[Any], float],
    parameters: Any,
    grads: Any,
    *,
    epsilon: float = 1e-7,
    examples: int | None = None,
) -> GradientCheck:
    """Compare a gradient with differences of the cost; print the result to see the worst elements.

    ``check.ok`` says whether every element is right. Each is compared with differences of several widths,
    which are believed where the slopes on both sides agree; a kink, such as that of relu at 0, is no fault.
    ``check.difference`` is the quotient of the course, ``|g - g~| / (|g| + |g~|)`` with
    ``g~_i = (J(w_i + epsilon) - J(w_i - epsilon)) / (2 epsilon)``. A check evaluates the cost six times per
    element, and more often for wrong ones.

    Args:
        cost: J, a function of parameters in the form they are given in.
        parameters: ``{"W1": ..., "b1": ...}``, or one array or number. Not changed.
        grads: The gradient to check: ``{"dW1": ..., "db1": ...}`` (other keys are not read), or one array or
            number; or a function of the parameters that returns it. With a function, elements on a kink are
            judged as well: at parameters nearby.
        epsilon: Half the width of the central difference of ``difference``.
        examples: m, the number of examples, so that a missing 1/m is recognised. None: unknown.

    Returns:
        A ``GradientCheck``.

    Raises:
        KeyError: if a gradient is missing.
        TypeError: if ``parameters`` is a dict and ``grads`` is not.
        ValueError: if there are no parameters, a gradient has another shape than its parameter, ``epsilon``
            is not positive, or the cost is not finite, changes its parameters, or gives two numbers for the
            same parameters.

    Example:
        >>> check = gradient_check(lambda theta: 2.0 * theta, 4.0, 3.0)
        >>> check.ok, check.worst[0].given, round(check.worst[0].numeric, 6)
        (False, 3.0, 2.0)

    Source: central differences; the quotient is the course's (improving deep neural networks, week 1).
    """
    if not (_checks.is_number(epsilon) and epsilon > 0):
        raise ValueError(f"gradient_check: epsilon must be positive, got {_checks.shown(epsilon)}")
    single = not isinstance(parameters, Mapping)
    values = {"theta": parameters} if single else dict(parameters)
    if not values:
        raise ValueError("gradient_check: parameters must hold an array or more, got none")
    work = {name: _as_float64(name, value) for name, value in values.items()}

    def form() -> Any:
        if not single:
            return work
        theta = work["theta"]
        return float(theta) if theta.ndim == 0 else theta

    def gradient() -> Arrays:
        found = grads(form()) if callable(grads) else grads
        return _analytic({"dtheta": found} if single and not isinstance(found, Mapping) else found, work)

    analytic = gradient()
    evaluate = _steady(lambda: _number(cost(form())), work)
    numeric = {name: two_point(evaluate, array, epsilon) for name, array in work.items()}
    again = gradient if callable(grads) else None
    return _Check(evaluate, work, analytic, numeric, again, examples).report()


def _analytic(grads: Any, work: Arrays) -> Arrays:
    """The gradient in float64, one array per parameter."""
    if not isinstance(grads, Mapping):
        raise TypeError(
            f"gradient_check: grads must be a dict like parameters, with names such as dW1, got "
            f"{_checks.shown(grads)}"
        )
    analytic: Arrays = {}
    for name, array in work.items():
        if f"d{name}" not in grads:
            raise UnknownNameError(
                f"gradient_check: grads must have d{name}, got {_checks.first_names(list(grads))}"
            )
        analytic[name] = _as_float64(f"d{name}", grads[f"d{name}"])
        if analytic[name].shape != array.shape:
            raise ValueError(
                f"gradient_check: d{name} must have shape {array.shape} like {name}, "
                f"got {analytic[name].shape}"
            )
    return analytic


def _as_float64(name: str, value: object) -> Array:
    """Copy an array of real numbers."""
    return _checks.numbers("gradient_check", name, value).astype(np.float64)


def _number(value: object) -> float:
    """What a cost function returned, as a number."""
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "biuf":
        raise ValueError(f"gradient_check: cost must return one number, got {_checks.shown(value)}")
    return float(array.reshape(-1)[0])


def _steady(evaluate: Cost, work: Arrays) -> Cost:
    """Return the cost, after a look at whether it is a function of the parameters and leaves them alone."""
    kept = {name: array.copy() for name, array in work.items()}
    first, second = evaluate(), evaluate()
    for name, array in work.items():
        if not np.array_equal(array, kept[name], equal_nan=True):
            raise ValueError(f"gradient_check: cost must not change its parameters, but it changed {name}")
    if not math.isfinite(first):
        raise ValueError(f"gradient_check: cost must be finite at the parameters, got {first}")
    if first != second:
        raise ValueError(
            f"gradient_check: cost must give one number for the same parameters, got {first!r} and "
            f"{second!r}; draw random numbers, such as masks of dropout, before the check"
        )
    return evaluate


@dataclass
class _Check:
    """A check in progress.

    Attributes:
        cost: The cost of ``work``.
        work: The parameters.
        analytic: The gradient to check.
        numeric: Two-point differences of the whole gradient.
        again: Computes the gradient of ``work`` anew, or None.
        examples: m, if it is known.
    """

    cost: Cost
    work: Arrays
    analytic: Arrays
    numeric: Arrays
    again: Callable[[], Arrays] | None
    examples: int | None

    def report(self) -> GradientCheck:
        """Judge every element."""
        judge = Judge(self.cost, self.work)
        everything = [(name, index) for name, array in self.work.items() for index in np.ndindex(array.shape)]
        wrong, kinks, exact = self._judged(judge, everything, self.analytic)
        if kinks and self.again is not None:
            others, kinks, _ = self._moved(kinks)
            wrong += others
        count = {name: sum(element.name == name for element in wrong) for name in self.work}
        return GradientCheck(
            self._difference(list(self.work)),
            {name: self._difference([name]) for name in self.work},
            self.numeric,
            wrong=count,
            kinks={name: sum(one == name for one, _ in kinks) for name in self.work},
            worst=tuple(sorted(wrong, key=_error, reverse=True)[:_WORST]),
            causes={
                name: cause(self.analytic[name], exact[name], self.work[name], self.examples)
                for name in self.work
                if count[name]
            },
            remarks=tuple(self._remarks(kinks)),
            resolution=judge.resolution,
        )

    def _judged(
        self, judge: Judge, places: list[tuple[str, tuple[int, ...]]], analytic: Arrays
    ) -> tuple[list[Element], list[tuple[str, tuple[int, ...]]], Arrays]:
        """The wrong elements, those on kinks, and all derivatives by differences."""
        wrong, kinks = [], []
        exact = {name: np.full(array.shape, np.nan) for name, array in self.work.items()}
        for name, index in places:
            given = float(analytic[name][index])
            finding = judge.judge(name, index, given)
            exact[name][index] = finding.slope
            if finding.verdict == "wrong":
                wrong.append(Element(name, index, given, finding.slope))
            elif finding.verdict == "kink":
                kinks.append((name, index))
        return wrong, kinks, exact

    def _moved(
        self, places: list[tuple[str, tuple[int, ...]]]
    ) -> tuple[list[Element], list[tuple[str, tuple[int, ...]]], Arrays]:
        """Judge elements on kinks at parameters nearby, where the kinks are elsewhere."""
        rng = np.random.default_rng(0)
        kept = {name: array.copy() for name, array in self.work.items()}
        try:
            for name, array in kept.items():
                size = np.maximum(np.abs(array), float(np.abs(array).mean()) if array.any() else 1.0)
                self.work[name][...] = array + _MOVED * size * rng.normal(size=array.shape)
            assert self.again is not None
            analytic = self.again()
            return self._judged(Judge(self.cost, self.work), places, analytic)
        finally:
            for name, array in kept.items():
                self.work[name][...] = array

    def _difference(self, names: list[str]) -> float:
        g, n = (np.concatenate([of[name].ravel() for name in names]) for of in (self.analytic, self.numeric))
        return relative(g, n)

    def _remarks(self, kinks: list[tuple[str, tuple[int, ...]]]) -> list[str]:
        remarks = [
            f"{name}: both gradients are 0 everywhere, so this tests little; are all units dead?"
            for name in self.work
            if not self.analytic[name].any() and not self.numeric[name].any()
        ]
        if kinks:
            remarks.append(
                f"not judged, because they lie on a kink of the cost: {len(kinks)} of the elements; pass a "
                "function as grads, or other parameters"
            )
        return remarks


def _error(element: Element) -> float:
    error = abs(element.given - element.numeric)
    return error if math.isfinite(error) else math.inf


def check_gradients(model: HasNetwork, X: object, y: object, *, epsilon: float = 1e-4) -> GradientCheck:
    """Compare ``Model.gradients`` with differences of ``Model.evaluate``, in float64.

    A float32 model is checked through a float64 copy: differences of float32 losses say nothing. Elements on
    a kink, such as that of relu at 0, are judged at parameters nearby.

    Args:
        model: Not changed.
        X: (m, n_x); a few examples are enough, because the check costs six passes or more per parameter.
        y: As for ``Model.fit``.
        epsilon: Half the width of the central difference of ``numeric`` and ``difference``.

    Returns:
        A ``GradientCheck``; ``ok`` says whether all elements are right.

    Example:
        >>> import numpy as np, deepcore as dc
        >>> model = dc.mlp([2, 3, 1], activation="tanh", seed=1)
        >>> check_gradients(model, np.eye(2), [0, 1]).ok
        True
    """
    _checks.number("check_gradients", "epsilon", epsilon, positive=True)
    network = network_of("check_gradients", model)
    twin = Network(replace(network.spec, dtype=np.dtype(np.float64)), network.snapshot())
    data = twin.check("check_gradients", X, y, None)
    work = dict(twin.parameters)

    def gradient() -> Arrays:
        grads = twin.views(np.zeros_like(twin.flat), "d")
        twin.gradient(data, grads.flat, 0)
        return {name: grads[f"d{name}"] for name in work}

    def evaluate() -> float:
        return twin.evaluate(data, 0)[0]

    numeric = {name: _four_points(evaluate, array, epsilon) for name, array in work.items()}
    return _Check(evaluate, work, gradient(), numeric, gradient, len(data.y)).report()


def _four_points(evaluate: Cost, array: Array, epsilon: float) -> Array:
    """Central differences with an error of order epsilon^4."""
    near, far = (two_point(evaluate, array, factor * epsilon) for factor in (1, 2))
    return (4 * near - far) / 3
