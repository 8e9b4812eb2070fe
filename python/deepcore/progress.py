"""A callback that shows how far a run is, with a bar of tqdm or rich if one is installed, else a line."""

from __future__ import annotations

import importlib.util
import math
import sys
import time
from typing import Any, TextIO

from deepcore import _checks
from deepcore._keywords import checked_class
from deepcore.callbacks import EpochRecord
from deepcore.typing import Trained

__all__ = ["Progress"]

STYLES = ("auto", "line", "lines", "tqdm", "rich")

# Number of lines that the style "lines" writes.
_LINES = 10


@checked_class
class Progress:
    """Shows the epoch, its numbers and the time left; ``fit(verbose=1)`` uses it.

    Args:
        stream: Where to write; None: standard error.
        style: ``"tqdm"`` or ``"rich"``: a bar of that library; ``"line"``: one line, which on a terminal is
            rewritten at most ten times a second and elsewhere written when the run ends; ``"lines"``: about
            ten lines, for log files; ``"auto"``: on a terminal or in a notebook a bar of the first of the two
            that is installed, else the line. With a stream of your own, ``"auto"`` is the line.

    Raises:
        ValueError: if ``style`` is unknown.
        ModuleNotFoundError: if it names a library that is not installed.
    """

    def __init__(self, stream: TextIO | None = None, *, style: str = "auto") -> None:
        if style not in STYLES:
            raise ValueError(
                f"Progress: style must be one of {', '.join(STYLES)}, got {_checks.shown(style)}"
            )
        if style in ("tqdm", "rich") and not _installed(style):
            raise ModuleNotFoundError(
                f"Progress: style {style!r} needs {style}, which is not installed; pip install {style}",
                name=style,
            )
        if style == "auto":
            live = stream is None and (sys.stderr.isatty() or "ipykernel" in sys.modules)
            style = next((name for name in ("tqdm", "rich") if live and _installed(name)), "line")
        self._stream = sys.stderr if stream is None else stream
        self._style = style
        self._display: _Line | _Tqdm | _Rich | None = None

    def on_start(self, model: Trained) -> None:
        """Start the clock."""
        displays: dict[str, type[_Line | _Tqdm | _Rich]] = {
            "line": _Line,
            "lines": _Lines,
            "tqdm": _Tqdm,
            "rich": _Rich,
        }
        self._display = displays[self._style](self._stream)

    def __call__(self, record: EpochRecord) -> bool:
        if self._display is None:
            self.on_start(record.model)
        shown = "  ".join(f"{name} {value:.4f}" for name, value in record.items())
        self.show(record.epoch + 1, record.epochs, shown)
        return False

    def show(self, done: int, total: int, text: str) -> None:
        """Show that ``done`` of ``total`` epochs are finished, and a text; after ``on_start``."""
        if self._display is not None:
            self._display.show(done, total, text)

    def on_end(self, model: Trained) -> None:
        """Leave the last state on the stream and end it."""
        if self._display is not None:
            self._display.close()
            self._display = None


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


class _Line:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._line = ""
        self._start = time.perf_counter()
        self._written = -math.inf

    def show(self, epoch: int, epochs: int, numbers: str) -> None:
        now = time.perf_counter()
        spent = now - self._start
        left = spent / epoch * (epochs - epoch)
        width = len(str(epochs))
        self._line = f"epoch {epoch:>{width}}/{epochs}  {numbers}  {spent:.1f} s, {left:.1f} s left"
        if self._live and now - self._written >= 0.1:
            self._write(self._line)
            self._written = now

    def _write(self, line: str) -> None:
        self._stream.write("\r\x1b[K" + line)  # return to the first column, clear the line
        self._stream.flush()

    def close(self) -> None:
        if not self._line:
            return
        if self._live:
            self._write(self._line)
        else:
            self._stream.write(self._line)
        self._stream.write("\n")
        self._stream.flush()


class _Lines(_Line):
    """The same line for the first, the last and every tenth part of the epochs."""

    def show(self, epoch: int, epochs: int, numbers: str) -> None:
        self._live = False
        super().show(epoch, epochs, numbers)
        if epoch in (1, epochs) or epoch % max(1, epochs // _LINES) == 0:
            self.close()
            self._line = ""


class _Tqdm:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: Any = None

    def show(self, epoch: int, epochs: int, numbers: str) -> None:
        if self._bar is None:
            if "ipykernel" in sys.modules:
                from tqdm.auto import tqdm
            else:
                from tqdm import tqdm
            self._bar = tqdm(total=epochs, unit="epoch", file=self._stream)
        self._bar.set_postfix_str(numbers, refresh=False)
        self._bar.update(epoch - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


class _Rich:
    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("epoch"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        self._bar = Progress(*columns, TimeRemainingColumn(), console=Console(file=stream))
        self._task = self._bar.add_task("", total=None)
        self._bar.start()

    def show(self, epoch: int, epochs: int, numbers: str) -> None:
        self._bar.update(self._task, completed=epoch, total=epochs, description=numbers)

    def close(self) -> None:
        self._bar.stop()
