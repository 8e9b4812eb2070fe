"""A training that is interrupted anywhere goes on from its checkpoint, with the bits of one that was not."""

import os

import numpy as np
import pytest

import deepcore as dc
from tracing import traced

INTERRUPTS = int(os.environ.get("DEEPCORE_RESUMES", "12"))
X = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
Y = np.arange(40) % 2


def train(path, epochs=3):
    """Train from the start, or go on where the file stands; returns all numbers of the result."""
    model = dc.Model(5, [dc.Dense(6, norm="batch"), dc.Dropout(0.2), dc.Dense(1, "sigmoid")], seed=1)
    callbacks = [dc.EarlyStopping("loss", patience=5), *([dc.Checkpoint(path)] if path else [])]
    history = model.fit(
        X, Y, dc.Adam(dc.Cosine(1e-2)), epochs=epochs, batch_size=16, threads=1, callbacks=callbacks
    )
    return (
        b"".join(array.tobytes() for array in model.snapshot()),
        list(history["loss"]),
        model.epochs_trained,
    )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_run_interrupted_between_any_two_instructions_ends_with_the_same_bits(tmp_path):
    expected = train(None)
    assert train(tmp_path / "whole") == expected
    length = traced(lambda: train(tmp_path / "counted"), at=10**9)[0].count
    for number, at in enumerate(np.random.default_rng(0).integers(length, size=INTERRUPTS)):
        path = tmp_path / f"run{number}"
        tracer, _ = traced(lambda path=path: train(path), int(at))
        assert train(path) == expected, tracer.place


def test_a_run_interrupted_again_and_again_ends_with_the_same_bits(tmp_path):
    expected = train(None, epochs=4)
    path = tmp_path / "run"
    for at in np.random.default_rng(1).integers(8000, size=6):
        traced(lambda: train(path, epochs=4), int(at))
    assert train(path, epochs=4) == expected


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_many_networks_that_are_interrupted_between_any_two_instructions_end_with_the_same_bits(tmp_path):
    def fit(path):
        models = [dc.mlp([5, 6, 1], seed=k, norm="batch", dropout=0.1) for k in range(3)]
        histories = dc.fit_many(
            models, X, Y, dc.Adam(dc.Cosine(1e-2)), rows=[Y == 0, Y == 1, None], epochs=[2, 3, 2],
            batch_size=8, early_stopping=dc.EarlyStopping("loss", patience=1), threads=1,
            checkpoint=None if path is None else dc.Checkpoint(path),
        )  # fmt: skip
        numbers = [b"".join(array.tobytes() for array in model.snapshot()) for model in models]
        return numbers, list(map(dict, histories)), [model.epochs_trained for model in models]

    expected = fit(None)
    length = traced(lambda: fit(tmp_path / "counted"), at=10**9)[0].count
    for number, at in enumerate(np.random.default_rng(0).integers(length, size=INTERRUPTS)):
        path = tmp_path / f"run{number}"
        tracer, _ = traced(lambda path=path: fit(path), int(at))
        assert fit(path) == expected, tracer.place


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("shape", [{"n_ens": 2}, {"cv": 2}, {"cv": 2, "n_ens": 2}])
def test_a_realmlp_that_is_interrupted_between_any_two_instructions_ends_with_the_same_bits(tmp_path, shape):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")
    from deepcore.sklearn import RealMLPClassifier

    def fit(path):
        settings = {"hidden_layer_sizes": 4, "n_epochs": 4, "variant": "td", "random_state": 1, **shape}
        checkpoint = None if path is None else dc.Checkpoint(path)
        fitted = RealMLPClassifier(**settings, n_threads=1, checkpoint=checkpoint).fit(X, Y)
        return fitted.loss_curves_, fitted.validation_errors_, fitted.predict_proba(X).tobytes()

    expected = fit(None)
    length = traced(lambda: fit(tmp_path / "counted"), at=10**9)[0].count
    for number, at in enumerate(np.random.default_rng(0).integers(length, size=INTERRUPTS // 2)):
        path = tmp_path / f"run{number}"
        tracer, _ = traced(lambda path=path: fit(path), int(at))
        assert fit(path) == expected, tracer.place
