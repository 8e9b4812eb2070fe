"""Pictures: what they show, that every text is inside of them, and that they look like the kept ones.

After a change that is meant, ``python tests/unit/test_plots.py`` draws the kept pictures again; look at them.
"""

import functools
import io
import itertools
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra `cli`)")

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.image import imread

import deepcore as dc
from deepcore import data, plots

KEPT = Path(__file__).resolve().parents[1] / "data" / "pictures"
# The kept pictures were drawn by this version; another one may draw the same thing otherwise.
VERSION = "3.11"
# Largest mean difference of the brightness, from 0 to 1, within a square of 8 x 8 pixels.
TOLERANCE = 0.06

HISTORY = {
    "loss": [0.9, 0.6, 0.4, 0.3, 0.2],
    "val_loss": [0.95, 0.7, 0.5, 0.55, 0.6],
    "accuracy": [0.5, 0.7, 0.8, 0.9, 0.95],
}
LONG = "a_table_with_a_rather_long_file_name.csv: 40-128-64-1, adam 0.001 and more words"


class Halves:
    """A classifier whose boundary is the line x1 = x2."""

    def predict(self, X):
        return (X[:, 0] > X[:, 1]).astype(int)


def figure():
    return Figure(figsize=(5, 4), dpi=64, layout="constrained")


def probabilities(rng, m=400):
    """Class numbers and well-calibrated probabilities of class 1."""
    p = rng.random(m)
    return (rng.random(m) < p).astype(int), p


def small_network():
    """A network 2-3-1 whose weights are -1, 0 and 1."""
    model = dc.mlp([2, 3, 1], activation="tanh", seed=1)
    model.parameters["W1"] = [[1, -1], [0.5, 1], [-1, 0]]
    model.parameters["W2"] = [[1, -1, 0.25]]
    return model


def draw_boundary(ax, **options):
    X, y = data.moons(60, seed=1)
    return plots.decision_boundary(Halves(), X, y, resolution=50, ax=ax, **options)


def draw_calibration(ax, **options):
    return plots.calibration(*probabilities(np.random.default_rng(1)), ax=ax, **options)


def draw_confusion(ax, classes=("cat", "dog", "bird"), **options):
    y, predicted = np.repeat([0, 1, 2], 5), np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 0, 0])
    return plots.confusion_matrix(y, predicted, classes=classes, ax=ax, **options)


def draw_curves(ax, **options):
    return plots.learning_curves(HISTORY, ax=ax, **options)


def draw_diagram(ax, **options):
    return plots.network_diagram(small_network(), ax=ax, **options)


def draw_distributions(ax, **options):
    traces = {
        epoch: {f"A{layer}": np.linspace(-1, 1, 50) * (layer + epoch) for layer in (1, 2, 3)}
        for epoch in range(3)
    }
    return plots.distributions(traces, ax=ax, **options)


def draw_importance(ax, names=("area", "town", "built"), **options):
    return plots.importance(
        dict(zip(names, (0.2, 1.5, -0.1), strict=True)), measure="rmse (EUR)", ax=ax, **options
    )


def draw_misclassified(ax, **options):
    X, y = data.load_digits()
    return plots.misclassified(
        X[:20], y[:20], (y[:20] + np.arange(20) % 2) % 10, shape=(8, 8), ax=ax, **options
    )


def draw_numbers(ax, name="price (EUR)", **options):
    y = np.linspace(0, 100, 40)
    return plots.predicted_against_true(y, y + 10 * np.sin(y), name=name, ax=ax, **options)


def draw_sweep(ax, **options):
    runs = {rate: {"loss": [1 / (1 + rate * epoch) for epoch in range(1, 11)]} for rate in (0.01, 0.1, 1.0)}
    runs[100.0] = {"loss": [5.0, 50.0, np.nan]}
    return plots.rate_sweep(runs, ax=ax, **options)


