"""fit between epochs: history, callbacks, early stopping, progress, and how a run ends."""

import copy
import io
import json
import math
import pickle
import re

import numpy as np
import pytest

import deepcore as dc


def problem(m=60):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(m, 2))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def model(**options):
    return dc.mlp([2, 8, 1], activation="tanh", dtype="float64", seed=2, **options)


def fit(**options):
    X, y = problem()
    return model().fit(X, y, "adam", batch_size=16, **{"epochs": 4} | options)


# History.


def test_history_has_one_loss_for_each_epoch():
    history = fit()
    assert history.epochs == len(history["loss"]) == 4
    assert list(history) == ["loss"]


def test_listening_between_epochs_changes_no_number():
    heard = fit(callbacks=[lambda record: None], metrics=["accuracy"], validation_data=problem(20))
    assert heard["loss"] == fit()["loss"]


def test_validation_and_metrics_have_their_own_series():
    history = fit(validation_data=problem(20), metrics=["accuracy"])
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert {len(series) for series in history.values()} == {4}


def test_metrics_are_those_of_evaluate_after_the_epoch():
    X, y = problem()
    X_val, y_val = problem(20)
    net = model()
    history = net.fit(X, y, epochs=3, validation_data=(X_val, y_val), metrics=["accuracy"])
    assert history["accuracy"][-1] == net.evaluate(X, y)["accuracy"]
    assert history["val_loss"][-1] == net.evaluate(X_val, y_val)["loss"]


def test_a_function_can_be_a_metric():
    def largest_error(y, outputs):
        return np.abs(y - outputs).max()

    history = fit(metrics=[largest_error], validation_data=problem(20))
    assert set(history) == {"loss", "largest_error", "val_loss", "val_accuracy", "val_largest_error"}
    assert all(0 < value < 1 for value in history["largest_error"])


def test_history_is_ready_for_json():
    history = fit(validation_data=problem(20))
    assert json.loads(json.dumps(history.to_dict())) == dict(history)


def test_history_shows_its_last_values():
    history = fit()
    assert repr(history) == f"History(4 epochs, loss {history['loss'][-1]:.6g})"


def test_a_series_that_was_not_recorded_is_named_with_those_that_were():
    with pytest.raises(KeyError, match=r"'val_loss' was not recorded; there is loss"):
        fit()["val_loss"]


# Callbacks.


def test_a_callback_hears_of_every_epoch_with_the_parameters_up_to_date():
    X, y = problem()
    net, heard = model(), []

    def listen(record):
        assert record.model is net
        heard.append((record.epoch, record.epochs, record["loss"], record.model.flat_parameters.copy()))

    history = net.fit(X, y, epochs=3, callbacks=[listen])
    assert [epoch for epoch, *_ in heard] == [0, 1, 2]
    assert {epochs for _, epochs, *_ in heard} == {3}
    assert [loss for _, _, loss, _ in heard] == history["loss"]
    assert np.array_equal(heard[-1][3], net.flat_parameters)
    assert not np.array_equal(heard[0][3], heard[1][3])


@pytest.mark.parametrize("answer", [True, np.True_])
def test_a_callback_that_returns_True_ends_the_training(answer):
    assert fit(callbacks=[lambda record: answer if record.epoch == 1 else None]).epochs == 2


def test_other_answers_do_not_end_it():
    assert fit(callbacks=[lambda record: [1]]).epochs == 4


def test_every_callback_hears_of_the_last_epoch():
    heard = []
    fit(callbacks=[lambda record: True, lambda record: heard.append(record.epoch)])
    assert heard == [0]


def test_an_error_in_a_callback_comes_out_and_leaves_a_usable_model():
    X, y = problem()
    net = model()

    def fail(record):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        net.fit(X, y, callbacks=[fail])
    assert net.fit(X, y, epochs=1).epochs == 1


def test_a_callback_may_evaluate_but_not_train():
    X, y = problem()
    net = model()
    net.fit(X, y, epochs=1, callbacks=[lambda record: record.model.evaluate(X, y) and None])
    with pytest.raises(RuntimeError, match="already being trained"):
        net.fit(X, y, epochs=1, callbacks=[lambda record: net.fit(X, y)])


