"""kill -9 at random moments: every file that is left loads, and the training ends with the same bits.

``DEEPCORE_KILLS=300 pytest --slow tests/integration/test_kill.py`` kills 300 trainings.
"""

import functools
import gc
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest

import deepcore as dc

KILLS = int(os.environ.get("DEEPCORE_KILLS", "0"))
#: This share of the kills goes to the command line, whose processes start slowly.
COMMAND_LINE = 0.2

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")


@functools.cache
def problem(m=600):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(m, 8)).astype(np.float32)
    return X, (X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 2] > 1)


def network(**options):
    return dc.mlp([8, 32, 16, 3], seed=4, **options)


def digest(model, history, state=None):
    """Return all results of a training as one text."""
    arrays = [model.flat_parameters, model.running.flat, *([] if state is None else state.slots.values())]
    content = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
    return json.dumps([content, history, state and state.steps, state and state.rate_scale])


def fitted(callbacks, own=(), optimizer=None, epochs=60, **options):
    X, y = problem()
    model = network(**options.pop("network", {}))
    state = (optimizer or dc.Adam(0.003)).bind(model, steps=epochs * 10)
    settings = {"epochs": epochs, "batch_size": 64, "validation_data": problem(100), **options}
    return digest(model, model.fit(X, y, state, callbacks=[*own, *callbacks], **settings), state)


def dropout(callbacks):
    return fitted(callbacks, network={"dropout": 0.3}, dropout_schedule=dc.FlatCosine(1.0))


def schedules(callbacks):
    return fitted(
        callbacks, optimizer=dc.AdamW(dc.Warmup(dc.OneCycle(0.01), steps=9), weight_decay=dc.Cosine(0.1))
    )


def batch_norm(callbacks):
    return fitted(callbacks, network={"norm": "batch"}, optimizer=dc.NAdam(0.003), metrics=["accuracy"])


def early_stopping(callbacks):
    own = [dc.EarlyStopping("val_loss", patience=25), dc.ReduceOnPlateau("loss", patience=1, threshold=0.1)]
    return fitted(callbacks, own, optimizer=dc.SGD(0.2, momentum=0.9), epochs=80)


def unshuffled_weights(callbacks):
    return fitted(callbacks, shuffle=False, sample_weight=np.arange(600) % 5, optimizer=dc.Lion(1e-3))


def batches(callbacks):
    X, y = problem()
    model = network(dropout=0.1)
    state = dc.RMSProp(1e-3).bind(model)
    given = [(X[i : i + 50], y[i : i + 50]) for i in range(0, 600, 50)]
    return digest(model, model.fit_batches(given, state, epochs=60, callbacks=callbacks), state)


