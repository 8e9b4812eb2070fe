"""What commands print, with rich: lines, two-column tables, scores, and the progress of a training run."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from deepcore.callbacks import EpochRecord

_PLACES = {"loss": ".4f", "accuracy": ".4f", "rmse": ".6g", "r2": ".4f", "examples": "d"}
# Lines of progress where there is no terminal to draw a bar on.
_LINES = 10


def make_console() -> Console:
    """A console on the standard output of this moment."""
    return Console(highlight=False, markup=False, emoji=False)


def say(console: Console, text: str = "") -> None:
    """One line, never wrapped, whatever characters are in it."""
    console.print(text, soft_wrap=True)


def print_pairs(console: Console, pairs: Mapping[str, Any]) -> None:
    """Names and values in two columns."""
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        say(console, f"  {name:<{width}}  {value}")


def print_scores(console: Console, scores: Mapping[str, Mapping[str, float]]) -> None:
    """One row for each part, one column for each number."""
    columns = list(dict.fromkeys(name for row in scores.values() for name in row))
    table = Table(box=None, pad_edge=False, padding=(0, 0, 0, 2))
    table.add_column("")
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for part, row in scores.items():
        table.add_row(
            part, *(format(row[name], _PLACES.get(name, "")) if name in row else "-" for name in columns)
        )
    console.print(table)


class TrainingProgress:
    """A bar on a terminal, elsewhere about ten lines; call it with every epoch's record."""

    def __init__(self, console: Console, epochs: int) -> None:
        self.records: list[dict[str, float]] = []
        self._console = console
        self._epochs = epochs
        self._every = max(1, epochs // _LINES)
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def __enter__(self) -> "TrainingProgress":
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("epoch {task.completed}/{task.total}"),
                BarColumn(bar_width=20),
                TextColumn("{task.description}"),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._task = self._bar.add_task("", total=self._epochs)
            self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, record: EpochRecord) -> None:
        values = dict(record)
        self.records.append(values)
        done = len(self.records)
        texts = [f"{name.replace('val_', 'test ')} {value:.4f}" for name, value in values.items()]
        if self._bar is not None:
            # Two numbers leave room for the bar: the loss, and the last one, which tells most.
            self._bar.update(
                self._task, completed=done, description="  ".join(dict.fromkeys((texts[0], texts[-1])))
            )
        elif done % self._every == 0 or done in (1, self._epochs):
            say(self._console, f"epoch {done}/{self._epochs}  {'  '.join(texts)}")

    def series(self) -> dict[str, list[float]]:
        """Every recorded number as a list with one entry for each finished epoch."""
        names = self.records[0] if self.records else ()
        return {name: [record[name] for record in self.records] for name in names}
