"""Compares what a function returned with what it must return: which array, which element, and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import numpy as np

from deepcore.course import _mistakes as m_
from deepcore.course._exercise import Names

# Loops, einsum and other orders of summation differ by round-off; a mistake differs by more than a millionth.
RTOL, ATOL = 1e-6, 1e-9
# A result in float32 has seven digits, and differences such as 1 - A lose one or two of them.
RTOL_FLOAT32 = 1e-4


# Where mistakes are frequent in a function whose name holds the word.
WHERE_TO_LOOK = {
    "backward": "the derivative and its argument, transposes and 1/m",
    "derivative": "the derivative and its argument",
    "update": "the sign and the learning rate",
    "forward": "the bias, the order of the factors and the activation",
    "cost": "the terms of the log, the signs and 1/m",
    "initialize": "the scale and the shapes",
}


@dataclass(frozen=True)
class Difference:
    """A difference between a result and the right result.

    Attributes:
        array: Name of the array.
        element: Index of the first wrong element; None if shapes or types differ.
        expected: The right element, shape or description.
        got: What was found.
        cause: In words; empty if the values must be looked at to find it.
        arrays: The whole arrays, for the search of the cause.
        holds: Name of another array whose right values it holds, if there is one.
        changed: Whether all values are right, and an argument was changed.
    """

    array: str
    element: tuple[int, ...] | None
    expected: Any
    got: Any
    cause: str = ""
    arrays: tuple[Any, Any] | None = None
    holds: str = ""
    changed: bool = False

    @property
    def tells(self) -> bool:
        """Whether its numbers tell mistakes apart: NaN is the result of many of them."""
        if self.arrays is None or self.arrays[0].shape != self.arrays[1].shape:
            return not self.changed
        got, right = self.arrays
        return bool(np.isfinite(got[~np.isclose(got, right, rtol=RTOL, atol=ATOL)]).any())


@dataclass(frozen=True)
class Sizes:
    """Numbers that wrong factors come from.

    Attributes:
        m: Number of examples.
        others: The other dimensions of the arguments.
        rate: The learning rate, if there is one.
    """

    m: int = 1
    others: frozenset[int] = frozenset()
    rate: float | None = None


class WrongForm(Exception):
    """The result has another form: None, a dictionary in place of a tuple, a missing key."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.cause)
        self.difference = difference


def same(got: Any, expected: Any) -> bool:
    """Say whether two arrays have the same shape and the same numbers."""
    number = as_numbers(got)
    right = np.asarray(expected, np.float64)
    return number is not None and number.shape == right.shape and close(number, right, tolerance(got))


def close(a: Any, b: Any, rtol: float = RTOL) -> bool:
    """Say whether two arrays of one shape hold the same numbers."""
    return bool(np.allclose(a, b, rtol=rtol, atol=ATOL * rtol / RTOL, equal_nan=True))


def tolerance(value: Any) -> float:
    """Return how far, relatively, a result of this type may be from one in float64."""
    return RTOL_FLOAT32 if getattr(value, "dtype", None) in (np.float32, np.float16) else RTOL


def as_numbers(value: Any) -> Any:
    """Return an array of float64, or None if the value does not hold real numbers."""
    try:
        array = np.asarray(value)
        return array.astype(np.float64) if array.dtype.kind in "biuf" else None
    except (TypeError, ValueError):
        return None


