"""Options of train: class weights, a file of options, and the report with its baselines and warnings."""

import json
import re

import numpy as np
import pytest

from integration.code_blocks import ROOT, blocks
from integration.command_line import fail, invoke, run, write_table

pytest.importorskip("click", reason="click is not installed (extra `cli`)")


def document(folder):
    return json.loads((folder / "history.json").read_text())


@pytest.fixture
def rare(tmp_path):
    """Two overlapping clouds; one of them has a tenth of the examples."""
    random = np.random.default_rng(0)
    y = (np.arange(600) % 10 == 0).astype(int)
    np.savez(tmp_path / "rare.npz", X=random.normal(size=(600, 2)) + 1.2 * y[:, None], y=y)
    return tmp_path / "rare.npz"


def test_balanced_class_weights_raise_the_recall_of_the_rare_class(rare, tmp_path):
    recalls = []
    for weights in ((), ("--class-weight", "balanced"), ("--class-weight", "1=9")):
        run("train", rare, "--layers", "none", "--learning-rate", 0.05, *weights, "--out", tmp_path / "m")
        recalls.append(document(tmp_path / "m")["report"]["per_class"][1]["recall"])
    assert min(recalls[1:]) > recalls[0] + 0.2


def test_wrong_class_weights_are_all_named(rare, tmp_path):
    message = fail(
        *("train", rare, "--class-weight", "7=2", "--class-weight", "1=-1"),
        *("--class-weight", "x", "--out", tmp_path),
    )
    assert "got '7=2', '1=-1', 'x'; the classes are 0, 1" in message


@pytest.mark.parametrize("weights", ["balanced", "1=2"])
@pytest.mark.parametrize("recipe", ["realmlp", "network"])
def test_class_weights_are_not_for_a_regression(tmp_path, weights, recipe):
    table = write_table(tmp_path / "t.csv", ["x", "y"], [[i % 7, i / 7] for i in range(60)])
    message = fail("train", table, "--class-weight", weights, "--recipe", recipe, "--out", tmp_path / "m")
    assert "--class-weight needs classes, but this is a regression" in message
    assert not (tmp_path / "m" / "model.safetensors").exists()


def test_a_batch_size_of_0_is_all_examples_for_every_recipe(tmp_path):
    table = write_table(tmp_path / "t.csv", ["x", "y"], [[i % 7, i / 7] for i in range(600)])
    for recipe in ("realmlp", "network"):
        options = ("--recipe", recipe, "--batch-size", 0, "--epochs", 1, "--out", tmp_path / "m")
        assert re.search(r"batch_size +384$", run("train", table, *options), re.MULTILINE)


def test_dropout_and_a_penalty_reach_the_model(tmp_path):
    text = run("train", "moons", "--epochs", 1, "--dropout", 0.25, "--l2", 0.01, "--out", tmp_path)
    assert "dropout        0.25" in text
    assert "l2             0.01" in text


# a file of options


def test_options_come_from_a_file_and_the_command_line_wins(tmp_path):
    (tmp_path / "run.toml").write_text(
        'data = "moons"\nepochs = 3\nlayers = [5, 4]\nlearning-rate = 0.25\nbatch_size = 0\n'
    )
    run("train", "--config", tmp_path / "run.toml", "--epochs", 2, "--out", tmp_path / "m")
    training = document(tmp_path / "m")["training"]
    names = ("data", "epochs", "layers", "learning_rate", "batch_size")
    assert [training[name] for name in names] == ["moons", 2, "2-5-4-1", 0.25, 256]


def test_all_unknown_names_in_a_file_of_options_are_named(tmp_path):
    (tmp_path / "run.toml").write_text("epoch = 3\nlabels = 1\n")
    message = fail("train", "moons", "--config", tmp_path / "run.toml")
    assert "has unknown names: 'epoch', 'labels'; the names are activation, batch-size," in message


