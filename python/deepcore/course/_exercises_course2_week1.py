"""The exercises of course 2, week 1, with their usual mistakes. The networks have three layers."""

# ruff: noqa: E501 - a mistake, or an exercise, is one line of a table
from __future__ import annotations

from typing import Any

import numpy as np

from deepcore.course import _mistakes as m_
from deepcore.course._exercise import Exercise
from deepcore.course._exercises_week3 import drawn_weights, examples, network
from deepcore.course._mistakes import Mistakes
from deepcore.course.course2_week1 import Cache, DropoutCache

Arrays = dict[str, Any]
SIZES = ((1, (4, 3, 2, 1), 6), (2, (2, 4, 3, 1), 5), (3, (3, 3, 3, 1), 3))


def initialize_parameters_zeros(at: Mistakes, dims: Any) -> Any:
    parameters: Arrays = {}
    for layer in range(1, len(dims)):
        parameters |= zero_layer(at, layer, dims[layer], dims[layer - 1])
    return parameters


def zero_layer(at: Mistakes, layer: int, n: int, n_prev: int) -> Arrays:
    """Return W and b of a layer."""
    W = at(
        "W",
        np.zeros((n, n_prev)),
        ("The weights are ones instead of zeros.", lambda: np.ones((n, n_prev))),
    )
    b = at(
        "b",
        np.zeros((n, 1)),
        ("The shape of b is (n,) instead of (n, 1).", lambda: np.zeros(n)),
        ("The biases are ones instead of zeros.", lambda: np.ones((n, 1))),
    )
    return {f"W{layer}": W, f"b{layer}": b}


def initialize_parameters_random(at: Mistakes, dims: Any) -> Any:
    return drawn_weights(at, tuple(dims), 3, "large")


def initialize_parameters_he(at: Mistakes, dims: Any) -> Any:
    return drawn_weights(at, tuple(dims), 3, "he")


def compute_cost_with_regularization(at: Mistakes, A3: Any, Y: Any, parameters: Any, lambd: float) -> Any:
    m = Y.shape[1]
    weights = [value for name, value in parameters.items() if name[0] == "W"]

    def penalty(values: Any) -> Any:
        return sum(np.square(value).sum() for value in values)

    S = penalty(weights)
    right = lambd / (2 * m) * S
    l2 = at(
        "L2 term",
        right,
        ("Missing L2 term: lambda/(2m) times the sum of the squared weights must be added.", lambda: 0.0 * S),
        ("Wrong factor of the L2 term: lambda/m is used instead of lambda/(2m).", lambda: lambd / m * S),
        ("Wrong factor of the L2 term: missing 1/m, lambda/2 is used instead of lambda/(2m).", lambda: lambd / 2 * S),
        ("Wrong factor of the L2 term: missing 1/(2m), lambda alone is used.", lambda: lambd * S),
        ("Wrong factor of the L2 term: lambda is missing, 1/(2m) alone is used.", lambda: S / (2 * m)),
        ("The factor lambda/(2m) of the L2 term is missing.", lambda: S),
        ("Wrong factor of the L2 term: lambda * m / 2 is used; brackets are missing in lambda/(2m).", lambda: lambd / 2 * m * S),
        ("Brackets are missing in the L2 term: lambda/(2m) stands before the sum of all squared weights, not of W1 only.", lambda: right - lambd / (2 * m) * penalty(weights[1:]) + penalty(weights[1:])),
        ("The square is missing in the L2 term.", lambda: lambd / (2 * m) * sum(w.sum() for w in weights)),
        ("The L1 norm is used in the L2 term: the weights are not squared.", lambda: lambd / (2 * m) * sum(np.abs(w).sum() for w in weights)),
        ("The L2 term holds the root of the sum of squares (a norm): the square is missing.", lambda: lambd / (2 * m) * sum(np.sqrt(np.square(w).sum()) for w in weights)),
        ("The biases are in the L2 term: only the weights W belong there.", lambda: lambd / (2 * m) * penalty(parameters.values())),
        *((f"W{i + 1} is missing in the L2 term: all weights belong there.", (lambda i=i: lambd / (2 * m) * (S - penalty([weights[i]])))) for i in range(len(weights))),
        *((f"Only W{i + 1} is in the L2 term: all weights belong there.", (lambda i=i: lambd / (2 * m) * penalty([weights[i]]))) for i in range(len(weights))),
    )  # fmt: skip
    cost = m_.cross_entropy(at, A3, Y, "cross-entropy")
    return at("cost", cost + l2,
        ("The L2 term is returned alone: the cross-entropy is missing.", lambda: l2),
        ("Wrong sign: the L2 term is subtracted.", lambda: cost - l2),
        ("The L2 term is multiplied with the cross-entropy instead of added.", lambda: cost * l2))  # fmt: skip


