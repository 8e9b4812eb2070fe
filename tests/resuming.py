"""Trainings that are stopped and called again, and what they must end with."""

import numpy as np

import deepcore as dc

M, BATCH = 41, 16


def problem(m=M):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(m, 3))
    return X.astype(np.float32), (X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 2] > 1)


def network(**options):
    return dc.mlp([3, 6, 5, 3], **{"seed": 4, **options})


class StopAtOnce:
    """Asks for the end when a run starts, so that every call makes one step."""

    def __init__(self, checkpoint):
        self.checkpoint = checkpoint

    def on_start(self, model):
        self.checkpoint.stop()

    def __call__(self, record):
        pass


class Killed(Exception):
    """Stands for a signal."""


def killed_in(epoch):
    """A callback that ends the run in an epoch."""

    def kill(record):
        if record.epoch == epoch:
            raise Killed

    return kill


def train(optimizer=None, callbacks=(), make=network, **options):
    """One call: the model, its optimizer and its history."""
    X, y = problem()
    model = make()
    settings = {"epochs": 3, "batch_size": BATCH, "validation_data": problem(20), **options}
    steps = settings["epochs"] * -(-M // BATCH)
    state = (dc.Adam(0.01) if optimizer is None else optimizer).bind(model, steps=steps)
    return model, state, model.fit(X, y, state, callbacks=list(callbacks), **settings)


def check_same(one, two):
    (model, state, history), (model_2, state_2, history_2) = one, two
    assert dict(history_2) == dict(history)
    assert np.array_equal(model_2.flat_parameters, model.flat_parameters)
    assert np.array_equal(model_2.running.flat, model.running.flat)
    assert (state_2.steps, state_2.learning_rate) == (state.steps, state.learning_rate)
    slots, slots_2 = state.slots, state_2.slots
    assert slots.keys() == slots_2.keys()
    assert all(np.array_equal(slots[name], slots_2[name]) for name in slots)
    assert model_2.epochs_trained == model.epochs_trained


def stopped_after_every_batch(path, one_call):
    """Call again and again until the training is finished; return what the last call did."""
    for calls in range(1, 100):
        checkpoint = dc.Checkpoint(path)
        done = one_call([checkpoint, StopAtOnce(checkpoint)])
        if checkpoint.finished:
            assert calls > 3
            return done
    raise AssertionError("it is never finished")


def unlike():
    """Validation data that the training makes worse and worse."""
    X, y = problem(20)
    return X, (y + 1) % 3


def stopping(**options):
    return dc.EarlyStopping("val_loss", **{"patience": 2, **options})


def plateau():
    return dc.ReduceOnPlateau("loss", factor=0.5, patience=0, threshold=0.05, cooldown=1)


def batch_list():
    X, y = problem()
    return [(X[i : i + 8], y[i : i + 8], np.full(len(X[i : i + 8]), 1 + i)) for i in range(0, M, 8)]
