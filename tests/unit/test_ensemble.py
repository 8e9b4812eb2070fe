"""An Ensemble averages the outputs of several models."""

import numpy as np
import pytest

import deepcore as dc


def data(m=50):
    rng = np.random.default_rng(1)
    return rng.normal(size=(m, 4)).astype(np.float32), rng.integers(3, size=m)


def members(k=3, outputs=3, **options):
    return [dc.mlp([4, 5 + i, outputs], seed=i, **options) for i in range(k)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_are_the_mean_of_those_of_the_models(dtype):
    X, _ = data()
    models = members(dtype=dtype)
    found = dc.Ensemble(models).predict(X)
    mean = np.mean([model.predict(X).astype(float) for model in models], axis=0)
    # rounding of the mean to the dtype
    assert np.allclose(found, mean, rtol=0, atol=np.finfo(dtype).eps)
    assert found.dtype == np.dtype(dtype)


def test_one_example_has_the_outputs_that_it_has_among_others():
    X, _ = data()
    ensemble = dc.Ensemble(members())
    assert np.array_equal(ensemble.predict(X[3]), ensemble.predict(X)[3])
    assert ensemble.predict_labels(X[3]) == ensemble.predict_labels(X)[3]


def test_an_ensemble_of_one_model_is_that_model():
    X, y = data()
    (model,) = members(1)
    ensemble = dc.Ensemble([model])
    assert np.array_equal(ensemble.predict(X), model.predict(X))
    assert np.array_equal(ensemble.predict_labels(X), model.predict_labels(X))
    weight = np.random.default_rng(2).uniform(size=len(y))
    found = ensemble.evaluate(X, y, sample_weight=weight, metrics=["f1"])
    expected = model.evaluate(X, y, sample_weight=weight, metrics=["f1"])
    # the losses come from probabilities instead of logits, in float32
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("output", "loss"),
    [
        ("sigmoid", "auto"),
        ("linear", "squared_error"),
        ("linear", dc.Huber(0.5)),
        ("sigmoid", "squared_error"),
    ],
)
def test_the_loss_is_that_of_the_mean_output(output, loss):
    X, y = data()
    y = (y > 0).astype(int)
    models = members(outputs=1, output=output, loss=loss)
    ensemble = dc.Ensemble(models)
    both = ensemble.evaluate(X, y)["loss"]
    alone = dc.Ensemble(models[:1]).evaluate(X, y)["loss"]
    assert alone == pytest.approx(models[0].evaluate(X, y)["loss"], rel=1e-5)
    # convex losses: the mean of outputs is at most as bad as the mean of losses (Jensen)
    assert both <= np.mean([model.evaluate(X, y)["loss"] for model in models]) + 1e-6
    assert ("accuracy" in ensemble.evaluate(X, y)) == (output == "sigmoid")


def test_accuracy_counts_the_labels_of_the_mean():
    X, y = data()
    ensemble = dc.Ensemble(members())
    assert ensemble.evaluate(X, y)["accuracy"] == pytest.approx((ensemble.predict_labels(X) == y).mean())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_a_wrong_output_of_0_or_1_has_a_large_and_finite_loss(outputs, dtype):
    (model,) = members(1, outputs, dtype=dtype)
    model.parameters["b2"][0] = 1e4
    loss = dc.Ensemble([model]).evaluate(np.zeros((2, 4)), [0, 2 if outputs == 3 else 0])["loss"]
    assert 8 < loss < 1000


def test_a_wrong_rate_of_0_has_a_finite_loss():
    model = dc.mlp([4, 1], output="exp")
    model.parameters["b1"][0] = -1e4
    assert 80 < dc.Ensemble([model]).evaluate(np.zeros((1, 4)), [1])["loss"] < 100


def test_a_stream_is_evaluated_like_its_arrays():
    X, y = data()
    ensemble = dc.Ensemble(members())
    found = ensemble.evaluate(dc.stream((X, y), 16), metrics=["f1"])
    assert found == pytest.approx(ensemble.evaluate(X, y, metrics=["f1"]), rel=1e-12)
    with pytest.raises(TypeError, match="evaluate: y must be given"):
        ensemble.evaluate(X)


