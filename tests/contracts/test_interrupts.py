"""An exception between any two instructions of a call leaves a model that can be used and trained.

A tracer counts the instructions of a call, in every Python function that it runs, and then raises
KeyboardInterrupt at the k-th, for many k. DEEPCORE_INTERRUPTS sets the number of interrupts.
"""

import gc
import io
import os
import pickle
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import deepcore as dc
from deepcore._network.network import Network
from deepcore.callbacks import listening
from tracing import traced

INTERRUPTS = int(os.environ.get("DEEPCORE_INTERRUPTS", "600"))
X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
Y = np.arange(12) % 2
OPTIONS = {"batch_size": None, "shuffle": False, "threads": 1}


def small_model():
    model = dc.mlp([3, 4, 1], seed=1)
    model.partial_fit(X, Y, "sgd", **OPTIONS)  # loads what is loaded on first use
    return model


def fit(model, path):
    model.fit(X, Y, "adam", epochs=1, **OPTIONS)


def fit_with_callbacks(model, path):
    stop = dc.EarlyStopping("val_loss", patience=1)
    model.fit(X, Y, "adam", epochs=1, validation_data=(X, Y), callbacks=[stop], **OPTIONS)


def partial_fit(model, path):
    model.partial_fit(X, Y, "adam", **OPTIONS)


def fit_batches(model, path):
    model.fit_batches([(X, Y)], "adam", threads=1)


def fit_stream(model, path):
    model.fit(dc.stream((X, Y), 12, shuffle=False), optimizer="adam", epochs=1, threads=1)


def step(model, path):
    model.step_of_test.step(model.gradients(X, Y, threads=1)[1])


def predict(model, path):
    model.predict(X, threads=1)


def evaluate(model, path):
    model.evaluate(X, Y, threads=1)


def save(model, path):
    model.save(path)


def load(model, path):
    dc.load(path)


def copy(model, path):
    pickle.loads(pickle.dumps(model.copy()))


TRAINING = (fit, fit_with_callbacks, partial_fit, fit_batches, fit_stream, step)
ACTIONS = (*TRAINING, predict, evaluate, save, load, copy)


def what_is_open():
    """Return the threads and the number of open files, of which earlier tests may have left some."""
    gc.collect()
    folder = Path("/proc/self/fd")
    return set(threading.enumerate()), len(list(folder.iterdir())) if folder.is_dir() else 0


class Bench:
    """A model, a file, and what must hold after every interrupt."""

    def __init__(self, action, folder):
        self.action, self.folder, self.path = action, folder, folder / "model"
        self.model = small_model()
        self.model.step_of_test = dc.SGD().bind(self.model)
        self.start = self.model.snapshot()
        self.model.save(self.path)
        action(self.model, self.path)
        self.after = self.model.flat_parameters.tobytes()
        self.prepare()
        self.saved = {self.path.read_bytes()}
        self.length = traced(lambda: action(self.model, self.path), at=10**9)[0].count
        self.prepare()

    def prepare(self):
        self.model.restore(self.start)
        self.model.epochs_trained = 0
        self.model.forget_optimizer()

    def interrupt(self, at):
        """Interrupt the action at an instruction, and check the model and the folder."""
        self.prepare()
        tracer, ended = traced(lambda: self.action(self.model, self.path), at)
        where = f"{self.action.__name__} interrupted at {at}: {tracer.place}"
        assert not ended or tracer.place is not None or tracer.count <= at, where
        numbers = self.model.flat_parameters.tobytes()
        assert numbers in (self.start.parameters.tobytes(), self.after), where
        if self.action not in TRAINING:
            assert numbers == self.start.parameters.tobytes(), where
        if self.action is save:
            assert [entry.name for entry in self.folder.iterdir()] == ["model"], where
            assert dc.load(self.path).flat_parameters.tobytes() == self.start.parameters.tobytes(), where
        try:
            history = self.model.fit(X, Y, "sgd", epochs=1, **OPTIONS)
        except RuntimeError as error:
            raise AssertionError(where) from error
        assert history.epochs == 1, where
        assert self.model.predict(X).shape == (12, 1), where


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
def test_an_interrupt_at_any_instruction_leaves_a_model_that_trains(action, tmp_path):
    bench = Bench(action, tmp_path)
    wanted = max(1, INTERRUPTS // len(ACTIONS))
    rounds, rest = divmod(wanted, bench.length)
    places = list(range(bench.length)) * rounds + sorted(
        np.random.default_rng(0).choice(bench.length, rest, replace=False).tolist()
    )
    threads, files = what_is_open()
    for at in places:
        bench.interrupt(at)
    threads_after, files_after = what_is_open()
    assert threads_after <= threads
    assert files_after <= files


def test_what_an_interrupt_has_kept_from_its_end_does_not_end_when_it_is_collected():
    # or the best parameters of an interrupted run would be put back in the middle of a later one
    heard = []

    class Listener:
        def on_end(self, model):
            heard.append(model)

    run = listening([Listener()], small_model())
    run.__enter__()
    del run
    gc.collect()
    assert heard == []


def test_an_interrupted_training_is_seen_by_other_threads():
    model = small_model()
    bench_length = traced(lambda: fit(model, None), at=10**9)[0].count
    for at in range(0, bench_length, max(1, bench_length // 40)):
        traced(lambda: fit(model, None), at)
        seen = []
        other = threading.Thread(target=lambda seen=seen: seen.append(model.flat_parameters.tobytes()))
        other.start()
        other.join()
        assert seen == [model.flat_parameters.tobytes()]


def test_of_two_threads_that_follow_an_interrupted_one_only_one_owns_the_network(monkeypatch):
    # the second thread comes while the first one finds out that the interrupted call no longer runs
    network = Network(dc.mlp([3, 4, 1]).spec)
    owners, others, tried, leave = [], [], threading.Event(), threading.Event()
    frames = sys._current_frames

    def interrupted():
        network.exclusive("fit").__enter__()

    def other():
        try:
            with network.exclusive("fit"):
                owners.append("other")
                tried.set()
                leave.wait()
        except RuntimeError:
            tried.set()

    def interleaved():
        if not others:
            others.append(threading.Thread(target=other))
            others[0].start()
            tried.wait()
        return frames()

    interrupted()
    monkeypatch.setattr(sys, "_current_frames", interleaved)
    try:
        with network.exclusive("step"):
            owners.append("first")
    except RuntimeError:
        pass
    finally:
        leave.set()
        others[0].join()
    assert len(owners) == 1


def test_a_function_that_waits_in_its_with_block_owns_the_network():
    # the test of the test: what makes interrupts harmless must not make a second training possible
    network = Network(dc.mlp([3, 4, 1]).spec)

    def nested():
        with network.exclusive("fit"):
            refused = pytest.raises(RuntimeError, match="partial_fit: this model is already being trained")
            with refused, network.exclusive("partial_fit"):
                pass
            with network.held("restore"):
                return io.StringIO()

    nested()
    with network.exclusive("fit"):
        pass
