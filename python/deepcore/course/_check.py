"""Homework: find the first wrong function, array and element, and say the likely cause in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from deepcore.course import _calls
from deepcore.course._compare import Difference
from deepcore.course._exercise import Exercise
from deepcore.course._trial import Trial
from deepcore.course._weeks import WEEKS, right_helpers

__all__ = ["Check", "check", "exercises"]


@dataclass(frozen=True)
class Check:
    """Result of ``check``.

    Attributes:
        week: Name of the week.
        ok: Whether every function that was found is right.
        function: Name of the first wrong function; None if all are right.
        array: Name of the first wrong array of its result.
        element: Index of the first wrong element; None if the shape, the type or the form is wrong.
        expected: The right value of the element, or the right shape.
        got: The value or shape that the function gave.
        cause: The likely mistake, in words.
        passed: Names of the functions that are right.
        missing: Names of the functions of the week that were not given.
        remarks: Sentences about functions that are right but can be improved.
    """

    week: str
    ok: bool
    function: str | None = None
    array: str | None = None
    element: tuple[int, ...] | None = None
    expected: Any = None
    got: Any = None
    cause: str = ""
    passed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.ok

    def _lines(self) -> list[tuple[str, str]]:
        lines = [("wrong function", self.function or "none")]
        if not self.ok:
            lines += [("array", self.array or "-")]
            if self.element is not None:
                lines += [
                    ("element", f"[{', '.join(map(str, self.element))}]" if self.element else "the number")
                ]
            lines += [
                ("expected", _written(self.expected)),
                ("got", _written(self.got)),
                ("likely cause", self.cause),
            ]
        lines += [("right", ", ".join(self.passed) or "none")]
        if self.ok and self.missing:
            lines += [("not given", ", ".join(self.missing))]
        return lines + [("remark", remark) for remark in self.remarks]

    def __str__(self) -> str:
        title = f"{self.week}: {'all right' if self.ok else f'{self.function} is wrong'}"
        rows = self._lines()[1:] if self.ok else self._lines()
        return "\n".join([title, *(f"  {name + ':':<15} {value}" for name, value in rows)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        color, mark = ("#0072b2", "all right") if self.ok else ("#d55e00", f"{self.function} is wrong")
        rows = self._lines()[1:] if self.ok else self._lines()
        body = "".join(
            f'<tr style="text-align:left"><th>{escape(name)}</th><td>{escape(value)}</td></tr>'
            for name, value in rows
        )
        return f'<p style="color:{color}"><b>{escape(self.week)}: {escape(mark)}</b></p><table>{body}</table>'


def _written(value: Any) -> str:
    return f"{value:.8g}" if isinstance(value, float) else str(value)


def check(week: str | int, functions: Any = None, **named: Callable[..., Any]) -> Check:
    """Check the functions of a week's notebook and explain the first mistake.

    Helper functions come before the functions that call them. Every function is called with right arguments
    and, if it fails with the learner's helper functions, with right ones: it is not blamed for a helper.

    Args:
        week: ``"week2"``, ``"week3"``, ``"week4"``, ``"course2_week1"`` or ``"course2_week2"``; 2, 3 and 4
            are the weeks of course 1.
        functions: A dictionary of functions by their names in the course, a module or other object with these
            attributes, or one function. ``globals()`` checks what a notebook has defined so far.
        named: Functions by name: ``check("week4", linear_forward=mine)``.

    Returns:
        A ``Check``; it is true if all functions are right.

    Raises:
        ValueError: If the week is unknown, or no function of the week was given.

    Example:
        >>> import numpy as np
        >>> def sigmoid(z):
        ...     return 1 / (1 + np.exp(z))
        >>> print(check("week2", {"sigmoid": sigmoid}).cause)
        Wrong sign in the exponent: it is exp(-z); a minus sign is missing.
    """
    name = _week_name("check", week)
    given = _by_name(functions) | named
    known = WEEKS[name]
    found = {n: e for e in known for n in (e.name, *e.aliases) if _is_meant(e, given.get(n))}
    if not found:
        names = ", ".join(exercises(name))
        raise ValueError(f"check: no function of {name} was given; its functions are {names}")
    passed: list[str] = []
    remarks: list[str] = []
    missing = tuple(e.name for e in known if e not in found.values())
    for as_given, exercise in found.items():
        verdict = _judge(name, exercise, given[as_given], as_given)
        if isinstance(verdict, tuple):
            function, d = verdict
            wrong = d.array, d.element, d.expected, d.got, d.cause
            return Check(name, False, function, *wrong, tuple(passed), missing, tuple(remarks))
        passed.append(as_given)
        remarks += [verdict] if verdict else []
    return Check(name, True, passed=tuple(passed), missing=missing, remarks=tuple(remarks))


def exercises(week: str | int) -> tuple[str, ...]:
    """Return the names of the functions of a week that ``check`` knows, helper functions first.

    Example:
        >>> exercises("week3")[:3]
        ('sigmoid', 'layer_sizes', 'initialize_parameters')
    """
    return tuple(exercise.name for exercise in WEEKS[_week_name("exercises", week)])


def _week_name(who: str, week: str | int) -> str:
    name = str(week).strip().lower().replace(" ", "").removeprefix("c1w")
    name = f"week{name}" if name.isdigit() else name.replace("c2w", "course2_week")
    if name not in WEEKS:
        raise ValueError(f"{who}: week must be one of {', '.join(WEEKS)}, got {week!r}")
    return name


def _is_meant(exercise: Exercise, function: Any) -> bool:
    """Whether a function is the one of the exercise: one name can stand for two functions of a course."""
    names = tuple(_calls.parameter_names(function) or ()) if callable(function) else None
    return names is not None and names[: len(exercise.only_if)] == exercise.only_if


def _by_name(functions: Any) -> dict[str, Any]:
    if functions is None:
        return {}
    if isinstance(functions, Mapping):
        return dict(functions)
    if callable(functions) and hasattr(functions, "__name__") and not isinstance(functions, type):
        return {functions.__name__: functions}
    return {name: getattr(functions, name) for name in dir(functions) if not name.startswith("__")}


def _judge(
    week: str, exercise: Exercise, function: Callable[..., Any], as_given: str
) -> tuple[str, Difference] | str:
    """Return the name of the wrong function and its difference; or a remark, empty if there is none."""
    trial = Trial(exercise, function)
    if trial.right:
        return trial.remark
    helpers = right_helpers(week, exercise)
    helped = _calls.with_right_helpers(function, helpers)
    if helped is not None:
        again = Trial(exercise, helped)
        if again.right:
            blamed = _wrong_helper(week, exercise, function)
            used = function.__globals__ if hasattr(function, "__globals__") else {}
            if blamed or not any(name in used for name in _calls.names_used(function) & helpers.keys()):
                return blamed or again.remark
        elif not all(outcome.error for outcome in again.outcomes):
            trial = again
    return as_given, trial.explained()


def _wrong_helper(week: str, exercise: Exercise, function: Any) -> tuple[str, Difference] | None:
    used = _calls.names_used(function)
    for other in WEEKS[week]:
        helper = function.__globals__.get(other.name) if other.name in exercise.helpers else None
        if callable(helper) and other.name in used and helper is not function:
            verdict = _judge(week, other, helper, other.name)
            if isinstance(verdict, tuple):
                return verdict
    return None
