"""Whatever is done to arrays that were handed in, a call reads what it checked and writes nowhere else."""

import subprocess
import sys
import threading

import numpy as np
import pytest

import deepcore as dc


def sparse_features(m=160, n=12):
    sparse = pytest.importorskip("scipy.sparse")
    return sparse.random(m, n, 0.3, "csr", dtype=np.float32, random_state=2)


def features(m=160, n=12):
    return np.random.default_rng(0).normal(size=(m, n)).astype(np.float32)


def fitted(y, X=None, callback=None, **options):
    """The parameters after a short fit; the callback is called after every epoch."""
    model = dc.mlp([12, 8, 4], seed=1)
    model.fit(
        features() if X is None else X,
        y,
        "sgd",
        epochs=3,
        callbacks=[callback] if callback else [],
        **options,
    )
    return model.flat_parameters


@pytest.mark.parametrize("value", [4, 10**9, -1, -(2**60)])
@pytest.mark.parametrize("batch", [None, 16])
def test_labels_that_are_changed_during_a_run_are_those_that_were_checked(value, batch):
    y = np.arange(160) % 4
    expected = fitted(y.copy(), batch_size=batch)
    assert np.array_equal(fitted(y, callback=lambda record: y.fill(value), batch_size=batch), expected)


@pytest.mark.parametrize("value", [np.nan, -1.0, 1e30])
def test_weights_that_are_changed_during_a_run_are_those_that_were_checked(value):
    y, w = np.arange(160) % 4, np.ones(160, np.float32)
    expected = fitted(y, sample_weight=w.copy())
    assert np.array_equal(fitted(y, sample_weight=w, callback=lambda record: w.fill(value)), expected)


@pytest.mark.parametrize("part", ["indices", "indptr"])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("value", [2**29, -1, 12])
def test_the_structure_of_sparse_features_is_that_which_was_checked(part, index, value):
    y = np.arange(160) % 4
    X = sparse_features()
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    expected = fitted(y, X.copy())
    assert np.array_equal(fitted(y, X, callback=lambda record: getattr(X, part).fill(value)), expected)


@pytest.mark.parametrize("what", ["labels", "weights", "indices"])
def test_validation_data_are_those_that_were_checked(what):
    y, w = np.arange(160) % 4, np.ones(160, np.float32)
    X = sparse_features() if what == "indices" else features()

    def losses(break_them):
        data = X.copy(), y.copy(), w.copy()
        broken = {"labels": data[1], "weights": data[2]}.get(what)
        if broken is None:
            broken = data[0].indices
        model = dc.mlp([12, 8, 4], seed=1)
        callbacks = [lambda record: broken.fill(2**30 if what == "indices" else 77)] if break_them else []
        history = model.fit(X, y, "sgd", epochs=3, validation_data=data, callbacks=callbacks)
        return history["val_loss"]

    assert losses(True) == losses(False)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_another_thread_may_write_nonsense_into_every_array_of_a_run(kind):
    y, w = np.arange(160) % 4, np.ones(160, np.float32)
    X = sparse_features() if kind == "sparse" else features()
    arrays = (y, w, X.indices, X.indptr) if kind == "sparse" else (y, w)
    expected = fitted(y.copy(), X.copy(), sample_weight=w.copy(), batch_size=16)
    started = threading.Event()

    def nonsense():
        started.wait()
        for array in arrays:
            array.fill(2**30)

    other = threading.Thread(target=nonsense)
    other.start()
    result = fitted(y, X, lambda record: started.set() or other.join(), sample_weight=w, batch_size=16)
    assert np.array_equal(result, expected)


def test_lbfgs_keeps_the_labels_and_the_structure_that_were_checked():
    X, y = sparse_features(), np.arange(160) % 4

    def parameters(break_them):
        mine, labels = X.copy(), y.copy()
        model = dc.mlp([12, 8, 4], seed=1)

        def edit(record):
            if break_them:
                labels.fill(10**9)
                mine.indices.fill(2**29)

        model.fit(mine, labels, dc.LBFGS(max_iter=4), callbacks=[edit])
        return model.flat_parameters

    assert np.array_equal(parameters(True), parameters(False))


@pytest.mark.parametrize("value", [3, 10**9])
def test_metrics_are_of_the_labels_that_were_checked(value):
    def numbers(break_them):
        y = np.arange(160) % 4
        rows = [np.arange(100), np.arange(60, 160)]

        def edit(record):
            if break_them:
                y.fill(value)
                for part in rows:
                    part.fill(value)

        models = [dc.mlp([12, 8, 4], seed=seed) for seed in (1, 2)]
        options = {"epochs": 3, "metrics": ["f1"]}
        many = dc.fit_many(
            models, features(), y, "sgd", validation_rows=rows,
            callbacks=[[edit], [edit]], threads=1, **options,
        )  # fmt: skip
        y[:] = np.arange(160) % 4
        model = dc.mlp([12, 8, 4], seed=3)
        return [dict(one) for one in (*many, model.fit(features(), y, "sgd", callbacks=[edit], **options))]

    assert numbers(True) == numbers(False)


def test_a_metric_cannot_change_what_other_metrics_read():
    def spoil(y, outputs):
        outputs[...] = 0
        return 1.0

    with pytest.raises(ValueError, match="read-only"):
        dc.mlp([12, 8, 4], seed=1).evaluate(features(), np.arange(160) % 4, metrics=[spoil])


