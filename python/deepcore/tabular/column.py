"""``Column``: what was learned of one column of a table; it is data that a model file holds."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from deepcore import _checks
from deepcore.tabular.dates import DATE_FEATURES
from deepcore.tabular.kinds import KINDS

__all__ = ["DAYS", "Column"]

#: Form of a number column that was learned from durations, which are numbers of days.
DAYS = "days"
_MOST_DISTINCT = 2**53  # more than any table has rows


@dataclass(frozen=True)
class Column:
    """What was learned of one column.

    Attributes:
        name: Its name.
        kind: ``"number"``, ``"category"``, ``"boolean"``, ``"date"`` or ``"ignore"``.
        reason: Why it has this kind.
        missing: Share of missing values in the training rows.
        distinct: Number of different values in the training rows.
        values: The known categories; the code of ``values[i]`` is i + 1.
        fill: What stands for a missing value: the median, one number or one per feature of a date.
        indicator: Whether there is a feature that is 1 where the value is missing.
        form: Format of dates in text; ``"days"`` of numbers that were durations.
        low: Least value of a number column.
        high: Greatest value of a number column.
    """

    name: str
    kind: str
    reason: str
    missing: float
    distinct: int
    values: list[str] = field(default_factory=list)
    fill: list[float] = field(default_factory=list)
    indicator: bool = False
    form: str | None = None
    low: float | None = None
    high: float | None = None

    @property
    def features(self) -> list[str]:
        """Names of the numeric features, without the indicator."""
        if self.kind == "date":
            return [f"{self.name} {part}" for part in DATE_FEATURES]
        return [self.name] if self.kind == "number" else []

    @cached_property
    def codes(self) -> dict[str, int]:
        """The code of each known category."""
        return {value: code for code, value in enumerate(self.values, start=1)}

    @classmethod
    def from_dict(cls, who: str, values: Any) -> Column:
        """Make a column of JSON data, which is checked.

        Args:
            who: Head of messages.
            values: What ``dataclasses.asdict`` made of a column.

        Raises:
            ValueError: If ``values`` is something else.
        """
        names = {one.name for one in fields(cls)}
        if not isinstance(values, dict) or set(values) != names:
            raise ValueError(f"{who}: a column must have the keys {', '.join(sorted(names))}")
        column = cls(**values)
        optional = (type(None), str)
        right = (
            isinstance(column.name, str)
            and column.kind in KINDS
            and isinstance(column.reason, str)
            and isinstance(column.form, optional)
            and isinstance(column.indicator, bool)
            and _checks.is_number(column.missing)
            and 0 <= column.missing <= 1
            and type(column.distinct) is int
            and 0 <= column.distinct <= _MOST_DISTINCT
            and all(value is None or _checks.is_number(value) for value in (column.low, column.high))
            and (column.low is None) == (column.high is None)
            and (column.low is None or column.high is None or column.low <= column.high)
            and _is_texts(column.values)
            and isinstance(column.fill, list)
            and all(map(_checks.is_number, column.fill))
            and len(column.fill) == len(column.features)
            and bool(column.values) == (column.kind in ("category", "boolean"))
            and len(set(column.values)) == len(column.values)
        )
        if not right:
            raise ValueError(f"{who}: the column {_checks.shown(column.name)} is not what to_dict returns")
        return column


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
