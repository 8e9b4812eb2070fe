"""``deepcore train``: read data, and write a folder with the model, its history and its learning curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from deepcore.cli import baseline
from deepcore.cli.checkpointing import Interruptions, checkpoint_options, opened
from deepcore.cli.config import config_option
from deepcore.cli.doctoring import called, doctor_option, show
from deepcore.cli.mpi import among_ranks, follows
from deepcore.cli.networks import DEFAULT_EPOCHS
from deepcore.cli.output import print_pairs, print_scores, readable, say, to_json, warn
from deepcore.cli.report import Judged, Report, judge
from deepcore.cli.saved import MODEL_FILE
from deepcore.cli.settings import NETWORK_DEFAULTS, Settings, option_name
from deepcore.cli.sources import reading_options
from deepcore.cli.training import Training, begin
from deepcore.doctor import Finding
from deepcore.files.atomic import check_target, replacing
from deepcore.optimizers import by_name


class _Layers(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """``128,64`` is two hidden layers, and ``none`` no hidden layer; a file of options may hold a list."""

    name = "layers"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        words = [] if text.strip().lower() == "none" else [word.strip() for word in text.split(",")]
        if not all(word.isascii() and word.isdigit() and int(word) > 0 for word in words):
            self.fail(
                f"{text!r} must be numbers of units of the hidden layers, such as 128,64, or none", param, ctx
            )
        return tuple(int(word) for word in words)


# What RealMLP does not let the options change.
_FIXED = "cannot be changed"


def _network_option(name: str, help_text: str, realmlp: str, **settings: Any) -> Callable[..., Any]:
    """An option of a network of your own; its help ends with the defaults of this network and of RealMLP."""
    default = NETWORK_DEFAULTS[name]
    if default is None:
        default = "the optimizer's own"
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
    text = f"{help_text}  [default: {shown}; realmlp: {realmlp}]"
    return click.option(option_name(name), name, default=None, help=text, **settings)


@click.command()
@click.argument("data", default="digits")
@config_option
@click.option(
    "--label",
    metavar="COLUMN",
    multiple=True,
    help="Label column of a table; several are targets of one regression.  [default: 'label', else the last"
    " one]",
)
@click.option(
    "--drop",
    metavar="COLUMN",
    multiple=True,
    help="Column of a table to leave out. This option may be repeated.",
)
@click.option(
    "--id",
    metavar="COLUMN",
    multiple=True,
    help="Column that names the rows: it is not learned from, and predict repeats it. May be repeated.",
)
@click.option(
    "--kind",
    metavar="COLUMN=KIND",
    multiple=True,
    help="Kind of a column: number, category, boolean, date or ignore.  [default: found] May be repeated.",
)
@click.option("--skip-unlabelled", is_flag=True, help="Leave out rows of a table that have no label.")
@click.option(
    "--task",
    type=click.Choice(["auto", "classification", "regression"]),
    default="auto",
    show_default=True,
    help="What to learn; auto decides by the labels, and says so.",
)
@click.option(
    "--recipe",
    type=click.Choice(["auto", "realmlp", "realmlp-td", "network"]),
    default="auto",
    show_default=True,
    help="realmlp: strong defaults for tables; realmlp-td: its slower variant, which is often better;"
    " network: a network of your own. auto: realmlp for tables, unless one of the options of"
    f" such a network is given: {', '.join(map(option_name, NETWORK_DEFAULTS))}.",
)
@click.option(
    "--test-size",
    type=float,
    default=0.2,
    show_default=True,
    help="Fraction of the examples in the test part; 0: no test part.",
)
@click.option(
    "--validation-size",
    type=float,
    help="Fraction of the other examples in the validation part, which chooses the best epoch; 0: none."
    "  [default: 0.2; none if there are fewer than 50]",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help=f"Number of passes over the data.  [default: {DEFAULT_EPOCHS}; realmlp: 256]",
)
@click.option(
    "--patience",
    type=click.IntRange(min=1),
    help="Stop after so many epochs without a better one.  [default: no limit]",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Stop training after this time.  [default: no limit]",
)
@click.option(
    "--class-weight",
    metavar="CLASS=NUMBER",
    multiple=True,
    help="Weight of a class, or: balanced. This option may be repeated.  [default: 1 for every class]",
)
@click.option(
    "--ensemble",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Average so many networks (tables).",
)
@click.option(
    "--cv",
    type=click.IntRange(2),
    metavar="FOLDS",
    help="Train one network per fold, average them, and report the scores of the folds (tables)."
    "  [default: off]",
)
@_network_option(
    "layers",
    "Numbers of units of the hidden layers, or none.",
    "256,256,256",
    metavar="N,N,...",
    type=_Layers(),
)
@_network_option("activation", "Activation of the hidden layers: relu, tanh, gelu, ...", _FIXED)
@_network_option("optimizer", "Update rule.", _FIXED, type=click.Choice(list(by_name)))
@_network_option("learning_rate", "Step size.", "its own", type=float)
@_network_option(
    "batch_size", "Number of examples per step; 0: all.", "256 or more", type=click.IntRange(min=0)
)
@_network_option(
    "dropout",
    "Share of hidden units that are left out in a step.",
    "0.0; realmlp-td: 0.15",
    type=click.FloatRange(0, 1, max_open=True),
)
@_network_option("l2", "Penalty on the weights.", _FIXED, type=click.FloatRange(0))
@reading_options()
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
    help="Number type of the weights and of all computations.",
)
@click.option(
    "--out",
    metavar="DIR",
    default="deepcore-run",
    show_default=True,
    help="Folder to write to; existing files are replaced.",
)
@click.option("--report", metavar="FILE", help="Write a report with pictures to FILE, as one HTML page.")
@checkpoint_options
@doctor_option
@among_ranks
def train(
    data: str,
    out: str,
    reading: dict[str, Any],
    report: str | None,
    checkpoint: str | None,
    resume: bool,
    doctor: bool,
    **options: Any,
) -> None:
    """Train a network and test it on examples that it has not seen.

    DATA is a table (CSV, also compressed, Parquet, Arrow, Excel, or - for standard input), an NPZ file
    (arrays X and y), a folder of IDX files like MNIST's or of the cat files, or one of digits (the default),
    flower, moons, circles, spirals. A relative path that does not exist is searched for in the folder that
    DEEPCORE_DATA names.

    A table may have text, dates, missing values and ids: the kinds of its columns are found and printed.
    Everything is learned from the training part only. The epoch that is best on the validation part is kept,
    and the test part is used for the report alone. The files model.safetensors, history.json and, if
    matplotlib is installed, curves.png are written to DIR; --report writes one HTML page besides.

    mpiexec -n 4 deepcore train DATA trains one network with four processes, with the same result.
    """
    folder = Path(out)
    page = None if report is None else _page(Path(report), folder / MODEL_FILE)
    settings = Settings(**options)
    training = begin(data, settings, reading)
    if follows(data, training.of_one_network):
        training.fit()
        return
    folder.mkdir(parents=True, exist_ok=True)  # before the work, not after it
    check_target(folder / MODEL_FILE)
    saver = opened(checkpoint, resume, folder)
    examiner = called(doctor, training)
    training.show()
    if settings.patience is not None and settings.cv is None and not len(training.parts.validation):
        warn("--patience has no effect: there is no validation part; use --validation-size to have one")
    facts = {"data": training.name, **training.facts(), **_common(settings)}
    say("hyperparameters")
    print_pairs({name: value for name, value in facts.items() if name != "data" and value is not None})

    ended = Interruptions(saver)
    with ended:
        try:
            training.fit(saver, [] if examiner is None else [examiner])
        except KeyboardInterrupt:
            ended.came()
        except ValueError:
            show(examiner)  # a loss that is no longer finite is the reason to ask
            raise
    interrupted = ended.signal is not None
    if interrupted:
        say(ended.sentence(len(training.records)))
    elif saver is not None and saver.resumed:
        say(f"the training continued from {saver.path}")
    facts["epochs"] = len(training.records) or facts["epochs"]
    if training.best_epoch is not None:
        facts["best_epoch"] = training.best_epoch + 1
        say(f"best epoch: {training.best_epoch + 1}")

    training.save(folder / MODEL_FILE, facts, {})  # first of all: nothing that fails later may lose the model
    judged = training.judged()
    results = {part: answers.scores() for part, answers in judged.items()}
    training.save(folder / MODEL_FILE, facts, results)
    comparison = None if interrupted else _compare(training, judged)
    scores = results | ({} if comparison is None else comparison.baselines())
    say("results")
    print_scores(scores)
    for line in training.remarks():
        say(line)
    if comparison is not None:
        comparison.show()
    findings = () if interrupted else show(examiner)
    written = _write(folder, training, facts, results, comparison, findings)
    if page is not None and _attempt(
        page, lambda: _write_page(page, training, facts, scores, comparison, judged, findings)
    ):
        written.append(page)
    for sentence in [] if comparison is None else comparison.warnings:
        warn(sentence)
    say(f"wrote {', '.join(str(path) for path in written)}")
    if interrupted:
        raise SystemExit(ended.status)


def _common(settings: Settings) -> dict[str, Any]:
    """The hyperparameters that every recipe has."""
    return {
        "class_weight": ", ".join(settings.class_weight) or None,
        "patience": settings.patience,
        "time_limit": settings.time_limit,
        "test_size": settings.test_size,
        "validation_size": settings.validation_size,
        "seed": settings.seed,
        "dtype": settings.dtype,
    }


def _compare(training: Training, judged: dict[str, Judged]) -> Report | None:
    """Compare the model with its baselines on the part that says most."""
    part = next(name for name in ("test", "validation", "train") if name in judged)
    try:
        importance = training.importance(part, judged[part])
        return judge(part, judged[part], _baselines(training, judged, part), importance)
    except (ValueError, MemoryError, ArithmeticError) as error:  # the model is written: nothing may lose it
        warn(f"there is no report: {' '.join(str(error).split()) or type(error).__name__}")
        return None


def _baselines(training: Training, judged: dict[str, Judged], part: str) -> dict[str, Judged]:
    truth, classes = judged["train"].truth, training.classes
    count = None if classes is None else len(classes)
    answers = {
        "constant": baseline.constant(truth, count, len(judged[part].truth)),
        "linear": baseline.linear(
            training.inputs("train"), truth, count, training.inputs(part), training.settings.seed
        ),
    }
    return {name: Judged(judged[part].truth, outputs, classes) for name, outputs in answers.items()}


def _write(
    folder: Path,
    training: Training,
    facts: dict[str, Any],
    results: dict[str, Any],
    report: Report | None,
    findings: Sequence[Finding],
) -> list[Path]:
    """Write the history and the picture, each whole or not at all; return the files of the folder."""
    records = training.records
    model_file, history_file, picture = folder / MODEL_FILE, folder / "history.json", folder / "curves.png"
    names = records[0] if records else ()
    series = {name: [record[name] for record in records] for name in names}
    document: dict[str, Any] = {"training": facts, "results": results, "history": series}
    if report is not None:
        document["report"] = report.to_dict()
    if findings:
        document["findings"] = [asdict(finding) for finding in findings]
    with replacing(history_file) as file:
        file.write((to_json(document, indent=1) + "\n").encode())
    if not series:  # interrupted in the first epoch
        return [model_file, history_file]
    title = ", ".join(str(facts[name]) for name in ("layers", "optimizer") if name in facts)
    title = readable(f"{facts['data']}: {title}")
    if not _attempt(picture, lambda: _draw(picture, series, title, training.best_epoch)):
        return [model_file, history_file]
    return [model_file, history_file, picture]


def _attempt(path: Path, write: Callable[[], None]) -> bool:
    """Write a file with pictures, whatever fails in drawing them is a warning and ends nothing."""
    try:
        write()
    except Exception as error:
        warn(f"{path} was not written: {' '.join(str(error).split())}")
        return False
    return True


def _draw(picture: Path, series: dict[str, list[float]], title: str, best_epoch: int | None) -> None:
    """Draw the learning curves. matplotlib is imported here only, since no other command needs it."""
    from deepcore.plots import draw_curves

    with replacing(picture) as file:
        draw_curves(file, series, title, best_epoch)


def _page(path: Path, model: Path) -> Path:
    """Check, before the work, that a page can be written: its libraries and its folder must be there."""
    import deepcore.report  # noqa: F401

    if not path.parent.is_dir():
        raise FileNotFoundError(f"--report: the folder {path.parent} does not exist; make it first")
    check_target(path)
    if path.resolve() == model.resolve():
        raise ValueError(f"--report: {path} is the file of the model; name another one")
    return path


def _write_page(
    path: Path,
    training: Training,
    facts: dict[str, Any],
    scores: dict[str, dict[str, float]],
    report: Report | None,
    judged: dict[str, Judged],
    findings: Sequence[Finding],
) -> None:
    """Write the HTML page. jinja2 is imported here only, since no other command needs it."""
    from deepcore.cli.html_report import sections
    from deepcore.report import write

    title = f"Training on {readable(training.name)}"
    write(path, title, sections(training, facts, scores, report, judged, findings))
