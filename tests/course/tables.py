"""A table of the course as a run of deepcore: its data, its initial weights, its training loop."""

from __future__ import annotations

import functools
import json
import re
import warnings

import numpy as np

import deepcore as dc
from course import vectors
from course.loop import draw
from course.matfile import read_mat
from deepcore import data
from deepcore import functional as F

# The tables that are known to be wrong leave out what they share with the right ones.
DEFAULTS = {"learning_rate": 0.0075, "num_iterations": 2500, "hidden": "relu"}
LOGISTIC = {"learning_rate": 0.005, "num_iterations": 2000, "init": "zeros"}
# Course 2: mini-batches, regularisation, optimizers.
SPECIAL = (
    "mini_batch_size",
    "epochs",
    "lambd",
    "keep_prob",
    "optimizer",
    "beta",
    "beta1",
    "beta2",
    "epsilon",
)


class Run:
    """What came out: the cost before every update (or of every epoch), the parameters, accuracies in 0..1."""

    def __init__(self, losses, parameters, accuracy):
        self.losses, self.parameters, self.accuracy = losses, parameters, accuracy


def run(setup, **changes) -> Run:
    """The run that a table's ``setup`` describes; what is the same run is trained once in a session."""
    return _run(json.dumps(recipe(setup | changes), sort_keys=True))


@functools.cache
def _run(described: str) -> Run:
    setup = json.loads(described)
    train, test = examples(setup["data"])
    start = draw(setup["layers"], setup["seed"], setup["scheme"])
    losses, parameters = (functional_loop if is_special(setup) else fitted)(setup, start, *train)
    model = network(setup, parameters)
    parts = {"train": train, "test": test}
    accuracy = {name: model.evaluate(*part)["accuracy"] for name, part in parts.items() if part is not None}
    return Run(losses, parameters, accuracy)


def is_special(setup) -> bool:
    """Whether the run needs more than gradient descent on the cost."""
    return "lambd" in setup or "keep_prob" in setup or setup.get("optimizer", "gd") != "gd"


def recipe(setup) -> dict:
    """What a setup says in words and numbers, with its defaults, as the numbers a run needs."""
    words = setup.get("model", "")
    logistic = "logistic" in words or "layers" not in setup
    setup = DEFAULTS | (LOGISTIC if logistic else {}) | setup
    if found := re.search(r"lr ([\d.]+), (\d+) iterations", words):
        setup |= {"learning_rate": float(found[1]), "num_iterations": int(found[2])}
    if "lambda" in setup:
        setup["lambd"] = setup["lambda"]
    names = ("cat", "flower", "circles", "moons", "data.mat")
    source = next((name for name in names if name in setup["data"].replace("data/", "")), setup["data"])
    layers = setup.get("layers") or [examples(source)[0][0].shape[1], 1]
    # The application notebook: seed 1, small weights for two layers, 1/sqrt(n_prev) for more.
    scale = "*0.01" if len(layers) == 3 else "/sqrt(n_prev)"
    scheme, seed = initialisation(setup.get("init", f"seed 1, randn{scale}"))
    plain = {name: setup[name] for name in ("hidden", "learning_rate", "num_iterations")}
    special = {name: setup[name] for name in SPECIAL if name in setup}
    return plain | special | {"data": source, "layers": layers, "scheme": scheme, "seed": seed}


def initialisation(words: str) -> tuple[str, int]:
    """Scheme and seed of an initialisation written like ``np.random.seed(3); randn*0.01``."""
    text = words.replace(" ", "").replace("np.sqrt", "sqrt")
    schemes = {"zeros": "zeros", "*0.01": "small", "*10": "large", "sqrt(2": "he", "/sqrt(": "inverse_sqrt"}
    found = [scheme for mark, scheme in schemes.items() if mark in text]
    assert found, f"no scheme for the initial weights {words!r}"
    seed = re.search(r"seed\D*(\d+)", text)
    return found[0], int(seed[1]) if seed else 0


@functools.cache
def examples(source: str):
    """``(X_train, y_train), (X_test, y_test)`` with examples in rows; None without test data."""
    if source == "cat":
        vectors.data_path("data/cat/train_catvnoncat.h5")
        X, y, T, t = data.load_cats(vectors.data_folder() / "cat")
        return (X / 255.0, y), (T / 255.0, t)
    if source == "flower":
        return data.flower(400, seed=1), None
    if source == "circles":
        return data.circles(300, noise=0.05, seed=1), data.circles(100, noise=0.05, seed=2)
    if source == "moons":
        return data.moons(300, noise=0.2, seed=3), None
    if source == "data.mat":
        mat = read_mat(vectors.data_path("data/course2/data.mat"))
        return (mat["X"], mat["y"].ravel()), (mat["Xval"], mat["yval"].ravel())
    raise AssertionError(f"no loader for the data of this table: {source!r}")


