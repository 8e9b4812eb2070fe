"""Tools that examine a network and its training."""

from deepcore.doctor.gradient_check import GradientCheck, check_gradients, gradient_check
from deepcore.doctor.own_functions import check_functions

__all__ = ["GradientCheck", "check_functions", "check_gradients", "gradient_check"]
