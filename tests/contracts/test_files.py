"""A file is the old one or the new one, whoever saves, reads, or kills the process at the same time."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import deepcore as dc

KILLS = int(os.environ.get("DEEPCORE_KILLS", "6"))


def test_two_threads_that_save_to_one_path_leave_one_of_their_files(tmp_path):
    path = tmp_path / "model"
    models = [dc.mlp([50, 80, 2], seed=seed) for seed in range(3)]
    known = {model.flat_parameters.tobytes() for model in models}
    models[0].save(path)
    errors = []

    def save(model):
        try:
            for _ in range(15):
                model.save(path)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=save, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads):
            assert dc.load(path).flat_parameters.tobytes() in known
    finally:
        for thread in threads:
            thread.join()
    assert not errors
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_many_threads_that_save_to_one_path_do_not_remove_each_others_drafts(tmp_path):
    path, errors = tmp_path / "model", []

    def save(model):
        try:
            for _ in range(150):
                model.save(path)
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=save, args=(dc.mlp([2, 3, 1], seed=seed),)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


@pytest.mark.skipif(os.name != "posix", reason="sends SIGKILL")
def test_a_save_that_is_killed_leaves_a_file_that_loads_and_the_next_save_cleans_up(tmp_path):
    path = tmp_path / "model"
    code = """
        import sys
        import deepcore as dc
        models = [dc.mlp([300, 400, 2], seed=seed) for seed in (1, 2)]
        models[0].save(sys.argv[1])
        print("ready", flush=True)
        while True:
            for model in models:
                model.save(sys.argv[1])
    """
    known = {dc.mlp([300, 400, 2], seed=seed).flat_parameters.tobytes() for seed in (1, 2)}
    pauses = np.random.default_rng(0).uniform(0, 0.05, KILLS)
    for pause in pauses:
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), str(path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout.readline() == "ready\n"
        time.sleep(pause)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        assert dc.load(path).flat_parameters.tobytes() in known
    dc.mlp([3, 2, 1]).save(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_a_save_during_which_another_thread_trains_holds_one_state(tmp_path, monkeypatch):
    # the training begins and ends in the middle of the save: between its writes
    model = dc.mlp([300, 400, 2], seed=1)
    states = {model.flat_parameters.tobytes()}
    X, y = np.random.default_rng(0).normal(size=(8, 300)), np.arange(8) % 2
    write, runs = os.write, []

    def interfering(descriptor, data):
        if len(data) > 10_000 and not runs:
            runs.append(threading.Thread(target=model.fit, args=(X, y, "sgd"), kwargs={"epochs": 1}))
            runs[0].start()
            runs[0].join()
            states.add(model.flat_parameters.tobytes())
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", interfering)
    model.save(tmp_path / "model")
    assert len(states) == 2
    assert dc.load(tmp_path / "model").flat_parameters.tobytes() in states
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_a_model_that_diverged_is_not_saved(tmp_path):
    model = dc.mlp([3, 2, 1])
    model.save(tmp_path / "model")
    model.parameters["W1"][0, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        model.save(tmp_path / "model")
    assert np.isfinite(dc.load(tmp_path / "model").flat_parameters).all()
