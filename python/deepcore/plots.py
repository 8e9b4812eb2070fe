"""Figures, drawn with matplotlib (extra ``cli``)."""

from collections.abc import Mapping, Sequence
from typing import BinaryIO

try:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "deepcore.plots needs matplotlib: pip install 'deepcore-nn[cli]'", name="matplotlib"
    ) from _error

# Two colours that colour-blind readers can tell apart; the dashes help where there is no colour at all.
_STYLES = (("", "train", "#0072b2", "-"), ("val_", "test", "#d55e00", "--"))


def draw_curves(file: BinaryIO, series: Mapping[str, Sequence[float]], title: str) -> None:
    """Write ``curves(series, title)`` as a PNG picture to an open binary file."""
    curves(series, title).savefig(file, format="png")


def curves(series: Mapping[str, Sequence[float]], title: str) -> Figure:
    """Draw the loss, and the accuracy if there is one, against the epochs.

    Args:
        series: One list per number, named ``loss``, ``accuracy``, and with ``val_`` for the test part.
        title: Stands above the picture.
    """
    panels = [name for name in ("loss", "accuracy") if name in series or f"val_{name}" in series]
    # A Figure without pyplot draws with Agg, needs no display and leaves no global state.
    figure = Figure(figsize=(5 * len(panels), 3.6), layout="constrained", dpi=120)
    figure.suptitle(title)
    for number, name in enumerate(panels, start=1):
        axes = figure.add_subplot(1, len(panels), number)
        for prefix, part, colour, dashes in _STYLES:
            values = series.get(prefix + name)
            if values is not None:
                epochs = range(1, len(values) + 1)
                marker = "o" if len(values) == 1 else None
                axes.plot(epochs, values, dashes, color=colour, marker=marker, label=part)
        axes.set_xlabel("epoch")
        axes.set_ylabel(name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    return figure
