"""The two estimators in scikit-learn's world: labels, frames, pickles, pipelines, searches, messages."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")

import joblib
import sklearn
from sklearn import neural_network as theirs
from sklearn.base import clone
from sklearn.datasets import load_iris, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import _get_feature_names

from builders import classifier, regressor
from deepcore import sklearn as ours
from deepcore.files.model_file import from_bytes

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
Xr, yr = make_regression(120, 4, n_targets=2, random_state=0)
NAMES = np.array(["setosa", "versicolor", "virginica"])[y]


def through_pickle(estimator):
    return pickle.loads(pickle.dumps(estimator))


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_parameters_and_defaults_are_scikit_learns_and_then_some(name):
    mine, its = (getattr(module, name)().get_params() for module in (ours, theirs))
    assert {key: mine[key] for key in its} == its
    assert list(mine.keys() - its.keys())


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"solver": "lbfgs"}])
def test_public_attributes_are_scikit_learns_and_model_(name, settings):
    found = []
    for module in (ours, theirs):
        estimator = getattr(module, name)(hidden_layer_sizes=4, max_iter=20, random_state=0, **settings)
        estimator.fit(X, y)
        found.append({a for a in dir(estimator) if a.endswith("_") and a[0] != "_" and hasattr(estimator, a)})
    assert found[0] == found[1] | {"model_"}


@pytest.mark.parametrize(
    "labels",
    [NAMES, NAMES.astype(object), y + 5, y.astype(float), y == 1],
    ids=lambda labels: labels.dtype.name,
)
def test_labels_of_any_kind_come_back_as_scikit_learn_gives_them(labels):
    settings = {"hidden_layer_sizes": 8, "max_iter": 10, "random_state": 0}
    mine, its = (module.MLPClassifier(**settings).fit(X, labels) for module in (ours, theirs))
    assert np.array_equal(mine.classes_, its.classes_)
    assert np.array_equal(mine.predict(X), its.predict(X))
    assert mine.predict(X).dtype == its.predict(X).dtype


def test_several_labels_an_example():
    A, B = make_multilabel_classification(100, n_classes=4, random_state=0)
    fitted = classifier(max_iter=300, learning_rate_init=0.01).fit(A, B)
    assert fitted.predict(A).shape == fitted.predict_proba(A).shape == B.shape
    assert np.array_equal(fitted.predict(A), fitted.predict_proba(A) > 0.5)
    assert fitted.out_activation_ == "logistic"
    assert fitted.score(A, B) > 0.5


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_give_names_to_features(library):
    frames = pytest.importorskip(library, reason=f"{library} is not installed")
    columns = {name: X[:, i] for i, name in enumerate("abcd")}
    frame, shuffled = frames.DataFrame(columns), frames.DataFrame({name: columns[name] for name in "bacd"})
    if _get_feature_names(frame) is None:
        pytest.skip(f"this scikit-learn does not read the names of this version of {library}")
    fitted = classifier().fit(frame, frames.Series(NAMES))
    assert list(fitted.feature_names_in_) == list("abcd")
    assert np.array_equal(fitted.predict_proba(frame), classifier().fit(X, NAMES).predict_proba(X))
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(shuffled)
    with pytest.warns(UserWarning, match="valid feature names"):
        fitted.predict(X)


@pytest.mark.parametrize("make", [classifier, regressor])
@pytest.mark.parametrize(
    "way", [lambda e: pickle.loads(pickle.dumps(e)), copy.deepcopy], ids=["pickle", "copy"]
)
def test_a_copy_is_the_same_and_learns_on_as_the_original_would(make, way):
    data = (X, y) if make is classifier else (Xr, yr)
    fitted = make(batch_size=32).fit(*data)
    other = way(fitted)
    assert np.array_equal(fitted.predict(data[0]), other.predict(data[0]))
    for estimator in (fitted, other):
        estimator.partial_fit(*data)
    assert fitted.model_.flat_parameters.tobytes() == other.model_.flat_parameters.tobytes()
    other.coefs_[0][:] = 0
    assert fitted.coefs_[0].any()


def test_a_rate_that_was_lowered_stays_low_in_a_copy():
    fitted = classifier(solver="sgd", learning_rate="invscaling").fit(X, y)
    other = through_pickle(fitted)
    assert other._optimizer.learning_rate == fitted._optimizer.learning_rate < 0.001


def test_the_state_holds_bytes_and_no_native_object():
    state = classifier().fit(X, y)._coefficients.__getstate__()
    assert type(state["model"]) is bytes
    assert {type(value) for value in state["stepper"].values()} <= {bytes, int, float, str, bool, type(None)}
    assert from_bytes(state["model"]).network.spec.layers[0].units == 8


def test_a_damaged_state_is_refused():
    network = classifier().fit(X, y)._coefficients
    state = network.__getstate__()
    with pytest.raises(ValueError, match="cut off"):
        network.__setstate__({**state, "model": state["model"][:-8]})


def test_joblib_files(tmp_path):
    fitted = classifier().fit(X, NAMES)
    joblib.dump(fitted, tmp_path / "m.joblib")
    assert np.array_equal(joblib.load(tmp_path / "m.joblib").predict(X), fitted.predict(X))


def test_a_clone_has_the_parameters_and_nothing_learned():
    fitted = classifier(activation=["relu"], class_weight={0: 2}).fit(X, y)
    other = clone(fitted)
    assert other.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        other.predict(X)
    assert not hasattr(other, "coefs_")


def test_pipelines_with_frames_between_the_steps():
    pytest.importorskip("pandas", reason="pandas is not installed")
    pipeline = make_pipeline(StandardScaler(), classifier(learning_rate_init=0.1)).set_output(
        transform="pandas"
    )
    assert pipeline.fit(X, NAMES).score(X, NAMES) > 0.7
    assert list(pipeline[-1].feature_names_in_) == ["x0", "x1", "x2", "x3"]


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_searches_over_parameters(n_jobs):
    grid = {"alpha": [1e-4, 1.0], "hidden_layer_sizes": [(4,), (8, 4)]}
    search = GridSearchCV(classifier(), grid, cv=3, n_jobs=n_jobs).fit(X, y)
    assert set(search.best_params_) == set(grid)
    assert search.best_estimator_.predict(X).shape == (150,)


def test_cross_validation_scores_a_regressor():
    assert len(cross_val_score(regressor(max_iter=200), Xr, yr / 100, cv=3)) == 3


def test_weights_are_routed_through_a_pipeline():
    weight = np.where(y == 0, 0.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = classifier(max_iter=50).set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        routed = make_pipeline(scaler, inner).fit(X, y, sample_weight=weight)
    plain = classifier(max_iter=50).fit(StandardScaler().fit_transform(X), y, sample_weight=weight)
    assert np.array_equal(routed[-1].coefs_[0], plain.coefs_[0])


@pytest.mark.parametrize("fitted", [False, True])
def test_the_html_names_the_class(fitted):
    estimator = classifier()
    assert "MLPClassifier" in (estimator.fit(X, y) if fitted else estimator)._repr_html_()


# Parameters that can be read and written


def test_coefs_are_live():
    fitted = classifier().fit(X, y)
    assert [c.shape for c in fitted.coefs_] == [(4, 8), (8, 3)]
    assert [b.shape for b in fitted.intercepts_] == [(8,), (3,)]
    fitted.coefs_[1][:] = 0
    fitted.intercepts_[1] = np.log([0.5, 0.25, 0.25])
    np.testing.assert_allclose(fitted.predict_proba(X), np.tile([0.5, 0.25, 0.25], (150, 1)))


def test_coefs_of_scikit_learn_can_be_assigned():
    its = theirs.MLPClassifier(hidden_layer_sizes=8, max_iter=30, random_state=4).fit(X, y)
    mine = classifier().fit(X, y)
    mine.coefs_, mine.intercepts_ = its.coefs_, its.intercepts_
    np.testing.assert_allclose(mine.predict_proba(X), its.predict_proba(X), rtol=1e-12)


def test_coefs_of_another_shape_are_refused():
    fitted = classifier().fit(X, y)
    with pytest.raises(ValueError, match=r"shape must be \(4, 8\), got \(8, 4\)"):
        fitted.coefs_[0] = np.zeros((8, 4))
    with pytest.raises(ValueError, match="shorter"):
        fitted.coefs_ = fitted.coefs_[:1]
    with pytest.raises(AttributeError, match="no coefs_ yet"):
        classifier().coefs_ = []


# Messages


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activation": "gelo"}, "The 'activation' parameter of MLPClassifier must be"),
        (
            {"activation": ["relu", "gelo"], "hidden_layer_sizes": (3, 3)},
            "activation must be one of .* got 'gelo'",
        ),
        (
            {"activation": ["relu"], "hidden_layer_sizes": (3, 3)},
            "one for each of the 2 hidden",
        ),
        ({"max_iter": 1.5}, "The 'max_iter' parameter"),
        ({"hidden_layer_sizes": (3, 0)}, r"hidden_layer_sizes must be > 0, got \[3, 0\]"),
        ({"alpha": -1}, "The 'alpha' parameter of MLPClassifier must be a float in the range"),
        ({"dropout": 1.0}, "The 'dropout' parameter"),
        ({"dropout": [0.1, 0.2]}, "dropout must be one value or one for each of the 1 hidden layers"),
        ({"dropout": 0.1, "solver": "lbfgs"}, "need solver='adam' or 'sgd'"),
        ({"norm": "batch", "solver": "lbfgs"}, "need solver='adam' or 'sgd'"),
        ({"n_threads": 0}, "The 'n_threads' parameter"),
        ({"dtype": "float16"}, "The 'dtype' parameter"),
    ],
)
def test_parameters_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        classifier(**settings).fit(X, y)


def test_sizes_of_layers_are_whole_numbers():
    with pytest.raises(TypeError, match="'float' object cannot be interpreted as an integer"):
        classifier(hidden_layer_sizes=(3.5,)).fit(X, y)


@pytest.mark.parametrize("dtype", ["datetime64[s]", "str", "timedelta64[s]"])
def test_targets_of_a_regression_are_numbers(dtype):
    with pytest.raises(TypeError, match="y must be an array of real numbers, got ndarray of"):
        regressor().fit(X, y.astype(dtype))


def test_one_class_is_always_predicted_right():
    fitted = classifier(early_stopping=True).fit(X, np.zeros(150))
    assert set(fitted.validation_scores_) == {1.0}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, where scikit-learn casts and sums
def test_values_too_large_for_the_dtype_of_the_network_are_refused():
    fitted = regressor(dtype="float32").fit(Xr, yr)
    with pytest.raises(ValueError, match="value too large for dtype"):
        fitted.predict(Xr * 1e300)


def test_other_sizes_need_a_fresh_start():
    fitted = classifier(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"must be those of the last fit, \[8\], got \[9\]"):
        fitted.set_params(hidden_layer_sizes=9).fit(X, y)
    assert fitted.set_params(warm_start=False).fit(X, y).coefs_[0].shape == (4, 9)


@pytest.mark.parametrize("weights", ["balanced", [{1: 2.0}, "balanced"]])
def test_balanced_classes_are_unknown_to_partial_fit(weights):
    with pytest.raises(ValueError, match="balanced"):
        classifier(class_weight=weights).partial_fit(X, y, classes=[0, 1, 2])


def test_a_run_that_diverges_names_epoch_layer_and_remedy():
    with pytest.raises(ValueError, match=r"non-finite parameter weights.*epoch \d+, first in layer \d; try"):
        regressor(solver="sgd", learning_rate_init=1e3).fit(Xr, yr)


def test_a_run_that_diverges_keeps_its_best_parameters_with_early_stopping():
    with pytest.warns(ConvergenceWarning, match="no longer finite"):
        fitted = regressor(solver="sgd", learning_rate_init=1e3, early_stopping=True).fit(Xr, yr)
    assert np.isfinite(fitted.predict(Xr)).all()


def test_an_interrupt_keeps_what_was_learned():
    def interrupt(record):
        if record.epoch == 2:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        fitted = classifier(callbacks=[interrupt]).fit(X, y)
    reference = classifier(max_iter=3).fit(X, y)
    assert np.array_equal(fitted.coefs_[0], reference.coefs_[0])


def test_the_last_epoch_warns_unless_it_was_the_aim():
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(10\) reached"):
        classifier().fit(X, y)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_that_are_not_finite_are_refused_in_predictions(bad):
    fitted = classifier().fit(X, y)
    row = np.array([[1.0, bad, 0.0, 0.0]])
    with pytest.raises(ValueError, match="Input X contains"):
        fitted.predict_proba(row)


def test_rows_of_strings_are_refused_in_predictions():
    with pytest.raises(ValueError, match="not compatible with arrays of bytes/strings"):
        classifier().fit(X, y).predict(X.astype(str))


def test_large_finite_rows_are_no_error():
    fitted = classifier(activation="tanh").fit(X, y)
    row = np.full((1, 4), 1e308)  # the sum of the short way overflows
    assert np.isfinite(fitted.predict_proba(row)).all()


def test_without_scikit_learn_the_message_says_what_to_install():
    code = "import sys; sys.modules['sklearn'] = None; import deepcore.sklearn"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'deepcore-nn[sklearn]'" in run.stderr.splitlines()[-1]
