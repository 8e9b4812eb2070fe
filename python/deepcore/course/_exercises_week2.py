"""The exercises of course 1, week 2, with their usual mistakes."""

# ruff: noqa: E501 - a mistake, or an exercise, is one line of a table
from __future__ import annotations

from typing import Any

import numpy as np

from deepcore.course import _mistakes as m_
from deepcore.course._exercise import Exercise
from deepcore.course._mistakes import Mistakes

Arrays = dict[str, Any]


def draws(seed: int) -> np.random.RandomState:
    """Return a generator for the arguments of the cases."""
    return np.random.RandomState(seed)


def logistic_case(seed: int, n: int, m: int) -> list[Any]:
    """Return w, b, X, Y."""
    random = draws(seed)
    Y = np.arange(m).reshape(1, m) % 3 % 2
    return [random.randn(n, 1), 0.7 + 0.1 * seed, random.randn(n, m), Y]


def sigmoid(at: Mistakes, z: Any) -> Any:
    return m_.sigmoid(at, "result", z)


def sigmoid_derivative(at: Mistakes, x: Any) -> Any:
    return m_.sigmoid_slope(at, "result", np.asarray(x, np.float64))


def image2vector(at: Mistakes, image: Any) -> Any:
    return at(
        "result",
        image.reshape(-1, 1),
        ("Transposed: the image becomes one row; a column, shape (h*w*c, 1), is meant.", lambda: image.reshape(1, -1)),
        ("The shape is (h*w*c,): a column, shape (h*w*c, 1), is meant.", lambda: image.reshape(-1)),
        ("The order of the pixels is wrong: order='F' runs down the columns first.", lambda: image.reshape(-1, 1, order="F")),
        ("The order is wrong: the channels are unrolled one after the other.", lambda: image.transpose(2, 0, 1).reshape(-1, 1)),
        ("Wrong shape: the image becomes a matrix, not a column (h*w*c, 1).", lambda: image.reshape(-1, image.shape[2])),
        ("Wrong shape: the image becomes a matrix, not a column (h*w*c, 1).", lambda: image.reshape(image.shape[0], -1)),
        ("Transposed before it is reshaped: the order of the pixels is wrong.", lambda: image.T.reshape(-1, 1)),
    )  # fmt: skip


def normalize_rows(at: Mistakes, x: Any) -> Any:
    def by(length: Any) -> Any:
        return lambda: x / length

    squares = np.square(x)
    n = squares.sum(axis=1, keepdims=True)
    return at(
        "result",
        x / np.sqrt(n),
        ("Wrong axis: the lengths are those of the columns; rows are axis=1.", by(np.sqrt(squares.sum(axis=0, keepdims=True)))),
        ("Wrong axis: the length is that of the whole matrix; each row has its own (axis=1, keepdims=True).", by(np.sqrt(squares.sum()))),
        ("The square root is missing: the length of a row is sqrt(sum of squares).", by(n)),
        ("Wrong norm: the sum of absolute values is used; the Euclidean length is meant.", by(np.abs(x).sum(axis=1, keepdims=True))),
        ("Wrong norm: the largest value of a row is used; the Euclidean length is meant.", by(np.abs(x).max(axis=1, keepdims=True))),
        ("Wrong norm: the mean of the squares is used instead of their sum.", by(np.sqrt(np.square(x).mean(axis=1, keepdims=True)))),
        ("Wrong norm: the plain sum of a row is used; the Euclidean length is meant.", by(x.sum(axis=1, keepdims=True))),
        ("Missing keepdims=True: the lengths are divided along the columns.", lambda: x / np.sqrt(n[:, 0])),
        ("The mean of each row is subtracted: the rows are only divided by their lengths.", lambda: (x - x.mean(axis=1, keepdims=True)) / np.sqrt(n)),
        ("The lengths are returned, not the rows divided by them.", lambda: np.sqrt(n)),
        ("Multiplied by the length instead of divided.", lambda: x * np.sqrt(n)),
    )  # fmt: skip


