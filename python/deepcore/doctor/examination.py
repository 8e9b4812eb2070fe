"""The examination of a training run: the order in which causes are looked for, and when to stop.

The rules of ``trials`` repeat the run with a change. The other rules need no training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from deepcore.doctor import data_rules, network_rules, output_rules, trials
from deepcore.doctor.evidence import Evidence, Suspicion
from deepcore.doctor.training_run import Outcome
from deepcore.doctor.vocabulary import Finding, Findings, Proof

__all__ = ["examine"]


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
    if not certain and (shuffled := data_rules.labels_shuffled(case)):
        return [shuffled]
    overfitting = data_rules.overfitting(case)
    far = 2 in (case.strange_inputs, case.strange_targets)
    if any(one.finding.severity == "problem" for one in certain) and not far:
        return certain
    if not case.underfits:
        return [*certain, *overfitting]
    return [*certain, *_of_underfitting(case), *overfitting]


def _of_underfitting(case: Evidence) -> list[Suspicion]:
    """Look for what keeps the network from reaching what a usual network reaches on these data."""
    found = list[Suspicion]()
    for rule in _RULES:
        found += rule(case)
        if case.explained:
            return found
    slow = trials.progress(case)
    if case.explained:
        return slow + found
    return found + slow or network_rules.last_step(case) or trials.last_resort(case)


_RULES = (
    trials.far_scales,
    trials.penalties,
    network_rules.first_step,
    trials.scales,
    trials.hidden_layers,
    trials.rate_too_high,
)


def _proven(case: Evidence, suspicion: Suspicion) -> Finding:
    if suspicion.remedy is None or suspicion.finding.severity != "problem":
        return suspicion.finding
    after = suspicion.remedy.trained()
    rows = "training" if case.run.watched is None else "validation"
    measure = case.run.task.measure
    return replace(suspicion.finding, proof=Proof(measure, rows, case.outcome.score, after.score))
