"""Schedules of weight decay, dropout and label smoothing: formulas, and ``fit`` as a loop of one's own."""

import numpy as np
import pytest

import deepcore as dc
from deepcore.optimizers import by_name
from reference import dropout, optimizers
from reference.network import one_hot

STEPS = 9  # three epochs of three batches
FACTORS = {
    "flat cosine": dc.FlatCosine(1.0, steps=STEPS),
    "four waves": dc.CosLog4(1.0, steps=STEPS),
    "warm-up": dc.Warmup(dc.Cosine(1.0, steps=6), steps=3),
    "function": lambda step: 1 / (1 + step),
    "number": 0.5,
}


def net(dtype="float64", units=(9, 7), **options):
    layers = [layer for n in units for layer in (dc.Dense(n, "tanh"), dc.Dropout(0.4))]
    return dc.Model(
        6,
        [dc.Dropout(0.2), *layers, dc.Dense(3, "softmax")],
        dtype=dtype,
        seed=4,
        loss=dc.CrossEntropy(label_smoothing=0.2),
        **options,
    )


def examples(m=41):
    rng = np.random.default_rng(3)
    return rng.normal(size=(m, 6)), rng.integers(3, size=m)


def at(schedule, step):
    return schedule(step) if callable(schedule) else schedule


def own_loop(model, state, X, y, epochs, dropped=1.0, smoothed=1.0):
    for _ in range(epochs):
        for start in range(0, len(X), 16):
            rows, step = slice(start, start + 16), state.steps
            scales = {"dropout_scale": at(dropped, step), "smoothing_scale": at(smoothed, step)}
            state.step(model.gradients(X[rows], y[rows], step=step, **scales)[1])


# Dropout and label smoothing.


@pytest.mark.parametrize("units", [(5, 4), (9, 7), (300, 70)], ids=str)
@pytest.mark.parametrize("factor", FACTORS)
def test_fit_with_schedules_is_the_loop_with_their_factors(factor, units, dtype):
    X, y = examples()
    schedule, other = FACTORS[factor], dc.FlatCosine(0.5, steps=STEPS)
    fitted, looped, plain = (net(dtype, units) for _ in range(3))
    options = {"epochs": 3, "batch_size": 16, "shuffle": False}
    fitted.fit(X, y, dc.Adam(), **options, dropout_schedule=schedule, smoothing_schedule=other, threads=2)
    own_loop(looped, dc.Adam().bind(looped), X, y, 3, schedule, other)
    plain.fit(X, y, dc.Adam(), **options)
    assert fitted.flat_parameters.tobytes() == looped.flat_parameters.tobytes()
    assert fitted.flat_parameters.tobytes() != plain.flat_parameters.tobytes()


@pytest.mark.parametrize("factor", FACTORS)
def test_a_run_in_two_parts_has_the_factors_of_one_run(factor):
    X, y = examples()
    bits = set()
    for parts in ((3,), (1, 2)):
        model = net()
        state = dc.Adam().bind(model)
        for epochs in parts:
            model.fit(X, y, state, epochs=epochs, batch_size=16, dropout_schedule=FACTORS[factor])
        bits.add(model.flat_parameters.tobytes())
    assert len(bits) == 1


def test_a_mapped_array_that_is_converted_in_parts_has_the_same_factors(tmp_path):
    X, y = examples()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    bits = set()
    for inputs in (mapped, X.astype(np.float32)):
        for schedule in (dc.FlatCosine(1.0, steps=STEPS), dc.FlatCosine(1.0, steps=STEPS).__call__):
            model = net("float32")
            model.fit(
                inputs, y, epochs=3, batch_size=16, dropout_schedule=schedule, smoothing_schedule=schedule
            )
            bits.add(model.flat_parameters.tobytes())
    assert len(bits) == 1


@pytest.mark.parametrize("scale", [0.0, 0.5, 2.0])
def test_a_factor_on_dropout_is_that_of_the_rates(scale):
    model, (X, y) = net(), examples()
    t = model.trace(X, y, step=5, dropout_scale=scale)
    for layer, (units, rate) in enumerate([(6, 0.2), (9, 0.4), (7, 0.4)]):
        expected = dropout.mask(model.seed, 5, layer, units, len(X), rate * scale)
        np.testing.assert_allclose(t[f"mask{layer}"], expected, rtol=1e-15)


@pytest.mark.parametrize("scale", [0.0, 0.5, 2.0])
def test_a_factor_on_smoothing_is_that_of_the_rate(scale):
    model, (X, y) = net(), examples()
    t, s = model.trace(X, y, step=5, smoothing_scale=scale), 0.2 * scale
    targets = one_hot(y, 3) * (1 - s) + s / 3
    np.testing.assert_allclose(t["dZ3"], (t["A3"] - targets) / len(X), rtol=0, atol=1e-16)
    loss = model.gradients(X, y, step=5, smoothing_scale=scale)[0]
    assert loss == pytest.approx(-(targets * np.log(t["A3"])).sum(axis=0).mean(), rel=1e-13)


def test_a_factor_of_0_is_a_model_without_dropout_and_smoothing():
    X, y = examples()
    with_both = net()
    without = dc.Model(
        6, [dc.Dense(9, "tanh"), dc.Dense(7, "tanh"), dc.Dense(3, "softmax")], dtype="float64", seed=4
    )
    with_both.fit(X, y, epochs=2, batch_size=16, dropout_schedule=0, smoothing_schedule=0)
    without.fit(X, y, epochs=2, batch_size=16)
    np.testing.assert_allclose(with_both.flat_parameters, without.flat_parameters, rtol=1e-13)


