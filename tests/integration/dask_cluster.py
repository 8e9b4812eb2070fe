"""Clusters for the tests of deepcore.dask, and the problem that they train on; it needs Dask and XGBoost."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pytest
from distributed import Client, LocalCluster, wait
from distributed.protocol.pickle import cloudpickle

import deepcore as dc

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import the tests

MARKS = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs SIGKILL and SIGSTOP"),
    pytest.mark.filterwarnings("default"),  # the libraries of a cluster have warnings of their own
]
ROWS, CHUNK = 1600, 200
SETTINGS = {"epochs": 8, "batch_size": 200, "timeout": 20}


def problem():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(ROWS, 6)).astype(np.float32)
    return X, (X[:, 0] + X[:, 1] > 0).astype(int) + (X[:, 2] > 0.5)


def network():
    return dc.mlp([6, 16, 3], dropout=0.1, seed=2)


@contextlib.contextmanager
def cluster():
    """A client of two workers; one that was killed may take long to start again on a busy machine."""
    sys.path.append(str(Path(__file__).parents[2]))  # workers import this module, wherever pytest was started
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "120s"}),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as local,
        Client(local) as client,
    ):
        yield client


def spread(client):
    X, y = problem()
    workers = sorted(client.nthreads())
    parts = []
    for array in (X, y):
        pieces = [array[first : first + CHUNK] for first in range(0, ROWS, CHUNK)]
        held = [
            client.submit(
                np.copy,
                piece,
                workers=[workers[number * 2 // len(pieces)]],
                pure=False,
                allow_other_workers=True,
            )
            for number, piece in enumerate(pieces)
        ]
        blocks = [
            da.from_delayed(future, piece.shape, piece.dtype)
            for future, piece in zip(held, pieces, strict=True)
        ]
        parts.append(da.concatenate(blocks).persist())
    wait(parts)
    return parts


def processes(client):
    """The process of each worker, that of rank 0 first."""
    return [number for _, number in sorted(client.run(os.getpid).items())]


class At:
    """A callback that does something after an epoch."""

    def __init__(self, epoch, action, *arguments):
        self.epoch, self.action, self.arguments = epoch, action, arguments

    def __call__(self, record):
        if record.epoch == self.epoch:
            self.action(*self.arguments)


@contextlib.contextmanager
def servers(folder):
    """A scheduler and two workers in processes of their own: the address, and the processes."""
    started = []

    def start(*words):
        command = [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]]
        log = (folder / f"{len(started)}.log").open("wb")
        with log:
            started.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment))

    file = folder / "scheduler.json"
    tests = Path(__file__).parents[1]
    paths = [str(tests), str(tests.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    try:
        common = ["--scheduler-file", str(file), "--no-dashboard"]
        start("dask_scheduler", *common, "--host", "127.0.0.1", "--port", "0")
        for number in range(2):
            start(
                "dask_worker", *common, "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1",
                "--local-directory", str(folder / f"worker{number}"),
            )  # fmt: skip
        yield str(file), started
    finally:
        for process in started:
            process.kill()
            process.wait()
