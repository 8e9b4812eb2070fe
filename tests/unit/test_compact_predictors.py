"""``Model.predictor(weights=)``: rounded weights, and the same bits however many rows there are."""

import numpy as np
import pytest

import deepcore as dc
from deepcore import data
from deepcore.layers import CategoryEmbedding, Dense, Dropout, PeriodicEmbedding, Scale

FORMS = ["bfloat16", "int8"]


def weights_of(predictor, n_in):
    """W of a network with one linear layer and no bias, as the predictor has it: (n_out, n_in)."""
    return predictor(np.eye(n_in, dtype=np.float32)).T


def linear(W):
    model = dc.Model(W.shape[1], [Dense(W.shape[0], "linear")], loss="squared_error")
    model.parameters["W1"][...] = W
    return model


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (24, 8), (50, 193), (130, 400)])
def test_bfloat16_weights_have_eight_bits_of_precision(rng, shape):
    W = (rng.standard_normal(shape) * 10.0 ** rng.integers(-20, 20, shape)).astype(np.float32)
    found = weights_of(linear(W).predictor(weights="bfloat16"), shape[1])
    assert (np.abs(found - W) <= 2.0**-8 * np.abs(W)).all()


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (24, 8), (50, 193), (130, 400)])
def test_int8_weights_are_within_half_a_step_of_their_unit(rng, shape):
    W = (rng.standard_normal(shape) * 10.0 ** rng.integers(-20, 20, (shape[0], 1))).astype(np.float32)
    found = weights_of(linear(W).predictor(weights="int8"), shape[1])
    step = np.abs(W).max(1, keepdims=True) / 127
    assert (np.abs(found - W) <= 0.502 * step).all()


@pytest.mark.parametrize("weights", FORMS)
def test_zeros_and_the_largest_numbers_are_rounded_as_others(weights):
    W = np.array([[0, 0, 0, 0, 0], [3e38, 0, -3e38, 3.4e38, -3.4e38], [1e-45, 0, -1e-42, 1, 0]], np.float32)
    found = weights_of(linear(W).predictor(weights=weights), 5)
    assert np.isfinite(found).all()
    near = 2.0**-7 * np.abs(W) if weights == "bfloat16" else np.abs(W).max(1, keepdims=True) / 250
    assert (np.abs(found - W) <= near + 2e-38).all()


@pytest.mark.parametrize("weights", FORMS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_not_finite_gives_outputs_that_are_not_finite(weights, bad):
    model = linear(np.ones((2, 6), np.float32))
    model.parameters["W1"][0, 3] = bad
    found = model.predictor(weights=weights)(np.ones(6, np.float32))
    assert not np.isfinite(found[0])
    assert np.isfinite(found[1])


NETWORKS = {
    "widths of every remainder": lambda: dc.mlp([37, 23, 24, 25, 49, 97, 200, 3], seed=1),
    "one unit": lambda: dc.mlp([1, 1], seed=1),
    "norms": lambda: dc.Model(
        9, [Dense(40, "relu", norm="batch"), Dense(30, "tanh", norm="layer"), Dense(2, "softmax")], seed=1
    ),
    "factors": lambda: dc.Model(
        9,
        [
            Scale(),
            Dense(64, "relu", parametrization="ntk", parametric=True),
            Dropout(0.1),
            Dense(3, "softmax"),
        ],
        seed=1,
    ),
    "numeric embedding": lambda: dc.Model(
        5, [PeriodicEmbedding(5), Dense(33, "relu"), Dense(2, "softmax")], seed=1
    ),
    "members": lambda: dc.Model(6, [Dense(40, "relu"), Dense(2, "softmax")], members=4, seed=1),
}


@pytest.mark.parametrize("weights", FORMS)
@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_rows_have_the_same_bits_alone_and_together(rng, make, weights):
    model = make()
    X = rng.standard_normal((70, model.spec.inputs)).astype(np.float32)
    predictor = model.predictor(weights=weights)
    together = predictor(X)
    assert np.array_equal(together, np.stack([predictor(x) for x in X]))
    assert np.array_equal(together[:7], predictor(X[:7], threads=2))
    assert np.allclose(together, model.predict(X), atol=0.1)
    assert not np.array_equal(together, model.predict(X))


def test_codes_of_categories_are_looked_up_as_before(rng):
    model = dc.Model(2, [CategoryEmbedding([5, 3], units=2), Dense(20, "relu"), Dense(2, "softmax")], seed=1)
    X = np.array([[0, 2], [4, 0], [3, 1]], np.float32)
    assert np.allclose(model.predictor(weights="bfloat16")(X), model.predict(X), atol=0.02)


@pytest.mark.parametrize(("weights", "lost"), [("bfloat16", 0.003), ("int8", 0.01)])
def test_trained_networks_keep_their_accuracy(weights, lost):
    X, y = data.load_digits()
    X = (X / 16).astype(np.float32)
    model = dc.mlp([64, 100, 10], seed=1)
    model.fit(X[:1400], y[:1400], epochs=15)
    right = [
        np.mean(p(X[1400:]).argmax(1) == y[1400:])
        for p in (model.predictor(), model.predictor(weights=weights))
    ]
    assert abs(right[0] - right[1]) <= lost


def test_later_changes_of_the_model_are_not_seen(rng):
    model = dc.mlp([30, 40, 2], seed=1)
    x = rng.standard_normal(30).astype(np.float32)
    predictor = model.predictor(weights="int8")
    before = predictor(x)
    model.parameters["W1"][...] = 0
    model.parameters["b2"][...] = 5
    assert np.array_equal(predictor(x), before)


def test_ensembles_have_them_too(rng):
    models = [dc.mlp([30, 40, 2], seed=seed) for seed in (1, 2)]
    x = rng.standard_normal(30).astype(np.float32)
    mean = np.mean([model.predictor(weights="int8")(x) for model in models], axis=0)
    assert np.allclose(dc.Ensemble(models).predictor(weights="int8")(x), mean)


def test_other_names_and_float64_are_refused():
    with pytest.raises(ValueError, match="weights must be None, 'bfloat16' or 'int8', got 'int4'"):
        dc.mlp([2, 1]).predictor(weights="int4")
    with pytest.raises(ValueError, match="needs a float32 model, got float64"):
        dc.mlp([2, 1], dtype="float64").predictor(weights="int8")
