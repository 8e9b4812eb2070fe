"""Piecewise-linear embeddings follow recorded networks of TabM, whose members share them.

A member is an ordinary network: factors on its inputs are a ``Scale``, factors on its units go into W. The
loss is the mean over the members, and so is the gradient of the embedding.
"""

import numpy as np
import pytest

import deepcore as dc
from realmlp.tabm_traces import NAMES, Recorded
from realmlp.traces import distance


@pytest.fixture(params=[name for name in NAMES if Recorded(name).about["ple"]])
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
