"""Files whose columns have types: Parquet, Arrow and Excel, read with polars or pandas."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import Any

from deepcore import _checks
from deepcore.data.sources import FREE_BYTES, MOST_EXPANSION
from deepcore.tabular.frame import Frame

__all__ = ["read"]


def read(who: str, data: bytes, kind: str, name: str, index_column: Any, sheet: str | int | None) -> Frame:
    """Read a file of a kind that ``read_table`` found.

    Args:
        who: Name of the caller, the head of messages.
        data: The whole file.
        kind: ``"parquet"``, ``"arrow"`` or ``"excel"``.
        name: Name of the source.
        index_column: Name or number (from 0) of a column that names the rows; True: the first one; None or
            False: none.
        sheet: Name or number of the sheet of an Excel file.

    Raises:
        ImportError: If a library is missing.
        ValueError: If the file is damaged, or holds far more than its size lets expect.
    """
    try:
        import polars as pl
    except ImportError as error:
        raise ImportError(f'{who}: {kind} files need polars; pip install "deepcore-nn[tabular]"') from error
    stream = BytesIO(data)
    try:
        size = _expanded_size(pl, data, kind)
        if size > (limit := max(FREE_BYTES, MOST_EXPANSION * len(data))):
            raise _TooLarge(
                f"{who}: {name} expands to about {size} bytes, more than the {limit} which a {kind} file of "
                f"{len(data)} bytes may hold; save it as CSV, or in several files"
            )
        if kind == "parquet":
            native = pl.read_parquet(stream)
        elif kind == "arrow":
            native = pl.read_ipc(stream)
        else:
            chosen = {"sheet_name": sheet} if isinstance(sheet, str) else {"sheet_id": (sheet or 0) + 1}
            try:
                native = pl.read_excel(  # all rows decide the types of columns
                    stream, **chosen, drop_empty_rows=False, infer_schema_length=None
                )
            except ImportError as error:
                raise ImportError(f"{who}: Excel files need fastexcel; pip install fastexcel") from error
        frame = Frame.of(native, who)
    except (ImportError, _TooLarge, MemoryError):
        raise
    except (Exception, pl.exceptions.PanicException) as error:  # for damaged files; a panic is no Exception
        raise ValueError(
            f"{who}: {name} is not a valid {kind} file: {_checks.cut(str(error), 200)}"
        ) from error
    frame.source = name
    if index_column is None or index_column is False:
        return frame
    if not isinstance(index_column, str):
        number = 0 if index_column is True else index_column
        index_column = frame.names[_checks.count(who, "index_column", number, 0, len(frame.names) - 1)]
    index = frame[index_column]
    frame = frame.drop([index_column])
    frame.index = index.tolist()
    return frame


class _TooLarge(ValueError):
    """What a file holds is too large for its size."""


def _expanded_size(pl: Any, data: bytes, kind: str) -> int:
    """Bytes that a file needs in memory at least, by its own tables of contents; no column is read."""
    if kind == "excel":
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return sum(member.file_size for member in archive.infolist())
    scan = pl.scan_parquet if kind == "parquet" else pl.scan_ipc
    table = scan(BytesIO(data))
    return int(table.select(pl.len()).collect().item()) * len(table.collect_schema()) * 8
