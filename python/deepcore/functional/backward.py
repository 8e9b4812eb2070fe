"""Backpropagation layer by layer. It reads the caches of the forward pass; columns are examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from deepcore import _checks, _core, catalog
from deepcore.functional.activations import activation_backward
from deepcore.functional.cost import loss_backward
from deepcore.functional.forward import Cache, LayerCache, LinearCache
from deepcore.functional.shapes import activation_row, hidden_names, matrices, require_columns, require_shape
from deepcore.typing import Array, Grads

__all__ = ["linear_activation_backward", "linear_backward", "model_backward"]


def linear_backward(
    dZ: ArrayLike, cache: LinearCache, l2: float = 0.0, *, input_gradient: bool = True
) -> tuple[Any, Array, Array]:
    """Compute ``dW = dZ A_prev' / m + (l2/m) W``, ``db`` = means of the rows of dZ, and ``dA_prev = W' dZ``.

    Args:
        dZ: Derivatives of each example's loss, (n, m); they are not divided by m.
        cache: ``(A_prev, W, b)``, as ``linear_forward`` returned it.
        l2: The factor lambda of the weight penalty, 0 or more.
        input_gradient: False leaves out dA_prev, which the first layer of a network does not need and which
            takes about half of the time. dW and db are the same.

    Returns:
        dA_prev: (n_prev, m), or None without ``input_gradient``.
        dW: (n, n_prev).
        db: (n, 1), one mean per unit.

    Raises:
        TypeError: If an array does not hold real numbers.
        ValueError: If shapes disagree; the message names the array and the shape it must have.

    Example:
        >>> dA_prev, dW, db = linear_backward([[1.0, 3.0]], ([[1.0, 1.0]], [[2.0]], [[0.0]]))
        >>> dA_prev, dW, db
        (array([[2., 6.]]), array([[2.]]), array([[2.]]))

    Source: Rumelhart, Hinton & Williams (1986).
    """
    return _linear_backward("linear_backward", dZ, cache, l2, input_gradient)


def _linear_backward(
    who: str, dZ: ArrayLike, cache: LinearCache, l2: float, input_gradient: bool
) -> tuple[Any, Array, Array]:
    _checks.number(who, "l2", l2)
    if not isinstance(cache, tuple) or len(cache) != 3:
        raise TypeError(f"{who}: cache must be (A_prev, W, b) as the forward function returned it")
    A_prev, W, b = cache
    gradients = _core.linear_backward_as_given(dZ, A_prev, W, b, input_gradient)
    if gradients is None:
        dZ, A_prev, W, b = matrices(who, {"dZ": dZ, "A_prev": A_prev, "W": W, "b": b})
        if A_prev.shape[1] == 0:
            raise ValueError(f"{who}: A_prev must have at least one column, got shape {A_prev.shape}")
        require_columns(who, "W", W, A_prev.shape[0], "one per row of A_prev")
        require_shape(who, "dZ", dZ, (W.shape[0], A_prev.shape[1]), "units of W by examples of A_prev")
        gradients = _core.linear_backward(dZ, A_prev, W, input_gradient)
    dA_prev, dW, db = gradients
    if l2:
        dW = dW + dW.dtype.type(l2 / A_prev.shape[1]) * W
    return dA_prev, dW, db


def linear_activation_backward(
    dA: ArrayLike,
    cache: Cache,
    activation: str = "relu",
    parameter: float | None = None,
    l2: float = 0.0,
    *,
    input_gradient: bool = True,
) -> tuple[Any, Array, Array]:
    """Go back through one layer: ``dZ = dA * g'(Z)``, then ``linear_backward``.

    Args:
        dA: Gradient with respect to the activations of the layer, (n, m).
        cache: ``((A_prev, W, b), Z)``, as ``linear_activation_forward`` returned it.
        activation: g, the same name as in the forward pass.
        parameter: Parameter of leaky_relu and elu; None: its default.
        l2: The factor lambda of the weight penalty, 0 or more.
        input_gradient: False leaves out dA_prev; see ``linear_backward``.

    Returns:
        dA_prev: (n_prev, m), or None without ``input_gradient``.
        dW: (n, n_prev).
        db: (n, 1).

    Raises:
        TypeError: If an array does not hold real numbers or the cache has another form.
        ValueError: If shapes disagree, the activation is unknown, or it is not the one of the forward pass.
    """
    who = "linear_activation_backward"
    return _layer_backward(who, dA, cache, activation, parameter, l2, input_gradient)


def _layer_backward(
    who: str,
    dA: ArrayLike,
    cache: Cache,
    name: str,
    parameter: float | None,
    l2: float,
    input_gradient: bool,
) -> tuple[Any, Array, Array]:
    row = activation_row(who, name)
    if not isinstance(cache, tuple) or len(cache) != 2:
        raise TypeError(f"{who}: cache must be ((A_prev, W, b), Z) as the forward function returned it")
    if isinstance(cache, LayerCache):
        _require_same_activation(who, cache, name, row["parameter"] if parameter is None else parameter)
    linear_cache, Z = cache
    dZ = _core.activation_backward_as_given(dA, Z, name, parameter)
    if dZ is None:
        dA, Z = matrices(who, {"dA": dA, "Z": Z})
        require_shape(who, "dA", dA, Z.shape, "the shape of Z in the cache")
        dZ = activation_backward(dA, Z, name, parameter)
    return _linear_backward(who, dZ, linear_cache, l2, input_gradient)


def _require_same_activation(who: str, cache: LayerCache, name: str, parameter: float | None) -> None:
    if cache.activation != name:
        raise ValueError(
            f"{who}: activation must be {cache.activation!r} as in the forward pass that made the cache, "
            f"got {name!r}"
        )
    if cache.parameter != parameter:
        raise ValueError(
            f"{who}: parameter must be {cache.parameter} as in the forward pass that made the cache, "
            f"got {parameter}"
        )


def model_backward(
    AL: ArrayLike,
    Y: ArrayLike,
    caches: Sequence[Cache],
    activation: str | Sequence[str] = "relu",
    output: str = "sigmoid",
    loss: str = "binary_cross_entropy",
    l2: float = 0.0,
    parameter: float | None = None,
    *,
    input_gradient: bool = False,
) -> Grads:
    """Go back through all layers, from ``dA[L] = -(Y/AL) + (1 - Y)/(1 - AL)`` to ``dW[1]``.

    Args:
        AL: Outputs, (n_L, m).
        Y: Targets, (n_L, m); one-hot columns for softmax.
        caches: One cache per layer, as ``model_forward`` returned them.
        activation: The hidden activation, the same as in the forward pass.
        output: Activation of layer L, the same as in the forward pass.
        loss: A name of ``catalog.losses``.
        l2: The factor lambda of the weight penalty, 0 or more.
        parameter: Parameter of the hidden leaky_relu or elu, the same as in the forward pass.
        input_gradient: Compute ``"dA0"``, (n_x, m), too. No update needs it, and it takes as long as dW1.

    Returns:
        ``{"dA1": (n1, m), ..., "dA{L-1}": ..., "dW1": (n1, n_x), "db1": (n1, 1), ...}``. ``dA{l}`` holds
        the derivatives of each example's loss with respect to ``A{l}``; dW and db are means over
        the examples.

    Raises:
        TypeError: If an array does not hold real numbers or a cache has another form.
        ValueError: If shapes disagree or a name is unknown.

    Example:
        >>> from deepcore import functional as F
        >>> AL, caches = F.model_forward([[0.0, 1.0]], {"W1": [[0.0]], "b1": [[0.0]]})
        >>> model_backward(AL, [[0, 1]], caches)["dW1"]
        array([[-0.25]])
    """
    who = "model_backward"
    _checks.listed(who, "caches", caches)
    L = len(caches)
    if L == 0:
        raise ValueError(f"{who}: caches must have one entry per layer, got none")
    names = [*hidden_names(who, activation, L - 1), output]
    for name in names:
        activation_row(who, name)
    AL, Y = matrices(who, {"AL": AL, "Y": Y})
    require_shape(who, "Y", Y, AL.shape, "the shape of AL")
    dA = loss_backward(AL, Y, loss)
    grads: Grads = {}
    for number in range(L, 0, -1):
        name = names[number - 1]
        own = parameter if number < L and catalog.activations[name]["parameter"] is not None else None
        needed = input_gradient or number > 1
        dA, dW, db = _layer_backward(who, dA, caches[number - 1], name, own, l2, needed)
        grads |= {f"dA{number - 1}": dA} if needed else {}
        grads |= {f"dW{number}": dW, f"db{number}": db}
    return grads
