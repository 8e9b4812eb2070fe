"""solver="sgd" and "adam": the data of one fit, and its epochs with scikit-learn's draws and rules."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from deepcore.callbacks import EpochRecord, Stopped, listening, polling, stops
from deepcore.sklearn.lbfgs import NON_FINITE
from deepcore.typing import Array

__all__ = ["Data", "Epochs"]


@dataclass
class Data:
    """What an estimator is trained on, and the score of what was set aside, if anything was."""

    X: Any
    y: Array
    weight: Array | None
    score: Any

    @classmethod
    def of(cls, estimator: Any, X: Any, y: Array, weight: Any, stratify: Any, validation: Any) -> Data:
        """Split off ``validation_fraction`` for early stopping, with the draws that scikit-learn makes."""
        dtype = estimator._network.model.dtype
        if weight is not None:
            weight = weight.astype(dtype, copy=False)
        too_small = (
            "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
        )
        if validation is not None:
            checked = estimator._validation(validation)
            if estimator.early_stopping and len(checked[1]) < 2:
                raise ValueError(too_small)
            return cls(X, y, weight, estimator._scorer(*checked))
        if not estimator.early_stopping:
            return cls(X, y, weight, None)
        train, held = train_test_split(
            np.arange(len(y)),
            random_state=estimator._random_state,
            test_size=estimator.validation_fraction,
            stratify=stratify,
        )
        if len(held) < 2:
            raise ValueError(too_small)

        def part(index: Array) -> tuple[Any, Array, Array | None]:
            return X[index], y[index], None if weight is None else weight[index]

        return cls(*part(train), estimator._scorer(*part(held)))


class Epochs:
    """One run of epochs of an estimator: what is drawn, kept and printed, and when it ends."""

    def __init__(self, estimator: Any, data: Data, incremental: bool) -> None:
        self.estimator, self.data, self.incremental = estimator, data, incremental
        self.network = estimator._network
        self.m = len(data.y)
        # After an earlier fit (warm_start) these are the best of that one.
        self.best = self.network.snapshot() if estimator.early_stopping else None
        self.stopped = False
        if estimator.early_stopping and estimator.best_validation_score_ is None:
            estimator.best_validation_score_ = -np.inf  # an earlier fit stopped by its loss
        if not estimator.early_stopping and estimator.best_loss_ is None:
            estimator.best_loss_ = np.inf
        self.order = np.arange(self.m, dtype=np.int64)

    def run(self) -> None:
        """Train until ``max_iter``, convergence, a callback's word, divergence or Ctrl-C."""
        e = self.estimator
        batch = min(200, self.m) if e.batch_size == "auto" else int(np.clip(e.batch_size, 1, self.m))
        if e.batch_size != "auto" and e.batch_size > self.m:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
                stacklevel=5,
            )
        e.n_iter_ = 0
        epochs = 1 if self.incremental else int(e.max_iter)
        try:
            with listening(e.callbacks, self.network.model):
                diverged = self._train(batch, epochs)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=5)
            diverged = False
        except Stopped:
            diverged = False
        if self.best is not None:  # also of a run that diverged or was interrupted
            self.network.restore(self.best)
        if diverged:
            self._report_divergence()
        elif e.n_iter_ == e.max_iter and not (self.stopped or self.incremental):
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({e.max_iter:d}) reached and the optimization "
                "hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=5,
            )

    def _train(self, batch: int, epochs: int) -> bool:
        """The native loop; True if the loss became infinite or NaN."""
        data, network = self.data, self.network
        self._draw()  # the first order; between epochs on_epoch writes the next one into the same array
        last = epochs - 1

        def on_epoch(epoch: int, loss: float) -> bool:
            self.stopped = self._epoch_ended(epoch, loss)
            if not self.stopped and epoch < last:
                self._draw()
            return self.stopped

        _, bad = network.model._network.train(
            data.X, data.y, network.stepper.state._native, batch, epochs, shuffle=False,
            seed=network.model.seed,
            sample_weight=data.weight, on_epoch=on_epoch, threads=self.estimator.n_threads or 0,
            on_poll=polling(self.estimator.callbacks),
            order=self.order if self.estimator.shuffle and batch < self.m else None,
        )  # fmt: skip
        return bool(bad >= 0)

    def _draw(self) -> None:
        """The next order, as ``sklearn.utils.shuffle`` draws it: a shuffled index into the last order."""
        if self.estimator.shuffle:
            index = np.arange(self.m)
            self.estimator._random_state.shuffle(index)
            self.order[:] = self.order[index]

    def _epoch_ended(self, epoch: int, loss: float) -> bool:
        """Keep the books of an epoch; True ends the training."""
        e, stepper = self.estimator, self.network.stepper
        e.n_iter_ += 1
        e.loss_ = loss
        e.t_ += self.m
        e.loss_curve_.append(loss)
        if e.verbose:
            print(f"Iteration {e.n_iter_}, loss = {loss:.8f}")
        numbers = {"loss": loss}
        if self.data.score is not None:
            numbers[e._score_name] = self._score()
        self._count_improvement()
        stepper.epoch_ended(e.t_)
        stop = self._listen(epoch, numbers)
        if e._no_improvement_count > e.n_iter_no_change:
            verdict = stepper.give_up()
            if e.verbose:
                what = "Validation score" if e.early_stopping else "Training loss"
                print(
                    f"{what} did not improve more than tol={e.tol:f} for {e.n_iter_no_change:d} consecutive "
                    f"epochs. {verdict or f'Setting learning rate to {stepper.learning_rate:f}'}"
                )
            if verdict:
                return True
            e._no_improvement_count = 0
        return stop

    def _score(self) -> float:
        e = self.estimator
        score = float(self.data.score())
        if e.validation_scores_ is None:
            e.validation_scores_ = []
        e.validation_scores_.append(score)
        if e.verbose:
            print(f"Validation score: {score:f}")
        return score

    def _count_improvement(self) -> None:
        """By the validation score where training stops early, else by the training loss."""
        e = self.estimator
        if not e.early_stopping:
            loss = e.loss_curve_[-1]
            e._no_improvement_count = e._no_improvement_count + 1 if loss > e.best_loss_ - e.tol else 0
            e.best_loss_ = min(e.best_loss_, loss)
            return
        score = e.validation_scores_[-1]
        worse = score < e.best_validation_score_ + e.tol
        e._no_improvement_count = e._no_improvement_count + 1 if worse else 0
        if score > e.best_validation_score_:
            e.best_validation_score_ = score
            self.best = self.network.snapshot()

    def _listen(self, epoch: int, numbers: dict[str, float]) -> bool:
        e = self.estimator
        if not e.callbacks:
            return False
        stepper = self.network.stepper
        record = EpochRecord(epoch, e.max_iter, numbers, self.network.model, stepper.state)
        return stops(callback(record) for callback in e.callbacks)

    def _report_divergence(self) -> None:
        e = self.estimator
        model = self.network.model
        layer = int(model._network.nonfinite_layer(self.data.X)) or len(model.layers)
        where = (
            f"the loss was no longer finite in epoch {e.n_iter_ + 1}, first in layer {layer}; try a smaller "
            "learning_rate_init, clip_norm=1, or features scaled to mean 0 and variance 1"
        )
        if self.best is None:
            raise ValueError(f"{NON_FINITE} Here {where}.")
        e.loss_curve_.append(math.nan)
        e.validation_scores_.append(math.nan)
        warnings.warn(
            f"Stochastic Optimizer: {where}; the parameters are those of the best validation score.",
            ConvergenceWarning,
            stacklevel=5,
        )
