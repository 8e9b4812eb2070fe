"""Compare the gradient of logistic regression by explicit loops, by NumPy and by deepcore.

    python benchmarks/loops.py
    python benchmarks/loops.py --functions linear_forward sigmoid

With --functions it compares functions of ``deepcore.functional``, all of them if none is named, with the
obvious lines of NumPy, size by size.
Each uses one thread, and they take turns in one process. The loops are those of tests/reference/logistic.py.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import numpy as np
from numpy_lines import SIZES, agree, make_pairs
from report import table

import deepcore as dc
from deepcore.bench import format_seconds, summary
from reference.logistic import cost_and_gradient


def by_numpy(w, b, X, Y):
    """Return cost and gradient without a loop, for w (n_x, 1), X (n_x, m) and Y (1, m)."""
    m = X.shape[1]
    A = 1 / (1 + np.exp(-(w.T @ X + b)))
    dZ = A - Y
    cost = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    return cost, X @ dZ.T / m, np.sum(dZ) / m


def make_contestants(features, examples):
    """Return functions without arguments that compute cost, dw (n_x,) and db at the same point."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(examples, features))  # rows are examples
    y = (X @ rng.normal(size=features) > 0).astype(np.int64)
    w, b = rng.normal(size=features) / np.sqrt(features), 0.1

    columns, Y = np.ascontiguousarray(X.T), y[None, :].astype(float)
    lists, labels, weights = columns.tolist(), y.tolist(), w.tolist()
    model = dc.Model(features, [dc.Dense(1, "sigmoid")], dtype="float64")
    model.parameters["W1"] = w[None, :]
    model.parameters["b1"] = np.array([[b]])

    def native():
        loss, grads = model.gradients(X, y, threads=1)
        return loss, grads["dW1"][0], grads["db1"][0, 0]

    def vectorised():
        cost, dw, db = by_numpy(w[:, None], b, columns, Y)
        return cost, dw[:, 0], db

    return {
        "loops": lambda: cost_and_gradient(weights, b, lists, labels),
        "numpy": vectorised,
        "deepcore": native,
    }


def check(contestants):
    """Exit with an error unless all gradients agree up to the rounding of sums in float64."""
    cost, dw, db = contestants["loops"]()
    for name, run in contestants.items():
        other = run()
        for got, right in zip(other, (cost, np.array(dw), db), strict=True):
            if not np.allclose(got, right, rtol=1e-9, atol=1e-11):
                raise SystemExit(f"loops: {name} computes another gradient")


def measure(contestants, rounds, seconds):
    """Return a summary of the time of one gradient, by contestant."""
    times = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            count, start = 0, time.perf_counter()
            while (elapsed := time.perf_counter() - start) < seconds or count == 0:
                run()
                count += 1
            times[name].append(elapsed / count)
    return {name: summary(values) for name, values in times.items()}


def ratio(mine, others, rounds, seconds):
    """Return the least times of both, and the median over the rounds of the second time over the first."""
    start = time.perf_counter()
    mine(), others()
    count = max(1, int(seconds / (time.perf_counter() - start)))
    times = np.empty((rounds, 2))
    for row in times:
        for which, run in enumerate((mine, others)):
            start = time.process_time()
            for _ in range(count):
                run()
            row[which] = (time.process_time() - start) / count
    return *times.min(axis=0), float(np.median(times[:, 1] / times[:, 0]))


def compare_functions(names, rounds, seconds):
    """Print the times of deepcore and NumPy and their ratio for each size and dtype; answers first."""
    for dtype in (np.float32, np.float64):
        for features, examples, units in SIZES:
            rows = []
            for name, pair in make_pairs(features, examples, units, dtype).items():
                if names and not any(name.startswith(wanted) for wanted in names):
                    continue
                if not agree(pair[0](), pair[1](), dtype):
                    raise SystemExit(f"loops: {name} differs from NumPy at {features} x {examples}")
                mine, others, quotient = ratio(*pair, rounds, seconds)
                rows.append([name, format_seconds(mine), format_seconds(others), f"{quotient:.2f}"])
            title = f"{features} x {examples}, {units} units, {np.dtype(dtype).name}"
            print(f"\n{title}:\n\n{table(['', 'deepcore', 'NumPy', 'NumPy / deepcore'], rows)}", flush=True)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=int, default=256)
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--functions", nargs="*", help="only these functions, or those that begin so")
    options = parser.parse_args(arguments)
    if options.functions is None:
        compare_gradients(options)
    else:
        compare_functions(options.functions, options.rounds, options.seconds / 100)


def compare_gradients(options):
    """Print the time of one gradient of logistic regression by loops, NumPy and deepcore."""
    contestants = make_contestants(options.features, options.examples)
    check(contestants)
    results = measure(contestants, options.rounds, options.seconds)
    best = results["deepcore"]["median"]
    print(f"Gradient of logistic regression, {options.examples} examples of {options.features} features:\n")
    rows = [
        [
            name,
            format_seconds(r["median"]),
            f"{100 * r['mad'] / r['median']:.1f}%",
            f"{r['median'] / best:.1f}",
        ]
        for name, r in results.items()
    ]
    print(table(["", "one gradient", "spread", "time / deepcore"], rows))


if __name__ == "__main__":
    main()
