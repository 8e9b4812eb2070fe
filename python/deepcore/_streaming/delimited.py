"""CSV files in parts: blocks of whole lines are found once, and read in any order with polars."""

from __future__ import annotations

import io
from collections.abc import Sequence
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
    """Return the names of the columns in the first line."""
    return list(_first_lines(path, separator).columns)


def _first_lines(path: Path, separator: str) -> Any:
    pl = polars("CSV files")
    with open_regular(path) as file:
        text = b"".join(islice(file, _LINES))
    if text.startswith(b"\x1f\x8b"):
        raise ValueError(
            f"stream: {path} must not be compressed, because parts of it could not be read by themselves"
        )
    try:
        return pl.read_csv(io.BytesIO(text), separator=separator, infer_schema_length=_LINES)
    except (Exception, pl.exceptions.PanicException) as error:
        if isinstance(error, (OSError, MemoryError)):
            raise
        raise ValueError(
            f"stream: {path} is not a valid CSV file: {_checks.cut(str(error).splitlines()[0], 200)}"
        ) from error


def csv_part(path: Path, columns: Columns, separator: str) -> PiecesPart:
    """Find the blocks of a CSV file, which is read once for this."""
    schema = _first_lines(path, separator).schema
    for column in columns.all:
        if not (schema[column].is_numeric() or str(schema[column]) == "Boolean"):
            refuse_text(str(path), column, "text")
    ends, rows = _blocks(path)
    lines = [2, *(2 + rows for rows in accumulate(rows))]

    def load(number: int) -> Any:
        with open_regular(path) as file:
            file.seek(ends[number])
            text = file.read(ends[number + 1] - ends[number])
        return _parsed(str(path), text, schema, columns.all, separator, lines[number])

    return PiecesPart(str(path), columns, rows, load)


def _blocks(path: Path) -> tuple[list[int], list[int]]:
    """Where the blocks begin and where the last one ends, and how many lines each has."""
    with open_regular(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        file.readline()
        ends, rows = [file.tell()], []
        most = min(_BLOCK_BYTES, size // _BLOCKS + 1)
        while text := file.read(most):
            text += file.readline()
            rows.append(text.count(b"\n") + (not text.endswith(b"\n")))
            ends.append(ends[-1] + len(text))
    return ends, rows


def _parsed(name: str, text: bytes, schema: Any, wanted: Sequence[str], separator: str, line: int) -> Any:
    pl = polars("CSV files")
    kinds = {column: _kind(pl, dtype) for column, dtype in schema.items()}
    options = {"has_header": False, "separator": separator}
    try:
        return pl.read_csv(io.BytesIO(text), schema=kinds, **options).select(wanted)
    except (Exception, pl.exceptions.PanicException) as error:
        if isinstance(error, MemoryError):
            raise
        reason = str(error).splitlines()[0]
        try:
            raw = pl.read_csv(io.BytesIO(text), schema=dict.fromkeys(kinds, pl.String), **options)
            for column in wanted:
                cells = raw[column]
                strange = (
                    cells.is_not_null() & cells.str.strip_chars().cast(kinds[column], strict=False).is_null()
                )
                if strange.any():
                    row = int(strange.arg_max())
                    reason = (
                        f"column {_checks.shown(column)} must be a number in line {line + row}, got "
                        f"{_checks.shown(cells[row])}; encode text as numbers first"
                    )
                    break
        except pl.exceptions.PolarsError:
            reason = f"lines {line} to {line + text.count(bytes([10]))}: {reason}"
        raise ValueError(f"stream: {name}: {reason}") from error


def _kind(pl: Any, dtype: Any) -> Any:
    """Columns of numbers are read as float64, whatever the first lines look like."""
    if dtype.is_numeric():
        return pl.Float64
    return dtype if dtype == pl.Boolean else pl.String
