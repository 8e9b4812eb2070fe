"""How a model is trained: ``fit``, ``partial_fit`` and ``fit_batches``, which ``Model`` inherits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from deepcore.callbacks import EpochRecord
from deepcore.history import History
from deepcore.lbfgs import LBFGS
from deepcore.optimizers import Optimizer, OptimizerState, continued
from deepcore.typing import Array, ClassWeight, OptimizerName

if TYPE_CHECKING:
    from deepcore.model import Model

__all__ = ["Trainable"]


class Trainable:
    """The training half of ``Model``."""

    _busy: threading.Lock
    _trainer: int | None = None  # the thread that holds _busy
    _state: OptimizerState | None = None  # of partial_fit

    def fit(
        self,
        X: object,
        y: object,
        optimizer: Optimizer | OptimizerState | LBFGS | OptimizerName | str = "adam",
        epochs: int = 10,
        batch_size: int | None = 128,
        shuffle: bool = True,
        sample_weight: object = None,
        class_weight: ClassWeight = None,
        validation_data: tuple[Any, ...] | None = None,
        callbacks: Sequence[Callable[[EpochRecord], object]] = (),
        threads: int | None = None,
        verbose: int = 0,
        metrics: Sequence[str | Callable[[Array, Array], float]] = (),
        validation_split: float = 0.0,
    ) -> History:
        """Train by (mini-batch) gradient descent and return one number an epoch.

        Args:
            X: Features, (m, n_x); other numeric dtypes are converted once to the model's. A memory-mapped
                array is never copied as a whole: another dtype is converted some batches at a time.
                A scipy.sparse matrix is read row by row, a batch at a time.
            y: Targets. Softmax: integer labels (m,) from 0 to n_L - 1. Sigmoid: 0/1 of shape (m,) or (m,
                n_L). Other outputs: reals of shape (m,) or (m, n_L).
            optimizer: A description such as ``Adam(1e-3)``, a name such as ``"sgd"`` (with its defaults),
                a state made by ``bind(model)``, which continues where it stands, or ``LBFGS()``.
            epochs: Passes over the data.
            batch_size: Examples a step, the last batch of an epoch being the rest; None: all examples at
                once.
            shuffle: Draw a new order every epoch (by the model's seed and the number of epochs trained so
                far).
            sample_weight: (m,) weights of the examples, not negative.
            class_weight: ``{label: weight}`` or ``"balanced"``, multiplied into the sample weights. For
                several labels an example ``"balanced"`` or a list of mappings, one for each output: the
                product over them.
            validation_data: ``(X_val, y_val)`` or ``(X_val, y_val, weights)``, evaluated after every epoch.
            callbacks: Called with an ``EpochRecord`` after every epoch; one that returns True ends the
                training. What else they may hear of is in ``deepcore.callbacks``.
            threads: Number of threads; None: the default of this machine.
            verbose: 1 shows progress on standard error.
            metrics: Further numbers of the training and validation data: names of ``deepcore.metrics``, or
                functions ``metric(y, outputs)`` (recorded by their ``__name__``). They cost a pass an epoch.
            validation_split: Fraction of the examples that is held out as validation data, drawn by the
                model's seed: the rows of ``data.train_test_split(X, y, validation_split, model.seed)``.

        Returns:
            ``history["loss"]``, with validation data also ``history["val_loss"]`` (and ``"val_accuracy"`` for
            classifiers). The loss is the mean over the examples as they were visited during the epoch.

        Raises:
            TypeError: if an array does not hold real numbers, or an argument has another type.
            ValueError: if a shape, a label or a value is not allowed; nothing has been changed then.
            KeyError: if a callback watches a number that is not recorded.
            RuntimeError: if the model is already being trained, by a callback or another thread.

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
        from deepcore.fitting import Options, Run

        with self._exclusive("fit"):
            options = Options(validation_data, callbacks, threads, verbose, metrics)
            run = Run(cast("Model", self), X, y, sample_weight, class_weight, options, validation_split)
            return run.train(optimizer, epochs, batch_size, shuffle)

    def partial_fit(
        self,
        X: object,
        y: object,
        optimizer: Optimizer | OptimizerState | OptimizerName | str = "adam",
        batch_size: int | None = 128,
        shuffle: bool = True,
        sample_weight: object = None,
        class_weight: ClassWeight = None,
        threads: int | None = None,
    ) -> History:
        """One more epoch, on these examples; the optimizer goes on where the last call left it.

        n calls are one ``fit`` of n epochs, bit for bit. The optimizer starts afresh with the first call,
        with the first after a ``fit``, and with another description than in the last call; files and copies
        of the model do not hold it.

        Args:
            X: (m, n_x); it and the other arguments are those of ``fit``.
            class_weight: ``{label: weight}``, whether the labels occur here or not; for several labels an
                example a list of these.

        Returns:
            The history of one epoch.

        Raises:
            ValueError: if ``class_weight`` is ``"balanced"``, beside what ``fit`` raises.

        Example:
            >>> import numpy as np, deepcore as dc
            >>> model = dc.mlp([2, 4, 1], seed=1)
            >>> for _ in range(3):
            ...     history = model.partial_fit(np.eye(2), [0, 1], dc.Adam(0.1))
            >>> model.epochs_trained
            3
        """
        from deepcore.fitting import Options, Run

        with self._exclusive("partial_fit"):
            if isinstance(class_weight, str):
                raise ValueError(
                    f"partial_fit: class_weight must be a mapping, got {class_weight!r}: balancing needs all "
                    "examples at once"
                )
            model, options = cast("Model", self), Options(threads=threads)
            run = Run(model, X, y, sample_weight, class_weight, options, who="partial_fit")
            return run.train(continued(optimizer, model, self._state), 1, batch_size, shuffle)

    def fit_batches(
        self,
        batches: object,
        optimizer: Optimizer | OptimizerState | OptimizerName | str = "adam",
        epochs: int = 1,
        validation_data: tuple[Any, ...] | None = None,
        callbacks: Sequence[Callable[[EpochRecord], object]] = (),
        threads: int | None = None,
        verbose: int = 0,
        metrics: Sequence[str | Callable[[Array, Array], float]] = (),
    ) -> History:
        """Train on batches that come from elsewhere, such as files read one by one: one step for each.

        Args:
            batches: An iterable of ``(X, y)`` or ``(X, y, sample_weight)``: a list, a data loader; or a
                function that returns an iterator, called once an epoch; or an iterator, for one epoch. Some
                batches (32 MB of features) are read ahead of their steps.
            optimizer: As in ``fit``.
            epochs: Passes over the batches.
            metrics: As in ``fit``, of the validation data only. The other arguments are those of ``fit``.

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
        from deepcore.fitting import BatchRun, Options

        with self._exclusive("fit_batches"):
            options = Options(validation_data, callbacks, threads, verbose, metrics)
            return BatchRun(cast("Model", self), batches, epochs, options).train(optimizer)

    @contextmanager
    def _exclusive(self, who: str) -> Iterator[None]:
        if not self._busy.acquire(blocking=False):
            raise RuntimeError(
                f"{who}: this model is already being trained (by a callback or another thread)"
            )
        self._trainer = threading.get_ident()
        try:
            yield
        finally:
            self._trainer = None
            self._busy.release()

    @contextmanager
    def _held(self, who: str) -> Iterator[None]:
        """``_exclusive``, but for the callbacks of the run that has the model: they may go on."""
        if self._trainer == threading.get_ident():
            yield
        else:
            with self._exclusive(who):
                yield
