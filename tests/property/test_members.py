"""Networks with members: formulas, gradients, bits, files."""

import pickle

import numpy as np
import pytest

import deepcore as dc
from property.test_gradients import TOLERANCE, differences
from reference import members

EDGES = [[-1.5, -0.2, 0.4, 2.0], [-1.0, 1.0]]
FRONTS = {
    "plain": [],
    "piecewise linear and categories": [
        dc.PiecewiseLinearEmbedding(EDGES, units=6),
        dc.CategoryEmbedding([4, 7], units=5),
    ],
    "periodic": [dc.PeriodicEmbedding(2)],
}
OUTPUTS = {"softmax": (3, "softmax"), "sigmoid": (2, "sigmoid"), "linear": (2, "linear")}


def net(front="plain", output="softmax", *, members=4, units=(9, 7), dtype="float64", rest="tanh", seed=4):
    hidden = [dc.Dense(n, "tanh") for n in units]
    if rest == "td":
        hidden = [dc.Dropout(0.1)]
        for n in units:
            hidden += [dc.Dense(n, "mish", parametric=True, parametrization="ntk", l2=0.01), dc.Dropout(0.2)]
    if rest == "batch norm":
        hidden = [dc.Dense(n, "tanh", norm="batch") for n in units]
    layers = [*FRONTS[front], *hidden, dc.Dense(*OUTPUTS[output])]
    model = dc.Model(5, layers, members=members, dtype=dtype, seed=seed)
    rng = np.random.default_rng(seed)
    for view in model.parameters.values():  # nothing stays at 0 or 1, where mistakes hide
        view[...] = view + rng.normal(size=view.shape, scale=0.1)
    return model


def examples(output="softmax", m=41):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(m, 5))
    X[:, -2], X[:, -1] = rng.integers(4, size=m), rng.integers(7, size=m)
    y = rng.integers(3, size=m) if output == "softmax" else rng.integers(2, size=(m, 2)).astype(float)
    return X, y


def each_member(model):
    """The members as ordinary networks."""
    for i in range(model.members):
        layers = [*model.spec.embeddings, dc.Scale(), *model.layers]
        one = dc.Model(model.inputs, layers, dtype="float64")
        for name, values in members.member(model.parameters, len(layers) - len(model.spec.embeddings) - 1,
                                           model.members, i).items():  # fmt: skip
            one.parameters[name] = values
        yield one


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("front", FRONTS)
def test_predictions_are_the_mean_of_the_members_own_networks(front, output):
    model, (X, _) = net(front, output), examples(output)
    mean = np.mean([one.predict(X) for one in each_member(model)], axis=0)
    np.testing.assert_allclose(model.predict(X), mean, rtol=1e-12, atol=1e-14)
    assert model.predict(X).shape == (len(X), model.outputs)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("front", FRONTS)
