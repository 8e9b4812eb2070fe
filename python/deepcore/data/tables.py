"""Tables: CSV files with a header, and NPZ files with X and y.

Examples are rows, and features are numbers.
"""

from __future__ import annotations

import csv
import lzma
import math
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from deepcore import _checks
from deepcore.data.preprocessing import short
from deepcore.typing import Array

__all__ = ["Table", "csv_columns", "read_csv", "read_npz"]

# What zipfile, its decompressors and NumPy's header parser raise for damaged archives.
_DAMAGED = (
    ValueError, TypeError, AttributeError, LookupError, EOFError, RuntimeError, OverflowError, SyntaxError,
    struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip

# An array in a compressed archive may take this many bytes, or this many times the size of the file. Real
# data shrink by less than 100; the limit of the format is 1032, which one megabyte of zeros inside a file
# reaches.
_FREE_BYTES = 100_000_000
_MOST_EXPANSION = 200

# csv.Error speaks of the parser; these are the words of its messages, and what they mean to the author of a
# file.
_CSV_REASONS = {
    "unexpected end of data": "a quotation mark on line {start} is never closed",
    "expected after": "text follows a closing quotation mark on line {line}",
    "field larger than": "a field that begins on line {start} is too long; is a quotation mark never closed?",
    "new-line character": "line {line} holds a carriage return inside a field without quotation marks",
    "NUL": "line {line} holds binary data",
}


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


def csv_columns(path: str | os.PathLike[str]) -> list[str]:
    """Return the column names of a CSV file, from its header.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is empty, is not text, has no header, or a name is missing or stands twice.
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
        label: Name of the label column, numbers or text; None: read no labels.
        features: Names of the feature columns, in the order wanted; None: every column except ``label`` and
            ``drop``.
        drop: Columns that are left out if ``features`` is None.

    Returns:
        A Table. Labels are float64 if every one of them is a number, else text.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If a column is missing, a row has too few or too many fields, a feature is not a finite
            number, a label is empty, or there is no row or no feature; the message names the line and the
            column.
    """
    path = Path(path)
    rows = _rows(path)
    header = next(rows)[1]
    place = {name: j for j, name in enumerate(header)}
    left_out = {label, *drop}
    wanted = list(features) if features is not None else [name for name in header if name not in left_out]
    asked = [*wanted, *drop] if features is None else wanted
    missing = [name for name in ([label] if label is not None else []) + asked if name not in place]
    if missing:
        raise ValueError(
            f"read_csv: {path} has no column {_checks.first_names(missing, short)}; its columns are "
            f"{_checks.first_names(header)}"
        )
    if not wanted:
        raise ValueError(f"read_csv: {path} has no feature column, only the label {label!r}")
    lines: list[int] = []
    table: list[list[str]] = []
    for line, row in rows:
        if len(row) != len(header):
            raise ValueError(
                f"read_csv: {path}, line {line} has {len(row)} fields, but the header has {len(header)}"
            )
        lines.append(line)
        table.append(row)
    if not table:
        raise ValueError(f"read_csv: {path} has a header but no rows")
    cells = list(zip(*table, strict=True))
    X = np.empty((len(table), len(wanted)))
    for j, name in enumerate(wanted):
        X[:, j] = _numeric(path, name, cells[place[name]], lines)
    y = None if label is None else _labels(path, label, cells[place[label]], lines)
    return Table(X, y, wanted, label)


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
    with path.open("rb") as stream:
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
    limit = max(_FREE_BYTES, _MOST_EXPANSION * path.stat().st_size)
    with zipfile.ZipFile(stream) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        arrays: dict[str, Array] = {}
        for name in ("X", "y"):
            if name in members:
                if members[name].file_size > limit:
                    raise ValueError(
                        f"the array {name} would take {members[name].file_size} bytes, more than {limit}, "
                        "which a "
                        f"file of this size may expand to; write it with np.savez"
                    )
                arrays[name] = _read_array(archive, members[name], name)
        return arrays, list(members)


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Array:
    """One array; its header is checked before any memory is reserved for it."""
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in read_header:
            raise ValueError(f"the array {name} has the unknown format version {version}")
        shape, _, dtype = read_header[version](stream)
        header_size = stream.tell()
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never unpickled")
    sizes = all(type(n) is int and n >= 0 for n in shape)
    if not sizes or math.prod(shape) * dtype.itemsize != member.file_size - header_size:
        held = member.file_size - header_size
        raise ValueError(f"the array {name} declares {dtype} {shape}, but holds {held} bytes")
    with archive.open(member) as stream:
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


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line number, fields) of the header, checked, and then of every row that is not blank."""
    header: list[str] | None = None
    start = line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = ""
            for first in file:
                if first.strip():
                    break
            if not first.strip():
                raise ValueError(f"read_csv: {path} is empty")
            file.seek(0)
            reader = csv.reader(file, delimiter=max(",;\t", key=first.count), strict=True)
            while True:
                start = reader.line_num + 1
                try:
                    row = next(reader)
                except StopIteration:
                    return
                finally:
                    line = reader.line_num
                if not any(field.strip() for field in row):
                    continue
                fields = [field.strip() for field in row]
                if header is None:
                    header = fields
                    _check_header(path, header)
                yield line, fields
    except UnicodeDecodeError as error:
        raise ValueError(
            f"read_csv: {path} is not UTF-8 text (byte {error.start}); is it a CSV file? If its encoding is "
            "another one, convert it: Path(new).write_text(Path(old).read_text('latin-1'), 'utf-8')"
        ) from error
    except csv.Error as error:
        reason = next((text for words, text in _CSV_REASONS.items() if words in str(error)), str(error))
        raise ValueError(
            f"read_csv: {path} is not a valid CSV file: {reason.format(start=start, line=line)}"
        ) from error


def _check_header(path: Path, header: list[str]) -> None:
    if any("\0" in name for name in header):
        raise ValueError(f"read_csv: {path} holds binary data; is it a CSV file?")
    if all(_is_number(name) for name in header):
        raise ValueError(
            f"read_csv: {path} has no header, its first line is all numbers; put column names above it"
        )
    seen: set[str] = set()
    for j, name in enumerate(header):
        if not name:
            raise ValueError(f"read_csv: {path} has no name for column {j + 1} in its header")
        if name in seen:
            raise ValueError(f"read_csv: {path} has two columns named {short(name)}")
        seen.add(name)


def _numeric(path: Path, name: str, cells: Sequence[str], lines: list[int]) -> NDArray[np.float64]:
    """A feature column as numbers; the slow search for the bad cell runs only if there is one."""
    try:
        column = np.array(cells, dtype=np.float64)
        if np.isfinite(column).all():
            return column
    except ValueError:
        pass
    for cell, line in zip(cells, lines, strict=True):
        where = f"read_csv: {path}, line {line}, column {short(name)}"
        if not cell:
            raise ValueError(f"{where} is empty; fill in missing values, or leave out such rows")
        if not _is_number(cell):
            raise ValueError(
                f"{where} must be a number, got {short(cell)}; features are numeric; drop other columns"
            )
        if not np.isfinite(float(cell)):
            raise ValueError(f"{where} must be a finite number, got {short(cell)}")
    raise ValueError(f"read_csv: {path}, column {short(name)} holds a number that cannot be read")


def _labels(path: Path, name: str, cells: Sequence[str], lines: list[int]) -> Array:
    for cell, line in zip(cells, lines, strict=True):
        if not cell:
            raise ValueError(f"read_csv: {path}, line {line}, label {short(name)} is empty")
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
    raise ValueError(f"read_npz: {name} must be finite, got {name}[{place}] = {array[at]} in {path}")
