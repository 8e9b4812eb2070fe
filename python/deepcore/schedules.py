"""Learning-rate schedules: the learning rate as a function of the optimizer step, counted from 0.

Each class is one row of ``catalog.schedules``; calling it evaluates that row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from deepcore import _core

__all__ = ["Constant", "Cosine", "Exponential", "InverseTime", "Schedule", "StepDecay"]


@dataclass(frozen=True)
class Schedule:
    """Base of the schedules; their fields, in order, are the parameters of the native row."""

    learning_rate: float
    _name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        who = type(self).__name__
        if not self._name:
            raise TypeError(
                "Schedule is the base class; use Constant, StepDecay, Exponential, InverseTime, Cosine"
            )
        for name, value in vars(self).items():
            # every and steps are divisors counted in steps; the others are rates and factors
            low = 1 if name in ("every", "steps") else 0
            number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
            if not (number and math.isfinite(value) and value >= low):
                raise ValueError(f"{who}: {name} must be a finite number, at least {low}, got {value!r}")

    def __call__(self, step: int) -> float:
        """The learning rate at optimizer step ``step``, the first step being 0."""
        return self._native()(step)

    def _native(self) -> _core.Schedule:
        return _core.Schedule(self._name, [float(value) for value in astuple(self)])


@dataclass(frozen=True)
class Constant(Schedule):
    """``learning_rate`` at every step.

    Example:
        >>> Constant(0.1)(1000)
        0.1
    """

    _name: ClassVar[str] = "constant"


@dataclass(frozen=True)
class StepDecay(Schedule):
    """``learning_rate * factor ** floor(step / every)``.

    Example:
        >>> StepDecay(1.0, factor=0.5, every=10)(20)
        0.25
    """

    factor: float = 0.1
    every: int = 1000
    _name: ClassVar[str] = "step"


@dataclass(frozen=True)
class Exponential(Schedule):
    """``learning_rate * factor ** step``.

    Example:
        >>> Exponential(1.0, factor=0.5)(3)
        0.125
    """

    factor: float = 0.999
    _name: ClassVar[str] = "exponential"


@dataclass(frozen=True)
class InverseTime(Schedule):
    """``learning_rate / (1 + decay * floor(step / every))``.

    Example:
        >>> InverseTime(0.5, decay=1.0)(1)
        0.25
    """

    decay: float = 1.0
    every: int = 1
    _name: ClassVar[str] = "inverse_time"


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from ``learning_rate`` down to ``final`` over ``steps`` steps, then ``final``.

    Example:
        >>> round(Cosine(1.0, steps=100)(50), 12)
        0.5

    Source: Loshchilov & Hutter (2017), SGDR, equation 5 without restarts.
    """

    steps: int = 1000
    final: float = 0.0
    _name: ClassVar[str] = "cosine"


#: What an optimizer takes as its learning rate: a number, a schedule, or ``step -> rate``.
LearningRate: TypeAlias = float | Schedule | Callable[[int], float]


def native_schedule(learning_rate: LearningRate, steps: int | None, who: str) -> _core.Schedule:
    """The native schedule of a learning rate; a Python function is tabulated over ``steps`` steps.

    Raises:
        ValueError: if a function returns a rate that is negative or not finite, or ``steps`` is not known.
    """
    if isinstance(learning_rate, Schedule):
        return learning_rate._native()
    if not callable(learning_rate):
        return Constant(float(learning_rate))._native()
    if steps is None:
        raise ValueError(
            f"{who}: steps must be given when learning_rate is a function, which is tabulated over the run"
        )
    values = np.fromiter((learning_rate(step) for step in range(steps)), np.float64, steps)
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        step = int(bad.argmax())
        raise ValueError(f"{who}: learning_rate({step}) must be finite and not negative, got {values[step]}")
    return _core.Schedule.table(values)
