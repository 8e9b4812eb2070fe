"""The settings of a fit of an estimator, and the numbers that it records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deepcore.callbacks import EpochRecord

__all__ = ["Callback", "Record", "Settings"]

Callback = Callable[[EpochRecord], object]


@dataclass(frozen=True)
class Settings:
    """The arguments of an estimator that its solvers read, and those of the call.

    Attributes:
        incremental: Whether the call is ``partial_fit``, which is one epoch.
        score_name: Name of the validation score in the records that callbacks get.
        random_state: NumPy's generator, which draws the orders.
        threads: Number of threads; 0 means the default.
        callbacks: Functions that are called after every epoch or iteration.
    """

    alpha: float
    batch_size: Any
    max_iter: int
    max_fun: int
    tol: float
    shuffle: bool
    verbose: Any
    early_stopping: bool
    n_iter_no_change: float
    incremental: bool
    score_name: str
    random_state: Any
    threads: int
    callbacks: Sequence[Callback]


@dataclass
class Record:
    """The numbers that fits record; the estimator shows each as an attribute: ``n_iter_``, ``t_``, ..."""

    n_iter: int = 0
    t: int = 0
    loss: float = np.nan  # until an epoch has ended
    loss_curve: list[float] = field(default_factory=list)
    best_loss: float | None = None
    validation_scores: list[float] | None = None
    best_validation_score: float | None = None
    no_improvement_count: int = 0

    def open(self, early_stopping: bool) -> None:
        """Prepare for epochs; the score that decides about improvement may differ from the last fit's."""
        if early_stopping:
            self.validation_scores = [] if self.validation_scores is None else self.validation_scores
            if self.best_validation_score is None:
                self.best_validation_score = -np.inf
        elif self.best_loss is None:
            self.best_loss = np.inf
