"""The plane of two features, divided as a classifier divides it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from deepcore import _checks
from deepcore.plots import style
from deepcore.typing import Array

__all__ = ["decision_boundary"]

# The plane goes this part of the spread of the points beyond them.
_MARGIN = 0.08
# A column of the legend has room for so many classes.
_MOST_NAMES = 14


def decision_boundary(
    model: Any,
    X: object,
    y: object,
    *,
    classes: Sequence[object] | None = None,
    features: Sequence[str] = ("x1", "x2"),
    resolution: int = 300,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the regions of the plane that a classifier assigns to each class, and the examples over them.

    Args:
        model: A classifier with ``predict_labels(X)``, such as ``Model``, or with ``predict(X)``, such as a
            scikit-learn estimator.
        X: Examples with two features, (m, 2).
        y: Their classes, (m,): numbers or text, as the model predicts them.
        classes: Names for the classes in their sorted order. None: the classes themselves.
        features: Names of the two axes, with their units if they have any.
        resolution: Number of points of the plane along each side.
        ax: Axes to draw into. None: those of a new figure.
        title: Text above the picture.

    Both axes have the same scale, unless the spread of one feature is more than ten times that of the other.

    Raises:
        ValueError: if X has not two features, y has another length, or there are not two names of features.
    """
    points = _checks.converted("decision_boundary", "X", _numbers(X), np.dtype(np.float64))
    labels = np.asarray(y).reshape(-1)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"decision_boundary: X must have the shape (m, 2), got {points.shape}")
    if labels.shape != (len(points),):
        raise ValueError(
            f"decision_boundary: y must have one class for each of the {len(points)} rows of X, got an array "
            f"of shape {np.asarray(y).shape}"
        )
    if len(features) != 2:
        raise ValueError(f"decision_boundary: features must be two names, got {features!r}")
    resolution = _checks.count("decision_boundary", "resolution", resolution, low=2, high=4000)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = _MARGIN * np.where(high > low, high - low, 1.0)
    sides = np.linspace(low - margin, high + margin, resolution)
    plane = np.stack(np.meshgrid(sides[:, 0], sides[:, 1]), axis=-1)
    predict = getattr(model, "predict_labels", None) or model.predict
    regions = np.asarray(predict(plane.reshape(-1, 2)))
    if regions.shape != (resolution**2,):
        raise ValueError("decision_boundary: model must predict one class for each example")
    if (regions.dtype.kind in "OUS") != (labels.dtype.kind in "OUS"):
        raise ValueError(
            f"decision_boundary: y must hold classes as the model predicts them, such as "
            f"{_checks.shown(regions[0])}, got {_checks.shown(labels[0])}"
        )

    known = np.unique(np.concatenate([labels, regions]))
    names = _names(known, classes)
    codes = np.searchsorted(known, regions).reshape(resolution, resolution)
    spread = np.ptp(sides, axis=0)
    equal = spread.max() <= 10 * spread.min()
    height = 1.0 + 3.2 * float(np.clip(spread[1] / spread[0], 0.3, 1.4)) if equal else 4.2
    columns = -(-len(known) // _MOST_NAMES)
    ax = style.axes(ax, 5.2 + 2.2 * (columns - 1), height if columns == 1 else 4.4)
    _draw_regions(ax, sides, codes, len(known))
    for place, value in enumerate(known):
        chosen = points[labels == value]
        ax.scatter(
            chosen[:, 0], chosen[:, 1], s=18, color=style.COLOURS[place % len(style.COLOURS)],
            marker=style.MARKERS[place % len(style.MARKERS)], edgecolor="white", linewidth=0.5,
            label=names[place],
        )  # fmt: skip
    if equal:
        ax.set_aspect("equal")
    size = "medium" if columns == 1 else "small"
    style.legend(
        ax, title="class", loc="center left", bbox_to_anchor=(1.0, 0.5), ncols=columns, fontsize=size
    )
    return style.look(ax, features[0], features[1], title)


def _numbers(X: object) -> Array:
    return _checks.numbers("decision_boundary", "X", X)


def _names(known: Array, classes: Sequence[object] | None) -> list[str]:
    if classes is None:
        return style.distinct(known.tolist())
    if len(classes) != len(known):
        raise ValueError(
            f"decision_boundary: classes must have one name for each of the {len(known)} classes, got "
            f"{len(classes)}"
        )
    return style.distinct(classes)


def _draw_regions(ax: Axes, sides: Array, codes: Array, count: int) -> None:
    """Fill each region with a light colour, and draw a black line where two of them meet."""
    colours = ListedColormap([style.tint(style.COLOURS[i % len(style.COLOURS)]) for i in range(count)])
    x, y = sides.T
    extent = (x[0], x[-1], y[0], y[-1])
    ax.imshow(
        codes, cmap=colours, vmin=-0.5, vmax=count - 0.5, extent=extent, origin="lower",
        aspect="auto", interpolation="nearest",
    )  # fmt: skip
    for code in range(count - 1 if count == 2 else count):
        inside = codes == code
        if inside.any() and not inside.all():
            ax.contour(x, y, inside, levels=[0.5], colors="black", linewidths=0.8)
