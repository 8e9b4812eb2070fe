"""Formulas with their usual mistakes: one text computes the right result and the result of every mistake.

A formula of an exercise is written once, with a ``Mistakes`` object called ``at``::

    db = at("db", dZ.sum(axis=1, keepdims=True) / m, (NO_MEAN, lambda: dZ.sum(axis=1, keepdims=True)))

With ``Mistakes()`` this is the right db. ``causes`` lists the mistakes, and ``Mistakes(choice)`` makes one.
"""

# ruff: noqa: E501 - a mistake is one line of a table

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from deepcore.course._arguments import Array

Mistake: TypeAlias = tuple[str, Callable[[], Any]]
Choice: TypeAlias = tuple[str, int]

# A result that is not a mistake: editions of the course differ, or both forms are in use.
ALSO_RIGHT = ""

SIGN = "Wrong sign: a minus sign is missing, or there is one too many."
TRANSPOSED = "The matrix is transposed: rows and columns are swapped."
NOT_TRANSPOSED = "A transpose is missing or misplaced: one factor of the matrix product must be transposed."
NO_MEAN = "Missing 1/m: the sum over the examples is not divided by m, the number of columns, shape[1]."
TWICE_MEAN = "Divided by m twice: 1/m belongs there once."
EXTRA_MEAN = "There is a factor 1/m too many: this array is not a mean over the examples."
WRONG_M = "Divided by the wrong number: m is the number of columns, shape[1], not the number of rows."
WRONG_AXIS = "Summed over the wrong axis: the sum over the examples is axis=1."
ALL_AXES = "Summed over all axes, so over a wrong axis as well: the sum needs axis=1 and keepdims=True."
NO_SUM = "The sum over the examples is missing."
ONE_EXAMPLE = "Only the {which} example is used: the sum over the examples must grow in the loop, with +=."
KEEPDIMS = "Missing keepdims=True in the sum: the shape is (n,) instead of (n, 1)."
ELEMENTWISE = "An elementwise product (* or np.multiply, element by element) stands where a matrix product (np.dot or @) is meant."
BIAS = "The bias b is missing: it was forgotten."
BIAS_SIGN = "Wrong sign: the bias is subtracted instead of added."
WRONG_ACTIVATION = "Wrong activation function: {found} is used instead of {right}."
NO_ACTIVATION = "Wrong activation: the activation function {right} is missing."
PLUS = "Wrong sign in the update: it is made with a plus; gradient descent subtracts the gradient."
NO_RATE = "Missing learning rate: the gradient is subtracted without the factor learning_rate."
NO_UPDATE = "The parameters are not updated."
RATE_IGNORED = "The argument learning_rate is not used: another learning rate is written into the code."


class Mistakes:
    """Evaluates a formula right, or with the mistakes that were chosen.

    Attributes:
        causes: The cause of every mistake that the formula offers, by its place and number, in the order met.
        layer: Set in a loop over layers; a mistake can then be made in all layers or in one of them.
    """

    def __init__(self, *chosen: Choice) -> None:
        self.chosen = dict(chosen)
        self.causes: dict[Choice, str] = {}
        self.layer: int | None = None

    def __call__(self, place: str, right: Any, *mistakes: Mistake) -> Any:
        """Return ``right``, or what the mistake that was chosen for ``place`` gives."""
        offered = [*mistakes, *_usual(right)]
        here = "" if self.layer is None else f"{place}, layer {self.layer}"
        for number, (cause, wrong) in enumerate(offered):
            self.causes[place, number] = cause
            if here:
                self.causes[here, number] = cause
            if number in (self.chosen.get(place), self.chosen.get(here)):
                return wrong()
        return right


def _usual(right: Any) -> list[Mistake]:
    if not isinstance(right, np.ndarray | np.floating) or np.asarray(right).dtype.kind != "f":
        return []
    flipped: list[Mistake] = [(SIGN, lambda: -right)]
    if np.ndim(right) == 2:
        flipped.append((TRANSPOSED, lambda: np.asarray(right).T))
    return flipped