@pytest.mark.parametrize(
    ("text", "reason"), [("epochs 3", "not a valid TOML file"), ("[epochs]\na = 1", "epochs must be a value")]
)
def test_a_wrong_file_of_options_is_one_line(tmp_path, text, reason):
    (tmp_path / "run.toml").write_text(text)
    assert reason in fail("train", "moons", "--config", tmp_path / "run.toml")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('epochs = "many"', "epochs: 'many' is not a valid integer"),
        ("epochs = [1, 2]", "epochs must be a single number, got [1, 2]"),
        ("batch-size = -1", "batch-size: -1 is not in the range"),
    ],
)
def test_a_wrong_value_in_a_file_of_options_is_named_with_the_file(tmp_path, text, reason):
    (tmp_path / "run.toml").write_text(text)
    assert f"run.toml: {reason}" in fail("train", "moons", "--config", tmp_path / "run.toml")


def test_the_file_of_options_in_the_document_trains(tmp_path, monkeypatch):
    document = blocks(ROOT / "docs" / "command_line.md", "text")
    (tmp_path / "run.toml").write_text(next(block.text for block in document if "ensemble =" in block.text))
    write_table(tmp_path / "houses.csv", ["number", "area", "price"], [[i, i % 9, i] for i in range(60)])
    monkeypatch.chdir(tmp_path)
    assert "label price: regression" in run("train", "--config", "run.toml", "--epochs", 1)


@pytest.mark.parametrize(
    "text", ['drop = "a"', 'id = "a"', 'kind = "b=category"', 'missing = "3"', 'class-weight = "balanced"']
)
def test_an_option_that_may_be_repeated_may_be_one_value_in_a_file(tmp_path, text):
    name, value = text.split(" = ")
    rows = [[f"a{i}", i % 7, ["no", "yes"][i % 2]] for i in range(60)]
    table = write_table(tmp_path / "t.csv", ["a", "b", "label"], rows)
    printed = []
    for line in (text, f"{name} = [{value}]", ""):
        (tmp_path / "run.toml").write_text(line)
        options = ("--config", tmp_path / "run.toml", "--epochs", 1, "--out", tmp_path / "m")
        printed.append(run("train", table, *options))
    assert printed[0] == printed[1] != printed[2]


# the report


def test_the_report_compares_with_a_constant_answer_and_a_linear_model(tmp_path):
    text = run("train", "circles", "--epochs", 60, "--learning-rate", 0.01, "--out", tmp_path)
    table = document(tmp_path)["report"]["scores"]
    assert table["constant"]["accuracy"] == pytest.approx(0.5, abs=0.01)
    assert table["linear"]["accuracy"] < 0.7 < table["this model"]["accuracy"]  # circles are not linear
    assert "test, always the same answer" in text
    assert "test, a linear model" in text


def test_the_numbers_per_class_follow_from_the_confusion_matrix(digits):
    report = document(digits[1])["report"]
    table = np.array(report["confusion"])
    assert table.sum() == 359
    for i, row in enumerate(report["per_class"]):
        assert row["support"] == table[i].sum()
        assert row["recall"] == pytest.approx(table[i, i] / table[i].sum())
        assert row["precision"] == pytest.approx(table[i, i] / table[:, i].sum())
    assert np.trace(table) / 359 == pytest.approx(report["scores"]["this model"]["accuracy"])


def test_the_linear_baseline_of_a_linear_problem_is_exact(tmp_path):
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 3))
    np.savez(tmp_path / "l.npz", X=X, y=1e6 + X @ [1.0, 2.0, 3.0])
    result = invoke(["train", tmp_path / "l.npz", "--epochs", 1, "--out", tmp_path / "m"])
    assert document(tmp_path / "m")["report"]["scores"]["linear"]["r2"] > 0.999
    assert "Warning: the model is no better than a linear model: rmse" in result.output


def test_a_regression_worse_than_the_mean_is_a_warning(tmp_path):
    rows = [[i, i * 37 % 11, 3 * i] for i in range(100)]
    table = write_table(tmp_path / "v.csv", ["a", "b", "v"], rows)
    text = run("train", table, "--learning-rate", 30, "--epochs", 10, "--out", tmp_path / "m")
    assert "Warning: the model is no better than always predicting the mean of the training labels" in text
    assert document(tmp_path / "m")["report"]["warnings"]


def test_a_classifier_no_better_than_the_majority_is_a_warning(tmp_path):
    random = np.random.default_rng(0)
    np.savez(tmp_path / "n.npz", X=random.normal(size=(300, 2)), y=np.arange(300) % 10 == 0)
    text = run("train", tmp_path / "n.npz", "--epochs", 2, "--out", tmp_path / "m")
    assert "no better than always predicting the most frequent class" in text


