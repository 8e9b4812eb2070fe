"""Argument checks turn user input into numbers and arrays, or raise a clear error.

Every message begins with the name of the function that was called, and names the argument, the rule and the
value.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from deepcore import _core
from deepcore.typing import Array

__all__ = [
    "converted",
    "count",
    "cut",
    "dtype",
    "finite",
    "first_names",
    "in_memory",
    "is_number",
    "mapping",
    "no_dates",
    "number",
    "numbers",
    "shown",
    "threads",
    "unmasked",
]


def count(who: str, name: str, value: object, low: int = 1, high: int = 2**31 - 1) -> int:
    """Return a whole number from ``low`` to ``high``."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeError(f"{who}: {name} must be a whole number, got {shown(value)}")
    if not low <= number <= high:
        rule = f"at least {low}" if number < low else f"at most {high}"
        raise ValueError(f"{who}: {name} must be {rule}, got {shown(number)}")
    return number


def shown(value: object, limit: int = 80) -> str:
    """Show a value in a message: numbers of NumPy look plain, and a long text is cut.

    Args:
        value: What the user passed, or what a file holds.
        limit: Number of characters to show at most.

    Example:
        >>> shown(np.float64(0.5)), shown("x" * 50000, limit=6)
        ('0.5', "'xxxxx... (50002 characters)")
    """
    if isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0:
        value = value.item()
    if isinstance(value, (str, bytes)) and len(value) > 10 * limit:
        text, length = repr(value[: 2 * limit]), len(value) + 2
    else:
        text = repr(value)
        if isinstance(value, np.ndarray):  # a message is one line
            text = " ".join(text.split())
        length = len(text)
    return text if length <= limit else f"{text[:limit]}... ({length} characters)"


def listed(who: str, name: str, value: object) -> None:
    """Raise a TypeError unless ``value`` is a list of things, or something like it."""
    scalar = isinstance(value, str) or (isinstance(value, np.ndarray) and value.ndim == 0)
    if scalar or not isinstance(value, Iterable):
        raise TypeError(f"{who}: {name} must be a list, got {shown(value)}")


def mapping(who: str, name: str, value: Any) -> Mapping[Any, Any]:
    """Return an argument that must be a dictionary, or something like it."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{who}: {name} must be a mapping, got {shown(value)}")
    return value


def is_number(value: object) -> bool:
    """Return whether ``value`` is one real, finite number; True and False are not."""
    if isinstance(value, (float, np.floating)):
        return math.isfinite(value)
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return whole and abs(int(value)) <= sys.float_info.max  # type: ignore[call-overload]


def number(
    who: str,
    name: str,
    value: object,
    below: float = math.inf,
    *,
    positive: bool = False,
    error: type[Exception] = TypeError,
) -> float:
    """Return one real number that is finite, at least 0 and below ``below``.

    Args:
        who: Name of the caller, the head of messages.
        name: Name of the argument.
        value: What the user passed.
        below: The number must be smaller.
        positive: Refuse 0.
        error: What a value that is no number raises.

    Raises:
        ValueError: if the number is out of its range.
    """
    if type(value) is float and 0 <= value < below and (value or not positive):
        return value
    if error is TypeError and (
        isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating))
    ):
        raise TypeError(f"{who}: {name} must be a number, got {shown(value)}")
    if not is_number(value) or not 0 <= value < below or (positive and value == 0):  # type: ignore[operator]
        low = "above 0" if positive else "at least 0"
        rule = f"{low} and below {below:g}"
        if below == math.inf:
            rule = "above 0 and finite" if positive else "finite and not negative"
        raise ValueError(f"{who}: {name} must be {rule}, got {shown(value)}")
    return float(value)  # type: ignore[arg-type]


def threads(who: str, value: int | None) -> int:
    """Return the number of threads as the compiled module takes it; 0 means its default."""
    return 0 if value is None else count(who, "threads", value)


def flag(who: str, name: str, value: object) -> bool:
    """Return an argument that must be True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{who}: {name} must be True or False, got {shown(value)}")
    return bool(value)


