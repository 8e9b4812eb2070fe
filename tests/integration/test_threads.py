"""Threads: how many, that results never depend on them, and that nothing of them is left behind."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import deepcore as dc
from deepcore import _core

COUNTS = (2, 3, 4, 7)


def data(m=700, seed=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, 60)), rng.integers(0, 5, m)


def trained(threads, dtype, optimizer, sizes=(60, 210, 90, 5), batch_size=250):
    X, y = data()
    model = dc.mlp(sizes, activation="tanh", dtype=dtype, seed=2)
    history = model.fit(X, y, optimizer, epochs=2, batch_size=batch_size, threads=threads)
    return model.flat_parameters.tobytes(), history["loss"], model.predict(X, threads=threads).tobytes()


def test_the_shapes_of_this_file_use_more_than_one_thread():
    assert dc.mlp([60, 210, 90, 5]).plan(250, threads=7).threads == 7


@pytest.mark.parametrize("optimizer", list(dc.catalog.optimizers))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_gives_the_same_bits_for_any_number_of_threads(dtype, optimizer):
    one = trained(1, dtype, optimizer)
    assert all(trained(threads, dtype, optimizer) == one for threads in COUNTS)


@pytest.mark.parametrize("batch_size", [1, 33, None])
def test_the_bits_are_the_same_where_threads_share_each_layer(batch_size):
    sizes = (60, 400, 400, 5)
    assert dc.mlp(sizes).plan(250, threads=2).by_layer
    one = trained(1, "float32", "adam", sizes, batch_size)
    assert all(trained(threads, "float32", "adam", sizes, batch_size) == one for threads in COUNTS)


def test_gradients_and_evaluation_give_the_same_bits_for_any_number_of_threads():
    X, y = data()
    model = dc.mlp([60, 210, 5], dtype="float32")

    def numbers(threads):
        loss, grads = model.gradients(X, y, threads=threads)
        return loss, grads.flat.tobytes(), model.evaluate(X, y, threads=threads)

    assert all(numbers(threads) == numbers(1) for threads in COUNTS)


def test_small_work_stays_on_one_thread():
    assert dc.mlp([2, 4, 1], activation="tanh").plan(400, threads=8).threads == 1


PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def asked(**environment):
    clean = {k: v for k, v in os.environ.items() if k not in ("DEEPCORE_NUM_THREADS", "OMP_NUM_THREADS")}
    code = "from deepcore import _core; print(_core.num_threads())"
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean | environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_deepcore_num_threads_comes_before_omp_num_threads():
    assert asked(DEEPCORE_NUM_THREADS="1", OMP_NUM_THREADS="2") == 1
    assert asked(DEEPCORE_NUM_THREADS="2", OMP_NUM_THREADS="1") == min(2, PROCESSORS)


def test_omp_num_threads_is_heard_and_may_be_a_list():
    assert asked(OMP_NUM_THREADS="1,2") == 1


@pytest.mark.parametrize(
    "nonsense", ["", "0", "-2", "many", "2.5", "1e3", "1025", "99999", "4294967297", "9" * 30]
)
def test_an_environment_variable_that_holds_no_possible_number_of_threads_is_ignored(nonsense):
    assert asked(DEEPCORE_NUM_THREADS=nonsense, OMP_NUM_THREADS="1") == 1
    assert asked(DEEPCORE_NUM_THREADS=nonsense, OMP_NUM_THREADS=nonsense) == asked()


@pytest.mark.parametrize("many", ["1024", "1000", str(PROCESSORS + 1)])
def test_the_environment_cannot_ask_for_more_threads_than_processors(many):
    assert asked(DEEPCORE_NUM_THREADS=many) == PROCESSORS
    assert asked(OMP_NUM_THREADS=many) == PROCESSORS


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no affinity masks")
def test_the_default_does_not_exceed_the_affinity_mask():
    assert 1 <= asked() <= len(os.sched_getaffinity(0))


def test_a_limit_set_in_the_process_holds_until_it_is_lifted():
    before = _core.num_threads()
    _core.set_num_threads(5)
    try:
        assert _core.num_threads() == 5
        assert dc.mlp([60, 210, 90, 5]).plan(250).threads == 5
    finally:
        _core.set_num_threads(0)
    assert _core.num_threads() == before


def test_a_small_step_has_one_thread_unless_more_are_asked_for():
    small, large = dc.mlp([30, 64, 32, 1]), dc.mlp([784, 512, 10])
    _core.set_num_threads(4)
    try:
        assert small.plan(256).threads == 1  # 5 Mflop
        assert small.plan(512).threads == 2  # 10 Mflop
        assert large.plan(256).threads == 4
    finally:
        _core.set_num_threads(0)
    assert small.plan(256, threads=2).threads == 2


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="this system does not list threads")  # noqa: PTH112
def test_no_thread_is_left_after_a_call():
    before = set(os.listdir("/proc/self/task"))  # noqa: PTH208
    trained(4, "float32", "adam")
    for _ in range(100):  # the system lists a thread that has ended for a moment longer
        left = set(os.listdir("/proc/self/task")) - before  # noqa: PTH208
        if not left:
            break
        time.sleep(0.01)
    assert not left


# Signals that a fault of the thread itself raises, and two that are sent to the process.
FAULTS = ["SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGSYS", "SIGTRAP"]
SENT = ["SIGINT", "SIGTERM"]


def blocked_signals(thread):
    """The signals that a thread of this process blocks, as a number of bits."""
    with open(f"/proc/self/task/{thread}/status", encoding="ascii") as status:  # noqa: PTH123
        return int(next(line for line in status if line.startswith("SigBlk:")).split()[1], 16)


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="this system does not list threads")  # noqa: PTH112
def test_workers_block_the_signals_of_the_process_but_not_those_of_their_own_faults():
    X, y = data()
    before = set(os.listdir("/proc/self/task"))  # noqa: PTH208
    masks = []

    def settled(worker):
        for _ in range(200):  # a thread that is just being started blocks every signal for a moment
            mask = blocked_signals(worker)
            if not mask >> (signal.SIGSEGV - 1) & 1:
                break
            time.sleep(0.01)
        return mask

    def look(record):
        workers = set(os.listdir("/proc/self/task")) - before  # noqa: PTH208
        masks.extend(map(settled, workers))

    dc.mlp([60, 210, 90, 5], dtype="float32").fit(X, y, epochs=1, threads=3, callbacks=[look])
    assert len(masks) == 2
    for mask in masks:
        assert [name for name in FAULTS if mask >> (getattr(signal, name) - 1) & 1] == []
        assert [name for name in SENT if not mask >> (getattr(signal, name) - 1) & 1] == []


FORKED = """
import multiprocessing
import numpy as np
import deepcore as dc

