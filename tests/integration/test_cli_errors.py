"""Wrong files, columns, values and options: one line on standard error, exit status 2, never a traceback."""

import subprocess
import sys

import numpy as np
import pytest

import deepcore as dc
from deepcore import cli, installation
from integration.command_line import fail, run, write_table

pytest.importorskip("click", reason="click is not installed (extra `cli`)")
pytest.importorskip("rich", reason="rich is not installed (extra `cli`)")
pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra `cli`)")


# what goes wrong


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("a,label\n", "has a header but no rows"),
        ("a,label\n1,x\n2\n", "line 3 has 1 fields, but the header has 2"),
        ("a,b,label\n1,2,x\n2,3,\n3,4,x\n", "line 3"),
        ("a,b,label\n" + "1,2,x\n2,3,y\n" * 10 + "1,5 EUR,x\n", "'b' holds"),
        ("a,label\n" + "1,x\n2,x\n" * 10, "has one class only, 'x'"),
        ("a,label\n" + "1,3\n2,3\n" * 10, "has one class only, '3'"),
        ("a,label\n" + "1,0.5\n2,0.5\n" * 10, "every label of the training part is 0.5"),
        ("a,b,label\n" + "1,7,x\n1,7,y\n" * 10, "no column to learn from: 'a' (constant), 'b' (constant)"),
        ("a,label\n1,x\n2,y\n", "2 examples are too few"),
        ("label\n" + "x\ny\n" * 20, "no column to learn from: only the label"),
        ("1,2\n3,4\n", "has no header"),
        ("\x00\x01\x02", "CSV file"),
    ],
)
def test_a_wrong_table_ends_train_with_one_line(tmp_path, content, message):
    (tmp_path / "t.csv").write_text(content)
    assert message in fail("train", tmp_path / "t.csv", "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nothing.csv"], "there is no file, folder or data set 'nothing.csv'; the built-in ones are digits"),
        (["--layers", "3,x"], "'3,x' must be numbers of units of the hidden layers"),
        (["--layers", "0"], "'0' must be numbers of units of the hidden layers"),
        (["--epochs", "0"], "'--epochs'"),
        (["--optimizer", "magic"], "'magic' is not one of"),
        (["--learning-rate", "-1"], "learning_rate must be finite and not negative, got -1.0"),
        (["--learning-rate", "nan"], "learning_rate must be finite"),
        (["--activation", "rely"], "did you mean 'relu'?"),
        (["--test-size", "1"], "test_size must be at least 0 and below 1"),
        (["--label", "kind"], "--label is an option for tables, and digits is not a table"),
        (["--dropp", "x"], "No such option"),
    ],
)
def test_wrong_arguments_end_train_with_one_line(tmp_path, args, message):
    assert message in fail("train", *args, "--out", tmp_path / "run")


def test_a_missing_label_column_is_named(flowers, tmp_path):
    error = fail("train", flowers[1] / "table.csv", "--label", "colour", "--out", tmp_path)
    assert "has no column 'colour'; its columns are id, length, width, garden, kind" in error


def test_text_labels_cannot_be_a_regression(flowers, tmp_path):
    args = ("train", flowers[1] / "table.csv", "--drop", "id", "--task", "regression", "--out", tmp_path)
    assert "column 'kind' of table.csv must hold finite numbers, got 'lily' in line 2" in fail(*args)


def test_a_diverging_training_writes_nothing(tmp_path):
    error = fail("train", "--optimizer", "sgd", "--learning-rate", 1e30, "--out", tmp_path)
    assert "no longer finite at step" in error
    assert list(tmp_path.iterdir()) == []


def test_an_npz_file_without_labels_cannot_be_trained_or_evaluated(tmp_path):
    np.savez(tmp_path / "x.npz", X=np.eye(10))
    assert "has no labels; an NPZ file needs an array y" in fail(
        "train", tmp_path / "x.npz", "--out", tmp_path
    )


def test_an_empty_folder_is_no_data(tmp_path):
    assert "holds neither IDX files" in fail("train", tmp_path)


def test_a_damaged_idx_file_is_one_line(idx_folder, tmp_path):
    (idx_folder / "t10k-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01\0\0\0\x14short")
    assert "t10k-labels-idx1-ubyte" in fail("train", idx_folder, "--out", tmp_path / "run")


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert "file" in fail("train", "moons", "--epochs", 1, "--out", tmp_path / "file")


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_a_file_that_is_no_model_is_one_line(flowers, command):
    table = flowers[1] / "table.csv"
    assert "not a safetensors file" in fail(command, table, table)


