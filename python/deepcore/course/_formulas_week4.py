"""The formulas of course 1, week 4, with their usual mistakes."""

# ruff: noqa: E501 - a mistake, or an exercise, is one line of a table
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from deepcore.course import _mistakes as m_
from deepcore.course._exercises_week2 import iterations, labels
from deepcore.course._exercises_week3 import (
    RIGHT,
    drawn_weights,
    updated,
)
from deepcore.course._mistakes import ALSO_RIGHT, Mistakes
from deepcore.course._training import draw

Arrays = dict[str, Any]
AT_A_PREV = "Wrong argument of the derivative: it is evaluated at A_prev instead of Z."


def sigmoid(at: Mistakes, Z: Any) -> Any:
    return with_cache(at, m_.sigmoid(at, "A", Z), Z)


def relu(at: Mistakes, Z: Any) -> Any:
    return with_cache(at, m_.relu(at, "A", Z), Z)


def with_cache(at: Mistakes, A: Any, Z: Any) -> tuple[Any, Any]:
    """Return A and the cache of the activation, which is Z."""
    return A, at("cache", Z, ("The cache holds A instead of Z.", lambda: A))


def initialize_parameters(at: Mistakes, n_x: int, n_h: int, n_y: int) -> Any:
    return drawn_weights(at, (n_x, n_h, n_y), 1, "small")


def initialize_parameters_deep(at: Mistakes, layer_dims: Any) -> Any:
    dims = tuple(layer_dims)
    edition = at("edition", (3, "small"), (ALSO_RIGHT, lambda: (1, "inverse_sqrt")))
    parameters = drawn_weights(at, dims, *edition)
    L = len(dims) - 1
    last = [f"W{L}", f"b{L}"]
    return at("layers", parameters, (f"The last layer is missing: there are L = len(layer_dims) - 1 layers, so the loop is range(1, L + 1) with L = {L}.",
        lambda: {name: value for name, value in parameters.items() if name not in last}))  # fmt: skip


def initialize_parameters_deep_sqrt(at: Mistakes, layer_dims: Any) -> Any:
    return drawn_weights(at, tuple(layer_dims), 1, "inverse_sqrt")


def linear_forward(at: Mistakes, A: Any, W: Any, b: Any) -> Any:
    return m_.affine(at, "Z", W, A, b), (A, W, b)


def activated(at: Mistakes, Z: Any, name: str, place: str) -> Any:
    """Compute the activation by name."""
    ignored = at("which", name,
        ("The argument activation is not used: relu is applied always (wrong activation).", lambda: "relu"),
        ("The argument activation is not used: sigmoid is applied always (wrong activation).", lambda: "sigmoid"),
        ("Wrong activation: relu and sigmoid are swapped.", lambda: {"relu": "sigmoid", "sigmoid": "relu"}[name]))  # fmt: skip
    return (
        m_.sigmoid(at, f"{place}: sigmoid", Z) if ignored == "sigmoid" else m_.relu(at, f"{place}: relu", Z)
    )


def linear_activation_forward(at: Mistakes, A_prev: Any, W: Any, b: Any, activation: str) -> Any:
    Z = m_.affine(at, "Z", W, A_prev, b)
    A = activated(at, Z, activation, "A")
    kept = at("kept", Z, ("The activation cache holds A instead of Z.", lambda: A))
    linear = at(
        "linear cache", (A_prev, W, b), ("The linear cache holds A instead of A_prev.", lambda: (A, W, b))
    )
    return at("returned", A, ("Z is returned instead of A.", lambda: Z)), (linear, kept)


