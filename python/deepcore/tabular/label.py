"""``Label``: classes as they are written, or regression targets to the last digit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepcore import _checks
from deepcore.data.text import (
    MISSING,
    has_unit,
    is_code,
    is_number,
    is_other_number,
    missing_marks,
    read_numbers,
    whole_number,
)
from deepcore.tabular.cells import category_words, present
from deepcore.tabular.frame import Frame
from deepcore.typing import Array

__all__ = ["Label", "task_of_numbers"]

TASKS = ("classification", "regression")

# Whole numbers with more different values than this are quantities, not classes.
_MOST_CLASSES = 50


class Label:
    """What is predicted, learned from the labels of the training rows. Use ``Label.fit``.

    Attributes:
        names: Names of the label columns.
        task: ``"classification"`` or ``"regression"``.
        reason: Why it is this task.
        classes: The classes in the order of their codes; [] for a regression. Text is in order of its code
            points, unless every class is a whole number in its shortest form: these are in order of their
            values, like classes that are numbers. False comes before True.

    Example:
        >>> label = Label.fit(["1", "01", "1"])
        >>> label.classes, label.encode(["01", "1"]).tolist(), label.decode([0, 1]).tolist()
        (['01', '1'], [0, 1], ['01', '1'])
    """

    def __init__(
        self, names: Sequence[str], task: str, reason: str, classes: Sequence[Any] = (), dtype: str = "text"
    ) -> None:
        self.names, self.task, self.reason = list(names), task, reason
        self.classes, self._dtype = list(classes), dtype
        self._codes = {value: code for code, value in enumerate(self.classes)}

    @classmethod
    def fit(
        cls,
        data: Any,
        *,
        name: str | Iterable[str] | None = None,
        task: str = "auto",
        missing: Iterable[str] = MISSING,
    ) -> Label:
        """Decide between classes and quantities, and learn the classes.

        Args:
            data: The labels, (m,), or several targets of a regression, (m, k); or a table with the columns
                ``name``.
            name: Name of the label column, or names of the targets of a regression.
            task: ``"classification"``, ``"regression"``, or ``"auto"``: labels are classes if they are text
                or booleans, or whole numbers with at most 50 different values that are at most half as many
                as the rows; else they are quantities.
            missing: Cells that count as missing; rows without a label are refused.

        Raises:
            ValueError: If a label is missing, there is one class only, or the labels do not tell what they
                are: numbers among text, or text that is different in nearly every row.
        """
        frame = _labels(data, name)
        who = "Label.fit"
        if task not in ("auto", *TASKS):
            raise ValueError(
                f"{who}: task must be auto, classification or regression, got {_checks.shown(task)}"
            )
        if len(frame) == 0:
            raise ValueError(f"{who}: {frame.source} has no rows")
        columns = [_complete(who, frame, one, missing_marks(missing)) for one in frame.names]
        if len(columns) > 1:
            _refuse_one_hot(who, columns)
            if task == "classification":
                raise ValueError(f"{who}: classification needs one label column, got {len(columns)}")
            for one, values in zip(frame.names, columns, strict=True):
                _quantities(who, frame, one, values)
            return cls(frame.names, "regression", f"{len(columns)} targets")
        [one], [values] = frame.names, columns
        task, reason = (task, "given") if task != "auto" else _decide(who, frame, one, values)
        if task == "regression":
            _quantities(who, frame, one, values)
            return cls(frame.names, task, reason)
        classes, dtype = _classes(values)
        if len(classes) < 2:
            raise ValueError(
                f"{who}: column {one!r} of {frame.source} has one class only, {_checks.shown(classes[0])}; "
                "classification needs at least two"
            )
        return cls(frame.names, task, reason, classes, dtype)

    @property
    def outputs(self) -> int:
        """Number of classes, or of targets."""
        return len(self.classes) or len(self.names)

    def encode(self, data: Any, *, missing: Iterable[str] = MISSING) -> Array:
        """Return what a network is trained on.

        Args:
            data: Labels as in ``fit``; a table is searched for the columns ``names``.
            missing: Cells that count as missing, which are refused; a class is never missing.

        Returns:
            Codes of the classes, int64 (m,); or targets, float64 (m,), or (m, k) if there are several.

        Raises:
            ValueError: If a label is missing, is not one of the classes, or is not a number.
        """
        who = "Label.encode"
        frame = _labels(data, self.names if _is_table(data) else None)
        if len(frame.names) != len(self.names):
            raise ValueError(f"{who}: y must have {len(self.names)} columns, got {len(frame.names)}")
        marks = missing_marks(missing) - missing_marks(map(str, self.classes))
        columns = [_complete(who, frame, one, marks) for one in frame.names]
        if self.task == "regression":
            numbers = [
                _quantities(who, frame, one, values) for one, values in zip(frame.names, columns, strict=True)
            ]
            return numbers[0] if len(numbers) == 1 else np.stack(numbers, axis=1)
        return self._encode_classes(frame, columns[0])

    def _encode_classes(self, frame: Frame, values: Array) -> NDArray[np.int64]:
        keys: list[Any] = values.tolist()
        if self._dtype == "text":
            keys = category_words(values)
        elif values.dtype == object:
            # Text of a file stands for numbers and booleans that a training from memory had.
            words = {str(label): label for label in self.classes}
            keys = [words.get(key, key) for key in keys]
        unknown = [i for i, key in enumerate(keys) if key not in self._codes]
        if unknown:
            shown = _checks.first_names(list(dict.fromkeys(keys[i] for i in unknown)), _checks.shown)
            raise ValueError(
                f"Label.encode: {frame.source}, {frame.place(unknown[0])}: the label {shown} is not one of "
                f"the classes {_checks.first_names(self.classes, _checks.shown)}"
            )
        return np.array([self._codes[key] for key in keys], dtype=np.int64)

    def decode(self, values: Any) -> Array:
        """Reverse ``encode``.

        Args:
            values: Codes (m,); or predicted targets, (m,) or (m, k).

        Returns:
            The classes as they are written: object for text, else int64, float64 or bool. Targets are
            float64, (m,), or (m, k) if there are several.

        Raises:
            ValueError: If a code is not one of 0, ..., k - 1.
        """
        array = np.asarray(values)
        if self.task == "regression":
            targets = array.astype(np.float64)
            return targets.reshape(-1) if len(self.names) == 1 else targets
        right = array.dtype.kind in "iu" and array.ndim == 1
        if not right or not ((array >= 0) & (array < len(self.classes))).all():
            raise ValueError(
                f"Label.decode: codes must be whole numbers from 0 to {len(self.classes) - 1}, shape (m,), "
                f"got {_checks.shown(array.tolist())}"
            )
        known = np.array(self.classes, dtype=object)
        if self._dtype != "text":
            known = known.astype({"int": np.int64, "float": np.float64, "bool": np.bool_}[self._dtype])
        return np.asarray(known[array])

    def to_dict(self) -> dict[str, Any]:
        """Return JSON data for a model file; ``from_dict`` gives the same label back."""
        return {
            "names": self.names, "task": self.task, "reason": self.reason, "classes": self.classes,
            "dtype": self._dtype,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: Any) -> Label:
        """Reverse ``to_dict``.

        Raises:
            ValueError: If ``values`` is not what ``to_dict`` returns.
        """
        keys = {"names", "task", "reason", "classes", "dtype"}
        if not isinstance(values, dict) or set(values) != keys:
            raise ValueError(f"Label.from_dict: values must have the keys {', '.join(sorted(keys))}")
        types: dict[str, Any] = {"text": str, "int": int, "float": (int, float), "bool": bool}
        names, classes = values["names"], values["classes"]
        right = (
            isinstance(names, list)
            and len(names) >= 1
            and all(isinstance(name, str) for name in names)
            and values["task"] in TASKS
            and isinstance(values["reason"], str)
            and values["dtype"] in types
            and isinstance(classes, list)
            and all(isinstance(value, types[values["dtype"]]) for value in classes)
            and len(set(classes)) == len(classes)
            and (len(classes) >= 2 if values["task"] == "classification" else not classes)
        )
        if not right:
            raise ValueError("Label.from_dict: the values are not what to_dict returns")
        return cls(names, values["task"], values["reason"], classes, values["dtype"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Label) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        what = f"{len(self.classes)} classes" if self.classes else f"{len(self.names)} targets"
        return f"Label({', '.join(self.names)}: {self.task}, {what})"


def _is_table(data: Any) -> bool:
    return isinstance(data, Frame) or hasattr(data, "columns") or isinstance(data, dict)


def _labels(data: Any, name: str | Iterable[str] | None) -> Frame:
    """The label columns as a Frame."""
    if _is_table(data):
        frame = Frame.of(data, "Label")
        if name is None:
            return frame
        return frame.select([name] if isinstance(name, str) else name)
    if hasattr(data, "to_numpy"):  # a series
        data = data.to_numpy()
    if not isinstance(data, np.ndarray):
        data = list(data)
        if data and isinstance(data[0], (list, tuple, np.ndarray)):
            data = np.asarray(data)
    names = [name] if isinstance(name, str) else None if name is None else list(name)
    if isinstance(data, np.ndarray) and data.ndim == 2:
        columns = [data[:, j] for j in range(data.shape[1])]
        names = names or (["y"] if len(columns) == 1 else [f"y{j + 1}" for j in range(len(columns))])
        return Frame(dict(zip(names, columns, strict=True)), source="y")
    return Frame({(names or ["y"])[0]: data}, source="y")


def _complete(who: str, frame: Frame, name: str, marks: frozenset[str]) -> Array:
    """The labels of one column, none of which may be missing."""
    cells = present(frame.column(name), marks)
    if cells.missing.any():
        rows = np.flatnonzero(cells.missing)
        places = _checks.first_names([frame.place(int(row)) for row in rows])
        raise ValueError(
            f"{who}: {len(rows)} of {len(frame)} labels in column {name!r} of {frame.source} are missing "
            f"({places}); delete these rows; if a mark such as NA is a class, pass missing=[]"
        )
    if cells.values.dtype.kind == "M":
        raise ValueError(
            f"{who}: column {name!r} of {frame.source} holds dates; convert them to numbers first"
        )
    return cells.present


def _quantities(who: str, frame: Frame, name: str, values: Array) -> NDArray[np.float64]:
    """Labels as float64."""
    if values.dtype.kind in "bif":
        numbers = values.astype(np.float64)
        good = np.isfinite(numbers)
    else:
        numbers, good = read_numbers([str(value) for value in values], frame.number_format)
    if not good.all():
        first = int(np.argmin(good))
        raise ValueError(
            f"{who}: column {name!r} of {frame.source} must hold finite numbers, got "
            f"{_checks.shown(values[first])} in {frame.place(first)} ({int((~good).sum())} such cells)"
        )
    return numbers


def _decide(who: str, frame: Frame, name: str, values: Array) -> tuple[str, str]:
    """The task and the reason for it."""
    rows = len(values)
    if values.dtype.kind == "b":
        return "classification", "the labels are booleans"
    if values.dtype.kind in "if":
        return task_of_numbers(values)
    words = category_words(values)
    different = list(dict.fromkeys(words))
    numeric = {word for word in different if is_number(word, frame.number_format)}
    if len(numeric) == len(different):
        if any(map(is_code, different)):
            return "classification", "the labels are codes of digits"
        return task_of_numbers(read_numbers(words, frame.number_format)[0])
    if all(map(has_unit, different)):
        raise ValueError(
            f"{who}: column {name!r} of {frame.source} holds amounts with a percent or currency sign, such "
            f"as {_checks.shown(words[0])}; write numbers without the sign, or pass task='classification'"
        )
    codes = any(map(is_code, numeric))
    if not codes and all(word in numeric or is_other_number(word) for word in different):
        first = next(i for i, word in enumerate(words) if word not in numeric)
        raise ValueError(
            f"{who}: column {name!r} of {frame.source} holds numbers in another format, such as "
            f"{_checks.shown(words[first])} in {frame.place(first)}; read the file with decimal= or "
            "thousands=, convert the labels to numbers, or pass task='classification'"
        )
    count = sum(word in numeric for word in words)
    if 2 * count > rows and not codes:
        first = next(i for i, word in enumerate(words) if word not in numeric)
        others = _checks.first_names([word for word in different if word not in numeric], _checks.shown)
        raise ValueError(
            f"{who}: column {name!r} of {frame.source} holds {count} numbers and {rows - count} other labels "
            f"({others}), first in {frame.place(first)}; are they missing values, or numbers in another "
            "format? Delete these rows, name the format with decimal= or thousands=, or pass "
            "task='classification'"
        )
    if 2 * len(different) > rows >= 10:
        raise ValueError(
            f"{who}: column {name!r} of {frame.source} holds text that is different in nearly every row "
            f"({len(different)} values in {rows} rows, such as {_checks.shown(words[0])}); is it the "
            "label? Pass task='classification' if it is"
        )
    return "classification", "the labels are text"


def task_of_numbers(values: Array) -> tuple[str, str]:
    """Decide whether labels that are numbers are classes or quantities; return the task and the reason."""
    different = len(np.unique(values))
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == np.floor(values)).all()):
        return "regression", "the labels are numbers with fractions"
    if different <= min(_MOST_CLASSES, len(values) / 2):
        return "classification", (
            f"the labels are whole numbers with only {different} different values in {len(values)} rows; "
            "task='regression' takes them as quantities"
        )
    return "regression", (
        f"the labels are whole numbers with {different} different values in {len(values)} rows; "
        "task='classification' takes them as classes"
    )


def _classes(values: Array) -> tuple[list[Any], str]:
    """The classes in their order, and what they are."""
    kind = values.dtype.kind
    if kind != "O":
        classes = np.unique(values).tolist()
        if kind == "f" and all(value.is_integer() and abs(value) < 2**53 for value in classes):
            return [int(value) for value in classes], "int"
        return classes, {"b": "bool", "i": "int", "f": "float"}[kind]
    words = sorted(set(category_words(values)))
    return (sorted(words, key=int) if all(map(whole_number, words)) else words), "text"


def _refuse_one_hot(who: str, columns: list[Array]) -> None:
    if any(values.dtype.kind not in "bif" for values in columns):
        return
    table = np.stack([values.astype(np.float64) for values in columns], axis=1)
    if np.isin(table, (0, 1)).all():
        single = bool((table.sum(axis=1) == 1).all())
        cure = "pass y.argmax(axis=1)" if single else "train a deepcore.Model with sigmoid outputs"
        raise ValueError(
            f"{who}: y has {len(columns)} columns of 0 and 1, which are "
            f"{'one-hot labels' if single else 'several labels per row'}, not targets of a regression; {cure}"
        )
