"""ONNX files are read here: a graph that is a chain of dense layers becomes a chain of steps.

Every tensor of the graph is a tuple of steps that leads to it from the input, or the reason why it is none.
"""

from __future__ import annotations

import math
import os
from typing import Any, NamedTuple

import numpy as np

from deepcore._regular import as_text, open_regular
from deepcore.files.chain import Contents
from deepcore.files.onnx_nodes import package
from deepcore.files.onnx_norms import Moment, Spread, part_of_norm
from deepcore.files.onnx_operators import STEPS, WHO, Node, vector
from deepcore.files.onnx_parts import appended, chosen, joined, settled, two_classes, units
from deepcore.files.steps import Linear, Step
from deepcore.typing import Array

__all__ = ["read"]

_PASSING = {"Identity", "ZipMap"}
# What PyTorch's view(x.size(0), -1) and its like compute from the shape of a tensor. _ROWS stands there for
# the number of rows: a prime, so that no product of sizes is taken for it.
_OF_SHAPES = {"Cast", "Concat", "Gather", "Identity", "Mul", "ReduceProd", "Slice", "Squeeze", "Unsqueeze"}
_ROWS = 2**40 - 87
_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}  # others may have operators of the same names


class _Refused(NamedTuple):
    """A tensor that is not part of a chain, and the node that made it."""

    reason: str


_Tensor = tuple[Any, ...] | _Refused | Moment | Spread


def read(path: str | os.PathLike[str]) -> Contents:
    """Read an ONNX file.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is not a valid ONNX file, or not a chain of dense layers, naming the node.
    """
    onnx = package(WHO)
    path = as_text(path)
    open_regular(path).close()  # an OSError that names the file
    try:
        model = onnx.load(path)
    except Exception as error:  # protobuf and onnx have errors of their own, of many types
        text = str(error).strip().split("\n")[0]
        raise ValueError(f"{WHO}: {path} is not a valid ONNX file: {text}") from error
    if not model.graph.node:
        raise ValueError(f"{WHO}: {path} is not a valid ONNX file: it has no nodes")
    try:
        if model.functions:
            from onnx.inliner import inline_local_functions

            model = inline_local_functions(model)
        with np.errstate(all="ignore"):  # of numbers in the file that are not finite
            return _Reader(onnx, model).contents()
    except (LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError) as error:
        raise ValueError(
            f"{WHO}: {path} is not a valid ONNX file: {type(error).__name__}: {error}"
        ) from error


