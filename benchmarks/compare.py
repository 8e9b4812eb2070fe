"""deepcore beside its peers: training and prediction, interleaved in one run, answers compared first.

    python benchmarks/compare.py --json results.json --markdown results.md

What it does and how to read the result: benchmarks/README.md.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

from report import as_json, as_markdown, describe_machine, summarize

from deepcore.bench import CONTESTANTS, PREDICTIONS, WORKLOADS, Race

# At prediction twice: the object made for loops, and the method that checks its arguments in every call.
DEEPCORE = {
    "deepcore": CONTESTANTS["deepcore"],
    "deepcore predict": "deepcore.bench.contestants:Method",
}
PEERS = {
    "torch": "contestants.pytorch:Torch",
    "torch.compile": "contestants.pytorch:Compiled",
    "jax": "contestants.xla:Jax",
    "sklearn": "contestants.scikit:Sklearn",
    "numpy": CONTESTANTS["numpy"],
    "onnxruntime": "contestants.onnx_runtime:Onnxruntime",
}
# torch.compile needs a C++ compiler and minutes, so it takes part when asked for.
DEFAULT_PEERS = [name for name in PEERS if name != "torch.compile"]
TASKS = WORKLOADS | PREDICTIONS
GROUPS = {"training": list(WORKLOADS), "prediction": list(PREDICTIONS)}


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--workloads",
        type=names_of({**GROUPS, **{name: [name] for name in TASKS}}),
        default=list(TASKS),
        help=f"comma-separated: {', '.join([*GROUPS, *TASKS])}; default: all",
    )
    parser.add_argument(
        "--peers",
        type=names_of({"none": [], **{name: [name] for name in PEERS}}),
        default=DEFAULT_PEERS,
        help=f"comma-separated: none, {', '.join(PEERS)}; default: all but torch.compile",
    )
    parser.add_argument("--threads", type=int, default=2, help="for everyone; default: 2")
    parser.add_argument("--rounds", type=int, default=9, help="how often each is timed; default: 9")
    parser.add_argument("--seconds", type=float, default=0.4, help="of one timing; default: 0.4")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--examples", type=int, help="at most so many, to see whether everything runs")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 0.1 s, one epoch: a first look")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    return parser.parse_args(arguments)


def names_of(groups):
    """A parser of comma-separated names, each of which stands for a list."""

    def names(text):
        unknown = [name for name in text.split(",") if name not in groups]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(groups)}")
        return list(dict.fromkeys(member for name in text.split(",") for member in groups[name]))

    return names


def main(arguments=None):
    options = parse(arguments)
    rounds, seconds, least = (3, 0.1, 1) if options.quick else (options.rounds, options.seconds, 3)
    report = {
        "machine": describe_machine(),
        "dtype": options.dtype,
        "threads": options.threads,
        "rounds": rounds,
        "seconds": seconds,
        "results": [],
    }
    contestants = {**DEEPCORE, **{name: PEERS[name] for name in options.peers}}
    with Race(contestants, options.threads, options.dtype, rounds, seconds, least) as race:
        for name in options.workloads:
            task = TASKS[name]
            if options.examples:
                task = dataclasses.replace(task, examples=min(task.examples, options.examples))
            result = race.run(task)
            if "deepcore" not in result["contestants"]:
                raise SystemExit(f"compare: deepcore failed at {name}: {result['left_out']['deepcore']}")
            report["results"].append(result)
            print(summarize(result), file=sys.stderr, flush=True)
            # after every task, so that an interrupted run leaves what it has
            write(options.json, as_json(report))
            write(options.markdown, as_markdown(report))
    if options.markdown is None:
        print(as_markdown(report))


def write(path, text):
    if path is not None:
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
