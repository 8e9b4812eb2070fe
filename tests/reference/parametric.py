"""Parametric activations: A = Z + (g(Z) - Z) alpha, with an alpha per unit."""

from __future__ import annotations

from . import activations


def forward(Z, alpha, activation, parameter=None):
    """A; alpha (n, 1)."""
    return Z + (activations.forward(Z, activation, parameter) - Z) * alpha


def backward(dA, Z, alpha, activation, parameter=None):
    """dZ and dalpha: the derivative of g enters with the share alpha, that of the identity with the rest."""
    through = activations.backward(dA, Z, activation, parameter)
    dalpha = (dA * (activations.forward(Z, activation, parameter) - Z)).sum(axis=1, keepdims=True)
    return (1 - alpha) * dA + alpha * through, dalpha