def estimator(callbacks):
    from deepcore.sklearn import MLPClassifier

    X, y = problem()
    settings = {"hidden_layer_sizes": (32,), "max_iter": 60, "random_state": 1, "early_stopping": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = MLPClassifier(**settings, n_iter_no_change=60, callbacks=callbacks).fit(X, y)
    return digest(found.model_, [found.loss_curve_, found.validation_scores_, found.n_iter_])


def many(callbacks):
    X, y = problem()
    models = [dc.mlp([8, 16 + 4 * k, 3], seed=k, norm="batch", dropout=0.1) for k in range(4)]
    held = [np.arange(600) % 4 == k for k in range(4)]
    rows = [~part for part in held]
    histories = dc.fit_many(
        models, X, y, dc.Adam(dc.Cosine(0.003)), rows=rows, validation_rows=held, epochs=60,
        batch_size=64, early_stopping=dc.EarlyStopping(patience=25),
        checkpoint=callbacks[0] if callbacks else None,
    )  # fmt: skip
    return json.dumps([digest(model, history) for model, history in zip(models, histories, strict=True)])


def realmlp(callbacks, members=1):
    from deepcore.sklearn import RealMLPClassifier

    X, y = problem()
    found = RealMLPClassifier(
        "td", cv=3, n_ens=members, hidden_layer_sizes=(16, 8), n_epochs=30, batch_size=64, random_state=1,
        early_stopping=True, checkpoint=callbacks[0] if callbacks else None,
    ).fit(X, y)  # fmt: skip
    curves = [found.loss_curves_, found.validation_errors_, found.best_epochs_]
    return json.dumps([digest(model, curves) for models in found.models_ for model in models])


def realmlp_members(callbacks):
    return realmlp(callbacks, members=2)


CASES = [
    many,
    realmlp,
    realmlp_members,
    dropout,
    schedules,
    batch_norm,
    early_stopping,
    unshuffled_weights,
    batches,
    estimator,
]


def killed_after(pid, seconds):
    """Kill a child after some time; True if that ended it, False if it had ended by itself."""
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def child(call, path, result):
    """Train in a forked child, which writes what it found and exits without cleaning up after pytest."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of JAX, if another test has loaded it, and of Python
        pid = os.fork()
    if pid:
        return pid
    gc.freeze()  # what other libraries hold, such as threads, is not to be destroyed in a fork
    try:
        whole = result.with_suffix(".whole")
        whole.write_text(call([dc.Checkpoint(path, every_seconds=0.01)]))
        whole.replace(result)  # at once: a kill leaves no part of it
        os._exit(0)
    finally:
        os._exit(1)


def loads(path):
    """Whether there is a file; all files of the call must load."""
    for one in path.parent.glob(f"{path.name}*"):
        assert dc.load(one).epochs_trained >= 0
    return path.exists()


def kill_in_python(kills, folder, seed, cases=CASES):
    """Kill trainings until there were so many kills, each of them going on until it ends; counts of both."""
    moments, found = random.Random(seed), {"kills": 0, "files": 0, "trainings": 0}
    lasting, whole = {}, {}
    while found["kills"] < kills:
        call = cases[found["trainings"] % len(cases)]
        if call not in whole:
            whole[call] = call([])
            start = time.perf_counter()
            os.waitpid(child(call, folder / call.__name__, folder / f"{call.__name__}.txt"), 0)
            lasting[call] = time.perf_counter() - start
        path, result = folder / f"run{found['trainings']}", folder / f"result{found['trainings']}"
        while not result.exists():
            if found["kills"] == kills:  # the rest may run to its end
                os.waitpid(child(call, path, result), 0)
                break
            found["kills"] += killed_after(child(call, path, result), moments.uniform(0, lasting[call]))
            found["files"] += loads(path)
        assert result.read_text() == whole[call], call.__name__
        found["trainings"] += 1
    return found


def command(folder, *more):
    options = ["--epochs", "40", "--layers", "32,16", "--seed", "3", "--out", str(folder)]
    return [sys.executable, "-m", "deepcore", "train", "digits", *options, *more]


def kill_on_the_command_line(kills, folder, seed):
    """The same with the command line, whose model file must have the same bytes."""
    moments, found = random.Random(seed), {"kills": 0, "files": 0, "trainings": 0}
    start = time.perf_counter()
    subprocess.run(command(folder / "whole"), check=True, capture_output=True)
    lasting = time.perf_counter() - start
    while found["kills"] < kills:
        out = folder / f"out{found['trainings']}"
        path = folder / f"run{found['trainings']}"
        ended = False
        while not ended:
            process = subprocess.Popen(
                command(out, "--checkpoint", str(path)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            if found["kills"] < kills:
                try:
                    process.wait(moments.uniform(0.2, 1) * lasting)
                except subprocess.TimeoutExpired:
                    process.kill()
            error = process.communicate()[1].decode()
            ended = process.returncode == 0
            assert ended or process.returncode == -signal.SIGKILL, error
            found["kills"] += not ended
            lasting *= 0.8 if ended else 1  # the machine became faster, or most of the work was done before
            found["files"] += loads(path)
        for name in ("model.safetensors", "history.json"):
            assert (out / name).read_bytes() == (folder / "whole" / name).read_bytes()
        found["trainings"] += 1
    return found


def test_a_few_kills_lose_nothing(tmp_path):
    found = kill_in_python(4, tmp_path, seed=1, cases=CASES[3:])
    assert found["kills"] == 4


def test_a_few_kills_of_many_networks_lose_nothing(tmp_path):
    assert kill_in_python(3, tmp_path, seed=1, cases=[many])["kills"] == 3


@pytest.mark.slow
@pytest.mark.parametrize("case", [many, realmlp, realmlp_members])
def test_more_kills_of_many_networks_lose_nothing(case, tmp_path):
    if case is not many:
        pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")
    assert kill_in_python(12, tmp_path, seed=2, cases=[case])["kills"] == 12


@pytest.mark.slow
def test_a_few_kills_of_the_command_line_lose_nothing(tmp_path):
    assert kill_on_the_command_line(2, tmp_path, seed=1)["kills"] == 2


@pytest.mark.slow
@pytest.mark.skipif(KILLS == 0, reason="DEEPCORE_KILLS says how many trainings to kill")
def test_many_kills_lose_nothing(tmp_path, capsys):
    lines = int(KILLS * COMMAND_LINE)
    ways = {"Python": (kill_in_python, KILLS - lines), "command line": (kill_on_the_command_line, lines)}
    for name, (kill, kills) in ways.items():
        folder = tmp_path / name.replace(" ", "-")
        folder.mkdir()
        found = kill(kills, folder, seed=2)
        with capsys.disabled():
            print(f"\n{name}: {found}")
        assert found["kills"] == kills
