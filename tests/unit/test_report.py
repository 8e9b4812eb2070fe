"""Pages: they stand alone, show texts as they are, and leave out what is empty."""

import re

import pytest

pytest.importorskip("jinja2", reason="jinja2 is not installed (extra `cli`)")
pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra `cli`)")

from deepcore import plots
from deepcore.report import Section, page, write

CURVES = plots.curves({"loss": [1.0, 0.5]}, "a title")


def links(text):
    """What a page refers to, without the data of pictures."""
    return [link[:22] for link in re.findall(r'(?:src|href|url)\s*[=(]\s*"?([^"> )]+)', text)]


def test_a_page_refers_to_nothing_outside_of_it():
    text = page("t", [Section("Curves", pictures={"loss by epoch": CURVES})])
    assert links(text) == ["#curves", "data:image/png;base64,"]
    assert "<script" not in text
    assert "@import" not in text


def test_texts_are_escaped():
    rows = [["<b>", "x"], ["a & b", '"quoted"']]
    text = page("<i>", [Section("<u>", ["<p1>"], ["<w>"], {"<c>": rows}, "<pre>", {'"<alt>"': CURVES})])
    for found in ("<i>", "<u>", "<p1>", "<w>", "<c>", "<b>", '"<alt>"'):
        assert found not in text
    assert "a &amp; b" in text


def test_a_picture_says_in_words_what_it_shows():
    text = page("t", [Section("Curves", pictures={"loss by epoch": CURVES})])
    assert 'alt="loss by epoch"' in text
    assert "<figcaption>loss by epoch</figcaption>" in text


def test_columns_of_numbers_are_aligned_to_the_right_and_others_are_not():
    rows = [["name", "rmse", "mixed"], ["a", "-1.5e-3", "1"], ["b", "", "two"]]
    text = page("t", [Section("s", tables={"c": rows})])
    assert (
        '<th scope="col">name</th><th scope="col" class="number">rmse</th><th scope="col">mixed</th>' in text
    )
    assert '<td>a</td><td class="number">-1.5e-3</td><td>1</td>' in text


def test_what_is_empty_is_left_out():
    body = page("t", [Section("s", ["words"])]).split("<body>")[1]
    for tag in ("<table", "<figure", "<pre", 'class="warning"'):
        assert tag not in body


def test_a_table_may_have_a_head_only():
    assert "<th" in page("t", [Section("s", tables={"c": [["a", "b"]]})])


def test_a_page_is_written_to_a_file(tmp_path):
    write(tmp_path / "r.html", "Gr\u00f6\u00dfe", [Section("s")])
    assert "<h1>Gr\u00f6\u00dfe</h1>" in (tmp_path / "r.html").read_text(encoding="utf-8")
