"""``dc.stream`` refuses what it cannot read or a model cannot train on, and names the file and the row."""

import numpy as np
import pytest

import deepcore as dc
from resuming import network, problem
from streaming import BATCH, SMALL, rows, save_pair


def test_a_bad_row_is_named_with_its_file(tmp_path):
    X, y = problem(300)
    X[277, 1] = np.nan
    with pytest.raises(ValueError, match=r"fit: .*X\.npy: X must be finite .* nan in row 277, column 1"):
        network().fit(dc.stream(save_pair(tmp_path, X, y), BATCH, buffer_bytes=SMALL))
    X[277, 1], y[188] = 0, 7
    with pytest.raises(ValueError, match=r"fit_batches: .*: y must hold labels from 0 to 2 .*7 in row 188"):
        network().fit_batches(dc.stream(save_pair(tmp_path, X, y), BATCH, buffer_bytes=SMALL))
    with pytest.raises(ValueError, match=r"function, chunk 1: y must hold labels .*7 in row 88"):
        network().fit(dc.stream(lambda: [(X[:100], y[:100]), (X[100:], y[100:])], BATCH))


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (3, TypeError, "source must be .*got int"),
        ([], ValueError, "source must not be an empty list"),
        ("x.npy", ValueError, "x.npy holds one array; give a tuple"),
        ("x.doc", ValueError, "source must be .*got 'x.doc'"),
        ((np.zeros((3, 2)),), ValueError, r"a tuple must be \(X, y\) or"),
        ((np.zeros(3), np.zeros(3)), ValueError, r"X must have shape \(m, n_x\), got \(3,\)"),
        ((np.zeros((3, 2)), np.zeros(4)), ValueError, "y must have 3 rows like X, got 4"),
        ((np.zeros((0, 2)), np.zeros(0)), ValueError, "source must have at least one row"),
        ((np.array([["a"]]), np.zeros(1)), TypeError, "X must hold numbers"),
        (
            [(np.zeros((3, 2)), np.zeros(3)), (np.zeros((3, 4)), np.zeros(3))],
            ValueError,
            "all parts must have the same number of columns, got 2 in the arrays and 4 in",
        ),
        (
            [(np.zeros((3, 2)), np.zeros(3)), (np.zeros((3, 2)), np.zeros(3), np.ones(3))],
            ValueError,
            "either all parts must have weights or none",
        ),
    ],
)
def test_wrong_sources_are_refused(source, error, message):
    with pytest.raises(error, match=f"stream: {message}"):
        dc.stream(source, BATCH)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"shuffle": True}, ValueError, "shuffle must be 'blocks' or False, got True"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
        ({"buffer_bytes": "1GB"}, TypeError, "buffer_bytes must be a whole number"),
    ],
)
def test_wrong_options_are_refused(options, error, message):
    with pytest.raises(error, match=f"stream: {message}"):
        dc.stream(**{"source": rows(), "batch_size": BATCH, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y": np.zeros(3)}, "y must be left out with a stream, which has the targets; give the optimizer"),
        ({"batch_size": 5}, "batch_size belongs to the stream, which has batch_size=16, got 5"),
        ({"shuffle": False}, "shuffle belongs to the stream, which has shuffle='blocks', got False"),
        ({"sample_weight": np.ones(3)}, "sample_weight must be left out"),
        ({"validation_split": 0.1}, "validation_split must be left out"),
        ({"optimizer": dc.LBFGS()}, "optimizer must be a name"),
    ],
)
def test_arguments_that_the_stream_has_are_refused(options, message):
    model = network()
    kept = model.flat_parameters.copy()
    with pytest.raises((ValueError, TypeError), match=f"fit: {message}"):
        model.fit(dc.stream(rows(), BATCH), **options)
    assert np.array_equal(model.flat_parameters, kept)


def test_arrays_still_need_their_targets():
    with pytest.raises(TypeError, match="fit: y must be given"):
        network().fit(problem(300)[0])


def test_another_number_of_inputs_and_too_little_memory_are_refused_before_the_start():
    with pytest.raises(ValueError, match=r"fit: the stream must have 5 columns, .*got 3"):
        dc.mlp([5, 1]).fit(dc.stream(rows(), BATCH))
    with pytest.raises(ValueError, match="fit: buffer_bytes of the stream must hold two batches of"):
        network().fit(dc.stream(rows(), BATCH, buffer_bytes=100))


def test_files_that_cannot_be_read_by_rows_are_refused(tmp_path):
    X, y = problem(300)
    np.save(tmp_path / "y.npy", y)
    np.save(tmp_path / "F.npy", np.asfortranarray(X))
    np.savez_compressed(tmp_path / "small.npz", X=X, y=y)
    np.savez(tmp_path / "no.npz", a=X)
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    np.save(tmp_path / "short.npy", X)
    (tmp_path / "short.npy").write_bytes((tmp_path / "short.npy").read_bytes()[:-5])
    for source, message in (
        ((tmp_path / "F.npy", tmp_path / "y.npy"), "Fortran order"),
        (tmp_path / "small.npz", "must not be compressed"),
        (tmp_path / "no.npz", "must hold arrays X and y, got a"),
        ((tmp_path / "bad.npy", tmp_path / "y.npy"), "is not a valid NPY file"),
        ((tmp_path / "short.npy", tmp_path / "y.npy"), "the file is not complete"),
    ):
        with pytest.raises(ValueError, match=message):
            dc.stream(source, BATCH)
    with pytest.raises(FileNotFoundError):
        dc.stream(tmp_path / "none.npz", BATCH)


def test_a_file_that_becomes_shorter_is_an_error_and_not_the_end_of_the_process(tmp_path):
    X, y = problem(300)
    paths = save_pair(tmp_path, X, y)
    stream = dc.stream(paths, BATCH)
    paths[0].write_bytes(paths[0].read_bytes()[:500])
    with pytest.raises(OSError, match=r"X\.npy became shorter while it was read"):
        network().fit(stream)


def test_a_row_of_a_large_chunk_is_named_by_its_place_in_the_chunk(monkeypatch):
    from deepcore._network import examples

    monkeypatch.setattr(examples, "SLAB_BYTES", 1200)
    X, y = problem(300)
    X[277, 2] = np.inf
    with pytest.raises(ValueError, match=r"function, chunk 0: X must be finite .*inf in row 277, column 2"):
        network().fit(dc.stream(lambda: [(X, y)], BATCH))


def test_chunks_must_agree_in_their_weights_and_targets():
    X, y = problem(300)
    for second in ((X, y, np.ones(300)), (X, np.stack([y, y], axis=1))):
        with pytest.raises(ValueError, match="must be given for all rows or for none, with as many columns"):
            list(dc.stream(lambda second=second: [(X, y), second], BATCH).batches())


def test_chunks_that_are_no_examples_are_refused():
    for made, error, message in (
        (lambda: 3, TypeError, "the function must return an iterable"),
        (lambda: [3], TypeError, "chunks must be .*got int as chunk 0"),
        (lambda: [], ValueError, "batches must hold an example with weight, got none in epoch 0"),
    ):
        with pytest.raises(error, match=message):
            network().fit(dc.stream(made, BATCH))
