"""No failure makes deepcore.dask hang: lost workers, rows and schedulers, and functions that fail.

The tests with ``--slow`` start schedulers and workers of their own, and end them.
"""

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

import deepcore as dc

for library in ("distributed", "dask.array", "xgboost"):
    pytest.importorskip(library, reason=f"{library} is not installed (extra `dask`)")

import dask  # noqa: E402
import dask.array as da  # noqa: E402
from distributed import Client, LocalCluster, wait  # noqa: E402
from distributed.protocol.pickle import cloudpickle  # noqa: E402

from deepcore import dask as dc_dask  # noqa: E402
from deepcore._cluster import watching  # noqa: E402
from deepcore.exceptions import GroupError  # noqa: E402
from integration.dask_cluster import (  # noqa: E402
    CHUNK,
    MARKS,
    ROWS,
    SETTINGS,
    At,
    network,
    problem,
    processes,
    servers,
    spread,
)

pytestmark = MARKS
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import a test


@pytest.fixture
def data(client):
    """X and y of Dask, each worker holding four chunks; the cluster has both workers again."""
    client.wait_for_workers(2, timeout=60)
    return spread(client)


@pytest.fixture(autouse=True)
def patience(request, monkeypatch):
    """A scheduler on a busy machine may take its time, except where it is what fails."""
    if "scheduler" not in request.node.name:
        monkeypatch.setattr(watching, "_ANSWER", 60.0)


def failing():
    raise ZeroDivisionError("a callback has failed")


# On one cluster


def test_an_exception_of_a_callback_is_raised_as_it_is(client, data):
    with pytest.raises(ZeroDivisionError, match="a callback has failed"):
        dc_dask.fit(client, network(), *data, callbacks=[At(1, failing)], **SETTINGS)


def test_bad_rows_of_one_worker_end_the_training_with_their_error(client, data):
    X, y = data
    bad = X.map_blocks(spoil, dtype=X.dtype)
    with pytest.raises(ValueError, match="X must be finite in float32, got nan"):
        dc_dask.fit(client, network(), bad, y, **SETTINGS)


def spoil(block, block_info=None):
    last = block_info is not None and block_info[0]["chunk-location"][0] == ROWS // CHUNK - 1
    return np.where(last, np.nan, block).astype(block.dtype)


def test_the_same_call_goes_on_after_a_worker_was_killed_and_ends_with_the_same_bits(client, data, tmp_path):
    model, history = dc_dask.fit(
        client, network(), *data, dc.Adam(0.01), checkpoint=tmp_path / "whole", **SETTINGS
    )
    path = tmp_path / "run.safetensors"
    victim = processes(client)[1]
    start = time.monotonic()
    with pytest.raises(GroupError, match=r"the worker tcp://.* was lost; .* goes on from .*run\.safetensors"):
        dc_dask.fit(
            client, network(), *data, dc.Adam(0.01), checkpoint=path,
            callbacks=[At(3, os.kill, victim, signal.SIGKILL)], **SETTINGS,
        )  # fmt: skip
    assert time.monotonic() - start < 30  # seconds, with the start of the training on a busy machine
    assert dc.load(path).epochs_trained >= 3
    again, continued = dc_dask.fit(client, network(), *data, dc.Adam(0.01), checkpoint=path, **SETTINGS)
    assert np.array_equal(again.flat_parameters, model.flat_parameters)
    assert continued == history


def rows_of_one_task(client, **restrictions):
    """X and y that one task makes, which may run only as the restrictions say."""
    X, y = problem()
    made = client.submit(np.copy, X, pure=False, **restrictions)
    return da.from_delayed(made, X.shape, X.dtype), da.from_array(y, chunks=-1)


NOWHERE = [
    ({"workers": ["tcp://127.0.0.1:9"]}, r"may run only on tcp://127\.0\.0\.1:9, and no such worker"),
    ({"workers": ["another-host"]}, "may run only on the host another-host, and no such worker"),
    ({"resources": {"GPU": 1}}, r"may run only with the resources \{'GPU': 1"),
]


@pytest.mark.parametrize(("restrictions", "reason"), NOWHERE)
def test_rows_that_no_worker_can_compute_end_the_training_and_name_the_checkpoint(
    client, tmp_path, restrictions, reason
):
    data = rows_of_one_task(client, **restrictions)
    rule = rf"^fit: rows could not be computed for \d+ s, because the task .* {reason}.* checkpoint .*run,"
    with pytest.raises(GroupError, match=rule):
        dc_dask.fit(client, network(), *data, checkpoint=tmp_path / "run", timeout=1)


