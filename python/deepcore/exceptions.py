"""Warnings that deepcore gives; errors are the built-in ones (TypeError, ValueError, RuntimeError, ...)."""

__all__ = ["DivergenceWarning", "SymmetryWarning"]


class DivergenceWarning(UserWarning):
    """A training run ended because its loss was no longer a finite number."""


class SymmetryWarning(UserWarning):
    """Units of a hidden layer start equal, so they stay equal: the layer learns as if it had one unit."""
