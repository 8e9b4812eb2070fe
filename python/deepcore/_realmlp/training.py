"""The training of RealMLP on one split: members, epochs, validation and the best epoch."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from deepcore import _core
from deepcore._network.examples import Examples
from deepcore._network.network import Network, Snapshot, TrainingStep
from deepcore._realmlp.recipe import Recipe
from deepcore._realmlp.start import start_from_rows, start_normal
from deepcore._realmlp.targets import Classes, Numbers
from deepcore._training import identity, many
from deepcore._training.checkpoint import Position, RunFile, Unsaved
from deepcore._training.factors import StepFactors
from deepcore.callbacks import Checkpoint, EpochRecord
from deepcore.exceptions import DivergenceWarning
from deepcore.optimizers import OptimizerState
from deepcore.tabular import Encoding
from deepcore.typing import Array

__all__ = [
    "Member",
    "Outcome",
    "Rules",
    "Split",
    "SplitTraining",
    "make_member",
    "predict_members",
    "train_split",
    "train_splits",
]

_SCHEDULED = ("dropout", "smoothing")

#: Returns the rows of an epoch in the order in which they are trained on.
Orders = Callable[[int], Array]


class Member:
    """One network, its optimizer and the schedules of a run of ``steps`` steps."""

    def __init__(self, network: Network, recipe: Recipe, steps: int) -> None:
        self.network = network
        self.state = OptimizerState(recipe.optimizer(network.spec.outputs), network, steps)
        self.steps = steps
        self.factors = StepFactors("fit", network.spec, **recipe.schedules())
        self._factors = self.factors.native(steps)

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

    def numbers(self) -> dict[str, Any]:
        """Copy everything that training changes."""
        return {
            "numbers": list(self.network.snapshot()),
            "epochs": self.network.epochs_trained,
            "optimizer": self.state.state(),
        }

    def set_numbers(self, numbers: Any) -> None:
        """Put back what ``numbers`` returned."""
        self.network.restore(Snapshot(*numbers["numbers"]))
        self.network.epochs_trained = numbers["epochs"]
        self.state.set_state(numbers["optimizer"])


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
    """Return the mean of the members' probabilities, or of their outputs on the scale of y."""
    parts = [targets.decode(network.predict(X, None, threads)) for network in networks]
    return np.asarray(sum(parts) / len(parts))


class SplitTraining:
    """The training of the members of one split: scores them after every epoch, keeps the best parameters.

    The best epoch is that with the smallest error of the members' mean. It is a callback of ``many.Fit``.

    Args:
        members: Networks with their initial parameters.
        split: The training and validation rows.
        recipe: The planned epochs and the batch size.
        rules: How the training ends.

    Attributes:
        threads: Largest number of threads of a prediction; 0: the default.
        interrupted: ``rules.on_epoch`` ended the training.
        diverged: A loss was no longer finite.
    """

    def __init__(self, members: Sequence[Member], split: Split, recipe: Recipe, rules: Rules) -> None:
        self.members, self.split, self.recipe, self.rules = members, split, recipe, rules
        self.outcome, self.threads = Outcome(), rules.threads
        self.interrupted = self.diverged = False
        self._best: list[Snapshot] = []
        self._lowest = np.inf
        self._clock = _Clock(rules.seconds)

    def on_poll(self) -> None:
        """Start the clock of the time limit when the first steps are made."""
        self._clock.start()

    def __call__(self, record: EpochRecord) -> bool:
        """Record an epoch of the only member."""
        return self.ended(record["loss"])

    def ended(self, loss: float) -> bool:
        """Record an epoch with the mean loss of the members; return True if the training ends with it."""
        rules, outcome, split = self.rules, self.outcome, self.split
        outcome.losses.append(loss)
        epoch = len(outcome.losses)
        error = -float(epoch)  # without validation rows every epoch is better than the one before
        if split.X_val is not None:
            networks = [member.network for member in self.members]
            predicted = predict_members(networks, split.X_val, split.targets, self.threads)
            error = split.targets.error(split.y_val, predicted, rules.metric, split.weight_val)  # type: ignore[arg-type]
            outcome.errors.append(error)
        if self._best and _patience_is_over(rules, epoch, outcome.best_epoch):
            return True  # this epoch does not count
        if error <= self._lowest or not self._best:  # ties go to the later epoch
            self._lowest, outcome.best_epoch = error, epoch
            self._best = [member.network.snapshot() for member in self.members]
        self.interrupted = rules.on_epoch is not None and rules.on_epoch(epoch, error)
        return self.interrupted or self._clock.next_epoch_is_too_late()

    def finish(self) -> Outcome:
        """Put the best parameters back; warn if a loss was no longer finite."""
        if self.diverged and self._best:  # otherwise the best epoch is 0, and the caller raises an error
            _warn_of_divergence(len(self.outcome.losses) + 1)
        for member, snapshot in zip(self.members, self._best, strict=False):
            member.network.restore(snapshot)
        return self.outcome

    def state(self) -> dict[str, Any]:
        """Copy everything that changes, besides the members: a part of a checkpoint."""
        return {
            "losses": np.array(self.outcome.losses),
            "errors": np.array(self.outcome.errors),
            "best_epoch": self.outcome.best_epoch,
            "lowest": self._lowest,
            "best": [list(snapshot) for snapshot in self._best],
            "seconds": self._clock.state(),
        }

    def set_state(self, state: Any) -> None:
        """Go on from what ``state`` returned."""
        self.outcome.losses[:] = state["losses"].tolist()
        self.outcome.errors[:] = state["errors"].tolist()
        self.outcome.best_epoch, self._lowest = state["best_epoch"], state["lowest"]
        self._best = [Snapshot(*arrays) for arrays in state["best"]]
        self._clock.set_state(state["seconds"])


