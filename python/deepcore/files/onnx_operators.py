"""What an ONNX operator with one tensor of a chain and constants is, as steps of that chain."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from deepcore.files.onnx_parts import CLIPS, Above, Abs, Bounded, Change, Erf
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
)
from deepcore.files.weights import Weights
from deepcore.typing import Array

__all__ = ["STEPS", "WHO", "Node", "vector"]

WHO = "from_onnx"
_SIMPLE = {
    "Sigmoid": "sigmoid", "Tanh": "tanh", "Relu": "relu", "Softplus": "softplus", "Exp": "exp",
    "Mish": "mish", "Softsign": "softsign",
}  # fmt: skip


class Node(NamedTuple):
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
        return None if values is None else vector(values)


def vector(values: Array) -> Array | None:
    """A constant as numbers for each unit, or one number for all; None if it is neither."""
    if values.ndim > 2 or values.size != max(values.shape[-1:] or (1,)):
        return None
    return np.asarray(values, np.float64).reshape(-1)


def _gemm(node: Node) -> list[Any] | None:
    W = node.constant(1)
    if W is None or W.ndim != 2 or node.attributes.get("transA", 0):
        return None
    W = np.asarray(W, np.float64) * node.attributes.get("alpha", 1.0)
    W = W if node.attributes.get("transB", 0) else W.T
    b = node.vector(2) if len(node.constants) > 2 and node.node.input[2] else np.zeros(1)
    if b is None:
        return None
    return [Linear(Weights(W), np.broadcast_to(b * node.attributes.get("beta", 1.0), len(W)), node.where)]


def _matmul(node: Node) -> list[Any] | None:
    W = node.constant(1)
    if W is None or W.ndim != 2:
        return None
    return [Linear(Weights(np.asarray(W, np.float64).T), np.zeros(W.shape[1]), node.where)]


def _arithmetic(node: Node) -> list[Any] | None:
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


def _scaler(node: Node) -> list[Any]:
    """The standardisation of scikit-learn."""
    offset, scale = (np.asarray(node.attributes[name], np.float64) for name in ("offset", "scale"))
    return [Affine(offset, scale, np.zeros(1), node.where)]


def _batch_norm(node: Node) -> list[Any] | None:
    vectors = [node.vector(place) for place in range(1, 5)]
    if any(vector is None for vector in vectors) or node.attributes.get("training_mode", 0):
        return None
    gamma, beta, mean, variance = (np.asarray(vector) for vector in vectors)
    epsilon = _single(node.attributes.get("epsilon", EPSILON))
    gamma = gamma * np.sqrt((variance + EPSILON) / (variance + epsilon))
    return [BatchNorm(mean, variance, gamma, beta, node.where)]


def _layer_norm(node: Node) -> list[Any] | None:
    gamma = node.vector(1)
    beta = node.vector(2) if len(node.constants) > 2 else None
    if gamma is None or node.attributes.get("axis", -1) not in (-1, 1):
        return None
    if _single(node.attributes.get("epsilon", EPSILON)) != EPSILON:
        raise ValueError(
            f"{WHO}: {node.where}: epsilon must be {EPSILON:g}, got {node.attributes['epsilon']:g}"
        )
    return [LayerNorm(gamma, np.zeros_like(gamma) if beta is None else beta, node.where)]


def _clip(node: Node) -> list[Any] | None:
    limits = []
    for place, side, default in ((1, "min", -math.inf), (2, "max", math.inf)):
        value = node.constant(place)
        limits.append(float(node.attributes.get(side, default) if value is None else value))
    name = CLIPS.get((limits[0], limits[1]))
    return None if name is None else [Activation(name, where=node.where)]


def _bounded(node: Node) -> list[Any] | None:
    """max(z, low) or min(z, high)."""
    limits = [values for values in node.constants if values is not None]
    if len(node.constants) != 2 or limits[0].size != 1:
        return None
    limit = limits[0].item()
    low, high = (limit, math.inf) if node.node.op_type == "Max" else (-math.inf, limit)
    return [Bounded(low, high, node.where)]


def _above(node: Node) -> list[Any] | None:
    limit = node.constant(1)
    return None if limit is None or limit.size != 1 else [Above(limit.item(), node.where)]


def _hard_sigmoid(node: Node) -> list[Any] | None:
    slope, middle = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    if math.isclose(slope, 1 / 6, rel_tol=1e-6) and middle == 0.5:
        return [Activation("hard_sigmoid", where=node.where)]
    return None


def _selu(node: Node) -> list[Any] | None:
    ours = {"alpha": SELU_ALPHA, "gamma": SELU}
    close = all(math.isclose(node.attributes.get(name, a), a, rel_tol=1e-6) for name, a in ours.items())
    return [Activation("selu", where=node.where)] if close else None


def _gelu(node: Node) -> list[Any] | None:
    exact = node.attributes.get("approximate", b"none") == b"none"
    return [Activation("gelu", where=node.where)] if exact else None


def _swish(node: Node) -> list[Any] | None:
    return [Activation("silu", where=node.where)] if node.attributes.get("alpha", 1.0) == 1 else None


def _softmax(node: Node) -> list[Any] | None:
    return [Activation("softmax", where=node.where)] if node.attributes.get("axis", -1) in (-1, 1) else None


def _prelu(node: Node) -> list[Any] | None:
    """z for z > 0, else s z: relu with the share 1 - s."""
    slope = node.vector(1)
    return None if slope is None else [Activation("relu", alpha=1 - slope, where=node.where)]


def _dropout(node: Node) -> list[Any] | None:
    ratio = node.constant(1)
    return [Dropout(float(node.attributes.get("ratio", 0.5) if ratio is None else ratio), node.where)]


def _simple(name: str) -> Callable[[Node], list[Any] | None]:
    return lambda node: [Activation(name, where=node.where)]


def _sloped(name: str, default: float) -> Callable[[Node], list[Any] | None]:
    return lambda node: [Activation(name, _single(node.attributes.get("alpha", default)), where=node.where)]


STEPS: dict[str, Callable[[Node], list[Any] | None]] = {
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
