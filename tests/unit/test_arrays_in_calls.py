"""What a call may do to arrays, and what happens when others write into them while it runs."""

import signal
import time

import numpy as np
import pytest

import deepcore as dc


def rows(m, n, seed=0):
    return np.random.default_rng(seed).normal(size=(m, n)).astype(np.float32)


# Outputs that share memory with what is read


@pytest.mark.parametrize(
    "view",
    [lambda X: X[::-1], lambda X: X[:, ::-1], lambda X: X],
    ids=["rows reversed", "columns reversed", "the same"],
)
@pytest.mark.parametrize("m", [3, 300, 2500])
def test_an_output_that_overlaps_the_input_is_right(view, m):
    X = rows(m, 6)
    model = dc.mlp([6, 24, 6], output="linear", seed=2)
    right = model.predict(X.copy())
    model.predict(X, out=view(X))
    assert np.array_equal(view(X), right)


def test_an_output_that_is_shifted_against_the_input_is_right():
    memory = rows(501, 6)
    model = dc.mlp([6, 24, 6], output="linear", seed=2)
    right = model.predict(memory[1:].copy())
    model.predict(memory[1:], out=memory[:-1])
    assert np.array_equal(memory[:-1], right)


def test_the_output_of_a_predictor_may_overlap_its_input():
    X = rows(300, 6)
    predictor = dc.mlp([6, 24, 6], output="linear", seed=2).predictor()
    right = predictor(X.copy())
    predictor(X, out=X[::-1])
    assert np.array_equal(X[::-1], right)
    x = X[0].copy()
    right = predictor(x.copy())
    predictor(x, out=x)
    assert np.array_equal(x, right)


@pytest.mark.parametrize("strides", [(0, 4), (4, 4), (8, 8)])
def test_an_output_whose_elements_share_memory_is_refused(strides):
    out = np.lib.stride_tricks.as_strided(np.zeros(64, np.float32), (8, 2), strides)
    with pytest.raises(ValueError, match="memory of its own for each element"):
        dc.mlp([3, 2], output="linear").predict(np.eye(8, 3), out=out)


# Writes by callbacks


class Edits:
    """Calls a function after the first epoch."""

    def __init__(self, edit):
        self.edit = edit

    def __call__(self, record):
        if record.epoch == 0:
            self.edit()


@pytest.mark.parametrize("value", [-1, 10**9, 2**62])
def test_labels_that_a_callback_overwrites_are_those_of_the_start(value):
    X, y = rows(60, 5), np.arange(60) % 3
    expected = dc.mlp([5, 8, 3], seed=1)
    expected.fit(X, y.copy(), epochs=3, batch_size=16)
    model = dc.mlp([5, 8, 3], seed=1)
    model.fit(X, y, epochs=3, batch_size=16, callbacks=[Edits(lambda: y.fill(value))])
    assert np.array_equal(model.flat_parameters, expected.flat_parameters)


def test_the_structure_of_sparse_features_is_that_of_the_start():
    sparse = pytest.importorskip("scipy.sparse")
    y = np.arange(60) % 3
    X = sparse.random(60, 30, density=0.2, format="csr", random_state=1, dtype=np.float32)
    expected = dc.mlp([30, 8, 3], seed=1)
    expected.fit(X.copy(), y, epochs=3, batch_size=16)

    def overwrite():
        X.indices[:] = 2**30
        X.indptr[1:] = 2**30

    model = dc.mlp([30, 8, 3], seed=1)
    model.fit(X, y, epochs=3, batch_size=16, callbacks=[Edits(overwrite)])
    assert np.array_equal(model.flat_parameters, expected.flat_parameters)


@pytest.mark.parametrize("offset", [2**32, -(2**32), 5 * 2**32])
def test_column_numbers_of_64_bits_are_checked_before_they_are_narrowed(offset):
    sparse = pytest.importorskip("scipy.sparse")
    S = sparse.csr_matrix((np.ones(2, "f4"), np.array([1, 2], "i8"), np.array([0, 1, 2], "i8")), shape=(2, 4))
    model = dc.mlp([4, 1], output="linear", seed=1)
    S.indices = np.array([1 + offset, 2], "i8")
    with pytest.raises(ValueError, match="columns from 0 to 3"):
        model.predict(S)


@pytest.mark.parametrize("sizes", [[4, 3, 1], [30, 20, 1], [200, 230, 1]])
def test_features_that_a_callback_edits_take_effect_where_one_batch_is_all(sizes):
    X, y = rows(40, sizes[0]), np.arange(40) % 2
    expected = dc.mlp(sizes, seed=1)
    state = dc.Adam(0.01).bind(expected)
    expected.fit(X, y, state, epochs=1, batch_size=None)
    expected.fit(2 * X, y, state, epochs=1, batch_size=None)
    model = dc.mlp(sizes, seed=1)

    def double():
        X[:] *= 2

    model.fit(X, y, dc.Adam(0.01), epochs=2, batch_size=None, callbacks=[Edits(double)])
    assert np.array_equal(model.flat_parameters, expected.flat_parameters)


