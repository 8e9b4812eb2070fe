"""Pictures: every title is inside of them."""

import io

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra `cli`)")

from matplotlib.image import imread

from deepcore.plots import draw_curves


def picture(title, series):
    file = io.BytesIO()
    draw_curves(file, series, title)
    file.seek(0)
    return imread(file)[..., :3].mean(axis=2)


@pytest.mark.parametrize("series", [{"loss": [1.0, 0.5]}, {"loss": [1.0, 0.5], "accuracy": [0.5, 0.9]}])
@pytest.mark.parametrize(
    "title",
    [
        "a_table_with_a_rather_long_file_name.csv: 40-128-64-1, adam 0.001 and more words",
        "W" * 300,
        "many layers: " + "-".join(["1024"] * 60),
    ],
)
def test_a_long_title_leaves_a_margin_on_both_sides(title, series):
    image = picture(title, series)
    assert (image[:, :3] > 0.9).all()
    assert (image[:, -3:] > 0.9).all()
    assert (image[:40] < 0.9).any()  # there is a title


def test_a_title_may_hold_dollar_signs_and_letters_without_a_glyph():
    assert np.isfinite(picture("a$b$_{.csv \u4e2d\u6587 \U0001f600", {"loss": [1.0]})).all()
