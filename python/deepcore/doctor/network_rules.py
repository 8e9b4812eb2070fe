"""Rules about what happens inside the network before the first step and after the last one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deepcore.doctor.evidence import Evidence, Suspicion, problem
from deepcore.doctor.signs import Inside
from deepcore.doctor.training_run import TrainingRun
from deepcore.doctor.vocabulary import Finding
from deepcore.layers import Dense

__all__ = ["first_step", "last_step", "symmetric_start", "symptoms"]

_IDLE = 0.75  # share of dead or saturated units that explains a failure by itself
_LARGE = (
    1000  # root mean square of a gradient; with usual first weights and scaled data it is about 1 or less
)
_NARROW = 3  # units of a layer whose share of dead ones says little: it has too few in any case


def symmetric_start(case: Evidence) -> list[Suspicion]:
    """All units of a hidden layer start equal and are still equal after training."""
    first, last = case.run.first_look.equal, case.outcome.last_look.equal
    for number, (before, after) in enumerate(zip(first, last, strict=True), start=1):
        if after and (before or not case.run.known_start):
            units = case.run.spec.layers[number - 1].units
            finding = Finding(
                "symmetric_or_constant_init",
                "problem" if case.fails else "note",
                number,
                f"The {units} units of hidden layer {number} have equal weights, which stay equal, so they "
                "compute the same.",
                f"layers[{number - 1}]: init='auto', which draws random weights",
            )
            fresh = case.run.with_layers(lambda _, layer: _fresh(layer), restart=True)
            return [Suspicion(finding, fresh)]
    return []


def _fresh(layer: Dense) -> Dense:
    return replace(layer, init="auto")


def first_step(case: Evidence) -> list[Suspicion]:
    """What is wrong before the first step: gradients that explode or vanish, dead or saturated units.

    What standardised data would mend is not the fault of the network.
    """
    look, run = case.run.first_look, case.run
    fresh = run.with_layers(lambda _, layer: _fresh(layer), restart=True)
    advice = "init='auto' for all layers, fewer layers, or norm='batch'"
    if _explodes_at_once(case):
        case.explained = True
        evidence = f"Before a learning rate could matter, {case.explosion}."
        return [problem("exploding_gradients", evidence, f"no exp in hidden layers, {advice}", remedy=fresh)]
    found = []
    if look.vanishing and case.scaled_look.vanishing:
        case.explained = True
        first, last = look.gradients[0], look.gradients[-1]
        evidence = (
            f"Before the first step the root mean square of dW1 is {first:.2g}, and that of "
            f"dW{len(look.gradients)} is {last:.2g}."
        )
        found.append(
            problem("vanishing_gradients", evidence, f"relu instead of sigmoid or tanh, {advice}", 1, fresh)
        )
    counted = _of_wide_layers(case)
    idle = _idle(counted, "before the first step", fresh)
    if max([*counted.dead, *counted.saturated], default=0.0) < _IDLE:
        return found + idle
    case.explained = True
    return idle + found  # a layer that passes nothing on is also why gradients vanish


def _explodes_at_once(case: Evidence) -> bool:
    """Whether the loss or a gradient is out of bounds before a learning rate can have an effect."""
    at_once = case.outcome.history.diverged_at_step == 0 or case.run.first_look.largest_gradient > _LARGE
    return at_once and (case.scaled_look is case.run.first_look or case.scaled_look.largest_gradient > _LARGE)


def _of_wide_layers(case: Evidence) -> Inside:
    """Take the shares of idle units, and 0 for layers where they say little: narrow ones, and their readers.

    Half of the units that read a single relu unit are 0 for every example, because their weight is negative.
    """
    look, scaled, units = case.run.first_look, case.scaled_look, [layer.units for layer in case.run.hidden]
    wide = [min(units[max(0, i - 1) : i + 1]) > _NARROW for i in range(len(units))]

    def counted(raw: list[float], mended: list[float]) -> list[float]:
        return [min(pair) * counts for *pair, counts in zip(raw, mended, wide, strict=True)]

    return replace(
        look,
        dead=counted(look.dead, scaled.dead),
        saturated=counted(look.saturated, scaled.saturated),
    )


def _idle(look: Inside, when: str, remedy: TrainingRun | None) -> list[Suspicion]:
    """Hidden layers whose units are dead or saturated."""
    found = []
    if look.dead and max(look.dead) >= 0.5:
        layer = int(np.argmax(look.dead)) + 1
        evidence = f"{look.dead[layer - 1]:.0%} of the units of layer {layer} are 0 for every example {when}."
        advice = f"layers[{layer - 1}]: init='auto' with biases of 0, or activation='leaky_relu'"
        found.append(problem("dead_relu", evidence, advice, layer, remedy))
    if look.saturated and max(look.saturated) >= 0.5:
        layer = int(np.argmax(look.saturated)) + 1
        share = f"{look.saturated[layer - 1]:.0%} of the values of layer {layer}"
        evidence = f"{share} are at the limits of its activation {when}."
        advice = f"layers[{layer - 1}]: init='auto' with biases of 0; and X with standard deviation 1"
        found.append(problem("saturated_units", evidence, advice, layer, remedy))
    return found


def last_step(case: Evidence) -> list[Suspicion]:
    """What is wrong after the last step, if nothing else explains it."""
    found = _idle(case.outcome.last_look, "after the last step", None)
    if not found and case.explosion is not None:
        found = [problem("exploding_gradients", f"{_capital(case.explosion)}.", "optimizer: clip_norm=1.0")]
    return found


def symptoms(case: Evidence) -> list[Finding]:
    """What is true of the run in addition to its problems, as notes."""
    advice = "solve the problem above first"
    notes = [
        *_idle(case.outcome.last_look, "after the last step", None),
        *_idle(case.run.first_look, "before the first step", None),
    ]
    found = [Finding(n.finding.cause, "note", n.finding.layer, n.finding.evidence, advice) for n in notes]
    if case.explosion is not None:
        found.append(Finding("exploding_gradients", "note", None, f"{_capital(case.explosion)}.", advice))
    if (share := _largest_share(case)) >= 0.98:
        evidence = f"The same class is predicted for {share:.0%} of the rows."
        found.append(Finding("one_class_predicted", "note", None, evidence, advice))
    return list({one.cause: one for one in reversed(found)}.values())


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _largest_share(case: Evidence) -> float:
    data = case.run.watched or case.run.data
    if case.run.task.kind != "classes" or not np.isfinite(case.outcome.outputs(data)).all():
        return 0.0
    return float(np.bincount(case.outcome.answers(data)).max() / len(data.y))
