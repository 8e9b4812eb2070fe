"""Compare deepcore with other libraries: training and prediction, interleaved in one run.

    python benchmarks/compare.py --json results.json --markdown results.md

benchmarks/README.md describes the method, and how to read the result.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

from report import as_json, as_markdown, describe_machine, summarize

from deepcore.bench import CONTESTANTS, PREDICTIONS, WORKLOADS, Race

# Predictions are measured twice: with the object for loops, and with the method that checks its arguments.
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
# torch.compile needs a C++ compiler and several minutes, so it takes part only on request.
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
    parser.add_argument("--threads", type=int, default=2, help="threads of each library; default: 2")
    parser.add_argument("--rounds", type=int, default=9, help="number of timings of each library; default: 9")
    parser.add_argument("--seconds", type=float, default=0.4, help="length of one timing; default: 0.4")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--examples", type=int, help="largest number of examples, for a quick test")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 0.1 s and one epoch")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    return parser.parse_args(arguments)


def names_of(groups):
    """Return a parser of comma-separated names, each of which stands for a list of names."""

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
            # Write after every task, so that an interrupted run keeps its results.
            write(options.json, as_json(report))
            write(options.markdown, as_markdown(report))
    if options.markdown is None:
        print(as_markdown(report))


def write(path, text):
    if path is not None:
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
