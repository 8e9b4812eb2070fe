"""Write the files of checkpoints in a thread while the training goes on, and count the time that it takes."""

from __future__ import annotations

import threading
import time
import warnings
from typing import Any

from deepcore.files import container
from deepcore.typing import Array

__all__ = ["Contents", "Savings", "Writer"]

# Saving after epochs may take this share of a call's time, and at any rate so many seconds.
_SHARE, _FREE_SECONDS = 0.05, 0.5
#: A description, and tensors by name.
Contents = tuple[dict[str, Any], dict[str, Array]]


class Savings:
    """The time of one call, and the part of it that saving has taken, for all of its files together."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.seconds = 0.0

    def too_large(self) -> bool:
        """Return whether saving has taken more than its share of the time."""
        spent = self.seconds
        return spent > _FREE_SECONDS and spent > _SHARE * (time.perf_counter() - self._began)


class Writer:
    """Writes containers in a thread, one at a time; of those that wait, the newest.

    Only the thread of the run calls its methods.
    """

    def __init__(self, who: str, path: str, savings: Savings) -> None:
        self._who, self._path, self._savings = who, path, savings
        self._waiting: Contents | None = None
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None  # of the last file that was to be written
        self._warned = False

    def put(self, description: dict[str, Any], tensors: dict[str, Array]) -> None:
        """Write this as soon as the file before it is written."""
        self._waiting = description, tensors
        self.go_on()

    def go_on(self) -> None:
        """Begin with what waits, if nothing is being written."""
        if self._waiting is None or (self._thread is not None and self._thread.is_alive()):
            return
        self._warn()
        contents, self._waiting = self._waiting, None
        # without daemon=, Python would make and keep an object for the thread of the core that calls this
        self._thread = threading.Thread(target=self._write, args=contents, daemon=False)
        self._thread.start()

    def wait(self) -> bool:
        """Wait until everything is written; return whether the last file is on the disk."""
        while self._waiting is not None or self._thread is not None:
            if self._thread is not None:
                self._thread.join()
                self._thread = None
            self.go_on()
        return self._error is None

    def flush(self) -> None:
        """Wait until everything is written, and warn if the last file is not on the disk."""
        if not self.wait():
            warnings.warn(
                f"{self._who}: the last state of this training is not in {self._path}, which could not be "
                f"written: {self._error}; save the model elsewhere",
                RuntimeWarning,
                stacklevel=2,
            )

    def _warn(self) -> None:
        if self._error is None or self._warned:
            return
        self._warned = True
        warnings.warn(
            f"{self._who}: {self._path} could not be written: {self._error}; the training goes on, and "
            "the next save tries again",
            RuntimeWarning,
            stacklevel=2,
        )

    def _write(self, description: dict[str, Any], tensors: dict[str, Array]) -> None:
        start = time.thread_time()
        try:
            container.write(self._path, description, tensors)
            self._error = None
        except (OSError, MemoryError, ValueError) as error:
            self._error = error
        self._savings.seconds += time.thread_time() - start  # of a core
