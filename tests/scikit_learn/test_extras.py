"""What scikit-learn's users were refused: arguments and methods that only deepcore's estimators have."""

import copy

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")

from scipy import sparse
from sklearn.datasets import load_iris, make_regression

import deepcore as dc
from builders import classifier, regressor
from deepcore.sklearn import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
Xr, yr = make_regression(120, 4, n_targets=2, random_state=0)
NAMES = np.array(["setosa", "versicolor", "virginica"])[y]


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
        ((X, np.eye(3)[y]), r"must have one label per example like y, got shape \(150, 3\)"),
        ((X, np.where(y == 1, np.nan, y)), "Input y contains NaN"),
        ((X, np.where(y == 1, 7, y)), r"validation_data must have the labels of y, \[0 1 2\], got \[7\]"),
    ],
)
def test_a_validation_set_that_does_not_fit_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, y, validation_data=data)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (np.where(yr > 0, np.nan, yr), "Input y contains NaN"),
        (yr[:, 0], "validation_data must have 2 targets like y, got 1"),
    ],
)
def test_targets_of_a_validation_set_that_do_not_fit_are_refused(targets, message):
    with pytest.raises(ValueError, match=message):
        regressor().fit(Xr, yr, validation_data=(Xr, targets))


@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tolist, sparse.csr_array])
def test_several_labels_of_a_validation_set_may_lie_in_any_form(form):
    Y = np.column_stack([y > 0, y > 1]).astype(int)
    fitted = classifier().fit(X, Y, validation_data=(X, form(Y)))
    assert fitted.validation_scores_[-1] == pytest.approx(fitted.score(X, Y))
    with pytest.raises(ValueError, match=r"must have 2 labels per example like y, got shape \(150,\)"):
        classifier().fit(X, Y, validation_data=(X, Y[:, 0]))


def test_one_example_cannot_stop_early():
    with pytest.raises(ValueError, match="The validation set is too small"):
        regressor(early_stopping=True).fit(Xr, yr, validation_data=(Xr[:1], yr[:1]))


@pytest.mark.parametrize("weights", [{0: -1.0}, {0: np.nan}, {0: 0, 1: 0, 2: 0}])
def test_weights_of_classes_are_checked_before_anything_changes(weights):
    fitted = classifier().fit(X, y)
    before = fitted.coefs_[0].copy()
    with pytest.raises(ValueError, match="class_weight must be finite and not negative, and leave"):
        fitted.set_params(class_weight=weights).fit(X, y)
    assert np.array_equal(fitted.coefs_[0], before)


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        ("progress", "MLPClassifier: callbacks must be callable, got str"),
        (dc.EarlyStopping, "MLPClassifier: callbacks must be objects, got the class EarlyStopping"),
    ],
)
def test_callbacks_that_cannot_be_called_are_refused_before_the_run(callback, message):
    fresh = classifier(callbacks=[callback])
    with pytest.raises(TypeError, match=message):
        fresh.fit(X, y)
    assert not hasattr(fresh, "coefs_")


def test_another_norm_needs_a_fresh_start():
    fitted = classifier(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"norm must be that of the last fit, \[None\], got batch"):
        fitted.set_params(norm="batch").fit(X, y)


def test_callbacks_hear_every_epoch_and_may_stop():
    heard = []

    def listener(record):
        heard.append((record.epoch, record["loss"], record["val_accuracy"]))
        return record.epoch == 4

    fitted = classifier(callbacks=[listener]).fit(X, y, validation_data=(X, y))
    assert [loss for _, loss, _ in heard] == fitted.loss_curve_
    assert (len(heard), fitted.n_iter_) == (5, 5)


def test_deepcores_callbacks_work_here():
    stopping = dc.EarlyStopping("val_accuracy", patience=2)
    fitted = classifier(max_iter=500, callbacks=[stopping]).fit(X, y, validation_data=(X, y))
    assert fitted.n_iter_ < 500
    assert fitted.score(X, y) == pytest.approx(stopping.best)


def test_time_ends_an_epoch_that_lasts_too_long():
    limit = dc.MaxSeconds(1e-9)
    fitted = classifier(max_iter=10**7, callbacks=[limit]).fit(X, y)
    assert fitted.n_iter_ == 0
    assert fitted.predict(X).shape == (150,)


def test_callbacks_hear_every_iteration_of_lbfgs_and_may_stop():
    heard = []

    def listener(record):
        heard.append((record.epoch, record["loss"], record.model.evaluate(X, y)["accuracy"]))
        return record.epoch == 4

    fitted = classifier(solver="lbfgs", max_iter=100, callbacks=[listener]).fit(X, y)
    assert [epoch for epoch, _, _ in heard] == [0, 1, 2, 3, 4]
    assert (fitted.n_iter_, fitted.loss_) == (5, heard[-1][1])
    assert fitted.score(X, y) == pytest.approx(heard[-1][2])
    assert len(fitted.coefs_) == 2


def test_an_interrupted_lbfgs_keeps_the_last_iteration():
    def interrupt(record):
        if record.epoch == 4:
            raise KeyboardInterrupt

    interrupted = classifier(solver="lbfgs", max_iter=100, callbacks=[interrupt])
    with pytest.raises(KeyboardInterrupt):
        interrupted.fit(X, y)
    reference = classifier(solver="lbfgs", max_iter=5).fit(X, y)
    assert np.array_equal(interrupted.coefs_[0], reference.coefs_[0])


def test_lbfgs_says_where_the_first_loss_is_no_number():
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        regressor(solver="lbfgs", max_iter=5).fit(Xr * 1e200, yr * 1e200)


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


@pytest.mark.parametrize("norm", ["batch", "layer", ["layer", "batch"]])
def test_hidden_layers_can_be_normalised(norm):
    settings = {"hidden_layer_sizes": (20, 10), "early_stopping": True, "learning_rate_init": 0.02}
    fitted = classifier(norm=norm, max_iter=80, n_iter_no_change=80, **settings).fit(X, y)
    norms = norm if isinstance(norm, list) else [norm, norm]
    assert [layer.norm for layer in fitted.model_.layers] == [*norms, None]
    assert [c.shape for c in fitted.coefs_] == [(4, 20), (20, 10), (10, 3)]
    assert [b.shape for b in fitted.intercepts_] == [(20,), (10,), (3,)]
    assert fitted.score(X, y) > 0.9
    other = copy.deepcopy(fitted)
    assert np.array_equal(other.predict_proba(X), fitted.predict_proba(X))
    for estimator in (fitted, other):
        estimator.set_params(alpha=0.1, early_stopping=False).partial_fit(X, y)
    assert np.array_equal(other.predict_proba(X), fitted.predict_proba(X))


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


def test_a_fit_that_ends_within_its_first_epoch_has_no_loss_yet():
    X = np.zeros((3000, 50))
    model = MLPClassifier((300, 300), callbacks=[dc.MaxSeconds(1e-9)], max_iter=3)
    model.fit(X, np.arange(3000) % 3)
    assert model.n_iter_ == 0
    assert np.isnan(model.loss_)
