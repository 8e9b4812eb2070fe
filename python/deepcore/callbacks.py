"""``fit`` calls each callback as ``callback(record)`` after every epoch; returning True ends the training.

A callback that also has ``on_start(model)`` is told when the run starts, one that has ``on_end(model)`` when
it ends, however it ends. One that has ``on_poll()`` is asked several times per second within an epoch, and
ends the training there by returning True. Those that draw progress are in ``deepcore.progress``.

One that has ``next_epoch(epoch)`` returns the number of the next epoch after which it must be called; ``fit``
asks after each of its calls. If all callbacks have it, ``fit`` leaves out the calls in between, which take
longer than an epoch of a small network. It is always called after the first epoch and after the last one, and
after every epoch in other trainings and in those with metrics, validation data, a group or an ``on_poll``.

One that has ``on_run(start)`` gets a ``RunStart`` before the first step of ``fit``: the examples, the network
and the settings of the run.

A callback that has both ``state()`` and ``set_state(state)`` takes part in a ``Checkpoint``: what ``state``
returns is saved, and given to ``set_state`` after ``on_start`` when the run goes on. A state is a dict of
numbers, text, None, lists, dicts and NumPy arrays.

The threads of NumPy's BLAS stay awake for a tenth of a second after a large ``a @ b``, ``np.dot`` or
``np.linalg.norm``, and take that time from the next epochs. If a callback calls these often, start the
program with the environment variable ``OPENBLAS_NUM_THREADS=1``.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepcore import _checks, metrics
from deepcore._keywords import checked_class
from deepcore._network.examples import Examples
from deepcore._network.network import Network, Snapshot
from deepcore.exceptions import UnknownNameError
from deepcore.history import History
from deepcore.optimizers import LBFGS, OptimizerState
from deepcore.typing import Trained

__all__ = [
    "Checkpoint",
    "EarlyStopping",
    "EpochRecord",
    "MaxSeconds",
    "ReduceOnPlateau",
    "RunStart",
    "Stopped",
    "listening",
    "next_epoch",
    "polling",
    "refuse_what_cannot_be_called",
    "stops",
]


@dataclass(frozen=True)
class EpochRecord(Mapping[str, float]):
    """What callbacks get after an epoch: ``record["loss"]``, ``record["val_loss"]`` and so on.

    Attributes:
        epoch: Number of the epoch (of L-BFGS: the iteration) within the run, from 0.
        epochs: Number of epochs the run may take.
        numbers: The numbers of this epoch by name.
        model: The model, with its parameters up to date; it may be evaluated but not trained.
        optimizer: The state that steps it, with its ``learning_rate``; None for L-BFGS, which has none.
    """

    epoch: int
    epochs: int
    numbers: Mapping[str, float]
    model: Trained
    optimizer: OptimizerState | None = None

    def __getitem__(self, name: str) -> float:
        if name not in self.numbers:
            raise UnknownNameError(
                f"{_checks.shown(name)} is not recorded; there is {_checks.first_names(list(self.numbers))}"
            )
        return self.numbers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True)
class RunStart:
    """What a callback that has ``on_run`` gets before the first step; it must not change anything in it.

    Attributes:
        network: The network, with its first parameters.
        data: The training examples, checked.
        validation: The validation examples; None if there are none, or they come from a stream.
        optimizer: The state that will step the network, or ``LBFGS()``.
        epochs: Number of epochs the run may take.
        batch_size: Number of examples per step.
        shuffle: Whether every epoch draws a new order.
        history: The history that the run fills.
    """

    network: Network
    data: Examples
    validation: Examples | None
    optimizer: OptimizerState | LBFGS
    epochs: int
    batch_size: int
    shuffle: bool
    history: History


class Stopped(Exception):
    """A callback ended the run within an epoch."""


def refuse_what_cannot_be_called(who: str, listeners: Iterable[object]) -> None:
    """Raise a TypeError for a callback that cannot be called, or that is a class instead of an object."""
    for listener in listeners:
        if isinstance(listener, type):
            raise TypeError(f"{who}: callbacks must be objects, got the class {listener.__name__}")
        if not callable(listener):
            raise TypeError(f"{who}: callbacks must be callable, got {type(listener).__name__}")


def stops(answers: Iterable[object]) -> bool:
    """Return whether a callback returned True; all other values mean nothing."""
    heard = list(answers)  # all are asked, whatever the first one says
    return any(isinstance(answer, (bool, np.bool_)) and bool(answer) for answer in heard)


def next_epoch(who: str, listeners: Iterable[Any], record: EpochRecord) -> int:
    """Return the next epoch after which a callback must be called; all of them have ``next_epoch``.

    Raises:
        TypeError: if a callback returns something else than a whole number.
        ValueError: if the number that it returns is that of an earlier epoch.
    """
    last, low = record.epochs - 1, record.epoch + 1
    if low > last:
        return low
    wanted = (
        _checks.count(
            who, f"next_epoch of {type(one).__name__}", one.next_epoch(record.epoch), low, sys.maxsize
        )
        for one in listeners
    )
    return min(last, *wanted)


class listening:
    """Call ``on_start`` of the callbacks, and ``on_end`` of those that were started, however the run ends.

    It is a class and not a generator: an interrupt may prevent ``__exit__``, and a generator would then call
    ``on_end`` later, when it is garbage-collected.
    """

    def __init__(self, listeners: Iterable[object], model: Trained) -> None:
        self.listeners, self.model = listeners, model
        self.told: list[object] = []

    def __enter__(self) -> None:
        try:
            for listener in self.listeners:
                self.told.append(listener)
                self._tell(listener, "on_start")
        except BaseException:
            self._end()
            raise

    def __exit__(self, *exception: object) -> None:
        self._end()

    def _end(self) -> None:
        with ExitStack() as ends:  # calls all of them, in the order of the list, whichever raises
            for listener in reversed(self.told):
                ends.callback(self._tell, listener, "on_end")

    def _tell(self, listener: object, event: str) -> None:
        if (hook := getattr(listener, event, None)) is not None:
            hook(self.model)


def polling(listeners: Iterable[object]) -> Callable[[], None] | None:
    """Return what a loop calls several times per second if a callback has ``on_poll``, or None."""
    asked = [listener.on_poll for listener in listeners if hasattr(listener, "on_poll")]

    def poll() -> None:
        if stops(ask() for ask in asked):
            raise Stopped

    return poll if asked else None


def _name(who: str, monitor: object) -> str:
    """Return a checked name of a recorded number."""
    if not isinstance(monitor, str):
        raise TypeError(f"{who}: monitor must be a name such as 'val_loss', got {_checks.shown(monitor)}")
    return monitor


def _direction(who: str, mode: str, monitor: str) -> bool:
    """Return whether larger values are better."""
    if mode not in ("auto", "min", "max"):
        raise ValueError(f"{who}: mode must be auto, min or max, got {_checks.shown(mode)}")
    return metrics.upwards(monitor) if mode == "auto" else mode == "max"


@checked_class
class EarlyStopping:
    """Stops the training when ``monitor`` has not improved for ``patience`` epochs.

    Args:
        monitor: What to watch: ``"loss"``, ``"val_loss"``, ``"val_accuracy"``, the name of any metric of the
            run. NaN never counts as better.
        patience: Number of epochs without improvement to wait for, at least 1.
        min_delta: Smaller changes do not count as improvement.
        restore_best: Put the best epoch's model back when the run ends, however it ends.
        mode: ``"max"`` if larger is better, ``"min"`` if smaller; ``"auto"``: what ``deepcore.metrics`` says
            of the name, and smaller for names that are not its.

    Attributes:
        best: Best value so far.
        best_epoch: Its epoch, from 0; -1 before the first.

    Raises:
        TypeError: if ``patience`` is not a whole number.
        ValueError: if ``patience`` < 1, ``min_delta`` < 0, or ``mode`` is unknown; in ``fit``, if ``monitor``
            is not recorded.

    Example:
        >>> import deepcore as dc
        >>> dc.EarlyStopping("loss", patience=3)
        EarlyStopping('loss', patience=3)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        patience: int = 10,
        min_delta: float = 0.0,
        restore_best: bool = True,
        mode: str = "auto",
    ) -> None:
        _checks.number("EarlyStopping", "min_delta", min_delta)
        self.monitor = _name("EarlyStopping", monitor)
        self.patience = _checks.count("EarlyStopping", "patience", patience)
        self.min_delta = min_delta
        self.restore_best = restore_best
        self.mode = mode
        self._upwards = _direction("EarlyStopping", mode, self.monitor)
        self._reset()

    def rule(self) -> dict[str, Any]:
        """Return the rule as the compiled module takes it."""
        return {
            "number": self.monitor,
            "upwards": self._upwards,
            "patience": self.patience,
            "min_delta": float(self.min_delta),
            "restore": self.restore_best,
        }

    def _reset(self) -> None:
        self.best = -math.inf if self._upwards else math.inf
        self.best_epoch = -1
        self._best_numbers: Any = None

    def __call__(self, record: EpochRecord) -> bool:
        if record.epoch == 0:  # a new run of the same object starts afresh
            self._reset()
        value = record[self.monitor]
        gain = value - self.best if self._upwards else self.best - value
        if gain > self.min_delta:
            self.best, self.best_epoch = value, record.epoch
            if self.restore_best:
                self._best_numbers = record.model.snapshot()
        return record.epoch - self.best_epoch >= self.patience

    def state(self) -> dict[str, Any]:
        """Return the best value so far, its epoch, and the numbers of its model."""
        kept = None if self._best_numbers is None else self._best_numbers._asdict()
        return {"best": float(self.best), "best_epoch": self.best_epoch, "kept": kept}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned."""
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self._best_numbers = None if state["kept"] is None else Snapshot(**state["kept"])

    def on_end(self, model: Trained) -> None:
        """Put the best epoch's model back, if asked to."""
        if self._best_numbers is not None:
            model.restore(self._best_numbers)
            self._best_numbers = None

    def __repr__(self) -> str:
        best = f", best={self.best:.6g} at epoch {self.best_epoch}" if self.best_epoch >= 0 else ""
        return f"EarlyStopping({self.monitor!r}, patience={self.patience}{best})"


