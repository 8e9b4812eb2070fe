"""deepcore.dask on a cluster of two processes: what it computes, and that no failure makes it hang.

The tests with ``--slow`` start schedulers and workers of their own, and end them.
"""

import contextlib
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import deepcore as dc
from ranks import Plain, all_results

for library in ("distributed", "dask.array", "xgboost"):
    pytest.importorskip(library, reason=f"{library} is not installed (extra `dask`)")

import dask.array as da  # noqa: E402
from distributed import Client, LocalCluster, wait  # noqa: E402
from distributed.protocol.pickle import cloudpickle  # noqa: E402

from deepcore import dask as dc_dask  # noqa: E402
from deepcore.dask.chunks import check_saved, divided, moved  # noqa: E402
from deepcore.exceptions import GroupError  # noqa: E402

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs SIGKILL and SIGSTOP"),
    pytest.mark.filterwarnings("default"),  # the libraries of a cluster have warnings of their own
]
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import a test

ROWS, CHUNK = 1600, 200
SETTINGS = {"epochs": 8, "batch_size": 200, "timeout": 20}


def problem():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(ROWS, 6)).astype(np.float32)
    return X, (X[:, 0] + X[:, 1] > 0).astype(int) + (X[:, 2] > 0.5)


def network():
    return dc.mlp([6, 16, 3], dropout=0.1, seed=2)


@pytest.fixture(scope="module")
def client():
    sys.path.append(str(Path(__file__).parents[2]))  # workers import this module, wherever pytest was started
    with (
        LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def data(client):
    """X and y of Dask, each worker holding four chunks; the cluster has both workers again."""
    client.wait_for_workers(2, timeout=60)
    return spread(client)


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


def failing():
    raise ZeroDivisionError("a callback has failed")


# What it computes


def test_two_workers_give_the_bits_of_two_ranks_with_these_rows(client, data):
    model, history = dc_dask.fit(client, network(), *data, dc.Adam(0.01), **SETTINGS)
    X, y = problem()

    def rank(group):
        rows = slice(group.rank * ROWS // 2, (group.rank + 1) * ROWS // 2)
        other = network()
        options = {"epochs": SETTINGS["epochs"], "batch_size": SETTINGS["batch_size"], "threads": 1}
        return other, other.fit(X[rows], y[rows], dc.Adam(0.01), group=group, **options)

    expected, losses = all_results(2, rank, Plain, data="own rows")[0]
    assert np.array_equal(model.flat_parameters, expected.flat_parameters)
    assert history == losses
    assert history["loss"][-1] < 0.5 * history["loss"][0]


def test_the_model_that_was_given_stays_as_it_is(client, data):
    given = network()
    model, _ = dc_dask.fit(client, given, *data, epochs=1, timeout=20)
    assert np.array_equal(given.flat_parameters, network().flat_parameters)
    assert (given.epochs_trained, model.epochs_trained) == (0, 1)


def test_chunks_stay_where_they_are(client, data):
    before = client.who_has(data[0])
    dc_dask.fit(client, network(), *data, epochs=1, timeout=20)
    assert client.who_has(data[0]) == before


def test_validation_early_stopping_and_weights_work_as_in_fit(client, data):
    X, y = data
    stopping = dc.EarlyStopping("val_accuracy", patience=1)
    weight = da.ones(ROWS, chunks=CHUNK)
    model, history = dc_dask.fit(
        client, network(), X, y, dc.Adam(0.03), epochs=60, batch_size=200, validation_data=problem(),
        sample_weight=weight, callbacks=[stopping], timeout=20,
    )  # fmt: skip
    assert history.epochs < 60
    assert model.evaluate(*problem())["accuracy"] == pytest.approx(history.best("val_accuracy"))
    assert stopping.best_epoch == -1  # a copy of it was called


def test_a_warning_of_the_training_is_shown_by_the_client(client, data):
    with pytest.warns(dc.DivergenceWarning, match="no longer finite"):
        _, history = dc_dask.fit(client, network(), *data, dc.SGD(1e38), epochs=3, batch_size=200, timeout=20)
    assert history.diverged_at_step is not None


def test_a_transport_of_the_user_is_called_on_every_worker(client, data):
    def transport(rank, size):
        from xgboost import collective

        raise NotImplementedError(f"rank {rank} of {size}, {collective.get_world_size()}")

    with pytest.raises(NotImplementedError, match="rank 0 of 2, 1"):
        dc_dask.fit(client, network(), *data, transport=transport, timeout=20)


# The estimators


def test_a_classifier_learns_labels_and_predicts_lazily(client, data):
    X, y = data
    names = np.array(["a", "b", "c"])
    labels = y.map_blocks(lambda block, names=names: names[block], dtype=names.dtype)
    estimator = dc_dask.DaskMLPClassifier(
        (16,), client=client, learning_rate_init=0.02, max_iter=30, batch_size=200, random_state=0, timeout=20
    )
    estimator.fit(X, labels, validation_data=(X, labels))
    predicted = estimator.predict(X)
    assert (type(predicted), predicted.shape, predicted.dtype) == (da.Array, (ROWS,), names.dtype)
    assert estimator.score(X, labels) > 0.9
    local = estimator.to_local()
    values = problem()[0]
    assert type(local).__name__ == "MLPClassifier"
    assert np.array_equal(local.predict(values), client.compute(predicted).result())
    proba = client.compute(estimator.predict_proba(X)).result()
    assert np.array_equal(local.predict_proba(values), proba)
    assert np.array_equal(estimator.predict(values), local.predict(values))
    assert len(estimator.validation_scores_) == len(estimator.loss_curve_) == estimator.n_iter_


def test_a_regressor_learns_several_targets(client, data):
    X, _ = data
    y = X[:, :2] * 2
    estimator = dc_dask.DaskMLPRegressor(
        hidden_layer_sizes=(16,), client=client, learning_rate_init=0.02, max_iter=60, batch_size=200,
        n_iter_no_change=np.inf, random_state=0, timeout=20,
    )  # fmt: skip
    assert estimator.fit(X, y).predict(X).shape == (ROWS, 2)
    assert estimator.score(X, y) > 0.95


def test_estimators_follow_scikit_learn(client):
    from sklearn.base import clone

    estimator = dc_dask.DaskMLPClassifier((8,), client=client, checkpoint="run", alpha=0.5)
    copy = clone(estimator)
    assert copy.get_params() == estimator.get_params()
    assert (copy.alpha, copy.checkpoint, copy.client) == (0.5, "run", None)
    assert pickle.loads(pickle.dumps(estimator)).get_params() == estimator.get_params()
    assert not hasattr(estimator, "partial_fit")
    with pytest.raises(AttributeError, match="call fit"):
        estimator.to_local()


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"solver": "lbfgs"}, "solver must be 'adam' or 'sgd'"),
        ({"learning_rate": "adaptive", "solver": "sgd"}, "learning_rate must be 'constant'"),
        ({"warm_start": True}, "warm_start must be False"),
        ({"early_stopping": True}, "early_stopping=True needs validation_data="),
    ],
)
def test_estimators_refuse_what_works_in_one_process_only(changed, rule):
    X, y = da.ones((4, 2)), da.zeros(4)
    with pytest.raises(ValueError, match=rule):
        dc_dask.DaskMLPClassifier(**changed).fit(X, y)


