"""A network of your own: it is built by the options of ``train``, and trained with its best epoch kept."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deepcore._mlp import mlp
from deepcore.callbacks import EarlyStopping, EpochRecord, MaxSeconds
from deepcore.cli.checkpointing import Records
from deepcore.cli.mpi import group
from deepcore.cli.output import warn
from deepcore.cli.settings import Settings
from deepcore.exceptions import DeadUnitsWarning, DivergenceWarning
from deepcore.model import Model
from deepcore.progress import Progress
from deepcore.typing import Array

__all__ = ["DEFAULT_EPOCHS", "best_epoch", "build", "facts", "fit", "progress_style"]

DEFAULT_EPOCHS = 30
# More epochs than any training has; it does not depend on --epochs, so that a saved training can go on.
_NEVER = 2**31 - 1


def build(inputs: int, outputs: int, classes: int | None, settings: Settings, seed: int) -> Model:
    """Make a network with one sigmoid unit for two classes, softmax for more, linear units for numbers.

    Args:
        inputs: Number of inputs.
        outputs: Number of labels per example of a regression.
        classes: Number of classes, or None for a regression.
        settings: Its layers and so on.
        seed: Seed of the weights and of the order of the examples.
    """
    if classes is None:
        output = "linear"
    else:
        outputs, output = (1, "sigmoid") if classes == 2 else (classes, "softmax")
    return mlp(
        [inputs, *settings.network("layers"), outputs],
        activation=settings.network("activation"),
        output=output,  # type: ignore[arg-type]
        dropout=settings.network("dropout"),
        l2=settings.network("l2"),
        dtype=np.dtype(settings.dtype).type,
        seed=seed,
    )


def facts(model: Model, settings: Settings, examples: int) -> dict[str, Any]:
    """Return the hyperparameters, as they are printed and stored."""
    batch = settings.network("batch_size")
    return {
        "layers": "-".join(str(n) for n in (model.inputs, *(layer.units for layer in model.layers))),
        "activation": settings.network("activation"),
        "output": model.layers[-1].activation,
        "loss": model.loss,
        "optimizer": settings.network("optimizer"),
        **dataclasses.asdict(settings.rule()),
        "epochs": settings.epochs or DEFAULT_EPOCHS,
        "batch_size": min(batch, examples) or examples,
        "dropout": settings.network("dropout"),
        "l2": settings.network("l2"),
    }


def fit(
    model: Model,
    training: tuple[Array, Array],
    validation: tuple[Array, Array] | None,
    settings: Settings,
    records: list[dict[str, float]],
    callbacks: Sequence[Callable[[EpochRecord], object]] = (),
    class_weight: Any = None,
    seconds: float | None = None,
) -> float:
    """Train a network; its best epoch is kept, also if the training is interrupted.

    Args:
        model: The network.
        training: Inputs and targets of the network.
        validation: The same of the validation part; None: the last epoch is kept.
        settings: How it is trained.
        records: Takes the numbers of every epoch.
        callbacks: Called after every epoch, after those that are made here.
        class_weight: Weights by class number, or ``"balanced"``.
        seconds: Limit of the time; None: none.

    Returns:
        The seconds that the training took, also before it was resumed from a checkpoint; 0 without a limit.

    Raises:
        ValueError: If the loss is no longer finite, and there is no earlier epoch to keep.
    """
    epochs = settings.epochs or DEFAULT_EPOCHS
    best = EarlyStopping("val_loss", patience=settings.patience or _NEVER)
    own_callbacks: list[Any] = [Records(records), *([] if validation is None else [best])]
    clock = None if seconds is None else MaxSeconds(seconds)
    own_callbacks += [] if clock is None else [clock]
    with warnings.catch_warnings():
        for warning in (DivergenceWarning, DeadUnitsWarning):  # both are reported below
            warnings.simplefilter("ignore", warning)
        history = model.fit(
            *training,
            optimizer=settings.rule(),
            epochs=epochs,
            batch_size=settings.network("batch_size") or None,
            class_weight=class_weight,
            validation_data=validation,
            metrics=() if model.layers[-1].activation == "linear" else ("accuracy",),
            callbacks=[*own_callbacks, *callbacks, Progress(sys.stdout, style=progress_style())],
            group=group(),
        )
    used = 0.0 if clock is None else float(clock.state()["elapsed"])
    if history.diverged_at_step is None:
        return used
    step = f"the loss is no longer finite at step {history.diverged_at_step}"
    cure = f"try a smaller --learning-rate than {settings.rule().learning_rate}"
    found = best_epoch(records)
    if found is None:
        raise ValueError(f"{step}; nothing was written; {cure}")
    warn(f"{step}; the model of epoch {found + 1} is kept; {cure}")
    return used


def progress_style() -> str:
    """Return how progress is shown: as a bar on a terminal, else as about ten lines."""
    return "rich" if sys.stdout.isatty() and importlib.util.find_spec("rich") is not None else "lines"


def best_epoch(records: Sequence[dict[str, float]]) -> int | None:
    """Return the epoch that ``fit`` keeps, from 0; None if that is the last one."""
    losses = np.array([record.get("val_loss", np.nan) for record in records])
    return None if np.isnan(losses).all() else int(np.nanargmin(losses))
