"""The graph of a network of plain dense layers: z1, a1, z2, a2 and so on up to the loss."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from deepcore import _checks, _core, catalog
from deepcore._network.network import HasNetwork, network_of
from deepcore._network.spec import Spec
from deepcore.functional.activations import activation, activation_backward
from deepcore.functional.batches import one_hot
from deepcore.graph.nodes import AFFINE, RELU, SIGMOID, TANH, Array, Node, Operation, apply, variable
from deepcore.graph.steps import compact

__all__ = ["loss_of"]

_WHO = "Graph.of"
_OWN = {"sigmoid": SIGMOID, "tanh": TANH, "relu": RELU}


def loss_of(model: HasNetwork, X: object, y: object) -> Node:
    """Return the node of the loss of a model, computed from nodes for x, W1, b1, z1, a1 and so on.

    Args:
        model: Its layers must be plain: no norm, embedding, members, scale, "ntk" or parametric activation.
        X: One example, (n_x,) or (1, n_x), or several, (m, n_x).
        y: Its target, or (m,) targets, as ``Model.fit`` takes them.

    Raises:
        ValueError: if the model has other layers, or a shape or a label is not allowed.
    """
    network = network_of(_WHO, model)
    spec = network.spec
    _require_plain(spec)
    rows = _checks.numbers(_WHO, "X", X)
    one = rows.ndim == 1 or rows.shape[0] == 1
    given = np.atleast_1d(_checks.numbers(_WHO, "y", y))
    given = given[np.newaxis] if rows.ndim == 1 and given.shape == (spec.outputs,) != (1,) else given
    data = network.check(_WHO, np.atleast_2d(rows), given, None)
    Y = one_hot(data.y, spec.outputs) if spec.output == "softmax" else data.y.reshape(len(data.y), -1).T
    case: Callable[[str], str] = str.lower if one else str.upper
    A = variable(data.X.T, case("x"))
    parameters = network.snapshot().parameters
    values = network.views(parameters, "")
    for number, layer in enumerate(spec.layers, start=1):
        W, b = (variable(values[f"{kind}{number}"], f"{kind}{number}") for kind in "Wb")
        Z = apply(AFFINE, W, A, b).named(f"{case('z')}{number}")
        if layer.activation == "linear":
            A = Z
        else:
            A = apply(_activation(layer.activation, layer.parameter), Z).named(f"{case('a')}{number}")
    return apply(_loss(spec, Y.astype(np.float64), case("y")), A).named("L" if one else "J")


def _require_plain(spec: Spec) -> None:
    found = [
        ("embeddings", bool(spec.embeddings)),
        ("members", spec.members > 1),
        ("label smoothing", bool(spec.label_smoothing)),
    ]
    for layer in spec.layers:
        found += [
            (f"{layer.norm} norm", layer.norm is not None),
            ("parametric activations", layer.parametric),
            ("dc.Scale", layer.scaled_inputs),
            (f"parametrization={layer.parametrization!r}", layer.parametrization != "standard"),
        ]
    if there := [name for name, has in found if has]:
        names = " and ".join(dict.fromkeys(there))
        raise ValueError(f"{_WHO}: the model must have plain dense layers, got {names}")


def _activation(name: str, parameter: float | None) -> Operation:
    if name in _OWN:
        return _OWN[name]
    slope = "the slopes of softmax({0}) times {g}" if name == "softmax" else f"{{g}} * {name}'({{0}})"
    return Operation(
        f"{name}({{}})",
        lambda Z: activation(Z, name, parameter),
        lambda g, out, Z: (activation_backward(g, Z, name, parameter),),
        (slope,),
    )


def _loss(spec: Spec, Y: Array, target: str) -> Operation:
    name, parameter = spec.loss, spec.loss_parameter
    m = Y.shape[1]

    def value(A: Array) -> Any:
        return np.asarray(_core.loss_values(A, Y, name, parameter)).sum() / m

    def pullback(g: Array, _: Array, A: Array) -> tuple[Array]:
        return (g / m * _core.loss_gradient(A, Y, name, parameter),)

    kind = "mean of " if m > 1 else ""
    shown = f"{target} = {compact(Y)}" if m == 1 else target
    slope = re.sub(r"\ba\b", "{0}", re.sub(r"\by\b", target, catalog.losses[name]["derivative"]))
    gradient = f"({slope}) / m" if m > 1 else slope
    return Operation(f"{kind}{name}({{}}, {shown})", value, pullback, (gradient,))
