"""Parameters of losses and smoothed labels, from the model down."""

import numpy as np
import pytest

import deepcore as dc
from deepcore._network.network import Network
from deepcore._network.spec import Spec
from property.test_gradients import TOLERANCE, differences
from reference import losses


def model_for(loss, output, units=3, **options):
    layers = [dc.Dense(5, "tanh"), dc.Dense(units, output)]
    spec = Spec.of(4, layers, loss=loss, dtype="float64", seed=3, **options)
    return dc.Model.from_network(Network(spec))


def examples(output, units=3, m=12):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(m, 4))
    if output == "softmax":
        return X, rng.integers(units, size=m)
    return X, rng.integers(2, size=(m, units)) if output == "sigmoid" else rng.normal(size=(m, units))


CASES = [
    ("categorical_cross_entropy", "softmax", {"label_smoothing": 0.1}),
    ("binary_cross_entropy", "sigmoid", {"label_smoothing": 0.2}),
    ("binary_cross_entropy", "softmax", {"label_smoothing": 0.2}),
    ("huber", "linear", {"loss_parameter": 0.7}),
    ("quantile", "linear", {"loss_parameter": 0.9}),
]


@pytest.mark.parametrize(("loss", "output", "options"), CASES)
def test_the_cost_is_the_reference_s_and_the_gradient_its_difference(loss, output, options):
    model, (X, y) = model_for(loss, output, **options), examples(output)
    Y = np.eye(3)[:, y] if y.ndim == 1 else y.T.astype(float)
    if "label_smoothing" in options:
        kind = "softmax" if loss == "categorical_cross_entropy" else "sigmoid"
        Y = losses.smoothed(Y, options["label_smoothing"], kind)
    A = model.predict(X).T
    expected = losses.values(
        A, Y, loss, *([options["loss_parameter"]] if "loss_parameter" in options else [])
    )
    assert model.evaluate(X, y)["loss"] == pytest.approx(expected.mean(), rel=1e-12)
    cost, grads = model.gradients(X, y)
    assert cost == pytest.approx(expected.mean(), rel=1e-12)
    slopes = differences(model.network.native, lambda: model.evaluate(X, y)["loss"])
    assert np.abs(grads.flat - slopes).max() <= TOLERANCE * np.abs(slopes).max()


def test_smoothed_labels_are_targets_that_were_smoothed_by_hand():
    X, y = examples("sigmoid")
    smooth, by_hand = (model_for("auto", "sigmoid", label_smoothing=s) for s in (0.2, 0.0))
    smooth.fit(X, y, epochs=3, batch_size=5)
    by_hand.fit(X, 0.8 * y + 0.1, epochs=3, batch_size=5)
    np.testing.assert_allclose(smooth.flat_parameters, by_hand.flat_parameters, rtol=1e-12)


def test_poisson_regression_finds_the_rates():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 2))
    rate = np.exp(0.5 + X @ [0.7, -0.4])
    model = dc.Model(2, [dc.Dense(1, "exp")], loss="poisson", dtype="float64")
    model.fit(X, rng.poisson(rate), dc.Adam(0.05), epochs=40, batch_size=100)
    np.testing.assert_allclose(
        model.parameters["W1"], [[0.7, -0.4]], atol=0.05
    )  # 2000 examples: 1 / sqrt(2000)
    np.testing.assert_allclose(model.parameters["b1"], 0.5, atol=0.05)


def test_the_quantile_loss_finds_the_quantile():
    y = np.random.default_rng(0).normal(size=4000)
    model = dc.Model(1, [dc.Dense(1, "linear")], loss=dc.Quantile(0.9), dtype="float64")
    model.fit(np.zeros((4000, 1)), y, dc.Adam(dc.Cosine(0.1, 400)), epochs=100, batch_size=1000)
    assert float(model.parameters["b1"][0, 0]) == pytest.approx(np.quantile(y, 0.9), abs=0.03)


@pytest.mark.parametrize(
    ("loss", "output", "options", "message"),
    [
        ("huber", "linear", {"loss_parameter": 0.0}, "loss_parameter of huber must be above 0"),
        ("quantile", "linear", {"loss_parameter": 1.0}, "must be above 0 and below 1, got 1"),
        ("squared_error", "linear", {"loss_parameter": 1.0}, "loss_parameter must be None for squared_error"),
        ("squared_error", "linear", {"label_smoothing": 0.1}, "label_smoothing must be 0 for squared_error"),
        ("auto", "softmax", {"label_smoothing": 1.0}, "label_smoothing must be at least 0 and below 1"),
        ("poisson", "linear", {}, "needs an output above 0, such as exp, got linear"),
    ],
)
def test_options_that_do_not_fit_are_refused(loss, output, options, message):
    with pytest.raises(ValueError, match=message):
        model_for(loss, output, **options)


def test_negative_counts_are_refused():
    model = model_for("poisson", "exp", 1)
    with pytest.raises(ValueError, match=r"y must not be negative for the loss poisson.* in row 1"):
        model.fit(np.zeros((2, 4)), [1, -1])


def test_files_and_copies_keep_the_options(tmp_path):
    import pickle

    for loss, output, options in CASES:
        model = model_for(loss, output, **options)
        model.save(tmp_path / "m.safetensors")
        X, y = examples(output)
        for copy in (dc.load(tmp_path / "m.safetensors"), pickle.loads(pickle.dumps(model))):
            assert copy.evaluate(X, y) == model.evaluate(X, y)
            assert copy.spec == model.spec


@pytest.mark.parametrize(
    ("loss", "output", "options"),
    [
        (dc.Huber(delta=0.7), "linear", ("huber", 0.7, 0.0)),
        (dc.Quantile(0.9), "linear", ("quantile", 0.9, 0.0)),
        (dc.CrossEntropy(label_smoothing=0.1), "sigmoid", ("binary_cross_entropy", None, 0.1)),
        (dc.CrossEntropy(label_smoothing=0.1), "softmax", ("categorical_cross_entropy", None, 0.1)),
    ],
)
def test_a_loss_with_options_is_given_as_an_object(loss, output, options):
    layers = [dc.Dense(5, "tanh"), dc.Dense(3, output)]
    for model in (
        dc.Model(4, layers, loss=loss),
        dc.mlp([4, 5, 3], activation="tanh", output=output, loss=loss),
    ):
        assert (model.loss, model.spec.loss_parameter, model.spec.label_smoothing) == options


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dc.Huber(delta=0), "Huber: delta must be above 0"),
        (lambda: dc.Huber("1"), "Huber: delta must be a number, got '1'"),
        (lambda: dc.Quantile(1.0), "Quantile: quantile must be above 0 and below 1"),
        (
            lambda: dc.CrossEntropy(label_smoothing=1),
            "CrossEntropy: label_smoothing must be at least 0 and below",
        ),
        (
            lambda: dc.mlp([2, 1], output="linear", loss=dc.CrossEntropy(label_smoothing=0.1)),
            "needs a sigmoid or softmax output, got linear",
        ),
    ],
)
def test_a_loss_refuses_options_out_of_range(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()
