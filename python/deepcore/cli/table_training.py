"""Training on a table: columns, encodings and one or several networks, which are averaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from deepcore import _checks
from deepcore._network.network import Network
from deepcore._text_table import Rows
from deepcore._training.checkpoint import Checkpoints
from deepcore.callbacks import EpochRecord
from deepcore.cli import networks, realmlp
from deepcore.cli.importance import permutation_importance
from deepcore.cli.output import in_options, print_table, say
from deepcore.cli.parts import Memory, Split, folds, row_digests, split
from deepcore.cli.report import Judged
from deepcore.cli.settings import Settings
from deepcore.cli.sources import Table
from deepcore.data import Standardizer
from deepcore.data.text import missing_marks
from deepcore.tabular import MISSING, Columns, Encoding, Frame, Label, TableMember, TableModel
from deepcore.tabular.cells import present
from deepcore.tabular.table_model import mean_outputs
from deepcore.typing import Array

__all__ = ["TableTraining"]

# The baselines take only category columns of at most this size, so that their inputs stay few.
_BASELINE_SIZE = 51
# One-hot columns may take this much memory.
_MOST_BYTES = 2 * 10**9
# Rows of the report on the columns that fit on a screen; info shows them all.
_MOST_COLUMNS = 40


class _Plan(NamedTuple):
    """The rows and the seed of one network."""

    train: Array
    validation: Array
    seed: int


class TableTraining:
    """A table, its parts, and the model that is trained on it.

    Everything but the names of the classes is learned from the training part only.

    Args:
        table: The table, with its label column.
        settings: The options.
        reading: Options of reading that were given; they are stored for later files.

    Raises:
        ValueError: If a column is unknown, or label or columns cannot be used.
    """

    def __init__(self, table: Table, settings: Settings, reading: dict[str, Any]) -> None:
        settings = settings.with_clean_names()
        self._given, settings = settings, settings.for_table()
        self.name, self.settings, self._reading = table.name, settings, reading
        self.records: list[dict[str, float]] = []
        self.histories: list[list[dict[str, float]]] = []
        missing = (*MISSING, *reading.get("missing", ()))
        frame, self._unlabelled = _labelled(table.frame, settings, missing)
        self._number_format = frame.number_format
        names = _label_names(frame, settings)
        frame = frame.drop([*settings.drop, *(name for name in settings.id if name not in settings.drop)])
        self._label = Label.fit(frame, name=names, task=settings.task, missing=missing)
        truth = self._label.encode(frame, missing=missing)
        codes = truth if self.classes is not None else None
        self._truth = truth if codes is not None else truth.reshape(len(truth), -1)
        self.parts = split(len(frame), codes, settings.test_size, settings.validation_size, settings.seed)
        if settings.cv is not None:  # every row of the training part validates once
            rest = np.concatenate([self.parts.train, self.parts.validation])
            self.parts = Split(rest, np.empty(0, np.int64), self.parts.test)
        _check_training_part(self.name, self._label, self._truth[self.parts.train])
        self._columns = Columns.fit(
            frame.take(self.parts.train), label=self._label.names, kinds=settings.kinds(), missing=missing
        )
        if settings.recipe != "realmlp-td":  # that recipe needs no one-hot columns for many categories
            _check_width(self._columns, len(frame))
        self._applied = self._columns.apply(frame)
        self._digests = row_digests([self._applied.numbers, self._applied.codes, self._truth])
        self._plans = _plans(self.parts, codes, settings)
        self._members: list[TableMember] = []
        self._best_epoch: int | None = None

    @property
    def classes(self) -> list[Any] | None:
        """The classes, or None for a regression."""
        return self._label.classes or None

    @property
    def targets(self) -> list[str]:
        """Names of the labels of a regression."""
        return list(self._label.names)

    @property
    def network(self) -> Network:
        """The network that was trained first."""
        return self._members[0].network

    @property
    def columns(self) -> Rows:
        """The report on the columns of the table, the head first."""
        return self._columns.rows()

    @property
    def best_epoch(self) -> int | None:
        """The epoch that the first network keeps, from 0; None for its last one."""
        return self._best_epoch

    def facts(self) -> dict[str, Any]:
        """Return the hyperparameters."""
        settings, examples = self.settings, len(self._plans[0].train)
        inputs = self._encoding(self._plans[0].train).inputs
        if settings.recipe == "network":
            model = networks.build(inputs, self._label.outputs, self._count, settings, settings.seed)
            of_recipe = networks.facts(model, settings, examples)
        else:
            of_recipe = realmlp.facts(
                settings, self._count is not None, inputs, self._label.outputs, examples
            )
        because = f" (because of {', '.join(settings.own_network)})" if settings.own_network else ""
        return {
            "task": self._label.task,
            "recipe": settings.recipe + (because if self._given.recipe == "auto" else ""),
            **of_recipe,
            "ensemble": settings.ensemble if settings.ensemble > 1 else None,
            "folds": settings.cv,
        }

    @property
    def _count(self) -> int | None:
        return None if self.classes is None else len(self.classes)

    def show(self) -> None:
        """Print what was read, and what each column is."""
        say(f"data {self.name}: {self.parts.counts('rows')}")
        if self._unlabelled:
            say(f"{self._unlabelled} rows without a label are left out")
        say(f"label {', '.join(self._label.names)}: {self._label.task} ({in_options(self._label.reason)})")
        if self.classes is not None:
            say(f"{len(self.classes)} classes: {_checks.first_names(self.classes)}")
        head, *body = self._columns.rows()
        say("columns")
        print_table(
            [head, *[[_checks.cut(cell, 40) for cell in row] for row in body[:_MOST_COLUMNS]]], left=(0, 1, 2)
        )
        if len(body) > _MOST_COLUMNS:
            say(f"({len(body) - _MOST_COLUMNS} more columns: deepcore info)")
        for note in self._applied.notes:
            say(f"note: {note}")

    @property
    def of_one_network(self) -> bool:
        """Whether one network of the user's own layers is trained, which callbacks can watch."""
        return self.settings.recipe == "network" and len(self._plans) == 1

    def fit(self, checkpoints: Checkpoints | None = None, callbacks: Sequence[Any] = ()) -> None:
        """Train the networks; ``records`` gets the epochs of the first one."""
        weights = self.settings.class_weights(self.classes or [])
        if self.settings.recipe == "network":
            self._fit_networks(checkpoints, weights, callbacks)
        else:
            self._fit_realmlp(checkpoints, weights)

    def _fit_realmlp(self, checkpoints: Checkpoints | None, weights: Any) -> None:
        splits = [(plan.train, plan.validation) for plan in self._plans[:: self.settings.ensemble]]
        table = realmlp.Table(self._applied.numbers, self._applied.codes, tuple(self._columns.sizes))
        fitted = realmlp.fit(
            table,
            self._truth,
            splits,
            self.settings,
            classes=self._count,
            weights=None if weights is None else _row_weights(weights, self._truth, self.parts.train),
            checkpoints=checkpoints,
        )
        self._members, self.histories = fitted.members, fitted.histories
        self.records[:] = fitted.histories[0]
        self._best_epoch = fitted.best_epochs[0] if len(splits[0][1]) else None
        if fitted.interrupted:
            raise KeyboardInterrupt

    def _fit_networks(self, checkpoints: Checkpoints | None, weights: Any, callbacks: Sequence[Any]) -> None:
        """Train the networks one after another.

        ``fit_many`` records no accuracy of the training part, and would start the clocks of all networks at
        once: those that wait for a thread would use up their time. After Ctrl-C it has networks that were not
        begun, and it needs the inputs of all folds at the same time.
        """
        limit, used = self.settings.time_limit, 0.0
        for number, plan in enumerate(self._plans):
            if len(self._plans) > 1:
                say(f"network {number + 1} of {len(self._plans)}")
            left = None if limit is None else max(limit - used, 0.0)
            share = None if left is None else max(left / (len(self._plans) - number), 0.001)
            self.histories.append(self.records if number == 0 else [])
            own = [*([] if checkpoints is None else [checkpoints.of(number)]), *callbacks]
            used += self._fit_network(plan, self.histories[-1], own, weights, share)
            if checkpoints is not None and checkpoints.stopping:
                return

    def _fit_network(
        self,
        plan: _Plan,
        records: list[dict[str, float]],
        callbacks: Sequence[Callable[[EpochRecord], object]],
        weights: Any,
        seconds: float | None,
    ) -> float:
        """Train one network, and return the seconds; it becomes a member even if it is interrupted."""
        encoding = self._encoding(plan.train)
        model = networks.build(encoding.inputs, self._label.outputs, self._count, self.settings, plan.seed)
        target = None
        if self.classes is None:
            target = Standardizer().fit(self._truth[plan.train])
            targets = target.transform(self._truth)
        else:
            targets = self._truth

        def part(rows: Array) -> tuple[Array, Array]:
            numbers, codes = self._applied.numbers[rows], self._applied.codes[rows]
            return encoding.transform(numbers, codes, self.settings.dtype), targets[rows]

        validation = part(plan.validation) if len(plan.validation) else None
        try:
            return networks.fit(
                model, part(plan.train), validation, self.settings, records, callbacks, weights, seconds
            )
        finally:
            scales = {} if target is None else {"shift": target.mean, "scale": target.scale}
            self._members.append(TableMember(encoding, model, **scales))
            self._best_epoch = networks.best_epoch(self.records)

    def _encoding(self, rows: Array) -> Encoding:
        return Encoding.fit(self._applied.numbers[rows], self._applied.codes[rows], self._columns.sizes)

    def _model(self) -> TableModel:
        return TableModel(self._columns, self._label, self._members)

    def save(self, path: Path, training: dict[str, Any], results: dict[str, Any]) -> None:
        """Write the model, how it was trained, and how well."""
        model = self._model()
        model.extras = {
            "training": training,
            "results": results,
            "parts": Memory.of(self._digests, self.parts).to_dict(),
            "reading": {name: list(v) if isinstance(v, tuple) else v for name, v in self._reading.items()},
            "number_format": list(self._number_format),
            "id": list(self.settings.id),
        }
        model.save(path)

    def judged(self) -> dict[str, Judged]:
        """Return labels and predictions by part; with folds also ``"out-of-fold"``."""
        found = {
            part: self._judged(rows, self._outputs(self._members, rows))
            for part, rows in vars(self.parts).items()
            if len(rows)
        }
        if self.settings.cv is not None and len(self._members) == len(self._plans):
            found["out-of-fold"] = self._judged_out_of_fold()
        return found

    def _outputs(self, members: Sequence[TableMember], rows: Array) -> Array:
        numbers, codes = self._applied.numbers[rows], self._applied.codes[rows]
        return mean_outputs(members, self._label.task, numbers, codes)

    def _judged(self, rows: Array, predicted: Array) -> Judged:
        return Judged(self._truth[rows], predicted, self.classes)

    def _judged_out_of_fold(self) -> Judged:
        """Every row is predicted by the networks that were not trained on it."""
        predicted = np.zeros((len(self._truth), self._label.outputs))
        for plan, member in zip(self._plans, self._members, strict=True):
            rows = plan.validation
            predicted[rows] += self._outputs([member], rows)
        rows = self.parts.train
        return self._judged(rows, predicted[rows] / self.settings.ensemble)

    def remarks(self) -> list[str]:
        """Return lines that are printed below the scores: how the folds differ."""
        if self.settings.cv is None or len(self._members) < len(self._plans):
            return []
        measure = "rmse" if self.classes is None else "accuracy"
        found = []
        for plan, member in zip(self._plans, self._members, strict=True):
            judged = self._judged(plan.validation, self._outputs([member], plan.validation))
            found.append(judged.scores()[measure])
        return [
            f"folds: {measure} {np.mean(found):.6g} on average, from {min(found):.6g} to {max(found):.6g}"
        ]

    def inputs(self, part: str) -> Array:
        """Return standardised numbers and one-hot columns of a part, for the linear baseline."""
        train = self.parts.train
        encoding = Encoding.fit(
            self._applied.numbers[train],
            self._applied.codes[train],
            self._columns.sizes,
            one_hot_limit=_BASELINE_SIZE,
        )
        rows = getattr(self.parts, part)
        X = encoding.transform(self._applied.numbers[rows], self._applied.codes[rows], np.float32)
        return X[:, : encoding.center.size]

    def images(self, part: str) -> None:
        """Return nothing: rows of a table are not images."""

    def importance(self, part: str, judged: Judged) -> dict[str, float]:
        """Return how much the error on a part grows if one column is shuffled."""
        rows = getattr(self.parts, part)
        places = _places(self._columns)

        def predict_shuffled(name: str, chosen: Array, order: Array) -> Array:
            numbers, codes = self._applied.numbers[rows[chosen]], self._applied.codes[rows[chosen]]
            of_numbers, of_codes = places[name]
            numbers[:, of_numbers] = self._applied.numbers[rows[order]][:, of_numbers]
            codes[:, of_codes] = self._applied.codes[rows[order]][:, of_codes]
            return mean_outputs(self._members, self._label.task, numbers, codes)

        return permutation_importance(list(places), judged, predict_shuffled, self.settings.seed)


