"""Rules of the doctor that repeat the run with one change and look whether that cures it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deepcore.doctor.evidence import (
    Evidence,
    Suspicion,
    problem,
    with_standardized_features,
    with_standardized_targets,
)
from deepcore.doctor.scoring import balanced
from deepcore.doctor.training_run import Outcome, TrainingRun
from deepcore.optimizers import AdamW, Lion

__all__ = [
    "balanced_score",
    "class_imbalance",
    "far_scales",
    "hidden_layers",
    "last_resort",
    "penalties",
    "progress",
    "rate_too_high",
    "scales",
]


_USUAL_RATE = 0.01  # learns most tasks with Adam and standardised data
_FEW_EPOCHS = 3  # so few are hardly ever enough, whatever the rate
_RARE = 0.3  # a class is rare if it has less than this part of an equal share
_MISSED = 0.25  # recall of a class that a network has given up
_MORE_EPOCHS = 3  # times as many, where the question is whether weights help a network that has learned
_USUAL_DROPOUT = 0.3  # rates below it are usual, and keep no network from learning
_STRONG_PENALTY = 0.003  # the same for l1, l2 and a weight decay that is added to the gradient
_STRONG_DECAY = 0.1  # decay that is decoupled from the loss: ten times the default of AdamW
_NARROW = 3  # a layer with more units may still be too narrow for many outputs behind it
_FEW_STEPS = (4, 300)  # per epoch and in all: with more steps the size of the batches is no obstacle
_LEARNED = 0.9  # part of the loss before the first step: a training that learns ends below it


def class_imbalance(case: Evidence) -> Suspicion | None:
    """A rare class is hardly ever predicted, and balanced weights change that."""
    run, task = case.run, case.run.task
    if task.kind != "classes" or run.data.weight is not None:
        return None
    truth = task.truth(run.data.y)
    counts = np.bincount(truth)
    rare = int(np.where(counts > 0, counts, len(truth)).argmin())
    share = counts[rare] / len(truth)
    if share > _RARE / (counts > 0).sum():
        return None
    recall = _recall(case.outcome, rare)
    if recall > _MISSED:
        return None
    weight = (len(truth) / ((counts > 0).sum() * np.maximum(counts, 1)))[truth]
    weighted = replace(run, data=replace(run.data, weight=weight.astype(run.spec.dtype)))
    pair = _weights_help(case.outcome, weighted, rare)
    if pair is None:
        return None
    before, after, weighted = pair
    case.explained = True
    return problem(
        "class_imbalance",
        f"Class {rare} has {share:.1%} of the training examples, and {recall:.0%} of its {case.rows} "
        f"examples are predicted. Balanced weights raise the balanced accuracy from {before:.2f} to "
        f"{after:.2f}.",
        "class_weight='balanced'",
        remedy=weighted,
    )


def _weights_help(
    outcome: Outcome, weighted: TrainingRun, rare: int
) -> tuple[float, float, TrainingRun] | None:
    """Compare the balanced accuracy without and with weights; None if weights do not raise it.

    A network that has only begun to learn predicts no rare class with weights either. So if the weights do
    not help, both trainings are repeated with more epochs.
    """
    run = outcome.run
    truth = run.task.truth((run.watched or run.data).y)
    rows, classes = int((truth == rare).sum()), len(np.unique(truth))
    margin = max(run.task.margin, 3 / max(rows * classes, 1))  # what three of the rare rows make
    before, after = balanced_score(outcome), balanced_score(weighted.trained())
    if after < before + margin:
        epochs = _MORE_EPOCHS * run.epochs
        weighted = replace(weighted, epochs=epochs)
        before, after = (balanced_score(one.trained()) for one in (replace(run, epochs=epochs), weighted))
    return None if after < before + margin else (before, after, weighted)


def _recall(outcome: Outcome, label: int) -> float:
    data = outcome.run.watched or outcome.run.data
    truth = outcome.run.task.truth(data.y)
    if not (truth == label).any():
        return 0.0
    return float((outcome.answers(data)[truth == label] == label).mean())


def balanced_score(outcome: Outcome) -> float:
    """Compute the balanced accuracy on the validation rows; on the training rows if there are none."""
    data = outcome.run.watched or outcome.run.data
    return balanced(outcome.run.task, outcome.answers(data), outcome.run.task.truth(data.y))


def far_scales(case: Evidence) -> list[Suspicion]:
    """Features or targets that are very far from mean 0 and standard deviation 1."""
    return _scales(case, 2)


def scales(case: Evidence) -> list[Suspicion]:
    """Features or targets that are some way from mean 0 and standard deviation 1."""
    return _scales(case, 1)


def _scales(case: Evidence, strange: int) -> list[Suspicion]:
    """Try standardised targets, features, and both; what is very far is reported even if it is no cure."""
    run, found = case.run, list[Suspicion]()
    far = strange == 2
    inputs, targets = case.strange_inputs == strange, case.strange_targets == strange
    if targets:
        changed = with_standardized_targets(run)
        cured = case.cures(changed)
        if cured or far:
            found.append(_targets_not_scaled(case, changed))
        case.explained = case.explained or cured
    if inputs and not (targets and case.explained and case.inputs.size < 100):
        changed = with_standardized_features(run)
        cured = case.cures(changed)
        if cured or (far and case.inputs.size > 100):
            found.append(_inputs_not_scaled(case, changed))
        case.explained = case.explained or cured
    if found and not case.explained and case.strange_inputs and case.strange_targets:
        case.explained = case.cures(with_standardized_features(with_standardized_targets(run)))
    return found


def _targets_not_scaled(case: Evidence, changed: TrainingRun) -> Suspicion:
    y = case.targets
    return problem(
        "target_not_scaled",
        f"The targets have standard deviation {y.spread:.3g} and a mean {y.offset:.3g} of these from 0.",
        "y: (y - y.mean()) / y.std(), and turn predictions back",
        remedy=changed,
    )


def _inputs_not_scaled(case: Evidence, changed: TrainingRun) -> Suspicion:
    X = case.inputs
    return problem(
        "inputs_not_scaled",
        f"The root mean square of a feature is {X.size:.3g}; the standard deviations of the features go from "
        f"{X.smallest:.3g} to {X.spread:.3g}, and a mean is {X.offset:.3g} of them from 0.",
        "X: deepcore.data.Standardizer().fit(X).transform(X), fitted on the training rows",
        1,
        changed,
    )


def penalties(case: Evidence) -> list[Suspicion]:
    """Dropout or penalties on the weights that are too strong."""
    run, found = case.run, []
    spec = run.spec
    rates = [spec.input_dropout, *(layer.dropout for layer in run.hidden)]
    if max(rates) >= _USUAL_DROPOUT:
        plain = replace(
            run,
            spec=replace(
                spec,
                input_dropout=0.0,
                layers=tuple(replace(layer, dropout=0.0) for layer in spec.layers),
            ),
        )
        if case.cures(plain):
            case.explained = True
            found.append(
                problem(
                    "dropout_too_high",
                    f"Dropout removes up to {max(rates):.0%} of the values of a layer.",
                    "Dropout(0.2), or none",
                    int(np.argmax(rates)) or None,
                    plain,
                )
            )
    largest = max(max(layer.l1, layer.l2) for layer in spec.layers)
    decay = getattr(run.optimizer, "weight_decay", 0.0)
    decay = decay if isinstance(decay, (int, float)) else 0.0
    strong = _STRONG_DECAY if isinstance(run.optimizer, (AdamW, Lion)) else _STRONG_PENALTY
    if not case.explained and (largest >= _STRONG_PENALTY or decay >= strong):
        free = run.with_layers(lambda _, layer: replace(layer, l1=0.0, l2=0.0))
        if decay:
            free = replace(free, optimizer=replace(run.optimizer, weight_decay=0.0))  # type: ignore[call-arg]
        if case.cures(free):
            case.explained = True
            found.append(
                problem(
                    "regularisation_too_strong",
                    f"The penalty on the weights is {max(largest, decay):g}.",
                    f"l2={largest / 1000:.2g} or l2=0" if largest else "optimizer: weight_decay=0",
                    remedy=free,
                )
            )
    return found


def hidden_layers(case: Evidence) -> list[Suspicion]:
    """Hidden layers that are linear, or too narrow."""
    run, L = case.run, len(case.run.spec.layers)
    if not run.hidden:
        return []
    if all(layer.activation == "linear" for layer in run.hidden):
        curved = run.with_layers(
            lambda i, layer: layer if i == L else replace(layer, activation="relu", init="auto"), restart=True
        )
        if case.cures(curved):
            case.explained = True
            return [
                problem(
                    "no_hidden_activation",
                    f"All {L - 1} hidden layers are linear, so the network is one linear model.",
                    "layers: activation='relu' or 'tanh' for the hidden layers",
                    1,
                    curved,
                )
            ]
    return _narrow(case)


def _narrow(case: Evidence) -> list[Suspicion]:
    run = case.run
    units = [layer.units for layer in run.hidden]
    narrow = int(np.argmin(units))
    outputs = run.spec.outputs if run.task.kind != "numbers" else 1
    if units[narrow] > _NARROW and units[narrow] >= outputs / 2:
        return []
    wide = _widened(run)
    return [_too_few_units(run, narrow, wide)] if case.cures(wide) else []


def _widened(run: TrainingRun) -> TrainingRun:
    L = len(run.spec.layers)
    return run.with_layers(
        lambda i, layer: layer if i == L else replace(layer, units=max(64, layer.units), init="auto"),
        restart=True,
    )


def _too_few_units(run: TrainingRun, narrow: int, wide: TrainingRun) -> Suspicion:
    return problem(
        "too_few_units",
        f"Hidden layer {narrow + 1} has {run.hidden[narrow].units} unit(s); with 64 the network learns.",
        f"layers[{narrow}]: more units, such as 32 or 64",
        narrow + 1,
        wide,
    )


def rate_too_high(case: Evidence) -> list[Suspicion]:
    """A smaller learning rate cures the run."""
    losses = case.outcome.history["loss"]
    if case.run.rate is None:
        return []
    start = case.run.first_network.evaluate(case.run.data, 0)[0]
    grows = case.explosion is not None or not losses or not losses[-1] < _LEARNED * min(losses[0], start)
    jumped = bool(losses) and losses[0] > 1.5 * start
    if not (grows or jumped or _worse_than_its_best(losses)):
        return []
    for factor in (0.1, 0.01, 0.001, *_to_usual(case.run, low=False)):
        slower = case.run.at_rate(factor)
        if case.cures(slower):
            case.explained = True
            end = f"ended at {losses[-1]:.3g}" if losses else "was not finite"
            return [
                problem(
                    "learning_rate_too_high",
                    f"With the rate {case.run.rate} the loss {end}; it began at {start:.3g}.",
                    f"optimizer: learning_rate={slower.rate}",
                    remedy=slower,
                )
            ]
    return []


def _worse_than_its_best(losses: list[float]) -> bool:
    return len(losses) > 2 and losses[-1] > 1.2 * min(losses)


def progress(case: Evidence) -> list[Suspicion]:
    """The run ended before the network had learned: too few steps, or too small ones."""
    run = case.run
    found: list[Suspicion] = []
    if run.rate is None:
        return found
    per_epoch, in_all = _FEW_STEPS
    if run.steps_per_epoch <= per_epoch and run.steps <= in_all and run.batch_size > 32:
        smaller = replace(run, batch_size=16)
        if case.cures(smaller):
            case.explained = True
            return [
                problem(
                    "batch_size_too_large",
                    f"Batches of {run.batch_size} of {len(run.data.y)} examples make "
                    f"{_counted(run.steps, 'step')} in {_counted(run.epochs, 'epoch')}.",
                    "batch_size=32",
                    remedy=smaller,
                )
            ]
    if run.epochs <= _FEW_EPOCHS:  # an ordinary training has ten times as many, or fifty times
        for factor in (10, 50):
            longer = replace(run, epochs=factor * run.epochs)
            if case.cures(longer):
                case.explained = True
                return [_few_epochs(run, longer)]
    longer = replace(run, epochs=5 * run.epochs)
    faster = _faster(case)
    if faster is not None:
        found.append(_low_rate(case, faster))
    if case.gain(longer) >= max(case.margin, 0.3 * case.gap):
        found.append(_few_epochs(run, longer))
    case.explained = faster is not None
    return found


def _faster(case: Evidence) -> float | None:
    """Find the smallest factor on the learning rate that cures the run; None if there is none."""
    for factor in (10.0, 100.0, 1000.0, *_to_usual(case.run, low=True)):
        case.rate_gains[factor] = gain = case.gain(case.run.at_rate(factor))
        if case.is_cure(gain):
            return factor
    return None


def _to_usual(run: TrainingRun, *, low: bool) -> list[float]:
    """Return the factor to a usual rate, if the rate is more than three powers of ten away from it."""
    rate = getattr(run.optimizer, "learning_rate", None)
    if not isinstance(rate, (int, float)) or rate <= 0:
        return []
    factor = _USUAL_RATE / (rate * run.rate_factor)
    return [factor] if (factor > 1e3 if low else factor < 1e-3) else []


def last_resort(case: Evidence) -> list[Suspicion]:
    """Nothing has cured the run: try wider layers, then look whether the loss has moved at all."""
    run = case.run
    if run.hidden and case.cures(wide := _widened(run)):
        narrow = int(np.argmin([layer.units for layer in run.hidden]))
        return [_too_few_units(run, narrow, wide)]
    losses = case.outcome.history["loss"]
    if run.rate is None or (len(losses) > 1 and losses[-1] < _LEARNED * losses[0]):
        return []
    return [_low_rate(case, max(case.rate_gains, key=case.rate_gains.__getitem__, default=10.0))]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _few_epochs(run: TrainingRun, longer: TrainingRun) -> Suspicion:
    return problem(
        "too_few_epochs",
        f"After {_counted(run.epochs, 'epoch')} of {_counted(run.steps_per_epoch, 'step')} the network "
        "was still improving.",
        f"epochs={longer.epochs}",
        remedy=longer,
    )


def _low_rate(case: Evidence, factor: float) -> Suspicion:
    faster, losses = case.run.at_rate(factor), case.outcome.history["loss"]
    moved = f"the loss went from {losses[0]:.4g} to {losses[-1]:.4g}" if losses else "no epoch was finished"
    return problem(
        "learning_rate_too_low",
        f"With the rate {case.run.rate} {moved} in {_counted(case.run.steps, 'step')}.",
        f"optimizer: learning_rate={faster.rate}",
        remedy=faster,
    )
