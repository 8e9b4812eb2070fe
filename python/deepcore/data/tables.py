"""Tables: CSV files with a header, and NPZ files with X and y.

Examples are rows, and features are numbers.
"""

from __future__ import annotations

import lzma
import math
import os
import struct
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from deepcore import _checks
from deepcore._regular import open_regular
from deepcore.data.delimited import TextTable, find_dialect, read_text_table
from deepcore.data.npy import DAMAGED, npy_header
from deepcore.data.number_format import find_number_format
from deepcore.data.preprocessing import short
from deepcore.data.sources import FREE_BYTES, MOST_EXPANSION, decode, name_of, read_bytes
from deepcore.data.text import (
    MISSING,
    NumberFormat,
    clean,
    has_unit,
    is_code,
    is_inexact,
    is_infinite,
    read_numbers,
)
from deepcore.data.text_column import TextColumn
from deepcore.typing import Array

__all__ = ["Table", "csv_columns", "read_csv", "read_npz"]

# What zipfile, its decompressors and NumPy's parser raise for damaged archives.
_DAMAGED = (*DAMAGED, RuntimeError, struct.error, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


@dataclass(frozen=True)
class Table:
    """Features and, if there are any, labels.

    Attributes:
        X: shape (m, n_x) float64 (an NPZ file keeps its dtype and may hold images (m, h, w) or (m, h, w, c)).
        y: shape (m,), numbers (float64) or text (str); None without a label column. An NPZ file may hold
            (m, k).
        features: Names of the n_x columns; None for NPZ.
        label: Name of the label column, or None.
    """

    X: Array
    y: Array | None
    features: list[str] | None
    label: str | None


def csv_columns(path: Any, **options: Any) -> list[str]:
    """Return the names of the columns of a CSV file.

    Args:
        path: The file, ``"-"`` for standard input, or a file object.
        **options: ``separator``, ``encoding``, ``header`` and ``skip_lines`` of ``read_csv``.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is empty, is not text, has no header, or a name is missing or stands twice.
    """
    return _read_text(path, **options)[0].names


def read_csv(
    path: Any,
    label: str | None = None,
    features: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    *,
    separator: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    skip_lines: int = 0,
) -> Table:
    """Read a CSV file of numbers, and perhaps labels. ``deepcore.tabular.read_table`` reads other tables.

    Names and text labels are compared in Unicode's composed form (NFC), without blanks around them. A first
    column without a name numbers the rows, and is left out.

    Args:
        path: The file, which may be compressed; ``"-"`` for standard input; or a file object.
        label: Name of the label column, numbers or text; None: read no labels.
        features: Names of the feature columns, in the order wanted; None: every column except ``label`` and
            ``drop``.
        drop: Columns that are left out if ``features`` is None.
        separator: Between fields; None: found in the first lines, or named by a first line ``sep=;``.
        decimal: Decimal mark, ``"."`` or ``","``; None: found in the cells.
        thousands: Mark between groups of three digits; ``""`` for none; None: found in the cells.
        encoding: Of the text; None: by the byte order mark, else UTF-8.
        header: Whether the first line holds names; None: it must, and must not look like data. Without a
            header the columns are named x1, x2, ...
        skip_lines: Number of lines above the header that are not read.

    Returns:
        A Table. Labels are float64 if every one of them is a number; they are text if one is not, or if one
        is a code: it begins with a zero, is a whole number beyond 2^53, or two of them are different texts
        of one whole number, such as 7 and 7.0.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If a column is missing, a row has too few or too many fields, a feature is not a finite
            number, a label is missing or is not a number like most of them, or there is no row or no
            feature; the message names the lines and all such columns.
    """
    text, name = _read_text(
        path,
        separator=separator,
        encoding=encoding,
        header=header,
        skip_lines=skip_lines,
        index_column="" if "" in drop else None,
    )
    place = {column: j for j, column in enumerate(text.names)}
    label = None if label is None else clean(label)
    # An index column is not among the columns any more, and "" was its name.
    left_out = {clean(column) for column in drop} - ({""} if text.index is not None else set())
    given = None if features is None else [clean(column) for column in features]
    wanted = given or [column for column in text.names if column != label and column not in left_out]
    asked = [*([label] if label is not None else []), *(given or []), *(left_out if given is None else [])]
    missing = [column for column in asked if column not in place]
    if missing:
        raise ValueError(
            f"read_csv: {name} has no column {_checks.first_names(missing, short)}; its columns are "
            f"{_checks.first_names(text.names)}"
        )
    if not wanted:
        raise ValueError(f"read_csv: {name} has no feature column, only the label {label!r}")
    used = [*wanted, *([label] if label is not None else [])]
    part = replace(text, names=used, columns=[text.columns[place[column]] for column in used])
    form = find_number_format("read_csv", name, part, decimal, thousands, MISSING)
    X = np.empty((len(text.lines), len(wanted)))
    problems = []
    for j, column in enumerate(wanted):
        X[:, j], problem = _numeric(column, text.columns[place[column]], text.lines, form)
        problems += [problem] if problem else []
    if problems:
        raise ValueError(_one_message(name, problems))
    y = None if label is None else _labels(name, label, text.columns[place[label]], text.lines, form)
    return Table(X, y, wanted, label)


def _read_text(
    source: Any,
    separator: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    skip_lines: int = 0,
    index_column: str | None = None,
) -> tuple[TextTable, str]:
    """All cells of a CSV file as text, and the name of the file."""
    name = name_of(source)
    text = decode("read_csv", read_bytes("read_csv", source), encoding, name)
    dialect = find_dialect(text, separator, skip_lines)
    return read_text_table("read_csv", name, text, dialect, header, index_column), name


def read_npz(path: str | os.PathLike[str]) -> Table:
    """Read an NPZ file with the arrays X and, if there are labels, y.

    Args:
        path: The file. X has shape (m, n_x), or holds images (m, h, w) or (m, h, w, c).

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not a valid NPZ file, X is missing or not an array of finite numbers, X and y
            differ in their number of rows, or an array is far larger than the file (more than 200 times and
            more than 100 MB).
    """
    path = Path(path)
    with open_regular(path) as stream:
        try:
            arrays, names = _read_archive(stream, path)
        except _DAMAGED as error:
            raise ValueError(f"read_npz: {path} is not a valid NPZ file: {_npz_reason(error)}") from error
    if "X" not in arrays:
        raise ValueError(
            f"read_npz: {path} has no array X (one example per row), only "
            f"{_checks.first_names(names) or 'nothing'}"
        )
    X, y = arrays["X"], arrays.get("y")
    if X.ndim not in (2, 3, 4) or X.size == 0 or X.dtype.kind not in "buif":
        raise ValueError(
            f"read_npz: X must hold numbers in shape (m, n_x) or (m, h, w[, c]), got {X.dtype} {X.shape} in "
            f"{path}"
        )
    _check_finite(path, "X", X)
    if y is not None:
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.ndim not in (1, 2) or len(y) != len(X):
            raise ValueError(
                f"read_npz: y must have {len(X)} rows like X, got shape {y.shape} in {path}; is it "
                "transposed?"
            )
        if y.dtype.kind not in "buifUS":
            raise ValueError(f"read_npz: y must hold numbers or text, got {y.dtype} in {path}")
        _check_finite(path, "y", y)
    return Table(X, y, None, None if y is None else "y")


def _read_archive(stream: BinaryIO, path: Path) -> tuple[dict[str, Array], list[str]]:
    """The arrays X and y of an archive, and the names of all that is in it."""
    if stream.read(6) == b"\x93NUMPY":
        raise ValueError(f"it holds one bare array; write it with np.savez({path.name!r}, X=X, y=y)")
    limit = max(FREE_BYTES, MOST_EXPANSION * path.stat().st_size)
    with zipfile.ZipFile(stream) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        arrays: dict[str, Array] = {}
        for name in ("X", "y"):
            if name in members:
                if members[name].file_size > limit:
                    raise ValueError(
                        f"the array {name} would take {members[name].file_size} bytes, more than {limit}, "
                        "which a file of this size may expand to; write it with np.savez"
                    )
                arrays[name] = _read_array(archive, members[name], name)
        return arrays, list(members)


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Array:
    """One array; its header is checked before any memory is reserved for it."""
    with archive.open(member) as stream:
        try:
            shape, _, dtype = npy_header(stream)
        except ValueError as error:
            raise ValueError(f"the array {name} has no valid header: {error}") from error
        if dtype.hasobject:
            raise ValueError("it holds Python objects, which are never unpickled")
        held = member.file_size - stream.tell()
        if math.prod(shape) * dtype.itemsize != held:
            raise ValueError(f"the array {name} declares {dtype} {shape}, but holds {held} bytes")
    with archive.open(member) as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in npy_header
        return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))


