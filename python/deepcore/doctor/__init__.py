"""Tools that examine a network and its training."""

from deepcore.doctor.gradient_check import GradientCheck, check_gradients, gradient_check

__all__ = ["GradientCheck", "check_gradients", "gradient_check"]
