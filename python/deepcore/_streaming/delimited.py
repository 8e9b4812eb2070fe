"""CSV files in parts: blocks of whole lines are found once, and read in any order with polars."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

from deepcore import _checks
from deepcore._regular import open_regular
from deepcore._streaming.tables import Columns, PiecesPart, polars, refuse_text

__all__ = ["csv_names", "csv_part"]

#: Bytes of text that are read together; less in a small file, so that there is something to mix.
_BLOCK_BYTES, _BLOCKS = 1 << 20, 64
# Lines by which the types of the columns are found.
_LINES = 1000


def csv_names(path: Path, separator: str) -> list[str]:
    """Return the names of the columns in the first line; a column without a name numbers the rows."""
    return [name for name in _first_lines(path, separator).columns if name]


def csv_part(path: Path, columns: Columns, separator: str) -> PiecesPart:
    """Find the blocks of a CSV file, which is read once for this."""
    kinds = _kinds(_first_lines(path, separator))
    for column in columns.all:
        if kinds[column] == polars("CSV files").String:
            refuse_text(str(path), column, "text")
    ends, rows = _blocks(path)
    if not rows:
        raise ValueError(f"stream: {path} must have at least one row below its header")
    lines = [2, *(2 + rows for rows in accumulate(rows))]

    def load(number: int) -> Any:
        with open_regular(path) as file:
            file.seek(ends[number])
            text = file.read(ends[number + 1] - ends[number])
        return _parsed(str(path), text, kinds, columns.all, separator, lines[number])

    return PiecesPart(str(path), columns, rows, load)


def _first_lines(path: Path, separator: str) -> Any:
    """Read the first lines as text, with names that have no blanks around them."""
    pl = polars("CSV files")
    with open_regular(path) as file:
        text = b"".join(islice(file, _LINES))
    if text.startswith(b"\x1f\x8b"):
        raise ValueError(
            f"stream: {path} must not be compressed, because parts of it could not be read by themselves"
        )
    try:
        frame = pl.read_csv(io.BytesIO(text), separator=separator, infer_schema_length=0)
        return frame.rename({name: name.strip() for name in frame.columns})
    except (Exception, pl.exceptions.PanicException) as error:
        if isinstance(error, MemoryError):
            raise
        raise ValueError(
            f"stream: {path} is not a valid CSV file: {_checks.cut(str(error).splitlines()[0], 200)}"
        ) from error


def _kinds(frame: Any) -> dict[str, Any]:
    """Find out which columns are numbers, which are booleans, and which are text."""
    pl = polars("CSV files")
    kinds = {}
    for name in frame.columns:
        cells = frame[name].drop_nulls().str.strip_chars()
        kinds[name] = pl.String
        if cells.cast(pl.Float64, strict=False).null_count() == 0:
            kinds[name] = pl.Float64
        elif cells.is_in(["true", "false"]).all():
            kinds[name] = pl.Boolean
    return kinds


def _blocks(path: Path) -> tuple[list[int], list[int]]:
    """Find where the blocks begin and where the last one ends, and how many lines each has."""
    with open_regular(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        file.readline()
        ends: list[int] = [file.tell()]
        rows: list[int] = []
        most = min(_BLOCK_BYTES, size // _BLOCKS + 1)
        while text := file.read(most):
            text += file.readline()
            if text.startswith((b"\n", b"\r\n")) or b"\n\n" in text or b"\n\r\n" in text:
                text = _without_last_lines(path, text, file, 2 + sum(rows))
            if text:
                rows.append(text.count(b"\n") + (not text.endswith(b"\n")))
                ends.append(ends[-1] + len(text))
    return ends, rows


def _without_last_lines(path: Path, text: bytes, file: Any, line: int) -> bytes:
    """Cut empty lines off at the end of a file, and refuse them elsewhere; the text begins with this line."""
    lines = text.splitlines(keepends=True)
    number = next(number for number, one in enumerate(lines) if not one.strip(b"\r\n"))
    rest = b"".join(lines[number:])
    while not rest.strip() and (more := file.read(_BLOCK_BYTES)):
        rest = more
    if rest.strip():
        raise ValueError(f"stream: {path} must have no empty lines, but line {line + number} is empty")
    return b"".join(lines[:number])


def _parsed(
    name: str, text: bytes, kinds: Mapping[str, Any], wanted: Sequence[str], separator: str, line: int
) -> Any:
    pl = polars("CSV files")
    options = {"has_header": False, "separator": separator}
    try:
        return pl.read_csv(io.BytesIO(text), schema=dict(kinds), **options).select(wanted)
    except (Exception, pl.exceptions.PanicException) as error:
        if isinstance(error, MemoryError):
            raise
        reason = _reason(text, kinds, wanted, line, options)
        if reason is None:
            lines = f"lines {line} to {line + text.count(bytes([10])) - 1}"
            reason = f"{lines} cannot be read: {_checks.cut(str(error).splitlines()[0], 200)}"
        raise ValueError(f"stream: {name}: {reason}") from error


def _reason(
    text: bytes, kinds: Mapping[str, Any], wanted: Sequence[str], line: int, options: Mapping[str, Any]
) -> str | None:
    """Find the first cell that is not of the kind of its column; None: there is none."""
    pl = polars("CSV files")
    try:
        cells = pl.read_csv(io.BytesIO(text), schema=dict.fromkeys(kinds, pl.String), **options)
    except pl.exceptions.PolarsError:
        return None
    for column in wanted:
        stripped = cells[column].str.strip_chars()
        logical = kinds[column] == pl.Boolean
        fits = (
            stripped.is_in(["true", "false"])
            if logical
            else stripped.cast(pl.Float64, strict=False).is_not_null()
        )
        strange = stripped.is_not_null() & ~fits
        if strange.any():
            row = int(strange.arg_max())
            what = "true or false" if logical else "a number"
            return (
                f"column {_checks.shown(column)} must be {what} in line {line + row}, got "
                f"{_checks.shown(cells[column][row])}; encode text as numbers first"
            )
    return None
