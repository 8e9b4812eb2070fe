"""What train writes, and what predict, evaluate and info read."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest

import deepcore as dc
from deepcore.data import load_digits, moons, split_indices
from integration.command_line import read_rows, run, write_table

pytest.importorskip("click", reason="click is not installed (extra `cli`)")
pytest.importorskip("rich", reason="rich is not installed (extra `cli`)")
pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra `cli`)")


# train


def test_train_without_arguments_reaches_97_percent_on_digits_it_has_not_seen(digits):
    results = json.loads((digits[1] / "history.json").read_text())["results"]
    assert results["test"]["examples"] == 359
    assert results["test"]["accuracy"] >= 0.97


def test_train_prints_train_and_test_accuracy(digits):
    results = json.loads((digits[1] / "history.json").read_text())["results"]
    words = [line.split() for line in digits[0].splitlines()]
    for part in ("train", "test"):
        row = next(line for line in words if line[:1] == [part])
        assert row[-1] == f"{results[part]['accuracy']:.4f}"


def test_train_prints_its_hyperparameters(digits):
    words = [line.split() for line in digits[0].splitlines()]
    for pair in (["layers", "64-128-64-10"], ["learning_rate", "0.001"], ["batch_size", "32"], ["seed", "0"]):
        assert pair in words


def test_train_shows_its_progress(digits):
    assert "epoch  1/30  loss " in digits[0]
    assert "epoch 30/30  loss " in digits[0]


def test_train_writes_one_number_per_epoch(digits):
    history = json.loads((digits[1] / "history.json").read_text())["history"]
    assert {name: len(series) for name, series in history.items()} == {
        "loss": 30,
        "accuracy": 30,
        "val_loss": 30,
        "val_accuracy": 30,
    }


def test_train_writes_a_picture_and_leaves_nothing_else(digits):
    assert (digits[1] / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(file.name for file in digits[1].iterdir()) == [
        "curves.png",
        "history.json",
        "model.safetensors",
    ]


def test_the_same_seed_gives_the_same_model(tmp_path):
    for name in ("a", "b"):
        run("train", "moons", "--epochs", 3, "--seed", 7, "--out", tmp_path / name)
    first, second = (dc.load(tmp_path / name / "model.safetensors") for name in ("a", "b"))
    np.testing.assert_array_equal(first.network.flat, second.network.flat)


def test_the_test_part_has_no_influence_on_the_model(tmp_path):
    X, y = moons(100)
    np.savez(tmp_path / "a.npz", X=X, y=y)
    run("train", tmp_path / "a.npz", "--epochs", 2, "--out", tmp_path / "a")
    X[split_indices(100, stratify=y)[1]] += 1000.0
    np.savez(tmp_path / "a.npz", X=X, y=y)
    run("train", tmp_path / "a.npz", "--epochs", 2, "--out", tmp_path / "b")
    first, second = (dc.load(tmp_path / name / "model.safetensors") for name in ("a", "b"))
    np.testing.assert_array_equal(first.network.flat, second.network.flat)
    assert first.preparation.to_dict() == second.preparation.to_dict()


@pytest.mark.parametrize("name", ["flower", "moons", "circles", "spirals"])
def test_every_named_point_set_can_be_trained(tmp_path, name):
    assert "2 features" in run("train", name, "--epochs", 2, "--out", tmp_path)


def test_layers_none_is_logistic_regression(tmp_path):
    run("train", "moons", "--layers", "none", "--epochs", 2, "--out", tmp_path)
    assert dc.load(tmp_path / "model.safetensors").network.spec.layers == (dc.Dense(1, "sigmoid"),)


def test_options_reach_the_model(tmp_path):
    run(
        *("train", "moons", "--layers", "6,5", "--activation", "tanh", "--dtype", "float64", "--epochs", 2),
        *("--optimizer", "sgd", "--learning-rate", 0.25, "--batch-size", 0, "--seed", 9, "--out", tmp_path),
    )
    trained = dc.load(tmp_path / "model.safetensors")
    model = dc.Model.from_network(trained.network)
    assert [(layer.units, layer.activation) for layer in model.layers] == [
        (6, "tanh"),
        (5, "tanh"),
        (1, "sigmoid"),
    ]
    assert (model.dtype, model.seed, model.epochs_trained) == (np.float64, 9, 2)
    training = trained.extras["training"]
    assert (training["optimizer"], training["learning_rate"], training["batch_size"]) == ("sgd", 0.25, 256)


def test_without_test_and_validation_part_all_examples_are_trained_on(tmp_path):
    text = run(
        *("train", "moons", "--test-size", 0, "--validation-size", 0, "--epochs", 1, "--out", tmp_path)
    )
    assert "400 examples to train, 2 features" in text
    assert list(json.loads((tmp_path / "history.json").read_text())["results"]) == ["train"]


# tables


def test_text_labels_come_back_as_text(flowers):
    rows = read_rows(run("predict", flowers[1] / "run", flowers[1] / "table.csv"))
    truth = [row["kind"] for row in read_rows((flowers[1] / "table.csv").read_text(encoding="utf-8"))]
    assert [row["prediction"] for row in rows] == truth  # three clouds eight deviations apart


def test_what_is_learned_of_the_columns_is_in_the_model_file(flowers):
    model = dc.load(flowers[1] / "run" / "model.safetensors")
    assert model.columns.names == ["length", "width"]
    assert model.label.classes == ["lily", "rose", "tulip"]


def test_a_constant_column_is_named(flowers):
    line = next(line for line in flowers[0].splitlines() if line.startswith("garden"))
    assert line.split()[:3] == ["garden", "ignore", "constant"]


def test_predict_finds_its_columns_by_name_in_any_order(flowers, tmp_path):
    table = write_table(
        tmp_path / "new.csv", ["garden", "note", "width", "length"], [[5, "x", 4.1, 3.9], [99, "", 8, 8]]
    )
    rows = read_rows(run("predict", flowers[1] / "run", table))
    assert [row["prediction"] for row in rows] == ["rose", "tulip"]


def test_probabilities_have_a_column_for_each_class_and_sum_to_1(flowers):
    row = read_rows(run("predict", flowers[1] / "run", flowers[1] / "table.csv", "--probabilities"))[0]
    assert list(row) == ["prediction", "p(lily)", "p(rose)", "p(tulip)"]
    assert sum(float(row[name]) for name in list(row)[1:]) == pytest.approx(1, abs=1e-6)  # float32


def test_predict_writes_the_same_lines_into_a_file(flowers, tmp_path):
    table = flowers[1] / "table.csv"
    assert run("predict", flowers[1] / "run", table, "--out", tmp_path / "answer.csv") == ""
    assert (tmp_path / "answer.csv").read_text() == run("predict", flowers[1] / "run", table)


def test_a_regression_predicts_in_the_units_of_its_labels(tmp_path):
    random = np.random.default_rng(0)
    area = random.uniform(20, 200, 400).round(1)
    table = write_table(
        tmp_path / "homes.csv",
        ["area", "price"],
        [[a, round(3000.0 * a + 50000 + e)] for a, e in zip(area, random.normal(0, 1000, 400), strict=True)],
    )
    run("train", table, "--recipe", "network", "--epochs", 60, "--out", tmp_path / "run")
    scores = json.loads(run("evaluate", tmp_path / "run", table, "--part", "test", "--json"))
    # The labels spread over 160,000; noise is 1000. A fit that missed the units would have r2 below 0.
    assert scores["r2"] > 0.99
    price = float(
        read_rows(run("predict", tmp_path / "run", write_table(tmp_path / "one.csv", ["area"], [[100]])))[0][
            "prediction"
        ]
    )
    assert price == pytest.approx(350000, rel=0.05)


def test_two_classes_give_one_sigmoid_and_two_probabilities(tmp_path):
    run("train", "moons", "--epochs", 5, "--out", tmp_path)
    rows = read_rows(run("predict", tmp_path, "moons", "--probabilities"))
    p = np.array([[float(row["p(0)"]), float(row["p(1)"])] for row in rows])
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-6)  # float32
    assert [int(row["prediction"]) for row in rows] == (p[:, 1] > 0.5).astype(int).tolist()


def test_npz_images_of_bytes_are_divided_by_255(tmp_path):
    X = np.random.default_rng(0).integers(0, 256, (40, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", X=X, y=X[:, 0, 0] > 127)
    run("train", tmp_path / "images.npz", "--epochs", 1, "--out", tmp_path)
    model = dc.load(tmp_path / "model.safetensors")
    assert model.preparation.inputs.to_dict() == {"mean": [0.0], "scale": [255.0]}
    assert model.network.spec.inputs == 16


# evaluate and info


def test_evaluate_repeats_the_test_accuracy_from_the_seed_of_the_split(digits):
    results = json.loads((digits[1] / "history.json").read_text())["results"]
    for part in ("train", "test"):
        scores = json.loads(run("evaluate", digits[1], "digits", "--part", part, "--json"))
        assert scores == {"data": "digits", "part": part, **results[part]}


def test_evaluate_takes_all_examples_unless_asked(digits):
    assert json.loads(run("evaluate", digits[1], "digits", "--json"))["examples"] == len(load_digits()[0])


def test_evaluate_prints_a_table(digits):
    assert run("evaluate", digits[1], "digits").split()[:3] == ["examples", "loss", "accuracy"]


def test_a_report_of_a_regression_has_no_empty_table_of_classes(tmp_path):
    dc.mlp([2, 1], output="linear").save(tmp_path / "m.safetensors")
    scores = run("evaluate", tmp_path / "m.safetensors", "moons")
    warning = "Warning: --report has no effect: this model predicts no classes\n"
    assert run("evaluate", tmp_path / "m.safetensors", "moons", "--report") == warning + scores


def test_evaluate_reads_a_model_that_was_saved_from_python(tmp_path):
    model = dc.mlp([2, 3, 1], seed=1)
    model.save(tmp_path / "m.safetensors")
    X, y = moons()
    scores = json.loads(run("evaluate", tmp_path / "m.safetensors", "moons", "--json"))
    assert scores["loss"] == model.evaluate(X, y)["loss"]


def test_info_shows_layers_labels_preprocessing_and_training(flowers):
    text = run("info", flowers[1] / "run" / "model.safetensors")
    for expected in (
        "softmax",
        "(8, 2)",
        "lily, rose, tulip",
        "length  number",
        "learning_rate  0.01",
        "accuracy",
    ):
        assert expected in text


def test_info_without_a_model_shows_the_installation():
    assert "variant" in run("info")


def test_version_is_printed():
    assert run("--version").strip().endswith(dc.__version__)


# folders of images


def test_an_idx_folder_is_tested_on_its_own_test_files(idx_folder, tmp_path):
    text = run("train", idx_folder, "--epochs", 30, "--out", tmp_path / "run")
    assert "48 examples to train, 12 to validate and 20 to test, 4 features" in text
    scores = json.loads(run("evaluate", tmp_path / "run", idx_folder, "--json"))
    assert (scores["part"], scores["examples"], scores["accuracy"]) == ("test", 20, 1.0)
    assert (
        json.loads(run("evaluate", tmp_path / "run", idx_folder, "--part", "all", "--json"))["examples"] == 80
    )
    assert len(read_rows(run("predict", tmp_path / "run", idx_folder))) == 20


def test_a_folder_is_found_by_name_in_deepcore_data(idx_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPCORE_DATA", str(idx_folder.parent))
    assert "data bright: " in run("train", "bright", "--epochs", 1, "--out", tmp_path / "run")


def test_a_folder_of_cat_files_is_trained_with_its_class_names(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed (extra `data`)")
    for part, m in (("train", 12), ("test", 4)):
        with h5py.File(tmp_path / f"{part}_catvnoncat.h5", "w") as file:
            file[f"{part}_set_x"] = np.arange(m * 12, dtype=np.uint8).reshape(m, 2, 2, 3)
            file[f"{part}_set_y"] = np.arange(m) % 2
    assert "2 classes: non-cat, cat" in run("train", tmp_path, "--epochs", 1, "--out", tmp_path / "run")
    assert {row["prediction"] for row in read_rows(run("predict", tmp_path / "run", tmp_path))} <= {
        "cat",
        "non-cat",
    }


def test_the_cat_files_of_the_course_can_be_trained(data_file, tmp_path):
    pytest.importorskip("h5py", reason="h5py is not installed (extra `data`)")
    folder = data_file("cat", "train_catvnoncat.h5").parent
    text = run("train", folder, "--layers", "7", "--epochs", 2, "--out", tmp_path)
    assert "167 examples to train, 42 to validate and 50 to test, 12288 features" in text


# as a program


def program(*args, **options):
    command = [sys.executable, "-m", "deepcore.cli", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **options)


def test_as_a_program_it_writes_into_deepcore_run(tmp_path):
    done = program("train", "moons", "--epochs", 2, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "deepcore-run" / "model.safetensors").is_file()


# A shell that runs the tests in the background lets its children ignore interrupts; this one must hear.
HEARING = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from deepcore.cli import main; main()"
)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process on Windows")
def test_an_interrupted_training_keeps_the_model_so_far(tmp_path):
    command = [
        sys.executable,
        "-c",
        HEARING,
        "train",
        "moons",
        "--epochs",
        "10000000",
        "--out",
        tmp_path,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.split()[:2] == ["epoch", "1/10000000"]:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stdout.read()
    assert process.returncode == 130
    assert "the model so far is kept" in rest
    assert dc.load(tmp_path / "model.safetensors").network.epochs_trained >= 1
