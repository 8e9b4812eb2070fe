"""Name of a course function -> adapter, which translates arguments and calls deepcore's public functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course import (
    adapters_course2,
    adapters_data,
    adapters_notes,
    adapters_week2,
    adapters_week3,
    adapters_week4,
)

# The same name means different things in different weeks, so the week is asked first.
BY_UNIT: dict[str, dict[str, Callable[..., Any]]] = {
    "c1w2": adapters_week2.ADAPTERS | {"cat_preprocess": adapters_data.cat_preprocess},
    "c1w3": adapters_week3.ADAPTERS | {"flower_dataset": adapters_data.flower_dataset},
    "c1w4": adapters_week4.ADAPTERS,
    "seed": adapters_notes.ADAPTERS,
    "c2w1": adapters_course2.ADAPTERS,
    "c2w2": adapters_course2.ADAPTERS,
    "data": adapters_data.ADAPTERS,
}


def find(unit: str, function: str) -> Callable[..., Any]:
    """The adapter of a function of a unit (``c1w3`` is course 1, week 3; ``seed`` the notes themselves)."""
    if function in BY_UNIT.get(unit, {}):
        return BY_UNIT[unit][function]
    for others in BY_UNIT.values():
        if function in others:
            return others[function]
    raise AssertionError(
        f"no adapter for the function {function!r} of unit {unit!r}; write one in tests/course"
    )
