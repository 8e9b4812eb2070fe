"""Identify a run by digests of its arrays and by descriptions of its settings, which can be compared."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from deepcore import _checks, _core
from deepcore._network.examples import Examples
from deepcore._network.network import Network
from deepcore.callbacks import EarlyStopping, ReduceOnPlateau
from deepcore.optimizers import Optimizer
from deepcore.schedules import is_tabulated, native_schedule
from deepcore.typing import Array

__all__ = [
    "cached",
    "difference",
    "digest",
    "limited",
    "of_array",
    "of_callback",
    "of_examples",
    "of_network",
    "of_optimizer",
    "of_rate",
]

#: Arrays up to so many bytes are read as a whole for their digest; of larger ones, so many bytes of rows that
#: lie at equal distances.
WHOLE = 1 << 24


def digest(*arrays: Array) -> str:
    """Return 32 hexadecimal digits that depend on every byte of the arrays."""
    state = hashlib.blake2b(digest_size=16)
    for array in arrays:
        state.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return state.hexdigest()


def of_array(array: Any) -> dict[str, Any]:
    """Describe an array, mapped rows or a sparse matrix by shape, dtype and digest."""
    if hasattr(array, "indptr"):
        found = {"shape": list(array.shape), "dtype": str(array.dtype)}
        return found | {"content": digest(*map(_sampled, (array.data, array.indices, array.indptr)))}
    return {
        "shape": list(array.shape),
        "dtype": str(np.dtype(array.dtype)),
        "content": digest(_sampled(array)),
    }


def _sampled(array: Any) -> Array:
    rows = len(array)
    row_bytes = max(1, int(np.prod(array.shape[1:])) * array.dtype.itemsize)
    most = max(2, WHOLE // row_bytes)
    if rows <= most:
        return array[:]  # type: ignore[no-any-return]
    return array[np.linspace(0, rows - 1, most).astype(np.int64)]  # type: ignore[no-any-return]


def of_examples(data: Examples, of: Callable[[Any], dict[str, Any]] = of_array) -> dict[str, Any]:
    """Describe X, y and the weights, each by what ``of`` returns."""
    weight = None if data.weight is None else of(data.weight)
    return {"X": of(data.X), "y": of(data.y), "weights": weight}


def cached(data: Examples) -> Callable[[], dict[str, Any]]:
    """Return a function that computes ``of_examples(data)`` when it is first called, and then keeps it."""
    return functools.cache(lambda: of_examples(data))


def of_network(network: Network) -> dict[str, Any]:
    """Describe everything that defines a network, and the build that computes it."""
    return {
        "network": network.spec.to_dict(),
        "CPU variant": _core.variant,
        "version of deepcore": _core.build_info()["version"],
    }


def of_rate(rate: Any, steps: int) -> Any:
    """Describe a number, a schedule, or the first ``steps`` values of a function of the step; None stays."""
    if rate is None or _checks.is_number(rate):
        return rate if rate is None else float(rate)
    if is_tabulated(rate):
        table = native_schedule(rate, steps, [])
        return {"steps": steps, "rates": digest(np.array([table(step) for step in range(steps)]))}
    return repr(rate)


def of_optimizer(optimizer: Optimizer, steps: int) -> dict[str, Any]:
    """Describe an optimizer by its name and its numbers."""
    scheduled = ("learning_rate", "weight_decay")
    values = {f.name: getattr(optimizer, f.name) for f in fields(optimizer)}
    numbers = {name: of_rate(v, steps) if name in scheduled else v for name, v in values.items()}
    return {"name": type(optimizer).__name__, **numbers}


def of_callback(callback: object) -> dict[str, Any]:
    """Describe a callback by its class, and deepcore's own also by their settings."""
    names: tuple[str, ...] = ()
    if isinstance(callback, EarlyStopping):
        names = ("monitor", "patience", "min_delta", "restore_best", "mode")
    if isinstance(callback, ReduceOnPlateau):
        names = ("monitor", "factor", "patience", "threshold", "cooldown", "min_rate", "mode")
    return {"class": type(callback).__name__, **{name: getattr(callback, name) for name in names}}


def limited(description: Any, keys: Any) -> Any:
    """Return a description without the keys, on every level, that another one does not have."""
    if not isinstance(description, Mapping) or not isinstance(keys, Mapping):
        return description
    return {name: limited(description[name], keys[name]) for name in keys if name in description}


def difference(old: Any, new: Any, path: str = "") -> tuple[str, Any, Any] | None:
    """Find the first place where two descriptions differ: its name, the old value and the new one."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in [*old, *(name for name in new if name not in old)]:
            inner = f"{path}.{name}" if path else str(name)
            if found := difference(old.get(name), new.get(name), inner):
                return found
        return None
    listed = all(isinstance(value, Sequence) and not isinstance(value, str) for value in (old, new))
    if listed and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return next(filter(None, (difference(a, b, f"{path}[{i}]") for i, (a, b) in pairs)), None)
    if listed:
        return None if list(old) == list(new) else (path, list(old), list(new))
    return None if old == new else (path, old, new)
