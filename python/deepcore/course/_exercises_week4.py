"""The exercises of course 1, week 4: functions, arguments to try them on, and names of their results."""

# ruff: noqa: E501 - a mistake, or an exercise, is one line of a table
from __future__ import annotations

from typing import Any

import numpy as np

from deepcore.course import _formulas_week4 as formulas
from deepcore.course._exercise import Exercise, Names
from deepcore.course._exercises_week2 import draws
from deepcore.course._exercises_week3 import RIGHT, cost_cases, examples, network, update_cases

CACHE: Names = (("A_prev", "W", "b"), "Z")
NETS = ((1, (5, 4, 3, 1), 6), (2, (3, 2, 1), 4), (3, (4, 4, 4, 1), 4))


def net(seed: int, dims: tuple[int, ...], m: int) -> tuple[Any, Any, Any, Any]:
    """Return X, Y, small parameters and the result of the forward pass."""
    X, Y = examples(seed, dims[0], m)
    parameters = {name: 0.6 * value for name, value in network(seed + 40, *dims).items()}
    return X, Y, parameters, formulas.forward(RIGHT, X, parameters)


def layer_cases() -> list[list[Any]]:
    """Return A_prev, W, b with shapes that differ, and square ones."""
    return [
        [draws(s).randn(p, m), draws(s + 9).randn(n, p), draws(s + 5).randn(n, 1)]
        for s, p, n, m in ((1, 4, 3, 5), (2, 2, 3, 6), (3, 3, 3, 3))
    ]


def backward_cases(zero: bool = False) -> list[list[Any]]:
    """Return dA, the cache of a layer with a matching Z, for dA of both signs."""
    cases: list[list[Any]] = []
    for seed, case in enumerate(layer_cases()):
        Z = case[1] @ case[0] + case[2]
        cases.append([draws(seed + 70).randn(*Z.shape), (tuple(case), Z)])
    if zero:
        (dA, ((A_prev, W, b), Z)) = cases[0]
        cases.append([dA, ((A_prev, W, b), np.where(np.abs(Z) < 1.0, 0.0, Z))])
    return cases


def tie() -> list[Any]:
    """Return X, Y and parameters for which every output is exactly 0.5."""
    X, Y = examples(9, 2, 4)
    return [X, Y, {name: 0 * value for name, value in network(1, 2, 3, 1).items()}]


def alone(cases: list[list[Any]]) -> list[list[Any]]:
    """Return dA and Z of the cases."""
    return [[dA, cache[1]] for dA, cache in cases]


def both(cases: list[list[Any]]) -> list[list[Any]]:
    """Return every case with both activations."""
    return [[*case, name] for case in cases for name in ("relu", "sigmoid")]


def z_cases() -> list[list[Any]]:
    return [[np.array([[-1.5, 0.3, 2.0], [0.7, -0.2, 1.1]])], [np.array([[-2.0, 0.5]])]]


def model_cases(*dims: tuple[int, ...]) -> list[list[Any]]:
    return [
        [*examples(4 + i, sizes[0], 6 + i), list(sizes), 0.2 + 0.1 * i, 5 + i] for i, sizes in enumerate(dims)
    ]


FORWARD = ("sigmoid", "relu", "linear_forward", "linear_activation_forward")
BACKWARD = ("sigmoid_backward", "relu_backward", "linear_backward", "linear_activation_backward")
MODEL = (*FORWARD, *BACKWARD, "L_model_forward", "compute_cost", "L_model_backward", "update_parameters", "initialize_parameters", "initialize_parameters_deep")  # fmt: skip

