"""Andrew Ng's course "Neural Networks and Deep Learning", runnable.

"The course" is the first one of the Deep Learning Specialization. ``week2``, ``week3`` and ``week4`` hold the
functions of its notebooks by their names, with their arguments, caches and results; ``course2_week1`` and
``course2_week2`` those of the second course's first two weeks. ``formulas`` holds what the lectures derive,
and ``published`` the training runs with their published numbers.
A notebook of the course runs after its import is changed. ``check`` says whether functions that a learner
wrote are right, and names the likely mistake.

Example:
    >>> import numpy as np
    >>> from deepcore.course.week3 import initialize_parameters
    >>> initialize_parameters(2, 4, 1)["W1"][0].round(8)
    array([-0.00416758, -0.00056267])
"""

from __future__ import annotations

from deepcore.course import course2_week1, course2_week2, formulas, published, week2, week3, week4
from deepcore.course._check import Check, check, exercises

__all__ = [
    "Check",
    "check",
    "course2_week1",
    "course2_week2",
    "exercises",
    "formulas",
    "published",
    "week2",
    "week3",
    "week4",
]