def test_a_missing_model_is_one_line(tmp_path):
    assert "No such file" in fail("info", tmp_path / "m.safetensors")
    assert "No such file" in fail("predict", tmp_path, "digits")


def test_a_missing_argument_is_one_line():
    assert "Missing argument 'DATA'" in fail("predict", "model.safetensors")


def test_predict_names_missing_columns(flowers, tmp_path):
    table = write_table(tmp_path / "new.csv", ["length", "garden"], [[1, 5]])
    assert "column 'width' is missing" in fail("predict", flowers[1] / "run", table)


def test_all_columns_that_cannot_be_used_are_named_in_one_line(flowers, tmp_path):
    table = write_table(tmp_path / "new.csv", ["length", "garden"], [["long", 5]])
    message = fail("predict", flowers[1] / "run", table)
    assert "2 columns that cannot be used: 'length' must be a number, got 'long' in line 2" in message
    assert "'width' is missing" in message
    assert "has no column 'y', 'x'; its columns are length, garden" in fail(
        "train", table, "--drop", "x", "--label", "y"
    )


def test_predict_refuses_another_number_of_features(digits):
    assert "moons has 2 features, but the model takes 64" in fail("predict", digits[1], "moons")


def test_evaluate_names_an_unknown_label(flowers, tmp_path):
    table = write_table(tmp_path / "new.csv", ["length", "width", "garden", "kind"], [[1, 1, 5, "oak"]])
    message = fail("evaluate", flowers[1] / "run", table)
    assert "line 2: the label 'oak' is not one of the classes 'lily', 'rose', 'tulip'" in message


def test_evaluate_needs_the_label_column(flowers, tmp_path):
    table = write_table(tmp_path / "new.csv", ["length", "width", "garden"], [[1, 1, 5]])
    assert "has no column 'kind'" in fail("evaluate", flowers[1] / "run", table)


def test_a_part_needs_the_examples_of_the_training(flowers, tmp_path):
    table = write_table(tmp_path / "new.csv", ["length", "width", "garden", "kind"], [[1, 1, 5, "lily"]])
    error = fail("evaluate", flowers[1] / "run", table, "--part", "test")
    assert "new.csv holds 0 of the 24 examples in the test part" in error


def test_probabilities_need_a_classifier(tmp_path):
    dc.mlp([2, 1], output="linear").save(tmp_path / "m.safetensors")
    error = fail("predict", tmp_path / "m.safetensors", "moons", "--probabilities")
    assert "--probabilities needs a classifier" in error


@pytest.mark.parametrize(
    "change",
    [{"inputs": {"mean": [1.0, 2.0, 3.0], "scale": [1.0, 1.0, 1.0]}}, {"inputs": 5}, {"labels": ["a"]},
     {"labels": ["a", "b", "c"]}, {"features": ["x"]}],
)  # fmt: skip
def test_a_model_file_with_wrong_preprocessing_is_refused(tmp_path, change):
    run("train", "moons", "--epochs", 1, "--layers", 2, "--out", tmp_path)
    trained = dc.load(tmp_path / "model.safetensors")
    preprocessing = trained.preparation.to_dict() | change
    dc.Model.from_network(trained.network).save(
        tmp_path / "m.safetensors", extras={"preprocessing": preprocessing}
    )
    assert "the preprocessing in this" in fail("info", tmp_path / "m.safetensors")


def test_parts_that_cannot_be_read_are_refused(tmp_path):
    dc.mlp([2, 1]).save(tmp_path / "m.safetensors", extras={"parts": {"test": 5}})
    message = fail("evaluate", tmp_path / "m.safetensors", "moons", "--part", "test")
    assert "the parts in this model file cannot be read" in message


def test_as_a_program_errors_go_to_the_standard_error_without_a_traceback(tmp_path):
    command = [sys.executable, "-m", "deepcore.cli", "train", "nothing.csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: there is no file, folder or data set 'nothing.csv'")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("option", "folder"), [("--cmake-dir", "cmake"), ("--include-dir", "include")])
def test_an_editable_installation_without_the_folders_is_one_line(
    tmp_path, monkeypatch, capsys, option, folder
):
    monkeypatch.setattr(installation, "__file__", str(tmp_path / "installation.py"))
    monkeypatch.setattr(sys, "argv", ["deepcore", option])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"deepcore: there is no folder {tmp_path / folder}, since")
    assert printed.err.count("\n") == 1


def test_without_the_extra_one_line_says_how_to_install_it(monkeypatch, capsys):
    find = cli.importlib.util.find_spec
    monkeypatch.setattr(cli.importlib.util, "find_spec", lambda name: None if name == "click" else find(name))
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        'deepcore: the command line needs click: pip install "deepcore-nn[cli]"\n'
    )
