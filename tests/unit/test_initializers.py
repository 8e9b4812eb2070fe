"""The draws of every initialiser: moments against the twin's variance, and what they depend on."""

import numpy as np
import pytest

from deepcore import _core
from reference import initializers as twin
from reference import rng

RANDOM = [name for name, row in twin.INITIALIZERS.items() if row.law != "constant"]
N_OUT, N_IN = 150, 400
COUNT = N_OUT * N_IN
SIGMAS = 5.0  # a false alarm in two million, and the seed is fixed anyway


@pytest.mark.parametrize("name", list(twin.INITIALIZERS))
def test_the_result_is_a_float64_matrix_n_out_by_n_in(name):
    W = _core.initialize(5, 3, name, 1.0, 0, 1)
    assert W.shape == (5, 3)
    assert W.dtype == np.float64


@pytest.mark.parametrize("name", RANDOM)
def test_the_mean_is_zero(name):
    W = _core.initialize(N_OUT, N_IN, name, 1.0, 0, 1)
    deviation = np.sqrt(twin.INITIALIZERS[name].variance(N_OUT, N_IN) / COUNT)
    assert abs(W.mean()) < SIGMAS * deviation


@pytest.mark.parametrize("name", RANDOM)
def test_the_variance_is_the_formula(name):
    W = _core.initialize(N_OUT, N_IN, name, 1.0, 0, 1)
    # The variance of n squares of a normal law is 2 / n of its square; a uniform law's (4/5) is less.
    expected = twin.INITIALIZERS[name].variance(N_OUT, N_IN)
    assert W.var() == pytest.approx(expected, rel=SIGMAS * np.sqrt(2 / COUNT))


@pytest.mark.parametrize("name", RANDOM)
def test_the_fourth_moment_tells_the_law(name):
    W = _core.initialize(N_OUT, N_IN, name, 1.0, 0, 1)
    kurtosis = np.mean(W**4) / W.var() ** 2
    # Normal: 3 with deviation sqrt(24 / n); uniform: 9/5, with less.
    expected = 3.0 if twin.INITIALIZERS[name].law == "normal" else 1.8
    assert kurtosis == pytest.approx(expected, abs=SIGMAS * np.sqrt(24 / COUNT))


@pytest.mark.parametrize("name", [name for name in RANDOM if twin.INITIALIZERS[name].law == "uniform"])
def test_uniform_draws_stay_within_their_radius_and_reach_it(name):
    radius = np.sqrt(3 * twin.INITIALIZERS[name].variance(N_OUT, N_IN))
    largest = np.abs(_core.initialize(N_OUT, N_IN, name, 1.0, 0, 1)).max()
    assert 0.999 * radius < largest <= radius


@pytest.mark.parametrize("name", ["xavier", "xavier_uniform"])
def test_the_gain_scales_xavier(name):
    plain, scaled = (_core.initialize(20, 30, name, gain, 0, 1) for gain in (1.0, 4.0))
    assert (scaled == 4 * plain).all()  # a power of two rounds nothing


@pytest.mark.parametrize("name", [name for name in RANDOM if twin.INITIALIZERS[name].law == "normal"])
def test_a_normal_draw_is_the_layer_s_stream_times_the_deviation(name):
    W = _core.initialize(5, 7, name, 1.0, 42, 3)
    draws = rng.normal(42, rng.stream("initialisation", 3), 35).reshape(5, 7)
    expected = np.sqrt(twin.INITIALIZERS[name].variance(5, 7)) * draws
    # A root of a quotient, a product, and the quantile: a few roundings each, log in the tails.
    np.testing.assert_allclose(W, expected, rtol=32 * np.finfo(float).eps)


def test_zeros_are_zeros():
    assert not _core.initialize(N_OUT, N_IN, "zeros", 1.0, 0, 1).any()


@pytest.mark.parametrize("name", RANDOM)
def test_the_same_seed_and_layer_give_the_same_bits(name):
    a, b = (_core.initialize(20, 30, name, 1.0, 42, 3) for _ in range(2))
    assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("name", RANDOM)
@pytest.mark.parametrize(("seed", "layer"), [(43, 3), (42, 4)], ids=["another seed", "another layer"])
def test_another_seed_or_layer_gives_independent_draws(name, seed, layer):
    a = _core.initialize(N_OUT, N_IN, name, 1.0, 42, 3).ravel()
    b = _core.initialize(N_OUT, N_IN, name, 1.0, seed, layer).ravel()
    assert abs(np.corrcoef(a, b)[0, 1]) < SIGMAS / np.sqrt(COUNT)


def test_rows_of_one_matrix_are_independent():
    W = _core.initialize(2, 50_000, "lecun", 1.0, 0, 1)
    assert abs(np.corrcoef(W)[0, 1]) < SIGMAS / np.sqrt(50_000)


def test_layers_share_no_number():
    draws = np.concatenate(
        [_core.initialize(30, 30, "inverse_sqrt", 1.0, 0, layer).ravel() for layer in (1, 2, 3)]
    )
    assert np.unique(draws).size == draws.size


def test_a_seed_beyond_32_bits_is_another_seed():
    a, b = (_core.initialize(4, 4, "he", 1.0, seed, 1) for seed in (1, 1 + 2**32))
    assert a.tobytes() != b.tobytes()


def test_an_unknown_initializer_is_refused_with_the_list_of_known_ones():
    with pytest.raises(ValueError, match=r"xavier.*got 'kaiming'"):
        _core.initialize(2, 2, "kaiming", 1.0, 0, 1)


@pytest.mark.parametrize(("n_out", "n_in", "argument"), [(-1, 3, "n_out"), (3, -1, "n_in")])
def test_negative_sizes_are_refused(n_out, n_in, argument):
    with pytest.raises(ValueError, match=argument):
        _core.initialize(n_out, n_in, "he", 1.0, 0, 1)
