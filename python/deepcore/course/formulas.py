"""Formulas that the course explains in its lectures: graphs, losses of one example, shapes, symmetry.

Every function returns a dictionary of named numbers and arrays, or one array. Examples are columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from deepcore import functional as F
from deepcore import graph
from deepcore.course._arguments import Array, Arrays, float_arrays, floats
from deepcore.course._training import descend
from deepcore.course.week2 import propagate
from deepcore.course.week3 import backward_propagation, forward_propagation
from deepcore.graph import Graph, variable
from deepcore.layers import Dense
from deepcore.model import Model

__all__ = [
    "activation_leaky_relu",
    "activation_linear",
    "activation_relu",
    "activation_relu_at_zero",
    "activation_sigmoid",
    "activation_tanh",
    "bias_gradient",
    "broadcast",
    "broadcast_error",
    "computation_graph",
    "computation_graph_lecture",
    "cost_saturated",
    "cross_entropy_one_example",
    "half_squared_loss",
    "linear_collapse",
    "linear_regression_gradient",
    "logistic_gradient_explicit_loops",
    "rank_one",
    "saturation",
    "shape_table",
    "softmax_cross_entropy",
    "symmetry",
]

OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda A, B: A + B,
    "-": lambda A, B: A - B,
    "*": lambda A, B: A * B,
    "/": lambda A, B: A / B,
}


def computation_graph(a: float, b: float) -> dict[str, float]:
    """Evaluate ``c = a + b``, ``d = b + 1``, ``e = c d`` and every derivative of the graph."""
    a_node, b_node = variable(a, "a"), variable(b, "b")
    c, d = a_node + b_node, b_node + 1
    e = Graph(c * d)
    nodes = {"a": a_node, "b": b_node, "c": c, "d": d}
    edges = {
        "dc_da": e.edge_derivative(c, a_node),
        "dc_db": e.edge_derivative(c, b_node),
        "dd_db": e.edge_derivative(d, b_node),
    }
    derivatives = {f"de_d{name}": e.derivative(node) for name, node in nodes.items()}
    return derivatives | edges | {"c": c.value, "d": d.value, "e": e.value}


def computation_graph_lecture(a: float, b: float, c: float) -> dict[str, float]:
    """Evaluate ``u = b c``, ``v = a + u``, ``J = 3 v`` and the derivatives of J."""
    nodes = {"a": variable(a, "a"), "b": variable(b, "b"), "c": variable(c, "c")}
    nodes["u"] = nodes["b"] * nodes["c"]
    nodes["v"] = nodes["a"] + nodes["u"]
    J = Graph(3 * nodes["v"])
    derivatives = {f"dJ_d{name}": J.derivative(node) for name, node in nodes.items()}
    return derivatives | {"u": nodes["u"].value, "v": nodes["v"].value, "J": J.value}


def half_squared_loss(yhat: float, y: float) -> dict[str, float]:
    """Compute ``(yhat - y)^2 / 2`` and its derivative with respect to yhat."""
    one = floats([[yhat]]), floats([[y]]), "half_squared_error"
    return {"loss": F.compute_cost(*one), "dloss_dyhat": F.loss_backward(*one).item()}


def cross_entropy_one_example(a: float, y: float) -> dict[str, float]:
    """Compute the loss of one example, ``da``, ``dz`` and the likelihood ``a^y (1-a)^(1-y)``."""
    one = floats([[a]]), floats([[y]])
    # z is found from the given a; dz comes from the graph z -> a -> L.
    z = variable(float(np.log(a / (1 - a))), "z")
    A = graph.sigmoid(z).named("a")
    L = Graph((-(y * graph.log(A) + (1 - y) * graph.log(1 - A))).named("L"))
    loss = float(F.compute_cost(*one, loss="binary_cross_entropy"))
    return {
        "loss": loss,
        "da": F.loss_backward(*one, loss="binary_cross_entropy").item(),
        "dz": L.derivative(z),
        "likelihood": a**y * (1 - a) ** (1 - y),
        "exp_minus_loss": float(np.exp(-loss)),
    }


def cost_saturated(Z: Any, Y: Any) -> float:
    """Compute the mean cross-entropy from the pre-activations Z, finite however large Z is."""
    Z, Y = floats(Z), floats(Y)
    # A network with W = identity and b = 0 has Z as its pre-activations.
    model = Model(len(Z), [Dense(len(Z), "sigmoid")], dtype="float64")
    model.parameters["W1"][...] = np.eye(len(Z))
    model.parameters["b1"][...] = 0.0
    return float(model.evaluate(Z.T, Y.T)["loss"])


def _activation(name: str, z: Any, slope: float | None = None) -> Arrays:
    return {"a": F.activation(z, name, slope), "da_dz": F.activation_derivative(z, name, slope)}


def activation_sigmoid(z: Any) -> Arrays:
    """Compute ``a = sigmoid(z)`` and its derivative ``a (1 - a)``."""
    return _activation("sigmoid", z)


def activation_tanh(z: Any) -> Arrays:
    """Compute ``a = tanh(z)`` and its derivative ``1 - a^2``."""
    return _activation("tanh", z)


def activation_relu(z: Any) -> Arrays:
    """Compute ``a = max(0, z)`` and its derivative, 1 where z > 0 and 0 elsewhere."""
    return _activation("relu", z)


def activation_leaky_relu(z: Any, slope: float | None = None, **other: float) -> Arrays:
    """Compute ``a = max(slope z, z)`` and its derivative; the slope is 0.01 unless one is given."""
    return _activation("leaky_relu", z, next(iter(other.values()), slope))


def activation_linear(z: Any) -> Arrays:
    """Compute ``a = z`` and its derivative 1."""
    return _activation("linear", z)


def activation_relu_at_zero(z: float = 0.0) -> dict[str, float]:
    """Compute the derivative of relu at 0: 0, as in the course's code."""
    return {"course_code_value": float(F.activation_derivative(z, "relu"))}


