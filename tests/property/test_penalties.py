"""L1, L2, max_norm, clipping and explicit orders: the formulas, and the same bits on every road."""

import numpy as np
import pytest

import deepcore as dc
from deepcore import _core
from property.test_gradients import TOLERANCE, differences
from reference import network as twin
from reference import penalties

RATES = [(0.0, 0.3), (0.02, 0.0), (0.01, 0.2)]
WIDE = 900  # its weights do not fit a core's cache: threads share the layers' products


def net(dtype="float64", units=(9, 5), inputs=37, rates=RATES, max_norm=None, seed=4):
    layers = [
        dc.Dense(n, "tanh" if k <= len(units) else "softmax", l1=l1, l2=l2, max_norm=max_norm)
        for k, (n, (l1, l2)) in enumerate(zip((*units, 3), rates, strict=True), start=1)
    ]
    return dc.Model(inputs, layers, dtype=dtype, seed=seed)


def examples(m=41, inputs=37):
    rng = np.random.default_rng(3)
    return rng.normal(size=(m, inputs)), rng.integers(3, size=m)


def in_twin(model):
    return twin.unpack(model.flat_parameters, model.network.native.tensors), [
        (9, "tanh", 0),
        (5, "tanh", 0),
        (3, "softmax", 0),
    ]