def wrong_activation(found: str, right: str) -> str:
    """Say which activation was used instead of which."""
    return WRONG_ACTIVATION.format(found=found, right=right)


def logistic(z: Any) -> Any:
    """Compute the sigmoid of float64 numbers."""
    return 1 / (1 + np.exp(-np.asarray(z, np.float64)))


def sigmoid(at: Mistakes, place: str, z: Any) -> Any:
    """Compute ``sigmoid(z)`` at a place of a formula."""
    right = logistic(z)
    return at(
        place,
        right,
        ("Wrong sign in the exponent: it is exp(-z); a minus sign is missing.", lambda: 1 / (1 + np.exp(z))),
        ("Wrong sign in the denominator: it is 1 + exp(-z).", lambda: 1 / (1 - np.exp(-z))),
        ("Brackets are missing: 1 / 1 + exp(-z) is (1 / 1) + exp(-z).", lambda: 1 + np.exp(-z)),
        (NO_ACTIVATION.format(right="sigmoid"), lambda: np.asarray(z, np.float64)),
        (wrong_activation("tanh", "sigmoid"), lambda: np.tanh(z)),
        (wrong_activation("relu", "sigmoid"), lambda: np.maximum(0.0, z)),
        (wrong_activation("softmax", "sigmoid"), lambda: np.exp(z) / np.exp(z).sum(axis=0)),
        ("The exponent is wrong: exp(-z) is meant, base e, not a power of 2.", lambda: 1 / (1 + 2.0**-z)),
        ("The exponent is wrong: exp(-z) is meant, base e, not a power of 10.", lambda: 1 / (1 + 10.0**-z)),
        *(
            ("The base e is rounded: use np.exp.", (lambda e=e: 1 / (1 + e**-z)))
            for e in (2.7, 2.718, 2.71828)
        ),
        ("The sigmoid is rounded to 0 or 1.", lambda: np.round(right)),
        ("Wrong exponent: exp(-z^2) is computed, it is exp(-z).", lambda: logistic(np.square(z))),
        ("Wrong argument: exp(-|z|) is computed, it is exp(-z).", lambda: logistic(np.abs(z))),
        (
            "The numerator is wrong: exp(-z) / (1 + exp(-z)) is 1 - sigmoid(z).",
            lambda: logistic(-np.asarray(z, np.float64)),
        ),
        ("The sigmoid is applied twice.", lambda: logistic(right)),
        ("Wrong derivative: this is the derivative of the sigmoid.", lambda: right * (1 - right)),
    )


def relu(at: Mistakes, place: str, Z: Array) -> Array:
    """Compute ``max(0, Z)`` at a place of a formula."""
    return at(  # type: ignore[no-any-return]
        place,
        np.maximum(0.0, Z),
        (NO_ACTIVATION.format(right="relu"), lambda: np.array(Z)),
        (wrong_activation("sigmoid", "relu"), lambda: logistic(Z)),
        (wrong_activation("tanh", "relu"), lambda: np.tanh(Z)),
        *(
            (wrong_activation("leaky relu", "relu"), (lambda s=s: np.where(Z > 0, Z, s * Z)))
            for s in (0.01, 0.1, 0.2, 0.3, 0.001)
        ),
        *(
            (
                f"The values are clipped at {top}: relu has no upper bound.",
                (lambda top=top: np.clip(Z, 0, top)),
            )
            for top in (1, 6)
        ),
        (wrong_activation("elu", "relu"), lambda: np.where(Z > 0, Z, np.expm1(np.minimum(Z, 0)))),
        (wrong_activation("softplus", "relu"), lambda: np.logaddexp(0, Z)),
        (wrong_activation("the absolute value", "relu"), lambda: np.abs(Z)),
        ("Wrong side: relu is max(0, Z), not min(0, Z).", lambda: np.minimum(0.0, Z)),
        ("Wrong derivative: this is the derivative of relu, 0 or 1.", lambda: (Z > 0) * 1.0),
        ("The maximum is taken over the whole array: use np.maximum(0, Z).", lambda: np.max(Z)),
    )


