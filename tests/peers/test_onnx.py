"""deepcore and ONNX: files that deepcore writes run elsewhere, and files of others become models."""

from pathlib import Path

import numpy as np
import pytest

import deepcore as dc

onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra `onnx`)")

pytestmark = pytest.mark.peers

FIXTURES = Path(__file__).parents[1] / "data" / "onnx"
HIDDEN = [name for name in dc.catalog.activations if name not in ("softmax", "exp")]
OUTPUTS = ["linear", "sigmoid", "softmax", "exp", "tanh"]
# The norm of a difference relative to the norm of the outputs: a few sums of some hundred terms.
BOUND = {np.float32: 1e-5, np.float64: 1e-6}


def random_model(seed, dtype, without=()):
    """A model of random depth, widths, activations, norms and numbers."""
    rng = np.random.default_rng(seed)
    hidden = [name for name in HIDDEN if name not in without]
    layers = [dc.Dropout(0.1)] if rng.random() < 0.2 else []
    for _ in range(rng.integers(0, 4)):
        if rng.random() < 0.2:
            layers.append(dc.Scale())
        layers.append(
            dc.Dense(
                int(rng.integers(1, 40)), str(rng.choice(hidden)), norm=rng.choice([None, "batch", "layer"]),
                parametric=bool(rng.random() < 0.2), parametrization=str(rng.choice(["standard", "ntk"])),
            )
        )  # fmt: skip
        if rng.random() < 0.2:
            layers.append(dc.Dropout(0.2))
    output = str(rng.choice(OUTPUTS))
    layers.append(dc.Dense(int(rng.integers(2, 6)), output))
    loss = "auto" if output != "tanh" else "squared_error"
    model = dc.Model(int(rng.integers(1, 30)), layers, loss=loss, dtype=np.dtype(dtype).name, seed=seed)
    for view in model.parameters.values():
        view[...] += rng.uniform(-0.2, 0.2, view.shape)
    for view in model.running.values():
        view[...] = rng.uniform(0.5, 1.5, view.shape)
    return model, rng.normal(size=(7, model.inputs)).astype(dtype)


def assert_close(found, expected, dtype, what=""):
    error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert error < BOUND[dtype], what


def onnxruntime_outputs(path, X, output=None):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra `peers`)")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(output, {session.get_inputs()[0].name: X})[0]


SEEDS = [*range(12), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(12, 200))]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_architectures_agree_with_onnxruntime_and_come_back(seed, dtype, tmp_path):
    without = ["gelu"] if dtype is np.float64 else []  # ONNX Runtime has no erf of float64
    model, X = random_model(seed, dtype, without)
    model.to_onnx(tmp_path / "a.onnx", fold=bool(seed % 2))
    expected = model.predict(X)
    assert_close(onnxruntime_outputs(tmp_path / "a.onnx", X), expected, dtype, model)
    back = dc.from_onnx(tmp_path / "a.onnx")
    assert back.dtype == dtype
    assert_close(back.predict(X), expected, dtype, model)
