"""Targets that do not sum to one, and examples that weigh nothing."""

import numpy as np

from deepcore import _core


def network():
    net = _core.NetworkF64(3, [(4, "tanh", 0.0), (2, "softmax", 0.0)], "categorical_cross_entropy")
    net.parameters[:] = 0.5 * _core.normal(1, 0, net.parameters.size)
    return net


def gradient(net, X, y, weight=None):
    out = np.zeros_like(net.parameters)
    net.gradient(X, y, out, weight)
    return out


def test_the_gradient_belongs_to_the_loss_where_targets_do_not_sum_to_one():
    net, X = network(), _core.normal(2, 0, 15).reshape(5, 3)
    Y = _core.uniform(3, 0, 10).reshape(5, 2) * 3
    exact, h = gradient(net, X, Y), 1e-6
    for i in range(net.parameters.size):
        kept = net.parameters[i]
        sides = []
        for step in (h, -h):
            net.parameters[i] = kept + step
            sides.append(net.evaluate(X, Y)[0])
        net.parameters[i] = kept
        # rounding of the loss over 2 h is about 1e-10
        np.testing.assert_allclose((sides[0] - sides[1]) / (2 * h), exact[i], rtol=1e-7, atol=1e-8)


def test_an_example_of_weight_zero_may_hold_anything():
    net, X, y = network(), _core.normal(2, 0, 15).reshape(5, 3), np.array([0, 1, 1, 0, 1])
    weight = np.array([1.0, 0.0, 2.0, 1.0, 0.0])
    expected = gradient(net, X[weight > 0], y[weight > 0], weight[weight > 0])
    X[1], X[4] = np.nan, np.inf
    np.testing.assert_allclose(gradient(net, X, y, weight), expected, rtol=1e-13)
