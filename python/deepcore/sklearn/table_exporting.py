"""What an exported file of a RealMLP estimator computes: the mean of all networks, from raw columns."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier

from deepcore import _scores
from deepcore._network.network import Network
from deepcore.files.computation import SELF_TEST_EXAMPLES, Computation, title
from deepcore.files.steps import Chain, Coded, Join, Kept
from deepcore.sklearn.table_columns import TableColumns
from deepcore.tabular import TableMember, exporting
from deepcore.typing import Array

__all__ = ["computation", "networks_of", "scores", "with_networks"]


class _Label(NamedTuple):
    """What a fit learned of y."""

    task: str
    outputs: int
    classes: Sequence[Any]


def computation(who: str, estimator: Any, networks: Sequence[Network]) -> Computation:
    """Describe what a fitted estimator computes.

    Args:
        who: Head of messages.
        estimator: A RealMLPClassifier or RealMLPRegressor.
        networks: What is read in place of ``networks_of`` the estimator.

    Raises:
        ValueError: If a parameter is not finite.
    """
    members = [member for split in estimator.splits_ for member in split.members]
    classes: list[Any] = estimator.classes_.tolist() if is_classifier(estimator) else []
    outputs = len(classes) or estimator.n_outputs_
    label = _Label("classification" if classes else "regression", outputs, classes)
    table: TableColumns = estimator.table_columns_
    if table.frame_columns is not None:
        return exporting.computation(who, table.frame_columns, label, members, networks)
    first = _of_array(table)
    X = _examples(table, members[0])
    return Computation(
        chains=[
            [*first, *exporting.member_chain(who, member, network, bool(classes))]
            for member, network in zip(members, networks, strict=True)
        ],
        inputs=table.width,
        outputs=outputs,
        dtype=networks[0].spec.dtype,
        title=title(networks) + ", with the preprocessing of a table",
        examples=(X, X),
        labels=classes or None,
    )


def networks_of(estimator: Any) -> list[Network]:
    """Return the networks of an estimator, those of the first split first."""
    return [member.network for split in estimator.splits_ for member in split.members]


def _of_array(table: TableColumns) -> Chain:
    """The step that takes an array apart into numbers and codes; none if it holds numbers only."""
    known = table.known
    if not known:
        return []
    numbers = [Kept(j, 1) for j in range(table.width) if j not in known]
    return [Join([*numbers, *(Coded(j, values) for j, values in known.items())])]


def _examples(table: TableColumns, member: TableMember) -> Array:
    """Rows for a self-test: numbers near the centres of their columns, known numbers of categories."""
    rows, known = np.arange(SELF_TEST_EXAMPLES), table.known
    X, encoding = np.zeros((SELF_TEST_EXAMPLES, table.width)), member.encoding
    numbers = [j for j in range(table.width) if j not in known]
    for place, j in enumerate(numbers):
        factor = encoding.factor[place]
        X[:, j] = encoding.center[place] + (rows + place % 3 - 2) / 2 / (factor or 1.0)
    for j, values in known.items():
        exact = values[values.astype(np.float32) == values]  # which float holds
        X[:, j] = np.append(exact, values.max(initial=0) + 1)[rows % (len(exact) + 1)]
    return X


def with_networks(estimator: Any, networks: Sequence[Network]) -> Any:
    """Return a copy of an estimator with other networks in place of ``networks_of`` it."""
    changed, rest = copy.copy(estimator), iter(networks)
    changed.splits_ = [
        replace(split, members=tuple(member.with_network(next(rest)) for member in split.members))
        for split in estimator.splits_
    ]
    return changed


def scores(estimator: Any, X: Any, y: Any) -> dict[str, float]:
    """Return accuracy and log loss of a classifier; rmse, mae and r2 of a regressor."""
    if is_classifier(estimator):
        truth = np.searchsorted(estimator.classes_, np.asarray(y))
        probabilities = estimator.predict_proba(X)
        return {
            "accuracy": float(estimator.score(X, y)),
            "log_loss": float(_scores.log_loss(truth, probabilities, None)),
        }
    predicted, truth = estimator.predict(X), np.asarray(y, np.float64)
    return {name: float(_scores.OF_REALS[name](truth, predicted, None)) for name in ("rmse", "mae", "r2")}
