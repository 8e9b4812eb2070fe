"""Packed weights that predictions keep: whatever changes the parameters, the next prediction sees it."""

import copy
import pickle
import threading

import numpy as np
import pytest

import deepcore as dc

SIZES = [20, 70, 40, 3]


@pytest.fixture
def model():
    return dc.mlp(SIZES, seed=1, norm="batch", activation="tanh")


@pytest.fixture
def X(rng):
    return rng.normal(size=(300, SIZES[0])).astype(np.float32)


@pytest.fixture
def y(rng):
    return rng.integers(SIZES[-1], size=300)


def agrees(model, X):
    """Predict several times, so that weights are kept, and compare with a new snapshot in every bit."""
    expected = model.predictor()(X)
    return all(
        np.array_equal(model.predict(X[:rows]), expected[:rows]) for rows in (1, 3, 3, 3, 64, 64, 1, 300)
    )


def write_a_view(model, X, y):
    model.parameters["W1"][2, 3] += 0.5


def write_by_name(model, X, y):
    model.parameters["W2"] = 2 * model.parameters["W2"]


def write_the_flat_array(model, X, y):
    model.network.flat[:] *= 0.5


def write_statistics(model, X, y):
    model.running["running_variance1"] *= 4.0


def fit(model, X, y):
    model.fit(X, y, dc.Adam(0.05), epochs=1)


def fit_several(model, X, y):
    dc.fit_many([model, dc.mlp(SIZES, seed=2)], X, y, dc.SGD(0.1), epochs=1)


def step(model, X, y):
    _, gradients = model.gradients(X, y)
    dc.Adam(0.05).bind(model).step(gradients)


def restore(model, X, y):
    snapshot = model.network.snapshot()
    model.network.restore(snapshot._replace(parameters=snapshot.parameters * 2))


CHANGES = [
    write_a_view, write_by_name, write_the_flat_array, write_statistics, fit, fit_several, step, restore,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_prediction_sees_every_change(model, X, y, change):
    assert agrees(model, X)
    before = model.predict(X)
    change(model, X, y)
    assert not np.array_equal(model.predict(X), before)
    assert agrees(model, X)


def test_while_an_array_exists_a_prediction_sees_what_is_written(model, X):
    W = model.parameters["W1"]
    assert agrees(model, X)
    for _ in range(3):
        W[0, 0] += 1
        assert agrees(model, X)
    del W
    assert agrees(model, X)


def test_callbacks_see_each_epoch(model, X, y):
    seen = []

    def look(epoch):
        seen.append((agrees(model, X), model.predict(X[:3])))

    model.fit(X, y, dc.SGD(0.1), epochs=4, callbacks=[look])
    assert all(right for right, _ in seen)
    assert len({outputs.tobytes() for _, outputs in seen}) == 4


@pytest.mark.parametrize("twin", [lambda m: m.copy(), copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_keeps_its_own(model, X, y, twin):
    assert agrees(model, X)
    other = twin(model)
    fit(other, X, y)
    assert agrees(model, X)
    assert agrees(other, X)


def test_threads_predict_at_the_same_time(model, X):
    expected = model.predictor()(X)
    right = []

    def work():
        right.append(all(np.array_equal(model.predict(X), expected) for _ in range(50)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 4


def test_predictions_of_another_thread_are_those_of_some_epoch(model, X, y):
    def trained(model, callbacks=()):
        model.fit(X, y, dc.SGD(0.05), epochs=100, batch_size=30, callbacks=callbacks)

    twin, expected = model.copy(), {model.predict(X[:3]).tobytes()}
    trained(twin, [lambda epoch: expected.add(twin.predict(X[:3]).tobytes())])
    assert agrees(model, X)
    thread, found = threading.Thread(target=trained, args=[model]), set()
    thread.start()
    while thread.is_alive():
        found.add(model.predict(X[:3]).tobytes())
    thread.join()
    assert found <= expected
    assert agrees(model, X)
    assert np.array_equal(model.predict(X), twin.predict(X))


def test_single_examples_see_a_change_after_many_calls(model, X):
    for _ in range(2):
        expected = model.predictor()(X[0])
        assert all(np.array_equal(model.predict(X[0]), expected) for _ in range(150))
        model.parameters["b3"][:] += 1
        model.parameters["W3"][:] *= 2
