"""One call of ``fit``, ``partial_fit`` or ``fit_batches``: its epochs, and what is done between them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from typing import Any, NamedTuple

import numpy as np

from deepcore import _checks, _core, metrics
from deepcore._network.examples import Examples, in_parts
from deepcore._network.network import Network
from deepcore._training import batches
from deepcore._training.factors import StepFactors
from deepcore._training.lbfgs import minimize
from deepcore.callbacks import (
    EarlyStopping,
    EpochRecord,
    ReduceOnPlateau,
    Stopped,
    listening,
    polling,
    refuse_what_cannot_be_called,
    stops,
)
from deepcore.exceptions import DivergenceWarning, SymmetryWarning
from deepcore.history import History
from deepcore.optimizers import LBFGS, OptimizerState, resolve
from deepcore.schedules import LearningRate, spans_the_run
from deepcore.typing import Trained

__all__ = ["BatchRun", "Run", "Settings"]

Callback = Callable[[EpochRecord], object]
Metric = str | metrics.Metric
#: Called after an epoch with its number and loss; True ends the run.
OnEpoch = Callable[[int, float], bool]
#: Called several times a second; what it raises ends the run.
OnPoll = Callable[[], None]
#: The epochs' losses; of the first loss that was not finite the step (or -1) and the layer (or 0).
Ending = tuple[Sequence[float], int, int]
Loop = Callable[[OnEpoch | None, OnPoll | None], Ending]


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
        dropout_schedule: Factors by step on the network's rates of dropout.
        smoothing_schedule: Factors by step on its label smoothing.
    """

    who: str
    shown: Trained
    validation_data: tuple[Any, ...] | None = None
    callbacks: Sequence[Callback] = ()
    threads: int | None = None
    verbose: int = 0
    metrics: Sequence[Metric] = ()
    dropout_schedule: LearningRate | None = None
    smoothing_schedule: LearningRate | None = None


class _Epochs:
    """The work between epochs, whatever trains them: metrics, history, callbacks, divergence."""

    def __init__(self, network: Network, settings: Settings) -> None:
        self.network, self.who, self.shown = network, settings.who, settings.shown
        self.threads = _checks.threads(self.who, settings.threads)
        for name in ("metrics", "callbacks"):
            _checks.listed(self.who, name, getattr(settings, name))
        output, outputs = network.spec.output, network.spec.outputs
        self.metrics = [metrics.resolve(self.who, metric, output, outputs) for metric in settings.metrics]
        self.validation = self._validation(settings.validation_data)
        self.training: Examples | None = None  # the training data that metrics are taken of, if any
        self.listeners: list[Callback] = list(settings.callbacks)
        if settings.verbose:
            from deepcore.progress import Progress

            self.listeners.append(Progress())
        refuse_what_cannot_be_called(self.who, self.listeners)
        self.history = History()

    def _validation(self, data: tuple[Any, ...] | None) -> Examples | None:
        if data is None:
            return None
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise TypeError(f"{self.who}: validation_data must be (X, y) or (X, y, sample_weight)")
        X, y, weight = (*data, None)[:3]
        return self.network.check(f"{self.who}: validation_data", X, y, weight, mapped=True).kept()

    def run(self, loop: Loop, epochs: int, state: OptimizerState | None) -> History:
        """Run the loop, which is not interrupted between epochs if there is nothing to do."""
        between = bool(self.listeners or self.metrics or self.validation)

        def on_epoch(_: int, loss: float) -> bool:
            values = {"loss": float(loss), **self._numbers()}
            self.history.append(values)
            record = EpochRecord(self.history.epochs - 1, epochs, values, self.shown, state)
            return stops(listener(record) for listener in self.listeners)

        self._check_monitors()
        try:
            with self.network.trainer():
                if self.listeners:
                    self.network.share()
                with listening(self.listeners, self.shown):
                    losses, bad, layer = loop(on_epoch if between else None, polling(self.listeners))
        except Stopped:
            bad = -1
        if not between:
            for loss in losses:
                self.history.append({"loss": loss})
        if bad < 0 and state is not None and (layer := self.network.nonfinite_parameter()):
            bad = state.steps  # the last step has no next one whose loss would tell
        if bad >= 0:
            self._diverged(bad, layer)
        return self.history

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
            stacklevel=6,
        )


