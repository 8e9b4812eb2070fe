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
        (np.ones(2), 1e-7, TypeError, "grads must be a dict like parameters"),
        (None, 1e-7, TypeError, "grads must be a dict like parameters"),
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


# The verdict, and what cannot be checked.


def test_the_worst_elements_are_named_with_both_numbers():
    def slope(t):
        g = 2 * t
        g[1, 0] += 0.5
        g[0, 1] += 3.0
        return g

    check = dc.gradient_check(lambda t: float(np.sum(t**2)), np.ones((2, 2)), slope)
    assert [element.index for element in check.worst] == [(0, 1), (1, 0)]
    assert check.worst[0].given == 5.0
    assert check.worst[0].numeric == pytest.approx(2, rel=1e-9)
    assert "dtheta[0, 1] is 5, and differences give 2" in str(check)
    assert check.wrong == {"theta": 2}


def test_the_layer_nearest_to_the_output_is_named():
    parameters = {"W1": np.ones((2, 2)), "b1": np.ones((2, 1)), "W2": np.ones((1, 2))}
    grads = {"dW1": np.zeros((2, 2)), "db1": np.ones((2, 1)), "dW2": np.full((1, 2), 2.0)}
    check = dc.gradient_check(lambda p: sum(float(a.sum()) for a in p.values()), parameters, grads)
    assert check.by_layer == {1: 4, 2: 2}
    assert check.first_wrong_layer == 2
    assert "the fault nearest to the output is in layer 2" in str(check)


def test_a_gradient_that_is_not_a_number_is_wrong():
    check = dc.gradient_check(lambda t: float(np.sum(t**2)), np.ones(2), np.array([2.0, np.nan]))
    assert not check.ok
    assert check.difference == np.inf


def test_an_element_on_a_kink_is_counted_and_not_accused():
    def cost(t):
        return float(np.maximum(t, 0).sum())

    at = np.array([0.0, 1.0])
    check = dc.gradient_check(cost, at, np.array([0.0, 1.0]))
    assert check.ok
    assert check.kinks == {"theta": 1}
    assert "not judged, because they lie on a kink of the cost: 1 of the elements" in str(check)
    judged = dc.gradient_check(cost, at, lambda t: (t > 0) * 1.0)
    assert judged.ok
    assert judged.kinks == {"theta": 0}
    assert not dc.gradient_check(cost, at, lambda t: (t >= 0) * 3.0).ok


def test_a_check_that_tests_nothing_says_so():
    check = dc.gradient_check(lambda t: 5.0, np.ones(3), np.zeros(3))
    assert "both gradients are 0 everywhere, so this tests little" in str(check)


def test_the_resolution_says_which_errors_can_be_seen():
    exact = dc.gradient_check(lambda t: float(np.sum(t**2)), np.ones(2), np.full(2, 2.0))
    rounded = dc.gradient_check(lambda t: np.float32(np.sum(t**2)), np.ones(2), np.full(2, 2.0))
    assert exact.resolution < 1e-10 < rounded.resolution


def test_a_cost_with_random_numbers_is_refused(rng):
    with pytest.raises(ValueError, match="cost must give one number for the same parameters"):
        dc.gradient_check(lambda t: float(t.sum() * rng.random()), np.ones(2), np.ones(2))


def test_a_cost_that_changes_its_parameters_is_refused():
    def cost(p):
        p["W1"] *= 0.5
        return float(p["W1"].sum())

    with pytest.raises(ValueError, match="cost must not change its parameters, but it changed W1"):
        dc.gradient_check(cost, {"W1": np.ones((2, 2))}, {"dW1": np.ones((2, 2))})


@pytest.mark.parametrize("value", [np.nan, np.inf, np.ones(2), "1"])
def test_a_cost_that_is_not_a_finite_number_is_refused(value):
    with pytest.raises(ValueError, match="cost must"):
        dc.gradient_check(lambda t: value, np.ones(2), np.ones(2))


def test_one_element_that_is_wrong_by_little_is_no_factor_of_all_elements():
    grads = np.array([1.0, 200.0, 300.0, 400.0])
    check = dc.gradient_check(lambda t: float(t @ [1.001, 200.0, 300.0, 400.0]), np.ones(4), grads)
    assert check.wrong == {"theta": 1}
    assert "only some elements" in check.causes["theta"]


def test_the_check_is_shown_in_a_notebook():
    html = dc.gradient_check(lambda t: float(np.sum(t**2)), np.ones(2), np.full(2, 4.0))._repr_html_()
    assert "<td>theta</td>" in html
    assert "theta: it is 2 times the right one everywhere" in html


def test_missing_functions_are_named():
    with pytest.raises(KeyError, match="functions must have propagate, or forward_propagation and"):
        dc.doctor.check_functions({"compute_cost": lambda: 0}, np.ones((2, 3)), np.ones((1, 3)), {})