@dataclass(frozen=True)
class Form:
    """The form of a result: names of its parts.

    Attributes:
        names: Of the returned values.
        items: Of what each element of a list holds.
        optional: Keys of dictionaries that may be missing.
        find_order: Whether values in another order are noticed, which takes time.
    """

    names: Names
    items: Names = ()
    optional: frozenset[str] = frozenset()
    find_order: bool = True

    def values(self, got: Any, expected: Any) -> dict[str, Any]:
        """Return the arrays of a result by name.

        Raises:
            WrongForm: If the result has not the form of the right result.
        """
        return self._read(got, expected, self.names, "")

    def _read(self, got: Any, expected: Any, names: Names, prefix: str) -> dict[str, Any]:
        label = prefix + (names if isinstance(names, str) else "result")
        if got is None:
            raise _wrong_form(
                label, expected, got, "It returns None: a return statement or a value is missing."
            )
        if isinstance(expected, dict):
            # v and s of momentum and Adam hold the same keys as the gradients.
            return self._dictionary(got, expected, label, f"{names}: " if names in ("v", "s") else prefix)
        if isinstance(expected, list) and self.items:
            return self._list(got, expected, label)
        if isinstance(expected, tuple) and not isinstance(names, str):
            return self._tuple(got, expected, names, prefix, names != self.names and _is_cache(names))
        return {label: got}

    def _dictionary(self, got: Any, expected: dict[str, Any], label: str, prefix: str) -> dict[str, Any]:
        if not isinstance(got, Mapping):
            cause = f"It returns {_kind(got)} instead of a dictionary with the keys {', '.join(expected)}."
            raise _wrong_form(label, expected, got, cause)
        missing = [key for key in expected if key not in got and key not in self.optional]
        if missing:
            others = [str(key) for key in got if key not in expected]
            cause = f"The key {missing[0]!r} is missing in the dictionary."
            cause += f" It has {', '.join(map(repr, others))} instead." if others else ""
            found = f"keys {', '.join(map(str, got))}"
            raise WrongForm(Difference(missing[0], None, f"key {missing[0]!r}", found, cause))
        values: dict[str, Any] = {}
        for key, value in expected.items():
            if key in got:
                values |= self._read(got[key], value, key, prefix)
        return values

    def _list(self, got: Any, expected: list[Any], label: str) -> dict[str, Any]:
        if not isinstance(got, tuple | list):
            raise _wrong_form(label, expected, got, f"{label} is {_kind(got)} instead of a list.")
        if len(got) != len(expected):
            which = "too few" if len(got) < len(expected) else "too many"
            hint = "check the loop's range"
            if len(got) == sum(map(len, expected)):
                hint = "append each of them as one element; += adds its parts"
            cause = f"{label} has {len(got)} elements, not {len(expected)}: {which}; {hint}."
            raise WrongForm(
                Difference(label, None, f"{len(expected)} elements", f"{len(got)} elements", cause)
            )
        values: dict[str, Any] = {}
        for i, (value, right) in enumerate(zip(got, expected, strict=True)):
            values |= self._read(value, right, self.items, f"{label}[{i}]: ")
        return values

    def _tuple(
        self, got: Any, expected: Any, names: tuple[Names, ...], prefix: str, cache: bool
    ) -> dict[str, Any]:
        written = written_names(names)
        what = prefix + ("cache" if cache else "result")
        if not isinstance(got, tuple | list):
            start = "The cache is" if cache else "It returns"
            cause = f"{start} {_kind(got)} instead of the {len(names)} values {written}."
            raise _wrong_form(what, expected, got, cause)
        if len(got) != len(names):
            start = "The cache" if cache else "The result"
            cause = f"{start} has {len(got)} values instead of {len(names)}: {written}."
            raise WrongForm(Difference(what, None, f"{len(names)} values", f"{len(got)} values", cause))
        order = _found_order(got, expected) if self.find_order else None
        if order:
            found = written_names(tuple(names[i] for i in order))
            where = "cache order: its values stand" if cache else "return order: the values are returned"
            cause = f"Wrong {where} as {found} instead of {written} (swapped)."
            raise WrongForm(Difference(what, None, written, found, cause))
        values: dict[str, Any] = {}
        for value, right, name in zip(got, expected, names, strict=True):
            values |= self._read(value, right, name, prefix)
        return values


def _is_cache(names: tuple[Names, ...]) -> bool:
    """Whether these are the arrays that a forward function keeps for the backward pass."""
    return "W" in names or "W1" in names or "Z" in names


def written_names(names: Names) -> str:
    """Write names as a tuple is written."""
    return names if isinstance(names, str) else "(" + ", ".join(map(written_names, names)) + ")"


def _found_order(got: Any, expected: Any) -> tuple[int, ...] | None:
    """The order in which the values stand, if it is another than the right one, else None."""
    size = len(expected)
    if all(_alike(got[i], expected[i]) for i in range(size)):
        return None
    match = next(
        (o for o in _orders(size) if all(_alike(got[i], expected[j]) for i, j in enumerate(o))), None
    )
    if match is None and not any(_alike(got[i], expected[i]) for i in range(size)):
        # Two wrong things at once: the shapes alone can show the order.
        shapes = [_shape(value) for value in expected]
        found = [_shape(value) for value in got]
        if found != shapes and len(set(map(str, shapes))) == size:
            match = next((o for o in _orders(size) if found == [shapes[j] for j in o]), None)
    return match


