"""RealMLP on whole tables: train splits and members, calibrate them, and average their predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deepcore._network.examples import Examples
from deepcore._realmlp.recipe import Recipe
from deepcore._realmlp.targets import Classes, Numbers
from deepcore._realmlp.training import (
    Outcome,
    Rules,
    Split,
    SplitTraining,
    make_member,
    train_splits,
)
from deepcore._training.checkpoint import Checkpoints
from deepcore.tabular import Encoding, TableMember
from deepcore.tabular.table_model import mean, mean_outputs
from deepcore.typing import Array

__all__ = ["FittedSplit", "Table", "auto_batch", "fit_splits", "holdout", "predict"]

_LEAST_ERRORS = 10  # a temperature is fitted only if so many validation rows are wrong

#: Rows of training and of validation.
Rows = tuple[Array, Array]


@dataclass(frozen=True)
class Table:
    """Numbers (m, f), codes of categories (m, c), and the number of codes of each category."""

    numbers: Array
    codes: Array
    sizes: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, rows: Array) -> Table:
        """Some of the rows."""
        return replace(self, numbers=self.numbers[rows], codes=self.codes[rows])

    def followed_by(self, other: Table) -> Table:
        """These rows, then those of another table."""
        numbers = np.concatenate([self.numbers, other.numbers])
        return replace(self, numbers=numbers, codes=np.concatenate([self.codes, other.codes]))


@dataclass(frozen=True)
class FittedSplit:
    """The result of the training on one split.

    Attributes:
        members: The networks with the parameters of the best epoch, and the scales of their outputs.
        outcome: Losses, errors, and the best epoch.
    """

    members: tuple[TableMember, ...]
    outcome: Outcome

    def __reduce__(self) -> Any:
        return _rebuilt, ([(member.to_dict(), member.arrays()) for member in self.members], self.outcome)

    def predict(self, table: Table, threads: int = 0) -> Array:
        """Return the mean of the members' probabilities, (m, classes), or numbers, (m, targets)."""
        classes = self.members[0].network.spec.gives_probabilities
        task = "classification" if classes else "regression"
        return mean_outputs(self.members, task, table.numbers, table.codes, threads)


def _rebuilt(parts: list[Any], outcome: Outcome) -> FittedSplit:
    """The reverse of pickling: members are checked as those of a file are."""
    return FittedSplit(tuple(TableMember.from_dict(*part) for part in parts), outcome)


def auto_batch(rows: int) -> int:
    """Return the number of rows per step for a number of training rows."""
    for most, batch in ((1024, 64), (8192, 128), (30_000, 256), (100_000, 512)):
        if rows <= most:
            return batch
    return 1024


def holdout(rows: int, fraction: float, rng: np.random.Generator) -> Rows:
    """Split rows at random: the first ``ceil((1 - fraction) rows)`` of a permutation are for training."""
    order = rng.permutation(rows)
    count = int(np.ceil((1 - fraction) * rows))
    return order[:count], order[count:]


def fit_splits(
    table: Table,
    y: Array,
    splits: Sequence[Rows],
    recipe: Recipe,
    *,
    classes: int = 0,
    weights: Array | None = None,
    members: int = 1,
    dtype: Any = np.float32,
    rules: Rules | None = None,
    calibrate: bool = False,
    seed: int = 0,
    checkpoints: Checkpoints | None = None,
) -> list[FittedSplit]:
    """Train ``members`` networks on each split, all of them at the same time.

    Args:
        table: All rows.
        y: Labels from 0 on, (m,), or numbers, (m, targets).
        splits: Training and validation rows of each split; there may be no validation rows.
        recipe: The hyperparameters of every network.
        classes: Number of classes; 0: regression.
        weights: (m,) weights of the rows, or None.
        members: Networks per split.
        dtype: Precision of the networks.
        rules: When training ends.
        calibrate: Fit a temperature to the probabilities of the validation rows, if enough of them are wrong.
        seed: Seed of all random numbers.
        checkpoints: The files, one for each split; None: the training is not saved.
    """
    rules = rules or Rules()
    files = [None] * len(splits) if checkpoints is None else checkpoints.several(len(splits))
    seeds = [[int(s.generate_state(1, np.uint64)[0]) >> 1 for s in split.spawn(members)]
             for split in np.random.SeedSequence(seed).spawn(len(splits))]  # fmt: skip

    def prepared(number: int) -> tuple[SplitTraining, Encoding]:
        train, validation = splits[number]
        learned = table.take(train)
        encoding = Encoding.fit(
            learned.numbers, learned.codes, table.sizes, scaling="robust", clip=True,
            one_hot_limit=None if recipe.one_hot is None else recipe.one_hot + 1,
        )  # fmt: skip
        X = encoding.transform(table.numbers, table.codes, dtype)
        targets = Classes(classes) if classes else Numbers.fit(y[train], recipe.clamp)
        own = None if weights is None else np.ascontiguousarray(weights[train], dtype)
        data = Examples(X[train], targets.encode(y[train], dtype), own)
        weight = None if weights is None or not weights[validation].any() else weights[validation]
        X_val, y_val = (X[validation], y[validation]) if len(validation) else (None, None)
        split = Split(data, X_val, y_val, targets, weight)
        made = [make_member(recipe, split, encoding, dtype, one) for one in seeds[number]]
        return SplitTraining(made, split, recipe, replace(rules, checkpoint=files[number])), encoding

    def finished(training: SplitTraining, encoding: Encoding) -> FittedSplit:
        split, temperature = training.split, 1.0
        if calibrate and split.X_val is not None:
            each = [member.network.predict(split.X_val, None, rules.threads) for member in training.members]
            temperature = _temperature(each, split.y_val)  # type: ignore[arg-type]
        scale = split.targets.scale()
        return FittedSplit(
            tuple(
                TableMember(encoding, member.network, temperature=temperature, **scale)
                for member in training.members
            ),
            training.outcome,
        )

    all_of_them = [prepared(number) for number in range(len(splits))]
    try:
        train_splits([training for training, _ in all_of_them], rules.threads)
    finally:
        if checkpoints is not None:
            checkpoints.sum_up()
    return [finished(training, encoding) for training, encoding in all_of_them]


def predict(splits: Sequence[FittedSplit], table: Table, threads: int = 0) -> Array:
    """Return the mean of the predictions of all splits."""
    return mean([split.predict(table, threads) for split in splits])


def _temperature(each: Sequence[Array], y: Array) -> float:
    """Return the common temperature of the members with which their mean has the lowest cross-entropy.

    It is found by golden-section search over its logarithm. With fewer than ``_LEAST_ERRORS`` wrong rows it
    is 1, because the best temperature of rows that are nearly all right would make every probability 0 or 1.
    """
    if np.count_nonzero(mean(each).argmax(axis=1) != y) < _LEAST_ERRORS:
        return 1.0
    logs = [np.log(np.maximum(p.astype(np.float64), np.finfo(np.float64).tiny)) for p in each]

    def cross_entropy(log_temperature: float) -> float:
        own = 0.0
        for log in logs:
            scaled = log / np.exp(log_temperature)
            powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
            own = own + powers[np.arange(len(y)), y] / powers.sum(axis=1)
        return float(-np.log(np.maximum(own / len(logs), np.finfo(np.float64).tiny)).mean())

    low, high, ratio = -3.0, 3.0, (np.sqrt(5) - 1) / 2
    for _ in range(40):  # to 3e-8 of the interval
        first, second = high - ratio * (high - low), low + ratio * (high - low)
        if cross_entropy(first) <= cross_entropy(second):
            high = second
        else:
            low = first
    return float(np.exp((low + high) / 2))
