"""Training by several ranks: the same bits as one process, and the decisions of rank 0."""

import warnings

import numpy as np
import pytest

import deepcore as dc
from deepcore.callbacks import Stopped
from deepcore.exceptions import DivergenceWarning, GroupError
from ranks import (
    BATCH,
    LABELS,
    OUTPUT,
    WEIGHTS,
    Ordered,
    Plain,
    X,
    all_results,
    check_same,
    raising,
    together,
    train,
)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_ranks_train_the_bits_of_one_process(size, dropout):
    def work(group):
        return train(group, network={"dropout": dropout})

    check_same(all_results(size, work), work(None))


SETTINGS = {
    "narrow layers": {"layers": [dc.Dense(4, "tanh"), OUTPUT]},
    "wide layers": {"layers": [dc.Dense(300), dc.Dense(300), OUTPUT], "batch_size": 512},
    "float64": {"network": {"dtype": "float64"}},
    "layer norm": {"layers": [dc.Dense(24, norm="layer"), OUTPUT]},
    "parametric": {"layers": [dc.Dense(24, "leaky_relu", parametric=True), OUTPUT]},
    "scaled inputs": {"layers": [dc.Scale(), dc.Dense(24), OUTPUT]},
    "max_norm": {"layers": [dc.Dense(24, max_norm=0.5), OUTPUT]},
    "penalties": {"layers": [dc.Dense(24, l1=1e-3, l2=1e-2), OUTPUT]},
    "clip_norm": {"optimizer": dc.Adam(0.01, clip_norm=0.05)},
    "clip_value": {"optimizer": dc.SGD(0.1, momentum=0.9, clip_value=0.01)},
    "weights": {"sample_weight": WEIGHTS},
    "no shuffle": {"shuffle": False},
    "small batches": {"batch_size": 50, "network": {"dropout": 0.2}},
    "one batch": {"batch_size": None},
    "schedules": {
        "optimizer": dc.Adam(dc.OneCycle(0.02)),
        "network": {"dropout": 0.2},
        "dropout_schedule": dc.FlatCosine(1.0),
    },
    "threads": {"threads": 2, "layers": [dc.Dense(300), OUTPUT]},
    "mapped": {"X": X},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_three_ranks_train_the_bits_of_one_process_with(name, tmp_path):
    settings = dict(SETTINGS[name])
    if name == "mapped":  # another dtype than the model's: converted some batches at a time
        np.save(tmp_path / "X.npy", X)
        settings["X"] = np.load(tmp_path / "X.npy", mmap_mode="r")

    def work(group):
        return train(group, **settings)

    check_same(all_results(3, work), work(None))


PER_EXAMPLE = {  # whose sums over the examples are not chains of the products
    "members": {"network": {"members": 4}, "layers": [dc.Dense(24), OUTPUT]},
    "embeddings": {"layers": [dc.PeriodicEmbedding(7), dc.Dense(24), OUTPUT]},
}


@pytest.mark.parametrize("name", PER_EXAMPLE)
def test_the_number_of_ranks_changes_no_bit_with(name):
    results = [
        result for size in (1, 2, 3) for result in all_results(size, lambda g: train(g, **PER_EXAMPLE[name]))
    ]
    check_same(results, results[0])


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_group_with_a_plain_sum_differs_from_one_process_by_rounding_only(dropout):
    def work(group):
        return train(group, network={"dropout": dropout, "dtype": "float64"}, sample_weight=WEIGHTS)

    results = all_results(3, work, Plain)
    check_same(results, results[0])
    model, history = work(None)
    np.testing.assert_allclose(results[0][0].flat_parameters, model.flat_parameters, rtol=1e-9)
    np.testing.assert_allclose(results[0][1]["loss"], history["loss"], rtol=1e-12)


def test_a_step_takes_one_message():
    def work(group):
        train(group, epochs=1, batch_size=100)
        many = group.messages
        train(group, epochs=1, batch_size=1000)
        return many - group.messages + many

    assert all_results(2, work, Plain) == [9, 9]


def own_rows(rank, size):
    """Shares of different sizes."""
    edges = [0, *np.sort(np.random.default_rng(1).choice(np.arange(1, 1000), size - 1, False)), 1000]
    return slice(edges[rank], edges[rank + 1])


@pytest.mark.parametrize("kind", [Plain, Ordered])
def test_a_batch_of_all_own_rows_has_the_gradient_of_one_process(kind):
    def work(group):
        rows = slice(None) if group is None else own_rows(group.rank, group.size)
        return train(
            group, X=X[rows], y=LABELS[rows], sample_weight=WEIGHTS[rows], batch_size=None, epochs=5,
            network={"dtype": "float64"},
        )  # fmt: skip

    results = all_results(3, work, kind, data="own rows")
    check_same(results, results[0])
    model, history = work(None)
    np.testing.assert_allclose(results[0][0].flat_parameters, model.flat_parameters, rtol=1e-8)
    np.testing.assert_allclose(results[0][1]["loss"], history["loss"], rtol=1e-12)


def test_ranks_with_few_own_rows_make_as_many_steps_as_the_others():
    def work(group):
        rows = (
            slice(0, 3)
            if group.rank == 1
            else slice(3 + 300 * (group.rank > 0), 303 + 300 * (group.rank > 0))
        )
        model = dc.mlp([7, 24, 3], seed=3, dropout=0.3)
        state = dc.Adam(0.01).bind(model)
        history = model.fit(X[rows], LABELS[rows], state, epochs=4, batch_size=32, threads=1, group=group)
        return model, history, state.steps

    results = all_results(3, work, data="own rows")
    check_same([result[:2] for result in results], results[0][:2])
    assert [steps for _, _, steps in results] == [4 * -(-603 // 32)] * 3
    assert results[0][1]["loss"][-1] < results[0][1]["loss"][0]


def test_a_rank_may_have_no_example_of_a_batch():
    def work(group):
        return train(group, batch_size=3, epochs=1, X=X[:40], y=LABELS[:40])

    for kind in (Plain, Ordered):
        results = all_results(5, work, kind)
        check_same(results, results[0])
    check_same(results, work(None))


def test_own_rows_that_are_mapped_in_another_dtype_are_refused(tmp_path):
    np.save(tmp_path / "X.npy", X)

    def work(group):
        train(group, X=np.load(tmp_path / "X.npy", mmap_mode="r"))

    for error in together(2, work, data="own rows")[1]:
        with pytest.raises(ValueError, match=r"group\.data must be 'replicated' for a memory-mapped X"):
            raise error


def test_two_ranks_with_equal_rows_draw_different_dropout_masks():
    def losses(group):
        model = dc.mlp([7, 64, 3], seed=3, dropout=0.5, dtype="float64")
        return model.fit(X, LABELS, dc.SGD(0.0), epochs=1, batch_size=None, group=group)["loss"][0]

    alone = losses(None)
    first, second = all_results(2, losses, data="own rows")
    assert first == second
    assert first != alone


# Rank 0 decides


def test_early_stopping_ends_all_ranks_at_the_same_epoch():
    def work(group):
        stop = dc.EarlyStopping(patience=2, restore_best=True)
        validation = (X[:100], LABELS[:100])
        return train(
            group,
            callbacks=[stop],
            validation_data=validation,
            epochs=60,
            optimizer=dc.Adam(0.3),
            metrics=["accuracy"],
        )

    model, history = work(None)
    assert 2 < history.epochs < 60
    check_same(all_results(3, work), (model, history))


def test_a_validation_split_holds_out_the_same_rows_on_all_ranks():
    def work(group):
        return train(group, validation_split=0.2)

    check_same(all_results(3, work), work(None))


def test_a_plateau_reduces_the_rate_of_all_ranks():
    def work(group):
        plateau = dc.ReduceOnPlateau("loss", patience=1, threshold=1.0)
        return train(group, callbacks=[plateau], epochs=6)

    check_same(all_results(3, work), work(None))


def test_what_a_callback_writes_reaches_all_ranks():
    def work(group):
        def halve(record):
            record.model.flat_parameters[:] *= 0.5

        return train(group, callbacks=[halve], epochs=3)

    check_same(all_results(3, work), work(None))


def test_a_loss_that_is_not_finite_stops_all_ranks_and_rank_0_warns():
    def work(group):
        network = dc.mlp([7, 24, 1], activation="relu", loss="squared_error", output="linear", seed=1)
        return network, network.fit(X, 1e15 * X[:, 0], dc.SGD(1e10), epochs=9, batch_size=BATCH, group=group)

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        results = all_results(3, work)
    assert [w.category for w in warned] == [DivergenceWarning]
    assert {history.diverged_at_step for _, history in results} == {results[0][1].diverged_at_step}
    assert results[0][1].diverged_at_step is not None
    check_same(results, results[0])


def test_a_training_goes_on_from_the_checkpoint_of_rank_0(tmp_path):
    def fail(record):
        if record.epoch == 3:
            raise OSError("the power failed")

    def work(group, *more):
        callbacks = []
        if group is None or group.rank == 0:
            name = "alone" if group is None else f"of_{group.size}"
            callbacks = [dc.Checkpoint(tmp_path / f"{name}.safetensors"), *more]
        return train(group, callbacks=callbacks, epochs=6, network={"dropout": 0.2})

    expected = work(None)
    for kind in (Ordered, Plain):
        _, errors = together(2, lambda group: work(group, fail), kind)
        assert isinstance(errors[0], OSError)
        assert isinstance(errors[1], GroupError)
        assert "rank 0 raised OSError: the power failed in epoch 3" in str(errors[1])
        assert "of_2.safetensors" in str(errors[1])
        results = all_results(2, work, kind)
        if kind is Ordered:
            check_same(results, expected)
        assert results[0][1].epochs == 6
        check_same(all_results(2, work, kind), results[0])  # the file is that of a finished training
        (tmp_path / "of_2.safetensors").unlink()


def test_another_number_of_ranks_goes_on_from_a_checkpoint(tmp_path):
    def work(group, fails=True):
        callbacks = [dc.Checkpoint(tmp_path / "run.safetensors"), *[raising(OSError())] * fails]
        return train(group, callbacks=callbacks, epochs=6)

    together(2, work)
    check_same(all_results(3, lambda group: work(group, fails=False)), train(epochs=6))


def test_own_rows_go_on_from_the_middle_of_an_epoch(tmp_path):
    def work(group, stops=False):
        rows = own_rows(group.rank, group.size)
        checkpoint = dc.Checkpoint(tmp_path / "run.safetensors", every_epochs=None, every_seconds=1e9)

        class Stop:
            def __call__(self, record):
                pass

            def on_poll(self):
                if stops and group.rank == 0 and group.messages > 30:
                    checkpoint.stop()

        return train(
            group, X=X[rows], y=LABELS[rows], batch_size=8, epochs=3, network={"dropout": 0.2},
            callbacks=[checkpoint, Stop()] if resuming else [],
        )  # fmt: skip

    resuming = False
    expected = all_results(2, work, data="own rows")
    resuming = True
    all_results(2, lambda group: work(group, stops=True), data="own rows")
    check_same(all_results(2, work, data="own rows"), expected[0])


def batches(number=20, fails=None):
    for i in range(number):
        if i == fails:
            raise OSError("the disk is gone")
        yield X[50 * i : 50 * i + 50], LABELS[50 * i : 50 * i + 50]


def test_fit_batches_trains_the_bits_of_one_process():
    def work(group):
        model = dc.mlp([7, 24, 3], seed=3, dropout=0.2)
        return model, model.fit_batches(batches, dc.Adam(0.01), epochs=3, threads=1, group=group)

    check_same(all_results(3, work), work(None))


@pytest.mark.parametrize("short", [{"number": 19}, {"fails": 7}])
def test_ranks_with_other_batches_are_noticed(short):
    def work(group):
        options = short if group.rank == 1 else {}
        dc.mlp([7, 24, 3]).fit_batches(lambda: batches(**options), epochs=3, group=group)

    _, errors = together(3, work)
    assert [error.rank for error in (errors[0], errors[2])] == [1, 1]
    assert isinstance(errors[1], GroupError if "number" in short else OSError)


def test_fit_batches_refuses_own_rows():
    for error in together(
        2, lambda group: dc.mlp([7, 24, 3]).fit_batches(batches, group=group), data="own rows"
    )[1]:
        with pytest.raises(ValueError, match=r"fit_batches: group\.data must be 'replicated' for"):
            raise error


def test_a_stream_trains_the_bits_of_one_process():
    def work(group):
        model = dc.mlp([7, 24, 3], seed=3, dropout=0.2)
        stream = dc.stream((X, LABELS), batch_size=300, seed=1)
        validation = (X[:50], LABELS[:50])
        options = {"epochs": 3, "threads": 1, "validation_data": validation, "group": group}
        return model, model.fit(stream, optimizer=dc.Adam(0.01), **options)

    check_same(all_results(3, work), work(None))


@pytest.mark.parametrize("kind", [Plain, Ordered])
def test_a_callback_that_stops_a_stream_between_two_slabs_ends_all_ranks_in_order(kind):
    class Stop:
        def __call__(self, record):
            return False

        def on_poll(self):
            raise Stopped

    def work(group):
        model = dc.mlp([7, 24, 3], seed=3)
        stream = dc.stream((X, LABELS), batch_size=300, seed=1)
        return model, model.fit(stream, epochs=50, threads=1, callbacks=[Stop()], group=group)

    results = all_results(3, work, kind)
    check_same(results, results[0])
    assert results[0][1].epochs < 50


# Loops of one's own


def test_sums_of_the_gradients_of_parts_are_the_gradient_of_the_batch():
    model = dc.mlp([7, 24, 3], dropout=0.4, l2=0.01, dtype="float64", seed=2)
    options = {"step": 5, "threads": 1}
    loss, whole = model.gradients(X[:90], LABELS[:90], sample_weight=WEIGHTS[:90], **options)
    total, cost = np.zeros_like(whole.flat), 0.0
    for part in (slice(0, 20), slice(20, 90)):
        share, grads = model.gradients(
            X[part], LABELS[part], sample_weight=WEIGHTS[part], reduction="sum", first=part.start, **options
        )
        total += grads.flat
        cost += share
    weight = WEIGHTS[:90].sum()
    np.testing.assert_allclose(total / weight, whole.flat, rtol=1e-9, atol=1e-12)
    assert cost / weight == pytest.approx(loss, rel=1e-12)


def test_first_and_reduction_are_checked():
    model = dc.mlp([7, 24, 3])
    with pytest.raises(ValueError, match="gradients: reduction must be 'mean' or 'sum', got 'max'"):
        model.gradients(X, LABELS, reduction="max")
    with pytest.raises(ValueError, match="gradients: step must be given where first is not 0, got 3"):
        model.gradients(X, LABELS, first=3)
