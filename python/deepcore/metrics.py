"""Metrics tell how good predictions are; ``metrics=`` takes their names, or functions ``metric(y, outputs)``.

deepcore computes accuracy, balanced_accuracy, f1, precision, recall, log_loss, mae, mse, rmse and r2 itself;
scikit-learn (extra ``sklearn``) computes the others. The sample weights of the data count in all of them.
A function is recorded under its ``__name__``, a ``functools.partial`` under that of its function.

Example:
    >>> from deepcore import metrics
    >>> metrics.names[:4]
    ('accuracy', 'log_loss', 'roc_auc', 'average_precision')
    >>> metrics.upwards("val_roc_auc"), metrics.upwards("val_loss")
    (True, False)
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deepcore import _checks, _scores, catalog
from deepcore._labels import labels
from deepcore._network.examples import Examples
from deepcore._network.network import Computes
from deepcore._network.spec import Spec
from deepcore.typing import Array

__all__ = ["Metric", "Named", "chosen", "measure", "name_of", "names", "resolve", "upwards"]

Metric = Callable[[Array, Array], float]


@dataclass(frozen=True)
class _Row:
    """One metric: scikit-learn's function of it, what it compares y with, and whether larger is better."""

    function: str
    reads: str  # "probabilities", "labels" or "reals"
    upwards: bool
    options: Mapping[str, Any] = field(default_factory=dict)


_ROWS: Mapping[str, _Row] = {
    "log_loss": _Row("log_loss", "probabilities", upwards=False),
    "roc_auc": _Row("roc_auc_score", "probabilities", upwards=True),
    "average_precision": _Row("average_precision_score", "probabilities", upwards=True),
    "balanced_accuracy": _Row("balanced_accuracy_score", "labels", upwards=True),
    "f1": _Row("f1_score", "labels", upwards=True),
    "precision": _Row("precision_score", "labels", upwards=True),
    "recall": _Row("recall_score", "labels", upwards=True),
    "matthews": _Row("matthews_corrcoef", "labels", upwards=True),
    "r2": _Row("r2_score", "reals", upwards=True),
    "explained_variance": _Row("explained_variance_score", "reals", upwards=True),
    "mae": _Row("mean_absolute_error", "reals", upwards=False),
    "median_absolute_error": _Row("median_absolute_error", "reals", upwards=False),
    "mape": _Row("mean_absolute_percentage_error", "reals", upwards=False),
    "mse": _Row("mean_squared_error", "reals", upwards=False),
    "rmse": _Row("root_mean_squared_error", "reals", upwards=False),
}
# What has a meaning for several sigmoid outputs, each a label of its own.
_SEVERAL_LABELS = frozenset({"accuracy", "roc_auc", "average_precision", "f1", "precision", "recall"})
# Computed here; scikit-learn computes the others.
_OWN = frozenset({"log_loss", *_scores.OF_LABELS, *_scores.OF_REALS})
# What reads the probabilities of all classes, also of two.
_OF_ALL_CLASSES = frozenset({"log_loss"})
#: Every name that ``metrics=`` of ``fit`` and ``evaluate`` takes.
names: tuple[str, ...] = (*catalog.metrics, *_ROWS)


def upwards(name: str) -> bool:
    """Return whether a larger value of a recorded number is better."""
    name = name.removeprefix("val_")
    return _ROWS[name].upwards if name in _ROWS else name.endswith(("accuracy", "score"))


def chosen(who: str, given: Sequence[object], spec: Spec) -> list[str | Metric]:
    """``resolve`` each metric of a list; each of them is recorded under a name of its own.

    Raises:
        ValueError: if two metrics have the same name, or a function has that of a number of deepcore.
    """
    _checks.listed(who, "metrics", given)
    resolved = [resolve(who, metric, spec.output, spec.outputs) for metric in given]
    taken = {"loss", "accuracy"} if spec.gives_probabilities else {"loss"}
    found: dict[str, object] = {}
    for name, metric in zip(map(name_of, resolved), given, strict=True):
        if callable(metric) and (name in taken or name.startswith("val_")):
            raise ValueError(
                f"{who}: metrics: a function must not have the name {name}, under which deepcore records a "
                "number of its own; rename the function"
            )
        if found.setdefault(name, metric) != metric:
            raise ValueError(
                f"{who}: metrics: each one must have a name of its own, got two of the name {name}; rename "
                "one of them, or set its __name__"
            )
    return resolved


