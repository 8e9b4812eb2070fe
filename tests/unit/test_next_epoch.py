"""Callbacks that say when they must be called next: ``fit`` leaves out the calls in between."""

import os
import signal
import sys
import threading
import warnings

import numpy as np
import pytest

import deepcore as dc


class Sparing:
    """Notes the epochs after which it is called, and must be called after every ``step``-th one."""

    def __init__(self, step=4):
        self.step, self.seen, self.losses, self.history = step, [], [], None

    def on_run(self, start):
        self.history = start.history

    def __call__(self, record):
        self.seen.append(record.epoch)
        self.losses.append(record["loss"])
        assert self.history is None or self.history.epochs == record.epoch + 1

    def next_epoch(self, epoch):
        return epoch + self.step


def problem():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    return X, (X[:, 0] > 0).astype(int)


def trained(*callbacks, epochs=10, optimizer=None, **settings):
    model = dc.mlp([5, 8, 1], seed=1)
    optimizer = dc.Adam(0.01) if optimizer is None else optimizer
    history = model.fit(*problem(), optimizer, epochs=epochs, batch_size=16, callbacks=callbacks, **settings)
    return model, history


def test_calls_before_the_epoch_that_is_named_are_left_out():
    callback = Sparing()
    _, history = trained(callback)
    assert callback.seen == [0, 4, 8, 9]
    assert callback.losses == [history["loss"][epoch] for epoch in callback.seen]


@pytest.mark.parametrize("step", [1, 3, 10**12])
def test_history_and_parameters_are_those_of_a_training_without_it(step):
    plain, expected = trained()
    callback = Sparing(step)
    model, history = trained(callback)
    assert history == expected
    assert np.array_equal(model.flat_parameters, plain.flat_parameters)
    assert model.epochs_trained == plain.epochs_trained
    assert callback.seen[0] == 0
    assert callback.seen[-1] == 9


def test_the_callback_sees_the_parameters_of_its_epoch():
    seen, sparing = {}, {}

    class Looking(Sparing):
        def __call__(self, record):
            sparing[record.epoch] = record.model.flat_parameters.copy()

    trained(lambda record: seen.update({record.epoch: record.model.flat_parameters.copy()}))
    trained(Looking())
    assert list(sparing) == [0, 4, 8, 9]
    assert all(np.array_equal(sparing[epoch], seen[epoch]) for epoch in sparing)


def test_what_it_writes_into_the_parameters_takes_effect():
    def write(record):
        if record.epoch == 4:
            record.model.parameters["W1"][:] = 0.5

    class Writing(Sparing):
        def __call__(self, record):
            write(record)

    expected, sparing = trained(write)[0], trained(Writing())[0]
    assert np.array_equal(sparing.flat_parameters, expected.flat_parameters)


def test_the_earliest_of_several_callbacks_counts():
    first, second = Sparing(4), Sparing(6)
    trained(first, second, epochs=15)
    assert first.seen == second.seen == [0, 4, 8, 12, 14]


def test_a_callback_without_next_epoch_hears_of_every_epoch():
    seen = []
    trained(Sparing(), lambda record: seen.append(record.epoch))
    assert seen == list(range(10))


def test_a_callback_that_returns_true_ends_the_training():
    class Ending(Sparing):
        def __call__(self, record):
            return record.epoch >= 4

    assert trained(Ending())[1].epochs == 5


@pytest.mark.parametrize(
    "settings",
    [
        {"metrics": ["accuracy"]},
        {"validation_data": problem()},
        {"validation_split": 0.2},
        {"optimizer": dc.LBFGS(max_iter=10)},
    ],
)
def test_every_epoch_is_called_where_something_else_needs_it(settings):
    pytest.importorskip("scipy", reason="SciPy is not installed (extra `scipy`)")
    callback = Sparing()
    _, history = trained(callback, **settings)
    assert callback.seen == list(range(history.epochs))


def test_a_callback_that_is_asked_within_epochs_hears_of_every_epoch():
    class Asked(Sparing):
        def on_poll(self):
            return False

    callback = Asked()
    trained(callback)
    assert callback.seen == list(range(10))


def test_batches_streams_and_several_networks_call_after_every_epoch():
    X, y = problem()
    batches, stream, many = Sparing(), Sparing(), Sparing()
    many.history = batches.history = stream.history = None
    dc.mlp([5, 3, 1]).fit_batches([(X, y)], epochs=5, callbacks=[batches])
    dc.mlp([5, 3, 1]).fit(dc.stream((X.astype(np.float32), y), 16), epochs=5, callbacks=[stream])
    dc.fit_many([dc.mlp([5, 3, 1])], X, y, dc.SGD(0.1), epochs=5, callbacks=[[many]])
    assert batches.seen == stream.seen == many.seen == list(range(5))


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (None, TypeError, "fit: next_epoch of Answering must be a whole number, got None"),
        (True, TypeError, "fit: next_epoch of Answering must be a whole number, got True"),
        (2.5, TypeError, "fit: next_epoch of Answering must be a whole number, got 2.5"),
        (0, ValueError, "fit: next_epoch of Answering must be at least 1, got 0"),
    ],
)
def test_an_answer_that_is_no_later_epoch_is_refused(answer, error, message):
    class Answering(Sparing):
        def next_epoch(self, epoch):
            return answer

    with pytest.raises(error, match=message):
        trained(Answering())


