"""Embeddings of numbers and categories: formulas, gradients, bits, files."""

import pickle

import numpy as np
import pytest

import deepcore as dc
from property.test_gradients import TOLERANCE, differences
from reference import affine, embeddings

EDGES = [[-1.5, -0.2, 0.4, 2.0], [-1.0, 1.0]]
FRONTS = {
    "periodic": ([dc.PeriodicEmbedding(2)], 3),
    "periodic alone": ([dc.PeriodicEmbedding(3, units=5, frequencies=7, passes=False, sigma=0.5)], 3),
    "piecewise linear": ([dc.PiecewiseLinearEmbedding(EDGES, units=6)], 3),
    "categories": ([dc.CategoryEmbedding([4, 7], units=5)], 3),
    "periodic and categories": ([dc.PeriodicEmbedding(1, units=4), dc.CategoryEmbedding([4, 7])], 4),
    "piecewise linear and categories": (
        [dc.PiecewiseLinearEmbedding(EDGES), dc.CategoryEmbedding([4, 7], units=3)],
        5,
    ),
}
REST = {
    "plain": lambda units: [dc.Dense(n, "tanh") for n in units],
    "td": lambda units: [
        dc.Dropout(0.1),
        dc.Scale(rate=6, decay=6),
        *(
            layer
            for n in units
            for layer in (
                dc.Dense(n, "mish", parametric=True, parametrization="ntk", rate={"b": 0.1}, decay={"b": 0}),
                dc.Dropout(0.2),
            )
        ),
    ],
    "with batch norm": lambda units: [dc.Dense(n, "tanh", norm="batch") for n in units],
}

SLOW_RESTS = [pytest.param(rest, marks=pytest.mark.slow) for rest in ("plain", "with batch norm")]


def net(front, rest="plain", dtype="float64", units=(9, 7), seed=4):
    first, inputs = FRONTS[front]
    layers = [*first, *REST[rest](units), dc.Dense(3, "softmax")]
    model = dc.Model(inputs, layers, dtype=dtype, seed=seed)
    rng = np.random.default_rng(seed)
    for view in model.parameters.values():  # nothing stays at 0 or 1, where mistakes hide
        view[...] = view + rng.normal(size=view.shape, scale=0.1)
    return model


def examples(front, m=41):
    inputs, rng = FRONTS[front][1], np.random.default_rng(3)
    X = rng.normal(size=(m, inputs))
    if "categories" in front:
        X[:, -2], X[:, -1] = rng.integers(4, size=m), rng.integers(7, size=m)
    return X, rng.integers(3, size=m)


