"""Compressed sparse rows: the bits of the same matrix written out, without writing it out."""

import numpy as np
import pytest

import deepcore as dc

sparse = pytest.importorskip("scipy.sparse", reason="scipy is not installed")

# narrow, ordinary, wider than a strip, and shared layer by layer
SIZES = [(2, [4]), (37, [9, 5]), (500, [70, 33]), (900, [900, 300])]
FORMS = ["csr_matrix", "csr_array", "csc_matrix", "coo_matrix", "lil_matrix"]


def examples(inputs, density=0.2, m=41, seed=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, inputs)) * (rng.uniform(size=(m, inputs)) < density)
    return X, rng.integers(3, size=m)


def net(inputs, units, dtype, **options):
    layers = [dc.Dense(n, "tanh", **options) for n in units]
    return dc.Model(inputs, [*layers, dc.Dense(3, "softmax")], dtype=dtype, seed=1)


# One value in five is written out, one in twenty-five is not.
@pytest.mark.parametrize("density", [0.2, 0.04])
@pytest.mark.parametrize("batch_size", [None, 8])
@pytest.mark.parametrize(("inputs", "units"), SIZES, ids=str)
def test_every_use_has_the_bits_of_the_dense_matrix(inputs, units, batch_size, density, dtype):
    X, y = examples(inputs, density)
    w = np.random.default_rng(0).uniform(size=41)
    w[5] = 0
    dense, rows = (net(inputs, units, dtype) for _ in range(2))
    S = sparse.csr_matrix(X)
    for model, features in ((dense, X), (rows, S)):
        model.fit(features, y, epochs=2, batch_size=batch_size, sample_weight=w, threads=2)
    assert dense.flat_parameters.tobytes() == rows.flat_parameters.tobytes()
    np.testing.assert_array_equal(dense.predict(X), dense.predict(S))
    assert dense.evaluate(X, y, sample_weight=w) == dense.evaluate(S, y, sample_weight=w)
    np.testing.assert_array_equal(dense.gradients(X, y)[1].flat, dense.gradients(S, y)[1].flat)
    np.testing.assert_array_equal(dense.predict_labels(X), dense.predict_labels(S))
    np.testing.assert_array_equal(dense.trace(X, y)["A0"], dense.trace(S, y)["A0"])


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_scipy_is_taken(form):
    X, y = examples(37)
    a, b = (net(37, [9], "float64") for _ in range(2))
    a.fit(X, y, epochs=2, batch_size=8)
    b.fit(getattr(sparse, form)(X), y, epochs=2, batch_size=8, validation_data=(sparse.csr_matrix(X), y))
    np.testing.assert_array_equal(a.flat_parameters, b.flat_parameters)


def test_dropout_of_the_inputs_and_norms_go_with_it():
    X, y = examples(37)
    results = []
    for features in (X, sparse.csr_matrix(X)):
        layers = [dc.Dropout(0.2), dc.Dense(9, norm="batch"), dc.Dense(3, "softmax")]
        model = dc.Model(37, layers, dtype="float64", seed=1)
        model.fit(features, y, epochs=2, batch_size=8)
        results.append(model.flat_parameters.tobytes())
    assert results[0] == results[1]


OPTIONS = {
    "scaled inputs": lambda: [dc.Scale(), dc.Dense(60, "relu", parametrization="ntk")],
    "layer norm": lambda: [dc.Dense(60, "relu", norm="layer")],
    "batch norm": lambda: [dc.Dense(60, "relu", norm="batch")],
    "one unit": lambda: [],
    "dropout": lambda: [dc.Dropout(0.2), dc.Dense(60, "relu"), dc.Dropout(0.5)],
}


@pytest.mark.parametrize("layers", OPTIONS.values(), ids=OPTIONS)
def test_few_values_in_more_than_a_run_of_examples_have_the_bits_of_the_dense_matrix(layers, dtype):
    X, y = examples(300, 0.03, m=450)
    trained = []
    for features in (X, sparse.csr_matrix(X)):
        model = dc.Model(300, [*layers(), dc.Dense(1, "sigmoid")], dtype=dtype, seed=1)
        model.fit(features, y > 0, dc.Adam(0.01, clip_norm=1.0), epochs=3, batch_size=400, shuffle=False)
        trained.append(model)
    assert trained[0].flat_parameters.tobytes() == trained[1].flat_parameters.tobytes()
    np.testing.assert_array_equal(trained[0].predict(X[:70]), trained[1].predict(sparse.csr_matrix(X)[:70]))