rng = np.random.default_rng(7)
rows = rng.normal(size=(2000, 60)).astype(np.float32)
predictor = dc.mlp([60, 210, 90, 5]).predictor()  # keeps its threads between calls
outputs = predictor(rows, threads=2).tobytes()

def trained():
    assert predictor(rows, threads=2).tobytes() == outputs
    rng = np.random.default_rng(3)
    model = dc.mlp([60, 210, 90, 5], seed=2)
    model.fit(rng.normal(size=(700, 60)), rng.integers(0, 5, 700), epochs=2, batch_size=250, threads=2)
    return model.flat_parameters.tobytes()

mine = trained()
context = multiprocessing.get_context("fork")
queue = context.SimpleQueue()
child = context.Process(target=lambda: queue.put(trained()))
child.start()
assert queue.get() == mine
child.join()
assert child.exitcode == 0
"""


# In a process of its own: other libraries that tests load, JAX for one, warn of any fork.
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system has no fork")
def test_a_forked_child_trains_after_its_parent_has_used_threads():
    subprocess.run([sys.executable, "-c", FORKED], check=True)


def test_several_python_threads_train_at_once():
    expected = trained(2, "float32", "adam")[0]
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(trained(2, "float32", "adam")[0])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


def test_threadpoolctl_sees_and_limits_the_threads():
    threadpoolctl = pytest.importorskip("threadpoolctl", reason="threadpoolctl is not installed")
    import deepcore.threadpools  # noqa: F401

    before = _core.num_threads()
    (found,) = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "deepcore"]
    assert found["num_threads"] == before
    with threadpoolctl.threadpool_limits(1):
        assert _core.num_threads() == 1
    assert _core.num_threads() == before
    _core.set_num_threads(0)


ENDING = """
import threading
import numpy as np
import deepcore as dc

rows, labels = np.ones((2000, 60), np.float32), np.zeros(2000, int)
model, heard, asked = dc.mlp([60, 210, 90, 5]), threading.Event(), threading.Event()
predictor = dc.mlp([60, 210, 90, 5]).predictor()

def train(listen):
    model.fit(rows, labels, epochs=10**6, batch_size=250, threads=2, callbacks=[listen])

def ask():
    while True:
        predictor(rows, threads=2)
        asked.set()

for work in (lambda: train(lambda record: heard.set()), ask):
    threading.Thread(target=work, daemon=True).start()
heard.wait()
asked.wait()
print("end")
"""


def test_the_interpreter_ends_while_daemon_threads_train_and_predict():
    done = subprocess.run(
        [sys.executable, "-c", ENDING], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


FORKED_AT_WORK = """
import os
import threading
import numpy as np
import deepcore as dc

rows = np.ones((40000, 60), np.float32)
predictor, asked, enough = dc.mlp([60, 210, 90, 5]).predictor(), threading.Event(), threading.Event()

def ask():
    while not enough.is_set():
        predictor(rows)
        asked.set()

thread = threading.Thread(target=ask)
thread.start()
asked.wait()
for _ in range(3):
    child = os.fork()
    if child == 0:
        os._exit(predictor(rows[:500], threads=2).shape != (500, 5))
    assert os.waitpid(child, 0)[1] == 0
enough.set()
thread.join()
print("end")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_may_use_a_predictor_that_another_thread_was_using():
    code = [sys.executable, "-W", "ignore", "-c", FORKED_AT_WORK]  # a fork beside threads is warned about
    done = subprocess.run(code, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr


FORKED_IN_A_CALLBACK = """
import os
import numpy as np
import deepcore as dc

X, y = np.random.default_rng(1).normal(size=(4000, 60)).astype(np.float32), np.arange(4000) % 5
model, children = dc.mlp([60, 210, 90, 5], seed=1), []

def fork(record):
    if record.epoch == 1:
        children.append(os.fork())

history = model.fit(X, y, epochs=4, threads=3, callbacks=[fork])
os.write(1, f"{history['loss']}\\n".encode())  # in one piece: both write there
model.fit(X, y, epochs=1, threads=3)
if children[0] != 0:
    assert os.waitpid(children[0], 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_that_a_callback_forks_goes_on_training_with_the_same_bits():
    code = [sys.executable, "-W", "ignore", "-c", FORKED_IN_A_CALLBACK]
    done = subprocess.run(code, check=False, capture_output=True, text=True, timeout=60)
    parent, child = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert parent == child
