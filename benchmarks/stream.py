"""How fast does a stream train from a file, compared with the same rows in memory? Rows per second.

    python benchmarks/stream.py [--rows 1000000] [--columns 96] [--repeats 3] [--threads 1] [--folder FOLDER]

The file is in the page cache. The trainings follow each other in every repeat, and the fastest one of each
kind counts. Both start from the same parameters; in the order of the file they end with the same bits, which
is checked first.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

import deepcore as dc

# The first buffer is filled before the first step; in long trainings, that is a small part of the time.
EPOCHS = 4


def train(model_seed, threads, *data, **options):
    """Train a model; return it and the seconds of the wall clock and of the process."""
    X = data[0]
    columns = X.columns if len(data) == 1 else X.shape[1]
    model = dc.mlp([columns, 64, 32, 1], seed=model_seed)
    wall, processor = time.perf_counter(), time.process_time()
    model.fit(*data, optimizer=dc.Adam(1e-3), epochs=EPOCHS, threads=threads, **options)
    return model, time.perf_counter() - wall, time.process_time() - processor


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=96)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--parquet", action="store_true", help="write a Parquet file too; needs polars")
    options = parser.parse_args(argv)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((options.rows, options.columns), dtype=np.float32)
    y = (X[:, 0] * X[:, 1] > 0).astype(np.float32)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        compare(options, X, y, Path(folder))


def compare(options, X, y, folder):
    """Write the files, check that the bits are the same, then measure."""
    np.save(folder / "X.npy", X)
    np.save(folder / "y.npy", y)
    files = {"NPY": (folder / "X.npy", folder / "y.npy")}
    if options.parquet:
        import polars as pl

        names = [f"x{number}" for number in range(X.shape[1])]
        columns = {name: X[:, number] for number, name in enumerate(names)}
        pl.DataFrame({**columns, "y": y}).write_parquet(folder / "t.parquet", row_group_size=32_768)
        files["Parquet"] = folder / "t.parquet"
    batch, threads = options.batch, options.threads

    def stream(name, **more):
        return dc.stream(files[name], batch, label="y" if name == "Parquet" else None, **more)

    one, *_ = train(1, threads, X, y, batch_size=batch, shuffle=False)
    for name in files:
        two, *_ = train(1, threads, stream(name, shuffle=False))
        if not np.array_equal(one.flat_parameters, two.flat_parameters):
            raise SystemExit(f"stream: {name} does not give the bits of the rows in memory")
    kinds = {"memory": lambda: train(1, threads, X, y, batch_size=batch)}
    kinds |= {name: lambda name=name: train(1, threads, stream(name)) for name in files}
    best = dict.fromkeys(kinds, (np.inf, np.inf))
    for _ in range(options.repeats):
        for name, run in kinds.items():
            _, *times = run()
            best[name] = tuple(map(min, best[name], times))
    print(f"{'':10}{'rows/s':>12}{'of memory':>12}{'rows/CPU s':>14}")
    for name, (wall, processor) in best.items():
        share = best["memory"][0] / wall
        print(f"{name:10}{EPOCHS * len(X) / wall:12.0f}{share:12.0%}{EPOCHS * len(X) / processor:14.0f}")


if __name__ == "__main__":
    main()