def softmax(at: Mistakes, x: Any) -> Any:
    x = np.asarray(x, np.float64)
    e = np.exp(x)
    return at(
        "result",
        e / e.sum(axis=1, keepdims=True),
        ("Summed over the wrong axis: softmax is taken along each row, axis=1.", lambda: e / e.sum(axis=0, keepdims=True)),
        ("Summed over all axes: softmax is taken along each row, axis=1, keepdims=True.", lambda: e / e.sum()),
        ("Missing keepdims=True: the sums are divided along the columns.", lambda: e / e.sum(axis=1)),
        ("The exponential is missing in the numerator and the sum.", lambda: x / x.sum(axis=1, keepdims=True)),
        ("The exponential of the sum is taken: softmax divides by the sum of the exponentials.", lambda: e / np.exp(x.sum(axis=1, keepdims=True))),
        ("The exponential is missing in the numerator.", lambda: x / e.sum(axis=1, keepdims=True)),
        ("The exponential is missing in the sum.", lambda: e / x.sum(axis=1, keepdims=True)),
        ("The division by the sum is missing.", lambda: e),
        ("The exponent has the wrong sign: a minus sign too many.", lambda: 1 / e / (1 / e).sum(axis=1, keepdims=True)),
        ("The logarithm of softmax is returned.", lambda: np.log(e / e.sum(axis=1, keepdims=True))),
        (m_.wrong_activation("sigmoid", "softmax"), lambda: m_.logistic(x)),
        ("The exponential is applied twice in the sum.", lambda: e / np.exp(e).sum(axis=1, keepdims=True)),
        ("The division is by the largest exponential of a row instead of their sum.", lambda: e / e.max(axis=1, keepdims=True)),
        ("The exponential is squared, or x is doubled: exp(x) is meant.", lambda: e * e / (e * e).sum(axis=1, keepdims=True)),
        ("The power of 2 is used instead of the exponential, base e.", lambda: 2**x / (2**x).sum(axis=1, keepdims=True)),
    )  # fmt: skip


def L1(at: Mistakes, yhat: Any, y: Any) -> Any:
    d = np.asarray(y - yhat, np.float64)
    return at(
        "result",
        np.abs(d).sum(),
        *m_.one_example(lambda i: np.abs(d[i]), len(d)),
        ("The mean is taken: L1 is the sum of the absolute differences (a factor 1/m too many).", lambda: np.abs(d).mean()),
        ("The absolute value is missing (np.abs).", d.sum),
        ("The absolute value is taken after the sum.", lambda: np.abs(d.sum())),
        ("The differences are squared: that is L2.", lambda: np.square(d).sum()),
        ("The Euclidean length is taken: L1 is the sum of the absolute differences.", lambda: np.sqrt(np.square(d).sum())),
        ("The sum is missing.", lambda: np.abs(d)),
        ("Wrong sign: yhat is added instead of subtracted.", lambda: np.abs(y + yhat).sum()),
    )  # fmt: skip


def L2(at: Mistakes, yhat: Any, y: Any) -> Any:
    d = np.asarray(y - yhat, np.float64)
    S = np.square(d).sum()
    return at(
        "result",
        S,
        *m_.one_example(lambda i: np.square(d[i]), len(d)),
        ("The mean is taken: L2 is the sum of the squares (a factor 1/m too many).", lambda: np.square(d).mean()),
        ("There is a square root too many: L2 is the sum of the squares.", lambda: np.sqrt(S)),
        ("There is an extra factor 1/2.", lambda: S / 2),
        ("The square is missing: that is L1.", lambda: np.abs(d).sum()),
        ("The square is missing.", d.sum),
        ("The square is taken after the sum.", lambda: np.square(d.sum())),
        ("The sum is missing.", lambda: np.square(d)),
        ("Wrong sign: yhat is added instead of subtracted.", lambda: np.square(y + yhat).sum()),
        ("The difference is missing: yhat is squared alone.", lambda: np.square(yhat).sum()),
    )  # fmt: skip


def initialize_with_zeros(at: Mistakes, dim: int) -> Any:
    w = at(
        "w",
        np.zeros((dim, 1)),
        ("The shape is (dim,): a column of shape (dim, 1) is meant, np.zeros((dim, 1)).", lambda: np.zeros(dim)),
        ("Transposed: the shape is (1, dim) instead of (dim, 1).", lambda: np.zeros((1, dim))),
        ("The shape is (dim, dim) instead of (dim, 1).", lambda: np.zeros((dim, dim))),
        ("w starts at ones instead of zeros.", lambda: np.ones((dim, 1))),
    )  # fmt: skip
    b = at(
        "b",
        0.0,
        ("b is an array: it is one number, 0.0.", lambda: np.zeros((1, 1))),
        ("b is an array: it is one number, 0.0.", lambda: np.zeros(1)),
        ("b is an array: it is one number, 0.0.", lambda: np.zeros((dim, 1))),
        ("b starts at 1 instead of 0.", lambda: 1.0),
    )
    return w, b


