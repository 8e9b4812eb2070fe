"""Piecewise-linear embeddings follow recorded networks of TabM, whose members share them.

A member is an ordinary network: factors on its inputs are a ``Scale``, factors on its units go into W. The
loss is the mean over the members, and so is the gradient of the embedding.
"""

import json

import numpy as np
import pytest

import deepcore as dc
from realmlp.traces import FOLDER, distance

NAMES = sorted(path.stem for pattern in ("tabm_*.npz", "mini_*.npz") for path in FOLDER.glob(pattern))


class Recorded:
    """One trace with embeddings."""

    def __init__(self, name):
        self.about = json.loads((FOLDER / f"{name}.json").read_text())
        with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as arrays:
            self.arrays = dict(arrays)
        columns = self.about["n_num"]
        self.edges = [self.arrays[f"bins.{j}"] for j in range(columns)]

    def inputs(self):
        """Numbers, then one-hot columns of all codes."""
        sizes = self.about["cat_cardinalities"]
        codes = [np.eye(size)[self.arrays["x_cat"][:, k]] for k, size in enumerate(sizes)]
        return np.concatenate([self.arrays["x_num"], *codes], axis=1)

    def embedding(self, tag):
        """Arrays of the embedding as the package lays them out; unused places of a column are left out."""
        line, bias = (self.arrays[f"{tag}/num_module.linear0.{part}"] for part in ("weight", "bias"))
        parts, columns = self.arrays[f"{tag}/num_module.linear.weight"], []
        for j, edges in enumerate(self.edges):
            bins = len(edges) - 1
            columns += [line[j], *parts[j, : bins - 1], parts[j, -1]]  # the last bin is in the last place
        return {"weight0": np.stack(columns, axis=1), "offset0": bias.T}

    def member(self, i):
        """The network of member i."""
        about, p = self.about, {}
        mini = about["arch"] == "tabm-mini"
        init = {name.removeprefix("init/"): a for name, a in self.arrays.items() if name.startswith("init/")}
        layers = [dc.PiecewiseLinearEmbedding(self.edges, units=about["ple"]["size"])]
        for number in range(about["n_blocks"]):
            block = f"backbone.blocks.{number}.0"
            W, b = init[f"{block}.weight"], init[f"{block}.bias"]
            scale = init["backbone.affine.weight"][i] if mini else init[f"{block}.r"][i]
            if not mini:
                W, b = W * init[f"{block}.s"][i][:, np.newaxis], b[i]
            scaled = number == 0 or not mini
            layers.append(dc.Dense(len(W), "relu", scaled_inputs=scaled))
            p |= {f"W{number + 1}": W, f"b{number + 1}": b[:, np.newaxis]}
            if scaled:
                p[f"scale{number + 1}"] = scale[:, np.newaxis]
        last = about["n_blocks"] + 1
        layers.append(dc.Dense(about["outputs"], "linear" if about["regression"] else "softmax"))
        p |= {f"W{last}": init["output.weight"][i].T, f"b{last}": init["output.bias"][i][:, np.newaxis]}
        loss = "squared_error" if about["regression"] else "categorical_cross_entropy"
        model = dc.Model(self.inputs().shape[1], layers, loss=loss, dtype="float64")
        for name, values in (p | self.embedding("init")).items():
            model.parameters[name] = values
        return model


@pytest.fixture(
    params=[name for name in NAMES if json.loads((FOLDER / f"{name}.json").read_text()).get("ple")]
)
def recorded(request):
    return Recorded(request.param)


def test_edges_are_the_recorded_quantiles(recorded):
    front = dc.PiecewiseLinearEmbedding.at_quantiles(
        recorded.arrays["x_num"], bins=recorded.about["ple"]["n_bins"]
    )
    for got, expected in zip(front.edges, recorded.edges, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_embedded_numbers_are_the_recorded_ones(recorded):
    X, y = recorded.inputs(), recorded.arrays["y"]
    A0 = recorded.member(0).trace(X, y)["A0"]
    embedded = recorded.arrays["embedded"]
    assert distance(A0[: embedded[0].size].T, embedded.reshape(len(X), -1)) <= 1e-9


def test_outputs_of_all_members_are_the_recorded_ones(recorded):
    X, expected = recorded.inputs(), recorded.arrays["out"]
    for i in range(recorded.about["k"]):
        out = recorded.member(i).predict(X)
        wanted = expected[:, i]
        if not recorded.about["regression"]:
            powers = np.exp(wanted - wanted.max(axis=1, keepdims=True))
            wanted = powers / powers.sum(axis=1, keepdims=True)
        assert distance(out, wanted) <= 1e-9


def test_gradients_of_the_embedding_are_the_recorded_ones(recorded):
    X, y, rows = recorded.inputs(), recorded.arrays["y"], recorded.arrays["batch_rows"][0]
    members = [recorded.member(i) for i in range(recorded.about["k"])]
    found = [member.gradients(X[rows], y[rows]) for member in members]
    assert np.mean([loss for loss, _ in found]) == pytest.approx(recorded.arrays["loss"][0], rel=1e-9)
    for name, expected in recorded.embedding("grad").items():
        assert distance(np.mean([grads[f"d{name}"] for _, grads in found], axis=0), expected) <= 1e-9