def network(setup, parameters) -> dc.Model:
    """The Model of a setup in float64, with the given parameters."""
    *hidden, outputs = setup["layers"][1:]
    layers = [*(dc.Dense(n, setup["hidden"]) for n in hidden), dc.Dense(outputs, "sigmoid")]
    model = dc.Model(setup["layers"][0], layers, dtype="float64")
    for name, value in parameters.items():
        model.parameters[name][...] = value
    return model


def fitted(setup, start, X, y):
    """Gradient descent through ``Model.fit``: the loss of an epoch is taken before its update."""
    model = network(setup, start)
    optimizer = dc.SGD(setup["learning_rate"]).bind(model)
    if "mini_batch_size" in setup:
        size, losses = setup["mini_batch_size"], []
        for order in orders(setup, len(X)):
            history = model.fit(X[order], y[order], optimizer, epochs=1, batch_size=size, shuffle=False)
            losses += history["loss"]
    else:
        with warnings.catch_warnings():
            if setup["scheme"] == "zeros":
                for warning in (dc.SymmetryWarning, dc.DeadUnitsWarning):
                    warnings.simplefilter("ignore", warning)  # that table shows what the warnings say
            losses = model.fit(X, y, optimizer, epochs=setup["num_iterations"], batch_size=None)["loss"]
    return losses, {name: value.copy() for name, value in model.parameters.items()}


def orders(setup, m):
    """The course's order of the examples in every epoch: legacy permutations with seed 10 + epoch, from 1."""
    for epoch in range(1, 1 + setup["epochs"]):
        yield np.random.RandomState(10 + epoch).permutation(m)


def functional_loop(setup, parameters, X, y):
    """Course 2: mini-batches, L2, dropout, momentum and Adam with ``deepcore.functional``."""
    X, Y = np.ascontiguousarray(X.T), y.reshape(1, -1).astype(np.float64)
    m, size = X.shape[1], setup.get("mini_batch_size")
    state, t, losses = F.initialize_adam(parameters), 0, []
    for order in orders(setup, m) if size else [None] * setup["num_iterations"]:
        batches = F.mini_batches(X, Y, size, permutation=order) if size else [(X, Y)]
        total = 0.0
        for X_batch, Y_batch in batches:
            cost, grads = step(setup, parameters, X_batch, Y_batch)
            total += cost * X_batch.shape[1]
            t += 1
            parameters, state = update(setup, parameters, grads, state, t)
        losses.append(total / m)
    return losses, parameters


def step(setup, parameters, X, Y):
    """Cost and gradients at the parameters, with L2 or dropout if the setup has them."""
    if setup.get("keep_prob", 1.0) < 1:
        return dropout_step(setup, parameters, X, Y)
    options, l2 = {"activation": setup["hidden"], "output": "sigmoid"}, setup.get("lambd", 0.0)
    AL, caches = F.model_forward(X, parameters, **options)
    cost = F.compute_cost(AL, Y, loss="binary_cross_entropy", l2=l2, parameters=parameters)
    return cost, F.model_backward(AL, Y, caches, l2=l2, **options)


def dropout_step(setup, parameters, X, Y):
    """The exercise seeds its masks with 1 in every forward pass."""
    random, keep_prob, depth = np.random.RandomState(1), setup["keep_prob"], len(parameters) // 2
    names = dict.fromkeys(range(1, depth), setup["hidden"]) | {depth: "sigmoid"}
    A, caches, masks, grads = X, {}, {}, {}
    for n, name in names.items():
        A, caches[n] = F.linear_activation_forward(A, parameters[f"W{n}"], parameters[f"b{n}"], name)
        if n < depth:
            masks[n] = random.rand(*A.shape) < keep_prob
            A = F.dropout_forward(A, keep_prob, masks[n])
    dA = F.loss_backward(A, Y, "binary_cross_entropy")
    for n in range(depth, 0, -1):
        if n < depth:
            dA = F.dropout_backward(dA, keep_prob, masks[n])
        dA, grads[f"dW{n}"], grads[f"db{n}"] = F.linear_activation_backward(dA, caches[n], names[n])
    return F.compute_cost(A, Y, loss="binary_cross_entropy"), grads


def update(setup, parameters, grads, state, t):
    """One step of the setup's optimizer in the course's form; state is v and s."""
    kind, rate, (v, s) = setup.get("optimizer", "gd"), setup["learning_rate"], state
    if kind == "momentum":
        parameters, v = F.update_parameters_with_momentum(parameters, grads, v, setup.get("beta", 0.9), rate)
    elif kind == "adam":
        hyper = setup.get("beta1", 0.9), setup.get("beta2", 0.999), setup.get("epsilon", 1e-8)
        parameters, v, s = F.update_parameters_with_adam(parameters, grads, v, s, t, rate, *hyper)
    else:
        assert kind == "gd", f"no optimizer for {kind!r}"
        parameters = F.update_parameters(parameters, grads, learning_rate=rate)
    return parameters, (v, s)