def outputs(at: Mistakes, w: Any, b: Any, X: Any) -> Any:
    return m_.sigmoid(at, "A", m_.affine(at, "Z", w.T, X, b))


def propagate(at: Mistakes, w: Any, b: Any, X: Any, Y: Any) -> Any:
    m = X.shape[1]
    A = outputs(at, w, b, X)
    cost = m_.cross_entropy(at, A, Y)
    dZ = at(
        "dZ",
        A - Y,
        ("The labels are missing in the gradient: A - Y is meant, not A.", lambda: A),
        ("Wrong derivative: A - Y already contains the sigmoid's; A (1 - A) is too much.", lambda: (A - Y) * A * (1 - A)),
        ("Wrong derivative: A - Y already contains the sigmoid's; a derivative at A is too much.", lambda: (A - Y) * m_.logistic(A) * (1 - m_.logistic(A))),
        ("The difference A - Y is squared.", lambda: np.square(A - Y)),
        ("Wrong sign: Y is added instead of subtracted.", lambda: A + Y),
        ("Wrong derivative: dA = -Y/A + (1-Y)/(1-A) is used in place of dZ = A - Y.", lambda: -Y / A + (1 - Y) / (1 - A)),
    )  # fmt: skip
    S = X @ dZ.T
    dw = at(
        "dw",
        S / m,
        *m_.sum_mistakes(S, m),
        (m_.NOT_TRANSPOSED, lambda: X @ dZ / m),
        (m_.NOT_TRANSPOSED, lambda: X.T @ dZ.T / m),
        (m_.ELEMENTWISE, lambda: X * dZ / m),
        ("The shape is (n,) instead of (n, 1): keepdims=True or a column is missing.", lambda: S[:, 0] / m),
        (m_.WRONG_AXIS, lambda: (X * dZ).sum(axis=0) / m),
        (m_.WRONG_AXIS, lambda: (X * dZ).sum(axis=0, keepdims=True) / m),
        (m_.ALL_AXES, lambda: (X * dZ).sum() / m),
        *m_.one_example(lambda i: X[:, i : i + 1] * dZ[0, i], m),
    )
    total = dZ.sum()
    db = at(
        "db",
        total / m,
        *m_.sum_mistakes(total, m),
        (m_.WRONG_M, lambda: total / X.shape[0]),
        ("Shape (1, 1): db is one number here, without keepdims.", lambda: np.full((1, 1), total / m)),
        ("Shape (1,): db is one number here, without keepdims.", lambda: np.full(1, total / m)),
        (m_.WRONG_AXIS + " Here db is one number.", lambda: dZ.sum(axis=0) / m),
        (m_.WRONG_AXIS + " Here db is one number.", lambda: dZ.sum(axis=0, keepdims=True) / m),
        (m_.NO_SUM, lambda: dZ / m),
        (m_.NO_SUM, lambda: dZ),
        ("db repeats dw: the bias has no factor X.", lambda: S.sum() / m),
        *m_.one_example(lambda i: dZ[0, i], m),
    )
    return {"dw": dw, "db": db}, cost


def plain_propagate(w: Any, b: Any, X: Any, Y: Any) -> tuple[Any, Any, Any]:
    """Return dw, db and the cost, without mistakes."""
    A = m_.logistic(w.T @ X + b)
    m = X.shape[1]
    cost = -(Y * np.log(A) + (1 - Y) * np.log(1 - A)).sum() / m
    return X @ (A - Y).T / m, (A - Y).sum() / m, cost


