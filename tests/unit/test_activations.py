"""Every activation row against its twin, in both precisions, at ordinary, large, infinite and undefined z."""

import numpy as np
import pytest

from deepcore import _core
from reference import activations as twin

NAMES = list(twin.ACTIVATIONS)
ELEMENTWISE = [name for name in NAMES if name != "softmax"]


def default(name):
    return float(twin.ACTIVATIONS[name].parameter or 0.0)


def points(dtype):
    """Where rounding shows: a fine grid around 0, tiny and large numbers of both signs; 13 rows."""
    grid = np.linspace(-12, 12, 481)
    powers = np.logspace(-30, np.log10(300), 130)
    z = np.concatenate([grid, powers, -powers, [0.0, 0.5, -0.5]])
    return np.resize(z, (13, -(-z.size // 13))).astype(dtype)


def points_for(name, dtype):
    return np.minimum(points(dtype), 80) if name == "exp" else points(dtype)  # beyond 88, float32 has no e^z


def bound(name, exact, z, eps, dtype):
    row = twin.ACTIVATIONS[name]
    # Below the smallest normal number of the precision, results may become 0.
    size = np.maximum(1.0, np.abs(z))
    return (row.relative * np.abs(exact) + row.absolute * size) * eps + np.finfo(dtype).tiny


def assert_within(got, exact, limit):
    excess = np.abs(got.astype(np.float64) - exact) - limit
    worst = np.unravel_index(np.argmax(excess), excess.shape)
    assert excess[worst] <= 0, f"at {worst}: got {got[worst]}, exact {exact[worst]}, allowed {limit[worst]}"


@pytest.mark.parametrize("name", NAMES)
def test_the_value_is_the_twin_s(name, dtype, eps):
    Z = points_for(name, dtype)
    exact = twin.forward(Z.astype(np.float64), name)
    got = _core.activation_forward(Z, name, default(name))
    assert got.dtype == dtype
    assert_within(got, exact, bound(name, exact, Z, eps, dtype))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_derivative_is_the_twin_s(name, dtype, eps):
    Z = points_for(name, dtype)
    exact = twin.backward(np.ones(Z.shape), Z.astype(np.float64), name)
    got = _core.activation_backward(np.ones_like(Z), Z, name, default(name))
    assert got.dtype == dtype
    assert_within(got, exact, bound(name, exact, Z, eps, dtype))


@pytest.mark.parametrize("name", NAMES)
def test_dZ_is_dA_times_the_derivative(name, dtype, eps, rng):
    Z, dA = (rng.normal(size=(5, 11)).astype(dtype) for _ in range(2))
    exact = twin.backward(dA.astype(np.float64), Z.astype(np.float64), name)
    got = _core.activation_backward(dA, Z, name, default(name))
    # Ordinary z: a few eps of a slope of size 1 times dA; softmax sums 5 products.
    assert_within(got, exact, np.full(Z.shape, 16 * eps * np.abs(dA).max()))


@pytest.mark.parametrize(("name", "parameter"), [("leaky_relu", 0.0), ("leaky_relu", 0.3), ("elu", 2.5)])
def test_the_parameter_is_used(name, parameter, dtype, eps, rng):
    Z, dA = (rng.normal(size=(4, 9)).astype(dtype) for _ in range(2))
    forward = _core.activation_forward(Z, name, parameter)
    backward = _core.activation_backward(dA, Z, name, parameter)
    np.testing.assert_allclose(forward, twin.forward(Z.astype(float), name, parameter), rtol=0, atol=32 * eps)
    exact = twin.backward(dA.astype(float), Z.astype(float), name, parameter)
    np.testing.assert_allclose(backward, exact, rtol=0, atol=32 * eps)


@pytest.mark.parametrize("name", NAMES)
def test_an_element_has_the_same_bits_wherever_it_stands(name, dtype, rng):
    """Vector lanes and the rest of a row go through the same operations."""
    Z = rng.normal(scale=3, size=(1, 41)).astype(dtype)
    dA = rng.normal(size=Z.shape).astype(dtype)
    together = _core.activation_forward(Z, name, default(name))
    back = _core.activation_backward(dA, Z, name, default(name))
    for i in range(Z.shape[1]):
        z, da = Z[:, i : i + 1].copy(), dA[:, i : i + 1].copy()
        assert _core.activation_forward(z, name, default(name)).tobytes() == together[:, i].tobytes()
        assert _core.activation_backward(da, z, name, default(name)).tobytes() == back[:, i].tobytes()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("m", [1, 3, 8, 17])
def test_not_a_number_stays_not_a_number(name, m, dtype):
    """A diverged run must show: a maximum with 0 must not turn NaN into 0."""
    assert np.isnan(_core.activation_forward(np.full((1, m), np.nan, dtype), name, default(name))).all()


@pytest.mark.parametrize(
    "name",
    [
        "linear",
        "sigmoid",
        "tanh",
        "relu",
        "leaky_relu",
        "elu",
        "selu",
        "softplus",
        "exp",
        "hard_sigmoid",
        "hard_tanh",
        "relu6",
    ],
)
def test_infinite_z_gives_the_limit(name, dtype):
    Z = np.array([[np.inf, -np.inf]], dtype=dtype)
    limits = {
        "sigmoid": (1, 0),
        "tanh": (1, -1),
        "relu": (np.inf, 0),
        "elu": (np.inf, -1),
        "selu": (np.inf, dtype(-twin.SELU_SCALE * twin.SELU_ALPHA)),
        "softplus": (np.inf, 0),
        "exp": (np.inf, 0),
        "hard_sigmoid": (1, 0),
        "hard_tanh": (1, -1),
        "relu6": (6, 0),
    }
    got = _core.activation_forward(Z, name, default(name))
    info = np.finfo(dtype)
    # exp is clamped below the smallest normal number, not at 0.
    np.testing.assert_allclose(got[0], limits.get(name, (np.inf, -np.inf)), rtol=4 * info.eps, atol=info.tiny)


def test_the_derivative_of_relu_at_zero_is_zero(dtype):
    assert _core.activation_backward(np.ones((1, 1), dtype), np.zeros((1, 1), dtype), "relu", 0.0) == 0


def test_the_derivative_of_leaky_relu_at_zero_is_its_slope(dtype):
    got = _core.activation_backward(np.ones((1, 1), dtype), np.zeros((1, 1), dtype), "leaky_relu", 0.25)
    assert got == 0.25


def test_columns_of_softmax_sum_to_one(dtype, eps, rng):
    A = _core.activation_forward(rng.normal(scale=20, size=(37, 50)).astype(dtype), "softmax", 0.0)
    np.testing.assert_allclose(
        A.sum(axis=0, dtype=np.float64), 1.0, rtol=0, atol=37 * eps
    )  # 37 rounded terms


def test_softmax_of_huge_logits_is_the_class_of_the_largest(dtype):
    Z = np.array([[1e4, -1e30], [-1e4, 1e30], [0.0, 0.0]], dtype=dtype)
    A = _core.activation_forward(Z, "softmax", 0.0)
    # exp is clamped below the smallest normal number, not at 0.
    np.testing.assert_allclose(A, [[1, 0], [0, 1], [0, 0]], rtol=0, atol=np.finfo(dtype).tiny)


def test_an_unknown_activation_is_refused_with_the_list_of_known_ones(dtype):
    with pytest.raises(ValueError, match=r"sigmoid.*got 'sigmiod'"):
        _core.activation_forward(np.ones((1, 1), dtype), "sigmiod", 0.0)
