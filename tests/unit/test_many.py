"""fit_many trains networks side by side, and each one is what its own fit with one thread makes of it."""

import signal
import threading
import time

import numpy as np
import pytest

import deepcore as dc
from deepcore import _core, schedules

M = 300


def examples(m=M, inputs=6, dtype=np.float32):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(m, inputs)).astype(dtype)
    return X, (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int)


def folds(k, m=M):
    parts = np.array_split(np.random.default_rng(1).permutation(m), k)
    return [np.concatenate([part for j, part in enumerate(parts) if j != i]) for i in range(k)], parts


def networks(k, **options):
    return [dc.mlp([6, 8 + i, 1], seed=i, **options) for i in range(k)]


def same(a, b):
    return np.array_equal(a.flat_parameters, b.flat_parameters) and np.array_equal(
        a.running.flat, b.running.flat
    )


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize(
    "options", [{}, {"norm": "batch"}, {"dropout": 0.3}, {"dtype": "float64", "l2": 0.1}]
)
def test_each_network_has_the_bits_of_its_own_fit(threads, options):
    X, y = examples(dtype=options.get("dtype", "float32"))
    alone, together = networks(3, **options), networks(3, **options)
    histories = [model.fit(X, y, epochs=4, batch_size=32, threads=1) for model in alone]
    found = dc.fit_many(together, X, y, epochs=4, batch_size=32, threads=threads)
    assert all(map(same, alone, together))
    assert [dict(history) for history in found] == [dict(history) for history in histories]
    assert [model.epochs_trained for model in together] == [4, 4, 4]


@pytest.mark.parametrize("batch_size", [None, 32])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("sizes", [[6, 8, 1], [6, 40, 20, 1]])
def test_rows_are_those_of_a_copy(batch_size, shuffle, sizes):
    X, y = examples()
    weight = np.random.default_rng(2).uniform(size=M)
    rows, held = folds(4)
    alone, together = ([dc.mlp(sizes, seed=i) for i in range(4)] for _ in range(2))
    options = {"epochs": 5, "batch_size": batch_size, "shuffle": shuffle}
    histories = [
        model.fit(
            X[train], y[train], "adam", sample_weight=weight[train],
            validation_data=(X[test], y[test], weight[test]), threads=1, **options,
        )
        for model, train, test in zip(alone, rows, held, strict=True)
    ]  # fmt: skip
    found = dc.fit_many(
        together, X, y, "adam", rows=rows, validation_rows=held, sample_weight=weight, **options
    )
    assert all(map(same, alone, together))
    assert [dict(history) for history in found] == [dict(history) for history in histories]


def test_networks_of_other_sizes_outputs_and_settings_train_together():
    X, y = examples()
    made = [
        lambda: dc.mlp([6, 30, 1], seed=1),
        lambda: dc.mlp([6, 5, 2], seed=2),
        lambda: dc.mlp([6, 4, 1], output="linear", seed=3),
        lambda: dc.mlp([6, 8, 8, 1], activation="tanh", seed=4),
    ]
    optimizers = [dc.SGD(0.1, momentum=0.9), "adam", dc.Adam(schedules.Cosine(0.01)), dc.AMSGrad()]
    epochs, sizes = [3, 4, 5, 6], [16, None, 50, 300]
    alone, together = ([make() for make in made] for _ in range(2))
    for model, optimizer, n, size in zip(alone, optimizers, epochs, sizes, strict=True):
        model.fit(X, y, optimizer, epochs=n, batch_size=size, threads=1)
    dc.fit_many(together, X, y, optimizers, epochs=epochs, batch_size=sizes)
    assert all(map(same, alone, together))


def test_rows_may_be_booleans_or_one_matrix_and_numbers_an_array():
    X, y = examples()
    rows, _ = folds(3)
    chosen = np.zeros((3, M), bool)
    for mask, part in zip(chosen, rows, strict=True):
        mask[part] = True
    alone, together, again = (networks(3) for _ in range(3))
    sizes = {"epochs": np.array([1, 2, 3])}
    dc.fit_many(alone, X, y, rows=[np.sort(part) for part in rows], **sizes)
    dc.fit_many(together, X, y, rows=list(chosen), **sizes)
    dc.fit_many(again, X, y, rows=np.array([np.sort(part) for part in rows]), epochs=[1, 2, 3])
    assert all(map(same, alone, together))
    assert all(map(same, alone, again))


def test_lists_of_matrices_give_each_network_its_own_data():
    X, y = examples()
    Xs, ys = [X, X * 2], [y, 1 - y]
    alone, together = networks(2), networks(2)
    for model, one, target in zip(alone, Xs, ys, strict=True):
        model.fit(one, target, epochs=2)
    dc.fit_many(together, Xs, ys, epochs=2)
    assert all(map(same, alone, together))


