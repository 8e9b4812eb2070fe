"""The points of course 2 are those of scikit-learn, and lead to the accuracies that the course publishes."""

import numpy as np
import pytest

from deepcore.course import course2_week1, course2_week2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("initialization", "train", "test"),
    [("zeros", 0.5, 0.5), ("random", 0.83, 0.86), ("he", 298 / 300, 0.96)],
)
def test_the_published_accuracies_of_the_initialisations(initialization, train, test, capsys):
    train_X, train_Y, test_X, test_Y = course2_week1.load_dataset()
    parameters = course2_week1.model(train_X, train_Y, initialization=initialization, print_cost=False)
    for X, Y, published in ((train_X, train_Y, train), (test_X, test_Y, test)):
        assert np.mean(course2_week1.predict(X, Y, parameters) == Y) == published


def test_circles_and_moons_are_those_of_scikit_learn():
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    train_X, train_Y, test_X, test_Y = course2_week1.load_dataset()
    for seed, m, X, Y in ((1, 300, train_X, train_Y), (2, 100, test_X, test_Y)):
        points, labels = datasets.make_circles(n_samples=m, noise=0.05, random_state=seed)
        assert np.array_equal(X, points.T)
        assert np.array_equal(Y, labels.reshape(1, -1))
    points, labels = datasets.make_moons(n_samples=300, noise=0.2, random_state=3)
    X, Y = course2_week2.load_dataset()
    assert np.array_equal(X, points.T)
    assert np.array_equal(Y, labels.reshape(1, -1))
