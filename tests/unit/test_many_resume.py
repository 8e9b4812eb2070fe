"""fit_many with a checkpoint: a call that is stopped goes on, and each network ends with the same bits."""

import gc
import signal
import threading
import weakref

import numpy as np
import pytest

import deepcore as dc
from resuming import Killed, killed_in

M, K = 120, 3


def examples():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(M, 6)).astype(np.float32)
    return X, (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int)


def parts():
    """Training and validation rows of each network."""
    found = np.array_split(np.random.default_rng(1).permutation(M), K)
    return [np.concatenate([part for j, part in enumerate(found) if j != i]) for i in range(K)], found


def networks(count=K, **options):
    return [dc.mlp([6, 8 + i, 1], seed=i, **options) for i in range(count)]


def train(path=None, callbacks=None, make=networks, checkpoint=None, **options):
    """One call: its models, their optimizers and histories."""
    X, y = examples()
    models = make()
    rows, held = parts()
    chosen = options.pop("optimizers", dc.Adam(0.01))
    chosen = chosen if isinstance(chosen, list) else [chosen] * len(models)
    epochs = options.pop("epochs", 4)
    lengths = epochs if isinstance(epochs, list) else [epochs] * len(models)
    steps = [length * -(-len(part) // 16) for length, part in zip(lengths, rows, strict=False)]
    states = [one.bind(model, steps=n) for one, model, n in zip(chosen, models, steps, strict=False)]
    if checkpoint is None and path is not None:
        checkpoint = dc.Checkpoint(path)
    settings = {"rows": rows, "validation_rows": held, "batch_size": 16, **options}
    histories = dc.fit_many(
        models, X, y, states, epochs=epochs, callbacks=callbacks, checkpoint=checkpoint, **settings
    )
    return models, states, histories


def check_same(one, two):
    for model, other in zip(one[0], two[0], strict=True):
        assert np.array_equal(model.flat_parameters, other.flat_parameters)
        assert np.array_equal(model.running.flat, other.running.flat)
        assert model.epochs_trained == other.epochs_trained
    for state, other in zip(one[1], two[1], strict=True):
        assert (state.steps, state.learning_rate) == (other.steps, other.learning_rate)
        assert all(np.array_equal(state.slots[name], other.slots[name]) for name in state.slots)
    for history, other in zip(one[2], two[2], strict=True):
        assert dict(history) == dict(other)
        assert history.diverged_at_step == other.diverged_at_step


def killed(number, epoch):
    """Callbacks that end the call in an epoch of a network."""
    return [[killed_in(epoch)] if k == number else [] for k in range(K)]


def plateaus(extra=None):
    """Callbacks with a state, and others."""
    mine = [[dc.ReduceOnPlateau("loss", factor=0.5, patience=0, threshold=0.05)] for _ in range(K)]
    return mine if extra is None else [[*a, *b] for a, b in zip(mine, extra, strict=True)]


CASES = {
    "plain": {},
    "batch norm and dropout": {
        "make": lambda: networks(norm="batch", dropout=0.2),
        "dropout_schedule": dc.FlatCosine(1.0),
    },
    "schedules": {"optimizers": dc.AdamW(dc.OneCycle(0.01), weight_decay=dc.Cosine(0.1))},
    "lengths": {"epochs": [2, 4, 6], "optimizers": [dc.SGD(0.1, momentum=0.9), dc.Adam(0.01), dc.Lion(1e-3)]},
    "weights": {"class_weight": "balanced", "drop_last": True, "shuffle": False},
    "early stopping": {"early_stopping": dc.EarlyStopping("val_loss", patience=1), "optimizers": dc.SGD(0.7)},
    "a metric": {"early_stopping": dc.EarlyStopping("val_f1", patience=1), "metrics": ["f1"], "epochs": 7},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("threads", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_call_that_ends_anywhere_goes_on_with_the_same_bits(case, threads, tmp_path):
    whole = train(**case)
    for number in range(K):
        for epoch in range(2):
            path = tmp_path / f"{number}-{epoch}.safetensors"
            with pytest.raises(Killed):
                train(path, killed(number, epoch), threads=threads, **case)
            check_same(whole, train(path, threads=threads, **case))
            check_same(whole, train(path, threads=threads, **case))  # it finds finished trainings


def test_callbacks_with_a_state_go_on(tmp_path):
    whole = train(callbacks=plateaus())
    path = tmp_path / "run.safetensors"
    for epoch in range(3):
        with pytest.raises(Killed):
            train(path, plateaus(killed(1, epoch)))
    check_same(whole, train(path, plateaus()))
    assert min(state.rate_scale for state in whole[1]) < 1


def test_a_network_that_is_finished_is_not_trained_again(tmp_path):
    path = tmp_path / "run.safetensors"
    with pytest.raises(Killed):
        train(path, killed(2, 3), threads=1, epochs=[2, 3, 4])
    with pytest.raises(Killed):
        train(path, killed(0, 1), threads=1, epochs=[2, 3, 4])
    seen = [[], [], []]
    callbacks = [[lambda record, k=k: seen[k].append(record.epoch)] for k in range(K)]
    checkpoint = dc.Checkpoint(path)
    found = train(None, callbacks, threads=1, epochs=[2, 3, 4], checkpoint=checkpoint)
    assert seen == [[1], [], [3]]
    assert (checkpoint.resumed, checkpoint.finished) == (True, True)
    check_same(train(epochs=[2, 3, 4]), found)


def test_every_network_has_a_file_with_its_result(tmp_path):
    options = {"early_stopping": dc.EarlyStopping("val_loss", patience=1), "optimizers": dc.SGD(0.7)}
    models, _, histories = train(tmp_path / "run.safetensors", epochs=12, **options)
    names = ["run.safetensors", "run.2.safetensors", "run.3.safetensors"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    assert min(history.epochs for history in histories) < 12
    for name, model in zip(names, models, strict=True):
        loaded = dc.load(tmp_path / name)
        assert np.array_equal(loaded.flat_parameters, model.flat_parameters)


def test_the_list_may_become_longer(tmp_path):
    X, y = examples()
    path = tmp_path / "run.safetensors"
    dc.fit_many(networks(2), X, y, epochs=2, checkpoint=dc.Checkpoint(path))
    trained = []
    longer = networks(3)
    callbacks = [[lambda record, k=k: trained.append(k)] for k in range(3)]
    dc.fit_many(longer, X, y, epochs=2, checkpoint=dc.Checkpoint(path), callbacks=callbacks)
    assert trained == [2, 2]
    alone = networks(3)
    dc.fit_many(alone, X, y, epochs=2)
    for one, two in zip(alone, longer, strict=True):
        assert np.array_equal(one.flat_parameters, two.flat_parameters)


def test_more_epochs_continue_a_finished_call(tmp_path):
    path = tmp_path / "run.safetensors"
    train(path, epochs=2)
    check_same(train(epochs=5), train(path, epochs=5))


def test_a_state_within_an_epoch_is_saved_after_some_seconds(tmp_path):
    path = tmp_path / "run.safetensors"
    every = {"every_epochs": None, "every_seconds": 1e-9}
    checkpoint = dc.Checkpoint(path, **every)
    with pytest.raises(Killed):
        train(callbacks=killed(1, 0), checkpoint=checkpoint, threads=1, epochs=[1, 2, 1])
    assert [file.name for file in tmp_path.iterdir()] == ["run.2.safetensors"]
    assert dc.load(tmp_path / "run.2.safetensors").epochs_trained == 1  # its order was drawn
    checkpoint, steps = dc.Checkpoint(path, **every), []

    class Watch:
        def on_poll(self):
            return False

        def set_state(self, state):
            raise AssertionError("it has no state in the file")

        def __call__(self, record):
            steps.append(record.optimizer.steps)

    found = train(callbacks=[[], [Watch()], []], checkpoint=checkpoint, epochs=[1, 2, 1])
    assert checkpoint.resumed
    assert steps == [5, 10]
    check_same(train(epochs=[1, 2, 1]), found)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an interval timer")
@pytest.mark.parametrize("threads", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_ctrl_c_leaves_the_state_before_the_unfinished_batch(threads, tmp_path):
    epochs, path = 300, tmp_path / "run.safetensors"
    whole = train(epochs=epochs)
    old = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for pause in (0.02, 0.05, 0.11):
            signal.setitimer(signal.ITIMER_REAL, pause)
            try:
                train(path, epochs=epochs, threads=threads)
            except KeyboardInterrupt:
                continue
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, old)
    check_same(whole, train(path, epochs=epochs))


def test_stop_ends_all_networks_and_the_same_call_goes_on(tmp_path):
    checkpoint = dc.Checkpoint(tmp_path / "run.safetensors")

    def stop(record):
        if record.epoch == 1:
            checkpoint.stop()

    _, _, histories = train(callbacks=[[], [stop], []], checkpoint=checkpoint, epochs=[9, 900, 9], threads=1)
    assert [history.epochs for history in histories] == [0, 2, 0]
    assert not checkpoint.finished
    again = dc.Checkpoint(checkpoint.path)
    found = train(checkpoint=again, epochs=[9, 900, 9])
    assert (again.resumed, again.finished) == (True, True)
    check_same(train(epochs=[9, 900, 9]), found)


@pytest.mark.parametrize("save", range(1, 6))
def test_a_stop_during_a_save_within_an_epoch_ends_the_call(save, tmp_path):
    path, every = tmp_path / "run.safetensors", {"every_epochs": None, "every_seconds": 1e-9}
    checkpoint = dc.Checkpoint(path, **every)

    class Watch:
        """Stops the call in one of its saves."""

        saves = 0

        def __call__(self, record):
            pass

        def state(self):
            self.saves += 1
            if self.saves == save:
                checkpoint.stop()
            return {}

        def set_state(self, state):
            pass

    _, _, histories = train(callbacks=[[], [Watch()], []], checkpoint=checkpoint, threads=1)
    assert not checkpoint.finished
    assert histories[1].epochs < 4
    watch, again = Watch(), dc.Checkpoint(path, **every)
    watch.saves = save
    check_same(train(), train(callbacks=[[], [watch], []], checkpoint=again))


def test_a_training_that_diverged_is_finished(tmp_path):
    options = {
        "make": lambda: networks(output="linear"),
        "optimizers": [dc.SGD(0.01), dc.SGD(1e20), dc.SGD(0.01)],
        "epochs": 3,
    }
    found = []
    for _ in range(2):
        with pytest.warns(dc.DivergenceWarning, match="network 1: the loss was no longer finite") as caught:
            found.append(train(tmp_path / "run.safetensors", **options))
        assert [warning.filename for warning in caught] == [__file__]
    check_same(*found)
    assert found[1][2][1].diverged_at_step is not None


def other_X():
    X, y = examples()
    X[3, 2] += 1
    return X, y


def last_is(model):
    return lambda: [*networks(2), model]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"make": last_is(dc.mlp([6, 11, 1], seed=2))}, "network 2: .*3.safetensors.*units is 10"),
        ({"make": last_is(dc.mlp([6, 10, 1], seed=7))}, "network 2: .*seed is 2 in the file and 7"),
        ({"make": lambda: networks()[::-1]}, "network 0: .*units is 8 in the file and 10"),
        ({"optimizers": [dc.Adam(0.01), dc.Adam(0.01), dc.Adam(0.02)]}, "network 2: .*learning_rate is 0.01"),
        ({"rows": parts()[1]}, "network 0: .*rows.shape"),
        ({"rows": [part[::-1] for part in parts()[0]]}, "network 0: .*the values of rows are not those"),
        ({"validation_rows": None}, "network 0: .*validation data"),
        ({"batch_size": [16, 16, 17]}, "network 2: .*batch_size is 16 in the file and 17 in this call"),
        ({"shuffle": False}, "network 0: .*shuffle is True in the file and False in this call"),
        ({"drop_last": True}, "network 0: .*drop_last is False"),
        ({"metrics": ["f1"]}, "network 0: .*metrics"),
        ({"early_stopping": dc.EarlyStopping("loss")}, "network 0: .*callbacks with a state"),
        ({"sample_weight": np.arange(M)}, "network 0: .*weights is None"),
        ({"epochs": [6, 4, 1]}, "network 2: .*epochs is 1 in this call, and the file has begun"),
    ],
)  # fmt: skip
def test_another_call_is_refused_and_nothing_changes(change, message, tmp_path):
    path = tmp_path / "run.safetensors"
    with pytest.raises(Killed):
        train(path, killed(0, 3), threads=1, epochs=[6, 4, 4])  # network 0 has most to do and is the first
    with pytest.raises(Killed):
        train(path, killed(1, 2), threads=1, epochs=[6, 4, 4])
    files = {file: file.read_bytes() for file in tmp_path.iterdir()}
    assert len(files) == 3
    models = change.pop("make", networks)()
    before = [model.flat_parameters.copy() for model in models]
    settings = {"epochs": [6, 4, 4], **change}
    with pytest.raises(ValueError, match=message):
        train(path, make=lambda: models, **settings)
    assert all(np.array_equal(one.flat_parameters, old) for one, old in zip(models, before, strict=True))
    assert [model.epochs_trained for model in models] == [0] * K
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == files


def test_other_values_of_x_are_refused(tmp_path):
    (X, y), (other, _) = examples(), other_X()
    path = tmp_path / "run.safetensors"
    dc.fit_many(networks(), X, y, epochs=1, checkpoint=dc.Checkpoint(path))
    with pytest.raises(ValueError, match=r"network 0: .* the values of X are not those of the file"):
        dc.fit_many(networks(), other, y, epochs=1, checkpoint=dc.Checkpoint(path))


def test_a_file_of_a_single_fit_is_refused(tmp_path):
    X, y = examples()
    path = tmp_path / "run.safetensors"
    networks(1)[0].fit(X, y, epochs=1, callbacks=[dc.Checkpoint(path)])
    with pytest.raises(ValueError, match=r"network 0: .* method is 'fit' in the file"):
        dc.fit_many(networks(1), X, y, epochs=1, checkpoint=dc.Checkpoint(path))


def test_a_checkpoint_among_the_callbacks_is_refused(tmp_path):
    X, y = examples()
    callbacks = [[], [dc.Checkpoint(tmp_path / "run")]]
    with pytest.raises(ValueError, match="network 1: callbacks must hold no Checkpoint here; give it as"):
        dc.fit_many(networks(2), X, y, callbacks=callbacks)


def test_what_is_no_checkpoint_is_refused(tmp_path):
    X, y = examples()
    with pytest.raises(TypeError, match="fit_many: checkpoint must be a Checkpoint or None, got 'run'"):
        dc.fit_many(networks(2), X, y, checkpoint="run")


def test_many_networks_leave_no_thread_behind(tmp_path):
    X, y = examples()
    before = set(threading.enumerate())
    dc.fit_many(networks(12), X, y, epochs=3, checkpoint=dc.Checkpoint(tmp_path / "run"), threads=3)
    assert set(threading.enumerate()) <= before
    assert len(list(tmp_path.iterdir())) == 12


@pytest.mark.parametrize("saved", [False, True])
def test_the_examples_are_released_when_the_call_has_ended(saved, tmp_path):
    X, y = examples()
    gc.disable()
    try:
        dc.fit_many(networks(), X, y, epochs=1, checkpoint=dc.Checkpoint(tmp_path / "run") if saved else None)
        held = weakref.ref(X)
        del X
        assert held() is None
    finally:
        gc.enable()


def test_the_files_of_a_call_share_the_time_of_saving(tmp_path, monkeypatch):
    from deepcore._training import writing
    from deepcore.files import container

    X, y = examples()
    written, write = [], container.write
    monkeypatch.setattr(writing, "_FREE_SECONDS", 0.0)
    monkeypatch.setattr(writing, "_SHARE", 0.0)
    monkeypatch.setattr(container, "write", lambda *arguments: written.append(0) or write(*arguments))
    dc.fit_many(networks(), X, y, epochs=9, checkpoint=dc.Checkpoint(tmp_path / "run"), threads=1)
    assert K <= len(written) <= 1 + K  # the first epoch of all, and the last one of each


def test_a_result_that_could_not_be_written_after_the_last_epoch_is_written_at_the_end(tmp_path, monkeypatch):
    from deepcore.files import container

    X, y = examples()
    calls, write = [], container.write

    def full_at_first(*arguments):
        calls.append(arguments[0])
        if len(calls) == 1:
            raise OSError(28, "No space left on device", arguments[0])
        write(*arguments)

    monkeypatch.setattr(container, "write", full_at_first)
    path = tmp_path / "run"
    (model,) = networks(1)
    with pytest.warns(RuntimeWarning, match=r"could not be written: .* the training goes on"):
        dc.fit_many([model], X, y, epochs=1, checkpoint=dc.Checkpoint(path))
    assert calls == [str(path), str(path)]
    assert np.array_equal(dc.load(path).flat_parameters, model.flat_parameters)


def test_an_exception_within_an_epoch_leaves_the_state_before_the_unfinished_batch(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12000, 64)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)

    class Dies:
        polls = 0

        def on_poll(self):  # is asked every 50 ms; an epoch takes longer
            self.polls += 1
            if self.polls == 2:
                raise Killed

        def __call__(self, record):
            raise AssertionError("the epoch is not to end")

    def fit(callbacks, checkpoint=None):
        model = dc.mlp([64, 300, 300, 1], seed=1)
        state = dc.Adam(1e-3).bind(model)
        dc.fit_many(
            [model],
            X,
            y,
            state,
            epochs=1,
            batch_size=16,
            callbacks=callbacks,
            checkpoint=checkpoint,
            threads=1,
        )
        return model, state

    path = tmp_path / "run"
    with pytest.raises(Killed):
        fit([[Dies()]], dc.Checkpoint(path))
    assert dc.load(path).epochs_trained == 1  # its order was drawn
    checkpoint = dc.Checkpoint(path)
    (whole, _), (found, state) = fit(None), fit(None, checkpoint)
    assert checkpoint.resumed
    assert state.steps == 750
    assert np.array_equal(whole.flat_parameters, found.flat_parameters)
