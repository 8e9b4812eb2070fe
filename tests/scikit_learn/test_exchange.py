"""Fitted estimators of scikit-learn become models, and models become estimators."""

import numpy as np
import pytest

import deepcore as dc

pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")

from sklearn.neural_network import MLPClassifier, MLPRegressor

from deepcore.sklearn import from_sklearn, to_sklearn

X = np.random.default_rng(0).normal(size=(60, 4))
CLASSES = np.array(["a", "b", "c"])
TARGETS = {
    "three classes": CLASSES[X[:, :3].argmax(axis=1)],
    "two classes": X[:, 0] > 0,
    "several labels": (X[:, :3] > 0).astype(int),
    "numbers": X[:, :2] @ [[1.0, 2.0], [3.0, -1.0]],
}


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("task", TARGETS)
def test_estimators_become_models_and_come_back(task, activation):
    cls = MLPRegressor if task == "numbers" else MLPClassifier
    fitted = cls(hidden_layer_sizes=(6, 5), activation=activation, max_iter=30, random_state=0)
    fitted.fit(X, TARGETS[task])
    expected = fitted.predict(X) if task == "numbers" else fitted.predict_proba(X)
    model = from_sklearn(fitted)
    found = model.predict(X)
    if task == "two classes":
        found = np.hstack([1 - found, found])
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    if task == "several labels":
        model.extras.clear()
    back = to_sklearn(model)
    assert back.get_params()["max_iter"] == cls().max_iter
    np.testing.assert_array_equal(back.predict(X), fitted.predict(X))
    if task != "numbers":
        np.testing.assert_allclose(back.predict_proba(X), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("k", [1, 2])
def test_counts_become_a_model_and_come_back(k):
    counts = np.floor(np.abs(3 * X[:, :k]))
    fitted = MLPRegressor("poisson", (6,), max_iter=30, random_state=0).fit(
        X, counts[:, 0] if k == 1 else counts
    )
    model = from_sklearn(fitted)
    assert (model.spec.output, model.spec.loss) == ("exp", "poisson")
    np.testing.assert_allclose(
        model.predict(X).reshape(fitted.predict(X).shape), fitted.predict(X), rtol=1e-10
    )
    np.testing.assert_array_equal(to_sklearn(model).predict(X), fitted.predict(X))


def test_batch_norm_becomes_part_of_the_weights():
    model = dc.mlp([4, 8, 3], norm="batch", dtype="float64", seed=1)
    model.fit(X, X[:, :3].argmax(axis=1), epochs=3, batch_size=20)
    estimator = to_sklearn(model, classes=CLASSES)
    np.testing.assert_allclose(estimator.predict_proba(X), model.predict(X), rtol=1e-10)
    assert set(estimator.predict(X)) <= set(CLASSES)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_estimators_of_deepcore_become_models():
    from deepcore.sklearn import MLPClassifier as Ours

    fitted = Ours(hidden_layer_sizes=6, max_iter=5, norm="layer", random_state=0).fit(
        X, TARGETS["three classes"]
    )
    model = from_sklearn(fitted)
    assert model.extras == {"classes": ["a", "b", "c"]}
    np.testing.assert_allclose(model.predict(X), fitted.predict_proba(X), rtol=1e-10)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (dc.mlp([4, 5, 3], activation="gelu"), "hidden layers must share one activation"),
        (dc.mlp([4, 5, 3], norm="layer"), "without embeddings, members and layer norm"),
        (dc.mlp([4, 3], members=2), "without embeddings, members and layer norm"),
        (dc.mlp([4, 5, 2], output="softmax"), "two classes must have one sigmoid output"),
        (
            dc.Model(4, [dc.Dense(5), dc.Dense(1, "softplus")], loss="half_squared_error"),
            "the output must be sigmoid, softmax, linear or exp",
        ),
    ],
)
def test_what_scikit_learn_cannot_hold_is_refused(model, message):
    with pytest.raises(ValueError, match=f"to_sklearn: .*{message}"):
        to_sklearn(model)
    with pytest.raises(ValueError, match="classes must be 3 different labels in increasing order"):
        to_sklearn(dc.mlp([4, 5, 3]), classes=["b", "a", "c"])


def test_what_is_no_fitted_perceptron_is_refused():
    with pytest.raises(TypeError, match="from_sklearn: estimator must be an MLPClassifier"):
        from_sklearn(3)
    with pytest.raises(ValueError, match="from_sklearn: estimator must be fitted"):
        from_sklearn(MLPClassifier())
    with pytest.raises(TypeError, match="to_sklearn: model must be a Model, got None"):
        to_sklearn(None)
