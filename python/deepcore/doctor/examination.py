"""The examination of a training run: the order in which causes are looked for, and when to stop.

The rules of ``trials`` repeat the run with a change. The other rules need no training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from deepcore.doctor import data_rules, network_rules, output_rules, trials
from deepcore.doctor.evidence import Evidence, Suspicion
from deepcore.doctor.training_run import Outcome
from deepcore.doctor.vocabulary import Finding, Findings, Proof

__all__ = ["examine"]

Rule = Callable[[Evidence], list[Suspicion]]


def examine(outcome: Outcome, *, proof: bool = False) -> Findings:
    """Find what keeps a training run from learning well.

    Args:
        outcome: The run.
        proof: Repeat the run with the advice of each problem, and report both scores.
    """
    case = Evidence(outcome)
    suspicions = _problems(case)
    found: list[Finding] = []
    for suspicion in suspicions:
        if suspicion.finding.cause not in {one.cause for one in found}:
            found.append(_proven(case, suspicion) if proof else suspicion.finding)
    if any(one.severity == "problem" for one in found):
        known = {one.cause for one in found}
        found += [note for note in network_rules.symptoms(case) if note.cause not in known]
    return Findings(sorted(found, key=lambda one: one.severity != "problem"))


def _problems(case: Evidence) -> Sequence[Suspicion]:
    """Look for causes, the most certain first."""
    if constant := data_rules.labels_constant(case):
        return [constant]
    certain = [
        *data_rules.leaks(case),
        *output_rules.targets_and_output(case),
        *network_rules.symmetric_start(case),
    ]
    if imbalance := trials.class_imbalance(case):
        return [*certain, imbalance]
    overfitting = data_rules.overfitting(case)
    if not certain and (shuffled := data_rules.labels_shuffled(case)):
        return [shuffled, *map(_as_note, overfitting)]  # to learn rows by heart is what is left to do
    far = 2 in (case.strange_inputs, case.strange_targets)
    if any(one.finding.severity == "problem" for one in certain) and not far:
        return certain
    if not case.fails:
        return [*certain, *overfitting]
    if overfitting and not case.underfits:
        return [*certain, *_first_that_explains(case, _START), *overfitting]
    return [*certain, *_of_failure(case), *overfitting]


def _as_note(suspicion: Suspicion) -> Suspicion:
    return Suspicion(replace(suspicion.finding, severity="note"))


def _of_failure(case: Evidence) -> list[Suspicion]:
    """Look for what keeps the network from reaching what a usual network reaches on these data."""
    if not case.run.known_start and case.cures(case.run):  # what is wrong came with the first parameters
        return network_rules.last_step(case)
    found = _first_that_explains(case, _RULES)
    if case.explained:
        return found
    slow = trials.progress(case)
    if case.explained:
        return slow + found
    return found + slow or network_rules.last_step(case) or trials.last_resort(case)


def _first_step(case: Evidence) -> list[Suspicion]:
    """Look at the first pass, and try standardised data too if theirs may be why it looks wrong."""
    found = network_rules.first_step(case)
    return found + trials.scales(case) if case.explained else found


def _first_that_explains(case: Evidence, rules: Sequence[Rule]) -> list[Suspicion]:
    found = list[Suspicion]()
    for rule in rules:
        found += rule(case)
        if case.explained:
            break
    return found


#: What a network can suffer from that nevertheless fits its training rows.
_START: Sequence[Rule] = (network_rules.first_step, trials.rate_too_high)
_RULES: Sequence[Rule] = (
    trials.far_scales,
    trials.penalties,
    _first_step,
    trials.scales,
    trials.hidden_layers,
    trials.rate_too_high,
)


def _proven(case: Evidence, suspicion: Suspicion) -> Finding:
    if suspicion.remedy is None or suspicion.finding.severity != "problem":
        return suspicion.finding
    before, after, measure = case.outcome, suspicion.remedy.trained(), case.run.task.measure
    scores = before.score, after.score
    if suspicion.finding.cause == "class_imbalance":  # plain accuracy rewards what is wrong here
        scores = trials.balanced_score(before), trials.balanced_score(after)
        measure = f"balanced {measure}"
    return replace(suspicion.finding, proof=Proof(measure, case.rows, *scores))
