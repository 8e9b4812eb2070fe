"""The preprocessing of a model: raw examples become the input of a network, and outputs become answers.

It is stored in the model file.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from deepcore.cli.sources import Dataset
from deepcore.data import LabelMap, Standardizer, split_indices
from deepcore.typing import Array

# Labels with more distinct whole numbers than this are quantities, not classes.
_MOST_CLASSES = 50


@dataclass(frozen=True)
class Split:
    """How the examples were split, so that ``evaluate --part test`` can repeat it."""

    test_size: float
    seed: int
    examples: int

    def indices(self) -> tuple[Array, Array]:
        """Row numbers of the training part and of the test part."""
        return split_indices(self.examples, self.test_size, self.seed)


@dataclass(frozen=True)
class Recipe:
    """Preprocessing of one model.

    Attributes:
        inputs: Standardises X; None leaves it alone.
        target: Standardises y of a regression, else None.
        labels: Maps the labels of a classification, else None.
        features: Names of the columns of X, or None.
        label: Name of the label column, or None.
        split: How the examples were split; None if the data had parts of their own, or no test part.
    """

    inputs: Standardizer | None = None
    target: Standardizer | None = None
    labels: LabelMap | None = None
    features: list[str] | None = None
    label: str | None = None
    split: Split | None = None

    def encode_inputs(self, X: Array, dtype: DTypeLike) -> Array:
        """Return the input of the network for raw X."""
        return X.astype(dtype) if self.inputs is None else self.inputs.transform(X, dtype)

    def encode(self, X: Array, y: Array, dtype: DTypeLike) -> "Part":
        """Return what the network is trained on: standardised features, and class numbers or real numbers."""
        if self.labels is not None:
            numbers = self.labels.encode(y)
        elif y.dtype.kind not in "buif":
            raise ValueError(
                f"the labels must be numbers for this model, got the text {str(y.ravel()[0])!r:.60}"
            )
        else:
            numbers = y if self.target is None else self.target.transform(y.reshape(len(y), -1))
        return Part(self.encode_inputs(X, dtype), numbers, y)

    def decode_outputs(self, outputs: Array) -> Array:
        """Return the outputs of a regression in the units of the labels, (m, k)."""
        return outputs if self.target is None else self.target.inverse_transform(outputs)

    def fits(self, inputs: int, outputs: int) -> bool:
        """Tell whether the recipe can belong to a network of these sizes."""
        return (
            (self.inputs is None or len(self.inputs.mean) in (1, inputs))
            and (self.target is None or len(self.target.mean) in (1, outputs))
            and (self.features is None or len(self.features) == inputs)
            and (self.labels is None or len(self.labels) == max(outputs, 2))
        )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON data for the model file."""
        return {
            "inputs": None if self.inputs is None else self.inputs.to_dict(),
            "target": None if self.target is None else self.target.to_dict(),
            "labels": None if self.labels is None else self.labels.classes,
            "features": self.features,
            "label": self.label,
            "split": None if self.split is None else vars(self.split),
        }

    @classmethod
    def from_dict(cls, values: Any) -> "Recipe":
        """Reverse ``to_dict``.

        Raises:
            ValueError: If values is not what ``to_dict`` returns.
        """
        try:
            return cls(
                inputs=None if values["inputs"] is None else Standardizer.from_dict(values["inputs"]),
                target=None if values["target"] is None else Standardizer.from_dict(values["target"]),
                labels=None if values["labels"] is None else LabelMap(values["labels"]),
                features=values["features"],
                label=values["label"],
                split=None if values["split"] is None else Split(**values["split"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the preprocessing in this model file cannot be read: {error}") from error


@dataclass(frozen=True)
class Part:
    """The input and the targets of the network, and the labels as they were read."""

    X: Array
    y: Array
    raw_labels: Array


def prepare(
    dataset: Dataset, task: str, test_size: float, seed: int, dtype: DTypeLike
) -> tuple[Recipe, Part, Part | None]:
    """Split the examples, fit the recipe to the training part only, and apply it to both parts.

    Args:
        dataset: Raw examples with labels.
        task: ``"classification"``, ``"regression"`` or ``"auto"`` (see ``decide_task``).
        test_size: Fraction of the examples in the test part; not used if the data have a test part of their
            own.
        seed: Seed of the split.
        dtype: dtype of the features.

    Returns:
        The recipe, the training part, and the test part if there is one.

    Raises:
        ValueError: If there are no labels or only one class, or no feature or target varies.
    """
    if dataset.y is None:
        raise ValueError(f"{dataset.name} has no labels; an NPZ file needs an array y")
    X, y = dataset.X, dataset.y
    split = None
    X_test, y_test = dataset.test if dataset.test is not None else (None, None)
    everything = y if y_test is None else np.concatenate([y, y_test])
    if dataset.test is None and test_size > 0:
        split = Split(test_size, seed, len(X))
        train, test = split.indices()
        X, y, X_test, y_test = X[train], y[train], X[test], y[test]
    labels = target = None
    if decide_task(everything, task) == "classification":
        labels = LabelMap(dataset.classes) if dataset.classes is not None else LabelMap().fit(everything)
        _check_classes(dataset.name, labels, y)
    else:
        target = Standardizer().fit(y.reshape(len(y), -1))
        if target.constant.size:
            raise ValueError(
                f"{dataset.name}: every label of the training part is {y.ravel()[0]}; a network cannot learn "
                "anything from it"
            )
    if dataset.pixel_maximum is not None:
        inputs = Standardizer([0.0], [dataset.pixel_maximum])
    else:
        inputs = Standardizer().fit(X)
        if inputs.constant.size == X.shape[1]:
            raise ValueError(
                f"{dataset.name}: every feature is constant in the training part; a network cannot learn "
                "anything from it"
            )
    recipe = Recipe(inputs, target, labels, dataset.features, dataset.label, split)
    test_part = None if X_test is None or y_test is None else recipe.encode(X_test, y_test, dtype)
    return recipe, recipe.encode(X, y, dtype), test_part


def decide_task(y: Array, task: str) -> str:
    """Decide between classification and regression.

    Labels are classes if they are text, or integers with at most 50 distinct values that are at most half as
    many as the examples; otherwise they are quantities.
    """
    if task == "classification" and y.ndim != 1:
        raise ValueError(f"classification needs one label per example, got y of shape {y.shape}")
    if task == "regression" and y.dtype.kind not in "buif":
        raise ValueError(f"regression needs numbers as labels, got the text {_first_text(y)!r:.60}")
    if task != "auto":
        return task
    if y.dtype.kind not in "buif":
        return "classification"
    if y.ndim != 1 or not np.array_equal(y, np.floor(y)):
        return "regression"
    different = len(np.unique(y))
    return "classification" if different <= min(_MOST_CLASSES, len(y) / 2) else "regression"


def _first_text(y: Array) -> str:
    """The first label that is not a number."""
    for label in map(str, y.ravel()):
        try:
            float(label)
        except ValueError:
            return label
    return str(y.ravel()[0])


def _check_classes(name: str, labels: LabelMap, y_train: Array) -> None:
    if len(labels) < 2:
        raise ValueError(
            f"{name} has one class only, {labels.classes[0]!r:.60}; classification needs at least two"
        )
    present = np.unique(labels.encode(y_train))
    if len(present) < 2:
        only = labels.classes[int(present[0])]
        raise ValueError(f"{name}: the training part has one class only, {only!r}; it needs more rows")