@pytest.mark.parametrize("front", FRONTS)
def test_the_inputs_of_the_first_layer_are_those_of_the_reference(front):
    model, (X, y) = net(front), examples(front)
    A0, _ = embeddings.forward(X, model.spec, model.parameters)
    traced = model.trace(X, y)
    np.testing.assert_allclose(traced["A0"], A0, rtol=1e-13, atol=1e-13)
    Z1 = affine.forward(A0, model.parameters["W1"], model.parameters["b1"])
    np.testing.assert_allclose(traced["Z1"], Z1, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("front", FRONTS)
def test_gradients_are_those_of_the_reference(front):
    model, (X, y) = net(front), examples(front)
    t = model.trace(X, y)
    dA0 = model.parameters["W1"].T @ t["dZ1"]
    for name, values in embeddings.backward(dA0, X, model.spec, model.parameters).items():
        np.testing.assert_allclose(t[name], values, rtol=1e-11, atol=1e-14, err_msg=name)


@pytest.mark.parametrize(
    "rest", ["td", *(pytest.param(r, marks=pytest.mark.slow) for r in ("plain", "with batch norm"))]
)
@pytest.mark.parametrize("front", FRONTS)
def test_the_gradient_is_the_difference_of_the_cost(front, rest):
    model, (X, y) = net(front, rest, units=(5, 4)), examples(front, 8)
    w = np.random.default_rng(5).uniform(0.5, 2, size=8)
    w[3], X[3, 0] = 0, 77.0  # what has no weight must not count
    flat, training = np.zeros_like(model.flat_parameters), (model.seed, 3)
    native = model.network.native
    slopes = differences(native, lambda: native.gradient(X, y, flat, w, 0, training))
    for name, grads in model.gradients(X, y, sample_weight=w, step=3)[1].items():
        wanted = model.network.views(slopes, "d")[name]
        size = max(np.abs(wanted).max(), 1e-3)
        assert np.abs(grads - wanted).max() <= TOLERANCE * size, name


@pytest.mark.parametrize("front", FRONTS)
def test_one_row_has_the_bits_of_the_table(front, dtype):
    model, (X, _) = net(front, dtype=dtype), examples(front)
    X = X.astype(dtype)
    table, predictor = model.predict(X), model.predictor()
    for row in range(10):
        np.testing.assert_array_equal(model.predict(X[row]), table[row])
        np.testing.assert_array_equal(predictor(X[row]), table[row])


LOOPS = [("plain", (5, 4), {}), ("td", (70, 33), {"clip_norm": 0.5}), ("td", (9, 7), {"clip_value": 0.01})]
SLOW = [pytest.param("td", (900, 900), {}, marks=pytest.mark.slow)]


@pytest.mark.parametrize(("rest", "units", "clip"), LOOPS + SLOW, ids=str)
@pytest.mark.parametrize("front", FRONTS)
def test_fit_is_the_loop_of_gradients_and_steps(front, rest, units, clip, dtype):
    X, y = examples(front)
    fitted, looped = (net(front, rest, dtype, units) for _ in range(2))
    optimizer = dc.AdamW(0.01, weight_decay=0.1, **clip)
    fitted.fit(X, y, optimizer, epochs=2, batch_size=16, shuffle=False, threads=2)
    state = optimizer.bind(looped)
    for _ in range(2):
        for start in range(0, len(X), 16):
            rows = slice(start, start + 16)
            state.step(looped.gradients(X[rows], y[rows], step=state.steps)[1])
    assert fitted.flat_parameters.tobytes() == looped.flat_parameters.tobytes()


@pytest.mark.parametrize("front", ["periodic and categories", "piecewise linear and categories"])
def test_threads_and_slabs_do_not_change_the_bits(front):
    X, y = examples(front, 9500)
    bits = set()
    for threads in (1, 2, 3):
        model = net(front, "td", "float32", (30, 20))
        assert model.plan(9500).slab < 9500
        model.fit(X, y, dc.Adam(), epochs=2, batch_size=None, threads=threads)
        bits.add(model.flat_parameters.tobytes())
    assert len(bits) == 1


@pytest.mark.parametrize("front", FRONTS)
def test_predictions_do_not_depend_on_the_other_rows(front, dtype):
    model, (X, y) = net(front, "td", dtype), examples(front, 300)
    together = model.predict(X)
    np.testing.assert_array_equal([model.predict(x) for x in X[:20]], together[:20])
    rows = np.ascontiguousarray(X, dtype)
    np.testing.assert_array_equal(model.predictor()(rows), together)
    np.testing.assert_array_equal(model.predictor()(rows[7]), together[7])
    np.testing.assert_array_equal(model.predict(np.asfortranarray(rows)), together)
    assert model.gradients(X, y)[0] == pytest.approx(model.evaluate(X, y)["loss"], rel=1e-5)


@pytest.mark.parametrize("front", FRONTS)
def test_pickles_copies_and_files_keep_embeddings(front, tmp_path):
    model, (X, _) = net(front, "td"), examples(front)
    model.save(tmp_path / "model")
    for other in (pickle.loads(pickle.dumps(model)), model.copy(), dc.load(tmp_path / "model")):
        assert other.spec == model.spec
        np.testing.assert_array_equal(other.predict(X), model.predict(X))


def test_rows_of_codes_that_do_not_occur_decay():
    model = dc.Model(2, [dc.CategoryEmbedding([3, 2], units=4), dc.Dense(1, "linear")], dtype="float64")
    before, unused = model.parameters["table0"].copy(), [1, 2, 4]
    model.fit(np.zeros((4, 2)), np.ones(4), dc.AdamW(0.1, weight_decay=0.5), epochs=1, batch_size=None)
    np.testing.assert_allclose(model.parameters["table0"][:, unused], 0.95 * before[:, unused], rtol=1e-14)


def test_a_piecewise_linear_embedding_starts_as_a_line():
    front = dc.PiecewiseLinearEmbedding(EDGES, units=2)
    model = dc.Model(2, [front, dc.Dense(1, "linear")], dtype="float64", seed=1)
    A0 = [model.trace(np.array([[x, -x]]), [0.0])["A0"] for x in (-2.0, 0.0, 2.0)]
    np.testing.assert_allclose(A0[0] + A0[2], 2 * A0[1], atol=1e-14)


def test_edges_at_quantiles_are_distinct_and_span_the_column():
    X = np.stack([np.arange(100.0), np.arange(100) // 50], axis=1)
    front = dc.PiecewiseLinearEmbedding.at_quantiles(X, bins=4)
    np.testing.assert_allclose(front.edges[0], [0, 24.75, 49.5, 74.25, 99])
    assert front.edges[1] == (0.0, 0.5, 1.0)


def test_the_first_arrays_have_the_named_distributions():
    front = dc.PeriodicEmbedding(40, units=5, frequencies=25, sigma=0.3)
    model = dc.Model(
        41, [front, dc.CategoryEmbedding([4000]), dc.Dense(1, "linear")], dtype="float64", seed=2
    )
    p = model.parameters
    # Thousand draws or more each: standard errors of some hundredths of the deviation.
    assert p["frequency0"].std() == pytest.approx(0.3, rel=0.1)
    assert np.abs(p["phase0"]).max() <= np.pi
    assert p["phase0"].std() == pytest.approx(np.pi / np.sqrt(3), rel=0.1)
    for name in ("weight0", "offset0"):
        assert np.abs(p[name]).max() <= 1 / 5
        assert p[name].std() == pytest.approx(1 / 5 / np.sqrt(3), rel=0.2)
    assert p["table0"].std() == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("code", [-1.0, 4.0, 1.5])
def test_codes_outside_of_their_sizes_are_refused(code):
    model, (X, y) = net("categories"), examples("categories")
    X[5, 1] = code
    with pytest.raises(ValueError, match=r"X must hold codes from 0 to 3 in column 1, got .* in row 5"):
        model.predict(X)
    with pytest.raises(ValueError, match="codes from 0 to 3"):
        model.fit(X, y)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([dc.Dense(2), dc.CategoryEmbedding([2])], "before all other layers"),
        (
            [dc.CategoryEmbedding([2]), dc.PeriodicEmbedding(1), dc.Dense(2, "linear")],
            "at most one embedding of numbers",
        ),
        (
            [dc.PeriodicEmbedding(1), dc.PeriodicEmbedding(1), dc.Dense(2, "linear")],
            "at most one embedding of numbers",
        ),
        (
            [dc.PeriodicEmbedding(3), dc.CategoryEmbedding([2]), dc.Dense(2, "linear")],
            "4 columns need as many inputs",
        ),
        ([dc.CategoryEmbedding([2])], "at least one Dense"),
    ],
)
def test_embeddings_at_the_wrong_place_are_refused(layers, message):
    with pytest.raises((TypeError, ValueError), match=message):
        dc.Model(3, layers)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dc.PeriodicEmbedding(0), "columns must be"),
        (lambda: dc.PeriodicEmbedding(1, units=65), "units must be"),
        (lambda: dc.PeriodicEmbedding(1, sigma=0), "sigma must be"),
        (lambda: dc.PiecewiseLinearEmbedding([]), "at least one column"),
        (lambda: dc.PiecewiseLinearEmbedding([[1.0]]), "at least 2 finite numbers that rise"),
        (lambda: dc.PiecewiseLinearEmbedding([[0.0, 0.0]]), "at least 2 finite numbers that rise"),
        (lambda: dc.PiecewiseLinearEmbedding([[0.0, np.inf]]), "at least 2 finite numbers that rise"),
        (lambda: dc.PiecewiseLinearEmbedding.at_quantiles(np.ones((10, 1)), bins=4), "that rise"),
        (lambda: dc.PiecewiseLinearEmbedding.at_quantiles(np.ones((4, 1)), bins=4), "m > 4"),
        (lambda: dc.CategoryEmbedding([]), "at least one column"),
        (lambda: dc.CategoryEmbedding([2**25]), "sizes must be"),
        (lambda: dc.CategoryEmbedding([2], rate=-1), "rate must be"),
    ],
)
def test_wrong_descriptions_are_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_sparse_rows_are_refused():
    sparse = pytest.importorskip("scipy.sparse")
    model = net("categories")
    with pytest.raises(ValueError, match="X must be dense for a network with embeddings"):
        model.predict(sparse.csr_matrix(np.zeros((2, 3))))


def test_the_summary_counts_the_arrays_of_embeddings():
    model = net("periodic and categories", "td")
    assert model.summary().parameters == model.flat_parameters.size
