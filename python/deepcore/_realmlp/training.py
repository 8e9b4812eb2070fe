"""The training of RealMLP on one split: members, epochs, validation and the best epoch."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from deepcore import _core
from deepcore._network.examples import Examples
from deepcore._network.network import Network, Snapshot, TrainingStep
from deepcore._realmlp.recipe import Recipe
from deepcore._realmlp.start import start_from_rows, start_normal
from deepcore._realmlp.targets import Classes, Numbers
from deepcore._training import identity
from deepcore._training.checkpoint import Position, RunFile, Unsaved
from deepcore._training.factors import StepFactors
from deepcore.callbacks import Checkpoint
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
        on_epoch: Called with the epoch, from 1, and the validation error; True ends the training, which goes
            on later if it has a checkpoint.
        checkpoint: The file that keeps the state of the training, or None.
    """

    metric: str = "error"
    early_stopping: tuple[float, float] | None = None
    seconds: float | None = None
    threads: int = 0
    on_epoch: Callable[[int, float], bool] | None = None
    checkpoint: Checkpoint | None = None


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
    run, position = _Run(members), Position(0, 0)
    file = _file(run, position, split, recipe, rules)
    finished, ended = file.open(), False
    try:
        file.started()
        if not finished:
            with file.saving():
                file.stopped = _train_epochs(run, position, file, split, recipe, rules, orders)
        file.loop_ended(False)
        for member, snapshot in zip(members, run.best, strict=False):
            member.network.restore(snapshot)
        ended = not finished
    finally:
        file.close(ended)
    return run.outcome


def _train_epochs(
    run: _Run,
    position: Position,
    file: Unsaved,
    split: Split,
    recipe: Recipe,
    rules: Rules,
    orders: Sequence[Orders] | None,
) -> bool:
    """Train until a rule or an interrupt ends the epochs; return whether it was a rule."""
    outcome, members, batch, count = run.outcome, run.members, split.batch(recipe), len(split.data.y)
    for epoch in run.clock.epochs(position.epoch, recipe.epochs, rules.seconds):
        file.between = True  # the members have not made the same steps: nothing can be saved
        losses = []
        for number, member in enumerate(members):
            if orders is not None:
                rows = orders[number](epoch)
            else:
                rows = _core.permutation(member.network.spec.seed, epoch, count)[: count // batch * batch]
            loss, fine = member.train(split.data, rows, batch, rules.threads)
            losses.append(loss)
            if not fine:
                if run.best:  # otherwise the best epoch is 0, and the caller raises an error
                    _warn_of_divergence(epoch)
                return True
        outcome.losses.append(float(np.mean(losses)))
        error = -float(epoch)  # without validation rows every epoch is better than the one before
        if split.X_val is not None:
            networks = [member.network for member in members]
            predicted = predict_members(networks, split.X_val, split.targets, rules.threads)
            error = split.targets.error(split.y_val, predicted, rules.metric, split.weight_val)  # type: ignore[arg-type]
            outcome.errors.append(error)
        if run.best and _patience_is_over(rules, epoch + 1, outcome.best_epoch):
            return True  # this epoch does not count
        if error <= run.lowest or not run.best:  # ties go to the later epoch
            run.lowest, outcome.best_epoch = error, epoch + 1
            run.best = [member.network.snapshot() for member in members]
        interrupted = rules.on_epoch is not None and rules.on_epoch(epoch + 1, error)
        if interrupted and rules.checkpoint is not None:
            rules.checkpoint.stop()
        position.epoch_ended(members[0].state.steps)
        file.between = False
        if file.epoch_ended() or interrupted:
            return False
    return True


def _patience_is_over(rules: Rules, epoch: int, best: int) -> bool:
    """Whether early stopping ends the training with this epoch."""
    if rules.early_stopping is None:
        return False
    factor, more = rules.early_stopping
    return epoch > factor * best + more


class _Clock:
    """Counts the time of the epochs, without the time between two processes."""

    def __init__(self) -> None:
        self.elapsed = self.longest = 0.0

    def epochs(self, first: int, epochs: int, seconds: float | None) -> Iterator[int]:
        """Yield epochs; stop before one that, as long as the longest so far, would exceed the limit."""
        last = time.monotonic()
        for epoch in range(first, epochs):
            if seconds is not None and epoch and self.elapsed + self.longest > seconds:
                return
            yield epoch
            now = time.monotonic()
            self.elapsed, self.longest, last = self.elapsed + now - last, max(self.longest, now - last), now


class _Run:
    """The training of one split so far: a part of its checkpoint, with the best parameters in it."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members, self.outcome, self.clock = members, Outcome(), _Clock()
        self.lowest, self.best = np.inf, list[Snapshot]()

    def state(self) -> dict[str, Any]:
        """Copy everything that changes, besides the members."""
        return {
            "losses": np.array(self.outcome.losses),
            "errors": np.array(self.outcome.errors),
            "best_epoch": self.outcome.best_epoch,
            "lowest": self.lowest,
            "best": [list(snapshot) for snapshot in self.best],
            "seconds": [self.clock.elapsed, self.clock.longest],
        }

    def set_state(self, state: Any) -> None:
        """Go on from what ``state`` returned."""
        self.outcome.losses[:] = state["losses"].tolist()
        self.outcome.errors[:] = state["errors"].tolist()
        self.outcome.best_epoch, self.lowest = state["best_epoch"], state["lowest"]
        self.best = [Snapshot(*arrays) for arrays in state["best"]]
        self.clock.elapsed, self.clock.longest = state["seconds"]


class _FurtherMembers:
    """The members of a split after the first one, as a part of its checkpoint."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = members

    def state(self) -> dict[str, Any]:
        states = [
            {
                "numbers": list(member.network.snapshot()),
                "epochs": member.network.epochs_trained,
                "optimizer": member.state.state(),
            }
            for member in self._members
        ]
        return {"members": states}

    def set_state(self, state: Any) -> None:
        for member, own in zip(self._members, state["members"], strict=True):
            member.network.restore(Snapshot(*own["numbers"]))
            member.network.epochs_trained = own["epochs"]
            member.state.set_state(own["optimizer"])


def _file(run: _Run, position: Position, split: Split, recipe: Recipe, rules: Rules) -> Unsaved:
    """Return the file of this training if the rules ask for one."""
    if rules.checkpoint is None:
        return Unsaved()
    first, *others = run.members
    fixed = {name: value for name, value in asdict(recipe).items() if name != "epochs"}

    def describe(steps: int) -> dict[str, Any]:
        validation = [split.X_val, split.y_val, split.weight_val]
        return {
            **identity.of_examples(split.data),
            "validation data": [None if array is None else identity.of_array(array) for array in validation],
            "recipe": fixed,
            "seeds": [member.network.spec.seed for member in run.members],
            "early_stopping": rules.early_stopping,
            "validation_metric": rules.metric,
        }

    return RunFile(
        "fit", rules.checkpoint, first.network, {}, position,
        {"optimizer": first.state, "history": run, "members": _FurtherMembers(others)}, (), describe,
        (recipe.epochs, split.steps(recipe)), "the recipe's schedule of the learning rate",
    )  # fmt: skip


def _warn_of_divergence(epoch: int) -> None:
    warnings.warn(
        f"RealMLP: the loss was no longer finite in epoch {epoch + 1}; the parameters of the best epoch "
        "before it are kept; try a smaller learning rate",
        DivergenceWarning,
        stacklevel=4,
    )