def affine(at: Mistakes, place: str, W: Array, A: Array, b: Any) -> Array:
    """Compute ``W A + b`` at a place of a formula."""
    return at(  # type: ignore[no-any-return]
        place,
        W @ A + b,
        (BIAS, lambda: W @ A),
        (BIAS_SIGN, lambda: W @ A - b),
        (NOT_TRANSPOSED, lambda: W.T @ A + b),
        (NOT_TRANSPOSED, lambda: W @ A.T + b),
        (
            "The factors are swapped: the matrix product is W A, not A W (transposed order).",
            lambda: A @ W + b,
        ),
        (ELEMENTWISE, lambda: W * A + b),
        (ELEMENTWISE, lambda: W.T * A + b),
        ("The bias is multiplied instead of added.", lambda: (W @ A) * b),
        (
            "The bias has the shape (n,) instead of (n, 1): it is stretched along the units.",
            lambda: W @ A + np.ravel(b),
        ),
    )


def other_seeds(*right: int) -> list[Mistake]:
    """Mistakes of a model that starts from the weights of another seed."""
    cause = "Another random seed, {seed}, is set: the course's initial weights have np.random.seed({right})."

    def starting_from(seed: int) -> Mistake:
        return cause.format(seed=seed, right=right[-1]), lambda: seed

    return [starting_from(seed) for seed in (0, 1, 2, 3, 42) if seed not in right]


def sum_mistakes(S: Array, m: int) -> list[Mistake]:
    """Mistakes of a sum over examples that must be divided by m; S is the sum."""
    n = S.shape[0] if np.ndim(S) else 1
    return [
        (NO_MEAN, lambda: S),
        (TWICE_MEAN, lambda: S / m / m),
        ("Multiplied by m instead of divided: 1/m is meant.", lambda: S * m),
        ("There is an extra factor 1/2: the mean is 1/m, not 1/(2m).", lambda: S / m / 2),
        ("There is an extra factor 2.", lambda: 2 * S / m),
        (WRONG_M, lambda: S / n),
    ]


def one_example(term: Callable[[int], Any], m: int) -> list[Mistake]:
    """Mistakes of a loop over the examples that keeps one term instead of their sum."""

    def tried(which: str, i: int, divisor: int) -> Mistake:
        return ONE_EXAMPLE.format(which=which), lambda: term(i) / divisor

    return [tried(which, i, divisor) for which, i in (("first", 0), ("last", m - 1)) for divisor in (m, 1)]


def mean_product(at: Mistakes, place: str, dZ: Array, A: Array) -> Array:
    """Compute ``dZ A' / m``, the gradient of weights, at a place of a formula."""
    m = A.shape[1]
    S = dZ @ A.T
    return at(  # type: ignore[no-any-return]
        place,
        S / m,
        *sum_mistakes(S, m),
        (WRONG_M, lambda: S / A.shape[0]),
        (NOT_TRANSPOSED, lambda: dZ @ A / m),
        (NOT_TRANSPOSED, lambda: dZ.T @ A / m),
        (NOT_TRANSPOSED, lambda: A @ dZ / m),
        (NOT_TRANSPOSED, lambda: A.T @ dZ / m),
        (NOT_TRANSPOSED + " Missing 1/m as well.", lambda: dZ @ A),
        (NOT_TRANSPOSED + " Missing 1/m as well.", lambda: A @ dZ.T),
        (ELEMENTWISE, lambda: dZ * A.T / m),
        (ELEMENTWISE + " Missing 1/m as well.", lambda: dZ * A),
        (ELEMENTWISE, lambda: dZ * A / m),
        (TRANSPOSED, lambda: A @ dZ.T / m),
        ("Wrong factor: dZ stands twice; dW is the product of dZ and A_prev.", lambda: dZ @ dZ.T / m),
        *one_example(lambda i: dZ[:, i : i + 1] @ A[:, i : i + 1].T, m),
    )