def forward(at: Mistakes, X: Any, parameters: Any, keep_prob: float = 1.0, dropout: bool = False) -> Any:
    """Compute A3 and the values of the cache by name."""
    random = np.random.RandomState(1)
    if dropout:
        keep_prob = at("keep_prob", keep_prob, *(
            (f"The argument keep_prob is not used: {usual} is written into the code.", (lambda usual=usual: usual))
            for usual in (0.5, 0.8, 0.86, 0.9)))  # fmt: skip
    values: Arrays = dict(parameters)
    A = X
    for layer in (1, 2, 3):
        at.layer = layer
        Z = m_.affine(at, "Z", parameters[f"W{layer}"], A, parameters[f"b{layer}"])
        A = m_.sigmoid(at, "A3", Z) if layer == 3 else m_.relu(at, "A", Z)
        values[f"Z{layer}"] = Z
        if dropout and layer < 3:
            A, values[f"D{layer}"] = dropped(at, random, A, keep_prob)
        values[f"A{layer}"] = A
    at.layer = None
    return values["A3"], values


def dropped(at: Mistakes, random: Any, A: Any, keep_prob: float) -> tuple[Any, Any]:
    """Compute A after dropout, and the mask."""
    scale = at("scale", 1 / keep_prob,
        ("Missing division by keep_prob: inverted dropout scales the kept units by 1/keep_prob.", lambda: 1.0),
        ("Multiplied by keep_prob instead of divided: inverted dropout scales by 1/keep_prob.", lambda: keep_prob),
        ("Divided by keep_prob twice: inverted dropout scales by 1/keep_prob.", lambda: keep_prob**-2),
        ("Divided by 1 - keep_prob instead of keep_prob.", lambda: 1 / (1 - keep_prob)))  # fmt: skip
    kept = at("kept", "below",
        ("The comparison of the mask is reversed: D = rand < keep_prob.", lambda: "above"),
        ("The mask uses 1 - keep_prob: D = rand < keep_prob.", lambda: "other"),
        ("The mask is drawn with randn: np.random.rand (uniform) is meant.", lambda: "normal"),
        ("The mask is missing: no unit is dropped.", lambda: "all"),
        ("The mask is not compared with keep_prob: D = rand < keep_prob is 0 or 1.", lambda: "raw"),
        ("One row of numbers is drawn for all units: the mask has the shape of A.", lambda: "row"),
        ("The random seed is set again for each mask.", lambda: "reseeded"))  # fmt: skip
    D = _mask(np.random.RandomState(1) if kept == "reseeded" else random, A.shape, keep_prob, kept)
    return at("dropout", A * D * scale,
        ("The mask is not multiplied with A.", lambda: A * scale),
        ("The mask and the division by keep_prob are missing: there is no dropout.", lambda: A)), D  # fmt: skip


def _mask(random: Any, shape: Any, keep_prob: float, kind: str) -> Any:
    if kind == "normal":
        return (random.randn(*shape) < keep_prob) * 1.0
    D = random.rand(1, shape[1]) if kind == "row" else random.rand(*shape)
    masks = {
        "above": lambda: keep_prob < D,
        "other": lambda: 1 - keep_prob > D,
        "all": lambda: D < 2,
        "raw": lambda: D,
    }
    return masks.get(kind, lambda: keep_prob > D)() * 1.0


def forward_propagation_with_dropout(at: Mistakes, X: Any, parameters: Any, keep_prob: float) -> Any:
    A3, values = forward(at, X, parameters, keep_prob, dropout=True)
    return A3, tuple(values[name] for name in DropoutCache._fields)


