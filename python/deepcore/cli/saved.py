"""The argument MODEL: it is loaded, reads examples in its own form, and predicts from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepcore import _checks
from deepcore._loading import load
from deepcore.cli.output import warn
from deepcore.cli.parts import PARTS, Memory, row_digests
from deepcore.cli.report import Judged
from deepcore.cli.sources import Arrays, Table, is_table, open_data
from deepcore.data.text import NumberFormat, clean, missing_marks, read_numbers
from deepcore.model import Model
from deepcore.prepared import PreparedModel
from deepcore.tabular import Columns, Frame, TableModel
from deepcore.tabular.cells import present
from deepcore.tabular.table_model import mean_outputs
from deepcore.typing import Array

__all__ = [
    "MODEL_FILE",
    "Examples",
    "SavedArrays",
    "SavedTable",
    "located",
    "open_file",
    "open_model",
    "supported",
]

MODEL_FILE = "model.safetensors"


@dataclass(frozen=True)
class Examples:
    """Examples of DATA, as a model takes them.

    Attributes:
        name: Name of the data.
        part: Name of the part, or ``"all"``.
        rows: Their numbers in DATA, from 0.
        inputs: What the model predicts from.
        truth: Class numbers, or the labels of a regression (m, k); None if there are none.
        kept: Columns that predict repeats, by name.
    """

    name: str
    part: str
    rows: Array
    inputs: Any
    truth: Array | None
    kept: dict[str, Array]


def located(path: str) -> Path:
    """Return the model file that MODEL names: itself, or the one in the folder that ``train`` wrote."""
    return Path(path) / MODEL_FILE if Path(path).is_dir() else Path(path)


def open_model(path: str) -> SavedArrays | SavedTable:
    """Load MODEL: a model file, or the folder into which ``train`` wrote one.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is not a valid model file, or the command line does not support its kind of model.
    """
    return supported(open_file(path), path)


def supported(saved: Any, path: str) -> SavedArrays | SavedTable:
    """Return what ``open_file`` returned if it is a model that every command supports.

    Raises:
        ValueError: If it is not.
    """
    if isinstance(saved, (SavedArrays, SavedTable)):
        return saved
    raise ValueError(
        f"{located(path)}: it holds an object of the class {type(saved).__name__}, which this command does "
        "not read; use deepcore.load in Python"
    )


def open_file(path: str) -> Any:
    """Load MODEL; a kind of model that has no class here is returned as ``deepcore.load`` returns it."""
    file = located(path)
    try:
        model = load(file)
        if isinstance(model, TableModel):
            return SavedTable(model)
        if isinstance(model, Model):
            model = PreparedModel.of(model, model.extras)
        return SavedArrays(model) if isinstance(model, PreparedModel) else model
    except ValueError as error:
        text = str(error)
        raise ValueError(text if str(file) in text else f"{file}: {text}") from error


class SavedArrays:
    """A model of arrays and images."""

    def __init__(self, model: PreparedModel) -> None:
        self.model = model

    @property
    def classes(self) -> list[Any] | None:
        """The classes, or None for a regression."""
        return self.model.classes

    def read(
        self, data: str, part: str | None, reading: dict[str, Any], keep: tuple[str, ...], labelled: bool
    ) -> Examples:
        """Read examples of DATA.

        Args:
            data: The argument DATA.
            part: ``"all"``, or one of ``PARTS``; None: the test part if DATA has one of its own, else all.
            reading: Options of reading that were given.
            keep: Names of columns to repeat in front of the predictions.
            labelled: Whether labels are needed.

        Raises:
            ValueError: If the data do not fit the model, or there is no such part.
        """
        if keep:
            raise ValueError(
                "--keep needs a model of a table; this model was trained on arrays without names"
            )
        source = open_data(data, reading)
        if isinstance(source, Table):
            source = self._of_table(source, labelled)
        inputs = self.model.network.spec.inputs
        if source.X.shape[1] != inputs:
            raise ValueError(f"{source.name} has {source.X.shape[1]} features, but the model takes {inputs}")
        X, y, shown = self._choose(source, part)
        rows = np.arange(len(X))
        if shown in PARTS and (source.test is None or shown != "test"):
            rows = self._rows_of(source, shown)
            X, y = X[rows], None if y is None else y[rows]
        for doubt in self.model.preparation.doubts(self.model.inputs(X)):
            warn(f"{source.name}: {doubt}")
        truth = self._truth(source.name, y) if labelled else None
        return Examples(source.name, shown, rows, X, truth, {})

    def _of_table(self, table: Table, labelled: bool) -> Arrays:
        """Number columns of a table, by the names that the model knows or in their order."""
        features, label = self.model.preparation.features, self.model.preparation.label
        names = features or [name for name in table.frame.names if name != (label or "y")]
        columns = [_numbers(table.frame, name) for name in names]
        there = labelled and (label or "y") in table.frame
        return Arrays(table.name, np.column_stack(columns), table.frame[label or "y"] if there else None)

    def _choose(self, source: Arrays, part: str | None) -> tuple[Array, Array | None, str]:
        """The examples of a part that the data have of their own; else all of them."""
        if source.test is None:
            return source.X, source.y, part or "all"
        X_test, y_test = source.test
        if part == "all" and source.y is not None:
            return np.concatenate([source.X, X_test]), np.concatenate([source.y, y_test]), part
        if part in ("train", "validation"):
            return source.X, source.y, part
        return X_test, y_test, "test"

    def _rows_of(self, source: Arrays, part: str) -> Array:
        memory = _memory(self.model.extras, part)
        if source.y is None:
            raise ValueError(
                f"--part {part}: {source.name} must have its labels: examples are recognised by them too"
            )
        y = _class_numbers(source.y, self.classes)
        return memory.rows(row_digests([source.X, y]), part, source.name)

    def _truth(self, name: str, y: Array | None) -> Array:
        if y is None:
            raise ValueError(f"{name} has no labels to compare with; an NPZ file needs an array y")
        labels = self.model.preparation.labels
        y = _class_numbers(y, self.classes)
        if labels is not None:
            return labels.transform(y)
        if self.classes is not None:
            return y.astype(np.int64)
        if y.dtype.kind not in "buif":
            raise ValueError(
                f"the labels must be numbers for this model, got the text {str(y.ravel()[0])!r:.60}"
            )
        return y.reshape(len(y), -1).astype(np.float64)

    def outputs(self, examples: Examples) -> Array:
        """Return probabilities of the classes, or predictions in the units of the labels, (m, k)."""
        return self.model.outputs(examples.inputs)

    def labels(self, predicted: Array) -> Array:
        """Return labels as they were written, for class numbers."""
        return np.array(self.classes, dtype=object)[predicted]

    def judged(self, examples: Examples) -> Judged:
        """Compare predictions with labels."""
        assert examples.truth is not None
        target, network = self.model.preparation.target, Model.from_network(self.model.network)
        targets = examples.truth if target is None else target.transform(examples.truth)
        loss = network.evaluate(self.model.inputs(examples.inputs), targets)["loss"]
        return Judged(examples.truth, self.outputs(examples), self.classes, loss)

    @property
    def several_labels(self) -> bool:
        """Whether each output is a label of its own, 0 or 1."""
        return self.model.several_labels

    @property
    def targets(self) -> list[str]:
        """Names of the predictions of a regression, or of several labels."""
        return _numbered("prediction", self.model.network.spec.outputs)


class SavedTable:
    """A model of a table."""

    several_labels = False

    def __init__(self, model: TableModel) -> None:
        self.model = model

    @property
    def classes(self) -> list[Any] | None:
        """The classes, or None for a regression."""
        return self.model.label.classes or None

    @property
    def targets(self) -> list[str]:
        """Names of the predictions of a regression."""
        names = self.model.label.names
        return ["prediction"] if len(names) == 1 else [f"prediction {name}" for name in names]

    def read(
        self, data: str, part: str | None, reading: dict[str, Any], keep: tuple[str, ...], labelled: bool
    ) -> Examples:
        """Read rows of DATA; see ``SavedArrays.read``. Columns are found by name."""
        stored = self.model.extras.get("reading", {})
        source = open_data(data, stored | reading if is_table(data) else reading)
        if isinstance(source, Arrays):
            if source.test is not None:
                raise ValueError(f"{source.name} is not a table, but the model was trained on one")
            source = Table.of(source)
        frame = source.frame
        keep = tuple(map(clean, keep))
        ids = [name for name in self.model.extras.get("id", []) if name in frame and name not in keep]
        kept_names = [*ids, *keep]
        unknown = [name for name in keep if name not in frame]
        if unknown:
            raise ValueError(
                f"--keep: {source.name} has no column {_checks.first_names(unknown, _checks.shown)}; its "
                f"columns are {_checks.first_names(frame.names)}"
            )
        if not reading.keys() & {"decimal", "thousands"}:
            self._check_number_format(frame)
        columns = self.model.columns
        if more := reading.get("missing"):
            columns = Columns(columns.columns, (*columns.missing, *more))
        numbers, codes, notes = columns.apply(frame, "predict")
        for note in [*notes, *_far(self.model, numbers)]:
            warn(f"{source.name}: {note}")
        truth = None
        if labelled or part in PARTS:
            truth = self.model.label.encode(frame, missing=columns.missing)
            truth = truth if self.classes is not None else truth.reshape(len(truth), -1)
        rows = np.arange(len(frame))
        if part in PARTS:
            memory = _memory(self.model.extras, part)
            rows = memory.rows(row_digests([numbers, codes, truth]), part, source.name)  # type: ignore[list-item]
        index = {} if frame.index is None else {"index": np.asarray(frame.index, dtype=object)[rows]}
        kept = index | {name: frame[name][rows] for name in kept_names}
        chosen = None if truth is None else truth[rows]
        return Examples(source.name, part or "all", rows, (numbers[rows], codes[rows]), chosen, kept)

    def _check_number_format(self, frame: Frame) -> None:
        """Refuse numbers that mean something else in the format of the training, unless other cells decide.

        1.234 is 1234 if the training had decimal commas and points between groups of digits.
        """
        values = self.model.extras.get("number_format")
        if values is None or frame.number_format == (known := NumberFormat(*values)):
            return
        columns, label = self.model.columns, self.model.label
        names = [column.name for column in columns.columns if column.kind == "number"]
        names += label.names if label.task == "regression" else []
        doubt = ""
        for name in names:
            if name not in frame:
                continue
            cells = present(frame.column(name), missing_marks(columns.missing)).values
            texts = [cell for cell in cells.tolist() if isinstance(cell, str)]
            here, read_here = read_numbers(texts, frame.number_format)
            there, read_there = read_numbers(texts, known)
            if (read_here & ~read_there).any():
                return
            differ = np.flatnonzero(read_here & read_there & (here != there))
            if differ.size and not doubt:
                first = differ[0]
                doubt = (
                    f"column {name!r} of {frame.source} holds numbers such as {texts[first]!r}, which may be "
                    f"{here[first]:.15g}, or {there[first]:.15g} as in the file of the training; pass "
                    f"--decimal '{frame.number_format.decimal}', or --decimal '{known.decimal}' --thousands "
                    f"'{known.thousands}'"
                )
        if doubt:
            raise ValueError(doubt)

    def outputs(self, examples: Examples) -> Array:
        """Return probabilities of the classes, or predictions in the units of the labels, (m, k)."""
        return mean_outputs(self.model.members, self.model.label.task, *examples.inputs)

    def labels(self, predicted: Array) -> Array:
        """Return labels as they were written, for class numbers."""
        return self.model.label.decode(predicted)

    def judged(self, examples: Examples) -> Judged:
        """Compare predictions with labels."""
        assert examples.truth is not None
        return Judged(examples.truth, self.outputs(examples), self.classes)


# Numbers that lie further outside the range of the training than this many times its width have other units.
_FAR = 20.0


def _far(model: TableModel, numbers: Array) -> list[str]:
    """Sentences about number columns whose values lie far outside the range of the training."""
    found = []
    places = {name: place for place, name in enumerate(model.columns.number_names)}
    for column in model.columns.columns:
        if column.kind != "number" or column.low is None or column.high is None or not len(numbers):
            continue
        values = numbers[:, places[column.name]]
        spread = (column.high - column.low) or abs(column.high) or 1.0
        low, high = float(values.min()), float(values.max())
        if low < column.low - _FAR * spread or high > column.high + _FAR * spread:
            found.append(
                f"{column.name!r} goes from {low:g} to {high:g}, in the training rows from {column.low:g} to "
                f"{column.high:g}; does it have the same units?"
            )
    return found


def _memory(extras: dict[str, Any], part: str) -> Memory:
    values = extras.get("parts")
    if values is None:
        raise ValueError(
            f"--part {part}: the model file does not record any parts; was it written by deepcore train?"
        )
    try:
        return Memory.from_dict(values)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the parts in this model file cannot be read: {error}") from error


def _class_numbers(y: Array, classes: list[Any] | None) -> Array:
    """One-hot labels as class numbers, as train takes them."""
    if classes is not None and y.ndim == 2 and y.shape[1] == len(classes) and y.dtype.kind in "buif":
        return np.asarray(y.argmax(axis=1))
    return y


def _numbers(frame: Frame, name: str) -> Array:
    """A column of numbers, none of which may be missing, as float64."""
    values = frame[name]
    if values.dtype.kind in "bif":
        return values.astype(np.float64)
    texts = ["" if value is None else clean(str(value)) for value in values.tolist()]
    numbers, read = read_numbers(texts, frame.number_format)
    if values.dtype.kind == "M" or not read.all():
        first = int(np.argmin(read))
        raise ValueError(
            f"{frame.source}: column {name!r} must hold numbers for this model, got "
            f"{_checks.shown(texts[first])} in {frame.place(first)}"
        )
    return numbers


def _numbered(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}_{i}" for i in range(1, count + 1)]
