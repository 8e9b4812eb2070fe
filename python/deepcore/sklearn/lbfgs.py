"""solver="lbfgs": ``deepcore.lbfgs`` with scikit-learn's penalty, options, words and warnings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils.optimize import _check_optimize_result

from deepcore.callbacks import EpochRecord, Stopped, listening, polling, stops
from deepcore.lbfgs import descend
from deepcore.sklearn.network import described_anew
from deepcore.streams import Examples
from deepcore.typing import Array

__all__ = ["fit_lbfgs"]

NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be"
    " preprocessed."
)


def fit_lbfgs(estimator: Any, X: Any, y: Array, sample_weight: Array | None) -> None:
    """Minimise the penalised mean loss over the network's parameters and set ``n_iter_`` and ``loss_``.

    In float64 whatever the network's dtype: line searches fail on the noise of float32.
    """
    e, target = estimator, estimator._network.model
    wide = np.dtype(np.float64)
    data = Examples(
        X.astype(wide, copy=False),
        y if y.dtype == np.int64 else y.astype(wide, copy=False),
        None if sample_weight is None else sample_weight.astype(wide, copy=False),
    )
    total = len(data.y) if data.weight is None else float(data.weight.sum())
    layers = [replace(layer, l2=e.alpha / total) for layer in target.layers]
    model = described_anew(target, layers=layers, dtype="float64")
    model.flat_parameters[:] = target.flat_parameters
    e.n_iter_ = 0

    def on_iteration(number: int, loss: float) -> bool:
        target.flat_parameters[:] = model.flat_parameters
        e.n_iter_, e.loss_ = number + 1, loss
        if e.verbose:
            print(f"loss = {loss:.8f}")
        record = EpochRecord(number, e.max_iter, {"loss": loss}, target)
        return stops(callback(record) for callback in e.callbacks)

    options = {"maxfun": e.max_fun, "maxiter": e.max_iter, "gtol": e.tol}
    try:
        with listening(e.callbacks, target):
            result = descend(model, data, on_iteration, polling(e.callbacks), e.n_threads or 0, options)
    except Stopped:
        return
    if result is None:
        raise ValueError(NON_FINITE)
    e.loss_ = result.fun
    if not result.stopped:
        e.n_iter_ = _check_optimize_result("lbfgs", result, e.max_iter)
