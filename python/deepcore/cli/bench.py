"""``deepcore bench``: measure how fast this machine trains and predicts, compared with NumPy."""

import dataclasses
from pathlib import Path
from typing import Any

import click

from deepcore import _core
from deepcore.bench import PREDICTIONS, WORKLOADS, Race, Task, format_seconds
from deepcore.cli.output import print_table, say, to_json
from deepcore.installation import config

_TASKS: dict[str, Task] = {**WORKLOADS, **PREDICTIONS}
# An epoch of the large ones takes NumPy seconds; benchmarks/compare.py in the repository runs them all.
_SMALL = ("flower", "digits", "tabular", "mnist-s", "30-64-32-1@1", "784-128-10@1024")


@click.command()
@click.option(
    "--workloads", default=",".join(_SMALL), show_default=True, metavar="NAME,...", help="Names of workloads."
)
@click.option("--all", "everything", is_flag=True, help="Run all workloads. This takes minutes.")
@click.option(
    "--threads", type=click.IntRange(1), help="Threads of both libraries.  [default: deepcore's own choice]"
)
@click.option(
    "--rounds", type=click.IntRange(1), default=5, show_default=True, help="Measurements per library."
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    default=0.1,
    show_default=True,
    help="Length of a measurement.",
)
@click.option(
    "--examples", type=click.IntRange(2), help="Use at most this number of examples.  [default: no limit]"
)
@click.option("--json", "path", metavar="FILE", help="Write all measurements to this file.")
def bench(
    workloads: str,
    everything: bool,
    threads: int | None,
    rounds: int,
    seconds: float,
    examples: int | None,
    path: str | None,
) -> None:
    """Compare the speed of training and prediction with NumPy, after comparing the answers.

    The two libraries take turns, each in a process of its own. Each time is the median of one epoch or one
    call.
    """
    names = list(_TASKS) if everything else workloads.split(",")
    for name in names:
        if name not in _TASKS:
            raise ValueError(f"bench: workloads must be names among {', '.join(_TASKS)}; got {name!r}")
    threads = threads or _core.num_threads()
    facts = config()
    say(f"deepcore {facts['version']}, CPU variant {facts['variant']}, threads: {threads}")
    results = []
    with Race(threads=threads, rounds=rounds, seconds=seconds, least=1) as race:
        for name in names:
            task = _TASKS[name]
            if examples is not None:
                task = dataclasses.replace(task, examples=min(examples, task.examples))
            results.append(race.run(task))
            _check(results[-1])
    print_table(_table(results))
    if path is not None:
        report = {"deepcore": facts, "threads": threads, "results": results}
        Path(path).write_text(to_json(report, indent=1) + "\n", encoding="utf-8")


def _check(result: dict[str, Any]) -> None:
    for name, reason in result["left_out"].items():
        raise RuntimeError(f"bench: {name} failed at {result['task']}: {reason}")


def _table(results: list[dict[str, Any]]) -> list[list[str]]:
    rows = [["", "deepcore", "spread", "numpy", "numpy/deepcore", "GFLOP/s", "of the peak"]]
    for result in results:
        ours, theirs = (result["contestants"][name] for name in ("deepcore", "numpy"))
        rate = result["flops"] / ours["median"]
        rows.append(
            [
                result["task"],
                format_seconds(ours["median"]),
                f"{100 * ours['mad'] / ours['median']:.1f}%",
                format_seconds(theirs["median"]),
                f"{theirs['median'] / ours['median']:.2f}",
                f"{rate / 1e9:.1f}",
                f"{100 * rate / result['peak']:.0f}%" if result["peak"] else "-",
            ]
        )
    return rows
