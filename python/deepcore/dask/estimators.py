"""DaskMLPClassifier and DaskMLPRegressor: the estimators of deepcore.sklearn, trained on a Dask cluster."""

from __future__ import annotations

import os
import pickle
import warnings
from dataclasses import replace
from inspect import signature
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from dask import delayed, is_dask_collection
from distributed import Client, default_client
from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils._param_validation import Interval

from deepcore._cluster.watching import Watch
from deepcore.callbacks import Checkpoint, EarlyStopping
from deepcore.dask.chunks import Chunk, blocks_of, delayed_chunks
from deepcore.dask.fitting import fit_chunks, what_then
from deepcore.history import History
from deepcore.optimizers import SGD, Adam
from deepcore.sklearn import MLPClassifier, MLPRegressor, saving
from deepcore.sklearn.estimator import BaseMLP
from deepcore.sklearn.record import Record

__all__ = ["DaskMLPClassifier", "DaskMLPRegressor"]

_BATCH_SIZE = 4096  # of "auto": a step must take longer than the exchange of its gradients
_OWN = ("checkpoint", "timeout")


class _OnDask(BaseMLP):
    """What the estimators share: ``fit`` on a cluster, lazy predictions, and the way back to one process."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseMLP._parameter_constraints,
        "checkpoint": [str, os.PathLike, Checkpoint, None],
        "timeout": [Interval(Real, 0, None, closed="neither")],
    }
    _plain: ClassVar[type[BaseMLP]]
    _monitor = ""
    _metrics: ClassVar[list[str]] = []

    client: Client | None
    checkpoint: Any
    timeout: float

    @classmethod
    def _get_param_names(cls) -> list[str]:
        names = [name for name in signature(cls._plain.__init__).parameters if name != "self"]
        return sorted([*names, *_OWN])

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "client": None}

    @property
    def partial_fit(self) -> Any:
        """Raise AttributeError: ``to_local()`` gives an estimator that has ``partial_fit``."""
        raise AttributeError(f"{type(self).__name__} has no partial_fit; use to_local().partial_fit(X, y)")

    def to_local(self) -> Any:
        """Return the fitted estimator of ``deepcore.sklearn``, which needs no Dask; it shares no memory."""
        self._fitted("to_local")
        state = pickle.loads(pickle.dumps(self.__getstate__()))
        plain = self._plain()
        plain.__setstate__(
            {name: value for name, value in state.items() if name not in (*_OWN, "client", "_counts")}
        )
        return plain

    # Fitting

    def _learn(self, client: Client, X: Any, y: Any) -> None:
        """Make the untrained network: learn the classes or the number of outputs from all chunks."""
        raise NotImplementedError

    def _encoder(self) -> Any:
        """Return what ``_encoded`` needs on the workers to make targets those of the network."""
        raise NotImplementedError

    def _fit_on(self, X: Any, y: Any, sample_weight: Any, validation_data: Any) -> Any:
        self._refuse_what_is_local(validation_data)
        client = default_client() if self.client is None else self.client
        encode = delayed(_encoded, traverse=False)
        chunks = delayed_chunks("fit", X, y, sample_weight)
        self._learn(client, X, y)
        encoder = self._encoder()
        held_out = None
        if validation_data is not None:
            held_out = [encode(task, encoder) for task in delayed_chunks("fit", *validation_data)]
        batch = _BATCH_SIZE if self.batch_size == "auto" else int(self.batch_size)
        # The penalty of these estimators is divided by the number of examples of a batch.
        layers = tuple(replace(layer, l2=layer.l2 / batch) for layer in self.model_.layers)
        model, history = fit_chunks(
            client, self._coefficients.with_spec(layers=layers).model,
            [encode(task, encoder) for task in chunks], self._description(), held_out=held_out,
            callbacks=[*self.callbacks, *self._stopping()], checkpoint=self.checkpoint, timeout=self.timeout,
            epochs=int(self.max_iter), batch_size=batch, shuffle=self.shuffle,
            class_weight=self._class_weights(), metrics=self._metrics if held_out else [],
            threads=self.n_threads,
        )  # fmt: skip
        self.model_.flat_parameters[:] = model.flat_parameters
        self.model_.epochs_trained = model.epochs_trained
        self._keep_record(history)
        self.model_.extras.update(saving.attributes(self))
        return self

    def _refuse_what_is_local(self, validation_data: Any) -> None:
        who = type(self).__name__
        if self.solver == "lbfgs":
            raise ValueError(
                f"{who}: solver must be 'adam' or 'sgd', got 'lbfgs', which trains in one process"
            )
        if self.learning_rate != "constant":
            raise ValueError(f"{who}: learning_rate must be 'constant', got {self.learning_rate!r}")
        if self.warm_start:
            raise ValueError(
                f"{who}: warm_start must be False; use deepcore.dask.fit to train a model further"
            )
        if self.early_stopping and validation_data is None:
            raise ValueError(
                f"{who}: early_stopping=True needs validation_data=, because no rows are held out"
            )

    def _start(self, X: Any, sample: Any) -> None:
        """Build the network as the plain estimator does it, from a row for each kind of target."""
        columns = getattr(X, "columns", None)
        width = X.shape[1] if columns is None else len(columns)
        dtype = np.float32 if getattr(X, "dtype", None) == np.float32 else np.float64
        for name in ("feature_names_in_", "classes_"):
            self.__dict__.pop(name, None)
        rows, targets, _, _ = self._encode(np.zeros((len(sample), width), dtype), sample, False, True)
        if columns is not None and all(isinstance(name, str) for name in columns):
            self.feature_names_in_ = np.asarray(list(columns), object)
        self._random_state = self._generator(saved=self.checkpoint is not None)
        self._build(width, self._hidden_sizes(), targets, rows.dtype)

    def _description(self) -> SGD | Adam:
        rate, clip = self.learning_rate_init, self.clip_norm
        if self.solver == "sgd":
            nesterov = self.nesterovs_momentum and self.momentum > 0
            return SGD(rate, momentum=self.momentum, nesterov=nesterov, rate_in_velocity=True, clip_norm=clip)
        return Adam(
            rate, beta1=self.beta_1, beta2=self.beta_2, eps=self.epsilon, epsilon_hat=True, clip_norm=clip
        )

    def _stopping(self) -> list[EarlyStopping]:
        if not np.isfinite(self.n_iter_no_change):
            return []
        monitor = self._monitor if self.early_stopping else "loss"
        return [
            EarlyStopping(
                monitor,
                patience=int(self.n_iter_no_change) + 1,  # as scikit-learn counts
                min_delta=self.tol,
                restore_best=self.early_stopping,
            )
        ]

    def _class_weights(self) -> Any:
        return None

    def _keep_record(self, history: History) -> None:
        losses, scores = history["loss"], history.get(self._monitor)
        self._record = Record(
            n_iter=history.epochs,
            loss=losses[-1] if losses else np.nan,
            loss_curve=list(losses),
            best_loss=None if self.early_stopping or not losses else min(losses),
            validation_scores=None if scores is None else list(scores),
            best_validation_score=max(scores) if scores and self.early_stopping else None,
        )
        self.show_record()
        if history.diverged_at_step is not None:
            raise ValueError(
                f"{type(self).__name__}: the loss was no longer finite; try a smaller learning_rate_init, "
                "clip_norm=1, or features scaled to mean 0 and variance 1"
            )
        if history.epochs == self.max_iter:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter:d}) reached and the optimization "
                "hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=5,
            )

    # Predicting

    def _by_chunks(self, name: str, X: Any, columns: int) -> Any:
        """Predict lazily: an array of Dask with ``columns`` columns, or with one axis if that is 0."""
        local = self.to_local()
        dtype = (
            local.classes_.dtype if name == "predict" and hasattr(local, "classes_") else local.model_.dtype
        )
        if not hasattr(X, "map_blocks"):  # a frame
            shape = (0, columns) if columns else (0,)
            return X.map_partitions(_predicted, local, name, meta=np.empty(shape, dtype))
        if X.numblocks[1] > 1:
            X = X.rechunk({1: -1})
        if columns:
            return X.map_blocks(_predicted, local, name, dtype=dtype, chunks=(X.chunks[0], (columns,)))
        return X.map_blocks(_predicted, local, name, dtype=dtype, drop_axis=1)

    def _computed(self, *collections: Any) -> list[Any]:
        """Bring predictions and targets into the memory of this process."""
        client = default_client() if self.client is None else self.client
        watch = Watch("score", client, self.timeout, "call score again when the cluster is complete")
        found = watch.computed(collections)
        return [
            np.asarray(it) if is_dask_collection(each) else it
            for each, it in zip(collections, found, strict=True)
        ]


class DaskMLPClassifier(_OnDask, MLPClassifier):
    """Classify with a dense network that is trained on the workers of a Dask cluster.

    Args:
        hidden_layer_sizes: Number of units of each hidden layer.
        activation: Activation of the hidden layers.
        client: The client of the cluster; None: Dask's default client when ``fit`` is called. It is an
            attribute and no parameter: clones have None.
        checkpoint: As in ``deepcore.dask.fit``: the same ``fit`` after a lost worker goes on from it. It
            needs an integer as ``random_state``.
        timeout: As in ``deepcore.dask.fit``.
        arguments: Those of ``deepcore.sklearn.MLPClassifier``. The solver is ``"adam"`` or ``"sgd"``, and
            ``learning_rate`` constant. ``batch_size="auto"`` is 4096 examples, on all workers together.
            ``early_stopping`` needs ``validation_data``. Only ``norm="layer"`` is possible.

    Attributes:
        model_: The ``deepcore.Model``; the other attributes are those of ``MLPClassifier``.

    Example:
        >>> from deepcore.dask import DaskMLPClassifier
        >>> DaskMLPClassifier((64, 32), random_state=1).get_params()["hidden_layer_sizes"]
        (64, 32)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **MLPClassifier._parameter_constraints,
        **{name: _OnDask._parameter_constraints[name] for name in _OWN},
    }
    _plain = MLPClassifier
    _monitor = "val_accuracy"

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        client: Client | None = None,
        checkpoint: Any = None,
        timeout: float = 60.0,
        **arguments: Any,
    ) -> None:
        super().__init__(hidden_layer_sizes, activation, **arguments)
        self.client, self.checkpoint, self.timeout = client, checkpoint, timeout

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None
    ) -> DaskMLPClassifier:
        """Train from new weights, on the workers that hold the chunks of X.

        Args:
            X: (m, n_features), an array or a frame of Dask.
            y: Labels (m,), or 0/1 of shape (m, n_outputs), with the chunks of X.
            sample_weight: Weights of the examples, (m,), with the chunks of X.
            validation_data: ``(X, y)`` or ``(X, y, sample_weight)`` of Dask, scored after every epoch on one
                worker.

        Raises:
            GroupError: If a worker or the scheduler is lost, or no worker can compute the rows.
            ValueError: If an argument is not allowed, or the loss is no longer finite.
        """
        return self._fit_on(X, y, sample_weight, validation_data)  # type: ignore[no-any-return]

    def _learn(self, client: Client, X: Any, y: Any) -> None:
        found = delayed(_labels_of, traverse=False)
        watch = Watch("fit", client, self.timeout, what_then(self.checkpoint))
        parts = watch.results(client.compute([found(block) for block in blocks_of("fit", "y", y)]))
        outputs = max(width for width, _, _ in parts)
        if outputs > 1:  # several labels per example
            self._start(X, np.array([[0], [1]]).repeat(outputs, axis=1))
            self._counts = None
            return
        self._start(X, np.unique(np.concatenate([labels for _, labels, _ in parts])))
        self._counts = np.zeros(len(self.classes_))
        for _, labels, counts in parts:
            self._counts[np.searchsorted(self.classes_, labels)] += counts

    def _encoder(self) -> Any:
        return None if self._counts is None else (self.classes_, self.out_activation_ == "softmax")

    def _class_weights(self) -> Any:
        if self.class_weight is None:
            return None
        if self._counts is None:
            raise ValueError("DaskMLPClassifier: class_weight must be None for several labels per example")
        if isinstance(self.class_weight, str):
            weights = self._counts.sum() / (len(self._counts) * self._counts)
        else:
            weights = [self.class_weight.get(label, 1.0) for label in self.classes_.tolist()]
        return {number: float(weight) for number, weight in enumerate(weights)}

    def predict(self, X: Any) -> Any:
        """Predict the labels: lazily, chunk by chunk, for a collection of Dask, else as ``MLPClassifier``."""
        several = self._counts is None
        return (
            self._by_chunks("predict", X, self.n_outputs_ * several)
            if is_dask_collection(X)
            else super().predict(X)
        )

    def predict_proba(self, X: Any) -> Any:
        """Predict probabilities (m, n_classes), as ``predict`` does."""
        columns = max(2, self.n_outputs_)
        return (
            self._by_chunks("predict_proba", X, columns)
            if is_dask_collection(X)
            else super().predict_proba(X)
        )

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithms of ``predict_proba(X)``."""
        return np.log(self.predict_proba(X))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy; predictions and labels come into the memory of this process, X does not."""
        predicted, true, weight = self._computed(self.predict(X), y, sample_weight)
        return float(accuracy_score(true, predicted, sample_weight=weight))


