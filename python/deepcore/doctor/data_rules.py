"""Rules about the data: labels without information, rows in two places, and rows learned by heart."""

from __future__ import annotations

import numpy as np

from deepcore.doctor.evidence import Evidence, Suspicion, problem
from deepcore.doctor.scoring import Task
from deepcore.doctor.signs import related
from deepcore.doctor.training_run import Outcome
from deepcore.doctor.vocabulary import Finding
from deepcore.typing import Array

__all__ = ["labels_constant", "labels_shuffled", "leaks", "overfitting"]

_SURE = 3.5  # standard deviations above chance, the best of several predictors and classes
_SOME = 0.35  # agreement above chance that a smooth function does not reach by accident
_FEWEST_ROWS = 50  # fewer say nothing about a relation
_RELATED_ROWS = 500
_DISCRETE = 256  # columns with fewer values may repeat rows by nature


def labels_constant(case: Evidence) -> Suspicion | None:
    """All training examples have the same target."""
    y = case.run.data.y
    if len(y) < 2 or (y != y[:1]).any():
        return None
    value = np.ravel(y[0])[0]
    return problem(
        "labels_constant",
        f"All {len(y)} training examples have the label {value:g}.",
        "y: pass labels that differ; look at the code that reads or selects them",
    )


def labels_shuffled(case: Evidence) -> Suspicion | None:
    """Nothing predicts the targets better than chance: not the network, nor three other methods."""
    run = case.run
    m, task = len(run.data.y), run.task
    if m < _FEWEST_ROWS or run.watched is None or task.kind == "bits":
        return None
    if any(_agrees(outcome) for outcome in (case.outcome, case.usual)):
        return None
    rows = np.random.default_rng(0).permutation(m)[:_RELATED_ROWS]
    sure = related(run.data.X[rows], task.truth(run.data.y)[rows], task.kind == "classes")
    if sure >= _SURE:
        return None
    return problem(
        "labels_shuffled",
        "Neither this network, a usual network, the nearest rows nor a linear model predict the targets of "
        f"rows that they have not seen better than chance (the best correlation is {max(sure, 0.0):.1f} "
        "standard deviations above 0).",
        "X, y: check that row i of X belongs to y[i]; sort, filter and shuffle both together",
    )


def _agrees(outcome: Outcome) -> bool:
    """Whether answers agree with the training rows and the validation rows.

    A network that learns rows by heart agrees with the former only, and by luck with the latter only.
    """
    parts = [data for data in (outcome.run.data, outcome.run.watched) if data is not None]
    return all(_agreement(outcome.run.task, outcome.answers(data), data.y) >= _SOME for data in parts)


def _agreement(task: Task, answers: Array, y: Array) -> float:
    """Cohen's kappa of classes, or the largest correlation of numbers: 0 is chance, 1 is perfect."""
    truth = task.truth(y)
    if not np.isfinite(answers).all():
        return 0.0
    n = len(truth)
    if task.kind == "classes":
        k = 1 + int(max(answers.max(), truth.max()))
        chance = float(np.bincount(answers, minlength=k) @ np.bincount(truth, minlength=k)) / n**2
        return float((answers == truth).mean() - chance) / max(1 - chance, 1e-12)
    with np.errstate(all="ignore"):
        pairs = zip(answers.reshape(n, -1).T, truth.reshape(n, -1).T, strict=True)
        return float(np.nanmax([0.0, *(np.corrcoef(a, t)[0, 1] for a, t in pairs)]))


def leaks(case: Evidence) -> list[Suspicion]:
    """At least 5% of the validation rows are training rows."""
    copies = case.copies
    if not len(copies) or copies.mean() < 0.05:
        return []
    natural = 2 * case.repeated >= copies.mean() and _discrete(case.run.data.X[:2048])
    evidence = f"{copies.sum()} of {len(copies)} validation rows are also training rows"
    if natural:
        evidence += "; the features take few values, so equal rows may occur by chance"
    finding = Finding(
        "leak_between_train_and_validation",
        "note" if natural else "problem",
        None,
        f"{evidence}.",
        "validation_data: split before rows are repeated or drawn, and pass rows that are not in X",
    )
    return [Suspicion(finding)]


def _discrete(X: Array) -> bool:
    """Whether all columns take few values, so that equal rows may occur by chance."""
    return all(len(np.unique(column)) < min(_DISCRETE, len(X) / 2) for column in X.T)


def overfitting(case: Evidence) -> list[Suspicion]:
    """The training rows are predicted much better than the validation rows, whose loss has risen again."""
    run, outcome = case.run, case.outcome
    losses = outcome.history.get("val_loss", [])
    if run.watched is None or len(losses) < 2 or case.copies.mean() >= 0.05:
        return []
    gap = outcome.training_score - outcome.score
    best, last = min(losses), losses[-1]
    if gap < (0.15 if run.task.kind == "numbers" else 0.1) or not last >= 1.1 * best:
        return []
    epoch = losses.index(best) + 1
    return [
        problem(
            "overfitting",
            f"The {run.task.measure} is {outcome.training_score:.3f} on the training rows and "
            f"{outcome.score:.3f} on the validation rows. The validation loss was lowest in epoch {epoch}, "
            f"{best:.3g}, and ended at {last:.3g}.",
            f"callbacks=[EarlyStopping()], which keeps epoch {epoch}; or Dropout, l2=, fewer units",
        )
    ]
