"""Raw tables become predictions with one command each: text, dates, missing values, ids, commas."""

import gzip
import importlib
import json
import subprocess
import sys

import numpy as np
import pytest

import deepcore as dc
from deepcore import tabular
from integration.command_line import fail, invoke, read_rows, run, write_table

pytest.importorskip("click", reason="click is not installed (extra `cli`)")

FAST = ("--epochs", 12, "--recipe", "realmlp", "--layers", "32,32")
TOWNS = {"Bonn": 40.0, "Ulm": 0.0, "Kiel": -25.0}


def homes(m=240):
    """Rows of homes with every difficulty: (number, area, town, built, garden, price)."""
    random = np.random.default_rng(1)
    rows = []
    for i in range(m):
        area, town = random.uniform(20, 200), list(TOWNS)[i % 3]
        garden = random.choice(["yes", "no", ""])
        built = f"{random.integers(1950, 2020)}-{random.integers(1, 13):02}-{random.integers(1, 29):02}"
        price = 3 * area + TOWNS[town] + 15 * (garden == "yes") + random.normal(0, 2)
        rows.append([f"{i:05}", "NA" if i % 17 == 0 else f"{area:.1f}", town, built, garden, f"{price:.2f}"])
    return rows


HEADER = ["number", "area", "town", "built", "garden", "price"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The table of homes, and what training on it printed."""
    folder = tmp_path_factory.mktemp("homes")
    table = write_table(folder / "homes.csv", HEADER, homes())
    text = run("train", table, "--label", "price", "--id", "number", *FAST, "--out", folder / "m")
    return text, table, folder / "m"


def document(folder):
    return json.loads((folder / "history.json").read_text())


# from a raw file to predictions


def test_a_table_with_text_dates_missing_values_and_ids_is_learned(trained):
    text, table, model = trained
    assert "area    number" in text
    assert "town    category  text" in text
    assert "built   date" in text
    assert "garden  boolean" in text
    assert document(model)["results"]["test"]["r2"] > 0.5  # twelve epochs of a small network
    rows = read_rows(run("predict", model, table))
    assert [row["number"] for row in rows] == [f"{i:05}" for i in range(240)]
    predicted = np.array([float(row["prediction"]) for row in rows])
    prices = np.array([float(row[-1]) for row in homes()])
    assert np.corrcoef(predicted, prices)[0, 1] > 0.8


@pytest.mark.parametrize("form", ["semicolons and decimal commas", "tabs", "gzip", "latin-1", "parquet"])
def test_the_same_table_in_another_form_gives_the_same_predictions(trained, tmp_path, form):
    _, table, model = trained
    rows, options = homes(), ()
    if form == "semicolons and decimal commas":
        lines = [";".join(cell.replace(".", ",") for cell in row) for row in [HEADER, *rows]]
        path = tmp_path / "homes.csv"
        path.write_text("\n".join(lines) + "\n")
    elif form == "tabs":
        path = tmp_path / "homes.tsv"
        path.write_text("\n".join("\t".join(row) for row in [HEADER, *rows]) + "\n")
    elif form == "gzip":
        path = tmp_path / "homes.csv.gz"
        path.write_bytes(gzip.compress(table.read_bytes()))
    elif form == "latin-1":
        path, options = tmp_path / "homes.csv", ("--encoding", "latin-1")
        path.write_bytes(table.read_text().replace("number", "n\u00b0").encode("latin-1"))
    else:
        polars = pytest.importorskip("polars", reason="polars is not installed (extra `tabular`)")
        pytest.importorskip("narwhals", reason="narwhals is not installed (extra `tabular`)")
        path = tmp_path / "homes.parquet"
        polars.read_csv(table, infer_schema_length=None, schema_overrides={"number": str}).write_parquet(path)
    expected = [row["prediction"] for row in read_rows(run("predict", model, table))]
    found = [row["prediction"] for row in read_rows(run("predict", model, path, *options))]
    assert found == expected


def test_numbers_that_mean_something_else_in_the_format_of_the_training_are_a_question(tmp_path):
    random = np.random.default_rng(0)
    areas = [f"{a:,.1f}".translate(str.maketrans(",.", ".,")) for a in random.uniform(1000, 9000, 80)]
    table = write_table(tmp_path / "t.csv", ["area", "kind"], [[a, "ab"[i % 2]] for i, a in enumerate(areas)])
    run("train", table, *FAST, "--out", tmp_path / "m")

    def answers(cells, *options):
        new = write_table(tmp_path / "new.csv", ["area"], [[cell] for cell in cells])
        return run("predict", tmp_path / "m", new, "--proba", *options)

    new = write_table(tmp_path / "new.csv", ["area"], [["1.234"], ["5.678"]])
    message = fail("predict", tmp_path / "m", new)
    assert "'1.234', which may be 1.234, or 1234 as in the file of the training" in message
    assert answers(["1.234", "5.678"], "--decimal", ",", "--thousands", ".") == answers(
        ["1.234,0", "5.678,0"]
    )
    assert answers(["1.234", "5.678"], "--thousands", ".") == answers(["1.234,0", "5.678,0"])
    assert answers(["1.234", "5.678"], "--decimal", ".") == answers(["1.2340", "5.6780"])
    assert answers(["1.234", "5.67"]) == answers(["1.2340", "5.670"])  # 5.67 decides


def test_options_of_reading_are_kept_for_files_of_every_kind(tmp_path):
    polars = pytest.importorskip("polars")
    table = write_table(tmp_path / "homes.csv", HEADER, homes())
    run("train", table, "--label", "price", "--index-column", 0, *FAST, "--out", tmp_path / "m")
    new = tmp_path / "homes.parquet"
    polars.read_csv(table, infer_schema_length=None, schema_overrides={"number": str}).write_parquet(new)
    found = run("predict", tmp_path / "m", new)
    assert found == run("predict", tmp_path / "m", table)
    assert read_rows(found)[3]["index"] == "00003"


def test_further_marks_of_missing_values_are_given_to_predict(trained, tmp_path):
    rows = [[*row[:1], "n.a.", *row[2:]] for row in homes(9)]
    new = write_table(tmp_path / "new.csv", HEADER, rows)
    assert "'n.a.'" in fail("predict", trained[2], new)
    known = write_table(tmp_path / "known.csv", HEADER, [[*row[:1], "NA", *row[2:]] for row in rows])
    assert run("predict", trained[2], new, "--missing", "n.a.") == run("predict", trained[2], known)


def test_labels_come_back_as_they_were_written(tmp_path):
    codes = ["007", "7", "2_0", "20", "9007199254740993", "9007199254740992"]
    rows = [[i % 6 * 10 + i / 100, codes[i % 6]] for i in range(120)]
    table = write_table(tmp_path / "c.csv", ["x", "code"], rows)
    run("train", table, *FAST, "--out", tmp_path / "m")
    answers = [row["prediction"] for row in read_rows(run("predict", tmp_path / "m", table))]
    assert set(answers) <= set(codes)
    scores = json.loads(run("evaluate", tmp_path / "m", table, "--json"))
    assert scores["accuracy"] == np.mean([a == row[1] for a, row in zip(answers, rows, strict=True)])


def test_the_kind_of_the_labels_is_that_of_the_model_and_not_of_the_file(tmp_path):
    rows = (
        [[i, "08"] for i in range(20)]
        + [[i + 50, "9a"] for i in range(20)]
        + [[i + 99, "8"] for i in range(20)]
    )
    table = write_table(tmp_path / "g.csv", ["x", "g"], rows)
    run("train", table, "--recipe", "network", "--test-size", 0, "--epochs", 80, "--out", tmp_path / "m")
    part = write_table(tmp_path / "part.csv", ["x", "g"], rows[:20])
    answers = [row["prediction"] for row in read_rows(run("predict", tmp_path / "m", part))]
    scores = json.loads(run("evaluate", tmp_path / "m", part, "--json"))
    assert scores["accuracy"] == answers.count("08") / 20 > 0.5


def test_a_label_column_of_numbers_with_a_stray_mark_is_a_question(tmp_path):
    rows = [[i % 7, 37 * i + 5] for i in range(80)]
    for stray in ("missing", "12 EUR", "5 to 7"):
        table = write_table(tmp_path / "rent.csv", ["area", "rent"], [*rows, [2, stray]])
        message = fail("train", table, "--out", tmp_path / "m")
        assert "'rent'" in message
        assert "line 82" in message


def test_rows_without_a_label_are_refused_or_left_out(tmp_path):
    table = write_table(tmp_path / "t.csv", ["x", "y"], [[i, "" if i % 9 == 0 else i / 7] for i in range(90)])
    message = fail("train", table, "--out", tmp_path / "m")
    assert "(line 2, " in message
    assert "delete these rows; --skip-unlabelled leaves them out" in message
    text = run("train", table, "--skip-unlabelled", *FAST, "--out", tmp_path / "m")
    assert "10 rows without a label are left out" in text
    assert len(read_rows(run("predict", tmp_path / "m", table))) == 90


def test_names_of_columns_are_compared_in_composed_form(tmp_path):
    table = write_table(
        tmp_path / "t.csv", ["no", "Gr\u00f6\u00dfe", "y"], [[f"r{i}", i % 7, i] for i in range(60)]
    )
    size = "Gro\u0308\u00dfe"  # as a terminal of macOS may write it
    text = run("train", table, "--label", size, "--id", " no", *FAST, "--out", tmp_path / "m")
    assert "label Gr\u00f6\u00dfe: " in text
    assert list(read_rows(run("predict", tmp_path / "m", table, "--keep", size))[0])[:2] == [
        "no",
        "Gr\u00f6\u00dfe",
    ]


def test_a_label_is_missing_for_skip_unlabelled_if_it_is_missing_for_the_training(tmp_path):
    # The mark has an invisible character in it, as spreadsheets and web pages leave them.
    table = write_table(
        tmp_path / "t.csv", ["x", "y"], [[i, "N\u200bA" if i == 5 else i / 7] for i in range(60)]
    )
    text = run("train", table, "--skip-unlabelled", *FAST, "--out", tmp_path / "m")
    assert "1 rows without a label are left out" in text


def test_several_labels_are_targets_of_one_regression(tmp_path):
    rows = [[i, 2 * i + 0.5, -i - 0.25] for i in range(120)]
    table = write_table(tmp_path / "t.csv", ["x", "up", "down"], rows)
    run("train", table, "--label", "up", "--label", "down", *FAST, "--out", tmp_path / "m")
    scores = json.loads(run("evaluate", tmp_path / "m", table, "--json"))
    model = dc.load(tmp_path / "m" / "model.safetensors")
    in_python = model.evaluate(tabular.read_table(table))
    assert {name: pytest.approx(scores[name], rel=1e-9) for name in in_python} == in_python
    first = read_rows(run("predict", tmp_path / "m", table))[0]
    assert list(first) == ["prediction up", "prediction down"]


def test_predictions_of_a_table_keep_all_digits(tmp_path):
    random = np.random.default_rng(3)
    rows = [[a, f"{1.6e9 + 45 * a:.6f}"] for a in random.normal(size=150).round(6)]
    table = write_table(tmp_path / "clock.csv", ["a", "t"], rows)
    run("train", table, *FAST, "--out", tmp_path / "m")
    assert len({row["prediction"] for row in read_rows(run("predict", tmp_path / "m", table))}) == 150


# rows come with their predictions


def test_rows_of_empty_cells_have_predictions(trained, tmp_path):
    _, _, model = trained
    rows = [homes()[1], [""] * 6, homes()[2]]
    table = write_table(tmp_path / "ask.csv", HEADER, rows)
    lines = run("predict", model, table, "--row").splitlines()
    found = read_rows("\n".join(line for line in lines if not line.startswith("Warning")))
    assert [row["row"] for row in found] == ["1", "2", "3"]


def test_columns_are_kept_in_front_of_the_predictions(trained):
    _, table, model = trained
    first = read_rows(run("predict", model, table, "--keep", "town", "--keep", "area"))[1]
    assert list(first) == ["number", "town", "area", "prediction"]
    assert [first["number"], first["town"], first["area"]] == ["00001", "Ulm", homes()[1][1]]
    assert "has no column 'city', 'x'" in fail("predict", model, table, "--keep", "city", "--keep", "x")


def test_an_index_column_is_repeated_in_front_of_the_predictions(tmp_path):
    table = write_table(tmp_path / "t.csv", ["", "x", "k"], [[f"r{i}", i, i % 2] for i in range(60)])
    run("train", table, *FAST, "--out", tmp_path / "m")
    first = read_rows(run("predict", tmp_path / "m", table))[0]
    assert (list(first), first["index"]) == (["index", "prediction"], "r0")


def test_probabilities_stand_behind_the_labels(tmp_path):
    rows = [[i, "low" if i < 60 else "high"] for i in range(120)]
    table = write_table(tmp_path / "t.csv", ["x", "k"], rows)
    run("train", table, *FAST, "--out", tmp_path / "m")
    row = read_rows(run("predict", tmp_path / "m", table, "--proba"))[0]
    assert list(row) == ["prediction", "p(high)", "p(low)"]
    assert float(row["p(high)"]) + float(row["p(low)"]) == pytest.approx(1)


def test_standard_input_is_read(trained):
    _, table, model = trained
    command = [sys.executable, "-m", "deepcore", "predict", str(model), "-"]
    done = subprocess.run(command, input=table.read_bytes(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == run("predict", model, table)


def test_a_table_is_trained_from_standard_input(tmp_path):
    rows = "\n".join(f"{i},{i % 2}" for i in range(60))
    command = [sys.executable, "-m", "deepcore", "train", "-", "--epochs", "2", "--layers", "4", "--out", "m"]
    done = subprocess.run(
        command, input=f"x,k\n{rows}\n".encode(), capture_output=True, check=False, cwd=tmp_path
    )
    assert b"data standard input: " in done.stdout
    assert (tmp_path / "m" / "model.safetensors").is_file()


# in Python


def test_a_loaded_table_model_predicts_from_raw_tables(trained):
    _, table, model = trained
    loaded = dc.load(model / "model.safetensors")
    expected = [float(row["prediction"]) for row in read_rows(run("predict", model, table))]
    columns = {name: [row[j] for row in homes()] for j, name in enumerate(HEADER)}
    np.testing.assert_allclose(loaded.predict(columns), expected, rtol=1e-12)
    rows = [row[1:5] for row in homes()]  # without names: the used columns in their order
    np.testing.assert_allclose(loaded.predict(rows), expected, rtol=1e-12)


def test_a_model_of_arrays_reads_numbers_in_the_format_of_the_file(tmp_path):
    model = dc.mlp([2, 3, 1], output="linear", seed=1)
    model.save(tmp_path / "m.safetensors")
    new = tmp_path / "new.csv"
    new.write_text("a;b\n1.234,5;0,25\n2.000;1,5\n", encoding="utf-8")
    found = [float(row["prediction"]) for row in read_rows(run("predict", tmp_path / "m.safetensors", new))]
    np.testing.assert_array_equal(
        np.float32(found), model.predict(np.float32([[1234.5, 0.25], [2000, 1.5]]))[:, 0]
    )
    new.write_text("a;b\n1;0\n2;nan\n", encoding="utf-8")
    assert "'b' must hold numbers for this model, got 'nan' in line 3" in fail(
        "predict", tmp_path / "m.safetensors", new
    )


def test_linear_outputs_of_a_classification_are_logits_here_too(tmp_path):
    table = {"size": [1.0, 2.0, 3.0, 4.0], "fits": ["no", "no", "yes", "yes"]}
    columns, label = tabular.Columns.fit(table, label="fits"), tabular.Label.fit(table, name="fits")
    numbers, codes, _ = columns.apply(table)
    encoding = tabular.Encoding.fit(numbers, codes, columns.sizes)
    member = tabular.TableMember(encoding, dc.mlp([encoding.inputs, 2], output="linear", seed=1))
    model = tabular.TableModel(columns, label, [member])
    model.save(tmp_path / "m.safetensors")
    new = write_table(tmp_path / "new.csv", ["size"], [[1.5], [3.5]])
    rows = read_rows(run("predict", tmp_path / "m.safetensors", new, "--probabilities"))
    found = [[float(row["p(no)"]), float(row["p(yes)"])] for row in rows]
    np.testing.assert_array_equal(found, model.predict_proba({"size": [1.5, 3.5]}))


def test_a_loaded_model_of_arrays_predicts_from_raw_arrays(tmp_path):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (120, 4, 4), dtype=np.uint8)
    kinds = np.where(images.mean(axis=(1, 2)) > 128, "bright", "dark")
    values = random.normal(1000, 50, (120, 2))
    data = {"images": (images, kinds), "values": (values, 20 * values[:, 0] + 900)}
    for name, (X, y) in data.items():
        np.savez(tmp_path / f"{name}.npz", X=X, y=y)
        run("train", tmp_path / f"{name}.npz", "--epochs", 5, "--out", tmp_path / name)
        answers = [
            row["prediction"] for row in read_rows(run("predict", tmp_path / name, tmp_path / f"{name}.npz"))
        ]
        loaded = dc.load(tmp_path / name / "model.safetensors")
        assert [str(value) for value in loaded.predict(X)] == answers
        loaded.save(tmp_path / "copy")
        np.testing.assert_array_equal(dc.load(tmp_path / "copy").outputs(X), loaded.outputs(X))


# several networks


def test_an_ensemble_is_the_mean_of_its_networks(trained, tmp_path):
    _, table, _ = trained
    args = ("--label", "price", "--id", "number", *FAST, "--ensemble", 3, "--out", tmp_path)
    run("train", table, *args)
    loaded = dc.load(tmp_path / "model.safetensors")
    assert len(loaded.members) == 3
    columns = {name: [row[j] for row in homes()] for j, name in enumerate(HEADER)}
    applied = loaded.columns.apply(columns)
    each = [member.targets(applied.numbers, applied.codes)[:, 0] for member in loaded.members]
    np.testing.assert_allclose(loaded.predict(columns), np.mean(each, axis=0))
    assert not np.allclose(each[0], each[1])


@pytest.mark.parametrize("recipe", ["realmlp", "network"])
def test_folds_give_every_row_a_prediction_of_networks_that_did_not_see_it(trained, tmp_path, recipe):
    _, table, _ = trained
    text = run(
        *("train", table, "--label", "price", "--id", "number", "--recipe", recipe, "--epochs", 5),
        *("--layers", "16", "--cv", 3, "--out", tmp_path),
    )
    results = document(tmp_path)["results"]
    assert [results[part]["examples"] for part in ("train", "test", "out-of-fold")] == [192, 48, 192]
    assert "folds: rmse " in text
    assert len(dc.load(tmp_path / "model.safetensors").members) == 3
    scores = json.loads(run("evaluate", tmp_path, table, "--part", "test", "--json"))
    assert scores["rmse"] == pytest.approx(results["test"]["rmse"])


def test_rows_of_numbers_in_a_file_of_arrays_become_a_table_for_an_ensemble(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.random.default_rng(0).normal(size=(80, 3)), y=np.arange(80) % 2)
    run("train", tmp_path / "a.npz", "--ensemble", 2, *FAST, "--out", tmp_path / "m")
    assert len(read_rows(run("predict", tmp_path / "m", tmp_path / "a.npz"))) == 80
    assert "--cv need a table" in fail("train", "digits", "--cv", 3)


# what does not fit


def test_new_categories_and_other_units_are_warnings(trained, tmp_path):
    _, _, model = trained
    rows = [[*row[:2], "Rom" if i == 3 else row[2], *row[3:]] for i, row in enumerate(homes()[:20])]
    rows[5][1] = "1e6"
    text = invoke(["predict", model, write_table(tmp_path / "new.csv", HEADER, rows)]).output
    assert "'town' has 1 cells with unknown categories: 'Rom'" in text
    assert "'area' goes from" in text


def test_kinds_of_columns_are_given(trained, tmp_path):
    _, table, _ = trained
    text = run(
        *("train", table, "--label", "price", "--kind", "number=category", "--kind", "built=ignore"),
        *(*FAST, "--out", tmp_path),
    )
    assert "number  category  given" in text
    assert "built   ignore    given" in text
    assert "--kind must be COLUMN=KIND" in fail("train", table, "--kind", "number")


def test_options_of_a_network_do_not_belong_to_realmlp(trained):
    message = fail("train", trained[1], "--recipe", "realmlp", "--activation", "relu", "--l2", 0.1)
    assert "--activation, --l2 describe a network of your own; use them with" in message
    message = fail("train", trained[1], "--recipe", "realmlp", "--l2", 0.1)
    assert "--l2 describes a network of your own; use it with --recipe network" in message


def test_categories_that_would_take_gigabytes_are_named(trained, monkeypatch):
    monkeypatch.setattr(importlib.import_module("deepcore.cli.table_training"), "_MOST_BYTES", 1000)
    message = fail("train", trained[1], "--label", "price", "--id", "number")
    assert "the largest columns are 'town' (3 categories), 'garden' (2 categories); leave some out" in message


def test_importance_names_the_columns_that_matter(trained):
    _, _, model = trained
    importance = document(model)["report"]["importance"]
    assert next(iter(importance)) == "area"
    assert set(importance) == {"area", "town", "built", "garden"}


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_file_of_an_estimator_is_not_for_the_command_line(tmp_path):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")
    from deepcore.sklearn import MLPClassifier

    estimator = MLPClassifier(4, max_iter=1, random_state=0)
    estimator.fit([[0.0], [1.0]] * 10, [0, 1] * 10)
    estimator.save(tmp_path / "e")
    assert "which this command does not read" in fail("predict", tmp_path / "e", "moons")


def test_an_interrupted_realmlp_keeps_its_best_epoch(tmp_path):
    import signal

    table = write_table(tmp_path / "t.csv", ["x", "k"], [[i, i % 7 / 2] for i in range(300)])
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from deepcore.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "train", table, "--epochs", "1000000", "--out", tmp_path / "m"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith("epoch"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stdout.read()
    assert process.returncode == 130
    assert "the model so far is kept" in rest
    assert len(read_rows(run("predict", tmp_path / "m", table))) == 300
