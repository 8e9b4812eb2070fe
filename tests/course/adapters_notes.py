"""The formulas of the notes themselves: graphs, losses of one example, activations, shapes, symmetry."""

from __future__ import annotations

import numpy as np

import deepcore as dc
from course.adapters_week2 import propagate
from course.loop import floats, train
from deepcore import functional as F
from deepcore import graph
from deepcore.graph import Graph, variable


def computation_graph(a, b):
    a, b = variable(a, "a"), variable(b, "b")
    c, d = a + b, b + 1
    e = Graph(c * d)
    derivatives = {f"de_d{name}": e.derivative(node) for name, node in zip("abcd", (a, b, c, d), strict=True)}
    edges = {
        "dc_da": e.edge_derivative(c, a),
        "dc_db": e.edge_derivative(c, b),
        "dd_db": e.edge_derivative(d, b),
    }
    return derivatives | edges | {"c": c.value, "d": d.value, "e": e.value}


def computation_graph_lecture(a, b, c):
    a, b, c = variable(a, "a"), variable(b, "b"), variable(c, "c")
    u = b * c
    v = a + u
    J = Graph(3 * v)
    nodes = {"a": a, "b": b, "c": c, "u": u, "v": v}
    derivatives = {f"dJ_d{name}": J.derivative(node) for name, node in nodes.items()}
    return derivatives | {"u": u.value, "v": v.value, "J": J.value}


def half_squared_loss(yhat, y):
    one = floats([[yhat]]), floats([[y]]), "half_squared_error"
    return {"loss": F.compute_cost(*one), "dloss_dyhat": F.loss_backward(*one).item()}


def cross_entropy_one_example(a, y):
    # z is found from the given a, so that the graph z -> a -> L is that of the notes.
    z = variable(graph.log(variable(a) / (1 - variable(a))).value, "z")
    A = graph.sigmoid(z).named("a")
    L = Graph((-(y * graph.log(A) + (1 - y) * graph.log(1 - A))).named("L"))
    one = floats([[a]]), floats([[y]])
    loss = F.compute_cost(*one, loss="binary_cross_entropy")
    da = F.loss_backward(*one, loss="binary_cross_entropy").item()
    assert abs(L.derivative(A) - da) <= 1e-9 * abs(da)  # the graph and the formula
    return {
        "loss": loss,
        "da": da,
        "dz": L.derivative(z),
        "likelihood": (variable(a) ** y * (1 - variable(a)) ** (1 - y)).value,
        "exp_minus_loss": graph.exp(-variable(loss)).value,
    }


def identity_model(units, output):
    """A network whose pre-activations are its inputs: W = identity, b = 0."""
    model = dc.Model(units, [dc.Dense(units, output)], dtype="float64")
    model.parameters["W1"][...] = np.eye(units)
    model.parameters["b1"][...] = 0.0
    return model


def cost_saturated(Z, Y):
    # From the logits: the engine computes this loss before the activation rounds to 0 or 1.
    return identity_model(len(Z), "sigmoid").evaluate(floats(Z).T, floats(Y).T)["loss"]


def activation(name):
    def adapter(z, **slope):
        parameter = next(iter(slope.values()), None)
        return {"a": F.activation(z, name, parameter), "da_dz": F.activation_derivative(z, name, parameter)}

    return adapter


def activation_relu_at_zero(z):
    return {"course_code_value": F.activation_derivative(z, "relu")}


def shape_table(layer_dims, m):
    table = F.shape_table(layer_dims, m=m)
    return table | {"parameter_count": table.parameter_count}


OPERATIONS = {
    "+": lambda A, B: A + B,
    "-": lambda A, B: A - B,
    "*": lambda A, B: A * B,
    "/": lambda A, B: A / B,
}


def broadcast(A, B, op="+"):
    return OPERATIONS[op](variable(A, "A"), variable(B, "B")).value


def broadcast_error(A_shape, B_shape, op="+"):
    try:
        broadcast(np.ones(A_shape), np.ones(B_shape), op)
    except ValueError:
        return {"error": True}
    return {"error": False}


