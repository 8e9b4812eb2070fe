"""RealMLPClassifier and RealMLPRegressor: scikit-learn's interface, splits, members, calibration."""

import pickle

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_diabetes, load_iris, make_classification  # noqa: E402
from sklearn.metrics import log_loss  # noqa: E402
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from deepcore.sklearn import RealMLPClassifier, RealMLPRegressor  # noqa: E402

SMALL = {"hidden_layer_sizes": (32, 32), "n_epochs": 40, "random_state": 0}
VARIANTS = ["td_s", "td"]


def estimators(variant):
    for cls in (RealMLPClassifier, RealMLPRegressor):
        yield cls(variant, hidden_layer_sizes=(32, 32), n_epochs=60, batch_size=32)


@parametrize_with_checks(list(estimators("td_s")))
def test_the_estimators_pass_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(list(estimators("td")))
def test_the_variant_td_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_classes_are_learned(variant, iris):
    X, y = iris
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    classifier = RealMLPClassifier(variant, **SMALL).fit(X, names)
    assert classifier.score(X, names) > 0.9
    probabilities = classifier.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(classifier.classes_[probabilities.argmax(axis=1)], classifier.predict(X))


@pytest.mark.parametrize("variant", VARIANTS)
def test_numbers_are_learned(variant, diabetes):
    X, y = diabetes
    regressor = RealMLPRegressor(variant, **SMALL).fit(X, y)
    assert regressor.score(X, y) > 0.4
    if variant == "td":
        assert y.min() <= regressor.predict(100 * X).min()
        assert regressor.predict(100 * X).max() <= y.max()


@pytest.mark.parametrize("variant", VARIANTS)
def test_several_targets_keep_their_own_scales(variant, diabetes):
    X, y = diabetes
    regressor = RealMLPRegressor(variant, **SMALL).fit(X, np.column_stack([y, 1e6 - 1e3 * y]))
    predicted = regressor.predict(X)
    assert predicted.shape == (len(X), 2)
    assert np.corrcoef(predicted[:, 0], y)[0, 1] > 0.6
    assert np.corrcoef(predicted[:, 1], -y)[0, 1] > 0.6


def test_the_same_seed_gives_the_same_bits_for_any_number_of_threads(iris):
    X, y = iris
    made = [
        RealMLPClassifier(**SMALL, cv=3, n_ens=2, n_threads=threads).fit(X, y).predict_proba(X)
        for threads in (1, 1, 2)
    ]
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])
    other = RealMLPClassifier(**{**SMALL, "random_state": 1}, cv=3, n_ens=2).fit(X, y).predict_proba(X)
    assert not np.array_equal(made[0], other)


def test_predictions_are_the_mean_of_folds_and_members(diabetes):
    X, y = diabetes
    regressor = RealMLPRegressor(**SMALL, cv=3, n_ens=2).fit(X, y)
    assert [len(models) for models in regressor.models_] == [2, 2, 2]
    table = regressor.table_columns_.transform(regressor, X)
    each = [split.predict(table)[:, 0] for split in regressor.splits_]
    np.testing.assert_allclose(regressor.predict(X), np.mean(each, axis=0), rtol=1e-12)
    members = [member.targets(table.numbers, table.codes)[:, 0] for member in regressor.splits_[0].members]
    np.testing.assert_allclose(each[0], np.mean(members, axis=0), rtol=1e-12)


@pytest.mark.parametrize("variant", VARIANTS)
def test_members_share_a_network_and_survive_a_pickle(variant, iris):
    X, y = iris
    classifier = RealMLPClassifier(variant, **SMALL, recipe={"members": 3}).fit(X, y)
    (network,) = classifier.models_[0]
    assert network.members == 3
    assert classifier.score(X, y) > 0.9
    twin = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(twin.predict_proba(X), classifier.predict_proba(X))


def test_out_of_fold_predictions_come_from_networks_that_did_not_see_the_row(diabetes):
    X, y = diabetes
    folds = KFold(3)
    regressor = RealMLPRegressor(**SMALL, cv=folds).fit(X, y)
    table = regressor.table_columns_.transform(regressor, X)
    for split, (_, held) in zip(regressor.splits_, folds.split(X), strict=True):
        np.testing.assert_array_equal(regressor.oof_prediction_[held], split.predict(table.take(held))[:, 0])


