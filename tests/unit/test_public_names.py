"""What ``import deepcore`` loads, and what ``dir(deepcore)`` shows."""

import ast
import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import deepcore as dc

# Half of the 38 modules that `import deepcore` loaded when every name was imported at once.
MOST_MODULES = 19
EXTRAS = {"dask": "distributed", "plots": "matplotlib", "report": "jinja2", "sklearn": "sklearn"}


def test_import_deepcore_loads_few_modules():
    code = "import sys, deepcore; print(*[name for name in sys.modules if name.split('.')[0] == 'deepcore'])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(run.stdout.split()) <= MOST_MODULES, run.stdout


def test_dir_shows_the_public_names_only():
    assert dir(dc) == sorted(dc.__all__)
    for name in ("data", "doctor", "functional", "graph", "sklearn", "Model", "load"):
        assert name in dir(dc)


@pytest.mark.parametrize("name", dc.__all__)
def test_every_public_name_is_there_when_it_is_asked_for(name):
    if importlib.util.find_spec(EXTRAS.get(name, "numpy")) is None:
        pytest.skip(f"{EXTRAS[name]} is not installed")
    assert getattr(dc, name) is not None


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(dc.__file__).read_text(encoding="utf-8"))
    (block,) = [
        node for node in tree.body if isinstance(node, ast.If) and "_TYPE_CHECKING" in ast.unparse(node.test)
    ]
    seen = {alias.name for node in block.body for alias in node.names}
    assert seen | {"__version__"} == set(dc.__all__)


@pytest.mark.parametrize("name", ["callbacks", "optimizers", "layers", "history", "exceptions", "typing"])
def test_public_modules_are_found_without_an_import(name):
    assert getattr(dc, name) is importlib.import_module(f"deepcore.{name}")


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'deepcore' has no attribute 'modell'"):
        dc.modell  # noqa: B018
