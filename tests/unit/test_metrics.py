"""Metrics by name and as functions, in fit and evaluate; and the validation split."""

import functools
import subprocess
import sys
import warnings

import numpy as np
import pytest

import deepcore as dc
from deepcore import data, metrics


def problem(m=120):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(m, 2)).astype(np.float32)
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def model(output="sigmoid", n=1, **options):
    return dc.mlp([2, 8, n], activation="tanh", output=output, seed=2, **options)


def targets(output, n, y):
    if output == "softmax":
        return y
    return (y if n == 1 else np.column_stack([y, 1 - y])[:, :n]).astype(float)


# Expected values, by scikit-learn's functions called by hand.


def by_hand(name, y, A, output):
    from sklearn import metrics as peer

    column = A.ndim == 2 and A.shape[1] == 1
    a = A[:, 0] if column else A
    labels = A.argmax(axis=1) if output == "softmax" else (a > 0.5).astype(int)
    positive = A[:, 1] if output == "softmax" else a
    return {
        "accuracy": lambda: peer.accuracy_score(y, labels),
        "log_loss": lambda: peer.log_loss(y, A if output == "softmax" else a),
        "roc_auc": lambda: peer.roc_auc_score(y, positive),
        "average_precision": lambda: peer.average_precision_score(y, positive),
        "balanced_accuracy": lambda: peer.balanced_accuracy_score(y, labels),
        "f1": lambda: peer.f1_score(y, labels),
        "precision": lambda: peer.precision_score(y, labels),
        "recall": lambda: peer.recall_score(y, labels),
        "matthews": lambda: peer.matthews_corrcoef(y, labels),
        "r2": lambda: peer.r2_score(y, a),
        "explained_variance": lambda: peer.explained_variance_score(y, a),
        "mae": lambda: peer.mean_absolute_error(y, a),
        "median_absolute_error": lambda: np.median(np.abs(y - a)),
        "mape": lambda: peer.mean_absolute_percentage_error(y, a),
        "mse": lambda: peer.mean_squared_error(y, a),
        "rmse": lambda: np.sqrt(((y - a) ** 2).mean()),
    }[name]()


@pytest.mark.parametrize("name", metrics.names)
@pytest.mark.parametrize("output", ["sigmoid", "softmax", "linear"])
def test_a_named_metric_is_scikit_learn_s(name, output):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")
    X, y = problem()
    y = targets(output, 1, y)
    net = model(output, 2 if output == "softmax" else 1)
    reads_reals = name != "accuracy" and metrics._ROWS[name].reads == "reals"
    if (output == "linear" and not reads_reals) or (output == "softmax" and reads_reals):
        with pytest.raises(ValueError, match=f"evaluate: metrics: {name} needs"):
            net.evaluate(X, y, metrics=[name])
        return
    # float32 outputs, divided by their sum where they are classes
    expected = pytest.approx(by_hand(name, y, net.predict(X), output), rel=1e-5)
    assert net.evaluate(X, y, metrics=[name])[name] == expected
    history = net.fit(X, y, epochs=2, metrics=[name], validation_split=0.25)
    assert set(history) >= {"loss", name, "val_loss", f"val_{name}"}


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "f1", "precision", "recall"])
@pytest.mark.parametrize(("output", "n"), [("sigmoid", 2), ("softmax", 3)])
def test_metrics_of_several_labels_or_classes_are_means_over_them(name, output, n):
    peer = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed (extra `sklearn`)")
    X, y = problem()
    y = y + (X[:, 0] > 1) if output == "softmax" else targets(output, n, y)
    net = model(output, n)
    A = net.predict(X).astype(float)
    A /= A.sum(axis=1, keepdims=True) if output == "softmax" else 1
    labels = A.argmax(axis=1) if output == "softmax" else (A > 0.5).astype(int)
    expected = {
        "roc_auc": lambda: peer.roc_auc_score(y, A, multi_class="ovr"),
        "average_precision": lambda: peer.average_precision_score(y, A),
        "f1": lambda: peer.f1_score(y, labels, average="macro", zero_division=0),
        "precision": lambda: peer.precision_score(y, labels, average="macro", zero_division=0),
        "recall": lambda: peer.recall_score(y, labels, average="macro", zero_division=0),
    }[name]()
    assert net.evaluate(X, y, metrics=[name])[name] == pytest.approx(expected, rel=1e-12)


def test_a_metric_of_one_label_refuses_several():
    X, y = problem()
    with pytest.raises(ValueError, match="log_loss is of one label per example, got 2 sigmoid outputs"):
        model("sigmoid", 2).evaluate(X, targets("sigmoid", 2, y), metrics=["log_loss"])


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    X, y = problem()
    net = model()
    kept = net.flat_parameters.copy()
    with pytest.raises(
        ModuleNotFoundError, match=r"fit: metrics: roc_auc .*pip install 'deepcore-nn\[sklearn"
    ):
        net.fit(X, y, metrics=["roc_auc"])
    assert np.array_equal(net.flat_parameters, kept)


