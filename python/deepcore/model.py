"""A ``Model`` is a network of dense layers that trains, predicts, and shows every matrix; rows are examples.

It checks arguments and hands the work to the modules below it: ``_network`` computes, ``_training`` trains,
and ``files`` reads and writes.
"""

from __future__ import annotations

import copy
import copyreg
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from deepcore import _checks
from deepcore._defaults import BATCH_SIZE, SHUFFLE
from deepcore._keywords import checked
from deepcore._network.network import Network, Snapshot, training_step
from deepcore._network.parameters import BlockViews
from deepcore._network.spec import Layer, Spec
from deepcore._predicting import evaluation, predicted, predicted_labels
from deepcore.exceptions import SymmetryWarning
from deepcore.files import model_file
from deepcore.history import History
from deepcore.layers import Dense
from deepcore.losses import Loss
from deepcore.optimizers import LBFGS, Optimizer, OptimizerState, continued, rebound, resolve
from deepcore.schedules import LearningRate
from deepcore.typing import Array, ClassWeight, DTypeLike, LossName, OptimizerName, Predictor

if TYPE_CHECKING:
    from deepcore._network.plan import Plan
    from deepcore._network.summary import Summary
    from deepcore._streaming.stream import Stream
    from deepcore.callbacks import EpochRecord
    from deepcore.files.c_header import CHeader
    from deepcore.trace import Trace

__all__ = ["Model"]

_DEFINING = frozenset(field.name for field in fields(Spec)) | {"spec", "network", "outputs", "optimizer"}
_HELD = frozenset({"_network", "extras", "_partial_state"})  # what from_network takes


