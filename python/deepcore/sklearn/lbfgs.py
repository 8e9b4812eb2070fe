"""solver="lbfgs": SciPy's L-BFGS on the compiled loss and gradient."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.utils.optimize import _check_optimize_result

from deepcore.sklearn.network import described_anew
from deepcore.typing import Array

__all__ = ["fit_lbfgs"]


def fit_lbfgs(estimator: Any, X: Any, y: Array, sample_weight: Array | None) -> None:
    """Minimise the penalised mean loss over the network's parameters and set ``n_iter_`` and ``loss_``.

    In float64 whatever the network's dtype: line searches fail on the noise of float32.
    """
    target = estimator._network.model
    X = X.astype(np.float64, copy=False)
    y = y if y.dtype == np.int64 else y.astype(np.float64, copy=False)
    weight = None if sample_weight is None else sample_weight.astype(np.float64, copy=False)
    total = X.shape[0] if weight is None else float(weight.sum())
    layers = [replace(layer, l2=estimator.alpha / total) for layer in target.layers]
    model = described_anew(target, layers=layers, dtype="float64")
    gradient = np.zeros_like(model.flat_parameters)
    threads = estimator.n_threads or 0

    def loss_and_gradient(flat: Array) -> tuple[float, Array]:
        model.flat_parameters[:] = flat
        return model._network.gradient(X, y, gradient, weight, threads), gradient

    progress = (
        (lambda intermediate_result: print(f"loss = {intermediate_result.fun:.8f}"))
        if (estimator.verbose)
        else None
    )
    result = minimize(
        loss_and_gradient,
        target.flat_parameters.astype(np.float64),
        method="L-BFGS-B",
        jac=True,
        callback=progress,
        options={"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol},
    )
    if not np.isfinite(result.x).all():
        raise ValueError(NON_FINITE)
    target.flat_parameters[:] = result.x
    estimator.n_iter_ = _check_optimize_result("lbfgs", result, estimator.max_iter)
    estimator.loss_ = result.fun


NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be"
    " preprocessed."
)
