"""Check JSON data by a JSON schema; the words that ``model.schema.json`` uses are known, and no others."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from deepcore import _checks

__all__ = ["check", "model_schema"]

_NUMBER = (int, float)
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": _NUMBER,
    "boolean": (bool,), "null": (type(None),),
}  # fmt: skip
_LIMITS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "minimum": ("at least", lambda value, limit: value >= limit),
    "maximum": ("at most", lambda value, limit: value <= limit),
    "exclusiveMinimum": ("above", lambda value, limit: value > limit),
    "exclusiveMaximum": ("below", lambda value, limit: value < limit),
}
_SILENT = {"$schema", "$defs", "title", "description"}


@lru_cache
def model_schema() -> dict[str, Any]:
    """Return the schema of model descriptions, which is a file of the package."""
    text = Path(__file__).with_name("model.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def check(value: object, schema: Mapping[str, Any], name: str, root: Mapping[str, Any] | None = None) -> None:
    """Check JSON data by a schema.

    Args:
        value: The data.
        schema: The schema, or a part of ``root``.
        name: What messages call the data, such as ``"network.layers[0]"``.
        root: The schema that references point into; None: ``schema``.

    Raises:
        ValueError: if the data break a rule. The message names the place, the rule and the value.
    """
    root = schema if root is None else root
    for word, rule in schema.items():
        if word == "$ref":
            check(value, root["$defs"][rule.rpartition("/")[2]], name, root)
        elif word == "type":
            _check_type(value, [rule] if isinstance(rule, str) else rule, name)
        elif word in ("const", "enum"):
            _check_choice(value, [rule] if word == "const" else rule, name)
        elif word in _LIMITS:
            phrase, holds = _LIMITS[word]
            if isinstance(value, _NUMBER) and not holds(value, rule):
                raise ValueError(f"{name} must be {phrase} {rule}, got {_checks.shown(value)}")
        elif word == "minItems":
            if isinstance(value, list) and len(value) < rule:
                items = "item" if rule == 1 else "items"
                raise ValueError(f"{name} must have at least {rule} {items}, got {len(value)}")
        elif word == "items":
            for index, item in enumerate(value if isinstance(value, list) else []):
                check(item, rule, f"{name}[{index}]", root)
        elif word not in _SILENT and word not in ("properties", "required", "additionalProperties"):
            raise NotImplementedError(f"the schema uses {word}")
    if isinstance(value, dict):
        _check_members(value, schema, name, root)


def _check_type(value: object, names: list[str], name: str) -> None:
    allowed = tuple(kind for each in names for kind in _TYPES[each])
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        raise ValueError(f"{name} must be of type {' or '.join(names)}, got {_checks.shown(value)}")


def _check_choice(value: object, choices: list[Any], name: str) -> None:
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        raise ValueError(f"{name} must be {' or '.join(map(repr, choices))}, got {_checks.shown(value)}")


def _check_members(
    value: dict[str, Any], schema: Mapping[str, Any], name: str, root: Mapping[str, Any]
) -> None:
    """Check the keys of an object and their values."""
    known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    missing = [key for key in schema.get("required", []) if key not in value]
    unexpected = [] if isinstance(others, dict) else [key for key in value if key not in known]
    if missing or unexpected:
        lists = (("missing", missing), ("unexpected", unexpected))
        found = "; ".join(f"{what} {_checks.first_names(keys)}" for what, keys in lists if keys)
        raise ValueError(f"{name} must have the keys that its format knows: {found}")
    for key, member in value.items():
        rule = known.get(key, others)
        if rule:
            check(member, rule, f"{name}.{_checks.cut(key)}", root)