def test_what_is_no_function_is_refused_as_callback_before_training():
    with pytest.raises(TypeError, match="callbacks must be callable, got int"):
        fit(callbacks=[3])


def test_a_class_a_name_or_nothing_is_refused_as_callbacks_before_training():
    for given, message in (
        ([dc.EarlyStopping], "the class EarlyStopping"),
        (None, "a list"),
        ("x", "a list"),
    ):
        with pytest.raises(TypeError, match=f"fit: callbacks must be .*{message}"):
            fit(callbacks=given)


def test_every_callback_hears_of_the_end_even_if_one_of_them_fails():
    class Fails:
        def __call__(self, record):
            pass

        def on_end(self, net):
            raise LookupError("mine")

    X, y = problem()
    net, best = model(), dc.EarlyStopping("loss", mode="max")  # the first epoch is the best
    kept = []
    with pytest.raises(LookupError, match="mine"):
        net.fit(X, y, epochs=3, callbacks=[lambda r: kept.append(net.flat_parameters.copy()), Fails(), best])
    assert np.array_equal(net.flat_parameters, kept[0])


def test_a_copy_that_a_callback_makes_goes_on_with_the_next_order():
    X, y = problem()
    net, copies = model(), []
    state = dc.SGD(0.1).bind(net)
    net.fit(X, y, state, epochs=2, batch_size=7, callbacks=[lambda record: copies.append(copy.copy(net))])
    assert [one.epochs_trained for one in copies] == [1, 2]
    copies[0].fit(X, y, dc.SGD(0.1), epochs=1, batch_size=7)
    assert np.array_equal(copies[0].flat_parameters, net.flat_parameters)


# Early stopping.


def records(values, name="val_loss", net=None):
    net = net or model()
    return [dc.EpochRecord(i, len(values), {name: value}, net) for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "stopped_at"),
    [
        ([3.0, 2.0, 1.0, 0.5, 0.4], None),
        ([3.0, 2.0, 2.5, 2.5, 1.0], 3),
        ([3.0, 3.0, 3.0, 3.0, 3.0], 2),
        ([3.0, math.nan, math.nan, 1.0, 1.0], 2),
        ([math.nan, 3.0, 2.0, 2.0, 2.0], 4),
    ],
)
def test_early_stopping_waits_for_patience_epochs(values, stopped_at):
    stopping = dc.EarlyStopping(patience=2)
    answers = [stopping(record) for record in records(values)]
    assert (answers.index(True) if True in answers else None) == stopped_at


def test_an_accuracy_improves_upwards():
    stopping = dc.EarlyStopping("val_accuracy", patience=1)
    assert [stopping(record) for record in records([0.5, 0.6, 0.55], "val_accuracy")] == [False, False, True]
    assert (stopping.best, stopping.best_epoch) == (0.6, 1)


def test_small_changes_do_not_count():
    stopping = dc.EarlyStopping(patience=1, min_delta=0.1)
    assert [stopping(record) for record in records([1.0, 0.95])] == [False, True]


def test_the_best_parameters_come_back_when_the_run_ends():
    X, y = problem()
    net, seen = model(), []
    stopping = dc.EarlyStopping("loss", patience=50)
    # a rate that is too large makes the loss jump: the last epoch is not the best
    history = net.fit(
        X, y, dc.SGD(30.0), epochs=30, callbacks=[lambda r: seen.append(net.flat_parameters.copy()), stopping]
    )
    best = int(np.argmin(history["loss"]))
    assert best == stopping.best_epoch < 29
    assert np.array_equal(net.flat_parameters, seen[best])


def test_the_best_parameters_come_back_after_an_error_too():
    X, y = problem()
    net, seen = model(), []

    def fail(record):
        seen.append(net.flat_parameters.copy())
        if record.epoch == 1:
            raise LookupError

    with pytest.raises(LookupError):
        net.fit(X, y, "sgd", callbacks=[dc.EarlyStopping("loss", min_delta=10.0), fail])
    assert np.array_equal(net.flat_parameters, seen[0])


