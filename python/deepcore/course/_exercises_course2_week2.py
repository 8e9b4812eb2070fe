"""The exercises of course 2, week 2, with their usual mistakes."""

# ruff: noqa: E501 - a mistake, or an exercise, is one line of a table
from __future__ import annotations

from typing import Any

import numpy as np

from deepcore.course import _mistakes as m_
from deepcore.course._exercise import Exercise
from deepcore.course._exercises_week2 import draws
from deepcore.course._exercises_week3 import network, update_cases, updated
from deepcore.course._mistakes import ALSO_RIGHT, Mistakes

Arrays = dict[str, Any]


def update_parameters_with_gd(at: Mistakes, parameters: Any, grads: Any, learning_rate: float) -> Any:
    return updated(at, parameters, grads, learning_rate, 0.0007)


def random_mini_batches(at: Mistakes, X: Any, Y: Any, mini_batch_size: int, seed: int) -> Any:
    m = X.shape[1]
    random = np.random.RandomState(seed)
    order = random.permutation(m)

    def another() -> Any:
        return random.permutation(m)

    order = at(
        "order",
        order,
        ("The columns are not shuffled.", lambda: np.arange(m)),
        (
            "The random seed is not used: np.random.seed(seed) is missing or has another number.",
            lambda: np.random.RandomState(0).permutation(m),
        ),
    )
    order_Y = at(
        "order of Y",
        order,
        ("Y is not shuffled like X: the examples lose their labels.", lambda: np.arange(m)),
        ("Y is not shuffled like X: one permutation is drawn, and used for both.", another),
    )
    order_X = at(
        "order of X",
        order,
        ("X is not shuffled like Y: the examples lose their labels.", lambda: np.arange(m)),
        ("X is not shuffled like Y: one permutation is drawn, and used for both.", another),
    )
    size = mini_batch_size
    full = m // size
    ends = at("ends", [(k, min(k + size, m)) for k in range(0, m, size)],
        ("The last mini-batch, which is smaller, is missing.", lambda: [(k * size, (k + 1) * size) for k in range(full)]),
        ("The first full mini-batch is missing: the loop starts at 0.", lambda: [(k, min(k + size, m)) for k in range(size, m, size)]),
        ("A full mini-batch is missing: there are floor(m / mini_batch_size) of them.", lambda: [*((k * size, (k + 1) * size) for k in range(full - 1)), (full * size, m)]),
        ("The last mini-batch starts at the wrong column: it holds the rest after the full ones.", lambda: [*((k * size, (k + 1) * size) for k in range(full)), *([(m - size, m)] if m % size else [])]),
        ("Every mini-batch is the first one: the number of the batch is not used.", lambda: [(0, size) for _ in range(full)] + [(full * size, m)]),
        ("The mini-batches overlap by one column: the slice ends at (k + 1) * mini_batch_size.", lambda: [(k, min(k + size + 1, m)) for k in range(0, m, size)]),
        ("A column is missing in the mini-batches: the slice ends at (k + 1) * mini_batch_size.", lambda: [(k, min(k + size - 1, m)) for k in range(0, m, size)]))  # fmt: skip
    return [(X[:, order_X[a:b]], Y[:, order_Y[a:b]]) for a, b in ends]


def zeros(at: Mistakes, parameters: Any, place: str) -> Arrays:
    """Return zeros in the shapes of the parameters."""
    return {f"d{name}": zero_like(at, value, place) for name, value in parameters.items()}


def zero_like(at: Mistakes, value: Any, place: str) -> Any:
    """Return zeros in the shape of an array."""
    return at(
        place,
        np.zeros(value.shape),
        ("It starts at ones instead of zeros.", lambda: np.ones(value.shape)),
        ("It starts at the parameters instead of zeros.", lambda: value * 1.0),
    )


def initialize_velocity(at: Mistakes, parameters: Any) -> Any:
    return zeros(at, parameters, "v")


