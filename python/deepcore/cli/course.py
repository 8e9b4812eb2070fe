"""``deepcore course``: train the networks of Andrew Ng's course, and compare with its published numbers."""

from collections.abc import Mapping
from typing import Any

import click

from deepcore.cli.output import print_table, say, to_json
from deepcore.course import published
from deepcore.typing import Array

_DATA = {"cats": published.CATS, "flower": published.FLOWER}


@click.command()
@click.argument("data", type=click.Choice(list(_DATA)))
@click.argument("folder", required=False)
@click.option(
    "--iterations",
    type=click.IntRange(1),
    help="Stop after this number of steps and compare the costs so far.  [default: as published]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per network.")
def course(data: str, folder: str | None, iterations: int | None, as_json: bool) -> None:
    """Train the networks of a course, and print published and own numbers side by side.

    The course is Andrew Ng's "Neural Networks and Deep Learning". "cats" trains the networks of weeks 2 and 4
    on the images in FOLDER, "cat" if it is not given, which holds train_catvnoncat.h5 and
    test_catvnoncat.h5. A relative path that does not exist is searched for in the folder that DEEPCORE_DATA
    names. "flower" makes its data.
    """
    if data != "cats" and folder is not None:
        raise click.UsageError(f"FOLDER belongs to cats, got {folder} with {data}, which makes its data")
    examples = published.cat_examples(folder or "cat") if data == "cats" else published.flower_examples()
    for run in _DATA[data]:
        shortened = iterations is not None and iterations < run.iterations
        if run.costs or not shortened:  # otherwise there is nothing to compare
            _compare(run, examples, iterations if shortened else None, as_json)


def _compare(
    run: published.PublishedRun,
    examples: Mapping[str, tuple[Array, Array]],
    iterations: int | None,
    as_json: bool,
) -> None:
    own = published.repeat(run, examples, iterations)
    # The published accuracy belongs to the end of the training.
    accuracy = own.accuracy if iterations is None else {}
    if as_json:
        say(to_json(_record(run, own.costs, accuracy)))
        return
    say(run.title)
    rows = [["", "published", "own"]]
    rows += [[f"cost {step}", f"{run.costs[step]:.6f}", f"{cost:.6f}"] for step, cost in own.costs.items()]
    rows += [
        [f"{name} accuracy", f"{run.accuracy[name]:.2f}%", f"{percent:.2f}%"]
        for name, percent in accuracy.items()
    ]
    print_table(rows)
    say()


def _record(
    run: published.PublishedRun, costs: Mapping[int, float], accuracy: Mapping[str, float]
) -> dict[str, Any]:
    def pairs(theirs: Mapping[Any, float], ours: Mapping[Any, float]) -> dict[str, dict[str, float]]:
        return {str(key): {"published": theirs[key], "own": value} for key, value in ours.items()}

    return {
        "network": run.title,
        "seed": run.seed,
        "learning_rate": run.learning_rate,
        "costs": pairs(run.costs, costs),
        "accuracy_percent": pairs(run.accuracy, accuracy),
    }