def shape_table(layer_dims: Sequence[int], m: int) -> dict[str, Any]:
    """Return the shape of every array of a network, and the number of its parameters."""
    table = F.shape_table(layer_dims, m=m)
    return {**table, "parameter_count": table.parameter_count}


def broadcast(A: Any, B: Any, op: str = "+") -> Array:
    """Apply an operation to two arrays; NumPy stretches the smaller one."""
    return np.asarray(OPERATIONS[op](floats(A), floats(B)))


def broadcast_error(A_shape: Sequence[int], B_shape: Sequence[int], op: str = "+") -> dict[str, bool]:
    """Say whether two shapes cannot be broadcast together."""
    try:
        broadcast(np.ones(A_shape), np.ones(B_shape), op)
    except ValueError:
        return {"error": True}
    return {"error": False}


def rank_one(a: Any) -> dict[str, Any]:
    """Show what transposing does to a vector of shape (n,) and to a column of shape (n, 1)."""
    row = floats(a)
    column = row.reshape(-1, 1)
    return {
        "rank1_T_shape": list(row.T.shape),
        "rank1_dot_T": np.dot(row, row.T),
        "column_T_shape": list(column.T.shape),
        "column_dot_T": np.dot(column, column.T),
    }


def logistic_gradient_explicit_loops(w: Any, b: Any, X: Any, Y: Any) -> dict[str, Any]:
    """Return what the loops of the course compute: cost, dw and db, here without loops."""
    grads, cost = propagate(w, b, X, Y)
    return grads | {"cost": cost}