def test_several_sigmoid_outputs_must_all_be_right():
    X, _ = data()
    Y = np.random.default_rng(1).integers(2, size=(50, 3))
    ensemble = dc.Ensemble(members(output="sigmoid"))
    right = (ensemble.predict_labels(X) == Y).all(axis=1).mean()
    assert ensemble.evaluate(X, Y)["accuracy"] == pytest.approx(right)


def test_a_predictor_gives_the_same_numbers_and_is_a_copy():
    X, _ = data()
    models = members()
    ensemble = dc.Ensemble(models)
    before, predict = ensemble.predict(X), ensemble.predictor()
    models[0].parameters["b1"][...] += 1
    out = np.empty((50, 3), np.float32)
    assert np.array_equal(predict(X), before)
    assert predict(X, out) is out
    assert np.array_equal(out, before)
    assert np.array_equal(predict(X[0]), before[0])
    assert (predict.inputs, predict.outputs) == (4, 3)


def test_a_predictor_refuses_an_out_that_a_model_s_predictor_refuses():
    X, _ = data()
    models = members()
    fixed = np.zeros(3, np.float32)
    fixed.flags.writeable = False
    for out in (np.zeros((5, 3), np.float32), np.zeros(3, int), np.zeros(3), fixed, [0, 0, 0]):
        messages = []
        for predict in (models[0].predictor(), dc.Ensemble(models).predictor()):
            with pytest.raises((ValueError, TypeError), match="Predictor: out must be") as error:
                predict(X[0], out)
            messages.append(str(error.value))
        assert messages[0] == messages[1]


def test_a_predictor_may_write_where_it_reads():
    X = data()[0][:, :3].copy()
    ensemble = dc.Ensemble([dc.mlp([3, 5, 3], seed=seed) for seed in range(2)])
    expected = ensemble.predict(X)
    assert np.array_equal(ensemble.predictor()(X, X), expected)


def test_a_predictor_shows_what_it_computes():
    assert repr(dc.Ensemble(members()).predictor()) == "Predictor(mean of 3, first Predictor(4-5-3, float32))"


@pytest.mark.parametrize(
    ("models", "error", "message"),
    [
        ([], ValueError, "Ensemble: models must hold at least one model"),
        ([1], TypeError, "Ensemble: models must be a list of deepcore.Model"),
        (
            [dc.mlp([4, 3]), dc.mlp([5, 3])],
            ValueError,
            "Ensemble: models must have the same inputs, outputs, output, loss and dtype, but model 1 has",
        ),
        ([dc.mlp([4, 3]), dc.mlp([4, 3], dtype="float64")], ValueError, "but model 1 has"),
        (
            [dc.mlp([4, 1], output="linear", loss=dc.Quantile(share)) for share in (0.1, 0.9)],
            ValueError,
            r"model 1 has .*'quantile\(0.9\)'.* and model 0 has .*'quantile\(0.1\)'",
        ),
    ],
)
def test_models_that_do_not_fit_together_are_refused(models, error, message):
    with pytest.raises(error, match=message):
        dc.Ensemble(models)


def test_a_loss_by_name_is_the_loss_with_its_default_parameter():
    losses = ("huber", dc.Huber(1.0))
    assert len(dc.Ensemble([dc.mlp([4, 1], output="linear", loss=loss) for loss in losses])) == 2


def test_models_with_other_names_of_classes_or_features_are_refused():
    models = members()
    for model in models:
        model.extras = {"classes": np.array(["a", "b", "c"]), "features": ["x"] * 4, "seed": 0}
    models[0].extras = {}
    names = {"classes": ["a", "b", "c"], "features": ["x"] * 4}
    assert dc.Ensemble(models).extras == names
    assert dc.Ensemble(models, {"fold": 1}).extras == {"fold": 1}
    models[2].extras["classes"] = ["b", "c", "d"]
    with pytest.raises(ValueError, match=r"must have the same classes, but model 2 has .*'d'.* and model 1"):
        dc.Ensemble(models)


def test_labels_need_probabilities():
    with pytest.raises(ValueError, match="predict_labels: the output must be sigmoid or softmax, got linear"):
        dc.Ensemble(members(output="linear")).predict_labels(data()[0])


def test_outputs_that_are_not_numbers_never_become_labels():
    models = members()
    models[1].parameters["b1"][...] = np.nan
    with pytest.raises(ValueError, match="predict_labels: outputs must be numbers to become labels, got nan"):
        dc.Ensemble(models).predict_labels(data()[0])