class _Reader:
    """Follows the nodes of a graph from its input to its outputs."""

    def __init__(self, onnx: Any, model: Any) -> None:
        self.onnx, self.graph = onnx, model.graph
        self.opsets = {opset.domain: opset.version for opset in model.opset_import}
        self.constants: dict[str, Array] = {
            tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer
        }
        self.shapes: set[str] = set()  # constants that were computed from the shape of a tensor
        self.dims: list[int] = []  # of the input, without the number of rows; 0 is unknown
        self.tensors: dict[str, _Tensor] = {}
        self.flattened = False  # a node makes rows of inputs that have more dimensions

    def contents(self) -> Contents:
        """Return the chain from the only input to the only output that is a chain."""
        inputs = [value for value in self.graph.input if value.name not in self.constants]
        if len(inputs) != 1:
            names = ", ".join(value.name for value in inputs)
            raise ValueError(f"{WHO}: the graph must have one input, got {len(inputs)}: {names}")
        self.tensors[inputs[0].name] = ()
        kind = inputs[0].type.tensor_type
        self.dims = [dim.dim_value for dim in kind.shape.dim[1:]]
        for node in self.graph.node:
            self._visit(node)
        found = [_ended(self.tensors.get(value.name, _Refused(""))) for value in self.graph.output]
        chains = [tensor for tensor in found if not isinstance(tensor, _Refused)]
        if len(chains) != 1:
            reasons = [tensor.reason for tensor in found if isinstance(tensor, _Refused) and tensor.reason]
            names = ", ".join(value.name for value in self.graph.output)
            rule = f"the graph must have one output that is a chain of layers, got {len(chains)} of {names}"
            raise ValueError(f"{WHO}: {reasons[0] if reasons and not chains else rule}")
        steps = settled(chains[0])
        double = kind.elem_type == self.onnx.TensorProto.DOUBLE
        return Contents(steps, self._width(steps), np.dtype("float64" if double else "float32"))

    def _width(self, steps: list[Step]) -> int:
        first = next((step.W.shape[1] for step in steps if isinstance(step, Linear)), 0)
        columns, known = math.prod(self.dims), all(self.dims)
        if known and self.dims and first and columns != first:
            raise ValueError(f"{WHO}: the input has {columns} columns, but the first layer takes {first}")
        if len(self.dims) > 1 and not (known or self.flattened):
            raise ValueError(
                f"{WHO}: the input has {len(self.dims) + 1} dimensions of unknown size; it needs 2, or a "
                "Flatten node"
            )
        return first

    def _visit(self, node: Any) -> None:
        given = [name for name in node.input if name]
        of_shapes = not self.shapes.isdisjoint(given)
        if all(name in self.constants for name in given) and (given or node.op_type == "Constant"):
            if of_shapes and node.op_type not in _OF_SHAPES:
                self._set(node, _refused(node))
                return
            self._compute(node)
            if of_shapes:
                self.shapes.update(node.output)
            return
        for name in given:
            tensor = self.tensors.get(name)
            if isinstance(tensor, _Refused):
                self._set(node, tensor)
                return
        attributes = {a.name: self.onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Shape" and self._keep_shape(node, attributes):
            return
        result = None
        if not of_shapes or node.op_type == "Reshape":
            result = self._result(node, _where(node), attributes)
        self._set(node, _refused(node) if result is None else result)

    def _keep_shape(self, node: Any, attributes: dict[str, Any]) -> bool:
        """Make a constant of the shape of a tensor, if all its sizes but the number of rows are known."""
        tensor = self.tensors.get(node.input[0])
        if not isinstance(tensor, tuple):
            return False
        width = units(tensor)
        dims = self.dims if width is None else [width]
        if not dims or not all(dims):
            return False
        sizes = np.array([_ROWS, *dims], np.int64)
        self.constants[node.output[0]] = sizes[attributes.get("start", 0) : attributes.get("end")]
        self.shapes.add(node.output[0])
        return True

    def _set(self, node: Any, tensor: _Tensor) -> None:
        further = f"output {{!r}} of {_where(node)} is not part of a chain of dense layers"
        for place, name in enumerate(node.output):
            self.tensors[name] = _Refused(further.format(name)) if place else tensor

    def _compute(self, node: Any) -> None:
        """Evaluate a node that reads constants only, as the opset of the file defines it."""
        from onnx.reference import ReferenceEvaluator

        alone = self.onnx.helper.make_graph([node], "constant", [], [])
        given = {name: self.constants[name] for name in node.input if name}
        results = [name for name in node.output if name]
        texts = []
        for newest in (False, True):  # the evaluator lacks some operators of older opsets
            try:
                evaluator = (
                    ReferenceEvaluator(node) if newest else ReferenceEvaluator(alone, opsets=self.opsets)
                )
                values = evaluator.run(results, given)
            except Exception as error:  # of many types, such as those of a graph in the node
                texts.append(f"{type(error).__name__}: {error}".strip().split("\n")[0])
            else:
                self.constants.update(zip(results, values, strict=True))
                return
        self._set(node, _Refused(f"{_where(node)} cannot be computed: {texts[0]}"))

    def _result(self, node: Any, where: str, attributes: dict[str, Any]) -> _Tensor | None:
        """The steps that lead to the output of a node, or None if it has no place in a chain."""
        if node.domain not in _DOMAINS:
            return None
        operator = node.op_type
        constants = [self.constants.get(name) for name in node.input]
        tensors = [self.tensors.get(name) for name in node.input if name in self.tensors]
        values = [self.constants.get(name, self.tensors.get(name)) for name in node.input if name]
        if operator == "ReduceMean" or any(isinstance(value, Moment | Spread) for value in values):
            return _part_of_norm(operator, values, attributes, where)
        if operator == "Concat":
            return two_classes(tensors) if attributes["axis"] in (-1, 1) else None
        if operator == "Where":
            return chosen(tensors)
        if len(tensors) > 1:
            return joined(operator, tensors, where)
        if not tensors:
            return None
        before: tuple[Any, ...] = tensors[0]  # type: ignore[assignment]
        self.flattened = self.flattened or (operator in ("Flatten", "Reshape") and units(before) is None)
        if operator in _PASSING or (operator == "Flatten" and attributes.get("axis", 1) == 1):
            return before
        if operator == "Cast":
            types = self.onnx.TensorProto
            return before if attributes["to"] in (types.FLOAT, types.DOUBLE, types.FLOAT16) else None
        if operator == "Reshape":
            return before if _keeps_rows(constants[1], before) else None
        steps = STEPS.get(operator)
        found = None if steps is None else steps(Node(node, constants, attributes, where, before))
        return None if found is None else appended(before, found)


def _ended(tensor: _Tensor) -> tuple[Any, ...] | _Refused:
    """What an output is: a part of a norm is no chain."""
    if isinstance(tensor, Moment | Spread):
        return _Refused(f"{tensor.where} is not part of a chain of dense layers")
    return tensor


def _part_of_norm(operator: str, values: list[Any], attributes: dict[str, Any], where: str) -> _Tensor | None:
    axes = attributes.get("axes")
    if operator == "ReduceMean" and len(values) > 1:  # an input since opset 18
        axes = values.pop()
    axes = np.asarray(axes) if axes is not None and attributes.get("keepdims", 1) else None
    values = [vector(value) if isinstance(value, np.ndarray) else value for value in values]
    return None if any(value is None for value in values) else part_of_norm(operator, values, axes, where)


def _where(node: Any) -> str:
    return f"node {node.name or node.output[0]!r} ({node.op_type})"


def _refused(node: Any) -> _Refused:
    return _Refused(f"{_where(node)} is not part of a chain of dense layers")


def _keeps_rows(shape: Array | None, before: tuple[Any, ...]) -> bool:
    """Whether a reshape changes nothing but inputs of more dimensions."""
    if shape is None or shape.size != 2 or shape[0] > _ROWS or shape[1] >= _ROWS:
        return False
    width = units(before)
    return width is None or shape[1] == width or (shape[0] in (0, _ROWS) and shape[1] == -1)
