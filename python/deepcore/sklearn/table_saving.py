"""RealMLP estimators in files: the networks of all splits, the columns, the arguments and the results."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from deepcore._network.network import Network
from deepcore._realmlp.ensemble import FittedSplit
from deepcore._realmlp.training import Outcome
from deepcore.files import container, model_file, schema
from deepcore.sklearn.plain import from_plain, to_plain
from deepcore.sklearn.saving import arguments, check_arguments, check_classes, class_named, plain
from deepcore.sklearn.table_columns import TableColumns
from deepcore.tabular import TableMember
from deepcore.typing import Array

__all__ = ["KIND", "restored", "write"]

KIND = "table estimator"
_OUT_OF_FOLD = "oof_prediction"  # a tensor

_NUMBERS = {"type": "array", "items": {"type": ["number", "object"]}}  # nan and inf are objects
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": [
        "format", "kind", "version",
        "class", "arguments", "classes", "one_column", "width", "features", "table", "splits",
    ],
    "additionalProperties": False,
    "properties": {
        "format": {},
        "kind": {},
        "version": {},
        "class": {"type": "string"},
        "arguments": {"type": "object"},
        "classes": {"type": ["object", "null"]},
        "one_column": {"type": ["boolean", "null"]},
        "width": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
        "features": {"type": ["array", "null"], "items": {"type": "string"}},
        "table": {"type": "object"},
        "splits": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["members", "losses", "errors", "best_epoch"],
                "additionalProperties": False,
                "properties": {
                    "members": {"type": "array", "minItems": 1, "items": {"type": "object"}},
                    "losses": _NUMBERS,
                    "errors": _NUMBERS,
                    "best_epoch": {"type": "integer", "minimum": 1, "maximum": 2**53},
                },
            },
        },
    },
}  # fmt: skip


def write(path: str | os.PathLike[str], estimator: Any) -> None:
    """Write a fitted estimator; see its ``save``."""
    names, classes = getattr(estimator, "feature_names_in_", None), getattr(estimator, "classes_", None)
    learned = {
        "kind": KIND,
        "class": type(estimator).__name__,
        "arguments": arguments(estimator),
        "classes": plain("classes", classes),
        "one_column": getattr(estimator, "one_column_", None),
        "width": int(estimator.n_features_in_),
        "features": None if names is None else [str(name) for name in names],
        "table": estimator.table_columns_.to_dict(),
    }
    others = {_OUT_OF_FOLD: estimator.oof_prediction_} if hasattr(estimator, _OUT_OF_FOLD + "_") else {}
    splits: Sequence[FittedSplit] = estimator.splits_

    def content(seen: Sequence[Network]) -> model_file.Content:
        networks, described, tensors = iter(seen), [], dict(others)
        for number, split in enumerate(splits):
            members = [member.with_network(next(networks)) for member in split.members]
            for place, member in enumerate(members):
                head = f"splits/{number}/members/{place}"
                tensors |= {f"{head}/{name}": array for name, array in member.arrays().items()}
            outcome = split.outcome
            described.append({
                "members": [member.to_dict() for member in members],
                "losses": to_plain(outcome.losses),
                "errors": to_plain(outcome.errors),
                "best_epoch": outcome.best_epoch,
            })  # fmt: skip
        return {**learned, "splits": described}, tensors

    model_file.write_whole(path, [member.network for split in splits for member in split.members], content)


def restored(reader: container.Reader, classes: Sequence[type]) -> Any:
    """Read the estimator in an open file.

    Args:
        reader: The file.
        classes: The classes that it may be of.

    Raises:
        ValueError: if the file does not hold such an estimator.
    """
    with reader.blaming():
        schema.check(reader.description, _SCHEMA, "description")
    tensors = reader.tensors()
    try:
        return _estimator(reader.description, tensors, classes)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise reader.error(str(error)) from error


def _estimator(values: Mapping[str, Any], tensors: dict[str, Array], classes: Sequence[type]) -> Any:
    kind = class_named("class", values["class"], classes)
    estimator = kind(**{name: from_plain(value) for name, value in values["arguments"].items()})
    check_arguments(estimator)
    if _OUT_OF_FOLD in tensors:
        estimator.oof_prediction_ = tensors.pop(_OUT_OF_FOLD)
    splits = [_split(number, one, tensors) for number, one in enumerate(values["splits"])]
    if tensors:
        raise ValueError(f"there are tensors that the description does not name: {list(tensors)[:3]}")
    columns = TableColumns(estimator.categorical_features).restored(values["table"])
    _check_inputs(splits, columns, values["width"], values["features"])
    estimator.splits_, estimator.table_columns_, estimator.n_features_in_ = splits, columns, values["width"]
    if values["features"] is not None:
        estimator.feature_names_in_ = np.array(values["features"], object)
    _set_outputs(estimator, values["classes"], values["one_column"])
    return estimator


def _set_outputs(estimator: Any, classes: Any, one_column: bool | None) -> None:
    """Set what the fit learned of y."""
    members = [member for split in estimator.splits_ for member in split.members]
    outputs = members[0].network.spec.outputs
    if any(member.network.spec.outputs != outputs for member in members):
        raise ValueError("all networks must have the same number of outputs")
    if is_classifier(estimator) != (classes is not None) or is_classifier(estimator) != (one_column is None):
        raise ValueError(f"classes and one_column do not fit a {type(estimator).__name__}")
    if is_classifier(estimator):
        estimator.classes_ = from_plain(classes)
        check_classes(estimator.classes_, multilabel=False, outputs=outputs)
        return
    estimator.n_outputs_, estimator.one_column_ = outputs, one_column
    if one_column and outputs > 1:
        raise ValueError(f"one_column must be false with {outputs} outputs")


def _split(number: int, values: Mapping[str, Any], tensors: dict[str, Array]) -> FittedSplit:
    """Make a split of its description and its tensors, which are taken out of the others."""
    members = []
    for place, described in enumerate(values["members"]):
        head = f"splits/{number}/members/{place}/"
        own = {name.removeprefix(head): tensors.pop(name) for name in list(tensors) if name.startswith(head)}
        members.append(TableMember.from_dict(described, own))
    losses, errors = from_plain(values["losses"]), from_plain(values["errors"])
    if not 1 <= values["best_epoch"] <= len(losses):
        raise ValueError(f"best_epoch must be from 1 to {len(losses)}, got {values['best_epoch']}")
    return FittedSplit(tuple(members), Outcome(losses, errors, values["best_epoch"]))


def _check_inputs(splits: Sequence[FittedSplit], columns: TableColumns, width: int, features: Any) -> None:
    if columns.width != width or (features is not None and len(features) != width):
        raise ValueError(f"the columns of the table and their names must be {width}")
    for split in splits:
        for member in split.members:
            if (member.encoding.number_count, member.encoding.sizes) != (columns.numbers, columns.sizes):
                raise ValueError("the encoding of a network does not belong to these columns")