def _orders(size: int) -> Iterable[tuple[int, ...]]:
    """Other orders: of few values all of them, of many the exchanges of two."""
    if size <= 5:
        return list(permutations(range(size)))[1:]
    exchanged = []
    for i in range(size):
        for j in range(i):
            order = list(range(size))
            order[i], order[j] = j, i
            exchanged.append(tuple(order))
    return exchanged


def _alike(got: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return isinstance(got, Mapping) and all(
            key in got and _alike(got[key], expected[key]) for key in expected
        )
    if isinstance(expected, tuple | list):
        return isinstance(got, tuple | list) and len(got) == len(expected) and all(map(_alike, got, expected))
    return same(got, expected)


def _shape(value: Any) -> Any:
    if isinstance(value, Mapping):
        return sorted(value)
    if isinstance(value, tuple | list):
        return [_shape(part) for part in value]
    return np.shape(value)


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"one array of shape {value.shape}"
    if isinstance(value, dict):
        return "a dictionary"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)} values"
    return f"one value of type {type(value).__name__}"


def _wrong_form(array: str, expected: Any, got: Any, cause: str) -> WrongForm:
    return WrongForm(Difference(array, None, _kind(expected), "None" if got is None else _kind(got), cause))


def first_difference(
    got: dict[str, Any], expected: dict[str, Any], order: Iterable[str]
) -> Difference | None:
    """Return the first array that differs, in the order of the computation."""
    for name in [*order, *(name for name in expected if name not in order)]:
        if name in got:
            found = difference(name, got[name], expected[name])
            if found:
                others = (other for other in expected if other != name and same(got[name], expected[other]))
                return replace(found, holds=next(others, ""))
    return None


def difference(name: str, got: Any, expected: Any) -> Difference | None:
    """Return how an array differs, or None."""
    right = np.asarray(expected, np.float64)
    if got is None:
        return Difference(name, None, _described(right), "None", f"{name} is None: it is never computed.")
    numbers = as_numbers(got)
    if numbers is None:
        found = f"{_kind(got)}"
        return Difference(
            name, None, _described(right), found, f"{name} does not hold real numbers, but {found}."
        )
    if numbers.shape != right.shape:
        return Difference(name, None, right.shape, numbers.shape, "", (numbers, right))
    rtol = tolerance(got)
    if close(numbers, right, rtol):
        return None
    wrong = ~np.isclose(numbers, right, rtol=rtol, atol=ATOL, equal_nan=True)
    element = tuple(int(i) for i in np.unravel_index(int(wrong.argmax()), wrong.shape))
    return Difference(name, element, float(right[element]), float(numbers[element]), "", (numbers, right))


def _described(array: Any) -> str:
    return f"array of shape {array.shape}" if array.ndim else "a number"


def guess(function: str, name: str, got: Any, right: Any, sizes: Sizes) -> str:
    """Return the likely cause of a difference that no known mistake of the formula gives."""
    m = sizes.m
    if got.shape != right.shape:
        return _guess_from_shape(name, got, right, m)
    if np.isnan(got).any() and not np.isnan(right).any():
        return f"{name} holds NaN: probably the log of a wrong term (0 or a negative number), or 0 / 0."
    if np.isinf(got).any():
        return f"{name} holds infinite numbers: probably the log of a wrong term (0), or a division by 0."
    if not got.any():
        return f"{name} is all zeros: it is never filled, or int (integer division or dtype) truncated it."
    if (got == np.trunc(right)).all() or (got == np.round(right)).all() or (got == np.floor(right)).all():
        return f"{name} holds whole numbers only: it was truncated to an int dtype."
    if (digits := _decimals(got, right)) is not None:
        return f"{name} is rounded to {digits} decimals: compare without np.round."
    if not right.any():
        return f"{name} must be zero (np.zeros), and it holds other numbers: random ones, or a constant."
    if close(np.sort(got, axis=None), np.sort(right, axis=None)):
        return f"{name} holds the right numbers in a wrong order: it is transposed or reshaped."
    if close(got, right, RTOL_FLOAT32):
        return f"{name} has about five right digits: was it computed in float32, or with rounded numbers?"
    return _guess_from_ratio(got, right, sizes) or _guess_from_pattern(function, name, got, right)


def _decimals(got: Any, right: Any) -> int | None:
    """The number of decimals to which the right result was rounded, or None."""
    return next((n for n in range(1, 6) if np.allclose(got, np.round(right, n), rtol=0, atol=1e-12)), None)


