"""Parts of the data: shares of the classes, the best epoch, and parts that are recognised by content."""

import json

import numpy as np
import pytest

import deepcore as dc
from builders import write_idx_folder
from deepcore.cli import networks
from deepcore.cli.parts import Memory, folds, row_digests, split
from deepcore.cli.settings import Settings
from integration.command_line import fail, read_rows, run, write_table

pytest.importorskip("click", reason="click is not installed (extra `cli`)")


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """A table of 200 rows, and a model trained on it."""
    folder = tmp_path_factory.mktemp("numbers")
    rows = [[i * 7919 % 211, i * 104729 % 197, "odd" if i % 2 else "even"] for i in range(200)]
    table = write_table(folder / "t.csv", ["a", "b", "k"], rows)
    run("train", table, "--layers", 8, "--epochs", 20, "--out", folder / "m")
    return table, folder / "m", rows


def scores(*args):
    return json.loads(run("evaluate", *args, "--json"))


# the parts of a training


def test_the_parts_are_disjoint_and_complete():
    parts = split(100, None, 0.2, None, 0)
    assert [len(rows) for rows in vars(parts).values()] == [64, 16, 20]
    assert sorted(np.concatenate(list(vars(parts).values()))) == list(range(100))


def test_the_classes_keep_their_shares_in_all_parts():
    classes = np.r_[np.zeros(90, int), np.ones(10, int)]
    parts = split(100, classes, 0.2, 0.25, 0)
    assert [int(classes[rows].sum()) for rows in vars(parts).values()] == [6, 2, 2]


def test_a_class_with_one_example_is_in_the_training_part():
    classes = np.r_[np.zeros(60, int), np.ones(39, int), 2]
    assert all(99 in split(100, classes, 0.2, None, seed).train for seed in range(10))


def test_few_examples_have_no_validation_part():
    assert len(split(30, None, 0.2, None, 0).validation) == 0


def test_every_row_is_in_one_fold_and_the_classes_keep_their_shares():
    rows, classes = np.random.default_rng(0).permutation(60), np.arange(60) % 3
    found = folds(rows, classes, 4)
    assert sorted(np.concatenate([of_fold for _, of_fold in found])) == list(range(60))
    for rest, of_fold in found:
        assert not set(rest) & set(of_fold)
        assert np.bincount(classes[of_fold]).tolist() == [5, 5, 5]


def test_a_training_names_its_parts(numbers, tmp_path):
    text = run("train", numbers[0], "--epochs", 1, "--layers", 2, "--out", tmp_path)
    assert "128 rows to train, 32 to validate and 40 to test" in text


# the best epoch


def test_the_best_epoch_is_kept(tmp_path):
    run("train", "moons", "--epochs", 150, "--layers", "64,64", "--learning-rate", 0.02, "--out", tmp_path)
    document = json.loads((tmp_path / "history.json").read_text())
    losses = document["history"]["val_loss"]
    best = int(np.argmin(losses))
    assert best < 149  # otherwise the last epoch is the best one, and this test shows nothing
    assert document["training"]["best_epoch"] == best + 1
    assert document["results"]["validation"]["loss"] == pytest.approx(losses[best], rel=1e-5)
    assert (
        scores(tmp_path, "moons", "--part", "validation")["loss"] == document["results"]["validation"]["loss"]
    )


def test_patience_ends_a_training_early(tmp_path):
    run("train", "moons", "--epochs", 3000, "--learning-rate", 0.05, "--patience", 5, "--out", tmp_path)
    losses = json.loads((tmp_path / "history.json").read_text())["history"]["val_loss"]
    assert len(losses) == int(np.argmin(losses)) + 6


def test_patience_without_a_validation_part_is_a_warning(tmp_path):
    args = ("train", "moons", "--epochs", 2, "--patience", 3, "--out", tmp_path)
    assert "--patience has no effect" in run(*args, "--validation-size", 0)
    assert "--patience has no effect" not in run(*args)


def test_a_time_limit_ends_a_training(tmp_path):
    run("train", "moons", "--epochs", 10_000_000, "--time-limit", 0.5, "--out", tmp_path)
    assert dc.load(tmp_path / "model.safetensors")


def test_a_training_that_diverges_keeps_its_best_epoch(capsys):
    X, y = dc.data.moons(200)
    model, settings, records = dc.mlp([2, 4, 1], seed=1), Settings(epochs=9), []

    def spoil(record):
        if record.epoch == 3:
            model.parameters["W1"][...] = np.float32(3e38)

    pair = X.astype(np.float32), y
    networks.fit(model, pair, pair, settings, records, [spoil])
    assert "the model of epoch 4 is kept" in capsys.readouterr().err
    assert model.evaluate(*pair)["loss"] == pytest.approx(records[3]["val_loss"])