def test_frames_are_taken_with_their_names(client, data):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed, which Dask's frames need")
    pandas = pytest.importorskip("pandas", reason="pandas is not installed (extra `peers`)")
    import dask.dataframe as dd

    X, y = problem()
    names = [f"x{number}" for number in range(6)]
    frame = dd.from_pandas(pandas.DataFrame(X, columns=names), npartitions=4)
    labels = dd.from_pandas(pandas.Series(y), npartitions=4)
    estimator = dc_dask.DaskMLPClassifier((8,), client=client, max_iter=2, random_state=0, timeout=20)
    predicted = client.compute(estimator.fit(frame, labels).predict(frame)).result()
    local = estimator.to_local()
    assert local.feature_names_in_.tolist() == names
    assert np.array_equal(predicted, local.predict(pandas.DataFrame(X, columns=names)))
    assert estimator.score(frame, labels) == pytest.approx(np.mean(predicted == y))


# Which rank gets which chunks


def test_ranks_are_numbered_by_their_first_chunks_and_empty_workers_have_none():
    layout = divided(["b", "a", "b", "c"], [5, 5, 5, 0])
    assert list(layout.items()) == [("b", [0, 2]), ("a", [1])]


def test_a_saved_layout_goes_to_the_workers_that_hold_most_of_it():
    layout = moved([[0, 1], [2, 3]], ["x", "x", "x", "y"], ["y", "x"])
    assert list(layout.items()) == [("x", [0, 1]), ("y", [2, 3])]


def test_other_chunks_or_fewer_workers_than_in_the_checkpoint_are_refused():
    with pytest.raises(ValueError, match="training on 3 chunks of rows, got 2"):
        check_saved("fit", "run", [[0, 1], [2]], [5, 5], 2)
    with pytest.raises(ValueError, match="training on 2 workers, and there are 1"):
        check_saved("fit", "run", [[0], [1]], [5, 5], 1)


# What is refused


def test_arrays_in_memory_are_refused(client):
    with pytest.raises(TypeError, match=r"X must be an array or a frame of Dask, got ndarray; .* use fit of"):
        dc_dask.fit(client, network(), *problem())


