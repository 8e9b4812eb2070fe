"""Everything in the README is true: its program, its commands, its numbers."""

import re
import shlex
from importlib.metadata import version

import numpy as np
import pytest

import deepcore
from integration.code_blocks import NUMBER, ROOT, blocks, prose, run_document
from integration.command_line import read_rows, run, write_table

README = ROOT / "README.md"
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.fixture
def houses(tmp_path, monkeypatch):
    """The folder with houses.csv and new.csv that the README speaks of, as the current one."""
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
    """Skips a test where the libraries of the command line are missing."""
    for name in ("click", "rich", "matplotlib"):
        pytest.importorskip(name, reason=f"{name} is not installed (extra `cli`)")


def commands():
    """The lines of the shell blocks, as words."""
    lines = [line for block in blocks(README, "sh") for line in block.text.splitlines()]
    return [[shlex.split(part) for part in line.split(" && ")] for line in lines]


def project(key):
    """A string of pyproject.toml, whose reader is only in the standard library from Python 3.11 on."""
    return re.search(rf'^{key} = "([^"]+)"', PYPROJECT, re.MULTILINE)[1]


def test_the_python_blocks_run_and_print_what_they_show(houses):
    run_document(README)


def test_the_first_block_trains_and_is_about_ten_lines_long():
    first = blocks(README)[0]
    assert first.language == "python"
    assert ".fit(" in first.text
    assert len(first.text.splitlines()) <= 10


def test_the_prose_holds_no_number_that_nothing_checks():
    oldest = project("requires-python").removeprefix(">=")
    checked = {oldest, "4.0"}  # 4.0: the version of a licence
    assert set(NUMBER.findall(prose(README))) <= checked
    assert f"Python {oldest} or newer" in prose(README)


def test_the_compiler_that_is_needed_is_the_one_that_the_build_asks_for():
    flags = (ROOT / "cpp" / "cmake" / "flags.cmake").read_text(encoding="utf-8")
    standard = re.search(r"cxx_std_(\d+)", flags)[1]
    assert f"C++{standard} compiler" in prose(README)


def test_the_first_two_commands_install_and_run_the_job_and_the_tests():
    job, tests = commands()[:2]
    for command in (job, tests):
        assert command[0] == ["python", "-m", "venv", ".venv"]
        assert command[1][:2] == [".venv/bin/pip", "install"]
    assert job[1][2:] == [".[cli]"]
    assert job[2] == [".venv/bin/deepcore", "train"]
    assert tests[1][2:] == [".[test]"]
    assert tests[2] == [".venv/bin/python", "-m", "pytest"]


def test_the_extras_and_the_program_of_the_commands_exist():
    words = [word for command in commands() for part in command for word in part]
    extras = {name for word in words for name in re.findall(r"\.\[(\w+)\]", word)}
    assert extras == {"cli", "test"}
    for name in extras:
        assert re.search(rf"^{name} = \[", PYPROJECT, re.MULTILINE)
    assert re.search(r'^deepcore = "deepcore\.cli:main"', PYPROJECT, re.MULTILINE)


def test_the_main_job_ends_with_what_the_readme_shows(cli, request):
    results = blocks(README, "text")[0].text
    assert results.startswith("results\n")
    assert results in request.getfixturevalue("digits")[0]


def test_the_commands_on_a_table_run(cli, houses):
    table = [command[0] for command in commands()[2:]]
    assert [words[1] for words in table] == ["train", "predict", "evaluate", "info"]
    for program, *words in table:
        assert program == "deepcore"
        run(*words)
    predicted = read_rows((houses / "prices.csv").read_text(encoding="utf-8"))
    assert [list(row) for row in predicted] == [["prediction"]] * 5


def test_the_folders_of_the_picture_exist():
    picture = blocks(README, "text")[1].text.splitlines()
    above = ""
    for line in picture:
        name = line.split()[0]
        above = above if line.startswith(" ") else name
        path = ROOT / above / name if line.startswith(" ") else ROOT / name
        assert path.is_dir(), name


def test_the_two_names_are_those_of_the_project():
    assert f"`{project('name')}` and imported as `deepcore`" in README.read_text(encoding="utf-8")
    assert version(project("name")) == deepcore.__version__ == project("version")


def test_the_citation_names_this_version_and_the_year_of_the_licence():
    citation = blocks(README, "bibtex")[0].text
    year = re.search(r"Copyright \(c\) (\d+)", (ROOT / "LICENSE").read_text(encoding="utf-8"))[1]
    assert f"version = {{{project('version')}}}" in citation
    assert f"year = {{{year}}}" in citation
