"""The twin agrees with itself: values with derivatives, loops with matrices, formulas with numbers."""

from itertools import pairwise

import numpy as np
import pytest

from reference import activations, initializers, logistic, losses, metrics, network, optimizers, schedules

H = 1e-5  # central differences err by about h^2 (1e-10) and by eps / h (1e-11)


@pytest.mark.parametrize("name", [n for n, row in activations.ACTIVATIONS.items() if row.derivative])
def test_the_derivative_of_an_activation_is_its_central_difference(name):
    z = np.linspace(-6, 6, 241) + 0.0123  # no point within h of the kink at 0
    slope = (activations.forward(z + H, name) - activations.forward(z - H, name)) / (2 * H)
    np.testing.assert_allclose(activations.backward(np.ones_like(z), z, name), slope, rtol=1e-9, atol=1e-9)


def test_the_softmax_backward_is_the_central_difference_of_a_weighted_sum(rng):
    Z, dA = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    dZ = activations.backward(dA, Z, "softmax")
    for i, j in np.ndindex(*Z.shape):
        step = np.zeros_like(Z)
        step[i, j] = H
        slope = np.sum(dA * (activations.softmax(Z + step) - activations.softmax(Z - step))) / (2 * H)
        assert dZ[i, j] == pytest.approx(slope, abs=1e-9)


def test_activations_are_finite_far_out():
    z = np.array([-1e4, -800.0, 800.0, 1e4])
    for name in activations.ACTIVATIONS:
        assert np.isfinite(activations.forward(z[:, None], name)).all(), name
        assert np.isfinite(activations.backward(np.ones((4, 1)), z[:, None], name)).all(), name


@pytest.mark.parametrize("name", losses.LOSSES)
def test_the_derivative_of_a_loss_is_its_central_difference(name, rng):
    A, Y = rng.uniform(0.1, 0.9, size=(3, 5)), rng.uniform(size=(3, 5))
    slope = (losses.LOSSES[name].terms(A + H, Y) - losses.LOSSES[name].terms(A - H, Y)) / (2 * H)
    np.testing.assert_allclose(losses.gradient(A, Y, name), slope, rtol=0, atol=1e-7)


def test_cross_entropies_of_impossible_answers_are_infinite_and_of_certain_ones_zero():
    A, Y = np.array([[0.0, 1.0, 0.0, 1.0]]), np.array([[1.0, 0.0, 0.0, 1.0]])
    assert losses.values(A, Y, "binary_cross_entropy").tolist() == [np.inf, np.inf, 0.0, 0.0]


@pytest.mark.parametrize(("loss", "output"), [(n, r.output) for n, r in losses.LOSSES.items() if r.output])
def test_belonging_loss_and_output_give_the_literal_loss_and_gradient(loss, output, rng):
    Z = rng.normal(size=(3, 6))
    A, Y = activations.forward(Z, output), network.one_hot(rng.integers(3, size=6), 3)
    stable = network.loss_values(A, Z, Y, loss, output)
    np.testing.assert_allclose(stable, losses.values(A, Y, loss), rtol=1e-13)
    literal = activations.backward(losses.gradient(A, Y, loss), Z, output)
    np.testing.assert_allclose(A - Y, literal, rtol=0, atol=1e-14)


@pytest.mark.parametrize("weights", [None, [1.0, 0.0, 2.0, 0.5, 3.0]])
def test_the_gradient_of_a_network_is_the_central_difference_of_its_cost(weights, rng):
    layers = [(4, "tanh", None), (3, "softplus", None), (2, "sigmoid", None)]
    sizes = [3] + [units for units, _, _ in layers]
    parameters = [(rng.normal(size=(n, p)), rng.normal(size=(n, 1))) for p, n in pairwise(sizes)]
    X, Y = rng.normal(size=(3, 5)), rng.uniform(size=(2, 5))
    _, gradients = network.backward(X, Y, parameters, layers, "binary_cross_entropy", weights)
    for pair, slopes in zip(parameters, gradients, strict=True):
        for array, slope in zip(pair, slopes, strict=True):
            for index in np.ndindex(*array.shape):
                kept, costs = array[index], []
                for moved in (kept + H, kept - H):
                    array[index] = moved
                    costs.append(network.cost(X, Y, parameters, layers, "binary_cross_entropy", weights))
                array[index] = kept
                assert slope[index] == pytest.approx((costs[0] - costs[1]) / (2 * H), abs=1e-9)


def test_the_two_loops_of_logistic_regression_give_the_one_layer_network(rng):
    X, Y = rng.normal(size=(4, 7)), rng.integers(2, size=7).astype(float)
    w, b = rng.normal(size=4), 0.3
    J, dw, db = logistic.cost_and_gradient(w.tolist(), b, X.tolist(), Y.tolist())
    parameters, layers = [(w[None], np.array([[b]]))], [(1, "sigmoid", None)]
    _, [(dW, dB)] = network.backward(X, Y[None], parameters, layers, "binary_cross_entropy")
    expected = network.cost(X, Y[None], parameters, layers, "binary_cross_entropy")
    assert pytest.approx(expected, rel=1e-13) == J
    np.testing.assert_allclose(dw, dW[0], rtol=0, atol=1e-14)
    assert db == pytest.approx(dB[0, 0], abs=1e-14)


def test_one_step_of_the_loops_lowers_the_cost():
    X, Y = [[0.0, 1.0, 2.0, 3.0]], [0, 0, 1, 1]
    before, dw, db = logistic.cost_and_gradient([0.0], 0.0, X, Y)
    w, b = logistic.update([0.0], 0.0, dw, db, learning_rate=0.5)
    assert logistic.cost_and_gradient(w, b, X, Y)[0] < before == pytest.approx(np.log(2))


@pytest.mark.parametrize("name", optimizers.RULES)
def test_every_optimizer_walks_downhill_on_a_parabola(name):
    p, state = np.array([1.0, -2.0]), {}
    for t in range(1, 301):
        p = optimizers.step(name, p, 2 * p, state, t, 0.05, {"weight_decay": 0.0})
    assert np.abs(p).max() < 0.7  # adagrad, the slowest, has come from 2 to 0.65


def test_plain_sgd_by_hand():
    assert optimizers.step("sgd", 1.0, 0.5, {}, 1, 0.1) == pytest.approx(0.95)


def test_the_course_schedules_by_hand():
    assert schedules.inverse_time(2, 0.5, 1, 1) == pytest.approx(0.5 / 3)
    assert schedules.inverse_time(99, 0.5, 0.3, 100) == 0.5
    assert schedules.step(20, 1.0, 0.1, 10) == pytest.approx(0.01)
    assert [schedules.cosine(t, 1.0, 10, 0.2) for t in (0, 5, 10, 11)] == pytest.approx([1.0, 0.6, 0.2, 0.2])


def test_accuracy_by_hand():
    A, Y = np.array([[0.9, 0.4, 0.5], [0.1, 0.6, 0.5]]), np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    assert metrics.accuracy(A, Y, "softmax") == pytest.approx(2 / 3)  # a tie goes to the first class
    assert metrics.accuracy(A, Y, "sigmoid") == pytest.approx(1 / 3)  # one half is not over one half
    assert np.isnan(metrics.accuracy(A, Y, "linear"))


def test_he_doubles_lecun():
    rows = initializers.INITIALIZERS
    assert rows["he"].variance(7, 50) == 2 * rows["lecun"].variance(7, 50) == 0.04
