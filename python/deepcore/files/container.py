"""A container is one safetensors file: named arrays, one JSON description, and a checksum over every byte.

Models, checkpoints and their like are kinds of containers; docs/format.md describes the bytes. Nothing in a
file is ever executed, and every number is compared with the size of the file before it is used.
"""

from __future__ import annotations

import errno
import hashlib
import io
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from deepcore import _checks, _core
from deepcore._regular import open_regular
from deepcore.files.atomic import replacing
from deepcore.files.strict_json import decode, encode
from deepcore.typing import Array

__all__ = ["FORMAT", "MAX_HEADER", "Entry", "Reader", "pack", "read", "write"]

FORMAT = 2
MAX_HEADER = 16 * 2**20  # bytes; ten thousand layers need some four megabytes

_METADATA, _TEXT, _CHECKSUM = "__metadata__", "deepcore", "sha256"
# Every header begins so, then come the digits of the checksum: at the same place in every file.
_START = b'{"__metadata__":{"sha256":"'
_DIGITS = slice(8 + len(_START), 8 + len(_START) + 64)
_NO_DIGITS = b"0" * 64  # stand in for the digits where the checksum is computed
_ALIGNMENT = 64  # of the first tensor, in bytes: a cache line
_BLOCK = 2**18  # bytes that are copied at a time: they stay in the second cache
_DTYPES = {
    "F64": "<f8", "I64": "<i8", "U64": "<u8", "F32": "<f4", "I32": "<i4", "U32": "<u4",
    "F16": "<f2", "I16": "<i2", "U16": "<u2", "I8": "|i1", "U8": "|u1",
}  # fmt: skip
_TAGS = {np.dtype(code): tag for tag, code in _DTYPES.items()}


class Entry(NamedTuple):
    """Where a tensor lies: its dtype, its shape, and its first byte behind the header."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int

    @property
    def size(self) -> int:
        """Number of bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


def write(
    path: str | os.PathLike[str],
    description: Mapping[str, Any],
    tensors: Mapping[str, Array],
    before_replacing: Callable[[], None] = lambda: None,
) -> None:
    """Write a container to ``path``, atomically and without a second copy of the tensors.

    Args:
        path: The file.
        description: JSON data with the key ``"kind"``; ``"format"`` and ``"version"`` are added.
        tensors: Arrays of real numbers by name. They may change while they are written: what the file then
            holds is not one state, but its checksum is right.
        before_replacing: Called when all is written; what it raises keeps the old file.

    Raises:
        OSError: if the file cannot be written. The old file is still there.
        ValueError: if the description is not JSON data or larger than ``MAX_HEADER``.
    """
    header = _header(description, tensors)
    with replacing(path) as file:
        descriptor, digest = file.fileno(), hashlib.sha256()
        for block in chain([memoryview(header)], *map(_blocks, _ordered(tensors).values())):
            digest.update(block)
            _write_all(descriptor, block)
        os.lseek(descriptor, _DIGITS.start, os.SEEK_SET)
        _write_all(descriptor, memoryview(digest.hexdigest().encode()))
        before_replacing()


def pack(description: Mapping[str, Any], tensors: Mapping[str, Array]) -> bytes:
    """Return the bytes that ``write`` writes."""
    data = bytearray(_header(description, tensors))
    for block in chain.from_iterable(map(_blocks, _ordered(tensors).values())):
        data += block
    data[_DIGITS] = hashlib.sha256(data).hexdigest().encode()
    return bytes(data)


