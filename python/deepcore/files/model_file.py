"""A model is kept as one safetensors file: tensors W1, b1, ... and one JSON string in its metadata.

Nothing in a file is ever executed. The loader compares every number with the size of the file
before it uses it, accepts known keys only, and refuses parameters that are not finite.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Mapping
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from deepcore import _checks, _core
from deepcore._network.network import Network
from deepcore._network.spec import Spec
from deepcore.files.atomic import replacing
from deepcore.typing import Array

__all__ = ["Contents", "from_bytes", "read", "to_bytes", "write"]

FORMAT = 1
_METADATA = "deepcore"
_MAX_HEADER = 16 * 2**20  # bytes; ten thousand layers need one megabyte
_DTYPES = {"F32": "float32", "F64": "float64"}
_NUMBER, _NUMBER_OR_NONE = (float, int), (float, int, type(None))
_SPEC_FIELDS = [field.name for field in fields(Spec)]
_KEYS = {
    "format": int, "version": str, "inputs": int, "layers": list, "loss": str, "dtype": str, "seed": int,
    "epochs_trained": int, "extras": dict, "loss_parameter": _NUMBER_OR_NONE, "label_smoothing": _NUMBER,
    "input_dropout": _NUMBER,
}  # fmt: skip
_LAYER_KEYS: dict[str, Any] = {
    "units": int, "activation": str, "init": str, "parameter": _NUMBER_OR_NONE, "l1": _NUMBER, "l2": _NUMBER,
    "max_norm": _NUMBER_OR_NONE, "dropout": _NUMBER, "norm": (str, type(None)),
}  # fmt: skip


# Options that came later: files without them were written for layers with the defaults.
_LATER_LAYER_KEYS: dict[str, Any] = {
    "parametric": bool, "scaled_inputs": bool, "parametrization": str, "rate": (dict, type(None)),
    "decay": (dict, type(None)),
}  # fmt: skip


class Contents(NamedTuple):
    """What a model file holds."""

    network: Network
    extras: dict[str, Any]


def write(path: str | os.PathLike[str], network: Network, extras: Mapping[str, Any]) -> None:
    """Write a network and its extras to ``path``, atomically; see ``Model.save``."""
    data = to_bytes(network, extras)
    with replacing(path) as file:
        file.write(data)


def to_bytes(network: Network, extras: Mapping[str, Any]) -> bytes:
    """Return what ``write`` writes, as bytes."""
    import json

    from safetensors.numpy import save as serialise

    if not (np.isfinite(network.flat).all() and np.isfinite(network.running.flat).all()):
        raise ValueError("save: parameters must be finite, got nan or inf; the training diverged")
    description = {
        "format": FORMAT,
        "version": _core.build_info()["version"],
        **network.spec.to_dict(),
        "epochs_trained": network.epochs_trained,
        "extras": extras,
    }
    try:
        text = json.dumps(description, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"save: extras must be JSON data (use array.tolist()): {error}") from error
    if json.loads(text)["extras"] != extras:
        raise ValueError(
            "save: extras must survive a JSON round trip: use string keys, and lists, not tuples"
        )
    tensors = {name: np.ascontiguousarray(view) for name, view in _tensors(network).items()}
    data: bytes = serialise(tensors, metadata={_METADATA: text})
    if int.from_bytes(data[:8], "little") > _MAX_HEADER:
        raise ValueError(f"save: extras must fit into {_MAX_HEADER} bytes; store large data elsewhere")
    return data


def read(path: str | os.PathLike[str]) -> Contents:
    """Read what ``write`` wrote, bit for bit; see ``deepcore.load``."""
    with Path(path).open("rb") as file:
        return _read(file, os.fstat(file.fileno()).st_size, path)


def from_bytes(data: bytes) -> Contents:
    """Read what ``to_bytes`` returned, checked as strictly as a file."""
    return _read(io.BytesIO(data), len(data), "bytes")


def _read(file: BinaryIO, size: int, path: str | os.PathLike[str]) -> Contents:
    length = _header_length(file.read(8), size, path)
    header = _json(file.read(length), "header", path)
    description = _description(header, path)
    offsets = _offsets(header, description, size - 8 - length, path)
    data = memoryview(file.read())
    network = _build(description, path)
    tensors = _tensors(network)
    for name, (begin, end) in offsets.items():
        view = tensors[name]
        values = np.frombuffer(data[begin:end], network.spec.dtype.newbyteorder("<")).reshape(view.shape)
        if not np.isfinite(values).all():
            raise _error(path, f"{name} must be finite, got nan or inf")
        view[...] = values
    return Contents(network, description["extras"])


def _tensors(network: Network) -> dict[str, Array]:
    return {**network.parameters, **network.running}


def _error(path: str | os.PathLike[str], what: str) -> ValueError:
    return ValueError(f"load: {_checks.cut(os.fspath(path), 200)}: {_checks.cut(what, 400)}")


def _header_length(prefix: bytes, size: int, path: str | os.PathLike[str]) -> int:
    length = int.from_bytes(prefix, "little")
    if len(prefix) != 8 or length > size - 8:
        raise _error(path, "not a safetensors file, or cut off")
    if length > _MAX_HEADER:
        raise _error(path, f"header must have at most {_MAX_HEADER} bytes, got {length}")
    return length


def _json(text: bytes | str, what: str, path: str | os.PathLike[str]) -> dict[str, Any]:
    import json

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = dict(pairs)
        if len(keys) != len(pairs):
            raise ValueError("a key occurs twice")
        return keys

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    def finite(digits: str) -> float:
        if not math.isfinite(number := float(digits)):
            raise ValueError(f"{digits} is out of range")
        return number

    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        value = json.loads(decoded, object_pairs_hook=unique, parse_constant=refuse, parse_float=finite)
    except (ValueError, RecursionError) as error:
        raise _error(path, f"{what} must be JSON: {error}") from error
    if not isinstance(value, dict):
        raise _error(path, f"{what} must be a JSON object")
    return value


def _checked(value: Any, keys: Mapping[str, Any], what: str, path: str | os.PathLike[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != keys.keys():
        raise _error(path, f"{what} must have exactly the keys {', '.join(keys)}")
    for name, kind in keys.items():
        if not isinstance(value[name], kind) or (kind is not bool and isinstance(value[name], bool)):
            raise _error(path, f"{what}: {name} has the wrong type {type(value[name]).__name__}")
    return value


def _description(header: dict[str, Any], path: str | os.PathLike[str]) -> dict[str, Any]:
    metadata = header.pop("__metadata__", None)
    if not isinstance(metadata, dict) or not isinstance(metadata.get(_METADATA), str):
        raise _error(path, "a safetensors file, but not of a deepcore model")
    if metadata.keys() != {_METADATA}:
        raise _error(path, f"metadata must have the key {_METADATA} only")
    spec = _json(metadata[_METADATA], "description", path)
    version = spec.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise _error(
            path,
            f"written by a newer deepcore (format {version}, this one reads {FORMAT}); update deepcore-nn",
        )
    spec = _checked(spec, _KEYS, "description", path)
    if version != FORMAT:
        raise _error(path, f"format must be {FORMAT}, got {version}")
    if spec["dtype"] not in _DTYPES.values():
        raise _error(path, f"dtype must be float32 or float64, got {_checks.shown(spec['dtype'])}")
    if spec["epochs_trained"] < 0:
        raise _error(path, f"epochs_trained must not be negative, got {spec['epochs_trained']}")
    for number, layer in enumerate(spec["layers"], start=1):
        later = {name: kind for name, kind in _LATER_LAYER_KEYS.items() if name in layer}
        _checked(layer, {**_LAYER_KEYS, **later}, f"layer {number}", path)
        if layer["units"] < 1:
            raise _error(path, f"layer {number}: units must be at least 1, got {layer['units']}")
    return spec


def _offsets(
    header: dict[str, Any], spec: dict[str, Any], data_size: int, path: str | os.PathLike[str]
) -> dict[str, tuple[int, int]]:
    """Byte range of each tensor; they must have the described shapes and together fill the data exactly."""
    sizes = [spec["inputs"], *(layer["units"] for layer in spec["layers"])]
    shapes: dict[str, list[int]] = {}
    for number, (n_prev, n) in enumerate(pairwise(sizes), start=1):
        layer = spec["layers"][number - 1]
        norm = layer["norm"]
        columns = ["b", *(["gamma", "beta"] if norm else []), *(["alpha"] if layer.get("parametric") else [])]
        columns += ["running_mean", "running_variance"] if norm == "batch" else []
        shapes |= {f"W{number}": [n, n_prev]} | {f"{name}{number}": [n, 1] for name in columns}
        if layer.get("scaled_inputs"):
            shapes[f"scale{number}"] = [n_prev, 1]
    if header.keys() != shapes.keys():
        missing, more = sorted(shapes.keys() - header.keys()), sorted(header.keys() - shapes.keys())
        lists = [("missing", missing), ("unexpected", more)]
        found = "; ".join(f"{what} {_checks.first_names(names)}" for what, names in lists if names)
        raise _error(path, f"the tensors do not match the layers described in the file: {found}")
    tag = {name: tag for tag, name in _DTYPES.items()}[spec["dtype"]]
    itemsize = np.dtype(spec["dtype"]).itemsize
    ranges: dict[str, tuple[int, int]] = {}
    for name, shape in shapes.items():
        entry = _checked(header[name], {"dtype": str, "shape": list, "data_offsets": list}, name, path)
        numbers = [*entry["shape"], *entry["data_offsets"]]
        if entry["dtype"] != tag or entry["shape"] != shape or not all(type(n) is int for n in numbers):
            raise _error(
                path,
                f"{name} must be {tag} of shape {shape}, got {_checks.cut(entry['dtype'])} "
                f"{_checks.shown(entry['shape'])}",
            )
        if len(entry["data_offsets"]) != 2:
            raise _error(path, f"{name}: data_offsets must be two numbers")
        begin, end = entry["data_offsets"]
        if begin < 0 or end - begin != math.prod(shape) * itemsize:
            raise _error(path, f"{name} must take {math.prod(shape) * itemsize} bytes, got {end - begin}")
        ranges[name] = (begin, end)
    position = 0
    for begin, end in sorted(ranges.values()):
        if begin != position:
            raise _error(path, "the tensors overlap or leave gaps")
        position = end
    if position != data_size:
        raise _error(path, "cut off, or more bytes than the tensors take")
    return ranges


def _build(description: dict[str, Any], path: str | os.PathLike[str]) -> Network:
    try:
        network = Network(Spec.from_dict({name: description[name] for name in _SPEC_FIELDS}))
    except (TypeError, ValueError, OverflowError) as error:
        raise _error(path, str(error)) from error
    network.epochs_trained = description["epochs_trained"]
    return network
