"""Masks of dropout can be given: with those that would be drawn, nothing changes."""

import numpy as np
import pytest

import deepcore as dc


def test_given_masks_that_would_be_drawn_change_nothing():
    layers = [
        dc.Dropout(0.2),
        dc.Dense(40, "tanh"),
        dc.Dropout(0.5),
        dc.Dense(300),
        dc.Dropout(0.3),
        dc.Dense(1, "linear"),
    ]
    model = dc.Model(7, layers, seed=3)
    X, y = np.random.default_rng(0).normal(size=(90, 7)).astype("float32"), np.ones((90, 1), "float32")
    traced, network = model.trace(X, y, step=5), model.network
    masks = {layer: traced[f"mask{layer}"].T != 0 for layer in (0, 1, 2)}
    data = network.check("test", X, y, None)
    for given in (masks, {1: masks[1]}):
        flat = np.zeros_like(network.flat)
        network.gradient(data, flat, 0, (3, 5), given)
        np.testing.assert_array_equal(flat, model.gradients(X, y, step=5)[1].flat)
    network.gradient(data, flat, 0, (3, 5), {1: ~masks[1]})
    assert not np.array_equal(flat, model.gradients(X, y, step=5)[1].flat)


@pytest.mark.parametrize(
    ("step", "masks", "message"),
    [
        ((0, 0), {1: np.ones((4, 2))}, r"the mask of layer 1 must have shape \(4, 3\)"),
        ((0, 0), {2: np.ones((4, 1))}, "masks must be of layers with dropout, got one of layer 2"),
        (None, {1: np.ones((4, 3))}, "step must be given with masks"),
    ],
)
def test_masks_that_do_not_fit_are_refused(step, masks, message):
    model = dc.Model(2, [dc.Dense(3), dc.Dropout(0.5), dc.Dense(1, "linear")])
    data = model.network.check("test", np.ones((4, 2)), np.ones(4), None)
    with pytest.raises(ValueError, match=message):
        model.network.gradient(data, np.zeros_like(model.flat_parameters), 0, step, masks)
