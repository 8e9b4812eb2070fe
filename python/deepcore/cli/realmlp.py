"""``--recipe realmlp``: RealMLP, a network for tables with strong defaults, as ``train`` uses it."""

from __future__ import annotations

import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from deepcore._realmlp.ensemble import FittedSplit, Rows, Table, auto_batch, fit_splits
from deepcore._realmlp.recipe import Recipe
from deepcore._realmlp.training import Rules
from deepcore._training.checkpoint import Checkpoints
from deepcore.callbacks import EpochRecord
from deepcore.cli.networks import progress_style
from deepcore.cli.output import warn
from deepcore.cli.settings import Settings
from deepcore.exceptions import DivergenceWarning
from deepcore.progress import Progress
from deepcore.typing import Array

__all__ = ["VARIANTS", "Fitted", "Table", "facts", "fit"]

#: The variants by what ``--recipe`` calls them.
VARIANTS = {"realmlp": "td_s", "realmlp-td": "td"}

# The batch size of the recipe; larger tables take larger ones.
_BATCH = 256


class Fitted:
    """The trained networks, and what was recorded.

    Args:
        splits: What ``fit_splits`` returned.
        classes: Whether classes are predicted.
        interrupted: Whether Ctrl-C ended the training.

    Attributes:
        members: The networks, those of the first split first.
        histories: Of each split, the numbers of every epoch.
        best_epochs: Of each split, the epoch that is kept, from 0.
        interrupted: Whether Ctrl-C ended the training.
    """

    def __init__(self, splits: Sequence[FittedSplit], classes: bool, interrupted: bool) -> None:
        self.interrupted = interrupted
        self.members = [member for split in splits for member in split.members]
        self.histories = [_records(split, classes) for split in splits]
        self.best_epochs = [split.outcome.best_epoch - 1 for split in splits]


def recipe_of(settings: Settings, classes: bool, examples: int) -> Recipe:
    """Return the recipe with what the options change in it."""
    batch_size = settings.batch_size
    if batch_size is None:
        batch_size = max(auto_batch(examples), _BATCH)
    changes: dict[str, Any] = {
        "learning_rate": settings.learning_rate,
        "dropout": settings.dropout,
        "hidden": settings.layers,
        "epochs": settings.epochs,
        "batch_size": batch_size or examples,  # 0: all
    }
    given = {name: value for name, value in changes.items() if value is not None}
    return Recipe.of(VARIANTS[settings.recipe], classes, **given)


def facts(settings: Settings, classes: bool, inputs: int, outputs: int, examples: int) -> dict[str, Any]:
    """Return the hyperparameters, as they are printed and stored."""
    recipe = recipe_of(settings, classes, examples)
    return {
        "layers": "-".join(map(str, (inputs, *recipe.hidden, outputs))),
        "activation": recipe.activation,
        "optimizer": "adam",
        "learning_rate": recipe.learning_rate,
        "epochs": recipe.epochs,
        "batch_size": min(recipe.batch_size, examples),
        "dropout": recipe.dropout or None,
        "label_smoothing": recipe.smoothing if classes else None,
    }


def fit(
    table: Table,
    truth: Array,
    splits: Sequence[Rows],
    settings: Settings,
    *,
    classes: int | None,
    weights: Array | None,
    checkpoints: Checkpoints | None = None,
) -> Fitted:
    """Train RealMLP on each split; Ctrl-C ends all trainings after an epoch, and their best epochs are kept.

    Args:
        table: Numbers and codes of all rows.
        truth: Class numbers (m,), or labels of a regression (m, k).
        splits: Training and validation rows of each split.
        settings: The options.
        classes: Number of classes, or None for a regression.
        weights: Weights of the rows, or None.
        checkpoints: The files of the trainings, whose ``stop`` ends them like Ctrl-C; or None.

    Raises:
        ValueError: If a loss is no longer finite before the first epoch has ended.
    """
    recipe = recipe_of(settings, classes is not None, len(splits[0][0]))
    epochs = recipe.epochs * len(splits)
    patience = None if settings.patience is None else (1.0, float(settings.patience))
    seconds = None if settings.time_limit is None else settings.time_limit / len(splits)
    with (
        warnings.catch_warnings(record=True) as caught,
        _interrupts(checkpoints) as interrupted,
        _Epochs(epochs, None) as shown,
    ):
        warnings.simplefilter("always", DivergenceWarning)

        def on_epoch(epoch: int, error: float) -> bool:
            name, value = _named(error, classes is not None)
            shown.show({name: value} if len(splits[0][1]) else {})
            return interrupted()

        fitted = fit_splits(
            table,
            truth,
            splits,
            recipe,
            classes=classes or 0,
            weights=weights,
            members=settings.ensemble,
            dtype=np.dtype(settings.dtype),
            rules=Rules(early_stopping=patience, seconds=seconds, on_epoch=on_epoch),
            calibrate=classes is not None,
            seed=settings.seed,
            checkpoints=checkpoints,
        )
    if any(split.outcome.best_epoch == 0 for split in fitted):
        raise ValueError("the loss is no longer finite in the first epoch; try a smaller --learning-rate")
    for warning in caught:
        if issubclass(warning.category, DivergenceWarning):
            warn(str(warning.message))
    return Fitted(fitted, classes is not None, interrupted())


def _records(split: FittedSplit, classes: bool) -> list[dict[str, float]]:
    losses, errors = split.outcome.losses, split.outcome.errors
    if not errors:
        return [{"loss": loss} for loss in losses]
    return [
        {"loss": loss} | dict([_named(error, classes)]) for loss, error in zip(losses, errors, strict=False)
    ]


def _named(error: float, classes: bool) -> tuple[str, float]:
    """What is shown of a validation error."""
    return ("val_accuracy", 1 - error) if classes else ("val_rmse", error)


class _Epochs:
    """Shows how many epochs of all splits have ended; the splits may be trained by several threads."""

    def __init__(self, epochs: int, model: Any) -> None:
        self._epochs, self._done, self._model = epochs, 0, model
        self._lock = threading.Lock()
        self._progress = Progress(sys.stdout, style=progress_style())

    def __enter__(self) -> _Epochs:
        self._progress.on_start(self._model)
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.on_end(self._model)

    def show(self, numbers: dict[str, float]) -> None:
        with self._lock:
            self._progress(EpochRecord(self._done, self._epochs, numbers, self._model))
            self._done += 1


@contextmanager
def _interrupts(checkpoints: Checkpoints | None) -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether Ctrl-C came, so that a training ends in order.

    The second Ctrl-C interrupts at once. Checkpoints are told of signals by the command.
    """
    if checkpoints is not None:
        checkpoints.listening = True
        try:
            yield lambda: checkpoints.stopping
        finally:
            checkpoints.listening = False
        return
    event = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is signal.SIG_IGN:
        yield event.is_set
        return

    def note(number: int, frame: object) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    signal.signal(signal.SIGINT, note)
    try:
        yield event.is_set
    finally:
        signal.signal(signal.SIGINT, before)