def test_folds_of_classes_keep_their_shares():
    X, y = make_classification(200, weights=[0.9], random_state=0)
    classifier = RealMLPClassifier(**SMALL, cv=5).fit(X, y)
    assert classifier.oof_prediction_.shape == (200, 2)
    assert np.isfinite(classifier.oof_prediction_).all()


def test_ties_go_to_the_later_epoch_and_its_parameters_are_kept(iris):
    X, y = iris
    classifier = RealMLPClassifier(**SMALL).fit(X, y)
    errors = np.array(classifier.validation_errors_[0])
    assert classifier.best_epochs_ == [int(np.flatnonzero(errors == errors.min())[-1]) + 1]
    assert len(classifier.loss_curves_[0]) == classifier.n_iter_ == 40


def test_early_stopping_ends_a_run_whose_best_epoch_lies_far_back(diabetes):
    X, y = diabetes
    regressor = RealMLPRegressor(**SMALL, early_stopping=True, patience=(1, 3)).fit(X, y)
    errors, best = regressor.validation_errors_[0], regressor.best_epochs_[0]
    assert len(errors) in (40, best + 4)


def test_a_time_limit_ends_the_training(diabetes):
    X, y = diabetes
    regressor = RealMLPRegressor(random_state=0, time_limit=1e-6).fit(X, y)
    assert regressor.n_iter_ == 1


def test_given_validation_rows_are_used_and_not_trained_on(diabetes):
    X, y = diabetes
    regressor = RealMLPRegressor(**SMALL).fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    predicted = regressor.predict(X[300:])
    best = min(regressor.validation_errors_[0])
    assert np.sqrt(np.mean((predicted - y[300:]) ** 2)) == pytest.approx(best, rel=1e-5)


def test_no_validation_rows_mean_the_last_epoch(diabetes):
    X, y = diabetes
    regressor = RealMLPRegressor(**SMALL, validation_fraction=0).fit(X, y)
    assert regressor.best_epochs_ == [40]
    assert regressor.validation_errors_ == [[]]


def test_calibration_lowers_the_cross_entropy_of_the_validation_rows():
    X, y = make_classification(400, n_features=8, flip_y=0.3, random_state=0)
    parts = {"X_val": X[300:], "y_val": y[300:]}
    losses = [
        log_loss(
            y[300:],
            RealMLPClassifier(**SMALL, calibrate=calibrate, label_smoothing=0.0)
            .fit(X[:300], y[:300], **parts)
            .predict_proba(X[300:]),
        )
        for calibrate in (False, True)
    ]
    assert losses[1] < losses[0]


def test_calibration_needs_wrong_rows():
    X = np.repeat([[-1.0], [1.0]], 50, axis=0) + np.random.default_rng(0).normal(scale=0.1, size=(100, 1))
    y = np.repeat([0, 1], 50)
    plain, calibrated = (RealMLPClassifier(**SMALL, calibrate=value).fit(X, y) for value in (False, True))
    np.testing.assert_array_equal(calibrated.predict_proba(X), plain.predict_proba(X))


def test_class_weights_move_the_predictions():
    X, y = make_classification(400, n_features=6, weights=[0.9], flip_y=0.2, random_state=0)
    shares = [
        RealMLPClassifier(**SMALL, class_weight=weight).fit(X, y).predict(X).mean()
        for weight in (None, "balanced", {0: 1.0, 1: 30.0})
    ]
    assert shares[0] < shares[1] < shares[2]


def test_columns_of_categories_are_one_hot_or_embedded(diabetes):
    X, y = diabetes
    rng = np.random.default_rng(0)
    codes = np.column_stack([rng.integers(3, size=len(X)), rng.integers(30, size=len(X))])
    effect = rng.normal(scale=200, size=30)
    y = y + effect[codes[:, 1]]
    whole = np.column_stack([codes[:, :1], X, codes[:, 1:]])
    regressor = RealMLPRegressor("td", **{**SMALL, "n_epochs": 80}, categorical_features=[0, -1])
    regressor.fit(whole, y)
    spec = regressor.models_[0][0].spec
    assert [one.kind for one in spec.embeddings] == ["periodic", "categories"]
    assert spec.embeddings[1].sizes == (31,)
    assert regressor.score(whole, y) > 0.7
    unseen = whole[:1].copy()
    unseen[0, -1] = 99
    assert np.isfinite(regressor.predict(unseen)).all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_copies_and_pickles_predict_the_same(variant, iris):
    X, y = iris
    classifier = RealMLPClassifier(variant, **SMALL).fit(X, y)
    copied = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(copied.predict_proba(X), classifier.predict_proba(X))
    again = clone(classifier).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))


