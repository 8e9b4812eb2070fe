"""Parts of arrays: in memory, in memory-mapped files, and in NPY and NPZ files."""

from __future__ import annotations

import math
import os
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from deepcore import _checks
from deepcore._regular import open_regular
from deepcore._streaming.chunks import Chunk
from deepcore.data.npy import npy_header
from deepcore.typing import Array

__all__ = ["ArrayPart", "InFile", "InMemory", "npy", "npz"]

#: Bytes that are read from one place of a file at a time. In random order and asked for ahead, blocks of 4 MB
#: came at 0.4 to 1.1 GB/s from a disk that gave 0.6 to 1.1 in order.
BLOCK_BYTES = 1 << 22


class InMemory:
    """An array that is in memory, or mapped there."""

    def __init__(self, name: str, array: Array) -> None:
        self.name, self._array = name, array
        self.shape, self.dtype = array.shape, array.dtype

    def read(self, first: int, stop: int, out: Array | None = None) -> Array:
        return self._array[first:stop]

    def ahead(self, first: int, stop: int) -> None:
        """Do nothing."""


class InFile:
    """An array in an uncompressed file, which is read and not mapped: its rows need no address space.

    Args:
        path: The file.
        name: The head of messages.
        offset: Where its first element lies.
        shape: (m, ...), in C order.
        dtype: Of the elements.
    """

    def __init__(
        self, path: Path, name: str, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self.path, self.name, self.offset, self.shape, self.dtype = path, name, offset, shape, dtype
        self._row_bytes = math.prod(shape[1:]) * dtype.itemsize
        found = path.stat().st_size
        if found < offset + shape[0] * self._row_bytes:
            raise ValueError(
                f"stream: {name} must have {offset + shape[0] * self._row_bytes} bytes for shape {shape}, "
                f"got {found}; the file is not complete"
            )

    def read(self, first: int, stop: int, out: Array | None = None) -> Array:
        shape = (stop - first, *self.shape[1:])
        usable = out is not None and out.dtype == self.dtype and out.shape == shape
        array: Array = out if usable else np.empty(shape, self.dtype)  # type: ignore[assignment]
        into = array.reshape(-1).view(np.uint8)
        with open_regular(self.path) as file:
            file.seek(self.offset + first * self._row_bytes)
            count = file.readinto(into)  # type: ignore[attr-defined]
        if count != len(into):
            raise OSError(
                f"{self.name} became shorter while it was read: rows {first} to {stop - 1} are gone"
            )
        return array

    def ahead(self, first: int, stop: int) -> None:
        """Ask the operating system to begin to read these rows."""
        if not hasattr(os, "posix_fadvise"):
            return
        with open_regular(self.path) as file:
            at, size = self.offset + first * self._row_bytes, (stop - first) * self._row_bytes
            os.posix_fadvise(file.fileno(), at, size, os.POSIX_FADV_WILLNEED)


def _described(name: str, file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Read the header of an NPY file, and refuse what is not rows of numbers."""
    try:
        shape, by_columns, dtype = npy_header(file)
    except ValueError as error:
        raise ValueError(f"stream: {name} is not a valid NPY file: {error}") from error
    if dtype.kind not in "biuf":
        raise TypeError(f"stream: {name} must hold numbers, got dtype {dtype}; encode text as numbers first")
    if not shape:
        raise ValueError(f"stream: {name} must have rows, got a single number")
    if by_columns and len(shape) > 1:
        raise ValueError(
            f"stream: {name} must lie row by row, but it was saved in Fortran order; save it with "
            "np.save(path, np.ascontiguousarray(array))"
        )
    return shape, dtype


def npy(path: Path) -> InFile:
    """Find the array of an NPY file."""
    with open_regular(path) as file:
        shape, dtype = _described(str(path), file)
        return InFile(path, str(path), file.tell(), shape, dtype)


# Bytes of the header of a file in a ZIP archive before its name, and where the lengths of two fields stand.
_HEADER, _LENGTHS = 30, slice(26, 30)


def npz(path: Path) -> ArrayPart:
    """Find X, y and, if it is there, sample_weight in an NPZ file, without reading them."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
            missing = [name for name in ("X", "y") if name not in members]
            if missing:
                raise ValueError(
                    f"stream: {path} must hold arrays X and y, got {_checks.first_names(list(members))}"
                )
            names = [name for name in ("X", "y", "sample_weight") if name in members]
            return ArrayPart(str(path), *(_member(path, file, name, members[name]) for name in names))
    except (zipfile.BadZipFile, RuntimeError, struct.error, EOFError, OverflowError) as error:
        raise ValueError(f"stream: {path} is not a valid NPZ file: {error}") from error


def _member(path: Path, file: BinaryIO, name: str, member: zipfile.ZipInfo) -> InFile:
    full = f"{path}, {name}"
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(
            f"stream: {full} must not be compressed, because rows of it could not be read by themselves; "
            "write it with np.savez"
        )
    file.seek(member.header_offset)
    header = file.read(_HEADER)[_LENGTHS]
    file.seek(int.from_bytes(header[:2], "little") + int.from_bytes(header[2:], "little"), os.SEEK_CUR)
    shape, dtype = _described(full, file)
    return InFile(path, full, file.tell(), shape, dtype)


class ArrayPart:
    """X, y and perhaps weights as arrays of the same length; see ``Part``.

    Args:
        name: The head of messages.
        X: (m, n_x).
        y: (m,) or (m, n).
        weight: (m,) or None.
    """

    fixed: Sequence[int] | None = None
    divisible = True

    def __init__(
        self,
        name: str,
        X: InFile | InMemory,
        y: InFile | InMemory,
        weight: InFile | InMemory | None = None,
    ) -> None:
        if len(X.shape) != 2:
            raise ValueError(
                f"stream: {X.name} must have shape (m, n_x), got {X.shape}; reshape it to one row per example"
            )
        for array in (y, *([] if weight is None else [weight])):
            if array.shape[0] != X.shape[0]:
                raise ValueError(
                    f"stream: {array.name} must have {X.shape[0]} rows like {X.name}, got {array.shape[0]}"
                )
        self.name, self._X, self._y, self._weight = name, X, y, weight
        self.rows: int = X.shape[0]
        self.columns: int = X.shape[1]
        self.targets = math.prod(y.shape[1:])
        self.weighted = weight is not None
        self.block_rows = max(1, -(-BLOCK_BYTES // max(1, self.columns * X.dtype.itemsize)))

    def read(self, first: int, stop: int, out: Array | None = None) -> Chunk:
        weight = None if self._weight is None else self._weight.read(first, stop)
        return Chunk(self._X.read(first, stop, out), self._y.read(first, stop), weight)

    def ahead(self, first: int, stop: int) -> None:
        self._X.ahead(first, stop)
