"""What deepcore knows, by name: read-only views of the native tables, which are their only home.

Example:
    >>> from deepcore import catalog
    >>> catalog.losses["half_squared_error"]["output"]
    'linear'
    >>> list(catalog.metrics)
    ['accuracy']
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from deepcore import _core

__all__ = [
    "activations",
    "initializers",
    "lookup",
    "losses",
    "metrics",
    "native_parameter",
    "optimizers",
    "schedules",
]

Row = Mapping[str, Any]
Table = Mapping[str, Row]


def _table(rows: Iterable[dict[str, Any]]) -> Table:
    return MappingProxyType({row["name"]: MappingProxyType(row) for row in rows})


activations: Table = _table(_core.activations())
losses: Table = _table(_core.losses())
initializers: Table = _table(_core.initializers())
optimizers: Table = _table(_core.optimizers())
schedules: Table = _table(_core.schedules())
metrics: Table = _table(_core.metrics())


def lookup(table: Table, name: object, who: str) -> Row:
    """The row called ``name``, or an error that lists what there is.

    Args:
        table: One of the tables of this module.
        name: The row's name.
        who: Caller and argument, the head of the error message, as in ``"Dense: activation"``.

    Raises:
        TypeError: if ``name`` is not a string.
        ValueError: if the table has no such row; the message names the nearest one.
    """
    if not isinstance(name, str):
        raise TypeError(f"{who} must be a name, got {type(name).__name__}; one of {', '.join(table)}")
    if name not in table:
        import difflib  # only an error needs it

        near = difflib.get_close_matches(name, table, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "see deepcore.catalog"
        raise ValueError(f"{who} must be one of {', '.join(table)}, got {name!r}; {hint}")
    return table[name]


def native_parameter(activation: str, parameter: float | None) -> float:
    """The number that native functions take as an activation's parameter; 0 if it has none."""
    if parameter is None:
        parameter = activations[activation]["parameter"]
    return 0.0 if parameter is None else float(parameter)
