"""Measure the speed of deepcore compared with NumPy, for ``deepcore bench`` and benchmarks/compare.py.

Every contestant has a process of its own. One computes while all others sleep on a pipe. Answers are compared
before anything is timed.
"""

from deepcore.bench.race import CONTESTANTS, Race, format_seconds, summary
from deepcore.bench.workloads import PREDICTIONS, WORKLOADS, Prediction, Problem, Task, Training, make_problem

__all__ = [
    "CONTESTANTS",
    "PREDICTIONS",
    "WORKLOADS",
    "Prediction",
    "Problem",
    "Race",
    "Task",
    "Training",
    "format_seconds",
    "make_problem",
    "summary",
]