def test_loss_and_gradients_are_the_means_over_the_members(front, output):
    model, (X, y) = net(front, output), examples(output)
    weight = np.random.default_rng(5).uniform(0.5, 2, size=len(X))
    weight[3], X[3, 0] = 0, 77.0  # what has no weight must not count
    found = [one.gradients(X, y, sample_weight=weight) for one in each_member(model)]
    loss, grads = model.gradients(X, y, sample_weight=weight)
    assert loss == pytest.approx(np.mean([one for one, _ in found]), rel=1e-12)
    assert model.evaluate(X, y, sample_weight=weight)["loss"] == pytest.approx(loss, rel=1e-12)
    wanted = members.gradient([each for _, each in found], len(model.layers))
    assert set(grads) == set(wanted)
    for name, values in wanted.items():
        np.testing.assert_allclose(grads[name], values, rtol=1e-10, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("rest", ["td", "batch norm"])
def test_the_gradient_is_the_difference_of_the_cost(rest):
    model, (X, y) = net("piecewise linear and categories", rest=rest, members=3, units=(5, 4)), examples(m=8)
    flat, native = np.zeros_like(model.flat_parameters), model.network.native
    slopes = differences(native, lambda: native.gradient(X, y, flat, None, 0, (model.seed, 3)))
    for name, grads in model.gradients(X, y, step=3)[1].items():
        wanted = model.network.views(slopes, "d")[name]
        size = max(np.abs(wanted).max(), 1e-3)
        assert np.abs(grads - wanted).max() <= TOLERANCE * size, name


@pytest.mark.parametrize("clip", [{}, {"clip_norm": 0.5}])
@pytest.mark.parametrize("units", [(9, 7), (300, 210)])
def test_fit_is_the_loop_of_gradients_and_steps(units, clip, dtype):
    X, y = examples()
    fitted, looped = (
        net("piecewise linear and categories", rest="td", units=units, dtype=dtype) for _ in range(2)
    )
    optimizer = dc.AdamW(0.01, weight_decay=0.1, **clip)
    fitted.fit(X, y, optimizer, epochs=2, batch_size=16, shuffle=False, threads=2)
    state = optimizer.bind(looped)
    for _ in range(2):
        for start in range(0, len(X), 16):
            rows = slice(start, start + 16)
            state.step(looped.gradients(X[rows], y[rows], step=state.steps)[1])
    assert fitted.flat_parameters.tobytes() == looped.flat_parameters.tobytes()


@pytest.mark.parametrize("count", [3, 7])
def test_threads_and_slabs_do_not_change_the_bits(count):
    X, y = examples(m=2500)  # more columns than one slab has
    bits, predictions, scores = set(), set(), set()
    for threads in (1, 2, 3):
        model = net("piecewise linear and categories", members=count, dtype="float32")
        model.fit(X, y, epochs=1, batch_size=None, threads=threads)
        bits.add(model.flat_parameters.tobytes())
        predictions.add(model.predict(X, threads=threads).tobytes())
        scores.add(tuple(model.evaluate(X, y, threads=threads).values()))
    assert len(bits) == len(predictions) == len(scores) == 1


def test_one_row_and_a_predictor_give_the_bits_of_the_table():
    X, _ = examples()
    for count in (2, 40):  # some, and more than a block of columns holds of 2 examples
        model = net("periodic", members=count, dtype="float32")
        rows, predictor = model.predict(X), model.predictor()
        np.testing.assert_array_equal(predictor(X.astype(np.float32)), rows)
        for row in (0, 17):
            np.testing.assert_array_equal(predictor(X[row].astype(np.float32)), rows[row])
            np.testing.assert_array_equal(model.predict(X[row]), rows[row])


def test_threads_that_share_the_units_of_few_rows_give_the_same_bits():
    model = net(members=16, units=(800, 800), dtype="float32")  # 2.6 MB of weights
    X = examples(m=8)[0].astype(np.float32)
    rows, predictor = model.predict(X), model.predictor()
    for _ in range(3):  # threads share units where one call follows the other at once
        np.testing.assert_array_equal(predictor(X, threads=2), rows)
        np.testing.assert_array_equal(predictor(X[:3], threads=2), rows[:3])


def test_the_accuracy_is_that_of_the_mean_prediction():
    model, (X, y) = net(), examples()
    assert model.evaluate(X, y)["accuracy"] == (model.predict_labels(X) == y).mean()


def test_the_loss_of_an_epoch_is_that_of_evaluate():
    model, (X, y) = net("periodic"), examples()
    before = model.evaluate(X, y)["loss"]
    history = model.fit(X, y, dc.SGD(0.1), epochs=1, batch_size=None)
    assert history["loss"][0] == pytest.approx(before, rel=1e-12)


def test_a_trace_has_a_column_per_member_and_example():
    model, (X, y) = net("periodic"), examples(m=6)
    t = model.trace(X, y)
    assert t["A0"].shape == (model.spec.width, 24)
    assert t["Z3"].shape == (12, 24)
    one = list(each_member(model))[2].trace(X, y)
    np.testing.assert_allclose(t["Z1"][:, 2::4], one["Z1"], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(t["Z3"][6:9, 2::4], one["Z3"], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(t["dZ3"].reshape(4, 3, 24)[2][:, 2::4], one["dZ3"] / 4, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(t["dA3"].reshape(4, 3, 24)[2][:, 2::4], one["dA3"] / 4, rtol=1e-11, atol=1e-14)
    assert not t["dZ3"].reshape(4, 3, 24)[1][:, 2::4].any()


def test_statistics_of_a_trace_with_members_leave_out_the_zeros_between_them():
    model, (X, y) = net(output="sigmoid"), examples("sigmoid", m=6)
    t = model.trace(X, y, per="example")
    assert t.m == 6
    np.testing.assert_allclose(t["dW1"], t["dZ1"] @ t["A0"].T / t.m, rtol=1e-12)
    assert t.formulas["dZ3"] == "(A3 - Y) / members"
    assert t.shapes["W3"] == t.parameters["W3"].shape
    outputs = np.stack([member.predict(X) for member in each_member(model)])
    assert t.layers[-1].mean == pytest.approx(outputs.mean(), rel=1e-12)
    assert t.layers[-1].saturated.size == 0
    recorder = dc.Recorder(X, y, every=1)
    model.fit(X, y, dc.SGD(0.0), epochs=1, callbacks=[recorder])
    assert recorder["mean_A3"] == [pytest.approx(outputs.mean(), rel=1e-12)]


def test_a_computation_graph_of_members_is_refused():
    with pytest.raises(ValueError, match="plain dense layers, got members"):
        dc.graph.Graph.of(net(), *examples(m=1))


def test_factors_start_with_signs_or_with_normal_numbers_of_whole_columns():
    plain = dc.Model(5, [dc.Dense(3), dc.Dense(1, "linear")], members=64).parameters["factor0"]
    assert set(np.unique(plain)) == {-1.0, 1.0}
    layers = [*FRONTS["piecewise linear and categories"], dc.Dense(3), dc.Dense(1, "linear")]
    drawn = dc.Model(5, layers, members=200, seed=1).parameters["factor0"]
    assert drawn.shape == (6 + 6 + 1 + 5 + 5, 200)
    assert (drawn[:6] == drawn[0]).all()
    assert (drawn[13:18] == drawn[13]).all()
    assert len(np.unique(drawn)) == 5 * 200
    assert abs(drawn[0].std() - 1) < 0.2


def test_files_pickles_and_copies_keep_the_members(tmp_path):
    model, (X, _) = net("piecewise linear and categories"), examples()
    model.save(tmp_path / "model.safetensors")
    for twin in (dc.load(tmp_path / "model.safetensors"), pickle.loads(pickle.dumps(model)), model.copy()):
        assert twin.members == 4
        assert twin.spec == model.spec
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))


def test_many_networks_with_members_have_the_bits_of_their_own_fit():
    X, y = examples()
    own, many = ([net(seed=seed, members=seed) for seed in (1, 2, 3)] for _ in range(2))
    for model in own:
        model.fit(X, y, dc.Adam(0.01), epochs=3, batch_size=8, threads=1)
    dc.fit_many(many, X, y, dc.Adam(0.01), epochs=3, batch_size=8)
    for one, other in zip(own, many, strict=True):
        assert one.flat_parameters.tobytes() == other.flat_parameters.tobytes()


def test_a_training_goes_on_from_its_checkpoint_with_the_same_bits(tmp_path):
    X, y = examples()
    whole, parted = net("periodic"), net("periodic")
    whole.fit(X, y, dc.Adam(0.01), epochs=4, batch_size=8)

    def stop(record):
        if record.epoch == 1:
            raise KeyError("stop")

    def fit(*callbacks):
        checkpoint = dc.Checkpoint(tmp_path / "run.checkpoint")
        parted.fit(X, y, dc.Adam(0.01), epochs=4, batch_size=8, callbacks=[checkpoint, *callbacks])

    with pytest.raises(KeyError, match="stop"):
        fit(stop)
    fit()
    assert parted.flat_parameters.tobytes() == whole.flat_parameters.tobytes()


def test_the_plan_and_the_summary_count_the_members():
    model = net("periodic", units=(9,))
    assert model.summary().parameters == model.flat_parameters.size
    assert model.plan(16).workspace_bytes > net("periodic", units=(9,), members=1).plan(16).workspace_bytes
    assert "members=4" in repr(model)


@pytest.mark.parametrize("members", [0, 5000, 2.5, "3"])
def test_members_must_be_a_count(members):
    with pytest.raises((TypeError, ValueError), match="Model: members must be"):
        dc.Model(2, [dc.Dense(1, "linear")], members=members)
