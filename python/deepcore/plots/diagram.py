"""The units of a network as circles, and its weights as lines."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from deepcore import _checks
from deepcore.plots import style
from deepcore.typing import Array

__all__ = ["network_diagram"]


def network_diagram(
    model: Any, *, most_units: int = 8, ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Draw the layers of a network from left to right, with their units and weights.

    A line is the thicker the larger its weight is in its layer; solid lines are positive weights and dashed
    lines are negative ones. A layer with many units is drawn with its first and last ones.

    Args:
        model: A ``Model``.
        most_units: Number of units to draw per layer.
        ax: Axes to draw into. None: those of a new figure.
        title: Text above the picture.
    """
    most = _checks.count("network_diagram", "most_units", most_units, low=2, high=64)
    sizes = [model.inputs, *(layer.units for layer in model.layers)]
    units = [_shown(size, most) for size in sizes]
    ax = style.axes(ax, max(4.0, 1.7 * len(sizes)), 1.6 + 0.42 * max(map(len, units)))
    places = [_places(len(shown)) for shown in units]
    for number in range(1, len(sizes)):
        W = np.asarray(model.parameters[f"W{number}"], np.float64)
        # With embeddings, the first layer has other inputs than the features.
        before = units[number - 1] if W.shape[1] == sizes[number - 1] else _shown(W.shape[1], most)
        if before is not units[number - 1] and len(before) != len(units[number - 1]):
            continue
        _draw_weights(ax, number, W, (before, units[number]), (places[number - 1], places[number]))
    for number, (shown, at) in enumerate(zip(units, places, strict=True)):
        _draw_units(ax, number, shown, at, sizes[number], last=number == len(sizes) - 1)
    words = ["input"] + [layer.activation for layer in model.layers]
    for number, (word, size) in enumerate(zip(words, sizes, strict=True)):
        text = f"layer {number}\n{size} {'feature' if number == 0 else 'unit'}{'s' * (size != 1)}\n{word}"
        ax.text(number, -1.12, text, ha="center", va="top", fontsize="small", parse_math=False)
    half = max(map(len, places))
    ax.set_xlim(-0.6, len(sizes) - 0.4)
    ax.set_ylim(-1.12 - 3.2 / half, 1 + 1 / half)
    ax.set_axis_off()
    for sign, word in ((1, "positive weight"), (-1, "negative weight")):
        ax.plot([], [], label=word, **_line(sign))
    style.legend(ax, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2, fontsize="small", frameon=False)
    return style.look(ax, "", "", title)


def _shown(size: int, most: int) -> list[int | None]:
    """The units of a layer that are drawn; None is the gap between the first and the last ones."""
    if size <= most:
        return list(range(size))
    first = (most + 1) // 2
    return [*range(first), None, *range(size - (most - first), size)]


def _places(count: int) -> Array:
    """Heights of units, centred at 0."""
    return np.zeros(1) if count == 1 else np.linspace(1, -1, count)


def _draw_weights(
    ax: Axes,
    number: int,
    W: Array,
    units: tuple[list[int | None], list[int | None]],
    places: tuple[Array, Array],
) -> None:
    largest = float(np.abs(W[np.isfinite(W)]).max(initial=0.0)) or 1.0
    for sign in (1, -1):
        lines, widths = [], []
        for i, y in zip(units[1], places[1], strict=True):
            for j, x in zip(units[0], places[0], strict=True):
                if i is not None and j is not None and np.isfinite(W[i, j]) and sign * W[i, j] > 0:
                    lines.append([(number - 1, x), (number, y)])
                    widths.append(0.3 + 2.2 * abs(W[i, j]) / largest)
        ax.add_collection(LineCollection(lines, linewidths=widths, alpha=0.75, zorder=1, **_line(sign)))


def _line(sign: int) -> dict[str, Any]:
    """Colour and dashes of a weight."""
    place = 0 if sign > 0 else 1
    return {"color": style.COLOURS[place], "linestyle": style.DASHES[place]}


def _draw_units(ax: Axes, number: int, shown: list[int | None], at: Array, size: int, last: bool) -> None:
    there = [y for unit, y in zip(shown, at, strict=True) if unit is not None]
    colour = "white" if number == 0 else "0.85" if not last else "0.65"
    ax.plot([number] * len(there), there, "o", color=colour, markeredgecolor="black", markersize=13, zorder=2)
    for unit, y in zip(shown, at, strict=True):
        if unit is None:
            ax.text(number, y, "\u22ee", ha="center", va="center", fontsize="large", zorder=3)
        else:
            ax.text(number, y, f"{unit + 1}", ha="center", va="center", fontsize=6, zorder=3)
