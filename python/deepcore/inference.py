"""What a trained model is asked: outputs, labels, a predictor for loops. Rows are examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from deepcore import _checks, _core, catalog, door
from deepcore._labels import labels
from deepcore.streams import Examples, evaluate, in_parts, slices
from deepcore.typing import Array, Predictor

if TYPE_CHECKING:
    from deepcore.layers import Dense
    from deepcore.model import Model

__all__ = ["Inference"]


class Inference:
    """The part of ``Model`` that predicts."""

    inputs: int
    layers: tuple[Dense, ...]
    dtype: np.dtype[Any]
    _network: Any

    @property
    def outputs(self) -> int:
        """n_L, number of output units."""
        return self.layers[-1].units

    def predict(self, X: object, out: Array | None = None, threads: int | None = None) -> Array:
        """Output activations A[L], one row an example.

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
        single = False
        if not door.is_sparse(X):
            array = _checks.numbers("predict", "X", X)
            single = array.ndim == 1
            X = array[np.newaxis] if single else array
        rows = door.features("predict", X, self.inputs, self.dtype, mapped=True)
        threads = _checks.threads("predict", threads)
        if out is not None:
            shape = (self.outputs,) if single else (rows.shape[0], self.outputs)
            if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != self.dtype:
                got = f"{out.shape} of {out.dtype}" if isinstance(out, np.ndarray) else type(out).__name__
                raise ValueError(
                    f"predict: out must be an array of shape {shape} and dtype {self.dtype}, got {got}"
                )
            self._outputs(rows, threads, out[np.newaxis] if single else out)
            return out
        A = self._outputs(rows, threads)
        return A[0] if single else A

    def _outputs(self, X: Any, threads: int, out: Array | None = None) -> Array:
        """A[L] of checked features, which are converted in parts where they are mapped in another dtype."""
        if not in_parts(X, self.dtype):
            return self._network.predict(X, out, threads)  # type: ignore[no-any-return]
        A = np.empty((len(X), self.outputs), self.dtype) if out is None else out
        for rows in slices(len(X), X.shape[1] * self.dtype.itemsize):
            self._network.predict(X[rows].astype(self.dtype), A[rows], threads)
        return A

    def evaluate(
        self,
        X: object,
        y: object,
        sample_weight: object = None,
        threads: int | None = None,
        metrics: Sequence[str | Callable[[Array, Array], float]] = (),
    ) -> dict[str, float]:
        """Mean loss, for classifiers the fraction of examples predicted right, and further metrics.

        Args:
            X: (m, n_x); y, sample_weight and threads are those of ``fit``.
            metrics: Names of ``deepcore.metrics``, or functions ``metric(y, outputs)``.

        Returns:
            ``{"loss": ..., "accuracy": ...}``; without accuracy if the output is neither sigmoid nor softmax.
        """
        from deepcore.fitting import measure
        from deepcore.metrics import resolve

        model = cast("Model", self)
        chosen = [resolve("evaluate", metric, model) for metric in metrics]
        data = model._examples("evaluate", X, y, sample_weight, mapped=True)
        return measure(model, data, chosen, _checks.threads("evaluate", threads), scores=True)

    def _scores(self, data: Examples, threads: int) -> dict[str, float]:
        loss, accuracy = evaluate(cast("Model", self), data, threads)
        if not catalog.activations[self.layers[-1].activation]["probability"]:
            return {"loss": float(loss)}
        return {"loss": float(loss), "accuracy": float(accuracy)}

    def predictor(self) -> Predictor:
        """A snapshot of the model with a workspace of its own, for predictions where microseconds count.

        Returns:
            ``p``: ``p(x)`` gives the outputs of one example (n_x,) or of rows (m, n_x); ``p(x, out=a)``
            writes them into ``a`` and, after the first calls, allocates nothing; ``threads=n`` limits the
            threads, which share large layers even for one row where calls follow each other at once. Arrays
            must have the model's dtype; their values are not checked. Later changes of the model are not
            seen: make a new one.

        Example:
            >>> import deepcore as dc
            >>> p = dc.mlp([2, 4, 1]).predictor()
            >>> p(np.zeros(2, np.float32))
            array([0.5], dtype=float32)
        """
        build: Any = _core.PredictorF32 if self.dtype == np.float32 else _core.PredictorF64
        return build(self._network)  # type: ignore[no-any-return]

    def predict_labels(self, X: object, threshold: float = 0.5, threads: int | None = None) -> Array:
        """Labels: the largest softmax output, or 1 where a sigmoid output is above ``threshold``, strictly.

        Args:
            X: (m, n_x), or one example (n_x,).
            threshold: For sigmoid outputs.
            threads: Number of threads; None: the default.

        Returns:
            int64, (m,) for softmax or one sigmoid output, (m, n_L) for several; one example drops the first
            axis.

        Raises:
            ValueError: if the outputs are not probabilities, beside what ``predict`` raises.
        """
        output = self.layers[-1].activation
        if not catalog.activations[output]["probability"]:
            raise ValueError(
                f"predict_labels: the output must be sigmoid or softmax, got {output}; use predict"
            )
        if not isinstance(threshold, (int, float, np.number)) or np.isnan(threshold):
            raise ValueError(f"predict_labels: threshold must be a number, got {threshold!r}")
        A = self.predict(X, threads=threads)
        chosen = labels(A, output, threshold)
        return chosen[..., 0] if output == "sigmoid" and self.outputs == 1 else chosen
