"""How the numbers of each layer are spread, epoch by epoch: activations, Z, or gradients."""

import re
from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap

from deepcore import _checks
from deepcore.plots import style
from deepcore.typing import Array

__all__ = ["distributions"]

_PERCENTILES = (5, 25, 50, 75, 95)
# Epochs that are drawn side by side in each layer.
_MOST_EPOCHS = 8
_WORDS = {
    "A": "activations A",
    "Z": "Z",
    "W": "weights W",
    "dA": "gradients dA",
    "dZ": "gradients dZ",
    "dW": "gradients dW",
    "db": "gradients db",
}


def distributions(
    traces: Mapping[int, Mapping[str, Array]],
    role: str = "A",
    *,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw how the numbers of an array of each layer are spread, for several epochs side by side.

    A thin line goes from the 5th to the 95th percentile, a thick one from the 25th to the 75th, and a white
    dot is the median. Later epochs are darker.

    Args:
        traces: ``{epoch: model.trace(X, y)}``, epochs counted from 0. Of more than 8 epochs, 8 evenly
            spaced ones are drawn.
        role: Which arrays: ``"A"`` or ``"Z"``, or a gradient: ``"dA"``, ``"dZ"``, ``"dW"``, ``"db"``.
        ax: Axes to draw into. None: those of a new figure.
        title: Text above the picture.

    Raises:
        ValueError: if there are no traces, or they hold no such arrays.

    Example:
        >>> import numpy as np, deepcore as dc
        >>> from matplotlib.figure import Figure
        >>> X, y = dc.data.moons(100)
        >>> model, traces = dc.mlp([2, 8, 1], seed=1), {}
        >>> def record(epoch):
        ...     traces[epoch.epoch] = epoch.model.trace(X, y)
        >>> history = model.fit(X, y, epochs=3, callbacks=[record])
        >>> ax = distributions(traces, "dZ", ax=Figure().add_subplot())
        >>> ax.get_xlabel(), ax.get_ylabel()
        ('layer', 'gradients dZ')
    """
    if not traces:
        raise ValueError("distributions: traces must have at least one epoch, got none")
    epochs = sorted(traces)
    if len(epochs) > _MOST_EPOCHS:
        epochs = [epochs[i] for i in np.linspace(0, len(epochs) - 1, _MOST_EPOCHS).round().astype(int)]
    first = traces[epochs[0]]
    pattern = re.compile(rf"{re.escape(role)}([1-9]\d*)")
    layers = sorted(int(found[1]) for name in first if (found := pattern.fullmatch(name)))
    if not layers:
        raise ValueError(
            f"distributions: role must name arrays of the traces, got {_checks.shown(role)}; they hold "
            f"{_checks.first_names(list(first))}"
        )
    ax = style.axes(ax, max(5.0, 1.6 + 0.16 * len(layers) * (len(epochs) + 2)), 3.8)
    colours = _colours(len(epochs))
    step = 0.8 / len(epochs)
    for place, epoch in enumerate(epochs):
        for layer in layers:
            values = np.asarray(traces[epoch][f"{role}{layer}"], np.float64)
            values = values[np.isfinite(values)]
            if values.size:
                x = layer - 0.4 + (place + 0.5) * step
                _draw(ax, x, np.percentile(values, _PERCENTILES), colours[place], len(epochs))
    ax.axhline(0, color="black", linewidth=0.6, alpha=0.6)
    for layer in layers[:-1]:
        ax.axvline(layer + 0.5, color="0.85", linewidth=0.8)
    ax.set_xticks(layers, [f"{layer}" for layer in layers])
    ax.set_xlim(layers[0] - 0.5, layers[-1] + 0.5)
    ax.grid(alpha=0.3, axis="y")
    _add_scale(ax, epochs, colours)
    return style.look(ax, "layer", _WORDS.get(role, role), title)


def _colours(count: int) -> list[tuple[float, ...]]:
    """From bright to dark, so that the order is the same in grey."""
    shades = mpl.colormaps[style.SEQUENTIAL]
    return [shades(float(share)) for share in np.linspace(0.85, 0.0, count)]


def _draw(ax: Axes, x: float, at: Array, colour: tuple[float, ...], epochs: int) -> None:
    width = 9.0 if epochs <= 3 else 6.0
    ax.plot([x, x], at[[0, -1]], color=colour, linewidth=1.4, solid_capstyle="butt")
    ax.plot([x, x], at[[1, -2]], color=colour, linewidth=width, solid_capstyle="butt")
    ax.plot([x], at[[2]], "o", color="white", markeredgecolor="black", markeredgewidth=0.6, markersize=3.5)


def _add_scale(ax: Axes, epochs: list[int], colours: list[tuple[float, ...]]) -> None:
    edges = np.arange(len(epochs) + 1) - 0.5
    scale = ScalarMappable(BoundaryNorm(edges, len(epochs)), ListedColormap(colours))
    root = ax.get_figure(root=True)
    assert root is not None
    bar = root.colorbar(scale, ax=ax, ticks=range(len(epochs)), fraction=0.05, pad=0.02)
    bar.set_ticklabels([f"{epoch + 1}" for epoch in epochs])
    bar.set_label("epoch")
