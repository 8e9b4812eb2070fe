"""The gradient check finds every planted fault in programs of the course, and accuses no right program."""

from itertools import pairwise

import numpy as np
import pytest

import deepcore as dc
from deepcore.course import week2, week3, week4
from deepcore.doctor import check_functions

# Three right programs. A planted fault replaces a piece of one of them.
WEEK_2 = """
def propagate(w, b, X, Y):
    m = X.shape[1]
    A = 1 / (1 + np.exp(-(w.T @ X + b)))
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    dZ = A - Y
    dw = X @ dZ.T / m
    db = np.sum(dZ) / m
    return {"dw": dw, "db": db}, cost
"""
WEEK_3 = """
def forward_propagation(X, parameters):
    W1, b1, W2, b2 = (parameters[k] for k in ("W1", "b1", "W2", "b2"))
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = 1 / (1 + np.exp(-Z2))
    return A2, {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}

def compute_cost(A2, Y):
    return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))

def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    W1, W2 = parameters["W1"], parameters["W2"]
    Z1, A1, A2 = cache["Z1"], cache["A1"], cache["A2"]
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dA1 = W2.T @ dZ2
    dZ1 = dA1 * (1 - A1**2)
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}
"""
WEEK_4 = """
def L_model_forward(X, parameters):
    L = len(parameters) // 2
    A, caches = X, []
    for l in range(1, L + 1):
        W, b = parameters[f"W{l}"], parameters[f"b{l}"]
        Z = W @ A + b
        caches.append((A, W, Z))
        A = np.maximum(Z, 0) if l < L else 1 / (1 + np.exp(-Z))
    return A, caches

def compute_cost(AL, Y):
    m = Y.shape[1]
    return -(Y @ np.log(AL).T + (1 - Y) @ np.log(1 - AL).T) / m

def L_model_backward(AL, Y, caches):
    grads, L, m = {}, len(caches), Y.shape[1]
    dA = -(Y / AL) + (1 - Y) / (1 - AL)
    for l in reversed(range(1, L + 1)):
        A_prev, W, Z = caches[l - 1]
        if l == L:
            s = 1 / (1 + np.exp(-Z))
            dZ = dA * s * (1 - s)
        else:
            dZ = dA * (Z > 0)
        grads[f"dW{l}"] = dZ @ A_prev.T / m
        grads[f"db{l}"] = np.sum(dZ, axis=1, keepdims=True) / m
        dA = W.T @ dZ
    return grads
"""
# Softmax, leaky relu, a weight penalty and fixed masks of dropout: a cost and its gradient.
MORE = """
def forward(p):
    Z1 = p["W1"] @ X + p["b1"]
    A1 = np.where(Z1 > 0, Z1, 0.1 * Z1) * mask / 0.75
    Z2 = p["W2"] @ A1 + p["b2"]
    E = np.exp(Z2 - Z2.max(axis=0))
    return Z1, A1, Z2, E / E.sum(axis=0)

def cost(p):
    S = forward(p)[-1]
    penalty = 0.3 / (2 * m) * (np.sum(p["W1"] ** 2) + np.sum(p["W2"] ** 2))
    return -np.sum(H * np.log(S)) / m + penalty

def grads(p):
    Z1, A1, Z2, S = forward(p)
    dZ2 = S - H
    dW2 = dZ2 @ A1.T / m + 0.3 / m * p["W2"]
    db2 = dZ2.mean(axis=1, keepdims=True)
    dA1 = (p["W2"].T @ dZ2) * mask / 0.75
    dZ1 = dA1 * np.where(Z1 > 0, 1, 0.1)
    dW1 = dZ1 @ X.T / m + 0.3 / m * p["W1"]
    db1 = dZ1.mean(axis=1, keepdims=True)
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}
"""

RNG = np.random.default_rng(7)
X = RNG.normal(size=(3, 5))
Y = np.array([[1, 0, 1, 1, 0]])


