"""The exercises of course 1, week 3, with their usual mistakes."""

# ruff: noqa: E501 - a mistake, or an exercise, is one line of a table
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from deepcore.course import _mistakes as m_
from deepcore.course._exercise import Exercise
from deepcore.course._exercises_week2 import draws, iterations, labels, sigmoid
from deepcore.course._mistakes import ALSO_RIGHT, Mistakes
from deepcore.course._training import draw

Arrays = dict[str, Any]
RIGHT = Mistakes()


def network(seed: int, *sizes: int) -> Arrays:
    """Return parameters with biases that are not zero."""
    random = draws(seed)
    parameters = {}
    for layer, n in enumerate(sizes[1:], start=1):
        parameters[f"W{layer}"] = random.randn(n, sizes[layer - 1])
        parameters[f"b{layer}"] = random.randn(n, 1)
    return parameters


def examples(seed: int, n: int, m: int) -> list[Any]:
    """Return X and Y."""
    return [draws(seed).randn(n, m), np.arange(m).reshape(1, m) % 3 % 2]


def layer_sizes(at: Mistakes, X: Any, Y: Any) -> Any:
    n_x, m = X.shape
    n_y = Y.shape[0]
    return at(
        "result",
        (n_x, 4, n_y),
        (
            "Wrong axis: the sizes are the rows, shape[0], not the columns, shape[1] (transposed).",
            lambda: (m, 4, m),
        ),
        ("Wrong axis: n_x is X.shape[0], not shape[1] (transposed).", lambda: (m, 4, n_y)),
        ("Wrong axis: n_y is Y.shape[0], not shape[1] (transposed).", lambda: (n_x, 4, m)),
        *(
            (
                f"Wrong hidden size: n_h is {what}; in this exercise it is the constant 4.",
                (lambda n=n: (n_x, n, n_y)),
            )
            for what, n in (
                ("that of the inputs, n_x", n_x),
                ("that of the outputs, n_y", n_y),
                ("the number of examples", m),
                *((str(k), k) for k in (1, 2, 3, 5, 6, 7, 8, 10)),
            )
        ),
        ("n_x is taken from Y.", lambda: (n_y, 4, n_y)),
        ("n_y is taken from X.", lambda: (n_x, 4, n_x)),
    )