def _guess_from_shape(name: str, got: Any, right: Any, m: int) -> str:
    if got.shape == right.shape[::-1]:
        return m_.TRANSPOSED
    if got.size == right.size:
        if right.ndim == 2 and got.ndim == 1:
            which = "(m,) instead of (1, m)" if right.shape[0] == 1 else "(n,) instead of (n, 1)"
            return f"The shape is {which}: keepdims=True or a reshape is missing."
        return f"The shape is {got.shape} instead of {right.shape}."
    if got.ndim == 0 or got.size == 1:
        if right.size == 1:
            return f"The shape is {got.shape} instead of {right.shape}."
        # Gradients are sums. Other results have no sum whose axis could be wrong.
        return m_.ALL_AXES if name[:1] == "d" else f"{name} is one number instead of {_described(right)}."
    if right.ndim == 2 and right.shape[1] == 1 and got.shape == (right.shape[0], m):
        return m_.NO_SUM
    if right.ndim == 0 and got.size == m:
        return m_.NO_SUM + " The result is one number, not an array of shape (1, m)."
    if right.ndim == 2 and right.shape[1] == 1 and got.size == m:
        return m_.WRONG_AXIS
    if name.startswith("mini_batches"):
        where = "look where its columns begin and end"
        return f"The shape of {name} is {got.shape} instead of {right.shape}: {where}."
    if right.ndim == 2 and got.ndim == 2 and got.shape != right.shape:
        return (
            f"The shape of {name} is {got.shape} instead of {right.shape}: a factor is transposed, "
            "an elementwise product (*) stands for a matrix product, or an array of shape (n,) was broadcast."
        )
    return f"The shape of {name} is {got.shape} instead of {right.shape}."


def _guess_from_ratio(got: Any, right: Any, sizes: Sizes) -> str:
    """The cause, if the result is a constant multiple of the right one."""
    m = sizes.m
    used = right != 0
    if not used.any() or not close(got[~used], 0.0):
        return ""
    ratios = got[used] / right[used]
    if not close(ratios, ratios[0]):
        if close(np.abs(ratios), 1.0):
            return m_.SIGN
        return ""
    ratio = float(ratios[0])
    known = {
        -1.0: m_.SIGN,
        float(m): m_.NO_MEAN,
        1.0 / m: "Divided by m once too often (divided by m twice, or a factor 1/m too many).",
        float(-m): f"{m_.NO_MEAN} {m_.SIGN}",
        -1.0 / m: f"A factor 1/m too many. {m_.SIGN}",
        100.0: "The factor 0.01 is missing.",
        0.01: "A factor 0.01 too many.",
        2.0: "There is an extra factor 2 (or 1/2 is missing).",
        0.5: "There is an extra factor 1/2.",
        float(1 / np.log(10)): "The logarithm is log10, to base 10; the natural log, np.log, is meant.",
        float(1 / np.log(2)): "The logarithm is log2, to base 2; the natural log, np.log, is meant.",
    }
    known |= {m / n: m_.WRONG_M for n in sizes.others if m / n not in known}
    if sizes.rate:
        known |= {1.0 / sizes.rate: m_.NO_RATE, sizes.rate: "The learning rate is applied twice."}
    for value, cause in known.items():
        if np.isclose(ratio, value, rtol=1e-5):
            return cause
    if np.count_nonzero(used) < 2:  # any number is a multiple of another one
        return ""
    return f"It is {ratio:.6g} times the right result: a constant factor is wrong."


def _guess_from_pattern(function: str, name: str, got: Any, right: Any) -> str:
    if got.ndim == 2 and got.shape[0] == got.shape[1] and close(got, right.T):
        return m_.TRANSPOSED
    shift = got - right
    if shift.size > 1 and close(shift, np.ravel(shift)[0]):
        return f"{name} is off by {np.ravel(shift)[0]:.6g} everywhere: is a term, such as the bias, missing?"
    if np.isclose(got, right, rtol=RTOL, atol=ATOL).mean() >= 0.5:
        return f"Only some elements of {name} are wrong: look at the first of them and at special cases."
    place = next((f"above all {hint}" for part, hint in WHERE_TO_LOOK.items() if part in function), "")
    return (
        f"No usual mistake gives this {name}: compare its formula with the course, {place or 'term by term'}."
    )
