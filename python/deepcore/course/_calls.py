"""Calls a learner's function safely: on copies, without prints and warnings, with helpers that are right."""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepcore.course._exercise import Exercise


@dataclass(frozen=True)
class Outcome:
    """What came out of a call: a value or an error, and the names of arguments that were changed."""

    value: Any = None
    error: Exception | None = None
    changed: tuple[str, ...] = ()


def call(function: Callable[..., Any], exercise: Exercise, arguments: Sequence[Any]) -> Outcome:
    """Call a function on copies of the arguments; NumPy's global generator is put back afterwards."""
    positions = selected(function, exercise)
    given = copy.deepcopy([arguments[i] for i in positions])
    before = copy.deepcopy(given)
    state = np.random.get_state()
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            if exercise.seed is not None:
                np.random.seed(exercise.seed)
            value = function(*given)
    except Exception as error:
        return Outcome(error=error)
    finally:
        np.random.set_state(state)
    pairs = zip(positions, before, given, strict=True)
    changed = tuple(exercise.arguments[i] for i, old, new in pairs if not unchanged(old, new))
    return Outcome(value, changed=changed)


def parameter_names(function: Callable[..., Any]) -> list[str] | None:
    """Return the names of the positional parameters, or None if they are not known or not limited."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def selected(function: Callable[..., Any], exercise: Exercise) -> list[int]:
    """Return the positions of the exercise's arguments that the function is called with."""
    everything = list(range(len(exercise.arguments)))
    names = parameter_names(function)
    least = exercise.required or len(everything)
    if names is None or not least <= len(names) < len(everything):
        return everything
    if set(names) <= set(exercise.arguments):
        return [exercise.arguments.index(name) for name in names]
    return everything[: len(names)]


def in_another_order(function: Callable[..., Any], exercise: Exercise) -> str:
    """Return the parameters as they are written, if they have the course's names in another order."""
    names = (parameter_names(function) or [])[: len(exercise.arguments)]
    swapped = sorted(names) == sorted(exercise.arguments) and names != list(exercise.arguments)
    return f"({', '.join(names)})" if swapped else ""


def unchanged(old: Any, new: Any) -> bool:
    """Say whether two arguments hold the same numbers."""
    if isinstance(old, Mapping):
        return old.keys() == new.keys() and all(unchanged(old[key], new[key]) for key in old)
    if isinstance(old, tuple | list):
        return len(old) == len(new) and all(map(unchanged, old, new))
    if isinstance(old, np.ndarray):
        return old.shape == new.shape and bool(np.array_equal(old, new))
    return bool(old == new)


def names_used(function: Callable[..., Any]) -> set[str]:
    """Return the global names that a function and the functions inside it use."""
    found: set[str] = set()
    codes = [function.__code__] if isinstance(function, types.FunctionType) else []
    while codes:
        code = codes.pop()
        found |= set(code.co_names)
        codes += [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return found


def with_right_helpers(function: Callable[..., Any], helpers: Mapping[str, Any]) -> Callable[..., Any] | None:
    """Return the function with other helper functions in its globals, or None if it uses none of them."""
    if not isinstance(function, types.FunctionType) or not names_used(function) & helpers.keys():
        return None
    changed = types.FunctionType(
        function.__code__,
        {**function.__globals__, **helpers},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    changed.__kwdefaults__ = function.__kwdefaults__
    return changed