def drawn_weights(at: Mistakes, dims: tuple[int, ...], seed: int, scheme: str) -> Arrays:
    """Draw initial parameters: ``randn`` times a scale, biases zero."""
    right = draw(dims, seed, scheme)
    W = [right[f"W{layer}"] for layer in range(1, len(dims))]
    factors = [{"small": 0.01, "large": 10.0, "inverse_sqrt": n**-0.5, "he": (2 / n) ** 0.5, "zeros": 1.0}[scheme] for n in dims[:-1]]  # fmt: skip

    def scaled(*names: float) -> list[Any]:
        return [w / f * s for w, f, s in zip(W, factors, names, strict=True)]

    def other(draw_one: Any, order: int = 1, number: int = seed) -> list[Any]:
        random = np.random.RandomState(number)
        shapes = [w.shape for w in W][::order]
        return [draw_one(random, shape) * f for shape, f in zip(shapes, factors[::order], strict=True)][
            ::order
        ]

    def normal(random: Any, shape: Any) -> Any:
        return random.randn(*shape)

    def reseeded() -> list[Any]:
        return [normal(np.random.RandomState(seed), w.shape) * f for w, f in zip(W, factors, strict=True)]

    some = [scaled(*([s] * len(W))) for s in (1.0, 0.1, 0.001, 10.0, 100.0)]
    n_prev = dims[:-1]
    weights = at(
        "W",
        W,
        (f"The factor is missing: the weights are randn without {'0.01' if scheme == 'small' else 'the scale'}.", lambda: some[0]),
        ("Wrong scale: the factor is 0.01, not 0.1.", lambda: some[1]),
        ("Wrong scale: the factor is 0.01, not 0.001.", lambda: some[2]),
        ("Wrong scale: the weights are 10 times randn.", lambda: some[3]),
        ("Wrong scale: divided by 0.01 instead of multiplied.", lambda: some[4]),
        ("Wrong scale: the factor 0.01 is used.", lambda: scaled(*([0.01] * len(W)))),
        ("Wrong scale: sqrt(1 / n_prev) is used.", lambda: scaled(*(n**-0.5 for n in n_prev))),
        ("Wrong scale: sqrt(2 / n_prev) is used.", lambda: scaled(*((2 / n) ** 0.5 for n in n_prev))),
        ("Wrong scale: the square root is missing, 2 / n_prev is used.", lambda: scaled(*(2 / n for n in n_prev))),
        ("Wrong scale: the square root is missing, 1 / n_prev is used.", lambda: scaled(*(1 / n for n in n_prev))),
        ("Wrong scale: n of the layer itself is used, not n of the layer before.", lambda: scaled(*((2 / n) ** 0.5 for n in dims[1:]))),
        ("Wrong scale: n of the layer itself is used, not n of the layer before.", lambda: scaled(*(n**-0.5 for n in dims[1:]))),
        ("Wrong scale: sqrt(2 * n_prev) is used.", lambda: scaled(*((2 * n) ** 0.5 for n in n_prev))),
        ("The weights are zero: symmetric units stay equal; randn is needed.", lambda: [0 * w for w in W]),
        ("The weights are all equal: symmetric units stay equal; randn is needed.", lambda: [np.full(w.shape, f) for w, f in zip(W, factors, strict=True)]),
        ("np.random.rand (uniform) is used instead of np.random.randn (normal).", lambda: other(lambda r, s: r.rand(*s))),
        ("The weights are transposed: the shape of W is (n, n_prev).", lambda: [w.T for w in W]),
        ("The weights are drawn transposed: the shape of W is (n, n_prev).", lambda: other(lambda r, s: r.randn(*s[::-1]))),
        ("The weights are drawn transposed: randn(n, n_prev) is meant.", lambda: other(lambda r, s: r.randn(*s[::-1]).T)),
        ("The weights are drawn in another order: W1 comes first.", lambda: other(normal, -1)),
        ("The random seed is set again for every layer.", reseeded),
        *((f"Another random seed, {s}, is set in the function.", (lambda s=s: other(normal, 1, s))) for s in range(11) if s != seed),
    )  # fmt: skip
    kind = at("b", "zeros",
        ("The biases are random instead of zero.", lambda: "random"),
        ("The biases are ones instead of zero.", lambda: "ones"),
        ("The shape of b is (n,) instead of (n, 1).", lambda: "rank 1"),
        ("The shape of b is transposed: (1, n) instead of (n, 1).", lambda: "row"),
        ("The shape of b is wrong: b has n of this layer, not n_prev.", lambda: "before"))  # fmt: skip
    parameters: Arrays = {}
    for layer, w in enumerate(weights, start=1):
        parameters |= {f"W{layer}": w, f"b{layer}": biases(kind, dims[layer], dims[layer - 1])}
    return parameters


def biases(kind: str, n: int, n_prev: int) -> Any:
    """Return biases as a learner may start them."""
    shapes: dict[str, Any] = {"rank 1": n, "row": (1, n), "before": (n_prev, 1)}
    fill = {"random": np.nan, "ones": 1.0}.get(kind, 0.0)
    return np.full(shapes.get(kind, (n, 1)), fill)


def initialize_parameters(at: Mistakes, n_x: int, n_h: int, n_y: int) -> Any:
    return drawn_weights(at, (n_x, n_h, n_y), 2, "small")


def tanh(at: Mistakes, Z: Any) -> Any:
    return at(
        "A1",
        np.tanh(Z),
        (m_.wrong_activation("sigmoid", "tanh"), lambda: m_.logistic(Z)),
        (m_.wrong_activation("relu", "tanh"), lambda: np.maximum(0.0, Z)),
        (m_.NO_ACTIVATION.format(right="tanh"), lambda: np.array(Z)),
        ("Wrong function: np.tan is used instead of np.tanh.", lambda: np.tan(Z)),
        ("Wrong function: np.arctan is used instead of np.tanh.", lambda: np.arctan(Z)),
        ("Wrong derivative: 1 - tanh^2 is the derivative of tanh.", lambda: 1 - np.square(np.tanh(Z))),
    )


