"""Rules about the output layer, its loss and its targets, which must belong together."""

from __future__ import annotations

import numpy as np

from deepcore.doctor.evidence import Evidence, Suspicion, problem
from deepcore.doctor.training_run import TrainingRun
from deepcore.layers import Dense
from deepcore.typing import Array

__all__ = ["targets_and_output"]

_RANGES = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu": (0.0, np.inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, np.inf),
    "exp": (0.0, np.inf),
}


def targets_and_output(case: Evidence) -> list[Suspicion]:
    """Output layer, loss and targets do not belong together."""
    run = case.run
    loss, output, task = run.spec.loss, run.spec.output, run.task
    L = len(run.spec.layers)
    if loss == "categorical_cross_entropy" and output == "sigmoid":
        return [_sigmoid_with_categorical(run, L, case.usual_run)]
    if task.kind == "classes" and task.values is not None and not np.isin(task.values, (0, 1)).all():
        return _numbers_of_classes(case, task.values, L, case.usual_run)
    if task.kind != "numbers" and loss in ("absolute_error", "quantile"):
        return [
            problem(
                "wrong_loss_for_output",
                f"The loss {loss} is made for regression, and the targets are classes: its gradient does not "
                "grow with the error, and the median of rare labels is 0.",
                "loss='auto', with one softmax unit per class or a sigmoid",
                L,
                case.usual_run,
            )
        ]
    if task.kind == "classes" and task.values is not None and output != "sigmoid" and case.underfits:
        return [
            problem(
                "wrong_output_activation",
                f"The targets are the labels 0 and 1, and the output is one {output} unit, which gives no "
                "probabilities.",
                "layers[-1]: Dense(1, 'sigmoid'), loss='auto'",
                L,
                case.usual_run,
            )
        ]
    return _out_of_range(case, L)


def _sigmoid_with_categorical(run: TrainingRun, L: int, remedy: TrainingRun) -> Suspicion:
    if run.spec.outputs == 1:
        return problem(
            "wrong_loss_for_output",
            "The loss categorical_cross_entropy, -y log(a), is 0 for label 0 whatever the one sigmoid unit "
            "says, so the unit learns to be 1 always.",
            "loss='binary_cross_entropy'",
            L,
            remedy,
        )
    return problem(
        "wrong_output_activation",
        f"The loss categorical_cross_entropy, -y log(a), has {run.spec.outputs} sigmoid units, which need "
        "not sum to 1, so all of them learn to be 1.",
        f"layers[-1]: Dense({run.spec.outputs}, 'softmax') with integer labels",
        L,
        remedy,
    )


def _numbers_of_classes(case: Evidence, values: Array, L: int, remedy: TrainingRun) -> list[Suspicion]:
    """Class labels as numbers of one output unit."""
    run, k, output = case.run, len(values), case.run.spec.output
    low, high = _RANGES.get(output, (-np.inf, np.inf))
    bounded = np.isfinite(low) and np.isfinite(high)
    fits = low == -1 and k == 2 and values[0] >= low and values[1] <= high  # labels -1 and 1 of a tanh
    if fits or (not bounded and case.gap < run.task.margin / 2):
        return []
    advice = f"layers[-1]: Dense({k}, 'softmax') with the labels 0 to {k - 1}, loss='auto'"
    if k == 2:
        advice = "layers[-1]: Dense(1, 'sigmoid') with the labels 0 and 1, loss='auto'"
    few = ", ".join(f"{value:.4g}" for value in values[:6]) + (", ..." if k > 6 else "")
    evidence = f"The targets are {k} classes as the numbers {few}, and the output is one {output} unit"
    if bounded:
        cause, why = "wrong_labels_shape_or_range", "for which the labels must be 0 and 1"
    else:
        cause, why = "wrong_loss_for_output", f"whose loss, {run.spec.loss}, is made for regression"
    return [
        problem(cause, f"{evidence}, {why}.", advice, L, remedy),
        problem("wrong_output_activation", f"{evidence}, which puts them in an order.", advice, L, remedy),
    ]


def _out_of_range(case: Evidence, L: int) -> list[Suspicion]:
    """Targets that the output activation cannot reach."""
    run = case.run
    low, high = _RANGES.get(run.spec.output, (-np.inf, np.inf))
    y = run.data.y
    outside = float(((y < low) | (y > high)).mean())
    if run.task.kind == "numbers" and outside > 0.01:
        return [
            problem(
                "wrong_output_activation",
                f"The {run.spec.output} output lies between {low:g} and {high:g}, and {outside:.0%} of the "
                f"targets do not: they go from {y.min():.4g} to {y.max():.4g}.",
                f"layers[-1]: Dense({run.spec.outputs}, 'linear')",
                L,
                run.with_layers(lambda i, layer: layer if i < L else Dense(layer.units, "linear")),
            )
        ]
    return []