@checked_class
class ReduceOnPlateau:
    """Multiplies the learning rate by ``factor`` when ``monitor`` no longer improves.

    It acts on whatever schedule the optimizer has, through ``record.optimizer.rate_scale``.

    Args:
        monitor: What to watch, as in ``EarlyStopping``.
        factor: Of every reduction, above 0 and below 1.
        patience: Epochs to wait without improvement before the rate is reduced.
        threshold: What counts as improvement: a change by more than this fraction of the best value, without
            its sign.
        cooldown: Epochs after a reduction that are not counted.
        min_rate: The learning rate is not reduced below it.
        mode: As in ``EarlyStopping``.

    Raises:
        TypeError: if ``patience`` or ``cooldown`` is not a whole number.
        ValueError: if a number is out of its range or ``mode`` is unknown; in ``fit``, if ``monitor`` is not
            recorded.

    Example:
        >>> ReduceOnPlateau("val_loss", factor=0.5, patience=3)
        ReduceOnPlateau('val_loss', factor=0.5, patience=3)

    Source: ``torch.optim.lr_scheduler.ReduceLROnPlateau`` with its relative threshold, which there takes
        changes for the worse as improvements if the best value is negative.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        cooldown: int = 0,
        min_rate: float = 0.0,
        mode: str = "auto",
    ) -> None:
        who = "ReduceOnPlateau"
        _checks.number(who, "factor", factor, 1.0, positive=True)
        for name, count in (("patience", patience), ("cooldown", cooldown)):
            _checks.count(who, name, count, low=0)
        for name, value in (("threshold", threshold), ("min_rate", min_rate)):
            _checks.number(who, name, value)
        self.monitor, self.factor, self.patience = _name(who, monitor), factor, patience
        self.threshold, self.cooldown, self.min_rate, self.mode = threshold, cooldown, min_rate, mode
        self._upwards = _direction(who, mode, self.monitor)
        self._reset()

    def _reset(self) -> None:
        self._best = -math.inf if self._upwards else math.inf
        self._bad = self._cooling = 0

    def _improved(self, value: float) -> bool:
        margin = self.threshold * abs(self._best) if math.isfinite(self._best) else 0.0
        return value > self._best + margin if self._upwards else value < self._best - margin

    def __call__(self, record: EpochRecord) -> bool:
        if record.epoch == 0:
            self._reset()
        value = record[self.monitor]
        if self._improved(value):
            self._best, self._bad = value, 0
        else:
            self._bad += 1
        if self._cooling > 0:
            self._cooling, self._bad = self._cooling - 1, 0
        if self._bad > self.patience:
            self._reduce(record)
            self._cooling, self._bad = self.cooldown, 0
        return False

    def _reduce(self, record: EpochRecord) -> None:
        state = record.optimizer
        if state is None:
            raise TypeError("ReduceOnPlateau: the optimizer of this run has no learning rate")
        rate = state.learning_rate
        if rate > self.min_rate:
            state.rate_scale *= max(self.factor, self.min_rate / rate)

    def state(self) -> dict[str, Any]:
        """Return the best value so far, and the epochs that are counted since it and since a reduction."""
        return {"best": float(self._best), "bad": self._bad, "cooling": self._cooling}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned."""
        self._best, self._bad, self._cooling = state["best"], state["bad"], state["cooling"]

    def __repr__(self) -> str:
        return f"ReduceOnPlateau({self.monitor!r}, factor={self.factor}, patience={self.patience})"