def average(
    at: Mistakes, place: str, old: Any, new: Any, beta: float, what: str, other: float | None = None
) -> Any:
    """Compute ``beta old + (1 - beta) new``; Adam has an ``other`` beta that can be taken by mistake."""
    mixed = beta if other is None else other
    return at(
        place,
        beta * old + (1 - beta) * new,
        (f"The factor of the gradient is {what} instead of 1 - {what}.", lambda: beta * old + beta * new),
        (f"The factor of the old average is 1 - {what} instead of {what}.", lambda: (1 - beta) * (old + new)),
        ("beta1 and beta2 are swapped.", lambda: mixed * old + (1 - mixed) * new),
        (
            "beta1 and beta2 are mixed: the old average has the wrong one.",
            lambda: mixed * old + (1 - beta) * new,
        ),
        (
            "beta1 and beta2 are mixed: the gradient has the wrong one.",
            lambda: beta * old + (1 - mixed) * new,
        ),
        (f"The factor 1 - {what} is missing before the gradient.", lambda: beta * old + new),
        (
            f"{what} and 1 - {what} are swapped: {what} belongs to the old average.",
            lambda: (1 - beta) * old + beta * new,
        ),
        (f"The old average is missing: it has the factor {what}.", lambda: (1 - beta) * new),
        (f"The factor {what} is missing before the old average.", lambda: old + (1 - beta) * new),
        (f"The new gradient is missing: it has the factor 1 - {what}.", lambda: beta * old),
        (f"The average is not built: the gradient itself is kept, without {what}.", lambda: new * 1.0),
        (
            "The gradient is squared: the average is that of the gradients themselves.",
            lambda: beta * old + (1 - beta) * np.square(new),
        ),
        ("Wrong sign: the gradient is subtracted in the average.", lambda: beta * old - (1 - beta) * new),
        (f"Wrong factor: 1 + {what} is used instead of 1 - {what}.", lambda: beta * old + (1 + beta) * new),
        ("The factors of both terms are swapped with 1.", lambda: old + new),
        ("The average is not updated: the old one is used.", lambda: old * 1.0),
    )


def stepped(at: Mistakes, rate: float) -> float:
    """Return the factor of an update."""
    return float(
        at(
            "step",
            rate,
            (m_.PLUS, lambda: -rate),
            (m_.NO_RATE, lambda: 1.0),
            (m_.NO_UPDATE, lambda: 0.0),
            (m_.RATE_IGNORED, lambda: 0.01),
        )
    )


def left_out(at: Mistakes, parameters: Any) -> list[str]:
    """Return the parameters that are not updated by mistake."""
    L = len(parameters) // 2
    return list(at("left out", [],
        ("The last layer is not updated: the loop must run over all L = len(parameters) // 2 layers.", lambda: [f"W{L}", f"b{L}"]),
        ("The biases are not updated.", lambda: [n for n in parameters if n[0] == "b"]),
        ("The first layer is not updated.", lambda: ["W1", "b1"])))  # fmt: skip


def update_parameters_with_momentum(
    at: Mistakes, parameters: Any, grads: Any, v: Any, beta: float, learning_rate: float
) -> Any:
    beta = at("beta", beta, ("The argument beta is not used: 0.9 is written into the code.", lambda: 0.9))
    gradient_factor = (
        "The learning rate is the factor of the gradient in v: in the course this is 1 - beta, and the step "
        "is learning_rate * v."
    )

    def velocity(old: Any, new: Any) -> Any:
        right = average(at, "v", old, new, beta, "beta")
        return at("form", right, (gradient_factor, lambda: beta * old + learning_rate * new))

    new_v = {name: velocity(old, grads[name]) for name, old in v.items()}
    used = at(
        "used",
        new_v,
        ("The gradient is used in the update instead of the velocity v.", lambda: grads),
        ("The old velocity is used in the update instead of the new one.", lambda: v),
    )
    step, skip = stepped(at, learning_rate), left_out(at, parameters)
    new = {
        name: value - (0 if name in skip else step) * used[f"d{name}"] for name, value in parameters.items()
    }
    return new, new_v


def squared(at: Mistakes, grad: Any) -> Any:
    """Compute the squares that Adam averages."""
    cause = "The square is missing: s is the average of the squared gradients."
    return at("squares", np.square(grad), (cause, lambda: grad * 1.0))


