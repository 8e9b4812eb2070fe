"""The interface between the command ``train`` and trainings on arrays and on tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from deepcore._network.network import Network
from deepcore._text_table import Rows
from deepcore._training.checkpoint import Checkpoints
from deepcore.cli.array_training import ArrayTraining
from deepcore.cli.parts import Split
from deepcore.cli.report import Judged
from deepcore.cli.settings import Settings
from deepcore.cli.sources import Arrays, Table, open_data
from deepcore.cli.table_training import TableTraining
from deepcore.typing import Array

__all__ = ["Training", "begin"]


class Training(Protocol):
    """Data in parts, and a model that is trained on them.

    Attributes:
        name: Name of the data.
        settings: The options.
        records: The numbers of every epoch.
        parts: The rows of each part.
    """

    name: str
    settings: Settings
    records: list[dict[str, float]]
    parts: Split

    @property
    def classes(self) -> list[Any] | None:
        """The classes, or None for a regression."""

    @property
    def best_epoch(self) -> int | None:
        """The epoch that is kept, from 0; None for the last one."""

    @property
    def targets(self) -> list[str]:
        """Names of the labels of a regression."""

    @property
    def network(self) -> Network:
        """The network that was trained first."""

    @property
    def columns(self) -> Rows | None:
        """The report on the columns of a table, the head first; None if the data are not a table."""

    def facts(self) -> dict[str, Any]:
        """Return the hyperparameters."""

    def show(self) -> None:
        """Print what was read."""

    def fit(self, checkpoints: Checkpoints | None = None) -> None:
        """Train, and save the state of the training to the files of the checkpoints."""

    def save(self, path: Path, training: dict[str, Any], results: dict[str, Any]) -> None:
        """Write the model, how it was trained, and how well."""

    def judged(self) -> dict[str, Judged]:
        """Return labels and predictions by part."""

    def remarks(self) -> list[str]:
        """Return lines that are printed below the scores."""

    def inputs(self, part: str) -> Array:
        """Return the inputs of a linear model for a part."""

    def images(self, part: str) -> tuple[Array, tuple[int, ...]] | None:
        """Return the images of a part as rows of pixels, and their shape; None if they are not images."""

    def importance(self, part: str, judged: Judged) -> dict[str, float]:
        """Return how much the error on a part grows if one column is shuffled."""


def begin(data: str, settings: Settings, reading: dict[str, Any]) -> Training:
    """Read DATA, and prepare a training on it; nothing is trained yet.

    Rows of plain numbers become a table where that is asked for: by ``--recipe realmlp``, ``--ensemble`` or
    ``--cv``.

    Raises:
        OSError: If the data cannot be read.
        ValueError: If data and options do not fit.
    """
    source = open_data(data, reading)
    if isinstance(source, Table):
        return TableTraining(source, settings, reading)
    of_columns = [
        f"--{name.replace('_', '-')}"
        for name in ("label", "drop", "id", "kind", "skip_unlabelled")
        if getattr(settings, name)
    ]
    if of_columns:
        raise ValueError(f"{of_columns[0]} is an option for tables, and {data} is not a table")
    as_table = settings.recipe.startswith("realmlp") or settings.ensemble > 1 or settings.cv is not None
    if not as_table:
        return ArrayTraining(source, settings)
    return TableTraining(_table(source), settings, reading)


def _table(arrays: Arrays) -> Table:
    """Rows of numbers as a table, with columns x1, x2, ... and y."""
    if arrays.pixel_maximum is not None or arrays.test is not None or arrays.y is None or arrays.y.ndim != 1:
        raise ValueError(
            "--recipe realmlp, --ensemble and --cv need a table, or an NPZ file with rows of numbers and one "
            f"label per row; {arrays.name} is something else"
        )
    return Table.of(arrays)
