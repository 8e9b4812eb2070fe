"""One training run: checked data, the native loop, and what is done between epochs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deepcore import catalog, door
from deepcore.callbacks import EpochRecord, Progress
from deepcore.history import History
from deepcore.layers import SymmetryWarning
from deepcore.optimizers import resolve
from deepcore.typing import Array, ClassWeight

if TYPE_CHECKING:
    from deepcore.model import Model

__all__ = ["DivergenceWarning", "Run"]

Callback = Callable[[EpochRecord], object]
Metric = Callable[[Array, Array], float]


class DivergenceWarning(UserWarning):
    """A training run ended because its loss was no longer a finite number."""


class Run:
    """The data of one call of ``fit``, checked once, and the loop over its epochs."""

    def __init__(
        self,
        model: Model,
        X: object,
        y: object,
        sample_weight: object,
        class_weight: ClassWeight,
        validation_data: tuple[Any, ...] | None,
        metrics: Sequence[str | Metric],
        threads: int | None,
    ) -> None:
        self.model = model
        self.X, self.y, self.weight = model._examples("fit", X, y, sample_weight, class_weight)
        self.validation = self._validation(validation_data)
        self.metrics = [self._metric(metric) for metric in metrics]
        self.threads = door.threads("fit", threads)
        self.history = History()

    def _validation(self, data: tuple[Any, ...] | None) -> tuple[Array, Array, Array | None] | None:
        if data is None:
            return None
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise TypeError("fit: validation_data must be (X, y) or (X, y, sample_weight)")
        return self.model._examples(
            "fit: validation_data", data[0], data[1], data[2] if len(data) == 3 else None
        )

    def _metric(self, metric: str | Metric) -> str | Metric:
        if callable(metric):
            return metric
        catalog.lookup(catalog.metrics, metric, "fit: metrics")
        output = self.model.layers[-1].activation
        if not catalog.activations[output]["probability"]:
            raise ValueError(f"fit: metrics: {metric} needs a sigmoid or softmax output, got {output}")
        return metric

    def train(
        self,
        optimizer: object,
        epochs: int,
        batch_size: int | None,
        shuffle: bool,
        callbacks: Sequence[Callback],
        verbose: int,
        order: Array | None = None,
    ) -> History:
        """Run the native loop; with nobody listening between epochs, in one call.

        ``order``, int64 (m,) or (epochs * m,), names the examples in the order of their visit and replaces
        the shuffle: for callers that draw it themselves.
        """
        model, m = self.model, self.X.shape[0]
        epochs = door.count("fit", "epochs", epochs)
        batch = m if batch_size is None else door.count("fit", "batch_size", batch_size)
        steps = epochs * -(-m // batch)
        listeners: list[Callback] = [*callbacks, *([Progress()] if verbose else [])]
        for listener in listeners:
            if not callable(listener):
                raise TypeError(f"fit: callbacks must be callable, got {type(listener).__name__}")
        state = resolve(optimizer, model, steps)
        _warn_if_symmetric(model)

        listening = bool(listeners or self.metrics or self.validation)
        started, first_epoch = state.steps, model.epochs_trained

        def on_epoch(_: int, loss: float) -> bool:
            values = {"loss": float(loss), **self._numbers()}
            self.history.append(values)
            record = EpochRecord(self.history.epochs - 1, epochs, values, model)
            # every listener hears of the epoch, also when an earlier one ends the run
            answers = [listener(record) for listener in listeners]
            return any(isinstance(answer, (bool, np.bool_)) and bool(answer) for answer in answers)

        try:
            losses, bad = model._network.train(
                self.X, self.y, state._native, 0 if batch_size is None else batch, epochs,
                shuffle=bool(shuffle), seed=model.seed, first_epoch=first_epoch, sample_weight=self.weight,
                on_epoch=on_epoch if listening else None, threads=self.threads,
                order=order,
            )  # fmt: skip
        finally:
            # also after Ctrl-C: the next run must not draw the orders that were used
            model.epochs_trained = first_epoch + -(-(state.steps - started) // (steps // epochs))
            for listener in listeners:
                on_end = getattr(listener, "on_end", None)
                if on_end is not None:
                    on_end(model)
        if not listening:
            for loss in losses:
                self.history.append({"loss": loss})
        if bad >= 0:
            self._diverged(int(bad))
        return self.history

    def _numbers(self) -> dict[str, float]:
        """Metrics of the training data and numbers of the validation data, at the present parameters."""
        model, values = self.model, {}
        for metric in self.metrics:
            if isinstance(metric, str):
                values[metric] = model._evaluate(self.X, self.y, self.weight, self.threads)[metric]
        functions = [metric for metric in self.metrics if not isinstance(metric, str)]
        if functions:
            outputs = np.asarray(model._network.predict(self.X, threads=self.threads))
            values.update({_name(metric): float(metric(self.y, outputs)) for metric in functions})
        if self.validation is not None:
            X, y, weight = self.validation
            numbers = model._evaluate(X, y, weight, self.threads)
            values.update({f"val_{name}": number for name, number in numbers.items()})
            if functions:
                outputs = np.asarray(model._network.predict(X, threads=self.threads))
                values.update({f"val_{_name(metric)}": float(metric(y, outputs)) for metric in functions})
        return values

    def _diverged(self, step: int) -> None:
        layers = self.model.layers
        # where all Z and A are finite, it is the loss of the outputs that is not
        number = int(self.model._network.nonfinite_layer(self.X)) or len(layers)
        self.history.diverged_at_step, self.history.diverged_at_layer = step, number
        warnings.warn(
            f"fit: the loss was no longer finite at step {step}, after {self.history.epochs} whole epochs, "
            f"first in layer {number} ({layers[number - 1].activation}); the training ended before that "
            "step; try a smaller learning rate, clip_norm=1.0 of the optimizer, features scaled to mean 0 "
            "and variance 1, or float64",
            DivergenceWarning,
            stacklevel=4,
        )


def _name(metric: Metric) -> str:
    return getattr(metric, "__name__", type(metric).__name__)


def _warn_if_symmetric(model: Model) -> None:
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
                f"fit: all units of hidden layer {number} are equal and will stay equal; start from random "
                "weights (init='auto')",
                SymmetryWarning,
                stacklevel=4,
            )