def mean_of_rows(at: Mistakes, place: str, dZ: Array) -> Array:
    """Compute the mean of every row of dZ, the gradient of biases, at a place of a formula."""
    m = dZ.shape[1]
    S = dZ.sum(axis=1, keepdims=True)
    total = dZ.sum()
    return at(  # type: ignore[no-any-return]
        place,
        S / m,
        *sum_mistakes(S, m),
        (KEEPDIMS, lambda: S[:, 0] / m),
        (KEEPDIMS + " Missing 1/m as well.", lambda: S[:, 0]),
        (WRONG_AXIS, lambda: dZ.sum(axis=0, keepdims=True) / m),
        (WRONG_AXIS, lambda: dZ.sum(axis=0, keepdims=True)),
        (WRONG_AXIS, lambda: dZ.mean(axis=0, keepdims=True)),
        (WRONG_AXIS + " Missing keepdims=True as well.", lambda: dZ.sum(axis=0) / m),
        (WRONG_AXIS + " Missing keepdims=True as well.", lambda: dZ.mean(axis=0)),
        (WRONG_AXIS + " Missing keepdims=True and 1/m as well.", lambda: dZ.sum(axis=0)),
        (ALL_AXES, lambda: np.full((1, 1), total / m)),
        (ALL_AXES, lambda: total / m),
        (ALL_AXES, lambda: np.full(S.shape, total / m)),
        (ALL_AXES + " The mean of all elements is not a mean over examples.", dZ.mean),
        (ALL_AXES + " Missing 1/m as well.", lambda: total),
        (NO_SUM, lambda: dZ / m),
        (NO_SUM + " Missing 1/m as well.", lambda: dZ),
        *one_example(lambda i: dZ[:, i : i + 1], m),
    )