@checked_class
class MaxSeconds:
    """Stops training within a time limit.

    A new epoch starts only if one as long as the last would still finish in time. An epoch that takes too
    long all the same, as the first may, is broken off: the model keeps its steps, and the history has the
    whole epochs only.

    Args:
        seconds: Length of the run, above 0.

    Raises:
        TypeError: if ``seconds`` is not a number.
        ValueError: if ``seconds`` is not above 0.

    Example:
        >>> MaxSeconds(180)
        MaxSeconds(180)
    """

    def __init__(self, seconds: float) -> None:
        _checks.number("MaxSeconds", "seconds", seconds, positive=True)
        self.seconds = seconds
        self._start = self._last = time.perf_counter()

    def on_start(self, model: Trained) -> None:
        """Start the clock."""
        self._start = self._last = time.perf_counter()

    def __call__(self, record: EpochRecord) -> bool:
        now = time.perf_counter()
        epoch, self._last = now - self._last, now
        return now + epoch - self._start > self.seconds

    def on_poll(self) -> bool:
        """Return whether the time is over; ``fit`` asks within an epoch."""
        return time.perf_counter() - self._start > self.seconds

    def state(self) -> dict[str, Any]:
        """Return the seconds since the start, and since the last epoch ended."""
        now = time.perf_counter()
        return {"elapsed": now - self._start, "epoch": now - self._last}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned: the time between does not count."""
        now = time.perf_counter()
        self._start, self._last = now - state["elapsed"], now - state["epoch"]

    def __repr__(self) -> str:
        return f"MaxSeconds({self.seconds:g})"


@checked_class
class Checkpoint:
    """Saves a training to a file while it runs; the same call after a kill goes on from the file.

    The call that goes on ends with the bits of a training that was never stopped: parameters, statistics of
    batch norms, optimizer, history, and the state of the other callbacks. If the training in the file is
    finished, the call returns at once with its result. A file of another network, other data or another
    setting is refused; only ``epochs`` may be another number, unless a schedule spans the run. Remove the
    file to start afresh.

    In ``fit_many(checkpoint=...)`` the first network has this file, and the others have files of their own:
    ``run.safetensors``, ``run.2.safetensors``, ... ``resumed`` says whether one of them went on from its
    file, and ``finished`` whether all came to their end.

    ``deepcore.load(path)`` returns the model in the file. A thread writes copies of the parameters and of the
    optimizer's slots while the training goes on. If the file cannot be written, there is a warning, and
    another one when the run ends; the training goes on.

    Args:
        path: The file. A crash leaves the last one that was written, and never a part of one.
        every_epochs: Save after every n-th epoch of the run; None: not after epochs. If epochs are
            very short, some are not saved, so that saving takes at most a twentieth of the time.
        every_seconds: Save when so many seconds have passed since the last save, within an epoch too; None:
            save after epochs only.

    Attributes:
        resumed: Whether the last run went on from the file.
        finished: Whether the last run came to its end: all epochs, or a callback that ended it.

    Raises:
        TypeError: if an argument has another type.
        ValueError: if a number is too small or both are None; in ``fit``, if the file belongs to another
            training or is damaged, or the optimizer is ``LBFGS()``, whose state SciPy keeps.

    Example:
        >>> import os, tempfile, numpy as np, deepcore as dc
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     checkpoint = dc.Checkpoint(os.path.join(folder, "run.safetensors"), every_epochs=5)
        ...     for _ in range(2):  # the second call finds a finished training
        ...         model = dc.mlp([2, 3, 1], seed=1)
        ...         history = model.fit(np.eye(2), [0, 1], epochs=10, callbacks=[checkpoint])
        ...         print(history.epochs, checkpoint.resumed, checkpoint.finished)
        10 False True
        10 True True
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        every_epochs: int | None = 1,
        every_seconds: float | None = None,
    ) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"Checkpoint: path must be the name of a file, got {_checks.shown(path)}")
        if every_epochs is None and every_seconds is None:
            raise ValueError("Checkpoint: every_epochs or every_seconds must be a number, got None for both")
        self.path = os.fspath(path)
        self.every_epochs = (
            None if every_epochs is None else _checks.count("Checkpoint", "every_epochs", every_epochs)
        )
        self.every_seconds = (
            None
            if every_seconds is None
            else _checks.number("Checkpoint", "every_seconds", every_seconds, positive=True)
        )
        self.resumed = self.finished = False
        self.stopping = self.in_use = False  # whether stop() was called, and whether a run writes the file
        self.others: list[Checkpoint] = []  # of the further networks of a call, which stop with this one

    def stop(self) -> None:
        """Ask the run to save its state and to end before its next step, unfinished.

        May be called by a handler of a signal and by another thread. ``fit`` returns what it has so far, and
        the same call later goes on.
        """
        self.stopping = True
        for other in self.others:
            other.stop()

    def __call__(self, record: EpochRecord) -> bool:
        """Do nothing: the run saves itself when all callbacks of an epoch were called."""
        if not self.in_use:
            raise TypeError(
                "Checkpoint: it works in fit and fit_batches of a Model, in fit of the MLP estimators with "
                "the solvers adam and sgd, and as checkpoint= of fit_many and the RealMLP estimators; this "
                "training cannot be saved"
            )
        return False

    def __repr__(self) -> str:
        return (
            f"Checkpoint({self.path!r}, every_epochs={self.every_epochs}, every_seconds={self.every_seconds})"
        )
