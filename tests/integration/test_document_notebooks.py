"""The notebooks in docs/notebooks are the documents of today, with stored outputs that are true."""

import json
import re
import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "notebooks"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the documents are not next to the tests")
BUILD = runpy.run_path(str(FOLDER / "build.py")) if FOLDER.is_dir() else {"DOCUMENTS": {}}
NAMES = list(BUILD["DOCUMENTS"])


def kept(name):
    return json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]


def test_every_document_of_the_list_has_its_notebook():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == sorted(NAMES)
    assert len(NAMES) == 9


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_has_the_cells_of_its_document(name):
    made = BUILD["cells"](BUILD["DOCUMENTS"][name])
    assert [cell["source"] for cell in kept(name)] == [cell["source"] for cell in made]


@pytest.mark.parametrize("name", NAMES)
def test_the_links_of_a_notebook_lead_to_files(name):
    text = "".join("".join(cell["source"]) for cell in kept(name) if cell["cell_type"] == "markdown")
    links = re.findall(r"\]\((?!https?:)([\w./-]+\.\w+)", text)
    assert [link for link in links if not (FOLDER / link).exists()] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_has_been_executed_from_its_first_cell_to_its_last(name):
    code = [cell for cell in kept(name) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert any(cell["outputs"] for cell in code)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_stores_what_its_programs_print(name):
    if name == "from_scikit_learn":
        pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")
    made = BUILD["execute"](BUILD["cells"](BUILD["DOCUMENTS"][name]))
    assert [cell.get("outputs") for cell in kept(name)] == [cell.get("outputs") for cell in made]