class Run:
    """The run of one call of ``fit`` or ``partial_fit`` over checked examples.

    Args:
        network: What is trained.
        data: Checked examples; a memory-mapped X may have another dtype.
        settings: The rest of the call's arguments.
        validation_split: Fraction of the examples that is set aside as validation data.
    """

    def __init__(
        self, network: Network, data: Examples, settings: Settings, validation_split: float = 0.0
    ) -> None:
        self.network, self.who, self.data = network, settings.who, data
        self.epochs = _Epochs(network, settings)
        self.factors = StepFactors(
            self.who, network.spec, settings.dropout_schedule, settings.smoothing_schedule
        )
        if isinstance(validation_split, np.ndarray) or validation_split:
            self._split(validation_split)
        self.epochs.training = self.data

    def _split(self, part: float) -> None:
        if self.epochs.validation is not None:
            raise ValueError(f"{self.who}: validation_split and validation_data exclude each other, got both")
        if not isinstance(part, (float, np.floating)) or not 0 < part < 1:
            raise ValueError(
                f"{self.who}: validation_split must be a fraction between 0 and 1, got {_checks.shown(part)}"
            )
        m = len(self.data.y)
        if not 0 < round(m * part) < m:
            raise ValueError(
                f"{self.who}: validation_split must leave rows in both parts, got {part}; {m} are too few"
            )
        from deepcore.data.splits import split_indices  # loads all readers of data files

        rows, held_out = split_indices(m, float(part), self.network.spec.seed)
        self.epochs.validation, self.data = self.data.take(held_out), self.data.part(rows)
        for name, data in (("validation", self.epochs.validation), ("training", self.data)):
            if data.weight is not None and not data.weight.any():
                raise ValueError(f"{self.who}: validation_split must leave the {name} part weight, got none")

    def lengths(self, epochs: int, batch_size: int | None) -> tuple[int, int, int]:
        """Check and return the numbers of epochs, of examples per step, and of steps in all."""
        m, epochs = len(self.data.y), _checks.count(self.who, "epochs", epochs)
        batch = m if batch_size is None else min(m, _checks.count(self.who, "batch_size", batch_size))
        return epochs, batch, epochs * -(-m // batch)

    def train(self, state: OptimizerState | LBFGS, epochs: int, batch: int, shuffle: bool) -> History:
        """Train: all epochs in one native call, unless the examples have to be converted in parts."""
        _warn_if_symmetric(self.who, self.network)
        if isinstance(state, LBFGS):
            if self.factors:
                raise ValueError(
                    f"{self.who}: schedules must be None with LBFGS(), which has no steps to count"
                )
            return self.epochs.run(self._descent(state), state.max_iter, None)
        make = self._in_parts if in_parts(self.data.X, self.network.spec.dtype) else self._in_one_call
        return self.epochs.run(make(state, batch, epochs, shuffle), epochs, state)

    def _descent(self, optimizer: LBFGS) -> Loop:
        def loop(on_epoch: OnEpoch | None, on_poll: OnPoll | None) -> Ending:
            return minimize(self.network, self.data, optimizer, on_epoch, on_poll, self.epochs.threads)

        return loop

    def _in_one_call(self, state: OptimizerState, batch: int, epochs: int, shuffle: bool) -> Loop:
        network, data = self.network, self.data
        started, first_epoch, steps = state.steps, network.epochs_trained, -(-len(data.y) // batch)

        def loop(on_epoch: OnEpoch | None, on_poll: OnPoll | None) -> Ending:
            def counted(epoch: int, loss: float) -> bool:
                network.epochs_trained = epoch + 1  # a copy that a callback makes goes on from here
                return on_epoch is not None and on_epoch(epoch, loss)

            try:
                losses, bad = network.train(
                    data, state.native, batch, epochs, shuffle=shuffle, first_epoch=first_epoch,
                    threads=self.epochs.threads, on_epoch=None if on_epoch is None else counted,
                    on_poll=on_poll, factors=self.factors.native(started + epochs * steps),
                )  # fmt: skip
                return losses, bad, network.first_bad_layer(data.X) if bad >= 0 else 0
            finally:
                # also after Ctrl-C: the next run must not draw the orders that were used
                network.epochs_trained = first_epoch + -(-(state.steps - started) // steps)

        return loop

    def _in_parts(self, state: OptimizerState, batch: int, epochs: int, shuffle: bool) -> Loop:
        network, data, first_epoch = self.network, self.data, self.network.epochs_trained
        shuffled = shuffle and batch < len(data.y)  # as in the native loop

        def slabs(epoch: int) -> Iterator[batches.Slab]:
            seed, number = network.spec.seed, first_epoch + epoch
            rows = _core.permutation(seed, number, len(data.y)) if shuffled else None
            return batches.of_rows(data, rows, batch, network.spec.dtype)

        def loop(on_epoch: OnEpoch | None, on_poll: OnPoll | None) -> Ending:
            threads, last = self.epochs.threads, state.steps + epochs * -(-len(data.y) // batch)
            factors = self.factors.native(last)
            return _train_on_slabs(network, state, slabs, epochs, on_epoch, on_poll, threads, factors)

        return loop


class BatchRun:
    """The run of one call of ``fit_batches``: batches come from elsewhere, and each is one step."""

    def __init__(self, network: Network, given: object, epochs: int, settings: Settings) -> None:
        self.network = network
        self.count = _checks.count("fit_batches", "epochs", epochs)
        self.given = given
        self.batches = batches.reiterable(given, self.count)
        self.epochs = _Epochs(network, settings)

    def _steps(self, optimizer: object) -> int:
        """Return the number of steps of the whole run; 1 if it is not known and no schedule needs it."""
        if isinstance(self.given, Sized):
            return max(1, self.count * len(self.given))
        rate = getattr(optimizer, "learning_rate", None)
        if not isinstance(optimizer, OptimizerState) and spans_the_run(rate):
            raise ValueError(
                f"fit_batches: the schedule {rate!r} spans the whole run, but the number of batches is not "
                "known; give the schedule steps=, or pass a list of batches"
            )
        return 1

    def train(self, optimizer: object) -> History:
        """Train until the last epoch's batches end."""
        network = self.network
        state = resolve(optimizer, network, self._steps(optimizer), "fit_batches")
        _warn_if_symmetric("fit_batches", network)

        def loop(on_epoch: OnEpoch | None, on_poll: OnPoll | None) -> Ending:
            def slabs(_: int) -> Iterable[batches.Slab]:
                return batches.of_batches(network, self.batches())

            threads = self.epochs.threads
            return _train_on_slabs(network, state, slabs, self.count, on_epoch, on_poll, threads)

        return self.epochs.run(loop, self.count, state)


def _train_on_slabs(
    network: Network,
    state: OptimizerState,
    slabs: Callable[[int], Iterable[batches.Slab]],
    epochs: int,
    on_epoch: OnEpoch | None,
    on_poll: OnPoll | None,
    threads: int,
    factors: Mapping[str, _core.Schedule] | None = None,
) -> Ending:
    """The loop of the native ``train`` over slabs: losses, the step that was not finite or -1, its layer."""
    losses: list[float] = []
    network.share()
    for epoch in range(epochs):
        total = weight = 0.0
        for number, (data, batch) in enumerate(slabs(epoch)):
            if number == 0:  # also if Ctrl-C ends the epoch: its order is used up
                network.epochs_trained += 1
            steps = -(-len(data.y) // batch)
            state.prepare(steps)
            share = data.total_weight()
            if share == 0:  # as in the native loop, the steps count and nothing moves
                state.skip(steps)
                continue
            (*loss,), bad = network.train(
                data, state.native, batch, 1, first_epoch=network.epochs_trained - 1, threads=threads,
                on_poll=on_poll, factors=factors,
            )  # fmt: skip
            if bad >= 0:
                return losses, bad, network.first_bad_layer(data.X)
            total += loss[0] * share
            weight += share
        if weight == 0:
            raise ValueError(
                f"fit_batches: batches must hold an example with weight, got none in epoch {epoch}"
            )
        losses.append(total / weight)
        network.share()
        if on_epoch is not None and on_epoch(epoch, losses[-1]):
            break
    return losses, -1, 0


def _warn_if_symmetric(who: str, network: Network) -> None:
    """Warn if all units of a hidden layer are equal on both sides: they get equal gradients for ever."""
    layers, parameters = network.spec.layers, network.parameters
    if any(layer.initializer == "zeros" for layer in layers[:-1]):
        return  # the model warned when it was made
    for number, layer in enumerate(layers[:-1], start=1):
        W, b, W_next = (parameters[name] for name in (f"W{number}", f"b{number}", f"W{number + 1}"))
        # the first two units decide in almost every case, so the whole comparison is rarely made
        if layer.units == 1 or not np.array_equal(W[0], W[1]):
            continue
        if (W[0] == W).all() and (b == b[0]).all() and not np.ptp(W_next, axis=1).any():
            warnings.warn(
                f"{who}: all units of hidden layer {number} are equal and will stay equal; start from random "
                "weights (init='auto')",
                SymmetryWarning,
                stacklevel=5,
            )
