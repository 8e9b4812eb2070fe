"""Compare ways to train many small networks: one after the other, or at once with fit_many.

    python benchmarks/many.py

The networks are 30-64-32-1 with their own seeds, trained on one table. The program first checks
that all ways give the same bits; then each round times every way once.
"""

import argparse
import os
import time

import numpy as np
from report import describe_machine, table

import deepcore as dc
from deepcore.bench import summary

OPTIONS = {"epochs": 5, "batch_size": 256}


def make_networks(count):
    return [dc.mlp([30, 64, 32, 1], seed=seed) for seed in range(count)]


def ways(X, y, threads):
    """Return functions that train a list of networks, by name."""

    def one_by_one(limit):
        def train(models):
            for model in models:
                model.fit(X, y, threads=limit, **OPTIONS)

        return train

    return {
        "one after the other, 1 thread": one_by_one(1),
        "one after the other, default": one_by_one(None),
        f"one after the other, {threads} threads": one_by_one(threads),
        f"fit_many, {threads} threads": lambda models: dc.fit_many(models, X, y, threads=threads, **OPTIONS),
    }


def check_bits(chosen, count):
    """Exit unless every way gives the same parameters."""
    found = []
    for train in chosen.values():
        models = make_networks(min(count, 3))
        train(models)
        found.append([model.flat_parameters for model in models])
    if not all(np.array_equal(a, b) for one in found for a, b in zip(one, found[0], strict=True)):
        raise SystemExit("many: the ways do not give the same bits")


def time_ways(chosen, count, rounds):
    """Return lists of seconds and of processor seconds by way."""
    seconds = {name: [] for name in chosen}
    processor = {name: [] for name in chosen}
    for _ in range(rounds):
        for name, train in chosen.items():
            models = make_networks(count)
            start, cpu = time.perf_counter(), time.process_time()
            train(models)
            seconds[name].append(time.perf_counter() - start)
            processor[name].append(time.process_time() - cpu)
    return seconds, processor


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=32)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args(argv)
    rng = np.random.default_rng(1)
    X = rng.standard_normal((options.examples, 30), dtype=np.float32)
    y = rng.integers(2, size=options.examples)
    chosen = ways(X, y, options.threads)
    check_bits(chosen, options.networks)
    seconds, processor = time_ways(chosen, options.networks, options.rounds)
    machine = describe_machine()
    print(f"{machine['cpu']}, load {machine['load_before'][0]:.1f}, {machine['command']}")
    rows = [
        [name, *(f"{summary(times[name])['median']:.3f}" for times in (seconds, processor))]
        for name in chosen
    ]
    print(table(["way", "seconds", "processor seconds"], rows))


if __name__ == "__main__":
    main()