def resolve(who: str, metric: object, output: str, outputs: int) -> str | Metric:
    """``"accuracy"``, which the compiled network computes, or a function of (y, outputs).

    Raises:
        TypeError: if ``metric`` is neither a name nor a function.
        ValueError: if the name is unknown, or the outputs are of another kind.
        ModuleNotFoundError: if it is scikit-learn's and that is not installed.
    """
    if callable(metric):
        return metric
    catalog.lookup({name: {} for name in names}, metric, f"{who}: metrics")
    name = str(metric)
    reads = "labels" if name == "accuracy" else _ROWS[name].reads
    probability = bool(catalog.activations[output]["probability"])
    if reads != "reals" and not probability:
        raise ValueError(f"{who}: metrics: {name} needs a sigmoid or softmax output, got {output}")
    if reads == "reals" and output == "softmax":
        raise ValueError(f"{who}: metrics: {name} needs real targets, got a softmax output")
    if reads != "reals" and output == "sigmoid" and outputs > 1 and name not in _SEVERAL_LABELS:
        raise ValueError(
            f"{who}: metrics: {name} is of one label per example, got {outputs} sigmoid outputs; "
            f"use one of {', '.join(sorted(_SEVERAL_LABELS))}"
        )
    return name if name == "accuracy" else Named(who, name, output, outputs)


class Named:
    """A named metric as a function of targets, outputs and weights.

    Args:
        who: Name of the calling method, the head of messages.
        name: One of ``names``.
        output: Activation of the output layer.
        outputs: Number of output units.

    Raises:
        ModuleNotFoundError: if the metric is scikit-learn's and that is not installed.
    """

    def __init__(self, who: str, name: str, output: str, outputs: int) -> None:
        self.__name__ = name
        row = _ROWS[name]
        self._reads, self._softmax = row.reads, output == "softmax"
        classes = outputs if self._softmax else 2
        several = not self._softmax and outputs > 1
        self._binary = classes == 2 and not several
        self._both = self._softmax and name in _OF_ALL_CLASSES
        if name not in _OWN:
            options = dict(row.options)
            if name == "roc_auc" and classes > 2:
                options |= {"multi_class": "ovr", "labels": np.arange(classes)}
                self._both = True
            self._function = _of_scikit_learn(who, name, row.function, options)

    def __call__(self, y: Array, outputs: Array, sample_weight: Array | None = None) -> float:
        if outputs.ndim == 2 and outputs.shape[1] == 1:
            y, outputs = y[:, 0], outputs[:, 0]
        if self._reads == "reals":
            if self.__name__ in _scores.OF_REALS:
                of_reals = _scores.OF_REALS[self.__name__]
                return of_reals(y.astype(np.float64), outputs.astype(np.float64), sample_weight)
            return self._function(y, outputs, sample_weight)
        if not self._softmax:
            y = labels(y, "sigmoid")
        if self._reads == "labels":
            chosen = labels(outputs, "softmax" if self._softmax else "sigmoid")
            if self.__name__ != "accuracy" and (chosen < 0).any():
                return math.nan  # an output that is NaN has no label
            if self.__name__ in _scores.OF_LABELS:
                return _scores.OF_LABELS[self.__name__](y, chosen, sample_weight, self._binary)
            return self._function(y, chosen, sample_weight)
        if self._softmax:
            # in float64, since scikit-learn may refuse rows that sum to 1 within float32's rounding only
            outputs = outputs.astype(np.float64)
            outputs /= outputs.sum(axis=1, keepdims=True)
            if outputs.shape[1] == 2 and not self._both:
                outputs = outputs[:, 1]
        if self.__name__ == "log_loss":
            return _scores.log_loss(y, outputs, sample_weight)
        return self._function(y, outputs, sample_weight)