def forward_propagation(at: Mistakes, X: Any, parameters: Mapping[str, Any]) -> Any:
    Z1 = m_.affine(at, "Z1", parameters["W1"], X, parameters["b1"])
    A1 = tanh(at, Z1)
    A_prev = at(
        "input of layer 2",
        A1,
        ("Layer 2 reads Z1 instead of A1.", lambda: Z1),
        ("Layer 2 reads X instead of A1.", lambda: X),
    )
    Z2 = m_.affine(at, "Z2", parameters["W2"], A_prev, parameters["b2"])
    A2 = m_.sigmoid(at, "A2", Z2)
    kept = {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}
    cache = at("cache", kept,
        ("The cache holds A in place of Z.", lambda: kept | {"Z1": A1, "Z2": A2}),
        ("The cache holds Z in place of A.", lambda: kept | {"A1": Z1, "A2": Z2}),
        ("The layers are swapped in the cache.", lambda: {"Z1": Z2, "A1": A2, "Z2": Z1, "A2": A1}))  # fmt: skip
    return at(
        "A2 returned",
        A2,
        ("Z2 is returned instead of A2.", lambda: Z2),
        ("A1 is returned instead of A2.", lambda: A1),
    ), cache


def compute_cost(at: Mistakes, A2: Any, Y: Any, parameters: Any = None) -> Any:
    return m_.cross_entropy(at, A2, Y)


def tanh_slope(at: Mistakes, Z: Any, A: Any) -> Any:
    return at(
        "slope",
        1 - np.square(A),
        ("Wrong derivative: the square is missing, it is 1 - A1^2.", lambda: 1 - A),
        ("Wrong derivative: that of the sigmoid, A1 (1 - A1), is used instead of tanh's.", lambda: A * (1 - A)),
        ("Wrong derivative: it is 1 - A1^2, not (1 - A1)^2.", lambda: np.square(1 - A)),
        ("Wrong derivative: it is 1 - A1^2, not 1 + A1^2.", lambda: 1 + np.square(A)),
        ("Wrong derivative: it is 1 - A1^2, not A1^2.", lambda: np.square(A)),
        ("Wrong argument of the derivative: 1 - Z1^2 is computed, with Z1 instead of A1.", lambda: 1 - np.square(Z)),
        ("Wrong argument of the derivative: tanh is applied again, it is evaluated at A1 instead of Z1.", lambda: 1 - np.square(np.tanh(A))),
        ("Wrong argument of the derivative: it is evaluated at A1; the sigmoid's is used.", lambda: m_.logistic(Z) * (1 - m_.logistic(Z))),
        ("Wrong derivative: that of relu is used instead of tanh's.", lambda: (Z > 0) * 1.0),
        ("Wrong derivative: tanh itself, A1, is used instead of its derivative.", lambda: A),
        ("The derivative of tanh is missing: dZ1 = W2.T dZ2 * (1 - A1^2).", lambda: np.ones_like(A)),
    )  # fmt: skip


