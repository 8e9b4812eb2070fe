"""``dc.stream``: the order of the rows, the thread that reads them ahead, and the run."""

import threading
import time

import numpy as np
import pytest

import deepcore as dc
from resuming import Killed, network, problem, stopping
from streaming import BATCH, SMALL, numbers, rows, save_pair


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "deepcore reader"]


@pytest.fixture(autouse=True)
def _no_thread_stays():
    yield
    assert readers() == []


# The order.


def test_every_epoch_visits_every_row_once_in_another_order():
    stream = dc.stream(rows(), BATCH, buffer_bytes=SMALL)
    first, second = numbers(stream, 0), numbers(stream, 1)
    for order in (first, second):
        assert np.array_equal(np.sort(order), np.arange(1000))
    assert not np.array_equal(first, second)
    assert (np.diff(first) == 1).mean() < 0.1


def test_the_order_depends_on_the_seed_and_the_epoch_alone():
    orders = [numbers(dc.stream(rows(), BATCH, seed=seed, buffer_bytes=SMALL), 3) for seed in (1, 1, 2)]
    assert np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])


def test_without_shuffling_the_rows_are_visited_as_they_lie():
    stream = dc.stream(rows(), BATCH, shuffle=False, buffer_bytes=SMALL)
    assert np.array_equal(numbers(stream), np.arange(1000))


