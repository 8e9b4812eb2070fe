"""Frames and dates that reach ``Model``, the estimators and the preprocessing without a table model."""

import datetime as dt

import numpy as np
import pytest

import deepcore as dc
from deepcore.data import Standardizer

FRAMES = {
    "nullable integers": lambda pd: {"a": pd.array([1, 2, 3, 4], dtype="Int64"), "b": [0.5, 1.5, 2.5, 3.5]},
    "booleans beside floats": lambda pd: {"a": [True, False, True, True], "b": [0.5, 1.5, 2.5, 3.5]},
    "nullable booleans": lambda pd: {"a": pd.array([True, False] * 2, dtype="boolean"), "b": [0.5, 1, 2, 3]},
    "nullable floats": lambda pd: {"a": pd.array([0.5, 1, 2, 3], dtype="Float64"), "b": [1, 2, 3, 4]},
}


@pytest.mark.parametrize("kind", FRAMES)
def test_a_model_takes_frames_of_all_kinds_of_numbers(kind):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(FRAMES[kind](pd))
    model = dc.mlp([2, 3, 1], seed=1)
    model.fit(frame, [0, 1, 0, 1], epochs=1)
    np.testing.assert_array_equal(model.predict(frame), model.predict(frame.astype(float).to_numpy()))


def test_a_model_takes_objects_that_are_numbers():
    model = dc.mlp([2, 3, 1], seed=1)
    objects = np.array([[1, 2.5], [True, np.float32(3)]], dtype=object)
    np.testing.assert_array_equal(model.predict(objects), model.predict(objects.astype(float)))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["x", "y"], "values of type str; .*use deepcore.tabular for text"),
        ([None, 1.5], "with missing values; fill them"),
        ([1j, 2j], "must hold numbers"),
        ([np.timedelta64(12, "h"), np.timedelta64(2, "D")], "values of type timedelta64"),
        ([dt.date(2024, 1, 1)] * 2, "values of type date"),
    ],
)
def test_a_model_says_what_it_cannot_take_in_objects(column, message):
    X = np.array([[column[0], 1.0], [column[1], 2.0]], dtype=object)
    with pytest.raises(TypeError, match=message):
        dc.mlp([2, 3, 1]).predict(X)


def test_missing_values_of_nullable_columns_are_named():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": [0.5, 1.5]})
    with pytest.raises(TypeError, match="with missing values"):
        dc.mlp([2, 3, 1]).predict(frame)


def dates():
    days = np.arange("2021-01-01", "2021-03-02", dtype="M8[D]")[:, None]
    yield days
    yield days.astype("M8[ns]")
    yield days - days[0]
    yield days.tolist() and [[day] for day in days[:, 0]]
    pd = pytest.importorskip("pandas")
    yield pd.DataFrame({"when": days[:, 0], "x": 1.0})
    yield pd.DataFrame({"when": pd.to_datetime(days[:, 0]).tz_localize("UTC")})
    yield pd.DataFrame({"span": days[:, 0] - days[0, 0]})
    pl = pytest.importorskip("polars")
    yield pl.DataFrame({"when": days[:, 0], "x": np.ones(len(days))})
    yield pl.DataFrame({"span": (days[:, 0] - days[0, 0]).astype("m8[ms]")})


def test_the_estimators_refuse_dates_and_durations_in_every_container():
    pytest.importorskip("sklearn")
    from deepcore.sklearn import MLPClassifier, MLPRegressor

    y = np.arange(60) % 2
    classifier = MLPClassifier((2,), solver="lbfgs", max_iter=1000).fit(np.ones((60, 1)), y)
    regressor = MLPRegressor(hidden_layer_sizes=(2,), solver="lbfgs", max_iter=1000).fit(np.ones((60, 1)), y)
    for X in dates():
        for call in (
            lambda X=X: MLPClassifier((2,)).fit(X, y),
            lambda X=X: MLPRegressor().fit(X, y),
            lambda X=X: MLPClassifier((2,)).partial_fit(X, y, classes=[0, 1]),
            lambda X=X: classifier.predict(X),
            lambda X=X: classifier.predict_proba(X),
            lambda X=X: classifier.predict_log_proba(X),
            lambda X=X: classifier.score(X, y),
            lambda X=X: regressor.predict(X),
            lambda X=X: MLPClassifier((2,)).fit(np.ones((60, 1)), y, validation_data=(X, y)),
        ):
            with pytest.raises(TypeError, match="must hold numbers, got dates or durations"):
                call()


def test_a_column_that_varies_by_rounding_only_is_constant():
    X = np.where(np.arange(60) % 2, 0.7, 0.1 * 7)[:, None]
    standardizer = Standardizer().fit(X)
    assert standardizer.constant.tolist() == [0]
    assert standardizer.transform([[0.7005]]).tolist() == [[0.0]]


def test_text_is_refused_by_transform_as_by_fit():
    with pytest.raises(TypeError, match=r"Standardizer.transform: X must hold numbers"):
        Standardizer().fit([[1.0], [2.0]]).transform([["a"]])


def test_huge_values_end_in_one_message():
    with pytest.raises(ValueError, match="column 0 spans more than float64 can hold"):
        Standardizer().fit([[1.6e308], [-1.6e308], [1e308]])