def forward(at: Mistakes, X: Any, parameters: Mapping[str, Any]) -> Any:
    """Compute AL and the caches."""
    L = len(parameters) // 2
    A, caches = X, []
    hidden = at("hidden", "relu", (m_.wrong_activation("sigmoid", "relu") + " The hidden layers have relu.", lambda: "sigmoid"),
        (m_.wrong_activation("tanh", "relu") + " The hidden layers have relu.", lambda: "tanh"),
        ("Wrong activation: the hidden layers have none.", lambda: "linear"))  # fmt: skip
    last = at("last", "sigmoid", (m_.wrong_activation("relu", "sigmoid") + " The last layer has a sigmoid.", lambda: "relu"),
        (m_.wrong_activation("tanh", "sigmoid") + " The last layer has a sigmoid.", lambda: "tanh"),
        ("Wrong activation: the last layer has none; it has a sigmoid.", lambda: "linear"))  # fmt: skip
    reads = at(
        "reads",
        "A",
        ("Every layer reads X: A_prev must be the A of the layer before.", lambda: "X"),
        ("Every layer reads the Z of the layer before instead of its A.", lambda: "Z"),
        ("Every hidden layer reads X: A_prev must be the A of the layer before.", lambda: "X hidden"),
    )
    weights = at(
        "weights",
        0,
        ("Every layer uses W1 and b1: the number of the layer is missing in the name.", lambda: 1),
        ("The last layer uses the parameters of the layer before.", lambda: 2),
    )
    count = at(
        "count",
        L,
        ("A layer is missing: the loop ends one layer too early; L = len(parameters) // 2.", lambda: L - 1),
    )
    functions: dict[str, Any] = {
        "relu": lambda z: np.maximum(0.0, z),
        "sigmoid": m_.logistic,
        "tanh": np.tanh,
        "linear": np.array,
    }
    for layer in range(1, count + 1):
        at.layer = layer
        number = 1 if weights == 1 else layer - 1 if weights == 2 and layer == L else layer
        W, b = parameters[f"W{number}"], parameters[f"b{number}"]
        Z = m_.affine(at, "Z", W, A, b)
        caches.append(((A, W, b), Z))
        A_next = functions[last if layer == count else hidden](Z)
        hidden_next = layer < count - 1
        wrong = {"X": (X, layer < count), "X hidden": (X, hidden_next), "Z": (Z, layer < count)}.get(reads)
        A = wrong[0] if wrong and wrong[1] else A_next
    at.layer = None
    return A, caches


def L_model_forward(at: Mistakes, X: Any, parameters: Mapping[str, Any]) -> Any:
    AL, caches = forward(at, X, parameters)
    return AL, at("caches", caches,
        ("The cache of the last layer is missing: there is one cache for each of the L layers.", lambda: caches[:-1]),
        ("The caches stand in the reverse order.", lambda: caches[::-1]),
        ("All caches are those of the last layer.", lambda: [caches[-1]] * len(caches)))  # fmt: skip


def compute_cost(at: Mistakes, AL: Any, Y: Any) -> Any:
    return m_.cross_entropy(at, AL, Y)


def linear_gradients(at: Mistakes, dZ: Any, A_prev: Any, W: Any) -> Any:
    """Compute dA_prev, dW and db."""
    m = A_prev.shape[1]
    dW = m_.mean_product(at, "dW", dZ, A_prev)
    db = m_.mean_of_rows(at, "db", dZ)
    dA_prev = at(
        "dA_prev",
        W.T @ dZ,
        (m_.EXTRA_MEAN, lambda: W.T @ dZ / m),
        (m_.NOT_TRANSPOSED, lambda: W @ dZ),
        (m_.NOT_TRANSPOSED, lambda: W.T @ dZ.T),
        (m_.ELEMENTWISE, lambda: W.T * dZ),
        (m_.ELEMENTWISE, lambda: W * dZ),
        ("The factors are swapped: dA_prev = W.T dZ.", lambda: dZ @ W),
        ("The factors are swapped and transposed: dA_prev = W.T dZ.", lambda: dZ.T @ W),
        (m_.NOT_TRANSPOSED, lambda: dZ @ W.T),
        ("dW is used in place of W.", lambda: dW.T @ dZ),
        ("A_prev is used in place of W.", lambda: A_prev @ dZ),
    )
    return dA_prev, dW, db


def linear_backward(at: Mistakes, dZ: Any, cache: Any) -> Any:
    A_prev, W, _ = cache
    return linear_gradients(at, dZ, A_prev, W)


def slope(at: Mistakes, dA: Any, Z: Any, name: str, place: str) -> Any:
    """Compute ``dZ = dA * g'(Z)``."""
    g = (
        m_.sigmoid_slope(at, f"{place}: sigmoid", Z, dA)
        if name == "sigmoid"
        else m_.relu_slope(at, f"{place}: relu", Z, dA)
    )
    return at(
        place,
        dA * g,
        ("dA is missing: dZ = dA * g'(Z).", lambda: g * 1.0),
        ("dA is added instead of multiplied: dZ = dA * g'(Z).", lambda: dA + g),
        (
            "A matrix product (np.dot) is used where the elementwise product * is meant: dZ = dA * g'(Z).",
            lambda: dA @ g,
        ),
        (
            "A matrix product (np.dot) is used where the elementwise product * is meant: dZ = dA * g'(Z).",
            lambda: dA @ g.T,
        ),
        (
            "relu is applied to dA: the condition belongs to Z (wrong argument of the derivative).",
            lambda: np.maximum(0.0, dA),
        ),
        ("Wrong derivative: Z is kept where it is positive; dZ is dA there.", lambda: np.maximum(0.0, Z)),
        ("Divided by m too early: dZ has no factor 1/m.", lambda: dA * g / dA.shape[1]),
    )


