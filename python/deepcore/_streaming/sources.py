"""What a user gives ``stream`` becomes parts whose rows are read in any order, or chunks in their order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from deepcore import _checks
from deepcore._streaming.arrays import ArrayPart, InFile, InMemory, npy, npz
from deepcore._streaming.chunks import Chunk, InOrder, Part, Parts

__all__ = ["find"]

_KINDS = (
    "an NPZ file, a tuple (X, y) of arrays or NPY files, a list of these, or a function that returns chunks"
)


def find(given: object) -> Parts | InOrder:
    """Find out what a source is, and check everything that can be checked without reading its rows."""
    if callable(given) and not isinstance(given, (str, os.PathLike)):
        return InOrder("batches of the function", lambda: _chunks(given))
    parts = [_part(one) for one in given] if isinstance(given, list) else [_part(given)]
    if not parts:
        raise ValueError("stream: source must not be an empty list")
    source = Parts(parts)
    if source.rows == 0:
        raise ValueError(f"stream: source must have at least one row, got none in {parts[0].name}")
    return source


def _part(given: object) -> Part:
    if isinstance(given, tuple):
        return _of_arrays(given)
    if not isinstance(given, (str, os.PathLike)):
        raise TypeError(f"stream: source must be {_KINDS}, got {type(given).__name__}")
    path = Path(os.fspath(given))
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return npz(path)
    if suffix == ".npy":
        raise ValueError(
            f"stream: {path} holds one array; give a tuple of two files, (X, y), such as "
            f"({str(path)!r}, 'y.npy')"
        )
    raise ValueError(f"stream: source must be {_KINDS}, got {_checks.shown(str(path))}")


def _of_arrays(given: tuple[object, ...]) -> ArrayPart:
    if len(given) not in (2, 3):
        raise ValueError(f"stream: a tuple must be (X, y) or (X, y, sample_weight), got {len(given)} members")
    names = ("X", "y", "sample_weight")
    found = [_array(name, one) for name, one in zip(names, given, strict=False)]
    return ArrayPart(found[0].name, *found)


def _array(name: str, given: object) -> InFile | InMemory:
    if isinstance(given, (str, os.PathLike)):
        return npy(Path(os.fspath(given)))
    array = np.asanyarray(given)
    _checks.numbers("stream", name, array[:0] if array.ndim else array)
    if not array.ndim:
        raise ValueError(f"stream: {name} must have rows, got a single number")
    return InMemory(name, array)


def _chunks(make: Callable[[], Any]) -> Iterator[Chunk]:
    made = make()
    try:
        chunks = iter(made)
    except TypeError:
        raise TypeError(
            f"stream: the function must return an iterable of (X, y), but it returned {_checks.shown(made)}"
        ) from None
    for number, chunk in enumerate(chunks):
        if not isinstance(chunk, (tuple, list)) or len(chunk) not in (2, 3):
            raise TypeError(
                f"stream: chunks must be (X, y) or (X, y, sample_weight), got {type(chunk).__name__} as "
                f"chunk {number}"
            )
        yield Chunk(*chunk)
