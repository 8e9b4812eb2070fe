"""``deepcore export``: C headers and ONNX files of trained models, with their preprocessing."""

import shutil
import subprocess

import numpy as np
import pytest

import deepcore as dc
from integration.command_line import fail, invoke, run, write_table
from member_networks import table_of_members

pytest.importorskip("click", reason="click is not installed (extra `cli`)")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A classifier of text labels and a regression, both trained on raw arrays far from 0."""
    folder, rng = tmp_path_factory.mktemp("models"), np.random.default_rng(0)
    X = rng.normal(size=(120, 3)) * [1, 10, 0] + [100, -5, 7]  # the last column is constant
    kind = np.where(X[:, 0] > 100, "b\u00e9ta??/", 'al"pha')
    np.savez(folder / "classes.npz", X=X, y=kind)
    np.savez(folder / "numbers.npz", X=X, y=1e4 + 50 * X[:, 0] + X[:, 1])
    for name in ("classes", "numbers"):
        run("train", folder / f"{name}.npz", "--epochs", 20, "--out", folder / name, "--layers", 8)
    return folder


def program(folder, body):
    """Compile a program around net.h and return what it prints."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    head = '#define NET_SELFTEST\n#include "net.h"\n#include <stdio.h>\n'
    (folder / "main.c").write_text(f"{head}int main(void) {{\n{body}\nreturn 0;}}\n")
    command = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "main.c", "-o", "main", "-lm"]
    subprocess.run(command, cwd=folder, check=True)
    return subprocess.run([folder / "main"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", ["classes", "numbers"])
def test_a_header_takes_raw_numbers_and_gives_the_answers_of_predict(name, folders, tmp_path):
    shown = run("export", folders / name, "--c", tmp_path / "net.h", "--data", folders / f"{name}.npz")
    assert "net_predict(x, y)" in shown
    assert "header" in shown
    x = np.array([101.5, -20.0, 7.0])
    expected = dc.load(folders / name / "model.safetensors").outputs(x[None])[0]
    printed = program(
        tmp_path,
        f"float x[] = {{{x[0]}f, {x[1]}f, {x[2]}f}}, y[NET_OUTPUTS]; net_predict(x, y);"
        'printf("%d %.9g\\n", net_selftest(), y[NET_OUTPUTS - 1]);'
        + ("" if name == "numbers" else 'printf("%s\\n", net_label(1));'),
    ).splitlines()
    failed, value = printed[0].split()
    assert failed == "0"
    assert float(value) == pytest.approx(expected[-1], rel=1e-5)
    if name == "classes":
        assert printed[1] == "b\u00e9ta??/"


@pytest.mark.parametrize("name", ["classes", "numbers"])
def test_an_onnx_file_takes_raw_numbers_and_gives_answers(name, folders, tmp_path):
    pytest.importorskip("onnx", reason="onnx is not installed (extra `onnx`)")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra `peers`)")
    run("export", folders / name, "--onnx", tmp_path / "net.onnx")
    session = runtime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    X = np.load(folders / f"{name}.npz")["X"]
    found = session.run(None, {"X": X.astype(np.float32)})
    model = dc.load(folders / name / "model.safetensors")
    outputs = model.outputs(X)
    np.testing.assert_allclose(found[0][:, -1], outputs[:, -1], rtol=1e-4, atol=1e-5)
    if name == "classes":
        assert found[1].tolist() == model.predict(X)


@pytest.mark.parametrize(("label", "other"), [("price", "kind"), ("kind", "price")])
def test_a_table_of_numbers_is_exported_with_its_preprocessing(label, other, tmp_path, rng):
    size, age = rng.normal(50, 10, 80), rng.normal(5, 2, 80)
    rows = zip(size, age, 1000 * size - 50 * age, np.where(size > 50, "big", "small"), strict=True)
    table = write_table(tmp_path / "table.csv", ["size", "age", "price", "kind"], rows)
    options = ["--label", label, "--drop", other, "--recipe", "network", "--epochs", 5, "--layers", 8]
    run("train", table, *options, "--out", tmp_path / "model")
    shown = run("export", tmp_path / "model", "--c", tmp_path / "net.h", "--data", table)
    assert "header" in shown
    model = dc.load(tmp_path / "model" / "model.safetensors")
    columns = {"size": [55.0], "age": [3.0]}
    expected = model.predict(columns) if label == "price" else model.predict_proba(columns)[:, -1]
    printed = program(
        tmp_path,
        "float x[] = {55, 3}, y[NET_OUTPUTS]; net_predict(x, y);"
        'printf("%d %s %.9g", net_selftest(), net_feature(1), y[NET_OUTPUTS - 1]);',
    ).split()
    assert printed[:2] == ["0", "age"]
    assert float(printed[2]) == pytest.approx(expected[0], rel=1e-4)


def cells(column, values):
    """The values of a column as an ONNX file takes them, (m, 1)."""
    if column.kind == "number":
        return np.array(values, np.float64)[:, None]
    if column.kind == "date":
        moments = np.array(values, "datetime64[us]")
        days = moments.astype(np.int64) / 86400e6
        return np.where(np.isnat(moments), np.nan, days)[:, None]
    return np.array(["" if value is None else value for value in values], object)[:, None]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A table with every kind of column and missing values, and rows of another one."""
    folder, rng = tmp_path_factory.mktemp("mixed"), np.random.default_rng(5)
    m = 160
    days = np.datetime64("2023-06-01") + rng.integers(0, 900, m)
    columns = {
        "size": rng.normal(3, 2, m).round(3).astype(str), "town": rng.choice(["Bonn", "K\u00f6ln", "Ulm"], m),
        "flag": rng.choice(["yes", "no"], m), "side": rng.choice(["a", "b"], m), "when": days.astype(str),
        "shelf": [f"s{i}" for i in rng.integers(12, size=m)],
    }  # fmt: skip
    columns = {name: np.array(values, object) for name, values in columns.items()}
    for place, values in enumerate(columns.values()):
        values[place :: 9 + place] = ""
    kind = np.where(columns["town"] == "Ulm", "late", np.where(rng.random(m) < 0.7, "early", "lost"))
    price = (50 * rng.normal(size=m) + 1000).round(2)
    names = [*columns, "kind", "price"]
    write_table(folder / "table.csv", names, zip(*columns.values(), kind, price, strict=True))
    new = {
        "size": [1.5, np.nan, -2.0, 9.0], "town": ["Ulm", None, "Rom", "K\u00f6ln"],
        "flag": ["yes", "No", None, "TRUE"], "side": ["a", "c", "b", None], "shelf": ["s3", "s11", "x", None],
        "when": [np.datetime64(day, "us") for day in ("2024-02-29T18:30", "NaT", "1899-12-31", "2025-01-01")],
    }  # fmt: skip
    return folder, new


RECIPES = [["realmlp"], ["realmlp-td", "--ensemble", 2], ["network"], ["network", "--cv", 2]]


@pytest.mark.parametrize("label", ["kind", "price"])
@pytest.mark.parametrize("recipe", RECIPES, ids=["td_s", "td", "network", "folds"])
def test_every_table_model_is_exported_with_its_columns(recipe, label, mixed, tmp_path):
    folder, new = mixed
    other = {"kind": "price", "price": "kind"}[label]
    options = ["--label", label, "--drop", other, "--epochs", 3, "--layers", 8, "--recipe", *recipe]
    run("train", folder / "table.csv", *options, "--out", tmp_path / "model")
    model = dc.load(tmp_path / "model" / "model.safetensors")
    outputs = model.predict_proba(new) if label == "kind" else model.predict(new)[:, None]
    columns = [column for column in model.columns.columns if column.kind != "ignore"]
    assert {column.kind for column in columns} == {"number", "category", "boolean", "date"}
    rows = [cells(column, new[column.name]) for column in columns]
    check_header(model, rows, outputs, tmp_path, folder / "table.csv")
    check_onnx(model, dict(zip(model.columns.names, rows, strict=True)), new, outputs, tmp_path)


def check_header(model, rows, outputs, folder, table):
    """The header gives the outputs, in float64 because float holds dates to some minutes only."""
    shown = run("export", folder / "model", "--c", folder / "net.h", "--dtype", "float64", "--data", table)
    assert "header" in shown
    lines = []
    for i in range(4):
        for place, values in enumerate(rows):
            cell = values[i, 0]
            text = (
                f'net_code({place}, "{cell}")'
                if isinstance(cell, str)
                else repr(float(cell)).replace("nan", "NAN")
            )
            lines.append(f"x[{place}] = {text};")
        lines.append('net_predict(x, y); for (j = 0; j < NET_OUTPUTS; ++j) printf("%.17g ", y[j]);')
    body = "double x[NET_INPUTS], y[NET_OUTPUTS]; int j;" + "\n".join(lines)
    printed = program(folder, body + 'printf("%d %s", net_selftest(), net_feature(0));').split()
    assert printed[-2:] == ["0", model.columns.names[0]]
    found = np.array(printed[:-2], float).reshape(4, -1)
    assert np.abs(found - outputs).max() <= 2e-6 * np.abs(outputs).max()  # Python's networks have float32


def check_onnx(model, feeds, new, outputs, folder):
    """The ONNX file gives the outputs and the labels."""
    pytest.importorskip("onnx", reason="onnx is not installed (extra `onnx`)")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra `peers`)")
    run("export", folder / "model", "--onnx", folder / "net.onnx")
    session = runtime.InferenceSession(str(folder / "net.onnx"), providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_inputs()] == model.columns.names
    found = session.run(None, feeds)
    assert np.abs(found[0] - outputs).max() <= 2e-6 * np.abs(outputs).max()
    if len(found) > 1:
        assert found[1].tolist() == model.predict(new).tolist()


def test_what_cannot_be_exported_is_said(folders, tmp_path):
    result = invoke(["export", folders / "classes"])
    assert result.exit_code == 2
    assert "give --c FILE.h, --onnx FILE.onnx, or both" in result.output
    result = invoke(["export", folders / "classes", "--onnx", tmp_path / "a.onnx", "--int8"])
    assert "--int8 and --data belong to --c FILE.h" in result.output
    line = fail("export", folders / "classes", "--c", tmp_path / "net.h", "--prefix", "my net")
    assert "prefix must be letters, digits and _" in line
    assert not list(tmp_path.iterdir())


def test_a_saved_ensemble_is_exported(tmp_path):
    ensemble = dc.Ensemble([dc.mlp([3, 4, 1], seed=seed) for seed in (1, 2)])
    ensemble.save(tmp_path / "both.safetensors")
    shown = run("export", tmp_path / "both.safetensors", "--c", tmp_path / "net.h")
    assert "net_predict(x, y)" in shown
    printed = program(tmp_path, 'float x[] = {1, -2, 0.5}, y[1]; net_predict(x, y); printf("%.9g\\n", y[0]);')
    assert float(printed) == pytest.approx(ensemble.predict(np.array([[1, -2, 0.5]]))[0, 0], rel=1e-6)
    data = ["--data", "moons"]
    message = fail("export", tmp_path / "both.safetensors", "--c", tmp_path / "net.h", *data)
    assert "--data needs the model of a table or of arrays that deepcore train wrote" in message


def test_models_with_members_are_exported(tmp_path):
    model = dc.mlp([3, 6, 1], members=4, seed=1)
    model.save(tmp_path / "model.safetensors")
    run("export", tmp_path / "model.safetensors", "--c", tmp_path / "net.h", "--dtype", "float32")
    printed = program(tmp_path, 'float x[] = {1, -2, 0.5}, y[1]; net_predict(x, y); printf("%.9g\\n", y[0]);')
    assert float(printed) == pytest.approx(model.predict(np.array([[1, -2, 0.5]]))[0, 0], rel=1e-6)


def test_table_models_with_members_are_exported(tmp_path):
    model, new = table_of_members("softmax", 1.7)
    model.save(tmp_path / "model.safetensors")
    run("export", tmp_path / "model.safetensors", "--c", tmp_path / "net.h")
    printed = program(
        tmp_path,
        'float x[2], y[NET_OUTPUTS]; x[0] = 0.3f; x[1] = (float)net_code(1, "d"); net_predict(x, y);'
        'printf("%d %s %.9g", net_selftest(), net_label(net_class(y)), y[3]);',
    ).split()
    assert printed[:2] == ["0", model.predict(new)[3]]
    assert float(printed[2]) == pytest.approx(model.predict_proba(new)[3, 3], rel=1e-5)