def read(
    source: str | os.PathLike[str] | bytes, *, mapped: bool = False, verify: bool = True
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read a container that ``write`` or ``pack`` made.

    Args:
        source: A file, or the bytes themselves.
        mapped: Return read-only arrays that lie in a memory map of the file. The file must not be shortened
            while they exist: the operating system then ends the process.
        verify: For ``mapped``: read the whole file once and compare its checksum. False: do not read it; the
            header is checked all the same.

    Returns:
        description: With ``"format"``, ``"kind"`` and ``"version"``.
        tensors: Arrays by name.

    Raises:
        OSError: if the file cannot be read, or is not a regular file.
        ValueError: if it is not a container, is damaged, or was written by a newer deepcore.
    """
    with Reader(source) as reader:
        if mapped:
            return reader.description, reader.mapped(verify)
        tensors = {name: np.empty(entry.shape, entry.dtype) for name, entry in reader.entries.items()}
        reader.read_into(tensors)
        return reader.description, {name: array.astype(array.dtype.newbyteorder("="), copy=False)
                                    for name, array in tensors.items()}  # fmt: skip


class Reader:
    """A container that is open for reading: the header is checked at once, the tensors are read on demand.

    Args:
        source: A file, or the bytes themselves.

    Attributes:
        name: Of the file, for messages.
        description: The JSON description.
        kind: What the file holds, such as "model".
        entries: ``{name: Entry}`` in the order of the file.
        checksum: The SHA-256 that the file claims, or None: a file of format 1, which has none.

    Raises:
        OSError: if the file cannot be read, or is not a regular file.
        ValueError: if the header is not that of a container.
    """

    def __init__(self, source: str | os.PathLike[str] | bytes) -> None:
        if isinstance(source, (bytes, bytearray, memoryview)):
            self._file: BinaryIO = io.BytesIO(source)
            self.name, self._size = "bytes", len(source)
        else:
            self._file = open_regular(source)
            self.name, self._size = os.fspath(source), os.fstat(self._file.fileno()).st_size
        try:
            self._header = self._read_header()
            header = self._decoded(self._header[8:], "header")
            self.description, self.checksum = self._metadata(header.pop(_METADATA, None))
            self.entries = self._entries(header)
            # Files of format 1 have no kind; all of them hold models.
            self.kind = "model" if self.checksum is None else str(self.description["kind"])
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def error(self, what: str) -> ValueError:
        """Return the error for this file, which says what is wrong."""
        return ValueError(f"load: {_checks.cut(self.name, 200)}: {_checks.cut(what, 400)}")

    @contextmanager
    def blaming(self) -> Iterator[None]:
        """Name the file in the errors of checks that know only its values."""
        try:
            yield
        except (TypeError, ValueError, OverflowError) as error:
            raise self.error(str(error)) from error

    def read_into(self, targets: Mapping[str, Array]) -> None:
        """Read the tensors in one pass, and compare the checksum.

        Args:
            targets: Arrays to write into, of the tensors' shapes and dtypes, by name; they may be views of
                any memory order. Tensors without a target are only checked.

        Raises:
            ValueError: if the file is damaged; the targets then hold what must not be used.
        """
        digest = self._digest()
        for name, entry in self.entries.items():
            for block in _places(targets.get(name), entry):
                self._fill(block, entry.dtype, digest)
        self._compare(digest.hexdigest())

    def tensors(self) -> dict[str, Array]:
        """Read all tensors, in the byte order of this machine, and compare the checksum.

        Raises:
            ValueError: if the file is damaged.
        """
        found = {name: np.empty(entry.shape, entry.dtype) for name, entry in self.entries.items()}
        self.read_into(found)
        return {
            name: array.astype(array.dtype.newbyteorder("="), copy=False) for name, array in found.items()
        }

    def mapped(self, verify: bool) -> dict[str, Array]:
        """Return the tensors as read-only arrays in a memory map of the file; see ``read``."""
        start, data = len(self._header), self._all_bytes()
        if verify:
            digest = self._digest()
            digest.update(data[start:])
            self._compare(digest.hexdigest())
        return {
            name: np.frombuffer(data[start + entry.offset :][: entry.size], entry.dtype).reshape(entry.shape)
            for name, entry in self.entries.items()
        }

    def _all_bytes(self) -> memoryview:
        import mmap

        if isinstance(self._file, io.BytesIO):
            return self._file.getbuffer().toreadonly()
        return memoryview(mmap.mmap(self._file.fileno(), self._size, access=mmap.ACCESS_READ))

    def _digest(self) -> Any:
        """Return the checksum of the header; the digits in it count as zeros."""
        header = bytearray(self._header)
        if self.checksum is not None:
            header[_DIGITS] = _NO_DIGITS
        return hashlib.sha256(header)

    def _compare(self, found: str) -> None:
        if self.checksum is not None and found != self.checksum:
            raise self.error("the file is damaged: its checksum is wrong; use a copy, or save anew")

    def _fill(self, block: Array, dtype: np.dtype[Any], digest: Any) -> None:
        """Read the next bytes of the file into an array of any memory order."""
        buffer = np.empty(block.shape, dtype)
        view = _bytes_of(buffer)
        if self._file.readinto(view) != len(view):  # type: ignore[attr-defined]
            raise self.error("it became shorter while it was read")
        digest.update(view)
        block[...] = buffer

    def _read_header(self) -> bytes:
        prefix = self._file.read(8)
        length = int.from_bytes(prefix, "little")
        if len(prefix) != 8 or length > self._size - 8:
            raise self.error("not a safetensors file, or cut off")
        if length > MAX_HEADER:
            raise self.error(f"header must have at most {MAX_HEADER} bytes, got {length}")
        text = self._file.read(length)
        if len(text) != length:
            raise self.error("it became shorter while it was read")
        return prefix + text

    def _decoded(self, text: bytes | str, what: str) -> dict[str, Any]:
        try:
            return decode(text)
        except ValueError as error:
            raise self.error(f"{what} must be a JSON object: {error}") from error

    def _metadata(self, metadata: object) -> tuple[dict[str, Any], str | None]:
        """Return the description and the checksum."""
        if not isinstance(metadata, dict) or not isinstance(metadata.get(_TEXT), str):
            raise self.error("a safetensors file, but not one of deepcore")
        description = self._decoded(metadata[_TEXT], "description")
        form = description.get("format")
        if isinstance(form, int) and form > FORMAT:
            raise self.error(
                f"written by a newer deepcore (format {form}, this one reads {FORMAT}); update deepcore-nn"
            )
        keys = {_TEXT} if form == 1 else {_TEXT, _CHECKSUM}
        if type(form) is not int or form < 1:
            raise self.error(f"format must be 1 or {FORMAT}, got {_checks.shown(form)}")
        if metadata.keys() != keys:
            raise self.error(f"metadata of format {form} must have the keys {', '.join(sorted(keys))} only")
        if form == 1:
            return description, None
        checksum = metadata[_CHECKSUM]
        if not self._header[8:].startswith(_START) or self._header[_DIGITS] != str(checksum).encode():
            raise self.error("header must begin with the metadata, and they with the checksum")
        for key in ("kind", "version"):
            if not isinstance(description.get(key), str):
                raise self.error(f"description: {key} must be a text")
        return description, str(checksum)

    def _entries(self, header: dict[str, Any]) -> dict[str, Entry]:
        """Return the tensors in the order of the file; together they must fill it exactly."""
        data_size = self._size - len(self._header)
        entries = {name: self._entry(name, value) for name, value in header.items()}
        ordered = sorted(entries.items(), key=lambda item: (item[1].offset, item[1].size))
        position = 0
        for _, entry in ordered:
            if entry.offset != position:
                raise self.error("the tensors overlap or leave gaps")
            position += entry.size
        if position != data_size:
            raise self.error("cut off, or more bytes than the tensors take")
        return dict(ordered)

    def _entry(self, name: str, value: object) -> Entry:
        name = _checks.cut(name)
        if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
            raise self.error(f"{name} must have exactly the keys dtype, shape, data_offsets")
        code, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
        if not isinstance(code, str) or code not in _DTYPES:
            raise self.error(f"{name}: dtype must be one of {', '.join(_DTYPES)}, got {_checks.shown(code)}")
        if not _are_sizes(shape, 8):
            raise self.error(f"{name}: shape must be at most 8 sizes, got {_checks.shown(shape)}")
        if not _are_sizes(offsets, 2) or len(offsets) != 2:
            raise self.error(f"{name}: data_offsets must be two numbers, got {_checks.shown(offsets)}")
        entry = Entry(np.dtype(_DTYPES[code]), tuple(shape), offsets[0])
        if entry.size != offsets[1] - offsets[0]:
            raise self.error(f"{name} must take {entry.size} bytes, got {offsets[1] - offsets[0]}")
        return entry


def _are_sizes(value: object, most: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= most
        and all(type(size) is int and 0 <= size <= 2**53 for size in value)
    )


def _ordered(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Put larger numbers first, so that each tensor begins at a multiple of its itemsize."""
    return dict(sorted(tensors.items(), key=lambda item: -item[1].dtype.itemsize))


def _header(description: Mapping[str, Any], tensors: Mapping[str, Array]) -> bytes:
    """Return the length and the header; the digits of the checksum are zeros."""
    full = {"format": FORMAT, "version": _core.build_info()["version"], **description}
    header: dict[str, Any] = {_METADATA: {_CHECKSUM: _NO_DIGITS.decode(), _TEXT: encode(full)}}
    position = 0
    for name, array in _ordered(tensors).items():
        tag = _TAGS[array.dtype.newbyteorder("<")]
        end = position + array.nbytes
        header[name] = {"dtype": tag, "shape": list(array.shape), "data_offsets": [position, end]}
        position = end
    text = encode(header).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    if len(text) > MAX_HEADER:
        raise ValueError(
            f"save: the description must fit into {MAX_HEADER} bytes as JSON, got {len(text)}; store large "
            "data elsewhere"
        )
    return len(text).to_bytes(8, "little") + text


def _pieces(array: Array) -> Iterator[Array]:
    """Cut an array into parts of at most ``_BLOCK`` bytes, in the order of the file; the parts are views."""
    if array.ndim == 0:
        array = array.reshape(1)
    if array.size == 0:
        return
    row = array.nbytes // len(array)
    if row > _BLOCK and array.ndim > 1:
        for part in array:
            yield from _pieces(part)
        return
    rows = max(1, _BLOCK // row)
    for first in range(0, len(array), rows):
        yield array[first : first + rows]


def _blocks(array: Array) -> Iterator[memoryview]:
    """Yield the bytes of an array as the file holds them, block by block.

    Each block is a copy: it stays the same between its checksum and its writing, whoever changes the array.
    """
    for piece in _pieces(array):
        yield _bytes_of(np.array(piece, piece.dtype.newbyteorder("<"), order="C"))


def _bytes_of(array: Array) -> memoryview:
    """Return the memory of an array whose rows follow each other."""
    return memoryview(array.reshape(-1).view(np.uint8))  # type: ignore[arg-type]


def _places(target: Array | None, entry: Entry) -> Iterator[Array]:
    """Yield the parts of ``target`` in the order of the file; None: an array that is thrown away."""
    if target is not None:
        yield from _pieces(target)
        return
    for first in range(0, entry.size, _BLOCK):
        count = min(_BLOCK, entry.size - first) // entry.dtype.itemsize
        yield np.empty(count, entry.dtype)


def _write_all(descriptor: int, block: memoryview) -> None:
    """Write every byte; the system may take fewer at a time."""
    while block:
        written = os.write(descriptor, block)
        if written == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        block = block[written:]