def drawn(*sizes):
    """Parameters of a network, none of which is 0."""
    rng = np.random.default_rng(3)
    shapes = {f"W{layer}": (n, k) for layer, (k, n) in enumerate(pairwise(sizes), start=1)}
    shapes |= {f"b{layer}": (n, 1) for layer, n in enumerate(sizes[1:], start=1)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def check_week(text, parameters, X=X, Y=Y):
    scope = {"np": np}
    exec(text, scope)
    return check_functions(scope, X, Y, parameters)


def check_more(text):
    rng = np.random.default_rng(5)
    H = np.eye(3)[:, [0, 2, 1, 1, 0]]
    scope = {"np": np, "X": X, "H": H, "m": 5, "mask": rng.random((4, 5)) < 0.75}
    exec(text, scope)
    return dc.gradient_check(scope["cost"], drawn(3, 4, 3), scope["grads"], examples=5)


def checks(text):
    """Run the check that fits to one of the four programs."""
    if "def propagate" in text:
        return check_week(text, {"w": drawn(3, 1)["W1"].T, "b": 0.3})
    if "def L_model_forward" in text:
        return check_week(text, drawn(3, 4, 3, 1))
    return check_week(text, drawn(3, 3, 1)) if "def compute_cost" in text else check_more(text)


FAULTS = {
    WEEK_2: [
        ("dZ = A - Y", "dZ = Y - A"),
        ("dZ = A - Y", "dZ = A"),
        ("dZ = A - Y", "dZ = (A - Y) * A * (1 - A)"),
        ("dZ = A - Y", "dZ = (A > 0.5) - Y"),
        ("dw = X @ dZ.T / m", "dw = X @ dZ.T"),
        ("dw = X @ dZ.T / m", "dw = -X @ dZ.T / m"),
        ("dw = X @ dZ.T / m", "dw = X @ dZ.T / m**2"),
        ("dw = X @ dZ.T / m", "dw = X @ dZ.T / X.shape[0]"),
        ("dw = X @ dZ.T / m", "dw = X @ dZ.T / (m - 1)"),
        ("dw = X @ dZ.T / m", "dw = X @ dZ.T / m + 1e-3 * w"),
        ("dw = X @ dZ.T / m", "dw = (X @ dZ.T / m)[::-1]"),
        ("dw = X @ dZ.T / m", "dw = np.abs(X) @ dZ.T / m"),
        ("dw = X @ dZ.T / m", "dw = X @ A.T / m"),
        ("dw = X @ dZ.T / m", "dw = np.full((3, 1), np.mean(X @ dZ.T)) / m"),
        ("dw = X @ dZ.T / m", "dw = np.zeros((3, 1))"),
        ("dw = X @ dZ.T / m", "dw = X @ dZ.T / m * np.nan"),
        ("dw = X @ dZ.T / m", "dw = np.round(X @ dZ.T / m, 3)"),
        ("db = np.sum(dZ) / m", "db = np.sum(dZ)"),
        ("db = np.sum(dZ) / m", "db = np.sum(A) / m"),
        ("db = np.sum(dZ) / m", "db = np.sum(dZ**2) / m"),
        ("db = np.sum(dZ) / m", "db = dZ[0, 0]"),
        ("cost = -np.sum", "cost = -2 * np.sum"),
        ("cost = -np.sum(Y * np.log(A)", "cost = -np.sum((1 - Y) * np.log(A)"),
        (" + (1 - Y) * np.log(1 - A)", ""),
        ("w.T @ X + b)", "w.T @ X)"),
    ],
    WEEK_3: [
        ("dZ2 = A2 - Y", "dZ2 = Y - A2"),
        ("dZ2 = A2 - Y", "dZ2 = (A2 - Y) / m"),
        ("dZ2 = A2 - Y", "dZ2 = 2 * (A2 - Y)"),
        ("dW2 = dZ2 @ A1.T / m", "dW2 = dZ2 @ A1.T"),
        ("dW2 = dZ2 @ A1.T / m", 'dW2 = dZ2 @ cache["Z1"].T / m'),
        ("dW2 = dZ2 @ A1.T / m", "dW2 = dZ2 @ X.T / m"),
        ("db2 = np.sum(dZ2, axis=1, keepdims=True) / m", "db2 = np.sum(dZ2, axis=1, keepdims=True)"),
        ("dA1 = W2.T @ dZ2", "dA1 = W2.T @ dZ2 / m"),
        ("dA1 = W2.T @ dZ2", "dA1 = np.ones_like(W2.T) @ dZ2"),
        ("dA1 = W2.T @ dZ2", "dA1 = W2.T @ A2"),
        ("(1 - A1**2)", "(1 - Z1**2)"),
        ("(1 - A1**2)", "(1 - A1)"),
        ("(1 - A1**2)", "A1 * (1 - A1)"),
        ("(1 - A1**2)", "(1 - np.tanh(A1)**2)"),
        ("(1 - A1**2)", "(1 + A1**2)"),
        ("(1 - A1**2)", "(A1 > 0)"),
        ("dA1 * (1 - A1**2)", "dA1"),
        ("dA1 * (1 - A1**2)", "(1 - A1**2)"),
        ("dW1 = dZ1 @ X.T / m", "dW1 = (dZ1 @ X.T / m).T"),
        ("dW1 = dZ1 @ X.T / m", "dW1 = dA1 @ X.T / m"),
        ("dW1 = dZ1 @ X.T / m", "dW1 = dZ1 @ A1.T / m"),
        ("db1 = np.sum(dZ1, axis=1, keepdims=True) / m", "db1 = np.full((3, 1), np.sum(dZ1)) / m"),
        ("db1 = np.sum(dZ1, axis=1, keepdims=True) / m", "db1 = np.mean(dA1, axis=1, keepdims=True)"),
        ('"db1": db1', '"db1": dW1[:, :1]'),
        ("A1 = np.tanh(Z1)\n", "A1 = np.tanh(Z1 / 2)\n"),
        ("-np.mean(", "-np.sum("),
    ],
    WEEK_4: [
        ("dA * (Z > 0)", "dA * (Z < 0)"),
        ("dA * (Z > 0)", "dA"),
        ("dA * (Z > 0)", "dA * Z"),
        ("dA * (Z > 0)", "dA * np.maximum(Z, 0)"),
        ("dA * (Z > 0)", "dA * (A_prev[:1] > 0)"),
        ("s * (1 - s)", "(1 - s)"),
        ("s * (1 - s)", "Z * (1 - Z)"),
        ("dA = -(Y / AL) + (1 - Y)", "dA = -(Y / AL) - (1 - Y)"),
        ("dA = -(Y / AL)", "dA = (Y / AL)"),
        ("@ A_prev.T / m", "@ A_prev.T"),
        ("keepdims=True) / m", "keepdims=True)"),
        ("dA = W.T @ dZ", "dA = W.T @ dA"),
        ("dA = W.T @ dZ", "dA = W.T @ dZ / m"),
        ("dA = W.T @ dZ", "dA = -W.T @ dZ"),
        ("grads[f\"db{l}\"] = np.sum(dZ", "grads[f\"db{l}\"] = np.sum(dA[: len(dZ)]"),
        ("        dA = W.T @ dZ", "        dA = W.T @ dZ\n        if l == 2: grads['dW2'][0, 0] += 1e-4"),
    ],
    MORE: [
        ("dZ2 = S - H", "dZ2 = H - S"),
        ("dZ2 = S - H", "dZ2 = S * (1 - S) * (S - H)"),
        (" + 0.3 / m * p[\"W2\"]", ""),
        (" + 0.3 / m * p[\"W1\"]", " + 0.3 * p[\"W1\"]"),
        (" + 0.3 / m * p[\"W1\"]", " - 0.3 / m * p[\"W1\"]"),
        ("db2 = dZ2.mean", "db2 = 0.3 / m * p['b2'] + dZ2.mean"),
        ("@ dZ2) * mask / 0.75", "@ dZ2)"),
        ("@ dZ2) * mask / 0.75", "@ dZ2) * mask"),
        ("@ dZ2) * mask / 0.75", "@ dZ2) / 0.75"),
        ("np.where(Z1 > 0, 1, 0.1)", "np.where(Z1 > 0, 1, 0)"),
        ("np.where(Z1 > 0, 1, 0.1)", "np.where(Z1 > 0, 1, 0.01)"),
        ("np.where(Z1 > 0, 1, 0.1)", "np.where(A1 > 0, 1, 0.1) ** 2"),
    ],
}  # fmt: skip
PLANTED = [(text, old, new) for text, changes in FAULTS.items() for old, new in changes]


def test_there_are_at_least_60_planted_faults():
    assert len(PLANTED) >= 60
    assert all(text.count(old) >= 1 for text, old, _ in PLANTED)


@pytest.mark.parametrize("text", FAULTS, ids=["week 2", "week 3", "week 4", "softmax"])
def test_the_programs_without_a_fault_are_right(text):
    check = checks(text)
    assert check.ok, check
    assert check.worst == ()
    assert check.difference < 1e-6


@pytest.mark.parametrize(("text", "old", "new"), PLANTED)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_every_planted_fault_is_found(text, old, new):
    check = checks(text.replace(old, new, 1))
    assert not check.ok, check
    assert check.worst
    assert check.causes


@pytest.mark.parametrize(
    ("text", "old", "new", "layer", "cause"),
    [
        (WEEK_2, "dw = X @ dZ.T / m", "dw = X @ dZ.T", None, "m = 5 times too large: is it not divided by m"),
        (WEEK_2, "dw = X @ dZ.T / m", "dw = X @ dZ.T / m**2", None, "is it divided by m twice"),
        (WEEK_2, "dw = X @ dZ.T / m", "dw = -X @ dZ.T / m", None, "it has the wrong sign"),
        (WEEK_2, "dw = X @ dZ.T / m", "dw = X @ dZ.T / m * np.nan", None, "it is not finite"),
        (WEEK_2, "w.T @ X + b)", "w.T @ X)", None, "does the cost use the parameters"),
        (WEEK_3, "dZ2 = A2 - Y", "dZ2 = 2 * (A2 - Y)", 2, "it is 2 times the right one everywhere"),
        (WEEK_3, "dW1 = dZ1 @ X.T / m", "dW1 = (dZ1 @ X.T / m).T", 1, "it is transposed"),
        (WEEK_3, "db1 = np.sum(dZ1, axis=1, keepdims=True) / m", "db1 = np.full((3, 1), np.sum(dZ1)) / m", 1,
         "is it summed over the units"),
        (WEEK_3, "(1 - A1**2)", "(1 - Z1**2)", 1, "the derivative of the activation"),
        (WEEK_4, "dA * (Z > 0)", "dA * (Z < 0)", 2, ""),
        (MORE, ' + 0.3 / m * p["W2"]', "", 2, "weight penalty"),
        (WEEK_4, "        dA = W.T @ dZ",
         "        dA = W.T @ dZ\n        if l == 2: grads['dW2'][0, 0] += 1e-4", 2, "only some elements"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:invalid value")
def test_the_layer_and_the_cause_are_named(text, old, new, layer, cause):
    check = checks(text.replace(old, new, 1))
    assert check.first_wrong_layer == layer
    assert any(cause in said for said in check.causes.values()), check


# Right programs that a careless check would accuse.


def kinked(X, b=0.0, W=None, output=1):
    """Parameters and examples of week 4's program with relu exactly at 0."""
    parameters = drawn(3, 4, 3, output)
    parameters["b1"][:] = parameters["b2"][:] = b
    if W is not None:
        parameters["W1"][:] = W
    return check_week(WEEK_4, parameters, X)


def one_array(function, slope, at, **options):
    return dc.gradient_check(function, np.asarray(at, float), slope(np.asarray(at, float)), **options)


def model(sizes=(3, 4, 1), m=5, labels=None, **settings):
    twin = dc.mlp(list(sizes), seed=1, **settings)
    labels = labels or [1, 0, 1, 1, 0]
    return dc.check_gradients(
        twin, np.random.default_rng(0).normal(size=(m, sizes[0])), labels or [1, 0, 1, 1, 0]
    )


def huber(t):
    return float(np.sum(np.where(np.abs(t) <= 1, t**2 / 2, np.abs(t) - 0.5)))


RIGHT = {
    "an example at the kink of every unit": lambda: kinked(np.zeros((3, 5))),
    "one example at the kink": lambda: kinked(np.column_stack([X[:, :4], np.zeros(3)])),
    "all weights of a layer zero": lambda: kinked(X, W=0.0),
    "all units dead": lambda: kinked(np.abs(X), b=-50.0, W=-1.0),
    "almost at the kink": lambda: kinked(X * 1e-9),
    "near the kink": lambda: kinked(X * 1e-4),
    "week 2 of the course": lambda: check_functions(
        vars(week2), X, Y, {"w": np.zeros((3, 1)), "b": 0.0}
    ),
    "week 3 of the course": lambda: check_functions(vars(week3), X, Y, drawn(3, 4, 1)),
    "week 4 of the course": lambda: check_functions(vars(week4), X, Y, drawn(3, 4, 4, 1)),
    "ten sigmoid layers, whose slopes vanish": lambda: model((3, *[4] * 10, 1), activation="sigmoid"),
    "saturated outputs": lambda: check_week(WEEK_3, {k: 6 * v for k, v in drawn(3, 3, 1).items()}),
    "tiny gradients": lambda: one_array(lambda t: 1e-9 * float(np.sum(t**3)), lambda t: 3e-9 * t**2, [1, 2]),
    "huge gradients": lambda: one_array(lambda t: 1e9 * float(np.sum(t**3)), lambda t: 3e9 * t**2, [1, 2]),
    "huge parameters": lambda: one_array(lambda t: float(np.sum(t**2)), lambda t: 2 * t, [1e6, -3e5]),
    "a large constant": lambda: one_array(lambda t: 1e6 + float(np.sum(t**2)), lambda t: 2 * t, [1, -2]),
    "a steep exponential": lambda: one_array(
        lambda t: float(np.sum(np.exp(30 * t))), lambda t: 30 * np.exp(30 * t), [0.1, -0.2]
    ),
    "a fast oscillation": lambda: one_array(
        lambda t: float(np.sum(np.sin(200 * t))), lambda t: 200 * np.cos(200 * t), [0.1, 0.7]
    ),
    "an absolute value at 0": lambda: one_array(lambda t: float(np.abs(t).sum()), np.sign, [0.0, 1.0]),
    "the joint of huber": lambda: one_array(huber, lambda t: np.clip(t, -1, 1), [1.0, -1.0, 0.3, 5.0]),
    "a cost in float32": lambda: dc.gradient_check(
        lambda t: np.float32(np.sum(t.astype(np.float32) ** 2)), np.array([1.0, -2.0]), np.array([2.0, -4.0])
    ),
    "one number": lambda: dc.gradient_check(lambda t: t**2, 3.0, 6.0),
    "a cost of one element": lambda: dc.gradient_check(
        lambda t: np.sum(t**2, keepdims=True).reshape(1, 1)[0], np.array([3.0]), np.array([6.0])
    ),
    "a constant cost": lambda: dc.gradient_check(lambda t: 1.0, np.ones(3), np.zeros(3)),
    "a float32 model": lambda: model(dtype="float32"),
    "relu, softmax": lambda: model((3, 4, 3), output="softmax", labels=[0, 2, 1, 1, 0]),
    "batch norm": lambda: dc.check_gradients(
        dc.Model(3, [dc.Dense(4, norm="batch"), dc.Dense(1, "sigmoid")], seed=1), X.T, Y[0]
    ),
    "an l1 penalty on a weight of 0": lambda: dc.check_gradients(
        dc.Model(3, [dc.Dense(2, "tanh", l1=0.1, init="zeros"), dc.Dense(1, "sigmoid", l1=0.1)], seed=1),
        X.T, Y[0],
    ),
    "a hidden layer of zeros": lambda: dc.check_gradients(
        dc.Model(3, [dc.Dense(3, init="zeros"), dc.Dense(1, "sigmoid")], seed=1), X.T, Y[0]
    ),
    "hard tanh and relu6": lambda: dc.check_gradients(
        dc.Model(3, [dc.Dense(4, "hard_tanh"), dc.Dense(4, "relu6"), dc.Dense(1, "sigmoid")], seed=1),
        5 * X.T, Y[0],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.filterwarnings("ignore:Model. a hidden layer")
@pytest.mark.filterwarnings("ignore:divide by zero|invalid value:RuntimeWarning")
def test_no_right_program_is_accused(name):
    check = RIGHT[name]()
    assert check.ok, check


def test_there_are_at_least_20_right_programs():
    assert len(RIGHT) + len(FAULTS) >= 20


@pytest.mark.parametrize("new", ["dA", "dA * (Z < 0)", "2 * dA * (Z > 0)"])
def test_a_fault_is_found_where_every_unit_is_on_its_kink(new):
    parameters = drawn(3, 4, 3, 1)
    parameters["b1"][:] = 0
    text = WEEK_4.replace("dA * (Z > 0)", new)
    assert not check_week(text, parameters, np.zeros((3, 5))).ok
