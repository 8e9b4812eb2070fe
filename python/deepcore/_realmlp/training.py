"""The training of RealMLP on one split: members, epochs, validation and the best epoch."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deepcore import _core
from deepcore._network.examples import Examples
from deepcore._network.network import Network, Snapshot, TrainingStep
from deepcore._realmlp.recipe import Recipe
from deepcore._realmlp.start import start_from_rows, start_normal
from deepcore._realmlp.targets import Classes, Numbers
from deepcore._training.factors import StepFactors
from deepcore.exceptions import DivergenceWarning
from deepcore.optimizers import OptimizerState
from deepcore.tabular import Encoding
from deepcore.typing import Array

__all__ = ["Member", "Outcome", "Rules", "Split", "make_member", "train_split"]

_SCHEDULED = ("dropout", "smoothing")

#: Returns the rows of an epoch in the order in which they are trained on.
Orders = Callable[[int], Array]


class Member:
    """One network, its optimizer and the schedules of a run of ``steps`` steps."""

    def __init__(self, network: Network, recipe: Recipe, steps: int) -> None:
        self.network = network
        self.state = OptimizerState(recipe.optimizer(network.spec.outputs), network, steps)
        self._factors = StepFactors("fit", network.spec, **recipe.schedules()).native(steps)

    def training(self, step: int) -> TrainingStep:
        """Seed, number and factors of a step, as ``Network.gradient`` takes them."""
        factors = [self._factors[name](step) if name in self._factors else 1.0 for name in _SCHEDULED]
        return (self.network.spec.seed, step, factors[0], factors[1])

    def train(
        self,
        data: Examples,
        rows: Array,
        batch: int,
        threads: int = 0,
    ) -> tuple[float, bool]:
        """Train one epoch on these rows; return the mean loss, and whether every loss was finite."""
        losses, bad = self.network.train(
            data.take(rows), self.state.native, batch, 1, threads=threads,
            factors=self._factors,
        )  # fmt: skip
        return (losses[0] if losses else np.nan), bad < 0


@dataclass(frozen=True)
class Split:
    """Training rows and validation rows as the network takes them.

    Attributes:
        data: X, encoded targets and weights of the training rows.
        X_val: X of the validation rows; None: there are none, and the last epoch is the best.
        y_val: Targets of the validation rows, as they are.
        targets: How targets are encoded and decoded.
        weight_val: Weights of the validation rows, or None.
    """

    data: Examples
    X_val: Array | None
    y_val: Array | None
    targets: Classes | Numbers
    weight_val: Array | None = None

    def batch(self, recipe: Recipe) -> int:
        """Rows per step."""
        return min(recipe.batch_size, len(self.data.y))

    def steps(self, recipe: Recipe) -> int:
        """Steps of all planned epochs; a last short batch is dropped."""
        return recipe.epochs * (len(self.data.y) // self.batch(recipe))


@dataclass(frozen=True)
class Rules:
    """Decide when training ends and which epoch is the best.

    Attributes:
        metric: ``"error"`` or ``"cross_entropy"``.
        early_stopping: ``(m, a)``: with epochs counted from 1, training ends when epoch > m * best + a.
            None: no early stopping.
        seconds: Time limit; no epoch starts that would probably end later. None: no limit.
        threads: Largest number of threads; 0: the default.
        on_epoch: Called with the epoch, from 1, and the validation error; True ends the training.
    """

    metric: str = "error"
    early_stopping: tuple[float, float] | None = None
    seconds: float | None = None
    threads: int = 0
    on_epoch: Callable[[int, float], bool] | None = None


@dataclass
class Outcome:
    """What a training gave; the networks hold the parameters of the best epoch.

    Attributes:
        losses: Loss of each epoch, the mean over the members.
        errors: Validation error after each epoch; empty without validation rows.
        best_epoch: Counted from 1; 0 if the loss was not finite in the first epoch.
    """

    losses: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    best_epoch: int = 0


def make_member(recipe: Recipe, split: Split, encoding: Encoding, dtype: Any, seed: int) -> Member:
    """Make a network for a split, with its first parameters."""
    network = Network(recipe.spec(split.targets.outputs, encoding, dtype, seed))
    rng = np.random.default_rng(seed)
    if recipe.data_driven:
        start_from_rows(network, split.data.X, rng)
    else:
        start_normal(network, rng)
    return Member(network, recipe, max(split.steps(recipe), 1))


def predict_members(networks: Sequence[Network], X: Array, targets: Classes | Numbers, threads: int) -> Array:
    """The mean of the members' probabilities, or of their outputs on the scale of y."""
    parts = [targets.decode(network.predict(X, None, threads)) for network in networks]
    return np.asarray(sum(parts) / len(parts))


