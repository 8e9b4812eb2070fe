"""``deepcore train``: read data, and write a folder with the model, its history and its learning curves."""

import dataclasses
import importlib.util
import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from deepcore import catalog
from deepcore._checks import first_names
from deepcore.callbacks import EpochRecord
from deepcore.cli.output import print_pairs, print_scores, readable, say, warn
from deepcore.cli.recipe import Part, Recipe, prepare
from deepcore.cli.saved import MODEL_FILE, Saved
from deepcore.cli.sources import Dataset, open_data
from deepcore.exceptions import DivergenceWarning
from deepcore.files.atomic import replacing
from deepcore.model import Model, mlp
from deepcore.optimizers import Optimizer, by_name
from deepcore.progress import Progress


def _parse_layers(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, ...]:
    """Read ``128,64`` as two hidden layers, and ``none`` as no hidden layer."""
    words = [] if value.strip().lower() == "none" else [word.strip() for word in value.split(",")]
    if not all(word.isascii() and word.isdigit() and int(word) > 0 for word in words):
        raise click.BadParameter(
            f"{value!r} must be numbers of units of the hidden layers, such as 128,64, or none", ctx, param
        )
    return tuple(int(word) for word in words)


@click.command()
@click.argument("data", default="digits")
@click.option(
    "--layers",
    metavar="N,N,...",
    callback=_parse_layers,
    default="128,64",
    show_default=True,
    help="Numbers of units of the hidden layers, or none.",
)
@click.option(
    "--activation",
    default="relu",
    show_default=True,
    help="Activation of the hidden layers: relu, tanh, gelu, ...",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    help="Number of passes over the data.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=0),
    default=32,
    show_default=True,
    help="Number of examples per step; 0: all.",
)
@click.option("--learning-rate", type=float, default=None, help="Step size.  [default: the optimizer's own]")
@click.option(
    "--optimizer", type=click.Choice(list(by_name)), default="adam", show_default=True, help="Update rule."
)
@click.option(
    "--label", metavar="COLUMN", help="Label column of a CSV file.  [default: 'label', else the last one]"
)
@click.option(
    "--drop",
    metavar="COLUMN",
    multiple=True,
    help="Column of a CSV file to leave out. This option may be repeated.",
)
@click.option(
    "--task",
    type=click.Choice(["auto", "classification", "regression"]),
    default="auto",
    show_default=True,
    help="What to learn; auto decides by the labels.",
)
@click.option(
    "--test-size",
    type=float,
    default=0.2,
    show_default=True,
    help="Fraction of the examples in the test part; 0: no test part.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    help="Seed of the split, the first weights and the order of the examples.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    default="float32",
    show_default=True,
    help="Precision.",
)
@click.option(
    "--out",
    metavar="DIR",
    default="deepcore-run",
    show_default=True,
    help="Folder to write to; existing files are replaced.",
)
def train(
    data: str,
    layers: tuple[int, ...],
    activation: str,
    epochs: int,
    batch_size: int,
    learning_rate: float | None,
    optimizer: str,
    label: str | None,
    drop: tuple[str, ...],
    task: str,
    test_size: float,
    seed: int,
    dtype: str,
    out: str,
) -> None:
    """Train a network and test it on examples that it has not seen.

    DATA is a CSV file (a header, numbers, one label column), an NPZ file (arrays X and y), a folder of IDX
    files like MNIST's or of the cat files, or one of digits (the default), flower, moons, circles, spirals. A
    relative path that does not exist is searched for in the folder that DEEPCORE_DATA names.

    Labels are classes if they are text, or integers with at most 50 distinct values; otherwise the task is
    regression (--task auto). Features are standardised by the mean and standard deviation of the training
    part; pixels are divided by their largest value; a constant column becomes 0. The files model.safetensors,
    history.json and, if matplotlib is installed, curves.png are written to DIR.
    """
    dataset = open_data(data, label, drop)
    recipe, part, test = prepare(dataset, task, test_size, seed, dtype)
    rate = {} if learning_rate is None else {"learning_rate": learning_rate}
    rule = by_name[optimizer](**rate)
    model = _build(recipe, part, layers, activation, dtype, seed)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)  # before the work, not after it

    training = {
        "data": dataset.name,
        "task": "regression" if recipe.labels is None else "classification",
        "layers": "-".join(str(n) for n in (model.inputs, *(layer.units for layer in model.layers))),
        "activation": activation,
        "output": model.layers[-1].activation,
        "loss": model.loss,
        "optimizer": optimizer,
        **dataclasses.asdict(rule),
        "epochs": epochs,
        "batch_size": min(batch_size, len(part.X)) or len(part.X),
        "seed": seed,
        "dtype": dtype,
        "test_size": test_size if recipe.split is not None else None,
    }
    _print_data(dataset, recipe, part, test)
    say("hyperparameters")
    print_pairs({name: value for name, value in training.items() if name != "data" and value is not None})

    saved = Saved(model, recipe)
    records: list[dict[str, float]] = []
    interrupted = False
    try:
        _fit(model, part, test, rule, epochs, batch_size, records)
    except KeyboardInterrupt:
        interrupted = True
        training["epochs"] = len(records)
        say(f"interrupted after {len(records)} whole epochs; the model so far is kept")

    saved.save(folder / MODEL_FILE, training, {})  # first of all: nothing that fails later may lose the model
    results = {"train": saved.score(part)} | ({} if test is None else {"test": saved.score(test)})
    written = _write(folder, saved, _series(records), training, results)
    say("results")
    print_scores(results)
    say(f"wrote {', '.join(str(path) for path in written)}")
    if interrupted:
        raise SystemExit(130)  # what shells expect of a program that Ctrl-C ended