def cross_entropy(at: Mistakes, A: Array, Y: Array, place: str = "cost") -> Any:
    """Compute the mean cross-entropy of outputs A for labels Y."""
    m = Y.shape[1]
    log, L0, L1 = np.log, np.log(1 - A), np.log(A)
    wrong_log = "Log of the wrong term: Y goes with log(A), and 1 - Y with log(1 - A)."
    losses = at(
        "losses",
        Y * L1 + (1 - Y) * L0,
        ("The second term is missing: (1 - Y) * log(1 - A).", lambda: Y * L1),
        ("The first term is missing: Y * log(A).", lambda: (1 - Y) * L0),
        (wrong_log, lambda: Y * L0 + (1 - Y) * L1),
        (wrong_log + " Here log(A) stands twice.", lambda: L1 * 1.0),
        (wrong_log + " Here log(1 - A) stands twice.", lambda: L0 * 1.0),
        (wrong_log + " 1 - log(A) is not log(1 - A).", lambda: Y * L1 + (1 - Y) * (1 - L1)),
        (wrong_log + " It is log(1 - A), not log(1 + A).", lambda: Y * L1 + (1 - Y) * log(1 + A)),
        (wrong_log + " 1 - Y is missing before log(1 - A).", lambda: Y * L1 + L0),
        (wrong_log + " Y stands in place of 1 - Y.", lambda: Y * L1 + Y * L0),
        (wrong_log + " Y is missing before log(A).", lambda: L1 + (1 - Y) * L0),
        ("Wrong sign between the terms: both are added.", lambda: Y * L1 - (1 - Y) * L0),
        ("Wrong sign: the second factor is 1 - Y, not 1 + Y.", lambda: Y * L1 + (1 + Y) * L0),
        ("The log is missing in the first term.", lambda: Y * A + (1 - Y) * L0),
        ("The log is missing in the second term.", lambda: Y * L1 + (1 - Y) * (1 - A)),
        ("The log is missing.", lambda: Y * A + (1 - Y) * (1 - A)),
        ("The logarithm is log10, to base 10; the natural log, np.log, is meant.", lambda: (Y * L1 + (1 - Y) * L0) / log(10)),
        ("The logarithm is log2, to base 2; the natural log, np.log, is meant.", lambda: (Y * L1 + (1 - Y) * L0) / log(2)),
        ("The logarithm of the first term is log10; the natural log, np.log, is meant.", lambda: Y * L1 / log(10) + (1 - Y) * L0),
        ("The logarithm of the second term is log10; the natural log, np.log, is meant.", lambda: Y * L1 + (1 - Y) * L0 / log(10)),
        ("The logarithm of the first term is log2; the natural log, np.log, is meant.", lambda: Y * L1 / log(2) + (1 - Y) * L0),
        ("The logarithm of the second term is log2; the natural log, np.log, is meant.", lambda: Y * L1 + (1 - Y) * L0 / log(2)),
        *((f"A is clipped at {low} and 1 - {low}: the cost needs A itself.", (lambda low=low: Y * log(np.clip(A, low, 1 - low)) + (1 - Y) * log(1 - np.clip(A, low, 1 - low)))) for low in (0.1, 0.05, 0.01, 0.001)),
        *((f"{eps} is added inside of the log: only a tiny number such as 1e-15 leaves the cost as it is.", (lambda eps=eps: Y * log(A + eps) + (1 - Y) * log(1 - A + eps))) for eps in (0.1, 0.01, 0.001, 0.0001, 1e-5)),
        ("The logarithm is log1p, log of 1 + A; np.log is meant.", lambda: Y * log(1 + A) + (1 - Y) * log(2 - A)),
        ("A and Y are swapped: log of the wrong term.", lambda: A * log(Y) + (1 - A) * log(1 - Y)),
        ("A squared error is computed, not the cross-entropy with its log.", lambda: -np.square(A - Y)),
        ("Half a squared error is computed, not the cross-entropy with its log.", lambda: -np.square(A - Y) / 2),
        ("An absolute error is computed, not the cross-entropy with its log.", lambda: -np.abs(A - Y)),
    )  # fmt: skip
    first, second = (Y * L1).sum(), ((1 - Y) * L0).sum()
    return at(
        place,
        -losses.sum() / m,
        *sum_mistakes(-losses.sum(), m),
        ("Brackets are missing: the minus sign and 1/m stand before both terms, not before the first one only.", lambda: -first / m + second),
        ("Brackets are missing: 1/m stands before both terms, not before the first one only.", lambda: -first / m - second),
        ("Brackets are missing: 1/m stands before both terms, not before the second one only.", lambda: -first - second / m),
        ("Brackets are missing: 1/m stands before both terms, not before the second one only.", lambda: first - second / m),
        (NO_SUM + " The cost is one number, not an array of shape (1, m).", lambda: -losses / m),
        (NO_SUM + " Each example's loss is returned.", lambda: -losses),
        ("The cost has shape (1, 1) instead of being a number: use np.squeeze or float.", lambda: -losses.sum(keepdims=True) / m),
        ("The cost has shape (1,) instead of being a number: use np.squeeze or float.", lambda: -losses.sum(axis=1) / m),
        (WRONG_AXIS + " The cost is one number.", lambda: -losses.sum(axis=0) / m),
        *one_example(lambda i: -losses[0, i], m),
    )  # fmt: skip


