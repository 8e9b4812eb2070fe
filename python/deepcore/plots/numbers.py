"""Pictures of a regression and of columns: predictions against true values, and importance."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from deepcore import _checks
from deepcore.plots import style
from deepcore.typing import Array

__all__ = ["importance", "predicted_against_true"]

# Numbers of an axis from this one on take much room: they are turned, or there are few of them.
_LARGE = 1e4
_MOST_TICKS = 4


def predicted_against_true(
    y: object,
    predicted: object,
    *,
    name: str = "value",
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw each prediction of a regression over its true value; a perfect model has all points on the line.

    Args:
        y: True values, (m,) or (m, 1).
        predicted: Predictions, of the same shape.
        name: What is predicted, with its unit: ``"price (EUR)"``.
        ax: Axes to draw into. None: those of a new figure.
        title: Text above the picture.

    Raises:
        ValueError: if the lengths differ, or there is more than one value per example.
    """
    true, found = _column("y", y), _column("predicted", predicted)
    if true.shape != found.shape:
        raise ValueError(
            f"predicted_against_true: predicted must have {len(true)} values like y, got {len(found)}"
        )
    ax = style.axes(ax, 4.6, 4.4)
    low, high = float(min(true.min(), found.min())), float(max(true.max(), found.max()))
    margin = 0.04 * (high - low) or 1.0
    ends = (low - margin, high + margin)
    ax.plot(ends, ends, ":", color="black", linewidth=1, label="prediction = true value")
    alpha = float(np.clip(20 / np.sqrt(len(true)), 0.15, 0.8))
    ax.plot(true, found, "o", color=style.COLOURS[0], markersize=4, alpha=alpha, markeredgewidth=0)
    ax.set(xlim=ends, ylim=ends, aspect="equal")
    ax.grid(alpha=0.3)
    ax.tick_params(axis="x", labelrotation=30 if max(abs(low), abs(high)) >= _LARGE else 0)
    style.legend(ax, loc="upper left", fontsize="small")
    name = style.short(name, 40)
    return style.look(ax, f"true {name}", f"predicted {name}", title)


def _column(name: str, value: object) -> Array:
    array = _checks.numbers("predicted_against_true", name, value).astype(np.float64)
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim != 1 or not len(array):
        raise ValueError(
            f"predicted_against_true: {name} must have the shape (m,) with m > 0, got {array.shape}; draw "
            "one picture per target"
        )
    _checks.finite("predicted_against_true", name, array)
    return array


def importance(
    values: Mapping[str, float],
    *,
    most: int = 20,
    measure: str = "error",
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw a bar for each column: how much the error grows if the values of that column are shuffled.

    Args:
        values: Importance by column, in any order.
        most: Number of columns to draw; those with the largest importance come first.
        measure: What grows, with its unit: ``"loss"``, ``"rmse (EUR)"``.
        ax: Axes to draw into. None: those of a new figure.
        title: Text above the picture.

    Raises:
        ValueError: if there are no values.
    """
    if not values:
        raise ValueError("importance: values must have at least one column, got none")
    most = _checks.count("importance", "most", most, high=200)
    ranked = sorted(values.items(), key=lambda pair: -pair[1])
    shown = ranked[:most]
    ax = style.axes(ax, 5.6, 1.1 + 0.28 * len(shown))
    places = range(len(shown))
    ax.barh(places, [value for _, value in shown], color=style.COLOURS[0], height=0.7)
    ax.axvline(0, color="black", linewidth=0.8)
    names = dict(zip(values, style.distinct(values, 30), strict=True))
    ax.set_yticks(places, [names[name] for name, _ in shown], parse_math=False)
    if max(abs(value) for _, value in shown) >= _LARGE:
        ax.xaxis.set_major_locator(MaxNLocator(_MOST_TICKS, steps=[1, 2, 2.5, 5, 10]))
    ax.set_ylim(len(shown) - 0.5, -0.5)
    ax.grid(alpha=0.3, axis="x")
    more = f"; {len(ranked) - len(shown)} more columns" if len(ranked) > len(shown) else ""
    return style.look(ax, f"growth of the {measure} if the column is shuffled{more}", "column", title)
