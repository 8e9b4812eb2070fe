"""Everything in the README is true: its programs, its commands, its links and its figures."""

import importlib.util
import re
import shlex
from importlib.metadata import version

import numpy as np
import pytest

import deepcore
from integration.code_blocks import NUMBER, ROOT, blocks, prose, run_block
from integration.command_line import read_rows, run, write_table

README = ROOT / "README.md"
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
MAIN_JOB = 'python -m venv .venv && .venv/bin/pip install ".[cli]" && .venv/bin/deepcore train'
TEST_JOB = 'python -m venv .venv && .venv/bin/pip install ".[test]" && .venv/bin/python -m pytest'


@pytest.fixture
def houses(tmp_path, monkeypatch):
    """Change to a folder with houses.csv and new.csv, the files that the README names."""
    random = np.random.default_rng(4)
    rows = [[f"h{i}", *random.uniform(30, 200, 2).round(1)] for i in range(100)]
    write_table(
        tmp_path / "houses.csv", ["id", "area", "garden", "price"], [[*r, 3 * r[1] + r[2]] for r in rows]
    )
    write_table(tmp_path / "new.csv", ["id", "area", "garden"], rows[:5])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cli():
    """Skip a test where the libraries of the command line are missing."""
    for name in ("click", "rich", "matplotlib"):
        pytest.importorskip(name, reason=f"{name} is not installed (extra `cli`)")


@pytest.fixture
def figures(monkeypatch):
    """Import benchmarks/figures.py, which writes the figures of the documents."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("figures")


def command_lines():
    """Return the lines of the shell blocks."""
    return [line for block in blocks(README, "sh") for line in block.text.splitlines()]


def project(key):
    """Return a string of pyproject.toml. The standard library reads such files only from Python 3.11 on."""
    return re.search(rf'^{key} = "([^"]+)"', PYPROJECT, re.MULTILINE)[1]


def test_the_python_blocks_run_and_print_what_they_show(houses):
    namespace = {"__name__": "__main__"}
    for block in blocks(README, "python"):
        if "deepcore.sklearn" in block.text and importlib.util.find_spec("sklearn") is None:
            continue  # scikit-learn is an optional dependency
        run_block(block, namespace, "README.md")


def test_the_first_python_block_trains_and_has_at_most_ten_lines():
    first = blocks(README, "python")[0]
    assert ".fit(" in first.text
    assert len(first.text.splitlines()) <= 10


def test_every_figure_of_the_readme_is_in_the_recorded_results(figures):
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(figures.BEGIN)
    shown, after = rest.split(figures.END)
    assert shown.strip() == figures.readme_text(figures.read_reports()[0])
    # Outside of the marks stand only the version of Python and that of a licence.
    outside = re.sub(r"^```.*?^```$|`[^`\n]*`", "", before + after, flags=re.MULTILINE | re.DOTALL)
    numbers = set(NUMBER.findall(outside))
    oldest = project("requires-python").removeprefix(">=")
    assert numbers <= {oldest, "4.0"}
    assert f"Python {oldest} or newer" in prose(README)


def test_the_chart_shows_the_recorded_results(figures):
    assert (ROOT / figures.CHART).read_text(encoding="utf-8") == figures.chart(figures.read_reports()[0])
    assert f"]({figures.CHART})" in README.read_text(encoding="utf-8")


def test_a_text_without_the_two_marks_is_refused(figures):
    with pytest.raises(ValueError, match="each of these marks once"):
        figures.replace_between_marks(f"{figures.BEGIN} and nothing more", "new")


def test_the_compiler_that_is_needed_is_the_one_that_the_build_asks_for():
    flags = (ROOT / "cpp" / "cmake" / "flags.cmake").read_text(encoding="utf-8")
    standard = re.search(r"cxx_std_(\d+)", flags)[1]
    assert f"C++{standard} compiler" in prose(README)


def test_the_two_set_up_commands_are_shown_as_blocks_of_their_own():
    shown = [block.text for block in blocks(README, "sh")]
    assert [text for text in shown if ".venv" in text] == [MAIN_JOB, TEST_JOB]


def test_the_package_is_installed_by_the_name_of_the_project():
    assert f"pip install {project('name')}" in command_lines()


def test_the_extras_and_the_program_of_the_commands_exist():
    text = README.read_text(encoding="utf-8")
    named = {extra for found in re.findall(r"\[([\w,]+)\]\"", text) for extra in found.split(",")}
    assert named == {"cli", "sklearn", "test"}
    named |= set(re.findall(r"`(\w+)` (?:is )?the ", text))
    for name in named:
        assert re.search(rf"^{name} = \[", PYPROJECT, re.MULTILINE), name
    assert re.search(r'^deepcore = "deepcore\.cli:main"', PYPROJECT, re.MULTILINE)


def test_the_main_job_ends_with_what_the_readme_shows(cli, request):
    """The CPU levels round differently: after many steps this shows in the third digit."""
    shown = blocks(README, "text")[0].text.splitlines()
    printed = request.getfixturevalue("digits")[0].splitlines()
    start = printed.index("results")
    assert shown[0] == "results"
    for expected, line in zip(shown, printed[start:], strict=False):
        assert re.split(NUMBER, line) == re.split(NUMBER, expected)
        numbers = [[float(x) for x in re.findall(NUMBER, text)] for text in (line, expected)]
        assert numbers[0] == pytest.approx(numbers[1], abs=0.003)


def test_the_commands_on_a_table_run(cli, houses):
    commands = [shlex.split(line) for line in command_lines() if line.startswith("deepcore ")]
    assert [words[1] for words in commands] == ["train", "predict", "evaluate", "info"]
    for _, *words in commands:
        run(*words)
    predicted = read_rows((houses / "prices.csv").read_text(encoding="utf-8"))
    assert [list(row) for row in predicted] == [["id", "prediction"]] * 5


def test_the_readme_links_to_every_document():
    text = README.read_text(encoding="utf-8")
    links = set(re.findall(r"\]\(([^)\s]+)\)", text))
    documents = {f"docs/{path.name}" for path in ROOT.glob("docs/*.md")}
    assert documents | {"CHANGELOG.md", "LICENSE", "benchmarks/README.md", "examples/README.md"} <= links


def test_the_two_names_are_those_of_the_project():
    assert f"`{project('name')}` and imported as `deepcore`" in README.read_text(encoding="utf-8")
    assert version(project("name")) == deepcore.__version__ == project("version")


def test_the_citation_names_this_version_and_the_year_of_the_licence():
    citation = blocks(README, "bibtex")[0].text
    year = re.search(r"Copyright \(c\) (\d+)", (ROOT / "LICENSE").read_text(encoding="utf-8"))[1]
    assert f"version = {{{project('version')}}}" in citation
    assert f"year = {{{year}}}" in citation
