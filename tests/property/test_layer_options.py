"""Scaled inputs, parametric activations, the factor 1/sqrt(n_in): formulas, gradients, bits, files."""

import itertools
import pickle

import numpy as np
import pytest

import deepcore as dc
from property.test_gradients import TOLERANCE, differences
from reference import activations, affine, dropout, normalise, parametric

OPTIONS = {
    "scale": {"scaled_inputs": True},
    "parametric": {"parametric": True},
    "ntk": {"parametrization": "ntk"},
    "all": {"scaled_inputs": True, "parametric": True, "parametrization": "ntk"},
}
MORE = {
    "alone": {},
    "with norms": {"norm": "batch"},
    "with layer norm": {"norm": "layer"},
    "with l1, l2 and dropout": {"l1": 0.01, "l2": 0.1, "dropout": 0.3},
    "with everything": {"norm": "batch", "l1": 0.01, "l2": 0.1, "dropout": 0.3},
}
SMOOTH = ["tanh", "mish", "gelu", "softplus", "selu"]


def net(options, dtype="float64", units=(9, 7), inputs=6, activation="mish", seed=4):
    """Hidden layers with the options, and an output layer with those that it may have."""
    last = {
        name: value for name, value in options.items() if name in ("scaled_inputs", "parametrization", "l2")
    }
    options = dict(options)
    behind = [dc.Dropout(options.pop("dropout"))] if "dropout" in options else []
    layers = [layer for n in units for layer in (dc.Dense(n, activation, **options), *behind)]
    model = dc.Model(inputs, [*layers, dc.Dense(3, "softmax", **last)], dtype=dtype, seed=seed)
    rng = np.random.default_rng(seed)
    for name, view in [*model.parameters.items(), *model.running.items()]:
        if not name.startswith("W"):  # nothing stays at 0 or 1, where mistakes hide
            view[...] = rng.uniform(0.5, 1.5, size=view.shape)
    return model


def examples(m=41, inputs=6):
    rng = np.random.default_rng(3)
    return rng.normal(size=(m, inputs)), rng.integers(3, size=m)


def weights_of(m):
    w = np.random.default_rng(5).uniform(0.5, 2, size=m)
    w[3] = 0
    return w


# Formulas.


def expected_step(model, X, y, step):
    """Every array of a step that ``trace`` names, by the twins."""
    p, A, t, saved = model.parameters, X.T, {}, {}
    for l, layer in enumerate(model.layers, start=1):  # noqa: E741 - l is the layer, as in the course
        saved[l] = A
        ntk, scale = layer.parametrization == "ntk", p.get(f"scale{l}", 1.0)
        N = t[f"Z{l}"] = affine.forward(A, p[f"W{l}"], p[f"b{l}"], scale, ntk)
        if layer.norm:
            mean, variance = normalise.statistics(N, layer.norm)
            N, hat = normalise.forward(N, mean, variance, p[f"gamma{l}"], p[f"beta{l}"])
            saved[f"norm{l}"] = hat, variance
        saved[f"N{l}"] = N
        A = (
            parametric.forward(N, p[f"alpha{l}"], layer.activation)
            if layer.parametric
            else activations.forward(N, layer.activation)
        )
        if layer.dropout:
            saved[f"mask{l}"] = dropout.mask(model.seed, step, l, layer.units, len(X), layer.dropout)
            A = A * saved[f"mask{l}"]
        t[f"A{l}"] = A
    L = len(model.layers)
    dA, dZ = None, (A - np.eye(3)[:, y]) / len(X)
    for l in range(L, 0, -1):  # noqa: E741
        layer, W = model.layers[l - 1], p[f"W{l}"]
        if l < L:
            dN = dA * saved.get(f"mask{l}", 1.0)
            if layer.parametric:
                dN, t[f"dalpha{l}"] = parametric.backward(
                    dN, saved[f"N{l}"], p[f"alpha{l}"], layer.activation
                )
            else:
                dN = activations.backward(dN, saved[f"N{l}"], layer.activation)
            dZ = dN
            if layer.norm:
                dZ, t[f"dgamma{l}"], t[f"dbeta{l}"] = normalise.backward(
                    dN, *saved[f"norm{l}"], p[f"gamma{l}"], layer.norm
                )
        ntk, scale = layer.parametrization == "ntk", p.get(f"scale{l}", 1.0)
        dW, t[f"db{l}"], dscale, dA = affine.backward(dZ, saved[l], W, scale, ntk)
        t[f"dW{l}"] = dW + layer.l2 * W + layer.l1 * np.sign(W)
        if layer.scaled_inputs:
            t[f"dscale{l}"] = dscale
    return t


