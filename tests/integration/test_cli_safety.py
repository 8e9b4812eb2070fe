"""What must not go wrong around a command: missing libraries, hostile names, failures at the end."""

import importlib
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

import deepcore as dc
from integration.command_line import fail, invoke, read_rows, run, write_table

pytest.importorskip("click", reason="click is not installed (extra `cli`)")

# A program that finds neither matplotlib nor rich.
WITHOUT = """
import sys
class Without:
    def __init__(self, finder): self.finder = finder
    def find_spec(self, name, *rest):
        return None if name.split(".")[0] in ("matplotlib", "rich") else self.finder.find_spec(name, *rest)
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
from deepcore.cli import main
main()
"""


def program(*args, code=None, **options):
    start = ["-m", "deepcore"] if code is None else ["-c", code]
    command = [sys.executable, *start, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **options)


@pytest.fixture
def letters(tmp_path):
    """A table with the labels a, b and c, and a model trained on it."""
    rows = [[i, "abc"[i % 3]] for i in range(12)]
    table = write_table(tmp_path / "t.csv", ["u", "k"], rows)
    run("train", table, "--test-size", 0, "--epochs", 1, "--layers", 3, "--out", tmp_path / "m")
    return table, tmp_path / "m"


def test_python_m_deepcore_is_the_command_line():
    assert program("--version").stdout.strip().endswith(dc.__version__)


@pytest.mark.slow
def test_without_matplotlib_and_rich_only_the_picture_is_missing(tmp_path):
    done = program("train", "moons", "--epochs", 1, "--out", tmp_path, code=WITHOUT)
    assert done.returncode == 0
    assert "curves.png was not written: deepcore.plots needs matplotlib" in done.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["history.json", "model.safetensors"]
    for args in (["info", tmp_path], ["predict", tmp_path, "moons"], ["evaluate", tmp_path, "moons"]):
        done = program(*args, code=WITHOUT)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_message_about_a_missing_folder_names_the_folder(letters, tmp_path):
    table, model = letters
    message = fail("predict", model, table, "--out", tmp_path / "no" / "such" / "p.csv")
    assert message == f"Error: {tmp_path / 'no' / 'such'}: No such file or directory"
    with pytest.raises(FileNotFoundError, match=r"such'$"):
        dc.mlp([2, 1]).save(tmp_path / "no" / "such" / "model")


@pytest.mark.skipif(sys.platform == "win32", reason="file names are text on Windows")
@pytest.mark.slow
def test_a_name_that_the_locale_cannot_show_loses_nothing(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra `cli`)")
    write_table(
        tmp_path / "gr\u00f6\u00dfe.csv",
        ["a", "label"],
        [[i, "gr\u00f6\u00dfer" if i % 2 else "kleiner"] for i in range(20)],
    )
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = program("train", "gr\u00f6\u00dfe.csv", "--epochs", 1, "--out", "m", cwd=tmp_path, env=environment)
    assert done.returncode == 0
    assert "was not written" not in done.stderr
    names = sorted(file.name for file in (tmp_path / "m").iterdir())
    assert names == ["curves.png", "history.json", "model.safetensors"]
    for args in (
        ["info", "m"],
        ["predict", "m", "gr\u00f6\u00dfe.csv"],
        ["evaluate", "m", "gr\u00f6\u00dfe.csv"],
    ):
        done = program(*args, cwd=tmp_path, env=environment)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_picture_that_cannot_be_drawn_loses_nothing(tmp_path, monkeypatch):
    plots = pytest.importorskip("deepcore.plots")

    def break_down(*_):
        raise RuntimeError("no ink")

    monkeypatch.setattr(plots, "draw_curves", break_down)
    assert "curves.png was not written: no ink" in run("train", "moons", "--epochs", 1, "--out", tmp_path)
    assert json.loads((tmp_path / "history.json").read_text())["results"]
    assert dc.load(tmp_path / "model.safetensors").extras["results"]


@pytest.mark.parametrize("name", ["scores", "print_scores"])
def test_a_failure_after_the_training_leaves_the_model(tmp_path, monkeypatch, name):
    def break_down(*_):
        raise MemoryError("no memory")

    train, report = (importlib.import_module(f"deepcore.cli.{module}") for module in ("train", "report"))
    monkeypatch.setattr(report.Judged if name == "scores" else train, name, break_down)
    assert "no memory" in fail("train", "moons", "--epochs", 1, "--out", tmp_path)
    assert dc.load(tmp_path / "model.safetensors").preparation.inputs is not None


def test_a_failing_report_is_a_warning(tmp_path, monkeypatch):
    def break_down(*_):
        raise MemoryError("no memory")

    monkeypatch.setattr(importlib.import_module("deepcore.cli.baseline"), "linear", break_down)
    text = run("train", "moons", "--epochs", 1, "--out", tmp_path)
    assert "Warning: there is no report: no memory" in text


