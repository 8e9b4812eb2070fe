"""The argument DATA: the name of a built-in data set, or a path, becomes raw examples."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepcore.data import (
    circles,
    flower,
    load_cats,
    load_digits,
    load_idx,
    moons,
    read_csv,
    read_npz,
    spirals,
)
from deepcore.data.generators import Points
from deepcore.data.images import CAT_CLASSES, DIGITS_MAXIMUM, images_to_rows, is_idx_folder, locate
from deepcore.data.preprocessing import Label
from deepcore.data.tables import csv_columns
from deepcore.typing import Array

GENERATORS: dict[str, Callable[[], Points]] = {
    "flower": flower,
    "moons": moons,
    "circles": circles,
    "spirals": spirals,
}
NAMES = ("digits", *GENERATORS)


@dataclass(frozen=True)
class Dataset:
    """Raw examples, one row each.

    Attributes:
        name: The name that is printed.
        X: shape (m, n_x).
        y: shape (m,) numbers or text, or (m, k) numbers; None if there are no labels.
        test: A test part of its own, or None.
        features: Column names, or None.
        label: Name of the label column, or None.
        pixel_maximum: Largest value of a pixel; None for anything but images.
        classes: All classes in their order if the data name them, else None.
    """

    name: str
    X: Array
    y: Array | None
    test: tuple[Array, Array] | None = None
    features: list[str] | None = None
    label: str | None = None
    pixel_maximum: float | None = None
    classes: tuple[Label, ...] | None = None


def open_data(
    data: str,
    label: str | None = None,
    drop: Sequence[str] = (),
    features: Sequence[str] | None = None,
    labelled: bool = True,
) -> Dataset:
    """Read the examples that DATA names.

    Args:
        data: ``digits``, ``flower``, ``moons``, ``circles`` or ``spirals``; or a CSV or NPZ file; or a folder
            with IDX files or the cat files. A relative path that does not exist is searched for in
            ``DEEPCORE_DATA``.
        label: Label column of a CSV file; None: the column named ``label``, else the last one.
        drop: Columns of a CSV file to leave out.
        features: Columns of a CSV file to take, in this order; None: all others.
        labelled: Whether to read labels from a CSV file.

    Raises:
        OSError: If there is no such file, or it cannot be read.
        ValueError: If its content is wrong.
    """
    path = None if data in NAMES else find(data)
    if (label is not None or drop) and (path is None or path.is_dir() or _is_npz(path)):
        raise ValueError(f"--label and --drop name columns of a CSV file, and {data} has no columns")
    if data == "digits":
        X, y = load_digits()
        return Dataset(data, X, y, pixel_maximum=DIGITS_MAXIMUM)
    if path is None:
        points, classes = GENERATORS[data]()
        return Dataset(data, points, classes, features=["x1", "x2"])
    if path.is_dir():
        return _open_folder(path)
    if _is_npz(path):
        return _open_npz(path)
    return _open_csv(path, label, drop, features, labelled)


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


def _open_folder(path: Path) -> Dataset:
    if is_idx_folder(path):
        X, y, X_test, y_test = load_idx(path)
        return Dataset(path.name, X, y, (X_test, y_test), pixel_maximum=255)
    if (path / "train_catvnoncat.h5").is_file():
        X, y, X_test, y_test = load_cats(path)
        names = np.array(CAT_CLASSES)
        parts = (X_test, names[y_test])
        return Dataset(path.name, X, names[y], parts, pixel_maximum=255, classes=CAT_CLASSES)
    raise ValueError(
        f"{path} holds neither IDX files (train-images-idx3-ubyte) nor the cat files (train_catvnoncat.h5)"
    )


def _open_npz(path: Path) -> Dataset:
    table = read_npz(path)
    if table.X.ndim == 2:
        return Dataset(path.name, table.X, table.y, label=table.label)
    # Bytes are pixels from 0 to 255; other numbers are standardised like any feature.
    maximum = 255 if table.X.dtype == np.uint8 else None
    return Dataset(path.name, images_to_rows(table.X), table.y, label=table.label, pixel_maximum=maximum)


def _open_csv(
    path: Path, label: str | None, drop: Sequence[str], features: Sequence[str] | None, labelled: bool
) -> Dataset:
    if not labelled:
        label = None
    elif label is None:
        columns = [name for name in csv_columns(path) if name not in drop]
        label = "label" if "label" in columns or not columns else columns[-1]
    table = read_csv(path, label, features, drop)
    return Dataset(path.name, table.X, table.y, features=table.features, label=table.label)
