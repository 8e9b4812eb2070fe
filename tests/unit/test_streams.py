"""Training that goes on, on batches from anywhere, and on files larger than memory."""

import numpy as np
import pytest

import deepcore as dc
from deepcore._network import examples as slabs


def examples(m=100, dtype=np.float64):
    rng = np.random.default_rng(3)
    return rng.integers(256, size=(m, 3)).astype(dtype), rng.integers(2, size=m)


def net(output="sigmoid", n=1, dtype="float64", seed=4):
    """With everything that depends on the step, or on the place in a batch."""
    layers = [
        dc.Dropout(0.1),
        dc.Dense(5, "tanh", l2=0.01, norm="batch"),
        dc.Dropout(0.5),
        dc.Dense(n, output),
    ]
    return dc.Model(3, layers, dtype=dtype, seed=seed)


@pytest.fixture
def mapped(tmp_path):
    """``mapped(X)`` is X in a file, memory-mapped."""

    def make(X, name="X"):
        np.save(tmp_path / f"{name}.npy", X)
        return np.load(tmp_path / f"{name}.npy", mmap_mode="r")

    return make


@pytest.fixture(params=[1, 200, 1 << 25], ids=["slabs of a batch", "small slabs", "one slab"])
def slab_bytes(request, monkeypatch):
    """Slabs of several sizes, which must not matter."""
    monkeypatch.setattr(slabs, "SLAB_BYTES", request.param)


# partial_fit.


@pytest.mark.parametrize(
    "optimizer",
    [dc.SGD(0.1, momentum=0.9), dc.Adam(0.01), dc.NAdam(lambda step: 0.01 / (1 + step)), "adam"],
    ids=["momentum", "adam", "function", "name"],
)
@pytest.mark.parametrize("batch_size", [8, None])
def test_n_partial_fits_are_one_fit_of_n_epochs(optimizer, batch_size):
    X, y = examples()
    whole, parts = net(), net()
    history = whole.fit(X, y, optimizer, epochs=5, batch_size=batch_size)
    losses = [parts.partial_fit(X, y, optimizer, batch_size=batch_size)["loss"][0] for _ in range(5)]
    assert losses == history["loss"]
    assert np.array_equal(whole.flat_parameters, parts.flat_parameters)
    assert whole.epochs_trained == parts.epochs_trained == 5


def test_partial_fit_with_another_optimizer_starts_it_afresh():
    X, y = examples()
    one, two = net(), net()
    one.partial_fit(X, y, dc.Adam(0.01))
    one.partial_fit(X, y, dc.Adam(0.02))
    two.fit(X, y, dc.Adam(0.01), epochs=1)
    two.fit(X, y, dc.Adam(0.02), epochs=1)
    assert np.array_equal(one.flat_parameters, two.flat_parameters)


def test_partial_fit_after_fit_starts_afresh_and_takes_a_state_to_go_on():
    X, y = examples()
    one, two, three = net(), net(), net()
    one.fit(X, y, dc.Adam(0.01), epochs=2)
    state = dc.Adam(0.01).bind(two)
    two.fit(X, y, state, epochs=1)
    two.partial_fit(X, y, state)
    assert np.array_equal(one.flat_parameters, two.flat_parameters)
    three.partial_fit(X, y, dc.Adam(0.01))
    three.fit(X, y, "sgd", epochs=1)
    three.partial_fit(X, y, dc.Adam(0.01))
    assert three._partial_state.steps == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"optimizer": dc.LBFGS()}, TypeError, "partial_fit: optimizer must be a name, .*got LBFGS"),
        ({"optimizer": "adma"}, ValueError, "partial_fit: optimizer must be one of"),
        ({"batch_size": 0}, ValueError, "partial_fit: batch_size must be at least 1"),
        ({"optimizer": "sgd", "batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"y": np.full(100, 2)}, ValueError, "partial_fit: y must be 0 or 1"),
    ],
)
def test_partial_fit_refuses_what_fit_refuses(options, error, message):
    X, y = examples()
    model = net()
    model.partial_fit(X, y)
    kept, state = model.flat_parameters.copy(), model._partial_state
    with pytest.raises(error, match=message):
        model.partial_fit(X, **{"y": y} | options)
    assert np.array_equal(model.flat_parameters, kept)
    assert model._partial_state is state
    assert model.epochs_trained == 1


