"""Strict JSON: only what the standard allows, no key twice, numbers that are finite, and limited depth."""

from __future__ import annotations

import json
import math
from typing import Any

__all__ = ["MAX_DEPTH", "MAX_VALUES", "decode", "encode"]

#: A text may have so many commas, and therefore about as many values: each takes up to some hundred bytes.
MAX_VALUES = 1_000_000
#: Objects and lists may contain each other this deep, so that no reader runs out of stack.
MAX_DEPTH = 64


def encode(value: dict[str, Any]) -> str:
    """Return an object as JSON text that ``decode`` reads back as an equal object.

    Raises:
        ValueError: if the value is not JSON data, does not survive the round trip, or is nested too deep.
    """
    _check_depth(value)
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    except TypeError as error:
        raise ValueError(str(error)) from error
    _check_values(text.count(","))
    if json.loads(text) != value:
        raise ValueError("it changes in a JSON round trip: use string keys, and lists instead of tuples")
    return text


def decode(text: str | bytes) -> dict[str, Any]:
    """Return the object that a JSON text describes.

    Raises:
        ValueError: if the text is not such an object.
    """
    _check_values(text.count(",") if isinstance(text, str) else text.count(b","))
    try:
        value = json.loads(
            text if isinstance(text, str) else text.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse,
            parse_float=_finite,
        )
    except RecursionError as error:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels") from error
    if not isinstance(value, dict):
        raise ValueError(f"it must be an object, got {type(value).__name__}")
    _check_depth(value)
    return value


def _check_values(commas: int) -> None:
    if commas > MAX_VALUES:
        raise ValueError(f"it must have at most {MAX_VALUES} commas, got {commas}")


def _check_depth(value: object) -> None:
    """Refuse a value that is nested too deep, or contains itself; the check itself needs no recursion."""
    level = [value]
    for _ in range(MAX_DEPTH):
        children = {
            id(child): child  # each once: a value may contain itself several times
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)  # type: ignore[attr-defined]
            if isinstance(child, (dict, list, tuple))
        }
        level = list(children.values())
        if not level:
            return
    raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("a key occurs twice")
    return keys


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise ValueError("a number is out of range")
    return number
