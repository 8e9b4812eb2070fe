"""What all pictures share: colours, new Axes, texts that fit into the picture, and writing a file.

The colours are those of Okabe and Ito (2008), which people with any kind of colour blindness can tell apart.
"""

import textwrap
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from deepcore import _checks

__all__ = [
    "COLOURS",
    "DASHES",
    "MARKERS",
    "SEQUENTIAL",
    "Figure",
    "add_title",
    "axes",
    "current_axes",
    "distinct",
    "figure",
    "legend",
    "look",
    "save",
    "short",
    "tint",
]

#: Okabe and Ito's colours without yellow, which is too bright for lines on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
#: They tell lines apart where there is no colour; their number differs from that of the colours.
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))
MARKERS = "os^DvPX*"
#: The brightness of this colour map grows steadily, so that it is the same map in grey.
SEQUENTIAL = "cividis"

# A title may take this part of the width, and this number of lines.
_TITLE_WIDTH, _TITLE_LINES = 0.94, 4
_DOTS_PER_INCH = 120
# A text of so few letters fits below or above any Axes.
_ALWAYS_FITS = 16


def figure(width: float = 5.0, height: float = 3.6) -> Figure:
    """Make an empty figure of this size in inches; it needs no display and leaves no global state."""
    return Figure(figsize=(width, height), layout="constrained", dpi=_DOTS_PER_INCH)


def axes(ax: Axes | None, width: float = 5.0, height: float = 3.6) -> Axes:
    """Return ``ax``, or the Axes of a new figure of pyplot if it is None."""
    if ax is not None:
        if not isinstance(ax, Axes):
            raise TypeError(f"ax must be matplotlib Axes or None, got {_checks.shown(ax)}")
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained", dpi=_DOTS_PER_INCH)[1]


def current_axes() -> Axes:
    """Return the Axes of pyplot that were made or chosen last, or new ones."""
    from matplotlib import pyplot as plt

    return plt.gca()


def look(ax: Axes, x: str, y: str, title: str | None) -> Axes:
    """Name the axes and write the title, on as many lines as there is room for, and return the Axes.

    Without a title, one that the Axes have already stays.
    """
    labels = [ax.set_xlabel(x, parse_math=False)]
    if title is not None:
        labels.append(ax.set_title(title, fontsize="medium", parse_math=False))
    upright = ax.set_ylabel(y, parse_math=False)
    if any(len(label.get_text()) > _ALWAYS_FITS for label in (*labels, upright)):
        root = ax.get_figure(root=True)
        assert root is not None
        with _any_letters():
            root.draw_without_rendering()  # now the Axes have their place
        middle = (ax.bbox.x0 + ax.bbox.x1) / 2
        room = min(2 * min(middle, root.bbox.width - middle), 1.2 * ax.bbox.width)
        for label in labels:
            add_title(label, label.get_text(), room)
        middle = (ax.bbox.y0 + ax.bbox.y1) / 2
        room = min(2 * min(middle, root.bbox.height - middle), 1.2 * ax.bbox.height)
        add_title(upright, upright.get_text(), room)
    return ax


def legend(ax: Axes, **options: Any) -> None:
    """Add a legend whose texts are shown as they are."""
    for text in ax.legend(**options).get_texts():
        text.set_parse_math(False)


def short(value: object, limit: int = 24) -> str:
    """Return the name of a class or a column on one line; of a long one the beginning and the end."""
    text = " ".join(str(value).split())
    text = f" {text}" if text.startswith("_") else text  # a legend leaves out names that begin with it
    end = (limit - 3) // 3
    return text if len(text) <= limit else f"{text[: limit - 3 - end]}...{text[-end:]}"


def distinct(names: Iterable[object], limit: int = 24) -> list[str]:
    """Return the short names of classes or columns; those that would be equal begin with their number."""
    whole = list(names)
    texts = [short(name, limit) for name in whole]
    same = {text for text in texts if texts.count(text) > 1}
    return [
        f"{number}: {short(name, max(limit - len(f'{number}: '), 8))}" if text in same else text
        for number, (name, text) in enumerate(zip(whole, texts, strict=True))
    ]


def tint(colour: str, share: float = 0.35) -> tuple[float, float, float]:
    """Mix a colour with white."""
    from matplotlib.colors import to_rgb

    red, green, blue = (1 - share * (1 - part) for part in to_rgb(colour))
    return red, green, blue


def add_title(text: Text, title: str, width: float) -> None:
    """Break a title into as many lines as the width, in pixels, asks for; of an upright text, its height."""
    text.set_parse_math(False)  # a file name may hold dollar signs
    assert text.figure is not None
    renderer: Any = FigureCanvasAgg(text.figure.get_figure(root=True)).get_renderer()  # type: ignore[no-untyped-call]
    fits, too_many = 1, len(title) + 1  # numbers of letters per line
    with _any_letters():
        while too_many - fits > 1:
            columns = too_many - 1 if too_many > len(title) else (fits + too_many) // 2
            _wrap(text, title, columns)
            extent = text.get_window_extent(renderer)
            if (extent.height if text.get_rotation() == 90 else extent.width) > _TITLE_WIDTH * width:
                too_many = columns
            else:
                fits = columns
    _wrap(text, title, fits)


def _wrap(text: Text, title: str, columns: int) -> None:
    lines = textwrap.wrap(title, columns, max_lines=_TITLE_LINES, placeholder=" ..." if columns > 4 else "")
    text.set_text("\n".join(lines))


def save(picture: Figure, file: BinaryIO) -> None:
    """Write a figure as PNG to an open binary file."""
    with _any_letters():
        picture.savefig(file, format="png")


@contextmanager
def _any_letters() -> Iterator[None]:
    """A letter that the font does not have is drawn as a box, without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        yield
