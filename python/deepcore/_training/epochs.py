"""What a run does between its epochs: it computes metrics, keeps the history, and calls the callbacks."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from deepcore import _checks, _core, metrics
from deepcore._network.examples import Examples, validation_parts
from deepcore._network.network import Network
from deepcore._streaming.passes import StreamedExamples
from deepcore._streaming.stream import Stream
from deepcore._training import checkpoint, identity
from deepcore._training.checkpoint import Part, Position, RunFile, Unsaved
from deepcore._training.ranks import Alone
from deepcore._training.states import HistoryState
from deepcore.callbacks import (
    EarlyStopping,
    EpochRecord,
    ReduceOnPlateau,
    listening,
    next_epoch,
    polling,
    refuse_what_cannot_be_called,
    stops,
)
from deepcore.exceptions import DivergenceWarning
from deepcore.history import History
from deepcore.optimizers import OptimizerState
from deepcore.schedules import LearningRate
from deepcore.typing import Trained

__all__ = ["Ending", "Epochs", "Hooks", "Loop", "Settings"]

Callback = Callable[[EpochRecord], object]
Metric = str | metrics.Metric
#: Called after an epoch with its number and loss; True ends the run.
OnEpoch = Callable[[int, float], bool]
#: The epochs' losses; of the first loss that was not finite the step (or -1) and the layer (or 0).
Ending = tuple[Sequence[float], int, int]


class Hooks(NamedTuple):
    """What a loop calls while it trains.

    Attributes:
        on_end: Called when an epoch has ended, before anything counts it: nothing can be saved then.
        on_epoch: As ``OnEpoch``; None: the loop need not be interrupted between epochs.
        on_poll: Called several times per second; what it raises ends the run, and True asks for a pause.
        on_pause: Called between two batches after ``on_poll`` asked for it.
        skipped: Epochs after which a loop need not call ``on_end`` and ``on_epoch``; None: there are none.
    """

    on_end: Callable[[], None]
    on_epoch: OnEpoch | None
    on_poll: Callable[[], bool]
    on_pause: Callable[[], None]
    skipped: _core.Skipped | None


Loop = Callable[[Hooks], Ending]


class Settings(NamedTuple):
    """What every kind of run takes besides its network, its examples and its optimizer.

    Attributes:
        who: Name of the method that the user called, the head of messages.
        shown: What callbacks see as the model.
        validation_data: As ``Model.fit`` takes it, like the others.
        callbacks: Called after every epoch.
        threads: Number of threads, or None.
        verbose: 1 shows progress.
        metrics: Names or functions.
        ranks: The processes that train together.
        dropout_schedule: Factors by step on the network's rates of dropout.
        smoothing_schedule: Factors by step on its label smoothing.
    """

    who: str
    shown: Trained
    validation_data: tuple[Any, ...] | Stream | None = None
    callbacks: Sequence[Callback] = ()
    threads: int | None = None
    verbose: int = 0
    metrics: Sequence[Metric] = ()
    ranks: Alone = Alone()
    dropout_schedule: LearningRate | None = None
    smoothing_schedule: LearningRate | None = None

    def of_this_rank(self) -> Settings:
        """Return the settings without what only rank 0 does."""
        if self.ranks.leads:
            return self
        return self._replace(validation_data=None, callbacks=(), verbose=0, metrics=())


class Epochs:
    """Do the work between the epochs of a run, whatever trains them."""

    def __init__(self, network: Network, settings: Settings) -> None:
        settings = settings.of_this_rank()
        self.network, self.who, self.shown, self.ranks = network, settings.who, settings.shown, settings.ranks
        self.threads = self.ranks.threads(_checks.threads(self.who, settings.threads))
        _checks.listed(self.who, "callbacks", settings.callbacks)
        self.metrics = metrics.chosen(self.who, settings.metrics, network.spec)
        self.validation = self._validation(settings.validation_data)
        self.training: Examples | None = None  # the training data that metrics are taken of, if any
        self.listeners: list[Callback] = list(settings.callbacks)
        if settings.verbose:
            from deepcore.progress import Progress

            self.listeners.append(Progress())
        refuse_what_cannot_be_called(self.who, self.listeners)
        self.history = History()

    def refuse_metrics_of_nothing(self) -> None:
        """Refuse metrics where the training examples are not kept, and there are no others."""
        if self.metrics and self.validation is None:
            raise ValueError(
                f"{self.who}: metrics need validation_data=, because training examples that are read one "
                "after the other are not kept"
            )

    def _validation(self, data: object) -> Examples | StreamedExamples | None:
        if isinstance(data, Stream):
            return StreamedExamples(f"{self.who}: validation_data", data, self.network.spec)
        if (parts := validation_parts(self.who, data)) is None:
            return None
        return self.network.check(f"{self.who}: validation_data", *parts, mapped=True).kept()

    def run(
        self,
        loop: Loop,
        epochs: int,
        state: OptimizerState | None,
        file: Unsaved,
        position: Position | None = None,
    ) -> History:
        """Run the loop, which is not interrupted between epochs if there is nothing to do.

        The position is where the loop starts, of a run of several processes.
        """
        every = bool(self.metrics or self.validation or self.ranks.together)  # whatever the listeners need
        between = bool(self.listeners) or every
        poll = polling(self.listeners)
        quiet = not every and poll is None and all(hasattr(one, "next_epoch") for one in self.listeners)
        skipped = _core.Skipped() if self.listeners and quiet else None

        def on_end() -> None:
            file.between = True

        def on_epoch(_: int, loss: float) -> bool:
            return self.ranks.after_epoch(lambda: after_epoch(loss), state, bool(self.listeners))

        def record_skipped() -> None:
            if skipped is not None:
                self.history["loss"] += skipped.take()

        def after_epoch(loss: float) -> bool:
            record_skipped()
            values = {"loss": float(loss), **self._numbers()}
            self.history.append(values)
            record = EpochRecord(self.history.epochs - 1, epochs, values, self.shown, state)
            file.stopped = stops(listener(record) for listener in self.listeners)
            file.between = False
            if skipped is not None and not file.stopped:
                skipped.left = next_epoch(self.who, self.listeners, record) - record.epoch - 1
            return file.epoch_ended() or file.stopped

        def on_poll() -> bool:
            if poll is not None:
                poll()
            return file.due()

        self._check_monitors()

        finished, ended = self.ranks.opened(file.open(), self._path(), state, position), False
        losses: Sequence[float] = ()
        step, layer = self.history.diverged_at_step, self.history.diverged_at_layer or 0
        bad = -1 if step is None else step
        try:
            with self.network.trainer(), ExitStack() as run:
                if self.listeners:
                    self.network.share()
                run.enter_context(listening(self.listeners, self.shown))
                file.started()
                if not finished:
                    with file.saving(), self.ranks.looping():
                        hooks = Hooks(on_end, on_epoch if between else None, on_poll, file.pause, skipped)
                        try:
                            losses, bad, layer = loop(hooks)
                        finally:
                            record_skipped()
                    self.ranks.after_loop()
                file.loop_ended(bad >= 0)
            if not between:
                self.history["loss"] += losses
            if self.ranks.leads:
                self._look_for_divergence(state, bad, layer)
            ended = not finished
        finally:
            file.close(ended)
        history = HistoryState(self.history)
        self.ranks.ended(history.state, history.set_state)
        return self.history

    def _path(self) -> str:
        saver = checkpoint.find(self.who, self.listeners)
        return "" if saver is None else saver.path

    def _look_for_divergence(self, state: OptimizerState | None, bad: int, layer: int) -> None:
        if bad < 0 and state is not None and (layer := self.network.nonfinite_parameter()):
            bad = state.steps  # the last step has no next one whose loss would tell
        if bad >= 0:
            self._diverged(bad, layer)

    def _check_monitors(self) -> None:
        """Refuse callbacks that watch what will not be recorded, before the first epoch and not after it."""
        names, chosen = ["loss"], [metrics.name_of(metric) for metric in self.metrics]
        if self.training is not None:
            names += chosen
        if self.validation is not None:
            accuracy = ["accuracy"] if self.network.spec.gives_probabilities else []
            names += [f"val_{name}" for name in ("loss", *accuracy, *chosen)]
        for listener in self.listeners:
            if isinstance(listener, (EarlyStopping, ReduceOnPlateau)) and listener.monitor not in names:
                hint = ""
                if self.validation is None and listener.monitor.startswith("val_"):
                    hint = "; give validation_data= or validation_split="
                    if self.who == "fit_batches":
                        hint = "; give validation_data="
                raise ValueError(
                    f"{self.who}: {type(listener).__name__} watches {_checks.shown(listener.monitor)}, which "
                    f"is not recorded{hint}; there is {', '.join(names)}"
                )

    def described(self, state: OptimizerState, steps: int) -> dict[str, Any]:
        """Describe what must be the same in a run that goes on, besides its training data."""
        held = self.validation
        return {
            "validation data": held
            and (held.described() if isinstance(held, StreamedExamples) else identity.of_examples(held)),
            "optimizer": identity.of_optimizer(state.optimizer, steps),
            "metrics": [metrics.name_of(metric) for metric in self.metrics],
        }

    def file(
        self,
        state: OptimizerState,
        position: Position,
        describe: Callable[[int], dict[str, Any]],
        length: tuple[int, int],
        spanning: str = "",
    ) -> Unsaved:
        """Return the file of this run, if a callback asks for one."""
        saver = checkpoint.find(self.who, self.listeners)
        if saver is None:
            return Unsaved()
        parts: dict[str, Part] = {"optimizer": state, "history": HistoryState(self.history)}
        return RunFile(
            self.who, saver, self.network, self.shown.extras, position, parts, self.listeners, describe,
            length, spanning,
        )  # fmt: skip

    def _numbers(self) -> dict[str, float]:
        """Compute the metrics of the training data and the numbers of the validation data."""
        values: dict[str, float] = {}
        if self.training is not None and self.metrics:
            numbers = metrics.measure(self.network, self.training, self.metrics, self.threads)
            values.update({name: numbers[name] for name in map(metrics.name_of, self.metrics)})
        if self.validation is not None:
            numbers = metrics.measure(self.network, self.validation, self.metrics, self.threads, scores=True)
            values.update({f"val_{name}": number for name, number in numbers.items()})
        return values

    def _diverged(self, step: int, number: int) -> None:
        layers = self.network.spec.layers
        self.history.diverged_at_step, self.history.diverged_at_layer = step, number
        warnings.warn(
            f"{self.who}: the loss was no longer finite at step {step}, after {self.history.epochs} whole "
            f"epochs, first in layer {number} ({layers[number - 1].activation}); the training ended before "
            "that step; try a smaller learning rate, clip_norm=1.0 of the optimizer, features scaled to "
            "mean 0 and variance 1, or float64",
            DivergenceWarning,
            stacklevel=7,
        )