# parts that are recognised by content


def test_a_part_is_found_in_a_file_in_another_order(numbers, tmp_path):
    table, model, rows = numbers
    changed = write_table(tmp_path / "s.csv", ["k", "a", "b"], sorted([k, a, b] for a, b, k in rows))
    for part in ("train", "validation", "test"):
        before, after = scores(model, table, "--part", part), scores(model, changed, "--part", part)
        assert after["examples"] == before["examples"]
        assert after["loss"] == pytest.approx(before["loss"], rel=1e-12)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_a_part_with_missing_or_changed_rows_is_refused(numbers, tmp_path, part):
    _, model, rows = numbers
    few = write_table(tmp_path / "few.csv", ["a", "b", "k"], rows[:150])
    assert "use the file of the training" in fail("evaluate", model, few, "--part", part)
    changed = write_table(tmp_path / "other.csv", ["a", "b", "k"], [[a + 0.5, b, k] for a, b, k in rows])
    assert "use the file of the training" in fail("evaluate", model, changed, "--part", part)


def test_further_rows_are_not_taken_for_a_held_out_part(numbers, tmp_path):
    table, model, rows = numbers
    more = write_table(tmp_path / "more.csv", ["a", "b", "k"], [[1.5, 2.5, "odd"], *rows])
    assert scores(model, more, "--part", "test")["loss"] == scores(model, table, "--part", "test")["loss"]
    assert "use the file of the training" in fail("evaluate", model, more, "--part", "train")


def test_equal_examples_are_counted():
    digests = row_digests([np.array([1.0, 1.0, 1.0, 2.0])])
    memory = Memory.of(digests, split(4, None, 0.5, 0.0, 0))
    assert sum(len(memory.rows(digests, part, "t")) for part in ("train", "test")) == 4


def test_a_digest_depends_on_values_and_not_on_dtypes():
    whole, real = np.array([[1, 2], [3, 0]]), np.array([[1.0, 2.0], [3.0, -0.0]])
    np.testing.assert_array_equal(row_digests([whole]), row_digests([real]))
    assert len(set(row_digests([whole, np.array(["a", "b"])]).tolist())) == 2


def test_predictions_of_a_part_begin_with_the_number_of_the_row(numbers):
    table, model, _ = numbers
    found = read_rows(run("predict", model, table, "--part", "test"))
    assert len(found) == 40
    numbers_of_rows = [int(row["row"]) for row in found]
    assert numbers_of_rows == sorted(numbers_of_rows)
    everything = read_rows(run("predict", model, table))
    assert [everything[number - 1]["prediction"] for number in numbers_of_rows] == [
        row["prediction"] for row in found
    ]


def test_arrays_are_recognised_by_content_too(tmp_path):
    random = np.random.default_rng(0)
    X, y = random.normal(size=(80, 3)), np.arange(80) % 2
    np.savez(tmp_path / "a.npz", X=X, y=y)
    run("train", tmp_path / "a.npz", "--epochs", 2, "--out", tmp_path / "m")
    order = random.permutation(80)
    np.savez(tmp_path / "b.npz", X=X[order], y=y[order])
    before, after = (scores(tmp_path / "m", tmp_path / f"{name}.npz", "--part", "test") for name in "ab")
    assert after["loss"] == pytest.approx(before["loss"], rel=1e-6)  # float32, another order of the sum
    np.savez(tmp_path / "c.npz", X=X[order] + 1, y=y[order])
    assert "0 of the 16 examples" in fail("evaluate", tmp_path / "m", tmp_path / "c.npz", "--part", "test")


def test_data_with_a_test_part_of_their_own_have_a_validation_part_too(idx_folder, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (60, 2, 2))
    labels = np.arange(60) % 2
    write_idx_folder(idx_folder, (images, labels), (images[:20], labels[:20]))
    run("train", idx_folder, "--epochs", 2, "--out", tmp_path / "run")
    results = json.loads((tmp_path / "run" / "history.json").read_text())["results"]
    for part, examples in (("train", 48), ("validation", 12), ("test", 20)):
        found = scores(tmp_path / "run", idx_folder, "--part", part)
        assert found["examples"] == examples
        assert found["loss"] == pytest.approx(results[part]["loss"], rel=1e-5)
