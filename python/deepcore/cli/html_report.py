"""``train --report``: a training as one HTML page with pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from deepcore import plots
from deepcore._network.summary import Summary
from deepcore.cli.output import readable, score_rows
from deepcore.cli.report import Judged, Report
from deepcore.cli.training import Training
from deepcore.model import Model
from deepcore.plots.style import Figure, figure
from deepcore.report import Section
from deepcore.typing import Array

__all__ = ["findings_section", "sections"]

# A network with more units than this is a table only: a diagram of it shows nothing.
_MOST_UNITS = 64
# Each target of a regression has a picture of its own.
_MOST_TARGETS = 6


def sections(
    training: Training,
    facts: Mapping[str, Any],
    results: Mapping[str, Mapping[str, float]],
    report: Report | None,
    judged: Mapping[str, Judged],
    findings: Iterable[Any] = (),
) -> list[Section]:
    """Describe a training in sections; what does not apply to it has no section.

    Args:
        training: The training, after its end.
        facts: The hyperparameters.
        results: Scores by part, and those of the baselines.
        report: The comparison with the baselines, or None.
        judged: Labels and predictions by part.
        findings: What a doctor found: objects with ``severity``, ``cause``, ``layer``, ``evidence`` and
            ``advice``.
    """
    part = report.part if report is not None else list(judged)[-1]
    found = [
        _summary(training, facts, report),
        findings_section(findings),
        _plan(training, facts),
        _curves(training),
        Section("Scores", tables={"Scores by part of the data, and of two baselines": score_rows(results)}),
        _classes(part, judged[part], report) if training.classes else _numbers(training, part, judged[part]),
        _importance(part, training, report),
        _examples(training, part, judged[part]),
        _columns(training),
    ]
    return [section for section in found if section is not None]


def _summary(training: Training, facts: Mapping[str, Any], report: Report | None) -> Section:
    values = [
        [name.replace("_", " "), readable(str(value))] for name, value in facts.items() if value is not None
    ]
    network = training.network
    sentences = [f"The data set {readable(training.name)} has {training.parts.counts('examples')}."]
    if training.best_epoch is not None:
        sentences.append(
            f"The best epoch is {training.best_epoch + 1} of {len(training.records)}; it was kept."
        )
    if facts.get("ensemble") or facts.get("folds"):
        sentences.append(
            "Several networks are averaged; layers, plan and learning curves are those of the first."
        )
    pictures = {}
    if sum(layer.units for layer in network.spec.layers) <= _MOST_UNITS and not network.spec.embeddings:
        size = (2.2 * (len(network.spec.layers) + 1), 4.2)
        pictures["The layers of the network and its weights after the training"] = _drawn(
            plots.network_diagram, Model.from_network(network), size=size
        )
    return Section(
        "Summary",
        sentences,
        warnings=[readable(text) for text in report.warnings] if report is not None else [],
        tables={"Hyperparameters": [["name", "value"], *values], "Layers": Summary.of(network.spec).table},
        pictures=pictures,
    )


def findings_section(findings: Iterable[Any]) -> Section | None:
    """Return what a doctor found as a section, or None if it found nothing."""
    rows = [
        [
            "" if value is None else readable(str(value))
            for value in (f.severity, f.cause, f.layer, f.evidence, f.advice)
        ]
        for f in findings
    ]
    if not rows:
        return None
    head = ["severity", "cause", "layer", "evidence", "advice"]
    return Section("Findings", tables={"What hinders the training, and what to change": [head, *rows]})


def _plan(training: Training, facts: Mapping[str, Any]) -> Section:
    model = Model.from_network(training.network)
    plan = model.plan(facts["batch_size"], facts["optimizer"])
    return Section(
        "Plan", ["The work and the memory of one step, which follow from the shapes."], listing=f"{plan}"
    )


def _curves(training: Training) -> Section | None:
    if not training.records:
        return None
    series = {name: [record[name] for record in training.records] for name in training.records[0]}
    picture = plots.curves(series, "", training.best_epoch)
    return Section("Learning curves", pictures={"Every recorded number by epoch": picture})


def _drawn(draw: Callable[..., Any], *data: Any, size: tuple[float, float], **options: Any) -> Figure:
    """A figure of its own, made without pyplot."""
    picture = figure(*size)
    draw(*data, ax=picture.add_subplot(), **options)
    return picture


def _classes(part: str, judged: Judged, report: Report | None) -> Section:
    assert judged.classes is not None
    names = [readable(str(name)) for name in judged.classes]
    side = min(max(4.0, 0.5 * len(names) + 1), 10.0)
    pictures = {
        f"Confusion matrix of the {part} part: examples by true and by predicted class": _drawn(
            plots.confusion_matrix,
            judged.truth,
            judged.outputs.argmax(axis=1),
            classes=names,
            size=(side + 1.4, side),
        ),
        f"Calibration of the {part} part: predicted probabilities, and how often they come true": _drawn(
            plots.calibration, judged.truth, judged.outputs, size=(5.4, 5.0)
        ),
    }
    tables = {}
    if report is not None:
        head = ["class", "precision", "recall", "f1", "support"]
        tables["Numbers per class"] = [
            head,
            *(
                [
                    readable(str(row["class"])),
                    *(f"{row[name]:.3f}" for name in head[1:4]),
                    str(row["support"]),
                ]
                for row in report.per_class
            ),
        ]
    return Section(
        "Predictions", [f"These are predictions for the {part} part."], tables=tables, pictures=pictures
    )


def _numbers(training: Training, part: str, judged: Judged) -> Section:
    triples = zip(training.targets, judged.truth.T, judged.outputs.T, strict=True)
    sentences = [f"These are predictions for the {part} part."]
    if len(training.targets) > _MOST_TARGETS:
        sentences.append(f"The first {_MOST_TARGETS} of {len(training.targets)} labels are drawn.")
    pictures = {
        f"{readable(name)}: predicted against true values of the {part} part": _drawn(
            plots.predicted_against_true, truth, predicted, name=readable(name), size=(5.0, 4.8)
        )
        for name, truth, predicted in list(triples)[:_MOST_TARGETS]
    }
    return Section("Predictions", sentences, pictures=pictures)


def _importance(part: str, training: Training, report: Report | None) -> Section | None:
    if report is None or not report.importance:
        return None
    values = {readable(name): value for name, value in report.importance.items()}
    measure = "loss" if training.classes else "rmse"
    drawn = min(len(values), 20)
    picture = _drawn(plots.importance, values, measure=measure, size=(7.0, 1.2 + 0.28 * drawn))
    rows = [
        ["column", f"growth of the {measure}"],
        *([name, f"{value:+.4g}"] for name, value in values.items()),
    ]
    return Section(
        "Importance of the columns",
        [f"The values of one column of the {part} part are shuffled, and the error grows by this number."],
        tables={"All columns": rows} if len(values) > drawn else {},
        pictures={"Columns by importance": picture},
    )


def _examples(training: Training, part: str, judged: Judged) -> Section | None:
    images = training.images(part)
    if images is None or judged.classes is None:
        return None
    pixels, shape = images
    names = [readable(str(name)) for name in judged.classes]
    options: dict[str, Any] = {"shape": shape, "size": (7.5, 8.5)}
    wrong = judged.outputs.argmax(axis=1) != judged.truth
    pictures = {}
    if wrong.any():
        pictures["Examples of which the network was most certain, and wrong"] = _drawn(
            plots.misclassified, pixels, judged.truth, judged.outputs, classes=names, **options
        )
    W = np.asarray(training.network.parameters["W1"])
    pictures["The weights of the first layer as images"] = _drawn(
        plots.weight_images, _sorted(W), most=36, **options
    )
    return Section("Images", pictures=pictures)


def _sorted(W: Array) -> Array:
    """The units with the largest weights first."""
    return np.asarray(W[np.argsort(-np.abs(W).max(axis=1), kind="stable")])


def _columns(training: Training) -> Section | None:
    rows = training.columns
    if rows is None:
        return None
    cells = [[readable(cell) for cell in row] for row in rows]
    return Section("Columns of the table", tables={"The kind of every column, and the reason": cells})
