"""A ``PreparedModel`` is a network with its preprocessing: raw arrays go in, labels as written come out.

``deepcore train`` writes one for arrays and images; for tables it writes a ``deepcore.tabular.TableModel``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from deepcore import _checks
from deepcore._labels import labels as decide
from deepcore._network.network import HasNetwork, Network
from deepcore.data import LabelMap, Standardizer, images_to_rows
from deepcore.typing import Array

__all__ = ["Preparation", "PreparedModel", "is_prepared"]

# Where the preparation stands in the extras of a model file.
_KEY = "preprocessing"

# A spread below the first fraction of that of the training, or values so many times as far from the mean as
# any of the training, show that new data have other units, such as pixels from 0 to 1 instead of 0 to 255.
_NARROW, _FAR, _FAR_PIXELS = 0.05, 20.0, 1.5
# The spread of fewer examples may be small by chance.
_LEAST_FOR_SPREAD = 20


@dataclass(frozen=True)
class Preparation:
    """How raw examples become inputs of a network, and outputs become answers.

    Attributes:
        inputs: Standardises X; None leaves it alone.
        target: Standardises the labels of a regression; None leaves them alone.
        labels: The classes of a classification, else None.
        features: Names of the columns of X, or None.
        label: Name of the label, or None.
        spread: Mean over the features of the standard deviation of the inputs in the training part; None if
            it is not known.
        largest: Largest absolute value of the inputs in the training part; None if it is not known.
    """

    inputs: Standardizer | None = None
    target: Standardizer | None = None
    labels: LabelMap | None = None
    features: list[str] | None = None
    label: str | None = None
    spread: float | None = None
    largest: float | None = None

    def encode(self, X: Array, dtype: DTypeLike) -> Array:
        """Return the inputs of the network for raw X, (m, n)."""
        return X.astype(dtype) if self.inputs is None else self.inputs.transform(X, dtype)

    def fits(self, network: Network) -> bool:
        """Tell whether the preparation can belong to a network."""
        inputs, outputs = network.spec.inputs, network.spec.outputs
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
            "spread": self.spread,
            "largest": self.largest,
        }

    @classmethod
    def from_dict(cls, values: Any) -> Preparation:
        """Reverse ``to_dict``.

        Raises:
            ValueError: If values is not what ``to_dict`` returns.
        """
        try:
            return cls(
                inputs=None if values["inputs"] is None else Standardizer.from_dict(values["inputs"]),
                target=None if values["target"] is None else Standardizer.from_dict(values["target"]),
                labels=None if values["labels"] is None else LabelMap(values["labels"]),
                features=_names(values["features"]),
                label=values["label"],
                spread=_number(values.get("spread")),
                largest=_number(values.get("largest")),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the preprocessing in this model file cannot be read: {error}") from error

    def watched(self, inputs: Array) -> Preparation:
        """Return the preparation with the spread and the range of the inputs of the training part."""
        spread, largest = _spread(inputs), float(np.abs(inputs).max())
        return replace(self, spread=spread, largest=largest)

    def doubts(self, inputs: Array) -> list[str]:
        """Return sentences about inputs whose scale is not that of the training."""
        if self.spread is None or self.largest is None or not len(inputs):
            return []
        beyond = float(np.abs(inputs).max()) / max(self.largest, 1.0)
        if beyond > (_FAR if self.inputs is None or len(self.inputs.mean) > 1 else _FAR_PIXELS):
            return [
                f"the largest value is {beyond:.3g} times as far from the mean as any in the training; do "
                "the data have the same units?"
            ]
        if self.spread and len(inputs) >= _LEAST_FOR_SPREAD:
            share = _spread(inputs) / self.spread
            if share < _NARROW:
                times = f"{1 / share:.3g} times less than" if share else "not at all, but they do"
                return [f"the features vary {times} in the training; do the data have the same units?"]
        return []


def _spread(inputs: Array) -> float:
    return float(inputs.std(axis=0, dtype=np.float64).mean())


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _names(values: Any) -> list[str] | None:
    if values is None:
        return None
    if not isinstance(values, list) or not all(isinstance(name, str) for name in values):
        raise ValueError("features must be a list of names")
    return values


class PreparedModel:
    """A network that predicts labels from raw arrays.

    Args:
        network: A Network, or what has one, such as a Model. It takes and gives prepared numbers.
        preparation: Its preprocessing.
        extras: JSON data that is saved with it.

    Attributes:
        network: The network; ``Model.from_network(network)`` trains it further.
        preparation: The preprocessing.
        extras: JSON data that is saved with it.

    Raises:
        ValueError: If the preparation does not fit the network.

    Example:
        >>> import deepcore as dc
        >>> from deepcore.data import LabelMap, Standardizer
        >>> preparation = Preparation(Standardizer([0.0], [255.0]), labels=LabelMap(["cat", "dog"]))
        >>> PreparedModel(dc.mlp([4, 1], init="zeros"), preparation).predict([[0, 255, 128, 7]])
        ['cat']
    """

    def __init__(
        self,
        network: Network | HasNetwork,
        preparation: Preparation,
        extras: Mapping[str, Any] | None = None,
    ) -> None:
        self.network = network if isinstance(network, Network) else network.network
        if not preparation.fits(self.network):
            raise ValueError("the preprocessing in this model file does not fit its network")
        self.preparation = preparation
        self.extras: dict[str, Any] = dict(extras or {})

    @classmethod
    def of(cls, network: Network | HasNetwork, extras: Mapping[str, Any]) -> PreparedModel:
        """Take the preparation from the extras of a model file; without one, X is taken as it is.

        Args:
            network: The network.
            extras: The JSON data of the file; ``is_prepared`` says whether they hold a preparation.
        """
        others = {name: value for name, value in extras.items() if name != _KEY}
        if not is_prepared(extras):
            return cls(network, Preparation(), extras)
        return cls(network, Preparation.from_dict(extras[_KEY]), others)

    @property
    def output(self) -> str:
        """Activation of the output layer."""
        return str(self.network.spec.output)

    @property
    def classes(self) -> list[Any] | None:
        """The classes in the order of the columns of ``predict_proba``; None for a regression."""
        if self.output not in ("sigmoid", "softmax") or self.several_labels:
            return None
        known = self.preparation.labels
        return list(range(max(self.network.spec.outputs, 2))) if known is None else known.classes

    @property
    def several_labels(self) -> bool:
        """Whether each output is a label of its own, 0 or 1."""
        return self.output == "sigmoid" and self.network.spec.outputs > 1

    def inputs(self, X: Any) -> Array:
        """Return the inputs of the network, (m, n), for raw examples; images are flattened.

        Raises:
            TypeError: If X does not hold numbers.
            ValueError: If X has another shape, or holds NaN or infinity.
        """
        array = _checks.numbers("predict", "X", X)
        if array.ndim in (3, 4):
            array = images_to_rows(array)
        inputs = self.network.spec.inputs
        if array.ndim != 2 or array.shape[1] != inputs:
            raise ValueError(
                f"predict: X must have shape (m, {inputs}), got {array.shape}; use one row per example"
            )
        prepared = np.ascontiguousarray(self.preparation.encode(array, self.network.spec.dtype))
        _checks.finite("predict", "X", prepared)
        return prepared

    def outputs(self, X: Any, *, threads: int | None = None) -> Array:
        """Return the probabilities of the classes, or the predictions of a regression, (m, k).

        Args:
            X: Raw examples, (m, n), or images (m, h, w) or (m, h, w, c).
            threads: Number of threads; None: the default.
        """
        raw = self.network.outputs(self.inputs(X), _checks.threads("predict", threads))
        if self.several_labels:
            return raw
        if self.classes is not None:
            return raw if raw.shape[1] > 1 else np.column_stack([1 - raw[:, 0], raw[:, 0]])
        target = self.preparation.target
        return raw if target is None else target.inverse_transform(raw)

    def predict(self, X: Any, *, threads: int | None = None) -> Any:
        """Predict labels as they were written (a list), or numbers in their units, (m,) or (m, k).

        Args:
            X: Raw examples, (m, n), or images (m, h, w) or (m, h, w, c).
            threads: Number of threads; None: the default.

        Raises:
            ValueError: If an output of a classifier is NaN, which is no label.
        """
        outputs = self.outputs(X, threads=threads)
        if self.several_labels:
            return decide(outputs, "sigmoid", who="predict")
        if self.classes is not None:
            classes = self.classes
            return [classes[i] for i in decide(outputs, "softmax", who="predict").tolist()]
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def predict_proba(self, X: Any, *, threads: int | None = None) -> Array:
        """Predict the probability of each class, (m, k), in the order of ``classes``.

        Raises:
            ValueError: If the model is a regression.
        """
        if self.classes is None and not self.several_labels:
            raise ValueError(f"predict_proba: the model must be a classifier, its output is {self.output}")
        return self.outputs(X, threads=threads)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model with its preparation to one file; ``deepcore.load`` gives it back.

        Raises:
            OSError: If the file cannot be written.
            ValueError: If a parameter is not finite.
        """
        from deepcore.files import model_file

        model_file.write(path, self.network, {_KEY: self.preparation.to_dict(), **self.extras})

    def __repr__(self) -> str:
        spec = self.network.spec
        sizes = "-".join(str(n) for n in (spec.inputs, *(layer.units for layer in spec.layers)))
        labels = f"{len(self.classes)} classes" if self.classes is not None else "real numbers"
        return f"PreparedModel({sizes}, {labels})"


def is_prepared(extras: Mapping[str, Any]) -> bool:
    """Return whether the extras of a model file hold a preparation, and not something of the user's own."""
    values = extras.get(_KEY)
    return isinstance(values, dict) and {"inputs", "target", "labels"} <= set(values)
