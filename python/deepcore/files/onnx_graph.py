"""ONNX files are read here: a graph that is a chain of dense layers becomes a chain of steps.

Every tensor of the graph is a tuple of steps that leads to it from the input, or the reason why it is none.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from deepcore._regular import as_text, open_regular
from deepcore.files.chain import Contents
from deepcore.files.onnx_nodes import package
from deepcore.files.onnx_norms import Moment, Spread, part_of_norm
from deepcore.files.onnx_parts import (
    CLIPS,
    Above,
    Abs,
    Bounded,
    Change,
    Erf,
    appended,
    chosen,
    joined,
    settled,
    two_classes,
    units,
)
from deepcore.files.steps import (
    EPSILON,
    SELU,
    SELU_ALPHA,
    Activation,
    Affine,
    BatchNorm,
    Dropout,
    LayerNorm,
    Linear,
    Step,
)
from deepcore.files.weights import Weights
from deepcore.typing import Array

__all__ = ["read"]

_WHO = "from_onnx"
_SIMPLE = {
    "Sigmoid": "sigmoid", "Tanh": "tanh", "Relu": "relu", "Softplus": "softplus", "Exp": "exp",
    "Mish": "mish", "Softsign": "softsign",
}  # fmt: skip
_PASSING = {"Identity", "ZipMap"}
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
    onnx = package(_WHO)
    path = as_text(path)
    open_regular(path).close()  # an OSError that names the file
    try:
        model = onnx.load(path)
    except Exception as error:  # protobuf and onnx have errors of their own, of many types
        text = str(error).strip().split("\n")[0]
        raise ValueError(f"{_WHO}: {path} is not a valid ONNX file: {text}") from error
    if not model.graph.node:
        raise ValueError(f"{_WHO}: {path} is not a valid ONNX file: it has no nodes")
    try:
        if model.functions:
            from onnx.inliner import inline_local_functions

            model = inline_local_functions(model)
        with np.errstate(all="ignore"):  # of numbers in the file that are not finite
            return _Reader(onnx, model).contents()
    except (LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError) as error:
        raise ValueError(
            f"{_WHO}: {path} is not a valid ONNX file: {type(error).__name__}: {error}"
        ) from error


class _Reader:
    """Follows the nodes of a graph from its input to its outputs."""

    def __init__(self, onnx: Any, model: Any) -> None:
        self.onnx, self.graph = onnx, model.graph
        self.opsets = {opset.domain: opset.version for opset in model.opset_import}
        self.constants: dict[str, Array] = {
            tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer
        }
        self.tensors: dict[str, _Tensor] = {}
        self.flattened = False  # a node makes rows of inputs that have more dimensions

    def contents(self) -> Contents:
        """Return the chain from the only input to the only output that is a chain."""
        inputs = [value for value in self.graph.input if value.name not in self.constants]
        if len(inputs) != 1:
            names = ", ".join(value.name for value in inputs)
            raise ValueError(f"{_WHO}: the graph must have one input, got {len(inputs)}: {names}")
        self.tensors[inputs[0].name] = ()
        for node in self.graph.node:
            self._visit(node)
        found = [_ended(self.tensors.get(value.name, _Refused(""))) for value in self.graph.output]
        chains = [tensor for tensor in found if not isinstance(tensor, _Refused)]
        if len(chains) != 1:
            reasons = [tensor.reason for tensor in found if isinstance(tensor, _Refused) and tensor.reason]
            names = ", ".join(value.name for value in self.graph.output)
            rule = f"the graph must have one output that is a chain of layers, got {len(chains)} of {names}"
            raise ValueError(f"{_WHO}: {reasons[0] if reasons and not chains else rule}")
        steps = settled(chains[0])
        kind = inputs[0].type.tensor_type
        double = kind.elem_type == self.onnx.TensorProto.DOUBLE
        return Contents(
            steps, self._width(kind.shape.dim, steps), np.dtype("float64" if double else "float32")
        )

    def _width(self, dims: Sequence[Any], steps: list[Step]) -> int:
        first = next((step.W.shape[1] for step in steps if isinstance(step, Linear)), 0)
        known = [dim.dim_value for dim in dims[1:]]
        if all(known) and known and first and math.prod(known) != first:
            raise ValueError(
                f"{_WHO}: the input has {math.prod(known)} columns, but the first layer takes {first}"
            )
        if len(known) > 1 and not (all(known) or self.flattened):
            raise ValueError(
                f"{_WHO}: the input has {len(dims)} dimensions of unknown size; it needs 2, or a Flatten node"
            )
        return first

    def _visit(self, node: Any) -> None:
        given = [name for name in node.input if name]
        if all(name in self.constants for name in given) and (given or node.op_type == "Constant"):
            self._compute(node)
            return
        for name in given:
            tensor = self.tensors.get(name)
            if isinstance(tensor, _Refused):
                self._set(node, tensor)
                return
        where = _where(node)
        attributes = {a.name: self.onnx.helper.get_attribute_value(a) for a in node.attribute}
        result = self._result(node, where, attributes)
        self._set(
            node, _Refused(f"{where} is not part of a chain of dense layers") if result is None else result
        )

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
        steps = _STEPS.get(operator)
        found = None if steps is None else steps(_Node(node, constants, attributes, where, before))
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
    values = [_vector(value) if isinstance(value, np.ndarray) else value for value in values]
    return None if any(value is None for value in values) else part_of_norm(operator, values, axes, where)


def _where(node: Any) -> str:
    return f"node {node.name or node.output[0]!r} ({node.op_type})"


def _keeps_rows(shape: Array | None, before: tuple[Any, ...]) -> bool:
    """Whether a reshape changes nothing but inputs of more dimensions."""
    width = units(before)
    if shape is None or shape.size != 2:
        return False
    return width is None or shape[1] == width or (shape[0] == 0 and shape[1] == -1)


class _Node(NamedTuple):
    """A node that reads one tensor of the chain, and constants."""

    node: Any
    constants: list[Array | None]
    attributes: dict[str, Any]
    where: str
    before: tuple[Any, ...]

    def constant(self, place: int) -> Array | None:
        """The constant at a place of the inputs; None if there is none."""
        return self.constants[place] if place < len(self.constants) else None

    def vector(self, place: int) -> Array | None:
        """The same as numbers for each unit, or one number for all."""
        values = self.constant(place)
        return None if values is None else _vector(values)


def _vector(values: Array) -> Array | None:
    """A constant as numbers for each unit, or one number for all; None if it is neither."""
    if values.ndim > 2 or values.size != max(values.shape[-1:] or (1,)):
        return None
    return np.asarray(values, np.float64).reshape(-1)


def _gemm(node: _Node) -> list[Any] | None:
    W = node.constant(1)
    if W is None or W.ndim != 2 or node.attributes.get("transA", 0):
        return None
    W = np.asarray(W, np.float64) * node.attributes.get("alpha", 1.0)
    W = W if node.attributes.get("transB", 0) else W.T
    b = node.vector(2) if len(node.constants) > 2 and node.node.input[2] else np.zeros(1)
    if b is None:
        return None
    return [Linear(Weights(W), np.broadcast_to(b * node.attributes.get("beta", 1.0), len(W)), node.where)]


def _matmul(node: _Node) -> list[Any] | None:
    W = node.constant(1)
    if W is None or W.ndim != 2:
        return None
    return [Linear(Weights(np.asarray(W, np.float64).T), np.zeros(W.shape[1]), node.where)]


def _arithmetic(node: _Node) -> list[Any] | None:
    """Addition and multiplication with constants; (g(z) - z) * alpha of a parametric activation."""
    first = node.constants[0] is not None  # constant - x, constant / x
    values = node.vector(0 if first else 1)
    if values is None:
        return None
    last = node.before[-1] if node.before else None
    if isinstance(last, Change):
        fits = node.node.op_type == "Mul" and last.alpha is None
        return [Change(last.activation, values, last.where)] if fits else None
    one, zero = np.ones_like(values), np.zeros_like(values)
    operator = node.node.op_type
    if operator == "Add":
        return [Affine(zero, one, values, node.where)]
    if operator == "Sub":
        return [Affine(zero, -one, values, node.where) if first else Affine(values, one, zero, node.where)]
    if operator == "Mul":
        return [Affine(zero, values, zero, node.where)]
    return None if first or not values.all() else [Affine(zero, 1 / values, zero, node.where)]


def _scaler(node: _Node) -> list[Any]:
    """The standardisation of scikit-learn."""
    offset, scale = (np.asarray(node.attributes[name], np.float64) for name in ("offset", "scale"))
    return [Affine(offset, scale, np.zeros(1), node.where)]


def _batch_norm(node: _Node) -> list[Any] | None:
    vectors = [node.vector(place) for place in range(1, 5)]
    if any(vector is None for vector in vectors) or node.attributes.get("training_mode", 0):
        return None
    gamma, beta, mean, variance = (np.asarray(vector) for vector in vectors)
    epsilon = _single(node.attributes.get("epsilon", EPSILON))
    gamma = gamma * np.sqrt((variance + EPSILON) / (variance + epsilon))
    return [BatchNorm(mean, variance, gamma, beta, node.where)]


def _layer_norm(node: _Node) -> list[Any] | None:
    gamma = node.vector(1)
    beta = node.vector(2) if len(node.constants) > 2 else None
    if gamma is None or node.attributes.get("axis", -1) not in (-1, 1):
        return None
    if _single(node.attributes.get("epsilon", EPSILON)) != EPSILON:
        raise ValueError(
            f"{_WHO}: {node.where}: epsilon must be {EPSILON:g}, got {node.attributes['epsilon']:g}"
        )
    return [LayerNorm(gamma, np.zeros_like(gamma) if beta is None else beta, node.where)]


def _clip(node: _Node) -> list[Any] | None:
    limits = []
    for place, side, default in ((1, "min", -math.inf), (2, "max", math.inf)):
        value = node.constant(place)
        limits.append(float(node.attributes.get(side, default) if value is None else value))
    name = CLIPS.get((limits[0], limits[1]))
    return None if name is None else [Activation(name, where=node.where)]


def _bounded(node: _Node) -> list[Any] | None:
    """max(z, low) or min(z, high)."""
    limits = [values for values in node.constants if values is not None]
    if len(node.constants) != 2 or limits[0].size != 1:
        return None
    limit = limits[0].item()
    low, high = (limit, math.inf) if node.node.op_type == "Max" else (-math.inf, limit)
    return [Bounded(low, high, node.where)]


def _above(node: _Node) -> list[Any] | None:
    limit = node.constant(1)
    return None if limit is None or limit.size != 1 else [Above(limit.item(), node.where)]


def _hard_sigmoid(node: _Node) -> list[Any] | None:
    slope, middle = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    if math.isclose(slope, 1 / 6, rel_tol=1e-6) and middle == 0.5:
        return [Activation("hard_sigmoid", where=node.where)]
    return None


def _selu(node: _Node) -> list[Any] | None:
    ours = {"alpha": SELU_ALPHA, "gamma": SELU}
    close = all(math.isclose(node.attributes.get(name, a), a, rel_tol=1e-6) for name, a in ours.items())
    return [Activation("selu", where=node.where)] if close else None


def _gelu(node: _Node) -> list[Any] | None:
    exact = node.attributes.get("approximate", b"none") == b"none"
    return [Activation("gelu", where=node.where)] if exact else None


def _swish(node: _Node) -> list[Any] | None:
    return [Activation("silu", where=node.where)] if node.attributes.get("alpha", 1.0) == 1 else None


def _softmax(node: _Node) -> list[Any] | None:
    return [Activation("softmax", where=node.where)] if node.attributes.get("axis", -1) in (-1, 1) else None


def _prelu(node: _Node) -> list[Any] | None:
    """z for z > 0, else s z: relu with the share 1 - s."""
    slope = node.vector(1)
    return None if slope is None else [Activation("relu", alpha=1 - slope, where=node.where)]


def _dropout(node: _Node) -> list[Any] | None:
    ratio = node.constant(1)
    return [Dropout(float(node.attributes.get("ratio", 0.5) if ratio is None else ratio), node.where)]


def _simple(name: str) -> Callable[[_Node], list[Any] | None]:
    return lambda node: [Activation(name, where=node.where)]


def _sloped(name: str, default: float) -> Callable[[_Node], list[Any] | None]:
    return lambda node: [Activation(name, _single(node.attributes.get("alpha", default)), where=node.where)]


_STEPS: dict[str, Callable[[_Node], list[Any] | None]] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), _arithmetic),
    "Scaler": _scaler,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "Clip": _clip,
    "HardSigmoid": _hard_sigmoid,
    "Selu": _selu,
    "Gelu": _gelu,
    "Swish": _swish,
    "Softmax": _softmax,
    "PRelu": _prelu,
    "Dropout": _dropout,
    "LeakyRelu": _sloped("leaky_relu", 0.01),
    "Elu": _sloped("elu", 1.0),
    "Neg": lambda node: [Affine(np.zeros(1), -np.ones(1), np.zeros(1), node.where)],
    "Erf": lambda node: [Erf(node.where)],
    "Abs": lambda node: [Abs(node.where)],
    "Greater": _above,
    **dict.fromkeys(("Max", "Min"), _bounded),
    **{operator: _simple(name) for operator, name in _SIMPLE.items()},
}


def _single(value: float) -> float:
    """An attribute as it was meant: attributes are float32, and 0.01 becomes 0.009999999776."""
    return float(str(np.float32(value)))
