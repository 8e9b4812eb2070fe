"""Activations by name. They work element by element; softmax works column by column."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from deepcore import _checks, _core
from deepcore.catalog import native_parameter
from deepcore.functional.shapes import activation_row, matrices, require_shape, same_dtype
from deepcore.typing import Array

__all__ = ["activation", "activation_backward", "activation_derivative", "relu", "sigmoid", "softmax", "tanh"]


def activation(Z: ArrayLike, name: str, parameter: float | None = None) -> Array:
    """Compute the activations ``A = g(Z)``.

    Args:
        Z: Array of any shape, or a number; softmax takes a matrix (n, m) and works along each column.
        name: g, a name of ``catalog.activations``.
        parameter: Parameter of leaky_relu and elu; None: its default.

    Returns:
        A, in the shape of Z; float64 unless Z is float32.

    Raises:
        TypeError: If Z does not hold real numbers.
        ValueError: If the name is unknown, or softmax gets something other than a matrix.

    Example:
        >>> activation([[-1.0, 2.0]], "leaky_relu")
        array([[-0.01,  2.  ]])
    """
    plain = _core.activation_as_given(Z, name, parameter)
    if plain is not None:
        return plain
    activation_row("activation", name)
    slope = _slope("activation", name, parameter)
    if name == "softmax":
        (columns,) = matrices("activation", {"Z": Z})
        return _core.activation_forward(columns, name, slope)
    (array,) = same_dtype("activation", {"Z": Z})
    A = _core.activation_forward(array.reshape(1, -1), name, slope).reshape(array.shape)
    return A if array.ndim else A[()]


def activation_derivative(Z: ArrayLike, name: str, parameter: float | None = None) -> Array:
    """Compute ``g'(Z)`` element by element. By convention, relu'(0) = 0 and leaky_relu'(0) is its slope.

    Args:
        Z: Array of any shape, or a number.
        name: g, a name of ``catalog.activations``. softmax is not allowed, since its derivative is a matrix
            per column.
        parameter: Parameter of leaky_relu and elu; None: its default.

    Returns:
        An array in the shape of Z; float64 unless Z is float32.

    Raises:
        ValueError: If the name is unknown or softmax.

    Example:
        >>> float(activation_derivative(0.0, "sigmoid"))
        0.25
    """
    plain = _core.activation_slope_as_given(Z, name, parameter)
    if plain is not None:
        return plain
    activation_row("activation_derivative", name)
    if name == "softmax":
        raise ValueError(
            "activation_derivative: softmax has a Jacobian matrix per column; use activation_backward"
        )
    (array,) = same_dtype("activation_derivative", {"Z": Z})
    row = array.reshape(1, -1)
    slope = _slope("activation_derivative", name, parameter)
    result = _core.activation_backward(np.ones_like(row), row, name, slope).reshape(array.shape)
    return result if array.ndim else result[()]


def activation_backward(dA: ArrayLike, Z: ArrayLike, name: str, parameter: float | None = None) -> Array:
    """Compute ``dZ = dA * g'(Z)``; for softmax the product with its Jacobian, column by column.

    Args:
        dA: Gradient with respect to the activations, (n, m).
        Z: Input of the activation in the forward pass, (n, m).
        name: g, a name of ``catalog.activations``.
        parameter: Parameter of leaky_relu and elu; None: its default.

    Returns:
        dZ, (n, m).

    Raises:
        ValueError: If the shapes differ or the name is unknown.
    """
    plain = _core.activation_backward_as_given(dA, Z, name, parameter)
    if plain is not None:
        return plain
    who = "activation_backward"
    activation_row(who, name)
    dA, Z = matrices(who, {"dA": dA, "Z": Z})
    require_shape(who, "dA", dA, Z.shape, "the shape of Z")
    return _core.activation_backward(dA, Z, name, _slope(who, name, parameter))


def _slope(who: str, name: str, parameter: object) -> float:
    """The parameter of an activation as compiled functions take it."""
    if parameter is not None and not _checks.is_number(parameter):
        raise TypeError(f"{who}: parameter must be a finite number, got {_checks.shown(parameter)}")
    return native_parameter(name, parameter)  # type: ignore[arg-type]


def sigmoid(Z: ArrayLike) -> Array:
    """Compute ``1 / (1 + exp(-Z))`` without overflow. Z may have any shape.

    Example:
        >>> float(sigmoid(0))
        0.5
    """
    plain = _core.activation_as_given(Z, "sigmoid", None)
    return activation(Z, "sigmoid") if plain is None else plain


def tanh(Z: ArrayLike) -> Array:
    """Compute ``tanh(Z)``. Z may have any shape."""
    plain = _core.activation_as_given(Z, "tanh", None)
    return activation(Z, "tanh") if plain is None else plain


def relu(Z: ArrayLike) -> Array:
    """Compute ``max(0, Z)``. Z may have any shape."""
    plain = _core.activation_as_given(Z, "relu", None)
    return activation(Z, "relu") if plain is None else plain


def softmax(Z: ArrayLike) -> Array:
    """Compute ``exp(Z) / sum(exp(Z))`` along each column of Z (n, m), without overflow."""
    plain = _core.activation_as_given(Z, "softmax", None)
    return activation(Z, "softmax") if plain is None else plain