def backward_propagation(
    at: Mistakes, parameters: Mapping[str, Any], cache: Mapping[str, Any], X: Any, Y: Any
) -> Any:
    W2, A1, A2, Z1 = parameters["W2"], cache["A1"], cache["A2"], cache["Z1"]
    dZ2 = at(
        "dZ2",
        A2 - Y,
        ("The labels are missing: dZ2 = A2 - Y, not A2.", lambda: A2),
        ("Wrong derivative: dZ2 = A2 - Y already contains the sigmoid's derivative A2 (1 - A2).", lambda: (A2 - Y) * A2 * (1 - A2)),
        ("Wrong derivative: dZ2 is not dA2 = -Y/A2 + (1-Y)/(1-A2).", lambda: -Y / A2 + (1 - Y) / (1 - A2)),
        ("Wrong derivative: Z2 - Y is computed, it is A2 - Y.", lambda: cache["Z2"] - Y),
        ("Wrong derivative: tanh's derivative is applied to the output layer.", lambda: (A2 - Y) * (1 - np.square(A2))),
        ("Wrong sign: Y is added instead of subtracted.", lambda: A2 + Y),
        ("dZ2 is divided by m, and dW2 and db2 again: divided by m twice.", lambda: (A2 - Y) / Y.shape[1]),
        ("The difference A2 - Y is squared.", lambda: np.square(A2 - Y)),
    )  # fmt: skip
    read = at("A1", A1, ("Wrong factor: Z1 is used instead of A1 in dW2.", lambda: Z1))
    dW2 = m_.mean_product(at, "dW2", dZ2, read)
    db2 = m_.mean_of_rows(at, "db2", dZ2)
    dA1 = at(
        "dA1",
        W2.T @ dZ2,
        ("The weights W2 are missing in dZ1: dZ1 = W2.T dZ2 * (1 - A1^2).", lambda: np.ones_like(W2.T) @ dZ2),
        (m_.NOT_TRANSPOSED, lambda: W2 @ dZ2),
        (m_.NOT_TRANSPOSED, lambda: dZ2 @ W2),
        (m_.NOT_TRANSPOSED, lambda: dZ2 @ W2.T),
        ("dW2 is used in place of W2.", lambda: dW2.T @ dZ2),
        ("The updated sign is wrong: W2.T dZ2 is meant.", lambda: -W2.T @ dZ2),
        (m_.EXTRA_MEAN, lambda: W2.T @ dZ2 / Y.shape[1]),
        ("Z2 or A2 is used in place of dZ2.", lambda: W2.T @ A2),
    )
    dZ1 = at(
        "dZ1",
        dA1 * tanh_slope(at, Z1, A1),
        ("Wrong argument of the derivative: A2 is used instead of A1.", lambda: dA1 * (1 - np.square(A2))),
        (
            m_.ELEMENTWISE.replace(
                "where a matrix product (np.dot or @) is meant", "is meant here, but a sum was built"
            ),
            lambda: dA1 + (1 - np.square(A1)),
        ),
    )
    dW1 = m_.mean_product(
        at, "dW1", dZ1, at("X", X, ("Wrong factor: A1 is used instead of X in dW1.", lambda: A1))
    )
    db1 = m_.mean_of_rows(at, "db1", dZ1)
    return {"dW2": dW2, "db2": db2, "dW1": dW1, "db1": db1}


