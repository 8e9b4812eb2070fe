"""Callbacks that act between and within epochs: ReduceOnPlateau, MaxSeconds, directions of numbers."""

import itertools
import math
import time

import numpy as np
import pytest

import deepcore as dc

EPOCHS = 12


def problem():
    rng = np.random.default_rng(7)
    X = rng.normal(size=(60, 2))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def model():
    return dc.mlp([2, 8, 1], activation="tanh", dtype="float64", seed=2)


def rates(values, plateau, rate=0.5, name="val_loss"):
    """The learning rate after each epoch of a run that records these values."""
    net = model()
    state = dc.SGD(rate).bind(net)
    seen = []
    for epoch, value in enumerate(values):
        assert plateau(dc.EpochRecord(epoch, len(values), {name: value}, net, state)) is False
        seen.append(state.learning_rate)
    return seen


def test_the_rate_is_reduced_after_more_than_patience_epochs_without_improvement():
    plateau = dc.ReduceOnPlateau(factor=0.5, patience=2)
    assert rates([1.0, 0.9, 0.9, 0.9, 0.9, 0.8], plateau) == [0.5, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_a_rate_that_was_set_is_reduced():
    X, y = problem()
    net, seen = model(), []
    state = dc.SGD(0.5).bind(net)
    state.set_learning_rate(0.125)
    plateau = dc.ReduceOnPlateau("loss", factor=0.5, patience=0, threshold=0.9)
    listeners = [plateau, lambda record: seen.append(record.optimizer.learning_rate)]
    net.fit(X, y, state, epochs=3, batch_size=None, callbacks=listeners)
    assert seen == [0.125, 0.0625, 0.03125]


def test_epochs_of_the_cooldown_do_not_count():
    plateau = dc.ReduceOnPlateau(factor=0.5, patience=0, cooldown=2)
    assert rates([1.0, 1.0, 1.0, 1.0, 1.0], plateau) == [0.5, 0.25, 0.25, 0.25, 0.125]


def test_the_rate_is_not_reduced_below_min_rate():
    plateau = dc.ReduceOnPlateau(factor=0.1, patience=0, min_rate=0.2)
    assert rates([1.0, 1.0, 1.0], plateau) == pytest.approx([0.5, 0.2, 0.2], rel=1e-15)


def test_a_change_within_the_threshold_is_no_improvement():
    plateau = dc.ReduceOnPlateau(factor=0.5, patience=0, threshold=0.01)
    assert rates([1.0, 0.995, 0.98], plateau) == [0.5, 0.25, 0.25]


def test_a_score_improves_upwards():
    plateau = dc.ReduceOnPlateau("val_r2", factor=0.5, patience=0)
    assert rates([0.5, 0.6, 0.55], plateau, name="val_r2") == [0.5, 0.5, 0.25]


@pytest.mark.parametrize(("mode", "worse", "better"), [("min", -0.995, -1.02), ("max", -1.005, -0.98)])
def test_negative_numbers_improve_by_the_threshold_too(mode, worse, better):
    values, name = [-1.0, -1.0, worse, better], "val_score"
    plateau = dc.ReduceOnPlateau(name, factor=0.5, patience=0, threshold=0.01, mode=mode)
    assert rates(values, plateau, name=name) == [0.5, 0.25, 0.125, 0.125]


def test_the_first_value_is_an_improvement_whatever_the_threshold():
    assert rates([1.0], dc.ReduceOnPlateau(patience=0, threshold=1.0)) == [0.5]


def test_nan_is_no_improvement():
    assert rates([math.nan, 1.0, math.nan], dc.ReduceOnPlateau(factor=0.5, patience=0))[::2] == [0.25, 0.125]


def test_a_second_run_starts_afresh():
    plateau = dc.ReduceOnPlateau(factor=0.5, patience=1)
    assert rates([1.0, 1.0], plateau) == rates([2.0, 2.0], plateau) == [0.5, 0.5]


def test_in_a_run_the_next_steps_have_the_reduced_rate():
    X, y = problem()
    one, two = model(), model()
    # nothing improves by half: the rate falls after every epoch but the first
    plateau = dc.ReduceOnPlateau("loss", factor=0.5, patience=0, threshold=0.9)
    one.fit(X, y, dc.SGD(0.5), epochs=4, batch_size=None, callbacks=[plateau])
    two.fit(X, y, dc.SGD(lambda step: 0.5 * 0.5 ** max(0, step - 1)), epochs=4, batch_size=None)
    assert np.array_equal(one.flat_parameters, two.flat_parameters)


def test_a_schedule_goes_on_below_the_reduction():
    net = model()
    state = dc.SGD(dc.Exponential(1.0, 0.5)).bind(net)
    dc.ReduceOnPlateau("loss", factor=0.1, patience=0)(dc.EpochRecord(0, 1, {"loss": math.nan}, net, state))
    state.native.steps = 3
    assert state.learning_rate == 0.125 * 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factor": 1.0}, "factor must be above 0 and below 1, got 1.0"),
        ({"factor": 0.0}, "factor must be above 0"),
        ({"patience": -1}, "patience must be at least 0, got -1"),
        ({"min_rate": math.nan}, "min_rate must be finite"),
        ({"mode": "up"}, "mode must be auto, min or max, got 'up'"),
    ],
)
def test_impossible_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=f"ReduceOnPlateau: {message}"):
        dc.ReduceOnPlateau(**options)