def draw_weights(ax, **options):
    W = np.sin(np.arange(6 * 16).reshape(6, 16))
    return plots.weight_images(W, (4, 4), ax=ax, **options)


DRAWN = {name[5:]: function for name, function in list(globals().items()) if name.startswith("draw_")}


def pixels(picture):
    """The brightness of every pixel of a figure, from 0 to 1."""
    file = io.BytesIO()
    plots.save(picture, file)
    file.seek(0)
    return imread(file)[..., :3].mean(axis=2)


def squares(image):
    """The mean brightness of each square of 8 x 8 pixels."""
    rows, columns = (side // 8 for side in image.shape)
    return image[: 8 * rows, : 8 * columns].reshape(rows, 8, columns, 8).mean(axis=(1, 3))


def is_cut(image):
    """Whether something reaches the border of a picture, which is white otherwise."""
    ink = image < 0.9
    return bool(ink[0].any() or ink[-1].any() or ink[:, 0].any() or ink[:, -1].any())


@functools.cache
def drawn(name):
    """A picture with a long title: its Axes and its pixels. It is drawn once for all tests."""
    ax = figure().add_subplot()
    assert DRAWN[name](ax, title=LONG) is ax  # it is drawn into the Axes that are given
    return ax, pixels(ax.figure)


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_has_its_title_and_no_text_is_cut(name):
    ax, image = drawn(name)
    assert ax.get_title().split() == LONG.split() or name == "sweep"  # its legend leaves less room
    assert not is_cut(image)


@pytest.mark.parametrize("name", sorted(DRAWN.keys() - {"diagram", "misclassified", "weights"}))
def test_both_axes_have_names(name):
    ax, _ = drawn(name)
    assert ax.get_xlabel()
    assert ax.get_ylabel()


@pytest.mark.parametrize(("name", "title"), [("curves", "a$b$_{.csv " * 5), ("weights", "W" * 300)])
def test_any_title_fits_into_the_picture(name, title):
    picture = figure()
    DRAWN[name](picture.add_subplot(), title=title)
    assert not is_cut(pixels(picture))


def test_no_text_is_cut_if_names_are_long():
    names = [f"column number {i} of a table whose names are long, with $ and _" for i in range(3)]
    for draw, options in (
        (draw_importance, {"names": names}),
        (draw_confusion, {"classes": names}),
        (draw_numbers, {"name": names[0]}),
        (draw_boundary, {"classes": names[:2]}),
    ):
        picture = figure()
        draw(picture.add_subplot(), **options)
        assert not is_cut(pixels(picture)), draw.__name__


def test_long_names_that_differ_in_the_middle_stay_different():
    names = [f"a very long class name number {i} of thirty" for i in range(30)]
    codes = np.arange(30)
    matrix = plots.confusion_matrix(codes, codes, classes=names, ax=figure().add_subplot())
    bars = plots.importance(dict.fromkeys(names, 1.0), most=30, ax=figure().add_subplot())
    for axis in (matrix.xaxis, matrix.yaxis, bars.yaxis):
        assert len({label.get_text() for label in axis.get_ticklabels()}) == 30


def test_a_legend_of_many_classes_leaves_room_for_the_plane():
    X, _ = data.moons(60, seed=1)
    model = dc.mlp([2, 30, 30], seed=1)
    names = [f"long class label number {i}" for i in range(30)]
    picture = plots.decision_boundary(model, X, np.arange(60) % 30, classes=names, resolution=20).figure
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not is_cut(pixels(picture))
    assert picture.axes[0].bbox.height > 0.3 * picture.bbox.height


def test_a_long_name_of_an_upright_axis_stays_beside_the_axis():
    picture = plots.curves({"mean_absolute_percentage_error_of_everything": [1.0, 2.0]}, "a title")
    pixels(picture)
    (ax,) = picture.axes
    extent = ax.yaxis.label.get_window_extent()
    assert extent.height <= 1.2 * ax.bbox.height


def test_large_numbers_of_an_axis_do_not_run_into_each_other():
    picture = figure()
    ax = plots.importance({"a street whose name is very long": 199_999.0, "b": 2.0}, ax=picture.add_subplot())
    pixels(picture)
    shown = [label.get_window_extent() for label in ax.get_xticklabels() if label.get_text()]
    inside = [box for box in shown if ax.bbox.x0 <= (box.x0 + box.x1) / 2 <= ax.bbox.x1]
    assert len(inside) > 1
    assert all(one.x1 < other.x0 for one, other in itertools.pairwise(inside))


@pytest.mark.parametrize("values", [[0.5], [0.5, np.nan, np.nan], [np.nan] * 3])
def test_epochs_are_whole_numbers_and_those_without_a_value_are_shown(values):
    for draw in (
        lambda ax: plots.learning_curves({"loss": values}, ax=ax),
        lambda ax: plots.rate_sweep({0.1: {"loss": values}}, ax=ax),
    ):
        picture = figure()
        ax = draw(picture.add_subplot())
        low, high = ax.get_xlim()
        assert low < 1 <= len(values) < high
        ticks = [tick for tick in ax.get_xticks() if low <= tick <= high]
        assert ticks == list(range(1, len(values) + 1))


def test_a_value_between_values_that_are_not_numbers_is_a_point():
    ax = plots.learning_curves({"loss": [0.5, np.nan, np.nan]}, ax=figure().add_subplot())
    (line,) = ax.get_lines()
    assert line.get_marker() == "o"
    assert line.get_markevery() == [0]


def test_images_that_are_nearly_lines_can_be_seen():
    ax = plots.weight_images(np.ones((3, 100)), (1, 100))
    assert not is_cut(pixels(ax.figure))
    left, right, bottom, top = ax.images[0].get_extent()
    assert abs(top - bottom) * 10 > abs(right - left)
    texts = [text.get_window_extent() for text in ax.texts]
    assert all(one.y0 >= other.y1 for one, other in itertools.pairwise(texts))


def test_a_text_that_is_cut_is_found():
    picture = figure()
    picture.add_subplot().set_title("W" * 300)
    assert is_cut(pixels(picture))


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_looks_like_the_kept_one(name):
    if not mpl.__version__.startswith(VERSION):
        pytest.skip(f"the kept pictures were drawn by matplotlib {VERSION}, this is {mpl.__version__}")
    now, kept = drawn(name)[1], imread(KEPT / f"{name}.png")[..., :3].mean(axis=2)
    assert now.shape == kept.shape
    assert np.abs(squares(now) - squares(kept)).max() < TOLERANCE


def test_another_picture_does_not_look_like_the_kept_one():
    if not mpl.__version__.startswith(VERSION):
        pytest.skip(f"the kept pictures were drawn by matplotlib {VERSION}, this is {mpl.__version__}")
    picture = figure()
    plots.learning_curves({"loss": [0.2, 0.3, 0.4, 0.6, 0.9]}, ax=picture.add_subplot(), title=LONG)
    kept = imread(KEPT / "curves.png")[..., :3].mean(axis=2)
    assert np.abs(squares(pixels(picture)) - squares(kept)).max() > TOLERANCE


def test_without_axes_a_new_figure_of_pyplot_is_drawn():
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    before = plt.get_fignums()
    ax = plots.learning_curves(HISTORY)
    (number,) = set(plt.get_fignums()) - set(before)
    assert ax.figure is plt.figure(number)
    plt.close(number)


def test_what_is_not_axes_is_refused():
    with pytest.raises(TypeError, match="ax must be matplotlib Axes or None, got 'left'"):
        plots.learning_curves(HISTORY, ax="left")


# Learning curves


@pytest.mark.parametrize(
    ("title", "series"),
    [
        (LONG, {"loss": [1.0, 0.5]}),
        ("W" * 300, {"loss": [1.0, 0.5]}),
        ("many layers: " + "-".join(["1024"] * 60), {"loss": [1.0, 0.5], "accuracy": [0.5, 0.9]}),
    ],
)
def test_a_long_title_leaves_a_margin_on_both_sides(title, series):
    image = pixels(plots.curves(series, title))
    assert (image[:, :3] > 0.9).all()
    assert (image[:, -3:] > 0.9).all()
    assert (image[:40] < 0.9).any()  # there is a title


def test_a_title_may_hold_dollar_signs_and_letters_without_a_glyph():
    file = io.BytesIO()
    plots.draw_curves(file, {"loss": [1.0]}, "a$b$_{.csv \u4e2d\u6587 \U0001f600")
    assert file.getvalue().startswith(b"\x89PNG")


def test_the_best_epoch_is_that_of_the_validation_part():
    assert "best epoch: 3" in legend(draw_curves(figure().add_subplot()))
    assert "best epoch: 5" in legend(draw_curves(figure().add_subplot(), best_epoch=4))


def test_without_a_validation_part_no_epoch_is_marked():
    assert legend(plots.learning_curves(HISTORY, "accuracy", ax=figure().add_subplot())) == ["training"]


def test_all_panels_mark_the_epoch_with_the_best_validation_loss():
    panels = plots.curves(HISTORY, "t").axes
    assert [legend(ax)[-1] for ax in panels] == ["best epoch: 3", "best epoch: 3"]


def test_a_number_that_was_not_recorded_is_named():
    with pytest.raises(ValueError, match="got 'f1'; there is loss, val_loss, accuracy"):
        plots.learning_curves(HISTORY, "f1", ax=figure().add_subplot())


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_sweep_names_the_best_run_and_those_that_diverged():
    assert legend(draw_sweep(figure().add_subplot())) == [
        "0.01: 0.9091", "0.1: 0.5", "1: 0.09091 (best)", "100: diverged",
    ]  # fmt: skip


def test_runs_differ_by_dashes_or_width_and_not_only_by_colour():
    lines = draw_sweep(figure().add_subplot()).get_lines()
    assert len({str(line.get_linestyle()) for line in lines}) == len(lines)


# Classes


def test_a_confusion_matrix_has_the_true_classes_as_rows():
    ax = draw_confusion(figure().add_subplot())
    cells = {text.get_position(): text.get_text() for text in ax.texts}
    assert cells[(1, 0)] == "1"  # a cat that was called a dog: column 1, row 0
    assert cells[(0, 1)] == "0"
    assert cells[(0, 2)] == "2"
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["cat", "dog", "bird"]


def test_many_classes_have_no_numbers_in_the_cells():
    y = np.arange(100)
    ax = plots.confusion_matrix(y, y, ax=figure().add_subplot())
    assert not ax.texts
    assert len(ax.get_yticks()) <= 40


def test_points_of_a_calibration_are_the_mean_probability_and_the_share_of_each_bin():
    y, p = np.array([0, 1, 1, 1]), np.array([0.1, 0.1, 0.9, 0.9])
    ax = plots.calibration(y, p, bins=2, ax=figure().add_subplot())
    np.testing.assert_allclose(ax.get_lines()[1].get_xydata(), [[0.1, 0.5], [0.9, 1.0]])
    assert "model (expected error 0.250)" in legend(ax)  # (0.4 + 0.1) / 2


def test_calibration_of_many_classes_is_that_of_the_predicted_class():
    p = np.array([[0.6, 0.2, 0.2], [0.1, 0.1, 0.8]])
    ax = plots.calibration([0, 1], p, bins=10, ax=figure().add_subplot())
    np.testing.assert_allclose(ax.get_lines()[1].get_xydata(), [[0.6, 1.0], [0.8, 0.0]])
    assert ax.get_ylabel() == "share of predictions that are right"


def test_a_decision_boundary_has_equal_scales_and_a_marker_for_each_class():
    ax = draw_boundary(figure().add_subplot())
    assert ax.get_aspect() == 1.0
    markers = {tuple(map(tuple, points.get_paths()[0].vertices)) for points in ax.collections[-2:]}
    assert len(markers) == 2
    assert legend(ax) == ["0", "1"]


def test_regions_have_the_class_that_the_model_predicts():
    (image,) = draw_boundary(figure().add_subplot()).images
    assert image.get_array()[0, -1] == 1  # the lower right corner: x1 > x2
    assert image.get_array()[-1, 0] == 0


def test_features_of_very_different_spread_have_scales_of_their_own():
    X, y = data.moons(60, seed=1)
    ax = plots.decision_boundary(Halves(), X * [1, 1000], y, resolution=20, ax=figure().add_subplot())
    assert ax.get_aspect() == "auto"


def test_classes_whose_names_begin_with_an_underscore_are_in_the_legend():
    ax = draw_boundary(figure().add_subplot(), classes=["_none", "some"])
    assert legend(ax) == [" _none", "some"]


def test_classes_of_another_kind_than_the_predicted_ones_are_refused():
    X, _ = data.moons(20)
    with pytest.raises(
        ValueError, match="y must hold classes as the model predicts them, such as 0, got 'a'"
    ):
        plots.decision_boundary(Halves(), X, ["a", "b"] * 10, resolution=5, ax=figure().add_subplot())


# Images


def test_weights_that_are_not_finite_leave_the_others_visible():
    ax = plots.weight_images([[np.nan, 0.0, 1.0, np.inf]], (2, 2), ax=figure().add_subplot())
    assert "black -1, grey 0, white 1" in ax.get_xlabel().replace("\n", " ")
    model = small_network()
    model.parameters["W1"][0, 0] = np.nan
    picture = figure()
    plots.network_diagram(model, ax=picture.add_subplot())
    assert np.isfinite(pixels(picture)).all()


def test_weights_of_zero_are_grey_and_the_largest_ones_black_or_white():
    ax = plots.weight_images([[-2.0, 0.0, 1.0, 2.0]], (2, 2), ax=figure().add_subplot())
    assert ax.images[0].get_array().ravel().tolist() == [0, 0.5, 0.75, 1]
    assert "black -2, grey 0, white 2" in ax.get_xlabel().replace("\n", " ")


def test_misclassified_examples_show_both_classes_and_the_most_certain_first():
    images, y = np.zeros((3, 4)), np.array([0, 1, 1])
    outputs = np.array([[0.4, 0.6], [0.9, 0.1], [0.2, 0.8]])
    ax = plots.misclassified(
        images, y, outputs, shape=(2, 2), classes=["cat", "dog"], ax=figure().add_subplot()
    )
    assert [text.get_text() for text in ax.texts] == ["dog \u2192 cat", "cat \u2192 dog"]
    assert ax.get_xlabel().startswith("2 of 3 examples are misclassified")


def test_a_column_of_probabilities_is_that_of_class_1():
    y, p = np.array([0, 1, 1]), np.array([[0.6], [0.1], [0.8]])
    ax = plots.misclassified(np.zeros((3, 4)), y, p, shape=(2, 2), ax=figure().add_subplot())
    assert [text.get_text() for text in ax.texts] == ["1 \u2192 0", "0 \u2192 1"]


def test_shapes_and_names_that_do_not_fit_are_refused():
    with pytest.raises(TypeError, match=r"shape must be \(height, width\)"):
        plots.weight_images(np.zeros((2, 4)), 4)
    with pytest.raises(ValueError, match="at least one example"):
        plots.misclassified(np.zeros((0, 4)), [], [], shape=(2, 2))
    with pytest.raises(ValueError, match="features must be two names"):
        plots.decision_boundary(dc.mlp([2, 1]), np.eye(2), [0, 1], features=("a",))


def test_numbers_without_a_class_are_refused():
    with pytest.raises(ValueError, match="at most 1000 classes"):
        plots.confusion_matrix([0, 10**9], [0, 1], ax=figure().add_subplot())
    with pytest.raises(ValueError, match="class numbers below 2"):
        plots.calibration([0, 1, 2], [0.2, 0.7, 0.1], ax=figure().add_subplot())
    with pytest.raises(ValueError, match="class numbers 0, 1, 2"):
        plots.confusion_matrix([0, np.nan], [0, 1], ax=figure().add_subplot())
    with pytest.raises(ValueError, match="must have 3 names"):
        plots.misclassified(
            np.zeros((2, 4)), [0, 1], [0, 2], shape=(2, 2), classes=["a", "b"], ax=figure().add_subplot()
        )


def test_a_perfect_classifier_has_no_misclassified_examples():
    ax = plots.misclassified(np.zeros((2, 4)), [0, 1], [0, 1], shape=(2, 2), ax=figure().add_subplot())
    assert ax.get_xlabel() == "0 of 2 examples are misclassified"


@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 2), (4,)])
def test_a_shape_that_does_not_fit_the_inputs_is_refused(shape):
    with pytest.raises(ValueError, match=r"shape must be \(height, width\)"):
        plots.weight_images(np.zeros((2, 4)), shape, ax=figure().add_subplot())