# Batches.


def cut(X, y, size, *weights):
    for first in range(0, len(X), size):
        rows = slice(first, first + size)
        yield (X[rows], y[rows], *(weight[rows] for weight in weights))


@pytest.mark.parametrize("output", ["sigmoid", "softmax", "linear"])
@pytest.mark.usefixtures("slab_bytes")
def test_batches_are_the_steps_of_a_fit_in_order(output):
    X, y = examples()
    n = 2 if output == "softmax" else 1
    one, two = net(output, n), net(output, n)
    history = one.fit(X / 255, y, dc.Adam(0.01), epochs=3, batch_size=16, shuffle=False)
    batched = two.fit_batches(lambda: cut(X / 255, y, 16), dc.Adam(0.01), epochs=3)
    assert np.array_equal(one.flat_parameters, two.flat_parameters)
    np.testing.assert_allclose(batched["loss"], history["loss"], rtol=1e-14)  # means of means
    assert two.epochs_trained == 3


@pytest.mark.usefixtures("slab_bytes")
def test_batches_may_have_weights_and_any_sizes():
    X, y = examples()
    weight = np.linspace(0, 2, 100)
    one, two = net(), net()
    state = dc.SGD(0.1).bind(one)
    places = [(0, 10), (10, 17), (17, 60), (60, 61), (61, 100)]
    for number, (first, last) in enumerate(places):
        given = weight[first:last] if number != 2 else None
        _, grads = one.gradients(X[first:last], y[first:last], sample_weight=given, step=number)
        state.step(grads)
    batches = [
        (X[a:b], y[a:b], weight[a:b]) if number != 2 else (X[a:b], y[a:b])
        for number, (a, b) in enumerate(places)
    ]
    two.fit_batches(batches, dc.SGD(0.1))
    assert np.array_equal(one.flat_parameters, two.flat_parameters)


def test_an_iterator_may_fill_the_same_arrays_again():
    X, y = examples()
    weight = np.linspace(0.5, 2, 100)

    def refilled():
        buffers = [np.empty((20, 3)), np.empty((20, 1)), np.empty(20)]
        for arrays in cut(X, y[:, np.newaxis], 20, weight):
            for buffer, array in zip(buffers, arrays, strict=True):
                buffer[:] = array
            yield tuple(buffers)

    one, two = net(), net()
    one.fit_batches(list(cut(X, y[:, np.newaxis].astype(float), 20, weight)))
    two.fit_batches(refilled)
    assert np.array_equal(one.flat_parameters, two.flat_parameters)


def test_an_iterator_serves_one_epoch_and_a_list_or_function_many():
    X, y = examples()
    models = [net() for _ in range(3)]
    models[0].fit_batches(list(cut(X, y, 16)), epochs=2)
    models[1].fit_batches(lambda: cut(X, y, 16), epochs=2)
    for _ in range(1):
        models[2].fit_batches(cut(X, y, 16), epochs=1)
    assert np.array_equal(models[0].flat_parameters, models[1].flat_parameters)
    with pytest.raises(ValueError, match="an iterator can be read only once, but epochs=2"):
        models[2].fit_batches(cut(X, y, 16), epochs=2)


def test_batches_take_schedules_callbacks_and_validation():
    X, y = examples()
    seen = []
    model = net()
    history = model.fit_batches(
        lambda: cut(X / 255, y, 16),
        dc.Adam(lambda step: 0.01 / (1 + step)),
        epochs=9,
        validation_data=(X / 255, y),
        metrics=["accuracy"],
        callbacks=[lambda record: seen.append(record.optimizer.steps) or record.epoch == 2],
    )
    assert seen == [7, 14, 21]
    assert set(history) == {"loss", "val_loss", "val_accuracy"}
    assert history.epochs == 3


