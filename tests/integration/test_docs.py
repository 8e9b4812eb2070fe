"""The documents are true: Python blocks run, links lead to files, and figures are those of a recorded run."""

import importlib
import re
import runpy
import sys
from importlib.metadata import version

import pytest

import deepcore as dc
from integration.code_blocks import ROOT, Block, blocks, prose, run_block, run_document

DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("benchmarks/*.md"),
        *ROOT.glob("examples/*.md"),
    ]
)
PROGRAMS = [path for path in DOCUMENTS if path != ROOT / "README.md" and blocks(path, "python")]
DECISIONS = sorted(ROOT.glob("docs/decisions/*.md"))


def names(paths):
    return [str(path.relative_to(ROOT)) for path in paths]


def run_text(text):
    run_block(Block("python", 1, text), {}, "text")


@pytest.mark.parametrize(
    "text",
    [
        "print(1)  # 1",
        "print(1)\nprint(2)  # 2",
        "print('a')\nprint('b')\n# a\n# b",
        "print(1)",
        "x = 1  # 0.97 of them",
        "raise ValueError",
    ],
    ids=["true", "first not shown", "shown too late", "not shown", "number not printed", "raises"],
)
def test_the_runner_of_blocks_refuses_what_is_not_true(text):
    if text == "print(1)  # 1":
        return run_text(text)
    with pytest.raises((AssertionError, ValueError)):
        return run_text(text)


def test_the_runner_of_blocks_takes_output_of_several_lines():
    run_text("for i in range(2):\n    print(i)\n# 0\n# 1\nx = 3  # a comment")


@pytest.mark.parametrize("document", PROGRAMS, ids=names(PROGRAMS))
def test_the_python_blocks_of_a_document_run(document, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some of them write files
    if "from deepcore.sklearn import" in document.read_text(encoding="utf-8"):
        pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")
    if "dc.plots." in document.read_text(encoding="utf-8"):
        pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra `cli`)")
        pytest.importorskip("jinja2", reason="jinja2 is not installed (extra `cli`)")
        monkeypatch.setenv("MPLBACKEND", "Agg")
    if ".to_onnx(" in document.read_text(encoding="utf-8"):
        pytest.importorskip("onnx", reason="onnx is not installed (extra `onnx`)")
    run_document(document)
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_every_block_names_a_language_that_is_tested_or_plain_text(document):
    languages = {block.language for block in blocks(document)}
    tested = {"python", "text", "sh", "bibtex"} if document.parent == ROOT else {"python", "text"}
    if document.name == "native.md":  # its programs are parts of those in `examples`, which other tests build
        tested |= {"cmake", "cpp", "cython"}
    assert languages <= tested


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_links_within_the_repository_lead_to_files(document):
    # With a dot or slash: "](" also stands in formulas such as g[l](Z).
    links = re.findall(r"\]\(([^)#\s]*[./][^)#\s]*)", prose(document))
    inside = [link for link in links if not link.startswith(("https://", "http://", "mailto:"))]
    assert [link for link in inside if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_a_list_with_bullets_is_not_the_end_of_a_numbered_list(document):
    # The documentation site would go on counting.
    kinds = ["text"]
    for line in re.sub(r"```.*?```", "```", document.read_text(encoding="utf-8"), flags=re.DOTALL).split(
        "\n"
    ):
        if line and not line[0].isspace():
            kinds.append(
                "number" if re.match(r"\d+\. ", line) else "bullet" if re.match(r"[-*] ", line) else "text"
            )
            assert {kinds[-2], kinds[-1]} != {"number", "bullet"}, line


def test_the_index_names_every_document():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in ROOT.glob("docs/*.md") if f"({path.name})" not in index] == ["README.md"]


def test_the_levels_of_the_architecture_are_folders():
    picture = blocks(ROOT / "docs" / "architecture.md", "text")[0].text
    assert [line for line in picture.splitlines() if not (ROOT / line.split()[0]).is_dir()] == []


def test_the_tables_of_the_performance_page_are_those_of_the_recorded_run(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    figures = importlib.import_module("figures")
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    shown = text.split(figures.BEGIN)[1].split(figures.END)[0]
    assert shown.strip() == figures.performance_text(figures.read_reports())


def test_every_file_that_the_architecture_names_exists():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = set(re.findall(r"`([\w/]+\.(?:py|hpp|cpp)|\w+/)`", text))
    places = [ROOT, ROOT / "python/deepcore", ROOT / "python/deepcore/_network", ROOT / "cpp/src"]
    places += [
        ROOT / "python/deepcore/_cluster",
        ROOT / "python/deepcore/_streaming",
        ROOT / "python/deepcore/_training",
        ROOT / "python/deepcore/dask",
        ROOT / "python/deepcore/files",
        ROOT / "python/deepcore/tabular",
        ROOT / "cpp/include/deepcore",
    ]
    assert [name for name in sorted(names) if not any((at / name).exists() for at in places)] == []


@pytest.mark.slow
def test_the_program_that_draws_the_flower_writes_a_picture(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra `cli`)")
    program = runpy.run_path(str(ROOT / "docs" / "images" / "flower.py"))
    program["draw"](tmp_path / "flower.png")
    assert (tmp_path / "flower.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_the_program_that_draws_the_figures_of_the_course_writes_them(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra `cli`)")
    runpy.run_path(str(ROOT / "docs" / "images" / "course.py"))["draw"](tmp_path)
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {path.name for path in (ROOT / "docs" / "images").glob("course_*.png")}


def test_the_constants_that_documents_name_are_in_the_code():
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    source = "\n".join(path.read_text() for path in sorted((ROOT / "cpp" / "src").rglob("*.[ch]pp")))
    named = set(re.findall(r"`(k[A-Z]\w*)`", text))
    assert {"kBlock", "kDepth", "kSlabRuns"} <= named
    assert [name for name in sorted(named) if f" {name} = " not in source] == []


def test_decisions_are_numbered_without_gaps():
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("decision", DECISIONS, ids=names(DECISIONS))
def test_a_decision_has_context_decision_and_consequences(decision):
    lines = decision.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith(f"# {decision.name[:4]} ")
    assert [line for line in lines if line.startswith("## ")] == [
        "## Context",
        "## Decision",
        "## Consequences",
    ]


def test_the_changelog_knows_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert text.split("\n## ")[1].startswith(("[Unreleased]", f"[{version('deepcore-nn')}]"))
    assert version("deepcore-nn") in text


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ("activations", "activations"),
        ("losses", "losses"),
        ("initializers", "initialisers"),
        ("optimizers", "optimizers"),
        ("schedules", "schedules"),
    ],
)
def test_the_changelog_counts_the_rows_of_the_tables(table, word):
    # Only until the first release: what came later is written below later headings.
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if "## [0.1.0]" in text:
        pytest.skip("the first version is released; its counts are history")
    assert f"{len(getattr(dc.catalog, table))} {word}" in text