@pytest.mark.parametrize("units", [(5, 4), (9, 7), (40, 70)], ids=str)
@pytest.mark.parametrize("more", MORE)
@pytest.mark.parametrize("options", OPTIONS)
def test_a_traced_step_is_that_of_the_reference(options, more, units):
    model, (X, y) = net({**OPTIONS[options], **MORE[more]}, units=units), examples()
    expected, got = expected_step(model, X, y, 2), model.trace(X, y, step=2)
    for name, values in expected.items():
        size = max(np.abs(values).max(), 1e-3)  # b below a batch norm has no gradient at all
        # Sums of 41 or 70 terms in another order, in double precision.
        np.testing.assert_allclose(got[name], values, rtol=0, atol=1e-12 * size, err_msg=name)
    grads = model.gradients(X, y, step=2)[1]
    for name in grads:
        np.testing.assert_array_equal(grads[name], got[name], err_msg=name)


@pytest.mark.parametrize("activation", [name for name in activations.ACTIVATIONS if name != "softmax"])
def test_every_activation_can_be_parametric(activation):
    model, (X, y) = net({"parametric": True}, activation=activation), examples()
    expected, got = expected_step(model, X, y, 0), model.trace(X, y, step=0)
    for name, values in expected.items():
        np.testing.assert_allclose(
            got[name], values, rtol=0, atol=1e-12 * (1 + np.abs(values).max()), err_msg=name
        )


# Gradients and differences.


def assert_gradient_is_the_difference(model, step, w=None, m=8):
    X, y = examples(m)
    flat, training = np.zeros_like(model.flat_parameters), (model.seed, step)
    native = model.network.native
    slopes = differences(native, lambda: native.gradient(X, y, flat, w, 0, training))
    for name, grads in model.gradients(X, y, sample_weight=w, step=step)[1].items():
        wanted = model.network.views(slopes, "d")[name]
        size = max(np.abs(wanted).max(), 1e-3)  # b below a batch norm has no gradient at all
        assert np.abs(grads - wanted).max() <= TOLERANCE * size, name


COMBINATIONS = [
    dict(itertools.chain(*(OPTIONS[name].items() for name in chosen)))
    for count in (1, 2, 3)
    for chosen in itertools.combinations(("scale", "parametric", "ntk"), count)
]


@pytest.mark.parametrize("units", [(4,), (5, 4), (9, 5, 7)], ids=str)
@pytest.mark.parametrize("more", MORE)
@pytest.mark.parametrize("options", COMBINATIONS, ids="+".join)
def test_the_gradient_is_the_difference_of_the_cost(options, more, units):
    model = net({**options, **MORE[more]}, units=units)
    assert_gradient_is_the_difference(model, 3, weights_of(8))


@pytest.mark.parametrize("more", ["alone", "with everything"])
@pytest.mark.parametrize("options", OPTIONS)
def test_wide_layers_have_the_slope_of_the_cost_along_any_direction(options, more):
    model, (X, y) = net({**OPTIONS[options], **MORE[more]}, units=(230, 205)), examples(8)
    rng, flat, h = np.random.default_rng(1), model.flat_parameters, 1e-4
    start = flat.copy()
    for name in model.parameters:  # one direction within each array, so that none hides behind a larger one
        direction = np.zeros_like(flat)
        view = model.network.views(direction, "")[name]
        view[...] = rng.normal(size=view.shape) / np.sqrt(view.size)
        slope = 0.0
        for k, weight in ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12)):
            flat[:] = start + k * h * direction
            slope += weight * model.gradients(X, y, step=3)[0] / h
        flat[:] = start
        cost, grads = model.gradients(X, y, step=3)
        # Differences err by about 1e-8, and by eps / h = 1e-12 of the cost, to which 50000 weights add.
        assert abs(direction @ grads.flat - slope) <= 1e-8 * max(1, abs(slope)) + 1e-11 * cost, (name, cost)


# The same bits.


