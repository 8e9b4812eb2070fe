"""The exercise notebooks: valid, runnable with their gaps, and right once the gaps are filled."""

from __future__ import annotations

import ast
import inspect
import json
from pathlib import Path

import pytest

from deepcore import course

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
WEEKS = ["week2", "week3", "week4"]
GAP = "# YOUR CODE HERE"
pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the examples are not beside the tests")


def notebook(week) -> dict:
    return json.loads((EXAMPLES / f"exercises_{week}.ipynb").read_text(encoding="utf-8"))


def code(week) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook(week)["cells"] if cell["cell_type"] == "code"]


def gaps(week) -> dict[str, str]:
    """The cells with a gap, by the name of the function."""
    return {ast.parse(cell).body[0].name: cell for cell in code(week) if GAP in cell}


@pytest.mark.parametrize("week", WEEKS)
def test_a_notebook_has_the_form_of_a_notebook(week):
    content = notebook(week)
    assert content["nbformat"] == 4
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    identifiers = [cell["id"] for cell in content["cells"]]
    assert len(set(identifiers)) == len(identifiers)
    for cell in content["cells"]:
        wanted = {"cell_type", "id", "metadata", "source"}
        assert set(cell) == wanted | (
            {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        )


@pytest.mark.parametrize("week", WEEKS)
def test_a_notebook_ends_with_a_check_of_everything(week):
    assert code(week)[-1] == f'course.check("{week}", globals())'


@pytest.mark.parametrize("week", WEEKS)
def test_every_gap_is_a_function_of_the_week_with_its_arguments(week):
    module = getattr(course, week)
    assert len(gaps(week)) >= 9
    for name, cell in gaps(week).items():
        written = [argument.arg for argument in ast.parse(cell).body[0].args.args]
        assert written == list(inspect.signature(getattr(module, name)).parameters)[: len(written)]


@pytest.mark.parametrize("week", WEEKS)
def test_a_notebook_runs_with_its_gaps_and_the_check_finds_the_first_one(week):
    cells = code(week)
    known: dict = {}
    for cell in cells[:-1]:
        exec(cell, known)
    result = eval(cells[-1], known)
    assert not result.ok
    assert result.function == "sigmoid"


@pytest.mark.parametrize("week", WEEKS)
def test_every_check_below_a_gap_is_about_that_gap(week):
    cells = code(week)
    for number, cell in enumerate(cells):
        if GAP in cell:
            name = ast.parse(cell).body[0].name
            assert cells[number + 1] == f'course.check("{week}", {name})'


@pytest.mark.parametrize("week", WEEKS)
def test_the_check_at_the_end_is_right_when_the_gaps_are_filled(week):
    module = getattr(course, week)
    filled = {name: getattr(module, name) for name in gaps(week)}
    result = course.check(week, filled)
    assert result.ok, str(result)