def optimize(at: Mistakes, w: Any, b: Any, X: Any, Y: Any, num_iterations: int, learning_rate: float) -> Any:
    steps = iterations(at, num_iterations, 100)
    rate = learning_rates(at, learning_rate, 0.009)
    sign = at("sign", 1, (m_.PLUS, lambda: -1))
    frozen = at(
        "gradients",
        False,
        ("The gradients are computed once, outside of the loop: propagate belongs into it.", lambda: True),
    )
    later_b = at(
        "db",
        False,
        (
            "The gradient of b is computed with the new w: both belong to the parameters before the step.",
            lambda: True,
        ),
    )
    from_start = at(
        "old",
        False,
        (
            "Every update begins at the initial parameters: w and b of the step before are not used.",
            lambda: True,
        ),
    )
    no_w = at(
        "w",
        1,
        ("w is not updated.", lambda: 0),
        ("Wrong sign in the update of w: it is made with a plus.", lambda: -1),
        ("Missing learning rate in the update of w.", lambda: 1 / rate),
        ("Both are not updated: w and b stay as they were.", lambda: 2),
    )
    no_b = at(
        "b",
        1,
        ("b is not updated.", lambda: 0),
        ("Wrong sign in the update of b: it is made with a plus.", lambda: -1),
        ("Missing learning rate in the update of b.", lambda: 1 / rate),
        ("b is updated with the sum of dw instead of db.", lambda: 3),
    )
    rate = at(
        "mean",
        rate,
        ("The gradients are divided by m again: 1/m is in dw and db already.", lambda: rate / X.shape[1]),
    )
    every = at("costs", 100,
        ("The cost is recorded in every iteration: it is every 100th.", lambda: 1),
        *(("The cost is recorded at the wrong iterations: it is every 100th.", (lambda n=n: n)) for n in (10, 50, 20, 25, 5, 2, 1000)))  # fmt: skip
    start = before = w, b
    dw = db = cost = 0.0
    costs: list[Any] = []
    later: list[Any] = []
    for i in range(steps):
        dw, db, cost = plain_propagate(*(start if frozen else (w, b)), X, Y)
        if i % every == 0:
            costs.append(cost)
        if (i + 1) % every == 0:
            later.append(cost)
        before = w, b
        if no_w == 2:
            continue
        w, b = start if from_start else (w, b)
        w = w - no_w * sign * rate * dw
        dw, db = plain_propagate(w, b, X, Y)[:2] if later_b else (dw, db)
        b = b - sign * rate * (np.sum(dw) if no_b == 3 else no_b * db)
    after = at(
        "grads",
        (dw, db),
        ("The gradients are computed again after the last update: those before it are returned.", lambda: plain_propagate(w, b, X, Y)[:2]),
    )  # fmt: skip
    w, b = at(
        "params",
        (w, b),
        (
            "The parameters before the last update are returned: params is set too early in the loop, or one iteration is missing.",
            lambda: before,
        ),
    )
    costs = at("recorded", costs, ("The costs are not recorded: the list is empty.", list),
        ("The first cost is missing: it is recorded at the iterations 0, 100, 200, ...", lambda: costs[1:]),
        ("The cost is recorded at the wrong iterations: i starts at 0, and the cost is recorded at 0, 100, 200, ...", lambda: later))  # fmt: skip
    return {"w": w, "b": b}, {"dw": after[0], "db": after[1]}, np.array(costs)


def iterations(at: Mistakes, number: int, usual: int) -> int:
    """Return the number of iterations, or what it is by mistake."""
    return int(
        at(
            "iterations",
            number,
            ("One iteration is missing: the loop is range(num_iterations).", lambda: number - 1),
            ("There is one iteration too many: the loop is range(num_iterations).", lambda: number + 1),
            (
                "Only one iteration is done: the loop ends too early, return stands inside it, or the parameters start anew in every iteration.",
                lambda: 1,
            ),
            ("No iteration is done: the parameters are not updated.", lambda: 0),
            ("The argument num_iterations is not used.", lambda: usual if number < usual else 1),
        )
    )


def learning_rates(at: Mistakes, rate: float, usual: float) -> float:
    """Return the learning rate, or what it is by mistake."""
    return float(at("rate", rate, (m_.NO_RATE, lambda: 1.0), (m_.RATE_IGNORED, lambda: usual)))


def predict(at: Mistakes, w: Any, b: Any, X: Any) -> Any:
    return labels(at, outputs(at, w, b, X))


def labels(at: Mistakes, A: Any) -> Any:
    """Compute ``A > 0.5``."""
    return at(
        "result",
        (A > 0.5) * 1.0,
        ("The outputs are returned, not the labels A > 0.5.", lambda: A),
        ("Wrong threshold: exactly 0.5 gives 0, the comparison A > 0.5 is strict.", lambda: (A >= 0.5) * 1.0),
        ("The comparison is reversed: the label is 1 where A > 0.5.", lambda: (A < 0.5) * 1.0),
        ("The comparison is reversed: the label is 1 where A > 0.5.", lambda: (A <= 0.5) * 1.0),
        ("Wrong threshold: 0 instead of 0.5. sigmoid(z) is always above 0.", lambda: (A > 0) * 1.0),
        *((f"Wrong threshold: {limit} instead of 0.5.", (lambda limit=limit: (limit < A) * 1.0)) for limit in (0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.1, 0.9)),
        ("The labels are truncated by int: every A below 1 becomes 0. A > 0.5 is meant.", lambda: np.floor(A)),
        ("The labels are -1 and 1 instead of 0 and 1.", lambda: np.where(A > 0.5, 1.0, -1.0)),
        ("The shape is (m,) instead of (1, m).", lambda: (A[0] > 0.5) * 1.0),
        ("Transposed: the shape is (m, 1) instead of (1, m).", lambda: (A.T > 0.5) * 1.0),
        ("Only the first example is predicted: return stands inside the loop.", lambda: (A > 0.5) * (np.arange(A.shape[1]) == 0)),
    )  # fmt: skip


