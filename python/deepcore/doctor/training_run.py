"""A training run as the doctor sees it: what goes in, what comes out, and the same with a change."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from deepcore._network.examples import Examples
from deepcore._network.network import Network, Snapshot
from deepcore._network.spec import Spec
from deepcore.doctor.scoring import Task
from deepcore.doctor.signs import Inside
from deepcore.history import History
from deepcore.layers import Dense
from deepcore.model import Model
from deepcore.optimizers import LBFGS, Optimizer, OptimizerState
from deepcore.typing import Array

__all__ = ["Outcome", "TrainingRun"]

#: The most multiplications and additions that one repetition of a run may take: about a second of one core.
MOST_WORK = 4e10


@dataclass(frozen=True)
class TrainingRun:
    """What a training starts from.

    Attributes:
        spec: The network.
        start: Its first numbers; None: those that its seed draws.
        data: The training examples.
        watched: The validation examples, or None.
        optimizer: The description of the optimizer, or ``LBFGS()``.
        epochs: Passes over the examples.
        batch_size: Examples per step.
        shuffle: Whether an epoch draws a new order.
        rate_factor: Factor on the learning rate, whatever schedule it has.
        known_start: Whether the outcome is known to come from ``start``. It is not known of a trained model.
    """

    spec: Spec
    start: Snapshot | None
    data: Examples
    watched: Examples | None
    optimizer: Optimizer | LBFGS
    epochs: int
    batch_size: int
    shuffle: bool = True
    rate_factor: float = 1.0
    known_start: bool = True

    @property
    def steps_per_epoch(self) -> int:
        """Number of steps of the optimizer in an epoch."""
        return -(-len(self.data.y) // self.batch_size)

    @property
    def steps(self) -> int:
        """Number of steps of the optimizer in the whole run."""
        return self.epochs * self.steps_per_epoch

    @property
    def rate(self) -> str | None:
        """The learning rate as text; None for L-BFGS, which has none."""
        if isinstance(self.optimizer, LBFGS):
            return None
        rate, factor = self.optimizer.learning_rate, self.rate_factor
        if isinstance(rate, (int, float)):
            return f"{rate * factor:g}"
        return repr(rate) if factor == 1 else f"{factor:g} times {rate!r}"

    @property
    def hidden(self) -> tuple[Dense, ...]:
        """The hidden layers."""
        return self.spec.layers[:-1]

    @cached_property
    def task(self) -> Task:
        """What has to be predicted."""
        return Task.of(self.spec, self.data.y)

    @cached_property
    def first_network(self) -> Network:
        """The network before its first step."""
        return Network(self.spec, self.start)

    @cached_property
    def first_look(self) -> Inside:
        """What the first pass shows."""
        return Inside.of(self.first_network, self.data)

    def with_layers(self, change: Callable[[int, Dense], Dense], *, restart: bool = False) -> TrainingRun:
        """Change layers: ``change(number, layer)`` returns the new layer, whose dropout stays.

        The parameters are kept if their shapes are, unless ``restart`` asks for new ones.
        """
        layers = tuple(
            replace(change(number, layer), dropout=layer.dropout)
            for number, layer in enumerate(self.spec.layers, start=1)
        )
        if len({layer.init == "course" for layer in layers}) > 1:  # all layers have it or none
            layers = tuple(replace(layer, init="auto") for layer in layers)
        same = [layer.units for layer in layers] == [layer.units for layer in self.spec.layers]
        start = self.start if same and not restart else None
        return replace(self, spec=replace(self.spec, layers=layers), start=start)

    def at_rate(self, factor: float) -> TrainingRun:
        """Multiply the learning rate."""
        return replace(self, rate_factor=self.rate_factor * factor)

    def with_features(self, change: Callable[[Array], Array]) -> TrainingRun:
        """Change the features of all examples."""
        return self._with_examples(lambda data: replace(data, X=self._typed(change(data.X))))

    def with_targets(self, change: Callable[[Array], Array]) -> TrainingRun:
        """Change the targets of all examples."""
        return self._with_examples(lambda data: replace(data, y=change(data.y)))

    def _with_examples(self, change: Callable[[Examples], Examples]) -> TrainingRun:
        watched = None if self.watched is None else change(self.watched)
        return replace(self, data=change(self.data), watched=watched)

    def _typed(self, array: Array) -> Array:
        return np.ascontiguousarray(array, dtype=self.spec.dtype)

    def trained(self) -> Outcome:
        """Train, and return what came out. Nothing is reported, whatever happens."""
        network = Network(self.spec, self.start)
        model = Model.from_network(network)
        epochs = self._affordable_epochs()
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            history = model.fit(
                self.data.X,
                self.data.y,
                self._bound(model, epochs),
                epochs=epochs,
                batch_size=self.batch_size,
                shuffle=self.shuffle,
                sample_weight=self.data.weight,
            )
        return Outcome(self, network, history)

    def _bound(self, model: Model, epochs: int) -> OptimizerState | LBFGS:
        if isinstance(self.optimizer, LBFGS):
            return self.optimizer
        state = self.optimizer.bind(model, epochs * self.steps_per_epoch)
        state.rate_scale *= self.rate_factor
        return state

    def _affordable_epochs(self) -> int:
        per_epoch = 6.0 * len(self.data.y) * self.first_network.flat.size
        return max(1, min(self.epochs, int(MOST_WORK / per_epoch)))


class Outcome:
    """What came out of a training run.

    Args:
        run: What went in.
        network: The network after the last step.
        history: What was recorded.
    """

    def __init__(self, run: TrainingRun, network: Network, history: History) -> None:
        self.run, self.network, self.history = run, network, history

    def answers(self, data: Examples) -> Array:
        """Predict classes, bits or numbers."""
        return self.run.task.answers(self.outputs(data))

    def outputs(self, data: Examples) -> Array:
        """Compute the outputs for examples."""
        with np.errstate(all="ignore"):
            return self.network.outputs(data.X, 0)

    @cached_property
    def last_look(self) -> Inside:
        """What a pass after the last step shows."""
        return Inside.of(self.network, self.run.data)

    @cached_property
    def training_score(self) -> float:
        """Score on the training rows."""
        data = self.run.data
        return self.run.task.score(self.outputs(data), data.y)

    @cached_property
    def score(self) -> float:
        """Score on the validation rows; on the training rows if there are none."""
        data = self.run.watched
        if data is None:
            return self.training_score
        return self.run.task.score(self.outputs(data), data.y)