def test_evaluate_takes_functions_too():
    X, y = problem()

    def largest_error(y, outputs):
        return np.abs(y - outputs).max()

    net = model()
    values = net.evaluate(X, y, metrics=[largest_error, "accuracy"])
    assert set(values) == {"loss", "accuracy", "largest_error"}
    assert values["largest_error"] == pytest.approx(np.abs(y[:, None] - net.predict(X)).max())


def error(y, outputs, power=1.0):
    return (np.abs(y - outputs) ** power).mean()


def named(name, value=0.5):
    def metric(y, outputs):
        return value

    metric.__name__ = name
    return metric


TRAININGS = {
    "evaluate": lambda net, X, y, metrics: net.evaluate(X, y, metrics=metrics),
    "evaluate of an ensemble": lambda net, X, y, metrics: dc.Ensemble([net]).evaluate(X, y, metrics=metrics),
    "fit": lambda net, X, y, metrics: net.fit(X, y, epochs=1, metrics=metrics),
    "fit_batches": lambda net, X, y, metrics: net.fit_batches(
        [(X, y)], metrics=metrics, validation_data=(X, y)
    ),
    "fit_many": lambda net, X, y, metrics: dc.fit_many([net], X, y, metrics=metrics, validation_data=(X, y)),
}


@pytest.mark.parametrize("call", TRAININGS.values(), ids=TRAININGS)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([lambda y, p: 1.0, lambda y, p: 2.0], "two of the name <lambda>"),
        ([functools.partial(error, power=p) for p in (1, 2)], "two of the name error"),
        (["f1", named("f1")], "two of the name f1"),
        ([named("loss")], "must not have the name loss"),
        ([named("accuracy")], "must not have the name accuracy"),
        ([named("val_loss")], "must not have the name val_loss"),
    ],
)
def test_every_metric_must_have_a_name_of_its_own(call, given, message):
    X, y = problem()
    with pytest.raises(ValueError, match=f"metrics: .* {message}"):
        call(model(), X, y, given)


def test_a_partial_function_has_the_name_of_its_function_or_its_own():
    X, y = problem()
    square, root = (functools.partial(error, power=p) for p in (2.0, 0.5))
    root.__name__ = "root_error"
    net = model(dtype="float64")
    values = net.evaluate(X, y, metrics=[square, root])
    y, outputs = y[:, None], net.predict(X)
    assert (values["error"], values["root_error"]) == (square(y, outputs), root(y, outputs))


def test_the_same_metric_may_stand_twice_and_accuracy_is_free_where_there_is_none():
    X, y = problem()
    values = model().evaluate(X, y, metrics=["f1", "f1", error, error])
    assert set(values) == {"loss", "accuracy", "f1", "error"}
    assert model("linear").evaluate(X, y, metrics=[named("accuracy")])["accuracy"] == 0.5


def test_weights_count_in_named_metrics_as_they_do_in_the_loss():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")
    X, y = problem()
    times, net = np.arange(len(y)) % 3, model()
    chosen = ["accuracy", "roc_auc", "log_loss", "f1"]
    repeated = net.evaluate(np.repeat(X, times, axis=0), np.repeat(y, times), metrics=chosen)
    assert net.evaluate(X, y, sample_weight=times, metrics=chosen) == pytest.approx(repeated, rel=1e-6)


def test_an_unknown_name_is_refused_with_a_hint():
    X, y = problem()
    with pytest.raises(
        ValueError, match=r"evaluate: metrics must be one of accuracy, .*did you mean 'roc_auc'"
    ):
        model().evaluate(X, y, metrics=["rocauc"])


@pytest.mark.parametrize(
    ("name", "up"),
    [
        ("val_accuracy", True),
        ("roc_auc", True),
        ("val_mae", False),
        ("loss", False),
        ("my_score", True),
        ("x", False),
    ],
)
def test_the_table_knows_which_way_is_better(name, up):
    assert metrics.upwards(name) is up


# The validation split.


def test_the_split_is_that_of_train_test_split():
    X, y = problem()
    one, two = model(), model()
    X_train, X_val, y_train, y_val = data.train_test_split(X, y, 0.25, one.seed)
    split = one.fit(X, y, epochs=3, batch_size=16, validation_split=0.25)
    given = two.fit(X_train, y_train, epochs=3, batch_size=16, validation_data=(X_val, y_val))
    assert split.to_dict() == given.to_dict()
    assert np.array_equal(one.flat_parameters, two.flat_parameters)