def test_a_threshold_that_is_not_a_number_is_refused():
    ensemble = dc.Ensemble(members(outputs=1))
    for wrong in (np.nan, "0.5", None):
        with pytest.raises(ValueError, match="predict_labels: threshold must be a number"):
            ensemble.predict_labels(data()[0], threshold=wrong)


@pytest.mark.parametrize("metrics", ["f1", 3])
def test_metrics_that_are_not_a_list_are_refused(metrics):
    with pytest.raises(TypeError, match="evaluate: metrics must be a list"):
        dc.Ensemble(members()).evaluate(*data(), metrics=metrics)


def test_mapped_features_of_another_dtype_are_evaluated_where_they_lie(tmp_path):
    X, y = data()
    np.save(tmp_path / "X.npy", X.astype(np.float64))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    ensemble = dc.Ensemble(members())
    assert np.array_equal(ensemble.predict(mapped), ensemble.predict(X))
    assert ensemble.evaluate(mapped, y, metrics=["f1"]) == ensemble.evaluate(X, y, metrics=["f1"])


@pytest.mark.parametrize("options", [{}, {"norm": "batch"}, {"dtype": "float64"}])
def test_a_saved_ensemble_comes_back_bit_for_bit(tmp_path, options):
    X, y = data()
    models = members(**options)
    dc.fit_many(models, X, y, epochs=2)
    models[1].extras["fold"] = 1
    dc.Ensemble(models, {"a": 0}).save(tmp_path / "e", extras={"classes": ["x", "y", "z"]})
    again = dc.load(tmp_path / "e")
    assert isinstance(again, dc.Ensemble)
    assert again.extras == {"classes": ["x", "y", "z"]}
    assert again.models[1].extras == {"fold": 1}
    assert [model.epochs_trained for model in again.models] == [2, 2, 2]
    assert np.array_equal(again.predict(X), dc.Ensemble(models).predict(X))


def test_a_damaged_file_is_refused(tmp_path):
    dc.Ensemble(members()).save(tmp_path / "e")
    content = (tmp_path / "e").read_bytes()
    for position in np.random.default_rng(0).integers(len(content), size=200):
        changed = bytearray(content)
        changed[position] ^= 1
        (tmp_path / "e").write_bytes(changed)
        with pytest.raises(ValueError, match="load: "):
            dc.load(tmp_path / "e")


def test_members_that_do_not_match_their_description_are_refused(tmp_path):
    from deepcore.files import container

    models = members()
    dc.Ensemble(models).save(tmp_path / "e")
    description, tensors = container.read(tmp_path / "e")
    other = {name: array for name, array in tensors.items() if name != "2/b1"}
    container.write(tmp_path / "f", description, other)
    with pytest.raises(ValueError, match=r"do not match the layers.*missing b1"):
        dc.load(tmp_path / "f")
    container.write(tmp_path / "f", description, {**tensors, "3/W1": tensors["0/W1"]})
    with pytest.raises(ValueError, match="tensor '3/W1' belongs to no member"):
        dc.load(tmp_path / "f")
    container.write(tmp_path / "f", {**description, "members": []}, {})
    with pytest.raises(ValueError, match="members must have at least 1 item"):
        dc.load(tmp_path / "f")


def test_a_model_with_a_lost_parameter_is_not_saved(tmp_path):
    models = members()
    models[1].parameters["b1"][0] = np.nan
    with pytest.raises(ValueError, match="save: b1 must be finite"):
        dc.Ensemble(models).save(tmp_path / "e")
    assert not (tmp_path / "e").exists()


def test_the_command_line_shows_and_checks_an_ensemble(tmp_path):
    testing = pytest.importorskip("click.testing")
    from deepcore.cli.app import app

    path = str(tmp_path / "e.safetensors")
    dc.Ensemble(members()).save(path)
    shown = testing.CliRunner().invoke(app, ["info", path])
    assert shown.exit_code == 0, shown.output
    assert shown.output.count("1 of 3 models:") == 3
    checked = testing.CliRunner().invoke(app, ["info", "--verify", path])
    assert checked.exit_code == 0
    assert "no damage was found" in checked.output