def pair(who: str, name: str, value: Any) -> tuple[Any, Any]:
    """Return an argument that must be examples ``(X, y)``."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"{who}: {name} must be a pair (X, y), got {shown(value)}")
    return value[0], value[1]


def dtype(who: str, value: object) -> np.dtype[Any]:
    """Return the dtype that ``value`` names, float32 or float64."""
    try:
        found: object = np.dtype(value)  # type: ignore[call-overload]
    except TypeError:
        found = value
    if found not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ValueError(f"{who}: dtype must be float32 or float64, got {shown(found)}")
    return found  # type: ignore[return-value]


def in_memory(who: str, name: str, value: object) -> None:
    """Refuse collections of Dask, which NumPy would copy into the memory of this process as a whole.

    Raises:
        TypeError: if ``value`` is such a collection. The message names the call that takes it.
    """
    graph = getattr(value, "__dask_graph__", None)
    if isinstance(value, type) or not callable(graph) or graph() is None:
        return  # xarray's arrays have the method, and return None if they are in memory
    hint = f"call {name}.compute() first if it fits into memory"
    if "fit" in who:
        hint = (
            "use deepcore.dask.fit(client, model, X, y), or DaskMLPClassifier or DaskMLPRegressor of "
            "deepcore.dask, which train where its chunks are; or deepcore.stream, which reads it chunk by "
            f"chunk; or {hint}"
        )
    elif who.startswith("predict"):
        hint = f"give a method such as model.predict to X.map_blocks, which predicts by chunks; or {hint}"
    raise TypeError(f"{who}: {name} must be in memory, got a {type(value).__name__} of Dask; {hint}")


def numbers(who: str, name: str, value: object) -> Array:
    """Return ``value`` as an array of bools, integers or floats, of any shape."""
    if value is None:
        raise TypeError(f"{who}: {name} must be given")
    plain = type(value) is np.ndarray
    if not plain:
        in_memory(who, name, value)
        unmasked(who, name, value)
    try:
        array: Array = value if plain else np.asarray(value)  # type: ignore[assignment]
    except TypeError as error:
        raise TypeError(f"{who}: {name} must be an array of numbers: {error}") from error
    except ValueError as error:
        raise ValueError(f"{who}: {name} must be one rectangular array; its rows differ in length") from error
    if array.dtype.kind == "O" and name == "X":
        return _of_objects(who, name, array)
    if array.dtype.kind not in "biuf":
        hint = _TEXT_HINT[name == "X"] if array.dtype.kind in "OUS" else "use real numbers"
        raise TypeError(f"{who}: {name} must hold numbers, got dtype {array.dtype}; {hint}")
    return array


def unmasked(who: str, name: str, value: object) -> None:
    """Refuse masked values, which NumPy would take as data."""
    if isinstance(value, np.ndarray) and np.any(getattr(value, "mask", False)):
        raise ValueError(f"{who}: {name} must have no masked values; use {name}.filled(...)")


# What to do with text, in labels and in features.
_TEXT_HINT = (
    "map labels to integers first",
    "map labels to integers first, or use deepcore.tabular for text",
)


def _of_objects(who: str, name: str, array: Array) -> Array:
    """Python objects as float64 if all of them are numbers, as in frames with columns of several types."""
    kinds = set(map(type, array.ravel().tolist()))
    strange = [kind for kind in kinds if not issubclass(kind, (bool, int, float, np.bool_, np.number))]
    # NumPy counts both among the numbers.
    strange += [kind for kind in kinds if issubclass(kind, (np.complexfloating, np.timedelta64))]
    if any(kind.__name__ in ("NAType", "NoneType") for kind in strange):
        raise TypeError(
            f"{who}: {name} must hold numbers, got dtype object with missing values; fill them, for "
            f"example with {name}.fillna({name}.median()), or use deepcore.tabular"
        )
    if strange or array.size == 0:
        found = f" with values of type {strange[0].__name__}" if strange else ""
        raise TypeError(
            f"{who}: {name} must hold numbers, got dtype object{found}; {_TEXT_HINT[name == 'X']}"
        )
    whole = all(issubclass(kind, (bool, int, np.bool_, np.integer)) for kind in kinds)
    try:
        return array.astype(np.int64 if whole else np.float64)
    except OverflowError:
        pass
    try:
        return array.astype(np.float64)
    except OverflowError as error:
        raise ValueError(f"{who}: {name} must be finite in float64, got a larger integer") from error


def no_dates(who: str, name: str, value: object) -> None:
    """Refuse dates and durations, whose numbers depend on the unit of their dtype.

    Args:
        who: Name of the caller.
        name: Name of the argument.
        value: An array, a data frame, a list, or anything else.

    Raises:
        TypeError: if a column holds them, or the value is a collection of Dask.
    """
    in_memory(who, name, value)
    dtypes = getattr(value, "dtypes", None)
    if dtypes is None or isinstance(dtypes, np.dtype):
        dtype = getattr(value, "dtype", None)
        first: Any = value
        while isinstance(first, (list, tuple)) and first:
            first = first[0]
        dtypes = [dtype if dtype is not None else getattr(first, "dtype", None)]
    for dtype in dtypes:
        text = str(dtype).lower()
        if text.startswith(("datetime", "timedelta", "date", "duration", "period", "timestamp")):
            raise TypeError(
                f"{who}: {name} must hold numbers, got dates or durations ({dtype}); turn them into "
                "numbers of a unit that you choose, or read the table with deepcore.tabular"
            )


def finite(who: str, name: str, array: Array, first: int = 0, of: int | None = None) -> None:
    """Refuse infinities and NaN. ``array`` may be the rows from ``first`` on of an array of ``of`` rows."""
    if array.dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        if _core.first_nonfinite_row(array) < 0:
            return
    elif np.isfinite(array).all():
        return
    bad = ~np.isfinite(array)
    index = np.unravel_index(int(bad.argmax()), array.shape)
    place = f"row {first + index[0]}" + (
        f", column {index[1]}" if array.ndim > 1 and array.shape[1] > 1 else ""
    )
    rows = int(bad.any(axis=tuple(range(1, array.ndim))).sum())
    count = f"{rows} of {len(array)}" if of is None else f"of {of}"
    raise ValueError(
        f"{who}: {name} must be finite in {array.dtype}, got {array[index]} in {place}; "
        f"remove or fill such rows ({count})"
    )


def converted(
    who: str, name: str, array: Array, dtype: np.dtype[Any], first: int = 0, of: int | None = None
) -> Array:
    """Return ``array`` in ``dtype``, and refuse what is not finite; no copy is made if the dtype is right.

    ``first`` and ``of`` are those of ``finite``.
    """
    if array.dtype == dtype:
        finite(who, name, array, first, of)
        return array
    with np.errstate(over="ignore"):  # what overflows to inf is reported below
        result = array.astype(dtype)
    if array.dtype.kind == "f":
        finite(who, name, result, first, of)
    return result


def first_names(names: Sequence[object], show: Callable[[object], str] = str) -> str:
    """List the first ten names, and say how many there are if there are more."""
    text = ", ".join(cut(show(name)) for name in names[:10])
    return text if len(names) <= 10 else f"{text}, ... ({len(names)} in all)"


def cut(text: str, limit: int = 80) -> str:
    """Cut a text that is too long for a message."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