def test_weights_are_split_with_their_examples():
    X, y = problem()
    weight = np.linspace(0.5, 2, len(y))
    _, held_out = data.split_indices(len(y), 0.25, 2)
    net = model()
    history = net.fit(X, y, epochs=1, sample_weight=weight, validation_split=0.25)
    expected = net.evaluate(X[held_out], y[held_out], sample_weight=weight[held_out])["loss"]
    assert history["val_loss"] == [expected]


@pytest.mark.parametrize("class_weight", [{0: 1.0, 1: 10.0}, "balanced"], ids=["named", "balanced"])
@pytest.mark.parametrize("weighted", [False, True])
def test_weights_of_classes_are_those_of_the_training_part(weighted, class_weight):
    X, y = problem()
    weight = np.random.default_rng(1).uniform(size=len(y)) if weighted else np.ones(len(y))
    one, two = model(), model()
    rows, held_out = data.split_indices(len(y), 0.25, one.seed)
    options = {"epochs": 3, "batch_size": 16, "class_weight": class_weight, "metrics": ["f1"]}
    split = one.fit(X, y, sample_weight=weight, validation_split=0.25, **options)
    held = X[held_out], y[held_out], weight[held_out]
    given = two.fit(X[rows], y[rows], sample_weight=weight[rows], validation_data=held, **options)
    assert split.to_dict() == given.to_dict()
    assert np.array_equal(one.flat_parameters, two.flat_parameters)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation_split": 1.0}, "validation_split must be a fraction between 0 and 1, got 1.0"),
        ({"validation_split": -0.1}, "validation_split must be a fraction"),
        ({"validation_split": 0.1, "validation_data": problem()}, "exclude each other"),
        ({"validation_split": 0.001}, "too few"),
    ],
)
def test_impossible_splits_are_refused(options, message):
    X, y = problem()
    with pytest.raises(ValueError, match=message):
        model().fit(X, y, **options)


def test_common_metrics_do_not_import_scikit_learn():
    code = (
        "import sys, numpy as np, deepcore as dc\n"
        "X, y = np.eye(4), np.arange(4) % 2\n"
        "names = ['balanced_accuracy', 'f1', 'precision', 'recall', 'log_loss']\n"
        "dc.mlp([4, 1]).evaluate(X, y, metrics=names)\n"
        "dc.mlp([4, 1], output='linear').fit(X, y, metrics=['mae', 'mse', 'rmse', 'r2'])\n"
        "assert 'sklearn' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("labels", [2, 3, 5])
@pytest.mark.parametrize("name", ["balanced_accuracy", "f1", "precision", "recall", "log_loss"])
def test_own_metrics_of_classes_have_scikit_learns_values(name, labels, weighted):
    peer = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(labels)
    y = rng.integers(labels, size=50)
    y[y == labels - 1] = 0 if labels == 5 else labels - 1  # with 5 classes the last one is only predicted
    P = rng.dirichlet(np.ones(labels), size=50)
    w = rng.uniform(size=50) if weighted else None
    average = {} if labels == 2 else {"average": "macro"}
    predicted = P.argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            "balanced_accuracy": lambda: peer.balanced_accuracy_score(y, predicted, sample_weight=w),
            "f1": lambda: peer.f1_score(y, predicted, sample_weight=w, **average),
            "precision": lambda: peer.precision_score(
                y, predicted, sample_weight=w, zero_division=0, **average
            ),
            "recall": lambda: peer.recall_score(y, predicted, sample_weight=w, zero_division=0, **average),
            "log_loss": lambda: peer.log_loss(y, P, sample_weight=w, labels=np.arange(labels)),
        }[name]()
    metric = metrics.resolve("test", name, "softmax", labels)
    assert metric(y, P, w) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("name", ["mae", "mse", "rmse", "r2"])
def test_own_metrics_of_reals_have_scikit_learns_values(name, outputs, weighted):
    peer = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(outputs)
    y, A = rng.normal(size=(2, 50, outputs))
    y[:, -1] = 0.5 if outputs == 3 else y[:, -1]  # one target is constant
    w = rng.uniform(size=50) if weighted else None
    function = {
        "mae": peer.mean_absolute_error, "mse": peer.mean_squared_error,
        "rmse": peer.root_mean_squared_error, "r2": peer.r2_score,
    }[name]  # fmt: skip
    metric = metrics.resolve("test", name, "linear", outputs)
    assert metric(y, A, w) == pytest.approx(function(y, A, sample_weight=w), rel=1e-12)


@pytest.mark.parametrize("name", ["f1", "precision", "recall"])
def test_a_class_that_is_never_predicted_counts_0(name):
    metric = metrics.resolve("test", name, "sigmoid", 1)
    assert metric(np.array([[1.0], [0.0]]), np.array([[0.1], [0.2]]), None) == 0.0
