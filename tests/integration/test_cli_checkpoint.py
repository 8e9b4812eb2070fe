"""deepcore train --checkpoint: a training that is stopped leaves its state, and the command continues."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("click", reason="click is not installed (extra `cli`)")

import deepcore as dc
from deepcore.files import container
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


@pytest.mark.slow
def test_more_epochs_go_on_from_the_checkpoint(tmp_path):
    def options(epochs, out):
        return ["digits", "--layers", "16", "--epochs", epochs, "--out", tmp_path / out]

    run("train", *options(3, "a"), "--checkpoint", tmp_path / "run")
    run("train", *options(6, "a"), "--checkpoint", tmp_path / "run")
    run("train", *options(6, "b"))
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
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


@pytest.mark.slow
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


REALMLP = ["--recipe", "realmlp-td", "--layers", "8,8", "--batch-size", "32"]
SEVERAL = {
    "members of realmlp": [*REALMLP, "--ensemble", "2"],
    "folds of realmlp": [*REALMLP, "--cv", "3"],
    "members of folds of realmlp": [*REALMLP, "--cv", "2", "--ensemble", "2"],
    "folds of networks": ["--layers", "8", "--cv", "2", "--ensemble", "2"],
}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "table.csv"
    rows = (f"{i % 17},{i % 7},{'abc'[i % 3]},{i % 17 > i % 7}\n" for i in range(120))
    path.write_text("a,b,c,y\n" + "".join(rows))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("options", SEVERAL.values(), ids=SEVERAL)
def test_several_networks_go_on_from_what_a_kill_leaves(tmp_path, table, options, monkeypatch):
    train = ["train", table, *options, "--epochs", "4"]
    run(*train, "--out", tmp_path / "whole")
    left, write = [{}], container.write  # the files after every write

    def write_and_keep(path, *content):
        write(path, *content)
        if Path(path).parent == folder:
            left.append({**left[-1], Path(path).name: Path(path).read_bytes()})

    monkeypatch.setattr(container, "write", write_and_keep)
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    goes_on = [*train, "--out", tmp_path / "out", "--checkpoint", folder / "run.safetensors"]
    run(*goes_on)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    moments = list(left)
    assert len(moments) > 2
    for number in (1, len(moments) // 2, -1):
        for path in folder.iterdir():
            path.unlink()
        for name, data in moments[number].items():
            (folder / name).write_bytes(data)
            dc.load(folder / name)
        left = [{}]
        out = run(*goes_on)
        assert f"the training continued from {folder / 'run.safetensors'}" in out or number == 1
        assert contents(tmp_path / "out") == contents(tmp_path / "whole")
        assert number != -1 or left == [{}]  # finished trainings are not written again


@pytest.mark.slow
@pytest.mark.parametrize("members", ["1", "2"])
def test_a_signal_ends_all_folds_and_the_command_goes_on(tmp_path, table, members):
    train = [table, *REALMLP, "--cv", "3", "--ensemble", members, "--epochs", "200"]
    options = [*train, "--out", tmp_path / "out", "--checkpoint", tmp_path / "run"]
    code, out = when_there(tmp_path / "run", started(*options), signal.SIGTERM)
    assert code == 143
    assert f"the training continues from {tmp_path / 'run'} if you repeat the command" in out
    assert all((tmp_path / name).exists() for name in ("run", "run.2", "run.3"))
    run("train", *options)
    run("train", *train, "--out", tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_another_recipe_is_refused_by_name(tmp_path, table):
    options = ["--out", tmp_path / "out", "--checkpoint", tmp_path / "run", *REALMLP]
    run("train", table, *options, "--epochs", "2")
    message = fail("train", table, *options, "--epochs", "2", "--ensemble", "2")
    assert "is the checkpoint of another training: " in message
    assert "epochs is 2 in the file and 3 in this call, and the recipe's schedule" in fail(
        "train", table, *options, "--epochs", "3"
    )
    assert "recipe.learning_rate is 0.04 in the file" in fail(
        "train", table, *options, "--epochs", "2", "--learning-rate", "0.5"
    )
