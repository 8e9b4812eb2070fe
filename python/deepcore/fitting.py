"""Training runs: checked data, the loop over epochs, and what is done between them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from deepcore import _checks, _core, catalog, metrics, streams
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
from deepcore.lbfgs import LBFGS, minimize
from deepcore.optimizers import OptimizerState, resolve
from deepcore.progress import Progress
from deepcore.streams import Examples
from deepcore.typing import ClassWeight

if TYPE_CHECKING:
    from deepcore.model import Model

__all__ = ["BatchRun", "Run"]

Callback = Callable[[EpochRecord], object]
Metric = str | metrics.Metric
#: Called after an epoch with its number and loss; True ends the run.
OnEpoch = Callable[[int, float], bool]
#: Called several times a second; what it raises ends the run.
OnPoll = Callable[[], None]
#: The epochs' losses; of the first loss that was not finite the step (or -1) and the layer (or 0).
Ending = tuple[Sequence[float], int, int]
Loop = Callable[[OnEpoch | None, OnPoll | None], Ending]


class Options(NamedTuple):
    """What every kind of run takes beside its examples."""

    validation_data: tuple[Any, ...] | None = None
    callbacks: Sequence[Callback] = ()
    threads: int | None = None
    verbose: int = 0
    metrics: Sequence[Metric] = ()


class _Epochs:
    """What is done around epochs, whatever makes them: numbers, history, callbacks, a word on divergence."""

    def __init__(self, who: str, model: Model, options: Options) -> None:
        self.who, self.model = who, model
        self.threads = _checks.threads(who, options.threads)
        for name in ("metrics", "callbacks"):
            value = getattr(options, name)
            if not isinstance(value, Iterable) or isinstance(value, str):
                raise TypeError(f"{who}: {name} must be a list, got {value!r}")
        self.metrics = [metrics.resolve(who, metric, model) for metric in options.metrics]
        self.validation = _validation(who, model, options.validation_data)
        self.training: Examples | None = None  # what metrics of the training data are taken of
        self.listeners: list[Callback] = [*options.callbacks, *([Progress()] if options.verbose else [])]
        refuse_what_cannot_be_called(who, self.listeners)
        self.history = History()

    def run(self, loop: Loop, epochs: int, state: OptimizerState | None) -> History:
        """Run the loop; with nobody listening between epochs it is not interrupted by them."""
        between = bool(self.listeners or self.metrics or self.validation)

        def on_epoch(_: int, loss: float) -> bool:
            values = {"loss": float(loss), **self._numbers()}
            self.history.append(values)
            record = EpochRecord(self.history.epochs - 1, epochs, values, self.model, state)
            return stops(listener(record) for listener in self.listeners)

        self._check_monitors()
        try:
            with listening(self.listeners, self.model):
                losses, bad, layer = loop(on_epoch if between else None, polling(self.listeners))
        except Stopped:
            bad = -1
        if not between:
            for loss in losses:
                self.history.append({"loss": loss})
        if bad < 0 and state is not None:  # the last step has no next one whose loss would tell
            lost = _core.first_nonfinite_row(self.model.flat_parameters)
            if lost >= 0:  # in the last layer that begins at or before it
                bad, layer = state.steps, sum(first <= lost for first, *_ in self.model._layout)
        if bad >= 0:
            self._diverged(bad, layer)
        return self.history

    def _check_monitors(self) -> None:
        """Refuse callbacks that watch what will not be recorded, before the first epoch and not after it."""
        names, chosen = ["loss"], [_name(metric) for metric in self.metrics]
        if self.training is not None:
            names += chosen
        if self.validation is not None:
            output = self.model.layers[-1].activation
            accuracy = ["accuracy"] if catalog.activations[output]["probability"] else []
            names += [f"val_{name}" for name in ("loss", *accuracy, *chosen)]
        for listener in self.listeners:
            if isinstance(listener, (EarlyStopping, ReduceOnPlateau)) and listener.monitor not in names:
                raise KeyError(f"{listener.monitor!r} is not recorded; there is {', '.join(names)}")

    def _numbers(self) -> dict[str, float]:
        """Metrics of the training data and numbers of the validation data, at the present parameters."""
        values: dict[str, float] = {}
        if self.training is not None and self.metrics:
            numbers = measure(self.model, self.training, self.metrics, self.threads)
            values.update({name: numbers[name] for name in map(_name, self.metrics)})
        if self.validation is not None:
            numbers = measure(self.model, self.validation, self.metrics, self.threads, scores=True)
            values.update({f"val_{name}": number for name, number in numbers.items()})
        return values

    def _diverged(self, step: int, number: int) -> None:
        layers = self.model.layers
        self.history.diverged_at_step, self.history.diverged_at_layer = step, number
        warnings.warn(
            f"{self.who}: the loss was no longer finite at step {step}, after {self.history.epochs} whole "
            f"epochs, first in layer {number} ({layers[number - 1].activation}); the training ended before "
            "that step; try a smaller learning rate, clip_norm=1.0 of the optimizer, features scaled to "
            "mean 0 and variance 1, or float64",
            DivergenceWarning,
            stacklevel=5,
        )


class Run:
    """The data of one call of ``fit``, checked once, and the loop over its epochs."""

    def __init__(
        self,
        model: Model,
        X: object,
        y: object,
        sample_weight: object,
        class_weight: ClassWeight,
        options: Options,
        validation_split: float = 0.0,
        who: str = "fit",
    ) -> None:
        self.model, self.who = model, who
        self.data = model._examples(who, X, y, sample_weight, class_weight, mapped=True)
        self.epochs = _Epochs(who, model, options)
        if validation_split:
            self._split(validation_split)
        self.epochs.training = self.data

    def _split(self, part: float) -> None:
        from deepcore.data.preprocessing import split_indices

        if self.epochs.validation is not None:
            raise ValueError(f"{self.who}: validation_split and validation_data exclude each other, got both")
        if not isinstance(part, (float, np.floating)) or not 0 < part < 1:
            raise ValueError(f"{self.who}: validation_split must be a fraction between 0 and 1, got {part!r}")
        m = len(self.data.y)
        if not 0 < round(m * part) < m:
            raise ValueError(
                f"{self.who}: validation_split must leave rows in both parts, got {part}; {m} are too few"
            )
        rows, held_out = split_indices(m, float(part), self.model.seed)
        self.epochs.validation, self.data = self.data.take(held_out), self.data.part(rows)
        for name, data in (("validation", self.epochs.validation), ("training", self.data)):
            if data.weight is not None and not data.weight.any():
                raise ValueError(f"{self.who}: validation_split must leave the {name} part weight, got none")

    def train(self, optimizer: object, epochs: int, batch_size: int | None, shuffle: bool) -> History:
        """Train: all epochs in one native call, unless the examples have to be converted in parts."""
        m, epochs = len(self.data.y), _checks.count(self.who, "epochs", epochs)
        batch = m if batch_size is None else min(m, _checks.count(self.who, "batch_size", batch_size))
        _warn_if_symmetric(self.who, self.model)
        if isinstance(optimizer, LBFGS) and self.who == "fit":
            self.model._state = None
            return self.epochs.run(self._descent(optimizer), optimizer.max_iter, None)
        state = resolve(optimizer, self.model, epochs * -(-m // batch), self.who)
        self.model._state = state if self.who == "partial_fit" else None
        make = self._in_parts if streams.in_parts(self.data.X, self.model.dtype) else self._in_one_call
        return self.epochs.run(make(state, batch, epochs, bool(shuffle)), epochs, state)

    def _descent(self, optimizer: LBFGS) -> Loop:
        def loop(on_epoch: OnEpoch | None, on_poll: OnPoll | None) -> Ending:
            return minimize(self.model, self.data, optimizer, on_epoch, on_poll, self.epochs.threads)

        return loop

    def _in_one_call(self, state: OptimizerState, batch: int, epochs: int, shuffle: bool) -> Loop:
        model, data = self.model, self.data
        started, first_epoch, steps = state.steps, model.epochs_trained, -(-len(data.y) // batch)

        def loop(on_epoch: OnEpoch | None, on_poll: OnPoll | None) -> Ending:
            def counted(epoch: int, loss: float) -> bool:
                model.epochs_trained = epoch + 1  # a copy that a callback makes goes on from here
                return on_epoch is not None and on_epoch(epoch, loss)

            try:
                losses, bad = model._network.train(
                    data.X, data.y, state._native, batch, epochs, shuffle=shuffle, seed=model.seed,
                    first_epoch=first_epoch, sample_weight=data.weight, threads=self.epochs.threads,
                    on_epoch=None if on_epoch is None else counted, on_poll=on_poll,
                )  # fmt: skip
                return losses, int(bad), streams.first_bad_layer(model, data.X) if bad >= 0 else 0
            finally:
                # also after Ctrl-C: the next run must not draw the orders that were used
                model.epochs_trained = first_epoch + -(-(state.steps - started) // steps)

        return loop

    def _in_parts(self, state: OptimizerState, batch: int, epochs: int, shuffle: bool) -> Loop:
        model, data, first_epoch = self.model, self.data, self.model.epochs_trained
        shuffled = shuffle and batch < len(data.y)  # as in the native loop

        def slabs(epoch: int) -> Iterator[streams.Slab]:
            rows = _core.permutation(model.seed, first_epoch + epoch, len(data.y)) if shuffled else None
            return streams.of_rows(data, rows, batch, model.dtype)

        def loop(on_epoch: OnEpoch | None, on_poll: OnPoll | None) -> Ending:
            return streams.train(model, state, slabs, epochs, on_epoch, on_poll, self.epochs.threads)

        return loop


class BatchRun:
    """A run over batches that come from elsewhere, one step each."""

    def __init__(self, model: Model, batches: object, epochs: int, options: Options) -> None:
        self.model = model
        self.count = _checks.count("fit_batches", "epochs", epochs)
        self.batches = streams.reiterable(batches, self.count)
        self.epochs = _Epochs("fit_batches", model, options)

    def train(self, optimizer: object) -> History:
        """Train until the last epoch's batches end."""
        model = self.model
        state = resolve(optimizer, model, 1, "fit_batches")
        _warn_if_symmetric("fit_batches", model)

        def loop(on_epoch: OnEpoch | None, on_poll: OnPoll | None) -> Ending:
            def slabs(_: int) -> Iterable[streams.Slab]:
                return streams.of_batches(model, self.batches())

            return streams.train(model, state, slabs, self.count, on_epoch, on_poll, self.epochs.threads)

        return self.epochs.run(loop, self.count, state)


