"""The solvers "sgd" and "adam": the epochs of a fit, with scikit-learn's random numbers and rules."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from deepcore._network.examples import Examples
from deepcore._network.network import Snapshot
from deepcore._training import identity
from deepcore._training.checkpoint import Position, RunFile, Unsaved, find
from deepcore.callbacks import EpochRecord, listening, polling, stops
from deepcore.sklearn.coefficients import Coefficients
from deepcore.sklearn.lbfgs import NON_FINITE
from deepcore.sklearn.record import Record, Settings

__all__ = ["Data", "Epochs"]

# The settings that must be the same when a saved run goes on.
_COMPARED = ("alpha", "tol", "shuffle", "early_stopping", "n_iter_no_change")


@dataclass
class Data:
    """The training examples of a fit, and the validation data with their score if there are any."""

    examples: Examples
    score: Callable[[], float] | None = None
    held_out: Examples | None = None


class Epochs:
    """Draw the orders of the epochs of a fit, record and print their numbers, and decide when to stop.

    Args:
        coefficients: Network and optimizer of the estimator.
        data: Training examples, and the score of the validation data.
        settings: The estimator's arguments.
        record: The record of earlier fits, which is continued.
    """

    def __init__(self, coefficients: Coefficients, data: Data, settings: Settings, record: Record) -> None:
        assert coefficients.stepper is not None
        self.model, self.network, self.stepper = (
            coefficients.model, coefficients.network, coefficients.stepper
        )  # fmt: skip
        self.data, self.settings, self.record = data, settings, record
        self.m = len(data.examples.y)
        # After an earlier fit (warm_start) these are the best parameters of that fit.
        self.best = self.network.snapshot() if settings.early_stopping else None
        self.stopped = False
        record.open(settings.early_stopping)
        self.order = np.arange(self.m, dtype=np.int64)
        self._drawn = False  # whether this is the order of an epoch

    def run(self) -> Record:
        """Train until ``max_iter``, convergence, divergence or Ctrl-C, or until a callback ends it."""
        settings, record = self.settings, self.record
        size = settings.batch_size
        batch = min(200, self.m) if size == "auto" else int(np.clip(size, 1, self.m))
        if size != "auto" and size > self.m:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
                stacklevel=5,
            )
        record.n_iter = 0
        epochs = 1 if settings.incremental else int(settings.max_iter)
        position = Position(self.network.epochs_trained, self.stepper.state.steps)
        file = self._file(position, batch, epochs)
        finished, whole, ended, diverged = file.open(), False, False, False
        try:
            try:
                with listening(settings.callbacks, self.model):
                    file.started()
                    if not finished:
                        with file.saving():
                            diverged = self._train(batch, epochs, position, file)
                    file.loop_ended(diverged)
                    whole = not finished
            except KeyboardInterrupt:
                warnings.warn("Training interrupted by user.", stacklevel=5)
            if self.best is not None:  # also if the run diverged or was interrupted
                self.network.restore(self.best)
            if diverged:
                self._report_divergence()
            ended = whole  # a divergence that raises an error is met again by the next call
        finally:
            file.close(ended)
        if not diverged and record.n_iter == settings.max_iter and not (self.stopped or settings.incremental):
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({settings.max_iter:d}) reached and the "
                "optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=5,
            )
        return record

    def _train(self, batch: int, epochs: int, position: Position, file: Unsaved) -> bool:
        """Train in the native loop, and return True if the loss became infinite or NaN."""
        settings, state = self.settings, self.stepper.state
        if not self._drawn:
            self._draw()  # the first order; between epochs on_epoch writes the next one into the same array
        position.begin(state.steps, batch)
        poll = polling(settings.callbacks)

        def on_epoch(_: int, loss: float) -> bool:
            file.between = True
            position.epoch_ended(state.steps)
            self.stopped = file.stopped = self._epoch_ended(position.epoch - 1, loss)
            if not self.stopped and position.epoch < epochs:
                self._draw()
            file.between = False
            return file.epoch_ended() or self.stopped

        def on_poll() -> bool:
            if poll is not None:
                poll()
            return file.due()

        _, bad = self.network.train(
            self.data.examples, state.native, batch, epochs - position.epoch, threads=settings.threads,
            first_epoch=position.first_epoch + position.epoch, on_epoch=on_epoch, on_poll=on_poll,
            order=self.order if settings.shuffle and batch < self.m else None, place=position.place,
            on_pause=file.pause,
        )  # fmt: skip
        return bad >= 0

    def _file(self, position: Position, batch: int, epochs: int) -> Unsaved:
        """The file of the run, if a callback asks for one."""
        settings, stepper = self.settings, self.stepper
        saver = find("fit", settings.callbacks)
        if saver is None:
            return Unsaved()
        if settings.incremental:
            raise ValueError(
                "partial_fit: callbacks must not hold a Checkpoint, because every call is a run of its own; "
                "pickle the estimator between the calls"
            )
        examples = identity.cached(self.data.examples)
        held_out = self.data.held_out and identity.of_examples(self.data.held_out)

        def describe(steps: int) -> dict[str, Any]:
            return {
                **examples(),
                "validation data": held_out,
                "batch_size": batch,
                "optimizer": identity.of_optimizer(stepper.state.optimizer, steps),
                "learning_rate": stepper.schedule,
                "power_t": stepper.power_t,
                **{name: getattr(settings, name) for name in _COMPARED},
            }

        return RunFile(
            "fit", saver, self.network, self.model.extras, position,
            {"optimizer": stepper.state, "history": self}, settings.callbacks, describe,
            (epochs, epochs * -(-self.m // batch)),
        )  # fmt: skip

    # What changes from epoch to epoch is a part of a run that is saved.

    def state(self) -> dict[str, Any]:
        """Copy the record, the order of the examples, the generator and the best parameters."""
        return {
            "record": vars(self.record),
            "order": self.order,
            "drawn": self._drawn,
            "generator": self.settings.random_state.get_state(legacy=False),
            "best": None if self.best is None else self.best._asdict(),
            "stopped": self.stopped,
        }

    def set_state(self, state: Any) -> None:
        """Go on from what ``state`` returned."""
        for name, value in state["record"].items():
            setattr(self.record, name, value)
        self.order[:], self._drawn = state["order"], state["drawn"]
        self.settings.random_state.set_state(state["generator"])
        self.best = None if state["best"] is None else Snapshot(**state["best"])
        self.stopped = state["stopped"]
        self.stepper.learning_rate = self.stepper.state.learning_rate

    def _draw(self) -> None:
        """Draw the next order as ``sklearn.utils.shuffle`` does: a shuffled index into the last order."""
        self._drawn = True
        if self.settings.shuffle:
            index = np.arange(self.m)
            self.settings.random_state.shuffle(index)
            self.order[:] = self.order[index]

    def _epoch_ended(self, epoch: int, loss: float) -> bool:
        """Record an epoch, and return True to end the training."""
        settings, record, stepper = self.settings, self.record, self.stepper
        record.n_iter += 1
        record.loss = loss
        record.t += self.m
        record.loss_curve.append(loss)
        if settings.verbose:
            print(f"Iteration {record.n_iter}, loss = {loss:.8f}")
        numbers = {"loss": loss}
        if self.data.score is not None:
            numbers[settings.score_name] = self._score(self.data.score)
        self._count_improvement()
        stepper.epoch_ended(record.t)
        stop = self._listen(epoch, numbers)
        if record.no_improvement_count > settings.n_iter_no_change:
            verdict = stepper.give_up()
            if settings.verbose:
                what = "Validation score" if settings.early_stopping else "Training loss"
                print(
                    f"{what} did not improve more than tol={settings.tol:f} for "
                    f"{settings.n_iter_no_change:d} consecutive epochs. "
                    f"{verdict or f'Setting learning rate to {stepper.learning_rate:f}'}"
                )
            if verdict:
                return True
            record.no_improvement_count = 0
        return stop

    def _score(self, compute: Callable[[], float]) -> float:
        score = float(compute())
        if self.record.validation_scores is None:
            self.record.validation_scores = []
        self.record.validation_scores.append(score)
        if self.settings.verbose:
            print(f"Validation score: {score:f}")
        return score

    def _count_improvement(self) -> None:
        """Count epochs without improvement, by the validation score with early stopping, else by the loss."""
        record, tol = self.record, self.settings.tol
        if not self.settings.early_stopping:
            assert record.best_loss is not None
            loss = record.loss_curve[-1]
            worse = loss > record.best_loss - tol
            record.best_loss = min(record.best_loss, loss)
        else:
            assert record.validation_scores is not None
            assert record.best_validation_score is not None
            score = record.validation_scores[-1]
            worse = score < record.best_validation_score + tol
            if score > record.best_validation_score:
                record.best_validation_score = score
                self.best = self.network.snapshot()
        record.no_improvement_count = record.no_improvement_count + 1 if worse else 0

    def _listen(self, epoch: int, numbers: dict[str, float]) -> bool:
        callbacks = self.settings.callbacks
        if not callbacks:
            return False
        seen = EpochRecord(epoch, self.settings.max_iter, numbers, self.model, self.stepper.state)
        return stops(callback(seen) for callback in callbacks)

    def _report_divergence(self) -> None:
        layer = self.network.first_bad_layer(self.data.examples.X)
        where = (
            f"the loss was no longer finite in epoch {self.record.n_iter + 1}, first in layer {layer}; try a "
            "smaller learning_rate_init, clip_norm=1, or features scaled to mean 0 and variance 1"
        )
        if self.best is None:
            raise ValueError(f"{NON_FINITE} Here {where}.")
        self.record.loss_curve.append(math.nan)
        if self.record.validation_scores is not None:
            self.record.validation_scores.append(math.nan)
        warnings.warn(
            f"Stochastic Optimizer: {where}; the parameters are those of the best validation score.",
            ConvergenceWarning,
            stacklevel=5,
        )
