"""What an examination has learned about a run so far; each number is computed when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from deepcore.doctor.signs import Inside, Scale, copies_of, exploded, repeated, spread_out, standardizer
from deepcore.doctor.training_run import Outcome, TrainingRun
from deepcore.doctor.vocabulary import Finding
from deepcore.layers import Dense
from deepcore.optimizers import Adam
from deepcore.schedules import Cosine
from deepcore.typing import Array

__all__ = ["Evidence", "Suspicion"]

_USUAL_STEPS = 300  # of the usual network: enough for small data, and few compared with most runs
_USUAL_ROWS = 4096
_CURE = 0.5  # share of the gap that a change must close to count as a cure


@dataclass(frozen=True)
class Suspicion:
    """A finding, and the run with its advice, which proves it; None if the advice cannot be tried."""

    finding: Finding
    remedy: TrainingRun | None = None


def problem(
    cause: str, evidence: str, advice: str, layer: int | None = None, remedy: TrainingRun | None = None
) -> Suspicion:
    """Make a suspicion of severity ``"problem"``."""
    return Suspicion(Finding(cause, "problem", layer, evidence, advice), remedy)


class Evidence:
    """What is known of a run.

    Args:
        outcome: The run and what came out of it.
    """

    def __init__(self, outcome: Outcome) -> None:
        self.outcome, self.run = outcome, outcome.run
        self.explained = False  # whether a change was found that cures the run
        self.rate_gains: dict[float, float] = {}  # by the factor on the learning rate that was tried
        self._best = -np.inf

    @property
    def rows(self) -> str:
        """Which rows are scored: ``"validation"``, or ``"training"`` if there are no others."""
        return "training" if self.run.watched is None else "validation"

    @cached_property
    def inputs(self) -> Scale:
        """Scale of the features."""
        return Scale.of(self.run.data.X)

    @cached_property
    def targets(self) -> Scale:
        """Scale of the targets."""
        return Scale.of(self.run.data.y)

    @property
    def strange_inputs(self) -> int:
        """How far features are from mean 0 and standard deviation 1: 0 not at all, 1 some way, 2 very far.

        The first values of z have about the size of the features. From 3 on they saturate tanh and sigmoid,
        and below 1/20 they hardly differ from 0. A mean of many standard deviations hides what differs.
        """
        scale = self.inputs
        if self.run.spec.embeddings:
            return 0
        if scale.size > 10 or scale.size < 0.02 or (scale.offset > 20 and scale.size > 1):
            return 2
        return int(scale.size > 3 or scale.size < 0.05 or (scale.offset > 5 and scale.size > 1))

    @property
    def strange_targets(self) -> int:
        """The same for regression targets, which may be larger: the last layer is linear, and can grow."""
        scale = self.targets
        if self.run.task.kind != "numbers":
            return 0
        if scale.spread > 100 or scale.spread < 0.01 or scale.offset > 100:
            return 2
        return int(scale.spread > 5 or scale.spread < 0.2 or scale.offset > 5)

    @cached_property
    def scaled_look(self) -> Inside:
        """What the first pass would show with standardised data; of the network alone, so to say."""
        run = self.run
        if self.strange_targets:
            run = with_standardized_targets(run)
        if self.strange_inputs:
            run = with_standardized_features(run)
        return run.first_look

    @cached_property
    def explosion(self) -> str | None:
        """By which number the run exploded, as a sentence."""
        return exploded(self.outcome.history, self.run.first_look)

    @cached_property
    def copies(self) -> Array:
        """Which validation rows are training rows."""
        if self.run.watched is None:
            return np.zeros(0, bool)
        return copies_of(self.run.data, self.run.watched)

    @property
    def repeated(self) -> float:
        """Share of the training rows that occur more than once."""
        return repeated(self.run.data)

    @cached_property
    def usual_run(self) -> TrainingRun:
        """A usual network on the same rows: 64 relu units, Adam, standardised data."""
        return _usual_run(self.run)

    @cached_property
    def usual(self) -> Outcome:
        """What the usual network reaches."""
        return self.usual_run.trained()

    @property
    def gap(self) -> float:
        """How much better the best known run is."""
        return max(self.usual.score, self._best) - self.outcome.score

    @property
    def margin(self) -> float:
        """The smallest difference of scores that means something.

        Three of few validation rows, unless the usual network is better on the training rows as well.
        """
        task, watched = self.run.task, self.run.watched
        if watched is None or task.kind == "numbers" or self._trains_worse:
            return task.margin
        return max(task.margin, 3 / len(watched.y))

    @property
    def _trains_worse(self) -> bool:
        better = self.usual.training_score - self.outcome.training_score
        return better >= self.run.task.margin / 2

    @property
    def fails(self) -> bool:
        """Whether a usual network is clearly better."""
        return self.gap >= self.margin

    @property
    def underfits(self) -> bool:
        """Whether a usual network is clearly better, also on the training rows."""
        return self.fails and self._trains_worse

    def gain(self, change: TrainingRun) -> float:
        """Train with a change, and return how much better the score is."""
        score = change.trained().score
        self._best = max(self._best, score)
        return score - self.outcome.score

    def cures(self, change: TrainingRun) -> bool:
        """Train with a change, and return whether that closes at least half of the gap."""
        return self.is_cure(self.gain(change))

    def is_cure(self, gain: float) -> bool:
        """Whether a gain closes at least half of the gap."""
        return gain >= max(self.margin, _CURE * self.gap)


def _usual_run(run: TrainingRun) -> TrainingRun:
    """Make the run of a usual network on the same task."""
    task, spec = run.task, run.spec
    if task.kind == "classes":
        truths = [task.truth(data.y) for data in (run.data, run.watched) if data is not None]
        classes = max(2, 1 + max(int(truth.max()) for truth in truths))
        run = run.with_targets(lambda y: task.truth(y).astype(np.int64))
        output = Dense(classes, "softmax")
    elif task.kind == "bits":
        output = Dense(spec.outputs, "sigmoid")
    else:
        run, output = with_standardized_targets(run), Dense(spec.outputs, "linear")
    if not spec.embeddings:
        run = with_standardized_features(run)
    data = replace(spread_out(run.data, _USUAL_ROWS), weight=None)
    batch = min(32, len(data.y))
    steps_per_epoch = -(-len(data.y) // batch)
    return replace(
        run,
        spec=replace(
            spec, layers=(Dense(64, "relu"), output), loss="auto", loss_parameter=None, label_smoothing=0.0,
            input_dropout=0.0,
        ),
        start=None,
        data=data,
        optimizer=Adam(Cosine(0.01)),
        rate_factor=1.0,
        epochs=max(2, -(-_USUAL_STEPS // steps_per_epoch)),
        batch_size=batch,
        shuffle=True,
    )  # fmt: skip


def with_standardized_features(run: TrainingRun) -> TrainingRun:
    """Scale the features to mean 0 and standard deviation 1 on the training rows."""
    return run.with_features(standardizer(run.data.X))


def with_standardized_targets(run: TrainingRun) -> TrainingRun:
    """Scale the targets to mean 0 and standard deviation 1 on the training rows."""
    scaled = standardizer(run.data.y)
    return run.with_targets(lambda y: scaled(y).astype(run.spec.dtype))
