"""The examples in docstrings run and show what they say."""

import doctest
import importlib
import pkgutil

import pytest

import deepcore

# The command line's modules need its extra; their examples are the tests of the commands.
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(deepcore.__path__, "deepcore.")
    if not module.name.startswith(("deepcore.__main__", "deepcore.cli", "deepcore._core", "deepcore.bench"))
)


@pytest.mark.parametrize("name", ["deepcore", *MODULES])
def test_the_examples_of_a_module_run(name):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        pytest.skip(f"{error.name} is not installed")
    assert doctest.testmod(module).failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    found = [
        test
        for name in ("deepcore.model", "deepcore.optimizers")
        for test in finder.find(importlib.import_module(name))
        if test.examples
    ]
    assert len(found) >= 6
