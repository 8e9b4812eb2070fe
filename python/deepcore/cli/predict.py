"""``deepcore predict``: print or write one line of CSV per example, in the order of the examples."""

from __future__ import annotations

import csv
import io
import sys
from typing import Any, TextIO

import click
import numpy as np

from deepcore._labels import labels
from deepcore.cli.output import Escaping
from deepcore.cli.parts import PARTS, part_option
from deepcore.cli.saved import Examples, SavedArrays, SavedTable, open_model
from deepcore.cli.sources import reading_options
from deepcore.files.atomic import replacing
from deepcore.typing import Array


@click.command()
@click.argument("model")
@click.argument("data")
@click.option("--out", metavar="FILE.csv", help="Write to this file instead of to the standard output.")
@click.option(
    "--probabilities", "--proba", is_flag=True, help="Add a column with the probability of each class."
)
@click.option(
    "--keep",
    "--id",
    metavar="COLUMN",
    multiple=True,
    help="Column of DATA to repeat in front of the predictions. May be repeated.",
)
@click.option("--row", is_flag=True, help="Begin each line with the number of the example in DATA, from 1.")
@part_option
@reading_options(saved=True)
def predict(
    model: str,
    data: str,
    out: str | None,
    probabilities: bool,
    keep: tuple[str, ...],
    row: bool,
    part: str | None,
    reading: dict[str, Any],
) -> None:
    """Predict the label of every example in DATA.

    MODEL is a model file, or the folder that train wrote. DATA is the same as for train; - is standard input.
    A table needs the feature columns of the training, in any order; other columns are ignored. There is one
    line per example, in the order of DATA. Id columns of the training are repeated in front, and with --part
    the number of the example. On the standard output, control characters are escaped.
    """
    saved = open_model(model)
    examples = saved.read(data, part, reading, keep, labelled=False)
    header, columns = _answers(saved, saved.outputs(examples), probabilities)
    kept = _kept(examples, numbered=row or examples.part in PARTS)
    header, columns = [*kept, *header], [*kept.values(), *columns]
    assert all(len(column) == len(examples.rows) for column in columns)
    if out is None:
        _write(Escaping(sys.stdout), header, columns)
        return
    with replacing(out) as binary:
        text = io.TextIOWrapper(binary, encoding="utf-8", newline="")
        _write(text, header, columns)
        text.detach()  # writes what is left, and leaves the file open


def _kept(examples: Examples, numbered: bool) -> dict[str, list[object]]:
    """The columns in front of the predictions."""
    kept: dict[str, list[object]] = {"row": (examples.rows + 1).tolist()} if numbered else {}
    for name, values in examples.kept.items():
        kept[name] = ["" if value is None else value for value in _plain(values)]
    return kept


def _plain(values: Array) -> list[object]:
    """Values of a column as they are written."""
    if values.dtype.kind == "M":
        return [None if np.isnat(value) else str(value) for value in values]
    if values.dtype.kind == "f":
        return [None if np.isnan(value) else str(value) for value in values]
    return list(values.tolist())


def _answers(
    saved: SavedArrays | SavedTable, outputs: Array, probabilities: bool
) -> tuple[list[str], list[list[object]]]:
    """Header and columns of the answer: labels or real numbers, then the probabilities."""
    if saved.several_labels:
        header, columns = saved.targets, labels(outputs, "sigmoid", who="predict").T.tolist()
        if probabilities:
            names = [name.replace("prediction", "p") for name in header]
            header, columns = header + names, columns + _shortest(outputs)
        return header, columns
    if saved.classes is None:
        if probabilities:
            raise ValueError("--probabilities needs a classifier; this model is a regression")
        return saved.targets, _shortest(outputs)
    header, columns = ["prediction"], [list(saved.labels(labels(outputs, "softmax", who="predict")).tolist())]
    if probabilities:
        header, columns = header + [f"p({name})" for name in saved.classes], columns + _shortest(outputs)
    return header, columns


def _shortest(numbers: Array) -> list[list[object]]:
    """The columns as text, with as many digits as their dtype needs."""
    return [[str(value) for value in column] for column in numbers.T]


def _write(file: TextIO | Escaping, header: list[str], columns: list[list[object]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(zip(*columns, strict=True))