class Model:
    """A network of dense layers: ``A[l] = g[l](W[l] A[l-1] + b[l])``, ``A[0] = X``.

    Args:
        inputs: n_x, number of features.
        layers: The layers, first hidden one first; one layer with a sigmoid is logistic regression.
        loss: A name of ``catalog.losses``; ``"auto"``: the loss that belongs to the output activation
            (sigmoid: binary_cross_entropy, softmax: categorical_cross_entropy, linear: half_squared_error);
            or a loss with options: ``Huber(delta)``, ``Quantile(quantile)`` or
            ``CrossEntropy(label_smoothing=)``.
            ``"squared_error"`` is ``(yhat - y)^2``; ``"half_squared_error"`` is half of it, as is the
            ``"squared_error"`` of scikit-learn and of ``deepcore.sklearn.MLPRegressor``.
        members: Train that many networks in one, which share all weights but two: each member multiplies the
            inputs of the first dense layer by its own factors, ``parameters["factor0"]`` (n_0, members), and
            has its own rows of the last W and b. The loss is the mean over the members, and ``predict``
            returns the mean of their outputs. The columns of ``trace`` are the members of the first example,
            then those of the second one, and so on. Source: TabM-mini (Gorishniy, Kotelnikov & Babenko
            2025).
        dtype: ``"float32"`` or ``"float64"``, the number type of everything that the model computes.
        seed: Seed of the initial weights, the shuffling and the dropout masks, which are the same on every
            machine. Trained parameters have the same bits on one CPU variant; see docs/contracts.md.

    Attributes:
        extras: JSON data that is saved with the parameters (feature names, statistics, label names).

    Raises:
        TypeError: if an argument has another type.
        AttributeError: if an attribute that defines the model, such as ``loss``, is assigned.
        ValueError: if a number or name is not allowed, or loss and output activation do not fit.

    Example:
        >>> model = Model(4, [Dense(3, "tanh"), Dense(1, "sigmoid")], dtype="float64", seed=1)
        >>> model.parameters["W1"].shape
        (3, 4)
        >>> model.loss
        'binary_cross_entropy'
    """

    @checked("Model")
    def __init__(
        self,
        inputs: int,
        layers: Sequence[Layer],
        *,
        loss: LossName | Literal["auto"] | Loss = "auto",
        members: int = 1,
        dtype: DTypeLike = "float32",
        seed: int = 0,
    ) -> None:
        dtype = _checks.dtype("Model", dtype)
        spec = Spec.of(inputs, layers, loss=loss, members=members, dtype=dtype, seed=seed)
        self._hold(Network(spec), {})
        if any(layer.initializer == "zeros" for layer in spec.layers[:-1]):
            warnings.warn(
                "Model: a hidden layer with init='zeros' starts with equal units, which stay equal (and with "
                "relu never move); use init='auto', or one layer for logistic regression",
                SymmetryWarning,
                stacklevel=3,
            )

    @classmethod
    def from_network(
        cls,
        network: Network,
        extras: dict[str, Any] | None = None,
        optimizer: OptimizerState | None = None,
    ) -> Model:
        """Make a model of an existing network; the two share their numbers.

        Args:
            network: Such as ``model.network``.
            extras: JSON data to keep with it.
            optimizer: The state of this network that the next ``partial_fit`` continues with.
        """
        model = cls.__new__(cls)
        cls._hold(model, network, {} if extras is None else extras, optimizer)
        return model

    def _hold(
        self, network: Network, extras: dict[str, Any], optimizer: OptimizerState | None = None
    ) -> None:
        self._network = network
        self.extras = extras
        self._partial_state = optimizer  # of partial_fit; None while it steps the network

    def __setattr__(self, name: str, value: object) -> None:
        if name in _DEFINING:
            if name == "optimizer":
                raise AttributeError("Model: optimizer is read-only; give one to partial_fit")
            raise AttributeError(
                f"Model: {name} is read-only because it defines the network; make a new model with "
                f"another {name}"
            )
        super().__setattr__(name, _checks.mapping("Model", name, value) if name == "extras" else value)

    # What the model is made of

    @property
    def network(self) -> Network:
        """The network that computes; deepcore's own modules work on it."""
        return self._network

    @property
    def spec(self) -> Spec:
        """The description that defines the network, as one frozen dataclass."""
        return self._network.spec

    @property
    def inputs(self) -> int:
        """n_x, number of features."""
        return self.spec.inputs

    @property
    def outputs(self) -> int:
        """n_L, number of output units."""
        return self.spec.outputs

    @property
    def layers(self) -> tuple[Dense, ...]:
        """The dense layers, first hidden one first, each with its scale and the dropout behind it."""
        return self.spec.layers

    @property
    def loss(self) -> str:
        """Name of the loss, with ``"auto"`` resolved."""
        return self.spec.loss

    @property
    def members(self) -> int:
        """Number of networks in this one; 1 for an ordinary network."""
        return self.spec.members

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return self.spec.dtype

    @property
    def seed(self) -> int:
        """Seed of the initial weights, the shuffling and the dropout masks."""
        return self.spec.seed

    @property
    def optimizer(self) -> OptimizerState | None:
        """The optimizer state that the next ``partial_fit`` continues with; None before the first call.

        ``fit`` sets it to None. Copies and pickles of the model hold it, files do not.
        """
        return self._partial_state

    def forget_optimizer(self) -> None:
        """Let the next ``partial_fit`` start its optimizer afresh, as it does after ``fit``."""
        self._partial_state = None

    @property
    def epochs_trained(self) -> int:
        """Number of epochs trained so far; the shuffles are numbered by it."""
        return self._network.epochs_trained

    @epochs_trained.setter
    def epochs_trained(self, epochs: int) -> None:
        self._network.epochs_trained = _checks.count("epochs_trained", "epochs", epochs, low=0)

    @property
    def parameters(self) -> BlockViews:
        """``{"W1": (n1, n_x), "b1": (n1, 1), ...}``, live and writable; ``parameters["W1"] = W`` copies.

        Layers with a norm have ``"gamma1"`` and ``"beta1"``, (n1, 1), as well, parametric ones ``"alpha1"``,
        (n1, 1), and those with scaled inputs ``"scale1"``, (n_x, 1). Embeddings are layer 0. A periodic one
        has ``"frequency0"`` and ``"phase0"``, (frequencies, columns); both kinds for numbers have
        ``"weight0"``, (units, basis functions of all columns), and ``"offset0"``, (units, columns); that of
        categories has ``"table0"``, (units, codes of all columns).
        """
        return self._network.parameters

    @property
    def running(self) -> BlockViews:
        """``{"running_mean1": (n1, 1), "running_variance1": ...}`` of batch norms, live and writable.

        ``fit`` moves them by a tenth towards the statistics of each batch, and predictions use them; a loop
        of your own with ``gradients(step=)`` and ``step`` leaves them as they are.
        """
        return self._network.running

    @property
    def flat_parameters(self) -> Array:
        """All parameters as one live, writable 1-D view."""
        return self._network.flat

    def summary(self) -> Summary:
        """Show the layers with their units, activations, shapes and numbers of parameters as a table.

        Example:
            >>> print(Model(2, [Dense(4, "tanh"), Dense(1, "sigmoid")]).summary())
            layer  units  activation       W       b       Z       A  parameters
            --------------------------------------------------------------------
                0      2  (input)                             (2, m)
                1      4  tanh        (4, 2)  (4, 1)  (4, m)  (4, m)          12
                2      1  sigmoid     (1, 4)  (1, 1)  (1, m)  (1, m)           5
            17 parameters; loss binary_cross_entropy; float32; m: number of examples
        """
        from deepcore._network.summary import Summary

        return Summary.of(self.spec)

    @checked("plan")
    def plan(
        self,
        batch_size: int,
        optimizer: Optimizer | OptimizerState | OptimizerName = "adam",
        *,
        threads: int | None = None,
    ) -> Plan:
        """Say how a step of ``fit`` with this batch size and optimizer will run, and what memory it takes.

        Example:
            >>> model = Model(784, [Dense(128), Dense(10, "softmax")])
            >>> print(model.plan(128, threads=1))  # doctest: +ELLIPSIS
            a step of 128 examples, at once: 52.4 Mflop on 1 thread
            examples:   a thread carries blocks of 64 examples through all layers
            parameters: gradient and update in ... chunks
            memory:     parameters 0.407 MB, ...
        """
        from deepcore._network.plan import Plan

        state = resolve(optimizer, self._network, 1, "plan")
        batch = _checks.count("plan", "batch_size", batch_size)
        return Plan(**self._network.plan(batch, state.native, _checks.threads("plan", threads)))

    # Training

    @checked("fit")
    def fit(
        self,
        X: object,
        y: object = None,
        optimizer: Optimizer | OptimizerState | LBFGS | OptimizerName = "adam",
        *,
        epochs: int = 10,
        batch_size: int | None = BATCH_SIZE,
        shuffle: bool = SHUFFLE,
        sample_weight: object = None,
        class_weight: ClassWeight = None,
        validation_data: tuple[Any, ...] | Stream | None = None,
        callbacks: Sequence[Callable[[EpochRecord], object]] = (),
        threads: int | None = None,
        verbose: int = 0,
        metrics: Sequence[str | Callable[[Array, Array], float]] = (),
        validation_split: float = 0.0,
        dropout_schedule: LearningRate | None = None,
        smoothing_schedule: LearningRate | None = None,
        group: object = None,
    ) -> History:
        """Train by (mini-batch) gradient descent and return the loss of every epoch.

        Args:
            X: Features, (m, n_x); other numeric dtypes are converted once to the model's. A memory-mapped
                array is never copied as a whole: another dtype is converted some batches at a time.
                A scipy.sparse matrix is read row by row, a batch at a time. A ``dc.stream(...)`` has X, y and
                weights, and a batch size and an order of its own.
            y: Targets. Softmax: integer labels (m,) from 0 to n_L - 1. Sigmoid: 0/1 of shape (m,) or (m,
                n_L). Other outputs: reals of shape (m,) or (m, n_L). None: X is a stream.
            optimizer: A description such as ``Adam(1e-3)``, a name such as ``"sgd"`` (with its defaults),
                a state made by ``bind(model)``, which continues where it stands, or ``LBFGS()``. A schedule
                without ``steps``, such as ``Adam(Cosine(1e-3))``, spans the whole run; with a state that was
                used before, it goes on if this run still fits into its span, and starts again if not.
            epochs: Passes over the data.
            batch_size: Number of examples per step. The last batch of an epoch may be smaller. None: use all
                examples in every step. A stream has its own, and another one is refused.
            shuffle: Draw a new order per epoch, from the model's seed and the number of epochs trained so
                far. A stream has its own, and another one is refused.
            sample_weight: (m,) weights of the examples, not negative.
            class_weight: ``{label: weight}`` or ``"balanced"``, multiplied into the sample weights of the
                examples that are trained on, and not into those of validation data. Multi-label targets:
                ``"balanced"``, or one mapping per output; an example's weight is their product. For
                ``"balanced"``, a stream is read once before the first step.
            validation_data: ``(X_val, y_val)``, ``(X_val, y_val, weights)`` or a ``dc.stream(...)``,
                evaluated after every epoch.
            callbacks: Called with an ``EpochRecord`` after every epoch; one that returns True ends the
                training. They may also define ``on_start``, ``on_end`` and ``on_poll``; see
                ``deepcore.callbacks``.
            threads: Number of threads; None: the default of this machine.
            verbose: 1 shows progress on standard error.
            metrics: Further numbers of the training and validation data: names of ``deepcore.metrics``, or
                functions ``metric(y, outputs)`` (recorded by their ``__name__``, which must differ). They
                cost one more pass over the data per epoch. With a stream, they are those of the validation
                data only.
            validation_split: Fraction of the examples that is held out as validation data, drawn by the
                model's seed: the rows of ``data.train_test_split(X, y, validation_split, model.seed)``.
            dropout_schedule: Factors on the model's rates of dropout by the optimizer's step, as a schedule
                or a function: with ``FlatCosine(1.0)`` the rates fall to 0. None: 1.
            smoothing_schedule: Factors on the model's label smoothing, likewise. Validation data are smoothed
                by the model's own rate.
            group: The processes (ranks) that train this model together, such as
                ``deepcore.distributed.Group.mpi()``; see docs/distributed.md. Every rank makes the same call.
                Callbacks, validation and progress are those of rank 0. None: this process alone.

        Returns:
            ``history["loss"]``, with validation data also ``history["val_loss"]`` (and ``"val_accuracy"`` for
            classifiers). The loss is the mean over the examples as they were visited during the epoch.

        Raises:
            TypeError: if an array does not hold real numbers, or an argument has another type.
            ValueError: if a shape, a label or a value is not allowed, or a callback watches a number that
                is not recorded; nothing has been changed then.
            RuntimeError: if the model is already being trained, by a callback or another thread.
            GroupError: if another rank makes another call, raises an error or is lost.

        A loss that is not finite ends the training with a ``DivergenceWarning``; ``history.diverged_at_step``
        and ``diverged_at_layer`` name the place. Ctrl-C raises KeyboardInterrupt; the model keeps the steps
        made so far.

        Example:
            >>> import deepcore as dc
            >>> import numpy as np
            >>> X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
            >>> model = dc.mlp([2, 8, 1], activation="tanh", dtype="float64", seed=1)
            >>> history = model.fit(X, [0, 1, 1, 0], dc.Adam(0.1), epochs=100, batch_size=None)
            >>> model.predict_labels(X)
            array([0, 1, 1, 0])
        """
        from deepcore._streaming.stream import Stream
        from deepcore._training.run import Run, Settings, StreamRun, of_group

        network = self._network
        with (ranks := of_group(group, "fit", network)).guarded(), network.exclusive("fit"):
            settings = Settings(
                "fit", self, validation_data, callbacks, threads, verbose, metrics, ranks, dropout_schedule,
                smoothing_schedule,
            )  # fmt: skip
            if isinstance(X, Stream):
                X.refuse_arguments("fit", batch_size, shuffle, validation_split, y, sample_weight)
                stream_run = StreamRun(network, X, epochs, settings, class_weight)
                self._partial_state = None
                return stream_run.train(optimizer)
            data = network.examples("fit", X, y, sample_weight, mapped=True)
            run = Run(network, data, settings, class_weight, validation_split)
            epochs, batch, steps = run.lengths(epochs, batch_size)
            state = optimizer if isinstance(optimizer, LBFGS) else resolve(optimizer, network, steps)
            self._partial_state = None
            return run.train(state, epochs, batch, bool(shuffle))

    @checked("partial_fit")
    def partial_fit(
        self,
        X: object,
        y: object,
        optimizer: Optimizer | OptimizerState | OptimizerName = "adam",
        *,
        batch_size: int | None = 128,
        shuffle: bool = True,
        sample_weight: object = None,
        class_weight: ClassWeight = None,
        threads: int | None = None,
    ) -> History:
        """Train one more epoch on these examples; the optimizer goes on where the last call left it.

        n calls are one ``fit`` of n epochs, bit for bit; but a schedule without ``steps`` spans each call
        alone, because the number of calls is not known. The optimizer starts afresh with the first call,
        with the first after a ``fit``, and with another description than in the last call; files of the
        model do not hold it.

        Args:
            X: (m, n_x); it and the other arguments are those of ``fit``.
            class_weight: ``{label: weight}``, whether the labels occur here or not; for multi-label targets a
                list with one mapping per output.

        Returns:
            The history of one epoch.

        Raises:
            ValueError: if ``class_weight`` is ``"balanced"``, and whatever ``fit`` raises.

        Example:
            >>> import numpy as np, deepcore as dc
            >>> model = dc.mlp([2, 4, 1], seed=1)
            >>> for _ in range(3):
            ...     history = model.partial_fit(np.eye(2), [0, 1], dc.Adam(0.1))
            >>> model.epochs_trained
            3
        """
        from deepcore._training.run import Run, Settings

        network = self._network
        with network.exclusive("partial_fit"):
            if isinstance(class_weight, str):
                raise ValueError(
                    f"partial_fit: class_weight must be a mapping, got {class_weight!r}: balancing needs all "
                    "examples at once"
                )
            data = network.examples("partial_fit", X, y, sample_weight, mapped=True)
            run = Run(network, data, Settings("partial_fit", self, threads=threads), class_weight)
            epochs, batch, steps = run.lengths(1, batch_size)
            chosen = continued(optimizer, network, self._partial_state)
            state = resolve(chosen, network, steps, "partial_fit")
            self._partial_state = None  # a copy that another thread makes now has no half of it
            try:
                return run.train(state, epochs, batch, bool(shuffle))
            finally:
                self._partial_state = state

    @checked("fit_batches")
    def fit_batches(
        self,
        batches: object,
        optimizer: Optimizer | OptimizerState | OptimizerName = "adam",
        *,
        epochs: int = 1,
        validation_data: tuple[Any, ...] | Stream | None = None,
        callbacks: Sequence[Callable[[EpochRecord], object]] = (),
        threads: int | None = None,
        verbose: int = 0,
        metrics: Sequence[str | Callable[[Array, Array], float]] = (),
        group: object = None,
    ) -> History:
        """Train on batches that come from elsewhere, such as files read one by one; each batch is one step.

        Args:
            batches: An iterable of ``(X, y)`` or ``(X, y, sample_weight)``: a list, a data loader; or a
                function that returns an iterator, called once per epoch; or an iterator, for one epoch. Some
                batches (32 MB of features) are read ahead of their steps. Or a ``dc.stream(...)``.
            optimizer: As in ``fit``; a schedule without ``steps`` needs batches whose number ``len`` tells.
            epochs: Passes over the batches.
            metrics: As in ``fit``, of the validation data only. The other arguments are those of ``fit``.
            group: As in ``fit``; every rank gives the same batches.

        Returns:
            The history, as from ``fit``.

        Raises:
            TypeError: if ``batches`` or a batch is something else.
            ValueError: if an iterator is to last for several epochs, or a batch breaks the rules of ``fit``:
                the message has its number, and the model keeps the steps made before.

        Example:
            >>> import numpy as np, deepcore as dc
            >>> def batches():
            ...     rng = np.random.default_rng(0)
            ...     for _ in range(100):
            ...         X = rng.normal(size=(32, 2))
            ...         yield X, X[:, 0] > X[:, 1]
            >>> model = dc.mlp([2, 8, 1], seed=1)
            >>> history = model.fit_batches(batches, dc.Adam(0.01), epochs=3)
            >>> history["loss"][-1] < history["loss"][0]
            True
        """
        from deepcore._training.run import Settings, of_group, run_of_batches

        network = self._network
        with (ranks := of_group(group, "fit_batches", network)).guarded(), network.exclusive("fit_batches"):
            others = validation_data, callbacks, threads, verbose, metrics, ranks
            settings = Settings("fit_batches", self, *others)
            return run_of_batches(network, batches, epochs, settings).train(optimizer)

    # Seeing inside

    @checked("gradients")
    def gradients(
        self,
        X: object,
        y: object,
        *,
        sample_weight: object = None,
        threads: int | None = None,
        step: int | None = None,
        dropout_scale: float = 1.0,
        smoothing_scale: float = 1.0,
        reduction: Literal["mean", "sum"] = "mean",
        first: int = 0,
    ) -> tuple[float, BlockViews]:
        """Compute the loss and its gradient with respect to every parameter.

        Args:
            X: (m, n_x); y, sample_weight and threads are those of ``fit``.
            step: Number of an optimizer step, from 0: the batch is seen as ``fit`` sees it in that step, with
                its dropout and batch statistics. None: as ``predict`` sees it.
            dropout_scale: Factor on the rates of dropout in that step: what the ``dropout_schedule`` of
                ``fit`` gives there.
            smoothing_scale: Factor on the label smoothing, likewise.
            reduction: ``"mean"``: the sums over the examples are divided by the sum of their weights.
                ``"sum"``: they are not, so that several processes can add up their parts of a batch, and
                then divide by the sum of all weights.
            first: Place of the first of these examples in the whole batch, if they are a part of it: dropout
                draws its masks by this place.

        Returns:
            loss: Mean over the examples, or their sum.
            grads: ``{"dW1": (n1, n_x), "db1": (n1, 1), ...}``, views of ``grads.flat``.
        """
        network = self._network
        data = network.check("gradients", X, y, sample_weight)
        grads = network.views(np.zeros_like(network.flat), "d")
        threads = _checks.threads("gradients", threads)
        training = training_step("gradients", self.seed, step, dropout_scale, smoothing_scale, first)
        if reduction not in ("mean", "sum"):
            raise ValueError(f"gradients: reduction must be 'mean' or 'sum', got {_checks.shown(reduction)}")
        return network.gradient(data, grads.flat, threads, training, sums=reduction == "sum"), grads

    @checked("trace")
    def trace(
        self,
        X: object,
        y: object,
        *,
        sample_weight: object = None,
        step: int | None = None,
        dropout_scale: float = 1.0,
        smoothing_scale: float = 1.0,
        per: Literal["batch", "example"] = "batch",
    ) -> Trace:
        """Show every matrix of one step of gradient descent, named and oriented as in Andrew Ng's course.

        Args:
            X: (m, n_x), at most 4096 examples; y and sample_weight are those of ``fit``.
            step: See ``gradients``; then ``"mask1"`` and its like hold what dropout multiplies A[l] by.
            dropout_scale: See ``gradients``, like ``smoothing_scale``.
            per: ``"batch"``: dA and dZ are derivatives of the cost J, so ``dZ[L] = (A[L] - Y) / m`` and
                ``dW = dZ A.T``. ``"example"``: they are derivatives of each example's loss, as in the course
                and in ``functional``, so ``dZ[L] = A[L] - Y`` and ``dW = dZ A.T / m``. With weights w, both
                have ``w * (A[L] - Y)`` and ``sum(w)`` for m. dW, db and the like are the same in both.

        Returns:
            A mapping from names to arrays, whose columns are examples. "A0" has the shape (n_x, m); "Z1",
            "A1", "dA1" and "dZ1" have (n1, m); "dW1" has (n1, n_x). It also has norms,
            dead units and formulas.
        """
        from deepcore.trace import Trace

        if per not in ("batch", "example"):
            raise ValueError(f"trace: per must be 'batch' or 'example', got {_checks.shown(per)}")
        network = self._network
        data = network.check("trace", X, y, sample_weight)
        training = training_step("trace", self.seed, step, dropout_scale, smoothing_scale)
        numbers = network.snapshot()
        cost = network.gradient(data, np.zeros_like(network.flat), 1, training)
        arrays = network.trace(data, training)
        return Trace(network.spec, arrays, numbers, cost=cost, sample_weight=data.weight, per=per)

    # Predicting

    @checked("predict")
    def predict(self, X: object, *, out: Array | None = None, threads: int | None = None) -> Array:
        """Compute the output activations A[L], one row per example.

        The second call with the same parameters packs the weights, and the model keeps them for the next
        calls until the parameters change. It does not while a variable holds an array of
        ``model.parameters``.

        Args:
            X: (m, n_x), or one example (n_x,); dense, or a scipy.sparse matrix.
            out: Array to write into, of the result's shape and dtype; None: a new one.
            threads: Number of threads; None: the default.

        Returns:
            (m, n_L), or (n_L,) for one example.

        Raises:
            TypeError: if X does not hold real numbers.
            ValueError: if a shape is wrong or X is not finite.
        """
        A = None if out is not None else self._network.predict_as_given(X, threads)
        return predicted(self._network, X, out, threads) if A is None else A

    @checked("predict_labels")
    def predict_labels(self, X: object, *, threshold: float = 0.5, threads: int | None = None) -> Array:
        """Predict labels: the largest softmax output, or 1 where a sigmoid exceeds ``threshold``.

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
        return predicted_labels(self._network, X, threshold, threads)

    @checked("evaluate")
    def evaluate(
        self,
        X: object,
        y: object = None,
        *,
        sample_weight: object = None,
        threads: int | None = None,
        metrics: Sequence[str | Callable[[Array, Array], float]] = (),
    ) -> dict[str, float]:
        """Compute the mean loss, the accuracy of classifiers, and further metrics.

        Args:
            X: (m, n_x); y, sample_weight and threads are those of ``fit``. Or a ``dc.stream(...)``, which has
                the targets and the weights, and is read in its order.
            metrics: Names of ``deepcore.metrics``, or functions ``metric(y, outputs)``.

        Returns:
            ``{"loss": ..., "accuracy": ...}``; without accuracy if the output is neither sigmoid nor softmax.
        """
        return evaluation(self._network, X, y, sample_weight, threads, metrics)

    @checked("predictor")
    def predictor(self, *, weights: Literal["bfloat16", "int8"] | None = None) -> Predictor:
        """Make a copy of the model for predictions where microseconds count.

        Args:
            weights: Of fewer bits: ``"bfloat16"`` (16 bits each) or ``"int8"`` (8 bits each and a factor for
                each unit). They take a half or a quarter of the memory, and where a network does not fit
                into the caches, its first rows take as much less time. All else, and the arithmetic, stays
                float32, which the model must be. Outputs change: measure what that costs. None: the
                model's own weights.

        Returns:
            ``p``: ``p(x)`` gives the outputs of one example (n_x,) or of rows (m, n_x); ``p(x, out=a)``
            writes them into ``a`` and, after the first calls, allocates nothing; ``threads=n`` limits the
            threads, which share large layers even for one row where calls follow each other at once. Arrays
            must have the model's dtype; their values are not checked. Later changes of the model are not
            seen: make a new one.

        Raises:
            ValueError: if ``weights`` is something else, or the model is not float32.

        Example:
            >>> import deepcore as dc
            >>> p = dc.mlp([2, 4, 1]).predictor()
            >>> p(np.zeros(2, np.float32))
            array([0.5], dtype=float32)
        """
        return self._network.predictor(weights)

    # Copies and files

    def copy(self) -> Model:
        """Make an independent model with the same spec, parameters, epochs, extras and ``optimizer``.

        It has the class of this model, and copies of the attributes that were added to it, as
        ``copy.deepcopy`` and pickles do.
        While another thread trains the model, the copy has no ``optimizer``: it is in the middle of an epoch.

        Example:
            >>> import deepcore as dc
            >>> model = dc.mlp([2, 3, 1])
            >>> twin = model.copy()
            >>> twin.parameters["b1"][...] = 1
            >>> float(model.parameters["b1"].sum())
            0.0
        """
        changes, last = self._network.changes, self._last_optimizer()
        network = self._network.copy()
        optimizer = rebound(last[0], network, last[1]) if last and self._network.changes == changes else None
        twin = self.from_network(network, copy.deepcopy(self.extras), optimizer)
        vars(twin).update(copy.deepcopy(self._added(), {id(self): twin}))
        return twin

    __copy__ = copy

    def snapshot(self) -> Snapshot:
        """Copy the parameters and batch norm's running statistics, for ``restore``.

        Example:
            >>> import deepcore as dc
            >>> model = dc.mlp([2, 3, 1], seed=1)
            >>> before = model.snapshot()
            >>> model.parameters["W1"][...] = 0
            >>> model.restore(before)
            >>> bool(model.parameters["W1"].any())
            True
        """
        return self._network.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Put the numbers of a snapshot back; callbacks may call it during their own run.

        Args:
            snapshot: What ``snapshot`` of this model, or of one with the same layers, returned.

        Raises:
            TypeError: if ``snapshot`` is something else.
            ValueError: if it is of a network of other sizes.
            RuntimeError: if another thread is training the model at this moment.
        """
        with self._network.held("restore"):
            self._network.restore(snapshot)

    def save(self, path: str | os.PathLike[str], extras: Mapping[str, Any] | None = None) -> None:
        """Write the model to one safetensors file, atomically: a crash leaves the old file or the new one.

        The file carries a checksum. A file that is replaced keeps its permissions.

        Args:
            path: The file; by custom it ends in ``.safetensors``. A link keeps pointing at the file that it
                names.
            extras: JSON data to keep with the model; replaces ``model.extras``. None: ``model.extras`` is
                written.

        Raises:
            OSError: if the file cannot be written, or is not a regular file; nothing is left behind.
            ValueError: if a number is one that no training gives (a parameter that is not finite, a negative
                running variance), or ``extras`` is not JSON data.
        """
        chosen = self.extras if extras is None else dict(_checks.mapping("save", "extras", extras))
        model_file.write(path, self._network, chosen)
        self.extras = chosen

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
        """Write one C header with ``void net_predict(const float *x, float *y)``; it is C99, and C++ too.

        It needs no library, allocates nothing and has no global state. Norms, scales and the factor of
        ``"ntk"`` are part of the weights. Members are computed in a loop, with their shared weights stored
        once. A self-test compiles if ``NET_SELFTEST`` is defined.

        Args:
            path: The file; an old one is replaced as a whole.
            prefix: All names in the file begin with it.
            dtype: ``"float32"`` writes ``float``, ``"float64"`` writes ``double``; None: the model's dtype.
            int8: Keep every weight in one byte, with a scale per unit. The file needs about a quarter of the
                memory, and the outputs change: give ``data`` to measure how much.
            data: ``(X, y)`` on which the model and the header are compared; None: they are not.

        Returns:
            ``constant_bytes``, the memory that the weights need, and ``scores``, the loss and accuracy of the
            model and of the header on ``data``.

        Raises:
            OSError: if the file cannot be written.
            ValueError: if a parameter is not finite, or ``prefix`` is not an identifier.

        Example:
            >>> import os, tempfile, deepcore as dc
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     header = dc.mlp([4, 16, 3]).to_c_header(os.path.join(folder, "net.h"))
            >>> header.constant_bytes
            592
        """
        from deepcore.files import c_header, computation

        def scores(networks: Sequence[Network]) -> dict[str, float]:
            X, y = _checks.pair("to_c_header", "data", data)
            return computation.score(networks[0], self._network.check("to_c_header", X, y, None))

        return c_header.write(
            path, [self._network], partial(computation.of_networks, "to_c_header"), scores,
            prefix=prefix, dtype=dtype, int8=int8, data=data,
        )  # fmt: skip

    @checked("to_onnx")
    def to_onnx(
        self, path: str | os.PathLike[str], *, dtype: DTypeLike | None = None, fold: bool = False
    ) -> None:
        """Write an ONNX file with the input X (m, n_x) and the output Y (m, n_L).

        It needs the package onnx: ``pip install "deepcore-nn[onnx]"``. Input scales and the factor of
        ``"ntk"`` become part of the weights, and dropout is left out. Members are all computed, and Y is
        their mean.

        Args:
            path: The file; an old one is replaced as a whole.
            dtype: ``"float32"`` or ``"float64"``; None: the model's dtype. ONNX Runtime computes gelu in
                float32 only.
            fold: Make batch norms part of the weights as well.

        Raises:
            ModuleNotFoundError: if onnx is not installed.
            OSError: if the file cannot be written.
            ValueError: if a parameter is not finite.
        """
        from deepcore.files import computation, onnx

        kind = None if dtype is None else _checks.dtype("to_onnx", dtype)
        describe = partial(computation.of_networks, "to_onnx", fold=_checks.flag("to_onnx", "fold", fold))
        onnx.write(path, [self._network], describe, kind)

    @checked("to_torch")
    def to_torch(self) -> Any:
        """Make a ``torch.nn.Sequential`` with copies of the parameters, in evaluation mode.

        It needs PyTorch. Norms and dropout are modules, input scales and the factor of ``"ntk"`` become part
        of the weights. Members are one module, whose method ``each`` returns the outputs of all of them.

        Raises:
            ModuleNotFoundError: if torch is not installed.
            ValueError: if the network has embeddings, or an activation that is not a module of PyTorch.
        """
        from deepcore.files import frameworks

        return frameworks.to_torch(self._network)

    def __reduce__(self) -> tuple[Any, ...]:
        parts = self._network, self.extras, self._last_optimizer(), type(self)
        return _rebuild, parts, self._added() or None

    def _added(self) -> dict[str, Any]:
        """Return the attributes that a subclass or the user has added."""
        return {name: value for name, value in vars(self).items() if name not in _HELD}

    def _last_optimizer(self) -> tuple[Optimizer, dict[str, Any]] | None:
        """Copy the optimizer of ``partial_fit``; None if there is none, or if another thread uses it."""
        last = self._partial_state
        try:
            return None if last is None else (last.optimizer, last.state())
        except RuntimeError:
            return None

    def __repr__(self) -> str:
        sizes = "-".join(str(n) for n in (self.inputs, *(layer.units for layer in self.layers)))
        names = " ".join(layer.activation for layer in self.layers)
        members = f", members={self.members}" if self.members > 1 else ""
        what = f"loss={self.loss!r}{members}, dtype={self.dtype.name!r}, seed={self.seed}"
        return f"Model({sizes}, {names}, {what})"

    def _repr_html_(self) -> str:
        """Show the summary in a notebook."""
        return self.summary().to_html(f"; {self.epochs_trained} epochs trained; seed {self.seed}")


# Pickles name these two functions, so they must keep their names and arguments. A network is pickled for
# itself: a model and an optimizer state that are pickled together come back with one network.
_INVALID = "Model: a pickle or copy must hold a valid model"


def _rebuild(
    network: Network,
    extras: dict[str, Any],
    optimizer: tuple[Optimizer, dict[str, Any]] | None,
    cls: type[Model] = Model,
) -> Model:
    if not isinstance(extras, dict):
        raise ValueError(f"{_INVALID}: extras must be a dictionary, got {_checks.shown(extras)}")
    last = None if optimizer is None else rebound(optimizer[0], network, optimizer[1])
    return cls.from_network(network, extras, last)


def _rebuild_network(
    description: dict[str, Any], epochs_trained: int, parameters: Array, running: Array
) -> Network:
    try:
        return model_file.rebuilt(description, epochs_trained, parameters, running)
    except ValueError as error:
        raise ValueError(f"{_INVALID}: {error}") from error


def _reduce_network(network: Network) -> tuple[Any, ...]:
    snapshot, epochs = network.state()
    return _rebuild_network, (network.spec.to_dict(), epochs, *snapshot)


copyreg.pickle(Network, _reduce_network)