@pytest.mark.parametrize(
    ("batches", "error", "message"),
    [
        (np.zeros((5, 3)), TypeError, "batches must be an iterable of .*got ndarray"),
        (3, TypeError, "batches must be an iterable of .*got int"),
        ([np.zeros((5, 3))], TypeError, "batches must be .*got ndarray as batch 0"),
        ([], ValueError, "batches must hold an example with weight, got none in epoch 0"),
        (
            [(np.zeros((5, 3)), np.zeros(5)), (np.zeros((5, 4)), np.zeros(5))],
            ValueError,
            "batch 1: X must have 3",
        ),
        ([(np.zeros((5, 3)), np.full(5, 2))], ValueError, "batch 0: y must be 0 or 1"),
    ],
)
def test_wrong_batches_are_refused_with_their_number(batches, error, message):
    with pytest.raises(error, match=f"fit_batches: {message}"):
        net().fit_batches(batches)


def test_a_diverging_stream_stops_with_a_warning_at_its_step():
    X, y = examples()
    model = dc.mlp([3, 1], output="linear", dtype="float64", seed=2)
    with pytest.warns(dc.DivergenceWarning, match="fit_batches: the loss was no longer finite") as caught:
        history = model.fit_batches(lambda: cut(X, y, 16), dc.SGD(1e6), epochs=100)
    assert history.diverged_at_step > 0
    assert np.isfinite(model.flat_parameters).all()
    assert caught[0].filename == __file__


def test_sparse_matrices_stream_split_and_go_on_like_dense_ones():
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not installed (extra `scipy`)")
    X, y = examples()
    X[X < 128] = 0
    options = {"epochs": 2, "batch_size": 16, "validation_split": 0.2, "metrics": ["accuracy"]}
    one, two = net(), net()
    assert one.fit(X, y, **options).to_dict() == two.fit(sparse.csr_matrix(X), y, **options).to_dict()
    one.partial_fit(X, y)
    two.partial_fit(sparse.csc_matrix(X), y)
    batches = list(cut(X, y, 16))
    one.fit_batches(batches)
    two.fit_batches([(sparse.csr_matrix(rows), labels) for rows, labels in batches])
    assert np.array_equal(one.flat_parameters, two.flat_parameters)


# Memory-mapped arrays.


