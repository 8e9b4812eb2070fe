"""The formulas of the matrices of a trace, as text: how each is computed from the others."""

from __future__ import annotations

from collections.abc import Container

from deepcore import catalog
from deepcore._network.spec import Spec
from deepcore.layers import Dense

__all__ = ["formulas"]

# With its own output activation the derivative of a loss by Z is a difference.
_DIFFERENCES = {
    ("binary_cross_entropy", "sigmoid"): "{A} - {Y}",
    ("categorical_cross_entropy", "softmax"): "{A} - {Y}",
    ("half_squared_error", "linear"): "{A} - {Y}",
    ("squared_error", "linear"): "2 ({A} - {Y})",
    ("poisson", "exp"): "{A} - {Y}",
}


def formulas(spec: Spec, per: str, names: Container[str], weighted: bool = False) -> dict[str, str]:
    """Return ``{"Z1": "W1 A0 + b1", "A1": "tanh(Z1)", ...}``.

    Args:
        spec: Describes the network.
        per: ``"batch"`` or ``"example"``, see ``Model.trace``.
        names: The names of the matrices; only their formulas are returned.
        weighted: The examples have weights, w.
    """
    depth, total = len(spec.layers), "sum(w)" if weighted else "m"
    found = {"A0": "embeddings of X.T" if spec.embeddings else "X.T"}
    if "mask0" in names:
        found["A0"] += " * mask0"
    for number, layer in enumerate(spec.layers, start=1):
        found |= _forward(number, layer, f"mask{number}" in names)
        found |= _gradients(number, layer, "" if per == "batch" else f" / {total}")
        if number < depth:
            found |= _hidden(number, spec, f"mask{number}" in names)
    found |= _last(spec, total if per == "batch" else "", weighted)
    return {name: text for name, text in found.items() if name in names}


def _forward(number: int, layer: Dense, dropped: bool) -> dict[str, str]:
    A = f"(scale{number} * A{number - 1})" if layer.scaled_inputs else f"A{number - 1}"
    W = f"W{number} {A}" + (" / sqrt(n_prev)" if layer.parametrization == "ntk" else "")
    inner = f"gamma{number} * normalised(Z{number}) + beta{number}" if layer.norm else f"Z{number}"
    outer = inner if layer.activation == "linear" else f"{layer.activation}({inner})"
    if layer.parametric:
        outer = f"z + ({layer.activation}(z) - z) * alpha{number}, z = {inner}"
    if dropped:
        outer = f"({outer}) * mask{number}" if " + " in outer else f"{outer} * mask{number}"
    return {f"Z{number}": f"{W} + b{number}", f"A{number}": outer}


def _hidden(number: int, spec: Spec, dropped: bool) -> dict[str, str]:
    layer, after = spec.layers[number - 1], spec.layers[number]
    slope = "" if layer.activation == "linear" else f" * {layer.activation}'(Z{number})"
    back = f"dA{number}" + (f" * mask{number}" if dropped else "") + slope
    if layer.norm or layer.parametric:
        back = f"dA{number}, carried back through layer {number}"
    return {
        f"dA{number}": f"W{number + 1}.T dZ{number + 1}"
        + (f" * scale{number + 1}" if after.scaled_inputs else "")
        + (" / sqrt(n_prev)" if after.parametrization == "ntk" else ""),
        f"dZ{number}": back,
    }


def _last(spec: Spec, total: str, weighted: bool) -> dict[str, str]:
    """The formulas of dA[L] and dZ[L]; ``total`` divides the sum over the examples, if it is not empty."""
    L = len(spec.layers)
    mean = f" / {total}" if total else ""
    if spec.members > 1:
        mean = f" / ({total} members)" if total else " / members"
    Y = "smoothed(Y)" if spec.label_smoothing else "Y"
    slope = catalog.losses[spec.loss]["derivative"].replace("a", f"A{L}").replace("y", Y)
    slope = slope if spec.loss in ("binary_cross_entropy", "categorical_cross_entropy") else f"dLoss/dA{L}"
    found = {f"dA{L}": _averaged(slope, mean, weighted)}
    difference = _DIFFERENCES.get((spec.loss, spec.output))
    if difference is None or spec.layers[-1].parametrization != "standard":
        product = "J" if spec.output == "softmax" else f"{spec.output}'(Z{L})"
        found[f"dZ{L}"] = f"dA{L}" if spec.output == "linear" else f"dA{L} * {product}"
        return found
    found[f"dZ{L}"] = _averaged(difference.format(A=f"A{L}", Y=Y), mean, weighted)
    return found


def _averaged(slope: str, mean: str, weighted: bool) -> str:
    """The derivative of an example's loss, times its weight and divided as in the mean."""
    factor = slope if slope.startswith("2") else f"({slope})"
    return f"w * {factor}{mean}" if weighted else f"{factor}{mean}" if mean else slope


def _gradients(number: int, layer: Dense, mean: str) -> dict[str, str]:
    A = f"(scale{number} * A{number - 1})" if layer.scaled_inputs else f"A{number - 1}"
    penalty = " + the slope of the penalty" if layer.l1 or layer.l2 else ""
    ntk = " / sqrt(n_prev)" if layer.parametrization == "ntk" else ""
    return {
        f"dW{number}": f"dZ{number} {A}.T{mean}{ntk}{penalty}",
        f"db{number}": f"sum of the columns of dZ{number}{mean}",
    }
