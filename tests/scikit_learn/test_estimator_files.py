"""Estimators in files: they predict labels and can go on, and nothing else than such a file is believed."""

import json
import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")

import deepcore as dc
from deepcore.files import container
from deepcore.sklearn import MLPClassifier, MLPRegressor

X = np.random.default_rng(1).normal(size=(60, 3))
NUMBER = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)

CASES = {
    "texts": (MLPClassifier((4,), max_iter=3, random_state=0), np.array(["a", "b\u00e9", "c"])[NUMBER]),
    "objects": (MLPClassifier((4,), max_iter=3), np.array(["x", "y", "z"], object)[NUMBER]),
    "two classes": (MLPClassifier((4,), max_iter=3, solver="sgd", learning_rate="adaptive"), NUMBER > 0),
    "negative integers": (MLPClassifier((), max_iter=3, class_weight={-1: 2.0, 0: 1.0, 1: 1.0}), NUMBER - 1),
    "one class": (MLPClassifier((4,), max_iter=3), np.zeros(60, np.int8)),
    "multilabel": (MLPClassifier((4,), max_iter=3, n_iter_no_change=np.inf), np.eye(3, dtype=int)[NUMBER]),
    "batch norm": (MLPClassifier((4, 4), max_iter=3, norm="batch", dropout=0.1, dtype="float32",
                                 early_stopping=True), NUMBER),
    "lbfgs": (MLPClassifier((4,), max_iter=3, solver="lbfgs"), NUMBER),
    "regression": (MLPRegressor("huber", (4,), max_iter=3, loss_parameter=0.5, alpha=np.float32(0.1)),
                   X[:, 0]),
    "two targets": (MLPRegressor(hidden_layer_sizes=[4], activation=["tanh"], max_iter=3, solver="sgd",
                                 clip_norm=1.0), X[:, :2]),
    "counts": (MLPRegressor("poisson", max_iter=3, random_state=np.random.RandomState(1)), NUMBER * 1.0),
}  # fmt: skip


@pytest.fixture(params=CASES)
def fitted(request):
    estimator, y = CASES[request.param]
    return estimator.fit(X, y), y


@pytest.fixture
def path(tmp_path):
    return tmp_path / "estimator.safetensors"


pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_a_loaded_estimator_predicts_the_same_labels(fitted, path):
    estimator, y = fitted
    estimator.save(path)
    loaded = dc.load(path)
    assert type(loaded) is type(estimator)
    found, expected = loaded.predict(X), estimator.predict(X)
    assert np.array_equal(found, expected)
    assert found.dtype.kind == expected.dtype.kind
    assert loaded.score(X, y) == estimator.score(X, y)
    if hasattr(estimator, "classes_"):
        assert np.array_equal(loaded.predict_proba(X), estimator.predict_proba(X))


def test_a_loaded_estimator_has_every_argument_and_attribute(fitted, path):
    estimator, _ = fitted
    estimator.save(path)
    loaded = dc.load(path)
    expected, found = estimator.get_params(), loaded.get_params()
    if not isinstance(expected["random_state"], (int, type(None))):  # a generator is not kept
        expected["random_state"] = None
    assert found == expected
    assert {name: type(value) for name, value in found.items() if name != "alpha"} == {
        name: type(value) for name, value in expected.items() if name != "alpha"
    }
    shown = {name for name in vars(estimator) if name.endswith("_")}
    assert shown == {name for name in vars(loaded) if name.endswith("_")}
    for name in shown:
        np.testing.assert_equal(getattr(loaded, name), getattr(estimator, name))


def test_a_loaded_estimator_goes_on_as_the_saved_one_would(path):
    for estimator, y in (
        (MLPClassifier((4,), random_state=0, warm_start=True), NUMBER),
        (MLPClassifier((4,), solver="sgd", random_state=0, learning_rate="invscaling"), NUMBER),
        (MLPRegressor("huber", (4,), random_state=0, norm="batch", dropout=0.2), X[:, 0]),
    ):
        options = {"classes": [0, 1, 2]} if isinstance(estimator, MLPClassifier) else {}
        estimator.partial_fit(X, y, **options).save(path)
        loaded = dc.load(path)
        for _ in range(3):
            estimator.partial_fit(X, y)
            loaded.partial_fit(X, y)
        for one, other in zip(estimator.coefs_, loaded.coefs_, strict=True):
            assert np.array_equal(one, other)
        assert loaded.loss_curve_ == estimator.loss_curve_


def test_names_of_columns_come_back_and_are_checked(path):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed (extra `peers`)")
    frame = pandas.DataFrame(X, columns=["height", "width", "depth"])
    MLPClassifier((4,), max_iter=2).fit(frame, np.array(["no", "yes"])[NUMBER % 2]).save(path)
    loaded = dc.load(path)
    assert loaded.feature_names_in_.tolist() == ["height", "width", "depth"]
    assert set(loaded.predict(frame)) <= {"no", "yes"}
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(frame.rename(columns={"width": "w"}))