@dataclass
class _MemberFit(many.Fit):
    """Train a member in a native call, and keep the losses of the call."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.losses: list[float] = []
        self.diverged = False

    @property
    def who(self) -> str:
        """The head of messages."""
        return f"RealMLP: split {self.index}"

    def finish(self, losses: list[float], bad: int, val_losses: list[float], accuracies: list[float]) -> None:
        """Keep what the call gave; the caller warns if the training diverged."""
        self.losses, self.diverged = losses, bad >= 0


def _fit_of(training: SplitTraining, member: Member, number: int, epochs: int) -> _MemberFit:
    network: Any = member.network
    return _MemberFit(
        number, network, network, member.state, training.split.data, None, epochs,
        training.split.batch(training.recipe), shuffle=True, drop_last=True, factors=member.factors,
        planned=member.steps,
    )  # fmt: skip


def train_splits(trainings: Sequence[SplitTraining], threads: int) -> list[Outcome]:
    """Train splits with one member each in one native call; a thread trains whole networks."""
    fits, available = [], threads or _core.num_threads()
    for number, training in enumerate(trainings):
        training.threads = max(1, available // len(trainings))
        if len(trainings) <= available:  # otherwise it starts with the first poll
            training.on_poll()
        fit = _fit_of(training, training.members[0], number, training.recipe.epochs)
        fit.callbacks = [training]
        fits.append(fit)
    many.train(fits, threads, 0)
    for training, fit in zip(trainings, fits, strict=True):
        training.diverged = fit.diverged
    return [training.finish() for training in trainings]


def train_split(training: SplitTraining, orders: Sequence[Orders] | None = None) -> Outcome:
    """Train the members of a split side by side, with a native call per epoch.

    Args:
        training: What is trained.
        orders: One function per member that returns the order of the rows in an epoch; None: the permutation
            that follows from the seed of the network and the epoch.
    """
    position = Position(0, 0)
    file = _file(training, position)
    finished, ended = file.open(), False
    try:
        file.started()
        if not finished:
            with file.saving():
                file.stopped = _train_epochs(training, position, file, orders)
        file.loop_ended(False)
        outcome = training.finish()
        ended = not finished
    finally:
        file.close(ended)
    return outcome


def _train_epochs(
    training: SplitTraining, position: Position, file: Unsaved, orders: Sequence[Orders] | None
) -> bool:
    """Train until a rule or an interrupt ends the epochs; return whether it was a rule."""
    training.on_poll()
    for epoch in range(position.epoch, training.recipe.epochs):
        file.between = True  # the members have not made the same steps: nothing can be saved
        loss, fine = _train_epoch(training) if orders is None else _train_in_order(training, orders, epoch)
        training.diverged = not fine
        if training.diverged or (training.ended(loss) and not training.interrupted):
            return True
        if training.interrupted and training.rules.checkpoint is not None:
            training.rules.checkpoint.stop()
        position.epoch_ended(training.members[0].state.steps)
        file.between = False
        if file.epoch_ended() or training.interrupted:
            return False
    return True


def _train_epoch(training: SplitTraining) -> tuple[float, bool]:
    """Train every member for one epoch; return the mean loss, and whether every loss was finite."""
    fits = [_fit_of(training, member, number, 1) for number, member in enumerate(training.members)]
    many.train(fits, training.rules.threads, 0)
    fine = not any(fit.diverged for fit in fits)
    return (float(np.mean([fit.losses[0] for fit in fits])) if fine else np.nan), fine


def _train_in_order(training: SplitTraining, orders: Sequence[Orders], epoch: int) -> tuple[float, bool]:
    split, losses = training.split, []
    for member, order in zip(training.members, orders, strict=True):
        loss, fine = member.train(
            split.data, order(epoch), split.batch(training.recipe), training.rules.threads
        )
        losses.append(loss)
        if not fine:
            return np.nan, False
    return float(np.mean(losses)), True


def _patience_is_over(rules: Rules, epoch: int, best: int) -> bool:
    """Return whether early stopping ends the training with this epoch."""
    if rules.early_stopping is None:
        return False
    factor, more = rules.early_stopping
    return epoch > factor * best + more


class _Clock:
    """Tells whether one more epoch, as long as the longest so far, would exceed a time limit.

    It does not count the time between two processes that share a training.
    """

    def __init__(self, limit: float | None) -> None:
        self._limit = limit
        self._last: float | None = None
        self._elapsed = self._longest = 0.0

    def start(self) -> None:
        """Start the clock; later calls do nothing."""
        if self._last is None:
            self._last = time.monotonic()

    def next_epoch_is_too_late(self) -> bool:
        """Return the answer at the end of an epoch."""
        now = time.monotonic()
        epoch = now - (now if self._last is None else self._last)
        self._elapsed, self._longest, self._last = self._elapsed + epoch, max(self._longest, epoch), now
        return self._limit is not None and self._elapsed + self._longest > self._limit

    def state(self) -> list[float]:
        return [self._elapsed, self._longest]

    def set_state(self, state: Any) -> None:
        self._elapsed, self._longest = state


class _FurtherMembers:
    """The members of a split after the first one, as they are when the epochs end: a part of a checkpoint."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = members

    def state(self) -> dict[str, Any]:
        return {"members": [member.numbers() for member in self._members]}

    def set_state(self, state: Any) -> None:
        for member, numbers in zip(self._members, state["members"], strict=True):
            member.set_numbers(numbers)


