"""Estimators in files: the network as in a model file, the arguments, and what the fit learned."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils._param_validation import validate_parameter_constraints

from deepcore import _checks
from deepcore._network.network import Network
from deepcore.files import container, model_file, schema
from deepcore.model import Model
from deepcore.sklearn.coefficients import Coefficients, Stepper
from deepcore.sklearn.plain import from_plain, to_plain
from deepcore.sklearn.record import Record
from deepcore.typing import Array

__all__ = [
    "KIND",
    "arguments",
    "attributes",
    "check_arguments",
    "check_class",
    "check_classes",
    "class_named",
    "plain",
    "restored",
    "write",
]

KIND = "estimator"
_SLOTS = "optimizer/"  # in front of the names of the optimizer's tensors
_KEYS = ("format", "kind", "version", "network", "epochs_trained", "extras")
_NOT_KEPT = ("callbacks", "checkpoint")  # arguments that belong to one call

_CONSTANTS = {"sgd": ("momentum", "nesterov"), "adam": ("beta1", "beta2", "eps")}  # of the solvers
_NUMBER = {"type": "number"}
_COUNT = {"type": "integer", "minimum": 0, "maximum": 2**53}
_ANY_NUMBER = {"type": ["number", "object"], "required": ["float"]}  # nan and inf are objects
_NUMBERS = {"type": ["array", "null"], "items": _ANY_NUMBER}
_SOME_NUMBER = {**_ANY_NUMBER, "type": ["number", "object", "null"]}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["class", "arguments", "classes", "multilabel", "features", "record", "optimizer"],
    "additionalProperties": False,
    "properties": {
        "class": {"type": "string"},
        "arguments": {"type": "object"},
        "classes": {"type": ["object", "null"]},
        "multilabel": {"type": "boolean"},
        "features": {"type": ["array", "null"], "items": {"type": "string"}},
        "record": {
            "type": "object",
            "required": [field.name for field in fields(Record)],
            "additionalProperties": False,
            "properties": {
                "n_iter": _COUNT,
                "t": _COUNT,
                "loss": _SOME_NUMBER,
                "loss_curve": {**_NUMBERS, "type": "array"},
                "best_loss": _SOME_NUMBER,
                "validation_scores": _NUMBERS,
                "best_validation_score": _SOME_NUMBER,
                "no_improvement_count": _COUNT,
            },
        },
        "optimizer": {
            "type": ["object", "null"],
            "required": ["solver", "learning_rate_init", "schedule", "power_t", "clip_norm", "rate", "steps"],
            "properties": {
                "solver": {"enum": ["sgd", "adam"]},
                "schedule": {"type": "string"},
                "steps": _COUNT,
                "nesterov": {"type": "boolean"},
                "clip_norm": {"type": ["number", "null"]},
            },
            "additionalProperties": _NUMBER,
        },
    },
}


def write(path: str | os.PathLike[str], estimator: Any) -> None:
    """Write a fitted estimator; see its ``save``."""
    state: dict[str, Any] = estimator.__getstate__()
    coefficients: Coefficients = state["_coefficients"]
    network = coefficients.network
    optimizer = None if coefficients.stepper is None else coefficients.stepper.saved()
    slots = {} if optimizer is None else optimizer.pop("slots")
    binarizer = state.get("_label_binarizer")
    names = state.get("feature_names_in_")
    learned = {
        "class": type(estimator).__name__,
        "arguments": arguments(estimator),
        "classes": plain("classes", state.get("classes_")),
        "multilabel": binarizer is not None and binarizer.y_type_.startswith("multilabel"),
        "features": None if names is None else [str(name) for name in names],
        "record": {name: to_plain(value) for name, value in asdict(state["_record"]).items()},
        "optimizer": optimizer,
    }
    extras = coefficients.model.extras

    def content(seen: Sequence[Network]) -> model_file.Content:
        description = {"kind": KIND, **model_file.describe(seen[0], extras), "estimator": learned}
        named = {f"{_SLOTS}{name}": slot for name, slot in slots.items()}
        return description, {**model_file.tensors(seen[0]), **named}

    model_file.write_whole(path, [network], content)


def attributes(estimator: Any) -> dict[str, Any]:
    """Return what a model file stores of an estimator: the names of the classes and of the features."""
    found = {
        "classes": getattr(estimator, "classes_", None),
        "features": getattr(estimator, "feature_names_in_", None),
    }
    return {
        name: [item if isinstance(item, (str, int, float)) else str(item) for item in values.tolist()]
        for name, values in found.items()
        if values is not None
    }


def restored(reader: container.Reader, classes: Sequence[type]) -> Any:
    """Read the estimator in an open file.

    Args:
        reader: The file.
        classes: The classes that it may be of.

    Raises:
        ValueError: if the file does not hold such an estimator.
    """
    slots = {
        name: np.empty(entry.shape, entry.dtype)
        for name, entry in reader.entries.items()
        if name.startswith(_SLOTS)
    }
    network, extras = model_file.contents(reader, slots)
    with reader.blaming():
        if reader.description.keys() != {*_KEYS, "estimator"}:
            raise ValueError("description must have the keys of a model, and estimator")
        learned = reader.description["estimator"]
        schema.check(learned, _SCHEMA, "estimator")
        kind = class_named("estimator.class", learned["class"], classes)
        coefficients = Coefficients(Model.from_network(network, extras))
        optimizer = learned["optimizer"]
        known = len(tensors := model_file.tensors(network)) + (0 if optimizer is None else len(slots))
        if len(reader.entries) != known:
            unexpected = [name for name in reader.entries if name not in tensors]
            raise ValueError(f"there are tensors that the description does not name: {unexpected[:3]}")
        if not all(np.isfinite(slot).all() for slot in slots.values()):
            raise ValueError("the numbers of the optimizer must be finite, got nan or inf")
        if optimizer is not None:
            bare = {name.removeprefix(_SLOTS): slot for name, slot in slots.items()}
            coefficients.stepper = _stepper(network, optimizer, bare)
        return _estimator(kind, learned, coefficients)


def class_named(what: str, name: str, classes: Sequence[type]) -> type:
    """Return the class that a file names.

    Raises:
        ValueError: if it is none of ``classes``.
    """
    found = next((each for each in classes if each.__name__ == name), None)
    if found is None:
        raise ValueError(f"{what} must be a class of deepcore, got {_checks.shown(name)}")
    return found


def check_class(estimator: Any, *known: str) -> None:
    """Refuse to save an estimator of another class than these of deepcore.sklearn."""
    kind = type(estimator)
    if kind.__name__ not in known or not kind.__module__.startswith("deepcore.sklearn."):
        raise ValueError(
            f"save: load knows {' and '.join(known)} of deepcore only, got the class {kind.__name__}"
        )


def _stepper(network: Network, optimizer: dict[str, Any], slots: dict[str, Array]) -> Stepper:
    """Return the optimizer in a file; which numbers it must have depends on the solver."""
    expected = {*_SCHEMA["properties"]["optimizer"]["required"], *_CONSTANTS[optimizer["solver"]]}
    if optimizer.keys() != expected:
        raise ValueError(
            f"estimator.optimizer must have {', '.join(sorted(expected))}, got {', '.join(sorted(optimizer))}"
        )
    return Stepper.restored(network, **optimizer, slots=slots)


def _estimator(kind: type, learned: Mapping[str, Any], coefficients: Coefficients) -> Any:
    network = coefficients.network
    estimator = kind(**{name: from_plain(value) for name, value in learned["arguments"].items()})
    check_arguments(estimator)
    record = Record(**{name: from_plain(value) for name, value in learned["record"].items()})
    state: dict[str, Any] = {
        **estimator.__getstate__(),
        "_coefficients": coefficients,
        "_record": record,
        "n_features_in_": network.spec.inputs,
        "n_outputs_": network.spec.outputs,
        "n_layers_": len(network.spec.layers) + 1,
        "out_activation_": {"linear": "identity", "sigmoid": "logistic"}.get(
            network.spec.output, network.spec.output
        ),
    }
    if learned["features"] is not None:
        if len(learned["features"]) != network.spec.inputs:
            raise ValueError(
                f"estimator.features must have {network.spec.inputs} names, got {len(learned['features'])}"
            )
        state["feature_names_in_"] = np.array(learned["features"], object)
    if is_classifier(estimator) != (learned["classes"] is not None):
        raise ValueError(f"estimator.classes do not fit a {kind.__name__}")
    if learned["classes"] is not None:
        labels = from_plain(learned["classes"])
        check_classes(labels, learned["multilabel"], network.spec.outputs)
        state["classes_"] = labels
        sample = np.eye(len(labels), dtype=int) if learned["multilabel"] else labels
        state["_label_binarizer"] = LabelBinarizer().fit(sample)
    estimator.__setstate__(state)
    estimator.show_record()
    return estimator


def check_classes(labels: Array, multilabel: bool, outputs: int) -> None:
    """Check the labels of a file.

    Raises:
        ValueError: if they are not sorted, or are not those of a network with these outputs.
    """
    if not isinstance(labels, np.ndarray):
        raise ValueError(f"estimator.classes must be an array, got {_checks.shown(labels)}")
    if not np.array_equal(np.unique(labels), labels):
        raise ValueError("estimator.classes must be sorted, and each different from the others")
    fits = (multilabel or outputs > 1) and len(labels) == outputs
    if not fits and not (outputs == 1 and len(labels) in (1, 2)):
        raise ValueError(f"estimator.classes must fit {outputs} outputs, got {len(labels)} classes")


def arguments(estimator: Any) -> dict[str, Any]:
    """Return the constructor's arguments; a random generator is left out, like functions."""
    values = {
        name: value for name, value in estimator.get_params(deep=False).items() if name not in _NOT_KEPT
    }
    if isinstance(values.get("random_state"), (np.random.RandomState, np.random.Generator)):
        del values["random_state"]
    return {name: plain(name, value) for name, value in values.items()}


def check_arguments(estimator: Any) -> None:
    """Check what scikit-learn checks when an estimator is fitted."""
    validate_parameter_constraints(
        estimator._parameter_constraints, estimator.get_params(deep=False), type(estimator).__name__
    )


def plain(name: str, value: Any) -> Any:
    """Return a value as JSON data; the error of one that no file can hold names it."""
    try:
        return to_plain(value)
    except ValueError as error:
        raise ValueError(f"save: {name} cannot be saved: {error}") from error
