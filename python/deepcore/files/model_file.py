"""A model is a container of the kind "model": the tensors W1, b1, ... and the description of its network.

``model.schema.json`` says what a description may hold. Loading checks it, compares the sizes of the tensors
with it, and refuses numbers that no training gives, before anything is returned.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from deepcore import _checks, _core
from deepcore._network.network import Network, Snapshot
from deepcore._network.spec import Spec
from deepcore.files import container, schema
from deepcore.files.format_1 import upgraded
from deepcore.files.moment import at_one_moment
from deepcore.files.strict_json import encode
from deepcore.typing import Array

__all__ = [
    "Contents",
    "contents",
    "describe",
    "from_bytes",
    "read_members",
    "rebuilt",
    "tensors",
    "to_bytes",
    "verify",
    "write",
    "write_members",
    "write_whole",
]

# The part of a description that is the network; other kinds of containers may have more.
_KEYS = ("network", "epochs_trained", "extras")
_PROPERTIES = schema.model_schema()["properties"]
_MOST_EPOCHS = _PROPERTIES["epochs_trained"]["maximum"]
_MEMBERS: dict[str, Any] = {
    "type": "object",
    "required": ["members", "extras"],
    "additionalProperties": False,
    "properties": {
        **{key: {} for key in ("format", "kind", "version")},
        "extras": {"type": "object"},
        "members": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "required": list(_KEYS), "additionalProperties": False,
                      "properties": {key: {} for key in _KEYS}},
        },
    },
}  # fmt: skip


#: What a file holds: the description, and arrays by name.
Content: TypeAlias = tuple[dict[str, Any], Mapping[str, Array]]


class Contents(NamedTuple):
    """What a model file holds."""

    network: Network
    extras: dict[str, Any]


def write(path: str | os.PathLike[str], network: Network, extras: Mapping[str, Any]) -> None:
    """Write a network and its extras to ``path``, atomically; see ``Model.save``."""

    def content(seen: Sequence[Network]) -> Content:
        return {"kind": "model", **describe(seen[0], extras)}, tensors(seen[0])

    write_whole(path, [network], content)


def write_whole(
    path: str | os.PathLike[str],
    networks: Sequence[Network],
    content: Callable[[Sequence[Network]], Content],
) -> None:
    """Write networks to ``path``, each of them as it is at one moment, while other threads may train it.

    Args:
        path: The file.
        networks: The networks.
        content: Called with what may be read of them; returns the description and the tensors.

    Raises:
        OSError: if the file cannot be written.
        ValueError: if a network holds a number that no training gives, or the description is not JSON data.
    """

    def act(seen: Sequence[Network], refuse_changes: Callable[[], None]) -> None:
        for shown in seen:
            check_numbers(shown)
        container.write(path, *content(seen), refuse_changes)

    at_one_moment(networks, act)


def to_bytes(network: Network, extras: Mapping[str, Any]) -> bytes:
    """Return what ``write`` writes, as bytes."""
    copy = network.copy()  # of one moment, while another thread may train
    check_numbers(copy)
    return container.pack({"kind": "model", **describe(copy, extras)}, tensors(copy))


def from_bytes(data: bytes) -> Contents:
    """Read what ``to_bytes`` returned, checked as strictly as a file."""
    with container.Reader(data) as reader:
        return contents(reader)


# For other kinds of containers that hold a network


def describe(network: Network, extras: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a description that is the network: what it is made of, its epochs and its extras.

    Raises:
        ValueError: if it is not what a file may hold.
    """
    try:
        encode(dict(extras))
    except ValueError as error:
        raise ValueError(f"save: extras must be JSON data (use array.tolist()): {error}") from error
    description: dict[str, Any] = {
        "network": network.spec.to_dict(),
        "epochs_trained": _checks.count("save", "epochs_trained", network.epochs_trained, 0, _MOST_EPOCHS),
        "extras": dict(extras),
    }
    _check_parts(description)
    _check_range(description["network"])
    return description


def check_numbers(network: Network, who: str = "save", hint: str = "did the training diverge?") -> None:
    """Raise ValueError if a number of the network is one that no training gives; no file may hold it."""
    try:
        _check_numbers(network)
    except ValueError as error:
        raise ValueError(f"{who}: {error}; {hint}") from error


def tensors(network: Network) -> dict[str, Array]:
    """Return the arrays of a network by name, as live views: the parameters and the running statistics."""
    return {**network.parameters, **network.running}