def update_parameters_with_adam(
    at: Mistakes,
    parameters: Any,
    grads: Any,
    v: Any,
    s: Any,
    t: int,
    learning_rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> Any:
    beta1, beta2 = at("betas", (beta1, beta2),
        ("The arguments beta1 and beta2 are not used: 0.9 and 0.999 are written into the code.", lambda: (0.9, 0.999)))  # fmt: skip
    squares = {name: squared(at, grad) for name, grad in grads.items()}
    new_v = {name: average(at, "v", v[name], grads[name], beta1, "beta1", beta2) for name in v}
    new_s = {name: average(at, "s", s[name], squares[name], beta2, "beta2", beta1) for name in s}
    missing = "Missing bias correction"
    c_v, c_s = at(
        "correction",
        (1 - beta1**t, 1 - beta2**t),
        (f"{missing}: v and s must be divided by 1 - beta^t.", lambda: (1.0, 1.0)),
        (f"{missing} of s: divide it by 1 - beta2^t.", lambda: (1 - beta1**t, 1.0)),
        (f"{missing} of v: divide it by 1 - beta1^t.", lambda: (1.0, 1 - beta2**t)),
        ("Wrong bias correction: the power t is missing, it is 1 - beta^t.", lambda: (1 - beta1, 1 - beta2)),
        ("Wrong bias correction of v: the power t is missing, it is 1 - beta1^t.", lambda: (1 - beta1, 1 - beta2**t)),
        ("Wrong bias correction of s: the power t is missing, it is 1 - beta2^t.", lambda: (1 - beta1**t, 1 - beta2)),
        ("Wrong bias correction: beta * t is used instead of beta^t.", lambda: (1 - beta1 * t, 1 - beta2 * t)),
        ("Wrong bias correction: beta2 is used for v and beta1 for s (swapped).", lambda: (1 - beta2**t, 1 - beta1**t)),
        ("Wrong bias correction of s: beta1 is used instead of beta2.", lambda: (1 - beta1**t, 1 - beta1**t)),
        ("Wrong bias correction of v: beta2 is used instead of beta1.", lambda: (1 - beta2**t, 1 - beta2**t)),
        ("Wrong bias correction: the exponent is t + 1 instead of t.", lambda: (1 - beta1 ** (t + 1), 1 - beta2 ** (t + 1))),
        ("Wrong bias correction: the exponent is t - 1 instead of t.", lambda: (1 - beta1 ** (t - 1), 1 - beta2 ** (t - 1))),
        ("Wrong bias correction: v and s are multiplied by 1 - beta^t instead of divided.", lambda: (1 / (1 - beta1**t), 1 / (1 - beta2**t))),
        ("Wrong bias correction: the exponent 2 is written into the code; it is t.", lambda: (1 - beta1**2, 1 - beta2**2)),
        ("Wrong bias correction: 1 + beta^t is used instead of 1 - beta^t.", lambda: (1 + beta1**t, 1 + beta2**t)),
    )  # fmt: skip
    form = at("form", "outside", (ALSO_RIGHT, lambda: "inside"),
        ("The argument epsilon is not used: 1e-8 is written into the code.", lambda: "usual epsilon"),
        ("epsilon is missing in the update.", lambda: "no epsilon"),
        ("Brackets are missing: epsilon is added to sqrt(s) in the denominator, not to the quotient.", lambda: "step plus epsilon"),
        ("Brackets are missing: epsilon is added to sqrt(s) in the denominator, not to the parameter.", lambda: "value plus epsilon"),
        ("The square root of s is missing in the update.", lambda: "no root"),
        ("The update is not divided by sqrt(s).", lambda: "no s"),
        ("The gradient is used in the update instead of v.", lambda: "gradient"),
        ("v and s are swapped in the update.", lambda: "exchanged"))  # fmt: skip
    step, skip = stepped(at, learning_rate), left_out(at, parameters)
    new = {}
    for name, value in parameters.items():
        v_hat, s_hat, g = new_v[f"d{name}"] / c_v, new_s[f"d{name}"] / c_s, grads[f"d{name}"]
        changes = {
            "outside": v_hat / (np.sqrt(s_hat) + epsilon),
            "inside": v_hat / np.sqrt(s_hat + epsilon),
            "step plus epsilon": v_hat / np.sqrt(s_hat) + epsilon,
            "value plus epsilon": v_hat / np.sqrt(s_hat) - epsilon / learning_rate,
            "no epsilon": v_hat / np.sqrt(s_hat),
            "usual epsilon": v_hat / (np.sqrt(s_hat) + 1e-8),
            "no root": v_hat / (s_hat + epsilon),
            "no s": v_hat,
            "gradient": g / (np.sqrt(s_hat) + epsilon),
            "exchanged": s_hat / (np.sqrt(np.abs(v_hat)) + epsilon),
        }
        new[name] = value - (0 if name in skip else step) * changes[form]
    stored = at(
        "stored",
        (new_v, new_s),
        (
            "The corrected averages are returned in place of v and s.",
            lambda: ({n: x / c_v for n, x in new_v.items()}, {n: x / c_s for n, x in new_s.items()}),
        ),
    )
    return new, *stored


def initialize_adam(at: Mistakes, parameters: Any) -> Any:
    return zeros(at, parameters, "v"), zeros(at, parameters, "s")


def update_lr(at: Mistakes, learning_rate0: float, epoch_num: int, decay_rate: float) -> Any:
    x = decay_rate * epoch_num
    return at("learning rate", learning_rate0 / (1 + x),
        ("Brackets are missing: learning_rate0 / (1 + decay_rate * epoch_num).", lambda: learning_rate0 / 1 + x),
        ("The 1 is missing in the denominator 1 + decay_rate * epoch_num.", lambda: learning_rate0 / x),
        ("Multiplied instead of divided: the rate falls with the epochs.", lambda: learning_rate0 * (1 + x)),
        ("Wrong sign in the denominator: it is 1 + decay_rate * epoch_num.", lambda: learning_rate0 / (1 - x)),
        ("decay_rate is missing.", lambda: learning_rate0 / (1 + epoch_num)),
        ("epoch_num is missing.", lambda: learning_rate0 / (1 + decay_rate)),
        ("The learning rate learning_rate0 is missing in the numerator.", lambda: 1 / (1 + x)),
        ("The decay is exponential: the course divides by 1 + decay_rate * epoch_num.", lambda: learning_rate0 * decay_rate**epoch_num),
        ("learning_rate0 and decay_rate are swapped.", lambda: decay_rate / (1 + learning_rate0 * epoch_num)),
        ("The rate does not decay.", lambda: learning_rate0))  # fmt: skip


def schedule_lr_decay(
    at: Mistakes, learning_rate0: float, epoch_num: int, decay_rate: float, time_interval: int
) -> Any:
    q = epoch_num / time_interval
    steps = at("steps", float(np.floor(q)),
        ("np.floor is missing: the rate stays the same within an interval.", lambda: q),
        ("Rounded up instead of down: np.floor is meant.", lambda: float(np.ceil(q))),
        ("Rounded to the nearest instead of down: np.floor is meant.", lambda: float(np.round(q))),
        ("The time interval is missing: floor(epoch_num / time_interval).", lambda: float(epoch_num)),
        ("The remainder (%) is used instead of floor(epoch_num / time_interval).", lambda: float(epoch_num % time_interval)),
        ("The fraction is upside down.", lambda: float(np.floor(time_interval / epoch_num)) if epoch_num else 0.0))  # fmt: skip
    return update_lr(at, learning_rate0, steps, decay_rate)


def slots(seed: int, positive: bool = False) -> Arrays:
    values = {f"d{name}": 0.3 * value for name, value in network(seed, 3, 4, 1).items()}
    return {name: np.square(value) if positive else value for name, value in values.items()}


def momentum_cases() -> list[list[Any]]:
    return [[network(1, 3, 4, 1), slots(2), slots(3), beta, rate] for beta, rate in ((0.9, 0.05), (0.8, 0.3))]


def adam_cases() -> list[list[Any]]:
    return [
        [network(1, 3, 4, 1), slots(2), slots(3), slots(4, True), t, rate, 0.9, 0.99, epsilon]
        for t, rate, epsilon in ((3, 0.05, 1e-8), (5, 0.2, 0.01))
    ]


def batch_cases() -> list[list[Any]]:
    return [
        [draws(m).randn(2, m), np.arange(m).reshape(1, m) % 2, size, seed]
        for m, size, seed in ((10, 4, 3), (9, 3, 1), (7, 2, 5))
    ]


EXERCISES = (
    Exercise("update_parameters_with_gd", ("parameters", "grads", "learning_rate"), update_parameters_with_gd, lambda: update_cases(0.0007, 3, 4, 1), changes_arguments=True),
    Exercise("random_mini_batches", ("X", "Y", "mini_batch_size", "seed"), random_mini_batches, batch_cases, returns="mini_batches", items=("mini_batch_X", "mini_batch_Y")),
    Exercise("initialize_velocity", ("parameters",), initialize_velocity, lambda: [[network(1, 3, 4, 1)], [network(2, 2, 3, 2, 1)]]),
    Exercise("update_parameters_with_momentum", ("parameters", "grads", "v", "beta", "learning_rate"), update_parameters_with_momentum, momentum_cases,
             returns=("parameters", "v"), order=("v: dW1", "v: db1", "v: dW2", "v: db2"), changes_arguments=True),
    Exercise("initialize_adam", ("parameters",), initialize_adam, lambda: [[network(1, 3, 4, 1)], [network(2, 2, 3, 2, 1)]], returns=("v", "s")),
    Exercise("update_parameters_with_adam", ("parameters", "grads", "v", "s", "t", "learning_rate", "beta1", "beta2", "epsilon"), update_parameters_with_adam, adam_cases,
             returns=("parameters", "v", "s"), order=tuple(f"{a}: {n}" for a in "vs" for n in ("dW1", "db1", "dW2", "db2")), first_only=True, changes_arguments=True),
    Exercise("update_lr", ("learning_rate0", "epoch_num", "decay_rate"), update_lr, lambda: [[0.5, 2, 1], [0.3, 7, 0.4]], returns="learning rate"),
    Exercise("schedule_lr_decay", ("learning_rate0", "epoch_num", "decay_rate", "time_interval"), schedule_lr_decay,
             lambda: [[0.5, 10, 0.3, 100], [0.5, 170, 0.3, 100], [0.4, 250, 0.5, 100]], returns="learning rate"),
)  # fmt: skip
