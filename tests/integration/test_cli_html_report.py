"""``train --report`` writes one page, whose sections fit the data."""

import builtins
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from integration.command_line import fail, run, write_table

pytest.importorskip("click", reason="click is not installed (extra `cli`)")
pytest.importorskip("rich", reason="rich is not installed (extra `cli`)")
pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra `cli`)")
pytest.importorskip("jinja2", reason="jinja2 is not installed (extra `cli`)")

from deepcore.cli import html_report


def headlines(path):
    return re.findall(r"<h2>(.*?)</h2>", path.read_text(encoding="utf-8"))


def captions(path):
    return re.findall(r"<figcaption>(.*?)</figcaption>", path.read_text(encoding="utf-8"))


def homes(path, rows=60):
    """A table with text, a number and a price, whose names are HTML."""
    rng = np.random.default_rng(1)
    body = [[f"{a:.1f}", rng.choice(["<b>", "Ulm"]), f"{3 * a:.1f}"] for a in rng.uniform(30, 200, rows)]
    return write_table(path, ["area <i>", "town", "price (EUR)"], body)


@pytest.mark.slow
def test_images_have_misclassified_examples_and_weights(tmp_path):
    rng = np.random.default_rng(1)
    X, y = rng.integers(0, 256, (80, 5, 4), dtype=np.uint8), rng.integers(3, size=80)
    np.savez(tmp_path / "a.npz", X=X, y=y)
    page = tmp_path / "r.html"
    out = run(
        "train", tmp_path / "a.npz", "--layers", "8", "--epochs", 2, "--out", tmp_path / "m", "--report", page
    )
    assert out.rstrip().endswith(str(page))
    assert headlines(page) == ["Summary", "Plan", "Learning curves", "Scores", "Predictions", "Images"]
    found = " ".join(captions(page))
    for words in ("Confusion matrix", "Calibration", "most certain", "weights of the first layer"):
        assert words in found
    text = page.read_text(encoding="utf-8")
    assert "test, always the same answer" in text  # a baseline
    assert re.search(r"The best epoch is \d of 2", text)


@pytest.mark.parametrize("recipe", ["network", "realmlp"])
def test_a_regression_has_predictions_importance_and_columns(tmp_path, recipe):
    homes(tmp_path / "homes.csv")
    page = tmp_path / "r.html"
    run(
        "train", tmp_path / "homes.csv", "--recipe", recipe, "--epochs", 2, "--out", tmp_path / "m",
        "--report", page,
    )  # fmt: skip
    assert headlines(page) == [
        "Summary", "Plan", "Learning curves", "Scores", "Predictions", "Importance of the columns",
        "Columns of the table",
    ]  # fmt: skip
    assert "price (EUR): predicted against true values of the test part" in captions(page)
    text = page.read_text(encoding="utf-8")
    assert "area &lt;i&gt;" in text
    assert "<i>" not in text


@pytest.mark.slow
def test_of_many_labels_the_first_six_are_drawn(tmp_path):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 3))
    np.savez(tmp_path / "a.npz", X=X, y=X @ rng.normal(size=(3, 8)))
    page = tmp_path / "r.html"
    run("train", tmp_path / "a.npz", "--epochs", 1, "--out", tmp_path / "m", "--report", page)
    assert sum("predicted against true values" in caption for caption in captions(page)) == 6
    assert "The first 6 of 8 labels are drawn." in page.read_text(encoding="utf-8")


def test_of_several_networks_the_page_says_which_one_it_shows(tmp_path):
    homes(tmp_path / "homes.csv")
    page = tmp_path / "r.html"
    run(
        "train", tmp_path / "homes.csv", "--recipe", "network", "--cv", 2, "--epochs", 1, "--test-size", 0,
        "--out", tmp_path / "m", "--report", page,
    )  # fmt: skip
    assert "learning curves are those of the first" in page.read_text(encoding="utf-8")


def test_findings_of_a_doctor_have_a_section():
    finding = SimpleNamespace(
        severity="problem", cause="learning_rate_too_large", layer=None, evidence="loss 1e9", advice="lr=0.1"
    )
    section = html_report.findings_section([finding])
    assert section.title == "Findings"
    (rows,) = section.tables.values()
    assert rows[1] == ["problem", "learning_rate_too_large", "", "loss 1e9", "lr=0.1"]
    assert html_report.findings_section([]) is None


def test_a_folder_that_does_not_exist_is_refused_before_the_training(tmp_path):
    model = tmp_path / "model.safetensors"
    assert "is the file of the model" in fail("train", "moons", "--out", tmp_path, "--report", model)
    text = fail("train", "moons", "--out", tmp_path / "m", "--report", tmp_path / "none" / "r.html")
    assert "--report: the folder" in text
    assert "does not exist" in text
    assert not (tmp_path / "m").exists()


def test_a_missing_jinja2_is_named_before_the_training(tmp_path, monkeypatch):
    real = builtins.__import__

    def without_jinja2(name, *args, **options):
        if name == "jinja2":
            raise ModuleNotFoundError("No module named 'jinja2'", name="jinja2")
        return real(name, *args, **options)

    for name in [name for name in sys.modules if name.startswith("deepcore.report")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without_jinja2)
    text = fail("train", "moons", "--out", tmp_path / "m", "--report", tmp_path / "r.html")
    assert "deepcore.report needs jinja2: pip install 'deepcore-nn[cli]'" in text
    assert not (tmp_path / "m").exists()


def test_a_page_that_cannot_be_drawn_loses_nothing(tmp_path, monkeypatch):
    def break_down(*_, **__):
        raise RuntimeError("no ink")

    monkeypatch.setattr(html_report, "sections", break_down)
    page = tmp_path / "r.html"
    out = run("train", "moons", "--epochs", 1, "--out", tmp_path / "m", "--report", page)
    assert f"{page} was not written: no ink" in out
    assert (tmp_path / "m" / "model.safetensors").exists()
    assert not page.exists()
