"""Training on arrays: NPZ files, folders of images, digits and point sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from deepcore import _checks
from deepcore._network.network import Network
from deepcore._training.checkpoint import Checkpoints
from deepcore.cli import networks
from deepcore.cli.output import say
from deepcore.cli.parts import Memory, Split, row_digests, split
from deepcore.cli.report import Judged
from deepcore.cli.settings import Settings
from deepcore.cli.sources import Arrays
from deepcore.data import LabelMap, Standardizer
from deepcore.prepared import Preparation, PreparedModel
from deepcore.tabular.label import task_of_numbers
from deepcore.typing import Array

__all__ = ["ArrayTraining", "decide_task"]


class ArrayTraining:
    """Raw arrays, their parts, and the model that is trained on them.

    The preprocessing is learned from the training part only.

    Args:
        data: Raw examples with labels.
        settings: The options.

    Raises:
        ValueError: If there are no labels or only one class, or no feature or label varies.
    """

    def __init__(self, data: Arrays, settings: Settings) -> None:
        if data.y is None:
            raise ValueError(f"{data.name} has no labels; an NPZ file needs an array y")
        self.name, self.settings, self._data = data.name, settings, data
        self.records: list[dict[str, float]] = []
        y, self._reason = _labels(data, settings.task)
        X = data.X if data.test is None else np.concatenate([data.X, data.test[0]])
        labels = _classes(data, y) if self._reason is not None else None
        codes = None if labels is None else labels.transform(y)
        self.parts = _parts(data, codes, settings)
        self._X = {part: X[rows] for part, rows in vars(self.parts).items() if len(rows)}
        preparation = Preparation(
            inputs=_inputs(data, self._X["train"]),
            target=None if labels is not None else _target(data.name, y[self.parts.train]),
            labels=labels,
            features=data.features,
            label=data.label,
        )
        self._inputs = {part: preparation.encode(rows, settings.dtype) for part, rows in self._X.items()}
        self._truth = {
            part: (y if codes is None else codes)[rows]
            for part, rows in vars(self.parts).items()
            if len(rows)
        }
        if labels is not None:
            _check_training_part(data.name, labels, self._truth["train"])
        self._digests = row_digests([X, y])
        preparation = preparation.watched(self._inputs["train"])
        outputs = y.shape[1] if y.ndim == 2 else 1
        model = networks.build(
            X.shape[1], outputs, None if labels is None else len(labels), settings, settings.seed
        )
        self._network = model
        self._model = PreparedModel(model, preparation)

    @property
    def classes(self) -> list[Any] | None:
        """The classes, or None for a regression."""
        labels = self._model.preparation.labels
        return None if labels is None else labels.classes

    @property
    def targets(self) -> list[str]:
        """Names of the labels of a regression."""
        name, count = self._data.label or "label", self._network.outputs
        return [name] if count == 1 else [f"{name} {number}" for number in range(1, count + 1)]

    @property
    def network(self) -> Network:
        """The network that is trained."""
        return self._network.network

    @property
    def columns(self) -> None:
        """None: the data are not a table."""

    @property
    def best_epoch(self) -> int | None:
        """The epoch that is kept, from 0; None for the last one."""
        return networks.best_epoch(self.records)

    def facts(self) -> dict[str, Any]:
        """Return the hyperparameters."""
        return {
            "task": "regression" if self.classes is None else "classification",
            **networks.facts(self._network, self.settings, len(self.parts.train)),
        }

    def show(self) -> None:
        """Print what was read."""
        features = self._X["train"].shape[1]
        say(f"data {self.name}: {self.parts.counts('examples')}, {features} features")
        if self._data.label is not None:
            say(f"label {self._data.label}")
        if self.classes is not None:
            say(f"{len(self.classes)} classes: {_checks.first_names(self.classes)}")
        if self._reason:
            say(self._reason)
        inputs = self._model.preparation.inputs
        if inputs is not None and inputs.constant.size:
            features = self._data.features
            names = [features[j] if features else int(j) for j in inputs.constant]
            say(f"constant columns, which become 0: {_checks.first_names(names)}")

    def fit(self, checkpoints: Checkpoints | None = None) -> None:
        """Train the network; ``records`` gets the numbers of every epoch."""
        weights = self.settings.class_weights(self.classes or [])
        targets = {part: self._targets(truth) for part, truth in self._truth.items()}
        pairs = {part: (self._inputs[part], targets[part]) for part in targets}
        networks.fit(
            self._network,
            pairs["train"],
            pairs.get("validation"),
            self.settings,
            self.records,
            [] if checkpoints is None else [checkpoints.of(0)],
            weights,
            self.settings.time_limit,
        )

    def _targets(self, truth: Array) -> Array:
        target = self._model.preparation.target
        return truth if target is None else target.transform(truth.reshape(len(truth), -1))

    def save(self, path: Path, training: dict[str, Any], results: dict[str, Any]) -> None:
        """Write the model, how it was trained, and how well."""
        parts = self.parts
        if self._data.test is not None:  # it is found in its own files
            parts = Split(parts.train, parts.validation, np.empty(0, np.int64))
        memory = Memory.of(self._digests, parts).to_dict()
        self._model.extras = {"training": training, "results": results, "parts": memory}
        self._model.save(path)

    def judged(self) -> dict[str, Judged]:
        """Return labels and predictions by part."""
        return {
            part: Judged(
                truth if self.classes is not None else truth.reshape(len(truth), -1),
                self._model.outputs(self._X[part]),
                self.classes,
                self._network.evaluate(self._inputs[part], self._targets(truth))["loss"],
            )
            for part, truth in self._truth.items()
        }

    def remarks(self) -> list[str]:
        """Return nothing: there are no folds."""
        return []

    def inputs(self, part: str) -> Array:
        """Return the inputs of the network for a part."""
        return self._inputs[part]

    def images(self, part: str) -> tuple[Array, tuple[int, ...]] | None:
        """Return the images of a part as rows of pixels, and their shape; None if they are not images."""
        shape = self._data.image_shape
        return None if shape is None else (self._X[part], shape)

    def importance(self, part: str, judged: Judged) -> dict[str, float]:
        """Return nothing: single features of arrays have no names."""
        return {}


def _labels(data: Arrays, task: str) -> tuple[Array, str | None]:
    """The labels, and for classes a sentence about the choice (or ""); None for a regression."""
    y = data.y
    assert y is not None
    everything = y if data.test is None else np.concatenate([y, data.test[1]])
    if everything.ndim == 2:
        return _of_several_columns(data.name, everything, task)
    chosen = decide_task(everything, task)
    if chosen == "regression":
        return everything, None
    if task == "auto" and everything.dtype.kind in "uif" and len(np.unique(everything)) > 2:
        return everything, (
            f"the labels are whole numbers with {len(np.unique(everything))} different values, so they are "
            "taken as classes; use --task regression if they are quantities"
        )
    return everything, ""


def _of_several_columns(name: str, y: Array, task: str) -> tuple[Array, str | None]:
    binary = y.dtype.kind in "buif" and bool(np.isin(y, (0, 1)).all())
    if task == "regression" or (task == "auto" and not binary):
        if y.dtype.kind not in "buif":
            raise ValueError(f"{name}: several labels per example must be numbers, got {y.dtype}")
        return y.astype(np.float64), None
    if binary and (y.sum(axis=1) == 1).all():
        return y.argmax(axis=1), "y is one-hot: column j is taken as class j, as y.argmax(axis=1) does"
    if binary:
        raise ValueError(
            f"{name}: y has {y.shape[1]} labels 0 or 1 per example, of which several may be 1; train one "
            "model per label, or use --task regression"
        )
    raise ValueError(f"{name}: classification needs one label per example, got y of shape {y.shape}")


def decide_task(y: Array, task: str) -> str:
    """Decide between classification and regression.

    Numbers are judged by the rule for the labels of tables; text and booleans are classes.

    Args:
        y: Labels, (m,).
        task: ``"classification"``, ``"regression"``, or ``"auto"``.

    Raises:
        ValueError: If a regression is asked for and the labels are text.
    """
    if task == "regression" and y.dtype.kind not in "buif":
        raise ValueError(f"regression needs numbers as labels, got the text {str(y[0])!r:.60}")
    if task != "auto":
        return task
    return task_of_numbers(y)[0] if y.dtype.kind in "uif" else "classification"


def _classes(data: Arrays, y: Array) -> LabelMap:
    labels = LabelMap(data.classes) if data.classes is not None else LabelMap().fit(y)
    if len(labels) < 2:
        raise ValueError(
            f"{data.name} has one class only, {labels.classes[0]!r:.60}; classification needs at least two"
        )
    return labels


def _check_training_part(name: str, labels: LabelMap, codes: Array) -> None:
    present = np.unique(codes)
    if len(present) < 2:
        only = labels.classes[int(present[0])]
        raise ValueError(f"{name}: the training part has one class only, {only!r}; it needs more rows")


def _parts(data: Arrays, codes: Array | None, settings: Settings) -> Split:
    """The parts; of data that have a test part of their own, its rows come after all others."""
    m = len(data.X)
    if data.test is None:
        return split(m, codes, settings.test_size, settings.validation_size, settings.seed)
    parts = split(m, None if codes is None else codes[:m], 0.0, settings.validation_size, settings.seed)
    return Split(parts.train, parts.validation, np.arange(m, m + len(data.test[0])))


def _inputs(data: Arrays, X: Array) -> Standardizer:
    if data.pixel_maximum is not None:
        return Standardizer([0.0], [data.pixel_maximum])
    inputs = Standardizer().fit(X)
    if inputs.constant.size == X.shape[1]:
        raise ValueError(
            f"{data.name}: every feature is constant in the training part; a network cannot learn anything "
            "from it"
        )
    return inputs


def _target(name: str, y: Array) -> Standardizer:
    target = Standardizer().fit(y.reshape(len(y), -1))
    if target.constant.size:
        raise ValueError(
            f"{name}: every label of the training part is {y.ravel()[0]}; a network cannot learn anything "
            "from it"
        )
    return target
