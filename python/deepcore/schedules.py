"""Schedules give a rate for each step of the optimizer, counted from 0: the learning rate or another one.

``Cosine`` and the like without ``steps`` span the whole run of ``fit``. If the same optimizer state is used
for another run, the schedule goes on if that run still fits into its span; otherwise the new run starts it
again.

Each class is one row of ``catalog.schedules``, and ``Warmup`` goes before any of them; calling one evaluates
it. What acts on a recorded number, between epochs, is a callback: ``deepcore.ReduceOnPlateau``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, TypeAlias

import numpy as np

from deepcore import _core
from deepcore._checks import is_number, shown
from deepcore._keywords import checked_class

__all__ = [
    "Constant",
    "CosLog4",
    "Cosine",
    "Exponential",
    "FlatCosine",
    "InverseTime",
    "OneCycle",
    "Schedule",
    "StepDecay",
    "Warmup",
]

# Parameters that divide: counts of steps, and ratios of rates.
_AT_LEAST_ONE = frozenset({"every", "steps", "div", "final_div"})


@dataclass(frozen=True)
class Schedule:
    """The base class of the schedules; their fields are the parameters of the native row, in order."""

    learning_rate: float
    name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        who = type(self).__name__
        if not self.name:
            raise TypeError(f"Schedule is the base class; use one of {', '.join(__all__)}")
        for name, value in vars(self).items():
            low = 1 if name in _AT_LEAST_ONE else 0
            if name == "steps" and value is None:
                continue
            if not (is_number(value) and value >= low):
                raise ValueError(f"{who}: {name} must be a finite number, at least {low}, got {shown(value)}")

    def __call__(self, step: int) -> float:
        """The learning rate at optimizer step ``step``, the first step being 0.

        Raises:
            ValueError: if the schedule has no ``steps``, or grows beyond the largest number.
        """
        if spans_the_run(self):
            raise ValueError(
                f"{type(self).__name__}: steps must be given to ask for the rate of a step; without steps "
                "the schedule spans the run of fit"
            )
        rate = self.native()(step)
        if not math.isfinite(rate):
            raise ValueError(f"{type(self).__name__}: the rate must be finite, got {rate} at step {step}")
        return rate

    def native(self) -> _core.Schedule:
        """The native schedule."""
        return _core.Schedule(self.name, [float(getattr(self, f.name)) for f in fields(self)])


@checked_class
@dataclass(frozen=True)
class Constant(Schedule):
    """``learning_rate`` at every step.

    Args:
        learning_rate: The rate, at least 0.

    Example:
        >>> Constant(0.1)(1000)
        0.1
    """

    name: ClassVar[str] = "constant"


@checked_class
@dataclass(frozen=True)
class StepDecay(Schedule):
    """``learning_rate * factor ** floor(step / every)``.

    Args:
        learning_rate: The rate that the schedule starts from, at least 0.
        factor: What the rate is multiplied by, at least 0.
        every: Number of steps of the optimizer, not of epochs, after which that happens.

    Example:
        >>> StepDecay(1.0, factor=0.5, every=10)(20)
        0.25
    """

    factor: float = 0.1
    every: int = field(kw_only=True)
    name: ClassVar[str] = "step"


@checked_class
@dataclass(frozen=True)
class Exponential(Schedule):
    """``learning_rate * factor ** step``.

    Args:
        learning_rate: The rate that the schedule starts from, at least 0.
        factor: What the rate is multiplied by after every step of the optimizer, at least 0.

    Example:
        >>> Exponential(1.0, factor=0.5)(3)
        0.125
    """

    factor: float = 0.999
    name: ClassVar[str] = "exponential"


@checked_class
@dataclass(frozen=True)
class InverseTime(Schedule):
    """``learning_rate / (1 + decay * floor(step / every))``.

    Args:
        learning_rate: The rate that the schedule starts from, at least 0.
        decay: How fast it falls, at least 0.
        every: Number of steps of the optimizer during which the rate stays the same.

    Example:
        >>> InverseTime(0.5, decay=1.0)(1)
        0.25
    """

    decay: float = 1.0
    every: int = 1
    name: ClassVar[str] = "inverse_time"


@checked_class
@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from ``learning_rate`` down to ``final`` over ``steps`` steps, then ``final``.

    Args:
        learning_rate: The rate that the schedule starts from, at least 0.
        steps: Length in steps of the optimizer, not in epochs. None: the whole run of ``fit``.
        final: The rate at the end, at least 0.

    Example:
        >>> round(Cosine(1.0, steps=100)(50), 12)
        0.5

    Source: Loshchilov & Hutter (2017), SGDR, equation 5 without restarts.
    """

    steps: int | None = None
    final: float = 0.0
    name: ClassVar[str] = "cosine"


