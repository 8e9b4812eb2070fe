"""A reader of model files that was written from docs/format.md only; it imports nothing of deepcore."""

import hashlib
import json
import struct

import numpy as np

NUMBERS = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "U8": "|u1"}


def read(data):
    """Return the description and the tensors of a file, given as bytes."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__")
    description = json.loads(metadata["deepcore"])
    if description["format"] == 1:
        layer = {"parametric": False, "scaled_inputs": False, "parametrization": "standard"}
        network = {**description, "layers": [{**layer, **each} for each in description["layers"]]}
        description = {**description, "kind": "model", "network": network}
    else:
        assert data[8:35] == b'{"__metadata__":{"sha256":"'
        assert data[35:99].decode() == metadata["sha256"]
        assert hashlib.sha256(data[:35] + b"0" * 64 + data[99:]).hexdigest() == metadata["sha256"]
        assert (8 + length) % 64 == 0
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(data[begin:end], NUMBERS[entry["dtype"]]).reshape(entry["shape"])
    return description, tensors


def embedded(embeddings, tensors, X):
    """Return A[0] for the inputs X, examples being columns: numbers, inputs that pass, categories."""
    numbers, codes, passing, first = [], [], X, 0
    for embedding in embeddings:
        if embedding["kind"] == "categories":
            sizes = embedding["sizes"]
            ends = np.cumsum([0, *sizes])[:-1]
            codes = [
                tensors["table0"][:, end + x.astype(int)]
                for end, x in zip(ends, X[-len(sizes) :], strict=True)
            ]
            passing = passing[: len(passing) - len(sizes)]
            continue
        periodic = embedding["kind"] == "periodic"
        columns = embedding["columns"] if periodic else len(embedding["edges"])
        for k, x in enumerate(X[:columns]):
            if periodic:
                width = embedding["frequencies"]
                frequency, phase = (
                    tensors[f"{name}0"][:, k : k + 1].astype(float) for name in ("frequency", "phase")
                )
                parts = np.cos(2 * np.pi * x * frequency + phase)
            else:
                low, high = (
                    np.array(embedding["edges"][k][cut])[:, np.newaxis] for cut in (slice(-1), slice(1, None))
                )
                width, parts = len(low) + 1, (x - low) / (high - low)
                parts[1:] = np.maximum(parts[1:], 0)
                parts[:-1] = np.minimum(parts[:-1], 1)
                parts = np.vstack([x, parts])
            weight = tensors["weight0"][:, first : first + width]
            numbers.append(weight @ parts + tensors["offset0"][:, k : k + 1])
            first += width
        if not embedding.get("passes"):
            passing = passing[columns:]
    return np.vstack([*numbers, passing, *codes])


def predict(description, tensors, X, activations):
    """Return the outputs for rows X; ``activations[name](Z, parameter)`` computes g."""
    A = np.asarray(X, float).T
    if "embeddings" in description["network"]:
        A = embedded(description["network"]["embeddings"], tensors, A)
    layers = description["network"]["layers"]
    if "members" not in description["network"]:
        return through(layers, tensors, A, activations)
    last, units, total = len(layers), layers[-1]["units"], 0
    for member, factors in enumerate(tensors["factor0"].T):
        rows = slice(member * units, (member + 1) * units)
        own = {**tensors, **{name: tensors[name][rows] for name in (f"W{last}", f"b{last}")}}
        total = total + through(layers, own, factors[:, np.newaxis] * A, activations)
    return total / description["network"]["members"]


def through(layers, tensors, A, activations):
    """Return the outputs of the layers for A[0]."""
    for number, layer in enumerate(layers, start=1):
        W, b = (tensors[f"{name}{number}"].astype(float) for name in ("W", "b"))
        S = tensors[f"scale{number}"] * A if layer["scaled_inputs"] else A
        Z = W @ S / (np.sqrt(W.shape[1]) if layer["parametrization"] == "ntk" else 1) + b
        if layer["norm"]:
            mean, variance = Z.mean(axis=0), Z.var(axis=0)
            if layer["norm"] == "batch":
                mean, variance = tensors[f"running_mean{number}"], tensors[f"running_variance{number}"]
            Z = tensors[f"gamma{number}"] * (Z - mean) / np.sqrt(variance + 1e-5) + tensors[f"beta{number}"]
        G = activations[layer["activation"]](Z, layer["parameter"])
        A = Z + (G - Z) * tensors[f"alpha{number}"] if layer["parametric"] else G
    return A.T
