"""The bytes of an ONNX file, whose large constants are never whole in memory.

An ONNX file is a protocol buffer. A message is a sequence of fields in any order, each of them a number and a
type, then its length, then its content; so the large constants can follow what the package writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from deepcore.files.onnx_nodes import LargeConstant

__all__ = ["write_model"]

# Numbers of fields in onnx.proto: ModelProto.graph, GraphProto.initializer and TensorProto.raw_data.
_GRAPH, _INITIALIZER, _RAW_DATA = 7, 5, 9
_LARGEST_FILE = 2**31 - 1  # bytes that readers of protocol buffers take


def write_model(
    onnx: Any, model: Any, large: Sequence[LargeConstant], write: Callable[[bytes], object]
) -> None:
    """Write a model whose graph lacks the large constants.

    Args:
        onnx: The package.
        model: An ``onnx.ModelProto``.
        large: The large constants.
        write: Writes bytes to the file.

    Raises:
        ValueError: If the file would be too large, or a number is not finite.
    """
    heads = [one.described(onnx).SerializeToString() + _head(_RAW_DATA, one.size) for one in large]
    fields = [
        _head(_INITIALIZER, len(head) + one.size) + head for head, one in zip(heads, large, strict=True)
    ]
    graph = model.graph.SerializeToString()
    size = len(graph) + sum(len(field) + one.size for field, one in zip(fields, large, strict=True))
    model.ClearField("graph")
    start = model.SerializeToString() + _head(_GRAPH, size)
    if len(start) + size > _LARGEST_FILE:
        raise ValueError(
            f"to_onnx: the file must have at most {_LARGEST_FILE} bytes, got {len(start) + size}; use "
            "dtype='float32' or a smaller network"
        )
    write(start)
    write(graph)
    for field, one in zip(fields, large, strict=True):
        write(field)
        for piece in one.pieces():
            write(piece)


def _head(number: int, length: int) -> bytes:
    """Return the head of a field whose content has this length."""
    return _varint(number << 3 | 2) + _varint(length)


def _varint(value: int) -> bytes:
    """Return a whole number in groups of seven bits, the lowest first; all but the last have the bit 128."""
    groups = []
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])