def test_sparse_features_and_rows_that_repeat():
    sparse = pytest.importorskip("scipy.sparse")
    X, y = examples()
    X = sparse.csr_matrix(np.where(X > 0, X, 0))
    rows = [np.random.default_rng(i).integers(M, size=M) for i in range(2)]
    alone, together = networks(2), networks(2)
    options = {"epochs": 3, "batch_size": 32, "validation_data": (X, y)}
    histories = [
        model.fit(X[chosen], y[chosen], **options) for model, chosen in zip(alone, rows, strict=True)
    ]
    found = dc.fit_many(together, X, y, rows=rows, **options)
    assert all(map(same, alone, together))
    assert [dict(history) for history in found] == [dict(history) for history in histories]


@pytest.mark.parametrize("monitor", ["loss", "val_loss", "val_accuracy", "val_f1"])
@pytest.mark.parametrize("restore_best", [True, False])
def test_every_network_stops_early_for_itself(monitor, restore_best):
    X, y = examples()
    rows, held = folds(3)
    rule = {"monitor": monitor, "patience": 2, "restore_best": restore_best}
    alone, together = networks(3), networks(3)
    options = {"epochs": 60, "batch_size": 16, "metrics": ["f1"]}
    histories = [
        model.fit(
            X[train], y[train], dc.Adam(0.03), validation_data=(X[test], y[test]),
            callbacks=[dc.EarlyStopping(**rule)], **options,
        )
        for model, train, test in zip(alone, rows, held, strict=True)
    ]  # fmt: skip
    found = dc.fit_many(
        together, X, y, dc.Adam(0.03), rows=rows, validation_rows=held,
        early_stopping=dc.EarlyStopping(**rule), **options,
    )  # fmt: skip
    assert [history.epochs for history in found] == [history.epochs for history in histories]
    assert all(map(same, alone, together))
    assert [model.epochs_trained for model in alone] == [model.epochs_trained for model in together]


