"""Tools that examine a network and its training."""

from deepcore.doctor.gradient_check import GradientCheck, check_gradients, gradient_check
from deepcore.doctor.own_functions import check_functions
from deepcore.doctor.training_doctor import Doctor, diagnose
from deepcore.doctor.vocabulary import CAUSES, Finding, Findings, Proof

__all__ = [
    "CAUSES",
    "Doctor",
    "Finding",
    "Findings",
    "GradientCheck",
    "Proof",
    "check_functions",
    "check_gradients",
    "diagnose",
    "gradient_check",
]
