"""``deepcore train``: data in, a folder with model, history and learning curves out."""

import dataclasses
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console

from deepcore import catalog
from deepcore._checks import first_names
from deepcore.cli.output import TrainingProgress, make_console, print_pairs, print_scores, say
from deepcore.cli.recipe import Part, Recipe, prepare
from deepcore.cli.saved import MODEL_FILE, Saved
from deepcore.cli.sources import Dataset, open_data
from deepcore.exceptions import DivergenceWarning
from deepcore.files.atomic import replacing
from deepcore.model import Model, mlp
from deepcore.optimizers import Optimizer, by_name


def _parse_layers(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, ...]:
    """``128,64`` is two hidden layers; ``none`` is no hidden layer."""
    words = [] if value.strip().lower() == "none" else [word.strip() for word in value.split(",")]
    if not all(word.isascii() and word.isdigit() and int(word) > 0 for word in words):
        msg = f"{value!r} must be units of hidden layers such as 128,64, or none"
        raise click.BadParameter(msg, ctx, param)
    return tuple(int(word) for word in words)


@click.command()
@click.argument("data", default="digits")
@click.option(
    "--layers",
    metavar="N,N,...",
    callback=_parse_layers,
    default="128,64",
    show_default=True,
    help="Units of the hidden layers, or none.",
)
@click.option(
    "--activation", default="relu", show_default=True, help="Of the hidden layers: relu, tanh, gelu, ..."
)
@click.option(
    "--epochs", type=click.IntRange(min=1), default=30, show_default=True, help="Passes over the data."
)
@click.option(
    "--batch-size", type=click.IntRange(min=0), default=32, show_default=True, help="Examples a step; 0: all."
)
@click.option("--learning-rate", type=float, default=None, help="Step size.  [default: the optimizer's own]")
@click.option("--optimizer", type=click.Choice(list(by_name)), default="adam", show_default=True)
@click.option(
    "--label", metavar="COLUMN", help="Label column of a CSV file.  [default: 'label', else the last one]"
)
@click.option(
    "--drop", metavar="COLUMN", multiple=True, help="Column of a CSV file to leave out; may be repeated."
)
@click.option(
    "--task", type=click.Choice(["auto", "classification", "regression"]), default="auto", show_default=True
)
@click.option(
    "--test-size", type=float, default=0.2, show_default=True, help="Fraction held out; 0: nothing."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    help="Of split, weights and shuffles.",
)
@click.option("--dtype", type=click.Choice(["float32", "float64"]), default="float32", show_default=True)
@click.option(
    "--out",
    metavar="DIR",
    default="deepcore-run",
    show_default=True,
    help="Folder to write; files are replaced.",
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

    DATA is a CSV file (header, numbers, one label column), an NPZ file (arrays X and y), a folder of
    MNIST-like IDX files or of the cat files, or one of digits (the default), flower, moons, circles, spirals.
    A path that does not exist is looked for in the folder DEEPCORE_DATA.

    Text labels, and whole numbers of which at most 50 different ones repeat, are classes (--task auto).
    Features are standardised by the mean and standard deviation of the training part, pixels divided by their
    largest value; a constant column becomes 0. DIR receives model.safetensors, history.json and curves.png.
    """
    console = make_console()
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
    _print_data(console, dataset, recipe, part, test)
    say(console, "hyperparameters")
    print_pairs(
        console, {name: value for name, value in training.items() if name != "data" and value is not None}
    )

    saved = Saved(model, recipe)
    progress = TrainingProgress(console, epochs)
    interrupted = False
    try:
        with progress:
            _fit(model, part, test, rule, epochs, batch_size, progress)
    except KeyboardInterrupt:
        interrupted = True
        training["epochs"] = len(progress.records)
        say(console, f"interrupted after {len(progress.records)} whole epochs; the model so far is kept")

    results = {"train": saved.score(part)} | ({} if test is None else {"test": saved.score(test)})
    say(console, "results")
    print_scores(console, results)
    written = _write(folder, saved, progress.series(), training, results)
    say(console, f"wrote {', '.join(str(path) for path in written)}")
    if interrupted:
        raise SystemExit(130)  # what shells expect of a program that Ctrl-C ended


def _build(
    recipe: Recipe, part: Part, layers: Sequence[int], activation: str, dtype: str, seed: int
) -> Model:
    """One sigmoid unit for two classes, softmax for more, linear units for reals."""
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
    progress: TrainingProgress,
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DivergenceWarning)  # said below, as an error
        history = model.fit(
            part.X,
            part.y,
            optimizer=rule,
            epochs=epochs,
            batch_size=batch_size or None,
            validation_data=None if test is None else (test.X, test.y),
            metrics=() if model.layers[-1].activation == "linear" else ("accuracy",),
            callbacks=[progress],
        )
    if history.diverged_at_step is not None:
        msg = (
            f"the loss is no longer finite at step {history.diverged_at_step}; nothing was written;"
            f" try a smaller --learning-rate than {rule.learning_rate}"
        )
        raise ValueError(msg)


def _print_data(console: Console, dataset: Dataset, recipe: Recipe, part: Part, test: Part | None) -> None:
    held_out = "" if test is None else f" and {len(test.X)} to test"
    say(
        console, f"data {dataset.name}: {len(part.X)} examples to train{held_out}, {part.X.shape[1]} features"
    )
    if dataset.label is not None:
        say(console, f"label {dataset.label}")
    if recipe.labels is not None:
        say(console, f"{len(recipe.labels)} classes: {first_names(recipe.labels.classes)}")
    if recipe.inputs is not None and recipe.inputs.constant.size:
        constant = recipe.inputs.constant
        names = [dataset.features[j] if dataset.features else int(j) for j in constant]
        say(console, f"constant columns, which become 0: {first_names(names)}")


def _write(
    folder: Path,
    saved: Saved,
    series: dict[str, list[float]],
    training: dict[str, Any],
    results: dict[str, Any],
) -> list[Path]:
    """Write the files, each of them whole or not at all, and say which."""
    from deepcore.plots import draw_curves

    model_file, history_file, picture = folder / MODEL_FILE, folder / "history.json", folder / "curves.png"
    saved.save(model_file, training, results)
    document = json.dumps({"training": training, "results": results, "history": series}, indent=1) + "\n"
    with replacing(history_file) as file:
        file.write(document.encode())
    if not series:  # interrupted in the first epoch
        return [model_file, history_file]
    title = f"{training['data']}: {training['layers']}, {training['optimizer']} {training['learning_rate']:g}"
    with replacing(picture) as file:
        draw_curves(file, series, title)
    return [model_file, history_file, picture]