def _build(
    recipe: Recipe, part: Part, layers: Sequence[int], activation: str, dtype: str, seed: int
) -> Model:
    """Make a network with one sigmoid unit for two classes, softmax for more, linear units for numbers."""
    if recipe.labels is None:
        outputs, output = part.y.shape[1], "linear"
    elif len(recipe.labels) == 2:
        outputs, output = 1, "sigmoid"
    else:
        outputs, output = len(recipe.labels), "softmax"
    if layers:
        catalog.lookup(catalog.activations, activation, "--activation")
    return mlp(
        [part.X.shape[1], *layers, outputs],
        activation=activation,  # type: ignore[arg-type]
        output=output,  # type: ignore[arg-type]
        dtype=np.dtype(dtype).type,
        seed=seed,
    )


def _fit(
    model: Model,
    part: Part,
    test: Part | None,
    rule: Optimizer,
    epochs: int,
    batch_size: int,
    records: list[dict[str, float]],
) -> None:
    def keep(record: EpochRecord) -> None:
        records.append(dict(record))

    style = "rich" if sys.stdout.isatty() and importlib.util.find_spec("rich") is not None else "lines"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DivergenceWarning)  # it is reported below, as an error
        history = model.fit(
            part.X,
            part.y,
            optimizer=rule,
            epochs=epochs,
            batch_size=batch_size or None,
            validation_data=None if test is None else (test.X, test.y),
            metrics=() if model.layers[-1].activation == "linear" else ("accuracy",),
            callbacks=[keep, Progress(sys.stdout, style=style)],
        )
    if history.diverged_at_step is not None:
        raise ValueError(
            f"the loss is no longer finite at step {history.diverged_at_step}; nothing was written;"
            f" try a smaller --learning-rate than {rule.learning_rate}"
        )


def _print_data(dataset: Dataset, recipe: Recipe, part: Part, test: Part | None) -> None:
    held_out = "" if test is None else f" and {len(test.X)} to test"
    say(f"data {dataset.name}: {len(part.X)} examples to train{held_out}, {part.X.shape[1]} features")
    if dataset.label is not None:
        say(f"label {dataset.label}")
    if recipe.labels is not None:
        say(f"{len(recipe.labels)} classes: {first_names(recipe.labels.classes)}")
    if recipe.inputs is not None and recipe.inputs.constant.size:
        constant = recipe.inputs.constant
        names = [dataset.features[j] if dataset.features else int(j) for j in constant]
        say(f"constant columns, which become 0: {first_names(names)}")


def _series(records: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    """Every recorded number as a list with one entry per finished epoch."""
    names = records[0] if records else ()
    return {name: [record[name] for record in records] for name in names}


def _write(
    folder: Path,
    saved: Saved,
    series: dict[str, list[float]],
    training: dict[str, Any],
    results: dict[str, Any],
) -> list[Path]:
    """Write the files, each of them whole or not at all, and return which ones were written."""
    model_file, history_file, picture = folder / MODEL_FILE, folder / "history.json", folder / "curves.png"
    saved.save(model_file, training, results)
    document = json.dumps({"training": training, "results": results, "history": series}, indent=1) + "\n"
    with replacing(history_file) as file:
        file.write(document.encode())
    if not series:  # interrupted in the first epoch
        return [model_file, history_file]
    title = f"{training['data']}: {training['layers']}, {training['optimizer']} {training['learning_rate']:g}"
    try:
        _draw(picture, series, readable(title))
    except Exception as error:  # a picture is a convenience: whatever fails in drawing it ends nothing
        warn(f"{picture} was not written: {' '.join(str(error).split())}")
        return [model_file, history_file]
    return [model_file, history_file, picture]


def _draw(picture: Path, series: dict[str, list[float]], title: str) -> None:
    """Draw the learning curves. matplotlib is imported here only, since no other command needs it."""
    from deepcore.plots import draw_curves

    with replacing(picture) as file:
        draw_curves(file, series, title)
