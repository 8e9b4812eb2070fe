"""The recorder keeps statistics of every layer during a training, and does not change it."""

from contextlib import suppress

import numpy as np
import pytest

import deepcore as dc
from deepcore.callbacks import EpochRecord


def problem():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    return X, (X[:, 0] > 0).astype(int)


def trained(*callbacks, epochs=6, **settings):
    model = dc.mlp([5, 8, 1], seed=1, **settings)
    X, y = problem()
    history = model.fit(X, y, dc.Adam(0.01), epochs=epochs, batch_size=32, callbacks=callbacks)
    return model, history


class Counting(dc.Recorder):
    """A recorder that counts its calls."""

    calls = 0

    def __call__(self, record):
        self.calls += 1
        return super().__call__(record)


@pytest.mark.parametrize("every", [1, 4, None])
@pytest.mark.parametrize("settings", [{}, {"dropout": 0.3}, {"norm": "batch"}, {"dtype": "float64"}])
def test_the_bits_of_a_training_are_the_same_with_and_without_it(settings, every):
    plain, history = trained(**settings, epochs=40)
    recorded, other = trained(dc.Recorder(*problem(), every=every), **settings, epochs=40)
    assert np.array_equal(plain.flat_parameters, recorded.flat_parameters)
    assert np.array_equal(plain.running.flat, recorded.running.flat)
    assert history == other


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"dtype": "float64", "dropout": 0.3},
        {"norm": "batch"},
        {"norm": "layer", "l2": 0.1},
        {"members": 3},
    ],
)
def test_the_numbers_are_those_of_the_trace_and_of_the_weights(settings):
    recorder = dc.Recorder(*(part[:64] for part in problem()), every=1)
    seen = []
    X, y = (part[:64] for part in problem())

    def look(record):
        seen.append((record.model.trace(X, y), record.model.parameters["W1"].copy()))

    trained(look, recorder, **settings)
    assert recorder.epochs == list(range(6))
    for epoch, (trace, W) in enumerate(seen):
        assert recorder["norm_W1"][epoch] == pytest.approx(np.linalg.norm(W), rel=1e-5)
        assert recorder["norm_dW2"][epoch] == pytest.approx(trace.norms["dW2"], rel=1e-5)
        assert recorder["mean_A1"][epoch] == trace.layers[0].mean
        assert recorder["std_A1"][epoch] == trace.layers[0].std
        assert recorder["dead_1"][epoch] == trace.layers[0].dead.size
    change = np.linalg.norm(seen[1][1] - seen[0][1]) / np.linalg.norm(seen[0][1])
    assert recorder["update_W1"][1] == pytest.approx(change, rel=1e-5)


@pytest.mark.parametrize(
    "layers",
    [
        [dc.Scale(), dc.Dense(8, "tanh"), dc.Dense(1, "sigmoid")],
        [dc.Dense(8, "relu", parametric=True, l1=0.01), dc.Dense(1, "sigmoid", parametrization="ntk")],
        [dc.PeriodicEmbedding(5), dc.Dense(8, "relu"), dc.Dense(1, "sigmoid")],
    ],
)
def test_the_norms_of_gradients_hold_for_every_kind_of_layer(layers):
    X, y = (part[:64] for part in problem())
    recorder = dc.Recorder(X, y, every=1)
    model = dc.Model(5, layers, seed=1)
    model.fit(X, y, dc.Adam(0.01), epochs=1, callbacks=[recorder])
    for name in ("dW1", "dW2"):
        assert recorder[f"norm_{name}"][0] == pytest.approx(model.trace(X, y).norms[name], rel=1e-5)


def test_the_norm_of_a_gradient_that_is_not_finite_is_not_finite():
    X, y = (part[:64] for part in problem())
    recorder = dc.Recorder(X, y, every=1)
    model = dc.mlp([5, 8, 1], seed=1, output="linear")
    model.parameters["W2"][...] = 1e25  # dZ1 overflows
    recorder.on_start(model)
    recorder(EpochRecord(0, 1, {}, model))
    assert not np.isfinite(recorder["norm_dW1"][0])
    assert recorder["norm_W2"][0] == pytest.approx(1e25 * 8**0.5)


def test_dead_and_saturated_units_are_counted():
    recorder = dc.Recorder(*problem(), statistics=["dead", "saturated"], every=1)
    model = dc.Model(5, [dc.Dense(4, "relu"), dc.Dense(3, "tanh"), dc.Dense(1, "sigmoid")], seed=1)
    model.parameters["b1"][[0, 2]] = -99
    model.parameters["b2"][1] = 99
    model.fit(*problem(), dc.SGD(1e-3), epochs=1, callbacks=[recorder])
    assert (recorder["dead_1"], recorder["saturated_2"]) == ([2.0], [1.0])
    assert set(recorder) == {f"{kind}_{layer}" for kind in ("dead", "saturated") for layer in (1, 2, 3)}


def test_without_examples_only_the_weights_are_recorded():
    recorder = dc.Recorder(every=1)
    trained(recorder)
    assert set(recorder) == {"norm_W1", "norm_W2", "update_W1", "update_W2"}


def test_every_nth_epoch_and_the_last_one_are_recorded():
    recorder = dc.Recorder(every=4)
    trained(recorder, epochs=10)
    assert recorder.epochs == [3, 7, 9]


