"""``deepcore info``: print what a model file holds, or what is installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from deepcore._checks import cut, first_names
from deepcore._loading import load
from deepcore.cli.output import in_options, print_pairs, print_scores, print_table, say
from deepcore.cli.saved import SavedArrays, SavedTable, located, open_file
from deepcore.files import model_file
from deepcore.installation import show_config
from deepcore.model import Model


@click.command()
@click.argument("model", required=False)
@click.option("--verify", is_flag=True, help="Check every byte of MODEL, and say what was checked.")
def info(model: str | None, verify: bool) -> None:
    """Show the layers, labels, preprocessing and training of MODEL; without MODEL, show the installation."""
    if verify:
        if model is None:
            raise click.UsageError("--verify needs a MODEL to check")
        _verify(model)
        return
    if model is None:
        show_config()
        return
    saved = open_file(model)
    if isinstance(saved, SavedTable):
        _show_table(saved)
    elif not isinstance(saved, SavedArrays):  # an ensemble, an estimator
        say(str(saved.summary() if hasattr(saved, "summary") else saved))
        return
    else:
        say(str(Model.from_network(saved.model.network).summary()))
        _show_pairs("preprocessing", _preparation(saved))
    extras = saved.model.extras
    _show_pairs("training", extras.get("training"))
    results = extras.get("results")
    if isinstance(results, dict) and results and all(isinstance(row, dict) for row in results.values()):
        say("results")
        print_scores(results)


def _show_table(saved: SavedTable) -> None:
    model = saved.model
    members = model.members
    say(str(Model.from_network(members[0].network).summary()))
    if len(members) > 1:
        say(f"the mean of {len(members)} networks of these sizes is the prediction")
    say(f"label {', '.join(model.label.names)}: {model.label.task} ({in_options(model.label.reason)})")
    if model.label.classes:
        say(f"{len(model.label.classes)} classes: {first_names(model.label.classes)}")
    say("columns")
    print_table([[cut(cell, 40) for cell in row] for row in model.columns.rows()], left=(0, 1, 2))


def _preparation(saved: SavedArrays) -> dict[str, object]:
    preparation = saved.model.preparation
    facts: dict[str, object] = {}
    if preparation.inputs is not None:
        mean, scale = preparation.inputs.mean, preparation.inputs.scale
        one = f"(x - {mean[0]:g}) / {scale[0]:g} for every feature"
        each = f"(x - mean) / scale, with a mean and a scale for each of {len(mean)} features"
        facts["inputs"] = one if len(mean) == 1 else each
    if preparation.features is not None:
        facts["features"] = first_names(preparation.features)
    if preparation.label is not None:
        facts["label"] = preparation.label
    if preparation.labels is not None:
        facts["classes"] = first_names(preparation.labels.classes)
    if preparation.target is not None:
        mean, scale = preparation.target.mean.tolist(), preparation.target.scale.tolist()
        facts["target"] = f"(y - {first_names(mean)}) / {first_names(scale)}"
    return facts


def _show_pairs(title: str, pairs: Any) -> None:
    if isinstance(pairs, Mapping) and pairs:
        say(title)
        print_pairs({str(name): value for name, value in pairs.items() if value is not None})


def _verify(model: str) -> None:
    """Check a file of any kind; damage ends in exit status 1."""
    try:
        facts = model_file.verify(located(model))
        load(located(model))  # checks what only this kind of file has
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    say(f"{model}: no damage was found")
    print_pairs(facts)