def own_loop(model, state, X, y, batch, epochs, factors=lambda step: {}):
    for _ in range(epochs):
        for start in range(0, len(X), batch):
            rows = slice(start, start + batch)
            step = state.steps
            state.step(model.gradients(X[rows], y[rows], step=step, **factors(step))[1])


@pytest.mark.parametrize("clip", [None, 0.5], ids=["free", "clipped"])
@pytest.mark.parametrize("units", [(5, 4), (9, 7), (70, 33), (300, 220), (900, 900)], ids=str)
@pytest.mark.parametrize("more", ["alone", "with everything"])
@pytest.mark.parametrize("options", OPTIONS)
def test_fit_is_the_loop_of_gradients_and_steps(options, more, units, clip, dtype):
    X, y = examples()
    rates = {"rate": {"b": 0.1, "W": 2.0}, "decay": {"b": 0}, "max_norm": 2.0} if more != "alone" else {}
    fitted, looped = (net({**OPTIONS[options], **MORE[more], **rates}, dtype, units) for _ in range(2))
    optimizer = dc.AdamW(0.01, weight_decay=0.1, clip_norm=clip)
    fitted.fit(X, y, optimizer, epochs=2, batch_size=16, shuffle=False, threads=2)
    own_loop(looped, optimizer.bind(looped), X, y, 16, 2)
    assert fitted.flat_parameters.tobytes() == looped.flat_parameters.tobytes()


def test_fit_is_the_loop_also_where_a_batch_passes_in_slabs(dtype):
    X, y = examples(9500)
    fitted, looped = (net(OPTIONS["all"], dtype, (30, 20)) for _ in range(2))
    assert fitted.plan(9500).slab < 9500
    fitted.fit(X, y, dc.Adam(), epochs=2, batch_size=None, threads=2)
    own_loop(looped, dc.Adam().bind(looped), X, y, 9500, 2)
    assert fitted.flat_parameters.tobytes() == looped.flat_parameters.tobytes()


@pytest.mark.parametrize("units", [(5, 4), (300, 70)], ids=str)
def test_threads_do_not_change_the_bits(units):
    X, y = examples(5000)
    bits = set()
    for threads in (1, 2, 3):
        model = net({**OPTIONS["all"], "dropout": 0.2}, "float32", units)
        model.fit(X, y, dc.Adam(), epochs=2, batch_size=1000, threads=threads)
        bits.add(model.flat_parameters.tobytes())
    assert len(bits) == 1


# What the options mean.


@pytest.mark.parametrize("options", OPTIONS)
def test_predictions_of_every_kind_agree_with_the_reference(options):
    model, (X, y) = net(OPTIONS[options]), examples()
    outputs = expected_step(model, X, y, 0)["A3"].T
    np.testing.assert_allclose(model.predict(X), outputs, rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X[5]), model.predict(X)[5])
    np.testing.assert_array_equal(model.predictor()(X), model.predict(X))
    assert model.gradients(X, y)[0] == pytest.approx(model.evaluate(X, y)["loss"], rel=1e-13)


def test_new_scales_and_alphas_are_ones_and_change_nothing():
    plain = dc.Model(6, [dc.Dense(9, "tanh"), dc.Dense(3, "softmax")], dtype="float64")
    options = {"parametric": True, "scaled_inputs": True}
    model = dc.Model(6, [dc.Dense(9, "tanh", **options), dc.Dense(3, "softmax")], dtype="float64")
    assert (model.parameters["alpha1"] == 1).all()
    assert (model.parameters["scale1"] == 1).all()
    np.testing.assert_allclose(model.predict(examples()[0]), plain.predict(examples()[0]), rtol=1e-14)


def test_with_alpha_0_a_layer_is_linear():
    model, (X, y) = net({"parametric": True}, units=(9,)), examples()
    model.parameters["alpha1"] = np.zeros((9, 1))
    t = model.trace(X, y)
    np.testing.assert_array_equal(t["A1"], t["Z1"])


@pytest.mark.parametrize("init", ["auto", "he", "xavier", "lecun"])
def test_a_network_with_the_factor_outside_starts_as_the_same_function(init):
    models = [
        dc.Model(
            6,
            [dc.Dense(n, g, init=init, parametrization=form) for n, g in ((9, "relu"), (3, "softmax"))],
            dtype="float64",
        )
        for form in ("standard", "ntk")
    ]
    X = examples()[0]
    np.testing.assert_allclose(models[0].predict(X), models[1].predict(X), rtol=1e-13)
    np.testing.assert_allclose(models[1].parameters["W2"], 3 * models[0].parameters["W2"], rtol=1e-15)


