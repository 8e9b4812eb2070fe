"""Tables: CSV files with a header, NPZ files with X and y. One example per row; features are numbers."""

import csv
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepcore import _checks
from deepcore.typing import Array


@dataclass(frozen=True)
class Table:
    """Features and, when there are any, labels.

    Attributes:
        X: shape (m, n_x) float64 (an NPZ file keeps its dtype and may hold images (m, h, w) or (m, h, w, c)).
        y: shape (m,), numbers (float64) or text (str); None without a label column. An NPZ file may hold (m,
            k).
        features: Names of the n_x columns; None for NPZ.
        label: Name of the label column, or None.
    """

    X: Array
    y: Array | None
    features: list[str] | None
    label: str | None


def csv_columns(path: str | os.PathLike[str]) -> list[str]:
    """The column names of a CSV file, from its header.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is empty, is no text, has no header, or a name is missing or stands twice.
    """
    return next(_rows(Path(path)))[1]


def read_csv(
    path: str | os.PathLike[str],
    label: str | None = None,
    features: Sequence[str] | None = None,
    drop: Sequence[str] = (),
) -> Table:
    """Read a CSV file: UTF-8, a header, fields separated by comma, semicolon or tab, decimal points.

    Args:
        path: The file.
        label: Name of the label column, numbers or text; None reads no labels.
        features: Names of the feature columns, in the order wanted; None takes every column but ``label`` and
            ``drop``.
        drop: Columns that are left out when ``features`` is None.

    Returns:
        A Table. Labels are float64 when every one of them is a number, else text.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if a column is missing, a row has too few or too many fields, a feature is no finite
            number, a label is empty, or there is no row or no feature; the message names the line and the
            column.
    """
    path = Path(path)
    rows = _rows(path)
    header = next(rows)[1]
    wanted = list(features) if features is not None else [c for c in header if c != label and c not in drop]
    asked = [*wanted, *drop] if features is None else wanted
    missing = [name for name in ([label] if label is not None else []) + asked if name not in header]
    if missing:
        known = _checks.first_names(header)
        msg = f"read_csv: {path} has no column {', '.join(map(repr, missing))}; its columns are {known}"
        raise ValueError(msg)
    if not wanted:
        msg = f"read_csv: {path} has no feature column, only the label {label!r}"
        raise ValueError(msg)
    numbers: list[int] = []
    table: list[list[str]] = []
    for line, row in rows:
        if len(row) != len(header):
            msg = f"read_csv: {path}, line {line} has {len(row)} fields, the header has {len(header)}"
            raise ValueError(msg)
        numbers.append(line)
        table.append(row)
    if not table:
        msg = f"read_csv: {path} has a header but no rows"
        raise ValueError(msg)
    cells = [list(column) for column in zip(*table, strict=True)]
    X = np.empty((len(table), len(wanted)))
    for j, name in enumerate(wanted):
        X[:, j] = _numeric(path, name, cells[header.index(name)], numbers)
    y = None if label is None else _labels(path, label, cells[header.index(label)], numbers)
    return Table(X, y, wanted, label)