def updated(
    at: Mistakes, parameters: Mapping[str, Any], grads: Mapping[str, Any], rate: float, usual: float
) -> Arrays:
    """Compute one step of gradient descent."""
    names = list(parameters)
    L = len(parameters) // 2
    step = at(
        "step",
        rate,
        (m_.PLUS, lambda: -rate),
        (m_.NO_RATE, lambda: 1.0),
        ("Wrong sign in the update (a plus), and the learning rate is missing.", lambda: -1.0),
        (m_.RATE_IGNORED, lambda: usual),
        (m_.RATE_IGNORED, lambda: 0.01),
        (m_.RATE_IGNORED, lambda: 0.1),
        (m_.RATE_IGNORED, lambda: 0.5),
        (m_.RATE_IGNORED, lambda: 1.2),
        (m_.RATE_IGNORED, lambda: 0.0075),
        ("The gradient is divided by the learning rate instead of multiplied.", lambda: 1 / rate),
        ("The step is twice as long: there is a factor 2, or the update is made twice.", lambda: 2 * rate),
        ("The step is half as long: there is a factor 1/2.", lambda: rate / 2),
        ("The learning rate is squared, or applied twice.", lambda: rate * rate),
        (m_.NO_UPDATE, lambda: 0.0),
    )
    skipped = at(
        "skipped",
        [],
        (
            "Only the weights are updated: the biases b stay as they were.",
            lambda: [n for n in names if n[0] == "b"],
        ),
        (
            "Only the biases are updated: the weights W stay as they were.",
            lambda: [n for n in names if n[0] == "W"],
        ),
        ("The last layer is not updated: the loop ends at L - 1 instead of L.", lambda: [f"W{L}", f"b{L}"]),
        ("The first layer is not updated: the loop starts at 2 instead of 1.", lambda: ["W1", "b1"]),
        *((f"{n} is not updated.", (lambda n=n: [n])) for n in names),
    )
    # What does not depend on the number of layers comes first, so that it has one number in all cases.
    plus = at("plus", "",
        ("Wrong sign in the update of the biases: it is made with a plus.", lambda: "b"),
        ("Wrong sign in the update of the weights: it is made with a plus.", lambda: "W"),
        *((f"Wrong sign in the update of {n}: it is made with a plus.", (lambda n=n: n)) for n in names))  # fmt: skip
    no_rate = at("no rate", "",
        ("Missing learning rate in the update of the biases.", lambda: "b"),
        ("Missing learning rate in the update of the weights.", lambda: "W"),
        *((f"Missing learning rate in the update of {n}.", (lambda n=n: n)) for n in names))  # fmt: skip
    form = at("form", 0,
        ("Only the step is returned, not the parameter minus the step.", lambda: 1),
        ("The parameter is multiplied by the step.", lambda: 2),
        ("The gradients are returned instead of the parameters.", lambda: 3),
        ("The sign is reversed: the parameter is subtracted from the step.", lambda: 4),
        ("The step is multiplied by the parameter: W - learning_rate * dW is meant, not W * (1 - learning_rate * dW).", lambda: 5),
        ("The parameter and the gradient are swapped: it is W - learning_rate * dW.", lambda: 6),
        ("The learning rate multiplies the whole difference: brackets are wrong, it is W - learning_rate * dW.", lambda: 7))  # fmt: skip
    other = at(
        "gradient",
        "",
        *((f"The gradient of another array is used in the update of {n}.", (lambda n=n: n)) for n in names),
    )
    new = {}
    for name, value in parameters.items():
        size = 0.0 if name in skipped else 1.0 if no_rate and name.startswith(no_rate) else step
        size = -size if plus and name.startswith(plus) else size
        grad = _of_another(name, grads) if name == other else grads[f"d{name}"]
        change = size * grad
        swapped = grad - size * value
        forms = (
            value - change,
            change,
            value * change,
            grad,
            change - value,
            value - value * change,
            swapped,
            size * (value - grad),
        )
        new[name] = forms[form]
    return new


def _of_another(name: str, grads: Mapping[str, Any]) -> Any:
    """The first gradient of the same shape that belongs to another array, or not a number."""
    right = grads[f"d{name}"]
    alike = (g for key, g in grads.items() if key != f"d{name}" and g.shape == right.shape)
    return next(alike, right * np.nan)


def update_parameters(at: Mistakes, parameters: Any, grads: Any, learning_rate: float) -> Any:
    return updated(at, parameters, grads, learning_rate, 1.2)


def update_cases(usual: float, *sizes: int) -> list[list[Any]]:
    """Return parameters, gradients and a learning rate."""
    grads = {f"d{name}": value for name, value in network(12, *sizes).items()}
    return [[network(11, *sizes), grads, rate] for rate in (0.3, usual)]


def nn_model(at: Mistakes, X: Any, Y: Any, n_h: int, num_iterations: int) -> Any:
    seed = at("seed", 3, (ALSO_RIGHT, lambda: 2), *m_.other_seeds(2, 3))
    hidden = at("n_h", n_h, ("The argument n_h is not used: the hidden layer always has 4 units.", lambda: 4))
    parameters = draw([X.shape[0], hidden, Y.shape[0]], seed, "small")
    steps = iterations(at, num_iterations, 5)
    rate = at("step", 1.2, (m_.PLUS, lambda: -1.2),
        (m_.NO_RATE, lambda: 1.0),
        *(("Wrong learning rate: the course uses 1.2.", (lambda other=other: other)) for other in (0.5, 0.12, 0.1, 0.01, 0.001, 0.0075, 0.005, 0.009)))  # fmt: skip
    frozen = at("gradients", False, ("The gradients are computed once, outside of the loop.", lambda: True))
    start = parameters
    for _ in range(steps):
        here = start if frozen else parameters
        _, cache = forward_propagation(RIGHT, X, here)
        parameters = updated(RIGHT, parameters, backward_propagation(RIGHT, here, cache, X, Y), rate, 1.2)
    return at(
        "returned",
        parameters,
        ("The initial parameters are returned: they are not updated, the updates are lost.", lambda: start),
    )