def test_scale_stands_before_a_dense_and_becomes_its_option():
    layers = [dc.Dropout(0.1), dc.Scale(rate=6, decay=0), dc.Dense(4, "tanh", rate={"b": 0.1}), dc.Scale()]
    model = dc.Model(5, [*layers, dc.Dense(2, "softmax")])
    assert model.spec.input_dropout == 0.1
    first, last = model.layers
    assert (first.scaled_inputs, first.rate, first.decay) == (True, {"b": 0.1, "scale": 6.0}, {"scale": 0.0})
    assert (last.scaled_inputs, last.rate, last.decay) == (True, None, None)
    assert model.parameters["scale1"].shape == (5, 1)
    assert model.parameters["scale2"].shape == (4, 1)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: dc.Model(3, [dc.Scale(), dc.Dropout(0.1), dc.Dense(2)]),
            ValueError,
            "directly before a Dense",
        ),
        (lambda: dc.Model(3, [dc.Scale(), dc.Scale(), dc.Dense(2)]), ValueError, "directly before a Dense"),
        (lambda: dc.Model(3, [dc.Dense(2), dc.Scale()]), ValueError, "got one behind the last layer"),
        (lambda: dc.Model(3, [dc.Scale(), dc.Dense(2, scaled_inputs=True)]), ValueError, "two scales"),
        (lambda: dc.Scale(rate=-1), ValueError, "Scale: rate must be finite and not negative, got -1"),
        (
            lambda: dc.Model(3, [dc.Dense(2, "tanh", parametric=True)]),
            ValueError,
            "last layer must not be parametric",
        ),
        (lambda: dc.Dense(2, "softmax", parametric=True), ValueError, "parametric must be False for softmax"),
        (lambda: dc.Dense(2, parametric=1), TypeError, "parametric must be True or False, got 1"),
        (lambda: dc.Dense(2, parametrization="mup"), ValueError, "must be 'standard' or 'ntk', got 'mup'"),
        (lambda: dc.Dense(2, rate={"bias": 1}), ValueError, "rate must have names of W, b, got 'bias'"),
        (
            lambda: dc.Dense(2, norm="layer", parametric=True, scaled_inputs=True, decay={"a": 1}),
            ValueError,
            "decay must have names of W, b, gamma, beta, alpha, scale, got 'a'",
        ),
        (lambda: dc.Dense(2, rate=0.1), TypeError, r"rate must be a mapping such as \{'b': 0.1\}, got 0.1"),
        (
            lambda: dc.Dense(2, rate={"b": -1}),
            ValueError,
            "rate of b must be finite and not negative, got -1",
        ),
    ],
)
def test_options_out_of_place_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("place", [0, 1])
def test_the_core_itself_refuses_parametric_softmax(place, engine):
    layers = [(3, "tanh", 0.0), (3, "tanh", 0.0), (2, "linear", 0.0)]
    layers[place] = (3, "softmax", 0.0, {"parametric": True})
    with pytest.raises(ValueError, match=f"layer {place + 1} cannot be parametric: softmax"):
        engine.Network(4, layers, "half_squared_error")


# Factors on rate and decay.


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adagrad", "adam", "adamw", "nadam", "amsgrad", "lion"])
def test_every_array_steps_with_its_own_rate_and_decay(name):
    from deepcore.optimizers import by_name
    from reference import optimizers

    rate = {"W": 0.5, "b": 0.1, "gamma": 3.0, "beta": 0.0, "alpha": 2.0, "scale": 6.0}
    decay = {"W": 2.0, "b": 0.0, "gamma": 1.0, "beta": 4.0, "alpha": 0.5, "scale": 3.0}
    options = {**OPTIONS["all"], "norm": "layer", "rate": rate, "decay": decay}
    model, (X, y) = net({**options}), examples()
    expected = {key: view.copy() for key, view in model.parameters.items()}
    states = {key: {} for key in expected}
    state = by_name[name](0.01, weight_decay=0.1).bind(model)
    for t in range(1, 4):
        grads = model.gradients(X, y)[1]
        for key, p in expected.items():
            kind, layer = key[:-1], int(key[-1])
            r, d = (rate[kind], decay[kind]) if layer < 3 else (1.0, 1.0)
            hyper = {"weight_decay": 0.1 * d}
            expected[key] = optimizers.step(name, p, grads["d" + key], states[key], t, 0.01 * r, hyper)
        state.step(grads)
        for key, p in expected.items():
            np.testing.assert_allclose(model.parameters[key], p, rtol=1e-10, atol=1e-12, err_msg=f"{key} {t}")


