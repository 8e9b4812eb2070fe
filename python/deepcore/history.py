"""History: what a training run recorded, one value per epoch of each number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["History"]


class History(Mapping[str, list[float]]):
    """``history["loss"]`` and the other series of a run: lists with one number for each finished epoch.

    Attributes:
        diverged_at_step: Step of the first non-finite loss, counted from 0 by the optimizer, or the step
            after the last one if that left parameters that are not finite; None if there was neither. The
            parameters are those before that step.
        diverged_at_layer: The first layer whose parameters, Z or A are no longer finite; the last one where
            only the loss is not; None if nothing diverged.
    """

    def __init__(self) -> None:
        self._series: dict[str, list[float]] = {"loss": []}
        self.diverged_at_step: int | None = None
        self.diverged_at_layer: int | None = None

    def append(self, values: Mapping[str, float]) -> None:
        """Record the numbers of one finished epoch."""
        for name, value in values.items():
            self._series.setdefault(name, []).append(float(value))

    @property
    def epochs(self) -> int:
        """Number of finished epochs."""
        return len(self._series["loss"])

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, ready for JSON or a data frame."""
        return {name: list(values) for name, values in self._series.items()}

    def __getitem__(self, name: str) -> list[float]:
        if name not in self._series:
            raise KeyError(f"{name!r} was not recorded; there is {', '.join(self._series)}")
        return self._series[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._series)

    def __len__(self) -> int:
        return len(self._series)

    def __repr__(self) -> str:
        last = "".join(f", {name} {values[-1]:.6g}" for name, values in self._series.items() if values)
        diverged = ""
        if self.diverged_at_step is not None:
            diverged = f", diverged at step {self.diverged_at_step} in layer {self.diverged_at_layer}"
        return f"History({self.epochs} epochs{last}{diverged})"
