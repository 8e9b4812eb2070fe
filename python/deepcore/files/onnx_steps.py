"""The steps of a chain as nodes of ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np

from deepcore.files.onnx_nodes import Nodes
from deepcore.files.steps import (
    EPSILON,
    SELU,
    SELU_ALPHA,
    Activation,
    Affine,
    BatchNorm,
    Bounds,
    Coded,
    Complement,
    Join,
    Kept,
    LayerNorm,
    Linear,
    Lookup,
    Members,
    OneHot,
    Part,
    Periodic,
    PiecewiseLinear,
    Scaled,
    Step,
    Temperature,
)
from deepcore.files.weights import Numbers
from deepcore.typing import Array

__all__ = ["add_step"]

# Activations that are one operator, and its attributes.
_OPERATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": None}),  # None: the parameter
    "elu": ("Elu", {"alpha": None}),
    "selu": ("Selu", {"alpha": SELU_ALPHA, "gamma": SELU}),
    "softplus": ("Softplus", {}),
    "exp": ("Exp", {}),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    "mish": ("Mish", {}),
    "softsign": ("Softsign", {}),
    "softmax": ("Softmax", {"axis": -1}),
}
_LIMITS = {"hard_tanh": (-1.0, 1.0), "relu6": (0.0, 6.0)}


def add_step(nodes: Nodes, step: Step) -> None:
    """Append the nodes of a step; dropout has none."""
    if isinstance(step, Linear):
        nodes.to("Gemm", nodes.at, nodes.constant("W", step.W.numbers), nodes.constant("b", step.b), transB=1)
    elif isinstance(step, Affine):
        nodes.to("Sub", nodes.at, nodes.constant("centre", step.centre))
        nodes.to("Mul", nodes.at, nodes.constant("factor", step.factor))
        nodes.to("Add", nodes.at, nodes.constant("shift", step.shift))
    elif isinstance(step, BatchNorm):
        names = ("gamma", "beta", "mean", "variance")
        given = [nodes.constant(name, getattr(step, name)) for name in names]
        nodes.to("BatchNormalization", nodes.at, *given, epsilon=EPSILON)
    elif isinstance(step, LayerNorm):
        given = [nodes.constant(name, getattr(step, name)) for name in ("gamma", "beta")]
        nodes.to("LayerNormalization", nodes.at, *given, axis=-1, epsilon=EPSILON)
    elif isinstance(step, Activation):
        _activate(nodes, step)
    elif isinstance(step, Bounds):
        for operator, limit in (("Max", step.low), ("Min", step.high)):
            if limit is not None:
                nodes.to(operator, nodes.at, nodes.constant("limit", limit))
    elif isinstance(step, Complement):
        rest = nodes.add("Sub", nodes.constant("one", np.array(1.0)), nodes.at)
        nodes.to("Concat", rest, nodes.at, axis=1)
    elif isinstance(step, Temperature):
        factor = np.maximum(1 / step.value, np.finfo(nodes.dtype).tiny)  # keeps the logarithm of 0 infinite
        logits = nodes.add("Mul", nodes.add("Log", nodes.at), nodes.constant("factor", factor))
        nodes.to("Softmax", logits, axis=-1)
    elif isinstance(step, Members):
        _add_members(nodes, step)
    elif isinstance(step, Join):
        found = [_part(nodes, part) for part in step.parts]
        nodes.to("Concat", *found, axis=1)


def _add_members(nodes: Nodes, step: Members) -> None:
    """Append the nodes of all members and of their mean; an example has a row for each of them."""
    members, n = step.factor.shape
    axis = nodes.constant("axis", np.array([1]), np.int64)
    nodes.to("Mul", nodes.add("Unsqueeze", nodes.at, axis), nodes.constant("factor", step.factor))
    nodes.reshape(-1, n)
    for inner in step.shared:
        add_step(nodes, inner)
    nodes.reshape(-1, members, step.last.W.shape[1])
    nodes.to("Transpose", nodes.at, perm=[1, 0, 2])  # a product for each member
    nodes.to("MatMul", nodes.at, nodes.constant("W", _own_weights(step)))
    nodes.to("Add", nodes.at, nodes.constant("b", step.last.b.reshape(members, 1, -1)))
    nodes.to("Transpose", nodes.at, perm=[1, 0, 2])
    nodes.reshape(-1, step.units)
    for inner in step.output:
        add_step(nodes, inner)
    nodes.reshape(-1, members, step.units)
    nodes.to("ReduceMean", nodes.at, axis, keepdims=0)


def _own_weights(step: Members) -> Numbers:
    """The weights of the last layers, (members, units of the layer before, outputs)."""
    each = [W.transposed for W in step.last.W.split(len(step.factor))]
    return Numbers((len(each), *each[0].shape), lambda: (piece for W in each for piece in W.numbers.pieces()))


def _activate(nodes: Nodes, step: Activation) -> None:
    z = nodes.at
    if step.name == "silu":
        nodes.to("Mul", z, nodes.add("Sigmoid", z))
    elif step.name == "gelu":
        _gelu(nodes, z)
    elif step.name in _LIMITS:
        low, high = (nodes.constant("limit", np.array(limit)) for limit in _LIMITS[step.name])
        nodes.to("Clip", z, low, high)
    else:
        operator, attributes = _OPERATORS[step.name]
        given = {name: step.parameter if value is None else value for name, value in attributes.items()}
        nodes.to(operator, z, **given)
    if step.alpha is not None:  # z + (g(z) - z) alpha
        change = nodes.add("Mul", nodes.add("Sub", nodes.at, z), nodes.constant("alpha", step.alpha))
        nodes.to("Add", z, change)


def _gelu(nodes: Nodes, z: str) -> None:
    """z (1 + erf(z / sqrt(2))) / 2; the operator Gelu is of a later opset."""
    root, one, half = (nodes.constant("number", np.array(value)) for value in (np.sqrt(2), 1.0, 0.5))
    erf = nodes.add("Erf", nodes.add("Div", z, root))
    nodes.to("Mul", z, nodes.add("Add", erf, one))
    nodes.to("Mul", nodes.at, half)


def _part(nodes: Nodes, part: Part) -> str:
    """Append the nodes of a part, and return the name of its columns."""
    if isinstance(part, Kept):
        return nodes.columns(part.first, part.units)
    if isinstance(part, Scaled):
        return _scaled(nodes, part)
    if isinstance(part, Lookup):
        column = nodes.constant("column", np.array(part.column), np.int64)
        codes = nodes.add("Gather", nodes.at, column, axis=1)
        whole = nodes.add("Cast", codes, to=nodes.onnx.TensorProto.INT64)
        return nodes.add("Gather", nodes.constant("table", part.table), whole)
    if isinstance(part, OneHot):
        codes = nodes.constant("codes", np.arange(1, part.units + 1))
        same = nodes.add("Equal", nodes.columns(part.column, 1), codes)
        return nodes.add("Where", same, nodes.constant("one", part.one), nodes.constant("zero", part.zero))
    if isinstance(part, Coded):
        return _coded(nodes, part)
    return _periodic(nodes, part) if isinstance(part, Periodic) else _piecewise_linear(nodes, part)


def _coded(nodes: Nodes, part: Coded) -> str:
    codes = np.arange(len(part.known) + 1.0)
    same = nodes.add("Equal", nodes.columns(part.column, 1), nodes.constant("known", part.known))
    chosen = nodes.add("Where", same, nodes.constant("codes", codes[1:]), nodes.constant("none", codes[:1]))
    return nodes.add("ReduceMax", chosen, nodes.constant("axis", np.array([1]), np.int64), keepdims=1)


def _scaled(nodes: Nodes, part: Scaled) -> str:
    centred = nodes.add("Sub", nodes.columns(part.first, part.units), nodes.constant("centre", part.centre))
    z = nodes.add("Mul", centred, nodes.constant("factor", part.factor))
    if part.limit is None:
        return z
    share = nodes.add("Div", z, nodes.constant("limit", np.array(part.limit)))
    sum_ = nodes.add("Add", nodes.add("Mul", share, share), nodes.constant("one", np.array(1.0)))
    return nodes.add("Div", z, nodes.add("Sqrt", sum_))


def _periodic(nodes: Nodes, part: Periodic) -> str:
    """All columns at once: cosines (columns, m, k) times weights (columns, k, n)."""
    count = len(part.offset)
    last, shape = (nodes.constant("shape", np.array(v), np.int64) for v in ([2], [-1, part.units]))
    x = nodes.add("Unsqueeze", nodes.columns(part.first, count), last)
    frequency = nodes.constant("frequency", part.frequency)
    angle = nodes.add("Add", nodes.add("Mul", x, frequency), nodes.constant("phase", part.phase))
    waves = nodes.add("Transpose", nodes.add("Cos", angle), perm=[1, 0, 2])
    weight = nodes.constant("weight", part.weight.transpose(0, 2, 1))
    rows = nodes.add("Transpose", nodes.add("MatMul", waves, weight), perm=[1, 0, 2])
    return nodes.add(
        "Reshape", nodes.add("Add", rows, nodes.constant("offset", part.offset)), shape
    )  # fmt: skip


def _piecewise_linear(nodes: Nodes, part: PiecewiseLinear) -> str:
    """One product per column, because columns have different numbers of edges."""
    largest, found = np.finfo(nodes.dtype).max, []
    for j, (edges, weight, offset) in enumerate(zip(part.edges, part.weights, part.offset, strict=True)):
        x = nodes.columns(part.first + j, 1)
        high, low = _limits(len(edges) - 1, largest)
        behind = nodes.add("Sub", x, nodes.constant("edges", edges[:-1]))
        share = nodes.add("Mul", behind, nodes.constant("widths", 1 / np.diff(edges)))
        below = nodes.add("Min", share, nodes.constant("high", high))
        parts = nodes.add("Max", below, nodes.constant("low", low))
        basis = nodes.add("Concat", x, parts, axis=1)
        pair = nodes.constant("weight", weight), nodes.constant("offset", offset)
        found.append(nodes.add("Gemm", basis, *pair, transB=1))
    return nodes.add("Concat", *found, axis=1)


def _limits(bins: int, largest: float) -> tuple[Array, Array]:
    """What no part is above, and what none is below: the last and the first one have no limit."""
    high, low = np.ones(bins), np.zeros(bins)
    high[-1], low[0] = largest, -largest
    return high, low