# Numbers, layers


def test_predictions_and_true_values_have_the_same_scale():
    ax = draw_numbers(figure().add_subplot())
    assert ax.get_xlim() == ax.get_ylim()
    assert ax.get_aspect() == 1.0
    assert ax.get_xlabel() == "true price (EUR)"


def test_columns_are_ordered_by_importance():
    ax = draw_importance(figure().add_subplot())
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["town", "area", "built"]


def test_columns_that_are_left_out_are_counted():
    ax = plots.importance({"a": 1.0, "b": 2.0, "c": 0.0}, most=2, ax=figure().add_subplot())
    assert ax.get_xlabel().replace("\n", " ").endswith("; 1 more columns")


def test_distributions_draw_the_percentiles_of_each_layer():
    ax = plots.distributions({0: {"dW1": np.arange(101.0)}}, "dW", ax=figure().add_subplot())
    thin, thick, median = (line.get_ydata() for line in ax.get_lines()[:3])
    assert (list(thin), list(thick), list(median)) == ([5, 95], [25, 75], [50])


def test_a_role_that_the_traces_do_not_have_is_refused():
    with pytest.raises(ValueError, match="role must name arrays of the traces, got 'dB'; they hold A1"):
        plots.distributions({0: {"A1": np.zeros(3)}}, "dB", ax=figure().add_subplot())


def test_negative_weights_of_a_diagram_are_dashed_and_large_ones_thick():
    positive, negative = draw_diagram(figure().add_subplot()).collections[:2]
    assert positive.get_linestyle()[0][1] is None
    assert negative.get_linestyle()[0][1] is not None
    assert sorted(positive.get_linewidths()) == [pytest.approx(1.4), pytest.approx(2.5), pytest.approx(2.5)]


def test_a_wide_layer_is_drawn_with_its_first_and_last_units():
    ax = plots.network_diagram(dc.mlp([30, 20, 1]), most_units=4, ax=figure().add_subplot())
    texts = [text.get_text() for text in ax.texts]
    assert {"1", "2", "19", "20", "29", "30", "\u22ee"} <= set(texts)
    assert not {"3", "18"} & set(texts)
    assert "layer 0\n30 features\ninput" in texts


def keep():
    """Draw the kept pictures."""
    KEPT.mkdir(exist_ok=True)
    for name, draw in DRAWN.items():
        picture = figure()
        draw(picture.add_subplot(), title=LONG)
        with (KEPT / f"{name}.png").open("wb") as file:
            plots.save(picture, file)


if __name__ == "__main__":
    keep()
    sys.exit()
