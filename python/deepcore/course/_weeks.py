"""The exercises of every week, in the order in which they depend on one another."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from deepcore.course import (
    _exercises_course2_week1,
    _exercises_course2_week2,
    _exercises_week2,
    _exercises_week3,
    _exercises_week4,
    course2_week1,
    course2_week2,
    week2,
    week3,
    week4,
)
from deepcore.course._exercise import Exercise

WEEKS: dict[str, tuple[Exercise, ...]] = {
    "week2": _exercises_week2.EXERCISES,
    "week3": _exercises_week3.EXERCISES,
    "week4": _exercises_week4.EXERCISES,
    "course2_week1": _exercises_course2_week1.EXERCISES,
    "course2_week2": _exercises_course2_week2.EXERCISES,
}


MODULES: dict[str, ModuleType] = {
    "week2": week2,
    "week3": week3,
    "week4": week4,
    "course2_week1": course2_week1,
    "course2_week2": course2_week2,
}


def right_helpers(week: str, exercise: Exercise) -> dict[str, Callable[..., Any]]:
    """Return right functions that replace the learner's helpers when a function that calls them is tried.

    They are the exercises' own formulas in NumPy, which stretch arrays as the learner's helpers do, where the
    compiled functions refuse shapes that disagree.
    """
    plain = {e.name: _plain(e) for e in WEEKS[week] if not e.first_only and e.seed is None}
    return {name: plain.get(name) or getattr(MODULES[week], name) for name in exercise.helpers}


def _plain(exercise: Exercise) -> Callable[..., Any]:
    def helper(*arguments: Any, **named: Any) -> Any:
        rest = exercise.arguments[len(arguments) :]
        return exercise.right([*arguments, *(named[name] for name in rest if name in named)])

    return helper