def _file(training: SplitTraining, position: Position) -> Unsaved:
    """Return the file of this training if the rules ask for one."""
    members, split, recipe, rules = training.members, training.split, training.recipe, training.rules
    if rules.checkpoint is None:
        return Unsaved()
    fixed = {name: value for name, value in asdict(recipe).items() if name != "epochs"}

    def describe(steps: int) -> dict[str, Any]:
        validation = [split.X_val, split.y_val, split.weight_val]
        return {
            **identity.of_examples(split.data),
            "validation data": [None if array is None else identity.of_array(array) for array in validation],
            "recipe": fixed,
            "seeds": [member.network.spec.seed for member in members],
            "early_stopping": rules.early_stopping,
            "validation_metric": rules.metric,
        }

    return RunFile(
        "fit", rules.checkpoint, members[0].network, {}, position,
        {"optimizer": members[0].state, "history": training, "members": _FurtherMembers(members[1:])},
        (), describe,
        (recipe.epochs, split.steps(recipe)), "the recipe's schedule of the learning rate",
    )  # fmt: skip


def _warn_of_divergence(epoch: int) -> None:
    warnings.warn(
        f"RealMLP: the loss was no longer finite in epoch {epoch}; the parameters of the best epoch "
        "before it are kept; try a smaller learning rate",
        DivergenceWarning,
        stacklevel=4,
    )
