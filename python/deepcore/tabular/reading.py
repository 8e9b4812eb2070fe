"""``read_table``: a file becomes a Frame. The cells of text files stay as they are written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deepcore.data.delimited import TextTable, find_dialect, read_text_table
from deepcore.data.number_format import find_number_format
from deepcore.data.sources import decode, is_excel, name_of, read_bytes
from deepcore.data.text import MISSING, NumberFormat
from deepcore.tabular.frame import Frame

__all__ = ["read_table"]


def read_table(
    source: Any,
    *,
    separator: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    index_column: str | int | bool | None = None,
    skip_lines: int = 0,
    missing: Sequence[str] = MISSING,
    sheet: str | int | None = None,
) -> Frame:
    """Read a table from a file or from standard input.

    The cells of CSV files stay text, so that ``007`` keeps its zeros; ``Columns.fit`` and ``Label.fit``
    decide which columns are numbers. Columns of Parquet, Arrow and Excel files keep their types.

    Args:
        source: A path, ``"-"`` for standard input, or a file object. Text with any separator, also if it is
            compressed (gzip, bzip2, xz, zstd, zip); Parquet, Arrow and Excel (.xlsx) with the extra
            ``tabular``.
        separator: Between fields; None: found in the first lines, or named by a first line ``sep=;``.
        decimal: Decimal mark, ``"."`` or ``","``; None: found in the cells.
        thousands: Mark between groups of three digits; ``""`` for none; None: found in the cells.
        encoding: Of text; None: by the byte order mark, else UTF-8.
        header: Whether the first line holds names; None: it must, and must not look like data. Without a
            header the columns are named x1, x2, ...
        index_column: Name or number (from 0) of a column that names the rows and is no feature, which
            becomes ``frame.index``; None: the first column if it has no name; False: none.
        skip_lines: Number of lines above the header that are not read.
        missing: Cells that count as missing when the format of numbers is found.
        sheet: Name or number (from 0) of the sheet of an Excel file; None: the first one.

    Raises:
        OSError: If the source cannot be read.
        ImportError: If a library is missing for this kind of file; the message names it.
        ValueError: If the file is not a table, or may be read in two ways; the message names the line and
            says what to do.

    Example:
        >>> import io
        >>> frame = read_table(io.StringIO("size;town\\n1,5;Bonn\\n2,25;Ulm\\n"))
        >>> frame.names, frame["size"].tolist(), frame.number_format.decimal
        (['size', 'town'], ['1,5', '2,25'], ',')
    """
    who = "read_table"
    name = _short_name(source)
    data = read_bytes(who, source)
    typed = _typed_kind(data)
    if typed is not None:
        from deepcore.tabular import typed_files

        if typed == "excel" and (header is False or skip_lines):
            option = "header=False" if header is False else f"skip_lines={skip_lines}"
            raise ValueError(
                f"{who}: {option} is for text files; the first line of {name}, an Excel file, must hold the "
                "names"
            )

        frame = typed_files.read(who, data, typed, name, index_column, sheet)
        # The columns have types; the format of numbers is only for text in them.
        nothing = TextTable([], [], [], None, "")
        frame.number_format = find_number_format(who, name, nothing, decimal, thousands, missing)
        return frame
    text = decode(who, data, encoding, name)
    del data
    dialect = find_dialect(text, separator, skip_lines)
    table = read_text_table(who, name, text, dialect, header, index_column)
    form = find_number_format(who, name, table, decimal, thousands, missing)
    return _frame(table, name, form)


def _short_name(source: Any) -> str:
    name = name_of(source)
    return Path(name).name if isinstance(source, (str, os.PathLike)) and name != "standard input" else name


def _typed_kind(data: bytes) -> str | None:
    """The kind of a file whose columns have types, by its first bytes."""
    if data[:4] == b"PAR1":
        return "parquet"
    if data[:6] == b"ARROW1":
        return "arrow"
    if data[:4] == b"PK\x03\x04" and is_excel(data):
        return "excel"
    return None


def _frame(table: TextTable, name: str, form: NumberFormat) -> Frame:
    index = None if table.index is None else table.index.array()
    columns = dict(zip(table.names, table.columns, strict=True))
    return Frame(columns, source=name, lines=np.array(table.lines), number_format=form, index=index)
