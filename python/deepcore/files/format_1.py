"""Descriptions of format 1, which had no kind and no checksum, become those of the present format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from deepcore._network.spec import Spec

__all__ = ["upgraded"]

# Options that layers of the first files did not have, with their defaults.
_LATER = {
    "parametric": False, "scaled_inputs": False, "parametrization": "standard", "rate": None, "decay": None,
}  # fmt: skip


def upgraded(description: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description as one of format 2; what does not belong stays, and is refused later.

    Raises:
        ValueError: if it has keys that only format 2 has.
    """
    if extra := description.keys() & {"kind", "network"}:
        raise ValueError(f"description of format 1 must not have the key {min(extra)}")
    network = {field.name for field in fields(Spec)} & description.keys()
    rest = {key: value for key, value in description.items() if key not in network}
    spec = {key: description[key] for key in network}
    if isinstance(layers := spec.get("layers"), list):
        spec["layers"] = [{**_LATER, **layer} if isinstance(layer, dict) else layer for layer in layers]
    return {**rest, "format": 2, "kind": "model", "network": spec}
