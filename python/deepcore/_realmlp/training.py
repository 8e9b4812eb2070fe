"""The training of RealMLP on one split: members, epochs, validation and the best epoch."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from deepcore import _core
from deepcore._network.examples import Examples
from deepcore._network.network import Network, Snapshot
from deepcore._realmlp.recipe import Recipe
from deepcore._realmlp.start import start_from_rows, start_normal
from deepcore._realmlp.targets import Classes, Numbers
from deepcore._training import many
from deepcore._training.factors import StepFactors
from deepcore.callbacks import Checkpoint
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
    "train_splits",
]


class Member:
    """One network, its optimizer and the schedules of a run of ``steps`` steps."""

    def __init__(self, network: Network, recipe: Recipe, steps: int) -> None:
        self.network = network
        self.state = OptimizerState(recipe.optimizer(network.spec.outputs), network, steps)
        self.steps = steps
        self.factors = StepFactors("fit", network.spec, **recipe.schedules())

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
        clock: That of the time limit.
    """

    def __init__(self, members: Sequence[Member], split: Split, recipe: Recipe, rules: Rules) -> None:
        self.members, self.split, self.recipe, self.rules = members, split, recipe, rules
        self.outcome, self.threads = Outcome(), rules.threads
        self.clock = _Clock(rules.seconds)
        self._best: list[Snapshot] = []
        self._lowest = np.inf

    def on_poll(self) -> None:
        """Start the clock of the time limit when the first steps are made."""
        self.clock.start()

    def __call__(self, record: Mapping[str, float]) -> bool:
        """Record an epoch with the mean loss of the members; return True if a rule ends the training."""
        rules, outcome, split = self.rules, self.outcome, self.split
        outcome.losses.append(record["loss"])
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
        over = self.clock.next_epoch_is_too_late()
        if rules.on_epoch is None or not rules.on_epoch(epoch, error):
            return over
        if rules.checkpoint is not None:
            rules.checkpoint.stop()
        return over or rules.checkpoint is None

    def on_end(self, model: object) -> None:
        """Put the best parameters back."""
        for member, snapshot in zip(self.members, self._best, strict=False):
            member.network.restore(snapshot)

    def state(self) -> dict[str, Any]:
        """Copy everything that changes, besides the members: a part of a checkpoint."""
        return {
            "losses": np.array(self.outcome.losses),
            "errors": np.array(self.outcome.errors),
            "best_epoch": self.outcome.best_epoch,
            "lowest": self._lowest,
            "best": [list(snapshot) for snapshot in self._best],
            "seconds": self.clock.state(),
        }

    def set_state(self, state: Any) -> None:
        """Go on from what ``state`` returned."""
        self.outcome.losses[:] = state["losses"].tolist()
        self.outcome.errors[:] = state["errors"].tolist()
        self.outcome.best_epoch, self._lowest = state["best_epoch"], state["lowest"]
        self._best = [Snapshot(*arrays) for arrays in state["best"]]
        self.clock.set_state(state["seconds"])


class _MemberFit(many.Fit):
    """The training of a member, for a number of epochs."""

    def __init__(self, index: int, training: SplitTraining, member: Member, epochs: int, **more: Any) -> None:
        network: Any = member.network
        super().__init__(
            index, network, network, member.state, training.split.data, None, epochs,
            training.split.batch(training.recipe), shuffle=True, drop_last=True, factors=member.factors,
            planned=member.steps, **more,
        )  # fmt: skip


