"""The argument DATA becomes raw examples: the name of a built-in data set, a path, or ``-``."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from deepcore.data import circles, flower, load_cats, load_digits, load_idx, moons, read_npz, spirals
from deepcore.data.generators import Points
from deepcore.data.images import CAT_CLASSES, DIGITS_MAXIMUM, images_to_rows, is_idx_folder, locate
from deepcore.data.preprocessing import Label
from deepcore.tabular import MISSING, Frame, read_table
from deepcore.typing import Array

__all__ = ["NAMES", "Arrays", "Table", "find", "is_table", "open_data", "reading_options"]

GENERATORS: dict[str, Callable[[], Points]] = {
    "flower": flower,
    "moons": moons,
    "circles": circles,
    "spirals": spirals,
}
NAMES = ("digits", *GENERATORS)
STANDARD_INPUT = "-"


@dataclass(frozen=True)
class Arrays:
    """Raw examples, one row each.

    Attributes:
        name: The name that is printed.
        X: shape (m, n_x).
        y: shape (m,) numbers or text, or (m, k) numbers; None if there are no labels.
        test: A test part of its own, or None.
        features: Column names, or None.
        label: What the labels are called, or None.
        pixel_maximum: What pixels are divided by; None for anything but images.
        classes: All classes in their order if the data name them, else None.
        image_shape: (height, width) or (height, width, 3) of an image in a row of X; None if it is not known.
    """

    name: str
    X: Array
    y: Array | None
    test: tuple[Array, Array] | None = None
    features: list[str] | None = None
    label: str | None = None
    pixel_maximum: float | None = None
    classes: tuple[Label, ...] | None = None
    image_shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Table:
    """A table with the name that is printed."""

    name: str
    frame: Frame

    @classmethod
    def of(cls, arrays: Arrays) -> Table:
        """Return rows of numbers as a table with columns x1, x2, ..., and y if there is one label per row."""
        columns = Frame.of(arrays.X)
        labels = {} if arrays.y is None or arrays.y.ndim != 1 else {"y": arrays.y}
        return cls(arrays.name, Frame({name: columns[name] for name in columns.names} | labels))


# Options of reading: their names, help, defaults in words (none: what is given adds marks), other settings.
_READING: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("--separator", "What separates the fields of a CSV file; tab: \\t.", "found", {"metavar": "CHARACTER"}),
    ("--decimal", "Decimal mark of numbers.", "found", {"metavar": "CHARACTER"}),
    ("--thousands", "Mark between groups of three digits.", "found", {"metavar": "CHARACTER"}),
    ("--encoding", "Encoding of a CSV file, such as latin-1.", "UTF-8", {"metavar": "NAME"}),
    ("--header/--no-header", "Whether the first line holds names.", "it must", {"default": None}),
    (
        "--skip-lines",
        "Lines above the header to leave out.",
        "0",
        {"metavar": "NUMBER", "type": click.IntRange(0)},
    ),
    (
        "--index-column",
        "Column that only names the rows: its name, its number from 0, or none.",
        "a first column without a name",
        {"metavar": "COLUMN"},
    ),
    ("--sheet", "Sheet of an Excel file.", "the first one", {"metavar": "NAME"}),
    (
        "--missing",
        "A further mark of missing values. May be repeated.",
        "",
        {"metavar": "TEXT", "multiple": True},
    ),
)


def reading_options(*, saved: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options that say how a file is read; the command gets those given as ``reading``.

    Args:
        saved: Whether the command reads a model; the options that its training was given are the defaults.
    """
    names = (
        "separator", "decimal", "thousands", "encoding", "header", "skip_lines", "index_column", "sheet",
        "missing",
    )  # fmt: skip
    before = "as given to train, else " if saved else ""

    def with_options(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def wrapper(**options: Any) -> Any:
            values = {name: options.pop(name) for name in names}
            reading = {name: value for name, value in values.items() if value not in (None, ())}
            return command(reading=reading, **options)

        for name, text, default, settings in reversed(_READING):
            shown = f"{text}  [default: {before}{default}]" if default else text
            wrapper = click.option(name, help=shown, **settings)(wrapper)
        return wrapper

    return with_options


def open_data(data: str, reading: dict[str, Any]) -> Arrays | Table:
    """Read the examples that DATA names.

    Args:
        data: ``digits``, ``flower``, ``moons``, ``circles`` or ``spirals``; or a table or NPZ file; or a
            folder with IDX files or the cat files; or ``-``, a table from standard input. A relative path
            that does not exist is searched for in ``DEEPCORE_DATA``.
        reading: Options of ``read_table`` that were given.

    Raises:
        OSError: If there is no such file, or it cannot be read.
        ValueError: If its content is wrong.
    """
    if data == STANDARD_INPUT:
        return Table("standard input", _read(STANDARD_INPUT, reading))
    if is_table(data):
        path = find(data)
        return Table(path.name, _read(path, reading))
    if reading:
        raise ValueError(f"--{next(iter(reading))} is an option for tables, and {data} is not a table")
    if data == "digits":
        X, y = load_digits()
        return Arrays(data, X, y, pixel_maximum=DIGITS_MAXIMUM, image_shape=_square(X.shape[1]))
    if data in GENERATORS:
        points, classes = GENERATORS[data]()
        return Arrays(data, points, classes, features=["x1", "x2"])
    path = find(data)
    return _open_folder(path) if path.is_dir() else _open_npz(path)


def is_table(data: str) -> bool:
    """Return whether DATA is read as a table: a file that is not an NPZ file, or standard input.

    Raises:
        OSError: If there is no such file.
    """
    if data == STANDARD_INPUT:
        return True
    if data in NAMES:
        return False
    path = find(data)
    return not path.is_dir() and not _is_npz(path)


def _read(source: str | Path, reading: dict[str, Any]) -> Frame:
    options = dict(reading)
    if "separator" in options:
        options["separator"] = {"\\t": "\t", "tab": "\t"}.get(options["separator"], options["separator"])
    column = options.get("index_column")
    if column == "none":
        options["index_column"] = False
    elif column is not None and column.isascii() and column.isdigit():
        options["index_column"] = int(column)
    if "missing" in options:
        options["missing"] = (*MISSING, *options["missing"])
    return read_table(source, **options)


def find(data: str) -> Path:
    """Return the path itself, or the one of that name inside ``DEEPCORE_DATA``."""
    path = locate(data)
    if not path.exists():
        known = os.environ.get("DEEPCORE_DATA")
        hint = "" if known else "; DEEPCORE_DATA can name a folder in which to search"
        raise FileNotFoundError(
            f"there is no file, folder or data set {data!r}; the built-in ones are {', '.join(NAMES)}{hint}"
        )
    return path


def _is_npz(path: Path) -> bool:
    return path.suffix.lower() in (".npz", ".npy")


def _open_folder(path: Path) -> Arrays:
    if is_idx_folder(path):
        X, y, X_test, y_test = load_idx(path)
        return Arrays(path.name, X, y, (X_test, y_test), pixel_maximum=255, image_shape=_square(X.shape[1]))
    if (path / "train_catvnoncat.h5").is_file():
        X, y, X_test, y_test = load_cats(path)
        names = np.array(CAT_CLASSES)
        parts = (X_test, names[y_test])
        return Arrays(
            path.name,
            X,
            names[y],
            parts,
            pixel_maximum=255,
            classes=CAT_CLASSES,
            image_shape=_square(X.shape[1]),
        )
    raise ValueError(
        f"{path} holds neither IDX files (train-images-idx3-ubyte) nor the cat files (train_catvnoncat.h5)"
    )


def _open_npz(path: Path) -> Arrays:
    table = read_npz(path)
    if table.X.ndim == 2:
        return Arrays(path.name, table.X, table.y, label=table.label)
    # Bytes are pixels from 0 to 255; other numbers are standardised like any feature.
    maximum = 255 if table.X.dtype == np.uint8 else None
    shape = table.X.shape[1:] if table.X.ndim == 3 or table.X.shape[-1] in (1, 3) else None
    return Arrays(
        path.name,
        images_to_rows(table.X),
        table.y,
        label=table.label,
        pixel_maximum=maximum,
        image_shape=shape,
    )


def _square(pixels: int) -> tuple[int, ...] | None:
    """The shape of a square image with one or three colours; None if there is none with so many numbers."""
    for colours in ((), (3,)):
        side = math.isqrt(pixels // (3 if colours else 1))
        if math.prod((side, side, *colours)) == pixels:
            return (side, side, *colours)
    return None
