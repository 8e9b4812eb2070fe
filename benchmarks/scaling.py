"""Measure how the cost grows with the work: time per example and parameter, and memory.

    python benchmarks/scaling.py

Time is measured for 10^4 to 10^6 examples of the tabular network, in memory and memory-mapped, and for
layers of 256 to 4096 units. The memory of one call of fit is compared with model.plan, and the memory after
1000 epochs with that after 10.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from report import describe_machine, table

import deepcore as dc
from deepcore.bench import summary

TABULAR = (30, 64, 32, 1)
EXAMPLES = (10_000, 100_000, 1_000_000)
WIDTHS = (256, 512, 1024, 2048, 4096)


def random_examples(count, sizes):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((count, sizes[0]), dtype=np.float32)
    return X, rng.integers(max(sizes[-1], 2), size=count)


def map_to_file(X, folder):
    """Return the same numbers as a read-only memory map of a file."""
    path = Path(folder) / f"{len(X)}.npy"
    np.save(path, X)
    return np.load(path, mmap_mode="r")


def make_case(name, sizes, X, y, threads):
    """Return the name, a function that trains one epoch, and its number of examples times parameters."""
    model = dc.mlp(sizes, seed=1)

    def run():
        history = model.fit(X, y, dc.Adam(1e-4), epochs=1, batch_size=256, threads=threads)
        if not np.isfinite(history["loss"][0]):
            raise SystemExit(f"scaling: the loss of {name} is not finite")

    return name, run, len(X) * model.flat_parameters.size


def time_cases(cases, rounds):
    """Return nanoseconds per example and parameter; every round times every case once."""
    times = {name: [] for name, _, _ in cases}
    for _, run, _ in cases:
        run()
    for _ in range(rounds):
        for name, run, work in cases:
            start = time.perf_counter()
            run()
            times[name].append(1e9 * (time.perf_counter() - start) / work)
    return {name: summary(values) for name, values in times.items()}


def example_cases(options, folder):
    for count in options.examples:
        X, y = random_examples(count, TABULAR)
        yield make_case(f"{count} examples", TABULAR, X, y, options.threads)
        yield make_case(f"{count} mapped", TABULAR, map_to_file(X, folder), y, options.threads)


def width_cases(options):
    for width in options.widths:
        sizes = (width, width, width, 10)
        X, y = random_examples(options.width_examples, sizes)
        yield make_case(f"width {width}", sizes, X, y, options.threads)


def resident_bytes():
    """Return the memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def forget_peak():
    """Reset the peak of the memory, where the system supports it."""
    if (file := Path("/proc/self/clear_refs")).exists():
        file.write_text("5")


def peak_bytes():
    """Return the peak of the memory since the reset."""
    if Path("/proc/self/clear_refs").exists():
        status = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def memory_of_epochs(connection, epochs):
    """Measure in a child process how memory grows from 10 epochs to many, in one call and in many calls."""
    X, y = random_examples(2000, (64, 100, 10))
    model = dc.mlp((64, 100, 10), seed=1)
    model.fit(X, y, epochs=10, batch_size=32)
    before = resident_bytes()
    model.fit(X, y, epochs=epochs, batch_size=32)
    one_call = resident_bytes() - before
    for _ in range(epochs):
        model.fit(X, y, epochs=1, batch_size=32)
    connection.send({"one_call": one_call, "many_calls": resident_bytes() - before - one_call})


def memory_of_training(connection, width):
    """Measure in a child process the peak memory of fit with Adam, including the parameters of the model."""
    sizes = (width, width, width, 10)
    X, y = random_examples(256, sizes)
    dc.mlp((2, 2, 1)).fit(X[:4, :2], y[:4] % 2, epochs=1)  # load everything that a first call loads
    model = dc.mlp(sizes, seed=1)
    parameters, planned = model.flat_parameters.nbytes, model.plan(128).bytes
    forget_peak()
    before = resident_bytes()
    model.fit(X, y, epochs=2, batch_size=128)
    held = parameters + max(peak_bytes(), resident_bytes()) - before
    connection.send({"parameters": parameters, "held": held, "ratio": held / parameters, "planned": planned})


def in_child(function, *arguments):
    """Run a function in a new process, so that no other case has left memory behind."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=function, args=(theirs, *arguments))
    process.start()
    theirs.close()
    result = ours.recv()
    process.join()
    return result


def main(arguments=None):
    numbers = {"type": int, "nargs": "+"}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", default=EXAMPLES, **numbers)
    parser.add_argument("--widths", default=WIDTHS, **numbers)
    parser.add_argument("--width-examples", type=int, default=2048)
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)

    report = {"machine": describe_machine(), "threads": options.threads}
    with tempfile.TemporaryDirectory() as folder:
        report["examples"] = time_cases(list(example_cases(options, folder)), options.rounds)
    report["widths"] = time_cases(list(width_cases(options)), options.rounds)
    for kind in ("examples", "widths"):
        first = next(iter(report[kind].values()))["median"]
        rows = [
            [name, f"{r['median']:.4f}", f"{100 * r['mad'] / r['median']:.1f}%", f"{r['median'] / first:.2f}"]
            for name, r in report[kind].items()
        ]
        print(table([kind, "ns per example and parameter", "spread", "time / first"], rows), end="\n\n")

    report["epochs"] = in_child(memory_of_epochs, options.epochs)
    print(f"Growth after {options.epochs} epochs: " + kilobytes(report["epochs"]))
    report["training"] = in_child(memory_of_training, options.widths[-1])
    training = report["training"]
    print(
        f"Memory of fit at width {options.widths[-1]}: {training['ratio']:.2f} x parameters, "
        f"{training['held'] / training['planned']:.2f} x what model.plan says"
    )
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def kilobytes(growth):
    return ", ".join(f"{growth[name] / 1024:.0f} KB in {name.replace('_', ' ')}" for name in growth)


if __name__ == "__main__":
    main()
