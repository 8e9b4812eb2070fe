"""Several Python threads: models train side by side, one model once at a time, and nobody holds the GIL."""

import sys
import threading

import numpy as np
import pytest

import deepcore as dc


def examples(m=400, n=8):
    rng = np.random.default_rng(5)
    return rng.normal(size=(m, n)).astype(np.float32), rng.integers(2, size=m)


def in_threads(*calls):
    """Run the calls side by side; an exception of one of them is raised here."""
    errors = []

    def guarded(call):
        try:
            call()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_models_trained_side_by_side_are_those_trained_one_after_the_other():
    X, y = examples()

    def model(seed):
        return dc.mlp([8, 32, 32, 1], seed=seed)

    alone, together = [model(seed) for seed in range(3)], [model(seed) for seed in range(3)]
    for one in alone:
        one.fit(X, y, epochs=20, batch_size=16)
    in_threads(*(lambda one=one: one.fit(X, y, epochs=20, batch_size=16) for one in together))
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.flat_parameters, other.flat_parameters)


@pytest.mark.parametrize("what", ["fit", "step"])
def test_a_model_that_is_being_trained_refuses_to_be_trained(what):
    X, y = examples()
    model = dc.mlp([8, 4, 1])
    state, (_, grads) = dc.SGD().bind(model), model.gradients(X, y)
    inside, leave = threading.Event(), threading.Event()

    def hold(record):
        inside.set()
        leave.wait()

    def intrude():
        inside.wait()
        try:
            with pytest.raises(RuntimeError, match=rf"{what}: this model is already being trained"):
                model.fit(X, y) if what == "fit" else state.step(grads)
        finally:
            leave.set()

    in_threads(lambda: model.fit(X, y, epochs=1, callbacks=[hold]), intrude)
    model.fit(X, y, epochs=1)  # free again


def test_a_model_can_be_asked_while_it_trains():
    X, y = examples()
    model = dc.mlp([8, 4, 1])
    inside, leave = threading.Event(), threading.Event()
    answers = []

    def hold(record):
        inside.set()
        leave.wait()

    def ask():
        inside.wait()
        try:
            answers.append(model.predict(X))
        finally:
            leave.set()

    in_threads(lambda: model.fit(X, y, epochs=1, callbacks=[hold]), ask)
    assert np.array_equal(answers[0], model.predict(X))


def test_predictions_from_many_threads_are_those_of_one():
    X, _ = examples(2000)
    model = dc.mlp([8, 64, 1])
    expected, answers = model.predict(X), [None] * 8

    def ask(i):
        answers[i] = model.predict(X)

    in_threads(*(lambda i=i: ask(i) for i in range(8)))
    assert all(np.array_equal(answer, expected) for answer in answers)


@pytest.fixture
def voluntary_switches():
    """Threads change only where one lets go of the GIL, never because its time is over."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000.0)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.skipif(
    hasattr(sys, "_is_gil_enabled") and not sys._is_gil_enabled(), reason="this Python has no GIL"
)
@pytest.mark.parametrize("what", ["predict", "evaluate", "gradients", "fit"])
def test_other_threads_run_during(what, voluntary_switches):
    # about 0.1 s of products: time enough for a waiting thread to be woken
    X, y = examples(2048, 512)
    model = dc.mlp([512, 1024, 1024, 1])
    arguments = (X,) if what == "predict" else (X, y)
    options = {"optimizer": "sgd", "epochs": 1, "batch_size": None} if what == "fit" else {}
    started, ran = threading.Event(), []

    def wait():
        started.wait()
        ran.append(True)

    other = threading.Thread(target=wait)
    other.start()
    started.set()  # the other thread is awake now, and waits for the GIL
    getattr(model, what)(*arguments, **options)
    seen = list(ran)
    other.join()
    assert seen == [True]