def _of_scikit_learn(who: str, name: str, function: str, options: Mapping[str, Any]) -> Callable[..., float]:
    """Make a metric of scikit-learn a function of targets, outputs and weights."""
    try:
        from sklearn import metrics
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{who}: metrics: {name} is scikit-learn's, which is not installed; "
            "pip install 'deepcore-nn[sklearn]', or pass a function metric(y, outputs)",
            name="sklearn",
        ) from error
    theirs = getattr(metrics, function)

    def metric(y: Array, outputs: Array, weight: Array | None) -> float:
        return float(theirs(y, outputs, sample_weight=weight, **options))

    return metric


def measure(
    network: Computes,
    data: Examples | Iterable[Examples],
    chosen: Sequence[str | Metric],
    threads: int,
    scores: bool = False,
) -> dict[str, float]:
    """Compute the chosen metrics of ``data`` by name; with ``scores`` also the loss and the accuracy.

    Examples may come in parts, with ``scores``, at least one of which has weight. Their targets and outputs
    are kept, and the memory of a part may be used again after the next one.
    """
    if not isinstance(data, Examples):
        return _measured_in_parts(network, data, chosen, threads)
    values: dict[str, float] = {}
    if scores or "accuracy" in chosen:
        values.update(_scores_by_name(network, *network.evaluate(data, threads)))
    if any(not isinstance(metric, str) for metric in chosen):
        values.update(_of_outputs(chosen, data.y, network.outputs(data.X, threads), data.weight))
    return values


def _measured_in_parts(
    network: Computes, parts: Iterable[Examples], chosen: Sequence[str | Metric], threads: int
) -> dict[str, float]:
    shares: list[float] = []
    scores: list[tuple[float, float]] = []
    kept: list[tuple[Array, ...]] = []
    for part in parts:
        if (share := part.total_weight()) > 0:
            shares.append(share)
            scores.append(network.evaluate(part, threads))
        if any(not isinstance(metric, str) for metric in chosen):
            weight = () if part.weight is None else (part.weight.copy(),)
            kept.append((part.y.copy(), network.outputs(part.X, threads), *weight))
    loss, accuracy = np.average(scores, axis=0, weights=shares) if len(shares) > 1 else scores[0]
    values = _scores_by_name(network, loss, accuracy)
    if kept:
        y, outputs, *weights = (np.concatenate(arrays) for arrays in zip(*kept, strict=True))
        values.update(_of_outputs(chosen, y, outputs, weights[0] if weights else None))
    return values


def _scores_by_name(network: Computes, loss: float, accuracy: float) -> dict[str, float]:
    scores = {"loss": float(loss)}
    return scores | {"accuracy": float(accuracy)} if network.spec.gives_probabilities else scores


def _of_outputs(
    chosen: Sequence[str | Metric], y: Array, outputs: Array, sample_weight: Array | None
) -> dict[str, float]:
    """Compute the metrics that are functions of targets and outputs."""
    values = {}
    y, outputs = _read_only(y), _read_only(outputs)
    for metric in chosen:
        if isinstance(metric, str):
            continue
        weight = {"sample_weight": sample_weight} if isinstance(metric, Named) else {}
        value = metric(y, outputs, **weight)
        try:
            values[name_of(metric)] = float(value)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"metrics: {name_of(metric)} must return a number, got {_checks.shown(value)}"
            ) from error
    return values


def _read_only(array: Array) -> Array:
    """Return a view that a metric cannot write into, because other metrics read the same numbers."""
    view = array.view()
    view.flags.writeable = False
    return view


def name_of(metric: str | Metric) -> str:
    """Return the name under which a metric is recorded; that of a partial function is its function's."""
    if isinstance(metric, str):
        return metric
    if isinstance(metric, functools.partial) and not hasattr(metric, "__name__"):
        return name_of(metric.func)
    return str(getattr(metric, "__name__", type(metric).__name__))
