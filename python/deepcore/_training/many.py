"""Train many networks in one native call, for ``fit_many``, and save each of them to a file of its own."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from deepcore import _checks, _core, catalog, metrics
from deepcore._network.examples import Examples, features, sample_weights, targets, weights
from deepcore._network.network import Network
from deepcore._training import identity
from deepcore._training.checkpoint import Part, Position, RunFile, Unsaved
from deepcore._training.factors import StepFactors
from deepcore._training.states import HistoryState
from deepcore._training.writing import Savings
from deepcore.callbacks import Checkpoint, EarlyStopping, EpochRecord, Stopped, listening, polling, stops
from deepcore.exceptions import DivergenceWarning
from deepcore.history import History
from deepcore.optimizers import OptimizerState, spanning_name
from deepcore.progress import Progress
from deepcore.typing import Array, Trained

__all__ = ["WHO", "Fit", "Result", "SharedExamples", "checked_rows", "read_files", "train"]

#: The head of messages.
WHO = "fit_many"
Callback = Callable[[EpochRecord], object]
#: Losses of the epochs, the step whose loss was not finite or -1, losses and accuracies of the validation.
Result = tuple[list[float], int, list[float], list[float]]


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
            make=lambda: weights(
                who, self.sample_weight(who, weight, m), None, labels, spec.outputs, spec.dtype
            ),
        )  # fmt: skip
        return Examples(rows, labels, checked)

    def sample_weight(self, who: str, weight: object, m: int) -> Array | None:
        """Return the checked weights of m examples in float64."""
        key = ("sample weight", id(weight), m)
        return self._once(key, weight, make=lambda: sample_weights(who, weight, m))  # type: ignore[no-any-return]

    def described(self, data: Examples) -> dict[str, Any]:
        """Describe examples by their digests, each of which is computed once."""
        return identity.of_examples(data, self.digest)

    def digest(self, array: Any) -> dict[str, Any]:
        """Describe an array by its digest, which is computed once."""
        return self._once(("digest", id(array)), array, make=lambda: identity.of_array(array))  # type: ignore[no-any-return]


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
        checkpoint: The file of this network; None: it is not saved.
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
    checkpoint: Checkpoint | None = None

    #: Whether ``Checkpoint.stop`` ends it within an epoch.
    ends_within_epochs: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.history = History()
        self.position = Position(self.network.epochs_trained, self.state.steps)
        self.file = Unsaved()
        self.finished = False  # it has nothing to do in this call
        self._result: Result | None = None
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
        if rule.monitor in ("loss", "val_loss", "val_accuracy") and self.checkpoint is None:
            self._native_rule = rule.rule()
        else:  # Python computes other metrics, and saves the state of the rule
            self.callbacks = [*self.callbacks, copy.deepcopy(rule)]

    # Saving

    def read_file(self, shared: SharedExamples, savings: Savings) -> None:
        """Read the file of the checkpoint, and refuse that of another training; nothing changes."""
        if self.checkpoint is None:
            return
        self.file = RunFile(
            self.who, self.checkpoint, self.network, self.extras, self.position,
            self.parts(), self.callbacks, lambda steps: self.described(steps, shared),
            (self.epochs, self.epochs * self.steps), self.spanning(), savings,
        )  # fmt: skip
        self.file.read()

    @property
    def extras(self) -> dict[str, Any]:
        """What the caller keeps with the model, for the file."""
        return self.shown.extras

    def parts(self) -> dict[str, Part]:
        """Return what changes during the training, besides the network, its position and the callbacks."""
        return {"optimizer": self.state, "history": HistoryState(self.history)}

    def spanning(self) -> str:
        """Name a schedule that spans the training, or return ``""``."""
        return spanning_name(self.state.optimizer) or self.factors.spanning_name()

    def described(self, steps: int, shared: SharedExamples) -> dict[str, Any]:
        """Describe everything that must be the same when the training goes on, besides the network."""
        held, held_rows = self.validation, self.validation_rows
        return {
            **shared.described(self.data),
            "rows": self.rows if self.rows is None else shared.digest(self.rows),
            "validation data": held and shared.described(held),
            "validation_rows": held_rows if held_rows is None else shared.digest(held_rows),
            "batch_size": self.batch,
            "shuffle": self.shuffle,
            "drop_last": self.drop_last,
            "optimizer": identity.of_optimizer(self.state.optimizer, steps),
            "metrics": [metrics.name_of(metric) for metric in self.metrics],
            **self.factors.described(steps),
        }

    def go_on(self) -> None:
        """Put the state of the file back, if there is one."""
        self.finished = self.file.go_on()
        if self.planned is None:
            self.state.prepare(self._last_step - self.state.steps)
        self.position.begin(self.state.steps, self.batch)

    @property
    def _last_step(self) -> int:
        return self.position.first_step + self.epochs * self.steps

    # Between the epochs

    def on_epoch(self, number: int, loss: float, scores: tuple[float, float] | None) -> bool:
        """Record an epoch and call the callbacks; the thread that trains the network calls it."""
        self.file.between = True
        try:
            with self.network.handed_over():
                self.position.epoch_ended(self.state.steps)
                self.network.epochs_trained = number + 1  # a copy that a callback makes goes on from here
                values = {"loss": loss, **self._scores(scores), **self._metrics()}
                self.history.append(values)
                record = EpochRecord(self.history.epochs - 1, self.epochs, values, self.shown, self.state)
                self.file.stopped = stops(callback(record) for callback in self.callbacks)
                self.file.between = False
                last = self.file.stopped or self.position.epoch == self.epochs
                return self.file.epoch_ended(last) or self.file.stopped
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
        saved = self.checkpoint is not None
        poll, held = polling(self.callbacks), self.validation
        factors = self.factors.native(self.planned or self._last_step)

        def ends() -> bool:
            if self.file.stopping and self.ends_within_epochs:
                return True
            try:
                if poll is not None:
                    poll()
            except Stopped:
                self.file.stopped = True
            return self.file.stopped

        def pause() -> bool:
            try:
                with self.network.handed_over():
                    self.file.pause()
            except Stopped:  # asked for since the last poll
                return self.ends_within_epochs
            return False

        return {
            "network": self.network.native,
            "optimizer": self.state.native,
            "X": self.data.X,
            "y": self.data.y,
            "weight": self.data.weight,
            "rows": self.rows,
            "validation": None if held is None else (held.X, held.y, held.weight, self.validation_rows),
            "batch": self.batch,
            "epochs": 0 if self.finished else self.epochs - self.position.epoch,
            "shuffle": self.shuffle,
            "drop_last": self.drop_last,
            "seed": self.network.spec.seed,
            "first_epoch": self.position.first_epoch + self.position.epoch,
            "place": self.position.place,
            "dropout": factors.get("dropout"),
            "smoothing": factors.get("smoothing"),
            "early_stop": self._native_rule,
            "on_epoch": self.on_epoch if saved or self.callbacks or self.metrics else None,
            "on_stop": ends if saved or poll is not None else None,
            "on_due": self.file.due if saved else None,
            "on_pause": pause if saved else None,
        }

    def ended(self, result: Result | None) -> None:
        """Keep the result, and count the epochs that were begun: the next run must not draw their orders."""
        self._result = result
        steps = self.state.steps - self.position.first_step
        self.network.epochs_trained = self.position.first_epoch + -(-steps // self.steps)

    def before_on_end(self, *exception: object) -> None:
        """Keep the state in which the epochs ended, as an ``__exit__`` of a context."""
        if self._result is not None:
            self.file.loop_ended(self._result[1] >= 0)
        elif not self.finished:
            self.file.interrupted()

    def after_on_end(self, *exception: object) -> None:
        """Complete the history and write the file, as an ``__exit__`` of a context."""
        result = self._result if exception[0] is None else None
        try:
            if result is not None:
                self.finish(*result)
        finally:
            self.file.close(result is not None and not self.finished)
            self.file = Unsaved()  # it refers to this object, which holds the examples

    def finish(self, losses: list[float], bad: int, val_losses: list[float], accuracies: list[float]) -> None:
        """Complete the history."""
        for number in range(self.history.epochs, len(losses)):
            scores = (val_losses[number], accuracies[number]) if val_losses else None
            self.history.append({"loss": losses[number], **self._scores(scores)})
        layer = 0
        if self.history.diverged_at_step is not None:  # in the file
            return
        if bad >= 0:
            data = self.data if self.rows is None else self.data.take(self.rows)
            layer = self.network.first_bad_layer(data.X)
        elif layer := self.network.nonfinite_parameter():
            bad = self.state.steps  # the last step has no next one whose loss would tell
        if bad >= 0:
            self.history.diverged_at_step, self.history.diverged_at_layer = bad, layer

    def warn_of_divergence(self) -> None:
        """Warn if the training diverged."""
        step, layer = self.history.diverged_at_step, self.history.diverged_at_layer
        if step is None or layer is None:
            return
        warnings.warn(
            f"{self.who}: the loss was no longer finite at step {step}, first in layer {layer} "
            f"({self.network.spec.layers[layer - 1].activation}); its training ended before that step, and "
            "the other networks went on; try a smaller learning rate, clip_norm=1.0 of the optimizer, "
            "features scaled to mean 0 and variance 1, or float64",
            DivergenceWarning,
            stacklevel=5,
        )


@contextmanager
def _progress(fits: Sequence[Fit], verbose: int) -> Iterator[Callable[[int, int], None] | None]:
    """Yield what shows how many networks and epochs are done; None shows nothing."""
    if not verbose:
        yield None
        return
    total, shown = sum(fit.epochs - fit.position.epoch for fit in fits), Progress()
    shown.on_start(fits[0].shown)

    def show(networks: int, epochs: int) -> None:
        if epochs:
            shown.show(epochs, total, f"{networks} of {len(fits)} networks done")

    try:
        yield show
    finally:
        shown.on_end(fits[0].shown)


def read_files(fits: Sequence[Fit], shared: SharedExamples) -> None:
    """Read all files before one network changes, and refuse those of other trainings."""
    savings = Savings()
    for fit in fits:
        fit.read_file(shared, savings)


def train(
    fits: Sequence[Fit], threads: int, verbose: int, call: Callable[[], list[Result]] | None = None
) -> list[History]:
    """Train the networks in one native call.

    Args:
        fits: One for each network; the networks are held by the calling thread. Files have been read.
        threads: As the native module takes it.
        verbose: 1 shows progress.
        call: Trains the networks in another way, and returns what the native call would return.
    """
    for fit in fits:
        fit.go_on()
    with ExitStack() as stack:
        show = stack.enter_context(_progress(fits, verbose))
        for fit in fits:
            stack.push(fit.after_on_end)
            stack.enter_context(listening(fit.callbacks, fit.shown))
            stack.push(fit.before_on_end)
            fit.file.started()
        results: list[Result] = []
        try:
            if call is not None:
                results = call()
            else:
                results = _core.train_many([fit.native() for fit in fits], threads, show, show is not None)
        finally:  # also after Ctrl-C
            for number, fit in enumerate(fits):
                fit.ended(results[number] if results else None)
        if show is not None:
            show(len(fits), sum(len(losses) for losses, *_ in results))
    for fit in fits:
        fit.warn_of_divergence()
    return [fit.history for fit in fits]