def test_a_last_batch_that_is_smaller_may_be_skipped():
    X, y = examples()
    alone, together = networks(1), networks(1)
    state, other = (dc.Adam(schedules.Cosine(0.01)).bind(models[0], 27) for models in (alone, together))
    for epoch in range(3):
        rows = _core.permutation(0, epoch, M)[: M // 32 * 32]
        for first in range(0, len(rows), 32):
            batch = rows[first : first + 32]
            _, grads = alone[0].gradients(X[batch], y[batch])
            state.step(grads)
    dc.fit_many(together, X, y, [other], epochs=3, batch_size=32, drop_last=True)
    assert other.steps == 27
    assert np.array_equal(alone[0].flat_parameters, together[0].flat_parameters)


def test_class_weights_count_the_rows_of_each_network():
    X, y = examples()
    rows, _ = folds(2)
    alone, together = networks(2), networks(2)
    for model, chosen in zip(alone, rows, strict=True):
        model.fit(X[chosen], y[chosen], epochs=2, class_weight="balanced")
    dc.fit_many(together, X, y, epochs=2, class_weight="balanced", rows=rows)
    assert all(map(same, alone, together))


@pytest.mark.parametrize("rows", [None, folds(2)[0]], ids=["all rows", "some rows"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_of_classes_and_examples_have_the_bits_of_fit(dtype, rows):
    X, y = examples()
    weight = np.random.default_rng(1).uniform(size=M)
    alone, together = (networks(2, dtype=dtype) for _ in range(2))
    for model, chosen in zip(alone, rows or [np.arange(M)] * 2, strict=True):
        model.fit(X[chosen], y[chosen], epochs=2, sample_weight=weight[chosen], class_weight="balanced")
    dc.fit_many(together, X, y, epochs=2, sample_weight=weight, class_weight="balanced", rows=rows)
    assert all(map(same, alone, together))


def test_a_second_call_goes_on_with_the_next_shuffles():
    X, y = examples()
    alone, together = networks(2), networks(2)
    for _ in range(2):
        for model in alone:
            model.fit(X, y, epochs=2)
        dc.fit_many(together, X, y, epochs=2)
    assert all(map(same, alone, together))


def test_optimizer_states_continue():
    X, y = examples()
    alone, together = networks(2), networks(2)
    states = [dc.Adam(0.01).bind(model) for model in together]
    dc.fit_many(together, X, y, states, epochs=2)
    dc.fit_many(together, X, y, states, epochs=2)
    for model in alone:
        model.fit(X, y, dc.Adam(0.01), epochs=4)
    assert all(map(same, alone, together))


def test_a_network_that_diverges_warns_and_the_others_go_on():
    X, y = examples()
    models = [dc.mlp([6, 8, 1], output="linear", seed=i) for i in range(3)]
    optimizers = [dc.SGD(0.01), dc.SGD(1e20), dc.SGD(0.01)]
    with pytest.warns(dc.DivergenceWarning, match="fit_many: network 1: the loss was no longer finite"):
        histories = dc.fit_many(models, X, y, optimizers, epochs=5)
    assert [history.epochs for history in histories][::2] == [5, 5]
    assert histories[1].diverged_at_step is not None
    assert histories[0].diverged_at_step is None
    assert np.isfinite(models[1].flat_parameters).all()


def test_callbacks_of_each_network_see_its_epochs_and_may_end_it():
    X, y = examples()
    rows, held = folds(3)
    seen = [[], [], []]

    def watch(number, last):
        def callback(record):
            seen[number].append((record.epoch, sorted(record), record.model.epochs_trained))
            return record.epoch == last

        return callback

    models = networks(3)
    histories = dc.fit_many(
        models, X, y, rows=rows, validation_rows=held, epochs=5, metrics=["f1"],
        callbacks=[[watch(0, 1)], [watch(1, 9)], []],
    )  # fmt: skip
    names = ["loss", "val_accuracy", "val_f1", "val_loss"]
    assert seen[0] == [(0, names, 1), (1, names, 2)]
    assert [history.epochs for history in histories] == [2, 5, 5]
    assert len(seen[1]) == 5
    assert seen[2] == []


def test_callbacks_in_any_thread_may_change_the_rate_and_the_parameters_of_their_network():
    X, y = examples()
    threads = set()

    def calls(meeting=None):
        before = []

        def remember(record):
            if meeting is not None and record.epoch == 0:
                meeting.wait(timeout=60)  # both networks are trained now: each by a thread of its own
                threads.add(threading.get_ident())
            before.append(record.model.snapshot())
            if record.epoch == 2:
                record.model.restore(before[0])

        return [dc.ReduceOnPlateau("loss", patience=0, threshold=0.5), remember]

    alone, together = networks(2), networks(2)
    for model in alone:
        model.fit(X, y, epochs=5, callbacks=calls())
    meeting = threading.Barrier(2)
    dc.fit_many(together, X, y, epochs=5, callbacks=[calls(meeting), calls(meeting)], threads=2)
    assert len(threads) == 2
    assert all(map(same, alone, together))


@pytest.mark.parametrize("make", [dc.EarlyStopping, dc.ReduceOnPlateau, dc.Recorder])
def test_a_callback_with_a_state_is_refused_in_two_lists(make):
    X, y = examples()
    models, shared = networks(3), make() if make is dc.Recorder else make("loss")
    before = [model.flat_parameters.copy() for model in models]
    message = f"another {make.__name__} for each network, .* networks 0 and 2 share one"
    with pytest.raises(ValueError, match=message):
        dc.fit_many(models, X, y, epochs=2, callbacks=[[shared], [], [print, shared]])
    assert all(np.array_equal(model.flat_parameters, old) for model, old in zip(models, before, strict=True))


def test_a_function_and_a_time_limit_may_be_callbacks_of_several_networks():
    X, y = examples()
    epochs = []
    shared = [lambda record: epochs.append(record.epoch), dc.MaxSeconds(1e9)]
    dc.fit_many(networks(2), X, y, epochs=2, callbacks=[shared] * 2)
    assert sorted(epochs) == [0, 0, 1, 1]


def test_an_exception_in_a_callback_ends_the_call_with_usable_models():
    X, y = examples()

    def fail(record):
        raise LookupError("no more")

    models = networks(3)
    with pytest.raises(LookupError, match="no more") as raised:
        dc.fit_many(models, X, y, epochs=10000, callbacks=[[], [fail], []])
    if hasattr(raised.value, "__notes__"):
        assert raised.value.__notes__ == ["in a callback of fit_many: network 1"]
    assert all(np.isfinite(model.flat_parameters).all() for model in models)
    dc.fit_many(models, X, y, epochs=1)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an interval timer")
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_ends_all_networks_with_usable_models(threads):
    X, y = examples()
    models = networks(3)
    before = [model.flat_parameters.copy() for model in models]
    old = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    started = time.perf_counter()
    try:
        with pytest.raises(KeyboardInterrupt):
            dc.fit_many(models, X, y, epochs=10**8, threads=threads)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert time.perf_counter() - started < 10
    moved = [
        not np.array_equal(model.flat_parameters, old) for model, old in zip(models, before, strict=True)
    ]
    assert sum(moved) == threads
    assert moved == [model.epochs_trained > 0 for model in models]
    dc.fit_many(models, X, y, epochs=1)


def test_a_time_limit_ends_its_network_within_an_epoch():
    X, y = examples()
    models = networks(2)
    limits = [[dc.MaxSeconds(0.2)], []]
    histories = dc.fit_many(models, X, y, epochs=[10**6, 2], callbacks=limits)
    assert histories[0].epochs < 10**6
    assert histories[1].epochs == 2


def test_the_python_lock_is_free_while_networks_train():
    X, y = examples()
    models, ticks, stop = networks(2), [], threading.Event()

    def tick():
        while not stop.is_set():
            ticks.append(1)
            stop.wait(0.005)

    thread = threading.Thread(target=tick)
    thread.start()
    dc.fit_many(models, X, y, epochs=2000)
    stop.set()
    thread.join()
    assert len(ticks) > 2


def test_progress_of_all_is_shown(capsys):
    X, y = examples()
    dc.fit_many(networks(3), X, y, epochs=4, verbose=1)
    assert "epoch 12/12  3 of 3 networks done" in capsys.readouterr().err


def test_partial_fit_starts_its_optimizer_afresh_afterwards():
    X, y = examples()
    (model,) = networks(1)
    model.partial_fit(X, y)
    dc.fit_many([model], X, y, epochs=1)
    assert model.optimizer is None


REFUSED = [
    ({"models": []}, ValueError, "fit_many: models must hold at least one model"),
    ({"models": 3}, TypeError, "fit_many: models must be a list of deepcore.Model, got 3"),
    ({"rows": [[0, 1]]}, ValueError, "fit_many: rows must have 2 entries, one per model, got 1"),
    ({"rows": [[0], [300]]}, ValueError, "network 1: rows must hold rows from 0 to 299, got 300 at 0"),
    ({"rows": [[0], []]}, ValueError, "fit_many: network 1: rows must"),
    ({"rows": [[0], [0.5]]}, ValueError, "fit_many: network 1: rows must be an array of row numbers"),
    ({"validation_rows": [None, [-1]]}, ValueError, "network 1: validation_rows must hold rows from 0"),
    ({"early_stopping": dc.EarlyStopping()}, ValueError, "network 0: EarlyStopping watches 'val_loss'"),
    ({"early_stopping": 3}, TypeError, "fit_many: early_stopping must be an EarlyStopping or None, got 3"),
    ({"epochs": [1, 0]}, ValueError, "fit_many: network 1: epochs must be at least 1, got 0"),
    ({"batch_size": [0, 8]}, ValueError, "fit_many: network 0: batch_size must be at least 1, got 0"),
    ({"optimizers": ["adam", "adm"]}, ValueError, "fit_many: network 1: optimizer"),
    ({"optimizers": dc.LBFGS()}, TypeError, "fit_many: network 0: optimizer must be a name"),
    ({"callbacks": [len]}, ValueError, "fit_many: callbacks must have 2 entries"),
    ({"callbacks": [[3], []]}, TypeError, "fit_many: network 0: callbacks must be callable"),
    ({"y": np.full(M, 7)}, ValueError, "fit_many: network 0: y must be 0 or 1"),
    ({"sample_weight": np.zeros(M)}, ValueError, "fit_many: network 0: sample_weight"),
    ({"threads": 0}, ValueError, "fit_many: threads must be at least 1, got 0"),
    ({"lr": 3}, TypeError, "fit_many: "),
]  # fmt: skip


@pytest.mark.parametrize(("change", "error", "message"), REFUSED)
def test_wrong_arguments_are_refused_with_the_number_of_the_network(change, error, message):
    X, y = examples()
    models = networks(2)
    before = [model.flat_parameters.copy() for model in models]
    arguments = {"models": models, "X": X, "y": y, **change}
    with pytest.raises(error, match=message):
        dc.fit_many(**arguments)
    assert all(np.array_equal(model.flat_parameters, old) for model, old in zip(models, before, strict=True))


def test_one_model_cannot_stand_twice_in_the_list():
    X, y = examples()
    (model,) = networks(1)
    with pytest.raises(ValueError, match="models must be different, but model 1 is model 0"):
        dc.fit_many([model, model], X, y)


def test_a_model_that_is_being_trained_is_refused():
    X, y = examples()
    models = networks(2)

    def again(record):
        with pytest.raises(RuntimeError, match="network 0: this model is already being trained"):
            dc.fit_many(models, X, y)
        return True

    dc.fit_many(models, X, y, epochs=3, callbacks=[[again], []])


def test_rows_without_weight_are_refused():
    X, y = examples()
    weight = np.ones(M)
    weight[:10] = 0
    with pytest.raises(ValueError, match="network 1: sample_weight must have a positive sum over rows"):
        dc.fit_many(networks(2), X, y, rows=[None, np.arange(10)], sample_weight=weight)
