"""``deepcore train --checkpoint``: saves the state of a training, also when a signal ends it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import click
import numpy as np

from deepcore._training.checkpoint import Checkpoints
from deepcore.callbacks import Checkpoint, EpochRecord

__all__ = ["Interruptions", "Records", "checkpoint_options", "opened"]

# A terminal that is closed, Ctrl-C, and what batch systems and service managers send.
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def checkpoint_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options ``--checkpoint`` and ``--resume``."""
    command = click.option(
        "--resume",
        is_flag=True,
        help="Continue from the checkpoint, which must exist.  [file: that of --checkpoint, else"
        " DIR/checkpoint.safetensors]",
    )(command)
    return click.option(
        "--checkpoint",
        metavar="FILE",
        help="Save the training to FILE after every epoch. The same command continues from FILE if it exists."
        " Further networks of --ensemble and --cv are saved to files like FILE.2. Without this option nothing"
        " is on the disk before the training ends.",
    )(command)


def opened(file: str | None, resume: bool, folder: Path) -> Checkpoints | None:
    """Return the checkpoints that the options ask for, or None.

    Raises:
        ValueError: if there is nothing to continue from.
    """
    if file is None and not resume:
        return None
    path = folder / "checkpoint.safetensors" if file is None else Path(file)
    if resume and not path.is_file():
        raise ValueError(
            f"--resume: there is no checkpoint {path}; start with --checkpoint and without --resume"
        )
    return Checkpoints(Checkpoint(path))


class Interruptions:
    """A context in which a signal ends the training cleanly; with a checkpoint, before the next step.

    Without a checkpoint, and at the second signal, SIGTERM and SIGHUP do what Ctrl-C does. Signals that are
    ignored, as under ``nohup``, stay ignored.

    Attributes:
        signal: The first signal that came, or None.
    """

    def __init__(self, checkpoint: Checkpoints | None) -> None:
        self.checkpoint = checkpoint
        self.signal: signal.Signals | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruptions:
        if threading.current_thread() is threading.main_thread():  # no other thread may set handlers
            for number in _SIGNALS:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._came)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _came(self, number: int, frame: FrameType | None) -> None:
        first, handler = self.signal is None, signal.getsignal(signal.SIGINT)
        if first:
            self.signal = signal.Signals(number)
        if first and self.checkpoint is not None and self.checkpoint.in_use:
            self.checkpoint.stop()
        elif callable(handler) and handler != self._came and number != signal.SIGINT:
            handler(number, frame)  # a recipe that ends in order by itself
        else:
            raise KeyboardInterrupt

    def came(self) -> None:
        """Record a KeyboardInterrupt that did not come through a handler of this object."""
        if self.signal is None:
            self.signal = signal.SIGINT

    @property
    def status(self) -> int:
        """The exit status that shells expect of a program that a signal ended."""
        return 128 + (self.signal or signal.SIGINT)

    def sentence(self, epochs: int) -> str:
        """Say what ended the run, what is left, and how to continue."""
        name = "" if self.signal in (None, signal.SIGINT) else f" by {self.signal.name}"
        text = f"interrupted{name} after {epochs} whole epochs; the model so far is kept"
        if self.checkpoint is None:
            return text
        return f"{text}, and the training continues from {self.checkpoint.path} if you repeat the command"


class Records:
    """A callback that keeps the numbers of every epoch, also of those before the run was started again.

    Args:
        records: The list that takes them.
    """

    def __init__(self, records: list[dict[str, float]]) -> None:
        self.records = records

    def __call__(self, record: EpochRecord) -> None:
        """Keep the numbers of an epoch."""
        self.records.append(dict(record))

    def state(self) -> dict[str, Any]:
        """Return the records, as one array for each name."""
        names = self.records[0] if self.records else ()
        return {name: np.array([record[name] for record in self.records]) for name in names}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what ``state`` returned."""
        columns = (values.tolist() for values in state.values())
        self.records[:] = [dict(zip(state, row, strict=True)) for row in zip(*columns, strict=True)]
