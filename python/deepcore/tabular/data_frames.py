"""Mappings and data frames: pandas, polars and Arrow are read directly, and others through narwhals."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from deepcore.data.text_column import TextColumn
from deepcore.tabular.column_arrays import category_word, if_exact, is_missing
from deepcore.typing import Array

__all__ = ["DataFrame", "column_names", "opened"]

# Types of pandas with a mask of missing values, and the types of their values.
_MASKED = {
    "boolean": "bool", "Float32": "float32", "Float64": "float64",
    "Int8": "int8", "Int16": "int16", "Int32": "int32", "Int64": "int64",
    "UInt8": "uint8", "UInt16": "uint16", "UInt32": "uint32", "UInt64": "uint64",
}  # fmt: skip
# Fewer cells than this become text in less time than the library needs to find the different ones.
_FEW_OF_ARROW, _FEW_OF_PANDAS, _FEW_OF_POLARS = 50, 500, 4000

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
    names = getattr(data, "columns", None)
    if isinstance(names, list) and names and not isinstance(names[0], str):
        names = getattr(data, "column_names", names)  # of an Arrow table, whose ``columns`` are the values
    if names is None:
        return None
    return names.tolist() if hasattr(names, "tolist") else list(names)


def opened(data: Any, who: str) -> DataFrame:
    """Return a reader of a mapping from names to columns, or of a data frame that narwhals knows.

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
    if _is_of("pandas", data, "DataFrame"):
        return _Pandas(data, who)
    if _is_of("polars", data, "DataFrame"):
        return _Polars(data)
    if _is_of("pyarrow", data, "Table", "RecordBatch"):
        return _Arrow(data, who)
    return _Narwhals(data, who)


def _is_of(library: str, data: Any, *classes: str) -> bool:
    """Whether data is of a class of a library, which has then been imported."""
    module = sys.modules.get(library)
    return any(isinstance(data, getattr(module, name, ())) for name in classes)


class _Mapping:
    """A mapping from names to columns."""

    def __init__(self, data: Mapping[Any, Any]) -> None:
        self.names: list[Any] = list(data)
        self._data = data

    def read(self, number: int) -> Values:
        return self._data[self.names[number]], None


class _Pandas:
    """A data frame of pandas."""

    def __init__(self, data: Any, who: str) -> None:
        self.names: list[Any] = data.columns.tolist()
        if len(set(self.names)) < len(self.names):
            raise _same_names(who)
        self._who = who
        self._columns = [series for _, series in data.items()]

    def read(self, number: int) -> Values:
        series = self._columns[number]
        if isinstance(series.dtype, np.dtype):
            return series.to_numpy(), None
        array, name = series.array, series.dtype.name
        if name == "category":
            return _categories(array.categories.tolist(), array.codes), "category"
        if name in ("str", "string"):
            if len(array) < _FEW_OF_PANDAS:
                return array.tolist(), None
            codes, values = array.factorize()
            return _text_column(values.tolist(), codes), None
        if name.startswith("datetime64["):  # with a time zone
            return np.asarray(array.tz_convert(None)), None
        if name in _MASKED:
            values = _unmasked(array, _MASKED[name])
            return (array.tolist() if values is None else values), None
        nw = _narwhals(self._who)
        return _values(nw, nw.from_native(series, series_only=True))


def _categories(categories: list[Any], codes: Array) -> TextColumn:
    """Categories as text; -1 is the code of a missing value."""
    return _text_column([None if is_missing(value) else category_word(value) for value in categories], codes)


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
    if dtype == "bool":
        return None
    return if_exact(array.to_numpy(dtype=np.float64, na_value=np.nan))


class _Polars:
    """A data frame of polars."""

    def __init__(self, data: Any) -> None:
        self.names: list[Any] = data.columns
        self._columns = data.get_columns()

    def read(self, number: int) -> Values:
        polars, series = sys.modules["polars"], self._columns[number]
        kind = "category" if series.dtype in (polars.Categorical, polars.Enum) else None
        if len(series) < _FEW_OF_POLARS or (kind is None and series.dtype != polars.String):
            return _values(polars, series)
        text = series.cast(polars.String)
        different = text.drop_nulls().unique(maintain_order=True)
        codes = text.cast(polars.Enum(different)).to_physical().cast(polars.Int32).fill_null(-1)
        return _text_column(different.to_list(), codes.to_numpy()), kind


class _Arrow:
    """A table or a batch of rows of PyArrow, whose text would take long cell by cell."""

    def __init__(self, data: Any, who: str) -> None:
        if not hasattr(data, "to_batches"):
            data = sys.modules["pyarrow"].Table.from_batches([data])
        self.names: list[Any] = data.column_names
        if len(set(self.names)) < len(self.names):
            raise _same_names(who)
        self._data, self._who = data, who

    def read(self, number: int) -> Values:
        arrow = sys.modules["pyarrow"]
        column = self._data.column(number)
        types, kind = arrow.types, column.type
        if types.is_string(kind) or types.is_large_string(kind):
            if len(column) < _FEW_OF_ARROW:
                return column.to_pylist(), None
            text = column.combine_chunks().dictionary_encode()
            return _text_column(text.dictionary.to_pylist(), _indices(text)), None
        if types.is_dictionary(kind):
            if len(column) < _FEW_OF_ARROW:
                cells = TextColumn.of(column.to_pylist())
                return _categories(cells.values, cells.codes), "category"
            text = column.unify_dictionaries().combine_chunks()
            return _categories(text.dictionary.to_pylist(), _indices(text)), "category"
        if types.is_integer(kind) or types.is_boolean(kind):
            return _whole(column.to_numpy(), column.to_pylist), None
        if types.is_float32(kind) or types.is_float64(kind) or types.is_timestamp(kind):
            return column.to_numpy(), None  # times are in UTC
        nw = _narwhals(self._who)
        return _values(nw, nw.from_native(column, series_only=True))


def _indices(array: Any) -> Array:
    """The codes of an Arrow array with a dictionary; -1 is a missing value."""
    return np.asarray(array.indices.cast("int32").fill_null(-1).to_numpy())


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
        return _values(self._nw, self._data.get_column(self.names[number]))


def _values(library: Any, series: Any) -> Values:
    """A column of narwhals or of polars, which have the same names for types and methods."""
    dtype = series.dtype
    if dtype == library.String or str(dtype).endswith("Int128"):  # NumPy has no such integers
        return series.to_list(), None
    if dtype.is_integer() or dtype == library.Boolean:
        return _whole(series.to_numpy(), series.to_list), None
    if dtype.is_float():
        array = series.to_numpy()  # missing values are NaN, or NA in an array of objects
        if array.dtype.kind != "f":
            array = np.array([np.nan if is_missing(value) else value for value in array])
        return array.astype(np.float32 if dtype == library.Float32 else np.float64), None
    if dtype in (library.Categorical, library.Enum):
        cells = TextColumn.of(series.to_list())
        return _categories(cells.values, cells.codes), "category"
    if isinstance(dtype, library.Datetime) and dtype.time_zone is not None:
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return series.to_numpy(), None
    return (
        series.to_numpy() if dtype in (library.Datetime, library.Date, library.Duration) else series.to_list()
    ), None


def _whole(array: Array, cells: Callable[[], list[Any]]) -> Array | list[Any]:
    """Whole numbers or booleans, whose dtype is another one if values are missing."""
    if array.dtype.kind in "iub":
        return array
    exact = if_exact(array) if array.dtype == np.float64 else None
    return cells() if exact is None else exact


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
