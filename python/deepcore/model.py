"""A network of dense layers that trains, predicts, and shows every matrix. Rows are examples."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deepcore import _checks, _core, catalog, door
from deepcore.blocks import BlockViews, parameter_pieces, running_pieces
from deepcore.exceptions import SymmetryWarning
from deepcore.inference import Inference
from deepcore.layers import Dense, Dropout, folded, initialize, native_layers, resolve_loss
from deepcore.optimizers import Optimizer, resolve
from deepcore.plan import Plan
from deepcore.streams import Examples
from deepcore.summary import Summary
from deepcore.training import Trainable
from deepcore.typing import Array, ClassWeight, DTypeName, LossName, OptimizerName

__all__ = ["Model"]


class Model(Trainable, Inference):
    """A network of dense layers: ``A[l] = g[l](W[l] A[l-1] + b[l])``, ``A[0] = X``.

    Args:
        inputs: n_x, number of features.
        layers: The layers, first hidden one first; one layer with a sigmoid is logistic regression.
        loss: A name of ``catalog.losses``; ``"auto"``: the loss that belongs to the output activation
            (sigmoid: binary_cross_entropy, softmax: categorical_cross_entropy, linear: half_squared_error).
        dtype: ``"float32"`` or ``"float64"``, of everything the model computes.
        seed: Of the initial weights and of the shuffling; the same seed gives the same bits everywhere.
        loss_parameter: Where the quadratic part of huber ends (1), the quantile (0.5); None: the default.
        label_smoothing: s in [0, 1) for a cross-entropy: targets y become y (1 - s) + s / k for k classes, or
            y (1 - s) + s / 2 for sigmoid outputs.

    Attributes:
        extras: What was saved beside the parameters, JSON data (feature names, statistics, label names).

    Raises:
        TypeError: if an argument has another type.
        ValueError: if a number or name is not allowed, or loss and output activation do not fit.

    Example:
        >>> model = Model(4, [Dense(3, "tanh"), Dense(1, "sigmoid")], dtype="float64", seed=1)
        >>> model.parameters["W1"].shape
        (3, 4)
        >>> model.loss
        'binary_cross_entropy'
    """

    def __init__(
        self,
        inputs: int,
        layers: Sequence[Dense | Dropout],
        loss: LossName | str = "auto",
        dtype: DTypeName | str | type = "float32",
        seed: int = 0,
        loss_parameter: float | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        self.inputs = _checks.count("Model", "inputs", inputs)
        self.input_dropout, self.layers = folded(layers)
        self.dtype = _checks.dtype("Model", dtype)
        self.seed = _checks.count("Model", "seed", seed, low=0, high=2**63 - 1)
        self.loss = resolve_loss(loss, self.layers)
        self.loss_parameter = door.loss_parameter(self.loss, loss_parameter)
        self.label_smoothing = door.label_smoothing(self.loss, label_smoothing)
        self.extras: dict[str, Any] = {}
        self.epochs_trained = 0
        self._busy = threading.Lock()
        build: Any = _core.NetworkF32 if self.dtype == np.float32 else _core.NetworkF64
        self._network: Any = build(
            self.inputs, native_layers(self.layers), self.loss, self.loss_parameter, self.label_smoothing,
            self.input_dropout,
        )  # fmt: skip
        self._flat: Array = self._network.parameters
        self._layout: list[tuple[int, int, int, int]] = self._network.layout
        norms = [layer.norm for layer in self.layers]
        self._pieces = parameter_pieces(self._layout, norms)
        self._parameters = BlockViews(self._flat, self._pieces)
        self._running = BlockViews(self._network.running, running_pieces(self._layout, norms))
        initialize(self.layers, self._parameters, self.seed)
        if any(layer.initializer == "zeros" for layer in self.layers[:-1]):
            warnings.warn(
                "Model: a hidden layer with init='zeros' starts with equal units, which stay equal (and with "
                "relu never move); use init='auto', or one layer for logistic regression",
                SymmetryWarning,
                stacklevel=2,
            )

    # What the model is made of

    @property
    def parameters(self) -> BlockViews:
        """``{"W1": (n1, n_x), "b1": (n1, 1), ...}``, live and writable; ``parameters["W1"] = W`` copies.

        Layers with a norm have ``"gamma1"`` and ``"beta1"``, (n1, 1), as well.
        """
        return self._parameters

    @property
    def running(self) -> BlockViews:
        """``{"running_mean1": (n1, 1), "running_variance1": ...}`` of batch norms, live and writable.

        ``fit`` moves them by a tenth towards the statistics of each batch, predictions use them; an own loop
        of ``gradients(step=)`` and ``step`` leaves them alone.
        """
        return self._running

    @property
    def flat_parameters(self) -> Array:
        """All parameters as one live, writable 1-D view."""
        return self._flat

    def summary(self) -> Summary:
        """Layers, units, activations, shapes of W, b, Z, A, and numbers of parameters.

        Example:
            >>> print(Model(2, [Dense(4, "tanh"), Dense(1, "sigmoid")]).summary())
            layer  units  activation       W       b       Z       A  parameters
            --------------------------------------------------------------------
                0      2  (input)                             (2, m)
                1      4  tanh        (4, 2)  (4, 1)  (4, m)  (4, m)          12
                2      1  sigmoid     (1, 4)  (1, 1)  (1, m)  (1, m)           5
            17 parameters; loss binary_cross_entropy; float32; m: number of examples
        """
        return Summary.of(self.inputs, self.input_dropout, self.layers, f"loss {self.loss}; {self.dtype}")

    def plan(
        self,
        batch_size: int,
        optimizer: Optimizer | OptimizerName | str = "adam",
        threads: int | None = None,
    ) -> Plan:
        """How a step of ``fit`` with this batch size and optimizer will run, and what memory it takes.

        Example:
            >>> model = Model(784, [Dense(128), Dense(10, "softmax")])
            >>> print(model.plan(128, threads=1))  # doctest: +ELLIPSIS
            a step of 128 examples, at once: 52.4 Mflop on 1 thread
            examples:   a thread carries blocks of 64 examples through all layers
            parameters: gradient and update in ... chunks
            memory:     parameters 0.407 MB, ...
        """
        state = resolve(optimizer, self, 1, "plan")
        batch = _checks.count("plan", "batch_size", batch_size)
        return Plan(**self._network.plan(batch, state._native, _checks.threads("plan", threads)))

    # Training

    def gradients(
        self,
        X: object,
        y: object,
        sample_weight: object = None,
        threads: int | None = None,
        step: int | None = None,
    ) -> tuple[float, BlockViews]:
        """The loss and its gradient by every parameter, at the present parameters.

        Args:
            X: (m, n_x); y, sample_weight and threads are those of ``fit``.
            step: Of the optimizer, from 0: as ``fit`` sees the batch in that step, with its dropout and
                batch statistics. None: as
                ``predict`` sees it.

        Returns:
            loss: Mean over the examples.
            grads: ``{"dW1": (n1, n_x), "db1": (n1, 1), ...}``, views of ``grads.flat``.
        """
        data = self._examples("gradients", X, y, sample_weight)
        flat = np.zeros_like(self._flat)
        threads, training = _checks.threads("gradients", threads), self._training("gradients", step)
        loss = self._network.gradient(data.X, data.y, flat, data.weight, threads, training)
        return float(loss), self._views(flat, "d")

    def _training(self, who: str, step: int | None) -> tuple[int, int] | None:
        return None if step is None else (self.seed, _checks.count(who, "step", step, low=0))

    def trace(
        self, X: object, y: object, sample_weight: object = None, step: int | None = None
    ) -> dict[str, Array]:
        """Every matrix of one step of gradient descent, named and oriented as in the notes.

        Args:
            X: (m, n_x), at most 4096 examples; y and sample_weight are those of ``fit``.
            step: See ``gradients``; then ``"mask1"`` and its like hold what dropout multiplies A[l] by.

        Returns:
            ``{"A0": (n_x, m), "Z1": (n1, m), "A1": ..., "dA1": ..., "dZ1": ..., "dW1": (n1, n_x), "db1": (n1,
            1), ...}``, columns being examples. They are derivatives of the cost, so ``dZ[L] = (A[L] - Y) /
            m``.
        """
        data = self._examples("trace", X, y, sample_weight)
        return dict(self._network.trace(data.X, data.y, data.weight, self._training("trace", step)))

    # Use: predict, predictor, predict_labels, evaluate are those of Inference; fit is that of Trainable

    def _examples(
        self,
        who: str,
        X: object,
        y: object,
        sample_weight: object,
        class_weight: ClassWeight = None,
        mapped: bool = False,
    ) -> Examples:
        features = door.features(who, X, self.inputs, self.dtype, mapped)
        m = features.shape[0]
        if m == 0:
            raise ValueError(f"{who}: X must have at least one row, got none")
        y = door.targets(
            who, y, m, self.outputs, self.layers[-1].activation, catalog.losses[self.loss], self.dtype
        )
        return Examples(
            features, y, door.weights(who, sample_weight, class_weight, y, self.outputs, self.dtype)
        )

    # All that training changes in the model, and the way back to it.

    def _learned(self) -> Any:
        return self._flat.copy(), self._running.flat.copy()

    def _learn(self, learned: Any) -> None:
        self._flat[:], self._running.flat[:] = learned

    def _views(self, flat: Array, prefix: str) -> BlockViews:
        return BlockViews(flat, self._pieces, prefix)

    # Files and copies

    def save(self, path: str | os.PathLike[str], extras: Mapping[str, Any] | None = None) -> None:
        """Write the model to one safetensors file, atomically: a crash leaves the old file or the new one.

        Args:
            path: The file; by custom it ends in ``.safetensors``.
            extras: JSON data to keep with the model; replaces ``model.extras``. None: ``model.extras`` is
                written.

        Raises:
            OSError: if the file cannot be written; nothing is left behind.
            ValueError: if a parameter is not finite or ``extras`` is not JSON data.
        """
        from deepcore import checkpoint

        before = self.extras
        if extras is not None:
            self.extras = dict(extras)
        try:
            checkpoint.save(self, path)
        except BaseException:
            self.extras = before
            raise

    def __reduce__(self) -> tuple[Any, ...]:
        from deepcore import checkpoint

        return checkpoint.rebuild, (*checkpoint.described(self), self._flat.copy(), self._running.flat.copy())

    def __repr__(self) -> str:
        sizes = "-".join(str(n) for n in (self.inputs, *(layer.units for layer in self.layers)))
        names = " ".join(layer.activation for layer in self.layers)
        return f"Model({sizes}, {names}, loss={self.loss!r}, dtype={self.dtype.name!r}, seed={self.seed})"