def relu_backward(at: Mistakes, dA: Any, Z: Any) -> Any:
    return slope(at, dA, Z, "relu", "dZ")


def sigmoid_backward(at: Mistakes, dA: Any, Z: Any) -> Any:
    return slope(at, dA, Z, "sigmoid", "dZ")


def which_slope(at: Mistakes, name: str) -> str:
    return str(at("which", name,
        ("Wrong derivative: the argument activation is not used, relu's is taken always.", lambda: "relu"),
        ("Wrong derivative: the argument activation is not used, the sigmoid's is taken always.", lambda: "sigmoid"),
        ("Wrong derivative: those of relu and sigmoid are swapped.", lambda: {"relu": "sigmoid", "sigmoid": "relu"}[name])))  # fmt: skip


def linear_activation_backward(at: Mistakes, dA: Any, cache: Any, activation: str) -> Any:
    (A_prev, W, _), Z = cache
    dZ = slope(
        at,
        dA,
        at(
            "Z",
            Z,
            (AT_A_PREV, lambda: A_prev),
            *((AT_A_PREV, (lambda g=g: A_prev if g == activation else Z)) for g in ("relu", "sigmoid")),
        ),
        which_slope(at, activation),
        "dZ",
    )
    dZ = at(
        "dZ passed on",
        dZ,
        ("dA is passed on instead of dZ: the derivative of the activation is missing.", lambda: dA),
    )
    return linear_gradients(at, dZ, A_prev, W)


def L_model_backward(at: Mistakes, AL: Any, Y: Any, caches: Any) -> Any:
    L, m = len(caches), AL.shape[1]
    old_names = at("names", False, (ALSO_RIGHT, lambda: True))
    d = -(Y / AL) + (1 - Y) / (1 - AL)
    dA = at(
        "dAL",
        d,
        ("Wrong sign: dAL is -(Y/AL - (1-Y)/(1-AL)), a minus sign is missing.", lambda: -d),
        ("Wrong sign between the terms of dAL: it is -(Y/AL - (1-Y)/(1-AL)).", lambda: -(Y / AL) - (1 - Y) / (1 - AL)),
        ("Wrong sign between the terms of dAL: it is -(Y/AL - (1-Y)/(1-AL)).", lambda: Y / AL + (1 - Y) / (1 - AL)),
        ("Wrong derivative: dAL is AL - Y; that is dZL. dAL = -(Y/AL - (1-Y)/(1-AL)).", lambda: AL - Y),
        ("The second term of dAL is missing: (1-Y)/(1-AL).", lambda: -Y / AL),
        ("The first term of dAL is missing: Y/AL.", lambda: (1 - Y) / (1 - AL)),
        ("The fractions of dAL are upside down.", lambda: -(AL / np.where(Y == 0, np.inf, Y)) + (1 - AL) / np.where(Y == 1, np.inf, 1 - Y)),
        ("The denominators of dAL are swapped: Y is divided by AL.", lambda: -(Y / (1 - AL)) + (1 - Y) / AL),
        ("The denominator of the second term of dAL is 1 - AL, not AL.", lambda: -(Y / AL) + (1 - Y) / AL),
        ("The denominator of the first term of dAL is AL, not 1 - AL.", lambda: -(Y / (1 - AL)) + (1 - Y) / (1 - AL)),
        ("The numerator of the second term of dAL is 1 - Y, not Y.", lambda: -(Y / AL) + Y / (1 - AL)),
        ("The numerator of the first term of dAL is Y, not 1 - Y.", lambda: -((1 - Y) / AL) + (1 - Y) / (1 - AL)),
        ("The terms of dAL are swapped: -(Y/AL - (1-Y)/(1-AL)) is meant.", lambda: -((1 - Y) / AL) + Y / (1 - AL)),
        ("dAL is divided by m: 1/m comes with dW and db (divided by m twice).", lambda: d / m),
        ("The brackets of dAL are missing: (1-Y)/1-AL is not (1-Y)/(1-AL).", lambda: -(Y / AL) + (1 - Y) / 1 - AL),
    )  # fmt: skip
    hidden = at(
        "hidden",
        "relu",
        ("Wrong derivative: the hidden layers use the sigmoid's; they have relu.", lambda: "sigmoid"),
    )
    last = at(
        "last", "sigmoid", ("Wrong derivative: the last layer uses relu's; it has a sigmoid.", lambda: "relu")
    )
    chain = at(
        "chain",
        "dA_prev",
        ("Every layer starts from dAL: it needs the dA of the layer above.", lambda: "dAL"),
        (
            "Every hidden layer starts from the dA of the last one: it needs the dA of the layer above.",
            lambda: "last",
        ),
    )
    wrong_cache = at("index", 0,
        ("Wrong cache: the cache of another layer is used; layer l has caches[l - 1].", lambda: -1),
        ("Wrong cache: the caches are read from the first to the last instead of in the reverse order.", lambda: 9),
        ("Wrong cache: the index of the cache is one too high; layer l has caches[l - 1].", lambda: 7),
        ("Wrong cache: the hidden layers use the cache of the last layer.", lambda: 8))  # fmt: skip
    dAL = dA
    grads: Arrays = {}
    for layer in range(L, 0, -1):
        at.layer = layer
        number = {0: layer - 1, -1: layer - 2, 9: L - layer, 8: L - 1, 7: min(layer, L - 1)}[wrong_cache]
        (A_prev, W, _), Z = caches[number]
        dZ = slope(at, dA, Z, last if layer == L else hidden, "dZ")
        dA_prev, dW, db = linear_gradients(at, dZ, A_prev, W)
        grads |= {f"dW{layer}": dW, f"db{layer}": db, f"dA{layer if old_names else layer - 1}": dA_prev}
        dA = dAL if chain == "dAL" else grads[f"dA{L - 1}"] if chain == "last" and not old_names else dA_prev
    at.layer = None
    left_out = {"dW1", "db1", "dA1" if old_names else "dA0"}
    first = {name: value for name, value in grads.items() if name not in left_out}
    last_only = {name: value for name, value in grads.items() if name not in (f"dW{L}", f"db{L}")}
    shifted = {f"{name[:2]}{int(name[2:]) - (name[1] != 'A')}": value for name, value in grads.items()}
    return at("keys", grads,
        ("The first layer is missing: the loop over the layers ends too early.", lambda: first),
        ("The last layer is missing.", lambda: last_only),
        ("The names of the gradients are shifted by one: layer l + 1 belongs to the index l of the loop.", lambda: shifted))  # fmt: skip