def model(at: Mistakes, X_train: Any, Y_train: Any, X_test: Any, Y_test: Any, steps: int, rate: float) -> Any:
    w, b = np.zeros((X_train.shape[0], 1)), 0.0
    X, Y = at("examples", (X_train, Y_train),
        ("It is trained with the test set: X_train and Y_train are meant.", lambda: (X_test, Y_test)))  # fmt: skip
    params, _, costs = optimize(at, w, b, X, Y, steps, rate)
    train, test = (predict(Mistakes(), **params, X=X) for X in (X_train, X_test))
    train, test = at("predictions", (train, test),
        ("The predictions of the training set and the test set are swapped.", lambda: (test, train)),
        ("The training set is predicted twice.", lambda: (train, train)),
        ("The test set is predicted twice.", lambda: (test, test)))  # fmt: skip
    return {"costs": costs, **params, "Y_prediction_test": test, "Y_prediction_train": train}


def model_cases() -> list[list[Any]]:
    random = draws(3)
    X, T = random.randn(4, 7), random.randn(4, 3)
    return [[X, np.array([[1, 1, 0, 1, 0, 0, 1]]), T, np.array([[0, 1, 0]]), n, 0.02] for n in (5, 103)]


def propagate_cases() -> list[list[Any]]:
    return [logistic_case(1, 3, 5), logistic_case(2, 2, 4), logistic_case(3, 4, 4)]


EXERCISES = (
    Exercise("sigmoid", ("z",), sigmoid, lambda: [[np.array([[-1.5, 0.3, 2.0], [0.7, -0.2, 1.1]])], [np.array([-2, 0, 2])], [0.8]],
             aliases=("basic_sigmoid",)),
    Exercise("sigmoid_derivative", ("x",), sigmoid_derivative, lambda: [[np.array([[0.5, -1.2, 2.0]])], [np.array([1, 2, 3])]], helpers=("sigmoid",)),
    Exercise("image2vector", ("image",), image2vector, lambda: [[draws(1).rand(3, 4, 2)], [draws(2).rand(3, 3, 3)]]),
    Exercise("normalize_rows", ("x",), normalize_rows, lambda: [[draws(1).randn(2, 3)], [draws(2).randn(3, 3)]], aliases=("normalizeRows",)),
    Exercise("softmax", ("x",), softmax, lambda: [[draws(1).randn(2, 5)], [draws(2).randn(3, 3)]]),
    Exercise("L1", ("yhat", "y"), L1, lambda: [[np.array([0.9, 0.2, 0.1, 0.4, 0.9]), np.array([1, 0, 0, 1, 1])]]),
    Exercise("L2", ("yhat", "y"), L2, lambda: [[np.array([0.9, 0.2, 0.1, 0.4, 0.9]), np.array([1, 0, 0, 1, 1])]]),
    Exercise("initialize_with_zeros", ("dim",), initialize_with_zeros, lambda: [[3], [2]], returns=("w", "b")),
    Exercise("propagate", ("w", "b", "X", "Y"), propagate, propagate_cases, returns=("grads", "cost"), order=("cost", "dw", "db"), helpers=("sigmoid",)),
    Exercise("optimize", ("w", "b", "X", "Y", "num_iterations", "learning_rate"), optimize,
             lambda: [[*logistic_case(1, 3, 5), 3, 0.2], [*logistic_case(2, 2, 4), 102, 0.05]],
             returns=("params", "grads", "costs"), helpers=("sigmoid", "propagate"), changes_arguments=True),
    Exercise("predict", ("w", "b", "X"), predict, lambda: [[draws(5).randn(3, 1), 0.7, draws(6).randn(3, 6)], [draws(7).randn(3, 1), 0.7, draws(8).randn(3, 300)], [np.array([[1.0]]), 0.0, np.array([[0.0, 0.5, -0.5]])]],
             helpers=("sigmoid",)),
    Exercise("model", ("X_train", "Y_train", "X_test", "Y_test", "num_iterations", "learning_rate"), model, model_cases,
             helpers=("sigmoid", "initialize_with_zeros", "propagate", "optimize", "predict"), changes_arguments=True),
)  # fmt: skip