def _places(columns: Columns) -> dict[str, tuple[list[int], list[int]]]:
    """For every used column, where its features stand among the numbers, and where among the codes."""
    used = [column for column in columns.columns if column.kind != "ignore"]
    numbers: dict[str, list[int]] = {column.name: [] for column in used}
    names = [column.name for column in used for _ in column.features]
    for place, name in enumerate([*names, *(column.name for column in used if column.indicator)]):
        numbers[name].append(place)
    codes = {name: [place] for place, name in enumerate(columns.code_names)}
    return {column.name: (numbers[column.name], codes.get(column.name, [])) for column in used}


def _plans(parts: Split, codes: Array | None, settings: Settings) -> list[_Plan]:
    """The rows and seeds of all networks: members of an ensemble, or of each fold."""
    if settings.cv is None:
        chosen = [(parts.train, parts.validation)]
    else:
        chosen = folds(parts.train, codes, settings.cv)
    return [
        _Plan(train, validation, settings.seed + number)
        for train, validation in chosen
        for number in range(settings.ensemble)
    ]


def _label_names(frame: Frame, settings: Settings) -> list[str]:
    """The label columns: those that were named, else ``label``, else the last column that is left."""
    left_out = {*settings.drop, *settings.id}
    if settings.label:
        both = [name for name in settings.label if name in left_out]
        if both:
            raise ValueError(f"--label {both[0]!r} is also given to --drop or --id")
        return list(settings.label)
    names = [name for name in frame.names if name not in left_out]
    if not names:
        raise ValueError(f"{frame.source} has no column left")
    return ["label" if "label" in names else names[-1]]


