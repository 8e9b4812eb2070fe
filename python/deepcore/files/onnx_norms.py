"""A layer norm that an ONNX file writes in parts, from the mean to the deviation, becomes one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from deepcore.files.steps import EPSILON, LayerNorm
from deepcore.typing import Array

__all__ = ["Moment", "Spread", "part_of_norm"]


@dataclass(frozen=True)
class Moment:
    """``(a z + b mean(z)) / deviation(z)**power + shift`` of each unit; the mean is that of the units.

    Attributes:
        z: The steps that lead to z.
        a: One number per unit, or one for all; so are ``b`` and ``shift``.
        b: See above.
        shift: See above.
        power: 0 or 1.
        where: The node that made it.
    """

    z: tuple[Any, ...]
    a: Array
    b: Array
    shift: Array
    power: int
    where: str


@dataclass(frozen=True)
class Spread:
    """What leads from ``z - mean(z)`` to the deviation of z.

    Attributes:
        z: The steps that lead to z.
        stage: ``"square"``, ``"variance"``, ``"sum"`` (with epsilon), ``"deviation"`` or ``"inverse"``.
        factor: Of an inverse: one number per unit, or one for all.
        where: The node that made it.
    """

    z: tuple[Any, ...]
    stage: str
    factor: Array
    where: str


_Value: TypeAlias = "Moment | Spread | tuple[Any, ...] | Array"
_ZERO, _ONE = np.zeros(1), np.ones(1)


def part_of_norm(
    operator: str, values: Sequence[_Value], axes: Array | None, where: str
) -> Moment | Spread | tuple[Any, ...] | None:
    """Return what a node makes of parts of a norm: another part, the steps with a norm, or None.

    Args:
        operator: Its operator.
        values: Its inputs in order: parts, steps, and constants that are one number or one per unit.
        axes: The axes of a mean; None: it keeps no dimensions, or there is no mean.
        where: Its name for messages.

    Raises:
        ValueError: If epsilon is not that of deepcore.
    """
    values = [Moment(v, _ONE, _ZERO, _ZERO, 0, where) if isinstance(v, tuple) else v for v in values]
    first, second = (*values, None)[:2]
    found = None
    if operator == "ReduceMean":
        found = _mean(first, axes, where)
    elif len(values) == 1:
        found = _of_one(operator, first, where)
    elif len(values) == 2:
        found = _of_two(operator, first, second, where)
    if isinstance(found, Moment) and found.power == 1 and np.array_equal(found.a, -found.b):
        return (*found.z, LayerNorm(found.a, found.shift, where))
    return found


def _mean(value: Any, axes: Array | None, where: str) -> Moment | Spread | None:
    if axes is None or axes.tolist() not in ([-1], [1]):
        return None
    if isinstance(value, Spread):
        return replace(value, stage="variance", where=where) if value.stage == "square" else None
    plain = isinstance(value, Moment) and value.a is _ONE and value.b is _ZERO and value.shift is _ZERO
    return replace(value, a=_ZERO, b=_ONE, where=where) if plain else None


def _of_one(operator: str, value: Any, where: str) -> Moment | Spread | None:
    if isinstance(value, Moment):
        return _times(value, -_ONE, where) if operator == "Neg" else None
    following = {("Sqrt", "sum"): "deviation", ("Reciprocal", "deviation"): "inverse"}
    stage = following.get((operator, value.stage)) if isinstance(value, Spread) else None
    return None if stage is None else replace(value, stage=stage, where=where)


def _of_two(operator: str, first: Any, second: Any, where: str) -> Moment | Spread | None:
    if operator in ("Add", "Mul") and not isinstance(first, Moment):  # their inputs may change places
        first, second = second, first
    if isinstance(first, Spread) or not isinstance(first, Moment):
        return _of_spread(operator, first, second, where)
    if isinstance(second, Spread):
        return _divided(operator, first, second, where)
    if isinstance(second, Moment):
        if operator == "Mul":
            return _square(first, where) if first is second else None
        return _sum(first, second if operator == "Add" else _times(second, -_ONE, where), operator, where)
    if operator == "Pow":
        return _square(first, where) if second.tolist() == [2] else None
    if operator in ("Add", "Sub"):
        return replace(first, shift=first.shift + (second if operator == "Add" else -second), where=where)
    if operator == "Mul":
        return _times(first, second, where)
    return _times(first, 1 / second, where) if operator == "Div" and second.all() else None


def _of_spread(operator: str, first: Any, second: Any, where: str) -> Spread | None:
    """The variance plus epsilon, and the inverse deviation times a constant."""
    spread, other = (first, second) if isinstance(first, Spread) else (second, first)
    if not isinstance(spread, Spread) or not isinstance(other, np.ndarray):
        return None
    if operator == "Mul" and spread.stage == "inverse":
        return replace(spread, factor=spread.factor * other, where=where)
    if operator != "Add" or spread.stage != "variance" or other.size != 1:
        return None
    if not np.isclose(other[0], EPSILON, rtol=1e-6, atol=0):
        raise ValueError(f"from_onnx: {where}: epsilon must be {EPSILON:g}, got {other[0]:g}")
    return replace(spread, stage="sum", where=where)


def _divided(operator: str, moment: Moment, spread: Spread, where: str) -> Moment | None:
    """A moment by the deviation, or times its inverse."""
    fits = spread.stage == {"Div": "deviation", "Mul": "inverse"}.get(operator)
    if not fits or moment.power or moment.shift.any() or not _same(moment.z, spread.z):
        return None
    return replace(_times(moment, spread.factor, where), power=1)


def _square(moment: Moment, where: str) -> Spread | None:
    centred = (moment.a == 1).all() and (moment.b == -1).all() and not moment.shift.any() and not moment.power
    return Spread(moment.z, "square", _ONE, where) if centred else None


def _sum(first: Moment, second: Moment, operator: str, where: str) -> Moment | None:
    if operator not in ("Add", "Sub") or first.power != second.power or not _same(first.z, second.z):
        return None
    return replace(
        first, a=first.a + second.a, b=first.b + second.b, shift=first.shift + second.shift, where=where
    )


def _times(moment: Moment, factor: Array, where: str) -> Moment:
    return replace(moment, a=moment.a * factor, b=moment.b * factor, shift=moment.shift * factor, where=where)


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
