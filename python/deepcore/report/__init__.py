"""One self-contained HTML page of texts, tables and pictures; needs jinja2 and matplotlib, the extra ``cli``.

The page needs no other file and no network: pictures are part of it. ``deepcore train --report`` writes one.

Example:
    >>> import deepcore as dc
    >>> from deepcore.report import Section, page
    >>> history = dc.mlp([2, 1], seed=1).fit([[0, 1], [1, 0]], [0, 1], dc.SGD(0.1), epochs=3)
    >>> curves = dc.plots.curves(history, "a run of 3 epochs")
    >>> text = page("My run", [Section("Learning curves", pictures={"loss by epoch": curves})])
    >>> text.startswith("<!DOCTYPE html>"), "data:image/png;base64," in text
    (True, True)
"""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

try:
    from jinja2 import Environment, StrictUndefined
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "deepcore.report needs jinja2: pip install 'deepcore-nn[cli]'", name="jinja2"
    ) from _error

from deepcore import _core
from deepcore._text_table import Rows
from deepcore.files.atomic import replacing
from deepcore.plots.style import Figure, save

__all__ = ["Section", "page", "write"]

_NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+(e[-+]?\d+)?%?")


@dataclass(frozen=True)
class Section:
    """A part of a page with its own headline; what is empty is left out.

    Attributes:
        title: The headline.
        paragraphs: Sentences.
        warnings: Sentences that stand out.
        tables: Rows of text by caption; the first row of each is the head.
        listing: Lines that keep their spaces.
        pictures: Figures by caption, which also says in words what a picture shows.
    """

    title: str
    paragraphs: Sequence[str] = ()
    warnings: Sequence[str] = ()
    tables: Mapping[str, Rows] = field(default_factory=dict)
    listing: str = ""
    pictures: Mapping[str, Figure] = field(default_factory=dict)

    @property
    def anchor(self) -> str:
        """The name of the section in links."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


def page(title: str, sections: Sequence[Section]) -> str:
    """Write a page as text.

    Args:
        title: The headline of the page, and the title of the window.
        sections: Their titles must differ, because the table of contents links to them.

    Returns:
        HTML without links to other files.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(png=_png, right=_numeric_columns)
    template = environment.from_string(files(__name__).joinpath("page.html").read_text(encoding="utf-8"))
    return template.render(title=title, sections=sections, version=_core.build_info()["version"])


def write(path: str | os.PathLike[str], title: str, sections: Sequence[Section]) -> None:
    """Write a page to a file, as a whole or not at all.

    Raises:
        OSError: if the file cannot be written.
    """
    text = page(title, sections)
    with replacing(path) as file:
        file.write(text.encode("utf-8", "replace"))  # half of a surrogate pair, as in names of files


def _numeric_columns(rows: Rows) -> set[int]:
    """The columns of a table that hold numbers only; they are aligned to the right."""
    columns = zip(*rows[1:], strict=True)
    return {
        place
        for place, cells in enumerate(columns)
        if any(cells) and all(_NUMBER.fullmatch(cell) for cell in cells if cell)
    }


def _png(picture: Figure) -> str:
    file = io.BytesIO()
    save(picture, file)
    return base64.b64encode(file.getvalue()).decode("ascii")