def test_a_monitor_that_is_not_recorded_is_named():
    X, y = problem()
    with pytest.raises(
        ValueError, match="'val_loss', which is not recorded; give validation_data= or validation_split="
    ):
        model().fit(X, y, callbacks=[dc.ReduceOnPlateau()])


# Early stopping on any number.


def test_early_stopping_follows_a_function_the_way_it_is_told():
    X, y = problem()

    def score(y, outputs):
        return -np.abs(y - outputs).mean()

    stop = dc.EarlyStopping("val_score", patience=EPOCHS, mode="max")
    history = model().fit(
        X, y, dc.Adam(0.05), epochs=EPOCHS, metrics=[score], validation_split=0.5, callbacks=[stop]
    )
    assert stop.best == max(history["val_score"])
    assert stop.best_epoch == int(np.argmax(history["val_score"]))


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="EarlyStopping: mode must be auto, min or max, got 'best'"):
        dc.EarlyStopping(mode="best")


# Time.


def test_a_run_ends_before_an_epoch_that_would_be_too_late(monkeypatch):
    X, y = problem()
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def tick(record):
        clock[0] += 10.0

    history = model().fit(X, y, epochs=EPOCHS, callbacks=[tick, dc.MaxSeconds(35)])
    assert history.epochs == 3  # the fourth would end at 40


def mapped(X, folder):
    """Features in a file and in a dtype that is not the model's."""
    array = np.memmap(folder / "X", np.float32, "w+", shape=X.shape)
    array[:] = X
    return array


@pytest.mark.parametrize("way", ["fit", "converted in parts", "fit_batches", "L-BFGS"])
def test_a_run_ends_within_an_epoch_that_lasts_too_long(way, monkeypatch, tmp_path):
    seconds = itertools.count()
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(seconds)))
    (X, y), trained, options = problem(), model(), {"callbacks": [dc.MaxSeconds(0.5)]}
    start = trained.flat_parameters.copy()
    if way == "fit_batches":
        history = trained.fit_batches([(X, y)], epochs=10**6, **options)
    elif way == "L-BFGS":
        pytest.importorskip("scipy.optimize", reason="SciPy is not installed (extra `scipy`)")
        history = trained.fit(X, y, dc.LBFGS(), **options)
    else:
        X = X if way == "fit" else mapped(X, tmp_path)
        history = trained.fit(X, y, epochs=10**6, batch_size=4, **options)
    assert history.epochs == 0
    assert np.array_equal(trained.flat_parameters, start)  # asked before the first step was made


def test_a_run_that_ends_within_an_epoch_keeps_the_history_and_the_steps():
    X, y = problem()
    heard = []

    class Impatient:
        def __call__(self, record):
            heard.append(record["loss"])

        def on_poll(self):
            return len(heard) > 5

        def on_end(self, model):
            heard.append("end")

    trained = model()
    history = trained.fit(X, y, epochs=10**7, batch_size=4, callbacks=[Impatient()])
    assert history["loss"] == heard[:-1]
    assert heard[-1] == "end"
    assert history.epochs > 5
    assert trained.epochs_trained - history.epochs in (0, 1)


def test_being_asked_changes_no_bit():
    X, y = problem()
    asked, alone = model(), model()
    asked.fit(X, y, epochs=5, batch_size=8, callbacks=[dc.MaxSeconds(1e9)])
    alone.fit(X, y, epochs=5, batch_size=8)
    assert asked.flat_parameters.tobytes() == alone.flat_parameters.tobytes()


def test_the_clock_starts_with_the_run_and_not_with_the_callback(monkeypatch):
    X, y = problem()
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    limit = dc.MaxSeconds(1)
    clock[0] = 100.0
    assert model().fit(X, y, epochs=EPOCHS, callbacks=[limit]).epochs == EPOCHS


def test_no_time_is_refused():
    with pytest.raises(ValueError, match="MaxSeconds: seconds must be above 0 and finite, got 0"):
        dc.MaxSeconds(0)


def test_callbacks_hear_of_the_start_and_the_end_once():
    X, y = problem()
    heard = []

    class Listener:
        def on_start(self, model):
            heard.append("start")

        def __call__(self, record):
            heard.append(record.epoch)

        def on_end(self, model):
            heard.append("end")

    model().fit(X, y, epochs=2, callbacks=[Listener()])
    assert heard == ["start", 0, 1, "end"]
