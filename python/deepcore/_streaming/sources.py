"""What a user gives ``stream`` becomes parts whose rows are read in any order, or chunks in their order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deepcore import _checks
from deepcore._streaming import hive, libraries
from deepcore._streaming.arrays import ArrayPart, InFile, InMemory, npy, npz
from deepcore._streaming.chunks import Chunk, InOrder, Part, Parts
from deepcore._streaming.delimited import csv_names, csv_part
from deepcore._streaming.parquet import ParquetPart, parquet_names
from deepcore._streaming.tables import Columns, FramePart, chosen, frame_names, is_frame

__all__ = ["Finder"]

_KINDS = (
    "a tuple (X, y) of arrays or NPY files, an NPZ, Parquet or CSV file or a folder of them, a table, a list "
    "of these, or a function that returns chunks"
)
_PARQUET, _CSV = (".parquet", ".pq"), (".csv", ".tsv", ".txt")


class Finder:
    """Finds out what a source is, and checks everything that can be checked without reading its rows.

    Args:
        label: Name of the column of y in tables, or a list of names.
        features: Names of the columns of X; None: all others.
        sample_weight: Name of the column of the weights, or None.
        separator: Between the cells of CSV files.
    """

    def __init__(self, label: object, features: object, sample_weight: object, separator: str) -> None:
        self._asked = label, features, sample_weight
        self._separator = separator
        self._first: tuple[str, frozenset[str], Columns] | None = None  # the table that came first

    def source(self, given: object) -> Parts | InOrder:
        """Return the source."""
        if libraries.is_query(given):
            query: Any = given
            names = list(query.collect_schema())
            return libraries.query(query, self._columns("the LazyFrame", names))
        if callable(given) and not isinstance(given, (str, os.PathLike)):
            return InOrder("chunks of the function", lambda: self._chunks(given))
        parts = [part for one in (given if isinstance(given, list) else [given]) for part in self._parts(one)]
        if not parts:
            raise ValueError("stream: source must not be an empty list")
        if self._first is None and any(option is not None for option in self._asked):
            raise ValueError(
                "stream: label, features and sample_weight must be left out for arrays, which have no names"
            )
        source = Parts(parts)
        if source.rows == 0:
            raise ValueError(f"stream: source must have at least one row, got none in {parts[0].name}")
        return source

    def _columns(self, name: str, names: Sequence[str]) -> Columns:
        """Return the columns of a table, which must be those of the table that came first."""
        if self._first is None:
            self._first = name, frozenset(names), chosen(name, names, *self._asked)
        first, all_names, columns = self._first
        needed = set(columns.all) if self._asked[1] is not None else all_names
        if missing := sorted(needed - set(names)):
            raise ValueError(
                f"stream: {name} must have the columns of {first}, but has no {_checks.first_names(missing)}"
            )
        if self._asked[1] is None and (others := sorted(set(names) - all_names)):
            raise ValueError(
                f"stream: {name} must have the columns of {first}, but has {_checks.first_names(others)} as "
                "well; choose columns with features="
            )
        return columns

    def _parts(self, given: object) -> Iterator[Part]:
        table: Any = given
        if isinstance(given, tuple):
            yield _of_arrays(given)
        elif isinstance(given, (str, os.PathLike)):
            path = Path(os.fspath(given))
            yield from self._folder(path) if path.is_dir() else [self._file(path)]
        elif libraries.is_dataset(given):
            yield libraries.dataset(table, self._columns("the data set", table.schema.names))
        elif libraries.is_dask(given) and hasattr(given, "columns"):
            yield libraries.dask_frame(table, self._columns("the Dask frame", list(table.columns)))
        elif is_frame(given):
            yield FramePart("the table", table, self._columns("the table", frame_names(table)))
        else:
            raise TypeError(f"stream: source must be {_KINDS}, got {type(given).__name__}")

    def _folder(self, folder: Path) -> Iterator[Part]:
        files = _files(folder)
        if not hive.is_partitioned(folder, files):
            yield from map(self._file, files)
            return
        if other := [path for path in files if path.suffix.lower() not in _PARQUET]:
            raise ValueError(
                f"stream: {folder} has folders that are called name=value, and must hold Parquet files only, "
                f"got {other[0]}; give a list of its files, to read them without these columns"
            )
        for file in hive.partitioned_files(folder, files):
            yield file.part(self._columns(file.name, file.columns))

    def _file(self, path: Path) -> Part:
        suffix = path.suffix.lower()
        if suffix == ".npz":
            return npz(path)
        if suffix == ".npy":
            raise ValueError(
                f"stream: {path} holds one array; give a tuple of two files, (X, y), such as "
                f"({str(path)!r}, 'y.npy')"
            )
        if suffix in _PARQUET:
            return ParquetPart(path, self._columns(str(path), parquet_names(path)))
        if suffix in _CSV:
            separator = "\t" if suffix == ".tsv" else self._separator
            return csv_part(path, self._columns(str(path), csv_names(path, separator)), separator)
        raise ValueError(f"stream: source must be {_KINDS}, got {_checks.shown(str(path))}")

    def _chunks(self, make: Callable[[], Any]) -> Iterator[Chunk]:
        made = make()
        try:
            chunks = iter(made)
        except TypeError:
            raise TypeError(
                "stream: the function must return an iterable of chunks (X, y), but it returned "
                f"{_checks.shown(made)}"
            ) from None
        for number, chunk in enumerate(chunks):
            name = f"chunk {number} of the function"
            if is_frame(chunk):
                frame: Any = chunk
                if len(frame):
                    yield self._columns(name, frame_names(frame)).chunk(name, frame, 0)
            elif isinstance(chunk, (tuple, list)) and len(chunk) in (2, 3):
                yield Chunk(*chunk)
            else:
                raise TypeError(
                    "stream: chunks must be (X, y), (X, y, sample_weight) or tables, got "
                    f"{type(chunk).__name__} as chunk {number}"
                )


def _files(folder: Path) -> list[Path]:
    """List the files of a folder and of those in it, in the order of their names."""
    known = (".npz", *_PARQUET, *_CSV)
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in known and path.is_file())
    if not found:
        raise ValueError(f"stream: {folder} has no file that ends in {', '.join(known)}")
    return found


def _of_arrays(given: tuple[object, ...]) -> Part:
    if len(given) not in (2, 3):
        raise ValueError(f"stream: a tuple must be (X, y) or (X, y, sample_weight), got {len(given)} members")
    if libraries.is_dask(given[0]):
        return libraries.DaskArrays(*given)
    names = ("X", "y", "sample_weight")
    found = [_array(name, one) for name, one in zip(names, given, strict=False)]
    return ArrayPart("the arrays" if isinstance(found[0], InMemory) else found[0].name, *found)


def _array(name: str, given: object) -> InFile | InMemory:
    if isinstance(given, (str, os.PathLike)):
        return npy(Path(os.fspath(given)))
    array = np.asanyarray(given)
    _checks.numbers("stream", name, array[:0] if array.ndim else array)
    if not array.ndim:
        raise ValueError(f"stream: {name} must have rows, got a single number")
    return InMemory(name, array)
