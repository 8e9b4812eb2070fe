"""Arguments of the course's functions: float64 arrays, and names that changed between editions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = dict[str, Array]
Result = TypeVar("Result")
Names: TypeAlias = "str | tuple[Names, ...]"


def floats(value: Any) -> Array:
    """Return ``value`` as a float64 array."""
    return np.asarray(value, np.float64)


def float_arrays(values: Mapping[str, Any]) -> Arrays:
    """Return a dictionary of arrays with every array in float64."""
    return {name: floats(value) for name, value in values.items()}


def as_columns(points: Array, labels: Array) -> tuple[Array, Array]:
    """Return examples (m, n_x) and labels (m,) as the course has them: X (n_x, m) and Y (1, m)."""
    return np.ascontiguousarray(points.T), labels.reshape(1, -1)


def also_named(**others: Names) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Let a function take arguments under the names of other editions of the course.

    Args:
        others: ``x="z"`` lets the argument ``z`` be passed as ``x``. ``cache=("A_prev", "W", "b")`` lets the
            tuple ``cache`` be passed as three arguments.

    Returns:
        A decorator; positional arguments are passed on as they are.
    """
    bundles = {name: parts for name, parts in others.items() if isinstance(parts, tuple)}
    renamed = {name: own for name, own in others.items() if isinstance(own, str)}

    def decorate(function: Callable[..., Result]) -> Callable[..., Result]:
        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Result:
            for other, own in renamed.items():
                if other in named:
                    named[own] = named.pop(other)
            for name, parts in bundles.items():
                if all(part in named for part in _flat(parts)):
                    named[name] = _bundle(parts, named)
            return function(*arguments, **named)

        return call

    return decorate


def _flat(parts: Names) -> list[str]:
    return [parts] if isinstance(parts, str) else [name for part in parts for name in _flat(part)]


def _bundle(parts: Names, named: dict[str, Any]) -> Any:
    return named.pop(parts) if isinstance(parts, str) else tuple(_bundle(part, named) for part in parts)
