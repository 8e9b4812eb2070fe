"""deepcore train --checkpoint: a training that is stopped leaves its state, and the command continues."""

import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("click", reason="click is not installed (extra `cli`)")

import deepcore as dc
from integration.command_line import fail, run

OPTIONS = ["digits", "--epochs", "8", "--layers", "16", "--seed", "3"]
FILES = ("model.safetensors", "history.json")


def contents(folder):
    return [(folder / name).read_bytes() for name in FILES]


# The children of a shell's background job ignore SIGINT; the program is to hear it.
PROGRAM = (
    "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from deepcore.cli import main\nmain()"
)


def started(*args):
    """A process of the command line, which has begun to train."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "train", *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def when_there(path, process, number):
    """Send a signal when a file is there, and return status and output."""
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(number)
    out, error = process.communicate(timeout=120)
    assert error == ""
    return process.returncode, out


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a finished training and its checkpoint; no test changes it."""
    folder = tmp_path_factory.mktemp("saved")
    run("train", *OPTIONS, "--out", folder, "--checkpoint", folder / "checkpoint.safetensors")
    return folder


def test_a_checkpoint_changes_no_byte_of_the_result(saved, tmp_path):
    run("train", *OPTIONS, "--out", tmp_path)
    assert contents(saved) == contents(tmp_path)
    assert dc.load(saved / "checkpoint.safetensors").epochs_trained == 8


def test_a_finished_training_is_not_repeated(saved):
    before = contents(saved)
    file = saved / "checkpoint.safetensors"
    assert f"the training continued from {file}" in run("train", *OPTIONS, "--out", saved, "--resume")
    assert contents(saved) == before


def test_more_epochs_go_on_from_the_checkpoint(tmp_path):
    def options(epochs, out):
        return ["digits", "--layers", "16", "--epochs", epochs, "--out", tmp_path / out]

    run("train", *options(3, "a"), "--checkpoint", tmp_path / "run")
    run("train", *options(6, "a"), "--checkpoint", tmp_path / "run")
    run("train", *options(6, "b"))
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)],
)
def test_a_signal_leaves_the_state_and_the_command_goes_on(tmp_path, number, status):
    many = ["digits", "--layers", "64,64", "--epochs", "300", "--seed", "3"]
    options = [*many, "--out", tmp_path / "out", "--checkpoint", tmp_path / "run"]
    code, out = when_there(tmp_path / "run", started(*options), number)
    assert code == status
    name = " by SIGTERM" if number == signal.SIGTERM else ""
    assert f"interrupted{name} after " in out
    assert f"the training continues from {tmp_path / 'run'} if you repeat the command" in out
    assert (tmp_path / "out" / "model.safetensors").exists()
    assert 0 < dc.load(tmp_path / "run").epochs_trained < 300
    run("train", *options)
    run("train", *many, "--out", tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_sigterm_keeps_the_model_so_far_without_a_checkpoint_too(tmp_path):
    process = started("digits", "--layers", "64,64", "--epochs", "100000", "--out", tmp_path / "out")
    for line in process.stdout:
        if line.startswith("epoch") or "/100000" in line or "hyperparameters" in line:
            break
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    out, error = process.communicate(timeout=120)
    assert (process.returncode, error) == (143, "")
    assert "interrupted by SIGTERM after " in out
    assert (tmp_path / "out" / "model.safetensors").exists()


def test_resume_needs_a_checkpoint(tmp_path):
    message = fail("train", *OPTIONS, "--out", tmp_path / "out", "--resume")
    assert f"there is no checkpoint {tmp_path / 'out' / 'checkpoint.safetensors'}" in message


def test_other_options_are_refused_by_name(saved):
    message = fail("train", *OPTIONS, "--out", saved, "--resume", "--learning-rate", "0.5")
    assert "another training: optimizer.learning_rate is 0.001 in the file and 0.5 in this call" in message


def test_recipes_that_cannot_be_saved_are_refused(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("a,b,y\n" + "".join(f"{i},{i % 7},{i % 2}\n" for i in range(80)))
    options = ["--out", tmp_path / "out", "--checkpoint", tmp_path / "run", "--epochs", 3]
    assert "add --recipe network" in fail("train", table, *options)
    run("train", table, *options, "--recipe", "network")
    assert dc.load(tmp_path / "run").epochs_trained == 3
