"""ONNX files are written here; ``onnx_graph`` reads them. Both need the package onnx (extra ``onnx``)."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from deepcore import _core
from deepcore._network.network import Network
from deepcore.files.atomic import replacing
from deepcore.files.chain import (
    EPSILON,
    SELU,
    SELU_ALPHA,
    Activation,
    Affine,
    BatchNorm,
    LayerNorm,
    Linear,
    Step,
    Table,
    chain_of,
)
from deepcore.typing import Array

__all__ = ["OPERATORS", "package", "to_model", "write"]

# Of 2022: the first opset in which ONNX Runtime computes all activations but gelu in float64.
_OPSET, _IR_VERSION = 18, 8

#: Activations that are one operator, and its attributes.
OPERATORS: dict[str, tuple[str, dict[str, Any]]] = {
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


def write(path: str | os.PathLike[str], network: Network, **options: Any) -> None:
    """Write a network as an ONNX file, atomically; the options are those of ``to_model``."""
    data: bytes = to_model(network, **options).SerializeToString()
    with replacing(path) as file:
        file.write(data)


def to_model(
    network: Network,
    *,
    dtype: np.dtype[Any] | None = None,
    fold: bool = False,
    table: Table | None = None,
) -> Any:
    """Make the ONNX model of a network: input X (m, n_x), output Y (m, n_L), and with labels also ``label``.

    Args:
        network: The network.
        dtype: Of all numbers in the file; None: that of the network.
        fold: Make batch norms part of the weights.
        table: What stands before and behind the network.
    """
    onnx = package("to_onnx")
    table = Table() if table is None else table
    graph = _Graph(onnx, network.spec.dtype if dtype is None else dtype)
    for step in table.around(chain_of("to_onnx", network, fold=fold)):
        graph.add(step)
    return graph.model(network, table)


class _Graph:
    """Collects the nodes of a chain."""

    def __init__(self, onnx: Any, dtype: np.dtype[Any]) -> None:
        self.onnx, self.dtype = onnx, dtype
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.at = "X"  # the tensor that the next step reads

    def add(self, step: Step) -> None:
        """Append the nodes of a step."""
        if isinstance(step, Linear):
            self._to("Gemm", self.at, self._constant("W", step.W), self._constant("b", step.b), transB=1)
        elif isinstance(step, Affine):
            self._to("Sub", self.at, self._constant("centre", step.centre))
            self._to("Mul", self.at, self._constant("factor", step.factor))
            self._to("Add", self.at, self._constant("shift", step.shift))
        elif isinstance(step, BatchNorm):
            names = ("gamma", "beta", "mean", "variance")
            given = [self._constant(name, getattr(step, name)) for name in names]
            self._to("BatchNormalization", self.at, *given, epsilon=EPSILON)
        elif isinstance(step, LayerNorm):
            given = [self._constant(name, getattr(step, name)) for name in ("gamma", "beta")]
            self._to("LayerNormalization", self.at, *given, axis=-1, epsilon=EPSILON)
        elif isinstance(step, Activation):
            self._activate(step)

    def _activate(self, step: Activation) -> None:
        z = self.at
        if step.name == "silu":
            self._to("Mul", z, self._node("Sigmoid", z))
        elif step.name == "gelu":
            self._gelu(z)
        elif step.name in _LIMITS:
            low, high = (self._constant("limit", np.array(limit)) for limit in _LIMITS[step.name])
            self._to("Clip", z, low, high)
        else:
            operator, attributes = OPERATORS[step.name]
            given = {name: step.parameter if value is None else value for name, value in attributes.items()}
            self._to(operator, z, **given)
        if step.alpha is not None:  # z + (g(z) - z) alpha
            change = self._node("Mul", self._node("Sub", self.at, z), self._constant("alpha", step.alpha))
            self._to("Add", z, change)

    def _gelu(self, z: str) -> None:
        """z (1 + erf(z / sqrt(2))) / 2; the operator Gelu is of a later opset."""
        root, one, half = (self._constant("number", np.array(value)) for value in (np.sqrt(2), 1.0, 0.5))
        erf = self._node("Erf", self._node("Div", z, root))
        self._to("Mul", z, self._node("Add", erf, one))
        self._to("Mul", self.at, half)

    def _to(self, operator: str, *inputs: str, **attributes: Any) -> None:
        """Append a node whose output the next step reads."""
        self.at = self._node(operator, *inputs, **attributes)

    def _node(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        name = f"{operator}{len(self.nodes) + 1}"
        self.nodes.append(
            self.onnx.helper.make_node(operator, inputs, [name], name=name, domain=domain, **attributes)
        )
        return name

    def _constant(self, name: str, values: Array, dtype: Any = None) -> str:
        with np.errstate(over="ignore"):
            array = np.ascontiguousarray(values, self.dtype if dtype is None else dtype).reshape(values.shape)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"to_onnx: parameters must be finite in {self.dtype}; use dtype='float64'")
        full = f"{name}{len(self.constants) + 1}"
        self.constants.append(self.onnx.numpy_helper.from_array(array, full))
        return full

    def model(self, network: Network, table: Table) -> Any:
        """Return the finished model, which the checker of onnx has accepted."""
        helper, spec = self.onnx.helper, network.spec
        kind = helper.np_dtype_to_tensor_dtype(self.dtype)
        self.nodes[-1].output[0] = "Y"
        inputs = [helper.make_tensor_value_info("X", kind, ["m", spec.inputs])]
        outputs = [helper.make_tensor_value_info("Y", kind, ["m", spec.outputs])]
        opsets = [helper.make_opsetid("", _OPSET)]
        if table.labels is not None:
            outputs.append(self._label(spec.output, table))
            opsets.append(helper.make_opsetid("ai.onnx.ml", 2))
        graph = helper.make_graph(self.nodes, "deepcore", inputs, outputs, self.constants)
        made = helper.make_model(
            graph, opset_imports=opsets, producer_name="deepcore", ir_version=_IR_VERSION,
            producer_version=_core.build_info()["version"],
        )  # fmt: skip
        self.onnx.checker.check_model(made)
        return made

    def _label(self, output: str, table: Table) -> Any:
        """Nodes that name the most probable class; one sigmoid output names the second class above 0.5."""
        helper, types = self.onnx.helper, self.onnx.TensorProto
        if output == "sigmoid":
            above = self._node("Greater", "Y", self._constant("half", np.array(0.5)))
            axis = self._constant("axis", np.array([1]), np.int64)
            number = self._node("Squeeze", self._node("Cast", above, to=types.INT64), axis)
        else:
            number = self._node("ArgMax", "Y", axis=1, keepdims=0)
        labels = list(table.labels or ())
        whole = all(isinstance(label, int) for label in labels)
        values = {"values_int64s": labels} if whole else {"values_strings": [str(label) for label in labels]}
        self._node(
            "LabelEncoder", number, domain="ai.onnx.ml", keys_int64s=list(range(len(labels))), **values
        )
        self.nodes[-1].output[0] = "label"
        return helper.make_tensor_value_info("label", types.INT64 if whole else types.STRING, ["m"])