@checked_class
@dataclass(frozen=True)
class OneCycle(Schedule):
    """Half a cosine up to ``learning_rate``, then half a cosine down to almost nothing, over ``steps`` steps.

    It starts at ``learning_rate / div``, has its peak after ``rise * steps`` steps, and ends at
    ``learning_rate / (div * final_div)``, which then stays.

    Args:
        learning_rate: The highest rate, at least 0.
        steps: Length in steps of the optimizer, not in epochs. None: the whole run of ``fit``.
        rise: Share of the steps before the peak, from 0 to 1.
        div: The first rate is ``learning_rate / div``.
        final_div: The last rate is the first one divided by this number.

    Example:
        >>> cycle = OneCycle(1.0, steps=100)
        >>> round(cycle(0), 12), cycle(29)
        (0.04, 1.0)

    Source: Smith & Topin (2018), in the variant of ``torch.optim.lr_scheduler.OneCycleLR``, the momentum
        being left alone.
    """

    steps: int | None = None
    rise: float = 0.3
    div: float = 25.0
    final_div: float = 1e4
    name: ClassVar[str] = "one_cycle"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rise > 1:
            raise ValueError(f"OneCycle: rise must be a fraction from 0 to 1, got {self.rise!r}")


@checked_class
@dataclass(frozen=True)
class FlatCosine(Schedule):
    """``learning_rate`` for the first half of ``steps``, then half a cosine down to 0, which stays.

    With s = step / steps it is ``learning_rate`` for s < 1/2, then
    ``learning_rate * (1 + cos(2 pi (s - 1/2))) / 2``.

    Args:
        learning_rate: The highest rate, at least 0.
        steps: Length in steps of the optimizer, not in epochs. None: the whole run of ``fit``.

    Example:
        >>> schedule = FlatCosine(1.0, steps=100)
        >>> schedule(49), round(schedule(75), 12), schedule(100)
        (1.0, 0.5, 0.0)

    Source: ``flat_cos`` of pytabkit (Holzmueller, Grinsztajn & Steinwart 2024), for dropout and weight decay.
    """

    steps: int | None = None
    name: ClassVar[str] = "flat_cosine"


@checked_class
@dataclass(frozen=True)
class CosLog4(Schedule):
    """Four waves from 0 up to ``learning_rate`` and back, each about twice as long as the one before.

    With s = step / steps it is ``learning_rate * (1 - cos(2 pi log2(1 + 15 s))) / 2``. The first step has
    the rate 0: no parameter moves, but the moments of the optimizer do.

    Args:
        learning_rate: The highest rate, at least 0.
        steps: Length in steps of the optimizer, not in epochs. None: the whole run of ``fit``.

    Example:
        >>> schedule = CosLog4(1.0, steps=1500)
        >>> schedule(0), round(schedule(100), 12), round(schedule(700), 3)
        (0.0, 0.0, 0.0)

    Source: Holzmueller, Grinsztajn & Steinwart (2024), "Better by Default", section 3.
    """

    steps: int | None = None
    name: ClassVar[str] = "coslog4"


