"""What must not matter: weights or repeated rows, calls or epochs, sparse or dense, threads."""

import tracemalloc

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")

from scipy import sparse
from sklearn.datasets import load_digits, make_multilabel_classification, make_regression

from deepcore.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SOLVERS = ["sgd", "adam", "lbfgs"]


def digits(m=120):
    X, y = load_digits(n_class=3, return_X_y=True)
    return X[:m] / 16, y[:m]


def case(kind, m=120):
    if kind == "classes":
        return MLPClassifier, *digits(m)
    if kind == "labels":
        return MLPClassifier, *make_multilabel_classification(m, random_state=0)
    X, y = make_regression(m, 6, n_targets=2, random_state=0)
    return MLPRegressor, X, y / 100


def outputs(estimator, X):
    return estimator.predict_proba(X) if hasattr(estimator, "predict_proba") else estimator.predict(X)


def bound(dtype, solver):
    # Sums of other lengths round differently, and adam makes a small gradient's noise a whole step of 1e-3.
    return {"adam": 1e3}.get(solver, 1e2) * float(np.finfo(dtype).eps) * 10


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", ["classes", "labels", "numbers"])
def test_integer_weights_are_repeated_rows(kind, solver, dtype, rng):
    Estimator, X, y = case(kind, m=60)
    X, weight = X.astype(dtype), rng.integers(1, 4, len(X))
    # one batch: in several, repeated rows would fall into other batches
    settings = {"solver": solver, "max_iter": 20, "batch_size": 60, "random_state": 1, "alpha": 0.1}
    a = Estimator(**settings).fit(X, y, sample_weight=weight)
    b = Estimator(**settings | {"batch_size": int(weight.sum())}).fit(
        np.repeat(X, weight, axis=0), np.repeat(y, weight, axis=0)
    )
    np.testing.assert_allclose(outputs(a, X), outputs(b, X), atol=bound(dtype, solver))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", ["classes", "labels", "numbers"])
def test_a_weight_of_zero_removes_the_row(kind, solver, dtype, rng):
    Estimator, X, y = case(kind, m=60)
    X, weight = X.astype(dtype), rng.uniform(0.5, 2, len(X))
    weight[::4] = 0
    kept = weight > 0
    settings = {"solver": solver, "max_iter": 20, "batch_size": 60, "random_state": 1, "alpha": 0.1}
    a = Estimator(**settings).fit(X, y, sample_weight=weight)
    b = Estimator(**settings | {"batch_size": int(kept.sum())}).fit(
        X[kept], y[kept], sample_weight=weight[kept]
    )
    np.testing.assert_allclose(outputs(a, X), outputs(b, X), atol=bound(dtype, solver))


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("kind", ["classes", "labels", "numbers"])
def test_n_partial_fits_are_a_fit_of_n_epochs(kind, solver, dtype):
    """As far as scikit-learn defines it: an int random_state draws the same order in every call."""
    Estimator, X, y = case(kind)
    X = X.astype(dtype)
    settings = {"solver": solver, "batch_size": 32, "shuffle": False, "random_state": 1}
    whole = Estimator(**settings, max_iter=7).fit(X, y)
    parts = Estimator(**settings)
    first = {} if kind == "numbers" else {"classes": np.arange(y.shape[1]) if y.ndim == 2 else np.unique(y)}
    for _ in range(7):
        parts.partial_fit(X, y, **first)
    assert np.array_equal(outputs(whole, X), outputs(parts, X))
    assert whole.loss_curve_ == parts.loss_curve_


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_array, sparse.csr_matrix, sparse.csc_matrix])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_sparse_rows_are_dense_rows(kind, solver, form, dtype):
    Estimator, X, y = case(kind)
    X = np.where(np.abs(X) > 0.5, X, 0).astype(dtype)
    settings = {"solver": solver, "max_iter": 5, "batch_size": 50, "random_state": 1}
    if solver == "adam":
        settings["early_stopping"] = True
    a = Estimator(**settings).fit(X, y)
    b = Estimator(**settings).fit(form(X), y)
    assert np.array_equal(outputs(a, X), outputs(b, X))
    assert np.array_equal(outputs(a, X), outputs(b, form(X)))


def test_sparse_rows_may_hold_an_element_in_parts():
    dense = np.array([[3.0, 0.0], [0.0, 4.0]])
    split = sparse.csr_array(([1.0, 2.0, 4.0], [0, 0, 1], [0, 2, 3]), shape=(2, 2))
    a, b = (MLPRegressor(max_iter=3, random_state=1).fit(X, [1.0, 2.0]) for X in (dense, split))
    assert np.array_equal(a.predict(dense), b.predict(split))


