"""Many networks at once: ``fit_many`` trains them in one call, and an ``Ensemble`` averages their outputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from deepcore import _checks, _core
from deepcore import metrics as known
from deepcore._keywords import checked, checked_class
from deepcore._labels import labels
from deepcore._network.examples import Examples, validation_parts, weights
from deepcore._network.network import Network
from deepcore._network.spec import Spec
from deepcore._predicting import evaluation, predicted, predicted_labels
from deepcore._training.checkpoint import Checkpoints, find
from deepcore._training.factors import StepFactors
from deepcore._training.many import WHO, Fit, SharedExamples, checked_rows, train
from deepcore._training.writing import Savings
from deepcore.callbacks import Checkpoint, EarlyStopping, EpochRecord, refuse_what_cannot_be_called
from deepcore.files import model_file
from deepcore.files.computation import of_networks
from deepcore.history import History
from deepcore.model import Model
from deepcore.optimizers import Optimizer, OptimizerState, resolve
from deepcore.schedules import LearningRate
from deepcore.typing import Array, ClassWeight, DTypeLike, OptimizerName, Predictor

if TYPE_CHECKING:
    from deepcore.files.c_header import CHeader

__all__ = ["Ensemble", "fit_many"]

_Optimizer = Optimizer | OptimizerState | OptimizerName
_Metric = str | Callable[[Array, Array], float]


@checked_class
class Ensemble:
    """Average the outputs of several models, such as the folds or the seeds of one search.

    Args:
        models: Models with the same inputs, outputs, output activation, loss and dtype; their hidden layers
            may differ.
        extras: JSON data that is saved with the models.

    Raises:
        TypeError: if ``models`` does not hold models.
        ValueError: if there are none, or they do not fit together.

    Example:
        >>> import numpy as np, deepcore as dc
        >>> models = [dc.mlp([2, 4, 3], seed=seed) for seed in range(5)]
        >>> ensemble = dc.Ensemble(models)
        >>> ensemble.predict(np.zeros((10, 2))).shape
        (10, 3)
    """

    def __init__(self, models: Sequence[Model], extras: Mapping[str, Any] | None = None) -> None:
        self._models = tuple(_models("Ensemble", models))
        for number, model in enumerate(self._models):
            if (got := _interface(model.spec)) != (first := _interface(self._models[0].spec)):
                raise ValueError(
                    f"Ensemble: models must have the same inputs, outputs, output, loss and dtype, but model "
                    f"{number} has {_checks.shown(got)} and model 0 has {_checks.shown(first)}"
                )
        self.extras: dict[str, Any] = dict(extras or {})
        self._average = _Average(self._models)

    @property
    def models(self) -> tuple[Model, ...]:
        """The models."""
        return self._models

    @property
    def spec(self) -> Spec:
        """The description of the first model; inputs, outputs, loss and dtype are those of all."""
        return self._models[0].spec

    @property
    def inputs(self) -> int:
        """n_x, number of features."""
        return self.spec.inputs

    @property
    def outputs(self) -> int:
        """n_L, number of output units."""
        return self.spec.outputs

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return self.spec.dtype

    @checked("predict")
    def predict(self, X: object, *, threads: int | None = None) -> Array:
        """Compute the mean of the models' outputs, one row per example.

        Args:
            X: (m, n_x), or one example (n_x,); dense, or a scipy.sparse matrix.
            threads: Number of threads; None: the default.

        Returns:
            (m, n_L), or (n_L,) for one example.

        Raises:
            TypeError: if X does not hold real numbers.
            ValueError: if a shape is wrong or X is not finite.
        """
        return predicted(self._average, X, None, threads)

    @checked("predict_labels")
    def predict_labels(self, X: object, *, threshold: float = 0.5, threads: int | None = None) -> Array:
        """Predict labels: the largest mean output of a softmax, or 1 where a sigmoid's exceeds ``threshold``.

        Args:
            X: (m, n_x), or one example (n_x,).
            threshold: For sigmoid outputs; an output that equals it gives label 0.
            threads: Number of threads; None: the default.

        Returns:
            int64, (m,) for softmax or one sigmoid output, (m, n_L) for several; one example drops the first
            axis.

        Raises:
            ValueError: if the outputs are not probabilities, or are NaN, and whatever ``predict`` raises.
        """
        return predicted_labels(self._average, X, threshold, threads)

    @checked("evaluate")
    def evaluate(
        self,
        X: object,
        y: object,
        *,
        sample_weight: object = None,
        threads: int | None = None,
        metrics: Sequence[_Metric] = (),
    ) -> dict[str, float]:
        """Compute the loss of the averaged outputs, the accuracy of classifiers, and further metrics.

        Args:
            X: (m, n_x); y and sample_weight are those of ``Model.fit``.
            threads: Number of threads; None: the default.
            metrics: Names of ``deepcore.metrics``, or functions ``metric(y, outputs)``.

        Returns:
            ``{"loss": ..., "accuracy": ...}``; without accuracy if the output is neither sigmoid nor softmax.
            The loss has no penalty and no label smoothing.
        """
        return evaluation(self._average, X, y, sample_weight, threads, metrics)

    def summary(self) -> str:
        """Say how many models there are, and show the layers of each kind among them as a table.

        Example:
            >>> import deepcore as dc
            >>> print(dc.Ensemble([dc.mlp([2, 1]), dc.mlp([2, 1])]).summary())
            2 of 2 models:
            layer  units  activation       W       b       Z       A  parameters
            --------------------------------------------------------------------
                0      2  (input)                             (2, m)
                1      1  sigmoid     (1, 2)  (1, 1)  (1, m)  (1, m)           3
            3 parameters; loss binary_cross_entropy; float32; m: number of examples
        """
        kinds: dict[str, int] = {}
        for model in self._models:
            shown = str(model.summary())
            kinds[shown] = kinds.get(shown, 0) + 1
        return "\n".join(f"{count} of {len(self)} models:\n{shown}" for shown, count in kinds.items())

    def save(self, path: str | os.PathLike[str], extras: Mapping[str, Any] | None = None) -> None:
        """Write all models to one safetensors file, which ``deepcore.load`` reads; see ``Model.save``.

        Args:
            path: The file.
            extras: JSON data to keep with the ensemble; replaces ``extras``. None: ``extras`` is written.

        Raises:
            OSError: if the file cannot be written; nothing is left behind.
            ValueError: if a parameter is not finite or ``extras`` is not JSON data.
        """
        chosen = self.extras if extras is None else dict(extras)
        members = [model_file.Contents(model.network, model.extras) for model in self._models]
        model_file.write_members(path, members, chosen)
        self.extras = chosen

    @checked("predictor")
    def predictor(self, *, weights: Literal["bfloat16", "int8"] | None = None) -> Predictor:
        """Make a copy for predictions where microseconds count; see ``Model.predictor``.

        Args:
            weights: Of fewer bits, ``"bfloat16"`` or ``"int8"``; None: the models' own.

        Raises:
            ValueError: if ``weights`` is something else, or the models are not float32.

        Example:
            >>> import deepcore as dc
            >>> p = dc.Ensemble([dc.mlp([2, 4, 1]), dc.mlp([2, 8, 1])]).predictor()
            >>> p(np.zeros(2, np.float32))
            array([0.5], dtype=float32)
        """
        return _MeanPredictor([model.predictor(weights=weights) for model in self._models], self.dtype)

    @checked("to_onnx")
    def to_onnx(
        self, path: str | os.PathLike[str], *, dtype: DTypeLike | None = None, fold: bool = False
    ) -> None:
        """Write an ONNX file with the input X and the mean outputs Y; see ``Model.to_onnx``.

        Args:
            path: The file; an old one is replaced as a whole.
            dtype: ``"float32"`` or ``"float64"``; None: the models' dtype.
            fold: Make batch norms part of the weights as well.

        Raises:
            ModuleNotFoundError: if onnx is not installed.
            OSError: if the file cannot be written.
            ValueError: if a parameter is not finite.
        """
        from deepcore.files import onnx

        kind = None if dtype is None else _checks.dtype("to_onnx", dtype)
        networks = [model.network for model in self._models]
        describe = partial(of_networks, "to_onnx", fold=_checks.flag("to_onnx", "fold", fold))
        onnx.write(path, networks, describe, kind)

    @checked("to_c_header")
    def to_c_header(
        self,
        path: str | os.PathLike[str],
        *,
        prefix: str = "net",
        dtype: DTypeLike | None = None,
        int8: bool = False,
        data: tuple[Any, Any] | None = None,
    ) -> CHeader:
        """Write one C header that computes the mean outputs; see ``Model.to_c_header``.

        Args:
            path: The file; an old one is replaced as a whole.
            prefix: All names in the file begin with it.
            dtype: ``"float32"`` writes ``float``, ``"float64"`` writes ``double``; None: the models' dtype.
            int8: Keep every weight in one byte, with a scale per unit.
            data: ``(X, y)`` on which the ensemble and the header are compared; None: they are not.

        Raises:
            OSError: if the file cannot be written.
            ValueError: if a parameter is not finite, or ``prefix`` is not an identifier.
        """
        from deepcore.files import c_header

        def scores(networks: Sequence[Network]) -> dict[str, float]:
            X, y = _checks.pair("to_c_header", "data", data)
            return Ensemble([Model.from_network(network) for network in networks]).evaluate(X, y)

        return c_header.write(
            path, [model.network for model in self._models], partial(of_networks, "to_c_header"), scores,
            prefix=prefix, dtype=dtype, int8=int8, data=data,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self._models)

    def __repr__(self) -> str:
        return f"Ensemble({len(self)} models, first {self._models[0]!r})"


class _Average:
    """Compute the mean outputs of several models; what predicts and evaluates a network takes it too."""

    def __init__(self, models: Sequence[Model]) -> None:
        self.spec, self.check, self._models = models[0].spec, models[0].network.check, models

    def outputs(self, X: Any, threads: int, out: Array | None = None) -> Array:
        """Average the outputs for checked features, in the order of the models and in float64."""
        total = np.zeros((X.shape[0], self.spec.outputs))
        for model in self._models:
            total += model.network.outputs(X, threads)
        A = np.empty(total.shape, self.spec.dtype) if out is None else out
        A[...] = total / len(self._models)
        return A

    def evaluate(self, data: Examples, threads: int) -> tuple[float, float]:
        """Compute the mean loss and the accuracy of the averaged outputs."""
        spec, A = self.spec, self.outputs(data.X, threads)
        softmax = spec.output == "softmax"
        Y = np.eye(spec.outputs, dtype=spec.dtype)[data.y] if softmax else data.y
        losses = _core.loss_values(A.T, Y.T, spec.loss, spec.loss_parameter).astype(np.float64)
        right = np.nan
        if spec.gives_probabilities:
            hits = labels(A, spec.output) == (data.y if softmax else labels(data.y, spec.output))
            right = np.average(hits if hits.ndim == 1 else hits.all(axis=1), weights=data.weight)
        return float(np.average(losses, weights=data.weight)), float(right)


class _MeanPredictor:
    """Compute the mean of several predictors."""

    def __init__(self, predictors: Sequence[Predictor], dtype: np.dtype[Any]) -> None:
        self._predictors, self._dtype = predictors, dtype
        self.inputs, self.outputs = predictors[0].inputs, predictors[0].outputs

    def __call__(self, x: Array, out: Array | None = None, threads: int = 0) -> Array:
        total = self._predictors[0](x, None, threads).astype(np.float64)
        for predictor in self._predictors[1:]:
            total += predictor(x, None, threads)
        total /= len(self._predictors)
        if out is None:
            return total.astype(self._dtype)
        out[...] = total
        return out


def _interface(spec: Spec) -> tuple[object, ...]:
    """Return what models must have in common so that their outputs can be averaged."""
    return spec.inputs, spec.outputs, spec.output, spec.loss, spec.dtype.name


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
        drop_last: Skip the last batch of an epoch if it is smaller than the others.
        sample_weight: (m,) weights of the examples, which count in training and validation; with a list of X,
            a list of these.
        class_weight: As in ``fit``; ``"balanced"`` counts the rows that a model trains on.
        early_stopping: The rule that ends the training of a model before its last epoch, for every model on
            its own. ``History.best_epoch`` tells the best epoch.
        callbacks: A list with one list of callbacks per model. They are called by the threads that train,
            one at a time because of Python's lock, and so they cost time.
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
        call.read_files(fits)
        for model in call.models:
            model.forget_optimizer()
        return train(fits, number_of_threads, verbose)
    finally:
        call.sum_up()
        for one in reversed(held):
            one.__exit__(None, None, None)


def _models(who: str, models: object) -> list[Model]:
    """Check a list of models."""
    if not isinstance(models, Sequence) or not all(isinstance(model, Model) for model in models):
        raise TypeError(f"{who}: models must be a list of deepcore.Model, got {_checks.shown(models)}")
    if not models:
        raise ValueError(f"{who}: models must hold at least one model, got none")
    return list(models)


def _different_models(models: object) -> list[Model]:
    """Check a list of models that can be trained side by side."""
    found = _models(WHO, models)
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
        _checks.listed(WHO, "metrics", metrics)
        self.models = models
        self._validation_data = validation_parts(WHO, validation_data)
        self._shuffle, self._drop_last = bool(shuffle), bool(drop_last)
        self._class_weight = class_weight
        self._early_stopping, self._metrics = early_stopping, metrics
        self._schedules = dropout_schedule, smoothing_schedule
        self._saved = None if checkpoint is None else Checkpoints(checkpoint)
        self._checkpoints = [None] * len(models) if self._saved is None else self._saved.several(len(models))
        self._shared = SharedExamples()

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

    def fit(self, number: int) -> Fit:
        """Check what a network gets."""
        head, model = self.head(number), self.models[number]
        network, spec = model.network, model.spec
        data = self._shared.of(head, network, self._X[number], self._y[number], self._weights[number])
        m = len(data.y)
        rows = checked_rows(head, "rows", self._rows[number], m)
        held_out = checked_rows(head, "validation_rows", self._validation_rows[number], m)
        validation = data if held_out is not None else None
        if self._validation_data is not None:
            validation = self._shared.of(f"{head}: validation_data", network, *self._validation_data)
        if self._class_weight is not None:
            data = self._weighted(head, model, data, rows)
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
            metrics=[known.resolve(head, metric, spec.output, spec.outputs) for metric in self._metrics],
            checkpoint=self._checkpoints[number],
        )

    def read_files(self, fits: Sequence[Fit]) -> None:
        """Read all files before one network changes, and refuse those of other trainings."""
        savings = Savings()
        for fit in fits:
            fit.read_file(self._shared, savings)

    def sum_up(self) -> None:
        """Tell the checkpoint how the call ended."""
        if self._saved is not None:
            self._saved.sum_up()

    def _weighted(self, head: str, model: Model, data: Examples, rows: Array | None) -> Examples:
        """Multiply the weights of the rows that a network trains on by those of their classes."""
        part = data if rows is None else data.take(rows)
        found = weights(head, part.weight, self._class_weight, part.y, model.outputs, model.dtype)
        if rows is None or found is None:
            return Examples(data.X, data.y, found)
        whole = np.zeros(len(data.y), model.dtype)
        whole[rows] = found
        return Examples(data.X, data.y, whole)


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
