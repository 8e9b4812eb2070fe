"""RealMLP estimators in files: they predict the same, and nothing else than such a file is believed."""

import pickle
import threading

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")

from sklearn.model_selection import KFold

import deepcore as dc
from deepcore.files import container
from deepcore.sklearn import RealMLPClassifier, RealMLPRegressor

SMALL = {"hidden_layer_sizes": (4,), "n_epochs": 3, "random_state": 0}
X = np.random.default_rng(1).normal(size=(60, 3))
X[:, 2] = np.arange(60) % 3
NUMBER = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
CATEGORY = {"categorical_features": [2]}

CASES = {
    "texts": (RealMLPClassifier(**SMALL), np.array(["a", "b\u00e9", "c"])[NUMBER]),
    "objects": (RealMLPClassifier(**SMALL, **CATEGORY), np.array(["x", "y", "z"], object)[NUMBER]),
    "two classes": (RealMLPClassifier("td", **SMALL, class_weight="balanced"), NUMBER > 0),
    "folds": (RealMLPClassifier(**SMALL, cv=2, calibrate=True, class_weight={0: 1.0, 1: 2.0, 2: 1}), NUMBER),
    "members": (RealMLPClassifier("td", **SMALL, n_ens=2, dtype="float64", recipe={"sigma": 0.2}), NUMBER),
    "regression": (RealMLPRegressor(**SMALL, learning_rate=np.float32(0.01)), X[:, 0]),
    "two targets": (RealMLPRegressor("td", **SMALL, **CATEGORY, cv=2, early_stopping=True), X[:, :2]),
    "one column": (RealMLPRegressor(**SMALL, validation_fraction=0), X[:, :1]),
}  # fmt: skip


@pytest.fixture(params=CASES)
def fitted(request):
    estimator, y = CASES[request.param]
    return estimator.fit(X, y)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "estimator.safetensors"


def test_a_loaded_estimator_predicts_the_same_and_has_every_attribute(fitted, path):
    fitted.save(path)
    loaded = dc.load(path)
    assert type(loaded) is type(fitted)
    assert loaded.get_params() == fitted.get_params()
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert loaded.predict(X).dtype.kind == fitted.predict(X).dtype.kind
    if hasattr(fitted, "classes_"):
        np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    names = {name for name in vars(fitted) if name.endswith("_")}
    assert names == {name for name in vars(loaded) if name.endswith("_")}
    for name in names - {"splits_", "table_columns_"}:
        np.testing.assert_equal(getattr(loaded, name), getattr(fitted, name))
    for name in ("best_epochs_", "loss_curves_", "validation_errors_", "n_iter_"):
        assert getattr(loaded, name) == getattr(fitted, name)
    again = pickle.loads(pickle.dumps(loaded))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))


def test_a_loaded_estimator_is_trained_again_like_the_saved_one(path):
    estimator = RealMLPClassifier(**SMALL).fit(X, NUMBER)
    estimator.save(path)
    np.testing.assert_array_equal(
        dc.load(path).fit(X, NUMBER).predict_proba(X), estimator.fit(X, NUMBER).predict_proba(X)
    )


def test_columns_of_a_frame_come_back_by_name(path):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed (extra `peers`)")
    sizes = np.where(np.arange(60) % 7, X[:, 0], np.nan)
    frame = pandas.DataFrame({"size": sizes, "colour": np.array(["red", "blue"])[NUMBER % 2]})
    RealMLPRegressor(**SMALL).fit(frame, X[:, 1]).save(path)
    loaded = dc.load(path)
    assert loaded.feature_names_in_.tolist() == ["size", "colour"]
    assert np.isfinite(loaded.predict(frame)).all()
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(frame.rename(columns={"size": "s"}))
    with pytest.raises(TypeError, match="was trained on a frame"):
        loaded.predict(X[:, :2])


def test_a_file_that_is_written_while_a_network_is_trained_holds_one_state(path):
    estimator = RealMLPRegressor(**SMALL, validation_fraction=0).fit(X, X[:, 0])
    model = estimator.models_[0][0]
    inputs = np.zeros((64, model.spec.inputs), np.float32)
    trainer = threading.Thread(target=lambda: model.fit(inputs, inputs[:, :1], "adam", epochs=200))
    trainer.start()
    for _ in range(5):
        estimator.save(path)
        dc.load(path)
    trainer.join()


