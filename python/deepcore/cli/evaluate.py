"""``deepcore evaluate``: print loss and accuracy, or the errors of a regression."""

from __future__ import annotations

from typing import Any

import click

from deepcore.cli.output import print_scores, to_json, warn
from deepcore.cli.parts import part_option
from deepcore.cli.report import judge
from deepcore.cli.saved import open_model
from deepcore.cli.sources import reading_options


@click.command()
@click.argument("model")
@click.argument("data")
@part_option
@click.option(
    "--report",
    is_flag=True,
    help="Print numbers per class and the confusion matrix as well (classification only).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
@reading_options(saved=True)
def evaluate(
    model: str, data: str, part: str | None, report: bool, as_json: bool, reading: dict[str, Any]
) -> None:
    """Compare the predictions of MODEL with the labels of DATA.

    MODEL is a model file, or the folder that train wrote. DATA is the same as for train, with its label
    column. Without --part, the test examples are used if DATA has a test part of its own (folders of IDX and
    cat files), else all examples. The parts of a training are recognised by the values of the examples, so
    that their order does not matter.
    """
    saved = open_model(model)
    examples = saved.read(data, part, reading, (), labelled=True)
    judged = saved.judged(examples)
    if report and judged.classes is None:
        warn("--report has no effect: this model predicts no classes")
    scores = judged.scores()
    if as_json:
        found: dict[str, Any] = {"data": examples.name, "part": examples.part, **scores}
        if report:
            details = judge(examples.part, judged, {}, {}).to_dict()
            found |= {name: details[name] for name in ("per_class", "confusion")}
        click.echo(to_json(found))
        return
    print_scores({f"{examples.name}, {examples.part}": scores})
    if report and judged.classes is not None:
        judge(examples.part, judged, {}, {}).show_classes()
