"""The same bits for any number of threads, for fit and a loop of one's own, and whoever looks on."""

import threading

import numpy as np
import pytest

import deepcore as dc

NETWORKS = {
    "plain": lambda: dc.mlp([20, 33, 17, 3], seed=1),
    "narrow": lambda: dc.mlp([20, 5, 3], activation="tanh", seed=1),
    "wide": lambda: dc.mlp([20, 300, 280, 3], seed=1),
    "batch norm": lambda: dc.mlp([20, 33, 3], norm="batch", seed=1),
    "layer norm and dropout": lambda: dc.mlp([20, 33, 3], norm="layer", dropout=0.3, seed=1),
    "penalties": lambda: dc.Model(20, [dc.Dense(30, l1=1e-3, max_norm=1.0), dc.Dense(3, "softmax", l2=0.1)]),
    "float64": lambda: dc.mlp([20, 33, 3], dtype="float64", seed=1),
}
OPTIMIZERS = ("sgd", "adam", dc.Adam(1e-3, clip_norm=0.1), dc.SGD(dc.Cosine(0.1), momentum=0.9))


def examples(m=210):
    rng = np.random.default_rng(0)
    return rng.normal(size=(m, 20)), rng.integers(3, size=m)


def numbers(model):
    return b"".join(array.tobytes() for array in model.snapshot())


def trained(make, optimizer, threads=None, **options):
    model, (X, y) = make(), examples()
    model.fit(X, y, optimizer, **{"epochs": 3, "batch_size": 64, "threads": threads, **options})
    return numbers(model)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_the_bits_do_not_depend_on_the_number_of_threads(name, optimizer):
    results = {trained(NETWORKS[name], optimizer, threads) for threads in (1, 2, 3, 7)}
    assert len(results) == 1


@pytest.mark.parametrize("name", NETWORKS)
def test_the_bits_do_not_depend_on_who_looks_on(name):
    make = NETWORKS[name]
    expected = trained(make, "adam")
    X, y = examples()
    assert trained(make, "adam", callbacks=[lambda record: None]) == expected
    assert trained(make, "adam", validation_data=(X, y), metrics=["f1"]) == expected
    model, done = make(), threading.Event()

    def look():
        while not done.is_set():
            model.predict(X)
            model.copy()

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for _ in range(3):
            model.partial_fit(X, y, "adam", batch_size=64)
    finally:
        done.set()
        watcher.join()
    assert numbers(model) == expected


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"batch norm"}))
def test_the_outputs_of_an_example_do_not_depend_on_its_company(name):
    model, (X, _) = NETWORKS[name](), examples()
    X = X.astype(model.dtype)
    together = model.predict(X)
    predictor = model.predictor()
    for rows in (slice(0, 1), slice(5, 9), slice(100, 210), slice(None, None, 3)):
        assert np.array_equal(model.predict(X[rows]), together[rows])
        assert np.array_equal(predictor(np.ascontiguousarray(X[rows])), together[rows])


@pytest.mark.parametrize("name", ["plain", "narrow", "wide", "penalties", "float64"])
def test_fit_is_the_loop_of_gradients_and_steps(name):
    X, y = examples()
    model, loop = NETWORKS[name](), NETWORKS[name]()
    model.fit(X, y, dc.Adam(1e-2), epochs=2, batch_size=70, shuffle=False)
    state = dc.Adam(1e-2).bind(loop)
    for _ in range(2):
        for rows in (slice(0, 70), slice(70, 140), slice(140, 210)):
            state.step(loop.gradients(X[rows], y[rows], step=state.steps)[1])
    assert np.array_equal(model.flat_parameters, loop.flat_parameters)
