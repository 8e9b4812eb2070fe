"""Mutated files end in the documented errors: no crash, no hang, no memory without bound."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).parent / "driver.py"
INPUTS = int(os.environ.get("DEEPCORE_FUZZ", "1200"))


def fuzz(target, inputs, seed):
    command = [sys.executable, str(DRIVER), target, "--inputs", str(inputs), "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60 + inputs / 100)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


needs_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits its memory as on Linux")


@needs_linux
@pytest.mark.parametrize("target", ["model", "csv", "table", "npz", "idx"])
def test_mutated_files_end_in_the_documented_errors(target):
    assert f"{target}: {INPUTS} inputs" in fuzz(target, INPUTS, seed=0)


@pytest.mark.slow
@needs_linux
@pytest.mark.parametrize("target", ["model", "csv", "table", "npz", "idx"])
def test_many_mutated_files_end_in_the_documented_errors(target):
    assert f"{target}: 30000 inputs" in fuzz(target, 30_000, seed=1)