def predict(at: Mistakes, parameters: Any, X: Any) -> Any:
    return labels(at, forward_propagation(at, X, parameters)[0])


def backward_cases() -> list[list[Any]]:
    cases = []
    for seed, n, h, m in ((1, 3, 4, 5), (2, 2, 4, 7), (3, 4, 4, 4)):
        X, Y = examples(seed, n, m)
        parameters = network(seed + 20, n, h, 1)
        cases.append([parameters, forward_propagation(RIGHT, X, parameters)[1], X, Y])
    return cases


def forward_cases() -> list[list[Any]]:
    return [
        [examples(s, n, m)[0], network(s + 20, n, h, 1)]
        for s, n, h, m in ((1, 3, 4, 5), (2, 2, 3, 7), (3, 4, 4, 4))
    ]


def cost_cases() -> list[list[Any]]:
    return [
        [m_.logistic(scale * draws(s).randn(1, m)), np.arange(m).reshape(1, m) % 3 % 2]
        for s, m, scale in ((1, 5, 1.0), (2, 8, 1.0), (3, 6, 4.0))
    ]


EXERCISES = (
    Exercise("sigmoid", ("z",), sigmoid, lambda: [[np.array([[-1.5, 0.3, 2.0], [0.7, -0.2, 1.1]])], [np.array([-2, 0, 2])]]),
    Exercise("layer_sizes",
        ("X", "Y"), layer_sizes, lambda: [[np.ones((5, 3)), np.ones((2, 3))], [np.ones((3, 8)), np.ones((1, 8))]], returns=("n_x", "n_h", "n_y")),
    Exercise("initialize_parameters", ("n_x", "n_h", "n_y"), initialize_parameters, lambda: [[3, 5, 2], [2, 4, 1], [3, 3, 3]], seed=2),
    Exercise("forward_propagation", ("X", "parameters"), forward_propagation, forward_cases, returns=("A2 returned", "cache"), order=("Z1", "A1", "Z2", "A2"),
             helpers=("sigmoid",)),
    Exercise("compute_cost",
        ("A2", "Y", "parameters"), compute_cost, lambda: [[*case, network(4, 3, 4, 1)] for case in cost_cases()], required=2, returns="cost"),
    Exercise("backward_propagation", ("parameters", "cache", "X", "Y"), backward_propagation, backward_cases, order=("dW2", "db2", "dW1", "db1")),
    Exercise("update_parameters", ("parameters", "grads", "learning_rate"), update_parameters, lambda: update_cases(1.2, 3, 4, 1), required=2, changes_arguments=True),
    Exercise("nn_model",
        ("X", "Y", "n_h", "num_iterations"), nn_model, lambda: [[*examples(4, 2, 6), 3, 5], [*examples(5, 3, 7), 5, 8]],
             helpers=("sigmoid", "layer_sizes", "initialize_parameters", "forward_propagation", "compute_cost", "backward_propagation", "update_parameters"),
             seed=3, first_only=True, changes_arguments=True),
    Exercise("predict", ("parameters", "X"), predict, lambda: [[p, X] for X, p in forward_cases()] + [[network(7, 3, 4, 1), draws(8).randn(3, 60)]] + [[{k: 0 * v for k, v in network(1, 2, 3, 1).items()}, draws(9).randn(2, 4)]],
             helpers=("sigmoid", "forward_propagation")),
)  # fmt: skip