def test_a_network_of_dead_units_is_a_warning(tmp_path):
    X = np.random.default_rng(0).normal(size=(200, 2))
    np.savez(tmp_path / "d.npz", X=X, y=X[:, 0] ** 2)
    text = run(
        *("train", tmp_path / "d.npz", "--learning-rate", 10, "--epochs", 30, "--layers", 5),
        *("--batch-size", 0, "--validation-size", 0, "--out", tmp_path / "m"),
    )
    assert "the model gives the same answer for every example" in text


def test_a_good_run_has_no_warning(tmp_path):
    text = run("train", "moons", "--epochs", 100, "--learning-rate", 0.01, "--out", tmp_path)
    assert "Warning" not in text


# what the labels are


def test_one_hot_labels_are_taken_as_classes_and_said_to_be(tmp_path):
    random = np.random.default_rng(0)
    codes = random.integers(0, 4, 90)
    for y in (np.eye(4)[codes], np.eye(4, dtype=bool)[codes]):
        np.savez(tmp_path / "oh.npz", X=random.normal(size=(90, 3)), y=y)
        text = run("train", tmp_path / "oh.npz", "--epochs", 1, "--out", tmp_path / "m")
        assert "4 classes: 0, 1, 2, 3" in text
        assert "y is one-hot" in text
    scores = json.loads(run("evaluate", tmp_path / "m", tmp_path / "oh.npz", "--part", "test", "--json"))
    assert scores["accuracy"] == document(tmp_path / "m")["results"]["test"]["accuracy"]


def test_several_labels_of_0_and_1_are_a_question(tmp_path):
    random = np.random.default_rng(0)
    np.savez(tmp_path / "ml.npz", X=random.normal(size=(90, 3)), y=random.integers(0, 2, (90, 4)))
    assert "y has 4 labels 0 or 1 per example" in fail("train", tmp_path / "ml.npz", "--out", tmp_path / "m")
    text = run("train", tmp_path / "ml.npz", "--task", "regression", "--epochs", 1, "--out", tmp_path / "m")
    assert "regression" in text


def test_counts_that_are_taken_as_classes_are_said_to_be(tmp_path):
    y = np.arange(200) % 13 * 3
    np.savez(tmp_path / "sold.npz", X=np.arange(200.0)[:, None], y=y)
    table = write_table(tmp_path / "sold.csv", ["d", "sold"], [[i, v] for i, v in enumerate(y)])
    for data in (tmp_path / "sold.npz", table):
        text = run("train", data, "--epochs", 1, "--out", tmp_path / "m")
        assert "whole numbers" in text
        assert "--task regression" in text


# other units


@pytest.mark.parametrize("first", ["bytes", "shares"])
def test_pixels_in_other_units_are_a_warning(tmp_path, first):
    X = np.random.default_rng(0).integers(0, 256, (200, 4, 4), np.uint8)
    y = (X[:, :2].mean((1, 2)) > X[:, 2:].mean((1, 2))).astype(int)
    np.savez(tmp_path / "bytes.npz", X=X, y=y)
    np.savez(tmp_path / "shares.npz", X=(X / 255).astype("f4"), y=y)
    run("train", tmp_path / f"{first}.npz", "--epochs", 2, "--out", tmp_path / "m")
    for name in ("bytes", "shares"):
        result = invoke(["evaluate", tmp_path / "m", tmp_path / f"{name}.npz"])
        assert result.exit_code == 0
        assert ("do the data have the same units?" in result.output) == (name != first)


def test_standardised_features_for_a_model_of_raw_ones_are_a_warning(tmp_path):
    X = np.random.default_rng(0).normal(1000, 50, (200, 3))
    np.savez(tmp_path / "raw.npz", X=X, y=np.arange(200) % 2)
    np.savez(tmp_path / "z.npz", X=(X - 1000) / 50, y=np.arange(200) % 2)
    run("train", tmp_path / "raw.npz", "--epochs", 1, "--out", tmp_path / "m")
    assert "do the data have the same units?" in run("evaluate", tmp_path / "m", tmp_path / "z.npz")