def test_each_buffer_mixes_rows_of_eight_places_or_more():
    order = numbers(dc.stream(rows(10_000), BATCH, buffer_bytes=4 * SMALL))
    buffer = order[: 4 * SMALL // 2 // 60]  # fewer rows than one buffer has
    runs = np.diff(np.sort(buffer)) > 1  # between blocks that were not neighbours
    assert runs.sum() + 1 >= 5  # of eight blocks, some may be neighbours
    assert np.ptp(buffer) > 5000


@pytest.mark.parametrize("m", [1, 15, 16, 17, 255, 1000])
@pytest.mark.parametrize("shuffle", ["blocks", False])
def test_batches_are_whole_but_for_the_last(m, shuffle):
    stream = dc.stream(rows(m), BATCH, shuffle=shuffle, buffer_bytes=SMALL)
    sizes = [len(y) for _, y in stream.batches()]
    assert sizes == [BATCH] * (m // BATCH) + [m % BATCH] * (m % BATCH > 0)
    assert (stream.rows, stream.steps) == (m, len(sizes))


def test_a_stream_in_order_trains_like_the_arrays_in_order():
    X, y = problem(300)
    one, two = network(dropout=0.1), network(dropout=0.1)
    history = one.fit(X, y, dc.Adam(0.01), epochs=3, batch_size=BATCH, shuffle=False)
    stream = dc.stream((X, y), BATCH, shuffle=False, buffer_bytes=SMALL)
    streamed = two.fit(stream, optimizer=dc.Adam(0.01), epochs=3)
    assert np.array_equal(one.flat_parameters, two.flat_parameters)
    np.testing.assert_allclose(streamed["loss"], history["loss"], rtol=1e-6)  # means of means


def test_the_batches_are_those_that_a_model_is_trained_on():
    X, y = problem(300)
    one, two = network(), network()
    one.fit(dc.stream((X, y), BATCH, buffer_bytes=SMALL), epochs=2)
    stream = dc.stream((X, y), BATCH, buffer_bytes=SMALL)
    state = dc.Adam().bind(two)
    for epoch in range(2):
        for batch in stream.batches(epoch):
            state.step(two.gradients(*batch, step=state.steps)[1])
    assert np.array_equal(one.flat_parameters, two.flat_parameters)


def test_fit_and_fit_batches_of_a_stream_are_the_same_and_go_on_with_new_orders():
    X, y = problem(300)
    models = [network() for _ in range(3)]
    stream = dc.stream((X, y), BATCH, buffer_bytes=SMALL)
    states = [dc.Adam().bind(model) for model in models]
    models[0].fit(stream, optimizer=states[0], epochs=2)
    models[1].fit_batches(stream, states[1], epochs=2)
    for _ in range(2):
        models[2].fit(stream, optimizer=states[2], epochs=1)
    for model in models[1:]:
        assert np.array_equal(models[0].flat_parameters, model.flat_parameters)
        assert model.epochs_trained == 2


def sorted_problem(m=16_384):
    """Two classes, one after the other."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(m, 8)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] + 0.5 * X[:, 2] > 0).astype(int)
    order = np.argsort(y, kind="stable")
    return X[order], y[order]


def test_rows_that_are_sorted_by_label_train_almost_as_well_as_shuffled_ones():
    X, y = sorted_problem()

    def accuracy(data, **options):
        model = dc.mlp([8, 32, 1], seed=1)
        validation = sorted_problem(4096)
        history = model.fit(*data, optimizer=dc.Adam(0.01), epochs=4, validation_data=validation, **options)
        return history["val_accuracy"][-1]

    shuffled = accuracy((X, y), batch_size=64)
    blocks = accuracy((dc.stream((X, y), 64, buffer_bytes=X.nbytes // 2),))
    in_order = accuracy((dc.stream((X, y), 64, shuffle=False, buffer_bytes=X.nbytes // 2),))
    assert blocks > shuffled - 0.02
    assert in_order < shuffled - 0.1  # otherwise this problem shows nothing


# Sources.


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, ">f4"])
def test_arrays_maps_and_files_give_the_same_bits(tmp_path, dtype):
    X, y = problem(300)
    X = (X * 20).astype(dtype)
    paths = save_pair(tmp_path, X, y)
    np.savez(tmp_path / "both.npz", X=X, y=y)
    maps = tuple(np.load(path, mmap_mode="r") for path in paths)
    models = []
    for source in ((X, y), maps, paths, tuple(map(str, paths)), tmp_path / "both.npz"):
        models.append(network())
        models[-1].fit(dc.stream(source, BATCH, buffer_bytes=SMALL), epochs=2)
    assert all(np.array_equal(models[0].flat_parameters, model.flat_parameters) for model in models)


def test_parts_are_one_source(tmp_path):
    X, y = rows()
    paths = save_pair(tmp_path, X[:300], y[:300], 1)
    np.savez(tmp_path / "second.npz", X=X[300:350], y=y[300:350])
    stream = dc.stream(
        [paths, tmp_path / "second.npz", (X[350:], y[350:])], BATCH, shuffle=False, buffer_bytes=SMALL
    )
    assert stream.rows == 1000
    assert np.array_equal(numbers(stream), np.arange(1000))


def test_weights_are_the_third_array(tmp_path):
    X, y = problem(300)
    weight = np.arange(300) % 3 / 2
    np.savez(tmp_path / "weighted.npz", X=X, y=y, sample_weight=weight)
    one, two, three = network(), network(), network()
    one.fit(X, y, epochs=2, sample_weight=weight, batch_size=BATCH, shuffle=False)
    for model, source in ((two, (X, y, weight)), (three, tmp_path / "weighted.npz")):
        model.fit(dc.stream(source, BATCH, shuffle=False, buffer_bytes=SMALL), epochs=2)
        assert np.array_equal(one.flat_parameters, model.flat_parameters)


def test_a_function_gives_chunks_of_any_size_and_a_chunk_is_not_a_step():
    X, y = rows()
    calls = []

    def chunks():
        calls.append(1)
        for first, stop in ((0, 1), (1, 400), (400, 980), (980, 1000)):
            yield X[first:stop], y[first:stop]

    stream = dc.stream(chunks, BATCH, buffer_bytes=SMALL)
    assert (stream.rows, stream.steps) == (None, None)
    order = numbers(stream)
    assert np.array_equal(np.sort(order), np.arange(1000))
    assert (np.diff(order) == 1).mean() < 0.1
    model = dc.mlp([3, 4, 1], output="linear", seed=1)
    calls.clear()
    model.fit(dc.stream(lambda: ((a / 1e3, b / 1e3) for a, b in chunks()), BATCH), epochs=3)
    assert len(calls) == 3


def test_a_function_may_fill_the_same_arrays_again():
    X, y = rows()

    def chunks():
        a, b = np.empty((100, 3), np.float32), np.empty(100, np.float32)
        for first in range(0, 1000, 100):
            a[:], b[:] = X[first : first + 100], y[first : first + 100]
            yield a, b

    order = numbers(dc.stream(chunks, BATCH, shuffle=False, buffer_bytes=SMALL))
    assert np.array_equal(order, np.arange(1000))


def test_a_chunk_may_be_empty_and_a_batch_larger_than_all_rows():
    X, y = rows(50)
    stream = dc.stream(lambda: [(X[:0], y[:0]), (X[:30], y[:30]), (X[50:], y[50:]), (X[30:], y[30:])], BATCH)
    assert np.array_equal(np.sort(numbers(stream)), np.arange(50))
    large = dc.stream((X, y), 10**9, buffer_bytes=SMALL)
    assert [len(y) for _, y in large.batches()] == [50]
    model = dc.mlp([3, 4, 1], output="linear", seed=1)
    assert model.fit(large, optimizer=dc.SGD(1e-9), epochs=3).epochs == 3


def test_targets_of_several_dtypes_are_all_kept():
    X, _ = rows(4)
    stream = dc.stream([(X, [1, 2, 3, 4]), (X, [0.5, 1.5, 2.5, 3.5])], 8, shuffle=False)
    ((_, y),) = stream.batches()
    assert y.tolist() == [1, 2, 3, 4, 0.5, 1.5, 2.5, 3.5]


# The run.


def test_schedules_validation_callbacks_metrics_and_progress_work(capsys):
    X, y = problem(300)
    seen = []
    model = network(dropout=0.1)
    history = model.fit(
        dc.stream((X, y), BATCH, buffer_bytes=SMALL),
        optimizer=dc.Adam(dc.Cosine(0.01)),
        epochs=4,
        validation_data=problem(20),
        metrics=["accuracy"],
        callbacks=[lambda record: seen.append((record.epoch, record.optimizer.learning_rate)), stopping()],
        dropout_schedule=dc.FlatCosine(1.0),
        verbose=1,
    )
    assert set(history) == {"loss", "val_loss", "val_accuracy"}
    assert [epoch for epoch, _ in seen] == list(range(history.epochs))
    assert seen[0][1] > seen[-1][1]
    assert "epoch 4/4" in capsys.readouterr().err
    done = network()
    with pytest.raises(ValueError, match="fit: the schedule of learning_rate spans the whole run, but"):
        done.fit(dc.stream(lambda: [(X, y)], BATCH), optimizer=dc.Adam(dc.Cosine(0.01)))


def test_a_callback_may_end_the_run():
    X, y = problem(300)
    history = network().fit(
        dc.stream((X, y), BATCH, buffer_bytes=SMALL), epochs=9, callbacks=[lambda record: record.epoch == 1]
    )
    assert history.epochs == 2


def test_a_stream_that_diverges_stops_with_a_warning():
    X, y = problem(300)
    with pytest.warns(dc.DivergenceWarning, match="fit: the loss was no longer finite") as caught:
        history = network().fit(dc.stream((X, y), BATCH), optimizer=dc.SGD(1e30), epochs=9)
    assert history.diverged_at_step is not None
    assert caught[0].filename == __file__


# The thread.


def test_an_error_of_the_reader_is_raised_by_fit_and_leaves_a_model_that_trains():
    X, y = problem(300)

    def chunks():
        yield X, y
        yield X, y
        raise OSError("the disk is gone") from ValueError("a bad sector")

    model = network()
    stream = dc.stream(chunks, BATCH, buffer_bytes=SMALL)
    with pytest.raises(OSError, match="the disk is gone") as caught:
        model.fit(stream)
    assert isinstance(caught.value.__cause__, ValueError)
    assert "chunks" in [entry.name for entry in caught.traceback]
    assert readers() == []
    model.fit(X, y, epochs=1)


@pytest.mark.parametrize("error", [Killed, KeyboardInterrupt])
def test_the_thread_ends_with_the_run_however_it_ends(error):
    X, y = problem(300)

    def fail(record):
        assert len(readers()) == 1  # it reads for the next epoch
        raise error

    with pytest.raises(error) as caught:
        network().fit(dc.stream((X, y), BATCH, buffer_bytes=SMALL), epochs=5, callbacks=[fail])
    assert readers() == []
    del caught


def test_callbacks_are_asked_while_the_model_waits_for_rows():
    X, y = problem(300)
    go_on = threading.Event()

    def slow():
        yield X, y
        go_on.wait(30)

    class Stop:
        def on_poll(self):
            if time.perf_counter() - start > 0.2:
                go_on.set()
                return True
            return False

        def __call__(self, record):
            raise AssertionError("the epoch did not end")

    start = time.perf_counter()
    history = network().fit(dc.stream(slow, BATCH), callbacks=[Stop()])
    assert history.epochs == 0
    assert time.perf_counter() - start < 20


def test_a_source_that_never_answers_does_not_hold_the_caller(monkeypatch):
    from deepcore._streaming import read_ahead

    monkeypatch.setattr(read_ahead, "_LAST_SECONDS", 0.1)
    X, y = problem(300)
    answer = threading.Event()

    def stuck():
        yield X, y
        answer.wait(30)

    class Interrupt:
        def on_poll(self):
            raise KeyboardInterrupt

        def __call__(self, record):
            pass

    with pytest.raises(KeyboardInterrupt):
        network().fit(dc.stream(stuck, BATCH, buffer_bytes=SMALL), callbacks=[Interrupt()])
    answer.set()
    for thread in readers():
        thread.join(30)


def test_a_loop_of_ones_own_may_leave_the_batches():
    for _ in dc.stream(rows(), BATCH, buffer_bytes=SMALL).batches():
        assert len(readers()) == 1
        break
