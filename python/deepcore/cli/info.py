"""``deepcore info``: print what a model file holds, or what is installed."""

import click

from deepcore._checks import first_names
from deepcore.cli.output import print_pairs, print_scores, say
from deepcore.cli.saved import Saved, located
from deepcore.files import model_file
from deepcore.installation import show_config


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
    saved = Saved.open(model)
    say(str(saved.model.summary()))
    recipe = saved.recipe
    facts: dict[str, object] = {}
    if recipe.inputs is not None:
        mean, scale = recipe.inputs.mean, recipe.inputs.scale
        one = f"(x - {mean[0]:g}) / {scale[0]:g} for every feature"
        each = f"(x - mean) / scale, with a mean and a scale for each of {len(mean)} features"
        facts["inputs"] = one if len(mean) == 1 else each
    if recipe.features is not None:
        facts["features"] = first_names(recipe.features)
    if recipe.label is not None:
        facts["label"] = recipe.label
    if recipe.labels is not None:
        facts["classes"] = first_names(recipe.labels.classes)
    if recipe.target is not None:
        facts["target"] = (
            f"(y - {first_names(recipe.target.mean.tolist())}) / {first_names(recipe.target.scale.tolist())}"
        )
    training = saved.model.extras.get("training")
    results = saved.model.extras.get("results")
    for title, pairs in (("preprocessing", facts), ("training", training)):
        if isinstance(pairs, dict) and pairs:
            say(title)
            print_pairs({name: value for name, value in pairs.items() if value is not None})
    if isinstance(results, dict) and all(isinstance(row, dict) for row in results.values()):
        say("results")
        print_scores(results)


def _verify(model: str) -> None:
    """Check a file of any kind; damage ends in exit status 1."""
    try:
        facts = model_file.verify(located(model))
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    say(f"{model}: no damage was found")
    print_pairs(facts)