def test_the_last_parameters_stay_on_request():
    X, y = problem()
    net, seen = model(), []
    stopping = dc.EarlyStopping("loss", patience=2, min_delta=10.0, restore_best=False)
    net.fit(X, y, callbacks=[lambda r: seen.append(net.flat_parameters.copy()), stopping])
    assert len(seen) == 3
    assert np.array_equal(net.flat_parameters, seen[-1])


def test_early_stopping_starts_afresh_in_a_second_run():
    stopping = dc.EarlyStopping(patience=2)
    for values in ([1.0, 0.5], [3.0, 2.0]):
        assert [stopping(record) for record in records(values)] == [False, False]
    assert (stopping.best, stopping.best_epoch) == (2.0, 1)


def test_a_monitor_that_is_not_recorded_is_named():
    net, (X, y) = model(), problem()
    with pytest.raises(
        ValueError, match=r"'val_loss', which is not recorded; give .*; there is loss, accuracy"
    ):
        net.fit(X, y, callbacks=[dc.EarlyStopping()], metrics=["accuracy"])
    assert net.epochs_trained == 0


@pytest.mark.parametrize("options", [{"patience": 0}, {"min_delta": -1.0}, {"min_delta": math.nan}])
def test_impossible_settings_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        dc.EarlyStopping(**options)


# Progress.


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_rewrites_one_line_on_a_terminal():
    stream = Terminal()
    fit(callbacks=[dc.Progress(stream)])
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().startswith("\r\x1b[Kepoch 1/4")
    assert "\r\x1b[Kepoch 4/4  loss 0." in stream.getvalue()


def test_progress_writes_its_last_line_only_into_a_file():
    stream = io.StringIO()
    fit(callbacks=[dc.Progress(stream)], validation_data=problem(20))
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().startswith("epoch 4/4  loss 0.")
    assert "val_loss" in stream.getvalue()


def test_verbose_shows_progress_on_standard_error(capsys):
    fit(verbose=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("epoch 4/4")


# Divergence.


def test_a_loss_that_is_not_finite_ends_the_run_with_a_warning_and_its_step():
    X, y = problem()
    net = dc.mlp([2, 1], output="linear", dtype="float64", seed=2)
    with pytest.warns(
        dc.DivergenceWarning, match=r"no longer finite at step \d+.*smaller learning rate"
    ) as caught:
        history = net.fit(X, y, dc.SGD(1e6), epochs=100, batch_size=None)
    assert history.diverged_at_step == history.epochs < 100  # one step an epoch
    assert np.isfinite(history["loss"]).all()
    assert np.isfinite(net.flat_parameters).all()
    assert f"diverged at step {history.diverged_at_step}" in repr(history)
    assert caught[0].filename == __file__


def test_a_last_step_that_loses_the_parameters_is_reported_too():
    X, y = problem()
    net = dc.mlp([2, 8, 1], seed=2)  # float32: the rate is infinite
    with pytest.warns(dc.DivergenceWarning, match="step 1, after 1 whole epochs, first in layer 1"):
        history = net.fit(X, y, dc.SGD(1e300), epochs=1, batch_size=None)
    assert (history.epochs, history.diverged_at_step, history.diverged_at_layer) == (1, 1, 1)


def test_a_run_that_does_not_diverge_has_no_such_step():
    assert fit().diverged_at_step is None


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_a_diverged_run_names_the_first_layer_that_is_not_finite(layer):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3)), rng.integers(2, size=20)
    model = dc.mlp([3, 4, 4, 1], activation="relu", seed=1)
    model.parameters[f"W{layer}"][0] = 3e38  # finite, but sums overflow
    with pytest.warns(dc.DivergenceWarning, match=rf"at step 0.*first in layer {layer} \("):
        history = model.fit(X, y, epochs=2)
    assert (history.diverged_at_step, history.diverged_at_layer) == (0, layer)