def read_npz(path: str | os.PathLike[str]) -> Table:
    """Read an NPZ file with an array X, (m, n_x) or images (m, h, w) or (m, h, w, c), and, if there are
    labels, y.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is no NPZ file, X is missing or no array of finite numbers, or X and y differ in
            rows.
    """
    path = Path(path)
    try:
        # Opened here, since np.load leaves its own file open when the content is wrong.
        with path.open("rb") as stream:
            file = np.load(stream, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                msg = f"it holds one bare array; write it with np.savez({path.name!r}, X=X, y=y)"
                raise ValueError(msg)
            arrays = {name: file[name] for name in ("X", "y") if name in file.files}
            names = ", ".join(file.files) or "nothing"
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        reason = str(error) or type(error).__name__
        if "Object arrays" in reason:
            reason = "objects are never unpickled"
        elif "pickle" in reason:  # what NumPy guesses of a file that it does not know
            reason = "it is no archive of arrays"
        msg = f"read_npz: {path} is no readable NPZ file: {reason}"
        raise ValueError(msg) from error
    if "X" not in arrays:
        msg = f"read_npz: {path} has no array X (one example per row), only {names}"
        raise ValueError(msg)
    X, y = arrays["X"], arrays.get("y")
    if X.ndim not in (2, 3, 4) or X.size == 0 or X.dtype.kind not in "buif":
        msg = f"read_npz: X must be numbers (m, n_x) or (m, h, w[, c]), got {X.dtype} {X.shape} in {path}"
        raise ValueError(msg)
    _check_finite(path, "X", X)
    if y is not None:
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.ndim not in (1, 2) or len(y) != len(X):
            msg = f"read_npz: y must have {len(X)} rows like X, got {y.shape} in {path}; is it transposed?"
            raise ValueError(msg)
        if y.dtype.kind not in "buifUS":
            msg = f"read_npz: y must be numbers or text, got {y.dtype} in {path}"
            raise ValueError(msg)
        _check_finite(path, "y", y)
    return Table(X, y, None, None if y is None else "y")


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line number, fields) of the header, checked, and then of every row that is not blank."""
    header: list[str] | None = None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = ""
            for first in file:
                if first.strip():
                    break
            if not first.strip():
                msg = f"read_csv: {path} is empty"
                raise ValueError(msg)
            file.seek(0)
            reader = csv.reader(file, delimiter=max(",;\t", key=first.count), strict=True)
            for row in reader:
                if not any(field.strip() for field in row):
                    continue
                fields = [field.strip() for field in row]
                if header is None:
                    header = fields
                    _check_header(path, header)
                yield reader.line_num, fields
    except UnicodeDecodeError as error:
        msg = f"read_csv: {path} is no UTF-8 text (byte {error.start}); is it a CSV file?"
        raise ValueError(msg) from error
    except csv.Error as error:
        msg = f"read_csv: {path} is no readable CSV file: {error}"
        raise ValueError(msg) from error


def _check_header(path: Path, header: list[str]) -> None:
    if any("\0" in name for name in header):
        msg = f"read_csv: {path} holds binary data; is it a CSV file?"
        raise ValueError(msg)
    if all(_is_number(name) for name in header):
        msg = f"read_csv: {path} has no header, its first line is all numbers; put column names above it"
        raise ValueError(msg)
    for j, name in enumerate(header):
        if not name:
            msg = f"read_csv: {path} has no name for column {j + 1} in its header"
            raise ValueError(msg)
        if name in header[:j]:
            msg = f"read_csv: {path} has two columns named {name!r}"
            raise ValueError(msg)


def _numeric(path: Path, name: str, cells: list[str], lines: list[int]) -> NDArray[np.float64]:
    """A feature column as numbers; the slow search for the bad cell runs only when there is one."""
    try:
        column = np.array(cells, dtype=np.float64)
        if np.isfinite(column).all():
            return column
    except ValueError:
        pass
    for cell, line in zip(cells, lines, strict=True):
        where = f"read_csv: {path}, line {line}, column {name!r}"
        if not cell:
            msg = f"{where} is empty; fill in or leave out missing values first"
            raise ValueError(msg)
        if not _is_number(cell):
            msg = f"{where} must be a number, got {cell!r}; features are numeric; drop other columns"
            raise ValueError(msg)
        if not np.isfinite(float(cell)):
            msg = f"{where} must be a finite number, got {cell!r}"
            raise ValueError(msg)
    msg = f"read_csv: {path}, column {name!r} holds a number that cannot be read"
    raise ValueError(msg)


def _labels(path: Path, name: str, cells: list[str], lines: list[int]) -> Array:
    for cell, line in zip(cells, lines, strict=True):
        if not cell:
            msg = f"read_csv: {path}, line {line}, label {name!r} is empty"
            raise ValueError(msg)
    if not all(_is_number(cell) for cell in cells):
        return np.array(cells, dtype=np.str_)
    return _numeric(path, name, cells, lines)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_finite(path: Path, name: str, array: Array) -> None:
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    at = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    place = ", ".join(map(str, at))
    msg = f"read_npz: {name} must be finite, got {name}[{place}] = {array[at]} in {path}"
    raise ValueError(msg)
