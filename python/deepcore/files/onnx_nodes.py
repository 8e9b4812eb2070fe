"""``Nodes`` collects the nodes and constants of an ONNX graph; ``package`` imports the package onnx."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from deepcore.files.weights import Numbers
from deepcore.typing import Array

__all__ = ["LargeConstant", "Nodes", "package"]

_LARGEST = 1 << 14  # numbers of a constant that is part of the graph when it is made and checked


def package(who: str) -> Any:
    """Import the package onnx, or say how to install it."""
    try:
        import onnx
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise ModuleNotFoundError(
            f"{who}: ONNX files need the package onnx: pip install 'deepcore-nn[onnx]'", name="onnx"
        ) from error
    return onnx


class LargeConstant(NamedTuple):
    """A constant whose numbers are not in the graph."""

    name: str
    numbers: Numbers
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """Number of bytes."""
        return math.prod(self.numbers.shape) * self.dtype.itemsize

    def described(self, onnx: Any) -> Any:
        """Return the constant as a ``TensorProto`` without its numbers."""
        kind = onnx.helper.np_dtype_to_tensor_dtype(self.dtype)
        return onnx.TensorProto(name=self.name, dims=self.numbers.shape, data_type=kind)

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes of the numbers, as the file has them.

        Raises:
            ValueError: If a number is not finite.
        """
        for piece in self.numbers.pieces():
            yield _converted(piece, self.dtype).astype(self.dtype.newbyteorder("<"), copy=False).tobytes()


def _converted(values: Array, dtype: np.dtype[Any]) -> Array:
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(values, dtype)
    if dtype.kind == "f" and not (fine := np.isfinite(array)).all():
        value = f"{np.asarray(values).reshape(-1)[fine.argmin()]:.3g}"
        raise ValueError(
            f"to_onnx: parameters must be finite in {dtype}, but {value} is not; use dtype='float64'"
        )
    return array


class Nodes:
    """The nodes of a graph, in order.

    Args:
        onnx: The package.
        dtype: Of the constants.

    Attributes:
        at: The tensor that the next step reads.
        nodes: The nodes so far.
        constants: The small constants so far.
        large: The large ones, which are written piece by piece.
    """

    def __init__(self, onnx: Any, dtype: np.dtype[Any]) -> None:
        self.onnx, self.dtype = onnx, dtype
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.large: list[LargeConstant] = []
        self.at = "X"
        self._taken: set[str] = set()

    def named(self, name: str) -> str:
        """Take a name for a tensor; underscores are added if it is taken."""
        name = self.text(name)
        while not name or name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

    def text(self, value: object) -> str:
        """Return a text as the file holds it.

        Raises:
            ValueError: If it is not valid Unicode.
        """
        text = str(value)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(
                f"to_onnx: names of columns, categories and classes must be valid Unicode, got {text!a:.80}"
            ) from None
        return text

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Append a node, and return the name of its output."""
        name = self.named(f"{operator}{len(self.nodes) + 1}")
        self.nodes.append(
            self.onnx.helper.make_node(operator, inputs, [name], name=name, domain=domain, **attributes)
        )
        return name

    def to(self, operator: str, *inputs: str, **attributes: Any) -> None:
        """Append a node whose output the next step reads."""
        self.at = self.add(operator, *inputs, **attributes)

    def cast(self, dtype: np.dtype[Any] | type) -> None:
        """Append a conversion of what the next step reads."""
        self.to("Cast", self.at, to=self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def reshape(self, *shape: int) -> None:
        """Append a node that changes the shape of what the next step reads; -1 is what is left."""
        self.to("Reshape", self.at, self.constant("shape", np.array(shape), np.int64))

    def columns(self, first: int, count: int) -> str:
        """Append a node that takes some columns of what the next step reads."""
        limits = [self.constant(name, np.array([value]), np.int64)
                  for name, value in (("start", first), ("end", first + count), ("axis", 1))]  # fmt: skip
        return self.add("Slice", self.at, *limits)

    def constant(self, name: str, values: Array | Numbers, dtype: Any = None) -> str:
        """Append a constant, and return its name; numbers must be finite, large ones when they are written.

        Args:
            name: The beginning of its name.
            values: The numbers or texts.
            dtype: dtype in the file; None: that of the graph.

        Raises:
            ValueError: If a number is not finite.
        """
        full = self.named(f"{name}{len(self.constants) + len(self.large) + 1}")
        kind = np.dtype(self.dtype if dtype is None else dtype)
        numbers = values if isinstance(values, Numbers) else Numbers.of(values)
        if kind.kind == "f" and math.prod(numbers.shape) > _LARGEST:
            self.large.append(LargeConstant(full, numbers, kind))
            return full
        pieces = [_converted(piece, kind) for piece in numbers.pieces()]
        array = np.concatenate(pieces).reshape(numbers.shape) if pieces else np.empty(numbers.shape, kind)
        self.constants.append(self.onnx.numpy_helper.from_array(array, full))
        return full

    def end(self, name: str) -> str:
        """Give the output of the last node the name of an output of the graph, and return it."""
        name = self.named(name)
        self.nodes[-1].output[0] = name
        return name

    @contextmanager
    def in_float64(self) -> Iterator[None]:
        """Make the constants of a block float64."""
        before, self.dtype = self.dtype, np.dtype(np.float64)
        try:
            yield
        finally:
            self.dtype = before