@pytest.mark.parametrize("stored", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize(
    "options",
    [{}, {"shuffle": False}, {"batch_size": None}, {"validation_split": 0.3}],
    ids=["shuffled", "in order", "full batch", "split"],
)
@pytest.mark.usefixtures("slab_bytes")
def test_a_mapped_array_trains_like_the_same_in_memory(mapped, stored, options):
    X, y = examples(dtype=stored)
    one, two = net(dtype="float32"), net(dtype="float32")
    options = {"epochs": 3, "batch_size": 16, "metrics": ["accuracy"]} | options
    expected = one.fit(X, y, dc.Adam(0.01), **options)
    history = two.fit(mapped(X), y, dc.Adam(0.01), **options)
    assert np.array_equal(one.flat_parameters, two.flat_parameters)
    for name in expected:  # means of means
        np.testing.assert_allclose(history[name], expected[name], rtol=1e-6)


@pytest.mark.usefixtures("slab_bytes")
def test_a_mapped_array_is_predicted_and_evaluated_like_the_same_in_memory(mapped):
    X, y = examples(dtype=np.uint8)
    weight = np.repeat([0.0, 1.0, 2.0, 0.5], 25)
    model = net(dtype="float32")
    there, out = mapped(X), np.empty((100, 1), np.float32)
    assert np.array_equal(model.predict(there), model.predict(X))
    assert model.predict(there, out=out) is out
    assert np.array_equal(out, model.predict(X))
    for given in (None, weight):
        assert model.evaluate(there, y, sample_weight=given) == pytest.approx(
            model.evaluate(X, y, sample_weight=given), rel=1e-6
        )


def test_partial_fit_of_mapped_arrays_is_a_fit(mapped):
    X, y = examples(dtype=np.uint8)
    one, two = net(dtype="float32"), net(dtype="float32")
    one.fit(X, y, dc.Adam(0.01), epochs=2, batch_size=16)
    for _ in range(2):
        two.partial_fit(mapped(X), y, dc.Adam(0.01), batch_size=16)
    assert np.array_equal(one.flat_parameters, two.flat_parameters)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("slab_bytes")
def test_a_mapped_array_is_checked_before_anything_changes(mapped, dtype):
    X, y = examples(dtype=np.float64)
    X[77, 1] = np.nan
    model = net(dtype=dtype)
    kept = model.flat_parameters.copy()
    with pytest.raises(ValueError, match=r"fit: X must be finite in .*, got nan in row 77, column 1"):
        model.fit(mapped(X), y)
    assert np.array_equal(model.flat_parameters, kept)


def test_a_mapped_array_is_never_copied_as_a_whole(mapped, monkeypatch):
    """Neither for its dtype nor to hold examples out: no array of half its size is made."""
    monkeypatch.setattr(slabs, "SLAB_BYTES", 4096)
    rng = np.random.default_rng(0)
    X, y = rng.integers(256, size=(20_000, 50), dtype=np.uint8), rng.integers(2, size=20_000)
    model = dc.mlp([50, 4, 1], activation="tanh", seed=0)  # units of relu would die of such features
    model.fit(X[:64], y[:64])  # imports what it needs
    import tracemalloc

    for there in (mapped(X, "bytes"), mapped(X.astype(np.float32), "floats")):
        tracemalloc.start()
        try:
            model.fit(there, y, epochs=1, batch_size=64)
            model.predict(there)
            model.evaluate(there, y)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        # y in both dtypes, its checks, the outputs and the order take a few numbers an example
        assert peak < X.nbytes


def test_a_slice_of_a_mapped_array_is_mapped(mapped):
    X, _ = examples()
    there = mapped(X)
    assert slabs.is_mapped(there[10:, ::2])
    assert slabs.is_mapped(np.asarray(there))
    assert not slabs.is_mapped(X[10:])
    assert not slabs.is_mapped(np.array(there))


# Maps that are larger than the free memory.


def test_shuffling_a_map_larger_than_the_free_memory_warns_once_and_names_the_stream(mapped, monkeypatch):
    from deepcore._training import mapped as advice

    X, y = examples(dtype=np.uint8)
    there, model = mapped(X), net(dtype="float32")
    monkeypatch.setattr(advice, "free_memory", lambda: 100)
    for train in (model.fit, model.partial_fit):
        with pytest.warns(UserWarning, match=r"X is a memory map of .* dc\.stream\(\(X, y\)") as caught:
            train(there, y, batch_size=16)
        assert [len(caught), caught[0].filename] == [1, __file__]
    model.fit(there, y, batch_size=16, shuffle=False)
    model.fit(X, y, batch_size=16)
    with pytest.warns(UserWarning, match="X is a memory map of"):
        model.fit(there, y, batch_size=16, validation_split=0.2)


def test_the_system_is_told_that_rows_are_read_at_random_and_then_no_longer(mapped, monkeypatch):
    mmap = pytest.importorskip("mmap")
    if not hasattr(mmap, "MADV_RANDOM"):
        pytest.skip("this system takes no advice")
    from deepcore._training import mapped as advice

    told = []

    class Map(mmap.mmap):
        def madvise(self, what):
            told.append(what)
            super().madvise(what)

    X, y = examples(dtype=np.float32)
    there = mapped(X)
    with there.filename.open("rb") as file:
        view = np.ndarray(X.shape, X.dtype, Map(file.fileno(), 0, access=mmap.ACCESS_READ), there.offset)
    monkeypatch.setattr(advice, "free_memory", lambda: 100)
    with pytest.warns(UserWarning, match="X is a memory map of"):
        net(dtype="float32").fit(view, y, batch_size=16)
    assert told == [mmap.MADV_RANDOM, mmap.MADV_NORMAL]


def test_the_free_memory_is_known_where_linux_tells_it():
    from deepcore._training.mapped import free_memory

    free = free_memory()
    assert free is None or free > 1 << 20
