"""Checks of the arrays of ``functional``, which become float32 or float64 matrices of the right shapes.

The dtype is float64, unless every floating-point array that is passed is float32. Every matrix has two
dimensions; ``x.reshape(-1, 1)`` makes a column, and ``x.reshape(1, -1)`` makes a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deepcore import _checks, catalog
from deepcore._text_table import as_html, as_text
from deepcore.exceptions import UnknownNameError
from deepcore.typing import Array

__all__ = ["ShapeTable", "depth", "hidden_names", "matrices", "require_shape", "same_dtype", "shape_table"]


_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


def same_dtype(who: str, arrays: Mapping[str, object]) -> list[Array]:
    """Return the arrays in one dtype: float32 if all floating-point ones are float32, else float64.

    Raises:
        TypeError: If an array does not hold real numbers, or holds another floating-point type.
    """
    dtypes = {value.dtype if type(value) is np.ndarray else None for value in arrays.values()}
    if len(dtypes) == 1 and not dtypes.isdisjoint(_DTYPES):
        return list(arrays.values())  # type: ignore[arg-type]
    checked = {name: _checks.numbers(who, name, value) for name, value in arrays.items()}
    floats = {name: array.dtype for name, array in checked.items() if array.dtype.kind == "f"}
    for name, dtype in floats.items():
        if dtype.itemsize not in (4, 8):
            raise TypeError(
                f"{who}: {name} must be float32, float64 or integers, got {dtype}; use .astype(float)"
            )
    single = bool(floats) and all(dtype.itemsize == 4 for dtype in floats.values())
    target = np.dtype(np.float32 if single else np.float64)
    return [array.astype(target, copy=False) for array in checked.values()]


def matrices(who: str, arrays: Mapping[str, object]) -> list[Array]:
    """Return the arrays in one dtype, and check that each has two dimensions.

    Raises:
        TypeError: For the same reasons as ``same_dtype``.
        ValueError: If an array has another number of dimensions. Rank-1 arrays are refused, not guessed at.
    """
    checked = same_dtype(who, arrays)
    for name, array in zip(arrays, checked, strict=True):
        if array.ndim != 2:
            hint = "examples are columns"
            if array.ndim == 0:
                hint = f"use np.full((n, 1), {float(array):g}), with a row per unit"
            if array.ndim == 1:
                hint = (
                    "rank-1 arrays are refused, since (n,) may be a row or a column: use x.reshape(-1, 1) or "
                    "(1, -1)"
                )
            raise ValueError(
                f"{who}: {name} must be a matrix with 2 dimensions, got shape {array.shape}; {hint}"
            )
    return checked


def require_layer(who: str, names: tuple[str, str], A: Array, W: Array) -> None:
    """Raise a ValueError unless the weights of a layer have a column for each row of its inputs.

    Args:
        who: Name of the caller.
        names: Names of the two arrays, such as ``("X", "W1")``.
        A: The inputs; an input with its examples as rows is the commonest mistake.
        W: The weights.
    """
    source, weights = names
    if W.shape[1] == A.shape[0]:
        return
    if A.shape[1] == W.shape[1]:
        hint = f"{source} has shape {A.shape}: are its examples rows? use {source}.T"
    elif W.shape[0] == A.shape[0]:
        hint = "is it transposed?"
    else:
        hint = f"{source} has shape {A.shape}"
    raise ValueError(
        f"{who}: {weights} must have {A.shape[0]} columns, one per row of {source}, got shape {W.shape}; "
        f"{hint}"
    )


def require_shape(who: str, name: str, array: Array, shape: tuple[int, ...], why: str) -> None:
    """Raise a ValueError unless ``array`` has this shape; the message says why it must."""
    if array.shape != shape:
        hint = "; is it transposed?" if array.shape == shape[::-1] else ""
        raise ValueError(f"{who}: {name} must have shape {shape}, {why}, got {array.shape}{hint}")


def require_columns(who: str, name: str, array: Array, n: int, why: str) -> None:
    """Raise a ValueError unless ``array`` has ``n`` columns."""
    if array.shape[1] != n:
        hint = "; is it transposed?" if array.shape[0] == n else ""
        raise ValueError(f"{who}: {name} must have {n} columns, {why}, got shape {array.shape}{hint}")


def depth(who: str, parameters: Mapping[str, object]) -> int:
    """Return L, the number of layers of ``{"W1": ..., "b1": ..., ..., "WL": ..., "bL": ...}``.

    Raises:
        ValueError: If a name is missing or does not belong to the parameters.
    """
    L = len(_checks.mapping(who, "parameters", parameters)) // 2
    complete = L > 0 and len(parameters) == 2 * L
    for number in range(1, L + 1):
        complete = complete and f"W{number}" in parameters and f"b{number}" in parameters
    if not complete:
        raise ValueError(
            f"{who}: parameters must have the names W1, b1, ..., WL, bL, got {', '.join(parameters)}"
        )
    return L


def hidden_names(who: str, activation: str | Sequence[str], hidden: int) -> list[str]:
    """Return one activation per hidden layer, from one name for all of them or one name per layer."""
    names = [activation] * hidden if isinstance(activation, str) else list(activation)
    if len(names) != hidden:
        raise ValueError(
            f"{who}: activation must be one name, or {hidden} names, one per hidden layer, got {len(names)}"
        )
    return names


def activation_row(who: str, name: object) -> Mapping[str, Any]:
    """Return the row of an activation in the catalog."""
    return catalog.lookup(catalog.activations, name, f"{who}: activation")


class ShapeTable(dict[str, tuple[int, int]]):
    """The shapes of all matrices of a network, by name. It prints as a table.

    Attributes:
        layer_dims: n[0], ..., n[L].
        m: Number of examples.
        parameter_count: Number of elements of all W and b.
        wrong: ``{name: shape}`` of the arrays that ``check`` found to have another shape.
    """

    def __init__(self, layer_dims: Sequence[int], m: int) -> None:
        super().__init__()
        self.wrong: dict[str, tuple[int, ...]] = {}
        self.layer_dims = tuple(layer_dims)
        self.m = m
        self["A0"] = (self.layer_dims[0], m)
        self.parameter_count = 0
        for number in range(1, len(self.layer_dims)):
            n_prev, n = self.layer_dims[number - 1], self.layer_dims[number]
            for kind, shape in {"W": (n, n_prev), "b": (n, 1), "Z": (n, m), "A": (n, m)}.items():
                self[f"{kind}{number}"] = self[f"d{kind}{number}"] = shape
            self.parameter_count += n * n_prev + n

    def check(self, arrays: Mapping[str, object]) -> ShapeTable:
        """Return a table in which the arrays of another shape are marked, with the shape that they have.

        Args:
            arrays: Your own arrays by name, such as ``{"W1": W1, "dZ2": dZ2}``.

        Raises:
            UnknownNameError: If a name is not one of the table.

        Example:
            >>> import numpy as np
            >>> table = shape_table([3, 4, 1], m=5).check({"W1": np.ones((3, 4)), "b1": np.ones((4, 1))})
            >>> table.wrong
            {'W1': (3, 4)}
            >>> print(table)
            l  n[l]                     W, dW   b, db   Z, dZ   A, dA
            0     3                                            (3, 5)
            1     4  (4, 3) but W1 is (3, 4)!  (4, 1)  (4, 5)  (4, 5)
            2     1                    (1, 4)  (1, 1)  (1, 5)  (1, 5)
            21 parameters, m = 5; W1 is transposed
        """
        marked = ShapeTable(self.layer_dims, self.m)
        for name, array in arrays.items():
            if name not in self:
                known = _checks.first_names(list(self))
                raise UnknownNameError(f"check: there is no {_checks.shown(name)}; there is {known}")
            if (shape := np.asarray(array).shape) != self[name]:
                marked.wrong[name] = shape
        return marked

    def _cell(self, kind: str, number: int) -> str:
        """The shape of an array and its gradient, and those of wrong ones."""
        both = (f"{kind}{number}", f"d{kind}{number}")
        marks = [f"{name} is {self.wrong[name]}!" for name in both if name in self.wrong]
        return " but ".join([f"{self[both[0]]}", *([" and ".join(marks)] if marks else [])])

    def _rows(self) -> list[list[str]]:
        rows = [["l", "n[l]", "W, dW", "b, db", "Z, dZ", "A, dA"]]
        rows.append(["0", f"{self.layer_dims[0]}", "", "", "", self._cell("A", 0)])
        for number, n in enumerate(self.layer_dims[1:], start=1):
            rows.append([f"{number}", f"{n}", *(self._cell(kind, number) for kind in "WbZA")])
        return rows

    def _foot(self) -> str:
        foot = f"{self.parameter_count:,} parameters, m = {self.m}"
        turned = [name for name, shape in self.wrong.items() if shape == self[name][::-1]]
        verb = "is" if len(turned) == 1 else "are"
        return f"{foot}; {' and '.join(turned)} {verb} transposed" if turned else foot

    def __str__(self) -> str:
        return as_text(self._rows(), self._foot())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return as_html(self._rows(), self._foot())


def layer_sizes(who: str, layer_dims: Sequence[int]) -> list[int]:
    """Check n[0], ..., n[L]: at least two whole numbers, all of them at least 1."""
    sizes = [_checks.count(who, f"layer_dims[{i}]", n) for i, n in enumerate(layer_dims)]
    if len(sizes) < 2:
        raise ValueError(
            f"{who}: layer_dims must be [n_x, n1, ..., nL] with at least two numbers, got {sizes}"
        )
    return sizes


def shape_table(layer_dims: Sequence[int], m: int) -> ShapeTable:
    """Return the shapes: ``W[l] (n[l], n[l-1])``, ``b[l] (n[l], 1)``, ``Z[l], A[l] (n[l], m)``.

    A gradient has the shape of the matrix that it belongs to.

    Args:
        layer_dims: n[0] = n_x, n[1], ..., n[L].
        m: Number of examples.

    Returns:
        A dict with the keys "A0" and, for each layer, "W1", "b1", "Z1", "A1", "dW1", "db1", "dZ1" and "dA1".
        It prints as a table.

    Raises:
        TypeError: If a size is not a whole number.
        ValueError: If a size is below 1 or there are fewer than two.

    Example:
        >>> table = shape_table([3, 4, 1], m=1)
        >>> table["W1"], table["dZ2"], table.parameter_count
        ((4, 3), (1, 1), 21)
        >>> print(table)
        l  n[l]   W, dW   b, db   Z, dZ   A, dA
        0     3                          (3, 1)
        1     4  (4, 3)  (4, 1)  (4, 1)  (4, 1)
        2     1  (1, 4)  (1, 1)  (1, 1)  (1, 1)
        21 parameters, m = 1
    """
    return ShapeTable(layer_sizes("shape_table", layer_dims), _checks.count("shape_table", "m", m))
