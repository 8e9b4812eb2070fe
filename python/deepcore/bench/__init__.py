"""Speed of deepcore beside NumPy: what ``deepcore bench`` runs, and the ground under benchmarks/compare.py.

Every contestant lives in a process of its own. One computes while all others sleep on a pipe; answers are
compared before anything is timed.
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
