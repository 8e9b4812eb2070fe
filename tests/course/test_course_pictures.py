"""The pictures of the course's notebooks: cells as they stand there, after their import is changed."""

from __future__ import annotations

import numpy as np
import pytest

from deepcore.course import course2_week1, week3, week4

plt = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed (extra `cli`)")


@pytest.fixture(autouse=True)
def no_window():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def test_the_boundary_of_week_3_is_drawn_into_the_current_axes():
    X, Y = week3.load_planar_dataset()
    parameters = week3.nn_model(X, Y, n_h=4, num_iterations=20)
    ax = plt.subplot(1, 2, 2)
    plt.title("Hidden Layer of size 4")
    drawn = week3.plot_decision_boundary(lambda x: week3.predict(parameters, x.T), X, Y)
    assert drawn is ax
    assert ax.get_title() == "Hidden Layer of size 4"
    plt.title("Decision Boundary for hidden layer size 4")
    assert ax.get_title().startswith("Decision Boundary")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x1", "x2")


def test_the_boundary_takes_labels_of_one_dimension():
    X, Y = week3.load_planar_dataset()
    ax = week3.plot_decision_boundary(lambda x: np.sign(np.abs(x[:, 0])), X, Y.ravel())
    assert ax.images


def test_the_boundary_of_course_2_reads_predict_dec():
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(2, 30)), rng.integers(0, 2, (1, 30))
    parameters = course2_week1.initialize_parameters_he([2, 10, 5, 1])
    ax = course2_week1.plot_decision_boundary(lambda x: course2_week1.predict_dec(parameters, x.T), X, Y)
    assert ax.images
    assert np.array_equal(
        course2_week1.predict_dec(parameters, X), course2_week1.predict(X, None, parameters) == 1
    )


def test_images_with_a_wrong_label_are_shown_with_both_classes():
    X = np.random.default_rng(1).random((12288, 4))
    y, p = np.array([[1, 0, 1, 0]]), np.array([[1.0, 1.0, 0.0, 0.0]])
    ax = week4.print_mislabeled_images(np.array([b"non-cat", b"cat"]), X, y, p)
    assert {text.get_text() for text in ax.texts} == {"non-cat \u2192 cat", "cat \u2192 non-cat"}


def test_the_sets_at_the_end_of_week_3_can_be_trained_on():
    noisy_circles, noisy_moons, blobs, gaussian_quantiles, no_structure = week3.load_extra_datasets()
    for points, classes in (noisy_circles, noisy_moons, blobs, gaussian_quantiles):
        X, Y = points.T, classes.reshape(1, classes.shape[0]) % 2
        assert (X.shape, Y.shape) == ((2, 200), (1, 200))
        assert 90 <= Y.sum() <= 110
        parameters = week3.nn_model(X, Y, n_h=8, num_iterations=1000)
        assert np.mean(week3.predict(parameters, X) == Y) > 0.55
    assert no_structure[0].shape == (200, 2)
