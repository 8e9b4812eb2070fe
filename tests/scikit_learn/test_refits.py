"""A fit replaces the one before it as a whole, and a warm start applies every argument that has changed."""

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")

from deepcore.sklearn import MLPClassifier, MLPRegressor, RealMLPClassifier, RealMLPRegressor  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3))
Y = np.abs(X[:, 0]) + 1
LABELS = np.where(X[:, 0] > 0, "yes", "no")
SMALL = {"hidden_layer_sizes": (8,), "random_state": 0, "n_epochs": 2}
WARM = {"hidden_layer_sizes": (8,), "random_state": 0, "max_iter": 5, "warm_start": True}

FAST = {"hidden_layer_sizes": (8,), "random_state": 0, "n_iter_no_change": 1, "tol": 1e9}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize(
    ("estimator", "wrong"),
    [
        (RealMLPClassifier(**SMALL), {"patience": (1,)}),
        (RealMLPClassifier(cv=2, **SMALL), {"cv": 91}),
        (MLPClassifier(**FAST), {"activation": ["relu", "relu"]}),
        (MLPClassifier(early_stopping=True, **FAST), {"validation_fraction": 0.01}),
        (MLPClassifier(**FAST), {"class_weight": {"apple": -1}}),
    ],
)
def test_a_fit_that_fails_leaves_the_labels_of_the_fit_before(estimator, wrong):
    predicted = estimator.fit(X, LABELS).predict(X)
    with pytest.raises(ValueError):  # noqa: PT011
        estimator.set_params(**wrong).fit(X[:, :2], np.where(LABELS == "yes", "apple", "pear"))
    np.testing.assert_array_equal(estimator.predict(X), predicted)


@pytest.mark.parametrize("estimator", [RealMLPRegressor(**SMALL), MLPRegressor(**FAST)])
def test_a_fit_that_fails_leaves_the_columns_and_targets_of_the_fit_before(estimator):
    predicted = estimator.fit(X, X[:, 0]).predict(X)
    validation = ({"X_val": X, "y_val": X[:, 0]} if isinstance(estimator, RealMLPRegressor)
                  else {"validation_data": (X, X[:, 0])})  # fmt: skip
    with pytest.raises(ValueError, match="like y"):
        estimator.fit(X, X[:, :2], **validation)
    np.testing.assert_array_equal(estimator.predict(X), predicted)


@pytest.mark.parametrize("estimator", [RealMLPClassifier(**SMALL), MLPClassifier(**FAST)])
def test_a_first_fit_that_fails_leaves_an_estimator_that_is_not_fitted(estimator):
    before = set(vars(sklearn.clone(estimator)))
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        estimator.set_params(hidden_layer_sizes=(0,)).fit(X, LABELS)
    assert set(vars(estimator)) == before


def test_out_of_fold_predictions_are_those_of_the_last_fit():
    classifier = RealMLPClassifier(cv=3, **SMALL).fit(X, LABELS)
    assert classifier.oof_prediction_.shape == (90, 2)
    classifier.set_params(cv=None).fit(X[:40], LABELS[:40])
    assert not hasattr(classifier, "oof_prediction_")


@pytest.mark.parametrize(
    ("estimator", "y", "change"),
    [
        (MLPRegressor(**WARM), Y, {"loss": "absolute_error"}),
        (MLPRegressor("huber", **WARM), Y, {"loss_parameter": 0.01}),
        (MLPClassifier(**WARM), LABELS, {"label_smoothing": 0.5}),
        (MLPClassifier(**WARM), LABELS, {"activation": "tanh"}),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)
def test_a_warm_start_applies_what_has_changed(estimator, y, change):
    unchanged = [array.copy() for array in estimator.fit(X, y).fit(X, y).coefs_]
    estimator.set_params(warm_start=False).fit(X, y).set_params(warm_start=True, **change).fit(X, y)
    assert not all(np.array_equal(a, b) for a, b in zip(unchanged, estimator.coefs_, strict=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dtype": "float32"}, "dtype must be that of the last fit, float64, got float32"),
        ({"loss": "poisson"}, "loss must have the output of the last fit, identity, got poisson"),
    ],
)
def test_a_warm_start_refuses_what_needs_another_network(change, message):
    fitted = MLPRegressor(**WARM).fit(X, Y)
    with pytest.raises(ValueError, match=message):
        fitted.set_params(**change).fit(X, Y)


@pytest.mark.parametrize("weight", [-1, np.nan, np.inf, 1e39])
@pytest.mark.parametrize("kind", [RealMLPClassifier, MLPClassifier])
def test_weights_of_classes_that_cannot_be_are_refused(weight, kind):
    own = {"n_epochs": 2} if kind is RealMLPClassifier else {"dtype": "float32"}
    with pytest.raises(ValueError, match="class_weight must"):
        kind(class_weight={"yes": weight, "no": 1}, **own).fit(X, LABELS)


def test_numbers_beyond_the_dtype_are_refused():
    with pytest.raises(ValueError, match="y must be finite in float32, got inf in row 0"):
        MLPRegressor(dtype="float32").fit(X, Y * 1e39)
    with pytest.raises(ValueError, match=r"sum of at most 3e\+30 in float32"):
        MLPRegressor(dtype="float32").fit(X, Y, sample_weight=np.full(90, 1e39))


@pytest.mark.parametrize("variant", ["td_s", "td"])
def test_realmlp_without_hidden_layers_is_trained(variant):
    arguments = {**SMALL, "hidden_layer_sizes": ()}
    assert RealMLPRegressor(variant, **arguments).fit(X, Y).predict(X[:2]).shape == (2,)


def test_missing_labels_are_refused():
    y = LABELS.astype(object)
    y[7] = None
    with pytest.raises(ValueError, match="y must have no missing labels, got None in row 7"):
        RealMLPClassifier(**SMALL).fit(X, y)
    with pytest.raises(ValueError, match="y_val must have no missing labels, got None in row 7"):
        RealMLPClassifier(**SMALL).fit(X, LABELS, X_val=X, y_val=y)


def test_logarithms_of_probabilities_are_those_of_the_probabilities():
    classifier = RealMLPClassifier(**SMALL).fit(X, LABELS)
    assert np.array_equal(classifier.predict_log_proba(X), np.log(classifier.predict_proba(X)))
