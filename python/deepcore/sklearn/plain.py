"""Convert arguments and attributes of estimators to JSON data and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from deepcore import _checks

__all__ = ["from_plain", "to_plain"]

# A value that JSON does not have becomes an object with one of these keys.
_TUPLE, _DICT, _ARRAY, _FLOAT = "tuple", "dict", "array", "float"
_DTYPES = {"bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
           "float32", "float64", "str", "object"}  # fmt: skip
_MOST_CHARACTERS = 2**24  # of an array, in which every text takes as much memory as the longest one


def to_plain(value: Any) -> Any:
    """Return a value as JSON data.

    Raises:
        ValueError: if it, or something inside of it, has a type that a file cannot hold.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {_FLOAT: str(value)}
    if isinstance(value, (list, tuple)):
        items = [to_plain(item) for item in value]
        return items if isinstance(value, list) else {_TUPLE: items}
    if isinstance(value, dict):
        return {_DICT: [[to_plain(key), to_plain(member)] for key, member in value.items()]}
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.nbytes <= 4 * _MOST_CHARACTERS:
        kind = "str" if value.dtype.kind == "U" else value.dtype.name
        if kind in _DTYPES:
            return {_ARRAY: [kind, to_plain(value.tolist())]}
    raise ValueError(f"a file can hold numbers, texts, lists and arrays of these, got {_checks.shown(value)}")


def from_plain(value: Any) -> Any:
    """Return what ``to_plain`` was given.

    Raises:
        ValueError: if the data are not what ``to_plain`` returns.
    """
    if isinstance(value, list):
        return [from_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((kind, content),) = value.items()
        if kind == _FLOAT and content in ("nan", "inf", "-inf"):
            return float(content)
        if kind == _TUPLE and isinstance(content, list):
            return tuple(from_plain(content))
        if kind == _DICT and isinstance(content, list) and all(_is_pair(item) for item in content):
            return {_key(key): from_plain(member) for key, member in content}
        if kind == _ARRAY and _is_pair(content) and content[0] in _DTYPES and isinstance(content[1], list):
            return _array(content[0], from_plain(content[1]))
    raise ValueError(f"a value must be one that deepcore writes, got {_checks.shown(value)}")


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], (str, int, float, dict))


def _key(value: Any) -> Any:
    key = from_plain(value)
    if isinstance(key, (list, dict, np.ndarray)):
        raise ValueError(f"a key must be a number or a text, got {_checks.shown(key)}")
    return key


def _array(dtype: str, items: list[Any]) -> np.ndarray[Any, Any]:
    allowed = {"b": bool, "i": int, "u": int, "f": float, "s": str, "o": (str, int, float, type(None))}
    if not all(isinstance(item, allowed[dtype[0]]) for item in items):  # type: ignore[arg-type]
        raise ValueError(f"an array of {dtype} holds other values: {_checks.shown(items)}")
    if dtype == "str" and len(items) * max(map(len, items), default=0) > _MOST_CHARACTERS:
        raise ValueError(f"an array of texts must take at most {_MOST_CHARACTERS} characters")
    try:
        return np.array(items, dtype=dtype)
    except OverflowError as error:
        raise ValueError(f"an array of {dtype} holds a number that is too large") from error