def test_pipelines_and_searches_take_the_estimators(iris):
    X, y = iris
    pipeline = make_pipeline(StandardScaler(), RealMLPClassifier(**{**SMALL, "n_epochs": 15}))
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.8
    search = GridSearchCV(
        RealMLPClassifier(**{**SMALL, "n_epochs": 15}), {"learning_rate": [1e-5, 0.04]}, cv=3
    ).fit(X, y)
    assert search.best_params_ == {"learning_rate": 0.04}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "tabm"}, "variant"),
        ({"patience": (1,)}, "patience must be two numbers"),
        ({"recipe": {"sigmas": 1}}, "recipe must name hyperparameters"),
        ({"categorical_features": [7]}, "categorical_features must be numbers of columns from 0 to 3"),
        ({"cv": 1}, "cv"),
        ({"hidden_layer_sizes": (2.5,)}, "hidden_layer_sizes must be integers of at least 1"),
        ({"n_threads": 2**31}, "n_threads"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message, iris):
    X, y = iris
    with pytest.raises(ValueError, match=message):
        RealMLPClassifier(**{**SMALL, **arguments}).fit(X, y)


def test_labels_of_validation_rows_must_be_known(iris):
    X, y = iris
    with pytest.raises(ValueError, match="y_val must hold labels of y, got 7"):
        RealMLPClassifier(**SMALL).fit(X, y, X_val=X[:2], y_val=[0, 7])


def raw_frame(m=300, seed=0):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("narwhals")
    rng = np.random.default_rng(seed)
    town = rng.choice(["Bonn", "Ulm", "Kiel"], size=m)
    grade = rng.integers(1, 6, size=m)
    size = rng.normal(100, 30, size=m)
    y = 0.05 * size + np.select([town == "Bonn", town == "Ulm"], [5.0, -5.0], 0.0) + (grade == 3) * 4
    frame = pd.DataFrame(
        {
            "size": np.where(rng.random(m) < 0.1, np.nan, size),
            "town": pd.Series(town).where(rng.random(m) > 0.05, None),
            "grade": pd.Categorical(grade),
            "new": rng.random(m) < 0.5,
        }
    )
    return frame, y


@pytest.mark.parametrize("variant", VARIANTS)
def test_frames_have_text_categories_and_missing_values(variant):
    frame, y = raw_frame()
    regressor = RealMLPRegressor(variant, **SMALL).fit(frame, y)
    assert regressor.score(frame, y) > 0.7
    assert list(regressor.feature_names_in_) == ["size", "town", "grade", "new"]
    other = frame.head(3).copy()
    other["town"] = ["Rome", None, "Ulm"]
    assert np.isfinite(regressor.predict(other)).all()
    with pytest.raises(TypeError, match="was trained on a frame"):
        regressor.predict(np.zeros((2, 4)))
    copied = pickle.loads(pickle.dumps(regressor))
    np.testing.assert_array_equal(copied.predict(other), regressor.predict(other))


def test_numbers_of_a_frame_can_be_categories():
    frame, y = raw_frame()
    frame = frame.assign(code=np.arange(len(frame)) % 12)[["size", "code"]]
    regressor = RealMLPRegressor("td", **SMALL, categorical_features=["code"]).fit(frame, y)
    assert regressor.models_[0][0].spec.embeddings[-1].sizes == (13,)
    numbers = RealMLPRegressor("td", **SMALL).fit(frame, y)
    assert len(numbers.models_[0][0].spec.embeddings) == 1


def test_folds_of_a_frame_keep_its_rows_together():
    frame, y = raw_frame()
    labels = np.where(y > np.median(y), "high", "low")
    classifier = RealMLPClassifier(**SMALL, cv=3, calibrate=True, class_weight="balanced").fit(frame, labels)
    assert (classifier.classes_[classifier.oof_prediction_.argmax(axis=1)] == labels).mean() > 0.8


@pytest.mark.parametrize(
    ("fit_arguments", "message"),
    [
        ({"y_val": [0]}, "X_val and y_val must be given together"),
        ({"X_val": np.zeros((1, 4))}, "X_val and y_val must be given together"),
    ],
)
@pytest.mark.parametrize("estimator", [RealMLPClassifier, RealMLPRegressor])
def test_validation_rows_need_their_targets(estimator, fit_arguments, message, iris):
    with pytest.raises(ValueError, match=message):
        estimator(**SMALL).fit(*iris, **fit_arguments)