def test_evaluation_during_a_run_uses_the_models_own_smoothing():
    X, y = examples()
    model = net()
    history = model.fit(X, y, epochs=2, validation_data=(X, y), smoothing_schedule=lambda step: 0.0)
    assert history["val_loss"][-1] == pytest.approx(model.evaluate(X, y)["loss"], rel=1e-15)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"dropout_schedule": 3.0},
            ValueError,
            "must be at least 0 and keep the rate 0.4 of layer 1 below 1, got 3",
        ),
        ({"smoothing_schedule": 5}, ValueError, "must be at least 0 and keep 0.2 below 1, got 5"),
        ({"dropout_schedule": "cosine"}, TypeError, "fit: dropout_schedule must be a number, got 'cosine'"),
        ({"smoothing_schedule": -1}, ValueError, "fit: smoothing_schedule must be finite and not negative"),
        (
            {"dropout_schedule": lambda step: -1.0},
            ValueError,
            r"dropout_schedule\(0\) must be finite and not neg",
        ),
    ],
)
def test_factors_that_give_no_rate_are_refused(options, error, message):
    model = net()
    before = model.flat_parameters.copy()
    with pytest.raises(error, match=message):
        model.fit(*examples(), **options)
    np.testing.assert_array_equal(model.flat_parameters, before)


def test_schedules_of_what_a_model_does_not_have_are_refused():
    model = dc.mlp([6, 9, 3])
    with pytest.raises(ValueError, match="dropout_schedule must be None for a model without dropout"):
        model.fit(*examples(), dropout_schedule=dc.FlatCosine(1.0))
    with pytest.raises(
        ValueError, match="smoothing_schedule must be None for a model without label smoothing"
    ):
        model.fit(*examples(), smoothing_schedule=dc.FlatCosine(1.0))
    smoothed = dc.Model(6, [dc.Dense(3, "softmax")], loss=dc.CrossEntropy(label_smoothing=0.1))
    with pytest.raises(ValueError, match=r"schedules must be None with LBFGS\(\)"):
        smoothed.fit(*examples(), dc.LBFGS(), smoothing_schedule=0.5)


@pytest.mark.parametrize("call", ["gradients", "trace"])
def test_scales_without_a_step_are_refused(call):
    with pytest.raises(ValueError, match=f"{call}: step must be given where a scale is not 1"):
        getattr(net(), call)(*examples(), dropout_scale=0.5)
    with pytest.raises(ValueError, match=f"{call}: smoothing_scale must be finite and not negative"):
        getattr(net(), call)(*examples(), step=1, smoothing_scale=-0.5)


# Weight decay.


@pytest.mark.parametrize(
    "decay", [dc.Cosine(0.5, steps=6), lambda step: 0.5 / (1 + step)], ids=["schedule", "function"]
)
@pytest.mark.parametrize("name", sorted(by_name))
def test_a_scheduled_weight_decay_is_that_of_the_reference(name, decay):
    model, (X, y) = dc.mlp([6, 9, 3], dtype="float64"), examples()
    state = by_name[name](0.01, weight_decay=decay).bind(model, steps=8)
    expected, slots = model.flat_parameters.copy(), {}
    for t in range(1, 9):
        grads = model.gradients(X, y)[1]
        hyper = {"weight_decay": decay(t - 1)}
        expected = optimizers.step(name, expected, grads.flat, slots, t, 0.01, hyper)
        state.step(grads)
        # A gradient near 0 over a root near eps magnifies roundings.
        np.testing.assert_allclose(model.flat_parameters, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("decay", [dc.FlatCosine(0.5, steps=STEPS), lambda step: 0.5 / (1 + step)])
def test_fit_with_a_scheduled_decay_is_the_loop_also_when_it_goes_on(decay, dtype):
    X, y = examples()
    fitted, looped = net(dtype), net(dtype)
    optimizer = dc.AdamW(dc.CosLog4(0.01, steps=STEPS), weight_decay=decay)
    state = optimizer.bind(fitted, steps=1)
    for epochs in (1, 2):
        fitted.fit(X, y, state, epochs=epochs, batch_size=16, shuffle=False)
    own_loop(looped, optimizer.bind(looped, steps=STEPS), X, y, 3)
    assert fitted.flat_parameters.tobytes() == looped.flat_parameters.tobytes()


def test_a_constant_decay_schedule_has_the_bits_of_the_number():
    X, y = examples()
    bits = set()
    for decay in (0.25, dc.Constant(0.25), lambda step: 0.25):
        model = net()
        model.fit(X, y, dc.Adam(weight_decay=decay), epochs=2, batch_size=16)
        bits.add(model.flat_parameters.tobytes())
    assert len(bits) == 1


def test_wrong_weight_decays_are_refused():
    model = dc.mlp([6, 9, 3])
    with pytest.raises(ValueError, match="Adam: weight_decay must be finite and not negative, got -1"):
        dc.Adam(weight_decay=-1)
    with pytest.raises(ValueError, match="Adam: weight_decay must be finite and not negative, got 'cosine'"):
        dc.Adam(weight_decay="cosine")
    with pytest.raises(ValueError, match="Adam: steps must be given when weight_decay is a function"):
        dc.Adam(weight_decay=lambda step: 0.1).bind(model)
    with pytest.raises(ValueError, match=r"weight_decay\(0\) must be finite and not negative, got -1"):
        model.fit(*examples(), dc.Adam(weight_decay=lambda step: -1.0))