@dataclass(frozen=True)
class Warmup(Schedule):
    """A line from ``start`` times the first rate up to it, over ``steps`` steps; then ``learning_rate``.

    ``learning_rate`` is a number, another schedule, or a function; its own step 0 is step ``steps``. A
    schedule that has no ``steps`` of its own spans what the warm-up leaves of the run.

    Args:
        learning_rate: A number, another schedule, or a function of the step.
        steps: Length of the warm-up in steps of the optimizer.
        start: Factor on the first rate at the start, from 0 to 1.

    Example:
        >>> schedule = Warmup(Cosine(1.0, steps=100), steps=10, start=0.5)
        >>> schedule(0), schedule(5), schedule(10), round(schedule(60), 12)
        (0.5, 0.75, 1.0, 0.5)

    Source: Goyal et al. (2017), section 2.2; torch's ``LinearLR`` followed by another in ``SequentialLR``.
    """

    learning_rate: LearningRate  # type: ignore[assignment]
    steps: int = 100
    start: float = 0.01
    name: ClassVar[str] = "warmup"

    def __post_init__(self) -> None:
        rate = self.learning_rate
        if isinstance(rate, Warmup):
            raise TypeError("Warmup: learning_rate must be a number, a function or another schedule")
        if not callable(rate) and not (is_number(rate) and rate >= 0):
            raise ValueError(f"Warmup: learning_rate must be finite and not negative, got {shown(rate)}")
        if isinstance(self.steps, bool) or not isinstance(self.steps, (int, np.integer)):
            raise ValueError(f"Warmup: steps must be a whole number, got {shown(self.steps)}")
        if not 1 <= self.steps < 2**31:
            raise ValueError(f"Warmup: steps must be at least 1 and below 2**31, got {shown(self.steps)}")
        if not (is_number(self.start) and 0 <= self.start <= 1):
            raise ValueError(f"Warmup: start must be a factor from 0 to 1, got {shown(self.start)}")

    def __call__(self, step: int) -> float:
        """The learning rate at optimizer step ``step``, the first step being 0."""
        after = self.learning_rate
        if isinstance(after, Schedule) and spans_the_run(after):
            return after(step)  # which says that steps must be given
        if callable(after) and not isinstance(after, Schedule):
            after = Constant(after(max(step - self.steps, 0)))
        return self.around(native_schedule(after, 0, []))(step)

    def around(self, after: _core.Schedule) -> _core.Schedule:
        """The native schedule of this warm-up, followed by ``after``."""
        return _core.Schedule.warmup(after, int(self.steps), float(self.start))


#: What an optimizer takes as its learning rate: a number, a schedule, or ``step -> rate``.
LearningRate: TypeAlias = float | Schedule | Callable[[int], float]


def native_schedule(
    learning_rate: LearningRate, steps: int, table: list[float], what: str = "learning_rate"
) -> _core.Schedule:
    """The native schedule of a learning rate or another rate, for a run that ends before step ``steps``.

    Args:
        learning_rate: A number, a schedule or a function of the step.
        steps: Length of the run, from the optimizer's first step on; needed for functions only.
        table: What a function was found to return, step by step; it is extended as far as needed.
        what: Name of the argument that holds the schedule, for messages.

    Raises:
        ValueError: if a function returns a rate that is negative or not finite.
    """
    if isinstance(learning_rate, Warmup):
        after = native_schedule(learning_rate.learning_rate, max(steps - learning_rate.steps, 1), table, what)
        return learning_rate.around(after)
    if isinstance(learning_rate, Schedule):
        return learning_rate.native()
    if not callable(learning_rate):
        return Constant(float(learning_rate)).native()
    for step in range(len(table), max(steps, 1)):
        rate = learning_rate(step)
        if not (is_number(rate) and rate >= 0):
            raise ValueError(f"schedule: {what}({step}) must be finite and not negative, got {shown(rate)}")
        table.append(float(rate))
    return _core.Schedule.table(np.array(table))


def spans_the_run(learning_rate: object) -> bool:
    """Return whether a learning rate is, or warms up to, a schedule without ``steps``."""
    if isinstance(learning_rate, Warmup):
        return spans_the_run(learning_rate.learning_rate)
    return isinstance(learning_rate, Schedule) and getattr(learning_rate, "steps", 0) is None


def spanning(learning_rate: LearningRate, steps: int) -> LearningRate:
    """Return the learning rate for a run of ``steps`` steps: a schedule without ``steps`` gets them."""
    if not spans_the_run(learning_rate):
        return learning_rate
    if isinstance(learning_rate, Warmup):
        rest = max(steps - learning_rate.steps, 1)
        return replace(learning_rate, learning_rate=spanning(learning_rate.learning_rate, rest))
    return replace(learning_rate, steps=max(steps, 1))  # type: ignore[type-var]


def is_tabulated(learning_rate: object) -> bool:
    """Return whether a learning rate is, or warms up to, a Python function, which needs a table."""
    if isinstance(learning_rate, Warmup):
        return is_tabulated(learning_rate.learning_rate)
    return callable(learning_rate) and not isinstance(learning_rate, Schedule)
