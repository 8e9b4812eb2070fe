"""``deepcore evaluate``: print loss and accuracy, or the errors of a regression."""

import json

import click

from deepcore.cli.output import print_scores
from deepcore.cli.saved import Saved, choose_part
from deepcore.cli.sources import NAMES, find, open_data


@click.command()
@click.argument("model")
@click.argument("data")
@click.option("--part", type=click.Choice(["all", "train", "test"]), help="Which examples to use.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
def evaluate(model: str, data: str, part: str | None, as_json: bool) -> None:
    """Compare the predictions of MODEL with the labels of DATA.

    MODEL is a model file, or the folder that train wrote. DATA is the same as for train. Without --part, the
    test examples are used if DATA has a test part of its own (folders of IDX and cat files), else all
    examples. With --part test, other data are split as train split them.
    """
    saved = Saved.open(model)
    recipe = saved.recipe
    is_table = data not in NAMES and find(data).is_file() and recipe.features is not None
    dataset = open_data(data, label=recipe.label if is_table else None, features=recipe.features)
    saved.check(dataset)
    X, y = choose_part(dataset, part, recipe)
    if y is None:
        raise ValueError(f"{dataset.name} has no labels to compare with; an NPZ file needs an array y")
    scores = saved.score(recipe.encode(X, y, saved.model.dtype))
    shown = part or ("test" if dataset.test is not None else "all")
    if as_json:
        click.echo(json.dumps({"data": dataset.name, "part": shown, **scores}))
    else:
        print_scores({f"{dataset.name}, {shown}": scores})
