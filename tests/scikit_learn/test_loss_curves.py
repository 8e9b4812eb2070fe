"""The same random_state as scikit-learn: the same weights, mini-batches and losses, epoch by epoch."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")

from sklearn import neural_network as theirs
from sklearn.datasets import load_digits, make_multilabel_classification, make_regression
from sklearn.preprocessing import scale

from deepcore import sklearn as ours

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# A few hundred steps grow the rounding of float64, 1e-16, by a few digits; the promise is 1e-6.
RTOL = 1e-9


def digits(classes):
    X, y = load_digits(n_class=classes, return_X_y=True)
    return X[:450] / 16, y[:450]


def regression(outputs):
    X, y = make_regression(450, 10, n_targets=outputs, noise=5, random_state=0)
    return X, scale(y)


def counts():
    X, y = regression(2)
    return X, np.random.default_rng(0).poisson(np.exp(y))


DATA = {
    "two classes": ("MLPClassifier", lambda: digits(2)),
    "ten classes": ("MLPClassifier", lambda: digits(10)),
    "labels": ("MLPClassifier", lambda: make_multilabel_classification(450, random_state=0)),
    "one target": ("MLPRegressor", lambda: regression(1)),
    "counts": ("MLPRegressor", counts),
    "three targets": ("MLPRegressor", lambda: regression(3)),
}
SETTINGS = {
    "adam": {},
    "adam, large epsilon": {"epsilon": 0.01, "beta_1": 0.8, "beta_2": 0.9},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "sgd without Nesterov": {"solver": "sgd", "learning_rate_init": 0.05, "nesterovs_momentum": False},
    "sgd without momentum": {"solver": "sgd", "learning_rate_init": 0.05, "momentum": 0},
    "invscaling": {"solver": "sgd", "learning_rate_init": 0.1, "learning_rate": "invscaling"},
    "adaptive": {
        "solver": "sgd",
        "learning_rate_init": 0.1,
        "learning_rate": "adaptive",
        "tol": 0.05,
        "n_iter_no_change": 2,
    },
    "penalty": {"alpha": 2.0, "batch_size": 37},
    "two layers of tanh": {"hidden_layer_sizes": (30, 20), "activation": "tanh"},
    "logistic": {"activation": "logistic", "hidden_layer_sizes": 12},
    "identity": {"activation": "identity", "hidden_layer_sizes": 12},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "in order": {"shuffle": False},
    "early stopping": {"early_stopping": True},
}


def curves(kind, settings, fit):
    name, data = DATA[kind]
    X, y = data()
    if kind == "counts":
        rate = settings.get("learning_rate_init", 0.01) / 10  # exp makes gradients large
        settings = settings | {"loss": "poisson", "learning_rate_init": rate}
    found = []
    for module in (theirs, ours):
        estimator = getattr(module, name)(random_state=3, max_iter=20, **settings)
        found.append(fit(estimator, X, y))
    return found


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("kind", DATA)
def test_twenty_epochs_have_scikit_learns_losses(kind, settings, weighted, rng):
    weight = rng.uniform(0.1, 3, 450) if weighted else None

    def fit(estimator, X, y):
        return estimator.fit(X, y, sample_weight=None if weight is None else weight[: len(y)])

    a, b = curves(kind, settings, fit)
    np.testing.assert_allclose(b.loss_curve_, a.loss_curve_, rtol=RTOL)
    assert (b.n_iter_, b.t_) == (a.n_iter_, a.t_)
    if a.validation_scores_ is not None:
        np.testing.assert_allclose(b.validation_scores_, a.validation_scores_, rtol=RTOL)
        assert b.best_validation_score_ == pytest.approx(a.best_validation_score_)
    else:
        assert b.best_loss_ == pytest.approx(a.best_loss_)
    for mine, its in zip(b.coefs_ + b.intercepts_, a.coefs_ + a.intercepts_, strict=True):
        # adam divides gradients that are nearly 0 by their own size, so parameters are less exact than losses
        np.testing.assert_allclose(mine, its, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("kind", ["ten classes", "three targets"])
def test_partial_fits_have_scikit_learns_losses(kind, solver):
    def fit(estimator, X, y):
        for start in (0, 150, 300, 0):
            classes = {"classes": np.unique(y)} if kind == "ten classes" else {}
            estimator.partial_fit(X[start : start + 150], y[start : start + 150], **classes)
        return estimator

    a, b = curves(kind, {"solver": solver, "batch_size": 32}, fit)
    np.testing.assert_allclose(b.loss_curve_, a.loss_curve_, rtol=RTOL)


def test_a_warm_start_goes_on_as_scikit_learns_does():
    def fit(estimator, X, y):
        return estimator.set_params(warm_start=True).fit(X, y).set_params(max_iter=5, alpha=0.1).fit(X, y)

    a, b = curves("ten classes", {"solver": "sgd"}, fit)
    np.testing.assert_allclose(b.loss_curve_, a.loss_curve_, rtol=RTOL)
    assert len(b.loss_curve_) == 25


def test_a_generator_is_left_where_scikit_learn_leaves_it():
    X, y = digits(10)
    after = []
    for module in (theirs, ours):
        generator = np.random.RandomState(5)
        module.MLPClassifier(max_iter=3, early_stopping=True, random_state=generator).fit(X, y)
        after.append(generator.uniform())
    assert after[0] == after[1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_first_weights_are_scikit_learns(dtype):
    X, y = digits(10)
    settings = {"hidden_layer_sizes": (7, 5), "learning_rate_init": 1e-30, "max_iter": 1, "random_state": 8}
    a, b = (module.MLPClassifier(**settings).fit(X.astype(dtype), y) for module in (theirs, ours))
    for mine, its in zip(b.coefs_ + b.intercepts_, a.coefs_ + a.intercepts_, strict=True):
        assert mine.dtype == its.dtype == dtype
        assert np.array_equal(mine, its)
