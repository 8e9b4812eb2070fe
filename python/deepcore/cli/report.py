"""The report at the end of ``train``: scores and baselines, numbers per class, importance, warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deepcore import _checks, _scores
from deepcore.cli import scores
from deepcore.cli.output import print_table, say
from deepcore.typing import Array

__all__ = ["Judged", "Report", "judge"]

# What fits on a screen; history.json has everything.
_MOST_CLASSES, _MOST_IN_CONFUSION, _MOST_COLUMNS = 20, 10, 10

_WORDS = {"constant": "always the same answer", "linear": "a linear model"}


@dataclass(frozen=True)
class Judged:
    """The true labels of some examples, and what was predicted.

    Attributes:
        truth: Class numbers (m,), or the labels of a regression, (m, k).
        outputs: Probabilities (m, classes), or predictions in the units of the labels, (m, k).
        classes: Names of the classes; None for a regression.
        loss: What the network itself computes as its loss; None: the scores of a regression have no loss.
    """

    truth: Array
    outputs: Array
    classes: Sequence[object] | None
    loss: float | None = None

    def scores(self) -> dict[str, float]:
        """Return the scores of the predictions."""
        if self.classes is not None:
            found = scores.of_classes(self.truth, self.outputs)
        else:
            found = scores.of_numbers(self.truth, self.outputs)
        if self.loss is None:
            return found
        return {
            "examples": found["examples"],
            "loss": self.loss,
            **{k: found[k] for k in found if k != "loss"},
        }


@dataclass(frozen=True)
class Report:
    """All that is reported of a training, about the examples of one part.

    Attributes:
        part: Name of the part: ``"test"``, or what comes closest to it.
        scores: Scores of the network, of the linear model and of the constant answer.
        per_class: Precision, recall, f1 and support of every class.
        confusion: Number of examples by true class (row) and predicted class (column), or None.
        importance: How much the error grows if one column is shuffled, largest first.
        warnings: Sentences about a run that is not useful.
    """

    part: str
    scores: dict[str, dict[str, float]]
    per_class: list[dict[str, Any]] = field(default_factory=list)
    confusion: list[list[int]] | None = None
    importance: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON data for history.json."""
        return dict(vars(self))

    def baselines(self) -> dict[str, dict[str, float]]:
        """Return the scores of the baselines, under the names that are printed."""
        return {
            f"{self.part}, {words}": self.scores[name]
            for name, words in _WORDS.items()
            if name in self.scores
        }

    def show(self) -> None:
        """Print what follows the scores, but not the warnings."""
        if self.per_class:
            self.show_classes()
        if self.importance:
            say("importance of the columns (growth of the error if the column is shuffled)")
            first = list(self.importance.items())[:_MOST_COLUMNS]
            print_table(
                [["", "growth"], *([_checks.cut(name, 40), f"{value:+.4g}"] for name, value in first)]
            )
            if len(self.importance) > len(first):
                say(f"({len(self.importance) - len(first)} more columns: history.json)")

    def show_classes(self) -> None:
        """Print the numbers per class, and the confusion matrix if it fits on a screen."""
        shown = self.per_class[:_MOST_CLASSES]
        say(f"classes, {self.part}")
        head = ["", "precision", "recall", "f1", "support"]
        rows = [
            [
                _checks.cut(str(row["class"]), 40),
                *(f"{row[name]:.3f}" for name in head[1:4]),
                str(row["support"]),
            ]
            for row in shown
        ]
        print_table([head, *rows])
        if len(self.per_class) > len(shown):
            say(f"and {len(self.per_class) - len(shown)} more (history.json, evaluate --report --json)")
        if self.confusion is not None and len(self.confusion) <= _MOST_IN_CONFUSION:
            say("examples by true class (row) and predicted class (column)")
            names = [_checks.cut(str(row["class"]), 20) for row in self.per_class]
            body = [[name, *map(str, row)] for name, row in zip(names, self.confusion, strict=True)]
            print_table([["", *names], *body])


def judge(
    part: str, network: Judged, baselines: Mapping[str, Judged], importance: Mapping[str, float]
) -> Report:
    """Compare a network with its baselines on one part.

    Args:
        part: Name of the part.
        network: What the network predicts.
        baselines: What ``"constant"`` and perhaps ``"linear"`` predict.
        importance: Of the columns, in any order.
    """
    table = {"this model": network.scores()} | {name: other.scores() for name, other in baselines.items()}
    per_class: list[dict[str, Any]] = []
    confusion = None
    if network.classes is not None:
        counts = _scores.confusion(network.truth, network.outputs.argmax(axis=1), len(network.classes))
        per_class, confusion = scores.per_class(counts, network.classes), counts.tolist()
    ranked = dict(sorted(importance.items(), key=lambda pair: -pair[1]))
    found = _warnings(part, network, table)
    return Report(part, table, per_class, confusion, ranked, found)


def _warnings(part: str, network: Judged, table: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Sentences about a network that its baselines beat, or that always gives the same answer."""
    ours, same = table["this model"], table.get("constant")
    found = []
    if len(network.truth) > 1 and np.ptp(network.outputs, axis=0).max() == 0:
        found.append(
            f"the model gives the same answer for every example of the {part} part; it has learned nothing: "
            "try more --epochs or a smaller --learning-rate"
        )
    if same is None:
        return found
    if network.classes is None:
        if ours["rmse"] >= same["rmse"]:
            found.append(
                f"the model is no better than always predicting the mean of the training labels: rmse "
                f"{ours['rmse']:.6g} against {same['rmse']:.6g} on the {part} part"
            )
        elif "linear" in table and ours["rmse"] > table["linear"]["rmse"]:
            found.append(_linear("rmse", ours, table["linear"], part))
        return found
    if ours["accuracy"] <= same["accuracy"]:
        text = (
            "the model is no better than always predicting the most frequent class: accuracy "
            f"{ours['accuracy']:.4f} against {same['accuracy']:.4f} on the {part} part"
        )
        if ours["loss"] < same["loss"]:
            text += (
                f"; its probabilities are better (loss {ours['loss']:.4f} against {same['loss']:.4f}): see"
                " predict --probabilities, and --class-weight balanced"
            )
        found.append(text)
    elif "linear" in table and _is_worse(ours, table["linear"]):
        found.append(_linear("accuracy", ours, table["linear"], part))
    return found


def _is_worse(ours: Mapping[str, float], others: Mapping[str, float]) -> bool:
    return ours["accuracy"] < others["accuracy"] and ours["loss"] >= others["loss"]


def _linear(name: str, ours: Mapping[str, float], linear: Mapping[str, float], part: str) -> str:
    return (
        f"the model is no better than a linear model: {name} {ours[name]:.6g} against {linear[name]:.6g} on "
        f"the {part} part"
    )
