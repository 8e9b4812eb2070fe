"""The header of an NPY file, which is read before any memory is reserved for the array."""

from __future__ import annotations

import tokenize
import warnings
from typing import IO, Any

import numpy as np

__all__ = ["DAMAGED", "npy_header"]

#: What NumPy's parser raises for damaged headers.
DAMAGED = (
    ValueError, TypeError, AttributeError, LookupError, EOFError, OverflowError, SyntaxError, RecursionError,
    tokenize.TokenError,
)  # fmt: skip


def npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the header, and leave the file at the first element.

    Args:
        file: An open file at the first byte of an NPY file, of format version 1 or 2.

    Returns:
        The shape, whether the elements lie in Fortran order, and the data type.

    Raises:
        ValueError: If it is not such a header.
    """
    try:
        version = np.lib.format.read_magic(file)
        known = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in known:
            raise ValueError(f"unknown format version {version}")
        with warnings.catch_warnings():  # NumPy warns about headers of Python 2 and old names of types
            warnings.simplefilter("ignore")
            shape, by_columns, dtype = known[version](file)
    except (*DAMAGED, MemoryError) as error:  # Python's own parser runs out of its stack in deep brackets
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error
    if not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"the shape {shape} must hold whole numbers from 0")
    return shape, by_columns, dtype
