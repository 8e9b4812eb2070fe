"""Training by processes that mpiexec starts: bits, errors, interrupts, a rank that is killed."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("mpi4py", reason="needs mpi4py and an MPI library: pip install mpi4py mpich")
MPIEXEC = shutil.which("mpiexec", path=Path(sys.executable).parent) or shutil.which("mpiexec")
pytestmark = pytest.mark.skipif(MPIEXEC is None, reason="needs mpiexec: pip install mpich")

slow = pytest.mark.slow
#: Seconds; a test must not hang.
PATIENCE = 120

START = """
import hashlib, os, signal, time
import numpy as np
import deepcore as dc
from deepcore.distributed import Group

group = Group.mpi({options})
rng = np.random.default_rng(0)
X = rng.normal(size=(1000, 7))
y = (X[:, 0] * X[:, 1] > 0).astype(int)


def train(X=X, y=y, **options):
    model = dc.mlp([7, 32, 1], dropout=0.2, seed=1)
    options = {{"epochs": 3, "batch_size": 700, "threads": 1, "group": group, **options}}
    history = model.fit(X, y, dc.Adam(0.01), **options)
    # one write per rank, so that lines of ranks do not mix
    digest = hashlib.sha256(model.flat_parameters.tobytes()).hexdigest()
    os.write(1, f"rank {{group.rank}}: {{digest}} {{history['loss'][-1]!r}}\\n".encode())


def told(call):
    try:
        call()
    except (ValueError, dc.GroupError) as error:
        os.write(1, f"rank {{group.rank}}: {{type(error).__name__}}: {{error}}\\n".encode())
"""


def start(ranks, program, options="", **settings):
    """Start ``program`` on so many ranks."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}
    command = [MPIEXEC, "-n", str(ranks), sys.executable, "-c", START.format(options=options) + program]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings
    )


def run(ranks, program, options="", status=0):
    """The lines that the ranks print, sorted, and what they print on standard error."""
    process = start(ranks, program, options)
    try:
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert (process.returncode == 0) == (status == 0), err
    return sorted(out.splitlines()), err


def results(lines):
    return {line.split(": ")[1] for line in lines}


#: Ranks of one machine share memory; this lets them send messages, as those of several machines do.
MESSAGES = "group.memory = None\n"


@slow
@pytest.mark.parametrize("way", ["", MESSAGES], ids=["memory", "messages"])
def test_sums_that_go_from_rank_to_rank_have_the_bits_of_one_process(way):
    """The ranks have many parts of a larger network: the total is passed on, not cut into slices."""
    program = """
X = rng.normal(size=(3500, 200))
y = rng.integers(10, size=3500)
model = dc.mlp([200, 400, 10], dropout=0.2, seed=1)
model.fit(X, y, epochs=2, batch_size=3000, threads=1, group={})
os.write(1, f"rank: {{hashlib.sha256(model.flat_parameters.tobytes()).hexdigest()}}\\n".encode())
"""
    (expected,) = results(run(1, program.format("None"))[0])
    for ranks in (2, 3):
        assert results(run(ranks, way + program.format("group"))[0]) == {expected}


@slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_larger_than_the_shared_memory_have_the_bits_of_one_process(dtype):
    """The total goes through the memory in three areas, and the parts of a batch in two rounds or more."""
    program = """
X = rng.normal(size=(14000, 1000))
y = rng.integers(10, size=14000)
model = dc.mlp([1000, 1200, 10], dtype={!r}, seed=1)
model.fit(X, y, epochs=1, batch_size=13000, threads=1, group={})
os.write(1, f"rank: {{hashlib.sha256(model.flat_parameters.tobytes()).hexdigest()}}\\n".encode())
"""
    (expected,) = results(run(1, program.format(dtype, "None"))[0])
    assert results(run(2, program.format(dtype, "group"))[0]) == {expected}


@slow
@pytest.mark.parametrize("way", ["", MESSAGES], ids=["memory", "messages"])
def test_every_number_of_ranks_trains_the_bits_of_one_process(way):
    (expected,) = results(run(1, "train(group=None)")[0])
    for ranks in (1, 2, 3, 4):
        lines, _ = run(ranks, way + "train()")
        assert len(lines) == ranks
        assert results(lines) == {expected}


@slow
def test_groups_can_be_made_again_and_again():
    """MPI has a few thousand communicators at most, and each group needs some."""
    program = """
from mpi4py import MPI

for _ in range(3000):
    group = Group.mpi()
for number in range(3000):
    comm = MPI.COMM_WORLD.Split(0, group.rank)
    group = Group.mpi(comm)
    if number == 1000:
        train()
    comm.Free()
"""
    assert len(results(run(2, program)[0])) == 1


@slow
def test_the_sum_of_mpi_and_own_rows_give_all_ranks_the_same_bits():
    assert len(results(run(3, "train()", "same_bits=False")[0])) == 1
    program = "train(X[group.rank :: 3], y[group.rank :: 3])"
    assert len(results(run(3, program, "data='own rows'")[0])) == 1


