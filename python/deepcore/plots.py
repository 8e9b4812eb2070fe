"""Draw figures with matplotlib, which is part of the extra ``cli``."""

import textwrap
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "deepcore.plots needs matplotlib: pip install 'deepcore-nn[cli]'", name="matplotlib"
    ) from _error

# Colour-blind readers can tell these two colours apart; the dashes help where there is no colour at all.
_STYLES = (("", "train", "#0072b2", "-"), ("val_", "validation", "#d55e00", "--"))

# A title may take this part of the width, and this number of lines.
_TITLE_WIDTH, _TITLE_LINES = 0.94, 4


def draw_curves(file: BinaryIO, series: Mapping[str, Sequence[float]], title: str) -> None:
    """Write ``curves(series, title)`` as a PNG picture to an open binary file."""
    figure = curves(series, title)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # such a character is drawn as a box
        figure.savefig(file, format="png")


def curves(series: Mapping[str, Sequence[float]], title: str) -> Figure:
    """Draw the loss, and the accuracy if there is one, against the epochs.

    Args:
        series: One list per number, named ``loss``, ``accuracy``, and with ``val_`` for the validation part.
        title: Text above the picture. A long one is written on several lines.
    """
    panels = [name for name in ("loss", "accuracy") if name in series or f"val_{name}" in series]
    # A Figure without pyplot draws with Agg, needs no display and leaves no global state.
    figure = Figure(figsize=(5 * len(panels), 3.6), layout="constrained", dpi=120)
    _add_title(figure, title)
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


def _add_title(figure: Figure, title: str) -> None:
    """Write the title on as many lines as the width of the figure asks for."""
    text = figure.suptitle(title, parse_math=False)  # a file name may hold dollar signs
    renderer: Any = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    limit = _TITLE_WIDTH * figure.bbox.width
    columns = len(title)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        while columns > 1 and text.get_window_extent(renderer).width > limit:
            columns -= 1
            lines = textwrap.wrap(title, columns, max_lines=_TITLE_LINES, placeholder=" ...")
            text.set_text("\n".join(lines))
