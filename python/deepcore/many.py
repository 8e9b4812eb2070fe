"""Train many networks in one native call: ``fit_many``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np

from deepcore import _checks
from deepcore import metrics as known
from deepcore._keywords import checked
from deepcore._network.examples import Examples, validation_parts
from deepcore._network.network import Network
from deepcore._training.checkpoint import Checkpoints, find
from deepcore._training.factors import StepFactors
from deepcore._training.many import WHO, Fit, SharedExamples, checked_rows, read_files, train
from deepcore.callbacks import (
    Checkpoint,
    EarlyStopping,
    EpochRecord,
    MaxSeconds,
    refuse_what_cannot_be_called,
)
from deepcore.history import History
from deepcore.model import Model
from deepcore.optimizers import Optimizer, OptimizerState, resolve
from deepcore.schedules import LearningRate
from deepcore.typing import Array, ClassWeight, OptimizerName

__all__ = ["checked_models", "fit_many"]

_Optimizer = Optimizer | OptimizerState | OptimizerName
_Metric = str | Callable[[Array, Array], float]


@checked("fit_many")
def fit_many(
    models: Sequence[Model],
    X: object,
    y: object,
    optimizers: _Optimizer | Sequence[_Optimizer] = "adam",
    *,
    rows: Sequence[object] | None = None,
    validation_rows: Sequence[object] | None = None,
    validation_data: tuple[Any, ...] | None = None,
    epochs: int | Sequence[int] = 10,
    batch_size: int | Sequence[int | None] | None = 128,
    shuffle: bool = True,
    drop_last: bool = False,
    sample_weight: object = None,
    class_weight: ClassWeight = None,
    early_stopping: EarlyStopping | None = None,
    callbacks: Sequence[Sequence[Callable[[EpochRecord], object]]] | None = None,
    threads: int | None = None,
    verbose: int = 0,
    metrics: Sequence[_Metric] = (),
    dropout_schedule: LearningRate | None = None,
    smoothing_schedule: LearningRate | None = None,
    checkpoint: Checkpoint | None = None,
) -> list[History]:
    """Train several models in one call: every thread trains whole networks, one after the other.

    Each model ends with the same bits as ``model.fit(X[rows], y[rows], ...)``, for any number of threads.
    With many small networks this is about as many times faster as there are threads, whereas several threads
    gain little within a step of a small network. The networks may differ in layers, sizes, seeds and
    settings. They share X, which is not copied.

    Args:
        models: The models, all different objects of one dtype.
        X: (m, n_x), as ``fit`` takes it, for all models; or a list with one such matrix per model. A
            memory-mapped array of another dtype is converted as a whole.
        y: Targets for all models, as ``fit`` takes them; with a list of X, a list of these.
        optimizers: One description or name for all models, or a list with one per model.
        rows: The rows that each model trains on: a list of arrays of row numbers, of booleans, or None for
            all rows. A row may occur several times, as in a bootstrap sample.
        validation_rows: The rows that each model is evaluated on after every epoch, likewise.
        validation_data: ``(X_val, y_val)`` or ``(X_val, y_val, weights)`` for all models, instead.
        epochs: Passes over the data; one number, or a list with one per model.
        batch_size: Number of examples per step, likewise; None: all of a model's examples in every step.
        shuffle: Draw a new order per epoch, as ``fit`` does.
        drop_last: Leave out the last batch of an epoch if it has fewer examples.
        sample_weight: (m,) weights of the examples, which count in training and validation; with a list of X,
            a list of these.
        class_weight: As in ``fit``; ``"balanced"`` counts the rows that a model trains on.
        early_stopping: The rule that ends the training of a model before its last epoch, for every model on
            its own. ``History.best_epoch`` tells the best epoch.
        callbacks: A list with one list of callbacks per model. They are called by the threads that train,
            one at a time because of Python's lock, and so they cost time. An object with a state, such as
            ``EarlyStopping``, may be in one list only; ``MaxSeconds`` may be in several.
        threads: Number of threads; None: the default of this machine.
        verbose: 1 shows the progress of all on standard error.
        metrics: Further numbers of the validation examples, as in ``fit``; they cost time, like callbacks.
        dropout_schedule: As in ``fit``.
        smoothing_schedule: As in ``fit``.
        checkpoint: Saves the training; the same call after a kill goes on from the files, and each model ends
            with the bits of a call that was never stopped. Every network has a file of its own: the first
            one that of the checkpoint, the others ``run.2.safetensors``, ``run.3.safetensors``, ... for
            ``run.safetensors``. A network whose training is finished is not trained again, and the list may
            become longer.

    Returns:
        The history of each model, as from ``fit``.

    Raises:
        TypeError: if an argument has another type.
        ValueError: if a shape, a row or a value is not allowed, or the file of a network belongs to another
            training; the message names the model.
        RuntimeError: if a model is already being trained.

    A loss that is not finite ends the training of its model with a ``DivergenceWarning``, and the others go
    on. Ctrl-C, and an exception in a callback, end all of them; every model keeps the steps made so far.

    Example:
        >>> import deepcore as dc
        >>> import numpy as np
        >>> X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
        >>> models = [dc.mlp([2, 8, 1], activation="tanh", seed=seed) for seed in range(3)]
        >>> histories = dc.fit_many(models, X, [0, 1, 1, 0], dc.Adam(0.1), epochs=100, batch_size=None)
        >>> [history.epochs for history in histories]
        [100, 100, 100]
    """
    call = _Call(
        _different_models(models), validation_data, shuffle, drop_last, class_weight, early_stopping, metrics,
        dropout_schedule, smoothing_schedule, checkpoint,
    )  # fmt: skip
    call.give_data(X, y, sample_weight)
    call.give_settings(optimizers, epochs, batch_size, rows, validation_rows, callbacks)
    number_of_threads = _checks.threads(WHO, threads)
    held: list[AbstractContextManager[None]] = []
    try:
        for number, model in enumerate(call.models):
            turn = model.network.exclusive(call.head(number))
            turn.__enter__()  # not in a helper: the function that enters owns the network
            held.append(turn)
        fits = [call.fit(number) for number in range(len(call.models))]
        read_files(fits, call.shared)
        for model in call.models:
            model.forget_optimizer()
        return train(fits, number_of_threads, verbose)
    finally:
        call.sum_up()
        for one in reversed(held):
            one.__exit__(None, None, None)


def checked_models(who: str, models: object) -> list[Model]:
    """Check a list of models."""
    if not isinstance(models, Sequence) or not all(isinstance(model, Model) for model in models):
        raise TypeError(f"{who}: models must be a list of deepcore.Model, got {_checks.shown(models)}")
    if not models:
        raise ValueError(f"{who}: models must hold at least one model, got none")
    return list(models)


def _different_models(models: object) -> list[Model]:
    """Check a list of models that can be trained side by side."""
    found = checked_models(WHO, models)
    first: dict[int, int] = {}
    for number, model in enumerate(found):
        if (other := first.setdefault(id(model.network), number)) != number:
            raise ValueError(
                f"{WHO}: models must be different, but model {number} is model {other}; use model.copy()"
            )
        if model.dtype != found[0].dtype:
            raise ValueError(
                f"{WHO}: models must have one dtype, got {found[0].dtype} and {model.dtype} (model {number})"
            )
    return found


class _Call:
    """Check the arguments of one call, and give each network its part of them."""

    def __init__(
        self,
        models: list[Model],
        validation_data: tuple[Any, ...] | None,
        shuffle: bool,
        drop_last: bool,
        class_weight: ClassWeight,
        early_stopping: EarlyStopping | None,
        metrics: Sequence[_Metric],
        dropout_schedule: LearningRate | None,
        smoothing_schedule: LearningRate | None,
        checkpoint: Checkpoint | None,
    ) -> None:
        if early_stopping is not None and not isinstance(early_stopping, EarlyStopping):
            raise TypeError(
                f"{WHO}: early_stopping must be an EarlyStopping or None, got {_checks.shown(early_stopping)}"
            )
        if checkpoint is not None and not isinstance(checkpoint, Checkpoint):
            raise TypeError(
                f"{WHO}: checkpoint must be a Checkpoint or None, got {_checks.shown(checkpoint)}"
            )
        self.models = models
        self._validation_data = validation_parts(WHO, validation_data)
        self._shuffle, self._drop_last = bool(shuffle), bool(drop_last)
        self._class_weight = class_weight
        self._early_stopping, self._metrics = early_stopping, metrics
        self._schedules = dropout_schedule, smoothing_schedule
        self._saved = None if checkpoint is None else Checkpoints(checkpoint)
        self._checkpoints = [None] * len(models) if self._saved is None else self._saved.several(len(models))
        self.shared = SharedExamples()

    def head(self, number: int) -> str:
        """Return the head of messages about a network."""
        return f"{WHO}: network {number}"

    def give_data(self, X: object, y: object, sample_weight: object) -> None:
        """Take one data set for all networks, or lists with one for each."""
        k = len(self.models)
        separate = isinstance(X, (list, tuple)) and len(X) > 0 and np.ndim(X[0]) == 2
        self._X: list[Any]
        self._y: list[Any]
        self._weights: list[Any]
        self._X, self._y, self._weights = (
            [
                _one_for_each(name, value, k)
                for name, value in (("X", X), ("y", y), ("sample_weight", sample_weight))
            ]
            if separate
            else [[value] * k for value in (X, y, sample_weight)]
        )

    def give_settings(
        self,
        optimizers: object,
        epochs: object,
        batch_size: object,
        rows: object,
        validation_rows: object,
        callbacks: object,
    ) -> None:
        """Take what may differ between the networks."""
        k = len(self.models)
        if validation_rows is not None and self._validation_data is not None:
            raise ValueError(f"{WHO}: validation_rows and validation_data exclude each other, got both")
        self._optimizers = _same_or_each("optimizers", optimizers, k)
        self._epochs = _same_or_each("epochs", epochs, k)
        self._batch_sizes = _same_or_each("batch_size", batch_size, k)
        self._rows = _one_for_each("rows", rows, k)
        self._validation_rows = _one_for_each("validation_rows", validation_rows, k)
        self._callbacks = _one_for_each("callbacks", callbacks, k)
        _refuse_shared_states(self._callbacks)

    def fit(self, number: int) -> Fit:
        """Check what a network gets."""
        head, model = self.head(number), self.models[number]
        network, spec = model.network, model.spec
        data = self.shared.of(head, network, self._X[number], self._y[number], self._weights[number])
        m = len(data.y)
        rows = checked_rows(head, "rows", self._rows[number], m)
        held_out = checked_rows(head, "validation_rows", self._validation_rows[number], m)
        validation = data if held_out is not None else None
        if self._validation_data is not None:
            validation = self.shared.of(f"{head}: validation_data", network, *self._validation_data)
        if self._class_weight is not None:
            given = self.shared.sample_weight(head, self._weights[number], m)
            data = self._weighted(head, network, replace(data, weight=given), rows)
        count = m if rows is None else len(rows)
        epochs, size = _checks.count(head, "epochs", self._epochs[number]), self._batch_sizes[number]
        batch = count if size is None else min(count, _checks.count(head, "batch_size", size))
        steps = count // batch if self._drop_last else -(-count // batch)
        callbacks = list(self._callbacks[number] or ())
        refuse_what_cannot_be_called(head, callbacks)
        if find(head, callbacks):
            raise ValueError(f"{head}: callbacks must hold no Checkpoint here; give it as checkpoint=")
        return Fit(
            index=number,
            network=network,
            shown=model,
            state=resolve(self._optimizers[number], network, epochs * steps, head),
            data=data,
            rows=rows,
            epochs=epochs,
            batch=batch,
            shuffle=self._shuffle,
            drop_last=self._drop_last,
            factors=StepFactors(head, spec, *self._schedules),
            validation=validation,
            validation_rows=held_out,
            early_stopping=self._early_stopping,
            callbacks=callbacks,
            metrics=known.chosen(head, self._metrics, spec),
            checkpoint=self._checkpoints[number],
        )

    def sum_up(self) -> None:
        """Tell the checkpoint how the call ended."""
        if self._saved is not None:
            self._saved.sum_up()

    def _weighted(self, head: str, network: Network, data: Examples, rows: Array | None) -> Examples:
        """Multiply the weights of the rows that a network trains on by those of their classes."""
        if rows is None:
            return network.weighted(head, data, self._class_weight)
        whole = np.zeros(len(data.y), network.spec.dtype)
        whole[rows] = network.weighted(head, data.take(rows), self._class_weight).weight
        return replace(data, weight=whole)


def _refuse_shared_states(callbacks: Sequence[Sequence[object] | None]) -> None:
    """Refuse a callback with a state in the lists of two networks; the time of MaxSeconds is the call's."""
    first: dict[int, int] = {}
    for number, listed in enumerate(callbacks):
        for callback in listed or ():
            if not hasattr(callback, "set_state") or isinstance(callback, MaxSeconds):
                continue
            if (other := first.setdefault(id(callback), number)) != number:
                raise ValueError(
                    f"{WHO}: callbacks must hold another {type(callback).__name__} for each network, because "
                    f"it keeps the state of one training, but networks {other} and {number} share one"
                )


def _same_or_each(name: str, value: object, k: int) -> list[Any]:
    """Return a list with one value for each network, from one value for all or from such a list."""
    several = isinstance(value, (list, tuple, np.ndarray))
    return _one_for_each(name, value, k) if several else [value] * k


def _one_for_each(name: str, values: object, k: int) -> list[Any]:
    """Check a list with one value for each network; None means None for all."""
    if values is None:
        return [None] * k
    if not isinstance(values, (list, tuple, np.ndarray)):
        raise TypeError(f"{WHO}: {name} must be a list with one entry per model, got {_checks.shown(values)}")
    if len(values) != k:
        raise ValueError(f"{WHO}: {name} must have {k} entries, one per model, got {len(values)}")
    return list(values)
