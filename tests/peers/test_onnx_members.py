"""Networks with members run in ONNX Runtime and give the mean of their members."""

import numpy as np
import pytest

import deepcore as dc
from member_networks import random_members, table_of_members
from peers.test_onnx import assert_close, onnxruntime_outputs

pytest.importorskip("onnx", reason="onnx is not installed (extra `onnx`)")
pytestmark = pytest.mark.peers
SEEDS = [*range(8), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(8, 100))]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_networks_with_members_agree_with_onnxruntime(seed, dtype, tmp_path):
    without = ["gelu"] if dtype is np.float64 else []  # ONNX Runtime has no erf of float64
    model, X = random_members(seed, dtype, without)
    model.to_onnx(tmp_path / "a.onnx", fold=bool(seed % 2))
    for rows in (X, X[:1]):
        assert_close(onnxruntime_outputs(tmp_path / "a.onnx", rows), model.predict(rows), dtype, model)
    assert onnxruntime_outputs(tmp_path / "a.onnx", X[:0]).shape == (0, model.outputs)


def test_an_ensemble_of_networks_with_members_agrees_with_onnxruntime(dtype, tmp_path, rng):
    models = [dc.mlp([3, n, 2], members=k, dtype=np.dtype(dtype).name, seed=n) for n, k in ((4, 3), (5, 1))]
    ensemble, X = dc.Ensemble(models), rng.normal(size=(9, 3)).astype(dtype)
    ensemble.to_onnx(tmp_path / "a.onnx")
    assert_close(onnxruntime_outputs(tmp_path / "a.onnx", X), ensemble.predict(X), dtype)


@pytest.mark.parametrize("output", ["softmax", "sigmoid", "logits", "linear"])
@pytest.mark.parametrize("temperature", [1.0, 1.7])
def test_a_table_model_with_members_agrees_with_onnxruntime(output, temperature, tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra `peers`)")
    model, new = table_of_members(output, temperature)
    model.to_onnx(tmp_path / "a.onnx")
    session = runtime.InferenceSession(str(tmp_path / "a.onnx"), providers=["CPUExecutionProvider"])
    texts = np.array([text or "" for text in new["t"]], object)
    feeds = {"x": np.array(new["x"])[:, np.newaxis], "t": texts[:, np.newaxis]}
    found = session.run(None, feeds)
    classes = output != "linear"
    expected = model.predict_proba(new) if classes else model.predict(new)[:, np.newaxis]
    np.testing.assert_allclose(found[0], expected, atol=2e-6)
    assert not classes or found[1].tolist() == model.predict(new).tolist()


def test_a_graph_with_members_is_no_chain_and_is_refused_by_naming_a_node(tmp_path):
    dc.mlp([3, 4, 2], members=2, seed=1).to_onnx(tmp_path / "a.onnx")
    with pytest.raises(
        ValueError, match=r"from_onnx: node 'Unsqueeze\d' \(Unsqueeze\) is not part of a chain"
    ):
        dc.from_onnx(tmp_path / "a.onnx")


@pytest.mark.parametrize("temperature", [5.0, 1e30])
def test_probabilities_of_0_stay_0_in_onnxruntime(temperature, tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra `peers`)")
    model, _ = table_of_members("sigmoid", temperature)
    model.members[0].network.parameters["b2"][...] = 300  # so that 1 - p is 0
    model.to_onnx(tmp_path / "a.onnx")
    session = runtime.InferenceSession(str(tmp_path / "a.onnx"), providers=["CPUExecutionProvider"])
    feeds = {"x": np.array([[0.0]]), "t": np.array([["a"]], object)}
    np.testing.assert_array_equal(session.run(None, feeds)[0], [[0, 1]])
