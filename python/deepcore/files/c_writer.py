"""``Writer`` collects the constants and functions of a C header."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from deepcore.files import c_code
from deepcore.files.weights import Numbers
from deepcore.typing import Array

__all__ = ["Writer"]

_LONGEST_LITERAL = 4095  # characters that every compiler of C99 takes
_TEXTS = 4096  # numbers that are texts at a time


class Writer:
    """The constants and functions of a file.

    Args:
        prefix: All names begin with it.
        dtype: float32 for ``float`` and float64 for ``double``.
        int8: Keep weights as whole numbers from -127 to 127, with a scale per unit.

    Attributes:
        names: What pieces of C need: the prefix, the type, and the ending of its literals.
        constants: Functions that return the lines of the constants so far.
        constant_bytes: The memory that they need.
        functions: The functions by name, so that each is written once.
    """

    def __init__(self, prefix: str, dtype: np.dtype[Any], int8: bool) -> None:
        self.dtype, self.int8 = dtype, int8
        single = dtype == np.float32
        self.names = {"p": prefix, "P": prefix.upper(), "T": "float" if single else "double"}
        self.names["f"] = "f" if single else ""
        self.constant_bytes = 0
        self._long_texts = 0
        self.constants: list[Callable[[], Iterator[str]]] = []
        self.functions: dict[str, str] = {}

    def filled(self, text: str, **values: object) -> str:
        """Return a piece of C with the names of this file and further values."""
        return c_code.filled(text, **{**self.names, **values})

    def literal(self, value: float) -> str:
        """Return a number as C writes it.

        Raises:
            ValueError: If it is not finite in this type.
        """
        return next(self._texts(Numbers.of(np.array(value))))

    def text(self, value: object) -> str:
        """Return a text as C writes it: a literal, or the name of an array if it is too long for C99."""
        encoded = c_code.text_bytes(str(value))
        if len(encoded) <= _LONGEST_LITERAL:
            return c_code.quoted(str(value))
        self._long_texts += 1
        full = f"{self.names['p']}_text{self._long_texts}"

        def lines() -> Iterator[str]:
            yield f"static const char {full}[{len(encoded) + 1}] = "
            yield from _initialiser(f"'{c_code.escaped(byte)}'" for byte in encoded + b"\0")
            yield ";\n"

        self.constants.append(lines)
        return full

    def numbers(self, values: Array, *, missing: bool = False) -> str:
        """Return the numbers of an array as an initialiser, eight per line; ``missing`` allows NaN.

        Raises:
            ValueError: If a number is not finite in this type.
        """
        return "".join(_initialiser(self._texts(Numbers.of(values), missing=missing)))

    def constant(self, name: str, values: Array | Numbers) -> str:
        """Define an array of numbers, and return its name; they are read when the file is written."""
        numbers = values if isinstance(values, Numbers) else Numbers.of(values)
        texts = partial(self._texts, where=name)
        return self._define(self.names["T"], name, numbers, self.dtype.itemsize, texts)

    def whole(self, name: str, values: Array | Numbers, kind: str = "signed char") -> str:
        """Define an array of whole numbers, and return its name."""
        numbers = values if isinstance(values, Numbers) else Numbers.of(values)
        return self._define(kind, name, numbers, {"signed char": 1, "int": 4}[kind], _whole_texts)

    def _define(
        self, kind: str, name: str, numbers: Numbers, size: int, texts: Callable[[Numbers], Iterator[str]]
    ) -> str:
        full, count = f"{self.names['p']}_{name}", math.prod(numbers.shape)

        def lines() -> Iterator[str]:
            yield f"static const {kind} {full}[{count}] = "
            yield from _initialiser(texts(numbers))
            yield ";\n"

        self.constants.append(lines)
        self.constant_bytes += count * size
        return full

    def _texts(self, numbers: Numbers, where: str = "", missing: bool = False) -> Iterator[str]:
        """Yield the numbers as C writes them; messages say where they are."""
        for piece in numbers.pieces():
            with np.errstate(over="ignore"):
                cast = np.ascontiguousarray(piece, self.dtype)
            fine = np.isfinite(cast) | (np.isnan(cast) & missing)
            if not fine.all():
                value = f"{piece.reshape(-1)[fine.argmin()]:.3g}"
                found = f"{where} has {value}" if where else f"{value} is not"
                raise ValueError(
                    f"to_c_header: parameters must be finite in {self.dtype}, but {found}; "
                    "use dtype='float64'"
                )
            for first in range(0, cast.size, _TEXTS):
                for text in cast[first : first + _TEXTS].astype(str).tolist():
                    yield "NAN" if text == "nan" else text + self.names["f"]

    def function(self, name: str, text: str) -> None:
        """Define a function, unless there is one of this name."""
        self.functions.setdefault(name, text)


def _whole_texts(numbers: Numbers) -> Iterator[str]:
    for piece in numbers.pieces():
        for first in range(0, piece.size, _TEXTS):
            yield from map(str, np.rint(piece[first : first + _TEXTS]).astype(np.int64).tolist())


def _initialiser(texts: Iterator[str]) -> Iterator[str]:
    """Yield the lines of an initialiser, eight texts per line."""
    yield "{\n    "
    yield ", ".join(islice(texts, 8))
    while line := ", ".join(islice(texts, 8)):
        yield ",\n    " + line
    yield "\n}"
