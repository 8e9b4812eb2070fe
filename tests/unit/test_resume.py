"""A training that is stopped anywhere and called again ends with the bits of one that never stopped."""

import time

import numpy as np
import pytest

import deepcore as dc
from resuming import (
    BATCH,
    Killed,
    M,
    batch_list,
    check_same,
    killed_in,
    network,
    plateau,
    problem,
    stopped_after_every_batch,
    stopping,
    train,
    unlike,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.safetensors"


# The bits.


@pytest.mark.parametrize(
    "rule", [dc.SGD, dc.RMSProp, dc.Adagrad, dc.Adam, dc.AdamW, dc.NAdam, dc.AMSGrad, dc.Lion]
)
def test_every_optimizer_goes_on_after_every_batch(path, rule):
    options = {"momentum": 0.9, "nesterov": True} if rule is dc.SGD else {}
    optimizer = rule(dc.Warmup(dc.Cosine(0.01), steps=2), weight_decay=0.01, clip_norm=1.0, **options)
    done = stopped_after_every_batch(path, lambda callbacks: train(optimizer, callbacks))
    check_same(train(optimizer), done)


SETTINGS = {
    "no shuffling": {"shuffle": False},
    "all examples in one step": {"batch_size": None, "epochs": 5},
    "dropout": {"make": lambda: network(dropout=0.3), "dropout_schedule": dc.FlatCosine(1.0)},
    "batch norm": {"make": lambda: network(norm="batch")},
    "float64 and layer norm": {"make": lambda: network(norm="layer", dtype="float64")},
    "a function as rate": {"optimizer": dc.Adam(lambda step: 0.01 / (1 + step))},
    "a function as weight decay": {"optimizer": dc.AdamW(0.01, weight_decay=lambda step: 0.1 / (1 + step))},
    "weights and metrics": {"sample_weight": np.arange(M) % 3, "metrics": ["accuracy", "f1"]},
    "a part held out": {"validation_data": None, "validation_split": 0.25},
    "one thread": {"threads": 1},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_goes_on_after_every_batch(path, name):
    options = SETTINGS[name]
    done = stopped_after_every_batch(path, lambda callbacks: train(callbacks=callbacks, **options))
    check_same(train(**options), done)


CALLBACKS = {
    "early stopping": lambda: [stopping()],
    "early stopping that keeps the last model": lambda: [stopping(restore_best=False)],
    "a plateau": lambda: [plateau()],
    "both": lambda: [plateau(), stopping(patience=3)],
    "a time limit": lambda: [dc.MaxSeconds(1000)],
}


@pytest.mark.parametrize("name", CALLBACKS)
def test_callbacks_go_on_after_every_batch(path, name):
    options = {"optimizer": dc.Adam(0.05), "epochs": 6, "validation_data": unlike()}
    done = stopped_after_every_batch(path, lambda own: train(callbacks=[*CALLBACKS[name](), *own], **options))
    whole = train(callbacks=CALLBACKS[name](), **options)
    check_same(whole, done)


def test_early_stopping_knows_its_best_epoch_after_a_kill(path):
    options = {"validation_data": unlike(), "epochs": 12}
    whole, again = stopping(), stopping()
    history = train(callbacks=[whole], **options)[2]
    assert 2 < history.epochs < 12  # the run is ended by patience
    with pytest.raises(Killed):
        train(callbacks=[stopping(), dc.Checkpoint(path), killed_in(history.epochs - 1)], **options)
    train(callbacks=[again, dc.Checkpoint(path)], **options)
    assert (again.best, again.best_epoch) == (whole.best, whole.best_epoch)


@pytest.mark.parametrize("epoch", range(4))
def test_a_run_that_an_exception_ended_goes_on_from_the_last_epoch(path, epoch):
    with pytest.raises(Killed):
        train(callbacks=[dc.Checkpoint(path), killed_in(epoch)], epochs=4)
    checkpoint, seen = dc.Checkpoint(path), []
    done = train(callbacks=[checkpoint, lambda record: seen.append(record.epoch)], epochs=4)
    assert (checkpoint.resumed, seen) == (epoch > 0, list(range(epoch, 4)))
    check_same(train(epochs=4), done)


def test_every_epochs_says_which_epochs_are_saved(path):
    with pytest.raises(Killed):
        train(callbacks=[dc.Checkpoint(path, every_epochs=3), killed_in(5)], epochs=7)
    seen = []
    done = train(callbacks=[dc.Checkpoint(path), lambda record: seen.append(record.epoch)], epochs=7)
    assert seen == [3, 4, 5, 6]
    check_same(train(epochs=7), done)


def test_every_seconds_saves_within_an_epoch(path):
    class Kill:
        def on_poll(self):
            time.sleep(0.06)  # longer than the time between two polls: each of the next batches polls again
            if path.exists():
                raise Killed

        def __call__(self, record):
            raise AssertionError("the epoch did not end")

    def call(callbacks):
        model = dc.mlp([3, 512, 3], seed=1)
        X, y = problem(20000)
        return model, model.fit(X, y, epochs=1, batch_size=8, callbacks=callbacks)

    with pytest.raises(Killed):
        call([dc.Checkpoint(path, every_epochs=None, every_seconds=1e-6), Kill()])
    model, history = call([checkpoint := dc.Checkpoint(path)])
    twin, whole = call([])
    assert checkpoint.resumed
    assert np.array_equal(model.flat_parameters, twin.flat_parameters)
    assert history == whole


def test_ctrl_c_leaves_the_state_of_the_last_batch(path):
    class Interrupt:
        def on_poll(self):
            raise KeyboardInterrupt

        def __call__(self, record):
            pass

    with pytest.raises(KeyboardInterrupt):
        train(callbacks=[dc.Checkpoint(path, every_epochs=2), Interrupt()])
    check_same(train(), train(callbacks=[dc.Checkpoint(path)]))


# Batches, mapped arrays, sparse matrices.


@pytest.mark.parametrize("kind", ["list", "function", "with empty weights"])
def test_fit_batches_goes_on_after_every_batch(path, kind):
    def call(callbacks):
        model = network()
        state = dc.Adam(0.01).bind(model)
        batches = batch_list()
        if kind == "with empty weights":
            batches[1] = (*batches[1][:2], np.array([1.0] + [0] * 7))
            batches.insert(2, (batches[0][0][:3], batches[0][1][:3], [1, 1, 1]))
        given = (lambda: iter(batches)) if kind == "function" else batches
        history = model.fit_batches(given, state, epochs=2, callbacks=callbacks)
        return model, state, history

    check_same(call([]), stopped_after_every_batch(path, call))


def test_a_mapped_array_of_another_dtype_goes_on_after_every_batch(path, tmp_path, monkeypatch):
    from deepcore._network import examples

    monkeypatch.setattr(examples, "SLAB_BYTES", 2 * 8 * 3 * 4)  # two batches: three slabs per epoch
    X, y = problem()
    np.save(tmp_path / "X.npy", X.astype(np.float64))

    def call(callbacks):
        model = network()
        state = dc.Adam(0.01).bind(model)
        mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
        return model, state, model.fit(mapped, y, state, epochs=3, batch_size=8, callbacks=callbacks)

    check_same(call([]), stopped_after_every_batch(path, call))


def test_a_sparse_matrix_goes_on_after_every_batch(path):
    sparse = pytest.importorskip("scipy.sparse")
    X, y = problem()

    def call(callbacks):
        model = network()
        state = dc.Adam(0.01).bind(model)
        rows = sparse.csr_matrix(np.where(X > 0, X, 0))
        return model, state, model.fit(rows, y, state, epochs=2, batch_size=BATCH, callbacks=callbacks)

    check_same(call([]), stopped_after_every_batch(path, call))


# Callbacks of users.


class Noise:
    """Adds noise of its own generator to b1 after every epoch, and remembers things of every kind."""

    def __init__(self):
        self.generator = np.random.default_rng(3)
        self.seen = {"names": [], "sum": np.zeros((2, 3)), "flags": np.zeros(2, bool), "worst": -np.inf}

    def __call__(self, record):
        b = record.model.parameters["b1"]
        b[...] += self.generator.normal(size=b.shape) / 100
        self.seen["names"].append(f"epoch {record.epoch}")
        self.seen["sum"] += record["loss"]
        self.seen["flags"][record.epoch % 2] = True
        self.seen["worst"] = max(self.seen["worst"], np.float64(record["loss"]))

    def state(self):
        return {"seen": self.seen, "generator": self.generator.bit_generator.state}

    def set_state(self, state):
        self.seen = state["seen"]
        self.generator.bit_generator.state = state["generator"]


def test_a_callback_of_the_user_takes_part(path):
    whole, parts = Noise(), []

    def call(callbacks):
        parts.append(Noise())
        return train(callbacks=[parts[-1], *callbacks])

    check_same(train(callbacks=[whole]), stopped_after_every_batch(path, call))
    last = parts[-1].seen
    assert (last["names"], last["worst"]) == (whole.seen["names"], whole.seen["worst"])
    assert np.array_equal(last["sum"], whole.seen["sum"])
    assert last["flags"].dtype == bool


@pytest.mark.parametrize(
    "state", [{"a": {1, 2}}, {"a": object()}, {1: 2}, {"$a": 1}, {"a": np.array("text")}]
)
def test_a_state_that_cannot_be_saved_is_refused_before_the_first_step(path, state):
    class Odd:
        def __call__(self, record):
            raise AssertionError("no epoch")

        def state(self):
            return state

        def set_state(self, state):
            pass

    with pytest.raises(TypeError, match="Checkpoint: "):
        train(callbacks=[Odd(), dc.Checkpoint(path)])


# A finished training.


def test_a_finished_training_returns_at_once_with_its_result(path):
    options = {"validation_data": unlike(), "epochs": 12}
    whole = train(callbacks=[stopping(), dc.Checkpoint(path)], **options)
    before = path.read_bytes()
    checkpoint, again = dc.Checkpoint(path), stopping()

    def never(record):
        raise AssertionError("no epoch")

    done = train(callbacks=[again, checkpoint, never], **options)
    assert (checkpoint.resumed, checkpoint.finished) == (True, True)
    check_same(whole, done)
    assert again.best == min(done[2]["val_loss"])
    assert path.read_bytes() == before


def test_a_finished_training_goes_on_for_more_epochs(path):
    train(callbacks=[dc.Checkpoint(path), stopping(patience=20)], epochs=2)
    seen = []
    watch = [dc.Checkpoint(path), stopping(patience=20), lambda record: seen.append(record.epoch)]
    done = train(callbacks=watch, epochs=5)
    assert seen == [2, 3, 4]
    check_same(train(callbacks=[stopping(patience=20)], epochs=5), done)


def test_a_training_that_a_callback_ended_does_not_go_on_for_more_epochs(path):
    train(callbacks=[dc.Checkpoint(path), lambda record: True], epochs=2)
    _, _, history = train(callbacks=[dc.Checkpoint(path), lambda record: True], epochs=5)
    assert history.epochs == 1


def test_a_training_that_diverged_says_so_again(path):
    for _ in range(2):
        with pytest.warns(dc.DivergenceWarning):
            _, _, history = train(dc.SGD(1e30), [checkpoint := dc.Checkpoint(path)], epochs=50)
        assert checkpoint.finished
        assert history.diverged_at_step is not None
        assert history.diverged_at_layer is not None


# The same cell again: the model of an interrupted run.


def test_the_same_call_with_the_model_that_was_interrupted_goes_on(path):
    X, y = problem()
    options = {"epochs": 5, "batch_size": BATCH, "validation_data": problem(20)}
    model = network()
    with pytest.raises(Killed):
        model.fit(X, y, callbacks=[stopping(patience=9), dc.Checkpoint(path), killed_in(3)], **options)
    history = model.fit(X, y, callbacks=[stopping(patience=9), dc.Checkpoint(path)], **options)
    twin = network()
    assert history == twin.fit(X, y, callbacks=[stopping(patience=9)], **options)
    assert np.array_equal(model.flat_parameters, twin.flat_parameters)


def test_a_run_that_a_callback_ended_trains_no_further_after_a_kill_at_that_moment(path):
    class Dies:
        def __call__(self, record):
            pass

        def on_end(self, model):
            raise Killed

    def stop():
        return dc.EarlyStopping("val_loss", patience=1, restore_best=False)

    options = {"epochs": 9, "validation_data": unlike()}
    whole = train(callbacks=[stop()], **options)
    assert whole[2].epochs < 9
    with pytest.raises(Killed):
        train(callbacks=[stop(), dc.Checkpoint(path), Dies()], **options)
    for _ in range(2):
        checkpoint = dc.Checkpoint(path)
        check_same(whole, train(callbacks=[stop(), checkpoint], **options))
        assert checkpoint.finished