def test_a_loss_that_overflows_alone_is_of_the_last_layer():
    model = dc.mlp([1, 2, 1], output="linear", dtype="float32", seed=1)
    with pytest.warns(dc.DivergenceWarning, match=r"first in layer 2 \(linear\)"):
        history = model.fit([[1.0], [2.0]], [1e30, -1e30], epochs=2)
    assert history.diverged_at_layer == 2


def test_a_history_is_a_dict_that_json_and_pandas_take():
    net, (X, y) = model(), problem()
    history = net.fit(X, y, epochs=3, metrics=["accuracy"], validation_data=(X, y))
    assert isinstance(history, dict)
    assert json.loads(json.dumps(history)) == history == history.to_dict()
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(history)
    assert (list(frame.columns), len(frame)) == (["loss", "accuracy", "val_loss", "val_accuracy"], 3)
    again = pickle.loads(pickle.dumps(history))
    assert (again, again.epochs, again.diverged_at_step) == (history, 3, None)


def test_a_history_knows_its_best_value_and_epoch():
    history = dc.History()
    for loss, accuracy in [(3.0, 0.5), (1.0, float("nan")), (2.0, 0.75)]:
        history.append({"loss": loss, "val_accuracy": accuracy})
    assert (history.best("loss"), history.best_epoch("loss")) == (1.0, 1)
    assert (history.best("val_accuracy"), history.best_epoch("val_accuracy")) == (0.75, 2)
    with pytest.raises(KeyError, match="was not recorded"):
        history.best()
    with pytest.raises(ValueError, match="must have a value that is a number"):
        dc.History().best("loss")


def test_a_missing_series_is_named_without_further_quotation_marks():
    with pytest.raises(KeyError) as caught:
        dc.History()["val_loss"]
    assert str(caught.value) == "'val_loss' was not recorded; there is loss"


def test_a_history_is_a_table_in_a_notebook():
    history = dc.History()
    for epoch in range(30):
        history.append({"loss": epoch, "<b>": 0.0})
    html = history._repr_html_()
    assert html.count("<tr>") == 11  # the head, the first three and the last seven epochs
    assert "<td>29</td>" in html
    assert "&lt;b&gt;" in html


def test_a_history_has_a_picture_of_both_losses_in_a_notebook():
    history = dc.History()
    for loss, val_loss in ((1.0, 1.5), (0.5, math.nan), (0.25, 1.0)):
        history.append({"loss": loss, "val_loss": val_loss})
    html = history._repr_html_()
    assert html.count("<polyline") == 2
    solid, dashed = re.findall(r'points="([^"]*)"', html)
    assert len(solid.split()) == 3
    assert len(dashed.split()) == 2  # NaN has no place
    assert dashed.split()[0].endswith(",12.0")  # the largest value is at the top
    assert solid.split()[-1].endswith(",116.0")  # and the smallest at the bottom
    assert ">0.25<" in html
    assert ">1.5<" in html
    assert "best val_loss 1 in epoch 3" in html


def test_the_picture_of_a_long_history_stays_small():
    history = dc.History()
    for epoch in range(5001):
        history.append({"loss": -epoch})
    (points,) = re.findall(r'points="([^"]*)"', history._repr_html_())
    assert 300 < len(points.split()) <= 401
    assert points.split()[-1] == "408.0,116.0"


def test_a_history_of_one_epoch_or_without_finite_losses_has_no_picture():
    short, broken = dc.History(), dc.History()
    short.append({"loss": 1.0})
    for _ in range(2):
        broken.append({"loss": math.nan})
    for history in (dc.History(), short, broken):
        assert "<svg" not in history._repr_html_()


def test_a_model_shows_its_layers_in_a_notebook():
    model = dc.mlp([2, 4, 1], seed=3)
    html = model._repr_html_()
    assert html.count("<tr>") == 4
    assert "17 parameters" in html
    assert "0 epochs trained; seed 3" in html


def test_a_history_draws_its_curves(tmp_path):
    pytest.importorskip("matplotlib")
    history = dc.History()
    history.append({"loss": 1.0})
    assert len(history.plot().axes) == 1
    assert history.plot(tmp_path / "curves.png") is None
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