class DaskMLPRegressor(_OnDask, MLPRegressor):
    """Regress with a dense network that is trained on the workers of a Dask cluster.

    Args:
        loss: As in ``deepcore.sklearn.MLPRegressor``.
        hidden_layer_sizes: Number of units of each hidden layer.
        activation: Activation of the hidden layers.
        client: As in ``DaskMLPClassifier``, like ``checkpoint`` and ``timeout``.
        arguments: Those of ``deepcore.sklearn.MLPRegressor``, with the limits of ``DaskMLPClassifier``.

    Attributes:
        model_: The ``deepcore.Model``; the other attributes are those of ``MLPRegressor``.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **MLPRegressor._parameter_constraints,
        **{name: _OnDask._parameter_constraints[name] for name in _OWN},
    }
    _plain = MLPRegressor
    _monitor = "val_r2"
    _metrics: ClassVar[list[str]] = ["r2"]

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        client: Client | None = None,
        checkpoint: Any = None,
        timeout: float = 60.0,
        **arguments: Any,
    ) -> None:
        super().__init__(loss, hidden_layer_sizes, activation, **arguments)
        self.client, self.checkpoint, self.timeout = client, checkpoint, timeout

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> DaskMLPRegressor:
        """Train from new weights, on the workers that hold the chunks of X.

        Args:
            X: (m, n_features), an array or a frame of Dask.
            y: (m,) or (m, n_outputs), with the chunks of X.
            sample_weight: Weights of the examples, (m,), with the chunks of X.
            validation_data: ``(X, y)`` or ``(X, y, sample_weight)`` of Dask, scored after every epoch on one
                worker.

        Raises:
            GroupError: If a worker or the scheduler is lost, or no worker can compute the rows.
            ValueError: If an argument is not allowed, or the loss is no longer finite.
        """
        return self._fit_on(X, y, sample_weight, validation_data)  # type: ignore[no-any-return]

    def _learn(self, client: Client, X: Any, y: Any) -> None:
        outputs = y.shape[1] if y.ndim == 2 else 1
        self._start(X, np.zeros((2, outputs)) if outputs > 1 else np.zeros(2))

    def _encoder(self) -> Any:
        return None

    def predict(self, X: Any) -> Any:
        """Predict the targets: lazily, chunk by chunk, for a collection of Dask, else as ``MLPRegressor``."""
        columns = self.n_outputs_ if self.n_outputs_ > 1 else 0
        return self._by_chunks("predict", X, columns) if is_dask_collection(X) else super().predict(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R2; predictions and targets come into the memory of this process, X does not."""
        predicted, true, weight = self._computed(self.predict(X), y, sample_weight)
        return float(r2_score(true, predicted, sample_weight=weight))


# These functions run on workers.


def _labels_of(block: Any) -> tuple[int, Any, Any]:
    """Return the number of columns of a chunk of y, its different labels, and how often each occurs."""
    y = np.asarray(block)
    width = 1 if y.ndim == 1 else y.shape[1]
    return width, *np.unique(y, return_counts=True)


def _encoded(chunk: Chunk, classes: tuple[Any, bool] | None) -> Chunk:
    """Number the labels of a chunk: 0, 1, ... in the order of the classes; None leaves the targets alone."""
    y = chunk.y[:, 0] if chunk.y.ndim == 2 and chunk.y.shape[1] == 1 else chunk.y
    if classes is None:
        return Chunk(chunk.X, y, chunk.weight)
    known, softmax = classes
    unknown = np.setdiff1d(y, known)
    if len(unknown):
        raise ValueError(f"fit: validation_data must have the labels of y, {known}, got {unknown}")
    if softmax:
        return Chunk(chunk.X, np.searchsorted(known, y), chunk.weight)
    return Chunk(chunk.X, y == known[1] if len(known) > 1 else np.zeros(len(y)), chunk.weight)


def _predicted(chunk: Any, estimator: Any, name: str) -> Any:
    return getattr(estimator, name)(chunk)