class _SplitFit(_MemberFit):
    """The training of a split: its file holds all members, and the first one stands for all of them."""

    ends_within_epochs = False  # a split needs a whole epoch, the best one so far

    def __init__(self, index: int, training: SplitTraining) -> None:
        self.training = training
        first, epochs = training.members[0], training.recipe.epochs
        super().__init__(
            index, training, first, epochs, callbacks=[training], checkpoint=training.rules.checkpoint
        )
        self.members: list[_MemberFit] = []  # of the epoch that is trained, if there is a call for each
        self.diverged = -1  # the step of these calls whose loss was not finite

    @property
    def who(self) -> str:
        """The head of messages."""
        return f"RealMLP: split {self.index}"

    @property
    def extras(self) -> dict[str, Any]:
        """Nothing: a network is shown, not a model."""
        return {}

    def parts(self) -> dict[str, Any]:
        """Return what changes during the training, the further members among them."""
        return {**super().parts(), "members": _FurtherMembers(self.training.members[1:])}

    def spanning(self) -> str:
        """Name the schedule that spans the training."""
        return "the recipe's schedule of the learning rate"

    def described(self, steps: int, shared: many.SharedExamples) -> dict[str, Any]:
        """Describe everything that must be the same when the training goes on."""
        split, rules = self.training.split, self.training.rules
        validation = [split.X_val, split.y_val, split.weight_val]
        recipe = {name: value for name, value in asdict(self.training.recipe).items() if name != "epochs"}
        return {
            **shared.described(split.data),
            "validation data": [None if array is None else shared.digest(array) for array in validation],
            "recipe": recipe,
            "seeds": [member.network.spec.seed for member in self.training.members],
            "early_stopping": rules.early_stopping,
            "validation_metric": rules.metric,
        }

    def one_epoch(self) -> list[_MemberFit]:
        """Return the next epoch of every member."""
        self.file.between = True  # the members have not made the same steps: nothing can be saved
        self.members = [_MemberFit(self.index, self.training, member, 1) for member in self.training.members]
        return self.members

    def epoch_ended(self, results: Sequence[many.Result]) -> bool:
        """Record the epoch that the members have made; return whether there is another one."""
        for member, result in zip(self.members, results, strict=True):
            member.ended(result)
        self.diverged = max(bad for _, bad, *_ in results)
        if self.diverged >= 0:
            return False
        loss = float(np.mean([losses[0] for losses, *_ in results]))
        over = self.on_epoch(self.position.first_epoch + self.position.epoch, loss, None)
        return not over and self.position.epoch < self.epochs

    def warn_of_divergence(self) -> None:
        """Warn if a loss was no longer finite; if it was in the first epoch, the caller raises an error."""
        if self.history.diverged_at_step is None or self.training.outcome.best_epoch == 0:
            return
        warnings.warn(
            f"RealMLP: the loss was no longer finite in epoch {len(self.training.outcome.losses) + 1}; the "
            "parameters of the best epoch before it are kept; try a smaller learning rate",
            DivergenceWarning,
            stacklevel=4,
        )


def train_splits(trainings: Sequence[SplitTraining], threads: int) -> list[Outcome]:
    """Train all splits at the same time.

    With one member per split there is one native call, whose threads train whole networks. With several there
    is a native call per epoch, because the mean of the members of a split decides which epoch is the best.
    """
    fits = [_SplitFit(number, training) for number, training in enumerate(trainings)]
    many.read_files(fits, many.SharedExamples())
    available = threads or _core.num_threads()
    if any(len(training.members) > 1 for training in trainings):
        many.train(fits, threads, 0, lambda: _epoch_by_epoch(fits, available))
        return [training.outcome for training in trainings]
    for training in trainings:
        training.threads = max(1, available // len(trainings))
        if len(trainings) <= available:  # otherwise it starts with the first poll
            training.on_poll()
    many.train(fits, threads, 0)
    return [training.outcome for training in trainings]


def _epoch_by_epoch(fits: Sequence[_SplitFit], threads: int) -> list[many.Result]:
    """Train the members of all splits with a native call per epoch."""
    running = [fit for fit in fits if not fit.finished and fit.position.epoch < fit.epochs]
    while running:
        members = [member for fit in running for member in fit.one_epoch()]
        for fit in running:
            alone, together = -(-len(fit.members) // threads), -(-len(members) // threads)
            fit.training.clock.start(alone / together)
        results = iter(_core.train_many([member.native() for member in members], threads))
        running = [fit for fit in running if fit.epoch_ended([next(results) for _ in fit.members])]
    return [([], fit.diverged, [], []) for fit in fits]


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
        self._share = 1.0
        self._last: float | None = None
        self._elapsed = self._longest = 0.0

    def start(self, share: float = 1.0) -> None:
        """Start the clock if it does not run; count this share of the time from now on."""
        self._share = share
        if self._last is None:
            self._last = time.monotonic()

    def next_epoch_is_too_late(self) -> bool:
        """Return the answer at the end of an epoch."""
        now = time.monotonic()
        epoch = self._share * (now - (now if self._last is None else self._last))
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