class Derived(RealMLPClassifier):
    """A class that load does not know."""


def test_what_a_file_cannot_hold_is_refused(path):
    with pytest.raises(ValueError, match="not fitted"):
        RealMLPClassifier().save(path)
    with pytest.raises(ValueError, match="RealMLPRegressor of deepcore only, got the class Derived"):
        Derived(**SMALL).fit(X, NUMBER).save(path)
    with pytest.raises(ValueError, match="save: cv cannot be saved"):
        RealMLPClassifier(**SMALL, cv=KFold(2)).fit(X, NUMBER).save(path)
    assert not path.exists()


def test_a_checkpoint_is_not_kept(path, tmp_path):
    RealMLPRegressor(**SMALL, checkpoint=dc.Checkpoint(tmp_path / "run")).fit(X, X[:, 0]).save(path)
    assert dc.load(path).checkpoint is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"surprise": 1}, "unexpected surprise"),
        ({"class": "MLPClassifier"}, "class must be a class of deepcore"),
        ({"arguments": {"variant": {"function": "os.system"}}}, "must be one that deepcore writes"),
        ({"arguments": {"surprise": 1}}, "unexpected keyword argument"),
        ({"arguments": {"n_ens": 0.5}}, "The 'n_ens' parameter of RealMLPClassifier must be"),
        ({"classes": {"array": ["int64", [0, 2, 1]]}}, "classes must be sorted"),
        ({"classes": None}, "do not fit a RealMLPClassifier"),
        ({"class": "RealMLPRegressor", "arguments": {}}, "do not fit a RealMLPRegressor"),
        ({"classes": {"array": ["int64", [0, 1]]}}, "classes must fit 3 outputs"),
        ({"one_column": True}, "do not fit a RealMLPClassifier"),
        ({"features": ["a"]}, "their names must be 3"),
        ({"width": 4}, "their names must be 4"),
        ({"splits": []}, "at least 1 item"),
        ({"table": {}}, "the columns must have the key frame"),
        ({"table": {"width": 3, "categories": [2, 1], "known": [[0.0], [1.0]]}}, "rising numbers of columns"),
        ({"table": {"width": 3, "categories": [5], "known": [[0.0]]}}, "rising numbers of columns"),
        ({"table": {"width": 3, "categories": [2], "known": [[1.0, 0.0]]}}, "rising finite numbers"),
        ({"table": {"width": 3, "categories": [2], "known": []}}, "rising finite numbers"),
        ({"table": {"width": 3, "categories": [], "known": []}}, "does not belong to these columns"),
        ({"table": {"width": 3, "categories": 7, "known": []}}, "not iterable"),
    ],
)
def test_a_file_that_is_not_right_is_refused(path, change, message):
    RealMLPClassifier(**SMALL, **CATEGORY).fit(X, NUMBER).save(path)
    description, tensors = container.read(path)
    container.write(path, description | change, tensors)
    with pytest.raises(ValueError, match=f"load: .*{message}"):
        dc.load(path)


def test_splits_and_tensors_that_are_not_right_are_refused(path):
    RealMLPClassifier(**SMALL).fit(X, NUMBER).save(path)
    description, tensors = container.read(path)
    (split,) = description["splits"]
    for change, more, message in (
        ({"best_epoch": 4}, {}, "best_epoch must be from 1 to 3"),
        ({"members": [{}]}, {}, "a member must have the keys"),
        ({"losses": [{"float": "no"}]}, {}, "must be one that deepcore writes"),
        ({}, {"other": np.zeros(3)}, "tensors that the description does not name: .*other"),
        ({}, {"splits/0/members/1/center": np.zeros(3)}, "tensors that the description does not name"),
    ):
        container.write(path, {**description, "splits": [split | change]}, {**tensors, **more})
        with pytest.raises(ValueError, match=f"load: .*{message}"):
            dc.load(path)