def test_labels_of_mapped_features_are_those_that_were_checked(tmp_path):
    path = tmp_path / "X.npy"
    np.save(path, features().astype(np.float64))
    X = np.load(path, mmap_mode="r")
    y = np.arange(160) % 4
    expected = fitted(y.copy(), X)
    assert np.array_equal(fitted(y, X, callback=lambda record: y.fill(3)), expected)


def test_features_that_a_callback_edits_count_from_the_next_step_whatever_the_batch():
    y = np.arange(160) % 4
    plain = features()
    for options in ({"batch_size": None, "shuffle": False}, {"batch_size": 40}, {"batch_size": 160}):
        X = plain.copy()
        edited = fitted(y, X, lambda record, X=X: X.fill(0), **options)
        assert not np.array_equal(edited, fitted(y, plain.copy(), **options)), options


def test_the_order_that_an_estimator_s_callback_breaks_is_refused():
    from deepcore import _core

    model = dc.mlp([12, 8, 4], seed=1)
    order = np.arange(160)

    def break_it(epoch, loss):
        order.fill(10**12)
        return False

    native = model.network.native
    optimizer = _core.OptimizerF32(native, "sgd", {}, dc.Constant(0.1).native())
    with pytest.raises(ValueError, match="order must hold rows from 0 to 159"):
        native.train(features(), np.arange(160) % 4, optimizer, 16, 3, on_epoch=break_it, order=order)


CHILD = """
import numpy as np, deepcore as dc, mmap, os, sys, tempfile
m = dc.mlp([6, 4, 3], seed=1)
X = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
whole = m.predict(X)
{body}
"""
OVERLAPS = {
    "the same memory": "A = np.zeros((50, 6), np.float32); A[:] = X; out = A[:, :3]; m.predict(A, out=out)",
    "shifted": "A = np.zeros(400, np.float32); A[:300] = X.ravel(); out = A[3:153].reshape(50, 3); "
               "m.predict(A[:300].reshape(50, 6), out=out)",
    "reversed": "A = X.copy(); out = A[::-1, 3:]; m.predict(A, out=out)",
    "predictor": "A = X.copy(); out = A[:, 1:4]; m.predictor()(A, out=out)",
    "one example": "A = X.copy(); out = A[0, :3]; m.predictor()(A[0], out=out); whole = whole[0]",
    "one example of predict": "A = X.copy(); out = A[0, 2:5]; m.predict(A[0], out=out); whole = whole[0]",
}  # fmt: skip


@pytest.mark.parametrize("how", OVERLAPS)
def test_out_that_overlaps_the_features_is_right(how):
    code = CHILD.format(body=f"{OVERLAPS[how]}\nassert np.array_equal(out, whole), (out - whole)")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("name", ["W1", "b1", "W2"])
def test_out_that_overlaps_the_parameters_is_refused_or_gets_the_right_answer(name):
    model = dc.mlp([3, 3, 3], seed=1)
    X = np.eye(3, dtype=np.float32)
    expected = model.predict(X)
    out = model.parameters[name]
    out = out if out.shape == (3, 3) else np.broadcast_to(out, (3, 3))
    try:
        answer = model.predict(X, out=out)
    except ValueError:
        return
    assert np.array_equal(answer, expected)


@pytest.mark.parametrize("strides", [(0, 4), (4, 0), (4, 4), (0, 0)])
def test_out_whose_elements_share_memory_is_refused(strides):
    model = dc.mlp([3, 3, 3], seed=1)
    out = np.lib.stride_tricks.as_strided(np.zeros(9, np.float32), (3, 3), strides)
    with pytest.raises(ValueError, match="memory of its own"):
        model.predict(np.eye(3, dtype=np.float32), out=out)


def test_out_that_cannot_be_written_is_refused():
    model = dc.mlp([3, 3, 3], seed=1)
    out = np.zeros((3, 3), np.float32)
    out.flags.writeable = False
    for call in (model.predict, model.predictor()):
        with pytest.raises(ValueError, match="writable"):
            call(np.eye(3, dtype=np.float32), out=out)


@pytest.mark.parametrize("name", ["inputs", "outputs", "layers", "loss", "dtype", "seed", "spec", "network"])
def test_what_defines_a_model_cannot_be_assigned(name):
    model = dc.mlp([3, 3, 3], seed=1)
    with pytest.raises(AttributeError, match="read-only"):
        setattr(model, name, getattr(model, name))


def test_what_defines_a_model_cannot_be_changed_inside():
    model = dc.Model(3, [dc.Dense(3, rate={"W": 0.5}), dc.Dense(3, "softmax")], seed=1)
    with pytest.raises((AttributeError, TypeError)):
        model.layers[0].activation = "tanh"
    with pytest.raises((AttributeError, TypeError)):
        model.spec.loss = "squared_error"
    with pytest.raises((AttributeError, TypeError)):
        model.layers[0].rate["W"] = 2.0
    with pytest.raises((AttributeError, TypeError)):
        del model.parameters["W1"]
    with pytest.raises((AttributeError, TypeError)):
        model.parameters = {}
    with pytest.raises((AttributeError, TypeError)):
        model.flat_parameters = np.zeros(3)
