"""deepcore.dask on a cluster of two processes: what it computes, and what it refuses."""

import pickle
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import deepcore as dc
from ranks import Plain, all_results

for library in ("distributed", "dask.array", "xgboost"):
    pytest.importorskip(library, reason=f"{library} is not installed (extra `dask`)")

import dask.array as da  # noqa: E402

from deepcore import dask as dc_dask  # noqa: E402
from deepcore.dask.chunks import check_saved, divided, moved  # noqa: E402
from integration.dask_cluster import (  # noqa: E402
    CHUNK,
    MARKS,
    ROWS,
    SETTINGS,
    At,
    network,
    problem,
    spread,
)

pytestmark = MARKS


@pytest.fixture
def data(client):
    """X and y of Dask, each worker holding four chunks; the cluster has both workers again."""
    client.wait_for_workers(2, timeout=60)
    return spread(client)


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


def under_mpiexec(ranks, program, *arguments):
    pytest.importorskip("mpi4py", reason="needs mpi4py and an MPI library: pip install mpi4py mpich")
    mpiexec = shutil.which("mpiexec", path=Path(sys.executable).parent) or shutil.which("mpiexec")
    if mpiexec is None:
        pytest.skip("needs mpiexec: pip install mpich")
    command = [mpiexec, "-n", str(ranks), sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
def test_mpi_and_xgboost_give_two_workers_the_same_bits(tmp_path):
    run = under_mpiexec(4, MPI_JOB, str(tmp_path))
    sums = [line for line in run.stdout.splitlines() if line.startswith("sum of the parameters:")]
    assert len(sums) == 2, run.stderr
    assert sums[0] == sums[1]


@pytest.mark.slow
def test_workers_can_train_with_mpi_again_and_again():
    """MPI has a few thousand communicators at most, and each training needs some."""
    program = """
from mpi4py import MPI
from deepcore.dask.ranks import Rank

rank = Rank(MPI.COMM_WORLD.Get_rank(), 2, None, 60, None, "mpi", [0, 1])
for number in range(2100):
    with rank.group(lambda: False) as group:
        assert group.broadcast(number) == number
"""
    run = under_mpiexec(2, program)
    assert run.returncode == 0, run.stderr