def test_a_rate_of_0_keeps_an_array_as_it_is():
    model = net({**OPTIONS["all"], "rate": {"W": 0, "scale": 0}})
    before = {name: view.copy() for name, view in model.parameters.items()}
    model.fit(*examples(), epochs=3, batch_size=8)
    still = {name for name, view in model.parameters.items() if (view == before[name]).all()}
    assert still == {"W1", "scale1", "W2", "scale2"}


def test_max_norm_limits_the_trained_weights():
    model = net({**OPTIONS["all"], "max_norm": 0.5})
    model.fit(*examples(), dc.SGD(0.1), epochs=2, batch_size=8)
    norms = np.linalg.norm(model.parameters["W1"], axis=1)
    assert norms.max() == pytest.approx(0.5, rel=1e-12)  # they start above it


def test_lbfgs_lowers_the_cost_of_a_model_with_options_and_refuses_rates():
    pytest.importorskip("scipy.optimize", reason="SciPy is not installed (extra `scipy`)")
    model, (X, y) = net(OPTIONS["all"]), examples()
    history = model.fit(X, y, dc.LBFGS(max_iter=30))
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    with pytest.raises(ValueError, match="cannot train a model with factors on the learning rate"):
        net({"rate": {"b": 0.1}}).fit(X, y, dc.LBFGS())


# Files, copies, tables.


@pytest.mark.parametrize("more", ["alone", "with everything"])
@pytest.mark.parametrize("options", OPTIONS)
def test_files_pickles_and_copies_keep_everything(options, more, tmp_path):
    rates = {"rate": {"b": 0.1}, "decay": {"W": 0.5}}
    model, (X, y) = net({**OPTIONS[options], **MORE[more], **rates}), examples()
    model.fit(X, y, epochs=2, batch_size=8)
    model.save(tmp_path / "m.safetensors")
    twins = [dc.load(tmp_path / "m.safetensors"), pickle.loads(pickle.dumps(model)), model.copy()]
    model.fit(X, y, dc.AdamW(), epochs=1, batch_size=8)
    for twin in twins:
        assert twin.layers == model.layers
        twin.fit(X, y, dc.AdamW(), epochs=1, batch_size=8)
        assert twin.flat_parameters.tobytes() == model.flat_parameters.tobytes()


def test_layers_can_be_compared_hashed_and_printed():
    layer = dc.Dense(3, "tanh", parametric=True, rate={"b": 0.1}, decay={})
    assert repr(layer) == "Dense(3, 'tanh', parametric=True, rate={'b': 0.1})"
    assert eval(repr(layer), {"Dense": dc.Dense}) == layer
    assert hash(layer) == hash(dc.Dense(3, "tanh", parametric=True))
    assert layer != dc.Dense(3, "tanh", parametric=True)


def test_the_factors_of_a_layer_are_a_copy():
    rate = {"b": 0.1}
    layer = dc.Dense(3, rate=rate)
    rate["b"] = 5.0
    assert layer.rate == {"b": 0.1}


def test_a_summary_names_the_options_and_counts_their_numbers():
    model = net({**OPTIONS["all"], "norm": "batch", "dropout": 0.5})
    summary = model.summary()
    assert summary.rows[1][2] == "scaled inputs, ntk, batch norm, parametric mish, dropout 0.5"
    assert summary.parameters == model.flat_parameters.size
    assert model.plan(8).parameter_bytes == model.flat_parameters.nbytes


def test_a_plan_counts_what_the_options_keep():
    plain, model = net({}), net(OPTIONS["all"])
    assert model.plan(8).packed_bytes > plain.plan(8).packed_bytes
    assert model.plan(8).workspace_bytes > plain.plan(8).workspace_bytes


def test_gradient_check_of_a_model_with_options():
    assert dc.check_gradients(net(OPTIONS["all"], "float32"), *examples(5)).difference < 1e-7