@pytest.mark.parametrize("end", ["a callback", "early stopping", "an exception"])
@pytest.mark.parametrize("every", [4, None])
def test_the_last_epoch_of_a_run_that_ends_early_is_recorded(every, end):
    recorder, seen = dc.Recorder(*problem(), every=every), []

    def look(record):
        seen.append(np.linalg.norm(record.model.parameters["W1"]))
        if end == "an exception" and record.epoch == 5:
            raise OSError("the power failed")
        return end == "a callback" and record.epoch == 5

    stop = dc.EarlyStopping("loss", patience=5, min_delta=1e9)  # puts the first epoch's model back
    callbacks = [stop, recorder, look] if end == "early stopping" else [recorder, look]
    with suppress(OSError):
        trained(*callbacks, epochs=300)
    assert recorder.epochs[-1] == len(seen) - 1 == 5
    assert recorder["norm_W1"][-1] == pytest.approx(seen[-1], rel=1e-6)


def test_a_finished_training_gives_the_whole_record_again(tmp_path):
    records = []
    for _ in range(2):
        recorder = dc.Recorder(*problem(), every=4)
        saved = dc.Checkpoint(tmp_path / "run.safetensors")
        trained(recorder, saved, lambda record: record.epoch == 5, epochs=300)
        records.append((recorder.epochs, dict(recorder)))
    assert records[0] == records[1]
    assert records[0][0] == [3, 5]


def test_by_default_it_records_as_often_as_two_hundredths_of_the_time_allow():
    recorder = dc.Recorder(*problem())
    trained(recorder, epochs=300)
    assert recorder.epochs[0] == 0
    assert recorder.epochs[-1] == 299
    assert len(recorder.epochs) < 300  # an epoch of this network takes less time than a record


@pytest.mark.parametrize(("every", "calls"), [(1, 300), (4, 76), (50, 7), (1000, 2)])
def test_it_is_called_after_the_epochs_that_it_records_and_the_first_one(every, calls):
    recorder = Counting(every=every)
    trained(recorder, epochs=300)
    assert recorder.calls == calls
    assert recorder.epochs == sorted({*range(every - 1, 300, every), 299})


def test_by_default_it_is_called_after_few_epochs_of_a_small_network():
    recorder = Counting(*problem())
    trained(recorder, epochs=20_000)
    assert len(recorder.epochs) <= recorder.calls < 2000


def test_a_new_run_starts_a_new_record():
    recorder = dc.Recorder(every=1)
    trained(recorder)
    trained(recorder, epochs=2)
    assert recorder.epochs == [0, 1]


def test_a_resumed_training_goes_on_with_the_record(tmp_path):
    def fail(record):
        if record.epoch == 3:
            raise OSError("the power failed")

    whole, resumed = (dc.Recorder(*problem(), every=1) for _ in range(2))
    trained(whole)
    path = tmp_path / "run.safetensors"
    with pytest.raises(OSError, match="the power failed"):
        trained(dc.Recorder(*problem(), every=1), dc.Checkpoint(path), fail)
    trained(resumed, dc.Checkpoint(path), lambda record: None)
    assert resumed.epochs == whole.epochs
    assert dict(resumed) == dict(whole)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_it_works_in_the_estimators_and_in_fit_many():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")
    from deepcore.sklearn import MLPClassifier

    X, y = problem()
    first, second = dc.Recorder(X, y, every=1), dc.Recorder(every=1)
    MLPClassifier(hidden_layer_sizes=4, max_iter=2, random_state=0).set_params(callbacks=[first]).fit(X, y)
    assert first.epochs == [0, 1]
    dc.fit_many([dc.mlp([5, 3, 1])], X, y, dc.SGD(0.1), epochs=2, callbacks=[[second]])
    assert second.epochs == [0, 1]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"X": [[1.0]]}, ValueError, "X and y must be given together"),
        ({"statistics": ["dead"]}, ValueError, "the statistic 'dead' needs examples; give X and y"),
        ({"statistics": ["norms"]}, ValueError, "statistics must be of weights, updates, .*, got 'norms'"),
        ({"statistics": "weights"}, TypeError, "statistics must be a list"),
        ({"every": 0}, ValueError, "every must be at least 1, got 0"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        dc.Recorder(**arguments)


def test_examples_that_do_not_fit_the_model_are_refused_before_the_training():
    with pytest.raises(ValueError, match="Recorder: X must have 5 columns"):
        trained(dc.Recorder(np.ones((4, 2)), np.zeros(4)))


def test_a_statistic_that_is_not_there_is_named():
    recorder = dc.Recorder(every=1)
    with pytest.raises(KeyError, match="no epoch was recorded"):
        recorder["norm_W1"]
    trained(recorder)
    with pytest.raises(KeyError, match="'dead_1' is not recorded; there is norm_W1"):
        recorder["dead_1"]


def test_the_record_is_shown_as_text_and_in_a_notebook():
    recorder = dc.Recorder(*problem(), every=1)
    trained(recorder)
    assert str(recorder).splitlines()[-1] == "6 epochs recorded"
    assert recorder._repr_html_().count("<polyline") == len(recorder)
    assert repr(recorder).startswith("Recorder(weights, updates, gradients")
