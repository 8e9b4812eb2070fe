"""Mutated files end in the documented errors: no crash, no hang, no memory without bound."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deepcore.tabular import read_table
from fuzz.driver import NEEDS, TARGETS, UNSAFE

DRIVER = Path(__file__).parent / "driver.py"
FOUND = Path(__file__).parent / "found"
INPUTS = int(os.environ.get("DEEPCORE_FUZZ", "100"))


def fuzz(target, inputs, seed):
    command = [sys.executable, str(DRIVER), target, "--inputs", str(inputs), "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60 + inputs / 100)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


needs_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits its memory as on Linux")


def targets():
    """The readers, skipped where their libraries are missing."""
    for target in sorted(TARGETS.keys() - UNSAFE):
        missing = [name for name in NEEDS.get(target, ()) if importlib.util.find_spec(name) is None]
        yield pytest.param(target, marks=pytest.mark.skipif(bool(missing), reason=f"needs {missing}"))


@needs_linux
@pytest.mark.parametrize("target", list(targets()))
def test_mutated_files_end_in_the_documented_errors(target):
    assert f"{target}: {INPUTS} inputs" in fuzz(target, INPUTS, seed=0)


@pytest.mark.slow
@needs_linux
@pytest.mark.parametrize("target", list(targets()))
def test_many_mutated_files_end_in_the_documented_errors(target):
    assert f"{target}: 8000 inputs" in fuzz(target, 8000, seed=1)


@pytest.mark.parametrize("path", sorted(FOUND.iterdir()), ids=lambda path: path.name)
def test_a_file_for_which_polars_panics_is_refused_like_every_damaged_file(path):
    pytest.importorskip("polars")
    with pytest.raises(ValueError, match=r"read_table: .* is not a valid"):
        read_table(path)
