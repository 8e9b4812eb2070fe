"""What ``fit`` calls once an epoch: any ``callback(record)``; returning True ends the training.

A callback that also has ``on_end(model)`` is told when the run ends, however it ends.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from deepcore.typing import Array

if TYPE_CHECKING:
    from deepcore.model import Model

__all__ = ["EarlyStopping", "EpochRecord", "Progress"]


@dataclass(frozen=True)
class EpochRecord(Mapping[str, float]):
    """One finished epoch: ``record["loss"]``, ``record["val_loss"]``, ...

    Attributes:
        epoch: Number of the epoch within the run, from 0.
        epochs: Number of epochs the run may take.
        numbers: The numbers of this epoch by name.
        model: The model, with its parameters up to date; it may be evaluated but not trained.
    """

    epoch: int
    epochs: int
    numbers: Mapping[str, float]
    model: Model

    def __getitem__(self, name: str) -> float:
        if name not in self.numbers:
            raise KeyError(f"{name!r} is not recorded; there is {', '.join(self.numbers)}")
        return self.numbers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)


class EarlyStopping:
    """Ends the training when ``monitor`` has not improved for ``patience`` epochs.

    Args:
        monitor: What to watch: ``"loss"``, ``"val_loss"``, ``"val_accuracy"``, ... Losses improve downwards,
            accuracies upwards. NaN never counts as better.
        patience: Epochs without improvement that are waited for, at least 1.
        min_delta: Smaller changes do not count as improvement.
        restore_best: Put the best epoch's parameters back when the run ends, however it ends.

    Attributes:
        best: Best value so far.
        best_epoch: Its epoch, from 0; -1 before the first.

    Raises:
        ValueError: if ``patience`` < 1 or ``min_delta`` < 0.
        KeyError: in ``fit``, if ``monitor`` is not recorded.

    Example:
        >>> import deepcore as dc
        >>> dc.EarlyStopping("loss", patience=3)
        EarlyStopping(monitor='loss', patience=3, best=inf at epoch -1)
    """

    def __init__(
        self, monitor: str = "val_loss", patience: int = 10, min_delta: float = 0.0, restore_best: bool = True
    ) -> None:
        if patience < 1:
            raise ValueError(f"EarlyStopping: patience must be at least 1, got {patience}")
        if not min_delta >= 0:
            raise ValueError(f"EarlyStopping: min_delta must not be negative, got {min_delta}")
        self.monitor = monitor
        self.patience = patience
        self.min_delta = min_delta
        self.restore_best = restore_best
        self._upwards = monitor.endswith("accuracy")
        self._reset()

    def _reset(self) -> None:
        self.best = -math.inf if self._upwards else math.inf
        self.best_epoch = -1
        self._parameters: tuple[Array, Array] | None = None

    def __call__(self, record: EpochRecord) -> bool:
        if record.epoch == 0:  # a new run of the same object starts afresh
            self._reset()
        value = record[self.monitor]
        gain = value - self.best if self._upwards else self.best - value
        if gain > self.min_delta:
            self.best, self.best_epoch = value, record.epoch
            if self.restore_best:
                self._parameters = record.model.flat_parameters.copy(), record.model.running.flat.copy()
        return record.epoch - self.best_epoch >= self.patience

    def on_end(self, model: Model) -> None:
        """Put the best parameters back, if asked to."""
        if self._parameters is not None:
            model.flat_parameters[:], model.running.flat[:] = self._parameters
            self._parameters = None

    def __repr__(self) -> str:
        return (
            f"EarlyStopping(monitor={self.monitor!r}, patience={self.patience}, "
            f"best={self.best:.6g} at epoch {self.best_epoch})"
        )


class Progress:
    """One line on a stream, rewritten as epochs finish; what ``fit(verbose=1)`` uses.

    On a terminal the line is rewritten at most ten times a second; elsewhere only the last one is written.

    Args:
        stream: Where to write; None: standard error.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._live = self._stream.isatty()
        self._line = ""
        self._start = time.perf_counter()
        self._written = -math.inf

    def __call__(self, record: EpochRecord) -> bool:
        now = time.perf_counter()
        shown = "  ".join(f"{name} {value:.4f}" for name, value in record.items())
        spent = now - self._start
        left = spent / (record.epoch + 1) * (record.epochs - record.epoch - 1)
        width = len(str(record.epochs))
        line = f"epoch {record.epoch + 1:>{width}}/{record.epochs}  {shown}  {spent:.1f} s, {left:.1f} s left"
        if self._live and now - self._written >= 0.1:
            self._write(line)
            self._written = now
        self._line = line
        return False

    def _write(self, line: str) -> None:
        self._stream.write("\r\x1b[K" + line)  # return to the first column, clear the line
        self._stream.flush()

    def on_end(self, model: Model) -> None:
        """Write the last line and end it."""
        if not self._line:
            return
        if self._live:
            self._write(self._line)
        else:
            self._stream.write(self._line)
        self._stream.write("\n")
        self._stream.flush()