def symmetry(
    X: Any,
    Y: Any,
    fill: float = 0.0,
    hidden: int = 4,
    learning_rate: float = 0.3,
    num_iterations: int = 50,
) -> dict[str, Any]:
    """Train a network whose weights all start at ``fill``: the rows of W1 stay equal."""
    X, Y = floats(X), floats(Y)
    start = {
        "W1": np.full((hidden, len(X)), float(fill)),
        "b1": np.zeros((hidden, 1)),
        "W2": np.full((len(Y), hidden), float(fill)),
        "b2": np.zeros((len(Y), 1)),
    }

    def step(parameters: Arrays) -> tuple[Array, Arrays]:
        A2, cache = forward_propagation(X, parameters)
        return A2, backward_propagation(parameters, cache, X, Y)

    parameters, _ = descend(
        start,
        step,
        Y,
        learning_rate=learning_rate,
        num_iterations=num_iterations,
        costs_every=100,
        print_cost=False,
    )
    W1 = parameters["W1"]
    return {**parameters, "rows_of_W1_identical": bool((W1[0] == W1).all()), "W1_all_zero": not W1.any()}


def linear_collapse(X: Any, **parameters: Any) -> Arrays:
    """Show that linear layers are one affine map: its W and b, and the outputs for X.

    Args:
        X: Examples, (n_x, m).
        parameters: ``W1=..., b1=..., ..., WL=..., bL=...``.
    """
    given = float_arrays(parameters)
    out, _ = F.model_forward(floats(X), given, activation="linear", output="linear")
    W, b = given["W1"], given["b1"]
    for layer in range(2, len(given) // 2 + 1):
        W, b = given[f"W{layer}"] @ W, given[f"W{layer}"] @ b + given[f"b{layer}"]
    return {"out": out, "W": W, "b": b}


def bias_gradient(dZ: Any) -> Arrays:
    """Compute ``db``: the mean of every row of dZ, one number per unit."""
    dZ = floats(dZ)
    n, m = dZ.shape
    return {"db": F.linear_backward(dZ, (np.zeros((1, m)), np.zeros((n, 1)), np.zeros((n, 1))))[2]}


def softmax_cross_entropy(Z: Any, labels: Any) -> dict[str, Any]:
    """Compute the softmax of every column of Z, the mean cross-entropy and ``dZ = A - Y``."""
    Z = floats(Z)
    A, Y, loss = F.softmax(Z), F.one_hot(labels, len(Z)), "categorical_cross_entropy"
    dZ = F.activation_backward(F.loss_backward(A, Y, loss), Z, "softmax")
    return {"A": A, "cost": F.compute_cost(A, Y, loss), "dZ": dZ}


def linear_regression_gradient(X: Any, w: Any, b: Any, Y: Any) -> dict[str, Any]:
    """Compute the mean of ``(yhat - y)^2 / 2`` for a linear output, and its gradients."""
    X, Y, W = floats(X), floats(Y), floats(w).reshape(1, -1)
    b_column = floats(b).reshape(1, 1)
    A, _ = F.linear_forward(X, W, b_column)
    _, dW, db = F.linear_backward(F.loss_backward(A, Y, "half_squared_error"), (X, W, b_column))
    return {"cost": F.compute_cost(A, Y, loss="half_squared_error"), "dw": dW.T, "db": db.item()}


def saturation(scales: Sequence[float], seed: int = 0, W: Any = None, X: Any = None) -> Mapping[str, Any]:
    """Compute the mean slope of tanh for weights of several sizes: large weights saturate.

    Args:
        scales: Factors of W.
        seed: Of NumPy's legacy generator, which draws W (4, 50) and X (50, 20) unless they are given.
        W: Weights, (n, n_x).
        X: Examples, (n_x, m).
    """
    if W is None:
        random = np.random.RandomState(seed)
        W, X = random.randn(4, 50), random.randn(50, 20)
    slopes = []
    for scale in scales:
        Z, _ = F.linear_forward(floats(X), scale * floats(W), np.zeros((len(W), 1)))
        slopes.append(F.activation_derivative(Z, "tanh").mean())
    return {"mean_tanh_slope": slopes}