def test_collections_that_do_not_fit_are_refused(client, data):
    X, y = data
    with pytest.raises(ValueError, match="y must be cut into chunks of rows as X is"):
        dc_dask.fit(client, network(), X, y[: ROWS // 2])
    with pytest.raises(ValueError, match="X must have 2 axes, got 1"):
        dc_dask.fit(client, network(), y, y)


def test_arguments_are_checked_before_anything_starts(client, data):
    for changed, rule in [
        ({"timeout": 0}, "timeout must be above 0"),
        ({"transport": "tcp"}, "transport must be 'xgboost', 'mpi' or a function"),
        ({"class_weight": "balanced"}, "class_weight must be a mapping"),
        ({"callbacks": [dc.Checkpoint("run")]}, "give it as checkpoint="),
        ({"epochs": 0}, "epochs must be at least 1"),
    ]:
        with pytest.raises(ValueError, match=rule):
            dc_dask.fit(client, network(), *data, **changed)
    with pytest.raises(TypeError, match=r"model must be a deepcore.Model"):
        dc_dask.fit(client, "adam", *data)
    with pytest.raises(TypeError, match="that pickle can copy"):
        dc_dask.fit(client, network(), *data, callbacks=[At(0, threading.Lock())])


def test_a_worker_without_xgboost_is_told_what_to_install(monkeypatch):
    from deepcore.dask.transport import require_xgboost

    monkeypatch.setitem(sys.modules, "xgboost", None)
    monkeypatch.setitem(sys.modules, "xgboost.collective", None)
    with pytest.raises(ModuleNotFoundError, match=r"xgboost-cpu .* on the workers: pip install"):
        require_xgboost("workers")


# Failures


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
        LocalCluster(1, processes=False, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        cluster.scale(0)
        while client.nthreads():
            time.sleep(0.05)
        X, y = (da.from_array(array, chunks=(CHUNK, *array.shape[1:])) for array in problem())
        with pytest.raises(GroupError, match="because the cluster has no worker; without checkpoint="):
            dc_dask.fit(client, network(), X, y, timeout=1)


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


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_searches_give_the_same_scores_on_dask_in_processes_and_in_threads(client):
    import joblib
    from sklearn.model_selection import GridSearchCV

    from deepcore.sklearn import MLPClassifier

    X, y = problem()
    scores = []
    for backend in ("dask", "loky", "threading"):
        search = GridSearchCV(
            MLPClassifier((8,), n_threads=1, max_iter=3, random_state=0), {"alpha": [1e-5, 1.0]}, cv=2
        )
        options = {"client": client} if backend == "dask" else {}
        with joblib.parallel_config(backend, n_jobs=2, **options):
            scores.append(search.fit(X, y).cv_results_["mean_test_score"].tolist())
    assert scores[0] == scores[1] == scores[2]


# With a scheduler of their own


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
            GroupError, match="the scheduler does not answer|connection to the scheduler was lost"
        ):
            dc_dask.fit(
                client, network(), *data, epochs=1000,
                callbacks=[At(2, os.kill, started[0].pid, signal.SIGSTOP), At(3, time.sleep, 60)],
                timeout=30,
            )  # fmt: skip
        assert time.monotonic() - start < 90  # seconds, with the start of the training on a busy machine
        os.kill(started[0].pid, signal.SIGCONT)  # the client takes its leave


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


MPI_JOB = """
import asyncio, sys, time
from pathlib import Path
import dask.array as da
from distributed import Client, Scheduler, Worker
from mpi4py import MPI
import deepcore as dc
from deepcore.dask import fit

folder, number = Path(sys.argv[1]), MPI.COMM_WORLD.Get_rank()
place = folder / "address"

async def scheduler():
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as server:
        place.with_suffix(".part").write_text(server.address)
        place.with_suffix(".part").rename(place)
        await server.finished()

async def worker():
    options = {"nthreads": 1, "host": "127.0.0.1", "local_directory": str(folder / f"worker{number}")}
    async with Worker(address(), **options) as server:
        await server.finished()

def address():
    while not place.exists():
        time.sleep(0.1)
    return place.read_text()

if number == 0:
    asyncio.run(scheduler())
elif number > 1:
    asyncio.run(worker())
else:
    client = Client(address(), timeout=60)
    client.wait_for_workers(2)
    X = da.random.default_rng(0).normal(size=(1000, 6), chunks=(250, 6)).persist()
    y = (X[:, 0] > 0).persist()
    for transport in ("mpi", "xgboost"):
        model = dc.mlp([6, 8, 1], seed=1)
        model, _ = fit(client, model, X, y, epochs=3, batch_size=100, transport=transport)
        print("sum of the parameters:", model.flat_parameters.sum(), flush=True)
    client.shutdown()
"""


@pytest.mark.slow
def test_mpi_and_xgboost_give_two_workers_the_same_bits(tmp_path):
    pytest.importorskip("mpi4py", reason="needs mpi4py and an MPI library: pip install mpi4py mpich")
    mpiexec = shutil.which("mpiexec", path=Path(sys.executable).parent) or shutil.which("mpiexec")
    if mpiexec is None:
        pytest.skip("needs mpiexec: pip install mpich")
    command = [mpiexec, "-n", "4", sys.executable, "-c", MPI_JOB, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    sums = [line for line in run.stdout.splitlines() if line.startswith("sum of the parameters:")]
    assert len(sums) == 2, run.stderr
    assert sums[0] == sums[1]
