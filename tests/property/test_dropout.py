"""Dropout: the masks, the gradient behind them, and the same bits on every road."""

import numpy as np
import pytest

import deepcore as dc
from builders import random_examples as examples
from property.test_gradients import TOLERANCE, differences
from reference import activations
from reference import dropout as twin

NAMES = ["relu", "tanh", "gelu", "linear", "elu", "softplus"]


def net(dtype="float64", units=(9, 7), inputs=6, activation="tanh", rates=(0.2, 0.5, 0.3), seed=4):
    layers = [dc.Dropout(rates[0])] if rates[0] else []
    for n, rate in zip(units, rates[1:], strict=True):
        layers += [dc.Dense(n, activation), *([dc.Dropout(rate)] if rate else [])]
    return dc.Model(inputs, [*layers, dc.Dense(3, "softmax")], dtype=dtype, seed=seed)


def test_masks_are_those_of_the_reference():
    model, (X, y) = net(units=(9, 70)), examples(11)
    trace = model.trace(X, y, step=5)
    for layer, (units, rate) in enumerate([(6, 0.2), (9, 0.5), (70, 0.3)]):
        np.testing.assert_array_equal(trace[f"mask{layer}"], twin.mask(4, 5, layer, units, 11, rate))
    np.testing.assert_array_equal(trace["A0"], X.T * trace["mask0"])


@pytest.mark.parametrize("activation", NAMES)
def test_a_traced_step_is_the_reference_with_its_masks(activation):
    model, (X, y) = net(activation=activation), examples()
    t = model.trace(X, y, step=2)
    A, g = t["A0"], {}
    for l in (1, 2):  # noqa: E741 - l is the layer, as in the notes
        Z = model.parameters[f"W{l}"] @ A + model.parameters[f"b{l}"]
        A = activations.forward(Z, activation) * t[f"mask{l}"]
        np.testing.assert_allclose(t[f"Z{l}"], Z, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(t[f"A{l}"], A, rtol=1e-10, atol=1e-12)
    dZ = (activations.softmax(model.parameters["W3"] @ A + model.parameters["b3"]) - np.eye(3)[:, y]) / 41
    for l in (3, 2, 1):  # noqa: E741
        g[f"dW{l}"] = dZ @ t[f"A{l - 1}"].T
        if l > 1:
            dA = model.parameters[f"W{l}"].T @ dZ
            dZ = activations.backward(dA * t[f"mask{l - 1}"], t[f"Z{l - 1}"], activation)
        np.testing.assert_allclose(t[f"dW{l}"], g[f"dW{l}"], rtol=1e-10, atol=1e-12)
    grads = model.gradients(X, y, step=2)[1]
    np.testing.assert_array_equal(grads["dW1"], t["dW1"])


def test_the_gradient_of_a_step_is_the_difference_of_its_cost():
    model, (X, y) = net(), examples(8)
    flat = np.zeros_like(model.flat_parameters)
    slopes = differences(
        model.network.native, lambda: model.network.native.gradient(X, y, flat, training=(4, 7))
    )
    grads = model.gradients(X, y, step=7)[1].flat
    assert np.abs(grads - slopes).max() <= TOLERANCE * np.abs(slopes).max()


def test_predictions_and_plain_gradients_drop_nothing():
    dropped, plain = net(), net(rates=(0, 0, 0))
    X, y = examples()
    np.testing.assert_array_equal(dropped.predict(X), plain.predict(X))
    np.testing.assert_array_equal(dropped.gradients(X, y)[1].flat, plain.gradients(X, y)[1].flat)
    assert dropped.evaluate(X, y) == plain.evaluate(X, y)
    assert (dropped.gradients(X, y, step=0)[1].flat != plain.gradients(X, y)[1].flat).any()


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("units", [(9, 7), (70, 33), (900, 900)], ids=str)
def test_fit_is_the_loop_of_gradients_and_steps(units, activation, dtype):
    X, y = examples()
    fitted, looped = (net(dtype, units, activation=activation) for _ in range(2))
    fitted.fit(X, y, "adam", epochs=2, batch_size=16, shuffle=False, threads=2)
    state = dc.Adam().bind(looped)
    for _ in range(2):
        for start in range(0, 41, 16):
            rows = slice(start, start + 16)
            state.step(looped.gradients(X[rows], y[rows], step=state.steps)[1])
    assert fitted.flat_parameters.tobytes() == looped.flat_parameters.tobytes()


def test_threads_and_slabs_do_not_change_the_bits():
    X, y = examples(9000)  # more than a slab
    bits = set()
    for threads in (1, 2, 3):
        model = net("float32", (300, 70))
        model.fit(X, y, "sgd", epochs=2, batch_size=None, threads=threads)
        bits.add(model.flat_parameters.tobytes())
    assert len(bits) == 1


def test_the_share_of_dropped_values_is_the_rate():
    model, (X, y) = net(units=(400, 400)), examples(1000)
    trace = model.trace(X, y, step=0)
    for layer, rate in ((1, 0.5), (2, 0.3)):
        share = (trace[f"mask{layer}"] == 0).mean()
        assert share == pytest.approx(rate, abs=4 * np.sqrt(rate * (1 - rate) / 400_000))  # 4 deviations


def test_masks_differ_between_steps_layers_places_and_seeds():
    model, (X, y) = net(units=(40, 40), rates=(0, 0.5, 0.5)), examples()
    masks = [model.trace(X, y, step=step)[f"mask{layer}"] for step in (0, 1) for layer in (1, 2)]
    masks.append(net(units=(40, 40), rates=(0, 0.5, 0.5), seed=5).trace(X, y, step=0)["mask1"])
    for i, one in enumerate(masks):
        assert (one[:, 0] != one[:, 1]).any()
        assert all((one != other).any() for other in masks[:i])


def test_a_dropout_behind_a_layer_is_the_layer_s():
    listed = dc.Model(4, [dc.Dense(8), dc.Dropout(0.5), dc.Dense(3, "softmax")])
    assert listed.layers == (dc.Dense(8, dropout=0.5), dc.Dense(3, "softmax"))
    assert [layer.dropout for layer in listed.layers] == [0.5, 0.0]


def test_files_and_copies_keep_the_rates(tmp_path):
    import pickle

    model = net()
    model.save(tmp_path / "m.safetensors")
    for copy in (dc.load(tmp_path / "m.safetensors"), pickle.loads(pickle.dumps(model))):
        assert (copy.layers, copy.spec.input_dropout) == (model.layers, 0.2)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([dc.Dense(3), dc.Dropout(0.1)], "must not end with dropout"),
        ([dc.Dense(3), dc.Dropout(0.1), dc.Dropout(0.1), dc.Dense(2)], "two dropouts in a row"),
    ],
)
def test_dropouts_out_of_place_are_refused(layers, message):
    with pytest.raises(ValueError, match=message):
        dc.Model(4, layers)


@pytest.mark.parametrize("rate", [1.0, -0.1, np.nan])
def test_a_rate_out_of_range_is_refused(rate):
    with pytest.raises(ValueError, match="Dropout: rate must be"):
        dc.Dropout(rate)