@pytest.mark.parametrize("per_weight", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_cost_and_gradient_are_those_of_the_reference(weighted, per_weight):
    model, (X, y) = net(), examples()
    model.network.native.scikit_learn_sums = per_weight
    w = np.random.default_rng(0).uniform(0.5, 2, 41) if weighted else None
    share = 1 / (w.sum() if weighted else 41) if per_weight else 1
    (parameters, layers), Y = in_twin(model), np.eye(3)[:, y]
    loss, grads = model.gradients(X, y, sample_weight=w)
    data = twin.cost(X.T, Y, parameters, layers, "categorical_cross_entropy", w)
    assert loss == pytest.approx(data + share * penalties.value(parameters, RATES), rel=1e-13)
    assert loss == pytest.approx(model.evaluate(X, y, sample_weight=w)["loss"], rel=1e-15)
    _, plain = twin.backward(X.T, Y, parameters, layers, "categorical_cross_entropy", w)
    for k, (pair, more) in enumerate(zip(plain, penalties.gradients(parameters, RATES), strict=True), 1):
        np.testing.assert_allclose(grads[f"dW{k}"], pair[0] + share * more, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(grads[f"db{k}"], pair[1], rtol=1e-10, atol=1e-14)
    np.testing.assert_array_equal(model.trace(X, y, sample_weight=w)["dW1"], grads["dW1"])


@pytest.mark.parametrize("per_weight", [False, True])
def test_the_gradient_is_the_difference_of_the_cost(per_weight):
    model, (X, y) = net(units=(4, 4), inputs=3), examples(6, 3)
    model.network.native.scikit_learn_sums = per_weight
    flat = model.flat_parameters  # |w| has a kink at 0: keep away from it
    flat += np.where(flat >= 0, 0.05, -0.05)
    slopes = differences(model.network.native, lambda: model.evaluate(X, y)["loss"])
    grads = model.gradients(X, y)[1].flat
    assert np.abs(grads - slopes).max() <= TOLERANCE * np.abs(slopes).max()


CHANGES = {
    "penalties": ({}, {}),
    "max_norm": ({"max_norm": 0.8}, {}),
    "clip_norm": ({}, {"clip_norm": 0.1}),
    "clip_value": ({}, {"clip_value": 0.01}),
    "everything": ({"max_norm": 0.8}, {"clip_norm": 0.1, "clip_value": 0.02}),
    "clip without penalties": ({"rates": [(0.0, 0.0)] * 3}, {"clip_norm": 0.1}),
}


@pytest.mark.parametrize("units", [(9, 5), (70, 33), (WIDE, WIDE)], ids=str)
@pytest.mark.parametrize("change", CHANGES)
def test_fit_is_the_loop_of_gradients_and_steps(change, units, dtype):
    of_model, of_optimizer = CHANGES[change]
    optimizer, (X, y) = dc.Adam(0.01, **of_optimizer), examples()
    fitted, looped = (net(dtype, units, **of_model) for _ in range(2))
    history = fitted.fit(X, y, optimizer, epochs=2, batch_size=16, shuffle=False, threads=2)
    state, losses = optimizer.bind(looped), []
    for _ in range(2):
        means = []
        for start in range(0, 41, 16):
            loss, grads = looped.gradients(X[start : start + 16], y[start : start + 16])
            means.append(loss)
            state.step(grads)
        losses.append(np.average(means, weights=[16, 16, 9]))
    assert fitted.flat_parameters.tobytes() == looped.flat_parameters.tobytes()
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-6 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("change", CHANGES)
def test_threads_and_slabs_do_not_change_the_bits(change):
    of_model, of_optimizer = CHANGES[change]
    X, y = examples(9000, 37)  # more than a slab
    bits, losses = set(), set()
    for threads in (1, 2, 3):
        model = net("float32", (300, 70), **of_model)
        history = model.fit(X, y, dc.SGD(0.1, **of_optimizer), epochs=2, batch_size=None, threads=threads)
        bits.add(model.flat_parameters.tobytes())
        losses.add(tuple(history["loss"]))
    assert len(bits) == len(losses) == 1


@pytest.mark.parametrize("change", CHANGES)
def test_a_step_is_that_of_the_reference(change):
    of_model, of_optimizer = CHANGES[change]
    model, (X, y) = net(**of_model), examples()
    gradient = model.gradients(X, y)[1].flat
    step = penalties.clipped(gradient, **of_optimizer)
    expected = twin.unpack(model.flat_parameters - 0.5 * step, model.network.native.tensors)
    before = model.flat_parameters.copy()
    model.fit(X, y, dc.SGD(0.5, **of_optimizer), epochs=1, batch_size=None)
    assert np.abs(before - model.flat_parameters).max() > 0
    for k, (W, b) in enumerate(expected, start=1):
        most = of_model.get("max_norm", np.inf)
        np.testing.assert_allclose(model.parameters[f"W{k}"], penalties.constrained(W, most), rtol=1e-12)
        np.testing.assert_allclose(model.parameters[f"b{k}"], b, rtol=1e-10, atol=1e-16)


def test_max_norm_holds_after_every_step():
    model, (X, y) = net("float32", (70, 33), max_norm=0.5, rates=[(0.0, 0.0)] * 3), examples()
    model.fit(X, y, dc.SGD(1.0), epochs=3, batch_size=8)
    norms = [np.linalg.norm(model.parameters[f"W{k}"], axis=1) for k in (1, 2, 3)]
    assert max(n.max() for n in norms) <= 0.5 * (1 + 1e-6)
    assert min(n.max() for n in norms) > 0.49  # the limit was met, not merely kept


def test_an_order_replaces_the_shuffle(dtype):
    X, y = examples()
    shuffled, ordered, repeated = (net(dtype) for _ in range(3))
    shuffled.fit(X, y, epochs=3, batch_size=8)
    order = np.concatenate([_core.permutation(shuffled.seed, epoch, 41) for epoch in range(3)])
    run = {"batch_size": 8, "epochs": 3, "seed": 9}

    def train(model, order):
        return model.network.native.train(
            X.astype(dtype), y, dc.Adam().bind(model).native, order=order, **run
        )

    train(ordered, order)
    train(repeated, np.tile(np.arange(41), 3)[::-1].copy())
    assert shuffled.flat_parameters.tobytes() == ordered.flat_parameters.tobytes()
    again = net(dtype)
    train(again, np.arange(41)[::-1].copy())  # one epoch, for all of them
    assert again.flat_parameters.tobytes() == repeated.flat_parameters.tobytes()


@pytest.mark.parametrize(
    ("order", "error", "message"),
    [
        (np.arange(40), ValueError, r"fit: order must have shape \(41,\)"),
        (np.arange(1, 42), ValueError, "fit: order must hold rows from 0 to 40, got 41 at 40"),
        (np.full(41, -1), ValueError, "got -1 at 0"),
        (np.arange(41.0), TypeError, "fit: order must be int64"),
    ],
)
def test_an_order_is_checked(order, error, message):
    model, (X, y) = net(), examples()
    with pytest.raises(error, match=message):
        model.network.native.train(X, y, dc.SGD().bind(model).native, batch_size=8, epochs=2, order=order)


def test_layers_keep_their_numbers_in_files_and_copies(tmp_path):
    import pickle

    model = net(max_norm=2.0)
    model.save(tmp_path / "m.safetensors")
    for copy in (dc.load(tmp_path / "m.safetensors"), pickle.loads(pickle.dumps(model))):
        assert copy.layers == model.layers
        assert copy.layers[2] == dc.Dense(3, "softmax", l1=0.01, l2=0.2, max_norm=2.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"l1": -1.0}, "Dense: l1 must be finite and not negative, got -1"),
        ({"l2": np.nan}, "Dense: l2 must be finite"),
        ({"max_norm": 0.0}, "Dense: max_norm must be above 0"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        dc.Dense(3, **options)


@pytest.mark.parametrize("name", ["clip_norm", "clip_value"])
def test_limits_of_gradients_must_be_positive(name):
    with pytest.raises(ValueError, match=f"SGD: {name} must be above 0"):
        dc.SGD(0.1, **{name: 0.0})
