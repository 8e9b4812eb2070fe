"""The two estimators in scikit-learn's world: labels, frames, pickles, pipelines, searches, messages."""

import copy
import doctest
import importlib
import pickle

import joblib
import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")

import sklearn
from sklearn import neural_network as theirs
from sklearn.base import clone
from sklearn.datasets import load_iris, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import deepcore as dc
from deepcore import sklearn as ours
from deepcore.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
Xr, yr = make_regression(120, 4, n_targets=2, random_state=0)
NAMES = np.array(["setosa", "versicolor", "virginica"])[y]


def classifier(**settings):
    return MLPClassifier(**{"hidden_layer_sizes": 8, "max_iter": 10, "random_state": 0, **settings})


def regressor(**settings):
    return MLPRegressor(**{"hidden_layer_sizes": 8, "max_iter": 10, "random_state": 0, **settings})


def through_pickle(estimator):
    return pickle.loads(pickle.dumps(estimator))


@pytest.mark.parametrize("name", ["classifier", "regressor", ""])
def test_the_examples_of_the_docstrings_run(name):
    module = importlib.import_module(f"deepcore.sklearn.{name}".rstrip("."))
    found = doctest.testmod(module)
    assert (found.failed, found.attempted > 0) == (0, True)


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
    state = classifier().fit(X, y)._network.__getstate__()
    assert type(state["model"]) is bytes
    assert {type(value) for value in state["stepper"].values()} <= {bytes, int, float, str, bool, type(None)}
    assert dc.checkpoint.from_bytes(state["model"]).layers[0].units == 8


def test_a_damaged_state_is_refused():
    network = classifier().fit(X, y)._network
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


# What scikit-learn's users were refused


def test_a_validation_set_of_ones_own_is_scored_and_stops():
    fitted = classifier(max_iter=200, early_stopping=True, n_iter_no_change=3, tol=0.01)
    fitted.fit(X[::2], NAMES[::2], validation_data=(X[1::2], NAMES[1::2]))
    assert fitted.t_ == 75 * fitted.n_iter_  # nothing was split off
    assert len(fitted.validation_scores_) == fitted.n_iter_ < 200
    assert fitted.score(X[1::2], NAMES[1::2]) == pytest.approx(fitted.best_validation_score_)


def test_without_early_stopping_a_validation_set_is_only_scored():
    scored = regressor().fit(Xr, yr, validation_data=(Xr[:40], yr[:40], np.ones(40)))
    plain = regressor().fit(Xr, yr)
    assert np.array_equal(scored.coefs_[0], plain.coefs_[0])
    assert scored.validation_scores_[-1] == pytest.approx(scored.score(Xr[:40], yr[:40]))


@pytest.mark.parametrize("weighted", [False, True])
def test_validation_scores_are_scikit_learns_r2(weighted, rng):
    weight = rng.uniform(size=120) if weighted else None
    targets = np.column_stack([yr, np.full(120, 3.0)])  # one of them is constant
    fitted = regressor().fit(
        Xr, targets, validation_data=(Xr, targets, weight) if weighted else (Xr, targets)
    )
    assert fitted.validation_scores_[-1] == pytest.approx(fitted.score(Xr, targets, sample_weight=weight))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((X,), r"validation_data must be \(X, y\)"),
        ((X[:, :3], y), "3 features"),
        ((X, y[:10]), "inconsistent numbers of samples"),
        ((X, np.where(y == 1, 7, y)), r"validation_data must have labels of y, \[0 1 2\], got \[7\]"),
    ],
)
def test_a_validation_set_that_does_not_fit_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, y, validation_data=data)


def test_callbacks_hear_every_epoch_and_may_stop():
    heard = []

    def listener(record):
        heard.append((record.epoch, record["loss"], record["validation_score"]))
        return record.epoch == 4

    fitted = classifier(callbacks=[listener]).fit(X, y, validation_data=(X, y))
    assert [loss for _, loss, _ in heard] == fitted.loss_curve_
    assert (len(heard), fitted.n_iter_) == (5, 5)


def test_deepcores_callbacks_work_here():
    stopping = dc.EarlyStopping("validation_score", patience=2)
    fitted = classifier(max_iter=500, callbacks=[stopping]).fit(X, y, validation_data=(X, y))
    assert fitted.n_iter_ < 500
    assert fitted.score(X, y) == pytest.approx(stopping.best)


def test_an_activation_for_each_layer():
    fitted = classifier(hidden_layer_sizes=(6, 5), activation=["gelu", "tanh"]).fit(X, y)
    assert [layer.activation for layer in fitted.model_.layers] == ["gelu", "tanh", "softmax"]


@pytest.mark.parametrize("rate", [0.5, [0.5, 0.0]])
def test_dropout_changes_training_and_no_prediction(rate):
    sizes = {"hidden_layer_sizes": (20, 10)}
    plain, dropping = classifier(**sizes).fit(X, y), classifier(**sizes, dropout=rate).fit(X, y)
    assert [layer.dropout for layer in dropping.model_.layers] == [0.5, 0.0 if rate != 0.5 else 0.5, 0.0]
    assert plain.loss_curve_ != dropping.loss_curve_
    assert np.array_equal(dropping.predict_proba(X), dropping.predict_proba(X))
    again = classifier(**sizes, dropout=rate, n_threads=2).fit(X, y)
    assert dropping.model_.flat_parameters.tobytes() == again.model_.flat_parameters.tobytes()
    other = classifier(**sizes, dropout=rate, random_state=1).fit(X, y)
    assert dropping.loss_curve_ != other.loss_curve_


