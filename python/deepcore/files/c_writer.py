"""``Writer`` collects the constants and functions of a C header."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from deepcore.files import c_code
from deepcore.typing import Array

__all__ = ["Writer"]


class Writer:
    """The constants and functions of a file.

    Args:
        prefix: All names begin with it.
        dtype: float32 for ``float`` and float64 for ``double``.
        int8: Keep weights as whole numbers from -127 to 127, with a scale per unit.

    Attributes:
        names: What pieces of C need: the prefix, the type, and the ending of its literals.
        constants: Definitions of the constants so far.
        constant_bytes: The memory that they need.
        functions: The functions by name, so that each is written once.
    """

    def __init__(self, prefix: str, dtype: np.dtype[Any], int8: bool) -> None:
        self.dtype, self.int8 = dtype, int8
        single = dtype == np.float32
        self.names = {"p": prefix, "P": prefix.upper(), "T": "float" if single else "double"}
        self.names["f"] = "f" if single else ""
        self.constant_bytes = 0
        self.constants: list[str] = []
        self.functions: dict[str, str] = {}

    def filled(self, text: str, **values: object) -> str:
        """Return a piece of C with the names of this file and further values."""
        return c_code.filled(text, **{**self.names, **values})

    def literal(self, value: float) -> str:
        """Return a number as C writes it."""
        text = str(self.dtype.type(value))
        return text + self.names["f"]

    def numbers(self, values: Array, *, missing: bool = False) -> str:
        """Return the numbers of an array as an initialiser, eight per line; ``missing`` allows NaN.

        Raises:
            ValueError: If a number is not finite in this type.
        """
        with np.errstate(over="ignore"):
            cast = np.ascontiguousarray(values, self.dtype).ravel()
        if not (np.isfinite(cast) | (np.isnan(cast) & missing)).all():
            raise ValueError(f"to_c_header: parameters must be finite in {self.dtype}; use dtype='float64'")
        return self.lines("NAN" if np.isnan(value) else str(value) + self.names["f"] for value in cast)

    @staticmethod
    def lines(texts: Iterable[str]) -> str:
        """Return an initialiser, eight texts per line."""
        texts = list(texts)
        lines = [", ".join(texts[i : i + 8]) for i in range(0, len(texts), 8)]
        return "{\n    " + ",\n    ".join(lines) + "\n}"

    def constant(self, name: str, values: Array) -> str:
        """Define an array of numbers, and return its name."""
        full = f"{self.names['p']}_{name}"
        self.constants.append(
            f"static const {self.names['T']} {full}[{values.size}] = {self.numbers(values)};\n"
        )
        self.constant_bytes += values.size * self.dtype.itemsize
        return full

    def whole(self, name: str, values: Array, kind: str = "signed char") -> str:
        """Define an array of whole numbers, and return its name."""
        full = f"{self.names['p']}_{name}"
        texts = self.lines(str(int(value)) for value in values.ravel())
        self.constants.append(f"static const {kind} {full}[{values.size}] = {texts};\n")
        self.constant_bytes += values.size * {"signed char": 1, "int": 4}[kind]
        return full

    def function(self, name: str, text: str) -> None:
        """Define a function, unless there is one of this name."""
        self.functions.setdefault(name, text)