def train_split(
    members: Sequence[Member],
    split: Split,
    recipe: Recipe,
    rules: Rules,
    orders: Sequence[Orders] | None = None,
) -> Outcome:
    """Train the members of a split together; the best epoch is that with the smallest error of their mean.

    Args:
        members: Networks with their initial parameters.
        split: The training and validation rows.
        recipe: The planned epochs and the batch size.
        rules: How the training ends.
        orders: One function per member that returns the order of the rows in an epoch; None: the permutation
            that follows from the seed of the network and the epoch.
    """
    outcome, best = Outcome(), list[Snapshot]()
    batch, count = split.batch(recipe), len(split.data.y)
    lowest = np.inf
    for epoch in _within(rules.seconds, recipe.epochs):
        losses = []
        for number, member in enumerate(members):
            if orders is not None:
                rows = orders[number](epoch)
            else:
                rows = _core.permutation(member.network.spec.seed, epoch, count)[: count // batch * batch]
            loss, fine = member.train(split.data, rows, batch, rules.threads)
            losses.append(loss)
            if not fine:
                if best:  # otherwise the best epoch is 0, and the caller raises an error
                    _warn_of_divergence(epoch)
                return _end(members, best, outcome)
        outcome.losses.append(float(np.mean(losses)))
        error = -float(epoch)  # without validation rows every epoch is better than the one before
        if split.X_val is not None:
            networks = [member.network for member in members]
            predicted = predict_members(networks, split.X_val, split.targets, rules.threads)
            error = split.targets.error(split.y_val, predicted, rules.metric, split.weight_val)  # type: ignore[arg-type]
            outcome.errors.append(error)
        if best and _patience_is_over(rules, epoch + 1, outcome.best_epoch):
            break  # this epoch does not count
        if error <= lowest or not best:  # ties go to the later epoch
            lowest, outcome.best_epoch = error, epoch + 1
            best = [member.network.snapshot() for member in members]
        if rules.on_epoch is not None and rules.on_epoch(epoch + 1, error):
            break
    return _end(members, best, outcome)


def _patience_is_over(rules: Rules, epoch: int, best: int) -> bool:
    """Whether early stopping ends the training with this epoch."""
    if rules.early_stopping is None:
        return False
    factor, more = rules.early_stopping
    return epoch > factor * best + more


def _within(seconds: float | None, epochs: int) -> Iterator[int]:
    """Yield epochs from 0 on; stop before one that, as long as the longest so far, would exceed the limit."""
    started = last = time.monotonic()
    longest = 0.0
    for epoch in range(epochs):
        if seconds is not None and epoch and last + longest - started > seconds:
            return
        yield epoch
        now = time.monotonic()
        longest, last = max(longest, now - last), now


def _end(members: Sequence[Member], best: list[Snapshot], outcome: Outcome) -> Outcome:
    for member, snapshot in zip(members, best, strict=False):
        member.network.restore(snapshot)
    return outcome


def _warn_of_divergence(epoch: int) -> None:
    warnings.warn(
        f"RealMLP: the loss was no longer finite in epoch {epoch + 1}; the parameters of the best epoch "
        "before it are kept; try a smaller learning rate",
        DivergenceWarning,
        stacklevel=4,
    )