def test_rows_without_values_in_any_order_and_with_several_values_of_one_place_are_taken():
    rng = np.random.default_rng(0)
    lengths = rng.integers(4, size=100)
    lengths[0] = 3
    starts = np.concatenate([[0], np.cumsum(lengths)])
    columns = rng.integers(200, size=starts[-1])
    S = sparse.csr_matrix((rng.normal(size=starts[-1]), columns, starts), shape=(100, 200))
    S.indices[:3] = 7  # three values of one place, in row 0
    assert not S.has_canonical_format
    y = rng.integers(3, size=100)
    trained = []
    for features in (S.toarray(), S):
        model = net(200, [30], "float64")
        model.fit(features, y, epochs=2, batch_size=16)
        trained.append((model.flat_parameters, model.predict(features)))
    for dense, rows in zip(*trained, strict=True):
        np.testing.assert_allclose(rows, dense, rtol=0, atol=1e-14)  # toarray adds up in another order


def test_values_of_one_place_add_up():
    S = sparse.csr_matrix((np.array([1.0, 2.0, 3.0]), np.array([1, 1, 0]), np.array([0, 2, 3])), shape=(2, 3))
    model = net(3, [4], "float64")
    np.testing.assert_array_equal(model.predict(S), model.predict(S.toarray()))


def test_whole_numbers_and_other_precisions_are_converted():
    S = sparse.random(20, 37, 0.3, "csr", random_state=0)
    model = net(37, [4], "float32")
    np.testing.assert_array_equal(model.predict(S), model.predict(S.toarray().astype("float32")))
    counts = (S > 0).astype(int)
    np.testing.assert_array_equal(model.predict(counts), model.predict(counts.toarray()))


def test_a_matrix_that_memory_could_not_hold_is_read_in_batches():
    m, n_x = 200_000, 500_000  # 400 GB, written out
    rows = np.arange(0, m, 1000)
    S = sparse.csr_matrix((np.ones(200, np.float32), (rows, rows)), shape=(m, n_x))
    model = dc.Model(n_x, [dc.Dense(1, "sigmoid")])
    some = S[:2000]
    model.fit(some, np.arange(2000) % 2, epochs=1, batch_size=64)
    assert np.isfinite(model.predict(S[:300])).all()
    assert model.evaluate(some[:500], np.arange(500) % 2)["loss"] < 1


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda S: S[:, :30], ValueError, r"X must have 37 columns, got shape \(41, 30\)"),
        (lambda S: S.T.tocsr()[:, :37], ValueError, "y must have 37 rows like X, got 41"),
        (lambda S: S * np.inf, ValueError, "X must be finite in float64, got -?inf in row 0, column"),
        (lambda S: S.astype(complex), TypeError, "X must hold numbers"),
        (lambda S: _with(S, indices=S.indices + 20), ValueError, "X must have columns from 0 to 36"),
        (lambda S: _with(S, indices=S.indices - 20), ValueError, "X must have columns from 0 to 36"),
        (lambda S: _with(S, indptr=S.indptr[::-1]), ValueError, "valid compressed sparse rows"),
        (lambda S: _with(S, indptr=S.indptr * 2), ValueError, "valid compressed sparse rows"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_what_is_no_matrix_is_refused(change, error, message):
    X, y = examples(37)
    model = net(37, [4], "float64")
    before = model.flat_parameters.copy()
    with pytest.raises(error, match=message):
        model.fit(change(sparse.csr_matrix(X)), y)
    np.testing.assert_array_equal(model.flat_parameters, before)


def _with(S, **arrays):
    S = S.copy()
    for name, array in arrays.items():
        setattr(S, name, np.ascontiguousarray(array, getattr(S, name).dtype))
    return S
