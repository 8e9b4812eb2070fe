"""ONNX files are written here; ``onnx_graph`` reads them. Both need the package onnx (extra ``onnx``)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deepcore import _core
from deepcore._network.network import Network
from deepcore.files.atomic import replacing
from deepcore.files.computation import Computation
from deepcore.files.moment import at_one_moment
from deepcore.files.onnx_bytes import write_model
from deepcore.files.onnx_nodes import Nodes, package
from deepcore.files.onnx_steps import add_step
from deepcore.files.onnx_table import add_columns
from deepcore.files.steps import Chain

__all__ = ["write"]

# Of 2022: the first opset in which ONNX Runtime computes all activations but gelu in float64.
_OPSET, _IR_VERSION = 18, 8


def write(
    path: str | os.PathLike[str],
    networks: Sequence[Network],
    describe: Callable[[Sequence[Network]], Computation],
    dtype: np.dtype[Any] | None = None,
) -> None:
    """Write an ONNX file, atomically and without a copy of large weights.

    The input is X (m, n_x), or one input (m, 1) per column of a table: float64 for numbers, NaN being
    missing, and for dates, which are days since 1970-01-01; text for categories. Outputs are Y (m, n_L), and
    with labels also ``label`` (m,); underscores follow these names if columns have them.

    Args:
        path: The file.
        networks: The networks, which other threads may train meanwhile.
        describe: Called with what may be read of them; returns what is computed.
        dtype: Of all numbers in the file but those of columns of a table; None: that of the computation.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If a parameter is not finite in ``dtype``, or the file would have more than 2 GB.
    """
    onnx = package("to_onnx")

    def act(seen: Sequence[Network], refuse_changes: Callable[[], None]) -> None:
        computation = describe(seen)
        nodes = Nodes(onnx, computation.dtype if dtype is None else dtype)
        model = _model(nodes, computation)
        with replacing(path) as file:
            write_model(onnx, model, nodes.large, file.write)
            refuse_changes()

    at_one_moment(networks, act)


def _model(nodes: Nodes, computation: Computation) -> Any:
    """Make a model of the package onnx, without the large constants."""
    onnx, helper = nodes.onnx, nodes.onnx.helper
    kind = helper.np_dtype_to_tensor_dtype(nodes.dtype)
    if computation.columns is None:
        inputs = [helper.make_tensor_value_info(nodes.named("X"), kind, ["m", computation.inputs])]
    else:
        inputs = add_columns(nodes, computation.columns)
    _add_chains(nodes, computation)
    nodes.at = nodes.end("Y")
    outputs = [helper.make_tensor_value_info(nodes.at, kind, ["m", computation.outputs])]
    if computation.labels is not None:
        outputs.append(_label(nodes, computation))
    opsets = [helper.make_opsetid("", _OPSET)]
    if any(node.domain for node in nodes.nodes):
        opsets.append(helper.make_opsetid("ai.onnx.ml", 2))
    graph = helper.make_graph(nodes.nodes, "deepcore", inputs, outputs, nodes.constants)
    made = helper.make_model(
        graph, opset_imports=opsets, producer_name="deepcore", ir_version=_IR_VERSION,
        producer_version=_core.build_info()["version"],
    )  # fmt: skip
    for one in nodes.large:  # are inputs for the check, which asks for the numbers of constants
        kind = helper.np_dtype_to_tensor_dtype(one.dtype)
        made.graph.input.append(helper.make_tensor_value_info(one.name, kind, one.numbers.shape))
    onnx.checker.check_model(made)
    del made.graph.input[len(inputs) :]
    return made


def _add_chains(nodes: Nodes, computation: Computation) -> None:
    """Append the nodes of all chains, and of the mean of their outputs."""
    start, found = nodes.at, []
    for chain in computation.chains:
        nodes.at = start
        _add_chain(nodes, chain, of_table=computation.columns is not None)
        found.append(nodes.at)
    if len(found) > 1:
        total = nodes.add("Sum", *found)
        nodes.to("Mul", total, nodes.constant("share", np.array(1 / len(found))))


def _add_chain(nodes: Nodes, chain: Chain, of_table: bool) -> None:
    """Append the nodes of a chain; the first step of a table is computed in float64, like in Python."""
    for place, step in enumerate(chain):
        if of_table and place == 0:
            with nodes.in_float64():
                add_step(nodes, step)
            nodes.cast(nodes.dtype)
        else:
            add_step(nodes, step)


def _label(nodes: Nodes, computation: Computation) -> Any:
    """Nodes that name the most probable class; one sigmoid output names the second class above 0.5."""
    helper = nodes.onnx.helper
    if computation.gives_classes:
        number = nodes.add("ArgMax", nodes.at, axis=1, keepdims=0)
    else:
        above = nodes.add("Greater", nodes.at, nodes.constant("half", np.array(0.5)))
        axis = nodes.constant("axis", np.array([1]), np.int64)
        number = nodes.add("Squeeze", nodes.add("Cast", above, to=nodes.onnx.TensorProto.INT64), axis)
    labels = list(computation.labels or ())
    dtype = next((dtype for kind, dtype in _LABELS if all(isinstance(label, kind) for label in labels)), None)
    values = (
        np.array([nodes.text(label) for label in labels], object)
        if dtype is None
        else np.array(labels, dtype)
    )
    nodes.add("Gather", nodes.constant("labels", values, values.dtype), number)
    return helper.make_tensor_value_info(
        nodes.end("label"), helper.np_dtype_to_tensor_dtype(values.dtype), ["m"]
    )


# The types of labels; a whole number is a float as well, and everything else is text.
_LABELS: tuple[tuple[Any, Any], ...] = ((bool, np.bool_), (int, np.int64), ((int, float), np.float64))
