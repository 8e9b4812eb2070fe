"""Whole networks against the twin: forward, backward, both precisions, odd shapes, both CPU variants."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepcore import _core
from reference import cases, losses, metrics
from reference import network as twin

NETWORKS = {np.float32: _core.NetworkF32, np.float64: _core.NetworkF64}
# exp of exp of a sum overflows: an activation for outputs.
HIDDEN = [row["name"] for row in _core.activations() if row["name"] not in ("softmax", "exp")]
OUTPUTS = sorted(cases.BELONGING)
# Every layer rounds its own sums and passes on what the layers before it rounded: eps * L * sum |terms|.
# GROWTH pays for unlucky signs, for the few eps of an activation, and for sums that cancel and are then
# enlarged again: of 3000 random networks most needed 1, one needed 12.
GROWTH = 32


def case_of(dtype, *arguments, m):
    """The first case, by seed, in which no z is so near a kink that rounding could choose the other side."""
    for seed in range(100):
        case = cases.make(NETWORKS[dtype], *arguments, m=m, seed=seed)
        nearest = twin.distance_to_kinks(case.X.T, case.Y, case.parameters, case.layers, case.loss)
        if nearest > 64 * np.finfo(dtype).eps:
            return case
    raise AssertionError(f"no seed keeps {arguments} away from kinks")


def limit(sizes, depth, dtype):
    return GROWTH * np.finfo(dtype).eps * depth * float(np.max(sizes))


def expectations(case, weights=None):
    """{name: (value, size)} of every array of a step; size is made of the same sums with absolute values."""
    X, Y, layers, L = case.X.T.astype(np.float64), case.Y, case.layers, len(case.layers)
    A, Z = twin.forward(X, case.parameters, layers)
    dZ, gradients = twin.backward(X, Y, case.parameters, layers, case.loss, weights)
    share = (
        1.0 / len(case.X) if weights is None else weights.astype(np.float64) / weights.sum(dtype=np.float64)
    )
    out = {"A0": (A[0], np.abs(A[0]))}
    for l, (dW, db) in enumerate(gradients, start=1):  # noqa: E741 - l is the layer, as in the notes
        W, b = case.parameters[l - 1]
        sums = np.abs(W) @ np.abs(A[l - 1]) + np.abs(b)
        out |= {f"Z{l}": (Z[l], sums), f"A{l}": (A[l], sums)}
        if l == L:
            dA = share * losses.gradient(A[L], Y, case.loss)
            out[f"dA{l}"] = (dA, np.abs(dA) * np.maximum(1, sums))  # an error of z is one of log a
            sums = share * (np.abs(A[L]) + np.abs(Y)) * np.maximum(1, sums)
        else:
            W_next = case.parameters[l][0]
            sums = np.abs(W_next).T @ np.abs(dZ[l + 1])
            out[f"dA{l}"] = (W_next.T @ dZ[l + 1], sums)
        out[f"dZ{l}"] = (dZ[l], sums)
        out[f"dW{l}"] = (dW, sums @ np.abs(A[l - 1]).T)
        out[f"db{l}"] = (db, sums.sum(axis=1))
    loss = twin.loss_values(A[L], Z[L], Y, case.loss, layers[-1][1])
    out["cost"] = (np.average(loss, weights=weights), np.abs(loss) + out[f"Z{L}"][1].sum(axis=0))
    return out


def assert_agrees(case, weights=None):
    """Predictions, cost, accuracy, every intermediate and every gradient."""
    network, dtype, L = case.network, case.X.dtype, len(case.layers)
    expected, gradient = expectations(case, weights), case.new_gradient()

    got = network.trace(case.X, case.y, weights)
    assert got.keys() | {"cost"} == expected.keys()
    assert all(values.dtype == dtype for values in got.values())
    got["cost"], accuracy = network.evaluate(case.X, case.y, weights)
    for name, (exact, sizes) in expected.items():
        assert np.shape(got[name]) == np.shape(exact), name
        assert np.abs(got[name] - exact).max() <= limit(sizes, L, dtype), name

    cost, sizes = expected["cost"]
    assert abs(network.gradient(case.X, case.y, gradient, weights) - cost) <= limit(sizes, L, dtype)
    for l, (dW, db) in enumerate(twin.unpack(gradient, network.tensors), start=1):  # noqa: E741
        for name, values in ((f"dW{l}", dW), (f"db{l}", db)):
            exact, sizes = expected[name]
            assert np.abs(values - exact).max() <= limit(sizes, L, dtype), name

    predicted = network.predict(case.X)
    exact, sizes = expected[f"A{L}"]
    assert np.abs(predicted.T - exact).max() <= limit(sizes, L, dtype)
    if weights is None:  # of the engine's own outputs: at a tie the twin's could fall on the other side
        fraction = metrics.accuracy(predicted.T, case.Y, case.layers[-1][1])
        assert accuracy == pytest.approx(fraction, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("width", range(1, 41))
def test_every_width_up_to_forty(width, dtype):
    assert_agrees(case_of(dtype, width, [width, width], "tanh", "linear", m=width))


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_every_hidden_activation_and_output(hidden, output, dtype):
    assert_agrees(case_of(dtype, 13, [21, 10, 4], hidden, output, m=30))


@pytest.mark.parametrize(
    ("output", "loss"),
    [
        (output, loss)
        for output in ["linear", "sigmoid", "softmax", "tanh"]
        for loss in cases.losses_for(output)
    ],
)
def test_every_loss(output, loss, dtype):
    assert_agrees(case_of(dtype, 13, [21, 4], "softplus", output, loss, m=30))


@pytest.mark.parametrize("m", [1, 2, 7, 8, 9, 31, 32, 33, 127, 129, 1000])
def test_any_number_of_examples(m, dtype):
    assert_agrees(case_of(dtype, 20, [33, 5], "relu", "softmax", m=m))


@pytest.mark.parametrize("depth", [1, 2, 10, 40])
def test_any_depth(depth, dtype):
    assert_agrees(case_of(dtype, 9, [12] * (depth - 1) + [3], "tanh", "softmax", m=17))


@pytest.mark.parametrize(
    ("inputs", "units"),
    [(1, [1]), (1, [100, 1]), (2500, [3, 1]), (3, [500, 2]), (300, [1, 300, 1])],
    ids=["one number", "fan out", "many inputs", "wide", "bottleneck"],
)
def test_lopsided_shapes(inputs, units, dtype):
    assert_agrees(case_of(dtype, inputs, units, "tanh", "sigmoid", m=11))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    inputs=st.integers(1, 70),
    units=st.lists(st.integers(1, 50), min_size=1, max_size=5),
    m=st.integers(1, 70),
    hidden=st.sampled_from(HIDDEN),
    output=st.sampled_from(OUTPUTS),
    dtype=st.sampled_from(list(NETWORKS)),
)
def test_any_shape(inputs, units, m, hidden, output, dtype):
    assert_agrees(case_of(dtype, inputs, units, hidden, output, m=m))


def test_no_examples_give_no_predictions(dtype):
    case = cases.make(NETWORKS[dtype], 5, [4, 3], "relu", "softmax", m=0)
    assert case.network.predict(case.X).shape == (0, 3)


@pytest.mark.parametrize("verb", ["evaluate", "gradient", "trace", "train"])
def test_a_mean_over_no_examples_is_refused(verb, engine):
    case = cases.make(engine.Network, 5, [4, 3], "relu", "softmax", m=0)
    schedule = _core.Schedule("constant", [0.1])
    extra = {
        "evaluate": (),
        "trace": (),
        "gradient": (case.new_gradient(),),
        "train": (
            engine.Optimizer(case.network, "adagrad", {"eps": 1e-10, "weight_decay": 0.0}, schedule),
            0,
            1,
        ),
    }[verb]
    with pytest.raises(ValueError, match="X must have"):
        getattr(case.network, verb)(case.X, case.y, *extra)


@pytest.mark.parametrize("output", OUTPUTS)
def test_sample_weights_weigh_the_mean(output, engine, dtype, rng):
    case = cases.make(engine.Network, 5, [6, 3], "tanh", output, m=12)
    assert_agrees(case, rng.uniform(0, 3, size=12).astype(dtype))


@pytest.mark.slow
def test_the_other_cpu_variant_agrees_too():
    """The same file in a process that loads v2; fewer tests, since the shapes meet the same loops."""
    if _core.variant == "v2":
        pytest.skip("this process runs variant v2 already")
    if "v2" not in _core.VARIANTS:
        pytest.skip(f"variant v2 is not built, only {_core.VARIANTS}")
    chosen = "every_hidden_activation_and_output or every_loss or number_of_examples or lopsided"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", __file__, "-k", chosen],
        env=os.environ | {"DEEPCORE_ISA": "v2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "variant v2" in run.stdout
