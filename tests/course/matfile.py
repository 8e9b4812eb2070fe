"""Enough of MATLAB's version-5 file format to read the matrices of ``course2/data.mat``."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

TYPES = {1: "<i1", 2: "<u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 9: "<f8"}
MATRIX, COMPRESSED = 14, 15


def read_mat(path: Path) -> dict[str, np.ndarray]:
    """Name -> matrix for every real numeric matrix of the file."""
    raw = path.read_bytes()[128:]  # the header is 128 bytes of text and version
    arrays = {}
    while raw:
        kind, body, raw = element(raw)
        if kind == COMPRESSED:
            kind, body, _ = element(zlib.decompress(body))
        assert kind == MATRIX, f"data type {kind} is not a matrix"
        _, _, body = element(body)  # array flags
        _, sizes, body = element(body)
        _, name, body = element(body)
        kind, values, _ = element(body)
        shape = np.frombuffer(sizes, "<i4")
        arrays[name.decode()] = np.frombuffer(values, TYPES[kind]).reshape(shape, order="F")
    return arrays


def element(raw: bytes) -> tuple[int, bytes, bytes]:
    """Type, content, and what follows it; contents of up to 4 bytes share the 8 bytes of their tag."""
    kind, size = struct.unpack("<II", raw[:8])
    if kind >> 16:
        return kind & 0xFFFF, raw[4 : 4 + (kind >> 16)], raw[8:]
    padded = size if kind == COMPRESSED else -(-size // 8) * 8
    return kind, raw[8 : 8 + size], raw[8 + padded :]
