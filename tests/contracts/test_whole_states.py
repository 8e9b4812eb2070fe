"""While one thread trains a model, other threads see the numbers of one finished epoch, whatever they do."""

import gc
import hashlib
import os
import pickle
import threading
import time

import numpy as np
import pytest

import deepcore as dc

EPOCHS = 8
LOOKS = (
    "flat_parameters",
    "parameters",
    "snapshot",
    "copy",
    "pickle",
    "predict",
    "predictor",
    "evaluate",
    "save",
)
TRAININGS = ("fit", "fit with callbacks", "partial_fit", "fit_batches", "mapped", "one step per epoch")


def digest(*arrays):
    return hashlib.blake2b(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


def make_model(norm=None):
    return dc.mlp([200, 400, 2], norm=norm, seed=4)


def examples(m=96):
    return np.random.default_rng(0).normal(size=(m, 200)).astype(np.float32), np.arange(m) % 2


def look_at(model, what, folder, whole_only=False):
    """One look at a model: a digest that depends on all of its parameters.

    ``whole_only``: None for arrays that are the model's own memory, because no training had begun when they
    were taken; it may begin before they are read.
    """
    X, y = examples()
    if what in ("flat_parameters", "parameters"):
        views = model.parameters
        if whole_only and views.flat.flags.writeable:
            return None
        return digest(views.flat) if what == "flat_parameters" else digest(*views.values())
    if what == "snapshot":
        return digest(*model.snapshot())
    if what == "copy":
        return digest(model.copy().flat_parameters)
    if what == "pickle":
        return digest(pickle.loads(pickle.dumps(model)).flat_parameters)
    if what == "predict":
        return digest(model.predict(X, threads=1))
    if what == "predictor":
        return digest(model.predictor()(X))
    if what == "evaluate":
        return str(model.evaluate(X, y, threads=1)["loss"])
    model.save(folder / "model")
    return digest(dc.load(folder / "model").flat_parameters)


def train(model, how, folder, callback=None):
    """Train for some epochs; ``callback`` is called after each if it is given."""
    X, y = examples()
    callbacks = [] if callback is None else [callback]
    options = {"batch_size": 96 if how == "one step per epoch" else 32, "shuffle": False, "threads": 1}
    if how == "fit with callbacks":
        callbacks = [*callbacks, lambda record: None]
    if how == "partial_fit":
        for _ in range(EPOCHS):
            model.partial_fit(X, y, "sgd", **options)
            for one in callbacks:
                one(None)
    elif how == "fit_batches":
        batches = [(X[i : i + 32], y[i : i + 32]) for i in (0, 32, 64)]
        model.fit_batches(batches, "sgd", epochs=EPOCHS, callbacks=callbacks, threads=1)
    else:
        if how == "mapped":  # another dtype: it is converted part by part
            np.save(folder / "X.npy", X.astype(np.float64))
            X = np.load(folder / "X.npy", mmap_mode="r")
        model.fit(X, y, "sgd", epochs=EPOCHS, callbacks=callbacks, **options)


def while_another_trains(model, how, folder, look):
    """The results of ``look`` in this thread while another one trains."""
    results, errors = [], []

    def work():
        try:
            train(model, how, folder)
        except BaseException as error:
            errors.append(error)

    trainer = threading.Thread(target=work)
    trainer.start()
    while trainer.is_alive():
        results.append(look())
    trainer.join()
    assert not errors
    return results


@pytest.mark.parametrize("how", TRAININGS)
def test_what_another_thread_sees_is_one_finished_epoch(how, tmp_path):
    for what in LOOKS:
        known = make_model()
        states = {look_at(known, what, tmp_path)}
        train(known, how, tmp_path, lambda record, known=known, what=what, states=states: states.add(
            look_at(known, what, tmp_path)))  # fmt: skip
        model = make_model()
        seen = while_another_trains(model, how, tmp_path, lambda model=model, what=what: look_at(
            model, what, tmp_path, whole_only=True))  # fmt: skip
        assert len(states) == EPOCHS + 1
        assert set(seen) - {None} <= states, what
        assert look_at(model, what, tmp_path) == look_at(known, what, tmp_path)


def test_parameters_and_running_statistics_are_of_the_same_epoch(tmp_path):
    known = make_model(norm="batch")
    states = {digest(*known.snapshot())}
    train(known, "fit", tmp_path, lambda record: states.add(digest(*known.snapshot())) and None)
    model = make_model(norm="batch")
    assert set(while_another_trains(model, "fit", tmp_path, lambda: digest(*model.snapshot()))) <= states


def test_epochs_trained_belongs_to_the_parameters_of_a_copy(tmp_path):
    known = make_model()
    epochs = {digest(known.flat_parameters): 0}

    def note(record):
        epochs[digest(known.flat_parameters)] = record.epoch + 1

    train(known, "fit", tmp_path, note)
    model = make_model()
    for copy in while_another_trains(model, "fit", tmp_path, model.copy):
        assert copy.epochs_trained == epochs[digest(copy.flat_parameters)]


def test_the_state_is_that_of_the_last_finished_epoch():
    # nobody has looked before, and the epochs are short: the run had no reason to write its numbers
    X, y = examples(m=64)
    model = make_model()
    state = dc.SGD().bind(model)
    late = []

    def look():
        for _ in range(50):
            steps = state.steps
            late.append(steps - model.epochs_trained)

    run = threading.Thread(target=model.fit, args=(X, y, state), kwargs={"epochs": 400, "batch_size": None})
    run.start()
    while state.steps == 0:
        pass
    look()
    run.join()
    assert max(late) <= 0


def test_another_thread_cannot_write_into_the_parameters_of_a_running_fit():
    X, y = examples()
    model = make_model()
    inside, leave = threading.Event(), threading.Event()

    def hold(record):
        inside.set()
        leave.wait()

    run = threading.Thread(target=model.fit, args=(X, y), kwargs={"epochs": 1, "callbacks": [hold]})
    run.start()
    inside.wait()
    try:
        with pytest.raises(ValueError, match="read-only"):
            model.parameters["W1"] = 0 * model.parameters["W1"]
        with pytest.raises(RuntimeError, match="restore: this model is already being trained"):
            model.restore(model.snapshot())
    finally:
        leave.set()
        run.join()
    model.parameters["W1"] = 0 * model.parameters["W1"]


def test_what_a_callback_has_half_written_is_not_seen():
    X, y = examples()
    model = make_model()
    seen = []

    def look():
        seen.append(digest(model.flat_parameters))
        seen.append(digest(model.copy().flat_parameters))

    def write(record):
        whole = digest(model.flat_parameters)
        model.parameters["W1"][:] = 0
        other = threading.Thread(target=look)
        other.start()
        other.join()
        assert seen[-2:] == [whole, whole]
        model.parameters["W1"][:] = 1

    model.fit(X, y, epochs=2, callbacks=[write])
    assert len(seen) == 4


def test_an_estimator_predicts_whole_states_while_it_goes_on_training():
    pytest.importorskip("sklearn")
    from deepcore.sklearn import MLPClassifier

    X, y = examples()

    def estimator():
        return MLPClassifier((400,), solver="sgd", shuffle=False, batch_size=32, random_state=1)

    known, model = (
        estimator().partial_fit(X, y, classes=[0, 1]),
        estimator().partial_fit(X, y, classes=[0, 1]),
    )
    states = {digest(known.predict_proba(X))}
    for _ in range(EPOCHS):
        known.partial_fit(X, y)
        states.add(digest(known.predict_proba(X)))
    seen = []
    run = threading.Thread(target=lambda: [model.partial_fit(X, y) for _ in range(EPOCHS)])
    run.start()
    while run.is_alive():
        seen.append(digest(model.predict_proba(X)))
    run.join()
    assert set(seen) <= states


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
@pytest.mark.parametrize("how", ["fit", "fit with callbacks", "fit_batches"])
def test_a_child_forked_while_another_thread_trains_has_a_whole_model_that_trains(how, tmp_path):
    known = make_model()
    states = {digest(known.flat_parameters)}
    train(known, how, tmp_path, lambda record: states.add(digest(known.flat_parameters)) and None)
    X, y = examples()
    forks = 0
    while forks < 10:
        model = make_model()
        run = threading.Thread(target=train, args=(model, how, tmp_path))
        run.start()
        while run.is_alive() and forks < 10:
            forks += 1
            if (child := os.fork()) == 0:
                status = 1
                gc.freeze()  # what other libraries hold, such as threads, is not to be destroyed in a fork
                try:
                    if digest(model.flat_parameters) in states and digest(model.snapshot()[0]) in states:
                        model.fit(X, y, epochs=1)
                        model.predict(X)
                        status = 0
                finally:
                    os._exit(status)
            for _ in range(1000):  # ten seconds
                done, status = os.waitpid(child, os.WNOHANG)
                if done:
                    break
                time.sleep(0.01)
            else:
                os.kill(child, 9)
                os.waitpid(child, 0)
                status = "hangs"
            assert status == 0
        run.join()
