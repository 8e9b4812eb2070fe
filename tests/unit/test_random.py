"""Counter-based randomness: value = f(seed, stream, index)."""

import numpy as np
import pytest

from deepcore import _core
from reference import rng as twin

SEEDS = [0, 1, 2**32 + 5, 2**64 - 1]
N = 100_000
SIGMAS = 5.0  # a false alarm in two million, and the seed is fixed anyway


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
    ids=["zeros", "ones", "pi"],
)
def test_the_twin_s_philox_has_the_known_answers_of_its_authors(counter, key, expected):
    assert " ".join(f"{word:08x}" for word in twin.philox(counter, key)) == expected


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("stream", [0, 7, 2**40])
def test_uniform_numbers_are_the_twin_s_bits(seed, stream):
    expected = twin.uniform(seed, twin.stream("user", stream), 101)
    assert _core.uniform(seed, stream, 101).tobytes() == expected.tobytes()


@pytest.mark.parametrize("seed", SEEDS)
def test_normal_numbers_are_the_twin_s(seed):
    expected = twin.normal(seed, twin.stream("user", 0), 1001)
    # Two versions of one rational approximation: a few roundings, and log in the tails.
    np.testing.assert_allclose(_core.normal(seed, 0, 1001), expected, rtol=32 * np.finfo(float).eps, atol=0)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("epoch", "m"), [(0, 2), (0, 9), (3, 100), (10**6, 57)])
def test_permutations_are_the_twin_s(seed, epoch, m):
    assert _core.permutation(seed, epoch, m).tolist() == twin.permutation(seed, epoch, m)


@pytest.mark.parametrize("m", [1, 2, 3, 10, 257, 10_000])
def test_a_permutation_visits_every_example_once(m):
    order = _core.permutation(1, 0, m)
    assert order.dtype == np.int64
    assert np.sort(order).tolist() == list(range(m))


def test_the_same_seed_and_epoch_give_the_same_permutation():
    assert _core.permutation(5, 7, 1000).tolist() == _core.permutation(5, 7, 1000).tolist()


@pytest.mark.parametrize(("seed", "epoch"), [(5, 8), (6, 7), (5 + 2**32, 7)])
def test_another_seed_or_epoch_gives_another_permutation(seed, epoch):
    a, b = _core.permutation(5, 7, 1000), _core.permutation(seed, epoch, 1000)
    # Two independent permutations agree in one place on average, with deviation one.
    assert np.count_nonzero(a == b) < 8


def test_every_example_is_equally_likely_in_every_place():
    m, epochs = 6, 6000
    counts = np.zeros((m, m))
    for epoch in range(epochs):
        counts[np.arange(m), _core.permutation(3, epoch, m)] += 1
    deviation = np.sqrt(epochs / m * (1 - 1 / m))
    assert np.abs(counts - epochs / m).max() < SIGMAS * deviation


def test_every_permutation_of_three_occurs_equally_often():
    epochs = 6000
    _, counts = np.unique([_core.permutation(3, e, 3) for e in range(epochs)], axis=0, return_counts=True)
    assert counts.size == 6
    assert np.abs(counts - epochs / 6).max() < SIGMAS * np.sqrt(epochs * 5 / 36)


def test_normal_moments():
    x = _core.normal(1, 0, N)
    assert x.dtype == np.float64
    # Deviations of the sample moments of a normal law: 1, 2, 15 and 96 over n, under the root.
    assert abs(x.mean()) < SIGMAS / np.sqrt(N)
    assert x.var() == pytest.approx(1.0, abs=SIGMAS * np.sqrt(2 / N))
    assert abs(np.mean(x**3)) < SIGMAS * np.sqrt(15 / N)
    assert np.mean(x**4) == pytest.approx(3.0, abs=SIGMAS * np.sqrt(96 / N))


def test_normal_tails_are_there():
    beyond = np.count_nonzero(np.abs(_core.normal(1, 0, N)) > 3)
    assert beyond == pytest.approx(270, abs=SIGMAS * np.sqrt(270))  # 0.27% of a normal law


def test_uniform_moments():
    x = _core.uniform(1, 0, N)
    assert x.mean() == pytest.approx(0.5, abs=SIGMAS / np.sqrt(12 * N))
    assert x.var() == pytest.approx(1 / 12, abs=SIGMAS / np.sqrt(180 * N))


def test_uniform_numbers_lie_strictly_between_zero_and_one():
    x = _core.uniform(1, 0, N)
    assert 0 < x.min() < x.max() < 1


def test_uniform_numbers_have_more_than_32_bits():
    x = _core.uniform(1, 0, 1000) * 2.0**32
    assert np.count_nonzero(x != np.floor(x)) > 990


@pytest.mark.parametrize("draw", [_core.normal, _core.uniform])
def test_neighbours_are_uncorrelated(draw):
    x = draw(1, 0, N)
    for lag in (1, 2, 3, 4):
        assert abs(np.corrcoef(x[:-lag], x[lag:])[0, 1]) < SIGMAS / np.sqrt(N)


@pytest.mark.parametrize("draw", [_core.normal, _core.uniform])
@pytest.mark.parametrize(
    ("seed", "stream"), [(2, 0), (1, 1), (1, 2**33)], ids=["seed", "stream", "high stream"]
)
def test_another_seed_or_stream_is_uncorrelated(draw, seed, stream):
    assert abs(np.corrcoef(draw(1, 0, N), draw(seed, stream, N))[0, 1]) < SIGMAS / np.sqrt(N)


@pytest.mark.parametrize("draw", [_core.normal, _core.uniform])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 1001])
def test_a_shorter_draw_is_the_beginning_of_a_longer_one(draw, count):
    assert draw(9, 4, count).tobytes() == draw(9, 4, 2000)[:count].tobytes()


@pytest.mark.parametrize("draw", [_core.normal, _core.uniform])
def test_a_negative_count_is_refused(draw):
    with pytest.raises(ValueError, match="count"):
        draw(1, 0, -1)


def test_a_permutation_of_a_negative_number_is_refused():
    with pytest.raises(ValueError, match="m must"):
        _core.permutation(1, 0, -1)