def measure(
    model: Model, data: Examples, chosen: Sequence[Metric], threads: int, scores: bool = False
) -> dict[str, float]:
    """The chosen metrics of ``data`` by name; with ``scores`` also what ``evaluate`` always tells."""
    values: dict[str, float] = {}
    if scores or "accuracy" in chosen:
        values.update(model._scores(data, threads))
    functions = [metric for metric in chosen if not isinstance(metric, str)]
    if functions:
        outputs = model._outputs(data.X, threads)
        for metric in functions:
            weight = {"sample_weight": data.weight} if isinstance(metric, metrics.Named) else {}
            value = metric(data.y, outputs, **weight)
            try:
                values[_name(metric)] = float(value)
            except (TypeError, ValueError) as error:
                raise TypeError(f"metrics: {_name(metric)} must return a number, got {value!r}") from error
    return values


def _name(metric: Metric) -> str:
    return metric if isinstance(metric, str) else getattr(metric, "__name__", type(metric).__name__)


def _validation(who: str, model: Model, data: tuple[Any, ...] | None) -> Examples | None:
    if data is None:
        return None
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise TypeError(f"{who}: validation_data must be (X, y) or (X, y, sample_weight)")
    X, y, weight = (*data, None)[:3]
    return model._examples(f"{who}: validation_data", X, y, weight, mapped=True)


def _warn_if_symmetric(who: str, model: Model) -> None:
    """Warn if all units of a hidden layer are equal on both sides: they get equal gradients for ever."""
    if any(layer.initializer == "zeros" for layer in model.layers[:-1]):
        return  # the model warned when it was made
    for number, layer in enumerate(model.layers[:-1], start=1):
        W, b, W_next = (model.parameters[name] for name in (f"W{number}", f"b{number}", f"W{number + 1}"))
        # the first two units decide in almost every case, so the whole comparison is rarely made
        if layer.units == 1 or not np.array_equal(W[0], W[1]):
            continue
        if (W[0] == W).all() and (b == b[0]).all() and not np.ptp(W_next, axis=1).any():
            warnings.warn(
                f"{who}: all units of hidden layer {number} are equal and will stay equal; start from random "
                "weights (init='auto')",
                SymmetryWarning,
                stacklevel=4,
            )