def test_dropout_starts_from_the_same_weights():
    """So the curves of two rates can be compared."""
    weights = [
        classifier(dropout=rate, max_iter=1, learning_rate_init=1e-30).fit(X, y).coefs_[0]
        for rate in (0, 0.5)
    ]
    assert np.array_equal(*weights)


def test_label_smoothing_holds_probabilities_back():
    settings = {"solver": "lbfgs", "max_iter": 1000, "hidden_layer_sizes": 20}
    smooth, plain = (classifier(**settings, label_smoothing=s).fit(X, y) for s in (0.3, 0.0))
    assert smooth.predict_proba(X).max() < 0.95 < plain.predict_proba(X).max()


def test_a_clipped_gradient_makes_a_small_step():
    settings = {"solver": "sgd", "momentum": 0, "batch_size": 150, "max_iter": 1, "learning_rate_init": 1.0}
    start = classifier(**settings | {"learning_rate_init": 1e-30}).fit(X, y).model_.flat_parameters
    moved = classifier(**settings, clip_norm=1e-3).fit(X, y).model_.flat_parameters
    assert np.linalg.norm(moved - start) == pytest.approx(1e-3, rel=1e-2)


def test_the_losses_of_a_regressor_find_their_own_centre(rng):
    """The minimiser of absolute_error is the median, of quantile the quantile, of squared_error the mean."""
    flat, targets = np.zeros((501, 1)), rng.exponential(size=501)
    settings = {"hidden_layer_sizes": (), "alpha": 0, "max_iter": 800, "tol": 0, "learning_rate_init": 0.01}
    aims = {
        ("squared_error", None): targets.mean(),
        ("absolute_error", None): np.median(targets),
        ("quantile", 0.9): np.quantile(targets, 0.9),
        ("huber", 1e-3): np.median(targets),
    }
    for (loss, parameter), aim in aims.items():
        fitted = regressor(
            loss=loss, loss_parameter=parameter, **settings | {"max_iter": 800, "batch_size": 501}
        )
        assert fitted.fit(flat, targets).predict(flat[:1])[0] == pytest.approx(aim, abs=0.05)


def test_poisson_needs_counts():
    with pytest.raises(ValueError, match="y must not be negative with loss='poisson', got -1"):
        regressor(loss="poisson").fit(X, y - 1.0)


def test_alpha_and_dropout_may_change_between_partial_fits():
    fitted = classifier(batch_size=150).partial_fit(X, y, classes=[0, 1, 2])
    reference = copy.deepcopy(fitted)
    fitted.set_params(alpha=10.0, dropout=0.0).partial_fit(X, y)
    assert fitted.model_.layers[0].l2 == 10.0
    assert fitted._optimizer.state.steps == 2
    reference.partial_fit(X, y)
    assert fitted.loss_ > reference.loss_ + 0.1


def test_the_dtype_can_be_chosen():
    assert classifier(dtype="float32").fit(X, y).predict_proba(X).dtype == np.float32
    assert classifier(dtype="float64").fit(X.astype(np.float32), y).coefs_[0].dtype == np.float64


def test_the_model_inside_can_be_saved(tmp_path):
    fitted = classifier().fit(X, y)
    fitted.model_.save(tmp_path / "m.safetensors")
    assert np.array_equal(dc.load(tmp_path / "m.safetensors").predict(X), fitted.predict_proba(X))


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
        ({"hidden_layer_sizes": (3, 0)}, r"hidden_layer_sizes must be > 0, got \[3, 0\]"),
        ({"alpha": -1}, "The 'alpha' parameter of MLPClassifier must be a float in the range"),
        ({"dropout": 1.0}, "The 'dropout' parameter"),
        ({"dropout": [0.1, 0.2]}, "dropout must be one value or one for each of the 1 hidden layers"),
        ({"dropout": 0.1, "solver": "lbfgs"}, "dropout needs solver='adam' or 'sgd'"),
        ({"n_threads": 0}, "The 'n_threads' parameter"),
        ({"dtype": "float16"}, "The 'dtype' parameter"),
    ],
)
def test_parameters_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        classifier(**settings).fit(X, y)


def test_other_sizes_need_a_fresh_start():
    fitted = classifier(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"must be those of the last fit, \[8\], got \[9\]"):
        fitted.set_params(hidden_layer_sizes=9).fit(X, y)
    assert fitted.set_params(warm_start=False).fit(X, y).coefs_[0].shape == (4, 9)


def test_balanced_classes_are_unknown_to_partial_fit():
    with pytest.raises(ValueError, match="balanced"):
        classifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])


def test_a_run_that_diverges_names_epoch_and_remedy():
    with pytest.raises(ValueError, match=r"non-finite parameter weights.*epoch \d+; try a smaller"):
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


def test_large_finite_rows_are_no_error():
    fitted = classifier(activation="tanh").fit(X, y)
    row = np.full((1, 4), 1e308)  # the sum of the short way overflows
    assert np.isfinite(fitted.predict_proba(row)).all()
