"""Tables of the names that deepcore knows: read-only views, mostly of those in the compiled module.

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

from deepcore import _checks, _core

__all__ = [
    "ALIASES",
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
#: How weights start; "course" draws all layers from one stream, all others draw each layer by itself.
initializers: Table = _table(
    [
        *_core.initializers(),
        {"name": "course", "formula": "0, 0.01 randn or randn / sqrt(n_in), for 1, 2 or more layers"},
    ]
)
optimizers: Table = _table(_core.optimizers())
schedules: Table = _table(_core.schedules())
metrics: Table = _table(_core.metrics())


#: What other libraries call a row, and what it is called here; error messages give it as a hint.
ALIASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        # activations
        "identity": ("linear",),
        "none": ("linear",),
        "logistic": ("sigmoid",),
        "logsigmoid": ("sigmoid",),
        "swish": ("silu",),
        "leakyrelu": ("leaky_relu",),
        "hardtanh": ("hard_tanh",),
        "hardsigmoid": ("hard_sigmoid",),
        "exponential": ("exp",),
        # losses
        "mse": ("squared_error", "mse"),
        "l2": ("squared_error",),
        "mean_squared_error": ("squared_error", "mse"),
        "mae": ("absolute_error", "mae"),
        "l1": ("absolute_error",),
        "mean_absolute_error": ("absolute_error", "mae"),
        "bce": ("binary_cross_entropy",),
        "binary_crossentropy": ("binary_cross_entropy",),
        "logistic_loss": ("binary_cross_entropy", "log_loss"),
        "log_loss": ("binary_cross_entropy", "categorical_cross_entropy"),
        "cce": ("categorical_cross_entropy",),
        "categorical_crossentropy": ("categorical_cross_entropy",),
        "sparse_categorical_crossentropy": ("categorical_cross_entropy",),
        "cross_entropy": ("categorical_cross_entropy", "binary_cross_entropy", "log_loss"),
        "crossentropy": ("categorical_cross_entropy", "binary_cross_entropy", "log_loss"),
        "nll": ("categorical_cross_entropy", "log_loss"),
        "smooth_l1": ("huber",),
        "pinball": ("quantile",),
        # initialisers
        "glorot": ("xavier",),
        "glorot_normal": ("xavier",),
        "glorot_uniform": ("xavier_uniform",),
        "xavier_normal": ("xavier",),
        "kaiming": ("he",),
        "he_normal": ("he",),
        "kaiming_normal": ("he",),
        "kaiming_uniform": ("he_uniform",),
        "lecun_normal": ("lecun",),
        # schedules
        "step_decay": ("step",),
        # metrics
        "acc": ("accuracy",),
        "auc": ("roc_auc",),
        "roc_auc_score": ("roc_auc",),
        "f1_score": ("f1",),
        "r2_score": ("r2",),
        "mcc": ("matthews",),
        "root_mean_squared_error": ("rmse",),
    }
)


def lookup(table: Table, name: object, who: str) -> Row:
    """Find the row called ``name``, or raise an error that lists the names.

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
        got = _checks.shown(name)
        raise ValueError(f"{who} must be one of {', '.join(table)}, got {got}; {_hint(table, name)}")
    return table[name]


def _hint(table: Table, name: str) -> str:
    """Say what the user may have meant; case, blanks and hyphens do not count."""
    import difflib  # only an error needs it

    plain = name[:100].strip().lower().replace("-", "_").replace(" ", "_")
    if here := [row for row in ALIASES.get(plain, ()) if row in table]:
        return f"{plain} is called {' or '.join(here)} here"
    near = difflib.get_close_matches(plain, table, n=1)
    return f"did you mean {near[0]!r}?" if near else "see deepcore.catalog"


def native_parameter(activation: str, parameter: float | None) -> float:
    """Return the number that compiled functions take as an activation's parameter; 0 if it has none."""
    if parameter is None:
        parameter = activations[activation]["parameter"]
    return 0.0 if parameter is None else float(parameter)