def backward(
    at: Mistakes, X: Any, Y: Any, values: Arrays, lambd: float = 0.0, keep_prob: float = 1.0
) -> Arrays:
    """Compute all gradients."""
    m = X.shape[1]
    dropout = "D1" in values
    dZ = at(
        "dZ3",
        values["A3"] - Y,
        ("The labels are missing: dZ3 = A3 - Y.", lambda: values["A3"]),
        ("dZ3 is divided by m, and dW and db again: divided by m twice.", lambda: (values["A3"] - Y) / m),
    )
    decay = at("L2 gradient", lambd / m,
        ("Missing L2 term in dW: lambda/m * W must be added.", lambda: 0.0),
        ("Wrong factor of the L2 term: lambda/(2m) is that of the cost, the derivative has lambda/m.", lambda: lambd / (2 * m)),
        ("Wrong factor of the L2 term: missing 1/m, lambda * W is used.", lambda: lambd),
        ("Wrong factor of the L2 term: brackets are missing in lambda/(2m).", lambda: lambd / 2 * m),
        ("Wrong factor of the L2 term: 2 lambda/m is used.", lambda: 2 * lambd / m),
        ("Wrong factor of the L2 term: it is divided by m twice, lambda/m stands inside the brackets of 1/m.", lambda: lambd / m / m),
        ("Wrong factor of the L2 term: lambda is missing.", lambda: 1 / m),
        ("Wrong sign: the L2 term is subtracted in dW.", lambda: -lambd / m))  # fmt: skip
    place = at("L2 in", "W",
        ("The L2 term is added to db: the biases are not regularised.", lambda: "Wb"),
        *((f"Missing L2 term in dW{k}: lambda/m * W{k} must be added.", (lambda k=k: str(k))) for k in (1, 2, 3)),
        ("The L2 term of dW holds W squared: its derivative is lambda/m * W.", lambda: "squares"),
        ("The L2 term of dW holds the sum of W: it is lambda/m * W, element by element.", lambda: "sum"))  # fmt: skip
    grads: Arrays = {}
    for layer in (3, 2, 1):
        at.layer = layer
        A_prev, W = (X if layer == 1 else values[f"A{layer - 1}"]), values[f"W{layer}"]
        penalised = {str(layer): 0 * W, "squares": W * W, "sum": np.sum(W)}.get(place, W)
        dW = m_.mean_product(at, "dW", dZ, A_prev) + decay * penalised
        db = m_.mean_of_rows(at, "db", dZ) + (decay * values[f"b{layer}"] if place == "Wb" else 0)
        grads |= {f"dZ{layer}": dZ, f"dW{layer}": dW, f"db{layer}": db}
        if layer > 1:
            dA = input_gradient(at, W, dZ)
            if dropout:
                dA = dropped_gradient(at, dA, values[f"D{layer - 1}"], values[f"D{4 - layer}"], keep_prob)
            grads[f"dA{layer - 1}"] = dA
            dZ = hidden_gradient(at, dA, values[f"A{layer - 1}"])
    at.layer = None
    return grads


def dropped_gradient(at: Mistakes, dA: Any, D: Any, other: Any, keep_prob: float) -> Any:
    """Compute ``dA * D / keep_prob``."""
    scale = at("scale", 1 / keep_prob,
        ("Missing division by keep_prob: dA is scaled by 1/keep_prob, as A was.", lambda: 1.0),
        ("Multiplied by keep_prob instead of divided.", lambda: keep_prob),
        ("Divided by 1 - keep_prob instead of keep_prob.", lambda: 1 / (1 - keep_prob)))  # fmt: skip
    return at("masked", dA * D * scale,
        ("The mask is missing: dA must be multiplied with D of the forward pass.", lambda: dA * scale),
        ("The masks are swapped: dA2 needs D2, and dA1 needs D1.", lambda: dA * other * scale),
        ("The mask is inverted: 1 - D is used.", lambda: dA * (1 - D) * scale),
        ("The mask and the division by keep_prob are missing.", lambda: dA))  # fmt: skip


def input_gradient(at: Mistakes, W: Any, dZ: Any) -> Any:
    """Compute ``W' dZ``."""
    return at(
        "dA",
        W.T @ dZ,
        (m_.EXTRA_MEAN, lambda: W.T @ dZ / dZ.shape[1]),
        (m_.NOT_TRANSPOSED, lambda: W @ dZ),
    )


def hidden_gradient(at: Mistakes, dA: Any, A: Any) -> Any:
    """Compute ``dA`` where A > 0, else 0."""
    cause = "Wrong derivative: that of tanh is used instead of relu's."
    return at("dZ", dA * m_.relu_slope(at, "slope", A, dA), (cause, lambda: dA * (1 - np.square(A))))


