"""Daemon threads at the end of the interpreter, thread counts of the environment, signals of workers."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import deepcore as dc

EXITS = int(os.environ.get("DEEPCORE_EXITS", "2"))
DAEMONS = """
    import threading, time
    import numpy as np
    import deepcore as dc

    X, y = np.random.default_rng(0).normal(size=(50, 3)), np.arange(50) % 2
    started = threading.Semaphore(0)

    def busy(*ignored):
        started.release()
        for _ in range(15000):
            pass

    def metric(y, outputs):
        busy()
        return 0.0

    def batches():
        while True:
            busy()
            yield X, y

    def loop(model):
        while True:
            model.partial_fit(X, y)
            busy()

    class Polled:
        def __call__(self, record):
            pass
        def on_poll(self):
            busy()

    calls = {
        "callback": lambda model: model.fit(X, y, epochs=10**6, callbacks=[busy]),
        "poll": lambda model: model.fit(X, y, epochs=10**6, callbacks=[Polled()]),
        "metric": lambda model: model.fit(X, y, epochs=10**6, metrics=[metric]),
        "batches": lambda model: model.fit_batches(batches(), epochs=1),
        "partial_fit": loop,
        "lbfgs": lambda model: [model.fit(X, y, dc.LBFGS(), callbacks=[busy]) for _ in range(10**6)],
    }
    for _ in range(3):
        work = lambda: calls[CALL](dc.mlp([3, 8, 1]))
        threading.Thread(target=work, daemon=True).start()
    for _ in range(3):
        started.acquire()
    time.sleep(PAUSE)
"""


SLOW = [pytest.param(call, marks=pytest.mark.slow) for call in ("poll", "metric", "partial_fit", "lbfgs")]


@pytest.mark.parametrize("call", ["callback", "batches", *SLOW])
def test_a_daemon_thread_in_user_code_lets_the_interpreter_end(call):
    for number in range(EXITS):
        code = f"CALL, PAUSE = {call!r}, {0.013 * number}\n" + textwrap.dedent(DAEMONS)
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def threads_with(**variables):
    """The number of threads that a process takes by default."""
    names = ("DEEPCORE_NUM_THREADS", "OMP_NUM_THREADS")
    clean = {name: value for name, value in os.environ.items() if name not in names}
    code = "import deepcore as dc; print(dc._core.num_threads())"
    command, env = [sys.executable, "-c", code], {**clean, **variables}
    return subprocess.run(command, env=env, capture_output=True, check=True).stdout


@pytest.mark.parametrize("value", ["0", "-3", "many", "99999", "9" * 40])
def test_an_absurd_thread_count_of_the_environment_is_not_believed(value):
    assert threads_with(DEEPCORE_NUM_THREADS=value, OMP_NUM_THREADS=value) == threads_with()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads the masks of threads from /proc")
def test_worker_threads_do_not_block_the_signals_of_faults():
    code = """
        import os, threading
        import numpy as np
        import deepcore as dc

        def masks():
            tasks = os.listdir("/proc/self/task")
            texts = [open(f"/proc/self/task/{task}/status").read() for task in tasks]
            return [int(text.split("SigBlk:")[1].split()[0], 16) for text in texts]

        before = len(masks())
        model = dc.mlp([400, 1000, 2])
        X, y = np.zeros((4000, 400), np.float32), np.arange(4000) % 2
        found = []
        callbacks = [lambda record: found.extend(masks())]
        model.fit(X, y, epochs=1, batch_size=2000, threads=2, callbacks=callbacks)
        print(len(found) - before, *[mask for mask in found if mask >> 10 & 1 or mask >> 7 & 1])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["1"]


def test_threads_is_at_least_one():
    model = dc.mlp([3, 2, 1])
    with pytest.raises(ValueError, match="threads"):
        model.predict([[0.0, 0, 0]], threads=0)