def test_validation_rows_that_no_worker_can_compute_end_the_training(client, data):
    other = rows_of_one_task(client, workers=["tcp://127.0.0.1:9"])
    with pytest.raises(GroupError, match="may run only on"):
        dc_dask.fit(client, network(), *data, validation_data=other, timeout=1)


def test_rows_that_no_worker_can_compute_end_a_stream(client, data, monkeypatch):
    monkeypatch.setattr(watching, "_RETURN", 1.0)  # seconds
    X, y = rows_of_one_task(client, workers=["tcp://127.0.0.1:9"])
    model = network()
    with pytest.raises(
        GroupError, match=r"^stream: rows could not .* may run only on .*; call it again when"
    ):
        model.fit(dc.stream((X, y), batch_size=100), epochs=1)
    model.fit(dc.stream(tuple(data), batch_size=100), epochs=1)
    assert model.epochs_trained == 1


def test_partitions_that_no_worker_can_compute_end_a_stream(client, monkeypatch):
    dd = pytest.importorskip("dask.dataframe", reason="Dask's frames are not installed")
    monkeypatch.setattr(watching, "_RETURN", 1.0)  # seconds
    frame = problem_as_frame(0)
    lost = client.submit(problem_as_frame, 5, workers=["tcp://127.0.0.1:9"])
    with pytest.raises(GroupError, match=r"^stream: rows could not .* may run only on"):
        dc.stream(dd.from_delayed([lost], meta=frame, verify_meta=False), label="y", batch_size=2)


def problem_as_frame(rows):
    import pandas as pd

    return pd.DataFrame({"x": np.arange(float(rows)), "y": np.zeros(rows, int)})


def test_what_a_task_of_a_stream_raises_is_raised_as_it_is(client):
    X, y = problem()
    read = da.from_delayed(client.submit(open, "no such file", pure=False), X.shape, X.dtype)
    with pytest.raises(FileNotFoundError, match="no such file"):
        network().fit(dc.stream((read, da.from_array(y, chunks=-1)), batch_size=100), epochs=1)


def test_labels_that_no_worker_can_compute_end_the_fit_of_an_estimator(client, data):
    X, y = data
    lost = da.from_delayed(
        client.submit(np.copy, problem()[1], workers=["tcp://127.0.0.1:9"]), y.shape, y.dtype
    )
    estimator = dc_dask.DaskMLPClassifier((8,), client=client, max_iter=1, random_state=0, timeout=1)
    with pytest.raises(GroupError, match="may run only on"):
        estimator.fit(X.rechunk((ROWS, 6)), lost)
    estimator.fit(X, y)
    with pytest.raises(GroupError, match=r"^score: rows could not .* may run only on"):
        estimator.score(X.rechunk((ROWS, 6)), lost)


def test_a_cluster_that_was_scaled_to_zero_ends_the_training():
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        cluster.scale(0)
        while client.nthreads():
            time.sleep(0.05)
        X, y = (da.from_array(array, chunks=(CHUNK, *array.shape[1:])) for array in problem())
        with pytest.raises(GroupError, match="because the cluster has no worker; without checkpoint="):
            dc_dask.fit(client, network(), X, y, timeout=1)


def test_a_limit_that_dask_itself_has_ends_the_training_in_the_same_way(tmp_path):
    with (
        dask.config.set({"distributed.scheduler.no-workers-timeout": "1s"}),
        LocalCluster(n_workers=1, processes=False, dashboard_address=None) as local,
        Client(local) as client,
    ):
        data = rows_of_one_task(client, workers=["tcp://127.0.0.1:9"])
        with pytest.raises(GroupError, match=r"^fit: .*waiting for a valid worker.* checkpoint .*run,"):
            dc_dask.fit(client, network(), *data, checkpoint=tmp_path / "run", timeout=30)


@pytest.mark.slow
@pytest.mark.parametrize("kept_by", ["pinned tasks", "scattered arrays"])
def test_rows_that_only_a_killed_worker_had_end_the_next_training(client, data, tmp_path, kept_by):
    victim = sorted(client.nthreads())[0]
    blocks = []
    for array in problem():
        if kept_by == "pinned tasks":
            held = client.submit(np.copy, array, workers=[victim], pure=False)
        else:
            held = client.scatter(array, workers=[victim], hash=False)
        blocks.append(da.from_delayed(held, array.shape, array.dtype))
        wait(held)
    path = tmp_path / "run"
    dc_dask.fit(client, network(), *blocks, epochs=1, checkpoint=path, timeout=20)
    os.kill(client.run(os.getpid)[victim], signal.SIGKILL)
    start = time.monotonic()
    with pytest.raises(
        GroupError, match=r"(may run only on|rows are gone with their worker).* checkpoint .*run,"
    ):
        dc_dask.fit(client, network(), *blocks, epochs=2, checkpoint=path, timeout=20)
    assert time.monotonic() - start < 40  # seconds, on a busy machine


