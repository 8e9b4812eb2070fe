"""What a trained model is asked: outputs, labels, a predictor for loops. Rows are examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from deepcore import _core, catalog, door
from deepcore.typing import Array, Predictor

if TYPE_CHECKING:
    from deepcore.layers import Dense

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
            array = door.numbers("predict", "X", X)
            single = array.ndim == 1
            X = array[np.newaxis] if single else array
        rows = door.features("predict", X, self.inputs, self.dtype)
        shape = (self.outputs,) if single else (rows.shape[0], self.outputs)
        if out is None:
            A: Array = self._network.predict(rows, threads=door.threads("predict", threads))
            return A[0] if single else A
        if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != self.dtype:
            got = f"{out.shape} of {out.dtype}" if isinstance(out, np.ndarray) else type(out).__name__
            raise ValueError(
                f"predict: out must be an array of shape {shape} and dtype {self.dtype}, got {got}"
            )
        self._network.predict(rows, out[np.newaxis] if single else out, door.threads("predict", threads))
        return out

    def predictor(self) -> Predictor:
        """A snapshot of the model with a workspace of its own, for predictions where microseconds count.

        Returns:
            ``p``: ``p(x)`` gives the outputs of one example (n_x,) or of rows (m, n_x); ``p(x, out=a)``
            writes them into ``a`` and allocates nothing. Arrays must have the model's dtype; their values
            are not checked. Later changes of the model are not seen: make a new one.

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
        A = self.predict(X, threads=threads)
        if output == "softmax":
            return np.asarray(A.argmax(axis=-1))
        labels = (threshold < A).astype(np.int64)
        return labels[..., 0] if self.outputs == 1 else labels