EXERCISES = (
    Exercise("sigmoid", ("Z",), formulas.sigmoid, z_cases, returns=("A", "cache"), rest_optional=True),
    Exercise("relu", ("Z",), formulas.relu, z_cases, returns=("A", "cache"), rest_optional=True),
    Exercise("initialize_parameters", ("n_x", "n_h", "n_y"), formulas.initialize_parameters, lambda: [[3, 5, 2], [2, 4, 1], [3, 3, 3]], seed=1),
    Exercise("initialize_parameters_deep", ("layer_dims",), formulas.initialize_parameters_deep, lambda: [[[5, 4, 3]], [[3, 2, 4, 1]], [[3, 3, 3]]], seed=3),
    Exercise("initialize_parameters_deep_sqrt", ("layer_dims",), formulas.initialize_parameters_deep_sqrt, lambda: [[[5, 4, 3]], [[3, 2, 4, 1]]], seed=1),
    Exercise("linear_forward", ("A", "W", "b"), formulas.linear_forward, layer_cases, returns=("Z", ("A", "W", "b"))),
    Exercise("linear_activation_forward",
        ("A_prev", "W", "b", "activation"), formulas.linear_activation_forward, lambda: both(layer_cases()),
             returns=("A", CACHE), order=("A_prev", "W", "b", "Z", "A"), helpers=FORWARD),
    Exercise("L_model_forward",
        ("X", "parameters"), formulas.L_model_forward, lambda: [[X, p] for X, _, p, _ in (net(*one) for one in NETS)],
             returns=("AL", "caches"), items=CACHE, order=tuple(f"caches[{i}]: {n}" for i in range(3) for n in ("A_prev", "W", "b", "Z")), helpers=FORWARD),
    Exercise("compute_cost", ("AL", "Y"), formulas.compute_cost, cost_cases, returns="cost"),
    Exercise("linear_backward", ("dZ", "cache"), formulas.linear_backward, lambda: [[dA, cache[0]] for dA, cache in backward_cases()],
             returns=("dA_prev", "dW", "db"), order=("dW", "db", "dA_prev")),
    Exercise("relu_backward", ("dA", "cache"), formulas.relu_backward, lambda: alone(backward_cases(zero=True)), returns="dZ"),
    Exercise("sigmoid_backward", ("dA", "cache"), formulas.sigmoid_backward, lambda: alone(backward_cases()), returns="dZ"),
    Exercise("linear_activation_backward", ("dA", "cache", "activation"), formulas.linear_activation_backward, lambda: both(backward_cases(zero=True)),
             returns=("dA_prev", "dW", "db"), order=("dW", "db", "dA_prev"), helpers=BACKWARD),
    Exercise("L_model_backward",
        ("AL", "Y", "caches"), formulas.L_model_backward, lambda: [[f[0], Y, f[1]] for _, Y, _, f in (net(*one) for one in NETS)],
             order=("dW3", "db3", "dA2", "dW2", "db2", "dA1", "dW1", "db1", "dA0"), helpers=BACKWARD),
    Exercise("update_parameters", ("parameters", "grads", "learning_rate"), formulas.update_parameters,
             lambda: [*update_cases(0.0075, 3, 4, 2, 1), *update_cases(0.0075, 3, 2)], changes_arguments=True),
    Exercise("two_layer_model",
        ("X", "Y", "layers_dims", "learning_rate", "num_iterations"), formulas.two_layer_model, lambda: model_cases((2, 3, 1), (3, 4, 1)),
             returns=("parameters",), seed=1, first_only=True, helpers=MODEL, changes_arguments=True),
    Exercise("L_layer_model",
        ("X", "Y", "layers_dims", "learning_rate", "num_iterations"), formulas.L_layer_model, lambda: model_cases((2, 3, 1), (3, 4, 3, 1)),
             returns=("parameters",), seed=1, first_only=True, helpers=MODEL, changes_arguments=True),
    Exercise("predict",
        ("X", "y", "parameters"), formulas.predict, lambda: [*([X, Y, p] for X, Y, p, _ in (net(*one) for one in (*NETS, (4, (4, 3, 1), 40)))), tie()],
             helpers=(*FORWARD, "L_model_forward"), required=2),
)  # fmt: skip