def test_control_characters_in_a_model_file_are_shown_escaped(tmp_path):
    names = ["\x1b[2Jq", "\x9bs", "r\u202e"]
    rows = [[i, names[i % 3]] for i in range(12)]
    table = write_table(tmp_path / "t.csv", ["u\x1b[2J", "k\x9b"], rows)
    run("train", table, "--test-size", 0, "--epochs", 1, "--layers", 3, "--out", tmp_path / "evil")
    model = tmp_path / "evil" / "model.safetensors"
    trained = dc.load(model)
    trained.extras["training"]["data"] = "\x1b]0;title\x07"
    trained.save(model)
    for args in (
        ["info", model],
        ["predict", model, table, "--probabilities"],
        ["evaluate", model, table, "--report"],
        ["train", table, "--test-size", 0, "--epochs", 1, "--layers", 3, "--out", tmp_path / "again"],
    ):
        text = run(*args)
        assert not set("\x1b\x9b\x07\u202e") & set(text)
        assert "\\x1b[2Jq" in text


def test_control_characters_in_messages_are_shown_escaped(tmp_path):
    table = write_table(tmp_path / "t.csv", ["\x1b[2Ja", "label"], [["\x1b[2Jx", 1], [2, 0]])
    result = invoke(["train", table, "--out", tmp_path / "m"])
    assert result.exit_code == 2
    assert "\x1b" not in result.output


def test_a_file_of_predictions_has_the_labels_as_they_are(tmp_path):
    names = ["na\u00efve A", "na\u00efve B"]
    table = write_table(tmp_path / "t.csv", ["u", "k"], [[i, names[i % 2]] for i in range(12)])
    run("train", table, "--test-size", 0, "--epochs", 1, "--layers", 3, "--out", tmp_path / "m")
    run("predict", tmp_path / "m", table, "--out", tmp_path / "p.csv")
    text = (tmp_path / "p.csv").read_text(encoding="utf-8")
    assert {row["prediction"] for row in read_rows(text)} <= set(names)


def test_drafts_of_killed_runs_are_removed(tmp_path):
    old = time.time() - 3 * 86400
    drafts = [".curves.png.9-ab.deepcore-tmp", ".history.json.8-cd.deepcore-tmp"]
    kept = [".curves.png.mine.png", ".history.json.7-ef.deepcore-tmp"]
    for name in [*drafts, *kept]:
        (tmp_path / name).write_text("x")
        if name != kept[1]:  # a young one may belong to a process of another machine
            os.utime(tmp_path / name, (old, old))
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra `cli`)")
    run("train", "moons", "--epochs", 1, "--out", tmp_path)
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {"curves.png", "history.json", "model.safetensors", *kept}


@pytest.mark.slow
def test_bench_shows_every_digit_on_a_narrow_terminal():
    done = program(
        *("bench", "--workloads", "flower", "--rounds", 1, "--seconds", 0.01),
        env={**os.environ, "COLUMNS": "40"},
    )
    assert done.returncode == 0
    assert "numpy/deepcore" in done.stdout
    assert "\u2026" not in done.stdout


def test_huge_values_are_refused_in_one_line(tmp_path):
    table = write_table(tmp_path / "h.csv", ["u", "k"], [["1.6e308", 0], ["-1.6e308", 1], ["1e308", 0]])
    np.savez(tmp_path / "h.npz", X=[[1.6e308], [-1.6e308], [1e308]], y=[0, 1, 0])
    assert "column 0 spans more than float64 can hold" in fail(
        "train", tmp_path / "h.npz", "--test-size", 0, "--out", tmp_path / "m"
    )
    done = program("train", table, "--test-size", 0, "--out", tmp_path / "m")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_huge_targets_are_scored_without_a_warning(tmp_path):
    x = np.arange(40.0)
    np.savez(tmp_path / "h.npz", X=x[:, None], y=(x + 0.5) * 1e200)
    run("train", tmp_path / "h.npz", "--epochs", 1, "--out", tmp_path / "m")
    scores = json.loads((tmp_path / "m" / "history.json").read_text())["results"]["train"]
    assert 1e199 < scores["rmse"] < 1e203


def test_predictions_of_a_regression_keep_all_digits(tmp_path):
    X = np.random.default_rng(3).normal(size=(150, 2))
    np.savez(tmp_path / "clock.npz", X=X, y=1.6e9 + 45 * X[:, 1])
    run("train", tmp_path / "clock.npz", "--epochs", 2, "--out", tmp_path / "m")
    rows = read_rows(run("predict", tmp_path / "m", tmp_path / "clock.npz"))
    assert len({row["prediction"] for row in rows}) == 150


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_model_file_that_cannot_be_replaced_is_refused_before_the_training(tmp_path):
    os.mkfifo(tmp_path / "model.safetensors")
    result = invoke(["train", "digits", "--epochs", "1", "--layers", "2", "--out", tmp_path])
    assert result.exit_code == 2
    assert "must be a regular file, but is a FIFO" in result.output
    assert "epoch" not in result.output