def sigmoid_slope(at: Mistakes, place: str, Z: Array, dA: Array | None = None) -> Array:
    """Compute the derivative of the sigmoid at Z."""
    s = logistic(Z)
    return at(  # type: ignore[no-any-return]
        place,
        s * (1 - s),
        ("Wrong derivative: s is returned, but the derivative is s (1 - s).", lambda: s),
        ("Wrong derivative: it is s (1 - s), not 1 - s.", lambda: 1 - s),
        ("Wrong derivative: it is s (1 - s), not s (1 + s).", lambda: s * (1 + s)),
        ("Wrong derivative: it is s (1 - s), not s^2 (1 - s).", lambda: s * s * (1 - s)),
        ("Wrong derivative: it is s (1 - s), not s^2.", lambda: s * s),
        ("Wrong derivative: it is s (1 - s), not (1 - s)^2.", lambda: np.square(1 - s)),
        ("Wrong derivative: 1 - s^2 has the form of tanh's; the sigmoid has s (1 - s).", lambda: 1 - s * s),
        ("Wrong derivative: that of tanh is used instead of the sigmoid's.", lambda: 1 - np.square(np.tanh(Z))),
        ("Wrong derivative: that of relu is used instead of the sigmoid's.", lambda: (Z > 0) * 1.0),
        ("Wrong argument of the derivative: s (1 - s) needs s = sigmoid(Z), but Z (1 - Z) is computed.", lambda: Z * (1 - Z)),
        ("Wrong argument of the derivative: it is evaluated at A = sigmoid(Z) instead of Z.", lambda: logistic(s) * (1 - logistic(s))),
        ("The derivative is missing: dZ = dA * s (1 - s).", lambda: np.ones_like(s)),
        *([] if dA is None else [("Wrong argument of the derivative: it is evaluated at dA instead of Z.", lambda: logistic(dA) * (1 - logistic(dA)))]),
    )  # fmt: skip


def relu_slope(at: Mistakes, place: str, Z: Array, dA: Array) -> Array:
    """Compute the derivative of relu at Z: 1 where Z > 0, else 0."""
    return at(  # type: ignore[no-any-return]
        place,
        (Z > 0) * 1.0,
        ("Wrong derivative of relu at 0: the course takes 0 where Z = 0, so use Z > 0 (and not Z >= 0).", lambda: (Z >= 0) * 1.0),
        ("Wrong derivative of relu at 0: the course takes 0 where Z = 0, here it is 1/2.", lambda: np.where(Z == 0, 0.5, (Z > 0) * 1.0)),
        ("Wrong argument of the derivative: dA is compared with 0 instead of Z.", lambda: (dA > 0) * 1.0),
        ("Wrong derivative: the condition is reversed; it is 1 where Z > 0 and 0 where Z <= 0.", lambda: (Z <= 0) * 1.0),
        ("Wrong derivative: the condition is reversed; it is 1 where Z > 0 and 0 where Z <= 0.", lambda: (Z < 0) * 1.0),
        ("The derivative is missing: dZ is dA where Z > 0, and 0 elsewhere.", lambda: np.ones_like(Z)),
        ("Wrong derivative: relu(Z) is used instead of its derivative, which is 0 or 1.", lambda: np.maximum(0.0, Z)),
        ("Wrong derivative: Z itself is used instead of relu's derivative, which is 0 or 1.", lambda: np.array(Z)),
        ("Wrong derivative: the sigmoid's is used instead of relu's.", lambda: logistic(Z) * (1 - logistic(Z))),
        ("Wrong derivative: that of tanh is used instead of relu's.", lambda: 1 - np.square(np.tanh(Z))),
        ("Wrong derivative: that of leaky relu is used instead of relu's.", lambda: np.where(Z > 0, 1.0, 0.01)),
        ("Wrong derivative: it is 0, not -1, where Z <= 0.", lambda: np.where(Z > 0, 1.0, -1.0)),
        ("Wrong derivative: np.sign is -1 where Z < 0; the derivative of relu is 0 there.", lambda: np.sign(Z)),
        *(("Wrong derivative: that of leaky relu is used instead of relu's.", (lambda s=s: np.where(Z > 0, 1.0, s))) for s in (0.1, 0.2, 0.3, 0.001)),
    )  # fmt: skip