# Each rank tells its own error and ends well: mpiexec kills all ranks as soon as one of them fails.


def test_an_exception_on_one_rank_ends_all():
    program = "train(y=y + 7 * (group.rank == 1))"
    lines, _ = run(3, f"told(lambda: {program})")
    assert [line.split(": fit: ")[0] for line in lines] == [
        "rank 0: GroupError", "rank 1: ValueError", "rank 2: GroupError",
    ]  # fmt: skip
    assert all("fit: rank 1 raised ValueError" in lines[rank] for rank in (0, 2))
    assert run(3, program, status=1)[0] == []  # nobody trains


def test_another_cpu_variant_is_refused_on_all_ranks():
    program = "dc._core.variant = 'v0' if group.rank == 1 else dc._core.variant\ntold(train)"
    lines, _ = run(2, program)
    for rank, line in enumerate(lines):
        assert line.startswith(f"rank {rank}: GroupError: fit: CPU variant is")
        assert "on rank 1; all ranks must make the same call" in line
    assert len(lines) == 2


def test_ranks_that_add_in_different_ways_are_refused():
    lines, _ = run(3, "told(train)", "same_bits=int(os.environ['PMI_RANK']) != 1")
    ways = "way of adding is 'add_in_order' on rank 0 and 'sum' on rank 1"
    said = f"GroupError: fit: {ways}; all ranks must make the same call"
    assert lines == [f"rank {rank}: {said}" for rank in range(3)]


INTERRUPTED = """
def interrupt(record):
    if record.epoch == 3:
        os.write(1, b"running\\n")

try:
    train(epochs=10**7, callbacks=[interrupt])
except (KeyboardInterrupt, dc.GroupError) as error:
    os.write(1, f"rank {group.rank}: {type(error).__name__} {error}\\n".encode())
"""


def test_a_signal_to_one_rank_ends_all():
    program = INTERRUPTED.replace(
        "def interrupt", "os.write(1, f'pid {os.getpid()} of {group.rank}\\n'.encode())\ndef interrupt"
    )
    process = start(3, program)
    pids = {}
    try:
        while len(pids) < 4:
            words = process.stdout.readline().split()
            pids[words[-1]] = words[1] if len(words) > 1 else None
        os.kill(int(pids["1"]), signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 0, err
    lines = sorted(out.splitlines())
    assert lines[1].startswith("rank 1: KeyboardInterrupt")
    assert all("GroupError fit: rank 1 raised KeyboardInterrupt" in lines[rank] for rank in (0, 2))


KILLED = """
checkpoint = dc.Checkpoint({path!r})

def die(record):
    if record.epoch == 4 and {deadly}:
        end = time.monotonic() + 30
        while not os.path.exists({path!r}) and time.monotonic() < end:  # a thread writes it
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)

train(epochs=8, callbacks=[checkpoint, die])
if checkpoint.resumed:
    os.write(1, b"resumed\\n")
"""


@slow
def test_a_killed_rank_ends_all_and_the_same_call_goes_on(tmp_path):
    file = tmp_path / "run.safetensors"
    began = time.monotonic()
    run(2, KILLED.format(path=str(file), deadly=True), status=1)
    assert time.monotonic() - began < PATIENCE / 2
    lines, _ = run(2, KILLED.format(path=str(file), deadly=False))
    assert lines.pop() == "resumed"
    assert results(lines) == results(run(2, "train(epochs=8)")[0])


@slow
def test_the_command_line_joins_the_ranks_of_mpiexec(tmp_path):
    def train(folder, *launcher):
        options = ["--epochs", "3", "--batch-size", "384", "--dropout", "0.2", "--out", str(folder)]
        command = [*launcher, sys.executable, "-m", "deepcore", "train", "digits", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        return re.sub(r"\d+\.\d+ s\b", "? s", done.stdout.replace(str(folder), "DIR"))  # times differ

    together = train(tmp_path / "ranks", MPIEXEC, "-n", "2")
    assert together == train(tmp_path / "alone")
    models = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("ranks", "alone")]
    assert models[0] == models[1]


def test_the_command_line_ends_all_ranks_when_rank_0_is_interrupted_outside_of_the_training():
    program = """
from deepcore.cli import mpi

@mpi.among_ranks
def command():
    if mpi.group().rank == 0:
        raise KeyboardInterrupt
    mpi.group().broadcast(None)

command()
"""
    command = [MPIEXEC, "-n", "2", sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode != 0
    assert "Error: rank 0: KeyboardInterrupt" in done.stderr


def test_the_command_line_ends_all_ranks_when_one_fails():
    command = [MPIEXEC, "-n", "2", sys.executable, "-m", "deepcore", "train", "missing.csv"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode != 0
    assert "missing.csv" in done.stderr