def rebuilt(
    description: Mapping[str, Any], epochs_trained: int, parameters: Array, running: Array
) -> Network:
    """Make a network of its parts, checked as those of a file are.

    Args:
        description: What ``spec.to_dict`` returned.
        epochs_trained: Epochs so far.
        parameters: What ``network.flat`` was.
        running: What ``network.running.flat`` was.

    Raises:
        ValueError: if the parts are not those of a network, or hold numbers that no training gives.
    """
    _check_parts({"network": description, "epochs_trained": epochs_trained, "extras": {}})
    _check_range(description)
    spec = Spec.from_dict(description)
    for name, array in (("parameters", parameters), ("running", running)):
        if not isinstance(array, np.ndarray) or array.dtype != spec.dtype or array.ndim != 1:
            raise ValueError(f"{name} must be one row of {spec.dtype} numbers, got {_checks.shown(array)}")
    _check_size(spec, len(parameters))
    network = _blank(spec, epochs_trained)
    for name, old, new in (
        ("parameters", network.flat, parameters),
        ("running", network.running.flat, running),
    ):
        if old.shape != new.shape:
            raise ValueError(f"{name} must hold {len(old)} numbers, got {len(new)}")
    network.restore(Snapshot(parameters, running))
    _check_numbers(network)
    return network


def verify(path: str | os.PathLike[str]) -> dict[str, object]:
    """Read a file of any kind, check everything in it, and return what was checked, for people.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if something is wrong with it.
    """
    with container.Reader(path) as reader:
        size = sum(entry.size for entry in reader.entries.values())
        facts: dict[str, object] = {
            "format": f"{reader.description['format']}, written by deepcore {reader.description['version']}",
            "kind": reader.kind,
            "checksum": "none: files of format 1 have none; load and save the model to add one",
            "tensors": f"{len(reader.entries)} of {size} bytes, which fill the file exactly",
        }
        if reader.checksum is not None:
            facts["checksum"] = f"right (SHA-256 {reader.checksum[:16]}...)"
        if reader.kind == "model" or "network" in reader.description:
            network = contents(reader).network
            facts["network"] = f"{len(network.spec.layers)} layers as described"
            facts["numbers"] = f"{network.flat.size + network.running.flat.size}, all finite"
        elif reader.description["kind"] == "ensemble":
            members, _ = read_members(reader)
            facts["networks"] = f"{len(members)}, as described"
            facts["numbers"] = f"{sum(one.network.flat.size for one in members)} parameters, all finite"
        else:
            reader.read_into({})
        return facts


# Several networks in one file


def write_members(
    path: str | os.PathLike[str], members: Sequence[Contents], extras: Mapping[str, Any]
) -> None:
    """Write several networks as a container of the kind "ensemble": the tensors 0/W1, 0/b1, ..., 1/W1, ...

    Raises:
        OSError: if the file cannot be written.
        ValueError: if a network holds a number that no training gives, or extras are not JSON data.
    """

    def content(seen: Sequence[Network]) -> Content:
        described = [describe(network, own) for network, (_, own) in zip(seen, members, strict=True)]
        whole = describe(seen[0], extras)["extras"]
        return {"kind": "ensemble", "members": described, "extras": whole}, _numbered(
            [tensors(network) for network in seen]
        )

    write_whole(path, [network for network, _ in members], content)


def read_members(reader: container.Reader) -> tuple[list[Contents], dict[str, Any]]:
    """Read the networks of a file that ``write_members`` wrote, and the extras of the whole.

    Raises:
        ValueError: if the file does not hold such networks, or is damaged.
    """
    with reader.blaming():
        schema.check(reader.description, _MEMBERS, "description")
        described = reader.description["members"]
        for one in described:
            _check_parts(one)
        entries: list[dict[str, container.Entry]] = [{} for _ in described]
        for name, entry in reader.entries.items():
            number, _, own = name.partition("/")
            if not own or number not in map(str, range(len(described))):
                raise ValueError(f"tensor {_checks.shown(name)} belongs to no member")
            entries[int(number)][own] = entry
        networks = [_prepared(*both) for both in zip(described, entries, strict=True)]
    reader.read_into(_numbered([tensors(network) for network in networks]))
    with reader.blaming():
        for network in networks:
            _check_numbers(network)
    found = [Contents(network, one["extras"]) for network, one in zip(networks, described, strict=True)]
    return found, reader.description["extras"]


