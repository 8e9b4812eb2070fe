"""``Doctor`` examines a training as a callback; ``diagnose`` trains a copy of a model for it."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from deepcore import _checks
from deepcore._defaults import BATCH_SIZE, SHUFFLE
from deepcore._keywords import checked, checked_class
from deepcore._network.examples import Examples, is_sparse
from deepcore._network.network import Network, Snapshot
from deepcore.callbacks import EpochRecord, RunStart
from deepcore.doctor.examination import examine
from deepcore.doctor.training_run import Outcome, TrainingRun
from deepcore.doctor.vocabulary import Findings
from deepcore.history import History
from deepcore.model import Model
from deepcore.optimizers import LBFGS, Optimizer, OptimizerState
from deepcore.typing import Array, ClassWeight, OptimizerName, Trained

__all__ = ["Doctor", "diagnose"]

# The most examples, and the most features in all, that are kept for an examination.
_MOST_ROWS = 20_000
_MOST_NUMBERS = 50_000_000


@checked_class
class Doctor:
    """Finds out why a network does not learn: a callback of ``fit``, whose ``findings`` name causes.

    During the training it only copies numbers, so the training has the same bits with it and without it.
    When ``findings`` is read for the first time, it looks at the data, at the first and the last parameters
    and at the history, and trains a usual network on the same rows. If that one is clearly better, it repeats
    the training with one change at a time, and names the change that cures it. Together these trainings often
    take about as long as the training itself.

    Of more than 20 000 examples a random 20 000 are examined.

    Args:
        proof: Repeat the training with the advice of every problem; ``finding.proof`` has both scores.

    Attributes:
        findings: What was found in the last training, most important first; ``print`` shows it.

    Raises:
        TypeError: if ``proof`` is not True or False; in ``fit_batches`` and other trainings that do not show
            their examples to callbacks.

    Example:
        >>> import numpy as np, deepcore as dc
        >>> X, y = dc.data.moons(400, seed=1)
        >>> doctor = dc.Doctor()
        >>> model = dc.mlp([2, 16, 1], seed=1)
        >>> history = model.fit(1000 * X, y, dc.Adam(0.01), epochs=20, callbacks=[doctor])
        >>> doctor.findings[0].cause
        'inputs_not_scaled'
    """

    def __init__(self, *, proof: bool = False) -> None:
        self.proof = _true_or_false("Doctor", proof)
        self._witness = _Witness()
        self._findings: Findings | None = None

    def on_run(self, start: RunStart) -> None:
        """Copy what the training starts from."""
        self._findings = None
        self._witness.on_run(start)

    def on_start(self, model: Trained) -> None:
        """Refuse a training that does not show its examples."""
        self._witness.on_start(model)

    def __call__(self, record: EpochRecord) -> bool:
        """Do nothing: the history has the numbers of the epochs."""
        return self._witness(record)

    def next_epoch(self, epoch: int) -> int:
        """Return a number above that of every epoch, because it needs no calls."""
        return self._witness.next_epoch(epoch)

    def on_end(self, model: Trained) -> None:
        """Copy the last parameters."""
        self._witness.on_end(model)

    @property
    def findings(self) -> Findings:
        """What was found in the last training; worked out when it is first read.

        Raises:
            RuntimeError: if no epoch of a training is finished yet.
        """
        if self._findings is None:
            self._findings = examine(self._witness.outcome(), proof=self.proof)
        return self._findings

    def __repr__(self) -> str:
        return f"Doctor(proof={self.proof})"


class _Witness:
    """A callback that keeps what a training starts from and what comes out."""

    def __init__(self) -> None:
        self.run: TrainingRun | None = None
        self.history: History | None = None
        self.end: Snapshot | None = None
        self.epochs = 0  # that the training was asked for
        self.announced = False  # whether ``on_run`` came before ``on_start``

    def on_run(self, start: RunStart) -> None:
        self.run, self.history, self.end = _training_run(start), start.history, None
        self.epochs, self.announced = start.epochs, True

    def on_start(self, model: Trained) -> None:
        if not self.announced:
            raise TypeError(
                "Doctor: it works in fit of a Model; this training does not show its examples to callbacks"
            )
        self.announced = False

    def __call__(self, record: EpochRecord) -> bool:
        return False

    def next_epoch(self, epoch: int) -> int:
        return sys.maxsize

    def on_end(self, model: Trained) -> None:
        self.end = model.snapshot()

    def outcome(self) -> Outcome:
        """What came out of the training."""
        if self.run is None or self.history is None or self.end is None:
            raise RuntimeError(
                "Doctor: findings need a finished training; pass the doctor to fit(callbacks=[doctor])"
            )
        run = self._with_its_epochs(self.run, self.history)
        return Outcome(run, Network(run.spec, self.end), self.history)

    def _with_its_epochs(self, run: TrainingRun, history: History) -> TrainingRun:
        """Return the run with the epochs that were trained, which are fewer if a callback ended it."""
        if history.diverged_at_step is not None or isinstance(run.optimizer, LBFGS):
            return run
        if history.epochs == 0:
            raise RuntimeError("Doctor: findings need a finished epoch, and the training ended before that")
        return replace(run, epochs=-(-run.epochs * history.epochs // self.epochs))

    def outcome_of(self, model: Model) -> Outcome:
        """The same, but with the parameters of a model that was trained elsewhere."""
        outcome = self.outcome()
        run = replace(outcome.run, known_start=False)
        return Outcome(run, Network(run.spec, model.snapshot()), outcome.history)


@checked("diagnose")
def diagnose(
    model: Model,
    X: object,
    y: object,
    optimizer: Optimizer | OptimizerState | LBFGS | OptimizerName = "adam",
    *,
    epochs: int = 10,
    batch_size: int | None = BATCH_SIZE,
    shuffle: bool = SHUFFLE,
    sample_weight: object = None,
    class_weight: ClassWeight = None,
    validation_data: tuple[Any, ...] | None = None,
    validation_split: float = 0.0,
    threads: int | None = None,
    proof: bool = False,
) -> Findings:
    """Find out why ``model.fit`` with the same arguments does not learn.

    A copy of the model is trained, and ``Doctor`` examines that training. The model is not changed.

    Args:
        model: The model, before its training or after it. The copy of a trained model starts again from the
            weights that its seed draws, and the parameters of the model count as what came out.
        X: (m, n_x); it and the other arguments are those of ``fit``.
        optimizer: As in ``fit``; of a state, its description.
        validation_data: Without it, the doctor judges by the training rows, and cannot see overfitting.
        proof: As in ``Doctor``.

    Returns:
        The findings, most important first.

    Raises:
        TypeError: if an argument has another type.
        ValueError: if ``fit`` would refuse an argument.

    Example:
        >>> import deepcore as dc
        >>> X, y = dc.data.moons(400, seed=1)
        >>> model = dc.mlp([2, 16, 1], seed=1)
        >>> findings = dc.diagnose(model, X, y, dc.Adam(1e-6), epochs=20, batch_size=32)
        >>> findings[0].cause
        'learning_rate_too_low'
    """
    if not isinstance(model, Model):
        raise TypeError(f"diagnose: model must be a Model, got {type(model).__name__}")
    start = None if model.epochs_trained else model.network.snapshot()
    twin = Model.from_network(Network(model.spec, start))
    witness, proof = _Witness(), _true_or_false("diagnose", proof)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the findings say it
        twin.fit(
            X,
            y,
            optimizer.optimizer if isinstance(optimizer, OptimizerState) else optimizer,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            sample_weight=sample_weight,
            class_weight=class_weight,
            validation_data=validation_data,
            validation_split=validation_split,
            threads=threads,
            callbacks=[witness],
        )
    outcome = witness.outcome_of(model) if model.epochs_trained else witness.outcome()
    return examine(outcome, proof=proof)


def _true_or_false(who: str, proof: object) -> bool:
    if not isinstance(proof, bool):
        raise TypeError(f"{who}: proof must be True or False, got {_checks.shown(proof)}")
    return proof


def _training_run(start: RunStart) -> TrainingRun:
    """Copy what an examination needs, of at most so many rows."""
    spec = start.network.spec
    m = len(start.data.y)
    most = max(1, min(_MOST_ROWS, _MOST_NUMBERS // spec.inputs))
    data = _part(start.data, most, spec.dtype)
    state = start.optimizer
    return TrainingRun(
        spec,
        start.network.snapshot(),
        data,
        None if start.validation is None else _part(start.validation, most, spec.dtype),
        state if isinstance(state, LBFGS) else state.optimizer,
        -(-start.epochs * m // len(data.y)),
        min(start.batch_size, len(data.y)),
        start.shuffle,
        1.0 if isinstance(state, LBFGS) else state.rate_scale,
    )


def _part(data: Examples, most: int, dtype: np.dtype[Any]) -> Examples:
    """Copy the examples as dense arrays, or a random part of them."""
    m = len(data.y)
    rows: Array | slice = slice(None)
    if m > most:
        rows = np.sort(np.random.default_rng(0).permutation(m)[:most])
    X = data.X[rows]
    dense = X.toarray() if is_sparse(X) else X
    weight = None if data.weight is None else data.weight[rows].copy()
    return Examples(np.array(dense, dtype=dtype, order="C"), data.y[rows].copy(), weight)
