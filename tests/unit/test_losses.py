"""Every loss row against its twin, and what happens at certain and impossible answers."""

import numpy as np
import pytest

from deepcore import _core
from reference import losses as twin

NAMES = list(twin.LOSSES)


@pytest.fixture
def probabilities(dtype, rng):
    """A in (0.01, 0.99), Y in (0, 1) with exact zeros and ones; 5 outputs, 19 examples."""
    A = rng.uniform(0.01, 0.99, size=(5, 19)).astype(dtype)
    Y = rng.uniform(size=(5, 19)).astype(dtype)
    Y[rng.uniform(size=Y.shape) < 0.3] = 0
    Y[rng.uniform(size=Y.shape) < 0.3] = 1
    return A, Y


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_of_an_example_is_the_sum_over_its_outputs(name, probabilities, eps):
    A, Y = probabilities
    got = _core.loss_values(A, Y, name)
    assert got.shape == (19,)
    assert got.dtype == A.dtype
    # 5 terms, each below 5, each off by the rounding of 1 - a (eps / 0.01 at worst, rarely) and of log.
    np.testing.assert_allclose(
        got, twin.values(A.astype(float), Y.astype(float), name), rtol=16 * eps, atol=64 * eps
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_the_literal_formula_not_divided_by_m(name, probabilities, eps):
    A, Y = probabilities
    got = _core.loss_gradient(A, Y, name)
    assert got.shape == A.shape
    assert got.dtype == A.dtype
    # A difference of two quotients that may cancel: absolute, in eps of the largest quotient (100).
    np.testing.assert_allclose(
        got, twin.gradient(A.astype(float), Y.astype(float), name), rtol=4 * eps, atol=100 * eps
    )


@pytest.mark.parametrize("m", range(1, 20))
@pytest.mark.parametrize("name", NAMES)
def test_the_loss_of_an_example_does_not_depend_on_its_neighbours(name, m, probabilities):
    A, Y = probabilities
    alone = _core.loss_values(A[:, m - 1 : m], Y[:, m - 1 : m], name)
    assert alone[0] == _core.loss_values(A, Y, name)[m - 1]


@pytest.mark.parametrize(
    ("a", "y", "loss"),
    [(0, 0, 0), (1, 1, 0), (0, 1, np.inf), (1, 0, np.inf)],
    ids=["0/0", "1/1", "0/1", "1/0"],
)
def test_binary_cross_entropy_of_a_saturated_output_is_zero_or_infinite(a, y, loss, dtype):
    assert (
        _core.loss_values(np.array([[a]], dtype), np.array([[y]], dtype), "binary_cross_entropy")[0] == loss
    )


def test_categorical_cross_entropy_reads_the_true_class_only(dtype):
    A, Y = np.array([[0.0, 1.0], [1.0, 0.0]], dtype), np.array([[0.0, 0.0], [1.0, 1.0]], dtype)
    assert _core.loss_values(A, Y, "categorical_cross_entropy").tolist() == [0.0, np.inf]


@pytest.mark.parametrize(("a", "slope"), [(0, 1), (1, -1)])
def test_the_gradient_at_a_certain_right_answer_is_finite(a, slope, dtype):
    """At a = y = 0 the loss is -log(1 - a), with slope 1; 0 / 0 must not make it NaN."""
    got = _core.loss_gradient(np.array([[a]], dtype), np.array([[a]], dtype), "binary_cross_entropy")
    assert got[0, 0] == slope


def test_the_gradient_of_the_absolute_error_at_zero_is_zero(dtype):
    A = np.array([[2.0, 1.0, 0.0]], dtype)
    assert _core.loss_gradient(A, np.ones((1, 3), dtype), "absolute_error").tolist() == [[1.0, 0.0, -1.0]]


@pytest.mark.parametrize(("name", "parameter"), [("huber", 0.3), ("quantile", 0.9)])
def test_the_parameter_is_used(name, parameter, probabilities, eps):
    A, Y = probabilities
    exact = A.astype(float), Y.astype(float), name, parameter
    np.testing.assert_allclose(_core.loss_values(A, Y, name, parameter), twin.values(*exact), rtol=16 * eps)
    got = _core.loss_gradient(A, Y, name, parameter)
    np.testing.assert_allclose(got, twin.gradient(*exact), rtol=4 * eps, atol=4 * eps)


@pytest.mark.parametrize("name", NAMES)
def test_not_a_number_stays_not_a_number(name, dtype):
    A = np.full((1, 5), np.nan, dtype)
    assert np.isnan(_core.loss_values(A, np.ones_like(A), name)).all()


@pytest.mark.parametrize(("z", "y", "loss"), [(1000, 0, 1000), (-1000, 1, 1000), (1000, 1, 0), (-1000, 0, 0)])
def test_the_engine_s_binary_cross_entropy_of_a_saturated_sigmoid_is_finite(z, y, loss, dtype, engine):
    network = engine.Network(1, [(1, "sigmoid", 0.0)], "binary_cross_entropy")
    network.parameters[:] = 0
    network.parameters[1] = z  # b1
    cost, _ = network.evaluate(np.zeros((1, 1), dtype), np.full((1, 1), y, dtype))
    assert cost == pytest.approx(
        loss, rel=0, abs=float(np.finfo(dtype).tiny)
    )  # exp is clamped there, not at 0


def test_the_engine_s_categorical_cross_entropy_of_a_saturated_softmax_is_finite(dtype, engine):
    network = engine.Network(1, [(2, "softmax", 0.0)], "categorical_cross_entropy")
    network.parameters[:] = 0
    network.parameters[2] = 1000  # b1, behind W1 of two numbers
    X = np.zeros((1, 1), dtype)
    assert network.evaluate(X, np.array([1]))[0] == 1000
    assert network.evaluate(X, np.array([0]))[0] == 0


def test_an_unknown_loss_is_refused_with_the_list_of_known_ones(dtype):
    A = np.ones((1, 1), dtype)
    with pytest.raises(ValueError, match=r"squared_error.*got 'hinge'"):
        _core.loss_values(A, A, "hinge")


@pytest.mark.parametrize("loss", [name for name, row in twin.LOSSES.items() if row.needs_probability])
def test_a_cross_entropy_of_an_output_that_is_no_probability_is_refused(loss, engine):
    with pytest.raises(ValueError, match="loss"):
        engine.Network(3, [(2, "relu", 0.0)], loss)