def _numbered(members: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    return {f"{number}/{name}": array for number, own in enumerate(members) for name, array in own.items()}


# Reading


def contents(reader: container.Reader, others: Mapping[str, Array] | None = None) -> Contents:
    """Read the network and the extras of an open file, in one pass.

    Args:
        reader: The file. If it is not of the kind "model", its description may have more keys, and tensors
            with a "/" in their names are not the network's; who knows the kind checks these.
        others: Arrays to read other tensors of the file into, by name.

    Raises:
        ValueError: if the file does not hold a network, or is damaged.
    """
    with reader.blaming():
        description, entries = reader.description, reader.entries
        if description["format"] == 1:
            description = upgraded(description)
        if reader.kind == "model":
            schema.check(description, schema.model_schema(), "description")
        else:
            _check_parts(description)
            entries = {name: entry for name, entry in entries.items() if "/" not in name}
        network = _prepared(description, entries)
    reader.read_into({**(others or {}), **tensors(network)})
    with reader.blaming():
        _check_numbers(network)
    return Contents(network, description["extras"])


def _prepared(description: Mapping[str, Any], entries: Mapping[str, container.Entry]) -> Network:
    """Make the network that a description and a list of tensors agree on; its numbers are still zeros."""
    _check_range(description["network"])
    spec = Spec.from_dict(description["network"])
    _check_size(spec, sum(entry.size for entry in entries.values()) // spec.dtype.itemsize)
    network = _blank(spec, description["epochs_trained"])
    expected = tensors(network)
    if entries.keys() != expected.keys():
        missing, more = sorted(expected.keys() - entries.keys()), sorted(entries.keys() - expected.keys())
        lists = [("missing", missing), ("unexpected", more)]
        listed = "; ".join(f"{what} {_checks.first_names(names)}" for what, names in lists if names)
        raise ValueError(f"the tensors do not match the layers described in the file: {listed}")
    for name, entry in entries.items():
        if entry.shape != expected[name].shape or entry.dtype != spec.dtype.newbyteorder("<"):
            raise ValueError(
                f"{name} must be {spec.dtype} of shape {expected[name].shape}, got {entry.dtype} "
                f"{_checks.shown(entry.shape)}"
            )
    return network


def _blank(spec: Spec, epochs_trained: int) -> Network:
    """Make a network whose numbers are zeros; none are drawn."""
    zero = np.zeros((), spec.dtype)
    network = Network(spec, Snapshot(zero, zero))
    network.epochs_trained = epochs_trained
    return network


# Checks


def _check_parts(description: Mapping[str, Any]) -> None:
    """Raise ValueError unless the network in a description fits the schema; there may be other keys."""
    for key in _KEYS:
        if key not in description:
            raise ValueError(f"description must have the key {key}")
        schema.check(description[key], _PROPERTIES[key], key, schema.model_schema())


def _check_range(network: Mapping[str, Any]) -> None:
    """Raise ValueError if a number is too large for the network's dtype."""
    largest = float(np.finfo(network["dtype"]).max)
    for name, value in _numbers(network, "network"):
        if isinstance(value, float) and value > largest:
            raise ValueError(f"{name} must be at most {largest:g} in {network['dtype']}, got {value:g}")


def _numbers(value: object, name: str) -> Iterator[tuple[str, object]]:
    """Yield every value inside of JSON data with its place."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _numbers(member, f"{name}.{key}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _numbers(member, f"{name}[{index}]")
    else:
        yield name, value


def _check_size(spec: Spec, numbers: int) -> None:
    """Raise ValueError if there are fewer numbers than weights, before memory for the weights is taken."""
    sizes = [spec.width, *spec.units]
    weights = sum(n_prev * n for n_prev, n in pairwise(sizes)) + sum(one.size for one in spec.embeddings)
    weights += spec.width * spec.members if spec.members > 1 else 0
    if weights > numbers:
        raise ValueError(f"the layers have {weights} weights, but there are only {numbers} numbers")


def _check_numbers(network: Network) -> None:
    """Raise ValueError if a number is one that no training gives, and that would predict NaN."""
    for flat, views in ((network.flat, network.parameters), (network.running.flat, network.running)):
        if flat.size and _core.first_nonfinite_row(flat) >= 0:
            name = next(name for name, view in views.items() if not np.isfinite(view).all())
            raise ValueError(f"{name} must be finite, got nan or inf")
    for name, view in network.running.items():
        if name.startswith("running_variance") and view.min() < 0:
            raise ValueError(f"{name} must not be negative, got {view.min():g}")
