"""The point sets are those of the course and of scikit-learn, and refuse impossible sizes."""

import numpy as np
import pytest

from deepcore.data import circles, flower, moons, spirals

# sin and cos may differ by an ulp or two between machines; values are at most about 4.
ROUNDING = 1e-14


def test_flower_of_seed_1_begins_with_the_published_points():
    X, _ = flower(seed=1)
    published = [[1.2044423, 3.5761141], [0.1587099, -1.4821709], [0.095247196, -1.2799553]]
    np.testing.assert_allclose(X[:3], published, rtol=5e-8)  # printed with eight digits


def test_flower_of_seed_1_has_the_published_sum_of_squares():
    X, _ = flower(seed=1)
    assert np.square(X).sum() == pytest.approx(3156.783789, abs=5e-7)


def test_flower_agrees_with_the_file_of_the_course(data_file):
    X, y = flower(seed=1)
    with np.load(data_file("flower", "flower.npz")) as course:
        np.testing.assert_allclose(X.T, course["X"], atol=ROUNDING)
        np.testing.assert_array_equal(y, course["Y"][0])


def test_moons_agree_with_the_file_of_the_course(data_file):
    X, y = moons(300, noise=0.2, seed=3)
    with np.load(data_file("course2", "moons.npz")) as course:
        np.testing.assert_allclose(X.T, course["X"], atol=ROUNDING)
        np.testing.assert_array_equal(y, course["Y"][0])


@pytest.mark.parametrize(("part", "m", "seed"), [("train", 300, 1), ("test", 100, 2)])
def test_circles_agree_with_the_file_of_the_course(data_file, part, m, seed):
    X, y = circles(m, noise=0.05, seed=seed)
    with np.load(data_file("course2", "circles.npz")) as course:
        np.testing.assert_allclose(X.T, course[f"{part}_X"], atol=ROUNDING)
        np.testing.assert_array_equal(y, course[f"{part}_Y"][0])


@pytest.mark.peers
@pytest.mark.parametrize("m", [2, 7, 100])
def test_moons_and_circles_are_those_of_scikit_learn(m):
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed (extra `peers`)")
    for ours, theirs in (
        (moons(m, noise=0.3, seed=5), datasets.make_moons(m, noise=0.3, random_state=5)),
        (
            circles(m, noise=0.1, factor=0.5, seed=5),
            datasets.make_circles(m, noise=0.1, factor=0.5, random_state=5),
        ),
    ):
        np.testing.assert_allclose(ours[0], theirs[0], atol=ROUNDING)
        np.testing.assert_array_equal(ours[1], theirs[1])


def test_moons_without_noise_lie_on_two_half_circles():
    X, y = moons(50, noise=0.0)
    centres = np.array([[0.0, 0.0], [1.0, 0.5]])[y]
    np.testing.assert_allclose(np.linalg.norm(X - centres, axis=1), 1.0, atol=ROUNDING)


def test_circles_without_noise_have_radius_1_and_factor():
    X, y = circles(50, noise=0.0, factor=0.25)
    np.testing.assert_allclose(np.linalg.norm(X, axis=1), np.where(y == 0, 1.0, 0.25), atol=ROUNDING)


def test_spirals_without_noise_are_one_arm_turned_about_the_origin():
    X, y = spirals(90, classes=3, noise=0.0)
    c, s = np.cos(2 * np.pi / 3), np.sin(2 * np.pi / 3)
    np.testing.assert_allclose(X[y == 0] @ np.array([[c, -s], [s, c]]), X[y == 1], atol=ROUNDING)


@pytest.mark.parametrize("generate", [flower, moons, circles, spirals])
def test_every_generator_returns_balanced_rows_and_int64_labels(generate):
    X, y = generate(60)
    assert (X.shape, X.dtype, y.dtype) == ((60, 2), np.float64, np.int64)
    counts = np.bincount(y)
    assert (counts == counts[0]).all()


@pytest.mark.parametrize("generate", [flower, moons, circles, spirals])
def test_a_seed_fixes_the_points_and_another_seed_changes_them(generate):
    np.testing.assert_array_equal(generate(60, seed=4)[0], generate(60, seed=4)[0])
    assert not np.array_equal(generate(60, seed=4)[0], generate(60, seed=5)[0])


@pytest.mark.parametrize("generate", [flower, moons, circles, spirals])
def test_a_generator_leaves_the_global_generator_of_numpy_alone(generate):
    before = np.random.get_state()[1].copy()
    generate(60)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: flower(7), "m must be even, got 7"),
        (lambda: flower(0), "m must be at least 2"),
        (lambda: moons(1), "m must be at least 2"),
        (lambda: moons(noise=-0.1), "noise must be finite and not negative"),
        (lambda: circles(noise=float("nan")), "noise must be finite and not negative"),
        (lambda: circles(factor=1.0), "factor must be at least 0 and below 1"),
        (lambda: spirals(100, classes=3), "multiple of classes=3, got 100"),
        (lambda: moons(seed=-1), "seed must be at least 0, got -1"),
        (lambda: spirals(seed=2**32), "seed must be at most 4294967295"),
        (lambda: spirals(classes=1), "classes must be at least 2"),
    ],
)
def test_impossible_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