def test_a_plain_model_file_names_classes_and_features(path):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed (extra `peers`)")
    frame = pandas.DataFrame({"h": range(8), "w": range(8)})
    MLPClassifier((4,), max_iter=5).fit(frame, list("abababab")).model_.save(path)
    assert dc.load(path).extras == {"classes": ["a", "b"], "features": ["h", "w"]}


def test_a_loaded_estimator_can_be_pickled(path):
    CASES["texts"][0].fit(X, CASES["texts"][1]).save(path)
    loaded = pickle.loads(pickle.dumps(dc.load(path)))
    assert np.array_equal(loaded.predict(X), CASES["texts"][0].predict(X))


def test_an_estimator_that_is_not_fitted_is_not_saved(path):
    with pytest.raises(AttributeError, match="call fit or partial_fit first"):
        MLPClassifier().save(path)
    assert not path.exists()


class Derived(MLPClassifier):
    """A class that load does not know."""


def test_a_class_that_load_does_not_know_is_not_saved(path):
    with pytest.raises(
        ValueError, match="load knows MLPClassifier and MLPRegressor of deepcore only, got the class Derived"
    ):
        Derived((4,), max_iter=2).fit(X, NUMBER).save(path)
    assert not path.exists()


def test_a_label_that_a_file_cannot_hold_is_named(path):
    days = np.array(["2020-01-01", "2020-01-02"], "datetime64[D]")[NUMBER % 2]
    classifier = MLPClassifier((4,), max_iter=2).fit(X, NUMBER % 2)
    classifier.classes_ = np.unique(days)
    with pytest.raises(ValueError, match="save: classes cannot be saved"):
        classifier.save(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"surprise": 1}, "unexpected surprise"),
        ({"class": "Pipeline"}, "estimator.class must be a class of deepcore"),
        ({"class": 1}, "estimator.class must be of type string"),
        ({"arguments": {"solver": {"function": "os.system"}}}, "must be one that deepcore writes"),
        ({"arguments": {"surprise": 1}}, "unexpected keyword argument"),
        ({"arguments": {"n_threads": 0.5}}, "The 'n_threads' parameter of MLPClassifier must be"),
        ({"classes": {"array": ["int64", [0, 2, 1]]}}, "classes must be sorted"),
        ({"classes": None}, "classes do not fit a MLPClassifier"),
        ({"class": "MLPRegressor", "arguments": {}}, "classes do not fit a MLPRegressor"),
        ({"classes": {"array": ["int64", [0, 1]]}}, "classes must fit 3 outputs"),
        ({"classes": {"array": ["int64", [0, "1", 2]]}}, "an array of int64 holds other values"),
        ({"classes": {"array": ["datetime64", [0, 1, 2]]}}, "must be one that deepcore writes"),
        ({"classes": {"array": ["str", ["a", "b", "c" * 2**23]]}}, "must take at most"),
        ({"features": ["a"]}, "features must have 3 names"),
        ({"features": [1, 2, 3]}, r"features\[0\] must be of type string"),
        ({"optimizer": None}, "there are tensors that the description does not name"),
        ({"optimizer": {"solver": "sgd"}}, "optimizer must have the keys"),
    ],
)
def test_a_file_that_is_not_right_is_refused(path, change, message):
    MLPClassifier((4,), max_iter=2, random_state=0).fit(X, NUMBER).save(path)
    description, tensors = container.read(path)
    description["estimator"] |= change
    container.write(path, description, tensors)
    with pytest.raises(ValueError, match=f"load: .*{message}"):
        dc.load(path)


def test_tensors_of_the_optimizer_that_are_not_right_are_refused(path):
    MLPClassifier((4,), max_iter=2, random_state=0).fit(X, NUMBER).save(path)
    description, tensors = container.read(path)
    name = next(name for name in tensors if name.startswith("optimizer/"))
    for wrong, message in (
        ({name: tensors[name][:-1]}, "load: .*slot"),
        ({name: tensors[name] + np.inf}, "the numbers of the optimizer must be finite"),
        ({"other/a": tensors[name]}, "tensors that the description does not name: .*other/a"),
    ):
        container.write(path, description, {**tensors, **wrong})
        with pytest.raises(ValueError, match=message):
            dc.load(path)


def test_the_description_is_json_that_other_programs_read(path):
    CASES["texts"][0].fit(X, CASES["texts"][1]).save(path)
    description, _ = container.read(path)
    assert json.loads(json.dumps(description))["estimator"]["classes"] == {
        "array": ["str", ["a", "b\u00e9", "c"]]
    }


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_an_optimizer_without_one_of_its_numbers_is_refused(path, solver):
    MLPClassifier((2,), max_iter=2, solver=solver, random_state=0).fit(X, NUMBER).save(path)
    description, tensors = container.read(path)
    for name in list(description["estimator"]["optimizer"]):
        estimator = description["estimator"]
        optimizer = {key: value for key, value in estimator["optimizer"].items() if key != name}
        container.write(path, {**description, "estimator": {**estimator, "optimizer": optimizer}}, tensors)
        with pytest.raises(ValueError, match="optimizer"):
            dc.load(path)
