"""The solver "lbfgs": L-BFGS with scikit-learn's penalty, options, messages and warnings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils.optimize import _check_optimize_result

from deepcore._network.examples import Examples
from deepcore._network.network import Network
from deepcore._training.checkpoint import find
from deepcore._training.lbfgs import descend
from deepcore.callbacks import EpochRecord, Stopped, listening, polling, stops
from deepcore.model import Model
from deepcore.sklearn.record import Record, Settings
from deepcore.typing import Array

__all__ = ["fit_lbfgs"]

NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be"
    " preprocessed."
)


def fit_lbfgs(
    model: Model, X: Any, y: Array, sample_weight: Array | None, settings: Settings, record: Record
) -> None:
    """Minimise the penalised mean loss over the model's parameters, and record ``n_iter`` and ``loss``.

    The computation uses float64 for every dtype of the model, since the rounding errors of float32 make line
    searches fail.
    """
    if find("fit", settings.callbacks):
        raise ValueError(
            "fit: callbacks must not hold a Checkpoint with solver='lbfgs', whose state is in SciPy and "
            "cannot be saved; use solver='adam' or 'sgd'"
        )
    wide = np.dtype(np.float64)
    data = Examples(
        X.astype(wide, copy=False),
        y if y.dtype == np.int64 else y.astype(wide, copy=False),
        None if sample_weight is None else sample_weight.astype(wide, copy=False),
    )
    layers = tuple(replace(layer, l2=settings.alpha / data.total_weight()) for layer in model.layers)
    twin = Network(replace(model.spec, layers=layers, dtype=wide), model.snapshot())
    record.n_iter = 0

    def on_iteration(number: int, loss: float) -> bool:
        model.flat_parameters[:] = twin.flat
        record.n_iter, record.loss = number + 1, loss
        if settings.verbose:
            print(f"loss = {loss:.8f}")
        seen = EpochRecord(number, settings.max_iter, {"loss": loss}, model)
        return stops(callback(seen) for callback in settings.callbacks)

    options = {"maxfun": settings.max_fun, "maxiter": settings.max_iter, "gtol": settings.tol}
    try:
        with listening(settings.callbacks, model):
            poll = polling(settings.callbacks)
            result = descend(twin, data, on_iteration, poll, settings.threads, options)
    except Stopped:
        return
    if result is None:
        raise ValueError(NON_FINITE)
    record.loss = result.fun
    if not result.stopped:
        record.n_iter = _check_optimize_result("lbfgs", result, settings.max_iter)
