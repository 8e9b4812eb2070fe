"""SciPy's L-BFGS minimises the compiled loss by its compiled gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from deepcore._network.examples import Examples
from deepcore._network.network import Network
from deepcore._network.spec import Spec
from deepcore.optimizers import LBFGS
from deepcore.typing import Array

__all__ = ["descend", "minimize"]


def _refuse_what_it_cannot(spec: Spec) -> None:
    found = {
        "dropout": spec.input_dropout or any(layer.dropout for layer in spec.layers),
        "max_norm": any(layer.max_norm for layer in spec.layers),
        "batch norm": any(layer.norm == "batch" for layer in spec.layers),
        "factors on the learning rate": any(layer.rate for layer in spec.layers),
    }
    for name, there in found.items():
        if there:
            raise ValueError(
                f"fit: LBFGS needs a loss that does not change between evaluations, so it cannot train a "
                f"model with {name}; use l2 instead, or another optimizer"
            )


def minimize(
    network: Network,
    data: Examples,
    optimizer: LBFGS,
    on_epoch: Callable[[int, float], bool] | None,
    on_poll: Callable[[], object] | None,
    threads: int,
) -> tuple[list[float], int, int]:
    """Minimise the network's cost over its parameters.

    Returns:
        The losses of the iterations; -1 and 0, or if the first cost is not finite its step, 0, and its layer.
    """
    _refuse_what_it_cannot(network.spec)
    data = data.converted(network.spec.dtype)
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
    if descend(network, data, on_iteration, on_poll, threads, options) is None:
        return [], 0, network.first_bad_layer(data.X)
    return losses, -1, 0


def descend(
    network: Network,
    data: Examples,
    on_iteration: Callable[[int, float], bool],
    on_poll: Callable[[], object] | None,
    threads: int,
    options: dict[str, Any],
) -> Any:
    """Run SciPy's L-BFGS from the network's present parameters.

    Whatever ends it, the parameters are then those of the last finished iteration.

    Args:
        network: Its cost is minimised.
        data: Checked examples in the network's dtype.
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
    network.share()
    flat, gradient = network.flat, np.empty_like(network.flat)
    finished: Array = flat.astype(np.float64)
    count, stopped = 0, False

    def evaluate() -> float:
        if on_poll is not None:
            on_poll()
        return network.gradient(data, gradient, threads)

    def cost(w: Array) -> tuple[float, Array]:
        flat[:] = w
        loss = evaluate()
        # the line search shortens a step that left the finite numbers
        return (loss if math.isfinite(loss) else 1e300), gradient.astype(np.float64)

    def iteration(intermediate_result: Any) -> None:
        nonlocal finished, count, stopped
        finished = intermediate_result.x.copy()
        flat[:] = finished
        network.share()
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
