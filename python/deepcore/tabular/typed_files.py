"""Files whose columns have types: Parquet, Arrow and Excel, read with polars or pandas."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from deepcore import _checks
from deepcore.tabular.frame import Frame

__all__ = ["read"]


def read(who: str, data: bytes, kind: str, name: str, index_column: Any, sheet: str | int | None) -> Frame:
    """Read a file of a kind that ``read_table`` found.

    Args:
        who: Name of the caller, the head of messages.
        data: The whole file.
        kind: ``"parquet"``, ``"arrow"`` or ``"excel"``.
        name: Name of the source.
        index_column: Name of a column that names the rows, or None.
        sheet: Name or number of the sheet of an Excel file.
    """
    try:
        import polars as pl
    except ImportError as error:
        raise ImportError(f'{who}: {kind} files need polars; pip install "deepcore-nn[tabular]"') from error
    stream = BytesIO(data)
    try:
        if kind == "parquet":
            native = pl.read_parquet(stream)
        elif kind == "arrow":
            native = pl.read_ipc(stream)
        else:
            chosen = {"sheet_name": sheet} if isinstance(sheet, str) else {"sheet_id": (sheet or 0) + 1}
            native = pl.read_excel(stream, **chosen)
    except ImportError as error:
        raise ImportError(f"{who}: Excel files need fastexcel; pip install fastexcel") from error
    except Exception as error:  # polars raises classes of its own, and panics, for damaged files
        raise ValueError(
            f"{who}: {name} is not a valid {kind} file: {_checks.cut(str(error), 200)}"
        ) from error
    frame = Frame.of(native, who)
    frame.source = name
    if isinstance(index_column, str):
        index = frame[index_column]
        frame = frame.drop([index_column])
        frame.index = index.tolist()
    return frame
