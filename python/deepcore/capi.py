"""deepcore for Cython, C and ctypes: the table of native functions, and handles of models for it.

The functions need neither Python nor its lock. ``deepcore_api.h`` in ``deepcore.get_include()`` describes
them. ``cimport deepcore.capi`` has the same names for Cython.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_double, c_int, c_int32, c_int64, c_uint32, c_uint64, c_void_p
from typing import Any

from deepcore import _core

__all__ = [
    "Constant",
    "Description",
    "Examples",
    "Info",
    "Layer",
    "Step",
    "Table",
    "Training",
    "ctypes_table",
    "network",
    "optimizer",
    "pointer",
    "table",
]

ABI_VERSION = 1

#: The PyCapsule "deepcore.capi.table", which holds a pointer to ``deepcore_api``.
table: Any = _core.c_table


def network(model: Any) -> Any:
    """Return a PyCapsule "deepcore.capi.network" with a handle of the network of a model.

    The handle is freed with the capsule. It is the network itself: C and Python see each other's changes.

    Args:
        model: A ``Model``, or another object that has a ``network``, such as a ``PreparedModel``. C functions
            take the inputs of the network, after the preprocessing of a ``PreparedModel``.

    Raises:
        TypeError: if ``model`` has no network.

    Example:
        >>> import deepcore as dc
        >>> handle = network(dc.mlp([2, 3, 1]))
    """
    native: Any = getattr(getattr(model, "network", None), "native", None)
    if not hasattr(native, "handle"):
        raise TypeError(f"capi.network: model must be a Model, got {type(model).__name__}")
    return native.handle()


def optimizer(state: Any) -> Any:
    """Return a PyCapsule "deepcore.capi.optimizer" with a handle of a bound optimizer.

    Args:
        state: What ``dc.Adam(1e-3).bind(model)`` returns. Its slots and steps are shared with C.

    Raises:
        TypeError: if ``state`` is no bound optimizer.

    Example:
        >>> import deepcore as dc
        >>> handle = optimizer(dc.Adam(1e-3).bind(dc.mlp([2, 3, 1])))
    """
    native: Any = getattr(state, "native", None)
    if not hasattr(native, "handle"):
        raise TypeError(
            f"capi.optimizer: state must be a bound optimizer, such as dc.Adam(1e-3).bind(model), "
            f"got {type(state).__name__}"
        )
    return native.handle()


class Examples(ctypes.Structure):
    """``deepcore_examples``: see ``deepcore_api.h``."""

    _fields_ = [
        ("dtype", c_int32),
        ("rows", c_int64),
        ("X", c_void_p),
        ("X_row_stride", c_int64),
        ("X_column_stride", c_int64),
        ("labels", c_void_p),
        ("y", c_void_p),
        ("y_row_stride", c_int64),
        ("y_column_stride", c_int64),
        ("loss", c_void_p),
        ("loss_context", c_void_p),
        ("weights", c_void_p),
    ]


class Step(ctypes.Structure):
    """``deepcore_step``: see ``deepcore_api.h``."""

    _fields_ = [("seed", c_uint64), ("step", c_int64)]


class Training(ctypes.Structure):
    """``deepcore_training``: see ``deepcore_api.h``."""

    _fields_ = [
        ("epochs", c_int64),
        ("batch_size", c_int64),
        ("shuffle", c_int32),
        ("threads", c_int32),
        ("seed", c_uint64),
        ("on_epoch", c_void_p),
        ("context", c_void_p),
    ]


class Layer(ctypes.Structure):
    """``deepcore_layer``: see ``deepcore_api.h``."""

    _fields_ = [
        ("units", c_int64),
        ("activation", c_char_p),
        ("initializer", c_char_p),
        ("dropout", c_double),
        ("l1", c_double),
        ("l2", c_double),
    ]


class Description(ctypes.Structure):
    """``deepcore_description``: see ``deepcore_api.h``."""

    _fields_ = [
        ("dtype", c_int32),
        ("inputs", c_int64),
        ("layers", POINTER(Layer)),
        ("layer_count", c_int64),
        ("loss", c_char_p),
        ("seed", c_uint64),
    ]


class Constant(ctypes.Structure):
    """``deepcore_constant``: see ``deepcore_api.h``."""

    _fields_ = [("name", c_char_p), ("value", c_double)]


class Info(ctypes.Structure):
    """``deepcore_info``: see ``deepcore_api.h``."""

    _fields_ = [
        ("dtype", c_int32),
        ("inputs", c_int64),
        ("outputs", c_int64),
        ("parameter_count", c_int64),
        ("epochs", c_int64),
        ("seed", c_uint64),
    ]


def _function(*arguments: Any) -> Any:
    return ctypes.CFUNCTYPE(c_int, *arguments)


_OUT = POINTER(c_void_p)
_free = ctypes.CFUNCTYPE(None, c_void_p)
_predict = _function(c_void_p, c_int64, c_void_p, c_int64, c_int64, c_void_p, c_int64, c_int64)


class Table(ctypes.Structure):
    """``deepcore_api`` for ctypes: see ``deepcore_api.h``. Handles and arrays are addresses."""

    _fields_ = [
        ("abi_version", c_uint32),
        ("size", c_uint32),
        ("version", c_char_p),
        ("variant", c_char_p),
        ("last_error", ctypes.CFUNCTYPE(c_char_p)),
        ("network_create", _function(POINTER(Description), _OUT)),
        ("network_load", _function(c_char_p, _OUT)),
        ("network_save", _function(c_void_p, c_char_p)),
        ("network_share", _function(c_void_p, _OUT)),
        ("network_free", _free),
        ("network_info", _function(c_void_p, POINTER(Info))),
        ("network_read", _function(c_void_p, c_int32, c_void_p, c_int64)),
        ("network_write", _function(c_void_p, c_int32, c_void_p, c_int64)),
        ("predictor_create", _function(c_void_p, _OUT)),
        ("predictor_free", _free),
        ("predict_f32", _predict),
        ("predict_f64", _predict),
        (
            "gradient",
            _function(
                c_void_p, POINTER(Examples), POINTER(Step), c_int32, POINTER(c_double), c_void_p, c_int64
            ),
        ),
        ("optimizer_create", _function(c_void_p, c_char_p, c_double, POINTER(Constant), c_int64, _OUT)),
        ("optimizer_share", _function(c_void_p, _OUT)),
        ("optimizer_free", _free),
        ("optimizer_info", _function(c_void_p, POINTER(c_int64), POINTER(c_int64))),
        ("optimizer_set_steps", _function(c_void_p, c_int64)),
        ("optimizer_read", _function(c_void_p, c_int64, c_int32, c_void_p, c_int64)),
        ("optimizer_write", _function(c_void_p, c_int64, c_int32, c_void_p, c_int64)),
        ("optimizer_step", _function(c_void_p, c_void_p, c_void_p, c_int64)),
        (
            "train",
            _function(
                c_void_p, c_void_p, POINTER(Examples), POINTER(Training), POINTER(c_double), POINTER(c_int64)
            ),
        ),
    ]


def ctypes_table() -> Table:
    """Return the table of functions for ctypes.

    Raises:
        ImportError: if the compiled module has another table than this file describes.

    Example:
        >>> ctypes_table().abi_version
        1
    """
    found = Table.from_address(pointer(table, "deepcore.capi.table"))
    if found.abi_version != ABI_VERSION or found.size != ctypes.sizeof(Table):
        raise ImportError(
            f"deepcore.capi: the compiled module has ABI {found.abi_version} with {found.size} bytes, "
            f"and this file has ABI {ABI_VERSION} with {ctypes.sizeof(Table)} bytes; install deepcore again"
        )
    return found


def pointer(capsule: Any, name: str) -> int:
    """Return the address that a PyCapsule holds, for ctypes; keep the capsule while it is used."""
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = c_void_p, [ctypes.py_object, c_char_p]
    return int(get(capsule, name.encode()))
