"""Compressed sparse rows: the bits of the same matrix written out, without writing it out."""

import numpy as np
import pytest

import deepcore as dc

sparse = pytest.importorskip("scipy.sparse", reason="scipy is not installed")

# narrow, ordinary, wider than a strip, and shared layer by layer
SIZES = [(2, [4]), (37, [9, 5]), (500, [70, 33]), (900, [900, 300])]
FORMS = ["csr_matrix", "csr_array", "csc_matrix", "coo_matrix", "lil_matrix"]


def examples(inputs, m=41, seed=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, inputs)) * (rng.uniform(size=(m, inputs)) < 0.2)
    return X, rng.integers(3, size=m)


def net(inputs, units, dtype, **options):
    layers = [dc.Dense(n, "tanh", **options) for n in units]
    return dc.Model(inputs, [*layers, dc.Dense(3, "softmax")], dtype=dtype, seed=1)


@pytest.mark.parametrize("batch_size", [None, 8])
@pytest.mark.parametrize(("inputs", "units"), SIZES, ids=str)
def test_every_use_has_the_bits_of_the_dense_matrix(inputs, units, batch_size, dtype):
    X, y = examples(inputs)
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