def test_a_divergence_is_reported_as_without_it():
    def diverged(*callbacks):
        model = dc.Model(5, [dc.Dense(1, "linear")], loss="squared_error", seed=1)
        X, y = problem()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            history = model.fit(X, y, dc.SGD(1.0), epochs=500, batch_size=16, callbacks=callbacks)
        return history, [str(one.message) for one in caught], model.flat_parameters

    expected, messages, parameters = diverged()
    callback = Sparing(10**6)
    history, told, others = diverged(callback)
    assert expected.diverged_at_step is not None
    assert expected.epochs > 2
    assert callback.seen == [0]
    assert (history, told) == (expected, messages)
    assert history.diverged_at_step == expected.diverged_at_step
    assert history.diverged_at_layer == expected.diverged_at_layer
    assert np.array_equal(others, parameters)


def test_an_exception_of_a_later_call_leaves_the_whole_history():
    class Failing(Sparing):
        def __call__(self, record):
            if record.epoch == 8:
                raise OSError("the disk is full")

    callback = Failing()
    with pytest.raises(OSError, match="the disk is full"):
        trained(callback)
    assert callback.history["loss"] == trained()[1]["loss"][:9]


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to this process")
def test_an_interrupt_between_two_calls_ends_the_training_with_the_whole_history():
    class Listening(Sparing):
        def __call__(self, record):
            super().__call__(record)
            self.steps = record.optimizer
            threading.Thread(target=self.interrupt).start()

        def interrupt(self):
            while self.steps.steps < 400:  # a hundred epochs later, in the native loop
                pass
            os.kill(os.getpid(), signal.SIGINT)

        def on_end(self, model):
            self.ended = self.history.epochs

    callback = Listening(10**9)
    model = dc.mlp([5, 8, 1], seed=1)
    state = dc.Adam(0.01).bind(model)
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            model.fit(*problem(), state, epochs=10**9, batch_size=16, callbacks=[callback])
    finally:
        signal.signal(signal.SIGINT, old)
    assert callback.seen == [0]
    assert callback.ended == callback.history.epochs == state.steps // 4 >= 100
    assert model.epochs_trained == -(-state.steps // 4)
    again, history = trained(epochs=callback.ended)
    assert callback.history == history
    if state.steps % 4 == 0:
        assert np.array_equal(model.flat_parameters, again.flat_parameters)


def test_other_threads_see_epochs_between_the_calls():
    model = dc.mlp([5, 8, 1], seed=1)
    seen, over = set(), threading.Event()

    class Waiting(Sparing):
        def __call__(self, record):
            if record.epoch == 0:
                threading.Thread(target=self.look).start()
            return over.is_set()

        def next_epoch(self, epoch):
            return epoch + 1000

        def look(self):
            while len(seen) < 5:
                seen.add((model.flat_parameters.tobytes(), model.epochs_trained))
            over.set()

    model.fit(*problem(), dc.Adam(0.01), epochs=10**7, batch_size=16, callbacks=[Waiting()])
    assert any((epochs - 1) % 1000 for _, epochs in seen)
    # the parameters were read before the number, any number of epochs earlier
    last, known = max(epochs for _, epochs in seen), set()
    trained(lambda record: known.add(record.model.flat_parameters.tobytes()), epochs=last)
    assert {numbers for numbers, _ in seen} <= known


def test_a_training_with_a_checkpoint_goes_on_with_the_same_bits(tmp_path):
    def fail(record):
        if record.epoch == 5:
            raise OSError("the power failed")

    path = tmp_path / "run.safetensors"
    with pytest.raises(OSError, match="the power failed"):
        trained(dc.Checkpoint(path), Sparing(), fail)
    callback, checkpoint = Sparing(), dc.Checkpoint(path)
    model, history = trained(checkpoint, callback)
    plain, expected = trained()
    assert checkpoint.resumed
    assert history == expected
    assert np.array_equal(model.flat_parameters, plain.flat_parameters)


def test_a_doctor_alone_is_called_after_the_first_and_the_last_epoch():
    class Counting(dc.Doctor):
        calls = 0

        def __call__(self, record):
            self.calls += 1
            return super().__call__(record)

    doctor = Counting()
    _, history = trained(doctor)
    assert doctor.calls == 2
    assert history.epochs == 10
