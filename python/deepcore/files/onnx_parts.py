"""Activations that an ONNX file writes in several nodes become one step.

Every tensor of the graph is a tuple of steps that leads to it from the input. Parts of activations, such as
``Erf``, stand in it too until the activation is whole; a part that remains alone in the end is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from deepcore.files.steps import Activation, Affine, Linear
from deepcore.typing import Array

__all__ = [
    "CLIPS",
    "Above",
    "Abs",
    "Bounded",
    "Change",
    "Erf",
    "appended",
    "chosen",
    "joined",
    "settled",
    "two_classes",
    "units",
]

#: Activations by the limits of their clipping.
CLIPS = {(-1.0, 1.0): "hard_tanh", (0.0, 6.0): "relu6", (0.0, math.inf): "relu"}
_ROOT_HALF = math.sqrt(0.5)


class Erf(NamedTuple):
    """The error function: part of a gelu that is written with several nodes."""

    where: str


class Abs(NamedTuple):
    """The absolute value: part of a softsign that is written with several nodes."""

    where: str


class Above(NamedTuple):
    """Whether a number is above a limit: part of PyTorch's softplus."""

    limit: float
    where: str


class Bounded(NamedTuple):
    """max and min with numbers, one after the other, which become an activation in the end."""

    low: float
    high: float
    where: str


class Change(NamedTuple):
    """``(g(z) - z) * alpha``: part of a parametric activation."""

    activation: Activation
    alpha: Array | None
    where: str


def _one_settled(step: Any) -> Any:
    """A step of a layer: bounds become an activation, and other parts have remained alone."""
    name = CLIPS.get((step.low, step.high)) if isinstance(step, Bounded) else None
    if name is not None:
        return Activation(name, where=step.where)
    if isinstance(step, Erf | Change | Abs | Above | Bounded):
        raise ValueError(f"from_onnx: {step.where} is not part of a chain of dense layers")
    return step


def settled(steps: Sequence[Any]) -> list[Any]:
    """Return the steps of layers: bounds and relu6(z + 3) / 6, which Keras writes, become activations.

    Raises:
        ValueError: If another part has remained alone; the message names its node.
    """
    return _with_hard_sigmoids([_one_settled(step) for step in steps])


def _with_hard_sigmoids(steps: list[Any]) -> list[Any]:
    for i in range(len(steps) - 2):
        before, middle, behind = steps[i : i + 3]
        sixth = _is_factor(behind) and np.allclose(behind.factor, 1 / 6, rtol=1e-6)
        relu6 = isinstance(middle, Activation) and middle.name == "relu6"
        if relu6 and middle.alpha is None and _adds(before, 3) and sixth:
            found = Activation("hard_sigmoid", where=behind.where)
            return [*steps[:i], found, *_with_hard_sigmoids(steps[i + 3 :])]
    return steps


def units(before: Sequence[Any]) -> int | None:
    """Return the number of units of the last linear layer; None if there is none."""
    return next((len(step.b) for step in reversed(before) if isinstance(step, Linear)), None)


def appended(before: tuple[Any, ...], found: list[Any]) -> tuple[Any, ...]:
    """Return the steps with more behind them; factors behind an activation are multiplied, 1 is left out."""
    if before and isinstance(before[-1], Bounded) and isinstance(found[0], Bounded):
        (low, high, _), (least, most, where) = before[-1], found[0]
        return (*before[:-1], Bounded(max(low, least), min(high, most), where))
    behind = len(before) > 1 and isinstance(before[-2], Activation) and isinstance(before[-1], Affine)
    if behind and isinstance(found[0], Affine):
        both = before[-1].followed_by(found[0])
        return (*before[:-1], *([] if both.is_identity else [both]))
    return (*before, *found)


def joined(operator: str, tensors: list[Any], where: str) -> tuple[Any, ...] | None:
    """Return what two tensors of the chain become: z sigmoid(z) and its like."""
    if len(tensors) != 2:
        return None
    short, long = sorted(tensors, key=len)
    same = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a is not b), len(short))
    if same < len(short):
        found = _branches(operator, short[same:], long[same:], where)
        return None if found is None else (*short[:same], *found)
    if len(short) == len(long):
        return None
    rest = long[len(short) :]
    if operator == "Mul":
        found = _times(rest, where)
        return None if found is None else (*short, *found)
    one = len(rest) == 1
    if operator == "Div" and tensors[1] is long and len(rest) == 2 and isinstance(rest[0], Abs):
        return (*short, Activation("softsign", where=where)) if _adds(rest[1], 1) else None
    if operator == "Sub" and tensors[0] is long and one and isinstance(rest[0], Activation):
        return (*short, Change(rest[0], None, where))
    changed = isinstance(rest[0], Change) and len(rest) == 2 and isinstance(rest[1], Change)
    if operator == "Add" and changed:
        activation = rest[0].activation
        return (*short, Activation(activation.name, activation.parameter, rest[1].alpha, where))
    return None


