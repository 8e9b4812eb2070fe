"""States of the parts of a run as JSON data and tensors, for the file of a checkpoint; that of a history."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from deepcore import _checks
from deepcore.history import History
from deepcore.typing import Array

__all__ = ["HistoryState", "decoded", "encoded"]


class HistoryState:
    """The history of a run, as a part that is saved."""

    def __init__(self, history: History) -> None:
        self._history = history

    def state(self) -> dict[str, Any]:
        """Copy the history."""
        history = self._history
        numbers = {name: np.array(values) for name, values in history.items()}
        return {"numbers": numbers, "diverged": [history.diverged_at_step, history.diverged_at_layer]}

    def set_state(self, state: Any) -> None:
        """Go on with a history."""
        history = self._history
        history.update({name: values.tolist() for name, values in state["numbers"].items()})
        history.diverged_at_step, history.diverged_at_layer = state["diverged"]


def encoded(value: Any, tensors: dict[str, Array], name: str) -> Any:
    """Return a state as JSON data; its arrays are copied into ``tensors``, with names that begin as given.

    Raises:
        TypeError: if it holds something else than numbers, text, None, lists, dicts and arrays.
    """
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) and not key.startswith("$") for key in value):
            raise TypeError(
                f"Checkpoint: keys of a state must be text that does not begin with $, got {list(value)}"
            )
        return {key: encoded(inner, tensors, f"{name}.{key}") for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [encoded(inner, tensors, f"{name}.{number}") for number, inner in enumerate(value)]
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and value.dtype.itemsize <= 8:
        logical = value.dtype == np.bool_
        tensors[name] = value.astype(np.uint8 if logical else value.dtype.newbyteorder("="), copy=True)
        return {"$array": name, "$bool": logical}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": str(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(
        "Checkpoint: a state must hold numbers, text, None, lists, dicts and arrays of numbers, got "
        f"{_checks.shown(value)} in {name}"
    )


def decoded(value: Any, tensors: Mapping[str, Array]) -> Any:
    """Reverse ``encoded``."""
    if isinstance(value, list):
        return [decoded(inner, tensors) for inner in value]
    if not isinstance(value, dict):
        return value
    if "$array" in value:
        array = tensors[value["$array"]]
        return array.astype(np.bool_) if value["$bool"] else array
    if "$float" in value:
        return float(value["$float"])
    return {key: decoded(inner, tensors) for key, inner in value.items()}