@pytest.mark.parametrize("norm", [None, "batch", "layer"])
@pytest.mark.parametrize("sizes", [[4, 3, 2], [30, 20, 2], [200, 230, 2]])
def test_what_a_callback_writes_into_parameters_takes_effect_in_the_next_step(sizes, norm):
    X, y = rows(40, sizes[0]), np.arange(40) % 2

    def made():
        layers = [dc.Dense(sizes[1], "tanh", norm=norm), dc.Dense(2, "softmax")]
        return dc.Model(sizes[0], layers, seed=1)

    expected = made()
    state = dc.Adam(0.01).bind(expected)
    expected.fit(X, y, state, epochs=1, batch_size=16)
    expected.flat_parameters[:] *= 0.5
    expected.running.flat[:] += 0.25
    fit_on = {"epochs": 2, "batch_size": 16}
    expected.fit(X, y, state, **{**fit_on, "epochs": 1})
    model = made()

    def overwrite():
        model.flat_parameters[:] *= 0.5
        model.running.flat[:] += 0.25

    model.fit(X, y, dc.Adam(0.01), **fit_on, callbacks=[Edits(overwrite)])
    assert np.array_equal(model.flat_parameters, expected.flat_parameters)
    assert np.array_equal(model.running.flat, expected.running.flat)


def test_what_a_callback_writes_in_the_last_epoch_stays():
    X, y = rows(40, 6), np.arange(40) % 2
    model = dc.mlp([6, 9, 1], seed=1)
    model.fit(X, y, epochs=1, callbacks=[Edits(lambda: model.flat_parameters.fill(0.5))])
    assert np.all(model.flat_parameters == 0.5)


# Losses


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "half_squared_error"])
@pytest.mark.parametrize("weighted", [False, True])
def test_fit_and_evaluate_report_the_same_loss(loss, weighted):
    for m in range(40, 400, 9):
        X, y = rows(m, 9, seed=m), rows(m, 10, seed=m + 1)
        weight = np.arange(1, m + 1) % 5 if weighted else None
        model = dc.mlp([9, 64, 10], output="linear", loss=loss, seed=1)
        evaluated = model.evaluate(X, y, sample_weight=weight)["loss"]
        fitted = model.fit(X, y, dc.SGD(0.0), epochs=1, batch_size=32, sample_weight=weight)["loss"][0]
        assert evaluated == fitted, m


# Interrupts, and what a predictor says


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timer")
@pytest.mark.parametrize("call", ["predict", "evaluate", "gradients"])
@pytest.mark.slow
def test_ctrl_c_is_heard_while_a_long_call_works(call):
    model = dc.mlp([256, 1024, 1024, 2])
    X, y = np.zeros((16000, 256), np.float32), np.zeros(16000, np.int64)
    arguments = (X,) if call == "predict" else (X, y)
    old = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    start = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            getattr(model, call)(*arguments, threads=1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    heard = time.monotonic() - start
    start = time.monotonic()
    getattr(model, call)(*arguments, threads=1)
    assert heard < 0.1 + 0.75 * (time.monotonic() - start)  # well before the end of the work


def test_a_predictor_says_what_it_is_and_what_it_takes():
    predictor = dc.mlp([784, 128, 10]).predictor()
    assert repr(predictor) == "Predictor(784-128-10, float32)"
    assert "NaN" in predictor.__doc__
    with pytest.raises(ValueError, match="threads must be at least 0, got -5"):
        predictor(np.zeros(784, np.float32), threads=-5)
    with pytest.raises(TypeError, match="x must be a NumPy array of float32, got list"):
        predictor([0.0] * 784)
    with pytest.raises(TypeError, match="x must be float32, got float64"):
        predictor(np.zeros(784))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": "two"}, "Predictor: threads must be a whole number, got str"),
        ({"threads": 1.5}, "Predictor: threads must be a whole number, got float"),
        ({"out": 3}, "Predictor: out must be a NumPy array of float32, got int"),
    ],
)
def test_a_predictor_names_the_argument_of_a_wrong_type(options, message):
    predictor = dc.mlp([4, 3, 2]).predictor()
    with pytest.raises(TypeError, match=message):
        predictor(np.zeros((5, 4), np.float32), **options)


def test_a_predictor_takes_numbers_of_numpy():
    predictor, x = dc.mlp([4, 3, 2]).predictor(), np.ones(4, np.float32)
    np.testing.assert_array_equal(predictor(x, threads=np.int64(1)), predictor(x))
