"""deepcore trains and serves dense neural networks on a CPU, and shows every matrix of a training step.

``Model`` and ``mlp`` train and predict; examples are rows. ``deepcore.functional`` holds the steps of
backpropagation as single functions; examples are columns.

Example:
    >>> import deepcore as dc
    >>> model = dc.mlp([784, 100, 10])
    >>> model.parameters["W1"].shape
    (100, 784)
"""

from __future__ import annotations

import sys as _sys
import warnings as _warnings
from importlib import import_module as _import_module
from pathlib import Path as _Path
from typing import TYPE_CHECKING as _TYPE_CHECKING

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

if "threadpoolctl" in _sys.modules:
    from deepcore import threadpools as _threadpools  # noqa: F401

if _TYPE_CHECKING:
    from deepcore import (
        capi,
        catalog,
        course,
        dask,
        data,
        distributed,
        doctor,
        functional,
        graph,
        metrics,
        plots,
        report,
        schedules,
        sklearn,
        tabular,
    )
    from deepcore._loading import load
    from deepcore._mlp import mlp
    from deepcore._streaming.stream import stream
    from deepcore.callbacks import Checkpoint, EarlyStopping, EpochRecord, MaxSeconds, ReduceOnPlateau
    from deepcore.conversion import from_onnx, from_torch
    from deepcore.doctor.gradient_check import check_gradients, gradient_check
    from deepcore.doctor.training_doctor import Doctor, diagnose
    from deepcore.ensemble import Ensemble
    from deepcore.exceptions import DeadUnitsWarning, DivergenceWarning, GroupError, SymmetryWarning
    from deepcore.history import History
    from deepcore.installation import get_cmake_dir, get_include, show_config
    from deepcore.layers import (
        CategoryEmbedding,
        Dense,
        Dropout,
        PeriodicEmbedding,
        PiecewiseLinearEmbedding,
        Scale,
    )
    from deepcore.losses import CrossEntropy, Huber, Quantile
    from deepcore.many import fit_many
    from deepcore.model import Model
    from deepcore.optimizers import LBFGS, SGD, Adagrad, Adam, AdamW, AMSGrad, Lion, NAdam, RMSProp
    from deepcore.prepared import PreparedModel
    from deepcore.progress import Progress
    from deepcore.recorder import Recorder
    from deepcore.schedules import (
        Constant,
        Cosine,
        CosLog4,
        Exponential,
        FlatCosine,
        InverseTime,
        OneCycle,
        StepDecay,
        Warmup,
    )
    from deepcore.trace import Trace

__version__: str

# Where the public names live. A module is imported when one of its names is used for the first time, so that
# ``import deepcore`` stays fast.
_NAMES = {
    "callbacks": ("Checkpoint", "EarlyStopping", "EpochRecord", "MaxSeconds", "ReduceOnPlateau"),
    "conversion": ("from_onnx", "from_torch"),
    "doctor.gradient_check": ("check_gradients", "gradient_check"),
    "doctor.training_doctor": ("Doctor", "diagnose"),
    "ensemble": ("Ensemble",),
    "exceptions": ("DeadUnitsWarning", "DivergenceWarning", "GroupError", "SymmetryWarning"),
    "history": ("History",),
    "installation": ("get_cmake_dir", "get_include", "show_config"),
    "layers": (
        "CategoryEmbedding",
        "Dense",
        "Dropout",
        "PeriodicEmbedding",
        "PiecewiseLinearEmbedding",
        "Scale",
    ),
    "losses": ("CrossEntropy", "Huber", "Quantile"),
    "many": ("fit_many",),
    "_loading": ("load",),
    "_mlp": ("mlp",),
    "_streaming.stream": ("stream",),
    "model": ("Model",),
    "optimizers": ("LBFGS", "SGD", "AMSGrad", "Adagrad", "Adam", "AdamW", "Lion", "NAdam", "RMSProp"),
    "prepared": ("PreparedModel",),
    "progress": ("Progress",),
    "recorder": ("Recorder",),
    "trace": ("Trace",),
    "schedules": (
        "Constant",
        "CosLog4",
        "Cosine",
        "Exponential",
        "FlatCosine",
        "InverseTime",
        "OneCycle",
        "StepDecay",
        "Warmup",
    ),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "LBFGS",
    "SGD",
    "AMSGrad",
    "Adagrad",
    "Adam",
    "AdamW",
    "CategoryEmbedding",
    "Checkpoint",
    "Constant",
    "CosLog4",
    "Cosine",
    "CrossEntropy",
    "DeadUnitsWarning",
    "Dense",
    "DivergenceWarning",
    "Doctor",
    "Dropout",
    "EarlyStopping",
    "Ensemble",
    "EpochRecord",
    "Exponential",
    "FlatCosine",
    "GroupError",
    "History",
    "Huber",
    "InverseTime",
    "Lion",
    "MaxSeconds",
    "Model",
    "NAdam",
    "OneCycle",
    "PeriodicEmbedding",
    "PiecewiseLinearEmbedding",
    "PreparedModel",
    "Progress",
    "Quantile",
    "RMSProp",
    "Recorder",
    "ReduceOnPlateau",
    "Scale",
    "StepDecay",
    "SymmetryWarning",
    "Trace",
    "Warmup",
    "__version__",
    "capi",
    "catalog",
    "check_gradients",
    "course",
    "dask",
    "data",
    "diagnose",
    "distributed",
    "doctor",
    "fit_many",
    "from_onnx",
    "from_torch",
    "functional",
    "get_cmake_dir",
    "get_include",
    "gradient_check",
    "graph",
    "load",
    "metrics",
    "mlp",
    "plots",
    "report",
    "schedules",
    "show_config",
    "sklearn",
    "stream",
    "tabular",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        return _core.build_info()["version"]
    if name in _HOMES:
        value = getattr(_import_module(f"deepcore.{_HOMES[name]}"), name)
        globals()[name] = value  # the next use does not come here
        return value
    if not name.startswith("_"):
        try:
            return _import_module(f"deepcore.{name}")  # deepcore.data, deepcore.graph, ...
        except ModuleNotFoundError as error:
            if error.name != f"deepcore.{name}":
                raise
    raise AttributeError(f"module 'deepcore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
