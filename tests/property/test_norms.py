"""Batch and layer normalisation: the formulas, the gradient, running statistics, the same bits."""

import numpy as np
import pytest

import deepcore as dc
from builders import random_examples as examples
from property.test_gradients import TOLERANCE, differences
from reference import activations
from reference import normalise as twin

NORMS = ["batch", "layer"]


def net(norm, dtype="float64", units=(9, 7), inputs=6, activation="tanh", seed=4, dropout=0.0, **options):
    layers = []
    for n in units:
        layers += [dc.Dense(n, activation, norm=norm, **options), dc.Dropout(dropout)]
    model = dc.Model(inputs, [*layers, dc.Dense(3, "softmax")], dtype=dtype, seed=seed)
    rng = np.random.default_rng(seed)
    for name, view in [*model.parameters.items(), *model.running.items()]:
        if not name.startswith("W"):  # nothing stays at 0 or 1, where mistakes hide
            view[...] = rng.uniform(0.5, 1.5, size=view.shape)
    return model


def weights_of(m=41):
    w = np.random.default_rng(5).uniform(0.5, 2, size=m)
    w[3] = 0
    return w


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("step", [None, 0])
@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu", "softplus"])
@pytest.mark.parametrize("norm", NORMS)
def test_a_traced_step_is_that_of_the_reference(norm, activation, step, weighted):
    model, (X, y) = net(norm, activation=activation), examples()
    w = weights_of() if weighted else None
    share = np.full(41, 1 / 41) if w is None else w / w.sum()
    t, p = model.trace(X, y, sample_weight=w, step=step), model.parameters
    A, saved = t["A0"], {}
    for l in (1, 2):  # noqa: E741 - l is the layer, as in the notes
        Z = p[f"W{l}"] @ A + p[f"b{l}"]
        if norm == "batch" and step is None:
            mean, variance = model.running[f"running_mean{l}"], model.running[f"running_variance{l}"]
        else:
            mean, variance = twin.statistics(Z, norm, w)
        N, hat = twin.forward(Z, mean, variance, p[f"gamma{l}"], p[f"beta{l}"])
        A, saved[l] = activations.forward(N, activation), (N, hat, variance)
        np.testing.assert_allclose(t[f"Z{l}"], Z, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(t[f"A{l}"], A, rtol=1e-9, atol=1e-12)
        if norm == "batch":
            np.testing.assert_allclose(t[f"mean{l}"], mean, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(t[f"variance{l}"], variance, rtol=1e-9)
    dZ = (activations.softmax(p["W3"] @ A + p["b3"]) - np.eye(3)[:, y]) * share
    for l in (2, 1):  # noqa: E741
        dN = activations.backward(p[f"W{l + 1}"].T @ dZ, saved[l][0], activation)
        dZ, dgamma, dbeta = twin.backward(dN, saved[l][1], saved[l][2], p[f"gamma{l}"], norm, w)
        if norm == "batch" and step is None:
            dZ = p[f"gamma{l}"] * dN / np.sqrt(saved[l][2] + twin.EPSILON)
        np.testing.assert_allclose(t[f"dZ{l}"], dZ, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(t[f"dgamma{l}"], dgamma, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(t[f"dbeta{l}"], dbeta, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(t[f"dW{l}"], dZ @ t[f"A{l - 1}"].T, rtol=1e-8, atol=1e-12)
    np.testing.assert_array_equal(
        model.gradients(X, y, sample_weight=w, step=step)[1].flat, flat_of(model, t)
    )


def flat_of(model, trace):
    flat = np.zeros_like(model.flat_parameters)
    views = model.network.views(flat, "d")
    for name in views:
        views[name] = trace[name]
    return flat


@pytest.mark.parametrize("step", [None, 7])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("norm", NORMS)
def test_the_gradient_is_the_difference_of_the_cost(norm, dropout, step):
    model, (X, y) = net(norm, dropout=dropout), examples(8)
    w, flat = weights_of(8), np.zeros_like(model.flat_parameters)
    training = None if step is None else (model.seed, step)
    slopes = differences(
        model.network.native, lambda: model.network.native.gradient(X, y, flat, w, 0, training)
    )
    grads = model.gradients(X, y, sample_weight=w, step=step)[1].flat
    assert np.abs(grads - slopes).max() <= TOLERANCE * np.abs(slopes).max()


@pytest.mark.parametrize("norm", NORMS)
def test_predictions_use_the_running_statistics(norm):
    model, (X, y) = net(norm), examples()
    A = X.T
    for l in (1, 2):  # noqa: E741
        Z = model.parameters[f"W{l}"] @ A + model.parameters[f"b{l}"]
        mean, variance = twin.statistics(Z, norm)
        if norm == "batch":
            mean, variance = model.running[f"running_mean{l}"], model.running[f"running_variance{l}"]
        N, _ = twin.forward(Z, mean, variance, model.parameters[f"gamma{l}"], model.parameters[f"beta{l}"])
        A = np.tanh(N)
    expected = activations.softmax(model.parameters["W3"] @ A + model.parameters["b3"]).T
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(model.predict(X[5]), model.predict(X)[5])
    np.testing.assert_array_equal(model.predictor()(X), model.predict(X))
    assert model.gradients(X, y)[0] == pytest.approx(model.evaluate(X, y)["loss"], rel=1e-13)


@pytest.mark.parametrize(
    "layers",
    [
        [dc.Dense(9, "tanh", norm="batch"), dc.Dense(7, "tanh", norm="layer")],
        [dc.Dense(7, "tanh", norm="layer"), dc.Dense(9, "tanh", norm="batch")],
    ],
    ids=["batch before layer", "layer before batch"],
)
def test_both_norms_in_one_network_have_the_gradient_of_the_cost(layers):
    model, (X, y) = dc.Model(6, [*layers, dc.Dense(3, "softmax")], dtype="float64", seed=4), examples(8)
    assert model.gradients(X, y)[0] == pytest.approx(model.evaluate(X, y)["loss"], rel=1e-13)
    flat = np.zeros_like(model.flat_parameters)
    slopes = differences(
        model.network.native, lambda: model.network.native.gradient(X, y, flat, None, 0, (4, 7))
    )
    grads = model.gradients(X, y, step=7)[1].flat
    assert np.abs(grads - slopes).max() <= TOLERANCE * np.abs(slopes).max()


@pytest.mark.parametrize("units", [7, 70], ids=["one panel", "several panels"])
def test_layer_norm_is_the_same_where_threads_share_each_layer(units):
    layers = [dc.Dense(1500, "tanh"), dc.Dense(units, "tanh", norm="layer"), dc.Dense(3, "softmax")]
    model, (X, y) = dc.Model(6, [dc.Dense(300, "tanh"), *layers], seed=4), examples()
    assert model.plan(41).by_layer
    assert model.gradients(X, y)[0] == pytest.approx(model.evaluate(X, y)["loss"], rel=1e-6)


@pytest.mark.parametrize("weights", [np.ones(41), weights_of(), 0.5 * np.ones(41), np.full(41, 1.001 / 41)])
def test_fit_moves_the_running_statistics_as_the_reference_does(weights):
    model, (X, y) = net("batch"), examples()
    t = model.trace(X, y, sample_weight=weights, step=0)
    running = model.running["running_mean1"].copy(), model.running["running_variance1"].copy()
    mean, variance = twin.moved(running, t["mean1"], t["variance1"], weights)
    model.fit(X, y, "sgd", epochs=1, batch_size=None, sample_weight=weights)
    np.testing.assert_allclose(model.running["running_mean1"], mean, rtol=1e-12)
    np.testing.assert_allclose(model.running["running_variance1"], variance, rtol=1e-12)


@pytest.mark.parametrize(
    "options", [{}, {"dropout": 0.3, "l2": 0.01, "max_norm": 2.0}], ids=["alone", "with more"]
)
@pytest.mark.parametrize("units", [(5, 4), (9, 7), (70, 33), (900, 900)], ids=str)
@pytest.mark.parametrize("norm", NORMS)
def test_fit_is_the_loop_of_gradients_and_steps(norm, units, options, dtype):
    X, y = examples()
    fitted, looped = (net(norm, dtype, units, **options) for _ in range(2))
    optimizer = dc.Adam(clip_norm=0.5) if options else dc.Adam()
    fitted.fit(X, y, optimizer, epochs=2, batch_size=16, shuffle=False, threads=2)
    state = optimizer.bind(looped)
    for _ in range(2):
        for start in range(0, 41, 16):
            rows = slice(start, start + 16)
            state.step(looped.gradients(X[rows], y[rows], step=state.steps)[1])
    assert fitted.flat_parameters.tobytes() == looped.flat_parameters.tobytes()


@pytest.mark.parametrize("norm", NORMS)
def test_threads_do_not_change_the_bits(norm):
    X, y = examples(9000)
    bits = set()
    for threads in (1, 2, 3):
        model = net(norm, "float32", (300, 70))
        model.fit(X, y, "sgd", epochs=2, batch_size=None, threads=threads)
        bits.add(model.flat_parameters.tobytes() + model.running.flat.tobytes())
    assert len(bits) == 1


def test_whole_weights_are_repeated_rows_and_zero_is_no_row():
    X, y = examples(12)
    w = np.array([1, 2, 0, 3, 1, 1, 0, 2, 1, 1, 1, 2.0])
    X[2] = np.nan_to_num(X[2]) + 50
    weighted, repeated = net("batch"), net("batch")
    weighted.fit(X, y, "sgd", epochs=3, batch_size=None, sample_weight=w)
    rows = np.repeat(np.arange(12), w.astype(int))
    repeated.fit(X[rows], y[rows], "sgd", epochs=3, batch_size=None)
    np.testing.assert_allclose(weighted.flat_parameters, repeated.flat_parameters, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(weighted.running.flat, repeated.running.flat, rtol=1e-10)


def test_equal_weights_of_any_size_leave_the_running_variance_alone():
    variances, (X, y) = [], examples()
    for weight in (1.0, 0.3, 1.001 / 41, 1e-6):  # with 1.001 / 41 their sum is just above 1
        model = net("batch")
        model.fit(X, y, "sgd", epochs=1, batch_size=None, sample_weight=np.full(41, weight))
        variances.append(model.running["running_variance1"].copy())
    for other in variances[1:]:
        np.testing.assert_allclose(other, variances[0], rtol=1e-9)


@pytest.mark.parametrize("norm", NORMS)
def test_files_and_copies_keep_everything(norm, tmp_path):
    import pickle

    model, (X, y) = net(norm), examples()
    model.fit(X, y, epochs=2, batch_size=8)
    model.save(tmp_path / "m.safetensors")
    for copy in (dc.load(tmp_path / "m.safetensors"), pickle.loads(pickle.dumps(model))):
        assert copy.layers == model.layers
        np.testing.assert_array_equal(copy.predict(X), model.predict(X))


def test_early_stopping_restores_the_running_statistics_too():
    model, (X, y) = net("batch"), examples()
    seen = []

    def watch(record):
        seen.append(model.running.flat.copy())

    stop = dc.EarlyStopping("loss", patience=1, min_delta=10.0)  # the first epoch stays the best
    model.fit(X, y, epochs=3, batch_size=8, callbacks=[watch, stop])
    np.testing.assert_array_equal(model.running.flat, seen[0])
    assert (seen[0] != seen[1]).any()


@pytest.mark.parametrize("norm", NORMS)
def test_gradient_check_of_a_model_with_norms(norm):
    X, y = examples(5)
    assert dc.check_gradients(net(norm, "float32"), X, y).difference < 1e-7


def test_summary_names_what_a_layer_does():
    layers = [dc.Dropout(0.1), dc.Dense(4, "relu", norm="batch"), dc.Dropout(0.5), dc.Dense(2, "softmax")]
    summary = dc.Model(3, layers).summary()
    assert summary.rows[0][2] == "(input), dropout 0.1"
    assert summary.rows[1][2] == "batch norm, relu, dropout 0.5"
    assert summary.parameters == 3 * 4 + 3 * 4 + 4 * 2 + 2


def test_norms_out_of_place_are_refused():
    with pytest.raises(ValueError, match="norm must be None, 'batch' or 'layer', got 'group'"):
        dc.Dense(3, norm="group")
    with pytest.raises(ValueError, match="the last layer must have no norm"):
        dc.Model(3, [dc.Dense(3, norm="batch")])
