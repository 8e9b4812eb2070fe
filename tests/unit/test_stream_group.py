"""Several ranks train on a stream: the bits of one process, and an error of one reader ends all of them."""

import threading

import numpy as np
import pytest

import deepcore as dc
from deepcore.exceptions import GroupError
from ranks import all_results
from resuming import network, problem
from streaming import BATCH

OPTIONS = {"epochs": 3, "dropout_schedule": dc.FlatCosine(1.0)}


@pytest.mark.parametrize("size", [2, 3])
def test_ranks_train_on_a_stream_with_the_bits_of_one_process(size):
    X, y = problem(700)

    def work(group):
        model = network(dropout=0.2)
        stream = dc.stream((X, y), 256, buffer_bytes=1 << 16)
        history = model.fit(
            stream, optimizer=dc.Adam(dc.Cosine(0.01)), validation_data=problem(20), group=group, **OPTIONS
        )
        return model.flat_parameters.copy(), history["loss"]

    parameters, losses = work(None)
    for found, _ in (results := all_results(size, work)):
        assert np.array_equal(found, parameters)
    assert results[0][1] == losses
    assert [thread for thread in threading.enumerate() if thread.name == "deepcore reader"] == []


def test_an_error_of_one_reader_ends_all_ranks():
    X, y = problem(700)

    def work(group):
        def chunks():
            yield X, y
            if group.rank == 1:
                raise OSError("the disk is gone")
            yield X, y

        with pytest.raises((OSError, GroupError), match="the disk is gone") as caught:
            network().fit(dc.stream(chunks, BATCH, buffer_bytes=1 << 13), epochs=2, group=group)
        return caught.type

    kinds = all_results(2, work)
    assert OSError in kinds
    assert GroupError in kinds


def test_ranks_that_give_other_streams_are_refused():
    def work(group):
        with pytest.raises(GroupError, match="stream"):
            network().fit(dc.stream(problem(100 + group.rank), BATCH), epochs=2, group=group)
        return True

    assert all_results(2, work) == [True, True]


def test_ranks_with_their_own_rows_are_refused():
    def work(group):
        with pytest.raises(ValueError, match="stream"):
            network().fit(dc.stream(problem(100), BATCH), epochs=1, group=group)
        return True

    assert all_results(2, work, data="own rows") == [True, True]


def test_ranks_share_the_weights_of_classes_and_the_validation_rows_of_a_stream():
    X, y = problem(700)

    def work(group):
        model = network()
        history = model.fit(
            dc.stream((X, y), 256, buffer_bytes=1 << 16), optimizer=dc.Adam(0.03), epochs=30,
            class_weight="balanced", validation_data=dc.stream(problem(50), BATCH),
            callbacks=[dc.EarlyStopping("val_loss", patience=1)], group=group,
        )  # fmt: skip
        return model.flat_parameters.copy(), history

    parameters, history = work(None)
    results = all_results(2, work)
    for found, _ in results:
        assert np.array_equal(found, parameters)
    assert results[0][1] == history


def test_a_bad_validation_row_of_a_stream_ends_all_ranks():
    def work(group):
        X, y = problem(50)
        X[7] = np.nan
        with pytest.raises((ValueError, GroupError), match="X must be finite in float32, got nan in row 7"):
            network().fit(
                dc.stream(problem(700), BATCH), validation_data=dc.stream((X, y), BATCH), group=group
            )
        return True

    assert all_results(2, work) == [True, True]
