"""The doctor on trainings with planted faults, on other data and networks than its rules were written with.

A case has the cause, the data, and a function that makes the arguments of ``diagnose`` of them.
"""

import warnings

import numpy as np
import pytest

import deepcore as dc

ROWS = 600


def standardized(array):
    return (array - array.mean(axis=0)) / array.std(axis=0)


def moons(seed):
    X, y = dc.data.moons(ROWS, noise=0.15, seed=seed)
    return standardized(X), y


def circles(seed):
    X, y = dc.data.circles(ROWS, noise=0.06, factor=0.4, seed=seed)
    return standardized(X), y


def blobs(seed, classes=5, features=6):
    random = np.random.default_rng(seed)
    centers = random.uniform(-6, 6, size=(classes, features))
    y = random.integers(0, classes, ROWS)
    return standardized(centers[y] + 1.5 * random.normal(size=(ROWS, features))), y


def friedman(seed, features=7):
    """Friedman's first function (1991) of uniform features."""
    random = np.random.default_rng(seed)
    X = random.uniform(size=(ROWS, features))
    y = 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2 + 10 * X[:, 3] + 5 * X[:, 4]
    return standardized(X), standardized(y + 0.5 * random.normal(size=ROWS))


def rare(seed):
    """Two classes that overlap, of which the second one has 6% of the rows."""
    random = np.random.default_rng(seed)
    y = (random.random(5 * ROWS) < 0.06).astype(int)
    return standardized(random.normal(size=(len(y), 6)) + 0.6 * y[:, None]), y


def network(data, *units, activation="relu", seed=1, output=None, loss="auto", **options):
    X, y = data
    if output is None:
        classes = 1 + int(y.max())
        output = "linear" if y.dtype.kind == "f" else "sigmoid" if classes == 2 else "softmax"
    last = dc.Dense(1 + int(y.max()) if output == "softmax" else 1, output)
    layers = [dc.Dense(n, activation, **options) for n in units]
    return dc.Model(X.shape[1], [*layers, last], loss=loss, seed=seed)


def starting(model, *, factor=1.0, bias=0.0):
    """Change the first parameters of the hidden layers."""
    for number in range(1, len(model.layers)):
        model.parameters[f"W{number}"] *= factor
        model.parameters[f"b{number}"] += bias
    return model


def deep(data, activation, factor=1.0):
    return starting(network(data, *[16] * 7, activation=activation), factor=factor)


def shuffled(data, seed=0):
    return data[0], np.random.default_rng(seed).permutation(data[1])


def apart(data):
    """Features of the training rows that were sorted without their labels; the validation rows are right."""
    X, y = data
    m = 2 * len(y) // 3
    return np.vstack([X[:m][X[:m, 0].argsort()], X[m:]]), y


def noisy(data, seed=0):
    """Few rows with columns of noise and some wrong labels."""
    X, y = data[0][:200], data[1][:200].copy()
    random = np.random.default_rng(seed)
    wrong = random.random(len(y)) < 0.2
    y[wrong] = 1 - y[wrong]
    return np.hstack([X, random.normal(size=(len(X), 20))]), y


def run(data, model, optimizer=None, *, epochs=40, batch_size=32, copies=0):
    """The arguments of ``diagnose``; a third of the rows validates, of which some may be training rows."""
    X, y = data
    m = 2 * len(y) // 3
    X_val, y_val = X[m:].copy(), y[m:].copy()
    X_val[:copies], y_val[:copies] = X[:copies], y[:copies]
    return (model, X[:m], y[:m], optimizer or dc.Adam(0.01)), {
        "epochs": epochs,
        "batch_size": batch_size,
        "validation_data": (X_val, y_val),
    }


def scaled(data, X=1.0, y=1.0, offset=0.0):
    return data[0] * X, data[1] * y + offset


