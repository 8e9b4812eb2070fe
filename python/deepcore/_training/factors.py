"""Factors by step on a model's rates of dropout and label smoothing, as ``fit`` takes them."""

from __future__ import annotations

from typing import Any

from deepcore import _checks, _core
from deepcore._network.spec import Spec
from deepcore._training import identity
from deepcore.schedules import LearningRate, native_schedule, spanning, spans_the_run

__all__ = ["StepFactors"]


class StepFactors:
    """The schedules of one call of ``fit``.

    Args:
        who: Name of the method that the user called, the head of messages.
        spec: Of the network that is trained; it must have what is scheduled.
        dropout: ``step -> factor`` as a schedule, a function or a number; None: 1.
        smoothing: Likewise.

    Raises:
        TypeError: if a schedule is something else.
        ValueError: if a schedule is given for what the network does not have.
    """

    def __init__(
        self, who: str, spec: Spec, dropout: LearningRate | None = None, smoothing: LearningRate | None = None
    ) -> None:
        dropped = spec.input_dropout or any(layer.dropout for layer in spec.layers)
        there = {"dropout": (dropout, dropped), "smoothing": (smoothing, spec.label_smoothing)}
        self._given: dict[str, LearningRate] = {}
        for name, (schedule, has) in there.items():
            if schedule is None:
                continue
            if not callable(schedule):
                _checks.number(who, f"{name}_schedule", schedule)
            if not has:
                missing = {"dropout": "dropout", "smoothing": "label smoothing"}[name]
                raise ValueError(f"{who}: {name}_schedule must be None for a model without {missing}")
            self._given[name] = schedule

    def __bool__(self) -> bool:
        return bool(self._given)

    def native(self, steps: int) -> dict[str, _core.Schedule]:
        """Return the native schedules of a run that ends before step ``steps``.

        A schedule without ``steps`` spans all steps of the optimizer up to there.
        """
        return {
            name: native_schedule(spanning(schedule, steps), steps, [], f"{name}_schedule")
            for name, schedule in self._given.items()
        }

    def described(self, steps: int) -> dict[str, Any]:
        """The schedules, so that they can be compared as far as step ``steps``."""
        return {f"{name}_schedule": identity.of_rate(rate, steps) for name, rate in self._given.items()}

    def spanning_name(self) -> str:
        """The name of a schedule that spans the run, or ``""``."""
        return next((f"{name}_schedule" for name, rate in self._given.items() if spans_the_run(rate)), "")
