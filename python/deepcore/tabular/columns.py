"""``Columns``: what was learned of the columns of a table, and how later tables become numbers and codes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepcore import _checks, _text_table
from deepcore.data.text import MISSING, clean, missing_marks
from deepcore.tabular.cells import Cells, boolean_words, category_words, present
from deepcore.tabular.column import DAYS, Column
from deepcore.tabular.column_values import CannotRead, fill_codes, fill_features, read
from deepcore.tabular.dates import ISO, date_features
from deepcore.tabular.frame import Frame
from deepcore.tabular.kinds import EPS, KINDS, Finding, Question, infer
from deepcore.typing import Array

__all__ = ["Applied", "Column", "Columns"]

# Near names take a time that grows with the number of columns; messages end somewhere.
_MOST_SUGGESTIONS = 10
_MOST_PROBLEMS = 50


class Applied(NamedTuple):
    """A table as numbers and codes, and notes on what is unusual in it."""

    numbers: NDArray[np.float64]
    codes: NDArray[np.int64]
    notes: list[str]


class Columns:
    """Types of columns and what fills missing values, learned from training rows.

    Use ``Columns.fit``. ``docs/tables.md`` states the rules.

    Attributes:
        columns: What was learned, in the order of the table.
        missing: Marks that count as missing values.

    Example:
        >>> frame = Frame({"size": ["1.5", "NA", "2.5"], "town": ["Bonn", "Ulm", "Bonn"]})
        >>> columns = Columns.fit(frame)
        >>> columns.numbers(frame).tolist(), columns.codes(frame).tolist()
        ([[1.5, 0.0], [2.0, 1.0], [2.5, 0.0]], [[1], [2], [1]])
    """

    def __init__(self, columns: Sequence[Column], missing: Iterable[str] = MISSING) -> None:
        self.columns = list(columns)
        self.missing = tuple(missing)
        self._marks = missing_marks(self.missing)

    @classmethod
    def fit(
        cls,
        data: Any,
        *,
        label: str | Iterable[str] | None = None,
        kinds: Mapping[str, str] | None = None,
        missing: Iterable[str] = MISSING,
    ) -> Columns:
        """Decide the kind of every column, and learn its categories and what fills its missing values.

        Args:
            data: The training rows: a Frame, or what ``Frame.of`` takes.
            label: Name of the label column, or names, which are not features.
            kinds: Kinds that are given and not inferred: ``"number"``, ``"category"``, ``"boolean"``,
                ``"date"``, ``"date FORMAT"`` with a format of ``datetime.strptime``, or ``"ignore"``.
            missing: Cells that count as missing, in any case of letters.

        Raises:
            ValueError: If a name is unknown, there are no rows, no column can be used, or the values of some
                columns do not tell their kind; the message lists all such columns.
        """
        frame = Frame.of(data, "Columns.fit")
        labels = [] if label is None else [label] if isinstance(label, str) else list(label)
        labels = [clean(name) for name in labels]
        given = _given_kinds(frame, kinds)
        for name in labels:
            frame.column(name)  # raises if there is no such column
        if len(frame) == 0:
            raise ValueError(f"Columns.fit: {frame.source} has no rows")
        missing = (missing,) if isinstance(missing, str) else tuple(missing)
        marks = missing_marks(missing)
        learned, questions = [], []
        for name in frame.names:
            if name in labels:
                continue
            try:
                learned.append(_learn(frame, name, given.get(name), marks))
            except Question as question:
                place = "" if question.row is None else f", first in {frame.place(question.row)}"
                questions.append(f"{name!r} {question.found}{place}; pass {question.answer}")
        if questions:
            raise ValueError(_listed("Columns.fit", frame, "whose kind is not clear", questions))
        columns = cls(learned, missing)
        if all(column.kind == "ignore" for column in learned):
            reasons = _checks.first_names([f"{column.name!r} ({column.reason})" for column in learned])
            raise ValueError(
                f"Columns.fit: {frame.source} has no column to learn from: {reasons or 'only the label'}"
            )
        return columns

    @property
    def names(self) -> list[str]:
        """Names of the columns that are used."""
        return [column.name for column in self._used]

    @property
    def number_names(self) -> list[str]:
        """Names of the features that ``numbers`` returns."""
        names = [feature for column in self._used for feature in column.features]
        return names + [f"{column.name} missing" for column in self._used if column.indicator]

    @property
    def code_names(self) -> list[str]:
        """Names of the columns that ``codes`` returns."""
        return [column.name for column in self._used if column.values]

    @property
    def sizes(self) -> list[int]:
        """Number of codes of each column that ``codes`` returns: its known categories, and one more for 0."""
        return [len(column.values) + 1 for column in self._used if column.values]

    def apply(self, data: Any, who: str = "Columns.apply") -> Applied:
        """Turn a table into numbers and codes.

        Columns are found by name, and their order does not matter. Columns that the
        training rows did not have, and ignored ones, may hold anything.

        Args:
            data: A Frame, or what ``Frame.of`` takes. An array or list of rows without names holds the used
                columns in their order.
            who: Name of the caller, the head of messages.

        Returns:
            numbers: float64, (m, k), missing values filled; see ``number_names``.
            codes: int64, (m, c); 0 is a missing value or a category that the training rows did not have.
            notes: One sentence on each column with unknown categories, or with missing values where the
                training rows had none.

        Raises:
            ValueError: If columns are missing, or hold what cannot be read as their kind; the message lists
                all of them.
        """
        frame = self._frame(data, who)
        widths = [len(column.features) for column in self._used]
        numbers = np.zeros((len(frame), sum(widths) + sum(column.indicator for column in self._used)))
        codes = np.zeros((len(frame), sum(bool(column.values) for column in self._used)), dtype=np.int64)
        finite = self._copy_numbers(frame, numbers)
        notes: list[str] = []
        problems: list[str] = []
        coded, place, indicator = 0, 0, sum(widths)
        for column, width in zip(self._used, widths, strict=True):
            missing = None
            try:
                if column.name not in frame:
                    near = _near(column.name, frame) if len(problems) < _MOST_SUGGESTIONS else ""
                    raise CannotRead(f"is missing{near}")
                if column.values:
                    missing = fill_codes(codes[:, coded], column, frame, self._marks, notes)
                elif place not in finite:
                    missing = fill_features(numbers[:, place : place + width], column, frame, self._marks)
            except CannotRead as error:
                problems.append(f"{column.name!r} {error}")
            if missing is not None:
                if column.indicator:
                    numbers[:, indicator] = missing
                elif column.missing == 0 and missing.any():
                    notes.append(_unexpected(column, int(missing.sum())))
            coded, place, indicator = coded + bool(column.values), place + width, indicator + column.indicator
        if problems:
            raise ValueError(_listed(who, frame, "that cannot be used", problems))
        return Applied(numbers, codes, notes)

    def _copy_numbers(self, frame: Frame, numbers: Array) -> set[int]:
        """Write the number columns that hold float64 or int64; return the places of those without NaN."""
        copied = []
        place = 0
        for column in self._used:
            if column.kind == "number" and column.name in frame and column.name not in frame.durations:
                values = frame.column(column.name)
                if isinstance(values, np.ndarray) and values.dtype.kind in "fi":
                    numbers[:, place] = values
                    copied.append(place)
            place += len(column.features)
        with np.errstate(over="ignore", invalid="ignore"):
            finite = np.isfinite(numbers.sum(axis=0))  # a sum is not finite if a number is not
        return {place for place in copied if finite[place]}

    def numbers(self, data: Any) -> NDArray[np.float64]:
        """Return the numbers of ``apply``."""
        return self.apply(data, "Columns.numbers").numbers

    def codes(self, data: Any) -> NDArray[np.int64]:
        """Return the codes of ``apply``."""
        return self.apply(data, "Columns.codes").codes

    def rows(self) -> list[list[str]]:
        """Return the report as rows of text; the first row is the head."""
        body = [
            [
                column.name,
                column.kind,
                column.reason,
                f"{column.missing:.1%}" if column.missing else "",
                str(column.distinct),
            ]
            for column in self.columns
        ]
        return [["column", "kind", "reason", "missing", "distinct"], *body]

    def report(self) -> str:
        """Return all columns as a table: kind, reason, share of missing values, different values."""
        ignored = sum(column.kind == "ignore" for column in self.columns)
        foot = (
            f"{len(self.columns) - ignored} columns are used and {ignored} ignored; "
            "kinds={'name': 'number'} changes the kind of a column"
        )
        return _text_table.as_text(self.rows(), foot, left=(0, 1, 2), ruled=True)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON data for a model file; ``from_dict`` gives the same columns back."""
        return {"columns": [asdict(column) for column in self.columns], "missing": list(self.missing)}

    @classmethod
    def from_dict(cls, values: Any) -> Columns:
        """Reverse ``to_dict``.

        Raises:
            ValueError: If ``values`` is not what ``to_dict`` returns.
        """
        who = "Columns.from_dict"
        if not isinstance(values, dict) or set(values) != {"columns", "missing"}:
            raise ValueError(f"{who}: values must have the keys 'columns' and 'missing'")
        if not isinstance(values["columns"], list) or not _is_texts(values["missing"]):
            raise ValueError(f"{who}: 'columns' must be a list of columns, and 'missing' one of texts")
        return cls([Column.from_dict(who, column) for column in values["columns"]], values["missing"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Columns) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Columns({_checks.first_names([f'{c.name}: {c.kind}' for c in self.columns])})"

    def _frame(self, data: Any, who: str) -> Frame:
        """A table as a Frame; the columns of an array without names are the used columns in their order."""
        names = self.names
        if not isinstance(data, (list, tuple, np.ndarray)) or getattr(data, "dtype", np.dtype("O")).names:
            return Frame.of(data, who, needed=set(names))
        rows = data if isinstance(data, np.ndarray) else np.array(data, dtype=object)
        if rows.ndim != 2 or rows.shape[1] != len(names):
            return Frame.of(data, who)
        if set(names) <= {f"x{j + 1}" for j in range(len(names))}:
            return Frame.of(data, who)
        return Frame({name: rows[:, j] for j, name in enumerate(names)})

    @property
    def _used(self) -> list[Column]:
        return [column for column in self.columns if column.kind != "ignore"]


def _given_kinds(frame: Frame, kinds: Mapping[str, str] | None) -> dict[str, str]:
    given = dict(frame.kinds)
    for name, kind in (kinds or {}).items():
        frame.column(name)  # raises if there is no such column
        if not isinstance(kind, str) or kind.split(" ")[0] not in KINDS:
            raise ValueError(
                f"Columns.fit: the kind of {name!r} must be one of {', '.join(KINDS)}, got "
                f"{_checks.shown(kind)}"
            )
        given[clean(name)] = kind
    return given


def _learn(frame: Frame, name: str, given: str | None, marks: frozenset[str]) -> Column:
    """Learn one column; a Question tells that the values do not tell its kind."""
    cells = present(frame.column(name), marks)
    facts: dict[str, Any] = {
        "missing": float(cells.missing.mean()),
        "distinct": len(cells.values) if cells.values.dtype == object else len(np.unique(cells.values)),
    }
    if given is not None:
        kind, _, date_form = given.partition(" ")
        finding = Finding(kind, "given", date_form or None)
        if kind == "date" and not date_form and cells.values.dtype == object:
            inferred = infer(name, cells, frame.number_format)
            finding = Finding(kind, "given", inferred.form or ISO)
    else:
        finding = infer(name, cells, frame.number_format, frame.rounding.get(name, EPS))
        if finding.reason == "constant" and cells.missing.any():
            number = cells.values.dtype.kind in "if"
            finding = Finding("number" if number else "category", "one value, or missing")
    form = DAYS if finding.kind == "number" and name in frame.durations else finding.form
    column = Column(name, finding.kind, finding.reason, form=form, **facts)
    try:
        return _with_values(column, cells, frame)
    except CannotRead as error:
        raise Question(str(error), "missing=[...] if such cells are missing, or another kind") from error


def _with_values(column: Column, cells: Cells, frame: Frame) -> Column:
    """The column with its categories, or with what fills missing values."""
    known = asdict(column)
    if column.kind in ("number", "date"):
        values = read(column, cells, frame)[cells.inverse]
        known["indicator"] = bool(cells.missing.any())
        if column.kind == "date":
            days = values.astype("datetime64[us]").astype(np.int64)
            middle = np.array([int(np.median(days)) if days.size else 0], dtype="datetime64[us]")
            known["fill"] = date_features(middle)[0].tolist()
        else:
            known["fill"] = [_median(values)]
            if values.size:
                known["low"], known["high"] = float(values.min()), float(values.max())
    elif column.kind == "boolean":
        for position, word in enumerate(boolean_words(cells.values)):
            if word is None:
                raise CannotRead(
                    f"must be a boolean such as yes or no, got {_checks.shown(cells.values[position])} in "
                    f"{frame.place(cells.row(position))}"
                )
        known["values"] = ["false", "true"]
    elif column.kind == "category":
        known["values"] = sorted(set(category_words(cells.values)))
        if not known["values"]:
            known["kind"], known["reason"] = "ignore", "no values"
    return Column(**known)


def _median(values: Array) -> float:
    """The median, 0 of no values; the mean of the two middle values must not overflow."""
    if not values.size:
        return 0.0
    return 2 * float(np.median(values / 2)) if np.abs(values).max() > 1e300 else float(np.median(values))


def _near(name: str, frame: Frame) -> str:
    near = difflib.get_close_matches(name, frame.listed, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _listed(who: str, frame: Frame, what: str, problems: list[str]) -> str:
    if len(problems) == 1:
        return f"{who}: {frame.source}: column {problems[0]}"
    lines = "".join(f"\n  {problem}" for problem in problems[:_MOST_PROBLEMS])
    more = f"\n  and {len(problems) - _MOST_PROBLEMS} more" if len(problems) > _MOST_PROBLEMS else ""
    return f"{who}: {frame.source} has {len(problems)} columns {what}:{lines}{more}"


def _unexpected(column: Column, count: int) -> str:
    treated = "an unknown category" if column.values else "the median"
    return (
        f"{column.name!r} has {count} missing values, but none in the training rows; they are treated as "
        f"{treated}"
    )


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
