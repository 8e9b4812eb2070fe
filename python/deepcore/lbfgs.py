"""L-BFGS by SciPy on the compiled loss and gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deepcore import _checks
from deepcore.streams import Examples, first_bad_layer
from deepcore.typing import Array

if TYPE_CHECKING:
    from deepcore.model import Model

__all__ = ["LBFGS", "descend", "minimize"]


@dataclass(frozen=True)
class LBFGS:
    """Limited-memory BFGS with line search, on all examples at once; needs SciPy (extra ``scipy``).

    For small tables and smooth losses: some hundred iterations reach what first-order methods need thousands
    of epochs for. Every iteration counts as an epoch of the history, with the loss after it; ``epochs``,
    ``batch_size`` and ``shuffle`` of ``fit`` are not read. Models with dropout, batch norm or max_norm
    are refused.

    Args:
        max_iter: Iterations at most.
        gtol: Ends when no element of the gradient is larger.
        ftol: Ends when the loss falls by less than this fraction of it.
        memory: Number of steps that the curvature is estimated from.

    Raises:
        TypeError: if ``max_iter`` or ``memory`` is no whole number.
        ValueError: if a number is out of its range.

    Example:
        >>> LBFGS(max_iter=500)
        LBFGS(max_iter=500, gtol=1e-05, ftol=2.2e-09, memory=10)

    Source: Liu & Nocedal (1989); Zhu, Byrd, Lu & Nocedal (1997), as in ``scipy.optimize.minimize``.
    """

    max_iter: int = 200
    gtol: float = 1e-5
    ftol: float = 2.2e-9
    memory: int = 10

    def __post_init__(self) -> None:
        for name in ("max_iter", "memory"):
            _checks.count("LBFGS", name, getattr(self, name))
        for name in ("gtol", "ftol"):
            _checks.number("LBFGS", name, getattr(self, name))


def _refuse_what_it_cannot(model: Model) -> None:
    found = {
        "dropout": model.input_dropout or any(layer.dropout for layer in model.layers),
        "max_norm": any(layer.max_norm for layer in model.layers),
        "batch norm": any(layer.norm == "batch" for layer in model.layers),
    }
    for name, there in found.items():
        if there:
            raise ValueError(
                f"fit: optimizer=LBFGS() needs one cost that only its own steps lower, got a model with "
                f"{name}; use l2 instead, or another optimizer"
            )


def minimize(
    model: Model,
    data: Examples,
    optimizer: LBFGS,
    on_epoch: Callable[[int, float], bool] | None,
    on_poll: Callable[[], None] | None,
    threads: int,
) -> tuple[list[float], int, int]:
    """Minimise the model's cost over its parameters.

    Returns:
        The losses of the iterations; -1 and 0, or if the first cost is not finite its step, 0, and its layer.
    """
    _refuse_what_it_cannot(model)
    data = data.converted(model.dtype)
    losses: list[float] = []

    def on_iteration(number: int, loss: float) -> bool:
        losses.append(loss)
        return on_epoch is not None and on_epoch(number, loss)

    options = {
        "maxiter": optimizer.max_iter,
        "maxfun": 20 * optimizer.max_iter,
        "gtol": optimizer.gtol,
        "ftol": optimizer.ftol,
        "maxcor": optimizer.memory,
    }
    if descend(model, data, on_iteration, on_poll, threads, options) is None:
        return [], 0, first_bad_layer(model, data.X)
    return losses, -1, 0


def descend(
    model: Model,
    data: Examples,
    on_iteration: Callable[[int, float], bool],
    on_poll: Callable[[], None] | None,
    threads: int,
    options: dict[str, Any],
) -> Any:
    """SciPy's L-BFGS, from the model's parameters on.

    Whatever ends it, the parameters are then those of the last finished iteration.

    Args:
        model: Its cost is minimised.
        data: Checked examples in the model's dtype.
        on_iteration: Called with number and loss of every iteration; the parameters are up to date. True
            ends the descent.
        on_poll: Called before every evaluation of the cost; what it raises ends the descent.
        threads: As the native module takes it.
        options: Of SciPy's ``L-BFGS-B``.

    Returns:
        SciPy's result with a further ``stopped``: whether ``on_iteration`` ended it. None if the cost is not
        finite at the first parameters.
    """
    try:
        from scipy import optimize
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "fit: optimizer=LBFGS() needs SciPy, which is not installed; pip install 'deepcore-nn[scipy]'",
            name="scipy",
        ) from error
    flat, gradient = model.flat_parameters, np.empty_like(model.flat_parameters)
    finished: Array = flat.astype(np.float64)
    count, stopped = 0, False

    def evaluate() -> float:
        if on_poll is not None:
            on_poll()
        return float(model._network.gradient(data.X, data.y, gradient, data.weight, threads))

    def cost(w: Array) -> tuple[float, Array]:
        flat[:] = w
        loss = evaluate()
        # the line search shortens a step that left the finite numbers
        return (loss if math.isfinite(loss) else 1e300), gradient.astype(np.float64)

    def iteration(intermediate_result: Any) -> None:
        nonlocal finished, count, stopped
        finished = intermediate_result.x.copy()
        flat[:] = finished
        count += 1
        stopped = on_iteration(count - 1, float(intermediate_result.fun))
        if stopped:
            raise StopIteration

    if not math.isfinite(evaluate()):
        return None
    try:
        result = optimize.minimize(
            cost, finished, jac=True, method="L-BFGS-B", callback=iteration, options=options
        )
    finally:
        flat[:] = finished
    result.stopped = stopped
    return result
