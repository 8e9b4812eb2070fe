"""``deepcore predict``: print or write one line of CSV per example."""

import csv
import io
import sys
from typing import TextIO

import click
import numpy as np

from deepcore._labels import labels
from deepcore.cli.output import Escaping
from deepcore.cli.saved import Saved, choose_part
from deepcore.cli.sources import open_data
from deepcore.files.atomic import replacing
from deepcore.typing import Array


@click.command()
@click.argument("model")
@click.argument("data")
@click.option("--out", metavar="FILE.csv", help="Write to this file instead of to the standard output.")
@click.option("--probabilities", is_flag=True, help="Add a column with the probability of each class.")
@click.option(
    "--part",
    type=click.Choice(["all", "train", "test"]),
    help="Which examples to use.  [default: as for evaluate]",
)
def predict(model: str, data: str, out: str | None, probabilities: bool, part: str | None) -> None:
    """Predict the label of every example in DATA.

    MODEL is a model file, or the folder that train wrote. DATA is the same as for train. A CSV file needs the
    feature columns of the training, in any order; other columns are ignored. On the standard output, control
    characters are escaped.
    """
    saved = Saved.open(model)
    dataset = open_data(data, features=saved.recipe.features, labelled=False)
    saved.check(dataset)
    X, _ = choose_part(dataset, part, saved.recipe)
    outputs = saved.model.predict(saved.recipe.encode_inputs(X, saved.model.dtype))
    header, columns = _columns(saved, outputs, probabilities)
    if out is None:
        _write(Escaping(sys.stdout), header, columns)
        return
    with replacing(out) as binary:
        text = io.TextIOWrapper(binary, encoding="utf-8", newline="")
        _write(text, header, columns)
        text.detach()  # writes what is left, and leaves the file open


def _columns(saved: Saved, outputs: Array, probabilities: bool) -> tuple[list[str], list[list[object]]]:
    """Header and columns of the answer: labels or real numbers, then the probabilities."""
    activation = saved.model.layers[-1].activation
    if activation not in ("sigmoid", "softmax"):
        if probabilities:
            raise ValueError(f"--probabilities needs a classifier; the output of this model is {activation}")
        values = saved.recipe.decode_outputs(outputs)
        return _numbered("prediction", values.shape[1]), _shortest(values)
    chosen = labels(outputs, activation)
    if activation == "sigmoid" and outputs.shape[1] > 1:
        header, columns = _numbered("prediction", outputs.shape[1]), chosen.T.tolist()
        if probabilities:
            header, columns = header + _numbered("p", outputs.shape[1]), columns + _shortest(outputs)
        return header, columns
    if activation == "sigmoid":
        chosen = chosen[:, 0]
        outputs = np.column_stack([1 - outputs[:, 0], outputs[:, 0]])
    known = saved.recipe.labels
    classes = list(range(outputs.shape[1])) if known is None else known.classes
    header, columns = ["prediction"], [[classes[int(i)] for i in chosen]]
    if probabilities:
        header, columns = header + [f"p({name})" for name in classes], columns + _shortest(outputs)
    return header, columns


def _shortest(numbers: Array) -> list[list[object]]:
    """The columns as text, with as many digits as their dtype needs."""
    return [[str(value) for value in column] for column in numbers.T]


def _numbered(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}_{i}" for i in range(1, count + 1)]


def _write(file: TextIO | Escaping, header: list[str], columns: list[list[object]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(zip(*columns, strict=True))
