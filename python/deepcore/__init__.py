"""Deep dense networks on a CPU, at the speed of the hardware, with every matrix of the notes in reach.

``deepcore.functional`` holds the notes, function by function; examples are columns. ``Model`` and ``mlp`` are
the engine; examples are rows.

Example:
    >>> import deepcore as dc
    >>> model = dc.mlp([784, 100, 10])
    >>> model.parameters["W1"].shape
    (100, 784)
"""

from __future__ import annotations

import sys as _sys
import warnings as _warnings
from pathlib import Path as _Path

from deepcore import _clash

_here = _Path(__file__).parent
try:
    from deepcore import _core
except ImportError as _error:
    # a missing native module is explained; any other trouble inside it speaks for itself
    if _error.name not in ("deepcore", "deepcore._core"):
        raise
    raise _clash.missing_core(_here, _error) from _error
_clash.require_ours(_core)
if _other := _clash.foreign_distribution(_here):
    _warnings.warn(_clash.beside(_other), stacklevel=2)

from deepcore import catalog, functional, metrics, schedules  # noqa: E402
from deepcore.callbacks import EarlyStopping, EpochRecord, MaxSeconds, ReduceOnPlateau  # noqa: E402
from deepcore.checkpoint import load  # noqa: E402
from deepcore.fitting import DivergenceWarning  # noqa: E402
from deepcore.gradient_check import check_model, gradient_check  # noqa: E402
from deepcore.history import History  # noqa: E402
from deepcore.info import get_cmake_dir, get_include, show_config  # noqa: E402
from deepcore.layers import Dense, Dropout, SymmetryWarning  # noqa: E402
from deepcore.lbfgs import LBFGS  # noqa: E402
from deepcore.model import Model  # noqa: E402
from deepcore.optimizers import SGD, Adagrad, Adam, AdamW, NAdam, RMSProp  # noqa: E402
from deepcore.perceptron import mlp  # noqa: E402
from deepcore.progress import Progress  # noqa: E402
from deepcore.schedules import (  # noqa: E402
    Constant,
    Cosine,
    Exponential,
    InverseTime,
    OneCycle,
    StepDecay,
    Warmup,
)

if "threadpoolctl" in _sys.modules:
    from deepcore import threadpools as _threadpools  # noqa: F401

__version__: str

__all__ = [
    "LBFGS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "Dense",
    "DivergenceWarning",
    "Dropout",
    "EarlyStopping",
    "EpochRecord",
    "Exponential",
    "History",
    "InverseTime",
    "MaxSeconds",
    "Model",
    "NAdam",
    "OneCycle",
    "Progress",
    "RMSProp",
    "ReduceOnPlateau",
    "StepDecay",
    "SymmetryWarning",
    "Warmup",
    "__version__",
    "catalog",
    "check_model",
    "functional",
    "get_cmake_dir",
    "get_include",
    "gradient_check",
    "load",
    "metrics",
    "mlp",
    "schedules",
    "show_config",
]


def __getattr__(name: str) -> object:
    # what costs time to import is imported by who asks for it
    if name == "__version__":
        return _core.build_info()["version"]
    if name in ("course", "data", "graph"):
        from importlib import import_module

        return import_module(f"deepcore.{name}")
    raise AttributeError(f"module 'deepcore' has no attribute {name!r}")