def rank_one(a):
    row, column = variable(a, "a"), variable(floats(a).reshape(-1, 1), "a")
    return {
        "rank1_T_shape": list(row.T.value.shape),
        "rank1_dot_T": graph.dot(row, row.T).value,
        "column_T_shape": list(column.T.value.shape),
        "column_dot_T": graph.dot(column, column.T).value,
    }


def symmetry(X, Y, fill=0.0, hidden=4, learning_rate=0.3, num_iterations=50):
    n_x, n_y = len(X), len(Y)
    start = {
        "W1": np.full((hidden, n_x), fill),
        "b1": np.zeros((hidden, 1)),
        "W2": np.full((n_y, hidden), fill),
        "b2": np.zeros((n_y, 1)),
    }
    parameters, _, _ = train(
        start, X, Y, activation="tanh", learning_rate=learning_rate, num_iterations=num_iterations
    )
    W1 = parameters["W1"]
    return parameters | {"rows_of_W1_identical": (W1[0] == W1).all(), "W1_all_zero": not W1.any()}


def linear_collapse(X, **parameters):
    parameters = floats(parameters)
    out, _ = F.model_forward(floats(X), parameters, activation="linear", output="linear")
    # Each layer applied to the map so far: W := W[l] W and b := W[l] b + b[l].
    W, b = parameters["W1"], parameters["b1"]
    for layer in range(2, len(parameters) // 2 + 1):
        W_l, b_l = parameters[f"W{layer}"], parameters[f"b{layer}"]
        W, _ = F.linear_forward(W, W_l, np.zeros_like(b_l))
        b, _ = F.linear_forward(b, W_l, b_l)
    return {"out": out, "W": W, "b": b}


def bias_gradient(dZ):
    dZ = floats(dZ)
    n, m = dZ.shape
    return {"db": F.linear_backward(dZ, (np.zeros((1, m)), np.zeros((n, 1)), np.zeros((n, 1))))[2]}


def softmax_cross_entropy(Z, labels):
    Z = floats(Z)
    A, Y, loss = F.softmax(Z), F.one_hot(labels, len(Z)), "categorical_cross_entropy"
    dZ = F.activation_backward(F.loss_backward(A, Y, loss), Z, "softmax")
    return {"A": A, "cost": F.compute_cost(A, Y, loss), "dZ": dZ}


def linear_regression_gradient(X, w, b, Y):
    X, Y = floats(X), floats(Y)
    parameters = {"W1": floats(w).reshape(1, -1), "b1": floats(b).reshape(1, 1)}
    AL, caches = F.model_forward(X, parameters, output="linear")
    grads = F.model_backward(AL, Y, caches, output="linear", loss="half_squared_error")
    cost = F.compute_cost(AL, Y, loss="half_squared_error")
    return {"cost": cost, "dw": grads["dW1"].T, "db": grads["db1"].item()}


def saturation(scales, seed=None, W=None, X=None):
    if W is None:
        random = np.random.RandomState(seed)
        W, X = random.randn(4, 50), random.randn(50, 20)
    slopes = []
    for scale in scales:
        Z, _ = F.linear_forward(floats(X), scale * floats(W), np.zeros((len(W), 1)))
        slopes.append(F.activation_derivative(Z, "tanh").mean())
    return {"mean_tanh_slope": slopes}


ADAPTERS = {
    "logistic_gradient_explicit_loops": propagate,
    "computation_graph": computation_graph,
    "computation_graph_lecture": computation_graph_lecture,
    "half_squared_loss": half_squared_loss,
    "cross_entropy_one_example": cross_entropy_one_example,
    "cost_saturated": cost_saturated,
    **{
        f"activation_{name}": activation(name) for name in ("sigmoid", "tanh", "relu", "leaky_relu", "linear")
    },
    "activation_relu_at_zero": activation_relu_at_zero,
    "shape_table": shape_table,
    "broadcast": broadcast,
    "broadcast_error": broadcast_error,
    "rank_one": rank_one,
    "symmetry": symmetry,
    "linear_collapse": linear_collapse,
    "bias_gradient": bias_gradient,
    "softmax_cross_entropy": softmax_cross_entropy,
    "linear_regression_gradient": linear_regression_gradient,
    "saturation": saturation,
}
