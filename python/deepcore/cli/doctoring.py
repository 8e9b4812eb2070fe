"""``deepcore train --doctor``: says what keeps the network from learning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from deepcore.cli.output import say
from deepcore.cli.training import Training
from deepcore.doctor import Doctor, Finding

__all__ = ["called", "doctor_option", "show"]


def doctor_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option ``--doctor``."""
    return click.option(
        "--doctor",
        is_flag=True,
        help="Examine the training of a network of your own, and print what keeps it from learning: causes,"
        " evidence and advice.",
    )(command)


def called(wanted: bool, training: Training) -> Doctor | None:
    """Return the doctor that the option asks for, or None.

    Raises:
        ValueError: If the training is not one of a single network.
    """
    if wanted and not training.of_one_network:
        raise ValueError(
            "--doctor examines the training of one network of your own; add --recipe network, and leave "
            "--ensemble and --cv out"
        )
    return Doctor() if wanted else None


def show(doctor: Doctor | None) -> Sequence[Finding]:
    """Print and return the findings, if there is a doctor that has seen a training."""
    if doctor is None:
        return ()
    try:
        findings = doctor.findings
    except RuntimeError:  # the training ended before its first epoch
        return ()
    say("doctor")
    if not findings:
        say("  nothing was found that keeps the network from learning")
    for finding in findings:
        place = "" if finding.layer is None else f" in layer {finding.layer}"
        say(f"  {finding.severity}: {finding.cause}{place}")
        say(f"    {finding.evidence}")
        say(f"    advice: {finding.advice}")
    return findings