def backward_propagation_with_regularization(at: Mistakes, X: Any, Y: Any, cache: Any, lambd: float) -> Any:
    return backward(at, X, Y, cache._asdict(), lambd=lambd)


def backward_propagation_with_dropout(at: Mistakes, X: Any, Y: Any, cache: Any, keep_prob: float) -> Any:
    return backward(at, X, Y, cache._asdict(), keep_prob=keep_prob)


def forward_propagation(at: Mistakes, x: float, theta: float) -> Any:
    return at(
        "J",
        theta * x,
        ("Wrong formula: J = theta * x, it is not a sum.", lambda: theta + x),
        ("theta is missing in J = theta * x.", lambda: x),
        ("x is missing in J = theta * x.", lambda: theta),
    )


def backward_propagation(at: Mistakes, x: float, theta: float) -> Any:
    return at("dtheta", x,
        ("Wrong derivative: dJ/dtheta = x, not theta.", lambda: theta),
        ("Wrong derivative: dJ/dtheta = x; J is returned.", lambda: theta * x),
        ("Wrong derivative: dJ/dtheta = x, not 1.", lambda: 1.0))  # fmt: skip


def nets() -> list[Any]:
    """Return (X, Y, parameters) of small networks."""
    made = []
    for seed, dims, m in SIZES:
        X, Y = examples(seed, dims[0], m)
        made.append((X, Y, {name: 0.8 * value for name, value in network(seed + 60, *dims).items()}))
    return made


def cost_cases() -> list[list[Any]]:
    return [[forward(Mistakes(), X, p)[0], Y, p, 0.7] for X, Y, p in nets()]


def backward_cases(dropout: bool) -> list[list[Any]]:
    cases = []
    for X, Y, p in nets():
        _, values = forward(Mistakes(), X, p, 0.7, dropout)
        form = DropoutCache if dropout else Cache
        cases.append([X, Y, form(*(values[name] for name in form._fields)), 0.7])
    return cases


GRADIENTS = ("dZ3", "dW3", "db3", "dA2", "dZ2", "dW2", "db2", "dA1", "dZ1", "dW1", "db1")
INNER = frozenset(name for name in GRADIENTS if name[1] in "ZA")
FORWARD = tuple(sorted(DropoutCache._fields, key=lambda name: (name[1], "WbZDA".index(name[0]))))

EXERCISES = (
    Exercise("initialize_parameters_zeros", ("layers_dims",), initialize_parameters_zeros, lambda: [[[3, 2, 1]], [[2, 4, 3, 1]]]),
    Exercise("initialize_parameters_random", ("layers_dims",), initialize_parameters_random, lambda: [[[3, 2, 1]], [[2, 4, 3, 1]]], seed=3),
    Exercise("initialize_parameters_he", ("layers_dims",), initialize_parameters_he, lambda: [[[3, 2, 1]], [[2, 4, 3, 1]]], seed=3),
    Exercise("compute_cost_with_regularization", ("A3", "Y", "parameters", "lambd"), compute_cost_with_regularization, cost_cases, returns="cost",
             helpers=("compute_cost",)),
    Exercise("backward_propagation_with_regularization", ("X", "Y", "cache", "lambd"), backward_propagation_with_regularization,
             lambda: backward_cases(False), order=GRADIENTS, optional=INNER),
    Exercise("forward_propagation_with_dropout",
        ("X", "parameters", "keep_prob"), forward_propagation_with_dropout, lambda: [[X, p, 0.7] for X, _, p in nets()],
             returns=("A3 returned", DropoutCache._fields), order=FORWARD, seed=1, helpers=("sigmoid", "relu")),
    Exercise("backward_propagation_with_dropout",
        ("X", "Y", "cache", "keep_prob"), backward_propagation_with_dropout, lambda: backward_cases(True),
             order=GRADIENTS, optional=INNER),
    Exercise("forward_propagation", ("x", "theta"), forward_propagation, lambda: [[2, 4], [3.5, -1.5]], returns="J", only_if=("x", "theta")),
    Exercise("backward_propagation", ("x", "theta"), backward_propagation, lambda: [[2, 4], [3.5, -1.5]], returns="dtheta", only_if=("x", "theta")),
)  # fmt: skip