def _labelled(frame: Frame, settings: Settings, missing: Sequence[str]) -> tuple[Frame, int]:
    """The rows that have a label, if ``--skip-unlabelled`` is given, and how many were left out."""
    unknown = [name for name in (*settings.label, *settings.drop, *settings.id) if name not in frame]
    if unknown:
        raise ValueError(
            f"{frame.source} has no column {_checks.first_names(unknown, _checks.shown)}; its columns are "
            f"{_checks.first_names(frame.names)}"
        )
    if not settings.skip_unlabelled:
        return frame, 0
    labelled = np.ones(len(frame), bool)
    for name in _label_names(frame, settings):
        labelled &= ~present(frame.column(name), missing_marks(missing)).missing
    return frame.take(np.flatnonzero(labelled)), int((~labelled).sum())


def _row_weights(weights: Any, codes: Array, train: Array) -> Array:
    """The weight of every row, for weights by class number, or ``"balanced"`` in the training part."""
    if weights == "balanced":
        counts = np.bincount(codes[train], minlength=int(codes.max()) + 1)
        return np.asarray(len(train) / (np.count_nonzero(counts) * np.maximum(counts, 1)[codes]))
    return np.array([weights[int(code)] for code in codes])


def _check_width(columns: Columns, rows: int) -> None:
    """Refuse category columns that would take gigabytes as one-hot columns."""
    sizes = dict(zip(columns.code_names, columns.sizes, strict=True))
    if 4 * rows * sum(sizes.values()) <= _MOST_BYTES:
        return
    largest = sorted(sizes, key=lambda name: -sizes[name])[:3]
    shown = ", ".join(f"{name!r} ({sizes[name] - 1} categories)" for name in largest)
    raise ValueError(
        f"the categories would take {4 * rows * sum(sizes.values()) / 1e9:.1f} GB as one-hot columns; the "
        f"largest columns are {shown}; leave some out with --drop, or use --recipe realmlp-td, which embeds "
        "them"
    )


def _check_training_part(name: str, label: Label, truth: Array) -> None:
    if label.task == "regression":
        if (truth == truth[0]).all(axis=0).any():
            raise ValueError(
                f"{name}: every label of the training part is {truth[0][0]}; a network cannot learn "
                "anything from it"
            )
    elif len(np.unique(truth)) < 2:
        only = label.classes[int(truth[0])]
        raise ValueError(f"{name}: the training part has one class only, {only!r}; it needs more rows")