def update_parameters(at: Mistakes, parameters: Any, grads: Any, learning_rate: float) -> Any:
    return updated(at, parameters, grads, learning_rate, 0.0075)


def trained(at: Mistakes, start: Any, X: Any, Y: Any, rate: float, number: int) -> Any:
    """Run gradient descent and return the parameters and the costs."""
    parameters = start
    steps = iterations(at, number, 5)
    step = at(
        "step", rate, (m_.PLUS, lambda: -rate), (m_.NO_RATE, lambda: 1.0), (m_.RATE_IGNORED, lambda: 0.0075)
    )
    frozen = at("gradients", False, ("The gradients are computed once, outside of the loop.", lambda: True))
    network = at("network", RIGHT,
        (m_.wrong_activation("sigmoid", "relu") + " The hidden layers have relu.", lambda: Mistakes(("hidden", 0))),
        ("Every layer starts from dAL: it needs the dA of the layer above.", lambda: Mistakes(("chain", 0))))  # fmt: skip
    for _ in range(steps):
        here = start if frozen else parameters
        AL, caches = forward(network, X, here)
        grads = L_model_backward(network, AL, Y, caches)
        parameters = updated(RIGHT, parameters, grads, step, 0.0075)
    return (
        at(
            "returned",
            parameters,
            (
                "The initial parameters are returned: they are not updated, the updates are lost.",
                lambda: start,
            ),
        ),
    )


def two_layer_model(at: Mistakes, X: Any, Y: Any, dims: Any, rate: float, number: int) -> Any:
    return trained(at, draw(dims, at("seed", 1, *m_.other_seeds(1)), "small"), X, Y, rate, number)


def L_layer_model(at: Mistakes, X: Any, Y: Any, dims: Any, rate: float, number: int) -> Any:
    start = at(
        "start", (1, "inverse_sqrt"), (ALSO_RIGHT, lambda: (3, "small")), (ALSO_RIGHT, lambda: (1, "small"))
    )
    seed = at("seed", start[0], *m_.other_seeds(1, 3))
    return trained(at, draw(dims, seed, start[1]), X, Y, rate, number)


def predict(at: Mistakes, X: Any, y: Any, parameters: Any) -> Any:
    p = labels(at, forward(at, X, parameters)[0])
    return at("returned", p,
        ("The accuracy is returned, not the labels.", lambda: np.mean(p == y)),
        ("The accuracy is returned, not the labels.", lambda: 100 * np.mean(p == y)))  # fmt: skip