def _npz_reason(error: BaseException) -> str:
    """What is wrong with an archive, in words that its author understands."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, zipfile.BadZipFile) and "not a zip file" in text:
        return "it is not an archive of arrays"
    if "magic string" in text:
        return "a member is not an array"
    if "encrypted" in text:
        return "it is encrypted"
    return text if len(text) <= 200 else f"{text[:197]}..."


def _read(cells: TextColumn, form: NumberFormat) -> tuple[Array, Array]:
    """Numbers of all cells, and whether each cell is one."""
    values, read = read_numbers(cells.values, form)
    return np.asarray(values[cells.codes]), np.asarray(read[cells.codes])


def _numeric(name: str, cells: TextColumn, lines: Sequence[int], form: NumberFormat) -> tuple[Array, str]:
    """A feature column as numbers, and what is wrong with it, or ""."""
    values, read = _read(cells, form)
    if read.all():
        inexact = next((cell for cell in cells.values if is_inexact(cell)), None)
        if inexact is None:
            return values, ""
        line = lines[int(np.argmax(cells.codes == cells.values.index(inexact)))]
        return values, (
            f"line {line}, column {short(name)} holds the whole number {inexact}, which float64 cannot hold; "
            "is it an id?"
        )
    first = int(np.argmin(read))
    where, cell = f"line {lines[first]}, column {short(name)}", cells[first]
    if not cell:
        return values, f"{where} is empty"
    if is_infinite(cell, form):
        return values, f"{where} must be a finite number, got {short(cell)}"
    return values, f"{where} must be a number, got {short(cell)}"


def _one_message(name: str, problems: list[str]) -> str:
    cure = (
        "fill in or drop such columns or rows, or read text, dates and missing values with "
        "deepcore.tabular.read_table"
    )
    if len(problems) == 1:
        return f"read_csv: {name}, {problems[0]}; {cure}"
    found = "".join(f"\n  {problem}" for problem in problems)
    return f"read_csv: {name} has {len(problems)} columns that are not numbers; {cure}:{found}"


def _labels(name: str, label: str, cells: TextColumn, lines: Sequence[int], form: NumberFormat) -> Array:
    if "" in cells.values:
        empty = int(np.argmax(cells.codes == cells.values.index("")))
        raise ValueError(f"read_csv: {name}, line {lines[empty]}, label {short(label)} is empty")
    values, read = _read(cells, form)
    codes = any(map(is_code, cells.values))
    if read.all() and not codes:
        whole = bool((values == np.floor(values)).all())
        if not whole or len(set(cells.values)) == len(np.unique(values)):
            return values
    elif not codes and (read.any() or all(map(has_unit, cells.values))):
        others = np.flatnonzero(~read).tolist()
        first = next((i for i in others if is_infinite(cells[i], form)), others[0])
        what = "must be a finite number" if is_infinite(cells[first], form) else "must be a number"
        few = 2 * int(read.sum()) <= len(cells) and not has_unit(cells[first])
        if what == "must be a number" and few:
            return np.array(list(map(clean, cells.array())), dtype=np.str_)
        raise ValueError(
            f"read_csv: {name}, line {lines[first]}, column {short(label)} {what} like most labels, got "
            f"{short(cells[first])}; {len(others)} of {len(cells)} labels are not numbers: delete such "
            "rows, or write all labels as text"
        )
    return np.array(list(map(clean, cells.array())), dtype=np.str_)


def _check_finite(path: Path, name: str, array: Array) -> None:
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    at = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    place = ", ".join(map(str, at))
    raise ValueError(f"read_npz: {name} must be finite, got {name}[{place}] = {array[at]} in {path}")