def two_classes(tensors: list[Any]) -> tuple[Any, ...] | None:
    """Return p for the columns 1 - p and p of one sigmoid output, which scikit-learn has."""
    if len(tensors) != 2 or len(tensors[0]) != len(tensors[1]) + 1 or not tensors[1]:
        return None
    (*before, rest), p = tensors
    same = all(a is b for a, b in zip(before, p, strict=True))
    sigmoid = isinstance(p[-1], Activation) and p[-1].name == "sigmoid"
    flipped = isinstance(rest, Affine) and (rest.factor == -1).all() and (rest.shift == 1).all()
    return tuple(p) if same and sigmoid and flipped and units(p) == 1 else None


def _branches(operator: str, short: tuple[Any, ...], long: tuple[Any, ...], where: str) -> list[Any] | None:
    """Two functions of one z: (z / 2) (1 + erf(z / sqrt(2))), or max(z, 0) - slope max(-z, 0)."""
    if operator == "Mul" and len(short) == 1 and _is_factor(short[0]):
        found = _times(long, where)
        return None if found is None else [*found[:-1], *appended(tuple(found[-1:]), [short[0]])]
    relus = [isinstance(step, Activation) and step.name == "relu" for step in (short[0], *long[1:2])]
    if operator == "Add" and len(short) == 1 and len(long) == 3 and relus == [True, True]:
        negated, factor = long[0], long[2]
        if _is_factor(negated) and _is_factor(factor) and (negated.factor == -1).all():
            return [Activation("relu", alpha=1 + factor.factor, where=where)]
    return None


def chosen(tensors: list[Any]) -> tuple[Any, ...] | None:
    """Return softplus for z above a limit and softplus(beta z) / beta below it, as PyTorch writes it."""
    if len(tensors) != 3 or not tensors[0]:
        return None
    condition, z, curve = tensors
    inner, above = condition[:-1], condition[-1]  # beta z, and whether it is above the limit
    if not (isinstance(above, Above) and above.limit >= 15):  # then both differ by less than exp(-15)
        return None
    if not _begins(inner, z) or not _begins(curve, inner):
        return None
    scale, rest = inner[len(z) :], curve[len(inner) :]
    if not rest or not isinstance(rest[0], Activation) or rest[0].name != "softplus":
        return None
    factors = [*scale, *rest[1:]]
    if factors and not (len(factors) == 2 and len(scale) == 1 and all(map(_is_factor, factors))):
        return None
    product = math.prod(step.factor for step in factors)
    return tuple(curve) if np.allclose(product, 1, rtol=1e-6) else None


def _begins(long: Sequence[Any], short: Sequence[Any]) -> bool:
    """Whether a chain begins with all steps of another one."""
    return len(short) <= len(long) and all(a is b for a, b in zip(short, long, strict=False))


def _adds(step: Any, number: float) -> bool:
    """Whether a step adds a number and does nothing else."""
    plain = isinstance(step, Affine) and (step.factor == 1).all()
    return plain and bool((step.shift - step.centre == number).all())


def _is_factor(step: Any) -> bool:
    return isinstance(step, Affine) and not step.centre.any() and not step.shift.any()


def _times(rest: tuple[Any, ...], where: str) -> list[Any] | None:
    """z times a function of z."""
    names = [step.name if isinstance(step, Activation) else "" for step in rest]
    if names == ["sigmoid"]:
        return [Activation("silu", where=where)]
    if names == ["softplus", "tanh"]:
        return [Activation("mish", where=where)]
    inner = [step for step in rest if isinstance(step, Affine)]
    if len(rest) in (3, 4) and isinstance(rest[1], Erf) and len(inner) == len(rest) - 1:
        total = inner[1] if len(inner) == 2 else inner[1].followed_by(inner[2])  # scale (1 + erf)
        scale = total.factor
        if np.allclose(inner[0].factor, _ROOT_HALF, rtol=1e-6) and np.allclose(total.shift, scale):
            return [Activation("gelu", where=where), Affine(np.zeros(1), 2 * scale, np.zeros(1), where)]
    return None