def test_sparse_rows_are_not_made_dense():
    """Densified, these 2000 rows of 200000 columns would take 3.2 GB."""
    rng, count = np.random.default_rng(0), 4000  # two elements in each row
    columns, starts = rng.integers(200_000, size=count), np.arange(0, count + 1, 2)
    X = sparse.csr_array((rng.random(count), columns, starts), shape=(2000, 200_000))
    y = np.asarray(X.sum(axis=1)) > 0.5
    tracemalloc.start()
    classifier = MLPClassifier(hidden_layer_sizes=2, max_iter=1, batch_size=100, random_state=1).fit(X, y)
    classifier.predict(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6  # what NumPy allocated; the parameters are 3.2 MB


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_number_of_threads_does_not_change_a_bit(solver, dtype):
    X, y = digits(150)
    X = X.astype(dtype)
    settings = {"hidden_layer_sizes": (300, 200), "max_iter": 4, "random_state": 1, "solver": solver}
    one, two = (MLPClassifier(**settings, n_threads=n).fit(X, y) for n in (1, 2))
    assert one.model_.flat_parameters.tobytes() == two.model_.flat_parameters.tobytes()


def test_class_weights_are_sample_weights():
    X, y = digits()
    names = np.array(["zero", "one", "two"])[y]
    weights = {"zero": 3.0, "one": 0.5}
    a = MLPClassifier(class_weight=weights, max_iter=5, random_state=1).fit(X, names)
    by_row = np.array([weights.get(name, 1.0) for name in names])
    b = MLPClassifier(max_iter=5, random_state=1).fit(X, names, sample_weight=by_row)
    assert np.array_equal(a.predict_proba(X), b.predict_proba(X))


def test_class_weights_hold_for_parts_of_the_data_that_lack_a_class():
    X, y = digits()
    names = np.array(["zero", "one", "two"])[y]
    a = MLPClassifier(class_weight={"zero": 3.0, "one": 0.5}, random_state=1)
    b = MLPClassifier(random_state=1)
    for name, weight in (("zero", 3.0), ("two", 1.0), ("one", 0.5)):
        part = names == name
        a.partial_fit(X[part], names[part], classes=["one", "two", "zero"])
        b.partial_fit(X[part], names[part], np.full(part.sum(), weight), classes=["one", "two", "zero"])
    assert np.array_equal(a.predict_proba(X), b.predict_proba(X))


def test_class_weights_of_several_labels_are_a_list_and_multiply():
    X, Y = make_multilabel_classification(100, n_classes=2, random_state=0)
    named = [{1: 3.0}, {0: 0.5, 1: 2.0}]
    by_row = np.where(Y[:, 0] == 1, 3.0, 1.0) * np.where(Y[:, 1] == 1, 2.0, 0.5)
    settings = {"max_iter": 2, "batch_size": 20, "random_state": 1}
    a = MLPClassifier(class_weight=named, **settings).fit(X, Y)
    b = MLPClassifier(**settings).fit(X, Y, sample_weight=by_row)
    rows = Y[:, 0] == 0  # a part without the first label
    a.partial_fit(X[rows], Y[rows])
    b.partial_fit(X[rows], Y[rows], sample_weight=by_row[rows])
    assert np.array_equal(a.predict_proba(X), b.predict_proba(X))


def test_balanced_classes_weigh_the_same_together():
    X, y = digits()
    y = np.minimum(y, 1)
    a = MLPClassifier(class_weight="balanced", max_iter=5, random_state=1).fit(X, y)
    by_row = len(y) / (2 * np.bincount(y))[y]
    b = MLPClassifier(max_iter=5, random_state=1).fit(X, y, sample_weight=by_row)
    assert np.array_equal(a.predict_proba(X), b.predict_proba(X))


def test_class_weights_multiply_sample_weights(rng):
    X, y = digits()
    weight = rng.uniform(0.5, 2, len(y))
    a = MLPClassifier(class_weight={0: 2.0}, max_iter=5, random_state=1).fit(X, y, sample_weight=weight)
    b = MLPClassifier(max_iter=5, random_state=1).fit(X, y, sample_weight=weight * np.where(y == 0, 2.0, 1.0))
    assert np.array_equal(a.predict_proba(X), b.predict_proba(X))


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_a_list_of_one_activation_is_that_activation(kind):
    Estimator, X, y = case(kind)
    settings = {"hidden_layer_sizes": (8, 6), "max_iter": 3, "random_state": 1}
    a = Estimator(activation="tanh", **settings).fit(X, y)
    b = Estimator(activation=["tanh", "tanh"], **settings).fit(X, y)
    assert np.array_equal(outputs(a, X), outputs(b, X))