@pytest.mark.slow
def test_a_rank_that_is_too_slow_ends_the_training(client, data):
    with pytest.raises(GroupError, match=r"did not answer in time .*without checkpoint="):
        dc_dask.fit(client, network(), *data, callbacks=[At(1, time.sleep, 12)], **{**SETTINGS, "timeout": 4})


# With a scheduler of their own


@pytest.mark.slow
def test_a_scheduler_that_is_gone_ends_the_training(tmp_path):
    with servers(tmp_path) as (file, started), Client(scheduler_file=file) as client:
        client.wait_for_workers(2, timeout=120)
        with pytest.raises(GroupError, match=r"the connection to the scheduler was lost|does not answer"):
            dc_dask.fit(
                client, network(), *spread(client), epochs=1000,
                callbacks=[At(2, os.kill, started[0].pid, signal.SIGKILL), At(3, time.sleep, 15)],
                timeout=30,
            )  # fmt: skip


@pytest.mark.slow
def test_a_scheduler_that_does_not_respond_ends_the_training(tmp_path):
    with servers(tmp_path) as (file, started), Client(scheduler_file=file) as client:
        client.wait_for_workers(2, timeout=120)
        data = spread(client)
        start = time.monotonic()
        with pytest.raises(
            GroupError, match=r"the scheduler does not answer|connection to the scheduler was lost"
        ):
            dc_dask.fit(
                client, network(), *data, epochs=1000,
                callbacks=[At(2, os.kill, started[0].pid, signal.SIGSTOP), At(3, time.sleep, 60)],
                timeout=30,
            )  # fmt: skip
        assert time.monotonic() - start < 90  # seconds, with the start of the training on a busy machine
        os.kill(started[0].pid, signal.SIGCONT)  # the client takes its leave


def test_what_a_rank_has_said_counts_though_the_scheduler_is_slow_afterwards():
    """The stand-ins have what Dask's futures and clients have."""
    said = GroupError(1, "fit: another rank did not answer in time; the same call goes on")
    futures = [
        SimpleNamespace(status="finished"),
        SimpleNamespace(status="error", exception=lambda timeout: said),
    ]
    client = SimpleNamespace(status="running", loop=None)  # without a loop nothing is answered
    with pytest.raises(GroupError, match=r"^fit: another rank did not answer in time; a hint$") as error:
        watching.Watch("fit", client, 1, "a hint").finished(futures)
    assert error.value.rank == 1


@pytest.mark.slow
def test_a_worker_that_does_not_respond_ends_the_training(tmp_path):
    with servers(tmp_path) as (file, _), Client(scheduler_file=file) as client:
        client.wait_for_workers(2, timeout=120)
        data = spread(client)
        frozen = processes(client)[1]
        with pytest.raises(GroupError, match="did not answer in time"):
            dc_dask.fit(
                client, network(), *data, callbacks=[At(1, os.kill, frozen, signal.SIGSTOP)],
                **{**SETTINGS, "timeout": 4},
            )  # fmt: skip


CLIENT = """
import sys, time
import dask  # noqa: E402
import dask.array as da  # noqa: E402
from distributed import Client  # noqa: E402
import deepcore as dc
from deepcore.dask import fit  # noqa: E402

def slow(record, folder=sys.argv[2]):
    open(folder + "/epochs", "a").write("x")
    time.sleep(0.2)

if __name__ == "__main__":
    client = Client(scheduler_file=sys.argv[1])
    X = da.random.default_rng(0).normal(size=(1000, 6), chunks=(250, 6)).persist()
    fit(client, dc.mlp([6, 3, 1], seed=1), X, X[:, 0] > 0, epochs=1000, batch_size=100, callbacks=[slow])
"""


@pytest.mark.slow
def test_the_workers_of_a_killed_client_are_free_for_the_next_training(tmp_path):
    with servers(tmp_path) as (file, started), Client(scheduler_file=file) as client:
        client.wait_for_workers(2, timeout=120)
        program = tmp_path / "client.py"
        program.write_text(CLIENT)
        started.append(subprocess.Popen([sys.executable, str(program), file, str(tmp_path)]))
        epochs = tmp_path / "epochs"
        deadline = time.monotonic() + 120
        while not epochs.exists():
            assert time.monotonic() < deadline
            assert started[-1].poll() is None
            time.sleep(0.1)
        started[-1].kill()
        _, history = dc_dask.fit(client, network(), *spread(client), **SETTINGS)
        assert history.epochs == SETTINGS["epochs"]
