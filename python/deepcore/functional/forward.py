"""Forward propagation layer by layer, with its caches. Columns are examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from deepcore import _core, catalog
from deepcore._labels import labels
from deepcore.functional.activations import activation as apply
from deepcore.functional.shapes import (
    activation_row,
    depth,
    hidden_names,
    matrices,
    require_layer,
    require_shape,
)
from deepcore.typing import Array

__all__ = ["linear_activation_forward", "linear_forward", "model_forward", "predict_labels"]

LinearCache: TypeAlias = tuple[Array, Array, Array]
Cache: TypeAlias = tuple[LinearCache, Array]


class LayerCache(tuple[LinearCache, Array]):
    """``((A_prev, W, b), Z)`` of one layer, which knows the activation that it was made with.

    Attributes:
        activation: Name of g.
        parameter: Parameter of g; None if it has none.
    """

    activation: str
    parameter: float | None

    def __new__(cls, parts: Cache, activation: str, parameter: float | None) -> LayerCache:
        """Make a cache of the parts."""
        cache = super().__new__(cls, parts)
        default = catalog.activations[activation]["parameter"]
        cache.activation, cache.parameter = activation, default if parameter is None else parameter
        return cache

    def __getnewargs__(self) -> tuple[Cache, str, float | None]:
        return (self[0], self[1]), self.activation, self.parameter


def linear_forward(A_prev: ArrayLike, W: ArrayLike, b: ArrayLike) -> tuple[Array, LinearCache]:
    """Compute the affine part of a layer: ``Z = W A_prev + b``.

    Args:
        A_prev: Activations of the previous layer, (n_prev, m), one example per column.
        W: Weights, (n, n_prev).
        b: Biases, (n, 1); added to every column.

    Returns:
        Z: (n, m); float64 unless all floating-point arguments are float32.
        cache: ``(A_prev, W, b)``, references that ``linear_backward`` reads.

    Raises:
        TypeError: If an array does not hold real numbers.
        ValueError: If shapes disagree; the message names the array and the shape it must have.

    Example:
        >>> Z, cache = linear_forward([[1.0, 2.0]], [[3.0]], [[0.5]])
        >>> Z
        array([[3.5, 6.5]])

    Source: Rumelhart, Hinton & Williams (1986).
    """
    return _linear_forward("linear_forward", A_prev, W, b)


def _linear_forward(
    who: str, A_prev: ArrayLike, W: ArrayLike, b: ArrayLike, layer: str = ""
) -> tuple[Array, LinearCache]:
    plain = _core.linear_forward_as_given(A_prev, W, b)
    if plain is not None:
        return plain, (A_prev, W, b)  # type: ignore[return-value]
    source = "X" if layer == "1" else "A_prev"
    if source == "X":  # by itself: whole numbers become float64, whatever the parameters are
        (A_prev,) = matrices(who, {source: A_prev})
    A_prev, W, b = matrices(who, {source: A_prev, f"W{layer}": W, f"b{layer}": b})
    require_layer(who, (source, f"W{layer}"), A_prev, W)
    require_shape(who, f"b{layer}", b, (W.shape[0], 1), f"one row per row of W{layer}")
    return _core.linear_forward(A_prev, W, b), (A_prev, W, b)


def linear_activation_forward(
    A_prev: ArrayLike, W: ArrayLike, b: ArrayLike, activation: str = "relu", parameter: float | None = None
) -> tuple[Array, Cache]:
    """Compute one layer: ``A = g(W A_prev + b)``.

    Args:
        A_prev: Activations of the previous layer, (n_prev, m).
        W: Weights, (n, n_prev).
        b: Biases, (n, 1).
        activation: g, a name of ``catalog.activations``.
        parameter: Parameter of leaky_relu and elu; None: its default.

    Returns:
        A: (n, m).
        cache: ``((A_prev, W, b), Z)``.

    Raises:
        TypeError: If an array does not hold real numbers.
        ValueError: If shapes disagree or the activation is unknown.

    Example:
        >>> A, ((A_prev, W, b), Z) = linear_activation_forward([[1.0], [2.0]], [[1.0, -1.0]], [[0.0]], "relu")
        >>> A, Z
        (array([[0.]]), array([[-1.]]))
    """
    linear_cache, Z, A = _layer_forward("linear_activation_forward", A_prev, W, b, activation, parameter)
    return A, LayerCache((linear_cache, Z), activation, parameter)


def _layer_forward(
    who: str,
    A_prev: ArrayLike,
    W: ArrayLike,
    b: ArrayLike,
    name: str,
    parameter: float | None,
    layer: str = "",
) -> tuple[LinearCache, Array, Array]:
    activation_row(who, name)
    Z, linear_cache = _linear_forward(who, A_prev, W, b, layer)
    return linear_cache, Z, apply(Z, name, parameter)


def model_forward(
    X: ArrayLike,
    parameters: Mapping[str, ArrayLike],
    activation: str | Sequence[str] = "relu",
    output: str = "sigmoid",
    parameter: float | None = None,
) -> tuple[Array, list[Cache]]:
    """Compute all layers: ``A[0] = X``, ``A[l] = g[l](W[l] A[l-1] + b[l])`` for l = 1..L.

    Args:
        X: Inputs, (n_x, m), one example per column.
        parameters: ``{"W1": (n1, n_x), "b1": (n1, 1), ..., "WL": ..., "bL": ...}``; L = 1 is logistic
            regression.
        activation: Activation of the hidden layers, one name for all of them or a list with one name per
            layer.
        output: Activation of layer L.
        parameter: Parameter of the hidden leaky_relu or elu; None: its default.

    Returns:
        AL: (n_L, m).
        caches: One ``((A_prev, W, b), Z)`` per layer.

    Raises:
        TypeError: If an array does not hold real numbers.
        ValueError: If shapes disagree, a parameter is missing or an activation is unknown.

    Example:
        >>> parameters = {"W1": [[1.0, -1.0]], "b1": [[0.0]]}
        >>> AL, caches = model_forward([[2.0, 0.0], [2.0, 0.0]], parameters)
        >>> AL
        array([[0.5, 0.5]])
    """
    A: Any = X
    caches: list[Cache] = []
    for linear_cache, Z, A, name, own in _layers_forward(X, parameters, activation, output, parameter):  # noqa: B007
        caches.append(LayerCache((linear_cache, Z), name, own))
    return A, caches


def _layers_forward(
    X: ArrayLike,
    parameters: Mapping[str, ArrayLike],
    activation: str | Sequence[str],
    output: str,
    parameter: float | None,
) -> Iterator[tuple[LinearCache, Array, Array, str, float | None]]:
    """Yield ``(A_prev, W, b)``, Z, A, the activation and its parameter of every layer."""
    who = "model_forward"
    L = depth(who, parameters)
    names = [*hidden_names(who, activation, L - 1), output]
    A: Any = X
    for number, name in enumerate(names, start=1):
        own = None if parameter is None or number == L or not _has_parameter(name) else parameter
        layer = str(number)
        W, b = parameters["W" + layer], parameters["b" + layer]
        linear_cache, Z, A = _layer_forward(who, A, W, b, name, own, layer)
        yield linear_cache, Z, A, name, own


def _has_parameter(name: str) -> bool:
    return catalog.activations.get(name, {}).get("parameter") is not None


def predict_labels(
    X: ArrayLike,
    parameters: Mapping[str, ArrayLike],
    activation: str | Sequence[str] = "relu",
    output: str = "sigmoid",
    threshold: float = 0.5,
    parameter: float | None = None,
) -> Array:
    """Predict labels: 1 where ``AL > threshold``, else 0; for softmax the row of the largest output.

    Args:
        X: Inputs, (n_x, m), one example per column.
        parameters: ``{"W1": ..., "b1": ..., ...}``.
        activation: Activation of the hidden layers.
        output: Activation of the last layer, sigmoid or softmax.
        threshold: Smallest output of a sigmoid, itself excluded, that means 1.
        parameter: Parameter of the hidden leaky_relu or elu; None: its default.

    Returns:
        int64, (n_L, m) for sigmoid, (1, m) for softmax.

    Raises:
        ValueError: If ``output`` is neither sigmoid nor softmax, and for the same reasons as
            ``model_forward``.

    Example:
        >>> predict_labels([[0.0, 1e-12, -1e-12]], {"W1": [[1.0]], "b1": [[0.0]]})
        array([[0, 1, 0]])
    """
    if not activation_row("predict_labels", output)["probability"]:
        raise ValueError(
            f"predict_labels: output must be sigmoid or softmax, got {output}; use model_forward"
        )
    AL: Any = X
    for _, _, AL, _, _ in _layers_forward(X, parameters, activation, output, parameter):  # noqa: B007
        pass
    chosen = labels(AL, output, threshold, axis=0, who="predict_labels")
    return chosen[np.newaxis] if output == "softmax" else chosen
