"""Typical wrong and unusual right solutions of the course's exercises, written as learners write them.

A solution is text; ``namespace`` runs it where NumPy and the course's right functions are known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from deepcore import course


class Solution(NamedTuple):
    """A solution: the week, the function it is about, words that the cause must hold, and its text."""

    week: str
    function: str
    cause: str
    text: str


def namespace(solution: Solution) -> dict:
    """The functions that the text defines, among the right functions of the week."""
    module = getattr(course, solution.week)
    known = {name: getattr(module, name) for name in module.__all__} | {"np": np}
    exec(solution.text, known)
    return known


def parse(text: str) -> list[Solution]:
    """Read solutions that are separated by lines ``### week function: words of the cause``."""
    solutions = []
    for part in text.split("### ")[1:]:
        head, _, body = part.partition("\n")
        where, _, cause = head.partition(":")
        solutions.append(Solution(*where.split(), cause.strip(), body))
    return solutions
