"""Train many networks in one native call, for ``fit_many``."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deepcore import _checks, _core, catalog, metrics
from deepcore._network.examples import Examples, features, targets, weights
from deepcore._network.network import Network
from deepcore._training.factors import StepFactors
from deepcore.callbacks import EarlyStopping, EpochRecord, Stopped, listening, polling, stops
from deepcore.exceptions import DivergenceWarning
from deepcore.history import History
from deepcore.optimizers import OptimizerState
from deepcore.progress import Progress
from deepcore.typing import Array, Trained

__all__ = ["WHO", "Fit", "SharedExamples", "checked_rows", "train"]

#: The head of messages.
WHO = "fit_many"
Callback = Callable[[EpochRecord], object]


class SharedExamples:
    """Check the arrays of a call once: networks that are given the same arrays share the checked ones."""

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], Any] = {}
        self._keep: list[object] = []  # an id names an object only as long as the object lives

    def _once(self, key: tuple[Any, ...], *of: object, make: Callable[[], Any]) -> Any:
        if key not in self._made:
            self._made[key] = make()
            self._keep.extend(of)
        return self._made[key]

    def of(self, who: str, network: Network, X: object, y: object, weight: object) -> Examples:
        """Return the checked examples for a network.

        Raises:
            TypeError: if an array does not hold real numbers.
            ValueError: if a shape or a value is not allowed.
        """
        spec = network.spec
        kind = (spec.outputs, spec.output, spec.loss, spec.dtype)
        rows = self._once(
            ("X", id(X), spec.inputs, spec.dtype), X,
            make=lambda: features(who, X, spec.inputs, spec.dtype),
        )  # fmt: skip
        m = rows.shape[0]
        if m == 0:
            raise ValueError(f"{who}: X must have at least one row, got none")
        loss = catalog.losses[spec.loss]
        labels = self._once(
            ("y", id(y), m, *kind), y,
            make=lambda: targets(who, y, m, spec.outputs, spec.output, loss, spec.dtype),
        )  # fmt: skip
        checked = self._once(
            ("weight", id(weight), m, spec.dtype), weight,
            make=lambda: weights(who, weight, None, labels, spec.outputs, spec.dtype),
        )  # fmt: skip
        return Examples(rows, labels, checked)


def checked_rows(who: str, name: str, rows: object, m: int) -> Array | None:
    """Check row numbers from 0 to m - 1 and return them as int64; None means all rows."""
    if rows is None:
        return None
    array = np.asarray(rows)
    if array.ndim != 1 or array.dtype.kind not in "iub" or (array.dtype.kind == "b" and len(array) != m):
        raise ValueError(
            f"{who}: {name} must be an array of row numbers, or of {m} booleans, got {_checks.shown(rows)}"
        )
    array = np.flatnonzero(array) if array.dtype.kind == "b" else array.astype(np.int64)
    if len(array) == 0:
        raise ValueError(f"{who}: {name} must name at least one row, got none")
    if not (array.min() >= 0 and array.max() < m):
        bad = int(((array < 0) | (array >= m)).argmax())
        raise ValueError(f"{who}: {name} must hold rows from 0 to {m - 1}, got {array[bad]} at {bad}")
    return array


@dataclass
class Fit:
    """The training of one network of the call.

    Attributes:
        index: Its number, which messages name.
        network: What is trained.
        shown: What callbacks see as the model.
        state: The optimizer, bound to the network.
        data: Checked examples, which other networks may share.
        rows: The rows that it trains on; None: all.
        epochs: Passes over these rows.
        batch: Number of examples per step.
        shuffle: Whether an order is drawn per epoch.
        drop_last: Whether a last batch that is smaller is skipped.
        factors: Factors on dropout and label smoothing.
        validation: Checked validation examples, or None.
        validation_rows: The rows of them that count; None: all.
        early_stopping: When to stop before the last epoch; None: never.
        callbacks: Called after every epoch of this network.
        metrics: Further numbers of the validation examples.
        planned: Number of steps that schedules span; None: those of this call.
    """

    index: int
    network: Network
    shown: Trained
    state: OptimizerState
    data: Examples
    rows: Array | None
    epochs: int
    batch: int
    shuffle: bool
    drop_last: bool
    factors: StepFactors
    validation: Examples | None = None
    validation_rows: Array | None = None
    early_stopping: EarlyStopping | None = None
    callbacks: list[Callback] = field(default_factory=list)
    metrics: list[str | metrics.Metric] = field(default_factory=list)
    planned: int | None = None

    def __post_init__(self) -> None:
        self.history = History()
        self.first_epoch, self.first_step = self.network.epochs_trained, self.state.steps
        self._native_rule: dict[str, Any] | None = None
        self._prepare_early_stopping()
        self._held_out = self._validation_examples() if self.metrics else None

    @property
    def who(self) -> str:
        """The head of messages."""
        return f"{WHO}: network {self.index}"

    @property
    def steps(self) -> int:
        """Number of steps per epoch."""
        return self.count // self.batch if self.drop_last else -(-self.count // self.batch)

    @property
    def count(self) -> int:
        """Number of examples per epoch."""
        return len(self.data.y) if self.rows is None else len(self.rows)

    def _recorded(self) -> list[str]:
        """Names of the numbers of an epoch."""
        if self.validation is None:
            return ["loss"]
        accuracy = ["val_accuracy"] if self.network.spec.gives_probabilities else []
        return ["loss", "val_loss", *accuracy, *(f"val_{metrics.name_of(one)}" for one in self.metrics)]

    def _prepare_early_stopping(self) -> None:
        rule = self.early_stopping
        if rule is None:
            return
        names = self._recorded()
        if rule.monitor not in names:
            hint = "" if self.validation is not None else "; give validation_rows= or validation_data="
            raise ValueError(
                f"{self.who}: EarlyStopping watches {_checks.shown(rule.monitor)}, which is not "
                f"recorded{hint}; there is {', '.join(names)}"
            )
        if rule.monitor in ("loss", "val_loss", "val_accuracy"):
            self._native_rule = rule.rule()
        else:  # a metric, which Python computes
            self.callbacks = [*self.callbacks, copy.deepcopy(rule)]

    # Between the epochs

    def on_epoch(self, number: int, loss: float, scores: tuple[float, float] | None) -> bool:
        """Record an epoch and call the callbacks; the thread that trains the network calls it."""
        self.network.epochs_trained = number + 1  # a copy that a callback makes goes on from here
        try:
            with self.network.handed_over():
                values = {"loss": loss, **self._scores(scores), **self._metrics()}
                self.history.append(values)
                record = EpochRecord(self.history.epochs - 1, self.epochs, values, self.shown, self.state)
                return stops(callback(record) for callback in self.callbacks)
        except BaseException as error:
            if hasattr(error, "add_note"):  # Python 3.11
                error.add_note(f"in a callback of {self.who}")
            raise

    def _scores(self, scores: tuple[float, float] | None) -> dict[str, float]:
        """Name the numbers of the validation examples that the compiled module computed."""
        if scores is None:
            return {}
        loss, accuracy = scores
        return {
            "val_loss": loss,
            **({"val_accuracy": accuracy} if self.network.spec.gives_probabilities else {}),
        }

    def _metrics(self) -> dict[str, float]:
        if not self.metrics:
            return {}
        assert self._held_out is not None
        found = metrics.measure(self.network, self._held_out, self.metrics, 1)
        return {f"val_{name}": found[name] for name in map(metrics.name_of, self.metrics)}

    def _validation_examples(self) -> Examples:
        """Copy the validation examples as they were checked, for the metrics."""
        assert self.validation is not None
        rows = self.validation_rows
        return self.validation.kept() if rows is None else self.validation.take(rows)

    # For the compiled module

    def native(self) -> dict[str, Any]:
        """Describe the training for ``_core.train_many``."""
        listens = bool(self.callbacks or self.metrics)
        factors = self.factors.native(self.planned or self.first_step + self.epochs * self.steps)
        held = self.validation
        return {
            "network": self.network.native,
            "optimizer": self.state.native,
            "X": self.data.X,
            "y": self.data.y,
            "weight": self.data.weight,
            "rows": self.rows,
            "validation": None if held is None else (held.X, held.y, held.weight, self.validation_rows),
            "batch": self.batch,
            "epochs": self.epochs,
            "shuffle": self.shuffle,
            "drop_last": self.drop_last,
            "seed": self.network.spec.seed,
            "first_epoch": self.first_epoch,
            "dropout": factors.get("dropout"),
            "smoothing": factors.get("smoothing"),
            "early_stop": self._native_rule,
            "on_epoch": self.on_epoch if listens else None,
            "on_stop": _asking(self.callbacks),
        }

    def ended(self) -> None:
        """Count the epochs that were begun: the next run must not draw their orders again."""
        self.network.epochs_trained = self.first_epoch + -(
            -(self.state.steps - self.first_step) // self.steps
        )

    def finish(self, losses: list[float], bad: int, val_losses: list[float], accuracies: list[float]) -> None:
        """Complete the history, and warn if the training diverged."""
        for number in range(self.history.epochs, len(losses)):
            scores = (val_losses[number], accuracies[number]) if val_losses else None
            self.history.append({"loss": losses[number], **self._scores(scores)})
        layer = 0
        if bad >= 0:
            data = self.data if self.rows is None else self.data.take(self.rows)
            layer = self.network.first_bad_layer(data.X)
        elif layer := self.network.nonfinite_parameter():
            bad = self.state.steps  # the last step has no next one whose loss would tell
        if bad >= 0:
            self._diverged(bad, layer)

    def _diverged(self, step: int, layer: int) -> None:
        self.history.diverged_at_step, self.history.diverged_at_layer = step, layer
        warnings.warn(
            f"{self.who}: the loss was no longer finite at step {step}, first in layer {layer} "
            f"({self.network.spec.layers[layer - 1].activation}); its training ended before that step, and "
            "the other networks went on; try a smaller learning rate, clip_norm=1.0 of the optimizer, "
            "features scaled to mean 0 and variance 1, or float64",
            DivergenceWarning,
            stacklevel=5,
        )


def _asking(callbacks: Sequence[Callback]) -> Callable[[], bool] | None:
    """Return a function that says whether ``on_poll`` of a callback ends the run; None if none has one."""
    poll = polling(callbacks)
    if poll is None:
        return None

    def stop() -> bool:
        try:
            poll()
        except Stopped:
            return True
        return False

    return stop


@contextmanager
def _progress(fits: Sequence[Fit], verbose: int) -> Iterator[Callable[[int, int], None] | None]:
    """Yield what shows how many networks and epochs are done; None shows nothing."""
    if not verbose:
        yield None
        return
    total, shown = sum(fit.epochs for fit in fits), Progress()
    shown.on_start(fits[0].shown)

    def show(networks: int, epochs: int) -> None:
        if epochs:
            shown.show(epochs, total, f"{networks} of {len(fits)} networks done")

    try:
        yield show
    finally:
        shown.on_end(fits[0].shown)


def train(fits: Sequence[Fit], threads: int, verbose: int) -> list[History]:
    """Train the networks in one native call.

    Args:
        fits: One for each network; the networks are held by the calling thread.
        threads: As the native module takes it.
        verbose: 1 shows progress.
    """
    with ExitStack() as stack:
        show = stack.enter_context(_progress(fits, verbose))
        for fit in fits:
            stack.enter_context(listening(fit.callbacks, fit.shown))
        try:
            results = _core.train_many([fit.native() for fit in fits], threads, show, show is not None)
        finally:  # also after Ctrl-C
            for fit in fits:
                fit.ended()
        if show is not None:
            show(len(fits), sum(len(losses) for losses, *_ in results))
    for fit, result in zip(fits, results, strict=True):
        fit.finish(*result)
    return [fit.history for fit in fits]
