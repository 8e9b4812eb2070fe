"""Mappings and data frames: pandas is read directly, and other libraries through narwhals."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from deepcore.data.text_column import TextColumn
from deepcore.tabular.column_arrays import is_missing
from deepcore.typing import Array

__all__ = ["DataFrame", "column_names", "opened"]

# Types of pandas with a mask of missing values, and the types of their values.
_MASKED = {
    "boolean": "bool", "Float32": "float32", "Float64": "float64",
    "Int8": "int8", "Int16": "int16", "Int32": "int32", "Int64": "int64",
    "UInt8": "uint8", "UInt16": "uint16", "UInt32": "uint32", "UInt64": "uint64",
}  # fmt: skip
# Whole numbers up to here are exact in float64.
_EXACT = 2**53

#: The values of a column as a Frame takes them, and ``"category"`` if their type says so.
Values = tuple[Any, str | None]


class DataFrame(Protocol):
    """A data frame whose columns are read one by one.

    Attributes:
        names: Names of the columns, of any type.
    """

    names: list[Any]

    def read(self, number: int) -> Values:
        """Return the values of a column, and its kind."""


def column_names(data: Any) -> list[Any] | None:
    """Return the names of the columns of a data frame; None: it has none."""
    names = getattr(data, "column_names", None)  # of an Arrow table, whose ``columns`` are the values
    if names is None:
        names = getattr(data, "columns", None)
    if names is None:
        return None
    return names.tolist() if hasattr(names, "tolist") else list(names)


def opened(data: Any, who: str) -> DataFrame:
    """Return a mapping from names to columns, or a data frame of a library that narwhals knows.

    Args:
        data: The mapping or the data frame.
        who: Name of the caller, the head of messages.

    Raises:
        ImportError: If narwhals is missing.
        TypeError: If ``data`` is no data frame.
        ValueError: If two columns have the same name.
    """
    if isinstance(data, Mapping):
        return _Mapping(data)
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.DataFrame):
        return _Pandas(data, who)
    return _Narwhals(data, who)


class _Mapping:
    """A mapping from names to columns."""

    def __init__(self, data: Mapping[Any, Any]) -> None:
        self.names: list[Any] = list(data)
        self._data = data

    def read(self, number: int) -> Values:
        return self._data[self.names[number]], None


class _Pandas:
    """A data frame of pandas. A Series per column would take longer than the prediction of a row."""

    def __init__(self, data: Any, who: str) -> None:
        if not data.columns.is_unique:
            raise _same_names(who)
        self.names: list[Any] = data.columns.tolist()
        self._data, self._who = data, who
        arrays = getattr(data, "_iter_column_arrays", None)  # no public function returns all of them
        self._arrays = [series.array for _, series in data.items()] if arrays is None else list(arrays())

    def read(self, number: int) -> Values:
        array = self._arrays[number]
        dtype = array.dtype
        if isinstance(dtype, np.dtype):
            return np.asarray(array), None
        name = dtype.name
        if name == "category":
            return _categories(array.categories.tolist(), array.codes), "category"
        if name in ("str", "string"):
            codes, values = array.factorize()
            return _text_column(values.tolist(), codes), None
        if name.startswith("datetime64["):  # with a time zone
            return np.asarray(array.tz_convert(None)), None
        values = _unmasked(array, _MASKED[name]) if name in _MASKED else None
        if values is not None:
            return values, None
        nw = _narwhals(self._who)
        return _values(nw, nw.from_native(self._data.iloc[:, number], series_only=True))


def _categories(categories: list[Any], codes: Array) -> TextColumn:
    """Categories as text; -1 is the code of a missing value."""
    return _text_column([None if is_missing(value) else str(value) for value in categories], codes)


def _text_column(values: list[Any], codes: Array) -> TextColumn:
    codes = codes.astype(np.int32)
    missing = codes < 0
    if missing.any():
        codes[missing] = len(values)
        values = [*values, None]
    return TextColumn(values, codes)


def _unmasked(array: Any, dtype: str) -> Array | None:
    """The values as an array of numbers or booleans; None: missing values need another type."""
    missing = array.isna()
    if not missing.any():
        return np.asarray(array.to_numpy(dtype=dtype))
    if dtype.startswith("float"):
        return np.asarray(array.to_numpy(dtype=dtype, na_value=np.nan))
    if dtype == "bool" or missing.all():
        return None
    numbers = np.asarray(array.to_numpy(dtype=np.float64, na_value=np.nan))
    return numbers if np.nanmax(np.abs(numbers)) < _EXACT else None


class _Narwhals:
    """A data frame that narwhals knows."""

    def __init__(self, data: Any, who: str) -> None:
        self._nw = nw = _narwhals(who)
        from narwhals.exceptions import DuplicateError

        try:
            self._data = nw.from_native(data, eager_only=True)
        except DuplicateError as error:
            raise _same_names(who) from error
        except TypeError as error:
            raise TypeError(
                f"{who}: a table must be a data frame, a dict of arrays, or an array (m, n), got "
                f"{type(data).__name__}"
            ) from error
        self.names: list[Any] = self._data.columns

    def read(self, number: int) -> Values:
        return _values(self._nw, self._data[self.names[number]])


def _values(nw: Any, series: Any) -> Values:
    """A column of narwhals."""
    dtype = series.dtype
    if dtype.is_integer() or dtype == nw.Boolean:
        array = series.to_numpy()  # of another dtype if values are missing
        return (array if array.dtype.kind in "iub" else series.to_list()), None
    if dtype.is_float():
        array = series.to_numpy()  # missing values are NaN, or NA in an array of objects
        if array.dtype.kind != "f":
            array = np.array([np.nan if is_missing(value) else value for value in array])
        return array.astype(np.float32 if dtype == nw.Float32 else np.float64), None
    if dtype in (nw.Categorical, nw.Enum):
        cells = TextColumn.of(series.to_list())
        return _categories(cells.values, cells.codes), "category"
    if isinstance(dtype, nw.Datetime) and dtype.time_zone is not None:
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return series.to_numpy(), None
    return (series.to_numpy() if dtype in (nw.Datetime, nw.Date, nw.Duration) else series.to_list()), None


def _narwhals(who: str) -> Any:
    try:
        import narwhals
    except ImportError as error:
        raise ImportError(
            f'{who}: data frames need narwhals; pip install "deepcore-nn[tabular]", or pass a dict of arrays'
        ) from error
    return narwhals


def _same_names(who: str) -> ValueError:
    return ValueError(f"{who}: two columns of the table have the same name; rename one")