def test_validation_rows_that_do_not_fit_are_refused(iris):
    X, y = iris
    with pytest.raises(ValueError, match="cv must be None if X_val is given"):
        RealMLPRegressor(**SMALL, cv=3).fit(X, y, X_val=X, y_val=y)
    with pytest.raises(ValueError, match="y_val must have 1 columns like y, got 2"):
        RealMLPRegressor(**SMALL).fit(X, y, X_val=X, y_val=np.column_stack([y, y]))


def test_dates_are_refused(iris):
    X, y = iris
    days = (100 * X).astype(int).astype("datetime64[D]")
    for arguments in ((days, y), (X, days[:, 0])):
        with pytest.raises(TypeError, match="must hold numbers, got dates"):
            RealMLPRegressor(**SMALL).fit(*arguments)
    with pytest.raises(TypeError, match="fit: y_val must hold numbers, got dates"):
        RealMLPRegressor(**SMALL).fit(X, y, X_val=X, y_val=days[:, 0])
    with pytest.raises(TypeError, match="predict: X must hold numbers, got dates"):
        RealMLPRegressor(**{**SMALL, "n_epochs": 1}).fit(X, y).predict(days)


def test_a_loss_that_is_never_finite_is_an_error(diabetes):
    X, y = diabetes
    regressor = RealMLPRegressor(**SMALL, batch_size=32, learning_rate=1e30)
    with pytest.raises(ValueError, match="no longer finite in the first epoch"):
        regressor.fit(X, y)
    assert not hasattr(regressor, "splits_")


@pytest.mark.parametrize("given", [[1], [-1], ["code"], [False, True], np.array([False, True])], ids=str)
def test_categories_of_a_frame_have_numbers_names_or_booleans(given):
    frame, y = raw_frame()
    frame = frame.assign(code=np.arange(len(frame)) % 12)[["size", "code"]]
    regressor = RealMLPRegressor("td", **{**SMALL, "n_epochs": 1}, categorical_features=given).fit(frame, y)
    assert regressor.models_[0][0].spec.embeddings[-1].sizes == (13,)


@pytest.mark.parametrize("given", [[2], ["codes"], [True], [1.0]], ids=str)
def test_categories_that_a_frame_does_not_have_are_refused(given):
    frame, y = raw_frame()
    with pytest.raises(
        ValueError, match="categorical_features must be numbers of columns from 0 to 1, names"
    ):
        RealMLPRegressor(**SMALL, categorical_features=given).fit(frame[["size", "new"]], y)


def test_mappings_are_frames_whose_columns_have_no_order():
    frame, y = raw_frame()
    table = {name: frame[name].to_numpy() for name in ("size", "town", "new")}
    regressor = RealMLPRegressor(**SMALL).fit(table, y)
    assert regressor.n_features_in_ == 3
    expected = regressor.predict(frame[["size", "town", "new"]])
    turned = {"more": [None] * len(y), **dict(reversed(table.items()))}
    np.testing.assert_array_equal(regressor.predict(turned), expected)
    with pytest.raises(ValueError, match="predict: the table: column 'town' is missing"):
        regressor.predict({"size": [1.0], "new": [True]})


def test_two_columns_of_the_same_name_are_refused():
    frame, y = raw_frame()
    regressor = RealMLPRegressor(**SMALL).fit(frame, y)
    twice = frame.set_axis(["size", "size", "grade", "new"], axis=1)
    with pytest.raises(ValueError, match="two columns of the table have the same name"):
        regressor.predict(twice)
    with pytest.raises(ValueError, match="two columns of the table have the same name"):
        RealMLPRegressor(**SMALL).fit(twice, y)


def test_masked_values_are_not_read_as_numbers(iris):
    X, y = iris
    masked = np.ma.array(X, mask=X > 7)
    with pytest.raises(ValueError, match="fit: X must have no masked values"):
        RealMLPClassifier(**SMALL).fit(masked, y)
    classifier = RealMLPClassifier(**SMALL).fit(np.ma.array(X), y)
    with pytest.raises(ValueError, match="predict: X must have no masked values"):
        classifier.predict(masked)


def test_a_frame_with_text_needs_text_as_names():
    frame, y = raw_frame()
    with pytest.raises(ValueError, match=r"fit: a frame with text must have text as names .* got 0"):
        RealMLPRegressor(**SMALL).fit(frame[["new", "grade"]].assign(grade="a").set_axis([0, 1], axis=1), y)
