"""Parquet files: their row groups are found in the footer, and read with polars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deepcore import _checks
from deepcore._regular import open_regular
from deepcore._streaming.chunks import Chunk
from deepcore._streaming.tables import Columns, TablePart, polars, refuse_text_columns
from deepcore.typing import Array

__all__ = ["ParquetPart", "parquet_names", "row_groups"]


def _scan(path: Path) -> Any:
    return polars("Parquet files").scan_parquet(path)


def parquet_names(path: Path) -> list[str]:
    """Return the names of the columns of a file."""
    pl = polars("Parquet files")
    try:
        return list(pl.read_parquet_schema(path))
    except OSError:
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: BaseException) -> ValueError:
    return ValueError(f"stream: {path} is not a valid Parquet file: {_checks.cut(str(error), 200)}")


class ParquetPart(TablePart):
    """A Parquet file; see ``Part``. Its pieces are the row groups."""

    def __init__(self, path: Path, columns: Columns) -> None:
        self._path = path
        refuse_text_columns(str(path), columns, polars("Parquet files").read_parquet_schema(path))
        groups = row_groups(path)
        super().__init__(str(path), columns, sum(groups), max(groups, default=1))
        self.fixed = groups

    def read(self, first: int, stop: int, out: Array | None = None) -> Chunk:
        pl = polars("Parquet files")
        try:
            frame = _scan(self._path).select(self.names.all).slice(first, stop - first).collect()
        except (Exception, pl.exceptions.PanicException) as error:
            if isinstance(error, (OSError, MemoryError)):
                raise
            raise _damaged(self._path, error) from error
        if len(frame) != stop - first:
            raise ValueError(f"stream: {self.name} has changed while it was read: rows are missing")
        return self.names.chunk(self.name, frame, first, out)


def row_groups(path: Path) -> list[int]:
    """Read the numbers of rows of the row groups from the footer of a Parquet file."""
    with open_regular(path) as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        end = file.read(8)
        length = int.from_bytes(end[:4], "little")
        if end[4:] != b"PAR1" or length + 12 > size:
            raise ValueError(
                f"stream: {path} is not a valid Parquet file, or it is encrypted or not complete"
            )
        file.seek(size - 8 - length)
        footer = file.read(length)
    try:
        rows = [group[_ROWS] for group in _Compact(footer).struct().get(_GROUPS, [])]
        if not all(isinstance(count, int) and count >= 0 for count in rows):
            raise ValueError("numbers of rows must be whole and not negative")
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise _damaged(path, error) from error
    return rows


# Numbers of two fields: the row groups of a file, and the rows of a group.
_GROUPS, _ROWS = 4, 3
# Types of the compact protocol.
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12


class _Compact:
    """Values in the compact protocol of Apache Thrift, in which footers are written.

    Every value takes at least one byte, and none ends behind the data, so that reading ends: IndexError.
    """

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def struct(self) -> dict[int, Any]:
        """Read a struct as a mapping from the numbers of its fields."""
        fields: dict[int, Any] = {}
        number = 0
        while (head := self._byte()) != 0:
            number = number + (head >> 4) if head >> 4 else self._signed()
            kind = head & 15
            fields[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind)
        return fields

    def _value(self, kind: int) -> Any:
        if kind in (_TRUE, _FALSE, _BYTE):  # booleans in lists take a byte
            return self._byte()
        if kind in (_DOUBLE, _BINARY):
            length = 8 if kind == _DOUBLE else self._unsigned()
            self._at += length
            if self._at > len(self._data):
                raise IndexError("a value ends behind the footer")
            return None
        if kind in (_LIST, _SET):
            return list(self._list())
        if kind == _MAP:
            length = self._unsigned()
            kinds = self._byte() if length else 0
            for _ in range(length):
                self._value(kinds >> 4)
                self._value(kinds & 15)
            return None
        return self.struct() if kind == _STRUCT else self._signed()

    def _list(self) -> Iterator[Any]:
        head = self._byte()
        length = head >> 4 if head >> 4 < 15 else self._unsigned()
        for _ in range(length):
            yield self._value(head & 15)

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _unsigned(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