BROKEN = {
    "one epoch of few steps": (
        "too_few_epochs",
        moons(11),
        lambda d: run(d, network(d, 48, 64, activation="elu"), dc.Adam(0.002), epochs=1, batch_size=64),
    ),
    "loss above its start": (
        "learning_rate_too_high",
        circles(13),
        lambda d: run(d, network(d, 16, 24, 16, activation="tanh"), dc.Adam(0.8), epochs=60),
    ),
    "target with an offset": (
        "target_not_scaled",
        friedman(13),
        lambda d: run(
            scaled(d, y=50.0, offset=3990.0), network(d, 16, 16, 16, activation="sigmoid"), epochs=60
        ),
    ),
    "rare class, few epochs": (
        "class_imbalance",
        rare(21),
        lambda d: run(d, network(d, 6, activation="tanh"), dc.Adam(0.002), epochs=2),
    ),
    "one unit before a wide layer": (
        "too_few_units",
        blobs(15),
        lambda d: run(d, network(d, 1, 48, seed=4), dc.Adam(0.003)),
    ),
    "deep sigmoid": ("vanishing_gradients", blobs(16), lambda d: run(d, deep(d, "sigmoid"), dc.SGD(0.1))),
    "deep sigmoid with AdamW": (
        "vanishing_gradients",
        blobs(25, classes=7),
        lambda d: run(
            d,
            network(d, *[24] * 6, activation="sigmoid", init="he_uniform"),
            dc.AdamW(0.01),
            epochs=45,
            batch_size=16,
        ),
    ),
    "large weights, deep": ("exploding_gradients", moons(17), lambda d: run(d, deep(d, "relu", 12.0))),
    "negative biases": ("dead_relu", blobs(18), lambda d: run(d, starting(network(d, 24, 24), bias=-15.0))),
    "one feature in another unit": (
        "inputs_not_scaled",
        moons(19),
        lambda d: run(scaled(d, X=np.array([5000.0, 1.0])), network(d, 24, activation="tanh")),
    ),
    "labels in another order": ("labels_shuffled", blobs(20), lambda d: run(shuffled(d), network(d, 24))),
    "rows sorted without their labels": (
        "labels_shuffled",
        apart(moons(63)),
        lambda d: run(d, network(d, 32, 24), dc.RMSProp(0.002)),
    ),
    "few noisy rows": (
        "overfitting",
        noisy(moons(21)),
        lambda d: run(d, network(d, 128), epochs=120),
    ),
    "steps of a millionth": (
        "learning_rate_too_low",
        friedman(22),
        lambda d: run(d, network(d, 32, activation="gelu"), dc.Adam(1e-6)),
    ),
    "dropout of 0.95": (
        "dropout_too_high",
        blobs(31),
        lambda d: run(d, network(d, 32, 32, dropout=0.95)),
    ),
    "penalty of 3": ("regularisation_too_strong", friedman(32), lambda d: run(d, network(d, 32, l2=3.0))),
    "linear rings": (
        "no_hidden_activation",
        circles(33),
        lambda d: run(d, network(d, 24, activation="linear")),
    ),
    "large weights, sigmoid": (
        "saturated_units",
        moons(34),
        lambda d: run(d, starting(network(d, 24, 24, activation="sigmoid"), factor=90.0)),
    ),
    "all rows in a step": (
        "batch_size_too_large",
        blobs(35),
        lambda d: run(d, network(d, 24), dc.Adam(0.003), epochs=8, batch_size=None),
    ),
    "copies among the validation rows": (
        "leak_between_train_and_validation",
        noisy(moons(36)),
        lambda d: run(d, network(d, 64), copies=30),
    ),
    "labels as fractions": (
        "wrong_labels_shape_or_range",
        blobs(37),
        lambda d: run(scaled(d, y=0.25), network(d, 24, output="sigmoid")),
    ),
    "class numbers": (
        "wrong_loss_for_output",
        blobs(38),
        lambda d: run(d, network(d, 24, output="linear", loss="squared_error")),
    ),
    "tanh for large targets": (
        "wrong_output_activation",
        friedman(39),
        lambda d: run(scaled(d, y=20.0), network(d, 32, output="tanh", loss="squared_error")),
    ),
    "rate of 3": ("learning_rate_too_high", blobs(40), lambda d: run(d, network(d, 24), dc.Adam(3.0))),
}
HEALTHY = {
    "rings": (circles(51), lambda d: run(d, network(d, 24, activation="tanh"), dc.Adam(0.02), epochs=60)),
    "five classes": (blobs(52), lambda d: run(d, network(d, 32))),
    "regression": (friedman(53), lambda d: run(d, network(d, 48), epochs=60)),
    "decay of AdamW": (moons(54), lambda d: run(d, network(d, 32, 16), dc.AdamW(0.01), epochs=60)),
}


def diagnosed(data, arguments):
    (model, X, y, optimizer), options = arguments(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dc.diagnose(model, X, y, optimizer, **options)


def problems(findings):
    return [finding.cause for finding in findings if finding.severity == "problem"]


@pytest.mark.parametrize(("cause", "data", "arguments"), BROKEN.values(), ids=list(BROKEN))
def test_a_planted_fault_is_found(cause, data, arguments):
    assert cause in problems(diagnosed(data, arguments))


@pytest.mark.parametrize(("data", "arguments"), HEALTHY.values(), ids=list(HEALTHY))
def test_a_training_without_a_fault_has_no_findings(data, arguments):
    assert diagnosed(data, arguments) == ()


def test_units_that_read_a_single_unit_are_not_called_dead():
    _, *case = BROKEN["one unit before a wide layer"]
    assert "dead_relu" not in problems(diagnosed(*case))


def test_a_gradient_that_is_large_because_of_the_target_is_not_the_fault_of_the_network():
    _, *case = BROKEN["target with an offset"]
    assert "exploding_gradients" not in problems(diagnosed(*case))


def test_rows_learned_by_heart_are_a_note_if_the_labels_are_shuffled():
    findings = diagnosed(noisy(shuffled(moons(41))), lambda d: run(d, network(d, 128), epochs=120))
    assert [(one.cause, one.severity) for one in findings][:2] == [
        ("labels_shuffled", "problem"),
        ("overfitting", "note"),
    ]
