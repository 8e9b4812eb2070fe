"""``Nodes`` collects the nodes and constants of an ONNX graph; ``package`` imports the package onnx."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from deepcore.typing import Array

__all__ = ["Nodes", "package"]


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


class Nodes:
    """The nodes of a graph, in order.

    Args:
        onnx: The package.
        dtype: Of the constants.

    Attributes:
        at: The tensor that the next step reads.
        nodes: The nodes so far.
        constants: The constants so far.
    """

    def __init__(self, onnx: Any, dtype: np.dtype[Any]) -> None:
        self.onnx, self.dtype = onnx, dtype
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.at = "X"
        self._taken: set[str] = set()

    def named(self, name: str) -> str:
        """Take a name for a tensor; underscores are added if it is taken."""
        while not name or name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

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

    def constant(self, name: str, values: Array, dtype: Any = None) -> str:
        """Append a constant, and return its name; numbers must be finite.

        Args:
            name: The beginning of its name.
            values: The numbers or texts.
            dtype: dtype in the file; None: that of the graph.

        Raises:
            ValueError: If a number is not finite.
        """
        with np.errstate(over="ignore"):
            array = np.ascontiguousarray(values, self.dtype if dtype is None else dtype).reshape(values.shape)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"to_onnx: parameters must be finite in {self.dtype}; use dtype='float64'")
        full = self.named(f"{name}{len(self.constants) + 1}")
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
