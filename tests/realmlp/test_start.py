"""The first parameters of RealMLP: what section 4 of the recipe says of them."""

import numpy as np
import pytest

import deepcore as dc
from deepcore._network.network import Network
from deepcore._realmlp.recipe import Recipe
from deepcore._realmlp.start import first_inputs, start_from_rows, start_normal
from deepcore.tabular import Encoding
from realmlp.traces import NAMES, Trace

stats = pytest.importorskip("scipy.stats")
NUMBERS, SIZES = 6, [5, 12, 20]  # the first category becomes 4 one-hot columns


def table(m=700, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.stack([rng.integers(size, size=m) for size in SIZES], axis=1)
    return rng.normal(size=(m, NUMBERS)), codes


def encoding(one_hot_limit=9):
    numbers, codes = table()
    return Encoding.fit(
        numbers, codes, SIZES, scaling="robust", clip=True, one_hot_limit=one_hot_limit
    )


def rows(m=700, seed=0, one_hot_limit=9):
    return encoding(one_hot_limit).transform(*table(m, seed))


def started(classes=True, seed=3, hidden=(64, 48, 56)):
    recipe = Recipe.of("td", classes, hidden=hidden)
    network = Network(recipe.spec(3, encoding(), np.dtype("float64"), seed))
    start_from_rows(network, rows(), np.random.default_rng(seed))
    return network


def values(network, X):
    """Of each layer the pre-activations without bias, (m, units), and the bias."""
    y = np.zeros(len(X), int) if network.spec.output == "softmax" else np.zeros((len(X), network.spec.outputs))
    traced = dc.Model.from_network(network).trace(X, y)
    for number in range(1, len(network.spec.layers) + 1):
        b = network.parameters[f"b{number}"][:, 0]
        yield traced[f"Z{number}"].T - b, b


@pytest.mark.parametrize("classes", [True, False])
def test_every_pre_activation_has_deviation_one_on_the_training_rows(classes):
    network = started(classes)
    for Z, b in values(network, rows()):
        np.testing.assert_allclose(Z.std(axis=0), 1, atol=1e-5)
        assert (Z.min(axis=0) <= -b).all()
        assert (-b <= Z.max(axis=0)).all()


def shifts(network, X):
    return np.concatenate([b + Z.mean(axis=0) for Z, b in values(network, X)])


def test_biases_are_combinations_of_five_rows():
    drawn = np.concatenate([shifts(started(seed=seed), rows()) for seed in range(8)])
    # Five weights of a flat simplex have the variance 5 * 2 / 30; 1368 units: a standard error of 0.015.
    assert abs(drawn.mean()) < 0.06
    assert drawn.var() == pytest.approx(1 / 3, abs=0.06)


def test_biases_are_distributed_like_the_recorded_ones():
    recorded = []
    for name in NAMES:
        trace = Trace(name)
        if trace.about["kind"] != "td":
            continue
        for number in range(trace.members):
            network = trace.member(number, "float64").network
            recorded.append(shifts(network, trace.X("float64")[trace["train_rows"]]))
    drawn = np.concatenate([shifts(started(seed=seed), rows()) for seed in range(4)])
    assert stats.ks_2samp(drawn, np.concatenate(recorded)).pvalue > 0.001


def test_arrays_of_embeddings_have_the_named_distributions():
    p, pbld = started().parameters, 1 / 4
    named = {
        "frequency0": stats.norm(0, 0.1),
        "phase0": stats.uniform(-np.pi, 2 * np.pi),
        "weight0": stats.uniform(-pbld, 2 * pbld),
        "offset0": stats.uniform(-pbld, 2 * pbld),
        "table0": stats.norm(),
    }
    for name, law in named.items():
        assert stats.kstest(p[name].ravel(), law.cdf).pvalue > 0.001, name
    assert (p["scale1"] == 1).all()
    assert (p["alpha2"] == 1).all()


def test_td_s_starts_normal_with_a_last_layer_of_zeros():
    recipe = Recipe.of("td_s", True, hidden=(64, 48))
    network = Network(recipe.spec(3, encoding(None), np.dtype("float64"), 1))
    start_normal(network, np.random.default_rng(1))
    p = network.parameters
    assert not p["W3"].any()
    assert not p["b3"].any()
    assert (p["scale1"] == 1).all()
    for name in ("W1", "b1", "W2", "b2"):
        assert stats.kstest(p[name].ravel(), stats.norm().cdf).pvalue > 0.001, name


def test_a_unit_that_is_constant_over_the_rows_stays_finite():
    recipe = Recipe.of("td", True, hidden=(8,), number_units=0)
    nothing = Encoding.fit(np.zeros((20, 2)), np.zeros((20, 0), int), [], scaling="robust", clip=True)
    network = Network(recipe.spec(2, nothing, np.dtype("float64"), 1))
    start_from_rows(network, np.zeros((20, 2)), np.random.default_rng(1))
    assert np.isfinite(network.flat).all()


def test_the_first_inputs_are_those_of_the_compiled_network():
    network, X = started(), rows(50)
    A0 = dc.Model.from_network(network).trace(X, np.zeros(50, int))["A0"]
    np.testing.assert_allclose(first_inputs(network, X).T, A0, rtol=1e-12, atol=1e-12)
