"""The gradient check passes what is right, finds what is wrong, and changes nothing."""

import numpy as np
import pytest

import deepcore as dc


def test_one_number_as_in_the_course():
    check = dc.gradient_check(lambda theta: theta * 2.0, 4.0, 2.0)
    assert float(check) == check.difference < 1e-7


def test_a_wrong_derivative_is_found():
    # the quotient of 3 and 2: |3 - 2| / (3 + 2)
    assert dc.gradient_check(lambda theta: theta * 2.0, 4.0, 3.0).difference == pytest.approx(0.2, abs=1e-6)


def test_one_array():
    theta = np.array([[1.0, -2.0], [0.5, 3.0]])
    assert dc.gradient_check(lambda t: float(np.sum(t**2)), theta, 2 * theta, epsilon=1e-5).difference < 1e-9


def test_each_parameter_has_its_own_difference():
    parameters = {"W1": np.ones((2, 2)), "b1": np.ones((2, 1))}
    grads = {"dW1": np.ones((2, 2)), "db1": np.zeros((2, 1)), "dA0": np.ones((9, 9))}
    check = dc.gradient_check(lambda p: float(p["W1"].sum() + p["b1"].sum()), parameters, grads)
    assert check.by_parameter["W1"] < 1e-7
    assert check.by_parameter["b1"] == 1.0
    assert "b1" in repr(check)


def test_two_zero_gradients_do_not_differ():
    assert dc.gradient_check(lambda theta: 5.0, 4.0, 0.0).difference == 0.0


def test_the_parameters_are_left_alone():
    theta = np.array([0.1, 0.2])
    kept = theta.copy()
    dc.gradient_check(lambda t: float(t.sum()), theta, np.ones(2))
    assert np.array_equal(theta, kept)


@pytest.mark.parametrize(
    ("grads", "epsilon", "error", "message"),
    [
        ({"dW1": [[1.0]]}, 1e-7, KeyError, "grads must have db1"),
        ({"dW1": [1.0], "db1": [[1.0]]}, 1e-7, ValueError, r"dW1 must have shape \(1, 1\) like W1"),
        ({}, 0.0, ValueError, "epsilon must be positive"),
    ],
)
def test_wrong_arguments_are_refused(grads, epsilon, error, message):
    with pytest.raises(error, match=message):
        dc.gradient_check(lambda p: 0.0, {"W1": [[1.0]], "b1": [[1.0]]}, grads, epsilon=epsilon)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("output", ["sigmoid", "softmax", "linear"])
def test_a_model_s_gradients_are_right(output, dtype, rng):
    model = dc.mlp([3, 4, 2], activation="tanh", output=output, dtype=dtype, seed=1)
    X, y = rng.normal(size=(5, 3)), np.array([0, 1, 1, 0, 1])
    check = dc.check_gradients(model, X, y if output == "softmax" else np.column_stack([y, 1 - y]))
    # four-point differences err by epsilon^4 = 1e-16 and by rounding / epsilon = 1e-12
    assert check.difference < 1e-9
    assert set(check.numeric) == set(model.parameters)


def test_checking_leaves_the_model_alone(rng):
    model = dc.mlp([3, 4, 1], seed=1)
    kept = model.flat_parameters.copy()
    dc.check_gradients(model, rng.normal(size=(5, 3)), [0, 1, 1, 0, 1])
    assert np.array_equal(model.flat_parameters, kept)
