"""benchmarks/tables.py gives all libraries the same rows, and goes on where it stopped."""

import importlib
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn.ensemble", reason="scikit-learn is not installed (extra `sklearn`)")
pytest.importorskip("narwhals", reason="narwhals is not installed (extra `tabular`)")
pandas = pytest.importorskip("pandas", reason="pandas is not installed")

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="benchmarks/ is not beside the tests")


@pytest.fixture
def programs(monkeypatch):
    """benchmarks/ as it is when one of its programs runs."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # restored afterwards
    for name in ("tables", "real_tables", "report"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    tables = importlib.import_module("tables")
    yield tables, importlib.import_module("real_tables")
    for name in ("tables", "real_tables", "report"):
        sys.modules.pop(name, None)


@pytest.fixture
def cache(tmp_path):
    """A cache with one package, whose table has 60 students of whom some are in default."""
    rng = np.random.default_rng(1)
    rows = [f"{'Yes' if n % 3 == 0 else 'No'},{'Yes' if n % 2 else 'No'},{v:.3f}" for n, v in
            enumerate(rng.standard_normal(60))]  # fmt: skip
    with zipfile.ZipFile(tmp_path / "islp-0.6.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("ISLP/data/Default.csv", "\n".join(["default,student,balance", *rows]))
    return tmp_path


def test_a_table_is_read_from_a_package_that_is_not_installed(programs, cache):
    _, real_tables = programs
    X, y, classes = real_tables.read("Default", cache)
    assert list(X) == ["student", "balance"]
    assert isinstance(X["student"].dtype, pandas.CategoricalDtype)
    assert classes == 2
    assert y.tolist() == [1, 0, 0] * 20


def test_a_seed_draws_parts_that_do_not_overlap(programs):
    _, real_tables = programs
    X = pandas.DataFrame({"row": np.arange(100.0)})
    data = real_tables.split(X, np.arange(100.0), 0, 50, seed=3)
    fitted, tested = set(data.X["row"]), set(data.X_test["row"])
    assert (len(data.training), len(data.validation), len(tested)) == (40, 10, 50)
    assert not fitted & tested
    assert (data.X["row"] == data.y).all()
    assert fitted == set(real_tables.split(X, np.arange(100.0), 0, 50, seed=3).X["row"])
    assert fitted != set(real_tables.split(X, np.arange(100.0), 0, 50, seed=4).X["row"])


def test_a_stopped_run_goes_on_and_is_reported(programs, cache, tmp_path, capsys):
    tables, _ = programs
    path = tmp_path / "found.json"
    arguments = ["--results", str(path), "--cache", str(cache), "--rows", "40", "--epochs", "1"]
    arguments += ["--tables", "Default", "--contestants", "deepcore td_s", "deepcore td", tables.TREES]
    tables.main([*arguments, "--seeds", "1"])
    first = json.loads(path.read_text())["records"]
    tables.main([*arguments, "--seeds", "2"])
    records = json.loads(path.read_text())["records"]
    assert records[: len(first)] == first
    assert [(r["seed"], r["contestant"]) for r in records] == [
        (seed, who) for seed in (0, 1) for who in ("deepcore td_s", "deepcore td", tables.TREES)
    ]
    capsys.readouterr()
    tables.main(["--results", str(path), "--report"])
    printed = capsys.readouterr().out
    mean = np.mean([r["error"] for r in records if r["contestant"] == "deepcore td"])
    assert f"{mean:.4f}" in printed
    assert f"deepcore td_s is better than {tables.TREES} on " in printed
    with pytest.raises(SystemExit, match="results of other settings"):
        tables.main([*arguments, "--rows", "30"])


def test_differences_are_those_of_the_same_seed(programs):
    tables, _ = programs
    errors = {
        ("a", "t", 0): 0.5,
        ("b", "t", 0): 0.4,
        ("a", "t", 1): 0.9,
        ("b", "t", 1): 0.6,
        ("a", "t", 2): 0.1,
    }
    assert sorted(tables.differences(errors, "a", "b", "t")) == pytest.approx([0.1, 0.3])
    assert tables.with_error([0.1, 0.3], ".2f") == "+0.20 +- 0.10"
    assert tables.with_error([0.1], ".2f") == ""


@pytest.mark.parametrize(
    ("files", "title"),
    [("*-tables.json", "Ten real tables"), ("*-tables-5000.json", "The same tables with 5000 rows")],
)
def test_the_document_shows_what_the_newest_recorded_run_found(programs, files, title):
    tables, _ = programs
    newest = max((FOLDER / "results").glob(files))
    found = tables.report(json.loads(newest.read_text(encoding="utf-8"))).splitlines()
    document = (FOLDER.parent / "docs" / "realmlp.md").read_text(encoding="utf-8")
    section = document.split(f"## {title}\n")[1].split("\n## ")[0]
    shown = [line for line in section.splitlines() if line.startswith("|") or " is better than " in line]
    assert len(shown) > 30
    assert set(shown) <= set(found)
